/* SPDX-License-Identifier: MIT */
/*
 * A software remapping unit behind one emulated VT-d: a device per source-id, configured from what the guest's
 * registers and tables say.
 *
 * In this order: soft_vtd_guest_init(); viq_vtd_create() with ops whose reconfig and devtlb call those here; set vtd;
 * soft_vtd_guest_add(). Tables come and go by themselves from then on, at reconfigurations and when devices are added.
 * At the end soft_vtd_guest_fini(), before or after viq_vtd_destroy().
 */
#ifndef VIQ_TOOL_SOFT_VTD_GUEST_H
#define VIQ_TOOL_SOFT_VTD_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/fault.h>
#include <viq/soft_vtd.h>

struct soft_vtd_source {
	uint16_t sid;
	struct viq_soft_vtd_dev *dev;
};

struct soft_vtd_guest {
	struct viq_soft_vtd *soft;
	struct viq_vtd *vtd;     /* set by the owner before the first reconfiguration; tables and faults go there */
	struct viq_fault *fault; /* likewise; in front of each table's host. NULL: none */
	struct soft_vtd_source *sources;
	size_t count, room;
	bool registered; /* viq_soft_thread_register() was called */
};

/*
 * Build it: config as viq_soft_vtd_config_init() has it, with mem, and CAP and ECAP as the guest is told; ops and
 * opaque are set here. The calling thread may translate from now on. Destroy it also after a failure.
 */
int soft_vtd_guest_init(struct soft_vtd_guest *guest, const struct viq_soft_vtd_config *config);
void soft_vtd_guest_fini(struct soft_vtd_guest *guest);
/* A device with this source-id, configured as the guest has it now. -EEXIST: there is one. Not from a hook. */
int soft_vtd_guest_add(struct soft_vtd_guest *guest, uint16_t sid, bool ats);
/* Valid until the next soft_vtd_guest_add(). NULL: no device has this source-id. */
struct soft_vtd_source *soft_vtd_guest_find(const struct soft_vtd_guest *guest, uint16_t sid);
/* For viq_vtd_ops.reconfig and .devtlb. A device that cannot be configured is blocked. */
int soft_vtd_guest_reconfig(struct soft_vtd_guest *guest, const struct viq_vtd_reconfig *what);
int soft_vtd_guest_devtlb(struct soft_vtd_guest *guest, const struct viq_vtd_devtlb *inv);
/*
 * One DMA access: 0, or as viq_soft_vtd_dma_read(). Faults are recorded in the guest's registers. pasid < 0: none; then
 * writes to the interrupt range are messages, which the caller keeps away from here.
 */
int soft_vtd_guest_dma(struct soft_vtd_guest *guest, struct soft_vtd_source *source, int64_t pasid, bool write,
		       uint64_t iova, void *buf, size_t len);

#endif
