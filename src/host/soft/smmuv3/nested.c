/* SPDX-License-Identifier: MIT */
/* Nested page tables: what a guest's STE may ask for (struct iommu_hwpt_arm_smmuv3; IHI 0070 5.2). */
#include <errno.h>
#include <stdlib.h>

#include "object.h"

/* 0 with the effective Config, or -EINVAL. */
static int check_ste(const struct soft_viommu *viommu, const uint64_t ste[2], unsigned int *config)
{
	*config = VIQ_SMMUV3_STE_CONFIG_ABORT;
	if (!(ste[0] & VIQ_SMMUV3_STE_0_V)) /* aborts, whatever the other bits are */
		return 0;
	if (ste[0] & ~VIQ_SMMUV3_STE_0_NESTING || ste[1] & ~VIQ_SMMUV3_STE_1_NESTING)
		return -EINVAL;
	if (VIQ_GET(VIQ_SMMUV3_STE_1_EATS, ste[1]) > 1)
		return -EINVAL;
	*config = VIQ_GET(VIQ_SMMUV3_STE_0_CONFIG, ste[0]);
	switch (*config) {
	case VIQ_SMMUV3_STE_CONFIG_ABORT:
	case VIQ_SMMUV3_STE_CONFIG_BYPASS:
	case VIQ_SMMUV3_STE_CONFIG_S1:
		return soft_check_ste(&viommu->features, ste);
	default:
		return -EINVAL;
	}
}

int soft_nested_make(struct viq_soft *soft, struct soft_viommu *viommu, const uint64_t ste[2], struct soft_nested **out)
{
	struct soft_nested *nested;
	unsigned int config;

	if (check_ste(viommu, ste, &config))
		return -EINVAL;
	nested = calloc(1, sizeof(*nested));
	if (!nested)
		return -ENOMEM;
	nested->object.kind = SOFT_NESTED;
	nested->viommu = viommu;
	nested->ste[0] = ste[0];
	nested->ste[1] = ste[1];
	nested->config = config;
	viommu->object.users++;
	*out = nested;
	return 0;
}

void soft_nested_drop(struct viq_soft *soft, struct soft_nested *nested, struct soft_retired *retired)
{
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
	ret = soft_nested_make(soft, v, ste, &nested);
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
