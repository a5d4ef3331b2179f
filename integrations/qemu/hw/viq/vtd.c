/* SPDX-License-Identifier: MIT */
/*
 * Intel VT-d of the q35 machine, by the library viq.
 *
 * The library has the registers, the invalidation queue, the fault records and
 * the translation; here is the device. What the library and the buses call of it
 * is in vtd_ops.c.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "hw/i386/intel_iommu.h" /* where the machine has it */
#include "hw/i386/pc.h"
#include "hw/i386/x86.h"
#include "hw/pci-host/q35.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "system/runstate.h"
#include "trace.h"
#include "unit.h"
#include "vtd_unit.h"

#include <viq/linux_vtd.h>
#include <viq/soft_vtd.h>

/* Each with what has no meaning without it. */
#define FIRST_STAGE  (VIQ_VTD_ECAP_FSTS | VIQ_VTD_ECAP_SRS | VIQ_VTD_ECAP_EAFS)
#define SECOND_STAGE (VIQ_VTD_ECAP_SSTS | VIQ_VTD_ECAP_SSADS)
#define SCALABLE     (FIRST_STAGE | SECOND_STAGE | VIQ_VTD_ECAP_SMTS |          \
                      VIQ_VTD_ECAP_SMPWCS | VIQ_VTD_ECAP_PASID | VIQ_VTD_ECAP_PSS)

/* --- Registers ------------------------------------------------------------- */

static uint64_t viq_unit_register_read(void *opaque, hwaddr offset, unsigned size)
{
    ViqVtd *s = opaque;
    const uint64_t value = viq_vtd_mmio_read(s->vtd, offset, size);

    trace_viq_vtd_read(offset, size, value);
    return value;
}

static void viq_unit_register_write(void *opaque, hwaddr offset, uint64_t value,
                                   unsigned size)
{
    ViqVtd *s = opaque;

    trace_viq_vtd_write(offset, size, value);
    viq_vtd_mmio_write(s->vtd, offset, size, value);
}

static const MemoryRegionOps viq_unit_register_ops = {
    .read = viq_unit_register_read,
    .write = viq_unit_register_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = { .min_access_size = 4, .max_access_size = 8 },
    .valid = { .min_access_size = 4, .max_access_size = 8 },
};

/* --- Life ------------------------------------------------------------------ */

/* What the guest is told, and gets. */
static bool viq_unit_features(ViqVtd *s, struct viq_vtd_config *config,
                             Error **errp)
{
    const struct { uint8_t bits; uint64_t sagaw; } widths[] = {
        { 39, VIQ_VTD_SAGAW_39 },
        { 48, VIQ_VTD_SAGAW_39 | VIQ_VTD_SAGAW_48 },
        { 57, VIQ_VTD_SAGAW_39 | VIQ_VTD_SAGAW_48 | VIQ_VTD_SAGAW_57 },
    };
    struct viq_soft_vtd_config soft;
    struct viq_why why;
    uint64_t sagaw = 0;
    int ret;

    for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
        if (s->aw_bits == widths[i].bits) {
            sagaw = widths[i].sagaw;
        }
    }
    if (!sagaw) {
        error_setg(errp, "aw-bits=%u: must be 39, 48 or 57", s->aw_bits);
        return false;
    }
    if (s->scalable && !s->first_stage && !s->second_stage) {
        error_setg(errp, "scalable-mode=on needs first-stage=on or "
                   "second-stage=on");
        return false;
    }
    if (s->nested && !(s->scalable && s->first_stage && s->second_stage)) {
        error_setg(errp, "nested=on needs scalable-mode=on, first-stage=on "
                   "and second-stage=on");
        return false;
    }

    if (s->pri && !(s->scalable && s->parent.dt_supported)) {
        error_setg(errp, "pri=on needs scalable-mode=on and device-iotlb=on");
        return false;
    }

    viq_soft_vtd_config_init(&soft, sizeof(soft));
    viq_vtd_config_init(config, sizeof(*config));
    config->cap = (soft.cap & ~(VIQ_VTD_CAP_SAGAW | VIQ_VTD_CAP_MGAW)) |
                  VIQ_PUT(VIQ_VTD_CAP_SAGAW, sagaw) |
                  VIQ_PUT(VIQ_VTD_CAP_MGAW, s->aw_bits - 1);
    if (s->aw_bits == 57) { /* Linux takes as many levels in either stage */
        config->cap |= VIQ_VTD_CAP_FS5LP;
    }
    if (!s->caching_mode) {
        config->cap &= ~VIQ_VTD_CAP_CM;
    }
    config->ecap = soft.ecap;
    if (!s->scalable) {
        config->ecap &= ~SCALABLE;
    }
    if (!s->scalable || !s->first_stage) {
        config->cap &= ~(VIQ_VTD_CAP_FS1GP | VIQ_VTD_CAP_FS5LP);
        config->ecap &= ~FIRST_STAGE;
    }
    if (!s->second_stage) {
        config->ecap &= ~SECOND_STAGE;
    }
    if (s->nested) {
        config->ecap |= VIQ_VTD_ECAP_NEST;
    }
    if (s->pri) {
        config->ecap |= VIQ_VTD_ECAP_PRS | VIQ_VTD_ECAP_PDS;
    }
    if (!s->parent.dt_supported) {
        config->ecap &= ~VIQ_VTD_ECAP_DT;
    }
    if (!s->parent.pt_supported) {
        config->ecap &= ~VIQ_VTD_ECAP_PT;
    }
    s->cap = config->cap;
    s->ecap = config->ecap;
    config->budget = s->work.budget;
    config->mem = viq_memory_get(s->memory);
    config->ops = &viq_vtd_unit_ops;
    config->opaque = s;
    ret = viq_vtd_create(config, &s->vtd, &why);
    if (ret) {
        error_setg_errno(errp, -ret, "%s", why.text);
        return false;
    }
    return true;
}

