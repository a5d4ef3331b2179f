/* SPDX-License-Identifier: MIT */
/*
 * IOMMU_HWPT_INVALIDATE on a nested page table of VT-d.
 *
 * The driver takes one entry after the other: it covers the range by one naturally aligned block, submits descriptors
 * for it to the physical queue and waits for them, for the IOTLB and for the TLB of every device attached. So a count
 * is exact, whatever error it comes with. How the physical queue answered is told by a kernel with integrations/linux
 * only: elsewhere the call succeeds after a device-TLB time-out there all the same (docs/kernels.md).
 *
 * Entries are held against the driver's rules first, and two of our own: npages = 0 is not refused but invalidates the
 * wrong block, and a range that wraps invalidates too little.
 *
 * An entry that keeps the rules was made from a guest's legal descriptor. If the kernel refuses it nonetheless the
 * guest is not to blame, and would lose it if it were: the whole table is invalidated instead, which is more than any
 * entry asks for. If the hardware refuses it, and the kernel says so, the guest is told what its own VT-d would say.
 */
#include <errno.h>

#include "call/exact.h"
#include "call/gather.h"
#include "vvtd.h"

static_assert(sizeof(struct viq_vtd_s1_entry) == sizeof(struct uapi_iommu_hwpt_vtd_s1_invalidate),
	      "passed on as it is");
static_assert(offsetof(struct viq_vtd_s1_entry, npages) == offsetof(struct uapi_iommu_hwpt_vtd_s1_invalidate, npages),
	      "npages");
static_assert(offsetof(struct viq_vtd_s1_entry, flags) == offsetof(struct uapi_iommu_hwpt_vtd_s1_invalidate, flags),
	      "flags");
static_assert(VIQ_VTD_S1_LEAF == UAPI_IOMMU_VTD_INV_FLAGS_LEAF, "flags");

#define PAGE       4096
#define PAGES_BITS 52 /* of 4 KiB in 64-bit addresses */

static bool entry_ok(const struct viq_vtd_s1_entry *e)
{
	if (e->flags & ~VIQ_VTD_S1_LEAF || e->reserved || e->addr % PAGE)
		return false;
	if (e->npages == VIQ_VTD_S1_ALL)
		return !e->addr;
	return e->npages && e->npages <= (UINT64_C(1) << PAGES_BITS) - e->addr / PAGE;
}

/* The system call, for n entries. */
static inline bool call(struct linux_calls *calls, uint32_t hwpt, const struct viq_vtd_s1_entry *entries, uint32_t n,
			struct linux_answer *answer)
{
	return linux_call_invalidate(calls, hwpt, UAPI_IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, entries, sizeof(*entries), n,
				     answer);
}

/* IQE: the physical VT-d refuses the entry, as it would refuse the guest's own descriptor. */
static uint32_t error_of(const struct linux_answer *answer)
{
	return answer->hw_code == VIQ_VTD_FSTS_IQE ? VIQ_CALL_ILLEGAL : linux_call_error(answer->err);
}

/* What to believe of a call for n entries from number first of the request's total on. */
static __attribute__((noinline)) struct call_failure failure(struct linux_vtd_invalidate *inv, uint32_t n,
							     uint32_t first, uint32_t total, struct linux_answer answer)
{
	uint32_t handled = answer.handled, left = total - first;
	int err = answer.err;
	struct viq_call_result said = {.suspect = answer.report ? answer.last : answer.handled,
				       .error = error_of(&answer),
				       .hw_code = answer.hw_code,
				       .os_error = err};

	linux_add(&inv->calls.failed, 1);
	/* Of success with another count nothing is known. */
	said.handled = !err || handled >= n ? left : handled;
	/*
	 * If nothing of the request was done it may be the call that cannot be made, as without a table or memory. What
	 * the hardware has raised is of an entry.
	 */
	if (!answer.hw_code && (!(first + handled) || err == -ENOENT || err == -ENOMEM))
		said.suspect = left - 1;
	return call_believe(1, left, 0, &said);
}

static bool refusal(int err)
{
	return err == -EINVAL || err == -EOPNOTSUPP || err == -E2BIG;
}

