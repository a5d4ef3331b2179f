/* SPDX-License-Identifier: MIT */
#include "base/le.h"
#include "capture/capture.h"
#include "capture/format.h"
#include "capture_mutate.h"

#define FILE_HEADER 24 /* of libpcap, and before each packet: */
#define RECORD      16
#define PACKETS     128
#define ENTRIES     (RECORD + VIQ_CAPTURE_HEADER_SIZE + VIQ_CAPTURE_BODY_FIXED) /* where those of a packet begin */

struct packet {
	size_t at, len; /* with its record header */
};

/* Packets as far as there are whole ones; returns how many. */
static size_t split(const uint8_t *file, size_t size, struct packet packets[PACKETS])
{
	size_t at = FILE_HEADER, count = 0, len;

	for (; count < PACKETS && at < size && size - at >= RECORD + VIQ_CAPTURE_HEADER_SIZE; at += RECORD + len) {
		len = le_load(file + at + 8, 4);
		if (len > size - at - RECORD || len < VIQ_CAPTURE_HEADER_SIZE)
			break;
		packets[count++] = (struct packet){at, RECORD + len};
	}
	return count;
}

/* Counts of entries and totals as they must be; what is said of the queue stays. */
static void mend(uint8_t *file, size_t size)
{
	struct packet packets[PACKETS];
	size_t count = split(file, size, packets), entry_size = 16;
	uint64_t doorbells = 0, entries = 0, missing = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t *p = file + packets[i].at, *body = p + RECORD + VIQ_CAPTURE_HEADER_SIZE;
		size_t len = packets[i].len - RECORD - VIQ_CAPTURE_HEADER_SIZE, n;
		uint8_t type = body[-3];

		memcpy(p + RECORD, "VIQ\1", 4);
		body[-4] = file[FILE_HEADER + RECORD + 4]; /* the first packet's IOMMU */
		body[-2] = body[-1] = 0;
		if (type == VIQ_CAPTURE_SETUP && len >= VIQ_CAPTURE_SETUP_FIXED && le_load(body + 12, 2))
			entry_size = le_load(body + 12, 2);
		if (type == VIQ_CAPTURE_END && len == VIQ_CAPTURE_END_SIZE) {
			le_store(body, 8, i);
			le_store(body + 8, 8, doorbells);
			le_store(body + 16, 8, entries);
			le_store(body + 24, 8, missing);
		}
		if (type < VIQ_CAPTURE_ENTRIES || type > VIQ_CAPTURE_DOORBELL || len < VIQ_CAPTURE_BODY_FIXED)
			continue;
		n = (len - VIQ_CAPTURE_BODY_FIXED) / entry_size;
		if (type != VIQ_CAPTURE_GAP)
			le_store(body + 8, 4, n);
		if (type != VIQ_CAPTURE_DOORBELL)
			le_store(body, 4, 0);
		le_store(body + 12, 4, 0);
		doorbells += type == VIQ_CAPTURE_DOORBELL;
		*(type == VIQ_CAPTURE_GAP ? &missing : &entries) += type == VIQ_CAPTURE_GAP ? le_load(body + 8, 4) : n;
	}
}

/* In the place of `old` bytes at `at` come these. Returns the new size, which is the old one if there is no room. */
static size_t replace(uint8_t *file, size_t size, size_t max, size_t at, size_t old, const uint8_t *bytes, size_t len)
{
	if (size - old + len > max)
		return size;
	memmove(file + at + len, file + at + old, size - at - old);
	memcpy(file + at, bytes, len);
	return size - old + len;
}

/* A packet's body: libFuzzer changes it, and the record's lengths follow. */
static size_t mutate_packet(uint8_t *file, size_t size, size_t max, const struct packet *p)
{
	uint8_t bytes[4096];
	size_t len;

	if (p->len > sizeof(bytes))
		return size;
	memcpy(bytes, file + p->at, p->len);
	len = RECORD + LLVMFuzzerMutate(bytes + RECORD, p->len - RECORD, sizeof(bytes) - RECORD);
	le_store(bytes + 8, 4, len - RECORD);
	le_store(bytes + 12, 4, len - RECORD);
	return replace(file, size, max, p->at, p->len, bytes, len);
}

/* An entry of some kind in the place of another one, or before it. */
static size_t mutate_entry(uint8_t *file, size_t size, size_t max, const struct packet *p, unsigned int seed)
{
	static const uint8_t smmuv3[] = {0x46, 0x12, 0x11, 0x05, 0x06, 0x03, 0x04, 0x40, 0x10, 0x13, 0x30, 0x01};
	bool vtd = file[FILE_HEADER + RECORD + 4] == VIQ_CAPTURE_VTD, insert = seed & 1;
	size_t entry_size = vtd && seed & 2 ? 32 : 16, count, at;
	uint8_t entry[32] = {0}, opcode = vtd ? 1 + seed / 16 % 9 : smmuv3[seed / 16 % sizeof(smmuv3)];
	uint8_t type = file[p->at + RECORD + 5];

	if (p->len < ENTRIES + entry_size || (type != VIQ_CAPTURE_ENTRIES && type != VIQ_CAPTURE_DOORBELL))
		return size;
	count = (p->len - ENTRIES) / entry_size;
	at = p->at + ENTRIES + seed / 1024 % count * entry_size;
	memcpy(entry, file + at, entry_size);
	entry[0] = vtd ? (entry[0] & 0xf0) | opcode : opcode;
	if (insert && size + entry_size <= max) {
		le_store(file + p->at + 8, 4, p->len - RECORD + entry_size);
		le_store(file + p->at + 12, 4, p->len - RECORD + entry_size);
	}
	return replace(file, size, max, at, insert ? 0 : entry_size, entry, entry_size);
}

static size_t mutate_file(uint8_t *file, size_t size, size_t max, unsigned int seed)
{
	struct packet packets[PACKETS], *from, *to;
	size_t count = split(file, size, packets);
	uint8_t bytes[4096];

	if (!count)
		return LLVMFuzzerMutate(file, size, max);
	from = &packets[seed / 8 % count];
	to = &packets[seed / 1024 % count];
	switch (seed % 8) {
	case 0:
		return LLVMFuzzerMutate(file, size, max);
	case 1:
		return replace(file, size, max, from->at, from->len, bytes, 0);
	case 2:
	case 3:
		if (from->len > sizeof(bytes))
			return size;
		memcpy(bytes, file + from->at, from->len);
		return replace(file, size, max, to->at, 0, bytes, from->len);
	case 4:
	case 5:
		return mutate_entry(file, size, max, from, seed / 8);
	default:
		return mutate_packet(file, size, max, from);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	uint8_t *file = data + CAPTURE_FRONT;

	if (size <= CAPTURE_FRONT + FILE_HEADER + RECORD + VIQ_CAPTURE_HEADER_SIZE || seed % 16 == 0)
		return LLVMFuzzerMutate(data, size, max);
	if (seed % 16 == 1) { /* other options */
		LLVMFuzzerMutate(data, CAPTURE_FRONT, CAPTURE_FRONT);
		return size;
	}
	size = mutate_file(file, size - CAPTURE_FRONT, max - CAPTURE_FRONT, seed / 16);
	/* Most of the time: what is wrong is to be seen, too. */
	if (seed / 16 % 8 && size > FILE_HEADER + RECORD + VIQ_CAPTURE_HEADER_SIZE)
		mend(file, size);
	return size + CAPTURE_FRONT;
}
