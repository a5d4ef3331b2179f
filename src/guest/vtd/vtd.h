/* SPDX-License-Identifier: MIT */
/*
 * The guest-facing VT-d, inside.
 *
 * regs.c decodes register accesses and calls what a write sets in motion: invreg.c invalidates by registers, work.c
 * keeps what such a write still owes, invq.c consumes descriptors, table.c knows which nested page tables they concern,
 * batch.c holds what the tables' hosts must confirm, stop.c moves IQH and stops, devtlb.c handles device-TLB
 * descriptors, fault.c keeps fault records, page.c the page request queue, signal.c raises errors and interrupts and
 * completes wait descriptors, save.c freezes and thaws.
 *
 * Terms. A *slot* is a place in the queue, counted in descriptors. *head* is the next descriptor to take; *IQH* is what
 * the guest sees. Between them lies the batch: descriptors that were read and checked and that not every host has
 * confirmed yet. IQH moves to head only when the batch is empty, because a descriptor that IQH has passed can no longer
 * be reported as erroneous. A *target* is a host object under one key (domain-id, PASID); an *attachment* is a device
 * that uses it.
 */
#ifndef VIQ_GUEST_VTD_VTD_H
#define VIQ_GUEST_VTD_VTD_H

#include <viq/vtd.h>

#include "base/le.h"
#include "base/tree.h"
#include "call/checked.h"
#include "guest/budget.h"
#include "guest/gate.h"
#include "guest/hostwait.h"
#include "guest/reg.h"
#include "spec/vtd/descriptor.h"
#include "spec/vtd/tables.h"

/*
 * Descriptors that are read at a time, and those between two flush points: a target has at most one entry of each. More
 * of them flush early.
 */
#define BATCH_DESCRIPTORS 256
/* Of these, as many as a loop handles at once. */
#define VTD_GROUP 8
/* Calls of hosts for one descriptor that are not worth being left in between. */
#define VTD_FEW_CALLS 4
/* Targets with entries in the batch, at most. One more flushes it; a descriptor for more has them called one by one. */
#define VTD_SLATES 32

/* Entries from this one on, up to the next stretch, come from descriptors that follow each other in the batch. */
struct vtd_stretch {
	uint16_t entry;
	uint16_t position; /* of the first one's descriptor in the batch */
};

/* The same but for the address: the rest of an entry is one store. */
typedef uint64_t vtd_entry_rest __attribute__((vector_size(16)));

/* A target's part of the batch. There are as many as there are targets, up to VTD_SLATES. */
struct vtd_slate {
	struct vtd_slate *next; /* that is free */
	vtd_entry_rest rest;    /* of the first entries, */
	uint32_t same;          /* so many of them, those of earlier batches included */
	struct viq_vtd_s1_entry entries[BATCH_DESCRIPTORS];
	struct vtd_stretch stretches[BATCH_DESCRIPTORS];
};

struct vtd_target {
	struct tree_node node;          /* serial: never used again */
	struct vtd_target *next_active; /* with entries in the batch, too */
	struct viq_call_host host;
	uint32_t attachments;
	bool stage2;             /* VIQ_VTD_TABLE_STAGE2 of all of them */
	uint32_t count;          /* entries in the batch; */
	struct vtd_slate *slate; /* where, if there are any */
	uint32_t stretch_count;
};

struct vtd_attachment {
	struct tree_node node; /* key: source-id; serial from 1 on */
	struct tree_node by_handle;
	struct viq_vtd_table table;
	struct vtd_target *target;
};

/* Whatever a descriptor names is one run of the targets. With the same key a later one has a higher serial. */
struct vtd_tables {
	struct tree targets;     /* by domain-id and PASID */
	struct tree attachments; /* by source-id */
	struct tree by_handle;
	/* Those with entries in the batch, in the order of their first ones; last means nothing without a first. */
	struct vtd_target *active, *last_active;
	struct vtd_slate *slate; /* a free one */
	uint32_t slates, free_slates;
	uint32_t last_handle;
	uint64_t last_serial;
};

