/* SPDX-License-Identifier: MIT */
/*
 * When a unit works.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "exec/address-spaces.h"
#include "work.h"

/* How long the queue waits for a host that could not. */
#define HOST_WAIT_NS     (1 * SCALE_MS)
#define HOST_WAIT_MAX_NS (100 * SCALE_MS)

#define DEFER UINT32_MAX /* VIQ_VTD_DEFER, VIQ_SMMUV3_DEFER */

void viq_work_wake(void *opaque)
{
    ViqWork *work = opaque;

    qemu_bh_schedule(work->run);
}

static void viq_work_later(ViqWork *work, int64_t ns)
{
    timer_mod(work->retry, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + ns);
}

int viq_work_host_wait(ViqWork *work, uint64_t times)
{
    /* To give up shows nothing where the guest has no device-TLBs. */
    viq_work_later(work, MIN(HOST_WAIT_NS << MIN(times - 1, 10),
                             HOST_WAIT_MAX_NS));
    return viq_inject_gives_up(&work->inject);
}

static void viq_work_run(void *opaque)
{
    ViqWork *work = opaque;

    if (viq_inject_delay_ms(&work->inject) < 0) {
        return;
    }
    if (work->ops->run(work->unit, work->budget == DEFER ? 0 : work->budget)) {
        qemu_bh_schedule(work->run);
    }
}

void viq_work_take(ViqWork *work)
{
    if (work->ops->take(work->unit)) {
        warn_report_once("%s: records of accesses cannot be taken", work->name);
    }
}

static void viq_work_bh(void *opaque)
{
    ViqWork *work = opaque;
    const int64_t delay = viq_inject_delay_ms(&work->inject);

    viq_work_take(work);
    if (delay <= 0) {
        viq_work_run(work);
    } else if (!timer_pending(work->retry)) {
        viq_work_later(work, delay * SCALE_MS);
    }
}

/* A failure has been armed. */
static void viq_work_injected(void *opaque, bool hold)
{
    ViqWork *work = opaque;

    if (work->ops->set_budget(work->unit, hold ? DEFER : work->budget)) {
        g_assert_not_reached(); /* there is kick() */
    }
    qemu_bh_schedule(work->run);
}

/*
 * A migration looks for memory that was written. Its last look comes when
 * everything has stopped, and before the devices are saved: what accesses have
 * left is told now, for it is written to memory.
 */
static void viq_work_sync(MemoryListener *listener, bool last)
{
    viq_work_take(container_of(listener, ViqWork, sync));
}

bool viq_work_init(ViqWork *work, const ViqWorkOps *ops, void *unit,
                   const char *name, bool vtd, DeviceState *dev, Error **errp)
{
    work->ops = ops;
    work->unit = unit;
    work->name = name;
    work->run = qemu_bh_new_guarded(viq_work_bh, work,
                                    &dev->mem_reentrancy_guard);
    work->retry = timer_new_ns(QEMU_CLOCK_VIRTUAL, viq_work_run, work);
    return viq_inject_init(&work->inject, work->contract, vtd,
                           viq_work_injected, work, errp);
}

void viq_work_start(ViqWork *work)
{
    work->sync = (MemoryListener) {
        .name = "viq-work",
        .log_sync_global = viq_work_sync,
    };
    memory_listener_register(&work->sync, &address_space_memory);
}

void viq_work_stop(ViqWork *work)
{
    memory_listener_unregister(&work->sync); /* if it is */
    g_clear_pointer(&work->run, qemu_bh_delete);
    g_clear_pointer(&work->retry, timer_free);
}

void viq_work_reset(ViqWork *work)
{
    timer_del(work->retry);
    viq_work_take(work);
}
