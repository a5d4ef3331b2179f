/* SPDX-License-Identifier: MIT */
/*
 * Arm SMMUv3 of the virt machine, by the library viq.
 *
 * The library has the registers, the queues, and the translation; here is the
 * device. What the library and the buses call of it is in smmuv3_ops.c.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "system/runstate.h"
#include "smmuv3_unit.h"
#include "trace.h"
#include "unit.h"

#include <viq/linux_smmuv3.h>
#include <viq/soft_smmuv3.h>

#define SAVED_MAX (1 * MiB)

/* --- Registers -------------------------------------------------------------- */

static uint64_t viq_unit_register_read(void *opaque, hwaddr offset,
                                       unsigned size)
{
    ViqSmmuv3 *s = opaque;
    const uint64_t value = viq_smmuv3_mmio_read(s->smmu, offset, size);

    trace_viq_smmuv3_read(offset, size, value);
    return value;
}

static void viq_unit_register_write(void *opaque, hwaddr offset,
                                    uint64_t value, unsigned size)
{
    ViqSmmuv3 *s = opaque;

    trace_viq_smmuv3_write(offset, size, value);
    viq_smmuv3_mmio_write(s->smmu, offset, size, value);
}

static const MemoryRegionOps viq_unit_register_ops = {
    .read = viq_unit_register_read,
    .write = viq_unit_register_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = { .min_access_size = 4, .max_access_size = 8 },
    .valid = { .min_access_size = 4, .max_access_size = 8 },
};

/* --- Life ------------------------------------------------------------------- */

static void viq_unit_notify(void *opaque, uint32_t viommu)
{
    viq_smmuv3_unit_wake(opaque);
}

static void viq_unit_stream(void *opaque,
                            const struct viq_smmuv3_outcome *outcome)
{
    trace_viq_smmuv3_stream(outcome->vsid, outcome->fate, outcome->os_error);
    if (outcome->fate >= VIQ_SMMUV3_STREAM_REJECTED &&
        outcome->fate <= VIQ_SMMUV3_STREAM_BROKEN) {
        warn_report_once("viq-smmuv3: DMA of %02x:%02x.%x is refused: %s",
                         PCI_BUS_NUM(outcome->vsid), PCI_SLOT(outcome->vsid),
                         PCI_FUNC(outcome->vsid), strerror(-outcome->os_error));
    }
}

static int viq_unit_make_host(ViqSmmuv3 *s, struct viq_why *why)
{
    const struct viq_nest_smmuv3_ops ops = {
        .size = sizeof(ops),
        .trace = viq_unit_stream,
    };
    const struct viq_soft_s2_config identity = {
        .size = sizeof(identity),
        .identity = 1,
    };
    struct viq_smmuv3_backend backend;
    struct viq_soft_config config;
    uint32_t s2;
    int ret;

    viq_soft_config_init(&config, sizeof(config));
    config.mem = viq_memory_get(s->memory);
    config.notify = viq_unit_notify;
    config.opaque = s;
    ret = viq_soft_create(&config, &s->soft, why);
    if (!ret) {
        ret = viq_soft_s2_alloc(s->soft, &identity, &s2, why);
    }
    if (!ret) {
        ret = viq_soft_viommu_alloc(s->soft, s2, &s->viommu, why);
    }
    if (!ret) {
        ret = viq_nest_smmuv3_create(&ops, s, &s->nest, why);
    }
    if (!ret) {
        backend = viq_soft_backend(s->soft, s->viommu);
        ret = viq_nest_smmuv3_join(s->nest, &backend, why);
    }
    return ret;
}

uint32_t viq_smmuv3_unit_stages(ViqSmmuv3 *s, Error **errp)
{
    if (!s->stage || !strcmp(s->stage, "1")) {
        return VIQ_SMMUV3_IDR0_S1P;
    }
    if (!strcmp(s->stage, "2")) {
        return VIQ_SMMUV3_IDR0_S2P;
    }
    if (!strcmp(s->stage, "nested")) {
        return VIQ_SMMUV3_IDR0_S1P | VIQ_SMMUV3_IDR0_S2P;
    }
    error_setg(errp, "Parameter 'stage' expects 1, 2 or nested");
    return 0;
}

