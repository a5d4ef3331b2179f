/* SPDX-License-Identifier: MIT */
/* DMA: see dma.h. */
#include <errno.h>
#include <string.h>

#include "dma.h"
#include "flags.h"
#include "thread.h"

/* Bytes of the next step of a DMA, inside one translation. */
static size_t step(const struct viq_soft_xlate *x, size_t len)
{
	return x->len < len ? x->len : len;
}

int soft_dma_read(const struct soft_dma *dma, uint64_t iova, uint32_t ssid, uint32_t flags, void *buf, size_t len)
{
	char *dst = buf;
	int ret = 0;

	if (!dma->dev || (len && !buf) || flags & VIQ_SOFT_WRITE || !soft_flags_ok(flags | VIQ_SOFT_READ, ssid) ||
	    !soft_thread.registered)
		return -EINVAL;
	viq_soft_access_begin();
	while (len) {
		struct viq_soft_xlate x;
		size_t n;

		ret = dma->translate(dma->dev, iova, ssid, flags | VIQ_SOFT_READ, &x);
		if (ret)
			break;
		n = step(&x, len);
		ret = viq_mem_read(dma->mem, x.pa, dst, n);
		if (ret)
			break;
		dst += n;
		iova += n;
		len -= n;
	}
	viq_soft_access_end();
	if (ret == -ENODATA)
		memset(dst, 0, len);
	return ret;
}

int soft_dma_write(const struct soft_dma *dma, uint64_t iova, uint32_t ssid, uint32_t flags, const void *buf,
		   size_t len)
{
	const char *src = buf;
	int ret = 0;

	if (!dma->dev || (len && !buf) || flags & (VIQ_SOFT_READ | VIQ_SOFT_EXEC) ||
	    !soft_flags_ok(flags | VIQ_SOFT_WRITE, ssid) || !soft_thread.registered)
		return -EINVAL;
	viq_soft_access_begin();
	while (len) {
		struct viq_soft_xlate x;
		size_t n;

		ret = dma->translate(dma->dev, iova, ssid, flags | VIQ_SOFT_WRITE, &x);
		if (ret)
			break;
		n = step(&x, len);
		ret = viq_mem_write(dma->mem, x.pa, src, n);
		if (ret)
			break;
		src += n;
		iova += n;
		len -= n;
	}
	viq_soft_access_end();
	return ret;
}
