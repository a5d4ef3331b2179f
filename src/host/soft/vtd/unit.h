/* SPDX-License-Identifier: MIT */
/*
 * The software VT-d's objects and who may touch them.
 *
 * Terms. A *table* is a (domain-id, PASID, PGTT) that entries of devices name: what IOTLB entries are tagged with. An
 * *attachment* is a device's use of a table, and what the embedder is told of. A *view* is what a device has cached of
 * the guest's structures: its context entry and its PASID-table entries.
 *
 * The IOTLB is the TLB of tlb.h. The unit is its only VMID, a table has an ASID of its own, there are no globals. So a
 * table goes with one counter, and everything with another.
 *
 * Locks. config makes reconfigurations and the functions about devices one after the other, waits for accesses and
 * calls of the embedder's functions included. lock guards tables, attachments, the list of devices and the
 * writing of generations (slot.h); nobody waits while holding it. config is taken first. Devices and attachments change
 * under both, so either is enough for looking. Accessing threads take neither: they follow dev->view.
 *
 * Lifetime. What a view points to, and views, are freed when a grace period has passed since they were unlinked.
 */
#ifndef VIQ_SOFT_VTD_UNIT_H
#define VIQ_SOFT_VTD_UNIT_H

#include <viq/soft_vtd.h>

#include "base/guard.h"
#include "base/sorted.h"
#include "host/soft/cache/atc.h"
#include "host/soft/count.h"
#include "host/soft/front.h"
#include "host/soft/ring.h"
#include "host/soft/cache/tlb.h"
#include "walk.h"

#define SOFT_VTD_BUCKETS 1024u
#define SOFT_VTD_ASIDS   65536u

struct soft_vtd_table {
	uint64_t key;
	uint32_t id;
	uint16_t asid; /* not 0 */
	/* [1]: of devices that use ATS or have done so. */
	struct soft_vtd_attachment *attachments[2];
	struct soft_vtd_table *next_by_key, *next_by_id; /* same bucket */
};

struct soft_vtd_attachment {
	struct soft_vtd_table *table;
	struct viq_soft_vtd_dev *dev;
	uint32_t pasid;
	uint32_t handle;                     /* the listener's */
	bool rid;                            /* requests without PASID come here */
	bool told;                           /* the listener knows of it */
	struct soft_vtd_attachment *next;    /* of the same list of the table */
	struct soft_vtd_attachment **at;     /* what points to it there */
	struct soft_vtd_attachment *dropped; /* list of what to release after a grace period */
};

/* A PASID-table entry, or what a legacy context entry comes to. */
struct soft_vtd_entry {
	uint32_t pasid;
	uint16_t asid;
	struct vtd_regime regime; /* as the guest has it; see soft_vtd_effective() */
	struct soft_vtd_attachment *attachment;
};

enum soft_vtd_state {
	SOFT_VTD_OFF,   /* requests are not translated */
	SOFT_VTD_FAULT, /* the context entry is faulty */
	SOFT_VTD_ON,
};

/*
 * Entries of one PASID table, 64 PASIDs. Immutable, and of one device after the other view, until one has others there:
 * so an entry that changes costs as much as its table, however many there are.
 */
struct soft_vtd_group {
	struct soft_vtd_group *retired;
	uint32_t index;                  /* the lowest PASID / 64 */
	uint32_t count;                  /* not 0 */
	struct soft_vtd_entry entries[]; /* by PASID */
};

/* Immutable. NULL in a device: blocked, requests abort and nothing is recorded. */
struct soft_vtd_view {
	enum soft_vtd_state state;
	bool ats; /* the device may use ATS, and does */
	uint64_t rtaddr;
	struct vtd_context ctx;      /* with ON */
	struct soft_vtd_fault fault; /* with FAULT */
	struct soft_vtd_view *retired;
	uint32_t count;
	struct soft_vtd_group *groups[]; /* by index */
};