/* What comes with stage 2, and what goes without stage 1 (6.3.1, 6.3.4). */
static void viq_unit_offer_stages(uint32_t stages, bool ats,
                                  struct viq_smmuv3_config *config)
{
    const bool s1 = stages & VIQ_SMMUV3_IDR0_S1P;

    if (!(stages & VIQ_SMMUV3_IDR0_S2P)) {
        return;
    }
    config->idr0 |= VIQ_SMMUV3_IDR0_S2P | VIQ_SMMUV3_IDR0_VMID16;
    config->idr3 |= VIQ_SMMUV3_IDR3_XNX | VIQ_SMMUV3_IDR3_FWB;
    if (!s1) {
        config->idr0 &= ~VIQ_SMMUV3_IDR0_S1P;
        config->idr3 &= ~VIQ_SMMUV3_IDR3_HAD;
    } else if (ats) {
        config->idr0 |= VIQ_SMMUV3_IDR0_NS1ATS;
    }
}

int viq_smmuv3_unit_make_front(ViqSmmuv3 *s, struct viq_why *why)
{
    const struct viq_call_host hosts = viq_nest_smmuv3_host(s->nest);
    struct viq_smmuv3_config config;
    int ret;

    viq_smmuv3_config_init(&config, sizeof(config));
    viq_unit_offer_stages(viq_smmuv3_unit_stages(s, NULL), s->ats, &config);
    viq_nest_smmuv3_offer(s->nest, s->ats, &config);
    if (s->pri) {
        config.idr0 |= VIQ_SMMUV3_IDR0_PRI;
        config.idr1 |= VIQ_PUT(VIQ_SMMUV3_IDR1_PRIQS, 19);
        config.idr3 |= VIQ_SMMUV3_IDR3_PPS;
    }
    config.budget = s->work.budget;
    config.mem = viq_memory_get(s->memory);
    config.ops = &viq_smmuv3_unit_ops;
    config.opaque = s;
    ret = viq_fault_host(s->work.inject.fault, &hosts, &config.host, why);
    if (!ret) {
        ret = viq_smmuv3_create(&config, &s->smmu, why);
    }
    return ret ? ret : viq_nest_smmuv3_bind(s->nest, s->smmu, why);
}

/* --- Birth and death --------------------------------------------------------- */

/* A bus may have got its number, and the SMMU its state, in any order. */
static void viq_unit_machine_runs(void *opaque, bool running, RunState state)
{
    ViqSmmuv3 *s = opaque;

    if (running) {
        viq_bus_know_all(&s->bus);
    }
}

static void viq_unit_destroy_all(ViqSmmuv3 *s)
{
    g_clear_pointer(&s->running, qemu_del_vm_change_state_handler);
    viq_work_stop(&s->work);
    if (s->nest) {
        viq_nest_smmuv3_bind(s->nest, NULL, NULL);
    }
    g_clear_pointer(&s->smmu, viq_smmuv3_destroy);
    viq_inject_destroy(&s->work.inject);
    g_clear_pointer(&s->nest, viq_nest_smmuv3_destroy);
    g_clear_pointer(&s->soft, viq_soft_destroy);
    g_clear_pointer(&s->memory, viq_memory_free);
    g_clear_pointer(&s->saved, g_free);
}

static void viq_unit_realize(DeviceState *dev, Error **errp)
{
    ViqSmmuv3 *s = VIQ_SMMUV3(dev);
    struct viq_why why;
    int ret;

    if (!s->primary_bus) {
        error_setg(errp, "viq-smmuv3 is not attached to any PCI bus");
        return;
    }
    if (!viq_smmuv3_unit_stages(s, errp)) {
        return;
    }
    viq_thread_register();
    s->memory = viq_memory_new(0, 0, errp);
    if (!s->memory ||
        !viq_work_init(&s->work, &viq_smmuv3_unit_work_ops, s, TYPE_VIQ_SMMUV3, false,
                       dev, errp)) {
        viq_unit_destroy_all(s);
        return;
    }
    ret = viq_unit_make_host(s, &why);
    if (!ret) {
        ret = viq_smmuv3_unit_make_front(s, &why);
    }
    if (ret) {
        error_setg_errno(errp, -ret, "viq-smmuv3: %s", why.text);
    }
    if (ret || !viq_inject_start(&s->work.inject, errp)) {
        viq_unit_destroy_all(s);
        return;
    }
    s->running = qemu_add_vm_change_state_handler(viq_unit_machine_runs, s);
    viq_work_start(&s->work);

    memory_region_init_io(&s->registers, OBJECT(s), &viq_unit_register_ops, s,
                          TYPE_VIQ_SMMUV3, VIQ_SMMUV3_MMIO_SIZE);
    sysbus_init_mmio(SYS_BUS_DEVICE(s), &s->registers);
    for (int i = 0; i < LINES; i++) {
        sysbus_init_irq(SYS_BUS_DEVICE(s), &s->lines[i]);
    }
    viq_bus_init(&s->bus, TYPE_VIQ_SMMUV3, OBJECT(s), s->primary_bus,
                 &viq_smmuv3_unit_bus_ops, s);
}

