/* SPDX-License-Identifier: MIT */
/*
 * Assigned devices (vfio-pci,iommufd=) behind an IOMMU of viq's: nested
 * translation by the host's IOMMU.
 */
#ifndef HW_VIQ_ASSIGNED_H
#define HW_VIQ_ASSIGNED_H

#include "hw/pci/pci.h"
#include "system/host_iommu_device.h"

struct viq_linux;
struct viq_linux_move;
struct viq_why;

/* The unit's side of it. unit is viq_assigned_init()'s; 0 or a negative errno. */
typedef struct ViqAssignedOps {
    /* The first device comes: make a host for its like, and all that is on it. */
    int (*begin)(void *unit, struct viq_linux *host, uint32_t ioas,
                 uint32_t device, struct viq_why *why);
    void (*end)(void *unit);
    /* A device has its first requester ID; it is blocked until follow(). */
    int (*add)(void *unit, uint32_t device, int cdev, uint16_t sid,
               struct viq_why *why);
    int (*remove)(void *unit, uint16_t sid);
    int (*move)(void *unit, const struct viq_linux_move *moves, uint32_t count);
    int (*follow)(void *unit, uint16_t sid);
} ViqAssignedOps;

typedef struct ViqAssigned {
    const ViqAssignedOps *ops;
    void *unit;
    const char *name;
    Object *iommufd; /* of all devices, as these two */
    uint32_t ioas;
    struct viq_linux *host; /* NULL: there is no device */
    GPtrArray *devices;      /* ViqDevice * */
    /* Guest memory without the IOMMU in front of it: what stage 2 maps. */
    MemoryRegion root;
    AddressSpace as;
} ViqAssigned;

typedef struct ViqDevice ViqDevice;

void viq_assigned_init(ViqAssigned *assigned, const char *name, Object *owner,
                       const ViqAssignedOps *ops, void *unit);

/* Will it be handed to viq_assigned_add()? dev may be NULL. */
bool viq_assigned_expects(PCIDevice *dev);

/* NULL with *errp. It is blocked until it has a requester ID. */
ViqDevice *viq_assigned_add(ViqAssigned *assigned, HostIOMMUDevice *hiod,
                            Error **errp);
void viq_assigned_remove(ViqAssigned *assigned, ViqDevice *device);

/*
 * Its requester ID is this now: takes effect with place(), if it had none, or
 * with renumber(), as those of others.
 */
void viq_assigned_number(ViqDevice *device, uint16_t sid);
bool viq_assigned_place(ViqAssigned *assigned, ViqDevice *device, Error **errp);
void viq_assigned_renumber(ViqAssigned *assigned);

bool viq_assigned_is_at(const ViqAssigned *assigned, uint32_t sid);
void viq_assigned_requesters_of(const ViqAssigned *assigned,
                                GArray *requesters);

#endif
