/* SPDX-License-Identifier: MIT */
/* Between replay_vtd.c (the guest) and replay_vtd_use.c (its devices). */
#ifndef VIQ_TOOL_REPLAY_VTD_H
#define VIQ_TOOL_REPLAY_VTD_H

#include "replay_witness_private.h"
#include "soft_vtd_guest.h"

struct vtd_guest {
	struct replay_guest base;
	struct viq_vtd_config config; /* of vtd */
	struct viq_vtd *vtd;
	bool soft; /* host is there */
	struct soft_vtd_guest host;
	bool scalable;               /* mode of the tables; else legacy */
	uint64_t root;               /* root table */
	uint64_t status, status_end; /* words that wait descriptors write, one a slot */
};

int vtd_witness_populate(struct witness *w, const struct scan *scan);
void vtd_witness_unpopulate(struct witness *w);
void vtd_witness_use(struct witness *w, const struct replay_command *command);
bool vtd_witness_cached(struct witness *w, const struct record *record);
bool vtd_witness_stale(struct witness *w, const struct record *record);

#endif
