/* SPDX-License-Identifier: MIT */
/*
 * When a unit works: after a write that left something, when its host could
 * not, when accesses have left records; and late or never, if it is told so.
 */
#ifndef HW_VIQ_WORK_H
#define HW_VIQ_WORK_H

#include "exec/memory.h"
#include "hw/qdev-core.h"
#include "inject.h"

/* What differs between the units; 0 or a negative errno. */
typedef struct ViqWorkOps {
    /* Takes what the software host has recorded of accesses. */
    int (*take)(void *unit);
    /* viq_vtd_run() or its like: true, there is more. */
    bool (*run)(void *unit, uint32_t budget);
    int (*set_budget)(void *unit, uint32_t budget);
} ViqWorkOps;

typedef struct ViqWork {
    const ViqWorkOps *ops;
    void *unit;
    const char *name;
    uint32_t budget; /* these two are properties */
    char *contract;
    ViqInject inject;
    QEMUBH *run;
    QEMUTimer *retry;
    MemoryListener sync;
} ViqWork;

/* false with *errp: no such contract. */
bool viq_work_init(ViqWork *work, const ViqWorkOps *ops, void *unit,
                   const char *name, bool vtd, DeviceState *dev, Error **errp);
/* The unit is whole. */
void viq_work_start(ViqWork *work);
/* Nothing runs any more. The failures stay, for hosts that are behind them. */
void viq_work_stop(ViqWork *work);

/* On any thread: kick, and notify of the software host. */
void viq_work_wake(void *work);
/* ops.host_wait: waits longer each time. */
int viq_work_host_wait(ViqWork *work, uint64_t times);
void viq_work_take(ViqWork *work);
/* Before the unit's own reset: what happened before must not be told after. */
void viq_work_reset(ViqWork *work);

#endif