static void viq_unit_unrealize(DeviceState *dev)
{
    viq_unit_destroy_all(VIQ_SMMUV3(dev));
}

static void viq_unit_reset_exit(Object *obj, ResetType type)
{
    ViqSmmuv3 *s = VIQ_SMMUV3(obj);

    viq_work_reset(&s->work);
    viq_smmuv3_reset(s->smmu);
}

/* --- MSIs of assigned devices ------------------------------------------------ */

static AddressSpace *viq_unit_msi_address_space(Object *obj, PCIDevice *dev)
{
    return viq_bus_translation(&VIQ_SMMUV3(obj)->bus, dev);
}

static void viq_unit_assigned_requesters(Object *obj, GArray *requesters)
{
    viq_bus_know_all(&VIQ_SMMUV3(obj)->bus);
    viq_assigned_requesters_of(&VIQ_SMMUV3(obj)->bus.assigned, requesters);
}

/* --- What the monitor sees -------------------------------------------------- */

static ViqInject *viq_unit_inject(Object *obj)
{
    return &VIQ_SMMUV3(obj)->work.inject;
}

static void viq_unit_counters(Object *obj, ViqCounterList ***tail)
{
    ViqSmmuv3 *s = VIQ_SMMUV3(obj);
    struct viq_linux_counters host = {0};
    struct viq_smmuv3_counters c;
    struct viq_soft_counters soft;

    if (viq_smmuv3_counters(s->smmu, &c, sizeof(c)) ||
        viq_soft_counters(s->soft, &soft, sizeof(soft)) ||
        (s->vsmmu && viq_linux_vsmmu_counters(s->vsmmu, &host, sizeof(host)))) {
        return;
    }
    const struct { const char *name; uint64_t value; } counters[] = {
        { "doorbells", c.doorbells },
        { "runs", c.runs },
        { "calls", c.calls },
        { "host_calls", c.host_calls },
        { "entries", c.entries },
        { "host_waits", c.host_waits },
        { "budget_ends", c.budget_ends },
        { "writes_lost", c.writes_lost },
        { "soft_entries", soft.entries },
        { "soft_tlb_hits", soft.tlb_hits },
        { "soft_tlb_misses", soft.tlb_misses },
        { "soft_atc_hits", soft.atc_hits },
        { "soft_walks", soft.walks },
        { "soft_faults", soft.faults },
        { "linux_calls", host.ioctls },
        { "linux_entries", host.entries },
        { "linux_failed", host.failed },
        { "linux_attaches", host.attaches },
        { "linux_rejected", host.rejected },
        { "linux_events", host.events },
        { "no_stream", c.no_stream },
        { "page_requests", c.page_requests },
        { "page_requests_lost", c.page_requests_lost },
        { "events", c.events },
        { "events_lost", c.events_lost },
        { "cerror_ill", c.cerror[VIQ_SMMUV3_CERROR_ILL] },
        { "cerror_abt", c.cerror[VIQ_SMMUV3_CERROR_ABT] },
        { "cerror_atc_inv_sync", c.cerror[VIQ_SMMUV3_CERROR_ATC_INV_SYNC] },
    };

    for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
        viq_unit_count(tail, counters[i].name, counters[i].value);
    }
    for (uint64_t op = 0; op < ARRAY_SIZE(c.commands); op++) {
        const uint64_t cmd[2] = { op };
        const char *name = viq_smmuv3_command_name(cmd);

        viq_unit_count(tail, name ? name : "reserved", c.commands[op]);
    }
}

