/* SPDX-License-Identifier: MIT */
/* Assigned devices behind viq-vtd: nested in the host's VT-d. */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "trace.h"
#include "vtd_unit.h"

#include <viq/linux_vtd.h>

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

static int viq_unit_join(ViqVtd *s, uint32_t device, struct viq_why *why)
{
    struct viq_linux_vvtd_config config;
    int ret;

    viq_linux_vvtd_config_init(&config, sizeof(config));
    config.hwpt = s->stage2;
    config.device = device;
    ret = viq_linux_vvtd_create(s->host, &config, &s->vvtd, why);
    if (!ret) {
        ret = viq_linux_vvtd_check(s->vvtd, s->cap, s->ecap, why);
    }
    return ret ? ret :
        viq_vtd_unit_make_nest(s, viq_linux_vvtd_backend(s->vvtd),
                               viq_unit_requests, &s->vvtd_nest, why);
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

const ViqAssignedOps viq_vtd_unit_assigned_ops = {
    .begin = viq_unit_begin,
    .end = viq_unit_end,
    .add = viq_unit_add,
    .remove = viq_unit_remove,
    .move = viq_unit_move,
    .follow = viq_unit_follow,
};
