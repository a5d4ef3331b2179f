/* SPDX-License-Identifier: MIT */
/*
 * Accesses: from a device's address to a physical one. Configuration, then the TLB, then the tables; devices with ATS
 * ask their own cache first.
 */
#include <errno.h>

#include "translate.h"

/* The CD of the access: 0 with *cd, 1 if stage 1 is skipped, -EFAULT with *fault. */
static int find_cd(struct soft_access *a, struct soft_cd *cd, struct soft_fault *fault)
{
	bool ssv = a->flags & VIQ_SOFT_SSV;
	uint64_t sample;
	int ret;

	a->configs = soft_gen_sample(&a->view->cds.any);
	if (!SOFT_STAGE1(a->view->config)) {
		*fault = (struct soft_fault){.event = VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID};
		return ssv && !a->view->disabled ? -EFAULT : 1;
	}
	if (soft_config_lookup(&a->view->cds, ssv, a->ssid, cd))
		return 0;
	sample = soft_config_sample(&a->view->cds, ssv, a->ssid);
	ret = soft_fetch_cd(a->soft->config.mem, &a->view->features, a->view->s2, a->view->ste, ssv, a->ssid, cd,
			    fault);
	if (!ret)
		soft_config_insert(&a->view->cds, ssv, a->ssid, sample, cd);
	return ret;
}

static const struct soft_tt *half_of(const struct soft_cd *cd, uint64_t iova)
{
	return &cd->tt[iova >> 55 & 1];
}

static struct soft_tlb_key make_key(const struct soft_access *a, const struct soft_cd *cd)
{
	struct soft_tlb_key key = {.vm = a->view->vm, .va = a->iova};
	const struct soft_tt *tt;

	if (!cd) {
		key.granule = SOFT_STAGE2(a->view->config) ? a->view->s2->granule : 0;
		return key;
	}
	tt = half_of(cd, a->iova);
	if (tt->tbi)
		key.va = (uint64_t)((int64_t)(a->iova << 8) >> 8);
	key.s1 = true;
	key.asid = cd->asid;
	key.aset = cd->aset;
	key.granule = tt->granule;
	return key;
}

/* Both stages. cd NULL: stage 1 is skipped. Returns 0 with *leaf, or -EFAULT with *fault. */
static int translate_stages(const struct soft_access *a, const struct soft_cd *cd, struct soft_leaf *leaf,
			    struct soft_tlb_ref *ref, struct soft_fault *fault)
{
	struct soft_tlb_key key = make_key(a, cd);
	unsigned int rights = soft_access_rights(a->flags);
	struct soft_tlb_sample sample;
	int ret;

	*ref = (struct soft_tlb_ref){0};
	/* A half that is off has no entries, but those of a CD with the same ASID must not be found through it. */
	if (cd && half_of(cd, a->iova)->disabled) {
		soft_count(a->soft, SOFT_TLB_MISSES);
		return soft_walk(a->soft->config.mem, &a->view->features, a->view->s2, cd, a->iova, rights, leaf,
				 fault);
	}
	if (soft_tlb_lookup(&a->soft->tlb, &key, leaf, ref)) {
		soft_count(a->soft, SOFT_TLB_HITS);
		return soft_check_rights(cd, leaf, rights, fault);
	}
	soft_count(a->soft, SOFT_TLB_MISSES);
	soft_count(a->soft, SOFT_WALKS);
	do { /* again at most once a size */
		soft_tlb_sample(&key, &sample);
		ret = soft_walk(a->soft->config.mem, &a->view->features, a->view->s2, cd, a->iova, rights, leaf, fault);
		/*
		 * The descriptor may have been invalidated since it was found, and what was filled under it after that.
		 * If the sample already counts the latter, this sees the former: otherwise the entry would be valid but
		 * stale when inserted.
		 */
		if (soft_gen_load(&a->view->cds.any) != a->configs)
			return ret;
		/* Rights of stage 2 alone that deny the access leave a whole leaf; nothing else that faults may be
		 * cached. */
	} while ((!ret || leaf->shift) && !soft_tlb_insert(&a->soft->tlb, &key, &sample, leaf, ref));
	return ret;
}

/* Those whose handling is configured (5.5). */
static bool is_translation_related(const struct soft_fault *fault)
{
	return fault->event >= VIQ_SMMUV3_EVT_F_TRANSLATION && fault->event <= VIQ_SMMUV3_EVT_F_PERMISSION;
}

/*
 * CD.R and CD.A speak for stage-1 faults, S2R for those of the guest's stage 2 (5.5); all others are recorded and
 * abort.
 */
