/* SPDX-License-Identifier: MIT */
/*
 * Intel VT-d of the q35 machine, by the library viq.
 *
 * The library has the registers, the invalidation queue, the fault records and
 * the translation; here are the machine's memory, buses and interrupts.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "exec/address-spaces.h"
#include "hw/i386/apic_internal.h"
#include "hw/i386/intel_iommu.h" /* where the machine has it */
#include "hw/i386/pc.h"
#include "hw/i386/x86.h"
#include "hw/pci-host/q35.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "system/runstate.h"
#include "bus.h"
#include "memory.h"
#include "trace.h"
#include "unit.h"
#include "vtd.h"
#include "work.h"

#include <viq/linux_vtd.h>
#include <viq/nest_vtd.h>
#include <viq/soft_vtd.h>
#include <viq/vtd.h>

/* Each with what has no meaning without it. */
#define FIRST_STAGE  (VIQ_VTD_ECAP_FSTS | VIQ_VTD_ECAP_SRS | VIQ_VTD_ECAP_EAFS)
#define SECOND_STAGE (VIQ_VTD_ECAP_SSTS | VIQ_VTD_ECAP_SSADS)
#define SCALABLE     (FIRST_STAGE | SECOND_STAGE | VIQ_VTD_ECAP_SMTS |          \
                      VIQ_VTD_ECAP_SMPWCS | VIQ_VTD_ECAP_PASID | VIQ_VTD_ECAP_PSS)

struct ViqVtdClass {
    X86IOMMUClass parent;
    DeviceRealize parent_realize;
};

struct ViqVtd {
    X86IOMMUState parent;

    bool scalable, first_stage, second_stage, nested, caching_mode, pri;
    uint8_t aw_bits;
    uint64_t cap, ecap; /* as the guest sees them */

    ViqMemory *memory;
    ViqWork work;
    struct viq_vtd *vtd;
    struct viq_soft_vtd *soft;
    struct viq_nest_vtd *nest;

    /* Assigned devices, if there are any. */
    struct viq_linux *host;
    uint32_t stage2;
    struct viq_linux_vvtd *vvtd;
    struct viq_nest_vtd *vvtd_nest;

    MemoryRegion registers;
    ViqBus bus;

    VMChangeStateEntry *running;
    uint32_t saved_len;
    uint8_t *saved;
};

/* --- Functions behind the unit --------------------------------------------- */

static void *viq_unit_know(void *opaque, uint16_t sid)
{
    ViqVtd *s = opaque;
    struct viq_soft_vtd_dev *dev;
    struct viq_why why;
    int ret = viq_soft_vtd_dev_alloc(s->soft, sid, &dev, &why);

    if (ret) {
        warn_report("viq-vtd: DMA of %02x:%02x.%x is refused: %s",
                    PCI_BUS_NUM(sid), PCI_SLOT(sid), PCI_FUNC(sid), why.text);
        return NULL;
    }
    /* A failure blocks the device until the guest's next descriptor. */
    ret = viq_nest_vtd_follow(s->nest, sid);
    trace_viq_requester(sid, ret);
    return dev;
}

static int viq_unit_translate(void *dev, uint64_t iova, uint32_t flags,
                              struct viq_soft_xlate *out)
{
    return viq_soft_vtd_translate(dev, iova, 0, flags, out);
}

static int viq_unit_dma(void *dev, uint64_t iova, uint32_t pasid,
                        uint32_t flags, void *buf, size_t len)
{
    return flags & VIQ_SOFT_WRITE ?
        viq_soft_vtd_dma_write(dev, iova, pasid, flags, buf, len) :
        viq_soft_vtd_dma_read(dev, iova, pasid, flags, buf, len);
}

static int viq_unit_set_ats(void *dev, bool on)
{
    return viq_soft_vtd_dev_set_ats(dev, on);
}

static int viq_unit_ask(void *opaque, void *dev, uint16_t sid, ViqPage *page)
{
    const struct viq_vtd_page_request request = {
        .size = sizeof(request),
        .source_id = sid,
        .prgi = page->group,
        .pasid = page->pasid,
        .has_pasid = page->has_pasid,
        .last = page->last,
        .read = !page->write,
        .write = page->write,
        .addr = page->addr,
    };
    struct viq_vtd_page_response answer = { .size = sizeof(answer) };
    int ret = viq_soft_vtd_page_request(dev, &request, &answer);

    page->code = answer.code;
    return ret;
}

static MemTxResult viq_unit_message(void *opaque, hwaddr addr, uint64_t data,
                                   unsigned size, MemTxAttrs attrs)
{
    MSIMessage message = {
        .address = addr + VIQ_VTD_MSI_FIRST,
        .data = data,
    };

    apic_get_class(NULL)->send_msi(&message);
    return MEMTX_OK;
}

