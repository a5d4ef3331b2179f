/* SPDX-License-Identifier: MIT */
/* DMA: accesses that copy, piece by piece, in one access section. */
#ifndef VIQ_SOFT_DMA_H
#define VIQ_SOFT_DMA_H

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

/* Do an access's flags make sense together? */
static inline bool soft_flags_ok(uint32_t flags, uint32_t ssid)
{
	const uint32_t known = VIQ_SOFT_READ | VIQ_SOFT_WRITE | VIQ_SOFT_EXEC | VIQ_SOFT_PRIV | VIQ_SOFT_SSV;

	if (flags & ~known || !(flags & (VIQ_SOFT_READ | VIQ_SOFT_WRITE)))
		return false;
	if (flags & VIQ_SOFT_EXEC && (flags & VIQ_SOFT_WRITE || !(flags & VIQ_SOFT_READ)))
		return false;
	return !(flags & VIQ_SOFT_SSV) || ssid < 1u << 20;
}

#endif
