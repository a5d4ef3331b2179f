/* SPDX-License-Identifier: MIT */
/*
 * Events of the physical SMMU, as struct iommufd_vevent_header says: a header of 8 bytes, {flags, sequence}, and behind
 * it 32 bytes of event unless flags have IOMMU_VEVENTQ_FLAG_LOST_EVENTS. Whatever read() gives, no more events come out
 * than there is room for.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <viq/linux.h>

#include "support/test.h"

#define FD     9
#define CANARY 0xa5

/* A queue of bytes: read() takes from it what fits, as a kernel does, or anything else. */
struct source {
	uint8_t bytes[65536];
	size_t len, pos;
	int64_t after;  /* what read() gives when all is taken: 0, or -errno */
	bool torn;      /* records may be cut where the buffer ends */
	int64_t excess; /* read() claims so much more */
	int interrupts; /* -EINTR so often */
	unsigned int reads;
};

static size_t next_record(const struct source *s, size_t pos)
{
	uint32_t flags;

	if (s->len - pos < 8)
		return s->len - pos;
	memcpy(&flags, s->bytes + pos, 4);
	return flags & 1 ? 8 : s->len - pos < 40 ? s->len - pos : 40;
}

static int64_t source_read(void *opaque, int fd, void *buf, size_t len)
{
	struct source *s = opaque;
	size_t n = 0;

	assert_int_equal(fd, FD);
	if (s->interrupts) {
		s->interrupts--;
		return -EINTR;
	}
	s->reads++;
	if (s->pos == s->len)
		return s->after;
	while (s->pos + n < s->len && n + next_record(s, s->pos + n) <= len)
		n += next_record(s, s->pos + n);
	if (s->torn)
		n = s->len - s->pos < len ? s->len - s->pos : len;
	assert_true(n > 0); /* the buffer has room for a record */
	memcpy(buf, s->bytes + s->pos, n);
	s->pos += n;
	return (int64_t)n + s->excess;
}

static int no_open(void *opaque, const char *path, int flags)
{
	return -ENOENT;
}

static int no_close(void *opaque, int fd)
{
	return 0;
}

static int no_ioctl(void *opaque, int fd, unsigned long request, void *arg)
{
	return -ENOTTY;
}

static const struct viq_linux_sys source_sys = {
	.size = sizeof(source_sys), .open = no_open, .close = no_close, .ioctl = no_ioctl, .read = source_read};

static struct viq_linux *open_source(struct source *s)
{
	struct viq_linux_config config;
	struct viq_linux *ctx;

	viq_linux_config_init(&config, sizeof(config));
	config.fd = 3;
	config.sys = &source_sys;
	config.sys_opaque = s;
	assert_int_equal(viq_linux_open(&config, &ctx, NULL), 0);
	return ctx;
}

static void put_header(struct source *s, uint32_t flags, uint32_t sequence)
{
	memcpy(s->bytes + s->len, &flags, 4);
	memcpy(s->bytes + s->len + 4, &sequence, 4);
	s->len += 8;
}

static void put_event(struct source *s, uint32_t sequence)
{
	uint64_t word;
	int i;

	put_header(s, 0, sequence);
	for (i = 0; i < 4; i++) {
		word = htole64((uint64_t)sequence << 8 | (uint64_t)i);
		memcpy(s->bytes + s->len, &word, 8);
		s->len += 8;
	}
}

static void put_lost(struct source *s, uint32_t sequence)
{
	put_header(s, 1, sequence);
}

static void expect_event(const struct viq_linux_vevent *event, uint32_t sequence)
{
	int i;

	assert_int_equal(event->lost, 0);
	assert_int_equal(event->sequence, sequence);
	for (i = 0; i < 4; i++)
		assert_int_equal(event->record[i], (uint64_t)sequence << 8 | (uint64_t)i);
}

static void expect_lost(const struct viq_linux_vevent *event, uint32_t sequence)
{
	static const uint64_t none[4];

	assert_int_equal(event->lost, 1);
	assert_int_equal(event->sequence, sequence);
	assert_memory_equal(event->record, none, sizeof(none));
}

/* Reads with room for so many into an array with a canary behind it. */
static int read_events(struct source *s, struct viq_linux_vevent *events, uint32_t room, uint32_t *count)
{
	struct viq_linux *ctx = open_source(s);
	uint8_t *canary = (uint8_t *)(events + room);
	size_t i;
	int ret;

	memset(canary, CANARY, sizeof(*events));
	*count = room;
	ret = viq_linux_veventq_read(ctx, FD, events, count);
	for (i = 0; i < sizeof(*events); i++)
		assert_int_equal(canary[i], CANARY);
	viq_linux_close(ctx);
	return ret;
}

/* --- Rules -------------------------------------------------------------------------------------------------------- */