/* Targets, or attachments, in order: the first, and how many there are, of targets as far as it matters. */
struct vtd_run {
	struct tree_node *first;
	uint32_t count;
};

/* Targets one by one, while others come and go: from this key and serial on, below key end. */
struct vtd_sweep {
	uint64_t key, serial, end;
};

/* See work.c. */
#define VTD_OWED_RECONFIG (1u << 0) /* GSTS.RTPS, TES, CCMD.ICC wait for it */
#define VTD_OWED_REMAP    (1u << 1) /* GSTS.IRTPS, IRES, CFIS */
#define VTD_OWED_IOTLB    (1u << 2) /* IOTLB.IVT */

/* Interrupt-remapping table entries [first, end); none: both 0. */
struct vtd_irtes {
	uint32_t first, end;
};

struct vtd_work {
	uint32_t owed;
	uint32_t waiting;                 /* of these, for the host: only viq_vtd_run() tries again */
	uint32_t status;                  /* bits of GSTS that show what was before */
	uint32_t at;                      /* slot + 1 of the descriptor that is half done: one of these; 0: none is */
	struct viq_vtd_reconfig reconfig; /* half done; size 0: none is */
	struct viq_vtd_remap remap;
	struct vtd_sweep sweep; /* of the IOTLB register */
	/* Of the descriptor at head, which concerns more tables than a run can call. qw0 0: none is half done. */
	struct vtd_sweep alone;
	uint64_t alone_desc[2];
	/* Done since IQT was written, and since the last wait descriptor: see vtd_work_covered(). */
	struct viq_vtd_reconfig done;
	struct vtd_irtes done_irtes;
	bool early;
};

/*
 * Descriptors as they were read from the ring, in its order. [first, taken) are the batch, the next one is at head;
 * [taken, read) were read in advance, and are like the model up to alike. The upper half is that of 256 bits, and not
 * set of those that were like the model when they were read: it is 0. In a narrow queue it means nothing. Nor is the
 * lower half of these set if nobody needs it (vtd_batch_keeps()).
 */
struct vtd_batch {
	struct call_form form; /* of a target's part */
	uint32_t first, taken, alike, read;
	_Alignas(16) le64 low[BATCH_DESCRIPTORS][2], high[BATCH_DESCRIPTORS][2];
	uint8_t kind[BATCH_DESCRIPTORS]; /* of those that are taken: type | fate << 4 */
};

/*
 * The invalidation that was taken last, and what others become that differ from it in the address only: the same entry
 * but for that, in the same tables. Tables that come or go, or a queue that moves, leave none.
 */
struct vtd_model {
	bool usable;
	bool stage2;      /* the address is one of second stages, of which other tables know nothing: they lose all */
	uint64_t desc[2]; /* qw0; qw1, of which */
	uint64_t fixed;   /* these bits must be the same. qw2 and qw3 are 0 */
	struct vtd_run run;
	uint64_t addr; /* bits of qw1 that are the entry's address */
	struct viq_vtd_s1_entry entry;
};

/* An event's registers: control with mask and pending bit, message data, message address. */
struct vtd_event {
	uint32_t ctl, data, addr, uaddr;
};

/* Registers as they are kept, and what GCMD has taken over from them. */
struct vtd_regs {
	uint32_t gsts;
	uint64_t rtaddr, rtaddr_used;
	uint64_t irta, irta_used;
	uint64_t ccmd, iva, iotlb;
	uint32_t fsts; /* without PPF */
	uint32_t ics;
	struct vtd_event fault_event, wait_event, page_event;
	uint64_t iqa, iqa_used;
	uint64_t iqh, iqt;
	uint64_t iqercd;
	uint64_t pqh, pqt, pqa;
	uint32_t prs;
	uint32_t fault_next;  /* the fault record to use next */
	uint32_t timed_out;   /* 1: a device-TLB descriptor timed out, and no wait descriptor was reached since */
	uint32_t timeout_sid; /* whose */
};

