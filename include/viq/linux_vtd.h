/* SPDX-License-Identifier: MIT */
/*
 * A guest VT-d on physical ones, through Linux's iommufd: nested page tables for <viq/vtd.h>.
 *
 * One viq_linux_vvtd follows the context and PASID entries of one guest VT-d, for the vfio devices behind it: it owns
 * the nested page tables; the embedder's are the iommufd, the stage-2 HWPT and the devices. A device's requests without
 * PASID, and those with each of its PASIDs, are attached as the guest's entry says:
 *
 *   first stage (PGTT 001)       a nested page table of their own, which the guest VT-d invalidates from then on
 *   pass-through, or TE = 0      the stage 2 alone
 *   not present, or broken       nothing: blocked
 *   second stage, nested         nothing: hardware has one second stage, and that is the host's. Do not offer it
 *
 * VT-d has no vIOMMU object: the target of invalidations is each nested page table, and the guest VT-d knows which of
 * them a descriptor concerns. Wiring:
 *
 *   viq_linux_vvtd_create(ctx, &vconfig, &vvtd, &why);
 *   viq_vtd_config_init(&config);
 *   viq_linux_vvtd_offer(vvtd, &config);                 // CAP, ECAP: what the host has
 *   ops.reconfig = ... viq_linux_vvtd_reconfig(vvtd, what);
 *   viq_linux_vvtd_check(vvtd, &config, &why);
 *   viq_vtd_create(&config, &vtd, NULL);
 *   viq_linux_vvtd_bind(vvtd, vtd, config.mem);
 *   viq_linux_vvtd_add(vvtd, &device, source_id, &why);  // each device; now, or hot-plugged later
 *
 * Everything here is used by one thread at a time, the one that uses the guest VT-d then. Only what the guest VT-d
 * calls by itself, the invalidations, may come from any thread.
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
#include <viq/mem.h>
#include <viq/vtd.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viq_linux_vvtd;

/* What became of a device's requests, without PASID or with one: for viq_linux_vvtd_ops.trace. */
enum viq_linux_vtd_fate {
	VIQ_LINUX_VTD_BLOCKED,     /* the guest has no entry, or one that hardware would fault on (reason) */
	VIQ_LINUX_VTD_UNSUPPORTED, /* blocked: the guest's entry is legal, and cannot be nested (why) */
	VIQ_LINUX_VTD_BYPASS,      /* stage 2 only */
	VIQ_LINUX_VTD_NESTED,      /* translate through the guest's first-stage table */
	VIQ_LINUX_VTD_UNCHANGED,   /* do already */
	VIQ_LINUX_VTD_REJECTED,    /* blocked: the kernel refuses it (os_error), or max_tables is reached (-ENOSPC) */
	VIQ_LINUX_VTD_FAILED,      /* blocked: the kernel failed (os_error); the guest's descriptor is not completed */
	VIQ_LINUX_VTD_BROKEN,      /* the kernel failed, and could not block them either: remove the device */
	VIQ_LINUX_VTD_FATES,
};

struct viq_linux_vtd_trace {
	uint32_t size;
	uint32_t fate;      /* enum viq_linux_vtd_fate */
	int32_t os_error;   /* negative errno, or 0 */
	uint16_t source_id; /* of the device */
	bool has_pasid;     /* requests with pasid; else those without, by the entry of pasid (RID_PASID) */
	uint8_t reason; /* BLOCKED: fault reason as viq_vtd_fault_name() has them; 0: translation is not set up yet */
	uint32_t pasid;
	uint32_t domain_id;         /* NESTED, UNCHANGED and what follows, as s1 */
	struct viq_linux_vtd_s1 s1; /* as given to the kernel */
	const char *why;            /* UNSUPPORTED: a static sentence that names the field; else NULL */
};

/* All members but size are optional (NULL). They must not call back. */
struct viq_linux_vvtd_ops {
	uint32_t size; /* sizeof(struct viq_linux_vvtd_ops) */
	/*
	 * Attach the device's requests with pasid, or those without PASID if it is 0, to pt, replacing what is
	 * attached; pt 0: block them. For devices whose fd is -1. 0 or -errno.
	 */
	int (*attach)(void *opaque, uint32_t device, uint32_t pasid, uint32_t pt);
	void (*trace)(void *opaque, const struct viq_linux_vtd_trace *trace);
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
	const struct viq_linux_vvtd_ops *ops; /* must outlive the object; NULL: no hooks */
	void *opaque;
};

/* 4,096 tables. hwpt and device are the caller's to set. */
VIQ_EXPORT void viq_linux_vvtd_config_init(struct viq_linux_vvtd_config *config);

/*
 * Ask the kernel for the hardware, and try that it can nest. ctx must outlive the object. -EOPNOTSUPP with *why: no
 * VT-d, no nested translation, no scalable mode, or the kernel is too old.
 */
VIQ_EXPORT int viq_linux_vvtd_create(struct viq_linux *ctx, const struct viq_linux_vvtd_config *config,
				     struct viq_linux_vvtd **out, struct viq_linux_why *why);
