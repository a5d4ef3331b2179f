/* SPDX-License-Identifier: MIT */
/* DMA: accesses that copy, piece by piece, in one access section. */
#ifndef VIQ_SOFT_DMA_H
#define VIQ_SOFT_DMA_H

#include <viq/mem.h>
#include <viq/soft.h>

/* A device's way to memory: translate() has dev as its first argument, and is asked inside the section. */
struct soft_dma {
	const struct viq_mem *mem;
	int (*translate)(void *dev, uint64_t iova, uint32_t ssid, uint32_t flags, struct viq_soft_xlate *out);
	void *dev;
};

/* As viq_soft_dma_read() and _write(); the arguments have not been checked. */
int soft_dma_read(const struct soft_dma *dma, uint64_t iova, uint32_t ssid, uint32_t flags, void *buf, size_t len);
int soft_dma_write(const struct soft_dma *dma, uint64_t iova, uint32_t ssid, uint32_t flags, const void *buf,
		   size_t len);

#endif