/* What the guest reads (guest/reg.h). */
struct vtd_shown {
	char *page;
	uint64_t own[VIQ_VTD_MMIO_SIZE / 8]; /* without config.page */
	uint32_t gsts;                       /* regs.gsts, once what GCMD set in motion is done */
};

/* The queue as GCMD.QIE took it over from IQA, and GCMD.SRTP the mode. */
struct vtd_queue {
	uint64_t base;
	uint32_t slots;
	uint32_t shift; /* log2 of a descriptor's size: 4 or 5 */
	uint32_t bad;   /* why nothing can be fetched, whatever IQT is: VIQ_VTD_IQEI_*, or 0 */
	bool scalable;  /* not legacy mode */
};

struct viq_vtd {
	struct viq_vtd_config config;
	struct viq_vtd_ops ops;
	struct vtd_offer offer;
	uint16_t domain_bits;       /* of a domain-id, by CAP.ND */
	uint64_t second_stage_bits; /* of ADDR; those above MGAW are ignored (6.5.2.3) */
	struct vtd_regs regs;
	struct vtd_shown shown;
	uint64_t frcd[VIQ_VTD_FRCD_MAX][2];
	struct vtd_queue queue; /* as vtd_invq_moved() was told */
	const le64 *ring;       /* its memory, which never moves (viq_mem_create(, NULL)), */
	uint32_t ring_slots;    /* as far as the base's region holds it */
	uint32_t head;          /* slot; while a run goes on. Between runs it is IQH */
	struct gate gate;
	struct host_wait wait;
	struct vtd_work work;
	bool tables_open;     /* in a hook that may attach and detach */
	bool requesting;      /* a page request is being written */
	struct budget budget; /* of this call */
	struct viq_vtd_counters counters;
	struct vtd_rule rules[VTD_TYPES];
	struct vtd_tables tables;
	struct vtd_model model;
	struct vtd_batch batch;
};

/* A register is changed: the guest sees this value now. */
static inline void vtd_show32(struct viq_vtd *s, uint64_t offset, uint32_t value)
{
	reg_show32(s->shown.page + offset, value);
}

static inline void vtd_show64(struct viq_vtd *s, uint64_t offset, uint64_t value)
{
	reg_show64(s->shown.page + offset, value);
}

/* --- fetch.c ------------------------------------------------------------------------------------------------------ */

/*
 * Copy up to limit descriptors from head on, which tail is not at, to the batch's free end. false: the memory of the
 * first is not there.
 */
bool vtd_fetch(struct viq_vtd *s, uint32_t tail, uint32_t limit);
/* Of the descriptors from head on that were read: the first that is not like the model. */
uint32_t vtd_alike(const struct viq_vtd *s);
/* --- invq.c: checking and routing descriptors --------------------------------------------------------------------- */

/* regs.iqa_used or rtaddr_used has changed. */
void vtd_invq_moved(struct viq_vtd *s, struct vtd_queue to);
/* Go on with what this call may still spend, which may be nothing; ask for a kick if work is left. */
void vtd_invq_doorbell(struct viq_vtd *s);
/* Is there work that could be done now, owed or in the queue? Between two accesses of the guest, when IQH is exact. */
bool vtd_invq_waits(const struct viq_vtd *s);
/* What it must know of registers: their meaning. May descriptors be fetched? Not while IQE or ITE is set (6.5.2.10). */
static inline bool vtd_queue_on(const struct viq_vtd *s)
{
	return (s->regs.gsts & VIQ_VTD_GSTS_QIES) && !(s->regs.fsts & (VIQ_VTD_FSTS_IQE | VIQ_VTD_FSTS_ITE));
}
static inline uint64_t vtd_iqt(const struct viq_vtd *s)
{
	return s->regs.iqt;
}
/* The slot of IQH. */
static inline uint32_t vtd_iqh(const struct viq_vtd *s)
{
	return (uint32_t)(s->regs.iqh >> s->queue.shift);
}
/* Slots as IQH and IQT show them. */
static inline uint32_t vtd_offset(const struct viq_vtd *s, uint32_t slot)
{
	return slot << s->queue.shift;
}
static inline uint32_t vtd_next(const struct viq_vtd *s, uint32_t slot, uint32_t count)
{
	return (slot + count) & (s->queue.slots - 1);
}

