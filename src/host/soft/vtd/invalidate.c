/* SPDX-License-Identifier: MIT */
/* The invalidate call, device-TLB invalidations, and failures of both. */
#include <errno.h>

#include "base/sized.h"
#include "host/soft/execute.h"
#include "host/soft/thread.h"
#include "unit.h"

/* --- The call ----------------------------------------------------------------------------------------------------- */

struct target {
	struct viq_soft_vtd *soft;
	struct soft_vtd_table *table;
	uint64_t leaves; /* that may be cached */
};

/* Words of an entry: struct viq_vtd_s1_entry. */
enum {
	ADDR,
	NPAGES,
	FLAGS, /* and reserved */
	WORDS,
};
_Static_assert(WORDS * sizeof(uint64_t) == sizeof(struct viq_vtd_s1_entry), "an entry is three words");

static bool entry_ok(const uint64_t *entry)
{
	if (entry[FLAGS] & ~VIQ_VTD_S1_LEAF || entry[ADDR] % 4096)
		return false;
	if (entry[NPAGES] == VIQ_VTD_S1_ALL)
		return !entry[ADDR];
	return entry[NPAGES] && entry[NPAGES] - 1 <= (UINT64_MAX - entry[ADDR]) / 4096;
}

static bool run_entry(void *opaque, const void *words)
{
	const uint64_t *entry = words;
	struct target *t = opaque;
	struct soft_tlb_range range = {
		.last = UINT64_MAX,
		.leaves = t->leaves,
	};

	if (!entry_ok(entry))
		return false;
	if (entry[NPAGES] == VIQ_VTD_S1_ALL) {
		soft_tlb_inv_asid(&t->soft->vm, t->table->asid);
	} else {
		range.first = entry[ADDR];
		range.last = entry[ADDR] + entry[NPAGES] * 4096 - 1;
		soft_tlb_inv_va(&t->soft->vm, t->table->asid, &range);
	}
	/* After the IOTLB: the device asks again, and must not be given what was to go. */
	if (t->soft->config.devtlb_implied)
		soft_vtd_table_devtlbs(t->table, range.first, range.last);
	return true;
}

static void run(struct viq_soft_vtd *soft, const struct viq_call_request *req, uint32_t count,
		struct viq_call_result *res) MUST_HOLD(soft->lock)
{
	struct target target = {.soft = soft};
	uint32_t done;

	soft->calls++;
	if (req->type != VIQ_CALL_VTD_S1) {
		res->error = VIQ_CALL_UNSUPPORTED;
		return;
	}
	target.table = soft_vtd_table_find(soft, req->object);
	if (!target.table) {
		res->error = VIQ_CALL_GONE;
		return;
	}
	target.leaves = soft_vm_leaves(&soft->vm);
	done = soft_execute(req, WORDS, run_entry, &target);
	soft->entries += done;
	soft_report(res, count, done, 0);
}

static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct viq_soft_vtd *soft = opaque;
	int64_t count;

	if (!soft || !req || !res || res->size < sizeof(*res))
		return -EINVAL;
	count = soft_count_entries(req, VIQ_CALL_VTD_S1, sizeof(struct viq_vtd_s1_entry));
	if (count < 0)
		return (int)count;
	if (soft_in_section())
		return -EDEADLK;
	*res = (struct viq_call_result){.size = sizeof(*res), .host_calls = 1};
	pthread_mutex_lock(&soft->lock);
	run(soft, req, (uint32_t)count, res);
	pthread_mutex_unlock(&soft->lock);
	if (res->handled)
		soft_grace_period();
	return 0;
}

struct viq_call_host soft_vtd_host(struct viq_soft_vtd *soft, uint32_t table)
{
	static const struct viq_call_host_ops ops = {.size = sizeof(ops), .report_group = 1, .invalidate = invalidate};

	return (struct viq_call_host){.ops = &ops, .opaque = soft, .object = table};
}

/* --- Device-TLBs and the parent ----------------------------------------------------------------------------------- */

/* Under lock: the error that was asked for, or 0. */
static int strike(struct viq_soft_vtd_dev *dev)
{
	if (!dev->devtlb_left)
		return 0;
	if (dev->devtlb_left != UINT32_MAX)
		dev->devtlb_left--;
	return dev->devtlb_error;
}

static bool devtlb_ok(const struct viq_vtd_devtlb *inv)
{
	return (!inv->all_pasids || inv->has_pasid) &&
	       (!inv->has_pasid || inv->all_pasids || !(inv->pasid >> VIQ_VTD_PASID_BITS)) &&
	       (!inv->bytes || (inv->bytes >= 4096 && !(inv->bytes & (inv->bytes - 1)) && !(inv->addr % inv->bytes)));
}

int viq_soft_vtd_devtlb(struct viq_soft_vtd *soft, const struct viq_vtd_devtlb *asked)
{
	struct viq_vtd_devtlb own = {0};
	const struct viq_vtd_devtlb *inv = &own;
	struct viq_soft_vtd_dev *dev;
	int ret;

	if (!soft)
		return -EINVAL;
	ret = sized_take(&own, sizeof(own), asked, SIZED_TO(struct viq_vtd_devtlb, bytes), "inv", NULL);
	if (ret)
		return ret;
	if (!devtlb_ok(inv))
		return -EINVAL;
	if (soft_in_section())
		return -EDEADLK;
	pthread_mutex_lock(&soft->lock);
	dev = soft_vtd_dev_find(soft, inv->source_id);
	if (dev)
		ret = strike(dev);
	if (dev && !ret && dev->atc)
		soft_atc_inv(dev->atc, inv->all_pasids, inv->has_pasid ? inv->pasid : SOFT_NO_PASID,
			     inv->bytes ? inv->addr : 0, inv->bytes ? inv->addr + inv->bytes - 1 : UINT64_MAX);
	pthread_mutex_unlock(&soft->lock);
	if (dev && !ret)
		soft_grace_period();
	return ret;
}

int viq_soft_vtd_parent_invalidate(struct viq_soft_vtd *soft, uint64_t gpa, uint64_t len)
{
	if (!soft || (!len && gpa) || (len && gpa > UINT64_MAX - (len - 1)))
		return -EINVAL;
	if (soft_in_section())
		return -EDEADLK;
	pthread_mutex_lock(&soft->lock);
	soft_tlb_inv_vm(&soft->vm);
	for (size_t i = 0; i < soft->devs.count; i++) {
		struct viq_soft_vtd_dev *dev = soft->devs.items[i];
		if (dev->atc)
			soft_atc_inv_all(dev->atc);
	}
	pthread_mutex_unlock(&soft->lock);
	soft_grace_period();
	return 0;
}

/* --- Injection ---------------------------------------------------------------------------------------------------- */

int viq_soft_vtd_inject_devtlb(struct viq_soft_vtd_dev *dev, int error, uint32_t times)
{
	if (!dev || (error && error != -ETIMEDOUT && error != -EIO && error != -ENOMEM))
		return -EINVAL;
	pthread_mutex_lock(&dev->soft->lock);
	dev->devtlb_error = error;
	dev->devtlb_left = !error ? 0 : times ? times : UINT32_MAX;
	pthread_mutex_unlock(&dev->soft->lock);
	return 0;
}
