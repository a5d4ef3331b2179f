/* SPDX-License-Identifier: MIT */
/*
 * Accesses: from a device's address to a physical one. The cached entries of the device, then the IOTLB, then the
 * tables; devices with ATS ask their own TLB first.
 */
#include <errno.h>

#include "host/soft/flags.h"
#include "spec/vtd/fault.h"
#include "unit.h"
#include "walk_entry.h"

struct access {
	struct viq_soft_vtd *soft;
	struct viq_soft_vtd_dev *dev;
	const struct soft_vtd_view *view;
	struct soft_vtd_request req;
	uint32_t flags;
	uint64_t configs; /* dev->configs before the view was looked at */
	/* How to translate it, once it was admitted: */
	struct vtd_regime regime;
	uint16_t asid;
	bool parent;         /* the embedder's second stage alone */
	bool uncached;       /* by an entry that is not cached */
	unsigned int rights; /* that it needs */
};

struct soft_vtd_group *soft_vtd_group_find(const struct soft_vtd_view *view, uint32_t index)
{
	uint32_t lo = 0, hi = view->count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (view->groups[mid]->index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < view->count && view->groups[lo]->index == index ? view->groups[lo] : NULL;
}

const struct soft_vtd_entry *soft_vtd_entry_find(const struct soft_vtd_view *view, uint32_t pasid)
{
	const struct soft_vtd_group *group = soft_vtd_group_find(view, pasid / VIQ_VTD_PE_TABLE);
	uint32_t lo = 0, hi = group ? group->count : 0;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (group->entries[mid].pasid < pasid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return group && lo < group->count && group->entries[lo].pasid == pasid ? &group->entries[lo] : NULL;
}

/* --- Configuration ------------------------------------------------------------------------------------------------ */

/*
 * Why there is no entry for this PASID. What the guest has made present since it last invalidated is not present yet:
 * with CAP.CM = 1 hardware may have cached that.
 */
static int missing_entry(const struct access *a, uint32_t pasid, struct soft_vtd_fault *fault)
{
	struct vtd_regime regime;

	/* Which is so before any entry is read, whatever is wrong with that. */
	if (a->req.has_pasid && VIQ_GET(VIQ_VTD_RTADDR_TTM, a->view->rtaddr) == VIQ_VTD_TTM_LEGACY)
		return soft_vtd_fail(fault, VIQ_VTD_FR_TTM_PASID, false);
	if (a->view->state == SOFT_VTD_FAULT)
		*fault = a->view->fault;
	else if (!soft_vtd_fetch_pasid(a->soft->guest_mem, &a->soft->features, &a->view->ctx, pasid, &regime, fault))
		*fault = (struct soft_vtd_fault){.reason = VIQ_VTD_FR_PE_P, .recorded = !a->view->ctx.fpd};
	return -EFAULT;
}

/* What the entry's translation is on top of the embedder's second stage. */
static void lay_on_parent(struct access *a)
{
	const struct viq_soft_vtd *soft = a->soft;

	if (!soft->config.parent_aw)
		return;
	a->regime.ss = soft->parent.ss;
	a->parent = a->regime.pgtt == VIQ_VTD_PGTT_PT;
	a->regime.pgtt = a->parent ? VIQ_VTD_PGTT_SS : VIQ_VTD_PGTT_NESTED;
	/* Rights that a legacy entry gives everybody, and the fault reasons of scalable mode: the guest's tables are
	 * not to blame. */
	a->regime.legacy = false;
}

/* By the entry: 0, or -EFAULT with *fault. */
static int admit_by(struct access *a, const struct vtd_context *ctx, const struct vtd_regime *regime, uint16_t asid,
		    struct soft_vtd_fault *fault)
{
	int ret = soft_vtd_admit(ctx, regime, &a->req, &a->rights, fault);

	if (ret)
		return ret;
	a->regime = *regime;
	a->asid = asid;
	lay_on_parent(a);
	return 0;
}

/* By what is in memory now, of which nothing is cached. */
static int admit_uncached(struct access *a, struct soft_vtd_fault *fault)
{
	const struct viq_soft_vtd *soft = a->soft;
	struct vtd_context ctx = a->view->ctx;
	struct vtd_regime regime;
	uint32_t pasid;
	int ret = 0;

	soft_vtd_look(a->soft);
	if (a->view->state == SOFT_VTD_FAULT)
		ret = soft_vtd_read_context(soft, a->view->rtaddr, &a->req, &ctx, fault);
	if (!ret)
		ret = soft_vtd_select_pasid(&soft->features, &ctx, &a->req, &pasid, fault);
	if (!ret && ctx.scalable)
		ret = soft_vtd_fetch_pasid(soft->guest_mem, &soft->features, &ctx, pasid, &regime, fault);
	else if (!ret)
		vtd_legacy_regime(&ctx, &regime);
	if (!ret)
		ret = admit_by(a, &ctx, &regime, 0, fault);
	if (ret)
		return ret;
	a->uncached = true;
	soft_vtd_want(a->dev, pasid);
	return 0;
}

/* The cached entry, or NULL: there is none, unless -EFAULT with *fault. */
static int find_entry(const struct access *a, const struct soft_vtd_entry **entry, uint32_t *pasid,
		      struct soft_vtd_fault *fault)
{
	int ret;

	*entry = NULL;
	if (a->view->state == SOFT_VTD_FAULT)
		return 0;
	ret = soft_vtd_select_pasid(&a->soft->features, &a->view->ctx, &a->req, pasid, fault);
	if (!ret)
		*entry = soft_vtd_entry_find(a->view, *pasid);
	return ret;
}

/* Find out how to translate the access: 0, or -EFAULT with *fault. */
static int admit(struct access *a, struct soft_vtd_fault *fault)
{
	const struct soft_vtd_entry *entry;
	uint32_t pasid = 0;
	int ret = find_entry(a, &entry, &pasid, fault);

	if (ret)
		return ret;
	if (entry)
		return admit_by(a, &a->view->ctx, &entry->regime, entry->asid, fault);
	return a->soft->looks ? admit_uncached(a, fault) : missing_entry(a, pasid, fault);
}

/* --- Translation -------------------------------------------------------------------------------------------------- */

static uint8_t level_of(unsigned int shift)
{
	return (uint8_t)(shift == 64 ? 0 : (shift - 12) / 9 + 1);
}

/*
 * As the TLB keeps it. An entry depends on its first-stage leaf, or on the second stage's if that is all there is;
 * s1_level counts from the root, as Arm's levels do.
 */
static struct soft_leaf pack(const struct soft_vtd_leaf *leaf)
{
	unsigned int shift = leaf->fs_shift != 64   ? leaf->fs_shift
			     : leaf->ss_shift != 64 ? leaf->ss_shift
						    : leaf->shift;

	return (struct soft_leaf){
		.pa = leaf->pa,
		.base_pa = leaf->base_pa,
		.base_va = leaf->base_iova,
		.shift = leaf->shift,
		.s1_shift = (uint8_t)shift,
		.s1_level = (uint8_t)(4 - level_of(shift)),
		.s1_granule = 12,
		.s2_shift = leaf->ss_shift,
		.s1_user = leaf->fs_user,
		.s1_priv = leaf->fs_priv,
		.s2 = leaf->ss | (leaf->dirty ? SOFT_P : 0),
		.ipa = leaf->gpa,
	};
}

static void unpack(const struct soft_leaf *in, unsigned int pgtt, struct soft_vtd_leaf *leaf)
{
	bool fs = pgtt == VIQ_VTD_PGTT_FS || pgtt == VIQ_VTD_PGTT_NESTED;

	*leaf = (struct soft_vtd_leaf){
		.pa = in->pa,
		.base_pa = in->base_pa,
		.base_iova = in->base_va,
		.gpa = in->ipa,
		.shift = in->shift,
		.fs_shift = fs ? in->s1_shift : 64,
		.ss_shift = in->s2_shift,
		.fs_level = fs ? level_of(in->s1_shift) : 0,
		.ss_level = level_of(in->s2_shift),
		.fs_user = in->s1_user,
		.fs_priv = in->s1_priv,
		.ss = in->s2 & (SOFT_R | SOFT_W | SOFT_X),
		.dirty = in->s2 & SOFT_P,
	};
}

static struct soft_tlb_key make_key(const struct access *a)
{
	return (struct soft_tlb_key){.vm = &a->soft->vm, .va = a->req.addr, .asid = a->asid, .s1 = true, .granule = 12};
}

/* A cached copy whose dirty flags are not set yet does not do for a write: a walk sets them. */
static bool usable(const struct access *a, const struct soft_vtd_leaf *leaf)
{
	return leaf->dirty || !(a->rights & SOFT_W);
}

static int translate_stages(const struct access *a, struct soft_vtd_leaf *leaf, struct soft_tlb_ref *ref,
			    struct soft_vtd_fault *fault)
{
	struct viq_soft_vtd *soft = a->soft;
	struct soft_tlb_key key = make_key(a);
	struct soft_tlb_sample sample;
	struct soft_leaf cached;
	int ret;

	if (!a->uncached && soft_tlb_lookup(&soft->tlb, &key, &cached, ref)) {
		unpack(&cached, a->regime.pgtt, leaf);
		if (usable(a, leaf)) {
			soft_vtd_count(soft, SOFT_TLB_HITS);
			return soft_vtd_check_leaf(&a->regime, leaf, a->rights, fault);
		}
	}
	soft_vtd_count(soft, SOFT_TLB_MISSES);
	soft_vtd_count(soft, SOFT_WALKS);
	*ref = (struct soft_tlb_ref){0};
	do { /* again at most once a size */
		soft_tlb_sample(&key, &sample);
		ret = soft_vtd_walk(soft->config.mem, &soft->walking, &a->regime, a->req.addr, a->rights, leaf, fault);
		/* Of one that faults nothing is cached (6.2.4.1). */
		if (ret || a->uncached)
			break;
		cached = pack(leaf);
	} while (!soft_tlb_insert(&soft->tlb, &key, &sample, &cached, ref));
	return ret;
}

/* Requests that no table of the guest is asked about. */
static int translate_untranslated(const struct access *a, struct soft_vtd_leaf *leaf, struct soft_vtd_fault *fault)
{
	if (!a->soft->config.parent_aw) {
		*leaf = (struct soft_vtd_leaf){.base_pa = a->req.addr & ~UINT64_C(0xfff), .shift = 12};
		return 0;
	}
	soft_vtd_count(a->soft, SOFT_WALKS);
	return soft_vtd_walk(a->soft->config.mem, &a->soft->walking, &a->soft->parent, a->req.addr, a->req.access, leaf,
			     fault);
}

/* --- Answers ------------------------------------------------------------------------------------------------------ */

static void answer(uint64_t base_pa, unsigned int shift, uint64_t iova, struct viq_soft_xlate *out)
{
	uint64_t offset = iova & ((UINT64_C(1) << shift) - 1);

	out->pa = base_pa + offset;
	out->len = (UINT64_C(1) << shift) - offset;
}

static int terminate(const struct access *a, const struct soft_vtd_fault *fault)
{
	uint64_t record[2];

	soft_vtd_count(a->soft, SOFT_FAULTS);
	if (fault->recorded) {
		soft_vtd_fault_record(&a->req, fault, record);
		soft_vtd_fault(a->dev, record,
			       a->soft->config.parent_aw &&
				       (a->parent || fault->second_stage || a->view->state == SOFT_VTD_OFF));
	}
	return -EFAULT;
}

static int translate(struct access *a, struct viq_soft_xlate *out)
{
	struct soft_front_key key = soft_front_key(a->dev->owner, a->req.addr, a->req.pasid, a->flags);
	struct soft_tlb_ref ref = {0};
	struct soft_vtd_leaf leaf;
	struct soft_vtd_fault fault;
	int ret;

	if (a->view->state == SOFT_VTD_OFF) {
		ret = translate_untranslated(a, &leaf, &fault);
	} else {
		ret = admit(a, &fault);
		if (!ret)
			ret = translate_stages(a, &leaf, &ref, &fault);
	}
	if (ret)
		return terminate(a, &fault);
	soft_front_offer(&a->soft->front, &key, a->configs, &ref, leaf.base_pa | leaf.shift);
	answer(leaf.base_pa, leaf.shift, a->req.addr, out);
	return 0;
}

/* --- ATS ---------------------------------------------------------------------------------------------------------- */

/* What a translation grants, for both privileges: what a completion with R, W, Exe and Priv says. */
static uint8_t granted(const struct access *a, const struct soft_vtd_leaf *leaf)
{
	static const uint8_t each[] = {SOFT_R, SOFT_W, SOFT_X};
	struct soft_vtd_fault fault;
	uint8_t rights = 0;

	for (unsigned int i = 0; i < sizeof(each); i++) {
		if (each[i] == SOFT_W && !leaf->dirty)
			continue;
		if (each[i] == SOFT_X && !(a->regime.ere && a->req.has_pasid))
			continue;
		if (!soft_vtd_check_leaf(&a->regime, leaf, each[i] | (a->rights & SOFT_P), &fault))
			rights |= each[i];
	}
	/* Entries are tagged with the privilege that they were requested for: of the other one nothing is known. */
	return a->rights & SOFT_P ? (uint8_t)(rights << 4) : rights;
}

static bool grants(const struct soft_atc_entry *entry, unsigned int rights)
{
	unsigned int have = rights & SOFT_P ? entry->rights >> 4 : entry->rights;

	rights &= ~SOFT_P;
	return (have & rights) == rights;
}

/* A translation request: 0 with *entry, which may have entered the device's TLB. */
static int request(struct access *a, uint32_t pasid, struct soft_atc_entry *entry)
{
	struct soft_atc_sample sample;
	struct soft_tlb_ref ref;
	struct soft_vtd_leaf leaf;
	struct soft_vtd_fault fault;

	a->req.type = VIQ_VTD_AT_TRANSLATION;
	do { /* again at most once a size */
		int ret;

		soft_atc_sample(a->dev->atc, pasid, a->req.addr, &sample);
		ret = admit(a, &fault);
		if (!ret)
			ret = translate_stages(a, &leaf, &ref, &fault);
		if (ret) {
			/* The device is told that the rights lack: then nothing is recorded (7.1.2). */
			fault.recorded &= vtd_fault_find(fault.reason)->answer != VTD_ATS_SUCCESS;
			return terminate(a, &fault);
		}
		*entry = (struct soft_atc_entry){
			.base = a->req.addr >> leaf.shift << leaf.shift,
			.base_pa = leaf.base_pa,
			.shift = leaf.shift,
			.rights = granted(a, &leaf),
		};
	} while (!a->uncached && !soft_atc_insert(a->dev->atc, pasid, &sample, entry));
	return 0;
}

/* What the device's own TLB is asked for: the device knows of its privilege only what the request says. */
static unsigned int device_rights(const struct access *a)
{
	unsigned int rights = a->req.access;

	if (a->req.has_pasid)
		return rights;
	return (rights & (SOFT_R | SOFT_W)) | (a->view->ctx.rid_priv ? SOFT_P : rights & SOFT_P);
}

static int translate_ats(struct access *a, struct viq_soft_xlate *out)
{
	uint32_t pasid = a->req.has_pasid ? a->req.pasid : SOFT_NO_PASID;
	struct soft_atc_entry entry;

	/* Table 30, S.1: the device is told to leave the interrupt addresses untranslated. */
	if (!a->req.has_pasid && soft_vtd_is_interrupt(a->req.addr))
		return translate(a, out);
	if (soft_atc_lookup(a->dev->atc, pasid, a->req.addr, &entry) && grants(&entry, device_rights(a))) {
		soft_vtd_count(a->soft, SOFT_ATC_HITS);
	} else {
		int ret = request(a, pasid, &entry);

		if (ret)
			return ret;
	}
	answer(entry.base_pa, entry.shift, a->req.addr, out);
	return 0;
}

/* --- Entry points ------------------------------------------------------------------------------------------------- */

static struct access make_access(struct viq_soft_vtd_dev *dev, uint64_t iova, uint32_t pasid, uint32_t flags)
{
	struct access a = {
		.soft = dev->soft,
		.dev = dev,
		.req = {.addr = iova, .sid = (uint16_t)dev->sid, .type = VIQ_VTD_AT_UNTRANSLATED},
		.flags = flags,
	};

	a.req.has_pasid = flags & VIQ_SOFT_SSV;
	a.req.pasid = a.req.has_pasid ? pasid : 0;
	a.req.access = (uint8_t)soft_flags_rights(flags);
	/* In this order, and acquire: see soft_vtd_publish(). */
	a.configs = soft_gen_sample(&dev->configs);
	a.view = atomic_load_explicit(&dev->view, memory_order_acquire);
	return a;
}

/* Not inlined: its frame would cost the way of nearly all accesses more than the call. */
static __attribute__((noinline)) int translate_first(struct viq_soft_vtd_dev *dev, uint64_t iova, uint32_t pasid,
						     uint32_t flags, struct viq_soft_xlate *out)
{
	struct access a = make_access(dev, iova, pasid, flags);

	if (!a.view) {
		soft_vtd_count(a.soft, SOFT_FAULTS);
		return -EFAULT;
	}
	return a.view->ats ? translate_ats(&a, out) : translate(&a, out);
}

int viq_soft_vtd_translate(struct viq_soft_vtd_dev *dev, uint64_t iova, uint32_t pasid, uint32_t flags,
			   struct viq_soft_xlate *out)
{
	const struct soft_thread *thread = soft_self_at_entry();
	struct soft_front_key key;
	uint64_t piece;

	if (!dev || !out || !soft_flags_ok(flags, pasid) || !thread->depth)
		return -EINVAL;
	key = soft_front_key(dev->owner, iova, flags & VIQ_SOFT_SSV ? pasid : 0, flags);
	if (!soft_front_lookup(&dev->soft->front, &dev->configs, &dev->soft->vm, &key, &piece))
		return translate_first(dev, iova, pasid, flags, out);
	soft_stripes_count(dev->soft->stripes, thread, SOFT_TLB_HITS);
	answer(piece & ~UINT64_C(0xfff), piece & 0xfff, iova, out);
	return 0;
}

static bool iotlb_holds(struct access *a)
{
	struct soft_front_key front = soft_front_key(a->dev->owner, a->req.addr, a->req.pasid, a->flags);
	struct soft_vtd_fault fault;
	struct soft_vtd_leaf leaf;
	struct soft_tlb_key key;
	struct soft_tlb_ref ref;
	struct soft_leaf cached;
	const struct soft_vtd_entry *entry;
	uint32_t pasid;
	uint64_t piece;

	if (soft_front_lookup(&a->soft->front, &a->dev->configs, &a->soft->vm, &front, &piece))
		return true;
	if (a->view->state == SOFT_VTD_OFF || find_entry(a, &entry, &pasid, &fault) || !entry ||
	    admit_by(a, &a->view->ctx, &entry->regime, entry->asid, &fault))
		return false;
	key = make_key(a);
	if (!soft_tlb_lookup(&a->soft->tlb, &key, &cached, &ref))
		return false;
	unpack(&cached, a->regime.pgtt, &leaf);
	return usable(a, &leaf);
}

bool viq_soft_vtd_cached(struct viq_soft_vtd_dev *dev, uint64_t iova, uint32_t pasid, uint32_t flags, bool devtlb)
{
	struct soft_atc_entry entry;
	struct access a;
	bool cached = false, locked;

	if (!(flags & (VIQ_SOFT_READ | VIQ_SOFT_WRITE)))
		flags |= VIQ_SOFT_READ;
	if (!dev || !soft_flags_ok(flags, pasid))
		return false;
	/* Views are replaced under this lock; inside an access they stay anyway. */
	locked = !soft_vtd_enter(dev->soft);
	a = make_access(dev, iova, pasid, flags);
	if (a.view && !devtlb)
		cached = iotlb_holds(&a);
	else if (a.view && a.view->ats)
		cached = soft_atc_lookup(dev->atc, a.req.has_pasid ? pasid : SOFT_NO_PASID, iova, &entry) &&
			 grants(&entry, device_rights(&a));
	if (locked)
		soft_vtd_leave(dev->soft);
	return cached;
}
