/* SPDX-License-Identifier: MIT */
/* Ids, stage-2 page tables, vIOMMUs, and the end of every object. */
#include <errno.h>
#include <stdlib.h>

#include "base/sized.h"

#include "object.h"

int soft_object_link(struct viq_soft *soft, struct soft_object *object, enum soft_kind kind)
{
	struct soft_object **bucket;

	if (soft->last_id == UINT32_MAX)
		return -ENOMEM;
	object->id = ++soft->last_id;
	object->kind = kind;
	bucket = &soft->objects[object->id % SOFT_ID_BUCKETS];
	object->next = *bucket;
	*bucket = object;
	return 0;
}

int soft_object_find(struct viq_soft *soft, uint32_t id, enum soft_kind kind, struct soft_object **out)
{
	struct soft_object *object = soft->objects[id % SOFT_ID_BUCKETS];

	while (object && object->id != id)
		object = object->next;
	if (!object)
		return -ENOENT;
	if (object->kind != kind)
		return -EINVAL;
	*out = object;
	return 0;
}

void soft_object_unlink(struct viq_soft *soft, struct soft_object *object)
{
	struct soft_object **link = &soft->objects[object->id % SOFT_ID_BUCKETS];

	while (*link != object)
		link = &(*link)->next;
	*link = object->next;
}

void soft_object_retire(struct viq_soft *soft, struct soft_object *object, struct soft_retired *retired)
{
	if (object->id)
		soft_object_unlink(soft, object);
	object->next = retired->objects;
	retired->objects = object;
}

static int stage2_init(struct viq_soft *soft, const struct viq_soft_s2_config *config, struct smmuv3_s2 *regime)
{
	if (config->identity) {
		*regime = (struct smmuv3_s2){.identity = true};
		return 0;
	}
	return soft_s2_init(regime, &soft->features, config->ttb, config->t0sz, config->sl0, config->tg, config->ps);
}

int viq_soft_s2_alloc(struct viq_soft *soft, const struct viq_soft_s2_config *config, uint32_t *id, struct viq_why *why)
{
	struct soft_retired retired = {0};
	struct viq_soft_s2_config own = {0};
	struct soft_stage2 *s2;
	int ret;

	if (!soft || !id)
		return why_say(why, -EINVAL, "soft, id: NULL");
	ret = sized_take(&own, sizeof(own), config, SIZED_TO(struct viq_soft_s2_config, identity), "config", why);
	if (ret)
		return ret;
	s2 = calloc(1, sizeof(*s2));
	if (!s2)
		return soft_say(why, -ENOMEM, NULL);
	ret = stage2_init(soft, &own, &s2->regime);
	if (ret)
		goto err_free;
	ret = soft_lock(soft);
	if (ret)
		goto err_free;
	ret = soft_object_link(soft, &s2->object, SOFT_S2);
	if (!ret)
		*id = s2->object.id;
	soft_unlock(soft, &retired);
	if (ret)
		goto err_free;
	return 0;

err_free:
	free(s2);
	return soft_say(why, ret, "config: ttb, t0sz, sl0, tg or ps: ILLEGAL as an STE's (IHI 0070 5.2.2)");
}

/*
 * Every translation through the stage 2 goes, whatever range changed: TLB entries hang on their input addresses, and
 * finding those behind an IPA would cost a look at all of them. ATCs go too, since nobody else can empty them. Cached
 * context descriptors stay, as for TLBI_S2_IPA (4.4): moving a page does not change what is in it.
 */
static void forget_stage2(struct viq_soft *soft, const struct soft_stage2 *s2) MUST_HOLD(soft->lock)
{
	for (unsigned int i = 0; i < SOFT_GUEST_BUCKETS; i++) {
		struct soft_guests *guests = &soft->guests[i];

		soft_guests_lock(guests);
		for (struct soft_viommu *viommu = guests->first; viommu; viommu = viommu->next) {
			if (viommu->s2 == s2)
				soft_viommu_inv(viommu);
		}
		pthread_mutex_unlock(&guests->lock);
	}
	for (struct viq_soft_dev *dev = soft->devs; dev; dev = dev->next) {
		struct soft_guests *guests;

		if (!dev->nested || dev->nested->viommu->s2 != s2 || !dev->atc)
			continue;
		guests = soft_guests(soft, dev->nested->viommu->object.id);
		soft_guests_lock(guests);
		soft_atc_inv_all(dev->atc);
		pthread_mutex_unlock(&guests->lock);
	}
}

int viq_soft_s2_invalidate(struct viq_soft *soft, uint32_t s2, uint64_t ipa, uint64_t len)
{
	struct soft_retired retired = {0};
	struct soft_object *object;
	int ret;

	if (!soft || (!len && ipa) || (len && ipa > UINT64_MAX - (len - 1)))
		return -EINVAL;
	ret = soft_lock(soft);
	if (ret)
		return ret;
	ret = soft_object_find(soft, s2, SOFT_S2, &object);
	if (!ret) {
		forget_stage2(soft, (struct soft_stage2 *)object);
		retired.caches = true;
	}
	soft_unlock(soft, &retired);
	return ret;
}

