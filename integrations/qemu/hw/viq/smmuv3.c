/* SPDX-License-Identifier: MIT */
/*
 * Arm SMMUv3 of the virt machine, by the library viq.
 *
 * The library has the registers, the queues, and the translation; here are the
 * machine's memory, buses and interrupts.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "exec/address-spaces.h"
#include "hw/irq.h"
#include "hw/pci/pci.h"
#include "hw/qdev-properties.h"
#include "hw/sysbus.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "system/runstate.h"
#include "bus.h"
#include "memory.h"
#include "smmuv3.h"
#include "trace.h"
#include "unit.h"
#include "work.h"

#include <viq/linux_smmuv3.h>
#include <viq/nest_smmuv3.h>
#include <viq/smmuv3.h>
#include <viq/soft_smmuv3.h>

#define SAVED_MAX (1 * MiB)

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

/* --- Functions behind the SMMU ---------------------------------------------- */

static void *viq_unit_know(void *opaque, uint16_t sid)
{
    ViqSmmuv3 *s = opaque;
    struct viq_soft_dev *dev;
    struct viq_why why;
    uint32_t vdevice;
    int ret = viq_soft_dev_alloc(s->soft, &dev, &why);

    if (!ret) {
        ret = viq_soft_vdevice_alloc(s->soft, s->viommu, dev, sid, &vdevice,
                                     &why);
        if (ret) {
            viq_soft_dev_free(dev);
        }
    }
    if (ret) {
        warn_report("viq-smmuv3: DMA of %02x:%02x.%x is refused: %s",
                    PCI_BUS_NUM(sid), PCI_SLOT(sid), PCI_FUNC(sid), why.text);
        return NULL;
    }
    /* A failure makes the stream abort until the guest's next command. */
    ret = viq_nest_smmuv3_follow(s->nest, sid);
    trace_viq_requester(sid, ret);
    return dev;
}

static int viq_unit_translate(void *dev, uint64_t iova, uint32_t flags,
                              struct viq_soft_xlate *out)
{
    return viq_soft_translate(dev, iova, 0, flags, out);
}

static int viq_unit_dma(void *dev, uint64_t iova, uint32_t pasid,
                        uint32_t flags, void *buf, size_t len)
{
    return flags & VIQ_SOFT_WRITE ?
        viq_soft_dma_write(dev, iova, pasid, flags, buf, len) :
        viq_soft_dma_read(dev, iova, pasid, flags, buf, len);
}

static int viq_unit_set_ats(void *dev, bool on)
{
    return viq_soft_dev_set_ats(dev, on);
}

/* Its answer, too, may come from inside. */
static int viq_unit_ask(void *opaque, void *dev, uint16_t sid, ViqPage *page)
{
    ViqSmmuv3 *s = opaque;
    const struct viq_smmuv3_page_request request = {
        .size = sizeof(request),
        .sid = sid,
        .ssid = page->pasid,
        .ssv = page->has_pasid,
        .prgi = page->group,
        .last = page->last,
        .read = !page->write,
        .write = page->write,
        .addr = page->addr,
    };
    int ret = viq_smmuv3_page_request(s->smmu, &request);

    return ret == -EINVAL || ret == -ENOTSUP ? ret : 0;
}

static const ViqAssignedOps viq_unit_assigned_ops;

static const ViqBusOps viq_unit_bus_ops = {
    .assigned = &viq_unit_assigned_ops,
    .know = viq_unit_know,
    .translate = viq_unit_translate,
    .dma = viq_unit_dma,
    .set_ats = viq_unit_set_ats,
    .ask = viq_unit_ask,
};

/* --- What the library asks for ---------------------------------------------- */

static void viq_unit_irq(void *opaque, enum viq_smmuv3_irq which)
{
    static const uint8_t lines[] = {
        [VIQ_SMMUV3_IRQ_GERROR] = LINE_GERROR,
        [VIQ_SMMUV3_IRQ_EVENTQ] = LINE_EVENTQ,
        [VIQ_SMMUV3_IRQ_CMD_SYNC] = LINE_SYNC,
        [VIQ_SMMUV3_IRQ_PRIQ] = LINE_PRIQ,
    };
    ViqSmmuv3 *s = opaque;

    trace_viq_smmuv3_irq(which);
    qemu_irq_pulse(s->lines[lines[which]]);
}

