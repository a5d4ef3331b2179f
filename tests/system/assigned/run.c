/* SPDX-License-Identifier: MIT */
/*
 * /init of the machine on which QEMU runs with viq as its guest's SMMUv3 and an assigned device behind that, beside an
 * emulated one:
 *
 *   viq.run=tests    what the guest's program finds, and what QEMU says
 *   viq.run=refuse   the same on a machine whose SMMU does not nest: QEMU must say what is missing
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest/host.h"
#include "guest/vmm.h"
#include "kernel/edu.h"
#include "kernel/machine.h"
#include "monitor.h"

#define MAX_ARGUMENTS 48

/* Words, divided by bars. */
#define QEMU                                                                                                           \
	"/qemu|-machine|virt,accel=kvm,gic-version=3,iommu=viq-smmuv3|-cpu|host|-m|256|-nodefaults|-display|none|"     \
	"-serial|stdio|-monitor|none|" MONITOR_OPTIONS
#define GUEST                                                                                                          \
	"|-object|iommufd,id=iommufd0|-kernel|/Image|-initrd|/guest.cpio|-append|"                                     \
	"console=ttyAMA0 loglevel=5 panic=-1 oops=panic printk.devkmsg=on iommufd.allow_unsafe_interrupts=1 "
#define EMULATED "0000:00:05.0"
#define BOTH                                                                                                           \
	"|-device|edu,addr=5,dma_mask=0xffffffffffff|-device|vfio-pci,addr=4,iommufd=iommufd0" GUEST                   \
	"viq.edu=0000:00:04.0 viq.edu2=" EMULATED " "

struct life {
	struct vmm vmm;
	struct edu edu;
	char said[VMM_LINE]; /* QEMU's last words */
	char done[256], failure[600];
	bool end;
};

static void start(struct life *life, const char *text)
{
	char words[2048], device[160], *argv[MAX_ARGUMENTS];
	size_t at = 0;

	*life = (struct life){.end = false};
	monitor_make();
	host_bind();
	edu_find(&life->edu);
	snprintf(words, sizeof(words), "%s", text);
	for (char *word = strtok(words, "|"); word; word = strtok(NULL, "|")) {
		argv[at++] = word;
		/* The device's name is this machine's to know. */
		if (!strncmp(word, "vfio-pci,", 9)) {
			snprintf(device, sizeof(device), "%s,host=%s", word, life->edu.name);
			argv[at - 1] = device;
		}
	}
	argv[at] = NULL;
	vmm_start(&life->vmm, argv);
}

static void on_ask(struct life *life, const char *what)
{
	char command[200], answer[8192];
	bool well = false;

	if (!strcmp(what, "plug")) {
		snprintf(command, sizeof(command), "device_add vfio-pci,host=%s,iommufd=iommufd0,bus=rp",
			 life->edu.name);
		/* QEMU closes a device some time after it is gone for the guest. */
		for (int tries = 0; tries < 50; tries++) {
			monitor_ask(command, answer, sizeof(answer));
			well = !strstr(answer, "Error");
			if (well)
				break;
			usleep(100000);
		}
	} else if (!strcmp(what, "lose")) {
		/* The next entry, and whatever equals it. */
		monitor_ask("info viq", answer, sizeof(answer));
		snprintf(command, sizeof(command), "qom-set %.*s inject 0:drop:0", (int)strcspn(answer + 12, " "),
			 answer + 12);
		monitor_ask(command, answer, sizeof(answer));
		well = !strstr(answer, "Error");
	} else {
		/* Nothing is left of what was nested. */
		monitor_ask("info viq", answer, sizeof(answer));
		well = !strstr(answer, "linux_");
	}
	if (!well)
		tap_note("%s: QEMU says %s", what, answer);
	vmm_type(&life->vmm, well ? "yes" : "no");
}

static void on_console(struct life *life, const char *line)
{
	size_t length = strlen(life->done);

	if (!strncmp(line, "W| ok ", 6)) {
		snprintf(life->done + length, sizeof(life->done) - length, "%s%.*s", length ? "," : "",
			 (int)strcspn(line + 6, ":"), line + 6);
		tap_note("%s", line + 6);
	} else if (!strncmp(line, "W| fail", 7) && !life->failure[0]) {
		snprintf(life->failure, sizeof(life->failure), "in the guest: %.500s", line);
	}
	if (!strncmp(line, "W| ask ", 7))
		on_ask(life, line + 7);
	life->end |= !strncmp(line, "W| end", 6);
}

/* QEMU's vfio has more to say: that registers of devices cannot be mapped, that edu cannot be reset. */
static void on_words(struct life *life, const char *line)
{
	snprintf(life->said, sizeof(life->said), "%s", line);
	if (strstr(line, "viq") && !life->failure[0])
		snprintf(life->failure, sizeof(life->failure), "QEMU says: %.500s", line);
}

/* To the end of what the guest's program does, or of QEMU. */
static void follow(struct life *life)
{
	char line[VMM_LINE];
	enum vmm_source source;

	while (!life->end && (source = vmm_next(&life->vmm, line)) != VMM_ENDED && source != VMM_SILENT)
		(source == VMM_CONSOLE ? on_console : on_words)(life, line);
}

