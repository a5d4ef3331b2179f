/* SPDX-License-Identifier: MIT */
/*
 * Guest-facing Arm SMMUv3 (stage 1, where the host has it stage 2, Non-secure): registers, command queue, event queue,
 * errors, interrupts.
 *
 * The embedder forwards the guest's accesses to the two 64 KiB register pages. viq reads the guest's command queue,
 * checks every command, sends those that concern host IOMMUs there in one array per flush point, and answers the guest
 * in the architecture's terms (IHI 0070). What a guest does wrong is told to the guest, never returned as an error
 * here.
 *
 * One object is used by one thread at a time, but for viq_smmuv3_mmio_read(), which any thread may call at any time
 * from creation to destruction. It owns no thread and allocates nothing after creation.
 *
 * The embedder's functions (ops, mem and host) are called from inside viq_smmuv3_mmio_write(), _run(), _event(),
 * _page_request(), _reset() and _restore(), on the same thread. What they may call of the same object:
 *
 *   viq_smmuv3_mmio_read(), _event(), _page_request(), _stream_config()   as at any time
 *   viq_smmuv3_mmio_write()   kept, and done when the outer call is done, in order, with what is left of its budget:
 *                             the guest may aim MSIs and memory writes at the unit's own registers. Beyond 8 in an
 *                             outer call they are lost (counters.writes_lost)
 *   viq_smmuv3_run()          does nothing and returns false; kick() follows if commands are left
 *   viq_smmuv3_reset()        done when the outer call is done, after the kept writes
 *   viq_smmuv3_save(), _restore()   -EBUSY
 *   viq_smmuv3_destroy()      must not be called
 *
 * kick() is called when all else is done, and may call everything but viq_smmuv3_destroy().
 *
 * What the guest did wrong is its error; what the host could not do is not: the queue waits (host_wait() below).
 */
#ifndef VIQ_SMMUV3_H
#define VIQ_SMMUV3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/call.h>
#include <viq/export.h>
#include <viq/mem.h>
#include <viq/smmuv3_host.h>
#include <viq/smmuv3_spec.h>
#include <viq/why.h>
#include <viq/work.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viq_smmuv3;

/* --- What a guest asks the embedder for --------------------------------------------------------------------------- */

/* Wired interrupts; all are pulses (3.18). */
enum viq_smmuv3_irq {
	VIQ_SMMUV3_IRQ_EVENTQ,
	VIQ_SMMUV3_IRQ_GERROR,
	VIQ_SMMUV3_IRQ_CMD_SYNC,
	VIQ_SMMUV3_IRQ_PRIQ,
};

/* Why streams must be configured again. */
enum viq_smmuv3_reconfig_cause {
	VIQ_SMMUV3_CFGI_STE,     /* CFGI_STE, CFGI_STE_RANGE, CFGI_ALL */
	VIQ_SMMUV3_ENABLED,      /* CR0.SMMUEN 0 to 1 */
	VIQ_SMMUV3_DISABLED,     /* CR0.SMMUEN 1 to 0: GBPA rules now */
	VIQ_SMMUV3_GBPA_CHANGED, /* while SMMUEN = 0 */
	VIQ_SMMUV3_RESTORED,     /* viq_smmuv3_restore() or _reset() */
};

/* Streams that must be configured again. */
struct viq_smmuv3_reconfig {
	uint32_t size;        /* sizeof(struct viq_smmuv3_reconfig) */
	uint32_t cause;       /* enum viq_smmuv3_reconfig_cause */
	uint32_t first, last; /* StreamIDs */
	struct viq_work work;
};

/* A page that a device asks for (chapter 8). Requests of one group have the same StreamID, SubstreamID and prgi. */
struct viq_smmuv3_page_request {
	uint32_t size; /* sizeof(struct viq_smmuv3_page_request) */
	uint32_t sid;
	uint32_t ssid; /* below 2^20; without ssv not looked at */
	uint16_t prgi; /* group, below 2^VIQ_SMMUV3_PRG_BITS */
	bool ssv;
	bool last; /* of its group: this one is answered, unless it is a stop marker: ssv, no read, no write */
	bool read, write, exec; /* exec: with ssv only */
	bool priv;              /* with ssv only */
	uint8_t reserved[4];
	uint64_t addr; /* of the page; bits 11:0 are not looked at */
};

