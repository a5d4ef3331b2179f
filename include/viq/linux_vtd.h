/* SPDX-License-Identifier: MIT */
/*
 * A guest's VT-d on physical ones, through Linux's iommufd: nested page tables.
 *
 * One viq_linux_vvtd is what one guest VT-d sees of the hardware, for the vfio devices behind it: it owns the nested
 * page tables; the embedder's are the iommufd, the stage-2 HWPT and the devices. A device's requests without PASID, and
 * those with each of its PASIDs, are set by value (<viq/vtd_host.h>):
 *
 *   VIQ_VTD_STAGE1   a nested page table of their own, which the listener is told of
 *   VIQ_VTD_BYPASS   the stage 2 alone
 *   VIQ_VTD_BLOCK    nothing
 *   VIQ_VTD_STAGE2   nothing: hardware has one second stage, and that is the host's. Do not offer it
 *
 * VT-d has no vIOMMU object: the target of invalidations is each nested page table, and the guest VT-d knows which of
 * them a descriptor concerns. With a guest of <viq/vtd.h>, <viq/nest_vtd.h> reads its tables and makes the calls:
 *
 *   viq_linux_vvtd_create(ctx, &vconfig, &vvtd, &why);
 *   viq_vtd_config_init(&config, sizeof(config));
 *   viq_linux_vvtd_offer(vvtd, &config.cap, &config.ecap);
 *   viq_linux_vvtd_check(vvtd, config.cap, config.ecap, &why);
 *   nconfig.backend = viq_linux_vvtd_backend(vvtd); ...
 *
 * Everything here is used by one thread at a time, the one that uses the guest VT-d then. Only the invalidations, which
 * the guest VT-d calls by itself, may come from any thread.
 *
 * What can be promised of invalidations: see docs/kernels.md. Linux up to 7.3 does not tell of errors of the physical
 * invalidation queue.
 *
 * Errors: as <viq/linux.h>. What is half done when a function fails is undone, except where it says otherwise.
 */
#ifndef VIQ_LINUX_VTD_H
#define VIQ_LINUX_VTD_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/export.h>
#include <viq/linux.h>
#include <viq/vtd_host.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viq_linux_vvtd;

/* All members but size are optional (NULL). They must not call back. */
struct viq_linux_vvtd_ops {
	uint32_t size; /* sizeof(struct viq_linux_vvtd_ops) */
	/*
	 * Attach the device's requests with pasid, or those without PASID if it is 0, to pt, replacing what is
	 * attached; pt 0: block them. For devices whose fd is -1. 0 or -errno.
	 */
	int (*attach)(void *opaque, uint32_t device, uint32_t pasid, uint32_t pt);
	/*
	 * The number of the IOMMU group that the device is in, if its fd is -1. Any negative errno, or NULL here: it is
	 * not known, and the group is not checked.
	 */
	int (*group)(void *opaque, uint32_t device, uint32_t *group);
};

struct viq_linux_vvtd_config {
	uint32_t size; /* sizeof(struct viq_linux_vvtd_config) */
	/*
	 * Stage 2, made with VIQ_LINUX_NEST_PARENT, and with VIQ_LINUX_PASID if devices have PASIDs; the caller's. It
	 * must not have read-only mappings: the kernel refuses them below nested tables.
	 */
	uint32_t hwpt;
	uint32_t device;     /* id of any device that will be here */
	uint32_t max_tables; /* nested page tables at most, of all devices: what a guest can make the kernel allocate */
	const struct viq_linux_vvtd_ops *ops; /* copied; NULL: no hooks */
	void *opaque;
	/*
	 * Groups of page requests that wait for the guest's answers at most, of all devices; more are answered as those
	 * that find the guest's queue full: it sees the overflow, and the device tries again. Each is looked for one by
	 * one: some hundreds at most. The guest is offered ECAP.PRS and PDS then, if it has DT. 0: page requests are
	 * not taken. IOMMU_FAULT_QUEUE_ALLOC, from Linux 6.11; docs/vtd.md says on which to use it.
	 */
	uint32_t page_groups;
	uint32_t reserved;
};

/* 4,096 tables, no page requests. hwpt and device are the caller's to set. */
VIQ_EXPORT void viq_linux_vvtd_config_init(struct viq_linux_vvtd_config *config, size_t size);

/*
 * Ask the kernel for the hardware, and try that it can nest. ctx must outlive the object. -EOPNOTSUPP with *why: no
 * VT-d, no nested translation, no scalable mode, or the kernel is too old.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vvtd_create(struct viq_linux *ctx, const struct viq_linux_vvtd_config *config,
						    struct viq_linux_vvtd **out, struct viq_why *why);
/*
 * Removes every device and destroys what it made. NULL is allowed. Who listens is told of every table that goes.
 * Returns the first error of the kernel: then an object leaked in the iommufd, until that is closed.
 */
VIQ_EXPORT int viq_linux_vvtd_destroy(struct viq_linux_vvtd *vvtd);

/* Of config.device. Valid as long as the object. */
VIQ_EXPORT const struct viq_linux_hw_info *viq_linux_vvtd_hw_info(const struct viq_linux_vvtd *vvtd);

/*
 * Set in a guest's CAP and ECAP what nesting needs (CM) and what this library and the host offer, where that is more
 * than viq_vtd_config_init() promises; take away what the host lacks or what cannot be nested (SSTS).
 */
VIQ_EXPORT void viq_linux_vvtd_offer(const struct viq_linux_vvtd *vvtd, uint64_t *cap, uint64_t *ecap);
/*
 * Do the guest's CAP and ECAP promise more than the host has, or lack what nesting needs? 0, or -EINVAL with *why
 * naming the field, what the guest would see and what the host has.
 */
