/* SPDX-License-Identifier: MIT */
/*
 * Streams of a guest SMMUv3 on a physical one, through Linux's iommufd.
 *
 * One viq_linux_vsmmu stands for what one guest SMMUv3 sees of one physical SMMU: it owns the vIOMMU, the vDEVICEs, the
 * nested page tables and the event queue; the embedder's are the iommufd, the stage-2 HWPT and the vfio devices. It
 * knows no guest: streams are set by value, events come out as records. <viq/nest_smmuv3.h> makes it follow a guest
 * SMMUv3 of <viq/smmuv3.h>; a VMM with a front end of its own calls viq_linux_vsmmu_set(). Wiring:
 *
 *   viq_linux_vsmmu_create(ctx, &vconfig, &vsmmu, &why);
 *   viq_nest_smmuv3_create(NULL, NULL, &nest, &why);
 *   backend = viq_linux_vsmmu_backend(vsmmu);
 *   viq_nest_smmuv3_join(nest, &backend, &why);
 *   viq_smmuv3_config_init(&config, sizeof(config));
 *   viq_nest_smmuv3_offer(nest, ats, &config);           // ID registers: what the host has
 *   config.host = viq_linux_vsmmu_host(vsmmu);           // invalidations go to the kernel, and come back exact
 *   ops.reconfig = ... viq_nest_smmuv3_reconfig(nest, what);
 *   viq_smmuv3_create(&config, &smmu, NULL);
 *   viq_nest_smmuv3_bind(nest, smmu, &why);
 *   viq_linux_vsmmu_add(vsmmu, &device, vsid, &why);     // each device; now, or hot-plugged later
 *   viq_nest_smmuv3_follow(nest, vsid);
 *   poll(viq_linux_vsmmu_event_fd(vsmmu)): viq_nest_smmuv3_events(nest, 0);
 *
 * Threads: the host (viq_linux_vsmmu_host()) may be used from any thread, at any time. Everything else is used by one
 * thread at a time, the one that uses the guest SMMUv3 then.
 *
 * Errors: as <viq/linux.h>. What is half done when a function fails is undone, except where it says otherwise.
 */
#ifndef VIQ_LINUX_SMMUV3_H
#define VIQ_LINUX_SMMUV3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/call.h>
#include <viq/export.h>
#include <viq/linux.h>
#include <viq/linux_host.h>
#include <viq/smmuv3_host.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viq_linux_vsmmu;

/* All members but size are optional (NULL). Called on the thread that calls in here; they must not call back. */
struct viq_linux_vsmmu_ops {
	uint32_t size; /* sizeof(struct viq_linux_vsmmu_ops) */
	/* Attach the device to pt, replacing what is attached; 0: block it. For devices whose fd is -1. 0 or -errno. */
	int (*attach)(void *opaque, uint32_t device, uint32_t pasid, uint32_t pt); /* pasid 0: requests without */
	/*
	 * The number of the IOMMU group that the device is in, if its fd is -1. Any negative errno, or NULL here: it is
	 * not known, and the group is not checked.
	 */
	int (*group)(void *opaque, uint32_t device, uint32_t *group);
};

struct viq_linux_vsmmu_config {
	uint32_t size; /* sizeof(struct viq_linux_vsmmu_config) */
	/*
	 * Stage 2, made with VIQ_LINUX_NEST_PARENT, which stays the caller's. Or 0 and ioas: then it is made here, with
	 * the first device. One vSMMU per stage 2: its VMID is the stage 2's, and two would find each other's ASIDs in
	 * the TLB (docs/kernels.md).
	 */
	uint32_t hwpt;
	uint32_t device;                       /* id of any device behind the physical SMMU; 0: the first one added */
	uint32_t calls;                        /* enum viq_linux_calls */
	uint32_t event_depth;                  /* events that the kernel keeps; 0: no event queue */
	uint32_t ioas;                         /* of guest memory, if hwpt is 0 */
	const struct viq_linux_vsmmu_ops *ops; /* copied; NULL: no hooks */
	void *opaque;
};

/* BULK by default, 1,024 events. hwpt (or ioas) and device are the caller's to set. */
VIQ_EXPORT void viq_linux_vsmmu_config_init(struct viq_linux_vsmmu_config *config, size_t size);

/*
 * Make the vIOMMU, its event queue, and nested page tables that abort and bypass (so that making a stream abort later
 * needs no memory). ctx must outlive the object. A kernel without vEVENTQ (before 6.15) gives an object without event
 * fd. -EOPNOTSUPP with *why: no SMMUv3, no nesting, not coherent, or the kernel is too old. -EBUSY: another vSMMU of
 * ctx is on config.hwpt, or one that left its vIOMMU in the kernel.
 *
 * Without config.device nothing of this is made, and no such error is found, before the first device is added; until
 * then invalidations succeed, because nothing is cached. So the first device can be hot-plugged.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vsmmu_create(struct viq_linux *ctx, const struct viq_linux_vsmmu_config *config,
						     struct viq_linux_vsmmu **out, struct viq_why *why);
/*
 * Removes every device and destroys what it made. NULL is allowed. Returns the first error of the kernel: then an
 * object leaked in the iommufd, until that is closed. The host must not be in use.
 */
VIQ_EXPORT int viq_linux_vsmmu_destroy(struct viq_linux_vsmmu *vsmmu);

/* Valid as long as the object. NULL: no device was here yet. */
VIQ_EXPORT const struct viq_linux_hw_info *viq_linux_vsmmu_hw_info(const struct viq_linux_vsmmu *vsmmu);
/* The host for the guest front end or a fan-out: valid until the vSMMU is destroyed. */
VIQ_EXPORT struct viq_call_host viq_linux_vsmmu_host(struct viq_linux_vsmmu *vsmmu);