/* The answer to a group. */
struct viq_smmuv3_page_response {
	uint32_t size;
	uint32_t sid;
	uint32_t ssid; /* 0 without ssv */
	uint16_t prgi;
	bool ssv;
	uint8_t code; /* VIQ_SMMUV3_PRG_* */
};

/* Fate of a command, for viq_smmuv3_trace. */
enum viq_smmuv3_fate {
	VIQ_SMMUV3_FATE_HOST,      /* sent to the host, which confirmed it */
	VIQ_SMMUV3_FATE_LOCAL,     /* carried out here: CFGI_STE*, prefetch, ... */
	VIQ_SMMUV3_FATE_NO_STREAM, /* names a stream that no host knows: consumed without effect */
	VIQ_SMMUV3_FATE_SYNC,      /* a CMD_SYNC that completed */
	VIQ_SMMUV3_FATE_ERROR,     /* the queue stopped here: see cerror */
	VIQ_SMMUV3_FATE_RETAINED,  /* an ATC_INV of a device that timed out: kept, until a CMD_SYNC needs it */
};

struct viq_smmuv3_trace {
	uint32_t size;
	uint32_t index; /* the command's queue index with its wrap flag, as CMDQ_CONS.RD shows it */
	/*
	 * The private copy, in CPU byte order, without bits that mean nothing under the ID registers; zero if unread
	 * (CERROR_ABT).
	 */
	uint64_t cmd[2];
	uint8_t fate;   /* enum viq_smmuv3_fate */
	uint8_t cerror; /* with FATE_ERROR: VIQ_SMMUV3_CERROR_* */
	uint8_t reserved[6];
};

