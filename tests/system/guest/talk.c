/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/machine.h"
#include "kernel/tap.h"
#include "host.h"
#include "talk.h"
#include "vmm.h"

#define MAX_ARGUMENTS 40
#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))

struct talk {
	const struct talk_plan *plan;
	talk_figure *figure;
	struct vmm vmm;
	char done[256];                   /* jobs that went well, like plan->work */
	char failure[600];                /* the first thing that was not as it should be; "" if none */
	unsigned int injected;            /* illegal commands that the VMM has put into the guest's queue */
	unsigned int reported;            /* that the guest's driver has complained of */
	unsigned int frozen, frozen_busy; /* times; and with commands that waited */
	unsigned long injected_at;        /* where the last one was */
	unsigned long reads, doorbells;   /* that exited */
	bool found, lost;                 /* what must be wrong: the guest's word, and the VMM's */
	bool off, end;                    /* how it ended */
	char device[HOST_PATH];
};

static void __attribute__((format(printf, 2, 3))) complain(struct talk *t, const char *format, ...)
{
	va_list args;

	if (t->failure[0])
		return;
	va_start(args, format);
	vsnprintf(t->failure, sizeof(t->failure), format, args);
	va_end(args);
}

/* What is behind prefix in text; NULL if it does not begin so. */
static const char *after(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) ? NULL : text + length;
}

/* --- What the VMM says -------------------------------------------------------------------------------------------- */

static void on_words(struct talk *t, const char *line)
{
	static const char *const harmless[] = {"viq: status: "};
	const char *rest = after(line, "viq: inject: illegal command at index ");

	if (rest) {
		t->injected++;
		t->injected_at = strtoul(rest, NULL, 16);
		return;
	}
	if (t->plan->loses && after(line, "viq: drop: ")) {
		t->lost = true;
		return;
	}
	rest = after(line, "viq: the guest has ended: switched off; ");
	if (rest) {
		t->off = sscanf(rest, "%lu reads and %lu doorbells", &t->reads, &t->doorbells) == 2;
		tap_note("exits: %s", rest);
		return;
	}
	for (size_t i = 0; i < COUNT(harmless); i++) {
		if (after(line, harmless[i]))
			return;
	}
	complain(t, "the VMM says: %s", line);
}

/* --- What the guest asks for -------------------------------------------------------------------------------------- */

/* Presses a key; the VMM's answer, which begins so, must contain good. What follows the beginning, or "". */
static const char *press(struct talk *t, char key, const char *begin, const char *good, char line[VMM_LINE])
{
	const char *detail = NULL;
	char answer[VMM_LINE + 8];

	vmm_key(&t->vmm, key);
	while (!detail) {
		if (!vmm_words(&t->vmm, line)) {
			complain(t, "the VMM gave no answer to Ctrl-A %c", key);
			vmm_type(&t->vmm, "no answer from the VMM");
			return "";
		}
		detail = after(line, begin);
		if (!detail)
			on_words(t, line);
	}
	snprintf(answer, sizeof(answer), "%s %s", strstr(detail, good) ? "yes" : "no", detail);
	vmm_type(&t->vmm, answer);
	return detail;
}

static void ask_inject(struct talk *t, const char *argument)
{
	char line[VMM_LINE];

	press(t, 'i', "viq: inject: armed", "", line);
}

static void ask_injected_at(struct talk *t, const char *argument)
{
	char answer[64];

	if (!t->injected)
		snprintf(answer, sizeof(answer), "no command was injected");
	else if (strtoul(argument, NULL, 16) == t->injected_at)
		snprintf(answer, sizeof(answer), "yes");
	else
		snprintf(answer, sizeof(answer), "no it was at 0x%lx", t->injected_at);
	vmm_type(&t->vmm, answer);
}

static void ask_freeze(struct talk *t, const char *argument)
{
	char line[VMM_LINE];
	const char *waiting = strstr(press(t, 'f', "viq: freeze: ", "saved and restored", line), "restored, ");

	t->frozen++;
	t->frozen_busy += waiting && strtoul(waiting + strlen("restored, "), NULL, 10) > 0;
}

static void ask_count(struct talk *t, const char *argument)
{
	char line[VMM_LINE];

	press(t, 'c', "viq: count: ", "agree", line);
}

static void ask_stats(struct talk *t, const char *argument)
{
	char line[VMM_LINE];

	press(t, 's', "viq: counters: ", "", line);
}

static const struct ask {
	const char *what;
	void (*answer)(struct talk *talk, const char *argument);
} asks[] = {
	{"inject", ask_inject}, {"injected-at", ask_injected_at}, {"freeze", ask_freeze}, {"count", ask_count},
	{"stats", ask_stats},
};

static void on_ask(struct talk *t, const char *text)
{
	size_t length = strcspn(text, " ");

	for (size_t i = 0; i < COUNT(asks); i++) {
		if (strlen(asks[i].what) == length && !strncmp(text, asks[i].what, length)) {
			asks[i].answer(t, text[length] ? text + length + 1 : "");
			return;
		}
	}
	complain(t, "the guest asks for \"%s\"", text);
	vmm_type(&t->vmm, "no such thing");
}

/* --- What the guest says ------------------------------------------------------------------------------------------ */

static void on_ok(struct talk *t, const char *text)
{
	size_t at = strlen(t->done);

	snprintf(t->done + at, sizeof(t->done) - at, "%s%.*s", at ? "," : "", (int)strcspn(text, ":"), text);
	tap_note("%s", text);
}

static void on_fail(struct talk *t, const char *text)
{
	if (t->plan->finds && strstr(text, t->plan->finds)) {
		t->found = true;
		tap_note("as it must be: %s", text);
	} else {
		complain(t, "in the guest: %s", text);
	}
}