struct viq_soft_vtd_dev {
	uint32_t sid; /* the key of struct sorted */
	struct viq_soft_vtd *soft;
	uint64_t id; /* never used again, as the source-id is */
	bool ats;
	_Atomic(struct soft_vtd_view *) view;
	soft_word configs;    /* grows whenever the view changes */
	uint64_t owner;       /* of its entries in the front cache */
	struct soft_atc *atc; /* made when ATS is first turned on */
	int devtlb_error;
	uint32_t devtlb_left; /* failures left; UINT32_MAX: no end */
	bool uses_ats;        /* its device-TLB may hold something, or may be filled */
	bool emptied;         /* in the change under way: its device-TLB is to be emptied */
	bool isolated;        /* blocked, until a change names it or one of its entries */
	/* 1 + a PASID whose entry was used and is not cached, or 0: fetch.c. */
	_Atomic uint32_t wanted;
};

/* A view's groups in the making. */
struct soft_vtd_list {
	struct soft_vtd_group **groups;
	uint32_t count, room;
};

/* A device's view in the making: see draft.c. */
struct soft_vtd_draft {
	struct viq_vtd_reconfig what;
	enum soft_vtd_state state;
	uint64_t rtaddr;
	struct vtd_context ctx;
	struct soft_vtd_fault fault;
	struct soft_vtd_list list;
	bool renewed;         /* nothing of the cached entries counts */
	bool changed;         /* something is other than it is cached */
	uint32_t next, limit; /* PASIDs whose tables are still to be read */
	uint32_t single;      /* and one more; UINT32_MAX: none */
	uint32_t wanted;      /* not UINT32_MAX: of the PASIDs, only this one, for an access that has found it */
	uint32_t at;          /* of the cached groups, the first that was not looked at */
	int err;
};

/* Views that were replaced, and what must follow. */
struct soft_vtd_change {
	struct soft_vtd_view *views;
	struct soft_vtd_group *groups;
	struct soft_vtd_attachment *dropped;
	bool published, emptied;
};

/* A reconfiguration that is under way. */
struct soft_vtd_work {
	bool begun, inside, waited;
	struct viq_vtd_reconfig what;
	struct viq_soft_vtd_dev *dev; /* the next; with inside, the one that draft is of */
	struct soft_vtd_draft draft;
	struct soft_vtd_change change;
	int err; /* the first */
};

/* Of guest memory: reads of at most 4096 bytes, and entries. */
struct soft_vtd_cost {
	uint64_t reads, entries;
};

struct viq_soft_vtd {
	struct viq_soft_vtd_config config;
	const struct viq_mem *guest_mem;
	struct vtd_caps features; /* the guest's */
	struct vtd_caps walking;  /* of paging structures, the parent's among them */
	struct vtd_regime parent; /* of requests that the guest's tables do not touch; with parent_aw */
	struct soft_tlb tlb;
	struct soft_front front;
	struct soft_vm vm;
	struct soft_stripe stripes[SOFT_STRIPES];
	/* words[0], [1]: the record; [2]: the parent is to blame; source: the device's id */
	struct soft_ring faults;
	/* words: a struct viq_vtd_page_request. NULL without ECAP.PRS. */
	struct soft_ring *requests;
	_Atomic uint32_t waiting; /* not 0: there are some of either */
	/* CAP.CM = 0: what is not present, or faulty, is not cached, so accesses look for themselves: fetch.c. */
	bool looks;
	_Atomic uint32_t looking; /* not 0: accesses have, since this was 0 */
	_Atomic uint32_t wanting; /* not 0: devices want entries */

	pthread_mutex_t config_lock;
	struct viq_vtd_tables tables; /* size 0: never told */
	struct soft_vtd_work work;
	struct viq_vtd_listener listener; /* size 0: nobody */