/*
 * Removes every device and destroys what it made. NULL is allowed. Unbind the guest before it is destroyed, else it is
 * used here. Returns the first error of the kernel: then an object leaked in the iommufd, until that is closed.
 */
VIQ_EXPORT int viq_linux_vvtd_destroy(struct viq_linux_vvtd *vvtd);

/* Of config.device. Valid as long as the object. */
VIQ_EXPORT const struct viq_linux_hw_info *viq_linux_vvtd_hw_info(const struct viq_linux_vvtd *vvtd);

/*
 * Set in config's CAP and ECAP what nesting needs (CM) and what this library and the host offer, where that is more
 * than viq_vtd_config_init() promises; take away what the host lacks or what cannot be nested (SSTS). The rest of
 * *config is not touched.
 */
VIQ_EXPORT void viq_linux_vvtd_offer(const struct viq_linux_vvtd *vvtd, struct viq_vtd_config *config);
/*
 * Does the guest's configuration promise more than the host has, or lack what nesting needs? 0, or -EINVAL with *why
 * naming the field, what the guest would see and what the host has.
 */
VIQ_EXPORT int viq_linux_vvtd_check(const struct viq_linux_vvtd *vvtd, const struct viq_vtd_config *config,
				    struct viq_linux_why *why);

/*
 * The guest VT-d whose tables in mem are read, and to which nested page tables are attached; vtd NULL: none. Both must
 * outlive the binding. Devices that are here keep what they have until viq_linux_vvtd_reconfig(), with
 * VIQ_VTD_RESTORED. -ENOMEM, -EBUSY: none is bound.
 */
VIQ_EXPORT int viq_linux_vvtd_bind(struct viq_linux_vvtd *vvtd, struct viq_vtd *vtd, const struct viq_mem *mem);

/* --- Devices ------------------------------------------------------------------------------------------------------ */

struct viq_linux_vtd_device {
	uint32_t size;   /* sizeof(struct viq_linux_vtd_device) */
	uint32_t device; /* id from viq_linux_vfio_bind() */
	int fd;          /* vfio cdev, the caller's, open as long as the device is here; -1: ops.attach does it */
	uint32_t pasids; /* not 0: the guest may use the device's PASIDs; needs VIQ_LINUX_PASID in the stage 2 */
};

/*
 * A device appears as source_id (bus 15:8, device-function 7:0) and is set up as the guest's tables say; blocked, if no
 * guest is bound. -EEXIST: the source-id or the device is there already. -ENODEV: not behind a VT-d that can nest, or
 * behind one that lacks what the others have. After an error the device is blocked, whatever was attached to it before.
 */
VIQ_EXPORT int viq_linux_vvtd_add(struct viq_linux_vvtd *vvtd, const struct viq_linux_vtd_device *device,
				  uint16_t source_id, struct viq_linux_why *why);
/*
 * The device goes, blocked. The first error of the kernel is returned; it is gone here, and is certain to be blocked
 * when its vfio cdev has been closed. Until then invalidations still go to what it may be attached to.
 */
VIQ_EXPORT int viq_linux_vvtd_remove(struct viq_linux_vvtd *vvtd, uint16_t source_id);

/*
 * The guest has renumbered its buses: the devices at from are at to now, all at once (two may swap). Each is blocked
 * and set up again as the guest's tables say. -EINVAL, -ENOENT, -EEXIST: nothing has changed. After another error all
 * have moved; those that failed are blocked.
 */
VIQ_EXPORT int viq_linux_vvtd_move(struct viq_linux_vvtd *vvtd, const struct viq_linux_move *moves, uint32_t count);

/*
 * For viq_vtd_ops.reconfig: read the entries of every device and PASID that *what concerns, each once, and make the
 * hardware follow. A guest's bad entry blocks and is no error. An error of the kernel: blocked, the first error is
 * returned (so that the guest's descriptor does not complete), the others are done all the same. -ENODEV: no guest is
 * bound, nothing has changed.
 *
 * A descriptor that names no PASID makes all of a device's PASIDs be read: as many entries of 64 bytes as ECAP.PSS says
 * that there can be. viq_linux_vvtd_offer() gives 2^16 at most.
 */
VIQ_EXPORT int viq_linux_vvtd_reconfig(struct viq_linux_vvtd *vvtd, const struct viq_vtd_reconfig *what);

/* --- Looking in --------------------------------------------------------------------------------------------------- */

struct viq_linux_vtd_counters {
	uint64_t ioctls;   /* IOMMU_HWPT_INVALIDATE calls */
	uint64_t entries;  /* passed in them */
	uint64_t failed;   /* of the calls */
	uint64_t refused;  /* entries that are not legal: no call was made for them */
	uint64_t whole;    /* times that a whole table was invalidated, since the kernel refused a legal entry */
	uint64_t attaches; /* of nested page tables, and of the stage 2 */
	uint64_t rejected; /* entries of the guest that the kernel refused, or that were too many */
	uint64_t tables;   /* nested page tables that there are now */
};
/* A snapshot; from any thread. */
VIQ_EXPORT void viq_linux_vvtd_counters(struct viq_linux_vvtd *vvtd, struct viq_linux_vtd_counters *out);

#ifdef __cplusplus
}
#endif
#endif
