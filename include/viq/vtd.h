/* SPDX-License-Identifier: MIT */
/*
 * Guest-facing Intel VT-d: registers, invalidation queue, fault records, errors, interrupts.
 *
 * The embedder forwards the guest's accesses to the register page. viq reads the guest's invalidation queue, checks
 * every descriptor, sends those that concern nested page tables to these tables' hosts, in one array per table and
 * flush point, and answers the guest in the architecture's terms. What a guest does wrong is told to the guest, never
 * returned as an error here.
 *
 * The guest speaks of domain-ids, PASIDs and source-ids, hosts of nested page tables. The embedder says which is which:
 * viq_vtd_attach().
 *
 * One object is used by one thread at a time, but for viq_vtd_mmio_read(), which any thread may call at any time from
 * creation to destruction. It owns no thread, and allocates at creation and attachment only.
 *
 * The embedder's functions (ops, mem and hosts) are called from inside viq_vtd_mmio_write(), _run(), _fault(),
 * _page_request(), _reset() and _restore(), on the same thread. What they may call of the same object:
 *
 *   viq_vtd_mmio_read(), _fault(), _page_request(), _tables()   as at any time
 *   viq_vtd_mmio_write()   kept, and done when the outer call is done, in order, with what is left of its budget: the
 *                          guest may aim messages and memory writes at the unit's own registers. Beyond 8 in an outer
 *                          call they are lost (counters.writes_lost)
 *   viq_vtd_run()          does nothing and returns false; kick() follows if descriptors are left
 *   viq_vtd_reset()        done when the outer call is done, after the kept writes
 *   viq_vtd_attach(), _detach()   from reconfig() and remap(); -EBUSY elsewhere
 *   viq_vtd_save(), _restore()    -EBUSY
 *   viq_vtd_destroy()      must not be called
 *
 * kick() is called when all else is done, and may call everything but viq_vtd_destroy().
 *
 * What the guest did wrong is its error; what a host could not do is not: the queue waits (host_wait() below).
 */
#ifndef VIQ_VTD_H
#define VIQ_VTD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/call.h>
#include <viq/export.h>
#include <viq/mem.h>
#include <viq/vtd_host.h>
#include <viq/vtd_spec.h>
#include <viq/why.h>
#include <viq/work.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viq_vtd;

/* --- What a guest asks the embedder for -------------------------------------------------------------------------- */

/* Why interrupt remapping must be looked at again. */
enum viq_vtd_remap_cause {
	VIQ_VTD_IEC,         /* interrupt-entry cache descriptors: entries [first, first + count) */
	VIQ_VTD_REMAP_TABLE, /* GCMD.SIRTP: table taken over from IRTA. With CAP.ESIRTPS nothing cached may survive */
	VIQ_VTD_REMAP_STATE, /* GCMD.IRE or CFI changed */
	VIQ_VTD_REMAP_RESTORED,
};

/* What of it: first and count are 0 unless cause is IEC. */
struct viq_vtd_remap {
	uint32_t size;  /* sizeof(struct viq_vtd_remap) */
	uint32_t cause; /* enum viq_vtd_remap_cause */
	uint32_t first, count;
	struct viq_work work;
};

/* Fate of a descriptor, for viq_vtd_trace. */
enum viq_vtd_fate {
	VIQ_VTD_FATE_HOST,     /* sent to the hosts of one table at least, and confirmed by all */
	VIQ_VTD_FATE_LOCAL,    /* carried out through a hook: context-cache, PASID-cache, IEC, device-TLB */
	VIQ_VTD_FATE_NO_TABLE, /* concerns no attached table: consumed without effect */
	VIQ_VTD_FATE_WAIT,     /* a wait descriptor that completed */
	VIQ_VTD_FATE_ABORTED,  /* a wait descriptor that a device time-out aborted: ITE */
	VIQ_VTD_FATE_TIMEOUT,  /* a device-TLB descriptor whose device timed out: the next wait descriptor aborts */
	VIQ_VTD_FATE_ICE,      /* a device-TLB descriptor whose device answered wrongly */
	VIQ_VTD_FATE_ERROR,    /* the queue stopped here with IQE: see iqei */
	VIQ_VTD_FATE_RETRY, /* it stopped here with ITE after the embedder gave up: read again when that is cleared */
};