static int terminate(const struct soft_access *a, const struct soft_cd *cd, const struct soft_fault *fault)
{
	bool by_cd = cd && !fault->stage2 && is_translation_related(fault);
	bool by_ste = SOFT_STAGE2(a->view->config) && fault->stage2 && is_translation_related(fault);

	soft_count(a->soft, SOFT_FAULTS);
	/* What the embedder's stage 2 says is its own, whatever the guest's SMMU does. */
	if (a->view->disabled ? fault->stage2 : by_cd ? cd->record : !by_ste || a->view->s2->record)
		soft_event(a, fault);
	return by_cd && !cd->abort ? -ENODATA : -EFAULT;
}

static void answer(uint64_t base_pa, unsigned int shift, uint64_t iova, struct viq_soft_xlate *out)
{
	uint64_t offset = iova & ((UINT64_C(1) << shift) - 1);

	out->pa = base_pa + offset;
	out->len = (UINT64_C(1) << shift) - offset;
}

/* Through the IOMMU, without the device's own cache. */
static int translate(struct soft_access *a, struct viq_soft_xlate *out)
{
	struct soft_front_key key = soft_front_key(a->view->owner, a->iova, a->ssid, a->flags);
	struct soft_tlb_ref ref;
	struct soft_leaf leaf;
	struct soft_fault fault;
	struct soft_cd cd;
	int skip;

	skip = find_cd(a, &cd, &fault);
	if (skip < 0)
		return terminate(a, NULL, &fault);
	if (translate_stages(a, skip ? NULL : &cd, &leaf, &ref, &fault))
		return terminate(a, skip ? NULL : &cd, &fault);
	soft_front_offer(&a->soft->front, &key, a->configs, &ref, leaf.base_pa | leaf.shift);
	answer(leaf.base_pa, leaf.shift, a->iova, out);
	return 0;
}

/* What a translation grants, for both privileges: what a completion with R, W, Exe and Priv says (3.9.1). */
static uint8_t granted(const struct soft_cd *cd, const struct soft_leaf *leaf)
{
	static const uint8_t each[] = {SOFT_R, SOFT_W, SOFT_X};
	struct soft_fault fault;
	uint8_t rights = 0;

	for (unsigned int i = 0; i < sizeof(each); i++) {
		if (!soft_check_rights(cd, leaf, each[i], &fault))
			rights |= each[i];
		if (!soft_check_rights(cd, leaf, each[i] | SOFT_P, &fault))
			rights |= each[i] << 4;
	}
	return rights;
}

static bool atc_grants(const struct soft_atc_entry *entry, uint32_t flags)
{
	unsigned int need = soft_access_rights(flags) & ~SOFT_P;
	unsigned int have = flags & VIQ_SOFT_PRIV ? entry->rights >> 4 : entry->rights;

	return (have & need) == need;
}

/*
 * Is another view the device's by now? Asked after the ATC was sampled: a sample that counts the emptying of the ATC,
 * which follows the replacement in soft_dev_set(), sees that too. What was translated through this view may not enter.
 */
static bool is_replaced(const struct soft_access *a)
{
	return atomic_load_explicit(&a->dev->view, memory_order_relaxed) != a->view;
}

/*
 * A translation request. Faults are answered to the device and recorded nowhere (3.9.1); it then has no permission, and
 * the access does not take place.
 */
static int request(struct soft_access *a, uint32_t pasid, struct soft_atc_entry *entry)
{
	struct soft_atc_sample sample;
	struct soft_tlb_ref ref;
	struct soft_leaf leaf;
	struct soft_fault fault;
	struct soft_cd cd;
	bool replaced;
	int skip;

	do { /* again at most once a size */
		soft_atc_sample(a->view->atc, pasid, a->iova, &sample);
		replaced = is_replaced(a);
		skip = find_cd(a, &cd, &fault);
		if (skip < 0 || translate_stages(a, skip ? NULL : &cd, &leaf, &ref, &fault)) {
			soft_count(a->soft, SOFT_FAULTS);
			return -EFAULT;
		}
		*entry = (struct soft_atc_entry){
			.base = a->iova >> leaf.shift << leaf.shift,
			.base_pa = leaf.base_pa,
			.shift = leaf.shift,
			.rights = granted(skip ? NULL : &cd, &leaf),
		};
	} while (!replaced && !soft_atc_insert(a->view->atc, pasid, &sample, entry));
	return 0;
}

static int translate_ats(struct soft_access *a, struct viq_soft_xlate *out)
{
	uint32_t pasid = a->flags & VIQ_SOFT_SSV ? a->ssid : SOFT_NO_PASID;
	struct soft_atc_entry entry;

	if (soft_atc_lookup(a->view->atc, pasid, a->iova, &entry) && atc_grants(&entry, a->flags)) {
		soft_count(a->soft, SOFT_ATC_HITS);
	} else {
		int ret = request(a, pasid, &entry);

		if (ret)
			return ret;
	}
	answer(entry.base_pa, entry.shift, a->iova, out);
	return 0;
}

