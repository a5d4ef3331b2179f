/* SPDX-License-Identifier: MIT */
/* Assigned devices behind viq-smmuv3: nested in the host's SMMUv3. */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "hw/qdev-core.h"
#include "qapi/error.h"
#include "smmuv3_unit.h"

#include <viq/linux_smmuv3.h>

static void viq_unit_host_events(void *opaque)
{
    ViqSmmuv3 *s = opaque;

    if (viq_smmuv3_unit_take(s)) {
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
        ret = viq_smmuv3_unit_make_front(s, why);
    }
    if (ret) {
        viq_nest_smmuv3_bind(s->nest, NULL, NULL);
        g_clear_pointer(&s->smmu, viq_smmuv3_destroy);
        viq_nest_smmuv3_leave(s->nest, &backend);
        if (viq_smmuv3_unit_make_front(s, NULL)) {
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

    if (viq_smmuv3_unit_stages(s, NULL) & VIQ_SMMUV3_IDR0_S2P) {
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

const ViqAssignedOps viq_smmuv3_unit_assigned_ops = {
    .begin = viq_unit_begin,
    .end = viq_unit_end,
    .add = viq_unit_add,
    .remove = viq_unit_remove,
    .move = viq_unit_move,
    .follow = viq_unit_follow,
};
