/* SPDX-License-Identifier: MIT */
/*
 * What this kernel's IOMMU_HWPT_INVALIDATE does with a bad entry, without viq. The documentation says that entries
 * below the count it gives back took effect; on the kernels that do not keep this, a device still reads through
 * translations that were reported gone. Where they do, there is nothing to show, and the test says so.
 */
#include <errno.h>
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

/* Where the kernel reports: the culprit on both sides of the edges of groups, in one call, and all before it is gone.
 */
void test_bare_report(void)
{
	static const unsigned int culprits[] = {0, 1, 62, 63, 64, 125, 126, 300, LONG - 1};
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
	for (unsigned int i = 0; i < sizeof(culprits) / sizeof(culprits[0]); i++) {
		const unsigned int bad = culprits[i];

		if (bad)
			make_stale(&guest, &bare.edu, bad - 1);
		commands[bad] = illegal;
		count = LONG;
		check_equal(bare_report(bare.iommufd, bare.viommu, commands, &count, &last, &error), -EIO);
		check_equal(count, bad);
		check_equal(last, bad);
		check_equal(error, 0);
		if (bad)
			check_equal(guest_look(&guest, &bare.edu, bad - 1), GUEST_NEW);
		commands[bad] = guest_tlbi(bad);
	}
	count = LONG;
	check_equal(bare_report(bare.iommufd, bare.viommu, commands, &count, &last, &error), 0);
	check_equal(count, LONG);
	tap_note("400 entries, one illegal: the kernel names it in one call, and all before it are gone");
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
