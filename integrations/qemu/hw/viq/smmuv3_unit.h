/* SPDX-License-Identifier: MIT */
/* What the files of viq-smmuv3 share. */
#ifndef HW_VIQ_SMMUV3_UNIT_H
#define HW_VIQ_SMMUV3_UNIT_H

#include "bus.h"
#include "memory.h"
#include "smmuv3.h"
#include "work.h"

#include <viq/nest_smmuv3.h>
#include <viq/smmuv3.h>

/* As the device tree and the IORT of the virt machine have them. */
enum {
    LINE_EVENTQ,
    LINE_PRIQ,
    LINE_SYNC,
    LINE_GERROR,
    LINES,
};

struct ViqSmmuv3 {
    SysBusDevice parent;

    PCIBus *primary_bus;
    char *stage; /* NULL: stage 1 */
    bool ats, pri;

    ViqMemory *memory;
    ViqWork work;
    struct viq_smmuv3 *smmu;
    struct viq_soft *soft;
    struct viq_nest_smmuv3 *nest;
    uint32_t viommu;
    struct viq_linux_vsmmu *vsmmu; /* NULL: there is no assigned device */

    MemoryRegion registers;
    ViqBus bus;
    qemu_irq lines[LINES];

    VMChangeStateEntry *running;
    uint32_t saved_len;
    uint8_t *saved;
};

extern const struct viq_smmuv3_ops viq_smmuv3_unit_ops;
extern const ViqAssignedOps viq_smmuv3_unit_assigned_ops;
extern const ViqBusOps viq_smmuv3_unit_bus_ops;
extern const ViqWorkOps viq_smmuv3_unit_work_ops;

/* There is work. On any thread. */
void viq_smmuv3_unit_wake(void *opaque);
/* Events of all hosts. 0 or a negative errno. */
int viq_smmuv3_unit_take(void *opaque);

/* Which stages? By bits of IDR0; 0 with *errp: there is no such value. */
uint32_t viq_smmuv3_unit_stages(ViqSmmuv3 *s, Error **errp);
/* The guest's SMMU, with what all hosts have that are there now. */
int viq_smmuv3_unit_make_front(ViqSmmuv3 *s, struct viq_why *why);

#endif
