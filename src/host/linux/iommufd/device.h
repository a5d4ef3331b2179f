/* SPDX-License-Identifier: MIT */
/*
 * A device that the guest knows by a number (StreamID, source-id), and what its requests are attached to: what nested
 * translation is made of on any architecture.
 */
#ifndef VIQ_HOST_LINUX_DEVICE_H
#define VIQ_HOST_LINUX_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sorted.h"

#include "linux.h"

/* The beginning of a device in a sorted list. */
struct linux_device {
	uint32_t number;           /* in the guest */
	uint32_t device;           /* id in the iommufd */
	int fd;                    /* of its vfio cdev, kept; -1: the embedder attaches it */
	struct linux_device *next; /* of those that were removed */
};

/* May d be added? The numbers' name is for the text: "StreamID". 0, -EINVAL or -EEXIST with *why. */
int linux_device_check(const struct sorted *devices, const struct linux_device *d, bool embedder_attaches,
		       const char *number, struct viq_why *why);
/* It will be: d->fd is kept from now on. 0 or a negative errno, with *why. */
int linux_device_keep(const struct viq_linux *ctx, struct linux_device *d, struct viq_why *why);
/* The other way round, once; nothing is attached by d any more. */
void linux_device_let_go(const struct viq_linux *ctx, struct linux_device *d);
/* Can all moves be made at once, to numbers up to last? 0, -EINVAL, -ENOENT or -EEXIST. */
int linux_moves_check(const struct sorted *devices, const struct viq_linux_move *moves, uint32_t count, uint32_t last);

/* --- Removed devices ---------------------------------------------------------------------------------------------- */

/*
 * A device's file is let go of when it was removed. What the kernel still has of it is kept in a list: destroyed as
 * soon as the kernel can, and taken over if the device comes back.
 */
static inline void linux_removed_put(const struct viq_linux *ctx, struct linux_device **removed, struct linux_device *d)
{
	linux_device_let_go(ctx, d);
	d->next = *removed;
	*removed = d;
}

/* Take the device out. NULL: it is not there. */
struct linux_device *linux_removed_take(struct linux_device **removed, uint32_t device);
/* Take out those that free_gone() has freed, as it says: nothing was left of them. */
void linux_removed_collect(struct linux_device **removed, bool (*free_gone)(void *opaque, struct linux_device *d),
			   void *opaque);

/* --- Attaching ---------------------------------------------------------------------------------------------------- */

struct linux_attacher {
	struct viq_linux *ctx;
	/* linux_owner() */
	uint64_t owner;
	int (*attach)(void *opaque, uint32_t device, uint32_t pasid, uint32_t pt); /* of devices without fd */
	int (*group)(void *opaque, uint32_t device, uint32_t *group);              /* likewise */
	void *opaque;
	uint64_t attaches; /* of page tables; atomic, relaxed */
	uint32_t calls;    /* system calls made for slots; the owner may reset it */
};

/*
 * The device is this guest IOMMU's, and its IOMMU group its own, from now on; both may be already. 0, also if no group
 * is known; -ENOMEM; -EBUSY: another guest IOMMU of how->ctx has something of it attached, or the group is another
 * device's; with *why.
 */
int linux_group_take(const struct linux_attacher *how, const struct linux_device *d, struct viq_why *why);
/* Nothing of the device is attached any more. Nothing happens if it has no group. */
void linux_group_put(const struct linux_attacher *how, uint32_t device);

/*
 * Requests of a device, without PASID or with one.
 *
 * A change is: make the new page table, attach it in place of the old one, destroy the old one. The kernel replaces
 * without a gap where hardware can. Nothing is taken to be in force (!sure) before an attach has succeeded.
 *
 * The kernel refuses to destroy what is in use. A page table that could not be destroyed, for whatever reason, is tried
 * again before the next one is made: a new one is made only if there is none but the attached one, so two are all there
 * can be.
 */
struct linux_slot {
	uint32_t pasid; /* 0: requests without PASID */
	/* HWPT, 0: none, blocked. Not known after a failure if !sure. */
	uint32_t attached;
	bool sure;
	uint32_t tables[2]; /* nested page tables made for it, 0: none */
};

/* pt 0: block. Nothing happens if pt is attached already. On failure it is as before, or not sure. */
int linux_slot_attach(struct linux_attacher *how, const struct linux_device *d, struct linux_slot *s, uint32_t pt);
/* Destroy the page tables that are not in use. Which of them are gone now, by bits; *first: the first error. */
unsigned int linux_slot_collect(struct linux_attacher *how, struct linux_slot *s, int *first);

/* Where the next page table goes: one is free after linux_slot_collect() has succeeded. */
static inline unsigned int linux_slot_free(const struct linux_slot *s)
{
	return s->tables[0] ? 1 : 0;
}

/* Which of its own page tables is attached: -1: none, or it is not known. */
static inline int linux_slot_own(const struct linux_slot *s)
{
	if (!s->sure || !s->attached)
		return -1;
	if (s->attached == s->tables[0])
		return 0;
	return s->attached == s->tables[1] ? 1 : -1;
}

static inline bool linux_slot_empty(const struct linux_slot *s)
{
	return s->sure && !s->attached && !s->tables[0] && !s->tables[1];
}

#endif