static MemTxResult viq_unit_message_read(void *opaque, hwaddr addr,
                                        uint64_t *data, unsigned size,
                                        MemTxAttrs attrs)
{
    return MEMTX_ERROR;
}

static const MemoryRegionOps viq_unit_message_ops = {
    .read_with_attrs = viq_unit_message_read,
    .write_with_attrs = viq_unit_message,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = { .min_access_size = 4, .max_access_size = 4 },
    .valid = { .min_access_size = 4, .max_access_size = 4 },
};

static void viq_unit_add_regions(void *opaque, Object *owner,
                                 MemoryRegion *root)
{
    MemoryRegion *messages = g_new0(MemoryRegion, 1);

    memory_region_init_io(messages, owner, &viq_unit_message_ops, opaque,
                          "viq-vtd-messages",
                          VIQ_VTD_MSI_LAST - VIQ_VTD_MSI_FIRST + 1);
    memory_region_add_subregion_overlap(root, VIQ_VTD_MSI_FIRST, messages, 1);
}

static const ViqAssignedOps viq_unit_assigned_ops;

static const ViqBusOps viq_unit_bus_ops = {
    .assigned = &viq_unit_assigned_ops,
    .know = viq_unit_know,
    .translate = viq_unit_translate,
    .dma = viq_unit_dma,
    .set_ats = viq_unit_set_ats,
    .ask = viq_unit_ask,
    .add_regions = viq_unit_add_regions,
};

/* --- What the library asks for --------------------------------------------- */

static void viq_unit_msi(void *opaque, uint64_t addr, uint32_t data)
{
    trace_viq_vtd_msi(addr, data);
    address_space_stl_le(&address_space_memory, addr, data,
                         MEMTXATTRS_UNSPECIFIED, NULL);
}

/* Behind the last step of the software host's: it is one step. */
static int viq_unit_reconfig_assigned(ViqVtd *s, struct viq_vtd_reconfig *what)
{
    struct viq_vtd_reconfig whole = *what;
    int ret;

    if (!s->vvtd_nest) {
        return 0;
    }
    whole.work = (struct viq_work) { 0 };
    ret = viq_nest_vtd_reconfig(s->vvtd_nest, &whole);
    what->work.cost += whole.work.cost;
    return ret;
}

static int viq_unit_reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
    ViqVtd *s = opaque;
    int ret;

    if ((what->cause == VIQ_VTD_CONTEXT_CACHE ||
         what->cause == VIQ_VTD_PASID_CACHE) &&
        viq_inject_strikes(&s->work.inject, VIQ_INJECT_CONFIG_DROP)) {
        return 0;
    }
    viq_bus_know_all(&s->bus);
    ret = viq_nest_vtd_reconfig(s->nest, what);
    if (!ret) {
        ret = viq_unit_reconfig_assigned(s, what);
    }
    trace_viq_vtd_reconfig(what->cause, what->scope, what->source_id,
                           what->domain_id, what->pasid, ret);
    if (!ret) {
        viq_bus_forget(&s->bus);
    }
    return ret;
}

static int viq_unit_devtlb(void *opaque, const struct viq_vtd_devtlb *inv)
{
    ViqVtd *s = opaque;

    if (viq_inject_strikes(&s->work.inject, VIQ_INJECT_ATC_TIMEOUT)) {
        return -ETIMEDOUT;
    }
    if (viq_inject_strikes(&s->work.inject, VIQ_INJECT_ATC_WRONG)) {
        return -EIO;
    }
    if (viq_inject_strikes(&s->work.inject, VIQ_INJECT_ATC_DROP)) {
        return 0;
    }
    return viq_soft_vtd_devtlb(s->soft, inv);
}

static int viq_unit_page_response(void *opaque,
                                  const struct viq_vtd_page_response *answer)
{
    ViqVtd *s = opaque;
    const ViqPage page = {
        .pasid = answer->pasid,
        .group = answer->prgi,
        .has_pasid = answer->has_pasid,
        .code = answer->code,
    };

    viq_bus_answer(&s->bus, answer->source_id, &page);
    return 0;
}

static uint32_t viq_unit_sync(void *opaque)
{
    ViqVtd *s = opaque;

    /* Whatever was invalidated: also what concerns no table that is known. */
    viq_bus_forget(&s->bus);
    return viq_nest_vtd_sync(s->nest);
}

static int viq_unit_host_wait(void *opaque, const struct viq_call_result *result,
                             uint64_t times)
{
    ViqVtd *s = opaque;

    return viq_work_host_wait(&s->work, times);
}