/* What it is for who follows a guest's tables: valid until the vSMMU is destroyed. */
VIQ_EXPORT struct viq_smmuv3_backend viq_linux_vsmmu_backend(struct viq_linux_vsmmu *vsmmu);

/*
 * As struct viq_smmuv3_backend_ops has it. What is left is always a consistent SMMU, if *ids was. Before the first
 * device nothing is known of the hardware: *ids stays as it is, and what is promised is kept in mind and checked then.
 */
VIQ_EXPORT void viq_linux_vsmmu_offer(const struct viq_linux_vsmmu *vsmmu, bool raise, bool ats,
				      struct viq_smmuv3_ids *ids);
VIQ_EXPORT int viq_linux_vsmmu_promise(struct viq_linux_vsmmu *vsmmu, const struct viq_smmuv3_ids *ids,
				       struct viq_why *why);

/* --- Streams ------------------------------------------------------------------------------------------------------ */

struct viq_linux_device {
	uint32_t size;   /* sizeof(struct viq_linux_device) */
	uint32_t device; /* id from viq_linux_vfio_bind() */
	/*
	 * vfio cdev, -1: ops.attach does it. It is duplicated: the caller may close its own, and the device stays bound
	 * until viq_linux_vsmmu_remove() has closed the other one.
	 */
	int fd;
	uint32_t ats; /* not 0: the guest may switch the device's ATS on (STE.EATS); else ATC_INV never reaches it */
};

/*
 * A device appears behind StreamID vsid: makes its vDEVICE, and lets it abort until its stream is set. -EEXIST: the
 * vSID or the device is there already. -ENODEV: behind another physical SMMU, or, of the first device, its SMMU has
 * less than the guest was promised (*why names the field). -EBUSY: another device of its IOMMU group, which *why
 * names, is behind a guest IOMMU of this struct viq_linux (not checked if the group is not known); or another one could
 * not remove it, and its file was not closed since; or it has it: nothing has changed. Of the first device also the
 * errors of viq_linux_vsmmu_create(). After another error the device is blocked, whatever was attached to it before.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vsmmu_add(struct viq_linux_vsmmu *vsmmu, const struct viq_linux_device *device,
						  uint32_t vsid, struct viq_why *why);
/*
 * The device goes: blocked, and its vDEVICE destroyed. The first error of the kernel is returned; it is gone here, and
 * is certain to be blocked when its vfio cdev has been closed. What the kernel has not destroyed is tried again
 * whenever a stream is set or a device added or removed.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vsmmu_remove(struct viq_linux_vsmmu *vsmmu, uint32_t vsid);

/*
 * The guest has renumbered its buses: the devices at from are at to now, all at once (two may swap). Each aborts, gets
 * a vDEVICE of the new number, and aborts until its stream is set again. -ENOENT, -EEXIST: nothing has changed. After
 * another error the devices that could not be moved have been removed, as by viq_linux_vsmmu_remove().
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vsmmu_move(struct viq_linux_vsmmu *vsmmu, const struct viq_linux_move *moves,
						   uint32_t count);

/*
 * Make the hardware treat the stream so. With FAULT it aborts: the kernel has no way to make events. An STE that the
 * kernel refuses makes its stream abort and is no error. An error of the kernel: the stream aborts, or is BROKEN.
 * *outcome says it all, also after an error; -ENOENT: there is no such stream, and *outcome is as it was.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vsmmu_set(struct viq_linux_vsmmu *vsmmu, uint32_t vsid,
						  const struct viq_smmuv3_stream *stream,
						  struct viq_smmuv3_outcome *outcome);

/* --- Events ------------------------------------------------------------------------------------------------------- */

/* Readable when the physical SMMU has recorded events; -1: there is no event queue, or no device was here yet. It is
 * not the caller's to close. */
VIQ_EXPORT int viq_linux_vsmmu_event_fd(const struct viq_linux_vsmmu *vsmmu);
/*
 * Take at most *count events (>= 1), each as the guest is to see it; *count: how many there were. 0, also if there was
 * nothing; or a negative errno of read(). Faults of stage 2, and events of streams that are not here any more, are not
 * for the guest: they are counted and left out. viq_linux_vsmmu_remove() and _move() take events out of the kernel:
 * there may be some then although the fd is not readable.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vsmmu_events(struct viq_linux_vsmmu *vsmmu,
						     struct viq_smmuv3_host_event *events, uint32_t *count);

/* --- Looking in --------------------------------------------------------------------------------------------------- */

/* Every member is a uint64_t. */
struct viq_linux_counters {
	uint64_t ioctls;      /* IOMMU_HWPT_INVALIDATE calls */
	uint64_t entries;     /* passed in them */
	uint64_t failed;      /* of the calls */
	uint64_t repeated;    /* second calls for REPEAT_TLBI_CFGI */
	uint64_t refused;     /* entries that were not on the kernel's list: no call was made for them */
	uint64_t attaches;    /* of nested page tables */
	uint64_t rejected;    /* STEs that the kernel refused */
	uint64_t events;      /* taken with viq_linux_vsmmu_events() */
	uint64_t events_lost; /* by the kernel, or for want of room while a device was removed or moved */
	uint64_t events_kept; /* not for the guest */
	uint64_t set_failed;  /* times that the kernel failed to set a stream, which aborts since */
};
/* A snapshot since creation. size: sizeof(*out). -EINVAL: NULL, or size is no multiple of 8. Context: any thread. */
VIQ_EXPORT int viq_linux_vsmmu_counters(struct viq_linux_vsmmu *vsmmu, struct viq_linux_counters *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