struct viq_vtd_trace {
	uint32_t size;
	uint32_t head;    /* byte offset in the queue, as IQH shows it */
	uint64_t desc[4]; /* the private copy, CPU byte order; 0 if unread (IQEI 1, 2, 5 to 7); 128 bits: qw2 = qw3 = 0
			   */
	uint8_t fate;     /* enum viq_vtd_fate */
	uint8_t iqei;     /* with FATE_ERROR: VIQ_VTD_IQEI_* */
	uint8_t reserved[6];
};

/* All members but size are optional (NULL). opaque is viq_vtd_config.opaque. */
struct viq_vtd_ops {
	uint32_t size; /* sizeof(struct viq_vtd_ops) */
	/*
	 * An interrupt message of the unit itself: a 32-bit write, usually into [VIQ_VTD_MSI_FIRST, VIQ_VTD_MSI_LAST].
	 * Not subject to interrupt remapping. State is visible in the registers before this is called.
	 */
	void (*msi)(void *opaque, uint64_t addr, uint32_t data);
	/*
	 * Devices may have to be configured differently: read the guest's context and PASID entries again (see
	 * viq_vtd_tables()), attach, replace, detach. Everything queued before the descriptor has taken effect when
	 * this is called. A descriptor like the last one done, or behind one of its type for everything, makes no
	 * further call if IQT has not been written since, and no wait descriptor was between: the guest had written its
	 * tables before. It may be left and taken up again (<viq/work.h>): the guest sees the descriptor, or what its
	 * register write set in motion, completed when all is done, and the queue waits for it. what->work is all that
	 * the front end keeps of it: a new cause, or a restored state, begins anew.
	 * Returns 1: more is left; 0: done; a negative errno if it could not be done now: for a descriptor the queue
	 * then waits at it, or CCMD, see host_wait(); GCMD has no way back to the guest and ignores the result, so the
	 * embedder must block the devices. With work.budget 0 (RESTORED) it does all.
	 */
	int (*reconfig)(void *opaque, struct viq_vtd_reconfig *what);
	/*
	 * The same for interrupt remapping, which is the embedder's. Descriptors that follow each other and whose
	 * entries touch make one call for all of these.
	 */
	int (*remap)(void *opaque, struct viq_vtd_remap *what);
	/*
	 * Invalidate a device's TLB: for a device that has a table without VIQ_VTD_DEVTLB_IMPLIED among those that the
	 * descriptor names, or no such table at all. Called in queue order: everything before has taken effect.
	 * 0: done, or there is nothing to do. -ETIMEDOUT: the device did not answer: the guest sees FSTS.ITE with its
	 * source-id, the next wait descriptor aborts, and the invalidation is the guest's to repeat. -EIO: the device
	 * answered wrongly: FSTS.ICE at once, and the same, as the right answer does not come. Other errors: not done
	 * now, the queue waits, see host_wait(). Must be there if ECAP.DT = 1.
	 */
	int (*devtlb)(void *opaque, const struct viq_vtd_devtlb *inv);
	/*
	 * The budget of an MMIO write ended before its work did: call viq_vtd_run() soon, from the event loop or a
	 * worker. Every host call is charged and a device's time-out ends a write, so this happens under any budget but
	 * VIQ_WORK_UNLIMITED, and under that after a time-out; under VIQ_VTD_DEFER after every write that leaves work.
	 * viq_vtd_run() calls it before it returns, if the queue waits for a host and there is no host_wait(): do not
	 * overwrite a flag that is set here with its result. NULL: budget must be 0 or VIQ_WORK_UNLIMITED, and then a
	 * write does all its work, whatever it takes.
	 */
	void (*kick)(void *opaque);
	/*
	 * An invalidate call on a table failed: for the VMM's log and its decisions. Never the guest's fault alone:
	 * every entry was made from a legal descriptor. table is as attached. A table that is gone for good must be
	 * detached, but not from here; until then a guest that needs it makes no progress.
	 */
	void (*host_error)(void *opaque, const struct viq_vtd_table *table, const struct viq_call_result *result);
	/* One call for each descriptor that leaves the queue or stops it, in queue order. Costs time. */
	void (*trace)(void *opaque, const struct viq_vtd_trace *trace);
	/*
	 * A host, or a hook, could not do what a descriptor needs (no memory, busy, gone, ...), which is not the
	 * guest's fault. The queue waits at that descriptor, and the guest sees no error. result: why; times: attempts
	 * in a row that ended there. A write of the guest makes no further one.
	 * Returns 0: viq_vtd_run() will be called, later, to try again. Positive: give up: the guest gets ITE at the
	 * descriptor (see below), has it read again by clearing that, and this is called again if it fails again. With
	 * ECAP.DT = 0 there is no such error: the guest sees a queue that stands still, and each write of IQT tries.
	 * CCMD and IOTLB wait likewise, busy; given up they say that nothing was done (CAIG, IAIG = 0).
	 * NULL: kick() is called when the write or viq_vtd_run() is done; what giving up does happens if there is no
	 * kick(), or if it is kick() that calls viq_vtd_run(): then nobody would try again.
	 */
	int (*host_wait)(void *opaque, const struct viq_call_result *result, uint64_t times);
	/*
	 * The device with this source-id has not answered an invalidation of its TLB, or wrongly: devtlb() said so, or
	 * the host of one of its tables with VIQ_VTD_DEVTLB_IMPLIED, which the queue then waits for. Of several devices
	 * behind such a table it is one, and this is called for each. Isolate it: later, when viq_vtd_run() or the
	 * write has returned, by viq_nest_vtd_block() or its like, which has its tables detached (a blocked device
	 * holds nothing), then run the queue.
	 */
	void (*device_timeout)(void *opaque, uint32_t sid);
	/*
	 * A wait descriptor, or a request by the IOTLB register, is about to complete: viq_vtd_fault() of what hosts
	 * have refused before; for viq_nest_vtd_sync(). Returns what it has cost, in faults.
	 */
	uint32_t (*sync)(void *opaque);
	/*
	 * Hand a device the answer to one of its groups of page requests: the guest's (page group response descriptor,
	 * 7.6.1), in queue order, with all before it in effect; or the unit's own, to a request that found no room or
	 * no page request queue. Whether the device has such a group is not known here: it discards what it does not
	 * wait for (7.9).
	 * 0: done, or there is no such device. A negative errno: not now; the queue waits at the guest's, see
	 * host_wait(); of the unit's own it is ignored, so a VMM keeps such an answer itself. Must be there if ECAP.PRS
	 * = 1. A device that asks again on its answer does so when this has returned: an answer that is given at once
	 * comes from within viq_vtd_page_request(), and the one to that from deeper still.
	 */
	int (*page_response)(void *opaque, const struct viq_vtd_page_response *response);
};

