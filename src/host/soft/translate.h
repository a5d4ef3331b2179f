/* SPDX-License-Identifier: MIT */
/* One access on its way through the IOMMU. */
#ifndef VIQ_SOFT_TRANSLATE_H
#define VIQ_SOFT_TRANSLATE_H

#include "dma.h"
#include "object.h"

struct soft_access {
	struct viq_soft *soft;
	struct soft_view *view;
	uint64_t iova;
	uint32_t ssid;    /* 0 without SSV */
	uint32_t flags;   /* VIQ_SOFT_*, checked */
	uint64_t configs; /* view->cds.any before the descriptor was looked up */
};

/* The SOFT_R/W/X/P that walks and rights checks ask for. An instruction fetch asks for execution alone. */
static inline unsigned int soft_access_rights(uint32_t flags)
{
	unsigned int rights = flags & VIQ_SOFT_PRIV ? SOFT_P : 0;

	if (flags & VIQ_SOFT_EXEC)
		return rights | SOFT_X;
	return rights | (flags & VIQ_SOFT_READ ? SOFT_R : 0) | (flags & VIQ_SOFT_WRITE ? SOFT_W : 0);
}

/* Tell the embedder of a fault (7.3): in event.c. Without a StreamID there is nobody to tell. */
void soft_event(const struct soft_access *access, const struct soft_fault *fault);
/* Tell of what the stream table asked for (viq_soft_vdevice_fault()). */
void soft_stream_event(const struct soft_access *access);

#endif
