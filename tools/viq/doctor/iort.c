// SPDX-License-Identifier: MIT
/*
 * Is DMA coherent whatever the guest says? Linux makes a vIOMMU only if so: the SMMU forces it (S2FWB), or the
 * firmware promises it, by the flag CANWBS of a root complex in ACPI's IORT (Arm DEN 0049, "PCI root complex node").
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

#define PATH "sys/firmware/acpi/tables/IORT"

#define TABLE_MAX    (1u << 20) /* bytes; real ones have a few thousand */
#define TABLE_LENGTH 4
#define TABLE_NODES  36 /* count, offset of the first */
#define TABLE_HEADER 48

#define NODE_LENGTH  1 /* of type (u8), length (u16) */
#define NODE_HEADER  16
#define ROOT_COMPLEX 2

/* Of a root complex node. */
#define ROOT_ACCESS  23 /* memory access flags (u8) */
#define ROOT_SEGMENT 28
#define ROOT_SIZE    32
#define CANWBS       (1u << 2)

struct roots {
	unsigned int count, with;
	uint32_t without; /* PCI segment of one that has not got it */
};

static uint32_t get32(const char *bytes, size_t at)
{
	uint32_t value;

	memcpy(&value, bytes + at, sizeof(value));
	return le32toh(value);
}

static uint16_t get16(const char *bytes, size_t at)
{
	uint16_t value;

	memcpy(&value, bytes + at, sizeof(value));
	return le16toh(value);
}

static bool whole_table(const char *table, size_t len)
{
	uint8_t sum = 0;
	size_t i;

	if (len < TABLE_HEADER || memcmp(table, "IORT", 4) != 0 || get32(table, TABLE_LENGTH) != len)
		return false;
	for (i = 0; i < len; i++)
		sum = (uint8_t)(sum + (uint8_t)table[i]);
	return !sum;
}

/* False if the table is damaged. */
static bool find_roots(const char *table, size_t len, struct roots *roots)
{
	uint32_t i, nodes;
	size_t at, size;

	if (!whole_table(table, len))
		return false;
	nodes = get32(table, TABLE_NODES);
	at = get32(table, TABLE_NODES + 4);
	for (i = 0; i < nodes; i++, at += size) {
		if (at > len || len - at < NODE_HEADER)
			return false;
		size = get16(table, at + NODE_LENGTH);
		if (size < NODE_HEADER || size > len - at)
			return false;
		if (table[at] != ROOT_COMPLEX)
			continue;
		if (size < ROOT_SIZE)
			return false;
		roots->count++;
		if (table[at + ROOT_ACCESS] & CANWBS)
			roots->with++;
		else
			roots->without = get32(table, at + ROOT_SEGMENT);
	}
	return true;
}

static void judge_roots(struct doctor *d, const struct roots *roots)
{
	if (!roots->count) {
		doctor_find(d, DOCTOR_WARNING, "coherent", "the firmware's IORT has no PCI root complex");
		doctor_remedy(d, "only an SMMU with S2FWB can nest here; as root, viq doctor --try shows it");
	} else if (roots->with == roots->count) {
		doctor_find(d, DOCTOR_OK, "coherent", "the firmware promises coherent DMA (CANWBS in the IORT)");
	} else if (roots->with) {
		doctor_find(d, DOCTOR_WARNING, "coherent",
			    "the firmware promises coherent DMA (CANWBS in the IORT) for %u of %u root complexes, and "
			    "not for "
			    "PCI segment %" PRIu32,
			    roots->with, roots->count, roots->without);
		doctor_remedy(d, "without S2FWB in the SMMU only devices of the others can be used");
	} else {
		doctor_find(
			d, DOCTOR_MISSING, "coherent",
			"the firmware does not promise coherent DMA (no CANWBS in the IORT), so Linux makes no vIOMMU "
			"unless the SMMU has S2FWB");
		doctor_remedy(
			d,
			"newer firmware; in a virtual machine, an IORT with CANWBS set (tests/system/kernel has one)");
	}
}

static void judge_unread(struct doctor *d, int err)
{
	if (err == -ENOENT) {
		doctor_find(d, DOCTOR_WARNING, "coherent",
			    "there is no ACPI IORT, so nothing promises coherent DMA: the SMMU needs S2FWB");
		doctor_remedy(d, "as root, viq doctor --try tries a device");
		return;
	}
	doctor_find(d, DOCTOR_WARNING, "coherent", "/" PATH " cannot be read: %s", strerror(-err));
	doctor_remedy(d, "run as root to see whether DMA is coherent (CANWBS)");
}

void doctor_iort(struct doctor *d)
{
	struct roots roots = {0};
	char *table;
	size_t len;
	int ret;

	if (!d->smmus)
		return;
	ret = doctor_read(d, PATH, TABLE_MAX, &table, &len);
	if (ret) {
		judge_unread(d, ret);
		return;
	}
	if (find_roots(table, len, &roots)) {
		judge_roots(d, &roots);
	} else {
		doctor_find(d, DOCTOR_WARNING, "coherent",
			    "the firmware's IORT is damaged: whether DMA is coherent is not known");
		doctor_remedy(d, "newer firmware; or copy /" PATH " again");
	}
	free(table);
}
