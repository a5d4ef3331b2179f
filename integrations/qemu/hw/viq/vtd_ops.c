/* SPDX-License-Identifier: MIT */
/* What the bus, the library and the bottom half call of viq-vtd. */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "exec/address-spaces.h"
#include "hw/i386/apic_internal.h"
#include "trace.h"
#include "vtd_unit.h"

#include <viq/soft_vtd.h>

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

const ViqBusOps viq_vtd_unit_bus_ops = {
    .assigned = &viq_vtd_unit_assigned_ops,
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

void viq_vtd_unit_wake(void *opaque)
{
    ViqVtd *s = opaque;

    viq_work_wake(&s->work);
}

const struct viq_vtd_ops viq_vtd_unit_ops = {
    .size = sizeof(viq_vtd_unit_ops),
    .msi = viq_unit_msi,
    .reconfig = viq_unit_reconfig,
    .devtlb = viq_unit_devtlb,
    .kick = viq_vtd_unit_wake,
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

const ViqWorkOps viq_vtd_unit_work_ops = {
    .take = viq_unit_take,
    .run = viq_unit_run,
    .set_budget = viq_unit_set_budget,
};
