/* SPDX-License-Identifier: MIT */
/*
 * The PCI functions behind an IOMMU of viq's.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "exec/address-spaces.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "qapi/error.h"
#include "bus.h"
#include "trace.h"
#include "unit.h"

#define TYPE_VIQ_REGION "viq-iommu-memory-region"

/* The smallest piece that a translation covers. */
#define PAGE_MASK 0xfffull

struct ViqFunction {
    ViqBus *viq;
    PCIBus *bus;       /* its number may change */
    PCIDevice *bridge; /* to bus, or NULL */
    uint8_t devfn;
    void *cached; /* the requester whose cache is in use */
    AddressSpace as;
    MemoryRegion root; /* of as */
    IOMMUMemoryRegion dma;
    void (*answered)(void *opaque, const ViqPage *page);
    void *asker;
    ViqDevice *assigned; /* what is there, if that is an assigned device */
};

/* --- Threads ---------------------------------------------------------------- */

static __thread Notifier viq_thread_exit;

static void viq_thread_ends(Notifier *notifier, void *unused)
{
    viq_soft_thread_unregister();
}

void viq_thread_register(void)
{
    if (!viq_thread_exit.notify) {
        if (viq_soft_thread_register()) {
            error_report("viq: no memory for a thread's accesses");
            abort();
        }
        viq_thread_exit.notify = viq_thread_ends;
        qemu_thread_atexit_add(&viq_thread_exit);
    }
}

/* --- Requester IDs ---------------------------------------------------------- */

static bool viq_function_sid(const ViqFunction *function, uint16_t *sid)
{
    int bus;

    /* The bridge was unplugged; it is kept, but not its registers. */
    if (function->bridge && !DEVICE(function->bridge)->realized) {
        return false;
    }
    bus = pci_bus_num(function->bus);
    *sid = PCI_BUILD_BDF(bus, function->devfn);
    /* Behind a bridge that has not been given a number yet it is none. */
    return bus || pci_bus_is_root(function->bus);
}

static void viq_function_know(ViqFunction *function)
{
    ViqBus *viq = function->viq;
    uint16_t sid;

    if (viq_function_sid(function, &sid) && !viq->requesters[sid]) {
        void *dev = viq->ops->know(viq->opaque, sid);

        /* The reader has no lock. */
        qatomic_store_release(&viq->requesters[sid], dev);
    }
}

static void viq_function_number(ViqFunction *function)
{
    uint16_t sid;

    if (function->assigned && viq_function_sid(function, &sid)) {
        viq_assigned_number(function->assigned, sid);
    }
}

void viq_bus_know_all(ViqBus *viq)
{
    GHashTableIter iter;
    gpointer function;

    g_hash_table_iter_init(&iter, viq->functions);
    while (g_hash_table_iter_next(&iter, &function, NULL)) {
        viq_function_know(function);
        viq_function_number(function);
    }
    viq_assigned_renumber(&viq->assigned);
}

/* --- Translation ------------------------------------------------------------ */

static IOMMUTLBEntry viq_region_translate(IOMMUMemoryRegion *region,
                                          hwaddr addr, IOMMUAccessFlags access,
                                          int index)
{
    ViqFunction *function = container_of(region, ViqFunction, dma);
    ViqBus *viq = function->viq;
    const uint32_t flags = (access & IOMMU_RO ? VIQ_SOFT_READ : 0) |
                           (access & IOMMU_WO ? VIQ_SOFT_WRITE : 0);
    IOMMUTLBEntry entry = {
        .target_as = &address_space_memory,
        .iova = addr & ~PAGE_MASK,
        .addr_mask = PAGE_MASK,
        .perm = IOMMU_NONE,
    };
    struct viq_soft_xlate xlate;
    uint16_t sid;
    void *dev;

    viq_thread_register();
    if (bql_locked()) {
        viq_function_know(function);
    }
    if (!viq_function_sid(function, &sid)) {
        return entry;
    }
    dev = qatomic_load_acquire(&viq->requesters[sid]);
    if (!dev || !flags) {
        return entry;
    }
    viq_soft_access_begin();
    if (!viq->ops->translate(dev, addr, flags, &xlate)) {
        entry.translated_addr = xlate.pa & ~PAGE_MASK;
        entry.perm = access;
    }
    viq_soft_access_end();
    trace_viq_translate(sid, addr, access, entry.translated_addr, entry.perm);
    return entry;
}

/*
 * Who keeps translations (vhost) is told when they end. Who wants each new one
 * (vfio without iommufd, a mediated device) would need a walk of the guest's
 * tables.
 */
static int viq_region_notify_flag_changed(IOMMUMemoryRegion *region,
                                          IOMMUNotifierFlag old,
                                          IOMMUNotifierFlag new, Error **errp)
{
    ViqFunction *function = container_of(region, ViqFunction, dma);

    if (new & IOMMU_NOTIFIER_MAP) {
        error_setg_errno(errp, ENOTSUP,
                         "device %02x.%x wants a copy of the guest's page "
                         "tables, which %s does not make: give a physical "
                         "device iommufd=, put another one behind a bus with "
                         "bypass_iommu=on",
                         PCI_SLOT(function->devfn), PCI_FUNC(function->devfn),
                         function->viq->name);
        return -ENOTSUP;
    }
    return 0;
}