static int viommu_link(struct viq_soft *soft, struct soft_viommu *viommu, uint32_t s2) MUST_HOLD(soft->lock)
{
	const uint32_t vmids = soft->config.idr0 & VIQ_SMMUV3_IDR0_VMID16 ? 65535 : 255; /* 0 is nobody's */
	unsigned int asid_bits = soft->config.idr0 & VIQ_SMMUV3_IDR0_ASID16 ? 16 : 8;
	struct soft_guests *guests;
	struct soft_object *object;
	int ret;

	ret = soft_object_find(soft, s2, SOFT_S2, &object);
	if (ret)
		return ret;
	if (soft->viommus == vmids)
		return -ENOMEM;
	ret = soft_object_link(soft, &viommu->object, SOFT_VIOMMU);
	if (ret)
		return ret;
	ret = soft_vm_init(&viommu->vm, soft->config.tlb_entries, viommu->object.id, asid_bits);
	if (ret)
		goto err_id;
	ret = soft_ring_init(&viommu->events, &soft->waiting);
	if (ret)
		goto err_vm;
	soft->viommus++;
	/* Until somebody promises it one, the guest has no stage 2. */
	smmuv3_features_init(&viommu->features, soft->config.idr0 & (uint32_t)~VIQ_SMMUV3_IDR0_S2P, soft->config.idr1,
			     soft->config.idr3, soft->config.idr5, 0);
	viommu->s2 = (struct soft_stage2 *)object;
	viommu->s2->object.users++;
	guests = soft_guests(soft, viommu->object.id);
	soft_guests_lock(guests);
	viommu->next = guests->first;
	guests->first = viommu;
	pthread_mutex_unlock(&guests->lock);
	return 0;

err_vm:
	soft_vm_fini(&viommu->vm);
err_id:
	soft_object_unlink(soft, &viommu->object);
	return ret;
}

int viq_soft_viommu_alloc(struct viq_soft *soft, uint32_t s2, uint32_t *id, struct viq_why *why)
{
	struct soft_retired retired = {0};
	struct soft_viommu *viommu;
	int ret;

	if (!soft || !id)
		return why_say(why, -EINVAL, "soft, id: NULL");
	viommu = calloc(1, sizeof(*viommu));
	if (!viommu)
		return soft_say(why, -ENOMEM, NULL);
	ret = soft_lock(soft);
	if (ret)
		goto err_free;
	ret = viommu_link(soft, viommu, s2);
	if (!ret)
		*id = viommu->object.id;
	soft_unlock(soft, &retired);
	if (ret)
		goto err_free;
	return 0;

err_free:
	free(viommu);
	return soft_say(why, ret, "s2: there is none");
}

static int release_s2(struct viq_soft *soft, struct soft_object *object, struct soft_retired *retired)
{
	return 0;
}

static int release_viommu(struct viq_soft *soft, struct soft_object *object, struct soft_retired *retired)
{
	struct soft_guests *guests = soft_guests(soft, object->id);
	struct soft_viommu *viommu = (struct soft_viommu *)object, **at = &guests->first;

	viommu->s2->object.users--;
	soft->viommus--;
	soft_guests_lock(guests);
	while (*at != viommu)
		at = &(*at)->next;
	*at = viommu->next;
	pthread_mutex_unlock(&guests->lock);
	return 0;
}

static int release_nested(struct viq_soft *soft, struct soft_object *object, struct soft_retired *retired)
{
	((struct soft_nested *)object)->viommu->object.users--;
	return 0;
}

/* What it takes to let go of an object without users: its references to others. 0, or an error and nothing done. */
static int (*const release[SOFT_KINDS])(struct viq_soft *, struct soft_object *, struct soft_retired *) = {
	[SOFT_S2] = release_s2,
	[SOFT_VIOMMU] = release_viommu,
	[SOFT_VDEVICE] = soft_vdevice_release,
	[SOFT_NESTED] = release_nested,
};

int viq_soft_object_free(struct viq_soft *soft, uint32_t id)
{
	struct soft_retired retired = {0};
	struct soft_object *object;
	int ret;

	if (!soft)
		return -EINVAL;
	ret = soft_lock(soft);
	if (ret)
		return ret;
	object = soft->objects[id % SOFT_ID_BUCKETS];
	while (object && object->id != id)
		object = object->next;
	ret = !object ? -ENOENT : object->users ? -EBUSY : release[object->kind](soft, object, &retired);
	if (!ret)
		soft_object_retire(soft, object, &retired);
	soft_unlock(soft, &retired);
	return ret;
}

void soft_object_free(struct viq_soft *soft, struct soft_object *object)
{
	struct soft_viommu *viommu = (struct soft_viommu *)object;

	if (object->kind == SOFT_VIOMMU) {
		while (viommu->vmids.count)
			soft_vmid_free(viommu->vmids.items[--viommu->vmids.count]);
		free(viommu->vmids.items);
		soft_ring_fini(&viommu->events);
		soft_vm_fini(&viommu->vm);
		free(viommu->vsids.items);
	}
	free(object);
}

void soft_objects_destroy(struct viq_soft *soft)
{
	while (soft->devs) {
		struct viq_soft_dev *dev = soft->devs;

		soft->devs = dev->next;
		soft_dev_destroy(dev);
	}
	for (unsigned int i = 0; i < SOFT_ID_BUCKETS; i++) {
		while (soft->objects[i]) {
			struct soft_object *object = soft->objects[i];

			soft->objects[i] = object->next;
			soft_object_free(soft, object);
		}
	}
}
