/* SPDX-License-Identifier: MIT */
/*
 * The PCI functions behind an IOMMU of viq's: their address spaces, and the
 * requester IDs by which the IOMMU knows them.
 */
#ifndef HW_VIQ_BUS_H
#define HW_VIQ_BUS_H

#include "exec/memory.h"
#include "hw/pci/pci.h"
#include "assigned.h"
#include <viq/soft.h>

/* A page that a function asks for; and, with code, the answer to a group. */
typedef struct ViqPage {
    uint64_t addr;
    uint32_t pasid;
    uint16_t group;
    bool has_pasid, write, last;
    uint8_t code; /* as PCIe has them: 0 success, 1 invalid request */
} ViqPage;

/* What differs between the IOMMUs. opaque is viq_bus_init()'s. */
typedef struct ViqBusOps {
    /*
     * A function has this requester ID now: the software host's device for it,
     * or NULL. Asked once for each ID; what comes back is never freed.
     */
    void *(*know)(void *opaque, uint16_t sid);
    /* viq_soft_translate() or its like, inside an access. */
    int (*translate)(void *dev, uint64_t iova, uint32_t flags,
                     struct viq_soft_xlate *out);
    /*
     * viq_soft_dma_read() or its like: flags have VIQ_SOFT_READ or _WRITE, and
     * VIQ_SOFT_SSV if there is a pasid.
     */
    int (*dma)(void *dev, uint64_t iova, uint32_t pasid, uint32_t flags,
               void *buf, size_t len);
    int (*set_ats)(void *dev, bool on);
    /* 1: page->code is the answer; 0: it comes by viq_bus_answer(), or none. */
    int (*ask)(void *opaque, void *dev, uint16_t sid, ViqPage *page);
    /* Regions in front of the translation, or NULL. */
    void (*add_regions)(void *opaque, Object *owner, MemoryRegion *root);
    const ViqAssignedOps *assigned;
} ViqBusOps;

typedef struct ViqBus {
    const ViqBusOps *ops;
    void *opaque;
    Object *owner;
    const char *name;
    GHashTable *functions; /* ViqFunction of itself, by bus and devfn */
    ViqAssigned assigned;
    MemoryListener listener;
    /* Of each requester ID that was ever in use; only ever added to. */
    void *requesters[PCI_BUS_MAX * PCI_DEVFN_MAX];
} ViqBus;

/* Translates for root and all buses below from now on. */
void viq_bus_init(ViqBus *bus, const char *name, Object *owner, PCIBus *root,
                  const ViqBusOps *ops, void *opaque);

/*
 * Buses may have been numbered: the IOMMU has to know its requesters before
 * their first access. Called by itself when the memory map changes.
 */
void viq_bus_know_all(ViqBus *bus);

/* All that is kept of translations elsewhere (vhost) is void. */
void viq_bus_forget(ViqBus *bus);

/* The address space of a function that is not on the bus (the I/O APIC). */
AddressSpace *viq_bus_address_space(PCIBus *pci, void *opaque, int devfn);

/* What the IOMMU makes of a device's addresses, also of an assigned one's. */
AddressSpace *viq_bus_translation(ViqBus *bus, PCIDevice *dev);

/*
 * For a device whose requests are more than QEMU's address spaces can say: with
 * a PASID, for execution, privileged.
 */
typedef struct ViqFunction ViqFunction;

/* The answer to a group of page requests, for whoever has this requester ID. */
void viq_bus_answer(ViqBus *bus, uint16_t sid, const ViqPage *page);

/*
 * Ask for a page; answers go to answered(). 0, or a negative errno: the IOMMU
 * takes no page requests.
 */
int viq_function_ask(ViqFunction *function, ViqPage *page);
void viq_function_on_answer(ViqFunction *function,
                            void (*answered)(void *opaque, const ViqPage *page),
                            void *opaque);

/* NULL with *errp: its bus is not behind an IOMMU of viq's. */
ViqFunction *viq_bus_function(PCIDevice *dev, Error **errp);
/* 0, -EFAULT (aborted), -ENODATA (terminated), ... In RAM only. */
int viq_function_dma(ViqFunction *function, uint64_t iova, uint32_t pasid,
                     uint32_t flags, void *buf, size_t len);
/* Its requests go through a cache of its own, if the guest's tables allow. */
void viq_function_set_ats(ViqFunction *function, bool on);

/* Whoever makes accesses, or has others wait for them, is registered. */
void viq_thread_register(void);

#endif
