/* SPDX-License-Identifier: MIT */
/*
 * The invalidate call on a vIOMMU: from a request to system calls, and from what the kernel says to what is true.
 *
 * The driver converts commands one after the other and issues them in groups of 63, counted from the first entry of the
 * call. What its count means when a call fails depends on the kernel (docs/kernels.md):
 *
 *   6.13 to 7.3, refusal   EIO, the refused command; those before it in its group never ran
 *   6.13 to 7.3, time-out  the last command of the group that could not be issued: any of them may be the cause
 *   after 7.3              the group's first command, in both cases
 *   any, no memory         the number that was passed in: nothing ran
 *
 * All of them are a host with report_group 63 to call_believe(), which interprets each system call's count; no kernel
 * version is looked at. If the cause is one command among several, viq_call_invalidate() finds it. A kernel with
 * integrations/linux says what is true: the count is exact, and so is the range of those that can be the cause.
 *
 * So that the answer does not depend on the caller's gather pieces, groups are counted from the request's first entry:
 * every call begins with a whole group. Where a piece ends in the middle of one, that group is put together in a copy.
 * It is also cheaper than a call per piece: the driver waits for the hardware once per group. An error that is not a
 * group's (the vIOMMU is gone) may be any later entry's, also of those that the next call would have had.
 *
 * Every command is held against the kernel's list first. The first that is not on it ends the request: what is before
 * it is sent, and then it is the culprit, known without any call. A kernel that refuses a command of the list has lost
 * its stream's vDEVICE. If it names no stream, another command tells whether the kernel refuses this one (it knows a
 * reason that its registers do not show) or all of them (the SMMU is gone).
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "call/exact.h"
#include "call/gather.h"
#include "invalidate.h"

/* A part of the request that one call takes. */
struct run {
	const le64 (*entries)[2];
	uint32_t count;
	bool repeat;               /* the erratum: to be made twice */
	le64 copy[LINUX_GROUP][2]; /* of a group that lies in several pieces */
};

/*
 * What one call may have: the kernel copies the array by kcalloc() (arm_vsmmu_cache_invalidate()), and warns, which
 * panics where panic_on_warn is set, at what is larger than its page allocator can give: 4 MiB of 16 bytes each.
 */
#define KERNEL_ENTRIES (262144u / LINUX_GROUP * LINUX_GROUP)

static uint32_t slice_of(uint32_t calls)
{
	switch (calls) {
	case VIQ_LINUX_CALLS_STRICT:
		return LINUX_GROUP;
	case VIQ_LINUX_CALLS_SINGLE:
		return 1;
	}
	return KERNEL_ENTRIES;
}

void linux_invalidate_init(struct linux_invalidate *inv, struct viq_linux *ctx, uint32_t viommu,
			   const struct viq_linux_hw_info *hw, uint32_t calls)
{
	*inv = (struct linux_invalidate){
		.calls = {.ctx = ctx},
		.object = viommu,
		.slice = slice_of(calls),
	};
	linux_invalidate_start(inv, viommu, hw);
}

void linux_invalidate_start(struct linux_invalidate *inv, uint32_t viommu, const struct viq_linux_hw_info *hw)
{
	inv->viommu = viommu;
	inv->repeat = hw->flags & VIQ_LINUX_SMMUV3_REPEAT_TLBI_CFGI;
	linux_allow_init(&inv->allow, hw);
}

static bool names_stream(const le64 entry[2])
{
	switch (le64_get(entry[0]) & VIQ_SMMUV3_CMD_OP) {
	case VIQ_SMMUV3_OP_ATC_INV:
	case VIQ_SMMUV3_OP_CFGI_CD:
	case VIQ_SMMUV3_OP_CFGI_CD_ALL:
		return true;
	}
	return false;
}

/* The system call, for n entries. */
static inline bool call(struct linux_calls *calls, uint32_t viommu, const le64 (*entries)[2], uint32_t n,
			struct linux_answer *answer)
{
	return linux_call_invalidate(calls, viommu, UAPI_IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3, entries,
				     sizeof(*entries), n, answer);
}

/* Why a call failed that one group's commands have failed. */
static uint32_t group_error(int err, uint32_t hw_code)
{
	switch (hw_code) {
	case 0:
	case VIQ_SMMUV3_CERROR_ILL:
		return err == -EIO ? VIQ_CALL_ILLEGAL : linux_call_error(err);
	case VIQ_SMMUV3_CERROR_ATC_INV_SYNC:
		return VIQ_CALL_TIMEOUT;
	}
	return VIQ_CALL_FAILED;
}