/* Failures are made in front of the tables' hosts. */
static int viq_unit_in_front(void *opaque, struct viq_call_host *host)
{
    ViqVtd *s = opaque;
    const struct viq_call_host behind = *host;

    return viq_fault_host(s->work.inject.fault, &behind, host, NULL);
}

int viq_vtd_unit_make_nest(ViqVtd *s, struct viq_vtd_backend backend,
                           void (*trace)(void *,
                                         const struct viq_vtd_outcome *),
                           struct viq_nest_vtd **nest, struct viq_why *why)
{
    struct viq_nest_vtd_config config;
    int ret;

    viq_nest_vtd_config_init(&config, sizeof(config));
    config.haw = VIQ_VTD_HAW;
    config.backend = backend;
    config.host = viq_unit_in_front;
    config.trace = trace;
    config.opaque = s;
    ret = viq_nest_vtd_create(&config, nest, why);
    if (!ret) {
        ret = viq_nest_vtd_bind(*nest, s->vtd, viq_memory_get(s->memory));
        if (ret) {
            snprintf(why->text, sizeof(why->text),
                     "the guest's tables cannot be followed");
        }
    }
    return ret;
}

static bool viq_unit_translation(ViqVtd *s, const struct viq_vtd_config *config,
                                Error **errp)
{
    struct viq_soft_vtd_config soft;
    struct viq_why why;
    int ret;

    viq_soft_vtd_config_init(&soft, sizeof(soft));
    soft.haw = VIQ_VTD_HAW;
    soft.cap = config->cap;
    soft.ecap = config->ecap;
    soft.devtlb_implied = 0; /* as hardware */
    soft.mem = config->mem;
    soft.notify = viq_vtd_unit_wake;
    soft.opaque = s;
    ret = viq_soft_vtd_create(&soft, &s->soft, &why);
    if (!ret) {
        ret = viq_vtd_unit_make_nest(s, viq_soft_vtd_backend(s->soft), NULL,
                                     &s->nest, &why);
    }
    if (ret) {
        error_setg_errno(errp, -ret, "%s", why.text);
    }
    return !ret;
}

/* --- Birth and death ------------------------------------------------------- */

/* A bus may have got its number, and the unit its state, in any order. */
static void viq_unit_machine_runs(void *opaque, bool running, RunState state)
{
    ViqVtd *s = opaque;

    if (running) {
        viq_bus_know_all(&s->bus);
    }
}

static void viq_unit_destroy_all(ViqVtd *s)
{
    g_clear_pointer(&s->running, qemu_del_vm_change_state_handler);
    viq_work_stop(&s->work);
    g_clear_pointer(&s->nest, viq_nest_vtd_destroy);
    viq_inject_destroy(&s->work.inject);
    g_clear_pointer(&s->soft, viq_soft_vtd_destroy);
    g_clear_pointer(&s->vtd, viq_vtd_destroy);
    g_clear_pointer(&s->memory, viq_memory_free);
    g_clear_pointer(&s->saved, g_free);
}

