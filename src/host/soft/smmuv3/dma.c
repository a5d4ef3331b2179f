/* SPDX-License-Identifier: MIT */
/* DMA of the SMMUv3's devices. Apart from translate.c, whose hot path is not to share its place with more callers. */
#include "host/soft/dma.h"
#include "object.h"

static int translate_for_dma(void *dev, uint64_t iova, uint32_t ssid, uint32_t flags, struct viq_soft_xlate *out)
{
	return viq_soft_translate(dev, iova, ssid, flags, out);
}

int viq_soft_dma_read(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags, void *buf, size_t len)
{
	const struct soft_dma dma = {dev ? dev->soft->config.mem : NULL, translate_for_dma, dev};

	return soft_dma_read(&dma, iova, ssid, flags, buf, len);
}

int viq_soft_dma_write(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags, const void *buf,
		       size_t len)
{
	const struct soft_dma dma = {dev ? dev->soft->config.mem : NULL, translate_for_dma, dev};

	return soft_dma_write(&dma, iova, ssid, flags, buf, len);
}
