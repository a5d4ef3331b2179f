/* SPDX-License-Identifier: MIT */
/* The software IOMMU as a whole: creation, the lock, counters. The model is in object.h, slot.h and thread.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "object.h"

void viq_soft_config_init(struct viq_soft_config *config)
{
	if (!config)
		return;
	*config = (struct viq_soft_config){
		.size = sizeof(*config),
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
}

static bool capacity_ok(uint32_t entries, uint32_t min, uint32_t max)
{
	return entries >= min && entries <= max && !(entries & (entries - 1));
}

/* What this host does not have (walk.h) must not be claimed: the embedder would offer it to a guest. */
static bool features_ok(const struct viq_soft_config *c)
{
	return VIQ_GET(VIQ_SMMUV3_IDR0_TTF, c->idr0) == VIQ_SMMUV3_IDR0_TTF_AARCH64 && c->idr0 & VIQ_SMMUV3_IDR0_S1P &&
	       c->idr0 & VIQ_SMMUV3_IDR0_S2P && !(c->idr0 & (VIQ_SMMUV3_IDR0_HTTU | VIQ_SMMUV3_IDR0_HYP)) &&
	       VIQ_GET(VIQ_SMMUV3_IDR0_STALL_MODEL, c->idr0) == 1 && VIQ_GET(VIQ_SMMUV3_IDR1_SSIDSIZE, c->idr1) <= 20 &&
	       !(c->idr3 & (VIQ_SMMUV3_IDR3_DPT | VIQ_SMMUV3_IDR3_E0PD)) &&
	       !(c->idr5 & (VIQ_SMMUV3_IDR5_DS | VIQ_SMMUV3_IDR5_D128)) && VIQ_GET(VIQ_SMMUV3_IDR5_OAS, c->idr5) <= 6 &&
	       c->idr5 & (VIQ_SMMUV3_IDR5_GRAN4K | VIQ_SMMUV3_IDR5_GRAN16K | VIQ_SMMUV3_IDR5_GRAN64K);
}

static bool config_ok(const struct viq_soft_config *c)
{
	return c->size == sizeof(*c) && c->mem && capacity_ok(c->tlb_entries, 64, 1u << 24) &&
	       capacity_ok(c->atc_entries, 16, 1u << 20) && features_ok(c);
}

int viq_soft_create(const struct viq_soft_config *config, struct viq_soft **out)
{
	struct viq_soft *soft;
	int ret = -ENOMEM;

	if (!config || !out || !config_ok(config))
		return -EINVAL;
	soft = aligned_alloc(_Alignof(struct viq_soft), sizeof(*soft));
	if (!soft)
		return -ENOMEM;
	memset(soft, 0, sizeof(*soft));
	soft->config = *config;
	smmuv3_features_init(&soft->features, config->idr0, config->idr1, config->idr3, config->idr5, 0);
	if (soft_tlb_init(&soft->tlb, config->tlb_entries))
		goto err_free;
	ret = -pthread_mutex_init(&soft->lock, NULL);
	if (ret)
		goto err_tlb;
	*out = soft;
	return 0;

err_tlb:
	soft_tlb_fini(&soft->tlb);
err_free:
	free(soft);
	return ret;
}

void viq_soft_destroy(struct viq_soft *soft)
{
	if (!soft)
		return;
	soft_objects_destroy(soft);
	pthread_mutex_destroy(&soft->lock);
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
	if (!retired->objects && !retired->views && !retired->caches)
		return;
	soft_grace_period();
	while (retired->views) {
		struct soft_view *view = retired->views;

		retired->views = view->retired;
		soft_view_free(view);
	}
	while (retired->objects) {
		struct soft_object *object = retired->objects;

		retired->objects = object->next;
		soft_object_free(soft, object);
	}
}

void viq_soft_counters(struct viq_soft *soft, struct viq_soft_counters *out)
{
	if (!soft || !out)
		return;
	pthread_mutex_lock(&soft->lock);
	*out = (struct viq_soft_counters){.entries = soft->entries, .calls = soft->calls};
	soft_stripes_snapshot(soft->stripes, out);
	pthread_mutex_unlock(&soft->lock);
}
