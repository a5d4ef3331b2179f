/* SPDX-License-Identifier: MIT */
/* The software IOMMU as a whole: creation, the lock, counters. The model is in object.h, slot.h and thread.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sized.h"
#include "base/why.h"

#include "object.h"

void viq_soft_config_init(struct viq_soft_config *config, size_t size)
{
	const struct viq_soft_config defaults = {
		.idr0 = VIQ_SMMUV3_IDR0_S2P | VIQ_SMMUV3_IDR0_S1P |
			VIQ_PUT(VIQ_SMMUV3_IDR0_TTF, VIQ_SMMUV3_IDR0_TTF_AARCH64) | VIQ_SMMUV3_IDR0_COHACC |
			VIQ_SMMUV3_IDR0_ATS | VIQ_SMMUV3_IDR0_ASID16 | VIQ_SMMUV3_IDR0_VMID16 | VIQ_SMMUV3_IDR0_CD2L |
			VIQ_PUT(VIQ_SMMUV3_IDR0_TTENDIAN, 2) | VIQ_PUT(VIQ_SMMUV3_IDR0_STALL_MODEL, 1) |
			VIQ_PUT(VIQ_SMMUV3_IDR0_ST_LEVEL, 1),
		.idr1 = VIQ_PUT(VIQ_SMMUV3_IDR1_SIDSIZE, 32) | VIQ_PUT(VIQ_SMMUV3_IDR1_SSIDSIZE, 20),
		.idr3 = VIQ_SMMUV3_IDR3_HAD | VIQ_SMMUV3_IDR3_RIL,
		.idr5 = VIQ_PUT(VIQ_SMMUV3_IDR5_OAS, 5) | VIQ_SMMUV3_IDR5_GRAN4K | VIQ_SMMUV3_IDR5_GRAN16K |
			VIQ_SMMUV3_IDR5_GRAN64K,
		.tlb_entries = 65536,
		.atc_entries = 1024,
	};

	if (config)
		sized_give(config, size, &defaults, sizeof(defaults));
}

static bool capacity_ok(uint32_t entries, uint32_t min, uint32_t max)
{
	return entries >= min && entries <= max && !(entries & (entries - 1));
}

/* What this host does not have (walk.h) must not be claimed: the embedder would offer it to a guest. */
static const char *features_wrong(const struct viq_soft_config *c)
{
	if (VIQ_GET(VIQ_SMMUV3_IDR0_TTF, c->idr0) != VIQ_SMMUV3_IDR0_TTF_AARCH64)
		return "idr0: TTF must be 2, AArch64";
	if (!(c->idr0 & VIQ_SMMUV3_IDR0_S1P) || !(c->idr0 & VIQ_SMMUV3_IDR0_S2P))
		return "idr0: S1P and S2P must be 1";
	if (c->idr0 & (VIQ_SMMUV3_IDR0_HTTU | VIQ_SMMUV3_IDR0_HYP))
		return "idr0: HTTU and HYP must be 0";
	if (VIQ_GET(VIQ_SMMUV3_IDR0_STALL_MODEL, c->idr0) != 1)
		return "idr0: STALL_MODEL must be 1";
	if (VIQ_GET(VIQ_SMMUV3_IDR1_SSIDSIZE, c->idr1) > 20)
		return "idr1: SSIDSIZE must be at most 20";
	if (c->idr3 & (VIQ_SMMUV3_IDR3_DPT | VIQ_SMMUV3_IDR3_E0PD))
		return "idr3: DPT and E0PD must be 0";
	if (c->idr5 & (VIQ_SMMUV3_IDR5_DS | VIQ_SMMUV3_IDR5_D128) || VIQ_GET(VIQ_SMMUV3_IDR5_OAS, c->idr5) > 6)
		return "idr5: DS and D128 must be 0, OAS at most 6";
	if (!(c->idr5 & (VIQ_SMMUV3_IDR5_GRAN4K | VIQ_SMMUV3_IDR5_GRAN16K | VIQ_SMMUV3_IDR5_GRAN64K)))
		return "idr5: GRAN4K, GRAN16K or GRAN64K must be 1";
	return NULL;
}