/* All members but size are optional (NULL). opaque is viq_smmuv3_config.opaque. */
struct viq_smmuv3_ops {
	uint32_t size; /* sizeof(struct viq_smmuv3_ops) */
	/* Pulse a wired interrupt. State is visible in the registers before this is called. */
	void (*irq)(void *opaque, enum viq_smmuv3_irq which);
	/*
	 * Deliver an MSI: a 32-bit write whose address no memory region holds (one in a region is simply written there,
	 * as Linux's polled CMD_SYNC expects). Returns 0, or negative if nothing is at that address: the guest then
	 * sees GERROR.MSI_*_ABT_ERR. NULL: nothing is.
	 */
	int (*msi)(void *opaque, uint64_t addr, uint32_t data);
	/*
	 * The configuration of streams [first, last] may have changed: for each device behind one of them, ask
	 * viq_smmuv3_stream_config() and set the host up; context descriptors of these streams must be read again even
	 * if the answer is as before (4.3). Everything queued before the command has taken effect when this is called.
	 * A command for streams in the range that was configured last (adjacent commands are one range), since
	 * CMDQ_PROD was written and since the last CMD_SYNC, makes no further call: the guest had written its tables
	 * before.
	 * It may be left and taken up again (<viq/work.h>): the guest sees the command, or what its register write set
	 * in motion, completed when all is done, and the queue waits for it. what->work is all that the front end keeps
	 * of it: a new cause, or a restored state, begins anew.
	 * Returns 1: more is left; 0: done; a negative errno if it could not be done now: for a command the queue then
	 * waits at it, see host_wait(); other causes have no way back to the guest and ignore the result, so the
	 * embedder must make the streams abort. With work.budget 0 (RESTORED) it does all.
	 */
	int (*reconfig)(void *opaque, struct viq_smmuv3_reconfig *what);
	/*
	 * The budget of an MMIO write ended before its work did: call viq_smmuv3_run() soon, from the event loop or a
	 * worker. Every host call is charged and a device's time-out ends a write, so this happens under any budget but
	 * VIQ_WORK_UNLIMITED, and under that after a time-out; under VIQ_SMMUV3_DEFER after every write that leaves
	 * work. viq_smmuv3_run() calls it before it returns, if the queue waits for the host and there is no
	 * host_wait(): do not overwrite a flag that is set here with its result. NULL: budget must be 0 or
	 * VIQ_WORK_UNLIMITED, and then a write does all its work, whatever it takes.
	 */
	void (*kick)(void *opaque);
	/*
	 * An invalidate call failed: for the VMM's log and its decisions. Never the guest's fault alone: every entry
	 * was legal by the guest's ID registers. VIQ_CALL_ILLEGAL means that the host offers less than they promise.
	 */
	void (*host_error)(void *opaque, const struct viq_call_result *result);
	/* One call for each command that leaves the queue or stops it, in queue order. Costs time. */
	void (*trace)(void *opaque, const struct viq_smmuv3_trace *trace);
	/*
	 * The host, or reconfig(), could not do what a command needs (no memory, busy, gone, ...), which is not the
	 * guest's fault. The queue waits at that command, and the guest sees no error. result: why; times: attempts in
	 * a row that ended there. A write of the guest makes no further one.
	 * Returns 0: viq_smmuv3_run() will be called, later, to try again. Positive: give up: the guest gets CERROR_ABT
	 * at the command, has it read again by acknowledging that, and this is called again if it fails again.
	 * NULL: kick() is called when the write or viq_smmuv3_run() is done; the guest gets CERROR_ABT if there is no
	 * kick(), or if it is kick() that calls viq_smmuv3_run(): then nobody would try again.
	 */
	int (*host_wait)(void *opaque, const struct viq_call_result *result, uint64_t times);
	/*
	 * The device behind a StreamID has not answered an ATC_INV. Its ATC_INVs are kept aside, so that other commands
	 * go on, but no CMD_SYNC completes before it has answered, or cannot use its ATC any more: each attempt costs a
	 * time-out, and the guest sees CERROR_ATC_INV_SYNC. Isolate it (3.9.1.4): remove it, or make its stream abort,
	 * viq_nest_smmuv3_block() from here or later. What is kept is dropped when the host says by
	 * viq_call_stream() that it has no device with an ATC there. If one call has ATC_INVs for several devices, only
	 * a further attempt tells which it was.
	 */
	void (*device_timeout)(void *opaque, uint32_t sid);
	/*
	 * A CMD_SYNC is about to complete: viq_smmuv3_event() of what hosts have terminated before (4.7.3); for
	 * viq_nest_smmuv3_sync(). Returns what it has cost, in events.
	 */
	uint32_t (*sync)(void *opaque);
	/*
	 * Hand a device the answer to one of its groups of page requests: the guest's (CMD_PRI_RESP, 4.5.2), in queue
	 * order, with all before it in effect; or the SMMU's own (8.1, 8.2). Whether the device has such a group is not
	 * known here: it discards what it does not wait for.
	 * 0: done, or there is no such device. A negative errno: not now; the queue waits at the guest's, see
	 * host_wait(); of the SMMU's own it is ignored, so a VMM keeps such an answer itself. Must be there if IDR0.PRI
	 * = 1. A device that asks again on its answer does so when this has returned: an answer that is given at once
	 * comes from within viq_smmuv3_page_request(), and the one to that from deeper still.
	 */
	int (*page_response)(void *opaque, const struct viq_smmuv3_page_response *response);
};

/* --- Life --------------------------------------------------------------------------------------------------------- */

/*
 * A config.budget: no write consumes anything, or configures a stream. One that leaves work calls kick(), which must be
 * there, and viq_smmuv3_run() does all of it, on whatever thread.
 */
#define VIQ_SMMUV3_DEFER 0xffffffffu

struct viq_smmuv3_config {
	uint32_t size; /* sizeof(struct viq_smmuv3_config) */
	/* ID registers as the guest will see them. See viq_smmuv3_config_check(). IDR2 and IDR4 read as 0. */
	uint32_t idr0, idr1, idr3, idr5, iidr, aidr;
	uint32_t gbpa; /* GBPA at reset, without UPDATE. Typical: SHCFG = 1 (0x1000), with ABORT to isolate devices */
	/*
	 * What one MMIO write may cost, in commands; what reconfig() says that it costs counts too, and each host call
	 * VIQ_WORK_CALL, whatever it is made for. A device's time-out ends the write. 0: VIQ_WORK_BUDGET;
	 * VIQ_SMMUV3_DEFER: nothing. Without ops.kick 0, or VIQ_WORK_UNLIMITED, which is the same then: no end.
	 */
	uint32_t budget;
	const struct viq_mem *mem;        /* the guest's memory; must outlive the object */
	struct viq_call_host host;        /* where invalidations go */
	const struct viq_smmuv3_ops *ops; /* copied; NULL: no hooks */
	void *opaque;
	/*
	 * NULL, or VIQ_SMMUV3_MMIO_SIZE bytes at a multiple of 4096 (of the size of the host's pages, to be mapped into
	 * a guest): an image of both register pages that a guest may read without an exit. Each aligned word of 4 or 8
	 * bytes is always what viq_smmuv3_mmio_read() answers there, and is stored with the same order. Created zeroed
	 * and in reset state, so it must not be mapped yet then, and must outlive the object. The guest must not be
	 * able to write it: viq takes nothing from it but the answers of viq_smmuv3_mmio_read().
	 */
	void *page;
};

