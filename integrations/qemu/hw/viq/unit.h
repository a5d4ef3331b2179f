/* SPDX-License-Identifier: MIT */
/*
 * What the rest of QEMU sees of an IOMMU of viq's: its monitor counters and
 * failures on demand; KVM and firmware tables the MSIs of assigned devices.
 */
#ifndef HW_VIQ_UNIT_H
#define HW_VIQ_UNIT_H

#include "hw/pci/pci.h"
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
    /* Both may be NULL, where MSIs do not pass through the IOMMU. */
    AddressSpace *(*msi_address_space)(Object *unit, PCIDevice *dev);
    void (*assigned_requesters)(Object *unit, GArray *requesters);
};

/*
 * Where Linux up to 7.3 has an assigned device send its MSIs on Arm, before
 * translation (IOMMU_RESV_SW_MSI of its SMMUv3 driver).
 */
#define VIQ_MSI_WINDOW      0x8000000
#define VIQ_MSI_WINDOW_SIZE 0x100000

/* By which the address of a device's MSI is looked up, as its driver wrote it. */
AddressSpace *viq_msi_address_space(PCIDevice *dev);
/* uint16_t, of all assigned devices behind IOMMUs of viq's that have one. */
GArray *viq_assigned_requesters(void);

/* A counter that is not 0 goes to the list's end. */
void viq_unit_count(ViqCounterList ***tail, const char *name, uint64_t value);

/* property "inject": class_init() of a unit. */
void viq_unit_class_add_inject(ObjectClass *klass);

#endif
