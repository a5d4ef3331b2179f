/* SPDX-License-Identifier: MIT */
/* DMA: see dma.h. */
#include <errno.h>
#include <string.h>

#include "dma.h"
#include "flags.h"
#include "thread.h"

/* To dst, or from src; the other one is NULL. What is left of *len was not copied. */
static int copy(const struct soft_dma *dma, uint64_t iova, uint32_t ssid, uint32_t flags, char *dst, const char *src,
		size_t *len)
{
	int ret = 0;

	if (!dma->dev || (*len && !dst && !src) || !soft_flags_ok(flags, ssid) || !soft_self()->registered)
		return -EINVAL;
	viq_soft_access_begin();
	for (size_t at = 0, n; *len; at += n, *len -= n) {
		struct viq_soft_xlate x;

		ret = dma->translate(dma->dev, iova + at, ssid, flags, &x);
		if (ret)
			break;
		n = x.len < *len ? x.len : *len;
		ret = dst ? viq_mem_read(dma->mem, x.pa, dst + at, n) : viq_mem_write(dma->mem, x.pa, src + at, n);
		if (ret)
			break;
	}
	viq_soft_access_end();
	return ret;
}

int soft_dma_read(const struct soft_dma *dma, uint64_t iova, uint32_t ssid, uint32_t flags, void *buf, size_t len)
{
	size_t left = len;
	int ret = flags & VIQ_SOFT_WRITE ? -EINVAL : copy(dma, iova, ssid, flags | VIQ_SOFT_READ, buf, NULL, &left);

	if (ret == -ENODATA)
		memset((char *)buf + len - left, 0, left);
	return ret;
}

int soft_dma_write(const struct soft_dma *dma, uint64_t iova, uint32_t ssid, uint32_t flags, const void *buf,
		   size_t len)
{
	if (flags & (VIQ_SOFT_READ | VIQ_SOFT_EXEC))
		return -EINVAL;
	return copy(dma, iova, ssid, flags | VIQ_SOFT_WRITE, NULL, buf, &len);
}
