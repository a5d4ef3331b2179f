/* SPDX-License-Identifier: MIT */
/* The VIQ_SOFT_* flags of an access. */
#ifndef VIQ_SOFT_FLAGS_H
#define VIQ_SOFT_FLAGS_H

#include <stdbool.h>

#include <viq/soft.h>

#include "access.h"

/* Do they make sense together, and with the SubstreamID or PASID? */
static inline bool soft_flags_ok(uint32_t flags, uint32_t ssid)
{
	const uint32_t known = VIQ_SOFT_READ | VIQ_SOFT_WRITE | VIQ_SOFT_EXEC | VIQ_SOFT_PRIV | VIQ_SOFT_SSV;

	if (flags & ~known || !(flags & (VIQ_SOFT_READ | VIQ_SOFT_WRITE)))
		return false;
	if (flags & VIQ_SOFT_EXEC && (flags & VIQ_SOFT_WRITE || !(flags & VIQ_SOFT_READ)))
		return false;
	return !(flags & VIQ_SOFT_SSV) || ssid < 1u << 20;
}

/* The SOFT_R/W/X/P that they stand for. */
static inline unsigned int soft_flags_rights(uint32_t flags)
{
	return (flags & VIQ_SOFT_READ ? SOFT_R : 0) | (flags & VIQ_SOFT_WRITE ? SOFT_W : 0) |
	       (flags & VIQ_SOFT_EXEC ? SOFT_X : 0) | (flags & VIQ_SOFT_PRIV ? SOFT_P : 0);
}

#endif
