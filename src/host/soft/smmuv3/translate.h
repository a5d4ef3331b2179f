/* SPDX-License-Identifier: MIT */
/* One access on its way through the IOMMU. */
#ifndef VIQ_SOFT_TRANSLATE_H
#define VIQ_SOFT_TRANSLATE_H

#include "host/soft/flags.h"
#include "object.h"

struct soft_access {
	struct viq_soft *soft;
	const struct viq_soft_dev *dev;
	struct soft_view *view;
	uint64_t iova;
	uint32_t ssid;    /* 0 without SSV */
	uint32_t flags;   /* VIQ_SOFT_*, checked */
	uint64_t configs; /* view->cds.any before the descriptor was looked up */
};

/* What walks and rights checks ask for. An instruction fetch asks for execution alone. */
static inline unsigned int soft_access_rights(uint32_t flags)
{
	unsigned int rights = soft_flags_rights(flags);

	return rights & SOFT_X ? rights & ~SOFT_R : rights;
}

/* Leave the event of a fault (7.3) for the guest: in event.c. Without a StreamID there is nobody to tell. */
void soft_event(const struct soft_access *access, const struct soft_fault *fault);
/* Tell of what the stream table asked for (viq_soft_vdevice_fault()). */
void soft_stream_event(const struct soft_access *access);

#endif