static int viq_unit_msi(void *opaque, uint64_t addr, uint32_t data)
{
    MemTxResult result;

    trace_viq_smmuv3_msi(addr, data);
    address_space_stl_le(&address_space_memory, addr, data,
                         MEMTXATTRS_UNSPECIFIED, &result);
    return result == MEMTX_OK ? 0 : -EFAULT;
}

static int viq_unit_reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
    ViqSmmuv3 *s = opaque;
    int ret;

    if (what->cause == VIQ_SMMUV3_CFGI_STE &&
        viq_inject_strikes(&s->work.inject, VIQ_INJECT_CONFIG_DROP)) {
        return 0;
    }
    viq_bus_know_all(&s->bus);
    ret = viq_nest_smmuv3_reconfig(s->nest, what);
    trace_viq_smmuv3_reconfig(what->cause, what->first, what->last, ret);
    if (!ret) {
        viq_bus_forget(&s->bus);
    }
    return ret;
}

static int viq_unit_page_response(void *opaque,
                                  const struct viq_smmuv3_page_response *answer)
{
    ViqSmmuv3 *s = opaque;
    const ViqPage page = {
        .pasid = answer->ssid,
        .group = answer->prgi,
        .has_pasid = answer->ssv,
        .code = answer->code,
    };

    if (answer->sid <= UINT16_MAX) {
        viq_bus_answer(&s->bus, answer->sid, &page);
    }
    return 0;
}

static uint32_t viq_unit_sync(void *opaque)
{
    ViqSmmuv3 *s = opaque;

    viq_bus_forget(&s->bus);
    return viq_nest_smmuv3_sync(s->nest);
}

static int viq_unit_host_wait(void *opaque,
                              const struct viq_call_result *result,
                              uint64_t times)
{
    ViqSmmuv3 *s = opaque;

    return viq_work_host_wait(&s->work, times);
}

