/* SPDX-License-Identifier: MIT */
/*
 * What QEMU's monitor sees of an IOMMU of viq's: counters, and failures on
 * demand.
 */
#ifndef HW_VIQ_UNIT_H
#define HW_VIQ_UNIT_H

#include "qom/object.h"
#include "qapi/qapi-types-viq.h"

#define TYPE_VIQ_UNIT "viq-unit"
typedef struct ViqUnitClass ViqUnitClass;
DECLARE_CLASS_CHECKERS(ViqUnitClass, VIQ_UNIT, TYPE_VIQ_UNIT)

struct ViqUnitClass {
    InterfaceClass parent;

    /* The unit's failures, or NULL: before realize(), after unrealize(). */
    struct ViqInject *(*inject)(Object *unit);
    /* In the order in which docs/qemu.md has them. */
    void (*counters)(Object *unit, ViqCounterList ***tail);
};

/* A counter that is not 0 goes to the list's end. */
void viq_unit_count(ViqCounterList ***tail, const char *name, uint64_t value);

/* property "inject": class_init() of a unit. */
void viq_unit_class_add_inject(ObjectClass *klass);

#endif
