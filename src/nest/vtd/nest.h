/* SPDX-License-Identifier: MIT */
/*
 * Following a guest VT-d's tables, inside. nest.c has the object's life and its cursor, faults.c brings faults back;
 * follow.c goes from one device's entries to what the host is set to.
 */
#ifndef VIQ_NEST_VTD_NEST_H
#define VIQ_NEST_VTD_NEST_H

#include <viq/nest_vtd.h>

#include "spec/vtd/tables.h"

/* The guest's tables as they were when a device was begun. */
struct nest_vtd_guest {
	const struct viq_mem *mem;
	struct viq_vtd_tables tables;
	struct vtd_caps caps;
};

/* A device that is being followed: context entry, then tables of PASIDs, then PASIDs that no table is left for. */
struct nest_vtd_device {
	uint16_t source_id;
	bool renew;
	bool gone; /* from the host, meanwhile */
	struct viq_vtd_device_state state;
	struct nest_vtd_guest guest;
	bool by_pasid; /* there are PASID entries to look at: */
	struct vtd_context ctx;
	uint8_t reason;       /* why there are none; 0: requests are not translated */
	uint32_t limit;       /* PASIDs below this one can be in requests */
	uint32_t pasid;       /* the next one; UINT32_MAX: none */
	struct viq_work work; /* what may be spent and what all has cost; no cursor */
	int err;              /* the first for which the guest's descriptor does not complete */
	int blocked;          /* the first for which it does: these requests are blocked */
};

struct viq_nest_vtd {
	struct viq_nest_vtd_config config;
	struct viq_vtd_backend_ops ops; /* config.backend.ops, as this version has them */
	struct viq_vtd *vtd;            /* NULL: none is bound */
	const struct viq_mem *mem;
};

/* For a device of which the host has told source_id and state: what the guest says of it now. */
void nest_vtd_device_read(struct viq_nest_vtd *n, struct nest_vtd_device *d, const struct viq_vtd_reconfig *what);
/* After that, once: requests without PASID, and the PASID that *what names. true: nest_vtd_device_step() is to go on.
 */
bool nest_vtd_device_begin(struct viq_nest_vtd *n, struct nest_vtd_device *d, const struct viq_vtd_reconfig *what);
/* PASIDs from d->pasid on, at most the rest of a table, as far as d->work goes. true: there are more. */
bool nest_vtd_device_step(struct viq_nest_vtd *n, struct nest_vtd_device *d);
/* All of it is blocked. */
void nest_vtd_device_block(struct viq_nest_vtd *n, struct nest_vtd_device *d);

static inline void nest_vtd_first(int *first, int err)
{
	if (!*first)
		*first = err;
}

#endif
