/* SPDX-License-Identifier: MIT */
/*
 * A guest SMMUv3 on a physical one, through Linux's iommufd: the host for <viq/smmuv3.h>.
 *
 * One viq_linux_vsmmu stands for what one guest SMMUv3 sees of one physical SMMU: it owns the vIOMMU, the vDEVICEs, the
 * nested page tables and the event queue; the embedder's are the iommufd, the stage-2 HWPT and the vfio devices.
 * Wiring:
 *
 *   viq_linux_vsmmu_create(ctx, &vconfig, &vsmmu, &why);
 *   viq_smmuv3_config_init(&config);
 *   viq_linux_vsmmu_offer(vsmmu, ats, &config);          // ID registers: what the host has
 *   config.host = viq_linux_vsmmu_host(vsmmu);           // invalidations go to the kernel, and come back exact
 *   ops.reconfig = ... viq_linux_vsmmu_reconfig(vsmmu, cause, first, last);
 *   viq_linux_vsmmu_check(vsmmu, &config, &why);
 *   viq_smmuv3_create(&config, &smmu, NULL);
 *   viq_linux_vsmmu_bind(vsmmu, smmu);
 *   viq_linux_vsmmu_add(vsmmu, &device, vsid, &why);     // each device; now, or hot-plugged later
 *   poll(viq_linux_vsmmu_event_fd(vsmmu)): viq_linux_vsmmu_events(vsmmu);
 *
 * Threads: the host (viq_linux_vsmmu_host()) may be used from any thread, at any time. Everything else is used by one
 * thread at a time, the one that uses the guest SMMUv3 then: it reads the guest's tables, and puts events there.
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
#include <viq/smmuv3.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viq_linux_vsmmu;

/* How long an array one IOMMU_HWPT_INVALIDATE gets. All are exact; see docs/kernels.md for what they cost. */
enum viq_linux_calls {
	VIQ_LINUX_CALLS_DEFAULT, /* bulk */
	VIQ_LINUX_CALLS_BULK,    /* whole runs */
	VIQ_LINUX_CALLS_STRICT,  /* at most 63 entries, the kernel's own group: no failed call has run two groups */
	VIQ_LINUX_CALLS_SINGLE,  /* one entry: dear, for comparing with VMMs that do so */
};

/* What became of a stream: for viq_linux_vsmmu_ops.trace. */
enum viq_linux_fate {
	VIQ_LINUX_FATE_ABORT,  /* aborts, as the guest (or GBPA) says */
	VIQ_LINUX_FATE_FAULT,  /* aborts; the guest's tables ask for an event at each access, which no host can give */
	VIQ_LINUX_FATE_BYPASS, /* stage 2 only */
	VIQ_LINUX_FATE_STAGE1, /* translates through the guest's context descriptors */
	VIQ_LINUX_FATE_UNCHANGED, /* as before; its context descriptors are read again (CFGI_CD_ALL) */
	VIQ_LINUX_FATE_REJECTED,  /* aborts: the kernel refuses this STE (os_error) */
	VIQ_LINUX_FATE_FAILED,    /* aborts: the kernel failed (os_error); the guest's command is not completed */
	VIQ_LINUX_FATE_BROKEN,    /* the kernel failed, and could not make it abort either: remove the device */
};

struct viq_linux_trace {
	uint32_t size;
	uint32_t vsid;
	uint32_t fate;    /* enum viq_linux_fate */
	int32_t os_error; /* negative errno, or 0 */
	uint64_t ste[2];  /* as given to the kernel */
};

/* All members but size are optional (NULL). Called on the thread that calls in here; they must not call back. */
struct viq_linux_vsmmu_ops {
	uint32_t size; /* sizeof(struct viq_linux_vsmmu_ops) */
	/* Attach the device to pt, replacing what is attached; 0: block it. For devices whose fd is -1. 0 or -errno. */
	int (*attach)(void *opaque, uint32_t device, uint32_t pasid, uint32_t pt); /* pasid 0: requests without */
	void (*trace)(void *opaque, const struct viq_linux_trace *trace);
};

struct viq_linux_vsmmu_config {
	uint32_t size;                         /* sizeof(struct viq_linux_vsmmu_config) */
	uint32_t hwpt;                         /* stage 2, made with VIQ_LINUX_NEST_PARENT; stays the caller's */
	uint32_t device;                       /* id of any device behind the physical SMMU */
	uint32_t calls;                        /* enum viq_linux_calls */
	uint32_t event_depth;                  /* events that the kernel keeps; 0: no event queue */
	uint32_t reserved;                     /* 0 */
	const struct viq_linux_vsmmu_ops *ops; /* must outlive the object; NULL: no hooks */
	void *opaque;
};

/* BULK by default, 1,024 events. hwpt and device are the caller's to set. */
VIQ_EXPORT void viq_linux_vsmmu_config_init(struct viq_linux_vsmmu_config *config);

/*
 * Make the vIOMMU, its event queue, and nested page tables that abort and bypass (so that making a stream abort later
 * needs no memory). ctx must outlive the object. A kernel without vEVENTQ (before 6.15) gives an object without event
 * fd. -EOPNOTSUPP with *why: no SMMUv3, no nesting, not coherent, or the kernel is too old.
 */
VIQ_EXPORT int viq_linux_vsmmu_create(struct viq_linux *ctx, const struct viq_linux_vsmmu_config *config,
				      struct viq_linux_vsmmu **out, struct viq_linux_why *why);
/*
 * Removes every device and destroys what it made. NULL is allowed. Returns the first error of the kernel: then an
 * object leaked in the iommufd, until that is closed. The host must not be in use.
 */
VIQ_EXPORT int viq_linux_vsmmu_destroy(struct viq_linux_vsmmu *vsmmu);