static void viq_region_replay(IOMMUMemoryRegion *region,
                              IOMMUNotifier *notifier)
{
    /* Nothing to tell: see above. */
}

static void viq_region_class_init(ObjectClass *klass, void *data)
{
    IOMMUMemoryRegionClass *imrc = IOMMU_MEMORY_REGION_CLASS(klass);

    imrc->translate = viq_region_translate;
    imrc->notify_flag_changed = viq_region_notify_flag_changed;
    imrc->replay = viq_region_replay;
}

/* In two halves: vhost says how long it is, and 2^64 would be 0. */
static void viq_bus_forget_all(IOMMUNotifier *n)
{
    const hwaddr middle = 1ull << 63;
    /* With ATS vhost wants to hear of device-TLBs only: these are void, too. */
    IOMMUTLBEvent event = {
        .type = IOMMU_NOTIFIER_UNMAP | IOMMU_NOTIFIER_DEVIOTLB_UNMAP,
        .entry = { .target_as = &address_space_memory },
    };

    if (n->start < middle) {
        event.entry.iova = n->start;
        event.entry.addr_mask = MIN(n->end, middle - 1) - n->start;
        memory_region_notify_iommu_one(n, &event);
    }
    if (n->end >= middle) {
        event.entry.iova = MAX(n->start, middle);
        event.entry.addr_mask = n->end - event.entry.iova;
        memory_region_notify_iommu_one(n, &event);
    }
}

void viq_bus_forget(ViqBus *viq)
{
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, viq->functions);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        ViqFunction *function = key;
        IOMMUNotifier *n;

        IOMMU_NOTIFIER_FOREACH(n, &function->dma) {
            viq_bus_forget_all(n);
        }
    }
}

/* --- Buses ------------------------------------------------------------------ */

static guint viq_function_hash(gconstpointer v)
{
    const ViqFunction *function = v;

    return g_direct_hash(function->bus) ^ function->devfn;
}

static gboolean viq_function_equal(gconstpointer a, gconstpointer b)
{
    const ViqFunction *one = a, *other = b;

    return one->bus == other->bus && one->devfn == other->devfn;
}

static ViqFunction *viq_bus_get(ViqBus *viq, PCIBus *bus, int devfn)
{
    const ViqFunction key = { .bus = bus, .devfn = devfn };
    ViqFunction *function = g_hash_table_lookup(viq->functions, &key);

    if (!function) {
        g_autofree char *name = g_strdup_printf("%s-%02x.%x", viq->name,
                                                PCI_SLOT(devfn),
                                                PCI_FUNC(devfn));

        function = g_new0(ViqFunction, 1);
        function->viq = viq;
        function->bus = bus;
        function->bridge = pci_bus_is_root(bus) ? NULL : bus->parent_dev;
        function->devfn = devfn;
        object_ref(OBJECT(bus));
        if (function->bridge) {
            object_ref(OBJECT(function->bridge));
        }
        memory_region_init(&function->root, viq->owner, name, UINT64_MAX);
        memory_region_init_iommu(&function->dma, sizeof(function->dma),
                                 TYPE_VIQ_REGION, viq->owner, name, UINT64_MAX);
        memory_region_add_subregion(&function->root, 0,
                                    MEMORY_REGION(&function->dma));
        if (viq->ops->add_regions) {
            viq->ops->add_regions(viq->opaque, viq->owner, &function->root);
        }
        address_space_init(&function->as, &function->root, name);
        g_hash_table_add(viq->functions, function);
    }
    viq_function_know(function);
    return function;
}

/*
 * Asked for a device before that is plugged, and again by vfio, which maps
 * what it gets into stage 2.
 */
AddressSpace *viq_bus_address_space(PCIBus *bus, void *opaque, int devfn)
{
    ViqBus *viq = opaque;

    return viq_assigned_expects(bus->devices[devfn]) ?
        &viq->assigned.as : &viq_bus_get(viq, bus, devfn)->as;
}

AddressSpace *viq_bus_translation(ViqBus *viq, PCIDevice *dev)
{
    AddressSpace *as = pci_device_iommu_address_space(dev);

    return as == &viq->assigned.as ?
        &viq_bus_get(viq, pci_get_bus(dev), dev->devfn)->as : as;
}

static void viq_bus_unset_iommu_device(PCIBus *bus, void *opaque, int devfn)
{
    ViqBus *viq = opaque;
    ViqFunction *function = viq_bus_get(viq, bus, devfn);

    if (function->assigned) {
        viq_assigned_remove(&viq->assigned, function->assigned);
        function->assigned = NULL;
    }
}