/* *f: what to believe of a call for n of the left entries of the request. */
static __attribute__((noinline)) void failure(struct linux_invalidate *inv, uint32_t n, uint32_t left,
					      const struct linux_answer *answer, struct call_failure *f)
{
	struct viq_call_result said;
	uint32_t handled = answer->handled;
	bool of_group;
	int err = answer->err;

	linux_add(&inv->calls.failed, 1);
	/* Only these two errors come from one group. Of success with another count nothing is known. */
	of_group = err == -EIO || err == -ETIMEDOUT;
	if (of_group)
		left = n;
	else if (!err || handled >= n)
		handled = left;
	said = (struct viq_call_result){.handled = handled, .suspect = of_group ? handled : left - 1, .os_error = err};
	said.error = of_group ? group_error(err, answer->hw_code) : linux_call_error(err);
	said.hw_code = answer->hw_code;
	if (of_group && answer->report)
		said.suspect = answer->last;
	*f = call_believe(answer->report ? 1 : LINUX_GROUP, left, 0, &said);
	/* The count points at a command only if that was refused. */
	if (err != -EIO || f->hint == f->safe)
		f->hint = CALL_NO_HINT;
}

/* One such call. True if all of it was done. */
static bool attempt(struct linux_invalidate *inv, const le64 (*entries)[2], uint32_t n, uint32_t left,
		    struct call_failure *f)
{
	struct linux_answer answer;

	if (call(&inv->calls, inv->viommu, entries, n, &answer))
		return true;
	failure(inv, n, left, &answer, f);
	return false;
}

/* All calls that a run needs: the erratum's second one is for what the first has done. */
static bool run_execute(struct linux_invalidate *inv, const struct run *run, uint32_t left, uint32_t *calls,
			struct call_failure *f)
{
	bool all = attempt(inv, run->entries, run->count, left, f);
	uint32_t done = all ? run->count : f->safe;
	struct call_failure again;

	++*calls;
	if (!run->repeat || !done)
		return all;
	++*calls;
	linux_add(&inv->repeated, 1);
	if (attempt(inv, run->entries, done, left, &again))
		return all;
	*f = again;
	return false;
}

/* --- Cutting a request into runs ---------------------------------------------------------------------------------- */

/* The entries from the cursor on that one call can take: whole groups, unless they are the request's last, or one. */
static void run_take(struct linux_invalidate *inv, struct run *run, struct gather_cursor *at, uint32_t total)
{
	const uint32_t group = inv->slice < LINUX_GROUP ? inv->slice : LINUX_GROUP;
	uint32_t here, left = total - at->index;

	ASSERT(group);
	run->entries = gather_entry(at);
	here = at->req->pieces[at->piece].count - at->offset;
	if (here > inv->slice)
		here = inv->slice;
	if (here >= left) {
		run->count = left;
	} else if (here >= group) {
		run->count = here - here % group;
	} else {
		run->count = left < LINUX_GROUP ? left : LINUX_GROUP;
		run->entries = (const le64(*)[2])run->copy;
		/* One at least, which gcc's analyzer does not see by itself. */
		for (uint32_t i = 0; i == 0 || i < run->count; i++, gather_skip(at, 1))
			memcpy(run->copy[i], gather_entry(at), sizeof(run->copy[i]));
		return;
	}
	gather_skip(at, run->count);
}

/* An entry that the erratum is of. */
static bool is_repeated(const struct linux_invalidate *inv, const le64 entry[2])
{
	return inv->repeat && (le64_get(entry[0]) & VIQ_SMMUV3_CMD_OP) != VIQ_SMMUV3_OP_ATC_INV;
}

/* Cut the run at the first entry that is not on the kernel's list. True if there is one. */
static bool run_check(const struct linux_invalidate *inv, struct run *run)
{
	uint32_t count = run->count, legal = linux_allowed_count(&inv->allow, run->entries, count);

	run->count = legal;
	run->repeat = false;
	for (uint32_t i = 0; inv->repeat && i < legal; i++)
		run->repeat |= is_repeated(inv, run->entries[i]);
	return legal < count;
}

/* --- Answers ------------------------------------------------------------------------------------------------------ */

