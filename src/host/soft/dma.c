/* SPDX-License-Identifier: MIT */
/* DMA: accesses that copy. */
#include <errno.h>
#include <string.h>

#include "translate.h"

/* Bytes of the next step of a DMA, inside one translation. */
static size_t step(const struct viq_soft_xlate *x, size_t len)
{
	return x->len < len ? x->len : len;
}

int viq_soft_dma_read(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags, void *buf, size_t len)
{
	char *dst = buf;
	int ret = 0;

	if (!dev || (len && !buf) || flags & VIQ_SOFT_WRITE || !soft_flags_ok(flags | VIQ_SOFT_READ, ssid) ||
	    !soft_thread.registered)
		return -EINVAL;
	viq_soft_access_begin();
	while (len) {
		struct viq_soft_xlate x;
		size_t n;

		ret = viq_soft_translate(dev, iova, ssid, flags | VIQ_SOFT_READ, &x);
		if (ret)
			break;
		n = step(&x, len);
		ret = viq_mem_read(dev->soft->config.mem, x.pa, dst, n);
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

int viq_soft_dma_write(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags, const void *buf,
		       size_t len)
{
	const char *src = buf;
	int ret = 0;

	if (!dev || (len && !buf) || flags & (VIQ_SOFT_READ | VIQ_SOFT_EXEC) ||
	    !soft_flags_ok(flags | VIQ_SOFT_WRITE, ssid) || !soft_thread.registered)
		return -EINVAL;
	viq_soft_access_begin();
	while (len) {
		struct viq_soft_xlate x;
		size_t n;

		ret = viq_soft_translate(dev, iova, ssid, flags | VIQ_SOFT_WRITE, &x);
		if (ret)
			break;
		n = step(&x, len);
		ret = viq_mem_write(dev->soft->config.mem, x.pa, src, n);
		if (ret)
			break;
		src += n;
		iova += n;
		len -= n;
	}
	viq_soft_access_end();
	return ret;
}