/*
 * How the guest is told of a host's failure:
 *
 *   one entry illegal, and exactly which   FSTS.IQE, IQEI = 4, IQH at the descriptor: its fields are not acceptable
 *   anything else: time-out of a table,    nothing: IQH at the first descriptor that did not take effect everywhere,
 *   no memory, table gone, imprecise       until viq_vtd_run() succeeds. If the embedder gives up: FSTS.ITE, ITESID = 0
 *   answer, failed hook                    (not told); clearing ITE makes viq read it again: a retry
 *
 * The second kind is not the guest's fault, and VT-d has no code for it. IQE would be wrong: a driver answers it by
 * overwriting the descriptor at IQH (Linux does), and a valid invalidation would be lost. ITE is the error that a
 * driver answers by clearing it and going on with what was not fetched yet; since nothing from IQH on counts as
 * fetched, nothing has to be aborted, and no wait descriptor completes before the invalidations are confirmed. But
 * Linux 5.8 to its fix of March 2026 may loop for ever at any ITE, which is why it is the last resort. With ECAP.DT = 0
 * ITE is reserved (11.4.7.1). What several tables answer is brought back to queue order: what counts is the first
 * descriptor that failed anywhere.
 */

/* --- Life --------------------------------------------------------------------------------------------------------- */

/*
 * A config.budget: no write consumes anything of the queue, nor does what GCMD, CCMD and IOTLB ask for. One that leaves
 * work calls kick(), which must be there, and viq_vtd_run() does all of it, on whatever thread.
 */
#define VIQ_VTD_DEFER 0xffffffffu

struct viq_vtd_config {
	uint32_t size;    /* sizeof(struct viq_vtd_config) */
	uint32_t version; /* VER: 0x10 is 1.0, 0x40 is 4.0 */
	/* As the guest will see them. See viq_vtd_config_check(). */
	uint64_t cap, ecap;
	/*
	 * What one MMIO write may cost, in descriptors; one that concerns n tables counts as n, what reconfig() and
	 * remap() say that they cost counts too, and each host call and call of devtlb() VIQ_WORK_CALL, whatever it is
	 * made for. A device's time-out ends the write. 0: VIQ_WORK_BUDGET; VIQ_VTD_DEFER: nothing. Without ops.kick 0,
	 * or VIQ_WORK_UNLIMITED, which is the same then: no end.
	 */
	uint32_t budget;
	uint32_t reserved;             /* 0 */
	const struct viq_mem *mem;     /* the guest's memory; must outlive the object */
	const struct viq_vtd_ops *ops; /* copied; NULL: no hooks */
	void *opaque;
	/*
	 * NULL, or VIQ_VTD_MMIO_SIZE bytes at a multiple of 4096: an image of the register page that a guest may read
	 * without an exit. Each aligned word of 4 or 8 bytes is always what viq_vtd_mmio_read() answers there, and is
	 * stored with the same order. Created zeroed and in reset state, so it must not be mapped yet then, and must
	 * outlive the object. The guest must not be able to write it: viq takes nothing from it but the answers of
	 * viq_vtd_mmio_read().
	 */
	void *page;
};