static bool viq_bus_set_iommu_device(PCIBus *bus, void *opaque, int devfn,
                                     HostIOMMUDevice *hiod, Error **errp)
{
    ViqBus *viq = opaque;
    ViqFunction *function = viq_bus_get(viq, bus, devfn);

    if (hiod->aliased_bus != bus || hiod->aliased_devfn != devfn) {
        error_setg(errp, "an assigned device cannot be behind a bridge to "
                   "conventional PCI, whose requester ID it would have");
        return false;
    }
    function->assigned = viq_assigned_add(&viq->assigned, hiod, errp);
    if (!function->assigned) {
        return false;
    }
    viq_function_number(function);
    if (!viq_assigned_place(&viq->assigned, function->assigned, errp)) {
        viq_bus_unset_iommu_device(bus, opaque, devfn);
        return false;
    }
    return true;
}

/* --- Devices that know whose they are --------------------------------------- */

ViqFunction *viq_bus_function(PCIDevice *dev, Error **errp)
{
    AddressSpace *as = pci_device_iommu_address_space(dev);

    if (!object_dynamic_cast(memory_region_owner(as->root), TYPE_VIQ_UNIT)) {
        error_setg(errp, "%s needs an IOMMU of viq's on its bus",
                   object_get_typename(OBJECT(dev)));
        error_append_hint(errp, "Put -device viq-vtd in front of it, or use "
                          "-machine virt,iommu=viq-smmuv3.\n");
        return NULL;
    }
    return container_of(as, ViqFunction, as);
}

static void *viq_function_dev(ViqFunction *function)
{
    uint16_t sid;

    viq_function_know(function);
    return viq_function_sid(function, &sid) ?
        function->viq->requesters[sid] : NULL;
}

int viq_function_dma(ViqFunction *function, uint64_t iova, uint32_t pasid,
                     uint32_t flags, void *buf, size_t len)
{
    void *dev = viq_function_dev(function);

    viq_thread_register();
    return dev ? function->viq->ops->dma(dev, iova, pasid, flags, buf, len) :
                 -EFAULT;
}

void viq_function_on_answer(ViqFunction *function,
                            void (*answered)(void *opaque, const ViqPage *page),
                            void *opaque)
{
    function->answered = answered;
    function->asker = opaque;
}

int viq_function_ask(ViqFunction *function, ViqPage *page)
{
    ViqBus *viq = function->viq;
    void *dev = viq_function_dev(function);
    uint16_t sid;
    int ret;

    viq_thread_register();
    if (!dev || !viq_function_sid(function, &sid)) {
        return -ENODEV;
    }
    ret = viq->ops->ask(viq->opaque, dev, sid, page);
    if (ret > 0 && function->answered) {
        function->answered(function->asker, page);
    }
    return MIN(ret, 0);
}

void viq_bus_answer(ViqBus *viq, uint16_t sid, const ViqPage *page)
{
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, viq->functions);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        ViqFunction *function = key;
        uint16_t its;

        if (function->answered && viq_function_sid(function, &its) &&
            its == sid) {
            function->answered(function->asker, page);
            return;
        }
    }
}

void viq_function_set_ats(ViqFunction *function, bool on)
{
    const ViqBusOps *ops = function->viq->ops;
    void *dev = on ? viq_function_dev(function) : NULL;

    /* What was its requester ID may be another's by now. */
    if (function->cached && function->cached != dev &&
        ops->set_ats(function->cached, false)) {
        error_report_once("viq: a device's cache stays on");
    }
    function->cached = dev;
    if (dev && ops->set_ats(dev, true)) {
        error_report_once("viq: no memory for a device's translations");
        function->cached = NULL;
    }
}

/*
 * No device has DMA before its Bus Master bit is set, or a window to it
 * opened, and these change the memory map. Threads without the big lock find
 * its requester ID known then.
 */
static void viq_bus_commit(MemoryListener *listener)
{
    viq_bus_know_all(container_of(listener, ViqBus, listener));
}

void viq_bus_init(ViqBus *viq, const char *name, Object *owner, PCIBus *root,
                  const ViqBusOps *ops, void *opaque)
{
    static const PCIIOMMUOps iommu_ops = {
        .get_address_space = viq_bus_address_space,
        .set_iommu_device = viq_bus_set_iommu_device,
        .unset_iommu_device = viq_bus_unset_iommu_device,
    };

    viq->ops = ops;
    viq->opaque = opaque;
    viq->owner = owner;
    viq->name = name;
    viq->functions = g_hash_table_new(viq_function_hash, viq_function_equal);
    viq_assigned_init(&viq->assigned, name, owner, ops->assigned, opaque);
    viq->listener = (MemoryListener) {
        .name = "viq-bus",
        .commit = viq_bus_commit,
    };
    memory_listener_register(&viq->listener, &address_space_memory);
    pci_setup_iommu(root, &iommu_ops, viq);
}

static const TypeInfo viq_bus_types[] = {
    {
        .name = TYPE_VIQ_REGION,
        .parent = TYPE_IOMMU_MEMORY_REGION,
        .class_init = viq_region_class_init,
    },
};

DEFINE_TYPES(viq_bus_types)
