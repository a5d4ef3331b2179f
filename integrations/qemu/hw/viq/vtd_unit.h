/* SPDX-License-Identifier: MIT */
/* What the files of viq-vtd share. */
#ifndef HW_VIQ_VTD_UNIT_H
#define HW_VIQ_VTD_UNIT_H

#include "bus.h"
#include "memory.h"
#include "vtd.h"
#include "work.h"

#include <viq/nest_vtd.h>
#include <viq/vtd.h>

struct ViqVtdClass {
    X86IOMMUClass parent;
    DeviceRealize parent_realize;
};

struct ViqVtd {
    X86IOMMUState parent;

    bool scalable, first_stage, second_stage, nested, caching_mode, pri;
    uint8_t aw_bits;
    uint64_t cap, ecap; /* as the guest sees them */

    ViqMemory *memory;
    ViqWork work;
    struct viq_vtd *vtd;
    struct viq_soft_vtd *soft;
    struct viq_nest_vtd *nest;

    /* Assigned devices, if there are any. */
    struct viq_linux *host;
    uint32_t stage2;
    struct viq_linux_vvtd *vvtd;
    struct viq_nest_vtd *vvtd_nest;

    MemoryRegion registers;
    ViqBus bus;

    VMChangeStateEntry *running;
    uint32_t saved_len;
    uint8_t *saved;
};

extern const struct viq_vtd_ops viq_vtd_unit_ops;
extern const ViqAssignedOps viq_vtd_unit_assigned_ops;
extern const ViqBusOps viq_vtd_unit_bus_ops;
extern const ViqWorkOps viq_vtd_unit_work_ops;

/* There is work. On any thread. */
void viq_vtd_unit_wake(void *opaque);
/*
 * Who follows the guest's tables for a host; trace may be NULL. *nest is the
 * caller's to destroy, if it is set, even if this fails.
 */
int viq_vtd_unit_make_nest(ViqVtd *s, struct viq_vtd_backend backend,
                           void (*trace)(void *,
                                         const struct viq_vtd_outcome *),
                           struct viq_nest_vtd **nest, struct viq_why *why);

#endif