/* Does the kernel still take a command that no SMMU lacks and no stream is needed for? It flushes this VM's TLB. */
static bool alive(struct linux_invalidate *inv, uint32_t *calls)
{
	const le64 all[1][2] = {{le64_put(VIQ_SMMUV3_OP_TLBI_NH_ALL)}};

	struct call_failure f;

	++*calls;
	return attempt(inv, all, 1, 1, &f);
}

/* Why an entry of the list was refused, alone. */
static uint32_t refusal(struct linux_invalidate *inv, const le64 entry[2], uint32_t *calls)
{
	if (names_stream(entry))
		return VIQ_CALL_GONE;
	return alive(inv, calls) ? VIQ_CALL_ILLEGAL : VIQ_CALL_GONE;
}

/* The run of entries that begins at number first of the request ended before its end. */
static void run_failed(struct linux_invalidate *inv, const le64 (*entries)[2], uint32_t first,
		       const struct call_failure *f, struct viq_call_result *res)
{
	res->handled = first + f->safe;
	res->suspect = first + f->last;
	res->hint = f->hint != CALL_NO_HINT ? first + f->hint : 0;
	res->os_error = f->os_error;
	res->error = f->error;
	res->hw_code = f->hw_code;
	/* One of several may be asked for again; one that is alone will not. What the hardware refuses, it refuses. */
	if (f->error == VIQ_CALL_ILLEGAL && f->safe == f->last && !f->hw_code)
		res->error = refusal(inv, entries[f->safe], &res->host_calls);
}

/*
 * "Is the type supported?" Linux up to 7.3 answers EINVAL to an empty array, whatever its type, and looks for the
 * object before; later kernels answer 0. Both mean that the vIOMMU is there and takes such calls.
 */
int linux_invalidate_probe(struct linux_calls *calls, uint32_t viommu)
{
	struct linux_answer answer;

	if (call(calls, viommu, NULL, 0, &answer) || answer.err == -EINVAL)
		return 0;
	return answer.err;
}

static int probe(struct linux_invalidate *inv, struct viq_call_result *res)
{
	int err = linux_invalidate_probe(&inv->calls, inv->viommu);

	res->host_calls = 1;
	if (err) {
		linux_add(&inv->calls.failed, 1);
		res->error = linux_call_error(err);
		res->os_error = err;
	}
	return 0;
}

static __attribute__((noinline)) int invalidate_any(struct linux_invalidate *inv, const struct viq_call_request *req,
						    struct viq_call_result *res)
{
	struct gather_cursor at = {.req = req};
	uint32_t total = gather_count(req);
	struct run run;

	*res = (struct viq_call_result){.size = sizeof(*res), .handled = total, .suspect = total};
	if (req->type != VIQ_CALL_SMMUV3) {
		res->handled = 0;
		res->suspect = total ? total - 1 : 0;
		res->error = VIQ_CALL_UNSUPPORTED;
		return 0;
	}
	if (!total)
		return probe(inv, res);
	while (at.index < total) {
		uint32_t first = at.index;
		struct call_failure f;
		bool illegal;

		run_take(inv, &run, &at, total);
		illegal = run_check(inv, &run);
		if (run.count && !run_execute(inv, &run, total - first, &res->host_calls, &f)) {
			run_failed(inv, run.entries, first, &f, res);
			return 0;
		}
		if (illegal) {
			linux_add(&inv->refused, 1);
			res->handled = res->suspect = first + run.count;
			res->error = VIQ_CALL_ILLEGAL;
			return 0;
		}
	}
	return 0;
}

/* What a doorbell mostly brings is one entry, and needs none of the loops. */
int linux_invalidate(struct linux_invalidate *inv, const struct viq_call_request *req, struct viq_call_result *res)
{
	const le64(*entry)[2];
	struct call_failure f;

	if (req->object != inv->object)
		return -ENOENT;
	if (req->type != VIQ_CALL_SMMUV3 || req->piece_count != 1 || req->pieces[0].count != 1)
		return invalidate_any(inv, req, res);
	entry = req->pieces[0].entries;
	if (is_repeated(inv, *entry) || linux_allowed_count(&inv->allow, entry, 1) != 1)
		return invalidate_any(inv, req, res);
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = 1, .suspect = 1, .host_calls = 1};
	if (!attempt(inv, entry, 1, 1, &f))
		run_failed(inv, entry, 0, &f, res);
	return 0;
}
