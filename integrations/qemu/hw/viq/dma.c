/* SPDX-License-Identifier: MIT */
/*
 * A PCI function that does as a driver tells it: see dma_regs.h.
 */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "hw/pci/msi.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pcie.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "system/runstate.h"
#include "bus.h"
#include "dma_regs.h"
#include "trace.h"

#define TYPE_VIQ_DMA "viq-dma"
OBJECT_DECLARE_SIMPLE_TYPE(ViqDma, VIQ_DMA)

#define PASID_BITS  20
#define ATS_OFFSET   PCI_CONFIG_SPACE_SIZE
#define PASID_OFFSET (ATS_OFFSET + 0x10)
#define PRI_OFFSET   (ATS_OFFSET + 0x20)

/* A request's, and how many a bottom half makes. */
#define CHUNK       4096
#define CHUNKS      64

/* Where a command stands in SRC or DST. */
typedef struct ViqDmaCursor {
    uint64_t addr, left; /* of the element */
    uint64_t list;       /* address of the next one */
    uint32_t count;      /* elements from there on */
} ViqDmaCursor;

struct ViqDma {
    PCIDevice parent;

    bool ats, pasid, pri;

    MemoryRegion bar;
    ViqFunction *function;
    QEMUBH *work;
    VMChangeStateEntry *running;

    /* Registers */
    uint32_t status, cmd, control, src_count, dst_count, finished;
    uint64_t src, dst, len, data, sum, done, fault;

    ViqDmaCursor from, to;
    bool asked; /* its requests have left: again after a migration */
};

/* --- Requests ---------------------------------------------------------------- */

static uint16_t viq_dma_pasid_control(const ViqDma *d)
{
    return d->pasid ?
        pci_get_word(d->parent.config + PASID_OFFSET + PCI_PASID_CTRL) : 0;
}

/* May a request with these CONTROL bits leave the function? */
static bool viq_dma_allowed(const ViqDma *d)
{
    const uint16_t command = pci_get_word(d->parent.config + PCI_COMMAND);
    const uint16_t have = viq_dma_pasid_control(d);

    return command & PCI_COMMAND_MASTER &&
        (!(d->control & VIQ_DMA_HAS_PASID) || have & PCI_PASID_CTRL_ENABLE) &&
        (!(d->control & VIQ_DMA_EXEC) ||
         (d->control & VIQ_DMA_HAS_PASID && have & PCI_PASID_CTRL_EXEC)) &&
        (!(d->control & VIQ_DMA_PRIV) ||
         (d->control & VIQ_DMA_HAS_PASID && have & PCI_PASID_CTRL_PRIV));
}

static bool viq_dma_may_ask(const ViqDma *d)
{
    return d->pri && viq_dma_allowed(d) &&
        pci_get_word(d->parent.config + ATS_OFFSET + PCI_ATS_CTRL) &
            PCI_ATS_CTRL_ENABLE &&
        pci_get_word(d->parent.config + PRI_OFFSET + PCI_PRI_CTRL) &
            PCI_PRI_CTRL_ENABLE;
}

/* All of a group. 0, or VIQ_DMA_ERR_*. */
static uint32_t viq_dma_ask(ViqDma *d)
{
    const uint64_t first = d->src / CHUNK, last = (d->src + d->len - 1) / CHUNK;

    if (!viq_dma_may_ask(d)) {
        return VIQ_DMA_ERR_FORBIDDEN;
    }
    d->asked = true;
    for (uint64_t n = first; n <= last; n++) {
        ViqPage page = {
            .addr = n * CHUNK,
            .has_pasid = d->control & VIQ_DMA_HAS_PASID,
            .pasid = d->control & VIQ_DMA_HAS_PASID ?
                     d->control & VIQ_DMA_PASID : 0,
            .group = d->finished % 512,
            .write = d->cmd & VIQ_DMA_ASK_WRITE,
            .last = n == last,
        };

        if (viq_function_ask(d->function, &page)) {
            return VIQ_DMA_ERR_INTERNAL;
        }
    }
    return 0;
}