static void on_note(struct talk *t, const char *text)
{
	tap_note("%s", text);
}

static void on_figure(struct talk *t, const char *text)
{
	if (t->figure)
		t->figure(text);
	else
		tap_note("%s", text);
}

static void on_end(struct talk *t, const char *text)
{
	t->end = true;
	vmm_type(&t->vmm, "good bye");
}

static const struct word {
	const char *begin;
	void (*take)(struct talk *talk, const char *rest);
} words[] = {
	{"W| ok ", on_ok},         {"W| fail ", on_fail}, {"W| note ", on_note},
	{"W| figure ", on_figure}, {"W| ask ", on_ask},   {"W| end", on_end},
};

/* What a guest's kernel in good health does not say. "CMDQ error" is counted apart. */
static const char *const troubles[] = {
	"WARNING: ",   "BUG: ",     "Oops",         "Internal error",   "Unable to handle", "Kernel panic",
	"Call trace:", "rcu: INFO", "refcount_t: ", "CMD_SYNC timeout", "timed out",        "failed to",
};

static void on_kernel(struct talk *t, const char *line)
{
	for (size_t i = 0; i < COUNT(troubles); i++) {
		if (strstr(line, troubles[i]))
			complain(t, "the guest's kernel: %s", line);
	}
	t->reported += strstr(line, "CMDQ error") != NULL;
}

static void on_console(struct talk *t, const char *line)
{
	for (size_t i = 0; i < COUNT(words); i++) {
		const char *rest = after(line, words[i].begin);

		if (rest) {
			words[i].take(t, rest);
			return;
		}
	}
	on_kernel(t, line);
}

/* --- One life ----------------------------------------------------------------------------------------------------- */

static void start(struct talk *t)
{
	char append[512], seed[32], options[256], *argv[MAX_ARGUMENTS];
	size_t at = 0;

	if (!machine_option("viq.seed", seed, sizeof(seed)))
		strcpy(seed, "1");
	snprintf(append, sizeof(append),
		 "console=ttyAMA0 loglevel=5 panic=-1 oops=panic printk.devkmsg=on "
		 "viq.work=%s viq.seed=%s %s",
		 t->plan->work, seed, t->plan->settings ? t->plan->settings : "");
	snprintf(options, sizeof(options), "%s", t->plan->options);
	argv[at++] = (char *)VMM_PROGRAM;
	argv[at++] = (char *)"--kernel";
	argv[at++] = (char *)"/Image";
	argv[at++] = (char *)"--initrd";
	argv[at++] = (char *)"/guest.cpio";
	argv[at++] = (char *)"--append";
	argv[at++] = append;
	argv[at++] = (char *)"--device";
	argv[at++] = t->device;
	/* A device whose MSIs the guest's kernel maps itself would not be given to a program. */
	if (!t->plan->disk) {
		argv[at++] = (char *)"--msi-window";
		argv[at++] = (char *)"none";
	}
	for (char *word = strtok(options, " "); word && at < MAX_ARGUMENTS - 1; word = strtok(NULL, " "))
		argv[at++] = word;
	argv[at] = NULL;
	vmm_start(&t->vmm, argv);
}

/* Until the VMM has ended. */
static void follow(struct talk *t)
{
	char line[VMM_LINE];

	for (;;) {
		switch (vmm_next(&t->vmm, line)) {
		case VMM_CONSOLE:
			on_console(t, line);
			break;
		case VMM_WORDS:
			on_words(t, line);
			break;
		case VMM_SILENT:
			complain(t, "neither the guest nor the VMM says anything any more%s%s",
				 t->done[0] ? "; done: " : "", t->done);
			return;
		case VMM_ENDED:
			return;
		}
	}
}

/* With everything said. */
static void judge(struct talk *t, int status)
{
	if (!t->end)
		complain(t, "the guest's program did not come to its end; done: %s", t->done);
	if (!t->off)
		complain(t, "the guest did not switch itself off");
	if (status)
		complain(t, "the VMM ended with status %d", status);
	/* Some read while the SMMU is saved and restored. */
	if (t->plan->no_reads && t->reads > 100 * (t->frozen + 1))
		complain(t, "%lu reads of registers exited", t->reads);
	if (t->plan->loses && !t->lost)
		complain(t, "the VMM did not lose an invalidation");
	if (t->plan->finds && !t->found)
		complain(t, "the guest did not find \"%s\"", t->plan->finds);
	if (!t->plan->finds && strcmp(t->done, t->plan->work))
		complain(t, "the guest has done %s, not %s", t->done, t->plan->work);
	if (t->frozen)
		tap_note("saved and restored %u times, %u of them with commands waiting", t->frozen, t->frozen_busy);
	if (t->plan->busy && !t->frozen_busy)
		complain(t, "no command ever waited when the SMMU was saved");
	if (t->injected != t->reported)
		complain(t, "%u illegal commands injected, the guest's driver complains of %u", t->injected,
			 t->reported);
}

void talk(const struct talk_plan *plan, talk_figure *figure)
{
	struct talk t = {.plan = plan, .figure = figure};
	struct host_use use;
	struct host_log log;
	char said[256];

	if (plan->disk) {
		host_bind_disk(t.device);
	} else {
		host_bind();
		strcpy(t.device, HOST_DEVICE);
	}
	host_log_begin(&log);
	start(&t);
	follow(&t);
	judge(&t, vmm_stop(&t.vmm));
	if (host_log_end(&log, said, sizeof(said)))
		complain(&t, "this machine's kernel: %s", said);
	if (t.failure[0])
		fail("%s", t.failure);
	/* Nothing of the VMM is left that would keep the next one from the device. */
	host_use(&use, t.device);
	host_leave(&use);
}
