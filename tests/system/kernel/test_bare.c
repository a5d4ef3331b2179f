/* SPDX-License-Identifier: MIT */
/*
 * What this kernel's IOMMU_HWPT_INVALIDATE does with a bad entry, without viq. The documentation says that entries
 * below the count it gives back took effect; on the kernels that do not keep this, a device still reads through
 * translations that were reported gone. Where they do, there is nothing to show, and the test says so.
 */
#include <errno.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "bare.h"
#include "host/linux/iommufd/uapi.h"
#include "oracle/answers.h"
#include "tap.h"
#include "tests.h"

/* Legal nowhere in a guest's queue, and refused by every kernel: stage 2 is the host's. */
static const struct synth_cmd illegal = {{VIQ_SMMUV3_OP_TLBI_S12_VMALL, 0}};

/* Without this, a later look at the new page would prove nothing. */
static void make_stale(struct guest *guest, struct edu *edu, unsigned int i)
{
	guest_make_stale(guest, edu, i);
	check_equal(guest_look(guest, edu, i), GUEST_OLD);
}

/* The control for all others: one command, no bad one. */
void test_bare_valid(void)
{
	struct guest guest;
	struct bare bare;
	struct synth_cmd command = guest_tlbi(0);
	uint32_t count = 1;

	guest_create(&guest);
	bare_create(&bare, &guest);
	make_stale(&guest, &bare.edu, 0);
	check_equal(bare_invalidate(bare.iommufd, bare.viommu, &command, &count), 0);
	check_equal(count, 1);
	check_equal(guest_look(&guest, &bare.edu, 0), GUEST_NEW);
}

/* [valid, illegal]: is the valid one, which the kernel counts, still in the TLB? */
void test_bare_pair(void)
{
	struct guest guest;
	struct bare bare;
	struct synth_cmd commands[] = {guest_tlbi(0), illegal};
	uint32_t count = 2;
	enum guest_seen seen;

	guest_create(&guest);
	bare_create(&bare, &guest);
	make_stale(&guest, &bare.edu, 0);
	check(bare_invalidate(bare.iommufd, bare.viommu, commands, &count) < 0);
	seen = guest_look(&guest, &bare.edu, 0);
	tap_note("[valid, illegal]: the kernel counts %u handled; the device reads %s", count, guest_seen_text(seen));
	if (!count) {
		check_equal(seen, GUEST_OLD);
		tap_skip("this kernel counts honestly");
	}
	check_equal(count, 1);
	if (seen == GUEST_NEW)
		return; /* gone, as it says */
	check_equal(seen, GUEST_OLD);

	/* The same command alone: it is not the command's fault. */
	count = 1;
	check_equal(bare_invalidate(bare.iommufd, bare.viommu, commands, &count), 0);
	check_equal(guest_look(&guest, &bare.edu, 0), GUEST_NEW);
}

#define LONG     400
#define LONG_BAD 300

/* 400 entries, number 300 illegal; one witness in each group of 63, and on both sides of the edge at 252. */
void test_bare_groups(void)
{
	static const unsigned int places[] = {0, 62, 63, 125, 126, 188, 189, 251, 252, 253, 299};
	static struct synth_cmd commands[LONG];
	struct guest guest;
	struct bare bare;
	uint32_t count = LONG, gone = 0;

	guest_create(&guest);
	bare_create(&bare, &guest);
	for (unsigned int i = 0; i < LONG; i++)
		commands[i] = guest_tlbi(i);
	commands[LONG_BAD] = illegal;
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		make_stale(&guest, &bare.edu, places[i]);
	check(bare_invalidate(bare.iommufd, bare.viommu, commands, &count) < 0);
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		enum guest_seen seen = guest_look(&guest, &bare.edu, places[i]);

		check(seen == GUEST_OLD || seen == GUEST_NEW);
		/* What took effect is a prefix, and counted. */
		if (seen == GUEST_NEW) {
			check(gone == i);
			check(places[i] < count);
			gone = i + 1;
		}
	}
	if (gone == sizeof(places) / sizeof(places[0])) {
		tap_note("400 entries, number 300 illegal: the kernel counts %u handled; all of them are gone", count);
		check_equal(count, LONG_BAD);
		return;
	}
	tap_note("400 entries, number 300 illegal: the kernel counts %u handled; entry %u is still in the TLB", count,
		 places[gone]);
	/* On every kernel so far, what was issued are whole groups. */
	check_equal(places[gone], 252);
	if (count == 252)
		tap_skip("this kernel counts honestly");
	check_equal(count, LONG_BAD);
}

/* An array with one culprit, and what the kernel says of it. */
static void expect_report(struct bare *bare, const struct synth_cmd *commands, uint32_t bad, uint32_t code)
{
	uint32_t count = LONG, last, error;

	check_equal(bare_report(bare->iommufd, bare->viommu, commands, &count, &last, &error), -EIO);
	check_equal(count, bad);
	check_equal(last, bad);
	check_equal(error, code);
}

static void expect_success(struct bare *bare, const struct synth_cmd *commands)
{
	uint32_t count = LONG, last, error;

	check_equal(bare_report(bare->iommufd, bare->viommu, commands, &count, &last, &error), 0);
	check_equal(count, LONG);
	check_equal(error, 0);
}