/* 0, or VIQ_DMA_ERR_*. */
static uint32_t viq_dma_request(ViqDma *d, uint64_t addr, void *buf, size_t len,
                                bool write)
{
    uint32_t flags = write ? VIQ_SOFT_WRITE : VIQ_SOFT_READ;
    int ret;

    if (!viq_dma_allowed(d)) {
        return VIQ_DMA_ERR_FORBIDDEN;
    }
    flags |= d->control & VIQ_DMA_HAS_PASID ? VIQ_SOFT_SSV : 0;
    flags |= d->control & VIQ_DMA_EXEC && !write ? VIQ_SOFT_EXEC : 0;
    flags |= d->control & VIQ_DMA_PRIV ? VIQ_SOFT_PRIV : 0;
    ret = viq_function_dma(d->function, addr,
                           d->control & VIQ_DMA_HAS_PASID ?
                           d->control & VIQ_DMA_PASID : 0, flags, buf, len);
    trace_viq_dma_request(addr, len, flags, ret);
    if (ret) {
        d->fault = addr;
    }
    return !ret ? 0 : ret == -EFAULT ? VIQ_DMA_ERR_ABORTED :
           ret == -ENODATA ? VIQ_DMA_ERR_TERMINATED : VIQ_DMA_ERR_INTERNAL;
}

/* ATS Enable decides whether its requests go through the function's cache. */
static void viq_dma_set_ats(ViqDma *d)
{
    if (d->ats) {
        const uint16_t control =
            pci_get_word(d->parent.config + ATS_OFFSET + PCI_ATS_CTRL);

        viq_function_set_ats(d->function, control & PCI_ATS_CTRL_ENABLE);
    }
}

/* --- Commands ---------------------------------------------------------------- */

static void viq_dma_begin(const ViqDma *d, ViqDmaCursor *c, uint64_t at,
                          bool list, uint32_t count)
{
    *c = list ? (ViqDmaCursor) { .list = at, .count = count } :
                (ViqDmaCursor) { .addr = at, .left = d->len };
}

/* There is something at c, or VIQ_DMA_ERR_*. */
static uint32_t viq_dma_arrive(ViqDma *d, ViqDmaCursor *c)
{
    uint8_t element[VIQ_DMA_ELEMENT_SIZE];
    uint32_t err;

    if (c->left) {
        return 0;
    }
    if (!c->count) {
        return VIQ_DMA_ERR_LIST;
    }
    err = viq_dma_request(d, c->list, element, sizeof(element), false);
    if (!err) {
        c->addr = ldq_le_p(element);
        c->left = ldq_le_p(element + 8);
        c->list += sizeof(element);
        c->count--;
    }
    return err;
}

static void viq_dma_fill(const ViqDma *d, uint8_t *buf, size_t len)
{
    uint8_t pattern[8];

    stq_le_p(pattern, d->data);
    for (size_t i = 0; i < len; i++) {
        buf[i] = pattern[(d->done + i) % sizeof(pattern)];
    }
}

static void viq_dma_sum(ViqDma *d, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        d->sum = (d->sum ^ buf[i]) * VIQ_DMA_FNV_PRIME;
    }
}