static struct soft_access make_access(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags)
{
	return (struct soft_access){
		.soft = dev->soft,
		.dev = dev,
		/* Paired with the release in soft_dev_set(). */
		.view = atomic_load_explicit(&dev->view, memory_order_acquire),
		.iova = iova,
		.ssid = flags & VIQ_SOFT_SSV ? ssid : 0,
		.flags = flags,
	};
}

/* The stream's configuration aborts it: silently, or as the stream table said. */
static int refuse(const struct soft_access *a)
{
	soft_count(a->soft, SOFT_FAULTS);
	if (VIQ_GET(VIQ_SMMUV3_EVT_0_ID, a->view->fault[0]))
		soft_stream_event(a);
	return -EFAULT;
}

/* Not inlined: its frame would cost the way of nearly all accesses more than the call. */
static __attribute__((noinline)) int translate_first(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid,
						     uint32_t flags, struct viq_soft_xlate *out)
{
	struct soft_access access = make_access(dev, iova, ssid, flags);

	if (!access.view)
		return -EFAULT;
	if (access.view->config == VIQ_SMMUV3_STE_CONFIG_ABORT)
		return refuse(&access);
	return access.view->atc ? translate_ats(&access, out) : translate(&access, out);
}

/* The stream has made this access before. Nothing is found of streams that abort or that use ATS. */
static inline bool translate_again(const struct viq_soft_dev *dev, const struct soft_thread *thread, uint64_t iova,
				   uint32_t ssid, uint32_t flags, struct viq_soft_xlate *out)
{
	const struct soft_view *view = atomic_load_explicit(&dev->view, memory_order_acquire);
	struct soft_front_key key;
	uint64_t piece;

	if (!view)
		return false;
	key = soft_front_key(view->owner, iova, flags & VIQ_SOFT_SSV ? ssid : 0, flags);
	if (!soft_front_lookup(&dev->soft->front, &view->cds.any, view->vm, &key, &piece))
		return false;
	soft_stripes_count(dev->soft->stripes, thread, SOFT_TLB_HITS);
	answer(piece & ~UINT64_C(0xfff), piece & 0xfff, iova, out);
	return true;
}

int viq_soft_translate(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags,
		       struct viq_soft_xlate *out)
{
	const struct soft_thread *thread = soft_self_at_entry();

	if (!dev || !out || !soft_flags_ok(flags, ssid) || !thread->depth)
		return -EINVAL;
	return translate_again(dev, thread, iova, ssid, flags, out) ? 0 : translate_first(dev, iova, ssid, flags, out);
}

/* As an access would find it, without counting or filling anything. */
static bool tlb_holds(const struct soft_access *a)
{
	struct soft_tlb_key key;
	struct soft_tlb_ref ref;
	struct soft_leaf leaf;
	struct soft_fault fault;
	struct soft_cd cd;
	struct soft_front_key front = soft_front_key(a->view->owner, a->iova, a->ssid, a->flags);
	bool ssv = a->flags & VIQ_SOFT_SSV;
	uint64_t piece;
	int skip = ssv ? -EFAULT : 1;

	if (soft_front_lookup(&a->soft->front, &a->view->cds.any, a->view->vm, &front, &piece))
		return true;
	if (SOFT_STAGE1(a->view->config) && soft_config_lookup(&a->view->cds, ssv, a->ssid, &cd))
		skip = 0;
	else if (SOFT_STAGE1(a->view->config))
		skip = soft_fetch_cd(a->soft->config.mem, &a->view->features, a->view->s2, a->view->ste, ssv, a->ssid,
				     &cd, &fault);
	if (skip < 0 || (!skip && half_of(&cd, a->iova)->disabled))
		return false;
	key = make_key(a, skip ? NULL : &cd);
	return soft_tlb_lookup(&a->soft->tlb, &key, &leaf, &ref);
}

/* Under the lock instead of in a section, so that a thread that never accesses may ask: views are unlinked under it. */
bool viq_soft_cached(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags, bool ats)
{
	struct soft_access access;
	struct soft_atc_entry entry;
	bool cached = false;

	if (!dev || !soft_flags_ok(flags & (VIQ_SOFT_READ | VIQ_SOFT_WRITE) ? flags : flags | VIQ_SOFT_READ, ssid))
		return false;
	pthread_mutex_lock(&dev->soft->lock);
	access = make_access(dev, iova, ssid, flags);
	if (access.view && access.view->config != VIQ_SMMUV3_STE_CONFIG_ABORT && !ats)
		cached = tlb_holds(&access);
	else if (access.view && access.view->atc)
		cached = soft_atc_lookup(access.view->atc, flags & VIQ_SOFT_SSV ? ssid : SOFT_NO_PASID, iova, &entry) &&
			 atc_grants(&entry, flags);
	pthread_mutex_unlock(&dev->soft->lock);
	return cached;
}
