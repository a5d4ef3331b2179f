/* SPDX-License-Identifier: MIT */
/*
 * The nested VT-d: what its files share.
 *
 *   vvtd.c        life, and who listens
 *   invalidate.c  the invalidate call on a nested page table, as a host of <viq/call.h>
 *   slot.c        what one device's requests, without or with one PASID, are attached to, and changing that so that no
 *                 failure leaves a table that may be in use without invalidations
 *   devices.c     the list of devices: add, remove, renumber
 *   set.c         setting requests by value
 *   page.c        devices' page requests, and the guest's answers
 *   offer.c       CAP and ECAP: the guest's against the host's
 *
 * All of it belongs to the thread that owns the guest VT-d, but for struct linux_vtd_invalidate: constant and counters.
 */
#ifndef VIQ_HOST_LINUX_VVTD_H
#define VIQ_HOST_LINUX_VVTD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/linux_vtd.h>

#include "host/linux/iommufd/calls.h"
#include "host/linux/iommufd/device.h"
#include "host/linux/iommufd/linux.h"

/*
 * A nested page table in the kernel, which who listens knows as long as it exists. The kernel does not destroy one
 * that is in use, so whatever else has failed, there is none that translates without being invalidated.
 */
struct linux_vtd_table {
	uint32_t handle; /* the listener's, 0: nobody listens */
	struct viq_vtd_translation of;
};

/* Requests of a device, without PASID or with one. */
struct linux_vtd_slot {
	struct linux_slot slot;
	struct linux_vtd_table tables[2]; /* what the slot's page tables are */
	bool failed;                      /* blocked because the kernel failed, and to be set again */
};

struct linux_vtd_device {
	struct linux_device dev; /* its number is the source-id */
	uint32_t pasid_bits;     /* of its requests, 0: none have PASIDs */
	bool page_requests;      /* they come to the fault queue */
	/* struct linux_vtd_slot; the first is for requests without PASID, and always there. */
	struct sorted slots;
};

/* Used from any thread: ctx is constant, counters are atomic, relaxed. */
struct linux_vtd_invalidate {
	struct linux_calls calls;
	uint64_t refused, whole;
};

/* A group of page requests that waits for the guest's answer. */
struct linux_vtd_page_group {
	uint32_t cookie; /* the kernel's: free again when it has been answered, by whomever */
	uint32_t device;
	uint32_t pasid, prgi;
	bool has_pasid;
};

/* Page requests. fd -1: none are taken. */
struct linux_vtd_pages {
	uint32_t fault; /* the kernel's queue, */
	int fd;         /* and its file */
	uint32_t max, count;
	struct linux_vtd_page_group *groups; /* count of max */
	struct uapi_iommu_hwpt_pgfault *read;
	uint32_t room, at, end;       /* of read: all, and those that were not handed out yet */
	uint32_t askers;              /* devices that may ask */
	uint64_t requests, discarded; /* atomic, relaxed */
};

struct viq_linux_vvtd {
	struct viq_linux *ctx;
	struct viq_linux_vvtd_ops ops;
	void *opaque;
	struct linux_attacher attacher;
	struct viq_linux_hw_info hw;
	uint32_t hwpt, max_tables;
	struct linux_vtd_invalidate inv;
	struct viq_vtd_listener listener; /* size 0: nobody */
	struct sorted devices;            /* struct linux_vtd_device */
	struct linux_device *removed;     /* struct linux_vtd_device of which something may still be attached */
	uint32_t settle_calls;            /* system calls of settle() that nobody has paid for */
	uint64_t failed;
	struct linux_vtd_pages pages;
	uint64_t tables, rejected; /* as in struct viq_linux_vtd_counters; atomic, relaxed */
};

/* --- invalidate.c ------------------------------------------------------------------------------------------------- */

/*
 * As viq_call_host_ops.invalidate of a host with report_group 1; req->object is the HWPT. What the kernel says was
 * handled was given to the hardware.
 */
