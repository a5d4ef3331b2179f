/* SPDX-License-Identifier: MIT */
/*
 * The nested SMMUv3: what its files share.
 *
 *   vsmmu.c     life: vIOMMU, the two page tables that all streams share, event queue
 *   host.c      what <viq/call.h> asks: invalidate, and which streams are here
 *   stream.c    one device: what it is attached to, and changing that so that no failure leaves it unknown
 *   streams.c   the list of devices: add, remove, renumber
 *   set.c       from what a stream is to do to what it is attached to
 *   backend.c   all of it for who follows a guest's tables
 *   events.c    the physical SMMU's events as the guest may see them
 *   offer.c     ID registers: the guest's against the hardware's
 *
 * Who uses what: the thread that owns the guest SMMUv3 writes everything here. Other threads read the list of streams
 * and each stream's vsid and flags, to answer viq_call_host_ops.stream: these the owner writes, and others read, with
 * the lock held. The rest of what other threads touch is constant (ctx, viommu) or atomic (counters).
 */
#ifndef VIQ_HOST_LINUX_VSMMU_H
#define VIQ_HOST_LINUX_VSMMU_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/linux_smmuv3.h>

#include "invalidate.h"
#include "host/linux/iommufd/device.h"
#include "host/linux/iommufd/linux.h"

/* A device behind a StreamID. */
struct linux_stream {
	struct linux_device dev; /* its number is the vsid */
	uint32_t flags;          /* VIQ_CALL_STREAM_*: what other threads are told */
	bool ats;                /* its STE may say EATS = 1 */
	bool disabled;           /* the guest's SMMU is off: it records nothing */
	bool failed;             /* it aborts because the kernel failed, and is to be set again */
	uint32_t vdevice;
	struct linux_slot slot;
	uint64_t ste[2][2]; /* of which the page tables of the slot are made */
};

struct viq_linux_vsmmu {
	struct viq_linux *ctx;
	struct viq_linux_vsmmu_ops ops;
	void *opaque;
	struct linux_attacher attacher;
	uint32_t hwpt, ioas;            /* ioas: the stage 2 is made, and destroyed, here */
	struct viq_smmuv3_ids promised; /* what the guest sees; size 0: there was none */
	/* From the first device on. Other threads look at live first, with acquire. */
	bool live;
	struct viq_linux_hw_info hw;
	uint32_t viommu;
	uint32_t abort, bypass; /* nested page tables that any number of streams share */
	struct linux_invalidate inv;

	pthread_mutex_t lock;
	struct sorted streams; /* struct linux_stream */
	/* The owner's alone: struct linux_stream whose vDEVICE or page tables the kernel has not destroyed. */
	struct linux_device *removed;

	uint32_t event_queue; /* id, 0: none */
	int event_fd;         /* -1: none */
	uint32_t event_depth;
	uint32_t event_next; /* the sequence number to come */
	/* Taken out of the kernel's queue when a device left: event_depth of them at most. */
	struct viq_smmuv3_host_event *waiting;
	uint32_t waiting_count;
	uint64_t waiting_lost; /* events behind them that found no room */

	/* As in struct viq_linux_counters; atomic, relaxed. */
	uint64_t rejected, failed, events, events_lost, events_kept;
};

/* --- vsmmu.c ------------------------------------------------------------------------------------------------------ */

/* Make what all streams share, with the first device. -ENODEV with *why also: the guest was promised more. */
int linux_vsmmu_start(struct viq_linux_vsmmu *v, uint32_t device, struct viq_why *why);

/* --- stream.c ----------------------------------------------------------------------------------------------------- */

/* Bind the device to s->vsid, and tell other threads. */
int linux_stream_bind(struct viq_linux_vsmmu *v, struct linux_stream *s);
/* No command for its number reaches it any more. It is in no list: nobody else sends one. */
int linux_stream_unbind(struct viq_linux_vsmmu *v, struct linux_stream *s);
/* Attach one of the shared page tables. On failure the stream is as before. */
int linux_stream_share(struct viq_linux_vsmmu *v, struct linux_stream *s, uint32_t pt);
/*
 * A kernel that cannot free must not be made to allocate without end: before a page table is made, all that are not in
 * use are destroyed. For that it must be known which one is: if it is not, the stream aborts first.
 */
int linux_stream_make_room(struct viq_linux_vsmmu *v, struct linux_stream *s);
/*
 * Make a page table from ste and attach it. There is room. On failure the stream is as before; *refused: it is ste that
 * the kernel does not take.
 */
int linux_stream_translate(struct viq_linux_vsmmu *v, struct linux_stream *s, const uint64_t ste[2], bool ats,
			   bool *refused);
/* Every access aborts from now on: by whatever means is left. On failure the stream is as before. */
int linux_stream_abort(struct viq_linux_vsmmu *v, struct linux_stream *s);
/* Detach: the kernel blocks the device then. */
int linux_stream_detach(struct viq_linux_vsmmu *v, struct linux_stream *s);
/* Destroy the page tables of its own that are not in use. The first error of the kernel. */
int linux_stream_collect(struct viq_linux_vsmmu *v, struct linux_stream *s);
/* Does it translate by its own page table, made from these words? */
bool linux_stream_has(const struct linux_stream *s, const uint64_t ste[2]);

/* --- streams.c ---------------------------------------------------------------------------------------------------- */

/* NULL: no device is there. The caller owns the guest SMMUv3, or holds the lock. */
struct linux_stream *linux_streams_find(const struct viq_linux_vsmmu *v, uint32_t vsid);
/* Block the device, undo everything and forget it. The first error of the kernel. */
int linux_streams_drop(struct viq_linux_vsmmu *v, struct linux_stream *s);
/* Of removed devices, destroy and free what can be. */
void linux_streams_collect_removed(struct viq_linux_vsmmu *v);

/* --- events.c ----------------------------------------------------------------------------------------------------- */

/*
 * A device has left its number, and is not in the list: what the kernel has of it goes, before another one gets the
 * number. What it has of others waits here.
 */
void linux_events_settle(struct viq_linux_vsmmu *v);

/* --- set.c -------------------------------------------------------------------------------------------------------- */

/* The words of STEs that abort and bypass. */
extern const uint64_t linux_ste_abort[2], linux_ste_bypass[2];

/* --- offer.c ------------------------------------------------------------------------------------------------------ */

/* Can any guest be offered this hardware? 0, or -EOPNOTSUPP with *why. */
int linux_offer_possible(const struct viq_linux_hw_info *hw, struct viq_why *why);
/* Do the guest's ID registers promise more than the hardware has? 0, or -EINVAL with *why. */
int linux_offer_check(const struct viq_linux_hw_info *hw, const struct viq_smmuv3_ids *ids, struct viq_why *why);

#endif