	pthread_mutex_t lock;
	struct sorted devs; /* by source-id */
	struct soft_vtd_table *by_key[SOFT_VTD_BUCKETS], *by_id[SOFT_VTD_BUCKETS];
	uint64_t asids[SOFT_VTD_ASIDS / 64]; /* in use */
	uint32_t last_id;
	uint64_t last_dev;
	uint32_t last_asid;
	uint32_t attachments;
	uint64_t calls, entries;
};

/* Enter an operation that waits for accesses: 0 with config_lock held, or -EDEADLK inside an access. */
int soft_vtd_enter(struct viq_soft_vtd *soft) TAKES_IF_0(soft->config_lock);
void soft_vtd_leave(struct viq_soft_vtd *soft) DROPS(soft->config_lock);

/* device.c */
static inline struct viq_soft_vtd_dev *soft_vtd_dev_find(const struct viq_soft_vtd *soft, uint16_t sid)
{
	return sorted_find(&soft->devs, sid);
}
/* The first of this source-id or a higher one. */
static inline struct viq_soft_vtd_dev *soft_vtd_dev_from(const struct viq_soft_vtd *soft, uint32_t sid)
{
	return sorted_from(&soft->devs, sid);
}
void soft_vtd_dev_destroy(struct viq_soft_vtd_dev *dev);
static inline struct soft_vtd_view *soft_vtd_view(const struct viq_soft_vtd_dev *dev)
{
	/* For those who hold config_lock. */
	return atomic_load_explicit(&dev->view, memory_order_relaxed);
}

/* fault.c: of an access, for who takes it. */
void soft_vtd_fault(struct viq_soft_vtd_dev *dev, const uint64_t record[2], bool parent);

/* page.c: requests that wait, as struct viq_vtd_backend_ops has it. */
int soft_vtd_page_requests(struct viq_soft_vtd *soft, struct viq_vtd_host_page_request *requests, uint32_t *count);

/* invalidate.c */
struct viq_call_host soft_vtd_host(struct viq_soft_vtd *soft, uint32_t table);

/* table.c. attach: -ENOMEM, -ENOSPC, -ENODEV: nobody listens, or what the listener says. */
int soft_vtd_attach(struct viq_soft_vtd_dev *dev, struct soft_vtd_entry *entry, bool rid);
/* The device does not use it any more, and accesses that did have ended. Tells the listener. */
void soft_vtd_release(struct viq_soft_vtd *soft, struct soft_vtd_attachment *attachment) MUST_NOT_HOLD(soft->lock);
struct soft_vtd_table *soft_vtd_table_find(const struct viq_soft_vtd *soft, uint32_t id) MUST_HOLD(soft->lock);
/* The device begins to use ATS: invalidations of its tables find it from now on. */
void soft_vtd_attachment_ats(struct soft_vtd_attachment *attachment);
/* Invalidate the device-TLBs of a table's devices. */
void soft_vtd_table_devtlbs(const struct soft_vtd_table *table, uint64_t first, uint64_t last);
uint64_t soft_vtd_key(const struct vtd_regime *regime, uint32_t pasid);
/* Tell the listener of all attachments; tell it that they are gone. */
int soft_vtd_tables_tell(struct viq_soft_vtd *soft) MUST_HOLD(soft->config_lock);
void soft_vtd_tables_forget(struct viq_soft_vtd *soft) MUST_HOLD(soft->config_lock);
void soft_vtd_tables_destroy(struct viq_soft_vtd *soft);

/*
 * fetch.c. In an access, before and after it has read entries of the guest's that are not cached. drain: who
 * invalidates finds that such accesses have ended.
 */
void soft_vtd_look(struct viq_soft_vtd *soft);
void soft_vtd_want(struct viq_soft_vtd_dev *dev, uint32_t pasid);
bool soft_vtd_looking(const struct viq_soft_vtd *soft);
void soft_vtd_drain(struct viq_soft_vtd *soft);
int soft_vtd_fetch(struct viq_soft_vtd *soft);