/* The chipset may hide the end of low RAM at any time: TSEG. */
static void viq_unit_unsteady(X86MachineState *x86ms, hwaddr *from,
                              hwaddr *size)
{
    Object *mch = object_resolve_path_type("", TYPE_MCH_PCI_DEVICE, NULL);

    *from = *size = 0;
    if (mch && x86_machine_is_smm_enabled(x86ms)) {
        *size = MIN(MAX(8, MCH_PCI_DEVICE(mch)->ext_tseg_mbytes) * MiB,
                    x86ms->below_4g_mem_size);
        *from = x86ms->below_4g_mem_size - *size;
    }
}

/* Without page requests what a viq before them understands, too. */
static uint32_t viq_unit_save_version(const ViqVtd *s)
{
    return s->pri ? VIQ_VTD_SAVE_VERSION : 1;
}

static void viq_unit_realize(DeviceState *dev, Error **errp)
{
    ViqVtd *s = VIQ_VTD(dev);
    PCIBus *bus = PC_MACHINE(qdev_get_machine())->pcibus;
    X86MachineState *x86ms = X86_MACHINE(qdev_get_machine());
    struct viq_vtd_config config;
    hwaddr from, size;
    size_t len;
    int ret;

    viq_thread_register();
    viq_unit_unsteady(x86ms, &from, &size);
    s->memory = viq_memory_new(from, size, errp);
    if (!s->memory ||
        !viq_work_init(&s->work, &viq_vtd_unit_work_ops, s, TYPE_VIQ_VTD, true,
                       dev, errp) ||
        !viq_unit_features(s, &config, errp) ||
        !viq_unit_translation(s, &config, errp) ||
        !viq_inject_start(&s->work.inject, errp)) {
        viq_unit_destroy_all(s);
        return;
    }
    s->running = qemu_add_vm_change_state_handler(viq_unit_machine_runs, s);
    viq_work_start(&s->work);
    len = viq_vtd_save_size(s->vtd);
    s->saved = g_malloc(len);
    ret = viq_vtd_save_as(s->vtd, viq_unit_save_version(s), s->saved, &len);
    assert(!ret); /* in reset state */
    s->saved_len = len;

    memory_region_init_io(&s->registers, OBJECT(s), &viq_unit_register_ops, s,
                          TYPE_VIQ_VTD, 0x1000);
    sysbus_init_mmio(SYS_BUS_DEVICE(s), &s->registers);
    sysbus_mmio_map(SYS_BUS_DEVICE(s), 0, Q35_HOST_BRIDGE_IOMMU_ADDR);
    viq_bus_init(&s->bus, TYPE_VIQ_VTD, OBJECT(s), bus, &viq_vtd_unit_bus_ops, s);
    x86ms->ioapic_as = viq_bus_address_space(bus, &s->bus,
                                             Q35_PSEUDO_DEVFN_IOAPIC);
}

/* The base class takes "auto" for on; the library remaps no interrupts. */
static void viq_unit_check_realize(DeviceState *dev, Error **errp)
{
    X86IOMMUState *parent = X86_IOMMU_DEVICE(dev);

    if (x86_iommu_ir_supported(parent)) {
        error_setg(errp, "viq-vtd does not remap interrupts: use intremap=off");
        return;
    }
    parent->intr_supported = ON_OFF_AUTO_OFF;
    VIQ_VTD_GET_CLASS(dev)->parent_realize(dev, errp);
}

static void viq_unit_unrealize(DeviceState *dev)
{
    viq_unit_destroy_all(VIQ_VTD(dev));
}

static void viq_unit_reset_exit(Object *obj, ResetType type)
{
    ViqVtd *s = VIQ_VTD(obj);

    viq_work_reset(&s->work);
    viq_vtd_reset(s->vtd);
}

/* --- What the monitor sees -------------------------------------------------- */

static ViqInject *viq_unit_inject(Object *obj)
{
    return &VIQ_VTD(obj)->work.inject;
}