/*
 * Fill *config with a sane default: stage 1 of SMMUv3.1 with 4K, 16K and 64K granules, 48-bit addresses, 16-bit
 * StreamIDs and ASIDs, two-level stream tables, queues of up to 2^19 entries, MSIs, no ATS, no substreams, no range
 * invalidation, null host. The caller sets mem, host, ops and what its host offers more.
 *
 * MSIs are there because some drivers (FreeBSD's) wait for CMD_SYNC by an MSI into their memory without asking whether
 * there are any, and others poll their memory then, which costs no exit. A VMM without a controller for MSIs describes
 * none for the SMMU in its device tree or IORT: then no other ones are configured.
 *
 * Defaults may change with the library. A VMM that migrates between versions of it chooses the ID registers itself.
 */
VIQ_EXPORT void viq_smmuv3_config_init(struct viq_smmuv3_config *config, size_t size);

/*
 * Does the configuration contradict the architecture or itself, or name a feature that this library does not offer
 * (HYP, stalls, secure, ...)? Returns: 0; -EINVAL, -E2BIG: with *why naming the member or field.
 * Context: any thread.
 */
VIQ_EXPORT int viq_smmuv3_config_check(const struct viq_smmuv3_config *config, struct viq_why *why);

/*
 * Create, in reset state. config and its ops are copied; mem and opaque are kept as pointers. *out is the
 * caller's, for viq_smmuv3_destroy(). Returns: 0; -EINVAL, -E2BIG: as viq_smmuv3_config_check(); -ENOMEM. Context: any
 * thread.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_smmuv3_create(const struct viq_smmuv3_config *config, struct viq_smmuv3 **out,
						struct viq_why *why);
VIQ_EXPORT void viq_smmuv3_destroy(struct viq_smmuv3 *smmu); /* NULL is allowed; makes no host call */

/* The ID registers that the guest sees. Returns: 0; -EINVAL: NULL, or ids->size is not set. Context: any thread. */
VIQ_EXPORT int viq_smmuv3_get_ids(const struct viq_smmuv3 *smmu, struct viq_smmuv3_ids *ids);

/*
 * Another config.budget, from the next write on; VIQ_SMMUV3_DEFER, and no viq_smmuv3_run(), is an SMMU that hangs. What
 * waits then is run by the next viq_smmuv3_run(). Returns: 0; -EINVAL: NULL, or it needs ops.kick. Context: the thread
 * that owns the object.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_smmuv3_set_budget(struct viq_smmuv3 *smmu, uint32_t budget);

/* Back to the state of creation (counters excepted); reconfig(RESTORED) is called for all streams. */
VIQ_EXPORT void viq_smmuv3_reset(struct viq_smmuv3 *smmu);

/* --- The guest at work -------------------------------------------------------------------------------------------- */

/*
 * The guest reads or writes size bytes at offset of the register pages. Any offset and size is legal: what the
 * architecture does not define is RAZ/WI (6.2). A write may consume commands (see config.budget).
 *
 * A read has no side effect, takes no lock and waits for nobody, whatever another thread does with the object. It loads
 * a register whole, 64 bits too, and acquires: who sees CMDQ_CONS behind a CMD_SYNC, an error in GERROR or a record's
 * index in EVENTQ_PROD sees all that was done before. CR0ACK and GBPA.UPDATE change when what they stand for is done.
 * During viq_smmuv3_reset() and _restore() each register reads its old or its new value, and several need not match.
 */