/* Can the descriptor have asked this of a table? */
static bool viq_unit_asks(const uint64_t *desc, const void *entry)
{
    const uint64_t type = desc[0] & VIQ_VTD_DESC_TYPE;
    const struct viq_vtd_s1_entry *e = entry;

    return (type == VIQ_VTD_TYPE_IOTLB || type == VIQ_VTD_TYPE_PIOTLB) &&
        (e->npages == VIQ_VTD_S1_ALL ||
         (desc[1] & VIQ_VTD_DESC_1_ADDR) - e->addr < e->npages * 4096);
}

static void viq_unit_descriptor(void *opaque, const struct viq_vtd_trace *trace)
{
    ViqVtd *s = opaque;

    viq_inject_place(&s->work.inject, trace->head, trace->desc,
                     trace->fate == VIQ_VTD_FATE_WAIT, viq_unit_asks);
    if (trace_event_get_state_backends(TRACE_VIQ_VTD_DESCRIPTOR)) {
        char text[256];

        viq_vtd_descriptor_text(trace->desc, NULL, text, sizeof(text));
        trace_viq_vtd_descriptor(trace->head, trace->fate, trace->iqei, text);
    }
}

/* On any thread. */
static void viq_unit_wake(void *opaque)
{
    ViqVtd *s = opaque;

    viq_work_wake(&s->work);
}

static const struct viq_vtd_ops viq_unit_ops = {
    .size = sizeof(viq_unit_ops),
    .msi = viq_unit_msi,
    .reconfig = viq_unit_reconfig,
    .devtlb = viq_unit_devtlb,
    .kick = viq_unit_wake,
    .trace = viq_unit_descriptor,
    .host_wait = viq_unit_host_wait,
    .sync = viq_unit_sync,
    .page_response = viq_unit_page_response,
};

static int viq_unit_take(void *opaque)
{
    ViqVtd *s = opaque;

    return viq_nest_vtd_faults(s->nest, 0);
}

static bool viq_unit_run(void *opaque, uint32_t budget)
{
    ViqVtd *s = opaque;

    return viq_vtd_run(s->vtd, budget);
}

static int viq_unit_set_budget(void *opaque, uint32_t budget)
{
    ViqVtd *s = opaque;

    return viq_vtd_set_budget(s->vtd, budget);
}

static const ViqWorkOps viq_unit_work_ops = {
    .take = viq_unit_take,
    .run = viq_unit_run,
    .set_budget = viq_unit_set_budget,
};

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
    config->ops = &viq_unit_ops;
    config->opaque = s;
    ret = viq_vtd_create(config, &s->vtd, &why);
    if (ret) {
        error_setg_errno(errp, -ret, "%s", why.text);
        return false;
    }
    return true;
}

/* Of an assigned device's. */
static void viq_unit_requests(void *opaque,
                              const struct viq_vtd_outcome *outcome)
{
    trace_viq_vtd_requests(outcome->source_id, outcome->pasid, outcome->fate,
                           outcome->os_error, outcome->why ? outcome->why : "");
    if (outcome->fate >= VIQ_VTD_SET_REJECTED ||
        outcome->fate == VIQ_VTD_SET_UNSUPPORTED) {
        warn_report_once("viq-vtd: DMA of %02x:%02x.%x is refused: %s",
                         PCI_BUS_NUM(outcome->source_id),
                         PCI_SLOT(outcome->source_id),
                         PCI_FUNC(outcome->source_id),
                         outcome->why ? outcome->why :
                         strerror(-outcome->os_error));
    }
}

/* Failures are made in front of the tables' hosts. */
static int viq_unit_in_front(void *opaque, struct viq_call_host *host)
{
    ViqVtd *s = opaque;
    const struct viq_call_host behind = *host;

    return viq_fault_host(s->work.inject.fault, &behind, host, NULL);
}

static bool viq_unit_translation(ViqVtd *s, const struct viq_vtd_config *config,
                                Error **errp)
{
    struct viq_soft_vtd_config soft;
    struct viq_nest_vtd_config nest;
    struct viq_why why;
    int ret;

    viq_soft_vtd_config_init(&soft, sizeof(soft));
    soft.haw = VIQ_VTD_HAW;
    soft.cap = config->cap;
    soft.ecap = config->ecap;
    soft.devtlb_implied = 0; /* as hardware */
    soft.mem = config->mem;
    soft.notify = viq_unit_wake;
    soft.opaque = s;
    ret = viq_soft_vtd_create(&soft, &s->soft, &why);
    if (!ret) {
        viq_nest_vtd_config_init(&nest, sizeof(nest));
        nest.haw = VIQ_VTD_HAW;
        nest.backend = viq_soft_vtd_backend(s->soft);
        nest.host = viq_unit_in_front;
        nest.opaque = s;
        ret = viq_nest_vtd_create(&nest, &s->nest, &why);
    }
    if (ret) {
        error_setg_errno(errp, -ret, "%s", why.text);
        return false;
    }
    ret = viq_nest_vtd_bind(s->nest, s->vtd, config->mem);
    if (ret) {
        error_setg_errno(errp, -ret, "the guest's tables cannot be followed");
        return false;
    }
    return true;
}