/* --- Migration -------------------------------------------------------------- */

/* A background snapshot has memory as it is after this: see viq_work_sync(). */
static int viq_unit_pre_save(void *opaque)
{
    ViqSmmuv3 *s = opaque;
    size_t len = viq_smmuv3_save_size(s->smmu);
    int ret = viq_nest_smmuv3_events(s->nest, 0);

    if (ret) {
        return ret;
    }
    s->saved = g_realloc(s->saved, len);
    /* Without page requests what a viq before them understands, too. */
    ret = viq_smmuv3_save_as(s->smmu, s->pri ? VIQ_SMMUV3_SAVE_VERSION : 1,
                             s->saved, &len);
    s->saved_len = len;
    return ret;
}

/* The stream says how long its state is: not longer than any. */
static bool viq_unit_saved_fits(void *opaque, int version)
{
    ViqSmmuv3 *s = opaque;

    return s->saved_len <= SAVED_MAX;
}

static int viq_unit_pre_load(void *opaque)
{
    ViqSmmuv3 *s = opaque;

    g_clear_pointer(&s->saved, g_free);
    return 0;
}

static int viq_unit_post_load(void *opaque, int version)
{
    ViqSmmuv3 *s = opaque;
    int ret = viq_smmuv3_restore(s->smmu, s->saved, s->saved_len);

    if (ret == -ENOTSUP) {
        error_report("viq-smmuv3: the state is of a newer viq");
    } else if (ret) {
        error_report("viq-smmuv3: the state is damaged, or of a viq-smmuv3 "
                     "with other properties");
    }
    return ret;
}

static const VMStateDescription viq_unit_vmstate = {
    .name = TYPE_VIQ_SMMUV3,
    .version_id = 1,
    .minimum_version_id = 1,
    .priority = MIG_PRI_IOMMU,
    .pre_save = viq_unit_pre_save,
    .pre_load = viq_unit_pre_load,
    .post_load = viq_unit_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(saved_len, ViqSmmuv3),
        VMSTATE_VALIDATE("its state is no longer than any", viq_unit_saved_fits),
        VMSTATE_VBUFFER_ALLOC_UINT32(saved, ViqSmmuv3, 1, NULL, saved_len),
        VMSTATE_END_OF_LIST()
    }
};

static const Property viq_unit_properties[] = {
    DEFINE_PROP_LINK("primary-bus", ViqSmmuv3, primary_bus, TYPE_PCI_BUS,
                     PCIBus *),
    DEFINE_PROP_STRING("stage", ViqSmmuv3, stage),
    DEFINE_PROP_BOOL("ats", ViqSmmuv3, ats, false),
    DEFINE_PROP_BOOL("pri", ViqSmmuv3, pri, false),
    DEFINE_PROP_STRING("host-contract", ViqSmmuv3, work.contract),
    DEFINE_PROP_UINT32("budget", ViqSmmuv3, work.budget, 0),
};

static void viq_unit_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);
    ViqUnitClass *uc = VIQ_UNIT_CLASS(klass);

    dc->desc = "Arm SMMUv3 by viq";
    dc->vmsd = &viq_unit_vmstate;
    dc->realize = viq_unit_realize;
    dc->unrealize = viq_unit_unrealize;
    dc->hotpluggable = false;
    dc->user_creatable = false; /* the machine makes it: iommu=viq-smmuv3 */
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, viq_unit_properties);
    rc->phases.exit = viq_unit_reset_exit;
    uc->inject = viq_unit_inject;
    uc->counters = viq_unit_counters;
    uc->msi_address_space = viq_unit_msi_address_space;
    uc->assigned_requesters = viq_unit_assigned_requesters;
    viq_unit_class_add_inject(klass);
}

static const TypeInfo viq_smmuv3_types[] = {
    {
        .name = TYPE_VIQ_SMMUV3,
        .parent = TYPE_SYS_BUS_DEVICE,
        .instance_size = sizeof(ViqSmmuv3),
        .class_init = viq_unit_class_init,
        .interfaces = (InterfaceInfo[]) {
            { TYPE_VIQ_UNIT },
            { }
        },
    },
};

DEFINE_TYPES(viq_smmuv3_types)
