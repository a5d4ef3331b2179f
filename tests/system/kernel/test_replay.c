/* SPDX-License-Identifier: MIT */
/*
 * A recorded guest's queue, doorbell by doorbell, on the real IOMMU (the file is made by replay.py). In between the
 * device looks at a page that is about to be invalidated: before the doorbell it is stale, after it is not.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nest.h"
#include "tap.h"
#include "tests.h"

#define CAPTURE "/replay"
#define VSID    8  /* the disk's, in the recorded guest */
#define ASID    2  /* and its */
#define LOOKS   60 /* doorbells that are watched */

struct capture {
	const uint32_t *at, *end;
	uint32_t entries, doorbells, commands;
};

struct doorbell {
	uint32_t value, count;
	const uint32_t *words; /* four a command */
};

static uint32_t next_word(struct capture *capture)
{
	check(capture->at < capture->end);
	return le32toh(*capture->at++);
}

static void open_capture(struct capture *capture)
{
	int fd = open(CAPTURE, O_RDONLY);
	struct stat stat;
	void *bytes;

	if (fd < 0 || fstat(fd, &stat))
		fail(CAPTURE ": %s", strerror(errno));
	bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	check(bytes != MAP_FAILED);
	capture->at = bytes;
	capture->end = capture->at + stat.st_size / 4;
	capture->entries = next_word(capture);
	capture->doorbells = next_word(capture);
	capture->commands = next_word(capture);
}

static struct doorbell next_doorbell(struct capture *capture)
{
	struct doorbell doorbell = {.value = next_word(capture), .count = next_word(capture)};

	doorbell.words = capture->at;
	check((size_t)(capture->end - capture->at) >= (size_t)doorbell.count * 4);
	capture->at += (size_t)doorbell.count * 4;
	return doorbell;
}

static struct synth_cmd command(const struct doorbell *doorbell, uint32_t i)
{
	const uint32_t *w = doorbell->words + (size_t)i * 4;

	return (struct synth_cmd){
		{le32toh(w[0]) | (uint64_t)le32toh(w[1]) << 32, le32toh(w[2]) | (uint64_t)le32toh(w[3]) << 32}};
}

/* A page that the doorbell invalidates for the disk, or 0. */
static uint64_t invalidated_page(const struct doorbell *doorbell)
{
	for (uint32_t i = 0; i < doorbell->count; i++) {
		struct synth_cmd c = command(doorbell, i);

		if ((c.w[0] & VIQ_SMMUV3_CMD_OP) == VIQ_SMMUV3_OP_TLBI_NH_VA &&
		    VIQ_GET(VIQ_SMMUV3_TLBI_ASID, c.w[0]) == ASID)
			return c.w[1] & VIQ_SMMUV3_TLBI_1_VA;
	}
	return 0;
}

static void map(struct nest *nest, uint64_t iova, uint64_t page)
{
	check_equal(synth_pt_map(&nest->guest.pt, iova, page, 3, SYNTH_NG), 0);
}

/* The capture's tables had another ASID than this guest's. */
static void use_recorded_asid(struct nest *nest)
{
	uint64_t cd[VIQ_SMMUV3_CD_WORDS];

	synth_cd(cd, &nest->guest.pt, NULL, ASID, 40);
	check_equal(synth_cdt_set(&nest->guest.cdt, 0, cd), 0);
	nest_command(nest, synth_cmd_cfgi_cd(VSID, 0, true));
}

static void replay_doorbell(struct nest *nest, const struct doorbell *doorbell)
{
	for (uint32_t i = 0; i < doorbell->count; i++)
		nest_push(nest, command(doorbell, i));
	nest_ring(nest);
	check_equal(nest_error(nest), VIQ_SMMUV3_CERROR_NONE);
	check_equal(nest_cons(nest), nest->queue.prod);
}

/* Returns whether it was watched. */
static bool watched_doorbell(struct nest *nest, const struct doorbell *doorbell)
{
	uint64_t page = invalidated_page(doorbell);

	if (!page)
		return false;
	map(nest, page, nest->guest.old_page);
	check_equal(guest_look_at(&nest->guest, &nest->edu, page), GUEST_OLD);
	map(nest, page, nest->guest.new_page);
	check_equal(guest_look_at(&nest->guest, &nest->edu, page), GUEST_OLD);
	replay_doorbell(nest, doorbell);
	check_equal(guest_look_at(&nest->guest, &nest->edu, page), GUEST_NEW);
	return true;
}

static void count_opcodes(const struct doorbell *doorbell, uint64_t counts[256])
{
	for (uint32_t i = 0; i < doorbell->count; i++)
		counts[command(doorbell, i).w[0] & VIQ_SMMUV3_CMD_OP]++;
}

void test_replay(void)
{
	struct viq_smmuv3_counters before, after;
	struct viq_linux_counters kernel, kernel_before;
	struct capture capture;
	static struct nest nest;
	uint64_t expected[256], sum = 0;
	uint32_t watched = 0;

	open_capture(&capture);
	nest_create(&nest, &(struct nest_config){.log2size = 13, .vsid = VSID});
	use_recorded_asid(&nest);
	check_equal(viq_smmuv3_counters(nest.smmu, &before, sizeof(before)), 0);
	memcpy(expected, before.commands, sizeof(expected));
	viq_linux_vsmmu_counters(nest.vsmmu, &kernel_before, sizeof(kernel_before));
	for (uint32_t i = 0; i < capture.doorbells; i++) {
		struct doorbell doorbell = next_doorbell(&capture);
		bool watch = (uint64_t)i * LOOKS / capture.doorbells >= watched;

		count_opcodes(&doorbell, expected);
		sum += doorbell.count;
		if (watch && watched_doorbell(&nest, &doorbell))
			watched++;
		else
			replay_doorbell(&nest, &doorbell);
	}
	check(capture.at == capture.end);
	check_equal(sum, capture.commands);
	check_equal(viq_smmuv3_counters(nest.smmu, &after, sizeof(after)), 0);
	for (unsigned int op = 0; op < 256; op++)
		check_equal(after.commands[op], expected[op]);
	check_equal(nest.host_errors, 0);
	check(watched >= LOOKS / 2);
	viq_linux_vsmmu_counters(nest.vsmmu, &kernel, sizeof(kernel));
	tap_note("%u recorded commands in %u doorbells: %llu calls of viq's host, %llu entries in %llu calls of the "
		 "kernel; %u doorbells watched, no stale access",
		 capture.commands, capture.doorbells, (unsigned long long)(after.calls - before.calls),
		 (unsigned long long)(kernel.entries - kernel_before.entries),
		 (unsigned long long)(kernel.ioctls - kernel_before.ioctls), watched);
	nest_destroy(&nest);
}