/* One request from SRC, one to DST. 0, or VIQ_DMA_ERR_*. */
static uint32_t viq_dma_chunk(ViqDma *d, uint8_t op)
{
    const bool reads = op == VIQ_DMA_READ || op == VIQ_DMA_COPY ||
                       op == VIQ_DMA_SUMUP;
    const bool writes = op == VIQ_DMA_WRITE || op == VIQ_DMA_FILL ||
                        op == VIQ_DMA_COPY;
    uint64_t len = MIN(d->len - d->done, CHUNK);
    uint8_t buf[CHUNK] = { 0 };
    uint32_t err = 0;

    if (reads) {
        err = viq_dma_arrive(d, &d->from);
        len = MIN(len, d->from.left);
    }
    if (writes && !err) {
        err = viq_dma_arrive(d, &d->to);
        len = MIN(len, d->to.left);
    }
    if (reads && !err && len) {
        err = viq_dma_request(d, d->from.addr, buf, len, false);
    } else if (!reads) {
        viq_dma_fill(d, buf, len);
    }
    if (writes && !err && len) {
        err = viq_dma_request(d, d->to.addr, buf, len, true);
    }
    if (err) {
        return err;
    }
    if (op == VIQ_DMA_READ) {
        d->data = ldq_le_p(buf);
    } else if (op == VIQ_DMA_SUMUP) {
        viq_dma_sum(d, buf, len);
    }
    d->from.addr += reads ? len : 0;
    d->from.left -= reads ? len : 0;
    d->to.addr += writes ? len : 0;
    d->to.left -= writes ? len : 0;
    d->done += len;
    return 0;
}

static void viq_dma_end(ViqDma *d, uint32_t err)
{
    d->finished++;
    d->status = VIQ_DMA_STATUS_DONE |
                (err ? VIQ_DMA_STATUS_ERROR | err << 8 : 0);
    trace_viq_dma_end(d->cmd, d->done, d->status);
    if (d->cmd & VIQ_DMA_INTERRUPT && msi_enabled(&d->parent)) {
        msi_notify(&d->parent, 0);
    }
}

/* What it does not wait for it discards. */
static void viq_dma_answered(void *opaque, const ViqPage *page)
{
    ViqDma *d = opaque;

    if (!(d->status & VIQ_DMA_STATUS_BUSY) || !d->asked ||
        (d->cmd & VIQ_DMA_OP) != VIQ_DMA_ASK ||
        page->group != d->finished % 512) {
        return;
    }
    d->asked = false;
    viq_dma_end(d, !page->code ? 0 : page->code == 1 ? VIQ_DMA_ERR_INVALID :
                                                       VIQ_DMA_ERR_RESPONSE);
}

static void viq_dma_work(void *opaque)
{
    ViqDma *d = opaque;
    uint32_t err = 0;

    if (!(d->status & VIQ_DMA_STATUS_BUSY) || !runstate_is_running()) {
        return;
    }
    /* Its requester ID may be another one than before. */
    viq_dma_set_ats(d);
    if ((d->cmd & VIQ_DMA_OP) == VIQ_DMA_ASK) {
        err = d->asked ? 0 : viq_dma_ask(d);
        if (err) {
            viq_dma_end(d, err);
        }
        return;
    }
    for (int i = 0; i < CHUNKS && d->done < d->len && !err; i++) {
        err = viq_dma_chunk(d, d->cmd & VIQ_DMA_OP);
    }
    if (err || d->done == d->len) {
        viq_dma_end(d, err);
    } else {
        qemu_bh_schedule(d->work);
    }
}

/* A command that was under way goes on. */
static void viq_dma_machine_runs(void *opaque, bool running, RunState state)
{
    ViqDma *d = opaque;

    qemu_bh_schedule(d->work);
}