/*
 * Fill *config with a sane default for nested use: scalable mode with first-stage tables (4 levels, 1 GiB pages),
 * 20-bit PASIDs, 65536 domains, caching mode (CAP.CM = 1), page-selective invalidation, one fault record, no
 * device-TLBs, no interrupt remapping. The caller sets mem, ops and what its host offers more.
 *
 * CAP.CM = 1 is what makes nesting work: with CM = 0 a guest sends no invalidation when it makes a context or PASID
 * entry present, so nothing would tell the embedder to attach. Only the software host finds that out itself.
 */
VIQ_EXPORT void viq_vtd_config_init(struct viq_vtd_config *config, size_t size);

/*
 * Does the configuration contradict the architecture or itself, or name a feature that this library does not offer
 * (advanced fault log, memory types, ...)? Returns: 0; -EINVAL,
 * -E2BIG: with *why naming the member or field. Context: any thread.
 */
VIQ_EXPORT int viq_vtd_config_check(const struct viq_vtd_config *config, struct viq_why *why);

/*
 * Create, in reset state, with no table attached. config and its ops are copied; mem and opaque are kept as pointers.
 * *out is the caller's, for viq_vtd_destroy(). Returns: 0; -EINVAL, -E2BIG: as viq_vtd_config_check(); -ENOMEM.
 * Context: any thread.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_vtd_create(const struct viq_vtd_config *config, struct viq_vtd **out,
					     struct viq_why *why);
VIQ_EXPORT void viq_vtd_destroy(struct viq_vtd *vtd); /* NULL is allowed; makes no host call */

/*
 * Another config.budget, from the next write on; VIQ_VTD_DEFER, and no viq_vtd_run(), is a unit that hangs. What waits
 * then is run by the next viq_vtd_run(). Returns: 0; -EINVAL: NULL, or it needs ops.kick. Context: the thread that owns
 * the object.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_vtd_set_budget(struct viq_vtd *vtd, uint32_t budget);

/*
 * Back to the state of creation, except for counters and attached tables; reconfig(RESTORED) and remap(RESTORED) are
 * called.
 */
VIQ_EXPORT void viq_vtd_reset(struct viq_vtd *vtd);

/* --- Tables ------------------------------------------------------------------------------------------------------- */

/*
 * From now on invalidations for this key go to this table. The same host object may be attached for several devices:
 * under the same domain_id and pasid it gets each entry once. A host must have nothing cached that is older than the
 * attachment. *handle names the attachment; it is never 0.
 * Returns: 0; -EINVAL: NULL, a wrong size, an unknown flag, a domain-id beyond CAP.ND, a PASID beyond 20 bits, not a
 * host; -ENOMEM; -EBUSY: called from a hook that may not (see above). Context: the thread that owns the object.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_vtd_attach(struct viq_vtd *vtd, const struct viq_vtd_table *table, uint32_t *handle);
/* The table can hold nothing of this device any more. Returns: 0; -ENOENT: no such attachment; the rest as above. */
VIQ_EXPORT int viq_vtd_detach(struct viq_vtd *vtd, uint32_t handle);

/* The guest's tables as they are used now. Returns: 0; -EINVAL: NULL or a wrong size. */
VIQ_EXPORT int viq_vtd_tables(const struct viq_vtd *vtd, struct viq_vtd_tables *tables);

/* What the guest is told: config.cap and config.ecap. Either may be NULL. */
VIQ_EXPORT void viq_vtd_caps(const struct viq_vtd *vtd, uint64_t *cap, uint64_t *ecap);

/* --- The guest at work -------------------------------------------------------------------------------------------- */