/* The culprit on both sides of the edges of groups is named in one call, and all before it is gone. */
static void at_edges(struct guest *guest, struct bare *bare, struct synth_cmd *commands, struct synth_cmd culprit,
		     uint32_t code)
{
	static const unsigned int culprits[] = {0, 1, 62, 63, 64, 125, 126, 300, LONG - 1};

	for (unsigned int i = 0; i < sizeof(culprits) / sizeof(culprits[0]); i++) {
		const unsigned int bad = culprits[i];

		if (bad)
			make_stale(guest, &bare->edu, bad - 1);
		commands[bad] = culprit;
		expect_report(bare, commands, bad, code);
		if (bad)
			check_equal(guest_look(guest, &bare->edu, bad - 1), GUEST_NEW);
		commands[bad] = guest_tlbi(bad);
	}
	expect_success(bare, commands);
}

/* Where the kernel reports: a command that it refuses. */
void test_bare_report(void)
{
	static struct synth_cmd commands[LONG];
	struct guest guest;
	struct bare bare;
	uint32_t count = 0, last, error;
	int err;

	guest_create(&guest);
	bare_create(&bare, &guest);
	err = bare_report(bare.iommufd, bare.viommu, NULL, &count, &last, &error);
	if (err == -EOPNOTSUPP)
		tap_skip("this kernel has no report");
	check_equal(err, 0);
	for (unsigned int i = 0; i < LONG; i++)
		commands[i] = guest_tlbi(i);
	at_edges(&guest, &bare, commands, illegal, 0);
	tap_note("400 entries, one illegal: the kernel names it in one call, and all before it are gone");
}

/* One that the SMMU refuses: IHI 0070, 4.1.3, an opcode that is not one is CERROR_ILL. */
void test_bare_hardware(void)
{
	static const struct synth_cmd refused = {{0xff, 0}}; /* debug/let-through.patch */
	static struct synth_cmd commands[LONG];
	struct guest guest;
	struct bare bare;
	uint32_t count = 1;
	cpu_set_t cpus;

	/* The interrupt that tells of the error goes to the first one, and the driver polls with interrupts off. */
	CPU_ZERO(&cpus);
	CPU_SET(1, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		tap_skip("it takes a second processor");
	guest_create(&guest);
	bare_create(&bare, &guest);
	if (bare_invalidate(bare.iommufd, bare.viommu, &refused, &count))
		tap_skip("nothing gets to the SMMU that it would refuse");
	check_equal(count, 1); /* nobody asked for a report */
	for (unsigned int i = 0; i < LONG; i++)
		commands[i] = guest_tlbi(i);
	at_edges(&guest, &bare, commands, refused, VIQ_SMMUV3_CERROR_ILL);

	/* The first of several; what the kernel refuses is behind it, then before it. */
	commands[70] = commands[80] = refused;
	expect_report(&bare, commands, 70, VIQ_SMMUV3_CERROR_ILL);
	commands[81] = illegal;
	expect_report(&bare, commands, 70, VIQ_SMMUV3_CERROR_ILL);
	commands[69] = illegal;
	expect_report(&bare, commands, 69, 0);
	commands[69] = guest_tlbi(69);
	commands[70] = commands[80] = commands[81] = commands[69];
	/* Nothing is left of an error when the queue's slots come round again: it has 2^19 at most. */
	for (unsigned int i = 0; i < (1u << 19) / LONG + 1; i++)
		expect_success(&bare, commands);
	tap_note("400 entries, one that the SMMU refuses: the kernel names it and CERROR_ILL in one call");
}

static int invalidate(void *opaque, void *call)
{
	return ioctl(*(int *)opaque, UAPI_IOMMU_HWPT_INVALIDATE, call) ? -errno : 0;
}

static void expect_answer(const struct bare *bare, const struct synth_cmd *commands, int err)
{
	uint32_t count = 1;

	check_equal(bare_invalidate(bare->iommufd, bare->viommu, commands, &count), err);
	check_equal(count, err ? 0 : 1);
}

/* What viq's reading of errors (src/host/linux/smmuv3/invalidate.c) and the fake kernel of its tests rely on. */
void test_bare_answers(void)
{
	const struct synth_cmd known = synth_cmd_cfgi_cd(BARE_VSID, 0, true),
			       unknown = synth_cmd_cfgi_cd(BARE_VSID + 1, 0, true);
	struct answers_kernel kernel = {.invalidate = invalidate};
	uint32_t count = 0, last, error;
	struct guest guest;
	struct bare bare;
	char text[200];

	guest_create(&guest);
	bare_create(&bare, &guest);
	kernel.opaque = &bare.iommufd;
	kernel.viommu = bare.viommu;
	kernel.stage2 = bare.stage2;
	kernel.reports = !bare_report(bare.iommufd, bare.viommu, NULL, &count, &last, &error);
	if (!answers_agree(&kernel, text, sizeof(text)))
		fail("%s", text);
	expect_answer(&bare, &known, 0);
	expect_answer(&bare, &unknown, -EIO); /* no vDEVICE */
	expect_answer(&bare, (const struct synth_cmd *)16, -EFAULT);
}