static void viq_dma_start(ViqDma *d, uint32_t cmd)
{
    const uint8_t op = cmd & VIQ_DMA_OP;
    const bool word = op == VIQ_DMA_READ || op == VIQ_DMA_WRITE;
    const bool ask = op == VIQ_DMA_ASK;

    d->cmd = cmd;
    d->done = 0;
    d->fault = 0;
    d->asked = false;
    if (op < VIQ_DMA_READ || op > VIQ_DMA_ASK || !d->len ||
        cmd & ~(VIQ_DMA_OP | VIQ_DMA_INTERRUPT |
                (ask ? VIQ_DMA_ASK_WRITE : VIQ_DMA_SRC_LIST |
                                           VIQ_DMA_DST_LIST)) ||
        (ask && (d->len > VIQ_DMA_ASK_PAGES * CHUNK ||
                 d->src % CHUNK + d->len > VIQ_DMA_ASK_PAGES * CHUNK ||
                 d->src + d->len - 1 < d->src)) ||
        (word && (d->len > 8 || cmd & (VIQ_DMA_SRC_LIST | VIQ_DMA_DST_LIST)))) {
        viq_dma_end(d, VIQ_DMA_ERR_COMMAND);
        return;
    }
    viq_dma_begin(d, &d->from, d->src, cmd & VIQ_DMA_SRC_LIST, d->src_count);
    viq_dma_begin(d, &d->to, d->dst, cmd & VIQ_DMA_DST_LIST, d->dst_count);
    d->sum = op == VIQ_DMA_SUMUP ? VIQ_DMA_FNV_START : d->sum;
    d->status = VIQ_DMA_STATUS_BUSY;
    qemu_bh_schedule(d->work);
}

/* --- Registers --------------------------------------------------------------- */

/* offset is a multiple of 4, and accesses have 4 bytes. */
static uint64_t viq_dma_register_read(void *opaque, hwaddr offset,
                                      unsigned size)
{
    const ViqDma *d = opaque;
    uint64_t value;

    switch (offset & ~7ull) {
    case VIQ_DMA_ID:
        value = VIQ_DMA_MAGIC | (uint64_t)d->status << 32;
        break;
    case VIQ_DMA_CMD:
        value = d->cmd | (uint64_t)d->control << 32;
        break;
    case VIQ_DMA_SRC:
        value = d->src;
        break;
    case VIQ_DMA_DST:
        value = d->dst;
        break;
    case VIQ_DMA_LEN:
        value = d->len;
        break;
    case VIQ_DMA_DATA:
        value = d->data;
        break;
    case VIQ_DMA_SUM:
        value = d->sum;
        break;
    case VIQ_DMA_DONE:
        value = d->done;
        break;
    case VIQ_DMA_FAULT:
        value = d->fault;
        break;
    case VIQ_DMA_SRC_COUNT:
        value = d->src_count | (uint64_t)d->dst_count << 32;
        break;
    case VIQ_DMA_FINISHED:
        value = d->finished;
        break;
    default:
        return 0;
    }
    return extract64(value, offset & 4 ? 32 : 0, 32);
}

static void viq_dma_register_write(void *opaque, hwaddr offset, uint64_t value,
                                   unsigned size)
{
    ViqDma *d = opaque;
    uint64_t *wide = NULL;

    if (d->status & VIQ_DMA_STATUS_BUSY) {
        return;
    }
    switch (offset & ~7ull) {
    case VIQ_DMA_CMD:
        if (offset & 4) {
            d->control = value & (VIQ_DMA_PASID | VIQ_DMA_HAS_PASID |
                                  VIQ_DMA_EXEC | VIQ_DMA_PRIV);
        } else {
            viq_dma_start(d, value);
        }
        break;
    case VIQ_DMA_SRC:
        wide = &d->src;
        break;
    case VIQ_DMA_DST:
        wide = &d->dst;
        break;
    case VIQ_DMA_LEN:
        wide = &d->len;
        break;
    case VIQ_DMA_DATA:
        wide = &d->data;
        break;
    case VIQ_DMA_SRC_COUNT:
        if (offset & 4) {
            d->dst_count = value;
        } else {
            d->src_count = value;
        }
        break;
    }
    if (wide) {
        *wide = deposit64(*wide, offset & 4 ? 32 : 0, 32, value);
    }
}

static const MemoryRegionOps viq_dma_register_ops = {
    .read = viq_dma_register_read,
    .write = viq_dma_register_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = { .min_access_size = 4, .max_access_size = 4 },
    .valid = { .min_access_size = 4, .max_access_size = 8 },
};