/* scan.c */
/* What count PASIDs from this one on, of one table, are in memory now: how many valid entries are in out. */
uint32_t soft_vtd_scan(const struct viq_soft_vtd *soft, const struct vtd_context *ctx, uint32_t first, uint32_t count,
		       struct soft_vtd_entry out[VIQ_VTD_PE_TABLE], struct soft_vtd_cost *cost);

/*
 * change.c: views replaced, and what must follow. Give the device this view, whose entries have the attachments that
 * they shall keep; NULL blocks it. The attachments of its last view that are not in it are dropped.
 */
void soft_vtd_publish(struct viq_soft_vtd_dev *dev, struct soft_vtd_view *view, struct soft_vtd_change *change);
/* Drop the attachments of a group that the view, which may be NULL, does not have. True if there were any. */
bool soft_vtd_group_drop(const struct soft_vtd_group *group, const struct soft_vtd_view *view,
			 struct soft_vtd_change *change);
/* Wait for accesses, and empty the device-TLBs that must be. */
void soft_vtd_wait(struct viq_soft_vtd *soft, struct soft_vtd_change *change);
/* Then release count dropped attachments, telling the listener, and as many views and groups. true: there are more. */
bool soft_vtd_release_some(struct viq_soft_vtd *soft, struct soft_vtd_change *change, uint32_t count);
/* All of that. */
void soft_vtd_finish(struct viq_soft_vtd *soft, struct soft_vtd_change *change);

/* draft.c. A device's context entry as it is in memory now: 0, or -EFAULT with *fault. */
int soft_vtd_read_context(const struct viq_soft_vtd *soft, uint64_t rtaddr, const struct soft_vtd_request *req,
			  struct vtd_context *ctx, struct soft_vtd_fault *fault);
/* what NULL: everything, as if nothing were cached. */
void soft_vtd_draft_begin(struct viq_soft_vtd_dev *dev, const struct viq_vtd_reconfig *what, struct soft_vtd_draft *d,
			  struct soft_vtd_cost *cost);
/* For an access that has found the entry of this PASID in memory. On an error the device keeps what it has. */
void soft_vtd_draft_fetch(struct viq_soft_vtd_dev *dev, uint32_t pasid, struct soft_vtd_draft *d);
/* A table of PASIDs. true: there is more to read. */
bool soft_vtd_draft_step(struct viq_soft_vtd_dev *dev, struct soft_vtd_draft *d, struct soft_vtd_cost *cost);
/* It becomes the device's view. On an error, which is returned, the device is blocked. */
int soft_vtd_draft_commit(struct viq_soft_vtd_dev *dev, struct soft_vtd_draft *d, struct soft_vtd_change *change);
/* It does not. */
void soft_vtd_draft_drop(struct viq_soft_vtd_dev *dev, struct soft_vtd_draft *d, struct soft_vtd_change *change);

/*
 * reconfig.c: take over what is in scope for one device, at once. NULL: everything, as if nothing were cached. On an
 * error the device is blocked.
 */
int soft_vtd_update(struct viq_soft_vtd_dev *dev, const struct viq_vtd_reconfig *what, struct soft_vtd_change *change);
void soft_vtd_work_leave(struct viq_soft_vtd_dev *dev, bool for_good, struct soft_vtd_change *change);
/* As struct viq_vtd_backend_ops has them. */
int soft_vtd_begin(struct viq_soft_vtd *soft, const struct viq_vtd_tables *tables, const struct viq_vtd_reconfig *what);
int soft_vtd_step(struct viq_soft_vtd *soft, struct soft_vtd_cost *cost);
int soft_vtd_block(struct viq_soft_vtd *soft, uint16_t source_id);

/* translate.c. NULL: none. */
struct soft_vtd_group *soft_vtd_group_find(const struct soft_vtd_view *view, uint32_t index);
const struct soft_vtd_entry *soft_vtd_entry_find(const struct soft_vtd_view *view, uint32_t pasid);

static inline void soft_vtd_count(struct viq_soft_vtd *soft, enum soft_count what)
{
	soft_stripes_count(soft->stripes, soft_self(), what);
}

#endif