/* --- batch.c: what the hosts must confirm ------------------------------------------------------------------------- */

static inline bool vtd_batch_empty(const struct viq_vtd *s)
{
	return s->batch.first == s->batch.taken;
}
/* The descriptor at head, of this type, is consumed once it and all before it are confirmed; head moves behind it. */
void vtd_batch_add(struct viq_vtd *s, unsigned int type, uint8_t fate);
/*
 * The same with descriptors that are like the model, count of them or less: an entry of each for each of its tables,
 * which are VTD_SLATES at most. All but one plain command are charged. false: the run ends before them, there was no
 * room.
 */
bool vtd_batch_add_like(struct viq_vtd *s, uint32_t count);
/* The same of one, mostly for one table: without what more would need. */
bool vtd_batch_add_one(struct viq_vtd *s);
/* Give a target an entry of the descriptor that will be added next, unless its last one in the batch covers it. */
void vtd_batch_cover(struct viq_vtd *s, struct vtd_target *target, struct vtd_span span);
/* Have the hosts confirm the batch and move IQH to head. false: the queue stopped. */
bool vtd_batch_confirm(struct viq_vtd *s);
static inline bool vtd_batch_flush(struct viq_vtd *s)
{
	return vtd_batch_empty(s) || vtd_batch_confirm(s);
}
/* Have room for the next descriptor's entries in so many targets that have none. false: the run ends before it. */
static inline bool vtd_batch_room(struct viq_vtd *s, uint32_t targets)
{
	return targets <= s->tables.free_slates || (vtd_batch_flush(s) && s->budget.left);
}
void vtd_batch_init(struct viq_vtd *s);
/* Are lower halves of descriptors that are like the model wanted? Mostly an entry needs the address. */
static inline bool vtd_batch_keeps(const struct viq_vtd *s)
{
	return s->ops.trace || s->model.entry.npages != VIQ_VTD_S1_ALL;
}
/* Forget the batch: its descriptors will be read again. */
void vtd_batch_drop(struct viq_vtd *s);
/* The one at head, as model.run.count == 1, with nothing in the batch: consumed at once, after a call of its own. */
bool vtd_batch_straight(struct viq_vtd *s, uint64_t qw0, uint64_t qw1);
/* Have the target carry out the descriptor at head alone, with nothing in the batch. false: the queue stopped. */
bool vtd_batch_alone(struct viq_vtd *s, const uint64_t desc[4], struct vtd_target *t, struct vtd_span span, bool leaf,
		     bool stage2);
/* Have everything in the next target invalidated, outside the batch. Not confirmed: *sweep stays. false: there is none.
 */
bool vtd_batch_sweep(struct viq_vtd *s, struct vtd_sweep *sweep, struct viq_call_result *res);

/* --- stop.c: what the guest and the trace see of the queue -------------------------------------------------------- */

/* Set IQH, and let the guest see it: all that was done before has happened for it then. */
static inline void vtd_iqh_set(struct viq_vtd *s, uint32_t slot)
{
	s->regs.iqh = vtd_offset(s, slot);
	vtd_show64(s, VIQ_VTD_IQH, s->regs.iqh);
}
/* Stand at this slot, to go on reading there. The batch is dropped. */
void vtd_stand(struct viq_vtd *s, uint32_t slot);
/* Stop at the descriptor in this slot, with nothing before it unconfirmed: IQE. */
void vtd_stop_error(struct viq_vtd *s, uint32_t slot, uint32_t iqei, const uint64_t desc[4]);
/* The descriptor in this slot could not be done, which is not the guest's fault: wait there. */
void vtd_host_failed(struct viq_vtd *s, uint32_t slot, const uint64_t desc[4], const struct viq_call_result *res);
/* The same when a hook could not; false. */
bool vtd_hook_failed(struct viq_vtd *s, const uint64_t desc[4], int err);
void vtd_trace_hook(const struct viq_vtd *s, uint32_t slot, const uint64_t desc[4], uint8_t fate, uint8_t iqei);
static inline void vtd_trace(const struct viq_vtd *s, uint32_t slot, const uint64_t desc[4], uint8_t fate, uint8_t iqei)
{
	if (s->ops.trace)
		vtd_trace_hook(s, slot, desc, fate, iqei);
}