int linux_vtd_invalidate(struct linux_vtd_invalidate *inv, const struct viq_call_request *req,
			 struct viq_call_result *res);
/* Is the page table there, and does it take such calls? 0, or the kernel's error. */
int linux_vtd_invalidate_probe(struct linux_calls *calls, uint32_t hwpt);

/* --- host.c ------------------------------------------------------------------------------------------------------- */

struct viq_call_host linux_vtd_host_of(struct linux_vtd_invalidate *inv, uint32_t hwpt);

/* --- slot.c ------------------------------------------------------------------------------------------------------- */

/* Attach the stage 2 alone. On failure it is as before, or not sure. Likewise below. */
int linux_vtd_slot_bypass(struct viq_linux_vvtd *v, struct linux_vtd_device *d, struct linux_vtd_slot *s);
int linux_vtd_slot_block(struct viq_linux_vvtd *v, struct linux_vtd_device *d, struct linux_vtd_slot *s);
/* Make a nested page table and attach it. -ENOSPC: there are max_tables. *refused: it could not be made of *want. */
int linux_vtd_slot_nest(struct viq_linux_vvtd *v, struct linux_vtd_device *d, struct linux_vtd_slot *s,
			const struct viq_vtd_translation *want, bool *refused);
/* Is it attached to a nested page table that was made from the same entry? */
bool linux_vtd_slot_has(const struct linux_vtd_slot *s, const struct viq_vtd_translation *want);
/* Destroy the tables that are not in use. The first error of the kernel. */
int linux_vtd_slot_collect(struct viq_linux_vvtd *v, struct linux_vtd_slot *s);
/* Tell the listener of the tables; tell it that they are gone. */
int linux_vtd_slot_tell(struct viq_linux_vvtd *v, const struct linux_vtd_device *d, struct linux_vtd_slot *s);
void linux_vtd_slot_forget(struct viq_linux_vvtd *v, struct linux_vtd_slot *s);

/* --- devices.c ---------------------------------------------------------------------------------------------------- */

/* Of a PASID, NULL: none. */
struct linux_vtd_slot *linux_vtd_find_slot(const struct linux_vtd_device *d, uint32_t pasid);
/* And made if there is none. NULL: no memory. */
struct linux_vtd_slot *linux_vtd_get_slot(struct linux_vtd_device *d, uint32_t pasid);
/* Take an empty slot out, and free it. */
void linux_vtd_free_slot(struct linux_vtd_device *d, struct linux_vtd_slot *s);
void linux_vtd_free_device(struct linux_vtd_device *d);
/* Of removed devices, free what can be. */
void linux_vtd_collect_removed(struct viq_linux_vvtd *v);
/* Block the device, undo everything and forget it. The first error of the kernel. */
int linux_vtd_drop(struct viq_linux_vvtd *v, struct linux_vtd_device *d);

/* --- page.c ------------------------------------------------------------------------------------------------------- */

int linux_vtd_pages_open(struct viq_linux_vvtd *v, uint32_t groups, struct viq_why *why);
/* Nothing is attached to tables with the queue. The kernel answers what waits. Its error if it keeps the queue. */
int linux_vtd_pages_close(struct viq_linux_vvtd *v);
/* Of requests with this PASID, 0: without. What was attached for them has gone, and the kernel has answered. */
void linux_vtd_pages_forget(struct viq_linux_vvtd *v, uint32_t device, uint32_t pasid);
/* As page_requests() of a backend. */
int linux_vtd_page_requests(struct viq_linux_vvtd *v, struct viq_vtd_host_page_request *requests, uint32_t *count);

/* --- offer.c ------------------------------------------------------------------------------------------------------ */

/* Can any guest be offered this hardware? 0, or -EOPNOTSUPP with *why. */
int linux_vtd_offer_possible(const struct viq_linux_hw_info *hw, struct viq_why *why);

#endif