static void viq_unit_counters(Object *obj, ViqCounterList ***tail)
{
    ViqVtd *s = VIQ_VTD(obj);
    struct viq_linux_vtd_counters host = {0};
    struct viq_vtd_counters c;
    struct viq_soft_counters soft;

    if (viq_vtd_counters(s->vtd, &c, sizeof(c)) ||
        viq_soft_vtd_counters(s->soft, &soft, sizeof(soft)) ||
        (s->vvtd && viq_linux_vvtd_counters(s->vvtd, &host, sizeof(host)))) {
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
        { "no_table", c.no_table },
        { "page_requests", c.page_requests },
        { "page_requests_lost", c.page_requests_lost },
        { "faults", c.faults },
        { "faults_lost", c.faults_lost },
        { "status_lost", c.status_lost },
        { "retries", c.retries },
        { "timeouts", c.timeouts },
        { "aborted", c.aborted },
        { "ice", c.ice },
    };

    for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
        viq_unit_count(tail, counters[i].name, counters[i].value);
    }
    for (uint64_t type = 0; type < ARRAY_SIZE(c.descriptors); type++) {
        const uint64_t desc[4] = { type };
        const char *name = viq_vtd_descriptor_name(desc);

        viq_unit_count(tail, name ? name : "invalid", c.descriptors[type]);
    }
    for (unsigned iqei = 0; iqei < ARRAY_SIZE(c.iqe); iqei++) {
        g_autofree char *name = g_strdup_printf("iqe_%u", iqei);

        viq_unit_count(tail, name, c.iqe[iqei]);
    }
}

/* --- Migration ------------------------------------------------------------- */

/* A background snapshot has memory as it is after this: see viq_work_sync(). */
static int viq_unit_pre_save(void *opaque)
{
    ViqVtd *s = opaque;
    size_t len = s->saved_len;
    int ret = viq_nest_vtd_faults(s->nest, 0);

    return ret ? ret : viq_vtd_save_as(s->vtd, viq_unit_save_version(s),
                                       s->saved, &len);
}

static int viq_unit_post_load(void *opaque, int version)
{
    ViqVtd *s = opaque;
    int ret = viq_vtd_restore(s->vtd, s->saved, s->saved_len);

    if (ret == -ENOTSUP) {
        error_report("viq-vtd: the state is of a newer viq");
    } else if (ret) {
        error_report("viq-vtd: the state is damaged, or of a viq-vtd with "
                     "other properties");
    }
    return ret;
}

static const VMStateDescription viq_unit_vmstate = {
    .name = TYPE_VIQ_VTD,
    .version_id = 1,
    .minimum_version_id = 1,
    .priority = MIG_PRI_IOMMU,
    .pre_save = viq_unit_pre_save,
    .post_load = viq_unit_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32_EQUAL(saved_len, ViqVtd, NULL),
        VMSTATE_VBUFFER_UINT32(saved, ViqVtd, 1, NULL, saved_len),
        VMSTATE_END_OF_LIST()
    }
};

static const Property viq_unit_properties[] = {
    DEFINE_PROP_BOOL("scalable-mode", ViqVtd, scalable, true),
    DEFINE_PROP_BOOL("first-stage", ViqVtd, first_stage, true),
    DEFINE_PROP_BOOL("second-stage", ViqVtd, second_stage, true),
    DEFINE_PROP_BOOL("nested", ViqVtd, nested, false),
    DEFINE_PROP_BOOL("caching-mode", ViqVtd, caching_mode, false),
    DEFINE_PROP_BOOL("pri", ViqVtd, pri, false),
    DEFINE_PROP_UINT8("aw-bits", ViqVtd, aw_bits, 48),
    DEFINE_PROP_STRING("host-contract", ViqVtd, work.contract),
    DEFINE_PROP_UINT32("budget", ViqVtd, work.budget, 0),
};

static void viq_unit_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);
    ViqUnitClass *uc = VIQ_UNIT_CLASS(klass);
    X86IOMMUClass *xc = X86_IOMMU_DEVICE_CLASS(klass);

    dc->desc = "Intel VT-d IOMMU by viq";
    dc->vmsd = &viq_unit_vmstate;
    dc->unrealize = viq_unit_unrealize;
    dc->hotpluggable = false;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, viq_unit_properties);
    rc->phases.exit = viq_unit_reset_exit;
    uc->inject = viq_unit_inject;
    uc->counters = viq_unit_counters;
    viq_unit_class_add_inject(klass);
    xc->realize = viq_unit_realize;
    device_class_set_parent_realize(dc, viq_unit_check_realize,
                                    &VIQ_VTD_CLASS(klass)->parent_realize);
}

static const TypeInfo viq_unit_types[] = {
    {
        .name = TYPE_VIQ_VTD,
        .parent = TYPE_X86_IOMMU_DEVICE,
        .instance_size = sizeof(ViqVtd),
        .class_size = sizeof(ViqVtdClass),
        .class_init = viq_unit_class_init,
        .interfaces = (InterfaceInfo[]) {
            { TYPE_VIQ_UNIT },
            { }
        },
    },
};

DEFINE_TYPES(viq_unit_types)