/* --- table.c: what the guest's numbers name ----------------------------------------------------------------------- */

static inline struct vtd_target *vtd_target_from(const struct viq_vtd *s, uint64_t key, uint64_t serial)
{
	return TREE_ENTRY(tree_from(&s->tables.targets, key, serial), struct vtd_target, node);
}
static inline struct vtd_target *vtd_target_of(struct tree_node *node)
{
	return TREE_ENTRY(node, struct vtd_target, node);
}
static inline struct vtd_attachment *vtd_attachment_of(struct tree_node *node)
{
	return TREE_ENTRY(node, struct vtd_attachment, node);
}
/* Go on to the next of a run. */
static inline void vtd_run_step(const struct tree *tree, struct vtd_run *run)
{
	run->first = --run->count ? tree_next(tree, run->first) : NULL;
}
struct vtd_run vtd_attachments_all(const struct viq_vtd *s);
/* A domain-id as the guest wrote it: bits above CAP.ND are ignored (6.5.2.2 to 6.5.2.4). */
static inline uint16_t vtd_domain(const struct viq_vtd *s, uint64_t did)
{
	return (uint16_t)(did & s->domain_bits);
}
struct vtd_sweep vtd_sweep_all(void);
struct vtd_sweep vtd_sweep_pasid(const struct viq_vtd *s, uint16_t domain_id, uint32_t pasid);
struct vtd_sweep vtd_sweep_domain(const struct viq_vtd *s, uint16_t domain_id);
/* All of a sweep that has not begun. */
struct vtd_run vtd_targets(const struct viq_vtd *s, struct vtd_sweep sweep);
/* The next target, which the sweep is behind then; NULL: none is left. */
struct vtd_target *vtd_sweep_next(const struct viq_vtd *s, struct vtd_sweep *sweep);
struct vtd_run vtd_attachments_of(const struct viq_vtd *s, uint16_t source_id);
/* One attachment of the target, as the embedder described it. */
const struct viq_vtd_table *vtd_table_of(const struct viq_vtd *s, const struct vtd_target *target);
void vtd_tables_free(struct viq_vtd *s);

/* --- devtlb.c ----------------------------------------------------------------------------------------------------- */

/* The descriptor at head. false: the queue stopped. */
bool vtd_devtlb(struct viq_vtd *s, const uint64_t desc[4], bool pasid_based);
/* The embedder hears that the device has not answered. */
void vtd_device_timeout(struct viq_vtd *s, uint16_t source_id);

/* --- fault.c ------------------------------------------------------------------------------------------------------ */

uint32_t vtd_frcd_count(const struct viq_vtd *s);
/* Where the records are in the register page. */
static inline uint64_t vtd_frcd_offset(const struct viq_vtd *s)
{
	return VIQ_GET(VIQ_VTD_CAP_FRO, s->config.cap) * VIQ_VTD_OFFSET_UNITS;
}
/* Change half a record. */
void vtd_frcd_set(struct viq_vtd *s, uint32_t n, uint32_t half, uint64_t value);
/* Is any record in use? That is FSTS.PPF. */
bool vtd_frcd_pending(const struct viq_vtd *s);
/* The guest writes the upper word of a record: F is RW1C. */
void vtd_frcd_clear(struct viq_vtd *s, uint32_t n, uint64_t value);

/* --- page.c ------------------------------------------------------------------------------------------------------- */

/* A page group response descriptor at head. false: the queue stopped. */
bool vtd_page_response(struct viq_vtd *s, const uint64_t desc[4]);

/* --- signal.c: error bits and interrupts -------------------------------------------------------------------------- */

