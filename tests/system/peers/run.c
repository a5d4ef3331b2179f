/* SPDX-License-Identifier: MIT */
/*
 * /init of the machine on which QEMU and viq-vmm are compared: the same guest, device and work under either, in turns.
 *
 *   viq.run=timed          each VMM with and without range invalidation, one boot each, again and again
 *   viq.run=counted        each twice, on a clock of instructions: once alone, once with its system calls counted by
 *                          ptrace, which slows it down
 *   viq.run=iort-of-guest  QEMU's guest writes its firmware's IORT to the console, in hex
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "guest/host.h"
#include "guest/vmm.h"
#include "kernel/edu.h"
#include "kernel/machine.h"
#include "trace.h"

#define TURNS         3
#define MAX_ARGUMENTS 40

/* Words, divided by bars. Both kinds of guest get the same kernel, initrd and command line but for the tables' form. */
#define APPEND "--append|console=ttyAMA0 loglevel=5 panic=-1 oops=panic "
#define GUEST                                                                                                          \
	"--kernel|/Image|--initrd|/guest.cpio|" APPEND                                                                 \
	"printk.devkmsg=on iommufd.allow_unsafe_interrupts=1 viq.work=peers"
#define QEMU                                                                                                           \
	"/qemu/ld.so|--library-path|/qemu/lib|/qemu/qemu|-L|/qemu|-machine|virt,accel=kvm,gic-version=3|-cpu|host|"    \
	"-m|256|-nodefaults|-display|none|-serial|stdio|-monitor|none|-no-reboot|-bios|/qemu/efi.fd|"                  \
	"-object|iommufd,id=iommufd0|-device|arm-smmuv3,primary-bus=pcie.0,id=smmu,accel=on"
#define VIQ "/viq-vmm|--msi-window|none"

static const struct peer {
	const char *name, *words, *more; /* more: behind the guest's command line */
	bool emulator;                   /* needs to be told the device */
} peers[] = {
	{"QEMU", QEMU "|" GUEST, " acpi=force", true},
	{"viq", VIQ "|" GUEST, "", false},
	{"viq, --reads page", VIQ "|--reads|page|" GUEST, "", false},
	{"QEMU, no ranges", QEMU ",ril=off|" GUEST, " acpi=force", true},
	{"viq, no ranges", VIQ "|--no-range|" GUEST, "", false},
	{"viq, --reads page, no ranges", VIQ "|--reads|page|--no-range|" GUEST, "", false},
};
#define PEERS (sizeof(peers) / sizeof(peers[0]))

static const struct peer asked = {
	"QEMU, for its IORT", QEMU "|--kernel|/Image|--initrd|/iort.cpio|" APPEND "acpi=force viq.run=iort", "", true};

/* What a guest is run for. */
static const char timed[] = "time", alone[] = "instructions", traced[] = "calls";

struct life {
	const struct peer *peer;
	const char *kind;
	struct vmm vmm;
	struct trace trace;
	char failure[600];
	bool end;
};

/* --- The VMM ------------------------------------------------------------------------------------------------------ */

static void start(struct life *life)
{
	static struct edu edu;
	char words[2048], device[128], *argv[MAX_ARGUMENTS];
	size_t at = 0;

	edu_find(&edu);
	snprintf(device, sizeof(device), "vfio-pci,host=%s,iommufd=iommufd0", edu.name);
	snprintf(words, sizeof(words), "%s%s", life->peer->words, life->peer->more);
	for (char *word = strtok(words, "|"); word; word = strtok(NULL, "|"))
		argv[at++] = word;
	if (life->peer->emulator) {
		argv[at++] = (char *)"-device";
		argv[at++] = device;
	}
	argv[at] = NULL;
	vmm_start(&life->vmm, argv);
	if (life->kind == traced)
		trace_start(&life->trace, life->vmm.pid);
}

/* --- The guest ---------------------------------------------------------------------------------------------------- */

static void answer(struct life *life)
{
	char text[128];
	struct trace_counts counts = {0};

	if (life->kind == traced)
		counts = *life->trace.counts;
	/* As long whatever it says, so that each question takes as many exits. */
	snprintf(text, sizeof(text), "yes runs=%010" PRIu64 " calls=%010" PRIu64 " invalidates=%010" PRIu64,
		 counts.runs, counts.calls, counts.invalidates);
	vmm_type(&life->vmm, text);
}

static void on_console(struct life *life, const char *line)
{
	if (!strncmp(line, "W| figure ", 10))
		printf("PEER|%s|%s|%s\n", life->peer->name, life->kind, line + 10);
	else if (!strcmp(line, "W| ask stats"))
		answer(life);
	else if (!strncmp(line, "W| fail", 7) && !life->failure[0])
		snprintf(life->failure, sizeof(life->failure), "in the guest: %.500s", line);
	if (strncmp(line, "W| end", 6))
		return;
	life->end = true;
	vmm_type(&life->vmm, "good bye");
}

static void follow(struct life *life)
{
	char line[VMM_LINE];
	enum vmm_source source;

	while ((source = vmm_next(&life->vmm, line)) != VMM_ENDED && source != VMM_SILENT) {
		if (source == VMM_CONSOLE)
			on_console(life, line);
		else
			tap_note("%s says: %s", life->peer->name, line);
	}
}

static void live(const struct peer *peer, const char *kind)
{
	struct life life = {.peer = peer, .kind = kind};
	int status;

	host_bind();
	start(&life);
	follow(&life);
	status = vmm_stop(&life.vmm);
	if (kind == traced)
		trace_end(&life.trace);
	if (life.failure[0])
		fail("%s: %s", peer->name, life.failure);
	if (!life.end || status)
		fail("%s ended with status %d%s", peer->name, status,
		     life.end ? "" : " before its guest's work was done");
}

static void take_times(void)
{
	for (size_t i = 0; i < TURNS * PEERS; i++)
		live(&peers[i % PEERS], timed);
}

static void take_counts(void)
{
	for (size_t i = 0; i < PEERS; i++) {
		live(&peers[i], alone);
		live(&peers[i], traced);
	}
}

static void ask_table(void)
{
	struct life life = {.peer = &asked};

	host_bind();
	start(&life);
	follow(&life);
	vmm_stop(&life.vmm);
}

static const struct tap_test times[] = {{"timed", take_times}};
static const struct tap_test counts[] = {{"counted", take_counts}};
static const struct tap_test table[] = {{"iort-of-guest", ask_table}};
static const struct machine_job jobs[] = {
	{"timed", MACHINE_TESTS(times)},
	{"counted", MACHINE_TESTS(counts)},
	{"iort-of-guest", MACHINE_TESTS(table)},
};

int main(void)
{
	return machine_run(jobs, sizeof(jobs) / sizeof(jobs[0]));
}