/* Valid as long as the object. */
VIQ_EXPORT const struct viq_linux_hw_info *viq_linux_vsmmu_hw_info(const struct viq_linux_vsmmu *vsmmu);
/* The host for the guest front end or a fan-out: valid until the vSMMU is destroyed. */
VIQ_EXPORT struct viq_call_host viq_linux_vsmmu_host(struct viq_linux_vsmmu *vsmmu);

/*
 * Set config's ID registers to what both this library and the host offer, where that is more than
 * viq_smmuv3_config_init() promises, and take away what the host lacks. The rest of *config is not touched. ATS is
 * offered only if ats.
 */
VIQ_EXPORT void viq_linux_vsmmu_offer(const struct viq_linux_vsmmu *vsmmu, bool ats, struct viq_smmuv3_config *config);
/*
 * Does the guest's configuration promise more than the host has? 0, or -EINVAL with *why naming the field, what the
 * guest would see and what the host has.
 */
VIQ_EXPORT int viq_linux_vsmmu_check(const struct viq_linux_vsmmu *vsmmu, const struct viq_smmuv3_config *config,
				     struct viq_linux_why *why);

/*
 * The guest SMMUv3 whose tables are read and who gets the events; NULL: none. Devices that are here keep what they have
 * until viq_linux_vsmmu_reconfig(): with VIQ_SMMUV3_RESTORED if they were added before the guest was bound.
 */
VIQ_EXPORT void viq_linux_vsmmu_bind(struct viq_linux_vsmmu *vsmmu, struct viq_smmuv3 *smmu);

/* --- Streams ------------------------------------------------------------------------------------------------------ */

struct viq_linux_device {
	uint32_t size;   /* sizeof(struct viq_linux_device) */
	uint32_t device; /* id from viq_linux_vfio_bind() */
	int fd;          /* vfio cdev, the caller's, open as long as the device is here; -1: ops.attach does it */
	uint32_t ats;    /* not 0: the guest may switch the device's ATS on (STE.EATS); else ATC_INV never reaches it */
};

/*
 * A device appears behind StreamID vsid: makes its vDEVICE and sets it up as the guest's tables say (aborting, if no
 * guest is bound). -EEXIST: the vSID or the device is there already. -ENODEV: behind another physical SMMU. After an
 * error the device is blocked, whatever was attached to it before.
 */
VIQ_EXPORT int viq_linux_vsmmu_add(struct viq_linux_vsmmu *vsmmu, const struct viq_linux_device *device, uint32_t vsid,
				   struct viq_linux_why *why);
/*
 * The device goes: blocked, and its vDEVICE destroyed. The first error of the kernel is returned; it is gone here, and
 * is certain to be blocked when its vfio cdev has been closed.
 */
VIQ_EXPORT int viq_linux_vsmmu_remove(struct viq_linux_vsmmu *vsmmu, uint32_t vsid);

/*
 * The guest has renumbered its buses: the devices at from are at to now, all at once (two may swap). Each aborts, gets
 * a vDEVICE of the new number and is set up again as the guest's tables say. -ENOENT, -EEXIST: nothing has changed.
 * After another error the devices that could not be moved have been removed, as by viq_linux_vsmmu_remove().
 */
VIQ_EXPORT int viq_linux_vsmmu_move(struct viq_linux_vsmmu *vsmmu, const struct viq_linux_move *moves, uint32_t count);

/*
 * For viq_smmuv3_ops.reconfig: read the STE of every device in [first, last] and make the hardware follow. A guest's
 * bad STE makes its stream abort and is no error. An error of the kernel: the stream aborts, the first error is
 * returned (so that the guest's command does not complete), the other streams are done all the same. Causes other than
 * VIQ_SMMUV3_CFGI_STE concern every device. -ENODEV: no guest is bound, nothing has changed.
 */
VIQ_EXPORT int viq_linux_vsmmu_reconfig(struct viq_linux_vsmmu *vsmmu, enum viq_smmuv3_reconfig_cause cause,
					uint32_t first, uint32_t last);

/* --- Events ------------------------------------------------------------------------------------------------------- */

/* Readable when the physical SMMU has recorded events; -1: there is no event queue. It is not the caller's to close. */
VIQ_EXPORT int viq_linux_vsmmu_event_fd(const struct viq_linux_vsmmu *vsmmu);
/*
 * Move what is there into the bound guest's event queue (viq_smmuv3_event()); at most event_depth events, so that a
 * flood does not hold the caller. 0, also if there was nothing; or a negative errno of read(). Faults of stage 2, and
 * events of streams that are not here any more, are not given to the guest.
 */
VIQ_EXPORT int viq_linux_vsmmu_events(struct viq_linux_vsmmu *vsmmu);

/* --- Looking in --------------------------------------------------------------------------------------------------- */

struct viq_linux_counters {
	uint64_t ioctls;      /* IOMMU_HWPT_INVALIDATE calls */
	uint64_t entries;     /* passed in them */
	uint64_t failed;      /* of the calls */
	uint64_t repeated;    /* second calls for REPEAT_TLBI_CFGI */
	uint64_t refused;     /* entries that were not on the kernel's list: no call was made for them */
	uint64_t attaches;    /* of nested page tables */
	uint64_t rejected;    /* STEs that the kernel refused */
	uint64_t events;      /* given to the guest */
	uint64_t events_lost; /* by the kernel, not for the guest, or its queue was full or off */
};
/* A snapshot since creation; from any thread. */
VIQ_EXPORT void viq_linux_vsmmu_counters(struct viq_linux_vsmmu *vsmmu, struct viq_linux_counters *out);

#ifdef __cplusplus
}
#endif
#endif