VIQ_EXPORT int viq_linux_vvtd_check(const struct viq_linux_vvtd *vvtd, uint64_t cap, uint64_t ecap,
				    struct viq_why *why);

/* For struct viq_nest_vtd_config: the functions below, and who listens. */
VIQ_EXPORT struct viq_vtd_backend viq_linux_vvtd_backend(struct viq_linux_vvtd *vvtd);
/* As listen() of struct viq_vtd_backend_ops. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vvtd_listen(struct viq_linux_vvtd *vvtd,
						    const struct viq_vtd_listener *listener);

/* --- Devices ------------------------------------------------------------------------------------------------------ */

struct viq_linux_vtd_device {
	uint32_t size;   /* sizeof(struct viq_linux_vtd_device) */
	uint32_t device; /* id from viq_linux_vfio_bind() */
	/*
	 * vfio cdev, -1: ops.attach does it. It is duplicated: the caller may close its own, and the device stays bound
	 * until viq_linux_vvtd_remove() has closed the other one.
	 */
	int fd;
	uint32_t pasids; /* not 0: the guest may use the device's PASIDs; needs VIQ_LINUX_PASID in the stage 2 */
	/*
	 * Not 0: the device's page requests are the guest's; needs config.page_groups. The kernel must have PRI enabled
	 * in the device, which it does for a physical function with ATS: else it takes no first stage (FAILED). When a
	 * first stage of its is replaced, its requests are blocked for a moment.
	 */
	uint32_t page_requests;
	uint32_t reserved;
};

/*
 * A device appears as source_id (bus 15:8, device-function 7:0), blocked; viq_nest_vtd_follow() sets it up. -EEXIST:
 * the source-id or the device is there already. -ENODEV: not behind a VT-d that can nest, or behind one that lacks what
 * the others have. -EBUSY: another device of its IOMMU group, which *why names, is behind a guest IOMMU of this struct
 * viq_linux (not checked if the group is not known); or another one could not remove it, and its file was not closed
 * since; or it has it: nothing has changed. After an error of the kernel the device is not here; whether it is blocked
 * is not known.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vvtd_add(struct viq_linux_vvtd *vvtd, const struct viq_linux_vtd_device *device,
						 uint16_t source_id, struct viq_why *why);
/*
 * The device goes, blocked. The first error of the kernel is returned; it is gone here, and is certain to be blocked
 * when its vfio cdev has been closed. Until then invalidations still go to what it may be attached to.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vvtd_remove(struct viq_linux_vvtd *vvtd, uint16_t source_id);

/*
 * The guest has renumbered its buses: the devices at from are at to now, all at once (two may swap). Each is blocked;
 * viq_nest_vtd_follow() sets it up. -EINVAL, -ENOENT, -EEXIST: nothing has changed. After another error all have moved;
 * those that failed are set up with the guest's next change.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vvtd_move(struct viq_linux_vvtd *vvtd, const struct viq_linux_move *moves,
						  uint32_t count);

/*
 * Set a device's requests with this PASID, or those without if it is 0. Set to the same again nothing happens, unless
 * renew is set. What the kernel does not take is blocked, and no error (UNSUPPORTED, REJECTED); so is the first stage
 * if there is no room for one more table. -ENOENT: no such device. -ENODEV: a first stage, and nobody listens; it is
 * blocked. Another error of the kernel: blocked (FAILED), or BROKEN. outcome may be NULL.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vvtd_set(struct viq_linux_vvtd *vvtd, uint16_t source_id, uint32_t pasid,
						 const struct viq_vtd_translation *translation,
						 struct viq_vtd_outcome *outcome);

/* --- Page requests (7.4) ------------------------------------------------------------------------------------------ */

/*
 * With config.page_groups: readable when there are page requests, which viq_nest_vtd_faults() then brings to the guest.
 * Each wait descriptor has them brought as well, by a read(). -1: there are none. Not to be closed.
 */
VIQ_EXPORT int viq_linux_vvtd_page_fd(const struct viq_linux_vvtd *vvtd);
/*
 * Answer a group: ops.page_response() of the guest VT-d for a device that is here. The kernel knows success and invalid
 * request: any other code is that. 0, also if nothing waits for it: the device has been blocked or set up anew, which
 * answers its groups as invalid. Another negative errno: it still waits.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vvtd_page_response(struct viq_linux_vvtd *vvtd,
							   const struct viq_vtd_page_response *response);

/* --- Looking in --------------------------------------------------------------------------------------------------- */

/* Every member is a uint64_t. */
struct viq_linux_vtd_counters {
	uint64_t ioctls;         /* IOMMU_HWPT_INVALIDATE calls */
	uint64_t entries;        /* passed in them */
	uint64_t failed;         /* of the calls */
	uint64_t refused;        /* entries that are not legal: no call was made for them */
	uint64_t whole;          /* times that a whole table was invalidated, since the kernel refused a legal entry */
	uint64_t attaches;       /* of nested page tables, and of the stage 2 */
	uint64_t rejected;       /* entries of the guest that the kernel refused, or that were too many */
	uint64_t tables;         /* nested page tables that there are now */
	uint64_t set_failed;     /* times that the kernel failed to set requests, which are blocked since */
	uint64_t page_requests;  /* handed out */
	uint64_t page_discarded; /* page requests that were not: their group was one too many, or its device gone */
};
/* A snapshot. size: sizeof(*out). -EINVAL: NULL, or size is no multiple of 8. Context: any thread. */
VIQ_EXPORT int viq_linux_vvtd_counters(struct viq_linux_vvtd *vvtd, struct viq_linux_vtd_counters *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