/* One that is emulated answers. */
static void viq_unit_device_timeout(void *opaque, uint32_t sid)
{
    ViqSmmuv3 *s = opaque;

    if (viq_assigned_is_at(&s->bus.assigned, sid) &&
        viq_nest_smmuv3_block(s->nest, sid)) {
        warn_report_once("viq-smmuv3: a device that does not answer cannot be "
                         "blocked");
    }
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

static bool viq_unit_is(const uint64_t *cmd, const void *entry)
{
    return ldq_le_p(entry) == cmd[0] && ldq_le_p(entry + 8) == cmd[1];
}

static void viq_unit_command(void *opaque, const struct viq_smmuv3_trace *trace)
{
    ViqSmmuv3 *s = opaque;

    viq_inject_place(&s->work.inject, trace->index, trace->cmd,
                     trace->fate == VIQ_SMMUV3_FATE_SYNC, viq_unit_is);
    if (trace->cerror == VIQ_SMMUV3_CERROR_ATC_INV_SYNC) {
        viq_inject_told(&s->work.inject);
    }
    if (trace_event_get_state_backends(TRACE_VIQ_SMMUV3_COMMAND)) {
        char text[256];

        viq_smmuv3_command_text(trace->cmd, NULL, text, sizeof(text));
        trace_viq_smmuv3_command(trace->index, trace->fate, trace->cerror,
                                 text);
    }
}

/* On any thread. */
static void viq_unit_wake(void *opaque)
{
    ViqSmmuv3 *s = opaque;

    viq_work_wake(&s->work);
}

static void viq_unit_notify(void *opaque, uint32_t viommu)
{
    viq_unit_wake(opaque);
}

static const struct viq_smmuv3_ops viq_unit_ops = {
    .size = sizeof(viq_unit_ops),
    .irq = viq_unit_irq,
    .msi = viq_unit_msi,
    .reconfig = viq_unit_reconfig,
    .kick = viq_unit_wake,
    .trace = viq_unit_command,
    .host_wait = viq_unit_host_wait,
    .device_timeout = viq_unit_device_timeout,
    .sync = viq_unit_sync,
    .page_response = viq_unit_page_response,
};

static int viq_unit_take(void *opaque)
{
    ViqSmmuv3 *s = opaque;

    return viq_nest_smmuv3_events(s->nest, 0);
}

static bool viq_unit_run(void *opaque, uint32_t budget)
{
    ViqSmmuv3 *s = opaque;

    return viq_smmuv3_run(s->smmu, budget);
}

static int viq_unit_set_budget(void *opaque, uint32_t budget)
{
    ViqSmmuv3 *s = opaque;

    return viq_smmuv3_set_budget(s->smmu, budget);
}

static const ViqWorkOps viq_unit_work_ops = {
    .take = viq_unit_take,
    .run = viq_unit_run,
    .set_budget = viq_unit_set_budget,
};

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

/* Which stages? By bits of IDR0; 0 with *errp: there is no such value. */
static uint32_t viq_unit_stages(ViqSmmuv3 *s, Error **errp)
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

/* What all hosts have that are there now. */
static int viq_unit_make_front(ViqSmmuv3 *s, struct viq_why *why)
{
    const struct viq_call_host hosts = viq_nest_smmuv3_host(s->nest);
    struct viq_smmuv3_config config;
    int ret;

    viq_smmuv3_config_init(&config, sizeof(config));
    viq_unit_offer_stages(viq_unit_stages(s, NULL), s->ats, &config);
    viq_nest_smmuv3_offer(s->nest, s->ats, &config);
    if (s->pri) {
        config.idr0 |= VIQ_SMMUV3_IDR0_PRI;
        config.idr1 |= VIQ_PUT(VIQ_SMMUV3_IDR1_PRIQS, 19);
        config.idr3 |= VIQ_SMMUV3_IDR3_PPS;
    }
    config.budget = s->work.budget;
    config.mem = viq_memory_get(s->memory);
    config.ops = &viq_unit_ops;
    config.opaque = s;
    ret = viq_fault_host(s->work.inject.fault, &hosts, &config.host, why);
    if (!ret) {
        ret = viq_smmuv3_create(&config, &s->smmu, why);
    }
    return ret ? ret : viq_nest_smmuv3_bind(s->nest, s->smmu, why);
}

/* --- Assigned devices -------------------------------------------------------- */

static void viq_unit_host_events(void *opaque)
{
    ViqSmmuv3 *s = opaque;

    if (viq_unit_take(s)) {
        warn_report("viq-smmuv3: events of the host's SMMU cannot be read");
        qemu_set_fd_handler(viq_linux_vsmmu_event_fd(s->vsmmu), NULL, NULL, s);
    }
}

static void viq_unit_end(void *opaque)
{
    ViqSmmuv3 *s = opaque;
    const struct viq_smmuv3_backend backend = viq_linux_vsmmu_backend(s->vsmmu);
    const int events = viq_linux_vsmmu_event_fd(s->vsmmu);

    if (events >= 0) {
        qemu_set_fd_handler(events, NULL, NULL, s);
    }
    viq_nest_smmuv3_leave(s->nest, &backend); /* if it is there */
    if (viq_linux_vsmmu_destroy(s->vsmmu)) {
        warn_report("viq-smmuv3: the kernel keeps a part of what was nested");
    }
    s->vsmmu = NULL;
}

/*
 * The guest's SMMU has what all hosts have, until somebody may have looked at
 * it. Else, and if this fails, it is as before.
 */
static int viq_unit_join(ViqSmmuv3 *s, struct viq_why *why)
{
    const struct viq_smmuv3_backend backend = viq_linux_vsmmu_backend(s->vsmmu);
    Error *err = NULL;
    int ret;

    if (phase_check(PHASE_MACHINE_READY)) {
        return viq_nest_smmuv3_join(s->nest, &backend, why);
    }
    viq_nest_smmuv3_bind(s->nest, NULL, NULL);
    g_clear_pointer(&s->smmu, viq_smmuv3_destroy);
    ret = viq_nest_smmuv3_join(s->nest, &backend, why);
    if (!ret) {
        ret = viq_unit_make_front(s, why);
    }
    if (ret) {
        viq_nest_smmuv3_bind(s->nest, NULL, NULL);
        g_clear_pointer(&s->smmu, viq_smmuv3_destroy);
        viq_nest_smmuv3_leave(s->nest, &backend);
        if (viq_unit_make_front(s, NULL)) {
            error_report("viq-smmuv3: no memory");
            abort();
        }
    }
    if (!viq_inject_start(&s->work.inject, &err)) {
        g_assert_not_reached(); /* it was armed before */
    }
    return ret;
}

static int viq_unit_begin(void *opaque, struct viq_linux *host, uint32_t ioas,
                          uint32_t device, struct viq_why *why)
{
    ViqSmmuv3 *s = opaque;
    struct viq_linux_vsmmu_config config;
    int ret;

    if (viq_unit_stages(s, NULL) & VIQ_SMMUV3_IDR0_S2P) {
        snprintf(why->text, sizeof(why->text), "stage=1 is needed: the host's "
                 "SMMU has a stage 2 of its own below the guest");
        return -EINVAL;
    }
    viq_linux_vsmmu_config_init(&config, sizeof(config));
    config.device = device;
    config.ioas = ioas;
    ret = viq_linux_vsmmu_create(host, &config, &s->vsmmu, why);
    if (ret) {
        return ret;
    }
    ret = viq_unit_join(s, why);
    if (ret) {
        viq_unit_end(s);
        return ret;
    }
    if (viq_linux_vsmmu_event_fd(s->vsmmu) >= 0) {
        qemu_set_fd_handler(viq_linux_vsmmu_event_fd(s->vsmmu),
                            viq_unit_host_events, NULL, s);
    } else {
        warn_report("viq-smmuv3: this kernel does not tell the guest of faults "
                    "of assigned devices");
    }
    return 0;
}

static int viq_unit_add(void *opaque, uint32_t device, int cdev, uint16_t sid,
                        struct viq_why *why)
{
    ViqSmmuv3 *s = opaque;
    const struct viq_linux_device new = {
        .size = sizeof(new),
        .device = device,
        .fd = cdev,
        .ats = s->ats,
    };

    return viq_linux_vsmmu_add(s->vsmmu, &new, sid, why);
}

static int viq_unit_remove(void *opaque, uint16_t sid)
{
    ViqSmmuv3 *s = opaque;

    return viq_linux_vsmmu_remove(s->vsmmu, sid);
}

static int viq_unit_move(void *opaque, const struct viq_linux_move *moves,
                         uint32_t count)
{
    ViqSmmuv3 *s = opaque;

    return viq_linux_vsmmu_move(s->vsmmu, moves, count);
}

static int viq_unit_follow(void *opaque, uint16_t sid)
{
    ViqSmmuv3 *s = opaque;

    return viq_nest_smmuv3_follow(s->nest, sid);
}

static const ViqAssignedOps viq_unit_assigned_ops = {
    .begin = viq_unit_begin,
    .end = viq_unit_end,
    .add = viq_unit_add,
    .remove = viq_unit_remove,
    .move = viq_unit_move,
    .follow = viq_unit_follow,
};

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
    if (!viq_unit_stages(s, errp)) {
        return;
    }
    viq_thread_register();
    s->memory = viq_memory_new(0, 0, errp);
    if (!s->memory ||
        !viq_work_init(&s->work, &viq_unit_work_ops, s, TYPE_VIQ_SMMUV3, false,
                       dev, errp)) {
        viq_unit_destroy_all(s);
        return;
    }
    ret = viq_unit_make_host(s, &why);
    if (!ret) {
        ret = viq_unit_make_front(s, &why);
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
                 &viq_unit_bus_ops, s);
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