VIQ_EXPORT uint64_t viq_smmuv3_mmio_read(const struct viq_smmuv3 *smmu, uint64_t offset, unsigned int size);
VIQ_EXPORT void viq_smmuv3_mmio_write(struct viq_smmuv3 *smmu, uint64_t offset, unsigned int size, uint64_t value);

/*
 * Go on with what a register's write has left and with the queue, for at most budget (0: VIQ_WORK_BUDGET), as
 * config.budget counts. Returns: true if work is left that could be done now; kick() is not called for it. false also
 * if the queue waits for the host. Context: the thread that owns the object.
 */
VIQ_EXPORT bool viq_smmuv3_run(struct viq_smmuv3 *smmu, uint32_t budget);

/*
 * Does the queue wait for the host? Then viq_smmuv3_run() makes one attempt, which takes a while to be of use: call it
 * after some time, not at once. Returns: attempts in a row that failed, 0: it does not wait. Context: as above.
 */
VIQ_EXPORT uint64_t viq_smmuv3_waits_for_host(const struct viq_smmuv3 *smmu);

/*
 * Put a 32-byte event record, its words in CPU byte order, into the guest's event queue (7.2).
 * Returns: 0: recorded; -ENOSPC: the queue is full, or this is called from mem's write() of an earlier record: the
 * record is lost and the guest sees the overflow flag; -ENODEV: the queue is disabled or its abort error is active, the
 * record is lost without a sign; -EFAULT: the queue's memory is not there: GERROR.EVENTQ_ABT_ERR; -EINVAL: NULL.
 * Context: the thread that owns the object.
 */
VIQ_EXPORT int viq_smmuv3_event(struct viq_smmuv3 *smmu, const uint64_t record[4]);
/*
 * count events for the guest were lost before they came here: the guest sees the overflow flag (7.4), as when its own
 * queue is full. Where viq_smmuv3_event() would return -ENODEV they are lost without a sign.
 */
VIQ_EXPORT void viq_smmuv3_event_lost(struct viq_smmuv3 *smmu, uint64_t count);

/*
 * A device asks for a page: the request goes to the guest's PRI queue. Nothing of the guest's tables decides about that
 * (8.2), so no host is asked; the device's own thread brings it here, to the one that owns the object.
 * Returns: 0: the guest has it. -ENOSPC: the queue is full, or an overflow is not acknowledged; -ENODEV: the queue or
 * the SMMU is off, or its abort error active; -EFAULT: the queue's memory is not there: GERROR.PRIQ_ABT_ERR. In these
 * cases it is lost, and what is to be answered (last) is, by ops.page_response() before this returns: -ENOSPC with
 * success, so that the device tries again; else with failure, and without PASID. -ENOTSUP: IDR0.PRI = 0; -EINVAL:
 * nothing happens; a StreamID or SubstreamID that the guest cannot have is that, too.
 * Context: the thread that owns the object.
 */
VIQ_EXPORT int viq_smmuv3_page_request(struct viq_smmuv3 *smmu, const struct viq_smmuv3_page_request *request);

/*
 * How the transactions of StreamID sid are to be treated now: registers and the guest's stream table, read once into
 * *stream. Returns: 0; -EINVAL: NULL or a wrong size. Context: the thread that owns the object; reads guest memory and
 * changes nothing.
 */
VIQ_EXPORT int viq_smmuv3_stream_config(const struct viq_smmuv3 *smmu, uint32_t sid, struct viq_smmuv3_stream *stream);

/* --- Freeze and thaw ---------------------------------------------------------------------------------------------- */

/* The newest version of the format (docs/save-format.md), which viq_smmuv3_save() writes. */
#define VIQ_SMMUV3_SAVE_VERSION 2