/* --- Assigned devices ------------------------------------------------------ */

static void viq_unit_end(void *opaque)
{
    ViqVtd *s = opaque;
    int ret = 0;

    g_clear_pointer(&s->vvtd_nest, viq_nest_vtd_destroy);
    if (s->vvtd) {
        ret = viq_linux_vvtd_destroy(s->vvtd);
        s->vvtd = NULL;
    }
    if (viq_linux_destroy(s->host, s->stage2) || ret) {
        warn_report("viq-vtd: the kernel keeps a part of what was nested");
    }
}

static int viq_unit_join(ViqVtd *s, uint32_t device, struct viq_why *why)
{
    const struct viq_mem *mem = viq_memory_get(s->memory);
    struct viq_linux_vvtd_config config;
    struct viq_nest_vtd_config nest;
    int ret;

    viq_linux_vvtd_config_init(&config, sizeof(config));
    config.hwpt = s->stage2;
    config.device = device;
    ret = viq_linux_vvtd_create(s->host, &config, &s->vvtd, why);
    if (!ret) {
        ret = viq_linux_vvtd_check(s->vvtd, s->cap, s->ecap, why);
    }
    if (!ret) {
        viq_nest_vtd_config_init(&nest, sizeof(nest));
        nest.haw = VIQ_VTD_HAW;
        nest.backend = viq_linux_vvtd_backend(s->vvtd);
        nest.host = viq_unit_in_front;
        nest.trace = viq_unit_requests;
        nest.opaque = s;
        ret = viq_nest_vtd_create(&nest, &s->vvtd_nest, why);
    }
    return ret ? ret : viq_nest_vtd_bind(s->vvtd_nest, s->vtd, mem);
}

static int viq_unit_begin(void *opaque, struct viq_linux *host, uint32_t ioas,
                          uint32_t device, struct viq_why *why)
{
    ViqVtd *s = opaque;
    int ret;

    /* The kernel has to be told what the guest makes present. */
    if (!s->caching_mode) {
        snprintf(why->text, sizeof(why->text),
                 "caching-mode=on is needed: else the guest does not say "
                 "what it makes present");
        return -EINVAL;
    }
    ret = viq_linux_hwpt_alloc(host, device, ioas, VIQ_LINUX_NEST_PARENT,
                               &s->stage2);
    if (ret) {
        snprintf(why->text, sizeof(why->text), "HWPT_ALLOC of a parent for "
                 "nesting: %s (is its VT-d on, in scalable mode: "
                 "intel_iommu=on,sm_on?)", strerror(-ret));
        return ret;
    }
    s->host = host;
    ret = viq_unit_join(s, device, why);
    if (ret) {
        viq_unit_end(s);
    }
    return ret;
}

static int viq_unit_add(void *opaque, uint32_t device, int cdev, uint16_t sid,
                        struct viq_why *why)
{
    ViqVtd *s = opaque;
    const struct viq_linux_vtd_device new = {
        .size = sizeof(new),
        .device = device,
        .fd = cdev, /* QEMU's vfio gives the guest no PASIDs */
    };

    return viq_linux_vvtd_add(s->vvtd, &new, sid, why);
}

static int viq_unit_remove(void *opaque, uint16_t sid)
{
    ViqVtd *s = opaque;

    return viq_linux_vvtd_remove(s->vvtd, sid);
}

static int viq_unit_move(void *opaque, const struct viq_linux_move *moves,
                         uint32_t count)
{
    ViqVtd *s = opaque;

    return viq_linux_vvtd_move(s->vvtd, moves, count);
}

static int viq_unit_follow(void *opaque, uint16_t sid)
{
    ViqVtd *s = opaque;

    return viq_nest_vtd_follow(s->vvtd_nest, sid);
}

static const ViqAssignedOps viq_unit_assigned_ops = {
    .begin = viq_unit_begin,
    .end = viq_unit_end,
    .add = viq_unit_add,
    .remove = viq_unit_remove,
    .move = viq_unit_move,
    .follow = viq_unit_follow,
};

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
        !viq_work_init(&s->work, &viq_unit_work_ops, s, TYPE_VIQ_VTD, true,
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
    viq_bus_init(&s->bus, TYPE_VIQ_VTD, OBJECT(s), bus, &viq_unit_bus_ops, s);
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