static void viq_dma_write_config(PCIDevice *pdev, uint32_t address,
                                 uint32_t value, int len)
{
    ViqDma *d = VIQ_DMA(pdev);

    pci_default_write_config(pdev, address, value, len);
    pcie_cap_flr_write_config(pdev, address, value, len);
    if (ranges_overlap(address, len, ATS_OFFSET + PCI_ATS_CTRL, 2)) {
        viq_dma_set_ats(d);
    }
}

/* --- Life -------------------------------------------------------------------- */

static void viq_dma_add_pasid(PCIDevice *pdev)
{
    pcie_add_capability(pdev, PCI_EXT_CAP_ID_PASID, 1, PASID_OFFSET,
                        PCI_EXT_CAP_PASID_SIZEOF);
    pci_set_word(pdev->config + PASID_OFFSET + PCI_PASID_CAP,
                 PCI_PASID_CAP_EXEC | PCI_PASID_CAP_PRIV | PASID_BITS << 8);
    pci_set_word(pdev->wmask + PASID_OFFSET + PCI_PASID_CTRL,
                 PCI_PASID_CTRL_ENABLE | PCI_PASID_CTRL_EXEC |
                 PCI_PASID_CTRL_PRIV);
}

static void viq_dma_add_pri(PCIDevice *pdev)
{
    pcie_add_capability(pdev, PCI_EXT_CAP_ID_PRI, 1, PRI_OFFSET,
                        PCI_EXT_CAP_PRI_SIZEOF);
    pci_set_word(pdev->config + PRI_OFFSET + PCI_PRI_STATUS,
                 PCI_PRI_STATUS_STOPPED | PCI_PRI_STATUS_PASID);
    pci_set_long(pdev->config + PRI_OFFSET + PCI_PRI_MAX_REQ,
                 VIQ_DMA_ASK_PAGES);
    pci_set_word(pdev->wmask + PRI_OFFSET + PCI_PRI_CTRL, PCI_PRI_CTRL_ENABLE);
    pci_set_long(pdev->wmask + PRI_OFFSET + PCI_PRI_ALLOC_REQ, UINT32_MAX);
}

static void viq_dma_realize(PCIDevice *pdev, Error **errp)
{
    ViqDma *d = VIQ_DMA(pdev);

    if (d->pasid && !d->ats) {
        error_setg(errp, "pasid=on needs ats=on");
        return;
    }
    if (d->pri && !d->ats) {
        error_setg(errp, "pri=on needs ats=on");
        return;
    }
    d->function = viq_bus_function(pdev, errp);
    if (!d->function) {
        return;
    }
    if (pcie_endpoint_cap_init(pdev, 0x80) < 0) {
        error_setg(errp, "viq-dma needs a PCI Express bus");
        return;
    }
    pcie_cap_flr_init(pdev);
    if (msi_init(pdev, 0x60, 1, true, false, errp)) {
        return;
    }
    if (d->ats) {
        pcie_ats_init(pdev, ATS_OFFSET, true);
    }
    if (d->pasid) {
        viq_dma_add_pasid(pdev);
    }
    if (d->pri) {
        viq_dma_add_pri(pdev);
    }
    viq_function_on_answer(d->function, viq_dma_answered, d);
    d->work = qemu_bh_new_guarded(viq_dma_work, d,
                                  &DEVICE(d)->mem_reentrancy_guard);
    d->running = qdev_add_vm_change_state_handler(DEVICE(d),
                                                  viq_dma_machine_runs, d);
    memory_region_init_io(&d->bar, OBJECT(d), &viq_dma_register_ops, d,
                          TYPE_VIQ_DMA, VIQ_DMA_BAR_SIZE);
    pci_register_bar(pdev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &d->bar);
}

static void viq_dma_exit(PCIDevice *pdev)
{
    ViqDma *d = VIQ_DMA(pdev);

    viq_function_on_answer(d->function, NULL, NULL);
    viq_function_set_ats(d->function, false);
    qemu_del_vm_change_state_handler(d->running);
    qemu_bh_delete(d->work);
    msi_uninit(pdev);
}