/* Bytes that viq_smmuv3_save() writes now. */
VIQ_EXPORT size_t viq_smmuv3_save_size(const struct viq_smmuv3 *smmu);
/* Write the state: versioned, for any machine. *len: bytes of buf in, bytes written out. -ENOSPC: too small. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_smmuv3_save(const struct viq_smmuv3 *smmu, void *buf, size_t *len);
/*
 * As viq_smmuv3_save() in this version of the format, for a library that is older; no version needs more bytes than the
 * newest. -ENOTSUP: no such version, or it cannot hold this state.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_smmuv3_save_as(const struct viq_smmuv3 *smmu, uint32_t version, void *buf,
						 size_t *len);
/*
 * Take over a saved state; then reconfig(RESTORED) is called for all streams (a new host has nothing cached and nothing
 * attached), and kick() if commands wait. -EINVAL, and nothing changed: not a saved state, damaged, or ID registers
 * differ from this object's. -ENOTSUP, and nothing changed: a newer format version.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_smmuv3_restore(struct viq_smmuv3 *smmu, const void *buf, size_t len);

/* --- Looking in --------------------------------------------------------------------------------------------------- */

/* Every member is a uint64_t, or an array of them. */
struct viq_smmuv3_counters {
	uint64_t commands[256];                   /* consumed, by opcode */
	uint64_t cerror[4];                       /* queue stops, by VIQ_SMMUV3_CERROR_* */
	uint64_t doorbells;                       /* writes of CMDQ_PROD */
	uint64_t runs;                            /* times that consumption started with work to do */
	uint64_t calls;                           /* invalidate calls with at least one entry */
	uint64_t host_calls;                      /* host calls that these took, culprit hunts included */
	uint64_t entries;                         /* entries confirmed by the host */
	uint64_t call_errors[VIQ_CALL_ERROR_MAX]; /* by enum viq_call_error */
	uint64_t no_stream;                       /* commands for streams that no host knows */
	uint64_t events;                          /* recorded */
	uint64_t events_lost;                     /* queue full, disabled or gone */
	uint64_t budget_ends;                     /* runs that ended with work left */
	uint64_t writes_lost;                     /* register writes from callbacks, beyond 8 in a call */
	uint64_t host_waits;                      /* attempts that ended with the queue waiting for the host */
	uint64_t page_requests;                   /* that reached the guest's queue */
	uint64_t page_requests_lost;              /* that found no room, or no queue */
	uint64_t page_responses;                  /* of the SMMU's own; those of the guest's are commands[0x41] */
};

/*
 * A snapshot since creation. size: sizeof(*out); members that this library does not count are 0. Returns: 0; -EINVAL:
 * NULL, or size is no multiple of 8. Context: the thread that the object belongs to.
 */
VIQ_EXPORT int viq_smmuv3_counters(const struct viq_smmuv3 *smmu, struct viq_smmuv3_counters *out, size_t size);
/*
 * Add every number of *more to that of *total: for what several objects did one after the other (a saved state carries
 * no counters). size: sizeof() of both. NULL: nothing happens.
 */
VIQ_EXPORT void viq_smmuv3_counters_add(struct viq_smmuv3_counters *total, const struct viq_smmuv3_counters *more,
					size_t size);

/* Bytes of memory the object takes, itself included; constant from creation on. */
VIQ_EXPORT size_t viq_smmuv3_footprint(const struct viq_smmuv3 *smmu);

/* --- Commands as text --------------------------------------------------------------------------------------------- */

/* cmd: words 0 and 1 of the command in CPU byte order, as viq_mem_read_words() reads them from the queue. */

/* "TLBI_NH_VA", ...; with Range = 31 opcode 4 is "CFGI_ALL". NULL for a reserved opcode. */
VIQ_EXPORT const char *viq_smmuv3_command_name(const uint64_t cmd[2]);

/*
 * One line in the architecture's words: name, every field by name, and, marked with '!', each field or bit that the ID
 * registers make illegal, with the reason. config NULL: every feature allowed. Always terminated; returns the length
 * that the whole line has (as snprintf()).
 */
VIQ_EXPORT int viq_smmuv3_command_text(const uint64_t cmd[2], const struct viq_smmuv3_config *config, char *buf,
				       size_t len);

/* The code that the command queue answers to this command under these ID registers: NONE or ILL. */
VIQ_EXPORT unsigned int viq_smmuv3_command_check(const uint64_t cmd[2], const struct viq_smmuv3_config *config);

/* "CERROR_ILL", "C_BAD_STE", ...; NULL if the architecture has no such code. */
VIQ_EXPORT const char *viq_smmuv3_cerror_name(unsigned int cerror);
VIQ_EXPORT const char *viq_smmuv3_event_name(unsigned int event);

#ifdef __cplusplus
}
#endif
#endif