/* It takes effect for every entry of the request that was not done yet: all of them were queued before. */
static bool whole_table(struct linux_vtd_invalidate *inv, uint32_t hwpt)
{
	const struct viq_vtd_s1_entry all = {.npages = VIQ_VTD_S1_ALL};
	struct linux_answer answer;

	linux_add(&inv->whole, 1);
	if (call(&inv->calls, hwpt, &all, 1, &answer))
		return true;
	linux_add(&inv->calls.failed, 1);
	return false;
}

static void fail(struct viq_call_result *res, uint32_t at, uint32_t last, uint32_t error, int os_error)
{
	res->handled = at;
	res->suspect = last;
	res->error = error;
	res->os_error = os_error;
}

/* "Is the type supported?" An empty array is not refused by VT-d's driver, and an object of another kind is (EINVAL).
 */
int linux_vtd_invalidate_probe(struct linux_calls *calls, uint32_t hwpt)
{
	struct linux_answer answer;

	return call(calls, hwpt, NULL, 0, &answer) ? 0 : answer.err;
}

static int probe(struct linux_vtd_invalidate *inv, uint32_t hwpt, struct viq_call_result *res)
{
	int err = linux_vtd_invalidate_probe(&inv->calls, hwpt);

	res->host_calls = 1;
	if (err) {
		linux_add(&inv->calls.failed, 1);
		fail(res, 0, 0, err == -EINVAL ? VIQ_CALL_UNSUPPORTED : linux_call_error(err), err);
	}
	return 0;
}

/* After a call that failed. true: all was done by another one. */
static __attribute__((noinline)) bool recover(struct linux_vtd_invalidate *inv, uint32_t hwpt, uint32_t first,
					      struct call_failure f, struct viq_call_result *res)
{
	if (refusal(f.os_error)) {
		res->host_calls++;
		if (whole_table(inv, hwpt))
			return true;
		f.last = f.safe;
		f.error = VIQ_CALL_GONE;
	}
	fail(res, first + f.safe, first + f.last, f.error, f.os_error);
	res->hw_code = f.hw_code;
	return false;
}

/* count legal entries, one at least, the first of which is number first of the request's total. */
static inline bool execute(struct linux_vtd_invalidate *inv, const struct viq_call_request *req, uint32_t total,
			   const struct viq_vtd_s1_entry *entries, uint32_t first, uint32_t count,
			   struct viq_call_result *res)
{
	struct linux_answer answer;

	res->host_calls++;
	return call(&inv->calls, req->object, entries, count, &answer) ||
	       recover(inv, req->object, first, failure(inv, count, first, total, answer), res);
}

static __attribute__((noinline)) int invalidate_any(struct linux_vtd_invalidate *inv,
						    const struct viq_call_request *req, struct viq_call_result *res)
{
	uint32_t total = gather_count(req), first = 0;

	*res = (struct viq_call_result){.size = sizeof(*res), .handled = total, .suspect = total};
	if (req->type != VIQ_CALL_VTD_S1 || req->entry_size != sizeof(struct viq_vtd_s1_entry)) {
		fail(res, 0, total ? total - 1 : 0, VIQ_CALL_UNSUPPORTED, 0);
		return 0;
	}
	if (!total)
		return probe(inv, req->object, res);
	for (uint32_t p = 0; p < req->piece_count; p++) {
		const struct viq_vtd_s1_entry *entries = req->pieces[p].entries;
		uint32_t count = req->pieces[p].count, legal = 0;

		while (legal < count && entry_ok(&entries[legal]))
			legal++;
		if (legal && !execute(inv, req, total, entries, first, legal, res))
			return 0;
		if (legal < count) {
			linux_add(&inv->refused, 1);
			fail(res, first + legal, first + legal, VIQ_CALL_ILLEGAL, 0);
			return 0;
		}
		first += count;
	}
	return 0;
}

/* What a doorbell mostly brings is one entry, and needs none of the loops. */
int linux_vtd_invalidate(struct linux_vtd_invalidate *inv, const struct viq_call_request *req,
			 struct viq_call_result *res)
{
	if (req->type != VIQ_CALL_VTD_S1 || req->entry_size != sizeof(struct viq_vtd_s1_entry) ||
	    req->piece_count != 1 || req->pieces[0].count != 1 || !entry_ok(req->pieces[0].entries))
		return invalidate_any(inv, req, res);
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = 1, .suspect = 1};
	execute(inv, req, 1, req->pieces[0].entries, 0, 1, res);
	return 0;
}
