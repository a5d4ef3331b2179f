/* SPDX-License-Identifier: MIT */
/* What the bus, the library and the bottom half call of viq-smmuv3. */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "exec/address-spaces.h"
#include "hw/irq.h"
#include "smmuv3_unit.h"
#include "trace.h"

#include <viq/soft_smmuv3.h>

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

const ViqBusOps viq_smmuv3_unit_bus_ops = {
    .assigned = &viq_smmuv3_unit_assigned_ops,
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

void viq_smmuv3_unit_wake(void *opaque)
{
    ViqSmmuv3 *s = opaque;

    viq_work_wake(&s->work);
}

const struct viq_smmuv3_ops viq_smmuv3_unit_ops = {
    .size = sizeof(viq_smmuv3_unit_ops),
    .irq = viq_unit_irq,
    .msi = viq_unit_msi,
    .reconfig = viq_unit_reconfig,
    .kick = viq_smmuv3_unit_wake,
    .trace = viq_unit_command,
    .host_wait = viq_unit_host_wait,
    .device_timeout = viq_unit_device_timeout,
    .sync = viq_unit_sync,
    .page_response = viq_unit_page_response,
};

int viq_smmuv3_unit_take(void *opaque)
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

const ViqWorkOps viq_smmuv3_unit_work_ops = {
    .take = viq_smmuv3_unit_take,
    .run = viq_unit_run,
    .set_budget = viq_unit_set_budget,
};
