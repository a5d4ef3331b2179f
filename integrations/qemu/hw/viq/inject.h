/* SPDX-License-Identifier: MIT */
/*
 * Failures on demand: of the host behind the IOMMU (viq/fault.h), and of the
 * IOMMU itself. docs/fail-on-demand.md says what a guest sees.
 */
#ifndef HW_VIQ_INJECT_H
#define HW_VIQ_INJECT_H

#include "qapi/error.h"
#include <viq/fault.h>

/* What viq_fault_arm() does not reach. */
typedef enum ViqInjectKind {
    VIQ_INJECT_NONE,
    VIQ_INJECT_HOST,        /* armed in fault */
    VIQ_INJECT_ABORT,       /* in fault, and the unit gives up at once */
    VIQ_INJECT_ATC_LOST,    /* in fault, and the unit does not ask again */
    VIQ_INJECT_CONFIG_DROP, /* a configuration command has no effect */
    VIQ_INJECT_ATC_TIMEOUT, /* VT-d's device-TLB descriptors: no answer, */
    VIQ_INJECT_ATC_WRONG,   /* a wrong one, */
    VIQ_INJECT_ATC_DROP,    /* and a lie */
    VIQ_INJECT_SLOW,        /* each piece of work begins late */
    VIQ_INJECT_HANG,        /* or never */
} ViqInjectKind;

typedef struct ViqInject {
    struct viq_fault *fault;
    ViqInjectKind kind;
    bool armed; /* anything but none, last */
    uint32_t index; /* so many get by before it strikes; SLOW: milliseconds */
    uint32_t left;  /* strikes left; UINT32_MAX: no end */
    uint64_t strikes; /* those that fault has not counted */
    uint64_t placed;  /* of all strikes: those whose slot is known, or never */
    int64_t slot;     /* of the queue, of the last of them; negative: none */
    /*
     * Whoever owns the unit: no write may do any work itself (hold), or as
     * before; and something may have to be run now.
     */
    void (*changed)(void *opaque, bool hold);
    void *opaque;
    bool vtd;   /* has device-TLB descriptors */
    char *text; /* as armed */
} ViqInject;

bool viq_inject_init(ViqInject *inject, const char *contract, bool vtd,
                     void (*changed)(void *opaque, bool hold), void *opaque,
                     Error **errp);
/* What the property asked for before there was a unit. */
bool viq_inject_start(ViqInject *inject, Error **errp);
void viq_inject_destroy(ViqInject *inject);

/* [INDEX:]KIND[:TIMES]; "none" disarms. What was armed before is forgotten. */
bool viq_inject_arm(ViqInject *inject, const char *text, Error **errp);

/* An event that kind can strike happens: does it? */
bool viq_inject_strikes(ViqInject *inject, ViqInjectKind kind);

/* How often what was armed last has struck. SLOW and HANG are not counted. */
uint64_t viq_inject_count(const ViqInject *inject);

/*
 * Something leaves the queue, or stops it, at this slot; waits: all before it
 * is done. Is this what was struck? is() compares it with an entry of hosts.
 */
void viq_inject_place(ViqInject *inject, uint32_t slot, const uint64_t *what,
                      bool waits,
                      bool (*is)(const uint64_t *what, const void *entry));

/* The guest is told of a device that has not answered. */
void viq_inject_told(ViqInject *inject);

/* A host could not: does the unit give up, and tell the guest? */
bool viq_inject_gives_up(ViqInject *inject);

/* Work waits: run it in so many milliseconds. Negative: not at all. */
int64_t viq_inject_delay_ms(const ViqInject *inject);

#endif
