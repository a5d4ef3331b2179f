/* SPDX-License-Identifier: MIT */
/* DMA of devices. */
#include "host/soft/dma.h"
#include "unit.h"

static int translate_for_dma(void *dev, uint64_t iova, uint32_t pasid, uint32_t flags, struct viq_soft_xlate *out)
{
	return viq_soft_vtd_translate(dev, iova, pasid, flags, out);
}

int viq_soft_vtd_dma_read(struct viq_soft_vtd_dev *dev, uint64_t iova, uint32_t pasid, uint32_t flags, void *buf,
			  size_t len)
{
	const struct soft_dma dma = {dev ? dev->soft->config.mem : NULL, translate_for_dma, dev};

	return soft_dma_read(&dma, iova, pasid, flags, buf, len);
}

int viq_soft_vtd_dma_write(struct viq_soft_vtd_dev *dev, uint64_t iova, uint32_t pasid, uint32_t flags, const void *buf,
			   size_t len)
{
	const struct soft_dma dma = {dev ? dev->soft->config.mem : NULL, translate_for_dma, dev};

	return soft_dma_write(&dma, iova, pasid, flags, buf, len);
}
