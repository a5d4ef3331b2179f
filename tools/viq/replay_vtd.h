/* SPDX-License-Identifier: MIT */
#ifndef VIQ_TOOL_REPLAY_VTD_H
#define VIQ_TOOL_REPLAY_VTD_H

#include <viq/vtd.h>

#include "replay_witness_private.h"

struct vtd_guest {
	struct replay_guest base;
	struct viq_vtd_config config; /* of vtd */
	struct viq_vtd *vtd;
	bool scalable;               /* mode of the tables; else legacy */
	uint64_t root;               /* root table */
	uint64_t status, status_end; /* words that wait descriptors write, one a slot */
};

#endif