static const char *config_wrong(const struct viq_soft_config *c)
{
	if (!c->mem)
		return "mem: NULL";
	if (!capacity_ok(c->tlb_entries, 64, 1u << 24))
		return "tlb_entries: must be a power of two, 64 to 2^24";
	if (!capacity_ok(c->atc_entries, 16, 1u << 20))
		return "atc_entries: must be a power of two, 16 to 2^20";
	return features_wrong(c);
}

int viq_soft_create(const struct viq_soft_config *config, struct viq_soft **out, struct viq_why *why)
{
	struct viq_soft_config own;
	struct viq_soft *soft;
	const char *wrong;
	int ret;

	if (!out)
		return why_say(why, -EINVAL, "out: NULL");
	viq_soft_config_init(&own, sizeof(own));
	ret = sized_take(&own, sizeof(own), config, SIZED_TO(struct viq_soft_config, mem), "config", why);
	if (ret)
		return ret;
	wrong = config_wrong(&own);
	if (wrong)
		return why_say(why, -EINVAL, "config.%s", wrong);
	ret = -ENOMEM;
	soft = aligned_alloc(_Alignof(struct viq_soft), sizeof(*soft));
	if (!soft)
		return why_say(why, -ENOMEM, "no memory");
	memset(soft, 0, sizeof(*soft));
	soft->config = own;
	smmuv3_features_init(&soft->features, own.idr0, own.idr1, own.idr3, own.idr5, 0);
	if (soft_tlb_init(&soft->tlb, own.tlb_entries))
		goto err_free;
	if (soft_front_init(&soft->front, own.tlb_entries))
		goto err_tlb;
	ret = -pthread_mutex_init(&soft->lock, NULL);
	if (ret)
		goto err_front;
	/* This cannot fail, and needs no end. */
	for (unsigned int i = 0; i < SOFT_GUEST_BUCKETS; i++)
		soft->guests[i].lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	*out = soft;
	return 0;

err_front:
	soft_front_fini(&soft->front);
err_tlb:
	soft_tlb_fini(&soft->tlb);
err_free:
	free(soft);
	return why_say(why, ret, "%m");
}

void viq_soft_destroy(struct viq_soft *soft)
{
	if (!soft)
		return;
	soft_objects_destroy(soft);
	pthread_mutex_destroy(&soft->lock);
	soft_front_fini(&soft->front);
	soft_tlb_fini(&soft->tlb);
	free(soft);
}

int soft_lock(struct viq_soft *soft)
{
	if (soft_in_section())
		return -EDEADLK;
	pthread_mutex_lock(&soft->lock);
	return 0;
}

void soft_unlock(struct viq_soft *soft, struct soft_retired *retired)
{
	pthread_mutex_unlock(&soft->lock);
	if (!retired->objects && !retired->views && !retired->vmids && !retired->caches)
		return;
	soft_grace_period();
	while (retired->views) {
		struct soft_view *view = retired->views;

		retired->views = view->retired;
		soft_view_free(view);
	}
	while (retired->vmids) {
		struct soft_vmid *vmid = retired->vmids;

		retired->vmids = vmid->retired;
		soft_vmid_free(vmid);
	}
	while (retired->objects) {
		struct soft_object *object = retired->objects;

		retired->objects = object->next;
		soft_object_free(soft, object);
	}
}

int viq_soft_counters(struct viq_soft *soft, struct viq_soft_counters *out, size_t size)
{
	struct viq_soft_counters now = {0};

	if (!soft)
		return -EINVAL;
	for (unsigned int i = 0; i < SOFT_GUEST_BUCKETS; i++) {
		now.calls += atomic_load_explicit(&soft->guests[i].calls, memory_order_relaxed);
		now.entries += atomic_load_explicit(&soft->guests[i].entries, memory_order_relaxed);
	}
	soft_stripes_snapshot(soft->stripes, &now);
	return sized_counters(out, size, &now, sizeof(now));
}