static void test_events_in_order_and_in_cpu_byte_order(void **state)
{
	static struct source s;
	struct viq_linux_vevent events[9];
	uint32_t count, i;

	for (i = 0; i < 5; i++)
		put_event(&s, i);
	assert_int_equal(read_events(&s, events, 8, &count), 0);
	assert_int_equal(count, 5);
	for (i = 0; i < 5; i++)
		expect_event(&events[i], i);
	assert_int_equal(events[4].record[0], 0x400);
}

static void test_more_events_than_one_read_takes(void **state)
{
	static struct source s;
	static struct viq_linux_vevent events[1025];
	uint32_t count, i;

	for (i = 0; i < 1500; i++)
		put_event(&s, i);
	assert_int_equal(read_events(&s, events, 1024, &count), 0);
	assert_int_equal(count, 1024);
	for (i = 0; i < 1024; i++)
		expect_event(&events[i], i);
	assert_int_equal(read_events(&s, events, 1024, &count), 0);
	assert_int_equal(count, 476);
	expect_event(&events[0], 1024);
}

static void test_a_loss_has_no_record(void **state)
{
	static struct source s;
	struct viq_linux_vevent events[5];
	uint32_t count;

	put_event(&s, 1);
	put_lost(&s, 7);
	put_event(&s, 8);
	assert_int_equal(read_events(&s, events, 4, &count), 0);
	assert_int_equal(count, 3);
	expect_event(&events[0], 1);
	expect_lost(&events[1], 7);
	expect_event(&events[2], 8);
}

static void test_losses_in_a_row_are_one(void **state)
{
	static struct source s;
	struct viq_linux_vevent events[2];
	uint32_t count, i;

	for (i = 0; i < 5; i++)
		put_lost(&s, i);
	assert_int_equal(read_events(&s, events, 1, &count), 0);
	assert_int_equal(count, 1);
	expect_lost(&events[0], 4);
}

/* The kernel counts in 31 bits. */
static void test_the_sequence_wraps(void **state)
{
	static struct source s;
	struct viq_linux_vevent events[4];
	uint32_t count;

	put_event(&s, INT32_MAX);
	put_event(&s, 0);
	put_event(&s, 1);
	assert_int_equal(read_events(&s, events, 3, &count), 0);
	assert_int_equal(count, 3);
	expect_event(&events[0], INT32_MAX);
	expect_event(&events[1], 0);
	expect_event(&events[2], 1);
}

/* Room for one, and an event behind a loss: nothing is read that cannot be given. */
static void test_one_at_a_time(void **state)
{
	static struct source s;
	struct viq_linux_vevent events[2];
	uint32_t count;

	put_lost(&s, 3);
	put_event(&s, 4);
	put_event(&s, 5);
	assert_int_equal(read_events(&s, events, 1, &count), 0);
	expect_lost(&events[0], 3);
	assert_int_equal(read_events(&s, events, 1, &count), 0);
	expect_event(&events[0], 4);
	assert_int_equal(read_events(&s, events, 1, &count), 0);
	expect_event(&events[0], 5);
	assert_int_equal(read_events(&s, events, 1, &count), -EAGAIN);
}

/* --- No event, no memory, no sense -------------------------------------------------------------------------------- */

static void test_nothing_there(void **state)
{
	static const struct {
		int64_t after;
		int ret;
	} cases[] = {{0, -EAGAIN}, {-EAGAIN, -EAGAIN}, {-EIO, -EIO}, {-ENODEV, -ENODEV}};
	static struct source s;
	struct viq_linux_vevent events[3];
	uint32_t count;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s.after = cases[i].after;
		memset(events, CANARY, sizeof(events));
		assert_int_equal(read_events(&s, events, 2, &count), cases[i].ret);
		assert_int_equal(count, 2);
		assert_int_equal(events[0].sequence, 0xa5a5a5a5);
	}
}

