/* SPDX-License-Identifier: MIT */
/* Nested page tables: what a guest's STE may ask for (struct iommu_hwpt_arm_smmuv3; IHI 0070 5.2). */
#include <errno.h>
#include <stdlib.h>

#include "object.h"

/* 0 with the effective Config, stage 2 and VMID, or -EINVAL. */
static int check_ste(const struct smmuv3_features *f, const uint64_t ste[4], struct soft_nested *nested, uint16_t *vmid)
{
	uint64_t word1 = VIQ_SMMUV3_STE_1_NESTING;

	nested->config = VIQ_SMMUV3_STE_CONFIG_ABORT;
	*vmid = 0;
	if (!(ste[0] & VIQ_SMMUV3_STE_0_V)) /* aborts, whatever the other bits are */
		return 0;
	nested->config = VIQ_GET(VIQ_SMMUV3_STE_0_CONFIG, ste[0]);
	if (SOFT_STAGE2(nested->config))
		word1 |= VIQ_SMMUV3_STE_1_S2FWB;
	if (ste[0] & ~VIQ_SMMUV3_STE_0_NESTING || ste[1] & ~word1 || VIQ_GET(VIQ_SMMUV3_STE_1_EATS, ste[1]) > 1)
		return -EINVAL;
	/* 1 to 3 are taken for what they are: somebody's mistake. */
	if (nested->config && nested->config < VIQ_SMMUV3_STE_CONFIG_BYPASS)
		return -EINVAL;
	if (SOFT_STAGE2(nested->config) && !smmuv3_s2_decode(f, ste, &nested->stage2))
		return -EINVAL;
	if (SOFT_TRANSLATES(nested->config) && !smmuv3_ste_vmid(f, ste[2], vmid))
		return -EINVAL;
	return soft_check_ste(f, ste);
}

static int make_vmid(struct viq_soft *soft, struct soft_viommu *viommu, uint16_t number, struct soft_vmid **out)
{
	unsigned int asid_bits = soft->config.idr0 & VIQ_SMMUV3_IDR0_ASID16 ? 16 : 8;
	struct soft_guests *guests = soft_guests(soft, viommu->object.id);
	struct soft_vmid *vmid;
	int ret = -ENOMEM;

	vmid = soft->last_id < UINT32_MAX ? calloc(1, sizeof(*vmid)) : NULL;
	if (!vmid)
		return -ENOMEM;
	vmid->vmid = number;
	soft_guests_lock(guests);
	if (!sorted_reserve(&viommu->vmids))
		ret = soft_vm_init(&vmid->vm, soft->config.tlb_entries, soft->last_id + 1, asid_bits);
	if (!ret)
		sorted_insert(&viommu->vmids, vmid);
	pthread_mutex_unlock(&guests->lock);
	if (ret) {
		free(vmid);
		return ret;
	}
	/* Of the numbers of objects, so that no other has it. */
	soft->last_id++;
	*out = vmid;
	return 0;
}

void soft_vmid_free(struct soft_vmid *vmid)
{
	soft_vm_fini(&vmid->vm);
	free(vmid);
}

static void put_vmid(struct viq_soft *soft, struct soft_nested *nested, struct soft_retired *retired)
{
	struct soft_guests *guests = soft_guests(soft, nested->viommu->object.id);
	struct soft_vmid *vmid = nested->vmid;

	if (!vmid || --vmid->users)
		return;
	soft_guests_lock(guests);
	sorted_remove(&nested->viommu->vmids, vmid);
	pthread_mutex_unlock(&guests->lock);
	vmid->retired = retired->vmids;
	retired->vmids = vmid;
}

int soft_nested_make(struct viq_soft *soft, struct soft_viommu *viommu, const uint64_t ste[4], struct soft_nested **out)
{
	struct soft_nested made = {.object.kind = SOFT_NESTED, .viommu = viommu, .ste = {ste[0], ste[1]}};
	struct soft_nested *nested;
	uint16_t vmid;
	int ret;

	ret = check_ste(&viommu->features, ste, &made, &vmid);
	if (ret)
		return ret;
	nested = malloc(sizeof(*nested));
	if (!nested)
		return -ENOMEM;
	made.vmid = sorted_find(&viommu->vmids, vmid);
	if (vmid && !made.vmid)
		ret = make_vmid(soft, viommu, vmid, &made.vmid);
	if (ret) {
		free(nested);
		return ret;
	}
	if (made.vmid)
		made.vmid->users++;
	*nested = made;
	viommu->object.users++;
	*out = nested;
	return 0;
}

void soft_nested_drop(struct viq_soft *soft, struct soft_nested *nested, struct soft_retired *retired)
{
	put_vmid(soft, nested, retired);
	nested->viommu->object.users--;
	soft_object_retire(soft, &nested->object, retired);
}

int viq_soft_nested_alloc(struct viq_soft *soft, uint32_t viommu, const uint64_t ste[2], uint32_t *id,
			  struct viq_why *why)
{
	struct soft_retired retired = {0};
	struct soft_nested *nested;
	struct soft_viommu *v;
	int ret;

	if (!soft || !ste || !id)
		return why_say(why, -EINVAL, "soft, ste, id: NULL");
	ret = soft_lock(soft);
	if (ret)
		return soft_say(why, ret, NULL);
	v = soft_viommu_find(soft, viommu, &ret);
	if (!v)
		goto out;
	ret = soft_nested_make(soft, v, (const uint64_t[4]){ste[0], ste[1]}, &nested);
	if (ret)
		goto out;
	ret = soft_object_link(soft, &nested->object, SOFT_NESTED);
	if (ret)
		soft_nested_drop(soft, nested, &retired);
	else
		*id = nested->object.id;
out:
	soft_unlock(soft, &retired);
	if (!ret)
		return 0;
	return soft_say(why, ret,
			v ? "ste: ILLEGAL (IHI 0070 5.2.2), or more than nesting takes" : "viommu: there is none");
}