/*
 * The guest reads or writes size bytes at offset of the register page. Any offset and size is legal: what the
 * architecture does not define reads 0 and ignores writes. A write may consume descriptors (see config.budget).
 *
 * A read has no side effect, takes no lock and waits for nobody, whatever another thread does with the object. It loads
 * a register whole, 64 bits too, and acquires: who sees IQH behind a wait descriptor, an error in FSTS or a fault
 * record's F sees all that was done before. GSTS, CCMD.ICC and IOTLB.IVT change when what they stand for is done.
 * During viq_vtd_reset() and _restore() each register reads its old or its new value, and several need not match.
 */
VIQ_EXPORT uint64_t viq_vtd_mmio_read(const struct viq_vtd *vtd, uint64_t offset, unsigned int size);
VIQ_EXPORT void viq_vtd_mmio_write(struct viq_vtd *vtd, uint64_t offset, unsigned int size, uint64_t value);

/*
 * Go on with what a register's write has left and with the queue, for at most budget (0: VIQ_WORK_BUDGET), as
 * config.budget counts. Returns: true if work is left that could be done now; kick() is not called for it. false also
 * if the queue waits for a host. Context: the thread that owns the object.
 */
VIQ_EXPORT bool viq_vtd_run(struct viq_vtd *vtd, uint32_t budget);

/*
 * Does the queue wait for a host? Then viq_vtd_run() makes one attempt, which takes a while to be of use: call it after
 * some time, not at once. Returns: attempts in a row that failed, 0: it does not wait. Context: as above.
 */
VIQ_EXPORT uint64_t viq_vtd_waits_for_host(const struct viq_vtd *vtd);

/*
 * Record a fault (VIQ_VTD_FRCD_*, in CPU byte order; F is set here, reserved bits are cleared).
 * Returns: 0: recorded; -ENOSPC: the next record is in use, or was when an earlier fault was lost and the guest has not
 * cleared PFO since: the fault is lost, FSTS.PFO is set; -EINVAL: NULL. Context: the thread that owns the object.
 */
VIQ_EXPORT int viq_vtd_fault(struct viq_vtd *vtd, const uint64_t record[2]);
/* count faults were lost before they came here: FSTS.PFO is set, as when the next record is in use (7.2.1). */
VIQ_EXPORT void viq_vtd_fault_lost(struct viq_vtd *vtd, uint64_t count);

/*
 * A device asks for a page (7.4.1): the request goes to the guest's page request queue, and the guest is told (PRS,
 * page request event). What the guest's tables say of the device must have been looked at (Table 30): hosts do that.
 * Accesses are not touched: translations cached for the page are the host's to drop (6.5.3.1).
 * Returns: 0: the guest has it. -ENOSPC: no room, or a request was lost before and the guest has not cleared PRO since:
 * this one is lost too, and PRO set. -ENODEV: translation is off, or not in scalable mode: no guest can have enabled
 * it. In both cases the last request of a group is answered, by ops.page_response() before this returns: with success
 * (Table 31), so that the device tries again, or as invalid. -ENOTSUP: ECAP.PRS = 0, and as invalid if there is
 * that hook. -EINVAL: nothing happens.
 * Context: the thread that owns the object.
 */
VIQ_EXPORT int viq_vtd_page_request(struct viq_vtd *vtd, const struct viq_vtd_page_request *request);
/* count requests, none the last of its group or all answered, were lost before they came here: PRS.PRO is set. */
VIQ_EXPORT void viq_vtd_page_requests_lost(struct viq_vtd *vtd, uint64_t count);

/* --- Freeze and thaw ---------------------------------------------------------------------------------------------- */

/* The newest version of the format (docs/save-format.md), which viq_vtd_save() writes. */
#define VIQ_VTD_SAVE_VERSION 2

/* Bytes that viq_vtd_save() writes; constant. */
VIQ_EXPORT size_t viq_vtd_save_size(const struct viq_vtd *vtd);
/* Write the state: versioned, for any machine. *len: bytes of buf in, bytes written out. -ENOSPC: too small. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_vtd_save(const struct viq_vtd *vtd, void *buf, size_t *len);
/*
 * As viq_vtd_save() in this version of the format, for a library that is older; no version needs more bytes than the
 * newest. -ENOTSUP: no such version, or it cannot hold this state.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_vtd_save_as(const struct viq_vtd *vtd, uint32_t version, void *buf, size_t *len);
/*
 * Take over a saved state; attached tables are not part of it. Then reconfig(RESTORED) and remap(RESTORED) are called
 * (a new host has nothing cached and nothing attached), and kick() if descriptors wait. -EINVAL, and nothing changed:
 * not a saved state, damaged, or VER, CAP or ECAP differ from this object's. -ENOTSUP, and nothing changed: a newer
 * format version.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_vtd_restore(struct viq_vtd *vtd, const void *buf, size_t len);

/* --- Looking in --------------------------------------------------------------------------------------------------- */

