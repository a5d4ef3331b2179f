/* SPDX-License-Identifier: MIT */
/*
 * What a host of SMMUv3 streams is told, and what it tells: the words between a host (<viq/linux_smmuv3.h>,
 * <viq/soft_smmuv3.h>) and whoever has the guest (<viq/nest_smmuv3.h>, or a VMM with a front end of its own).
 *
 * A stream is set by value; events come out as records; invalidations go to a struct viq_call_host.
 */
#ifndef VIQ_SMMUV3_HOST_H
#define VIQ_SMMUV3_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/call.h>
#include <viq/smmuv3_spec.h>
#include <viq/why.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The ID registers of a guest's SMMUv3 in which hosts have a say (IHI 0070 6.3). */
struct viq_smmuv3_ids {
	uint32_t size; /* sizeof(struct viq_smmuv3_ids) */
	uint32_t idr0, idr1, idr3, idr5, aidr;
};

/* How a stream's transactions are to be treated. */
enum viq_smmuv3_stream_mode {
	VIQ_SMMUV3_ABORT,  /* silently */
	VIQ_SMMUV3_FAULT,  /* abort, and record the event for each transaction */
	VIQ_SMMUV3_BYPASS, /* guest-physical addresses */
	VIQ_SMMUV3_STAGE1, /* through the context descriptors that ste[] names */
	VIQ_SMMUV3_STAGE2, /* through the guest's own stage 2, alone or, as Config in ste[0] says, after its stage 1 */
};

struct viq_smmuv3_stream {
	uint32_t size; /* sizeof(struct viq_smmuv3_stream), set by the caller */
	uint32_t mode; /* enum viq_smmuv3_stream_mode */
	/*
	 * Words 0 and 1 for a nested page table (struct iommu_hwpt_arm_smmuv3): the guest's, masked to what a host
	 * takes and checked against the guest's ID registers. With ABORT and FAULT an aborting STE, with BYPASS a
	 * bypassing one. With STAGE2 word 1 has S2FWB, too.
	 */
	uint64_t ste[2];
	uint64_t event[4]; /* with FAULT: the record, without transaction fields (SSV, SSID are 0) */
	/*
	 * Not 0: SMMUEN = 0, and GBPA alone decides (6.3.9.6). BYPASS is for substreams too then, an address beyond OAS
	 * aborts, and nothing is recorded. The Linux host cannot bypass substreams: they abort, without an event.
	 */
	uint32_t disabled;
	uint32_t reserved;
	/*
	 * Words 2 and 3 of the STE. With STAGE1 only S2VMID, the tag of its translations, which is 0 for a guest
	 * without IDR0.S2P; with STAGE2 all of them; else 0.
	 */
	uint64_t stage2[2];
};

/* What a stream does after it was set. */
enum viq_smmuv3_stream_fate {
	VIQ_SMMUV3_STREAM_ABORT,     /* aborts, as the guest (or GBPA) says */
	VIQ_SMMUV3_STREAM_FAULT,     /* aborts; the guest's tables ask for an event at each access: Linux gives none */
	VIQ_SMMUV3_STREAM_BYPASS,    /* stage 2 only */
	VIQ_SMMUV3_STREAM_STAGE1,    /* translates through the guest's context descriptors */
	VIQ_SMMUV3_STREAM_UNCHANGED, /* as before; its context descriptors are read again (CFGI_CD_ALL) */
	VIQ_SMMUV3_STREAM_REJECTED,  /* aborts: the host refuses this STE (os_error) */
	VIQ_SMMUV3_STREAM_FAILED,    /* aborts: the host failed (os_error); it is to be set again */
	VIQ_SMMUV3_STREAM_BROKEN,    /* the host failed, and could not make it abort either: remove the device */
	VIQ_SMMUV3_STREAM_STAGE2,    /* translates through the guest's own stage 2, alone or after its stage 1 */
};

struct viq_smmuv3_outcome {
	uint32_t size; /* sizeof(struct viq_smmuv3_outcome) */
	uint32_t vsid;
	uint32_t fate;    /* enum viq_smmuv3_stream_fate */
	int32_t os_error; /* negative errno, or 0 */
	uint64_t ste[2];  /* as given to the host */
	uint32_t calls;   /* system calls that it took */
	uint32_t reserved;
};

/* An event for the guest's event queue, or the loss of some. */
struct viq_smmuv3_host_event {
	uint64_t record[4]; /* as the guest is to see it; word 0 is 0 if there is none, only a loss */
	uint64_t lost;      /* events that the host has lost before this one */
};

/*
 * A host's streams, for who follows a guest's tables. opaque and object are those of struct viq_smmuv3_backend. All
 * functions are called on the thread that uses the guest SMMUv3.
 */
struct viq_smmuv3_backend_ops {
	uint32_t size; /* sizeof(struct viq_smmuv3_backend_ops) */
	/*
	 * Take away from *ids what the host lacks; with raise, set what it has where that is more, besides ATS, which
	 * is set only with ats. NULL: the host has everything.
	 */
	void (*offer)(void *opaque, uint32_t object, bool raise, bool ats, struct viq_smmuv3_ids *ids);
	/*
	 * The guest sees these ID registers from now on. 0, or -EINVAL with *why naming the field, what the guest would
	 * see and what the host has; then what was promised before holds. NULL: the host has everything.
	 */
	int (*promise)(void *opaque, uint32_t object, const struct viq_smmuv3_ids *ids, struct viq_why *why);
	/*
	 * The lowest StreamID that has a device here and is not below *vsid: 1 and *vsid, *broken: it is not certain
	 * that it does what it was set to, or it aborts because the host failed. 0: none. Or a negative errno. (One
	 * below *vsid is an error too: -EIO.)
	 */
	int (*next)(void *opaque, uint32_t object, uint32_t *vsid, bool *broken);
	/*
	 * Make the stream so, and read its context descriptors again if it translates as before. A stream that the host
	 * refuses aborts and is no error. Negative errno: it could not be done: the stream aborts, or is BROKEN.
	 * -ENOENT: no such stream.
	 */
	int (*set)(void *opaque, uint32_t object, uint32_t vsid, const struct viq_smmuv3_stream *stream,
		   struct viq_smmuv3_outcome *outcome);
	/* Take at most *count events (>= 1); *count: how many there were. 0 or a negative errno. NULL: there are none.
	 */
	int (*events)(void *opaque, uint32_t object, struct viq_smmuv3_host_event *events, uint32_t *count);
	/*
	 * Are there events of transactions that have been terminated by now? They must be taken before the guest's next
	 * CMD_SYNC completes (4.7.3). It may be true without need, and is asked often. NULL: no, events come when they
	 * come.
	 */
	bool (*pending)(void *opaque, uint32_t object);
};

struct viq_smmuv3_backend {
	const struct viq_smmuv3_backend_ops *ops; /* NULL: none */
	void *opaque;
	uint32_t object;
	struct viq_call_host host; /* where invalidations for these streams go; ops NULL: nowhere, nothing is cached */
};

#ifdef __cplusplus
}
#endif
#endif