/* FSTS without PPF, which is worked out anew: to be called, too, when F of a fault record has changed. */
void vtd_fsts_set(struct viq_vtd *s, uint32_t fsts);
/* Set IQE, ICE or ITE with what IQERCD says of it, unless it is set, and raise the fault event (7.3: if none was). */
void vtd_error(struct viq_vtd *s, uint32_t bit, uint64_t iqercd_mask, uint32_t value);
/* A bit of FSTS that raises the fault event was set while pending_before bits of them were. */
void vtd_fault_event(struct viq_vtd *s, bool pending_before);
/* PFO, PPF, IQE, ICE or ITE is set (7.3). */
bool vtd_fault_status(const struct viq_vtd *s);
/* Set a bit of PRS. The page request event is raised unless one was set (7.5). */
void vtd_page_event(struct viq_vtd *s, uint32_t bit);
/* A device timed out: a wait descriptor has been aborted for it, or none is left in the queue. */
void vtd_timeout_report(struct viq_vtd *s);
/* A wait descriptor has completed: what SW and IF ask for. */
void vtd_wait_signal(struct viq_vtd *s, uint64_t qw0, uint64_t qw1);
/* The guest has written a control register, or cleared status bits. */
void vtd_event_control(struct viq_vtd *s, struct vtd_event *event, uint32_t value);
void vtd_events_settle(struct viq_vtd *s);

/* --- work.c ------------------------------------------------------------------------------------------------------- */

/* Everything, before this returns. */
void vtd_work_restored(struct viq_vtd *s);
/* Begin or go on with that of the descriptor at head. 1: more is left, the run ends here; 0: done; else an error. */
int vtd_work_reconfig(struct viq_vtd *s, const struct viq_vtd_reconfig *what);
/* Of interrupt entries: those that are half done for this descriptor's may be more than some. */
int vtd_work_remap(struct viq_vtd *s, struct vtd_irtes its, struct vtd_irtes some);
/* Is nothing left to do for such a descriptor, because of one before it? */
bool vtd_work_covered(const struct viq_vtd *s, const struct viq_vtd_reconfig *what);
static inline bool vtd_irtes_within(struct vtd_irtes some, struct vtd_irtes all)
{
	return some.first >= all.first && some.end <= all.end;
}
/* What was done counts for descriptors up to here. */
static inline void vtd_work_over(struct viq_vtd *s)
{
	s->work.done.size = 0;
	s->work.done_irtes = (struct vtd_irtes){0, 0};
}
/* The guest may have queued more descriptors. */
static inline void vtd_work_queued(struct viq_vtd *s)
{
	vtd_work_over(s);
	s->work.early = false;
}
/* Does the descriptor at head concern so many tables that they are called one by one, or has that begun? */
bool vtd_work_is_alone(const struct viq_vtd *s, const uint64_t desc[4], uint32_t calls);
static inline bool vtd_work_alone(const struct viq_vtd *s, const uint64_t desc[4], uint32_t calls)
{
	return (calls > VTD_FEW_CALLS || s->work.at) && vtd_work_is_alone(s, desc, calls);
}
/* Begin that, unless it is half done. */
struct vtd_sweep *vtd_work_sweep(struct viq_vtd *s, const uint64_t desc[4], struct vtd_sweep all);
static inline void vtd_work_sweep_done(struct viq_vtd *s)
{
	s->work.alone_desc[0] = 0;
}
/* The queue may go on with another descriptor. */
void vtd_work_leave(struct viq_vtd *s);
/* The descriptor that is half done will be begun anew. */
void vtd_work_forget(struct viq_vtd *s);
/* For a register's write. */
void vtd_work_owe_reconfig(struct viq_vtd *s, struct viq_vtd_reconfig what);
void vtd_work_owe_remap(struct viq_vtd *s, enum viq_vtd_remap_cause cause);
void vtd_work_owe_iotlb(struct viq_vtd *s, struct vtd_sweep sweep);
/* Go on with what is owed. true: nothing is. */
bool vtd_work_pay(struct viq_vtd *s);
/* Is some of it left that could be done now? */
static inline bool vtd_work_left(const struct viq_vtd *s)
{
	uint32_t waiting = s->work.waiting;

	/* IOTLB comes after CCMD. */
	return s->work.owed & ~(waiting & VTD_OWED_RECONFIG ? waiting | VTD_OWED_IOTLB : waiting);
}

