// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "soft_guest.h"

int soft_guest_init(struct soft_guest *guest, const struct viq_mem *mem, const struct viq_smmuv3_config *smmu,
		    uint32_t tlb_entries)
{
	struct viq_soft_s2_config identity = {.size = sizeof(identity), .identity = 1};
	struct viq_smmuv3_backend backend;
	struct viq_soft_config config;
	uint32_t s2;
	int err;

	memset(guest, 0, sizeof(*guest));
	viq_soft_config_init(&config, sizeof(config));
	/* A TLB in software has no conflicts, whatever the sizes of its entries. */
	config.idr3 |= smmu->idr3 & (uint32_t)VIQ_SMMUV3_IDR3_BBML;
	config.idr5 = smmu->idr5;
	config.mem = mem;
	if (tlb_entries)
		config.tlb_entries = tlb_entries;
	err = viq_soft_create(&config, &guest->soft, NULL);
	if (err)
		return err;
	err = viq_soft_s2_alloc(guest->soft, &identity, &s2, NULL);
	if (err)
		return err;
	err = viq_soft_viommu_alloc(guest->soft, s2, &guest->viommu, NULL);
	if (err)
		return err;
	err = viq_soft_thread_register();
	if (err)
		return err;
	guest->registered = true;
	err = viq_nest_smmuv3_create(NULL, NULL, &guest->nest, NULL);
	if (err)
		return err;
	backend = viq_soft_backend(guest->soft, guest->viommu);
	return viq_nest_smmuv3_join(guest->nest, &backend, NULL);
}

void soft_guest_fini(struct soft_guest *guest)
{
	if (guest->registered)
		viq_soft_thread_unregister();
	viq_nest_smmuv3_destroy(guest->nest);
	viq_soft_destroy(guest->soft);
	memset(guest, 0, sizeof(*guest));
}

int soft_guest_bind(struct soft_guest *guest, struct viq_smmuv3 *smmu, struct viq_why *why)
{
	struct viq_smmuv3_reconfig all = {.size = sizeof(all), .cause = VIQ_SMMUV3_RESTORED, .last = UINT32_MAX};
	int err = viq_nest_smmuv3_bind(guest->nest, smmu, why);

	return err ? err : viq_nest_smmuv3_reconfig(guest->nest, &all);
}

int soft_guest_add(struct soft_guest *guest, uint32_t sid, bool ats)
{
	struct viq_soft_dev *dev;
	uint32_t id;
	int err;

	err = viq_soft_dev_alloc(guest->soft, &dev, NULL);
	if (err)
		return err;
	err = viq_soft_dev_set_ats(dev, ats);
	if (!err)
		err = viq_soft_vdevice_alloc(guest->soft, guest->viommu, dev, sid, &id, NULL);
	if (err)
		viq_soft_dev_free(dev);
	return err;
}

struct viq_soft_dev *soft_guest_find(const struct soft_guest *guest, uint32_t sid)
{
	struct viq_soft_dev *dev;

	return viq_soft_vdevice_find(guest->soft, guest->viommu, sid, &dev) ? NULL : dev;
}

int soft_guest_dma(struct soft_guest *guest, struct viq_soft_dev *dev, int64_t ssid, bool write, uint64_t iova,
		   void *buf, size_t len)
{
	uint32_t flags = (write ? VIQ_SOFT_WRITE : VIQ_SOFT_READ) | (ssid < 0 ? 0 : VIQ_SOFT_SSV);
	uint32_t pasid = ssid < 0 ? 0 : (uint32_t)ssid;

	int err, lost;

	err = write ? viq_soft_dma_write(dev, iova, pasid, flags, buf, len)
		    : viq_soft_dma_read(dev, iova, pasid, flags, buf, len);
	lost = viq_nest_smmuv3_events(guest->nest, 0);
	return err ? err : lost;
}
