/* SPDX-License-Identifier: MIT */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <viq/smmuv3_spec.h>

#include "answers.h"
#include "host/linux/iommufd/uapi.h"

#define LONGEST   400
#define NONE      UINT32_MAX
#define UNTOUCHED 77 /* what the answer's places hold before, where the kernel takes that */

enum object {
	VIOMMU,
	STAGE2,
	UNKNOWN
};

struct answer {
	int err;
	uint32_t count;
};

static const struct row {
	const char *call;
	enum object object;
	uint32_t size, flags, type, entries, entry_len;
	uint32_t bad; /* index of a command that no kernel takes; NONE */
	bool tail;    /* what is behind the call's own 32 bytes is not 0 */
	struct answer plain, report;
} rows[] = {
	{"three entries", VIOMMU, 32, 0, 1, 3, 16, NONE, false, {0, 3}, {0, 3}},
	{"a longer struct", VIOMMU, 40, 0, 1, 3, 16, NONE, false, {0, 3}, {0, 3}},
	{"a longer struct with a tail", VIOMMU, 40, 0, 1, 3, 16, NONE, true, {-E2BIG, 3}, {0, 3}},
	{"a still longer one", VIOMMU, 48, 0, 1, 3, 16, NONE, false, {0, 3}, {0, 3}},
	{"a short struct", VIOMMU, 28, 0, 1, 3, 16, NONE, false, {-EINVAL, 3}, {-EINVAL, 3}},
	{"a report", VIOMMU, 40, 1, 1, 3, 16, NONE, false, {-EOPNOTSUPP, 0}, {0, 3}},
	{"a report over something", VIOMMU, 40, 1, 1, 3, 16, NONE, true, {-E2BIG, 3}, {0, 3}},
	{"a report without a place", VIOMMU, 32, 1, 1, 3, 16, NONE, false, {-EOPNOTSUPP, 0}, {-EINVAL, 0}},
	{"an unknown flag", VIOMMU, 40, 3, 1, 3, 16, NONE, false, {-EOPNOTSUPP, 0}, {-EOPNOTSUPP, 0}},
	{"viq's probe", UNKNOWN, 40, 1, 0, 0, 0, NONE, false, {-EOPNOTSUPP, 0}, {-ENOENT, 0}},
	{"an empty array", VIOMMU, 32, 0, 1, 0, 0, NONE, false, {-EINVAL, 0}, {0, 0}},
	{"an empty array, report", VIOMMU, 40, 1, 1, 0, 0, NONE, false, {-EOPNOTSUPP, 0}, {0, 0}},
	{"an empty array of another type", VIOMMU, 32, 0, 9, 0, 0, NONE, false, {-EINVAL, 0}, {-EINVAL, 0}},
	{"another type", VIOMMU, 32, 0, 9, 3, 16, NONE, false, {-EINVAL, 0}, {-EINVAL, 0}},
	{"an unknown object", UNKNOWN, 32, 0, 1, 3, 16, NONE, false, {-ENOENT, 0}, {-ENOENT, 0}},
	{"a stage 2", STAGE2, 32, 0, 1, 3, 16, NONE, false, {-EINVAL, 0}, {-EINVAL, 0}},
	{"entries of no bytes", VIOMMU, 32, 0, 1, 3, 0, NONE, false, {-EINVAL, 0}, {-EINVAL, 0}},
	{"entries of 5,000 bytes", VIOMMU, 32, 0, 1, 1, 5000, NONE, false, {-EINVAL, 0}, {-EINVAL, 0}},
	{"entries that are longer", VIOMMU, 32, 0, 1, 3, 32, NONE, false, {-E2BIG, 0}, {-E2BIG, 0}},
	{"2^19 entries and one", VIOMMU, 32, 0, 1, (1u << 19) + 1, 16, NONE, false, {-EINVAL, 0}, {-EINVAL, 0}},
	{"the first is bad", VIOMMU, 40, 0, 1, 3, 16, 0, false, {-EIO, 0}, {-EIO, 0}},
	{"the last is bad", VIOMMU, 40, 0, 1, 3, 16, 2, false, {-EIO, 2}, {-EIO, 2}},
	{"the first, report", VIOMMU, 40, 1, 1, 3, 16, 0, false, {-EOPNOTSUPP, 0}, {-EIO, 0}},
	{"a group's last", VIOMMU, 40, 0, 1, 400, 16, 62, false, {-EIO, 62}, {-EIO, 62}},
	{"a group's last, report", VIOMMU, 40, 1, 1, 400, 16, 62, false, {-EOPNOTSUPP, 0}, {-EIO, 62}},
	{"a group's first", VIOMMU, 40, 0, 1, 400, 16, 63, false, {-EIO, 63}, {-EIO, 63}},
	{"a group's first, report", VIOMMU, 40, 1, 1, 400, 16, 63, true, {-E2BIG, 400}, {-EIO, 63}},
	{"number 300", VIOMMU, 40, 0, 1, 400, 16, 300, false, {-EIO, 300}, {-EIO, 300}},
	{"number 300, report", VIOMMU, 40, 1, 1, 400, 16, 300, false, {-EOPNOTSUPP, 0}, {-EIO, 300}},
};

/* As long as the longest that is tried. */
struct call {
	struct linux_hwpt_invalidate call;
	uint32_t more[2];
};

/* True: the kernel answers as it should. */
static bool ask(const struct answers_kernel *kernel, const struct row *row, struct call *c, int *err)
{
	static uint64_t entries[LONGEST][2]; /* what is behind them is not 0, so longer entries are refused */
	const struct answer *want = kernel->reports ? &row->report : &row->plain;
	const uint32_t ids[] = {[VIOMMU] = kernel->viommu, [STAGE2] = kernel->stage2, [UNKNOWN] = 0x7fffffff};
	uint32_t error = row->tail ? UNTOUCHED : 0, last = error;

	for (uint32_t i = 0; i < LONGEST; i++) {
		entries[i][0] = htole64(i == row->bad ? VIQ_SMMUV3_OP_TLBI_S12_VMALL : VIQ_SMMUV3_OP_TLBI_NH_VA);
		entries[i][1] = htole64((uint64_t)i << 12);
	}
	*c = (struct call){.call.cmd = {row->size, ids[row->object], (uintptr_t)entries, row->type, row->entry_len,
					row->entries, row->flags}};
	c->call.out_last_index = c->call.out_error = error;
	*err = kernel->invalidate(kernel->opaque, c);
	/* A report is there if it was asked for, and the call got that far. */
	if (kernel->reports && row->flags == LINUX_INVALIDATE_REPORT && row->size >= sizeof(c->call)) {
		error = 0;
		last = want->err ? want->count : 0;
	}
	return *err == want->err && c->call.cmd.entry_num == want->count && c->call.out_last_index == last &&
	       c->call.out_error == error && !c->more[0] && !c->more[1];
}

bool answers_agree(const struct answers_kernel *kernel, char *text, size_t size)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct call c;
		int err;

		if (!ask(kernel, &rows[i], &c, &err)) {
			snprintf(text, size, "%s: answer %d, count %u, last %u, error %u", rows[i].call, err,
				 c.call.cmd.entry_num, c.call.out_last_index, c.call.out_error);
			return false;
		}
	}
	return true;
}