static void viq_dma_reset_hold(Object *obj, ResetType type)
{
    ViqDma *d = VIQ_DMA(obj);

    d->status = d->cmd = d->control = d->finished = 0;
    d->src_count = d->dst_count = 0;
    d->src = d->dst = d->len = d->data = d->sum = d->done = d->fault = 0;
    if (d->pasid) {
        pci_set_word(d->parent.config + PASID_OFFSET + PCI_PASID_CTRL, 0);
    }
    if (d->pri) {
        pci_set_word(d->parent.config + PRI_OFFSET + PCI_PRI_CTRL, 0);
        pci_set_long(d->parent.config + PRI_OFFSET + PCI_PRI_ALLOC_REQ, 0);
    }
    if (d->ats) {
        pci_set_word(d->parent.config + ATS_OFFSET + PCI_ATS_CTRL, 0);
    }
    viq_dma_set_ats(d);
}

/* --- Migration --------------------------------------------------------------- */

static int viq_dma_post_load(void *opaque, int version)
{
    ViqDma *d = opaque;

    if (d->status & VIQ_DMA_STATUS_BUSY && d->done > d->len) {
        return -EINVAL;
    }
    return 0;
}

static const VMStateDescription viq_dma_cursor_vmstate = {
    .name = "viq-dma-cursor",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(addr, ViqDmaCursor),
        VMSTATE_UINT64(left, ViqDmaCursor),
        VMSTATE_UINT64(list, ViqDmaCursor),
        VMSTATE_UINT32(count, ViqDmaCursor),
        VMSTATE_END_OF_LIST()
    }
};

static const VMStateDescription viq_dma_vmstate = {
    .name = TYPE_VIQ_DMA,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = viq_dma_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent, ViqDma),
        VMSTATE_UINT32(status, ViqDma),
        VMSTATE_UINT32(cmd, ViqDma),
        VMSTATE_UINT32(control, ViqDma),
        VMSTATE_UINT32(src_count, ViqDma),
        VMSTATE_UINT32(dst_count, ViqDma),
        VMSTATE_UINT32(finished, ViqDma),
        VMSTATE_UINT64(src, ViqDma),
        VMSTATE_UINT64(dst, ViqDma),
        VMSTATE_UINT64(len, ViqDma),
        VMSTATE_UINT64(data, ViqDma),
        VMSTATE_UINT64(sum, ViqDma),
        VMSTATE_UINT64(done, ViqDma),
        VMSTATE_UINT64(fault, ViqDma),
        VMSTATE_STRUCT(from, ViqDma, 1, viq_dma_cursor_vmstate, ViqDmaCursor),
        VMSTATE_STRUCT(to, ViqDma, 1, viq_dma_cursor_vmstate, ViqDmaCursor),
        VMSTATE_END_OF_LIST()
    }
};

static const Property viq_dma_properties[] = {
    DEFINE_PROP_BOOL("ats", ViqDma, ats, true),
    DEFINE_PROP_BOOL("pasid", ViqDma, pasid, true),
    DEFINE_PROP_BOOL("pri", ViqDma, pri, false),
};

static void viq_dma_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    dc->desc = "PCI function for tests of viq's IOMMUs";
    dc->vmsd = &viq_dma_vmstate;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, viq_dma_properties);
    RESETTABLE_CLASS(klass)->phases.hold = viq_dma_reset_hold;
    pc->realize = viq_dma_realize;
    pc->exit = viq_dma_exit;
    pc->config_write = viq_dma_write_config;
    pc->vendor_id = VIQ_DMA_VENDOR_ID;
    pc->device_id = VIQ_DMA_DEVICE_ID;
    pc->class_id = PCI_CLASS_OTHERS;
}

static const TypeInfo viq_dma_types[] = {
    {
        .name = TYPE_VIQ_DMA,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(ViqDma),
        .class_init = viq_dma_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { }
        },
    },
};

DEFINE_TYPES(viq_dma_types)