/* Every member is a uint64_t, or an array of them. */
struct viq_vtd_counters {
	uint64_t descriptors[16];                 /* consumed, by type */
	uint64_t iqe[16];                         /* queue stops with IQE, by VIQ_VTD_IQEI_* */
	uint64_t retries;                         /* queue stops with ITE after the embedder gave up */
	uint64_t timeouts;                        /* device-TLB descriptors that timed out, or had a wrong answer */
	uint64_t aborted;                         /* wait descriptors that did not complete for that */
	uint64_t ice;                             /* device-TLB descriptors that were answered wrongly */
	uint64_t doorbells;                       /* writes of IQT */
	uint64_t runs;                            /* times that consumption started with work to do */
	uint64_t calls;                           /* invalidate calls */
	uint64_t host_calls;                      /* host calls that these took, culprit hunts included */
	uint64_t entries;                         /* entries confirmed by hosts */
	uint64_t call_errors[VIQ_CALL_ERROR_MAX]; /* by enum viq_call_error */
	uint64_t no_table;                        /* invalidations that concerned no table */
	uint64_t status_lost;                     /* status writes to where there is no memory */
	uint64_t faults;                          /* recorded */
	uint64_t faults_lost;
	uint64_t budget_ends;        /* runs that ended with work left */
	uint64_t writes_lost;        /* register writes from callbacks, beyond 8 in a call */
	uint64_t host_waits;         /* attempts that ended with the queue waiting for a host */
	uint64_t page_requests;      /* that reached the guest's queue */
	uint64_t page_requests_lost; /* that found no room, or no queue; and those that hosts have lost */
	uint64_t page_responses;     /* of the unit's own; those of the guest's are descriptors[9] */
};

/*
 * A snapshot since creation. size: sizeof(*out); members that this library does not count are 0. Returns: 0; -EINVAL:
 * NULL, or size is no multiple of 8. Context: the thread that the object belongs to.
 */
VIQ_EXPORT int viq_vtd_counters(const struct viq_vtd *vtd, struct viq_vtd_counters *out, size_t size);
/*
 * Add every number of *more to that of *total: for what several objects did one after the other (a saved state carries
 * no counters). size: sizeof() of both. NULL: nothing happens.
 */
VIQ_EXPORT void viq_vtd_counters_add(struct viq_vtd_counters *total, const struct viq_vtd_counters *more, size_t size);

/* Bytes of memory the object takes, itself and its tables included; changes at attachment only. */
VIQ_EXPORT size_t viq_vtd_footprint(const struct viq_vtd *vtd);

/* --- Descriptors as text ------------------------------------------------------------------------------------------ */

/* desc: qw0 to qw3 of the descriptor in CPU byte order, as viq_mem_read_words() reads them from the queue. */

/* "iotlb", "pasid-iotlb", "wait", ...; NULL for an invalid type. */
VIQ_EXPORT const char *viq_vtd_descriptor_name(const uint64_t desc[4]);

/*
 * One line in the architecture's words: name, every field by name, and, marked with '!', each field or bit that CAP and
 * ECAP make illegal, with the reason. config NULL: every feature allowed. Always terminated; returns the length that
 * the whole line has (as snprintf()).
 */
VIQ_EXPORT int viq_vtd_descriptor_text(const uint64_t desc[4], const struct viq_vtd_config *config, char *buf,
				       size_t len);

/*
 * What a queue of descriptors of width bits (128 or 256) answers to this one: 0 if it is legal, else VIQ_VTD_IQEI_*.
 * With 128 bits qw2 and qw3 are not looked at. A queue of 256 bits is taken to be in scalable mode: in legacy mode
 * types 6 and above are VIQ_VTD_IQEI_TYPE there too (Table 26).
 */
VIQ_EXPORT unsigned int viq_vtd_descriptor_check(const uint64_t desc[4], unsigned int width,
						 const struct viq_vtd_config *config);

/* "invalid descriptor type", "root entry not present", ...; NULL if the architecture has no such code. */
VIQ_EXPORT const char *viq_vtd_iqei_name(unsigned int iqei);
VIQ_EXPORT const char *viq_vtd_fault_name(unsigned int reason);

#ifdef __cplusplus
}
#endif
#endif