/* --- device.c ----------------------------------------------------------------------------------------------------- */

void vtd_reset(struct viq_vtd *s);
/* The queue as GCMD has taken it over from the registers, and what the mode says of it. */
struct vtd_queue vtd_queue_of(const struct viq_vtd *s);
/* A context-cache request in words of the hook (6.5.2.1). */
struct viq_vtd_reconfig vtd_context_scope(const struct viq_vtd *s, unsigned int granularity, uint16_t domain_id,
					  uint16_t source_id, unsigned int function_mask);

/* --- invreg.c: invalidation by registers -------------------------------------------------------------------------- */

/* The guest writes these. value: the whole register as written, fresh: the bits that this access wrote. */
void vtd_write_ccmd(struct viq_vtd *s, uint64_t value, uint64_t fresh);
void vtd_write_iotlb(struct viq_vtd *s, uint64_t value, uint64_t fresh);
void vtd_write_iva(struct viq_vtd *s, uint64_t value, uint64_t fresh);
/* Where IVA and IOTLB are in the register page. */
static inline uint64_t vtd_iro(const struct viq_vtd *s)
{
	return VIQ_GET(VIQ_VTD_ECAP_IRO, s->config.ecap) * VIQ_VTD_OFFSET_UNITS;
}

/* What they asked for is done, or could not be. Nothing happens if nothing was asked. */
void vtd_ccmd_done(struct viq_vtd *s, bool ok);
void vtd_iotlb_done(struct viq_vtd *s, bool ok);
/* What the registers will say then. */
void vtd_invreg_finish(struct vtd_regs *regs);

/* --- regs.c ------------------------------------------------------------------------------------------------------- */

/* These bits of GSTS show now what GCMD has made of them. */
void vtd_status_done(struct viq_vtd *s, uint32_t bits);
/* What was kept of this call happens, and the call is done. true: descriptors are left that ask for a kick. */
bool vtd_settle(struct viq_vtd *s);
/* A call of the embedder begins. false: inside another one. */
static inline bool vtd_enter(struct viq_vtd *s)
{
	if (!gate_enter(&s->gate))
		return false;
	s->budget.left = s->budget.write;
	return true;
}
void vtd_kick(struct viq_vtd *s);
/* It ends. Nothing of the object may be used after it. */
static inline void vtd_leave(struct viq_vtd *s)
{
	if (!s->gate.owed)
		s->gate.busy = false;
	else if (vtd_settle(s))
		vtd_kick(s);
}

void vtd_regs_reset(struct viq_vtd *s);
/* Show the guest no register at all, in the embedder's memory if there is any. */
void vtd_regs_init(struct viq_vtd *s);
/* All registers, one after the other: another thread reads the old or the new value of each. */
void vtd_regs_set(struct viq_vtd *s, const struct vtd_regs *regs, const uint64_t frcd[VIQ_VTD_FRCD_MAX][2]);
/* Could the guest have brought the registers to these values? Each has only bits that exist under this configuration.
 */
bool vtd_regs_ok(const struct viq_vtd *s, const struct vtd_regs *regs);
#define VTD_IQA_BITS (VIQ_VTD_IQA_IQA | VIQ_VTD_IQA_DW | VIQ_VTD_IQA_QS)
#define VTD_IVA_BITS (VIQ_VTD_IVA_ADDR | VIQ_VTD_IVA_IH | VIQ_VTD_IVA_AM)

/* --- config.c --------------------------------------------------------------------------------------------------- */

/* Take over the embedder's configuration and hooks, whatever version its structs have; own->ops is ops. */
int vtd_config_take(struct viq_vtd_config *own, struct viq_vtd_ops *ops, const struct viq_vtd_config *config,
		    struct viq_why *why);

#endif
