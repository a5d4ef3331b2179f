// SPDX-License-Identifier: MIT
/*
 * Capture files: what is written is read back; whatever is damaged is refused, at the right place; no file is ever left
 * half written.
 */

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"
#include "capture/format.h"

static char dir[] = "/tmp/viq-capture-XXXXXX";
static char path[64];

static const struct viq_capture_setup smmuv3_setup = {
	.base = 0x48000000,
	.entries = 4096,
	.entry_size = 16,
	.clock = VIQ_CAPTURE_REALTIME,
	.note = "a test",
};

static int make_dir(void **state)
{
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/capture", dir);
	return 0;
}

static int remove_dir(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static unsigned int files_in_dir(void)
{
	unsigned int n = 0;
	struct dirent *e;
	DIR *d = opendir(dir);

	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

static void *pattern_bytes(size_t len)
{
	uint8_t *bytes = malloc(len);
	size_t i;

	assert_non_null(bytes);
	for (i = 0; i < len; i++)
		bytes[i] = pattern(i);
	return bytes;
}

/* A small capture with every packet type. */
static void write_small(enum viq_capture_kind kind)
{
	struct viq_capture_register reg = {.offset = 4, .size = 4, .value = 0x2730010};
	struct viq_capture_setup setup = smmuv3_setup;
	struct viq_capture_writer *w;
	void *bytes = pattern_bytes(96);

	if (kind == VIQ_CAPTURE_VTD) {
		setup.entries = 256;
		setup.entry_size = 32;
	}
	assert_int_equal(viq_capture_writer_create(path, kind, &w, NULL), 0);
	assert_int_equal(viq_capture_append_setup(w, 5, &setup), 0);
	assert_int_equal(viq_capture_append_register(w, 6, VIQ_CAPTURE_READ, &reg), 0);
	assert_int_equal(viq_capture_append_doorbell(w, 7, 0, 0, 0, NULL), 0);
	assert_int_equal(viq_capture_append_entries(w, 8, 0, 2, bytes), 0);
	assert_int_equal(viq_capture_append_entries(w, 8, 2, 1, NULL), 0);
	assert_int_equal(viq_capture_append_doorbell(w, 1700000000123456789, 6, 3, 3, bytes), 0);
	assert_int_equal(viq_capture_writer_commit(w, NULL), 0);
	free(bytes);
}

/* Read to the end; returns what the last next() said. */
static int read_all(struct viq_capture_error *err)
{
	struct viq_capture_reader *r;
	struct viq_capture_event event;
	int ret = viq_capture_reader_open(path, &r, err);

	if (ret)
		return ret;
	do
		ret = viq_capture_reader_next(r, &event, err);
	while (ret == 1);
	viq_capture_reader_close(r);
	return ret;
}

static void expect(struct viq_capture_reader *r, struct viq_capture_event *e, uint32_t type, uint64_t time)
{
	assert_int_equal(viq_capture_reader_next(r, e, NULL), 1);
	assert_int_equal(e->type, type);
	assert_int_equal(e->time, time);
}

static void round_trip(enum viq_capture_kind kind, uint32_t entry_size)
{
	const struct viq_capture_totals *totals;
	struct viq_capture_reader *r;
	struct viq_capture_event e;
	uint64_t words[4];
	void *bytes = pattern_bytes(96);

	write_small(kind);
	assert_int_equal(viq_capture_reader_open(path, &r, NULL), 0);
	assert_int_equal(viq_capture_reader_kind(r), kind);
	assert_int_equal(viq_capture_reader_setup(r)->entry_size, entry_size);
	expect(r, &e, VIQ_CAPTURE_SETUP, 5);
	assert_int_equal(e.packet, 1);
	assert_int_equal(e.offset, 24);
	assert_int_equal(e.setup.base, 0x48000000);
	assert_string_equal(e.setup.note, "a test");
	expect(r, &e, VIQ_CAPTURE_READ, 6);
	assert_int_equal(e.reg.offset, 4);
	assert_int_equal(e.reg.value, 0x2730010);
	expect(r, &e, VIQ_CAPTURE_DOORBELL, 7);
	assert_int_equal(e.entries.count, 0);
	assert_null(e.entries.bytes);
	expect(r, &e, VIQ_CAPTURE_ENTRIES, 8);
	assert_int_equal(e.entries.count, 2);
	assert_memory_equal(e.entries.bytes, bytes, 2 * entry_size);
	expect(r, &e, VIQ_CAPTURE_GAP, 8);
	assert_int_equal(e.entries.first, 2);
	assert_null(e.entries.bytes);
	expect(r, &e, VIQ_CAPTURE_DOORBELL, 1700000000123456789);
	assert_int_equal(e.packet, 6);
	assert_int_equal(e.entries.doorbell, 6);
	assert_int_equal(e.entries.first, 3);
	assert_memory_equal(e.entries.bytes, bytes, 3 * entry_size);
	viq_capture_entry_words(r, &e, 1, words);
	assert_int_equal(words[0] & 0xff, pattern(entry_size));
	assert_int_equal(words[entry_size / 8 - 1] >> 56, pattern(2 * entry_size - 1));
	assert_int_equal(viq_capture_reader_next(r, &e, NULL), 0);
	assert_int_equal(viq_capture_reader_next(r, &e, NULL), 0);
	totals = viq_capture_reader_totals(r);
	assert_int_equal(totals->packets, 6);
	assert_int_equal(totals->doorbells, 2);
	assert_int_equal(totals->entries, 5);
	assert_int_equal(totals->missing, 1);
	viq_capture_reader_close(r);
	free(bytes);
}

static void smmuv3_events_come_back_as_written(void **state)
{
	round_trip(VIQ_CAPTURE_SMMUV3, 16);
}

static void vtd_events_come_back_as_written(void **state)
{
	round_trip(VIQ_CAPTURE_VTD, 32);
}

/* A doorbell of 2 full packets and a bit, over the end of the queue: indices and bytes continue from part to part. */
static void split_and_wrap(uint32_t start)
{
	const uint32_t count = 2 * VIQ_CAPTURE_MAX_ENTRIES + 3;
	uint8_t *bytes = pattern_bytes(count * 16);
	struct viq_capture_writer *w;
	struct viq_capture_reader *r;
	struct viq_capture_event e;
	uint32_t seen = 0;

	assert_int_equal(viq_capture_writer_create(path, VIQ_CAPTURE_SMMUV3, &w, NULL), 0);
	assert_int_equal(viq_capture_append_setup(w, 0, &smmuv3_setup), 0);
	assert_int_equal(viq_capture_append_doorbell(w, 0, (start + count) % 8192, start, count, bytes), 0);
	assert_int_equal(viq_capture_writer_commit(w, NULL), 0);
	assert_int_equal(viq_capture_reader_open(path, &r, NULL), 0);
	expect(r, &e, VIQ_CAPTURE_SETUP, 0);
	do {
		assert_int_equal(viq_capture_reader_next(r, &e, NULL), 1);
		assert_int_equal(e.entries.first, (start + seen) % 8192);
		assert_memory_equal(e.entries.bytes, bytes + seen * 16, e.entries.count * 16);
		seen += e.entries.count;
	} while (e.type == VIQ_CAPTURE_ENTRIES);
	assert_int_equal(e.type, VIQ_CAPTURE_DOORBELL);
	assert_int_equal(seen, count);
	assert_int_equal(viq_capture_reader_next(r, &e, NULL), 0);
	viq_capture_reader_close(r);
	free(bytes);
}

static void large_doorbells_are_split_and_wrap(void **state)
{
	split_and_wrap(4000);
	split_and_wrap(4096 + 4000);
}

static void without_a_clock_times_count_packets(void **state)
{
	struct viq_capture_setup setup = smmuv3_setup;
	struct viq_capture_writer *w;
	struct viq_capture_reader *r;
	struct viq_capture_event e;

	setup.clock = VIQ_CAPTURE_COUNTER;
	assert_int_equal(viq_capture_writer_create(path, VIQ_CAPTURE_SMMUV3, &w, NULL), 0);
	assert_int_equal(viq_capture_append_setup(w, 77, &setup), 0);
	assert_int_equal(viq_capture_append_doorbell(w, 88, 0, 0, 0, NULL), 0);
	assert_int_equal(viq_capture_writer_commit(w, NULL), 0);
	assert_int_equal(viq_capture_reader_open(path, &r, NULL), 0);
	expect(r, &e, VIQ_CAPTURE_SETUP, 1000);
	expect(r, &e, VIQ_CAPTURE_DOORBELL, 2000);
	viq_capture_reader_close(r);
}

/* --- Damage ------------------------------------------------------------------------------------------------------- */

static uint8_t *load(size_t *len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = malloc(65536);

	assert_non_null(f);
	assert_non_null(bytes);
	*len = fread(bytes, 1, 65536, f);
	fclose(f);
	return bytes;
}

static void store(const uint8_t *bytes, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void truncation_at_every_byte_is_refused(void **state)
{
	struct viq_capture_error err;
	uint8_t *bytes;
	size_t len, cut;

	write_small(VIQ_CAPTURE_SMMUV3);
	bytes = load(&len);
	assert_int_equal(read_all(NULL), 0);
	for (cut = 0; cut < len; cut++) {
		store(bytes, cut);
		err.has_offset = false;
		assert_int_equal(read_all(&err), -EBADMSG);
		assert_true(err.has_offset && err.offset <= cut);
		assert_non_null(strstr(err.text, !cut ? "is empty" : cut < 24 ? "not a pcap file" : "truncated"));
	}
	free(bytes);
}

/* Where the packets of write_small() are: 24 bytes of file header, then 16 of packet header before each. */
enum {
	AT_SETUP = 24 + 16,
	AT_READ = AT_SETUP + 8 + 24 + 6 + 16,
	AT_BARE = AT_READ + 24 + 16,
	AT_ENTRIES = AT_BARE + 24 + 16,
	AT_GAP = AT_ENTRIES + 24 + 32 + 16,
	AT_DOORBELL = AT_GAP + 24 + 16,
	AT_END = AT_DOORBELL + 24 + 48 + 16,
};

static void every_rule_of_the_format_is_checked(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		int ret;
		uint64_t offset;
		const char *text;
	} damage[] = {
		{20, 1, -EBADMSG, 0, "link type"},
		{AT_SETUP, 'v', -EBADMSG, 24, "not a viq capture"},
		{AT_SETUP + 3, 2, -ENOTSUP, 24, "version 2"},
		{AT_SETUP + 4, 0, -EBADMSG, 24, "IOMMU kind"},
		{AT_SETUP + 4, 3, -EBADMSG, 24, "IOMMU kind"},
		{AT_SETUP + 5, 4, -EBADMSG, 24, "first packet"},
		{AT_SETUP + 6, 1, -EBADMSG, 24, "reserved"},
		{AT_SETUP + 16, 1, -EBADMSG, 24, "power of two"},
		{AT_SETUP + 19, 1, -EBADMSG, 24, "power of two"},
		{AT_SETUP + 20, 32, -EBADMSG, 24, "16 bytes"},
		{AT_SETUP + 22, 2, -EBADMSG, 24, "clock"},
		{AT_SETUP + 24, 1, -EBADMSG, 24, "reserved"},
		{AT_SETUP + 32, 27, -EBADMSG, 24, "UTF-8"},
		{AT_SETUP + 32, 0x80, -EBADMSG, 24, "UTF-8"},
		{AT_SETUP + 33, 0, -EBADMSG, 24, "UTF-8"},
		{AT_SETUP + 37, 0xe2, -EBADMSG, 24, "UTF-8"},
		{AT_READ + 4, 2, -EBADMSG, AT_READ - 16, "another kind"},
		{AT_READ + 5, 8, -EBADMSG, AT_READ - 16, "unknown packet"},
		{AT_READ + 8, 5, -EBADMSG, AT_READ - 16, "multiple of 4"},
		{AT_READ + 12, 5, -EBADMSG, AT_READ - 16, "4 or 8"},
		{AT_READ + 20, 5, -EBADMSG, AT_READ - 16, "does not fit"},
		{AT_ENTRIES + 8, 1, -EBADMSG, AT_ENTRIES - 16, "reserved"},
		{AT_ENTRIES + 13, 0x20, -EBADMSG, AT_ENTRIES - 16, "outside the queue"},
		{AT_ENTRIES + 16, 3, -EBADMSG, AT_ENTRIES - 16, "do not agree"},
		{AT_ENTRIES + 16, 0, -EBADMSG, AT_ENTRIES - 16, "without entries"},
		{AT_ENTRIES + 18, 1, -EBADMSG, AT_ENTRIES - 16, "more entries"},
		{AT_ENTRIES + 20, 1, -EBADMSG, AT_ENTRIES - 16, "reserved"},
		{AT_GAP + 17, 0x20, -EBADMSG, AT_GAP - 16, "more entries"},
		{AT_GAP + 5, 2, -EBADMSG, AT_GAP - 16, "do not agree"},
		{AT_DOORBELL - 8, 71, -EBADMSG, AT_DOORBELL - 16, "71 bytes of 72"},
		{AT_DOORBELL - 5, 0x7f, -EBADMSG, AT_DOORBELL - 16, "packet 6"},
		{AT_END + 8, 7, -EBADMSG, AT_END - 16, "missing"},
		{AT_END + 16, 7, -EBADMSG, AT_END - 16, "missing"},
		{AT_END + 24, 7, -EBADMSG, AT_END - 16, "missing"},
		{AT_END + 32, 7, -EBADMSG, AT_END - 16, "missing"},
	};
	struct viq_capture_error err;
	uint8_t *bytes, saved;
	size_t len, i;

	write_small(VIQ_CAPTURE_SMMUV3);
	bytes = load(&len);
	assert_int_equal(len, AT_END + 8 + 32);
	for (i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		saved = bytes[damage[i].at];
		bytes[damage[i].at] = damage[i].value;
		store(bytes, len);
		assert_int_equal(read_all(&err), damage[i].ret);
		if (!strstr(err.text, damage[i].text))
			fail_msg("damage %zu: \"%s\" lacks \"%s\"", i, err.text, damage[i].text);
		assert_int_equal(err.offset, damage[i].offset);
		bytes[damage[i].at] = saved;
	}
	bytes = realloc(bytes, len + AT_READ);
	assert_non_null(bytes);
	memcpy(bytes + len, bytes + AT_READ - 16, 40);
	store(bytes, len + 40);
	assert_int_equal(read_all(&err), -EBADMSG);
	assert_non_null(strstr(err.text, "after the end"));
	free(bytes);
}

/* Any single flipped byte: no crash, no endless loop; either still a capture or a refusal with a text. */
static void flipped_bytes_never_confuse_the_reader(void **state)
{
	struct viq_capture_error err;
	uint8_t *bytes;
	size_t len, i;
	int ret;

	write_small(VIQ_CAPTURE_VTD);
	bytes = load(&len);
	for (i = 0; i < len; i++) {
		bytes[i] ^= 0xff;
		store(bytes, len);
		err.text[0] = 0;
		ret = read_all(&err);
		assert_true(ret == 0 || (ret < 0 && err.text[0]));
		bytes[i] ^= 0xff;
	}
	free(bytes);
}

/* Promise of the reader: what it hands out can be used without further checks. */
static void check_usable(const struct viq_capture_setup *setup, const struct viq_capture_packet *packet,
			 const uint8_t *buf, size_t len)
{
	const struct viq_capture_entries *e = &packet->event.entries;

	switch (packet->event.type) {
	case VIQ_CAPTURE_SETUP:
		assert_int_equal(packet->event.setup.entries & (packet->event.setup.entries - 1), 0);
		assert_in_range(packet->event.setup.entries, 1, 1 << 19);
		assert_in_range(packet->event.setup.entry_size, 16, VIQ_CAPTURE_ENTRY_MAX);
		break;
	case VIQ_CAPTURE_ENTRIES:
	case VIQ_CAPTURE_DOORBELL:
		assert_in_range(e->count, 0, VIQ_CAPTURE_MAX_ENTRIES);
		if (e->count)
			assert_ptr_equal((const uint8_t *)e->bytes + (size_t)e->count * setup->entry_size, buf + len);
		__attribute__((fallthrough));
	case VIQ_CAPTURE_GAP:
		assert_in_range(e->count, 0, setup->entries);
		assert_in_range(e->first, 0, setup->entries * (packet->kind == VIQ_CAPTURE_SMMUV3 ? 2 : 1) - 1);
		break;
	case VIQ_CAPTURE_READ:
	case VIQ_CAPTURE_WRITE:
		assert_true(packet->event.reg.size == 4 || packet->event.reg.size == 8);
		break;
	}
}

/* Mostly small numbers and the limits: pure noise would be refused at once. */
static uint32_t nasty(void)
{
	static const uint32_t numbers[] = {0,    1,    2,    3,    4,    8,    16,      32,
					   1024, 1025, 4095, 4096, 8191, 8192, 1 << 19, UINT32_MAX};

	return random() % 8 ? numbers[random() % 16] : (uint32_t)random();
}

static void packets_of_nonsense_are_refused_or_usable(void **state)
{
	const char *given = getenv("VIQ_SEED");
	unsigned int seed = given ? (unsigned int)strtoul(given, NULL, 0) : 1;
	struct viq_capture_packet packet;
	unsigned int accepted = 0;
	uint8_t *buf;
	const char *why;
	size_t len, i;
	int round, ret;

	print_message("VIQ_SEED=%u\n", seed);
	srandom(seed);
	for (round = 0; round < 200000; round++) {
		len = random() % 4 ? 8 + 8 * (size_t)(random() % 8) : (size_t)random() % 80;
		buf = malloc(len + !len); /* of its own: the address sanitizer sees each byte beyond */
		assert_non_null(buf);
		for (i = 0; i + 4 <= len; i += 4)
			memcpy(buf + i, &(uint32_t){nasty()}, 4);
		memset(buf + i, 0, len - i);
		memcpy(buf,
		       (const uint8_t[]){'V', 'I', 'Q', 1, (uint8_t)(1 + round % 2), (uint8_t)(random() % 9), 0, 0},
		       len < 8 ? len : 8);
		ret = viq_capture_decode(buf, len, &smmuv3_setup, &packet, &why);
		assert_true(ret == 0 || (ret == -EBADMSG && why));
		if (!ret)
			check_usable(&smmuv3_setup, &packet, buf, len);
		accepted += !ret;
		free(buf);
	}
	assert_in_range(accepted, 1000, 199000);
}

/* --- Writing ------------------------------------------------------------------------------------------------------ */

static void appends_refuse_what_a_reader_would(void **state)
{
	struct viq_capture_register reg = {.offset = 2, .size = 4};
	struct viq_capture_setup bad = smmuv3_setup;
	struct viq_capture_writer *w;
	struct viq_capture_error err;
	uint64_t bytes[4] = {0};

	assert_int_equal(viq_capture_writer_create(path, (enum viq_capture_kind)9, &w, NULL), -EINVAL);
	assert_int_equal(viq_capture_writer_create(path, VIQ_CAPTURE_SMMUV3, &w, NULL), 0);
	assert_int_equal(viq_capture_append_doorbell(w, 0, 0, 0, 1, bytes), -EINVAL);
	assert_int_equal(viq_capture_append_entries(w, 0, 0, 1, bytes), -EINVAL);
	bad.entries = 3;
	assert_int_equal(viq_capture_append_setup(w, 0, &bad), -EINVAL);
	bad = smmuv3_setup;
	strcpy(bad.note, "two\nlines");
	assert_int_equal(viq_capture_append_setup(w, 0, &bad), -EINVAL);
	assert_int_equal(viq_capture_append_setup(w, 0, &smmuv3_setup), 0);
	assert_int_equal(viq_capture_append_doorbell(w, 0, 0, 8192, 0, NULL), -EINVAL);
	assert_int_equal(viq_capture_append_doorbell(w, 0, 0, 0, 1, NULL), -EINVAL);
	assert_int_equal(viq_capture_append_doorbell(w, 0, 0, 0, 4097, bytes), -EINVAL);
	assert_int_equal(viq_capture_append_entries(w, 0, 0, 0, bytes), -EINVAL);
	assert_int_equal(viq_capture_append_register(w, 0, VIQ_CAPTURE_WRITE, &reg), -EINVAL);
	reg.offset = 4;
	assert_int_equal(viq_capture_append_register(w, 0, VIQ_CAPTURE_END, &reg), -EINVAL);
	assert_int_equal(viq_capture_writer_totals(w)->packets, 1);
	unlink(path);
	assert_int_equal(viq_capture_writer_commit(w, &err), -EINVAL);
	assert_int_equal(files_in_dir(), 0);
}

/* pcap's seconds end in 2106. */
static void times_that_pcap_cannot_hold_are_refused(void **state)
{
	const uint64_t end = (UINT64_C(1) << 32) * 1000000000;
	struct viq_capture_register reg = {.offset = 4, .size = 4};
	struct viq_capture_setup setup = smmuv3_setup;
	struct viq_capture_writer *w;
	struct viq_capture_error err;
	struct viq_capture_reader *r;
	struct viq_capture_event e;
	uint64_t bytes[2] = {0};

	setup.clock = VIQ_CAPTURE_REALTIME;
	assert_int_equal(viq_capture_writer_create(path, VIQ_CAPTURE_SMMUV3, &w, NULL), 0);
	assert_int_equal(viq_capture_append_setup(w, end - 1, &setup), 0);
	assert_int_equal(viq_capture_writer_commit(w, NULL), 0);
	assert_int_equal(viq_capture_reader_open(path, &r, NULL), 0);
	expect(r, &e, VIQ_CAPTURE_SETUP, end - 1);
	viq_capture_reader_close(r);
	unlink(path);
	for (unsigned int which = 0; which < 5; which++) {
		assert_int_equal(viq_capture_writer_create(path, VIQ_CAPTURE_SMMUV3, &w, NULL), 0);
		assert_int_equal(viq_capture_append_setup(w, which ? 0 : end, &setup), which ? 0 : -EOVERFLOW);
		if (which == 1)
			assert_int_equal(viq_capture_append_entries(w, end, 0, 1, bytes), -EOVERFLOW);
		if (which == 2)
			assert_int_equal(viq_capture_append_entries(w, UINT64_MAX, 0, 1, NULL), -EOVERFLOW);
		if (which == 3)
			assert_int_equal(viq_capture_append_doorbell(w, end, 0, 0, 0, NULL), -EOVERFLOW);
		if (which == 4)
			assert_int_equal(viq_capture_append_register(w, end, VIQ_CAPTURE_WRITE, &reg), -EOVERFLOW);
		assert_int_equal(viq_capture_writer_totals(w)->packets, which ? 1 : 0);
		assert_int_equal(viq_capture_writer_commit(w, &err), -EOVERFLOW);
		assert_non_null(strstr(err.text, "2106"));
		assert_int_equal(files_in_dir(), 0);
	}
}

static void the_file_appears_whole_or_not_at_all(void **state)
{
	struct viq_capture_writer *w;
	struct viq_capture_error err;

	unlink(path);
	assert_int_equal(viq_capture_writer_create(path, VIQ_CAPTURE_SMMUV3, &w, NULL), 0);
	assert_int_equal(viq_capture_append_setup(w, 0, &smmuv3_setup), 0);
	assert_int_equal(access(path, F_OK), -1);
	viq_capture_writer_abandon(w);
	assert_int_equal(files_in_dir(), 0);

	assert_int_equal(viq_capture_writer_create(path, VIQ_CAPTURE_SMMUV3, &w, NULL), 0);
	assert_int_equal(viq_capture_writer_commit(w, &err), -EINVAL);
	assert_int_equal(files_in_dir(), 0);

	assert_int_equal(viq_capture_writer_create("/dev/null", VIQ_CAPTURE_SMMUV3, &w, &err), -EEXIST);
	assert_int_equal(viq_capture_writer_create("/nonexistent/file", VIQ_CAPTURE_SMMUV3, &w, &err), -ENOENT);
}

/* The longest note, to the last byte; one more is none. */
static void the_longest_note_comes_back(void **state)
{
	struct viq_capture_setup setup = smmuv3_setup;
	struct viq_capture_reader *r;
	struct viq_capture_writer *w;
	struct viq_capture_event e;

	assert_int_equal(sizeof(setup.note), VIQ_CAPTURE_NOTE_MAX + 1);
	for (size_t len = VIQ_CAPTURE_NOTE_MAX - 8; len <= VIQ_CAPTURE_NOTE_MAX; len++) {
		memset(setup.note, 0, sizeof(setup.note));
		memset(setup.note, 'x', len - 1);
		setup.note[len - 1] = 'y';
		assert_int_equal(viq_capture_writer_create(path, VIQ_CAPTURE_SMMUV3, &w, NULL), 0);
		assert_int_equal(viq_capture_append_setup(w, 0, &setup), 0);
		assert_int_equal(viq_capture_writer_commit(w, NULL), 0);
		assert_int_equal(viq_capture_reader_open(path, &r, NULL), 0);
		assert_int_equal(viq_capture_reader_next(r, &e, NULL), 1);
		assert_int_equal(strlen(e.setup.note), len);
		assert_string_equal(e.setup.note, setup.note);
		assert_string_equal(viq_capture_reader_setup(r)->note, setup.note);
		viq_capture_reader_close(r);
	}
	memset(setup.note, 'x', sizeof(setup.note));
	assert_int_equal(viq_capture_writer_create(path, VIQ_CAPTURE_SMMUV3, &w, NULL), 0);
	assert_int_equal(viq_capture_append_setup(w, 0, &setup), -EINVAL);
	viq_capture_writer_abandon(w);
}

/* A disk that was full for a while: what was lost then is not forgotten when there is room again. */
static void a_write_that_failed_fails_the_capture(void **state)
{
	struct viq_capture_register reg = {.offset = 4, .size = 4};
	struct viq_capture_error err = {0};
	struct viq_capture_writer *w;
	struct rlimit old;

	unlink(path);
	assert_int_equal(viq_capture_writer_create(path, VIQ_CAPTURE_SMMUV3, &w, NULL), 0);
	assert_int_equal(viq_capture_append_setup(w, 0, &smmuv3_setup), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){65536, old.rlim_max}), 0);
	for (unsigned int i = 0; i < 10000; i++)
		assert_int_equal(viq_capture_append_register(w, 0, VIQ_CAPTURE_WRITE, &reg), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(viq_capture_writer_commit(w, &err), -EFBIG);
	assert_int_not_equal(err.text[0], 0);
	assert_int_equal(files_in_dir(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smmuv3_events_come_back_as_written),
		cmocka_unit_test(vtd_events_come_back_as_written),
		cmocka_unit_test(large_doorbells_are_split_and_wrap),
		cmocka_unit_test(without_a_clock_times_count_packets),
		cmocka_unit_test(truncation_at_every_byte_is_refused),
		cmocka_unit_test(every_rule_of_the_format_is_checked),
		cmocka_unit_test(flipped_bytes_never_confuse_the_reader),
		cmocka_unit_test(packets_of_nonsense_are_refused_or_usable),
		cmocka_unit_test(appends_refuse_what_a_reader_would),
		cmocka_unit_test(times_that_pcap_cannot_hold_are_refused),
		cmocka_unit_test(the_file_appears_whole_or_not_at_all),
		cmocka_unit_test(the_longest_note_comes_back),
		cmocka_unit_test(a_write_that_failed_fails_the_capture),
	};

	return cmocka_run_group_tests_name("capture files", tests, make_dir, remove_dir);
}