/* What was taken from the kernel is given; the error comes again, if it lasts. */
static void test_an_error_behind_events_does_not_lose_them(void **state)
{
	static struct source s;
	struct viq_linux_vevent events[9];
	uint32_t count;

	put_event(&s, 1);
	s.after = -EIO;
	assert_int_equal(read_events(&s, events, 8, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(read_events(&s, events, 8, &count), -EIO);
}

static void test_interrupted_reads(void **state)
{
	static struct source s;
	struct viq_linux_vevent events[2];
	uint32_t count;

	put_event(&s, 1);
	s.interrupts = 255;
	assert_int_equal(read_events(&s, events, 1, &count), 0);
	s.interrupts = 256;
	assert_int_equal(read_events(&s, events, 1, &count), -EAGAIN);
	assert_int_equal(s.interrupts, 0);
}

/* A record that is cut short is an event that was lost; less than a header is nothing. */
static void test_short_records(void **state)
{
	struct viq_linux_vevent events[9];
	uint32_t count;
	size_t len;

	for (len = 1; len < 40; len++) {
		static struct source s;

		memset(&s, 0, sizeof(s));
		put_event(&s, 6);
		s.len = len;
		if (len < 8) {
			assert_int_equal(read_events(&s, events, 8, &count), -EIO);
			assert_int_equal(count, 8);
			continue;
		}
		assert_int_equal(read_events(&s, events, 8, &count), 0);
		assert_int_equal(count, 1);
		expect_lost(&events[0], 6);
	}
}

static void test_a_read_that_claims_more_than_was_asked_for(void **state)
{
	static struct source s;
	struct viq_linux_vevent events[2];
	uint32_t count;

	put_event(&s, 1);
	s.excess = 1;
	assert_int_equal(read_events(&s, events, 1, &count), -EIO);
	assert_int_equal(count, 1);
}

static void test_bad_arguments(void **state)
{
	static struct source s;
	struct viq_linux *ctx = open_source(&s);
	struct viq_linux_vevent event;
	uint32_t count = 1, none = 0;

	assert_int_equal(viq_linux_veventq_read(NULL, FD, &event, &count), -EINVAL);
	assert_int_equal(viq_linux_veventq_read(ctx, -1, &event, &count), -EINVAL);
	assert_int_equal(viq_linux_veventq_read(ctx, FD, NULL, &count), -EINVAL);
	assert_int_equal(viq_linux_veventq_read(ctx, FD, &event, NULL), -EINVAL);
	assert_int_equal(viq_linux_veventq_read(ctx, FD, &event, &none), -EINVAL);
	assert_int_equal(s.reads, 0);
	viq_linux_close(ctx);
}

/* --- Anything ----------------------------------------------------------------------------------------------------- */

static uint64_t random_state;

static uint32_t random32(void)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(random_state >> 33);
}

static void seed_random(void)
{
	const char *seed = getenv("VIQ_SEED");

	random_state = seed ? strtoull(seed, NULL, 0) : 1;
	print_message("VIQ_SEED=%" PRIu64 "\n", random_state);
}

/* Events and losses in any mixture and any room: all come out, in order, none twice; only losses may be joined. */
static void test_any_mixture_comes_out_whole(void **state)
{
	static struct viq_linux_vevent events[65];
	uint32_t round, i, n, room, count, seen;
	static struct source s;
	static bool lost[256];

	seed_random();
	for (round = 0; round < 2000; round++) {
		memset(&s, 0, sizeof(s));
		n = random32() % 200;
		for (i = 0; i < n; i++) {
			lost[i] = random32() % 3 == 0;
			(lost[i] ? put_lost : put_event)(&s, i);
		}
		for (seen = 0; seen < n;) {
			room = 1 + random32() % 64;
			assert_int_equal(read_events(&s, events, room, &count), 0);
			assert_in_range(count, 1, room);
			for (i = 0; i < count; i++) {
				while (lost[seen] && seen < events[i].sequence)
					seen++; /* joined with a later one */
				assert_true(events[i].lost == lost[seen]);
				if (lost[seen])
					expect_lost(&events[i], seen);
				else
					expect_event(&events[i], seen);
				seen++;
			}
		}
		assert_int_equal(read_events(&s, events, 1, &count), -EAGAIN);
	}
}

/* Bytes without sense, torn anywhere: never more events than room, always an end. */
static void test_random_bytes(void **state)
{
	static struct viq_linux_vevent events[65];
	uint32_t round, i, j, room, count;
	static struct source s;
	int ret;

	seed_random();
	for (round = 0; round < 3000; round++) {
		memset(&s, 0, sizeof(s));
		s.torn = true;
		s.len = random32() % 2000;
		for (i = 0; i < s.len; i++)
			s.bytes[i] = (uint8_t)(random32() % 4 ? random32() : 1);
		for (i = 0; i <= s.len; i++) {
			room = 1 + random32() % 64;
			ret = read_events(&s, events, room, &count);
			if (ret == -EAGAIN)
				break;
			assert_true(!ret || ret == -EIO);
			if (ret)
				continue;
			assert_in_range(count, 1, room);
			for (j = 0; j < count; j++)
				assert_in_range(events[j].sequence, 0, INT32_MAX);
		}
		assert_int_equal(ret, -EAGAIN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_in_order_and_in_cpu_byte_order),
		cmocka_unit_test(test_more_events_than_one_read_takes),
		cmocka_unit_test(test_a_loss_has_no_record),
		cmocka_unit_test(test_losses_in_a_row_are_one),
		cmocka_unit_test(test_the_sequence_wraps),
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_nothing_there),
		cmocka_unit_test(test_an_error_behind_events_does_not_lose_them),
		cmocka_unit_test(test_interrupted_reads),
		cmocka_unit_test(test_short_records),
		cmocka_unit_test(test_a_read_that_claims_more_than_was_asked_for),
		cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_any_mixture_comes_out_whole),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