static void finish(struct life *life)
{
	char line[VMM_LINE];
	enum vmm_source source;
	int status;

	vmm_type(&life->vmm, "good bye");
	while ((source = vmm_next(&life->vmm, line)) != VMM_ENDED && source != VMM_SILENT)
		;
	status = vmm_stop(&life->vmm);
	if (status)
		fail("QEMU ended with status %d", status);
}

/* --- Both at work ------------------------------------------------------------------------------------------------- */

/* Everything that was to be done was, and nobody has complained. */
static void judge(const struct life *life, const char *done)
{
	if (life->failure[0])
		fail("%s", life->failure);
	if (strcmp(life->done, done))
		fail("the guest has done \"%s\"; QEMU's last words: %s", life->done, life->said);
}

static void test_both(void)
{
	char info[8192], answer[1024];
	struct life life;

	start(&life, QEMU "|-no-reboot" BOTH "viq.work=both,modes,fault,load viq.rounds=60");
	follow(&life);
	judge(&life, "both,modes,fault,load");
	monitor_ask("info viq", info, sizeof(info));
	tap_note("invalidations: %" PRIu64 " to Linux in %" PRIu64 " calls, %" PRIu64 " to the software host; %" PRIu64
		 " nested tables attached, %" PRIu64 " events",
		 monitor_counter(info, "linux_entries"), monitor_counter(info, "linux_calls"),
		 monitor_counter(info, "soft_entries"), monitor_counter(info, "linux_attaches"),
		 monitor_counter(info, "linux_events"));
	check(monitor_counter(info, "linux_entries") > 0);
	check(monitor_counter(info, "linux_failed") == 0);
	check(monitor_counter(info, "linux_attaches") > 0);
	check(monitor_counter(info, "linux_events") > 0);
	check(monitor_counter(info, "soft_entries") > 0);
	check(monitor_counter(info, "soft_walks") > 0);
	monitor_ask("migrate file:/state", answer, sizeof(answer));
	if (!strstr(answer, "igration is not supported"))
		fail("migration is not refused: %s", answer);
	finish(&life);
}

/* --- Reset, plug and unplug --------------------------------------------------------------------------------------- */

static void test_reset(void)
{
	char answer[1024];
	struct life life;

	start(&life, QEMU BOTH "viq.work=both");
	follow(&life);
	judge(&life, "both");
	monitor_ask("system_reset", answer, sizeof(answer));
	life.end = false;
	life.done[0] = 0;
	follow(&life);
	judge(&life, "both");
	finish(&life);
}

static void test_plug(void)
{
	struct life life;

	start(&life, QEMU
	      "|-no-reboot|-device|edu,addr=5,dma_mask=0xffffffffffff|-device|pcie-root-port,id=rp,addr=3,chassis=1"
	      "|-device|vfio-pci,bus=rp,iommufd=iommufd0" GUEST "viq.edu=0000:01:00.0 viq.edu2=" EMULATED
	      " viq.port=0000:00:03.0 viq.work=plug");
	follow(&life);
	judge(&life, "plug");
	finish(&life);
}

/* What the others would find if an invalidation did not reach the host of the device in question. */
static void lose(const char *round, const char *stale)
{
	char text[2048];
	struct life life;

	snprintf(text, sizeof(text), QEMU "|-no-reboot" BOTH "viq.work=both viq.lose=%s", round);
	start(&life, text);
	follow(&life);
	if (!strstr(life.failure, stale))
		fail("an invalidation was lost, and the guest noticed something else: %s", life.failure);
	finish(&life);
}

static void test_lost(void)
{
	lose("2", "device 0 brought");
	lose("3", "device 1 brought");
}

/* --- Interrupts: what firmware says ------------------------------------------------------------------------------- */

static void test_window(void)
{
	struct life life;

	start(&life, QEMU "|-no-reboot|-bios|/efi.fd" BOTH "acpi=force viq.work=window");
	follow(&life);
	judge(&life, "window");
	finish(&life);
}

/* --- What cannot be ----------------------------------------------------------------------------------------------- */

static void refused(const char *text, const char *needle)
{
	struct life life;
	int status;

	start(&life, text);
	follow(&life);
	status = vmm_stop(&life.vmm);
	tap_note("%s", life.said);
	if (status != 1 || !strstr(life.said, needle))
		fail("QEMU ended with status %d, saying: %s", status, life.said);
}

static void test_refuse(void)
{
	refused(QEMU "|-no-reboot|-device|vfio-pci,iommufd=iommufd0" GUEST,
		"the host's IOMMU cannot serve viq-smmuv3: ");
}

static const struct tap_test tests[] = {{"assigned-both", test_both},
					{"assigned-reset", test_reset},
					{"assigned-plug", test_plug},
					{"assigned-lost", test_lost},
					{"assigned-window", test_window}};
static const struct tap_test refusals[] = {{"assigned-refuse", test_refuse}};
static const struct machine_job jobs[] = {
	{"tests", MACHINE_TESTS(tests)},
	{"refuse", MACHINE_TESTS(refusals)},
};

int main(void)
{
	return machine_run(jobs, sizeof(jobs) / sizeof(jobs[0]));
}
