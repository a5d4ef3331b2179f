/* SPDX-License-Identifier: MIT */
/*
 * disk: the assigned device is an NVMe disk, and the guest kernel's own driver has it. Pages are written to the disk
 * and read back, by each processor in turn, which has a queue and an interrupt of its own; all that was ever written is
 * read again in the end. Every transfer waits for an interrupt.
 *
 *   viq.rounds=N   transfers (200)
 *   viq.freeze=N   how often the guest's SMMU is saved and restored meanwhile
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "work.h"

#define DISK       "/dev/nvme0n1"
#define INTERRUPTS "/proc/interrupts"
#define QUEUE      "nvme0q"
#define BLOCKS     512u /* of the disk, that are used; a block is a page */
#define LONGEST    16u  /* blocks in a transfer */
#define QUEUES     9u
#define PATIENCE   1200 /* seconds: a driver that gets no interrupt looks for itself, each time after 30 or 60 */

/* Where the host has the device send its MSIs, as the guest's SMMU reports it when nothing is mapped there. */
#define DOORBELL "iova: 0x8000040"

struct disk {
	int fd;
	uint8_t *buffer;
	uint64_t random;
	uint64_t sums[BLOCKS]; /* of what was written last; 0: nothing was */
};

static uint64_t next(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/* FNV-1a, by words */
static uint64_t sum_of(const uint8_t *block)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325), word;

	for (uint32_t at = 0; at < PAGE; at += sizeof(word)) {
		memcpy(&word, block + at, sizeof(word));
		sum = (sum ^ word) * UINT64_C(0x100000001b3);
	}
	return sum;
}

/* How often the queues' interrupts have come; the number of queues. */
static unsigned int count_interrupts(uint64_t counts[QUEUES], bool tell)
{
	unsigned int queues = 0;
	char line[256], *at;
	FILE *file = fopen(INTERRUPTS, "re");

	if (!file)
		fail(INTERRUPTS ": %s", strerror(errno));
	while (queues < QUEUES && fgets(line, sizeof(line), file)) {
		if (!strstr(line, QUEUE) || !(at = strchr(line, ':')))
			continue;
		counts[queues] = 0;
		for (char *end = ++at;; at = end) {
			unsigned long count = strtoul(at, &end, 10);

			if (end == at)
				break;
			counts[queues] += count;
		}
		queues++;
		if (tell)
			say_note("%.*s", (int)strcspn(line, "\n"), line);
	}
	fclose(file);
	return queues;
}

static uint64_t all_interrupts(void)
{
	uint64_t counts[QUEUES], all = 0;
	unsigned int queues = count_interrupts(counts, false);

	for (unsigned int i = 0; i < queues; i++)
		all += counts[i];
	return all;
}

/* The driver may be looking for the disk still. */
static void open_disk(struct disk *disk)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	for (unsigned int i = 0; (disk->fd = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC)) < 0; i++) {
		if (i == PATIENCE * 10)
			fail(DISK ": %s", strerror(errno));
		nanosleep(&pause, NULL);
	}
	disk->buffer = aligned_alloc(PAGE, LONGEST * PAGE);
	if (!disk->buffer)
		fail("no memory");
}

/* What the device cannot do without the window is known to the guest's SMMU, or not: then the reason is another one. */
static void check_first_interrupt(void)
{
	char message[512] = "and no event of the SMMU tells why";
	struct log log = {.fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
	uint64_t count = all_interrupts();

	if (!count) {
		log_find(&log, DOORBELL, message, sizeof(message), 0);
		fail("the disk works, and no interrupt has come: %s", strstr(message, DOORBELL) ? message : "no event");
	}
	log_close(&log);
}

static void write_blocks(struct disk *disk, uint32_t first, uint32_t count)
{
	for (uint32_t at = 0; at < count * PAGE; at += sizeof(uint64_t)) {
		uint64_t word = next(&disk->random);

		memcpy(disk->buffer + at, &word, sizeof(word));
	}
	for (uint32_t i = 0; i < count; i++)
		disk->sums[first + i] = sum_of(disk->buffer + i * PAGE);
	if (pwrite(disk->fd, disk->buffer, count * PAGE, (off_t)first * PAGE) != (ssize_t)(count * PAGE))
		fail("%u blocks at %u cannot be written: %s", count, first, strerror(errno));
}

static void read_blocks(struct disk *disk, uint32_t first, uint32_t count)
{
	memset(disk->buffer, 0xa5, count * PAGE);
	if (pread(disk->fd, disk->buffer, count * PAGE, (off_t)first * PAGE) != (ssize_t)(count * PAGE))
		fail("%u blocks at %u cannot be read: %s", count, first, strerror(errno));
	for (uint32_t i = 0; i < count; i++) {
		if (disk->sums[first + i] && disk->sums[first + i] != sum_of(disk->buffer + i * PAGE))
			fail("block %u is not what was written there", first + i);
	}
}

void work_disk(void)
{
	struct disk disk = {.random = setting("viq.seed", 1) * UINT64_C(0x9e3779b97f4a7c15) | 1};
	uint32_t rounds = (uint32_t)setting("viq.rounds", 200), freezes = (uint32_t)setting("viq.freeze", 0), done = 0;
	unsigned int processors = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN), queues;
	uint64_t before, counts[QUEUES];

	open_disk(&disk);
	check_first_interrupt();
	before = all_interrupts();
	for (uint32_t round = 0; round < rounds; round++) {
		uint32_t count = 1 + (uint32_t)(next(&disk.random) % LONGEST);
		uint32_t first = (uint32_t)(next(&disk.random) % (BLOCKS - count + 1));

		machine_use_processor(round % processors);
		if (round < rounds / 4 || next(&disk.random) % 2)
			write_blocks(&disk, first, count);
		else
			read_blocks(&disk, first, count);
		done++;
		if (freezes && round % (rounds / freezes + 1) == rounds / freezes)
			ask(NULL, 0, "freeze");
	}
	for (uint32_t first = 0; first < BLOCKS; first += LONGEST, done++)
		read_blocks(&disk, first, LONGEST);
	queues = count_interrupts(counts, true);
	if (queues < 1 + processors)
		fail("the driver has %u interrupts for %u processors", queues, processors);
	for (unsigned int i = 0; i < queues; i++) {
		if (!counts[i])
			fail("the interrupt of queue %u has never come", i);
	}
	if (all_interrupts() - before < done)
		fail("%u transfers, and only %llu interrupts", done, (unsigned long long)(all_interrupts() - before));
	close(disk.fd);
	free(disk.buffer);
	say_ok("disk", "%u transfers, %llu interrupts of %u queues", done,
	       (unsigned long long)(all_interrupts() - before), queues);
}
