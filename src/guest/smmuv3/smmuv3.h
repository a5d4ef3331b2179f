/* SPDX-License-Identifier: MIT */
/*
 * The guest-facing SMMUv3, inside.
 *
 * regs.c decodes register accesses and calls what a write sets in motion: cmdq.c consumes commands, batch.c holds those
 * that a host must confirm, stop.c moves CONS and stops, eventq.c writes records and priq.c page requests, both by
 * produce.c, signal.c raises errors and interrupts, stream.c reads the stream table, save.c freezes and thaws.
 *
 * Terms. An *index* is a queue index with its wrap flag, modulo 2^(log2size + 1) (IHI 0070 3.5.1). *head* is the next
 * command to read; *CONS* is what the guest sees. Between them lies the batch: commands that were read and checked and
 * that no host has confirmed yet. CONS moves to head only when the batch is empty, because a command that CONS has
 * passed can no longer be reported as erroneous.
 */
#ifndef VIQ_GUEST_SMMUV3_SMMUV3_H
#define VIQ_GUEST_SMMUV3_SMMUV3_H

#include <viq/smmuv3.h>

#include "base/le.h"
#include "call/checked.h"
#include "guest/budget.h"
#include "guest/gate.h"
#include "guest/hostwait.h"
#include "guest/reg.h"
#include "spec/smmuv3/command.h"

/* Entries in one invalidate call at most: 32 KiB, which stays in a first-level cache between check and call. */
#define BATCH_ENTRIES 2048
/* Commands between two flush points that no host needs (prefetch, unknown streams). More of them flush early. */
#define BATCH_HOLES 256
/* ATC_INVs that timed out and wait for a CMD_SYNC to be repeated: at most two a device. */
#define RETAINED_ENTRIES 1024

/* A command of the batch that is not an entry. */
struct smmuv3_hole {
	uint64_t cmd[2];
	uint32_t before; /* entries of the batch that precede it */
	uint8_t fate;
};

struct smmuv3_batch {
	struct call_form form; /* of all of it */
	uint32_t count, hole_count;
	uint32_t first; /* index of its first command */
	bool asks;      /* an ATC_INV is among the entries: its device may not answer, and have its stream blocked */
	/* The host's array. Stores of 16 bytes that cross a cache line take twice as long. */
	_Alignas(16) le64 entries[BATCH_ENTRIES][2];
	struct smmuv3_hole holes[BATCH_HOLES];
};

/* ATC_INVs that the guest saw consumed and that no host has confirmed (7.1, CERROR_ATC_INV_SYNC). */
struct smmuv3_retained {
	uint32_t count;
	bool unreported; /* the next CMD_SYNC fails without a new attempt */
	le64 entries[RETAINED_ENTRIES][2];
};

struct smmuv3_irq_cfg {
	uint64_t addr;
	uint32_t data, attr;
};

/* Registers as they are kept, indices with all bits that were written; names of IHI 0070 6.3. */
struct smmuv3_regs {
	uint32_t cr0, cr1, cr2, gbpa, irq_ctrl;
	uint32_t gerror, gerrorn;
	struct smmuv3_irq_cfg gerror_irq, eventq_irq, priq_irq;
	uint64_t strtab_base;
	uint32_t strtab_base_cfg;
	uint64_t cmdq_base;
	uint32_t cmdq_prod, cmdq_cons; /* cons: RD and ERR */
	uint64_t eventq_base;
	uint32_t eventq_prod, eventq_cons; /* with OVFLG, OVACKFLG */
	uint64_t priq_base;
	uint32_t priq_prod, priq_cons; /* the same */
};

/* What the guest reads (guest/reg.h): all registers lie in the first bytes of the two pages; the rest is 0. */
#define SMMUV3_SHOWN 0x100
struct smmuv3_shown {
	char *page[2];
	uint64_t own[2][SMMUV3_SHOWN / 8]; /* without config.page */
};

/* See reconfig.c. */
struct smmuv3_reconfig {
	struct viq_smmuv3_reconfig what; /* half done; size 0: none is */
	uint32_t at;                     /* index of its command */
	bool owed;                       /* by a register's write: CR0ACK, GBPA.UPDATE and the queue wait */
	bool early;                      /* it began after the guest had queued all commands up to PROD */
	bool done;                       /* so did that of streams [first, last], which is done */
	uint32_t first, last;
};

/* Where a queue is, after the register's value was brought into range. */
struct smmuv3_queue {
	uint64_t base;
	uint32_t mask; /* of an index, its wrap flag included */
};

/* A command that went to every host as it was: so may those that differ from it in other bits than fixed only. */
struct smmuv3_model {
	le64 entry[2];
	le64 fixed[2];
};

struct viq_smmuv3 {
	struct viq_smmuv3_config config;
	struct viq_smmuv3_ops ops;
	struct smmuv3_features features;
	uint64_t address_mask; /* output address size: IDR5.OAS */
	struct smmuv3_regs regs;
	struct smmuv3_shown shown;
	struct smmuv3_queue cmdq; /* as smmuv3_cmdq_moved() was told */
	const le64 (*ring)[2];    /* its memory, which never moves (viq_mem_create(, NULL)), */
	uint32_t ring_slots;      /* as far as the base's region holds it */
	uint32_t head;            /* while a run goes on; between runs it is CONS */
	struct gate gate;
	struct host_wait wait;
	bool again; /* the batch was dropped, and its commands are to be read again at once */
	struct smmuv3_reconfig reconfig;
	bool recording;       /* an event's record is being written; */
	bool requesting;      /* a page request is */
	struct budget budget; /* of this call */
	struct viq_smmuv3_counters counters;
	struct smmuv3_rule rules[256];
	struct smmuv3_model model;
	struct smmuv3_retained retained;
	struct smmuv3_batch batch;
};

/* --- names.c --------------------------------------------------------------------------------------------------------
 */

void smmuv3_config_features(struct smmuv3_features *f, const struct viq_smmuv3_config *config);

/* --- Index arithmetic of the queues (3.5.1) ------------------------------------------------------------------- */

/* The effective base and size of a queue whose BASE register is given (6.3.26): aligned to its size, cut to OAS. */
static inline struct smmuv3_queue smmuv3_queue(const struct viq_smmuv3 *s, uint64_t base_reg, uint32_t max_log2size,
					       uint32_t entry_size)
{
	uint32_t log2size = VIQ_GET(VIQ_SMMUV3_Q_BASE_LOG2SIZE, base_reg);
	uint64_t align;

	if (log2size > max_log2size)
		log2size = max_log2size;
	align = ((uint64_t)entry_size << log2size) - 1;
	return (struct smmuv3_queue){
		.base = base_reg & VIQ_SMMUV3_Q_BASE_ADDR & s->address_mask & ~align,
		.mask = (2u << log2size) - 1,
	};
}

/* The event queue of this moment. The command queue's is kept: viq_smmuv3.cmdq. */
static inline struct smmuv3_queue smmuv3_eventq(const struct viq_smmuv3 *s)
{
	return smmuv3_queue(s, s->regs.eventq_base, VIQ_GET(VIQ_SMMUV3_IDR1_EVENTQS, s->config.idr1),
			    VIQ_SMMUV3_EVENT_SIZE);
}

/* The PRI queue's. */
static inline struct smmuv3_queue smmuv3_priq(const struct viq_smmuv3 *s)
{
	return smmuv3_queue(s, s->regs.priq_base, VIQ_GET(VIQ_SMMUV3_IDR1_PRIQS, s->config.idr1), VIQ_SMMUV3_PRI_SIZE);
}

static inline uint32_t smmuv3_queue_slots(const struct smmuv3_queue *q)
{
	return q->mask / 2 + 1;
}

/* Entries between cons and prod; more than the queue holds if the pair is inconsistent. */
static inline uint32_t smmuv3_queue_fill(const struct smmuv3_queue *q, uint32_t prod, uint32_t cons)
{
	return (prod - cons) & q->mask;
}

static inline bool smmuv3_error_active(const struct viq_smmuv3 *s, uint32_t bit)
{
	return (s->regs.gerror ^ s->regs.gerrorn) & bit;
}

/* --- What the queue must know of registers: their meaning, of which it knows no bit ------------------------------- */

/* May commands be consumed? Not while an error has not been acknowledged (7.1). */
static inline bool smmuv3_queue_on(const struct viq_smmuv3 *s)
{
	return (s->regs.cr0 & VIQ_SMMUV3_CR0_CMDQEN) && !smmuv3_error_active(s, VIQ_SMMUV3_GERROR_CMDQ_ERR);
}

static inline bool smmuv3_translates(const struct viq_smmuv3 *s)
{
	return s->regs.cr0 & VIQ_SMMUV3_CR0_SMMUEN;
}

/* An index with all bits that were written. */
static inline uint32_t smmuv3_prod(const struct viq_smmuv3 *s)
{
	return s->regs.cmdq_prod;
}

static inline uint32_t smmuv3_cons(const struct viq_smmuv3 *s)
{
	return s->regs.cmdq_cons & s->cmdq.mask;
}

/* Does a command of this rule concern every host, and none else? */
static inline bool smmuv3_for_every_host(const struct smmuv3_rule *rule)
{
	return rule->kind == SMMUV3_TLBI || rule->kind == SMMUV3_TLBI_ADDRESS;
}

/* A register of 32 bits is changed: the guest sees this value now. */
static inline void smmuv3_show(struct viq_smmuv3 *s, uint32_t offset, uint32_t value)
{
	reg_show32(s->shown.page[offset >> 16] + (offset & 0xffff), value);
}

/* A command, or an entry, as one load or store: the compiler may neither repeat nor invent a volatile access. */
typedef uint64_t smmuv3_pair __attribute__((vector_size(16), aligned(8), may_alias));

/* Stored at once: a host that loads an entry so would have to wait for two stores. */
static inline void smmuv3_entry_put(le64 entry[2], uint64_t word0, uint64_t word1)
{
	*(smmuv3_pair *)(void *)entry = (smmuv3_pair){le64_put(word0).raw, le64_put(word1).raw};
}

/* --- fetch.c ------------------------------------------------------------------------------------------------------ */

/* Copy count commands to the free end of the batch, which must have room: true if all of them are like the model. */
bool smmuv3_fetch(struct viq_smmuv3 *s, const le64 (*words)[2], uint32_t count);
/* An entry of the batch, as the host gets it, becomes the model if it is for every host. */
void smmuv3_model_set(struct viq_smmuv3 *s, const le64 entry[2]);

/* --- cmdq.c: checking and routing commands --------------------------------------------------------------- */

/* The queue is here now. */
void smmuv3_cmdq_moved(struct viq_smmuv3 *s, struct smmuv3_queue to);
/* Go on with what this call may still spend, which may be nothing; ask for a kick if work is left. */
void smmuv3_cmdq_doorbell(struct viq_smmuv3 *s);
/* Does a legal CFGI_CD or ATC_INV name a stream or a substream that the guest cannot have? */
bool smmuv3_names_nothing(const struct viq_smmuv3 *s, const struct smmuv3_rule *rule, const uint64_t cmd[2]);
/* Is there work that could be done now, owed or in the queue? Between two accesses of the guest, when CONS is exact. */
bool smmuv3_cmdq_waits(const struct viq_smmuv3 *s);

/* Has the host what a command of this enum smmuv3_kind needs of the stream that it names? Most name none. */
static inline bool smmuv3_stream_serves(const struct viq_smmuv3 *s, uint8_t kind, uint32_t sid)
{
	const uint32_t need = kind == SMMUV3_ATC_INV   ? VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS
			      : kind == SMMUV3_CFGI_CD ? VIQ_CALL_STREAM_KNOWN
						       : 0;

	return !need || (viq_call_stream(&s->config.host, sid) & need) == need;
}

/* --- batch.c: what the host must confirm -------------------------------------------------------------------------- */

/* Have the host confirm the batch, which has something, and move CONS to head. false: the queue stopped. */
bool smmuv3_batch_confirm(struct viq_smmuv3 *s);
/* The same of any. Without a batch CONS is at head. */
static inline bool smmuv3_batch_flush(struct viq_smmuv3 *s)
{
	return !(s->batch.count | s->batch.hole_count) || smmuv3_batch_confirm(s);
}
/* Forget the batch: its commands will be read again. */
void smmuv3_batch_drop(struct viq_smmuv3 *s);
/* For the host of the configuration. */
void smmuv3_batch_init(struct viq_smmuv3 *s);
/* One invalidate call for count entries in all. */
void smmuv3_call(struct viq_smmuv3 *s, const struct viq_call_piece *pieces, uint32_t piece_count, uint32_t count,
		 struct viq_call_result *res);

/* --- retained.c: ATC_INVs that a device has not answered ---------------------------------------------------------- */

/* Word 0 of one. false: there is no room. */
bool smmuv3_retain(struct viq_smmuv3 *s, uint64_t word);
/* Are there any of this device? */
bool smmuv3_retained_has(const struct viq_smmuv3 *s, uint32_t sid);
/* Before the CMD_SYNC at head completes: true if none is left. Else the queue stops, or waits. */
bool smmuv3_retained_settle(struct viq_smmuv3 *s, const uint64_t cmd[2]);
/* The embedder hears that the device has not answered. */
void smmuv3_device_timeout(struct viq_smmuv3 *s, uint32_t sid);

/* --- produce.c: queues that the SMMU produces into ---------------------------------------------------------------- */

/* One of them. It refers to the registers that it was made of. */
struct smmuv3_produced {
	struct smmuv3_queue ring;
	uint32_t reg; /* PROD's offset */
	uint32_t *prod;
	const uint32_t *cons;
	bool *writing; /* an entry is being written */
};

/* Is an overflow not acknowledged? */
static inline bool smmuv3_overflown(const struct smmuv3_produced *p)
{
	return (*p->prod ^ *p->cons) & VIQ_SMMUV3_EVENTQ_OVFLG;
}
/* Tell of what was lost by the overflow flag, unless an earlier overflow is still unacknowledged (7.4). */
void smmuv3_overflow(struct viq_smmuv3 *s, const struct smmuv3_produced *p);
/*
 * Write an entry, as large as all of this queue, behind the last one. 1: it is the only one; 0; -ENOSPC; -EFAULT: there
 * is no memory.
 */
int smmuv3_produce(struct viq_smmuv3 *s, const struct smmuv3_produced *p, const le64 *entry, size_t size);

/* --- priq.c ------------------------------------------------------------------------------------------------------- */

/* A legal CMD_PRI_RESP at head. false: the run ends. */
bool smmuv3_page_response(struct viq_smmuv3 *s, const uint64_t cmd[2]);

/* --- stop.c: what the guest and the trace see of the queue -------------------------------------------------------- */

/* CONS moves to this index, and the guest may see it: all that was done before has happened for it then. */
static inline void smmuv3_cons_move(struct viq_smmuv3 *s, uint32_t index)
{
	s->regs.cmdq_cons = (s->regs.cmdq_cons & VIQ_SMMUV3_CMDQ_CONS_ERR) | index;
	smmuv3_show(s, VIQ_SMMUV3_CMDQ_CONS, s->regs.cmdq_cons);
}
/* Stand at this index, to go on reading there. The batch is dropped. */
void smmuv3_stand(struct viq_smmuv3 *s, uint32_t index);
/* Stop at the command with this index: CONS points at it, ERR, then GERROR (7.1). The batch is dropped. */
void smmuv3_stop(struct viq_smmuv3 *s, uint32_t index, uint32_t cerror, const uint64_t cmd[2]);
/* The command at this index could not be done, which is not the guest's fault: wait there. The batch is dropped. */
void smmuv3_host_failed(struct viq_smmuv3 *s, uint32_t index, const uint64_t cmd[2], const struct viq_call_result *res);
/* To the trace hook, which is there. */
void smmuv3_trace_tell(const struct viq_smmuv3 *s, uint32_t index, const uint64_t cmd[2], uint8_t fate, uint8_t cerror);
static inline void smmuv3_trace(const struct viq_smmuv3 *s, uint32_t index, const uint64_t cmd[2], uint8_t fate,
				uint8_t cerror)
{
	if (s->ops.trace)
		smmuv3_trace_tell(s, index, (const uint64_t[]){cmd[0], cmd[1]}, fate, cerror);
}

/* --- signal.c: GERROR and interrupts ------------------------------------------------------------------------------ */

/* Make an error active, unless it is, and signal it (6.3.18). */
void smmuv3_gerror(struct viq_smmuv3 *s, uint32_t bit);
/* One 32-bit write of an MSI (3.18), to the address cut to OAS (3.4.3): 0, or -EFAULT if it aborted. */
int smmuv3_msi(struct viq_smmuv3 *s, uint64_t addr, uint32_t data);
void smmuv3_pulse(struct viq_smmuv3 *s, enum viq_smmuv3_irq which);
/* A CMD_SYNC with CS = IRQ has completed. */
void smmuv3_sync_signal(struct viq_smmuv3 *s, uint64_t word0, uint64_t word1);
/* The event queue went from empty to non-empty. */
void smmuv3_eventq_signal(struct viq_smmuv3 *s);
void smmuv3_priq_signal(struct viq_smmuv3 *s);

/* --- reconfig.c: streams must be configured again ----------------------------------------------------------------- */

/* All streams, before this returns. */
void smmuv3_reconfig_whole(struct viq_smmuv3 *s, enum viq_smmuv3_reconfig_cause cause);
/* All streams, for a register's write. */
void smmuv3_reconfig_owe(struct viq_smmuv3 *s, enum viq_smmuv3_reconfig_cause cause);
/* Go on with what is owed. true: nothing is. */
bool smmuv3_reconfig_pay(struct viq_smmuv3 *s);
/* Begin or go on with that of the command at head. 1: more is left, the run ends here; 0: done; else an error. */
int smmuv3_reconfig_command(struct viq_smmuv3 *s, uint32_t first, uint32_t last);
/* Is nothing left to do for a command that names these streams, because of one before it? */
bool smmuv3_reconfig_covered(const struct viq_smmuv3 *s, uint32_t first, uint32_t last);
/* The guest may have queued more commands. */
static inline void smmuv3_reconfig_queued(struct viq_smmuv3 *s)
{
	s->reconfig.done = s->reconfig.early = false;
}
/* The command that is half done will be begun anew. */
static inline void smmuv3_reconfig_forget(struct viq_smmuv3 *s)
{
	if (!s->reconfig.owed)
		s->reconfig.what.size = 0;
}
/* The queue may go on with another command. */
void smmuv3_reconfig_leave(struct viq_smmuv3 *s);

/* --- device.c ----------------------------------------------------------------------------------------------------- */

uint32_t smmuv3_last_sid(const struct viq_smmuv3 *s);
void smmuv3_reset(struct viq_smmuv3 *s);

/* --- regs.c ------------------------------------------------------------------------------------------------------- */

/* What was kept of this call happens, and the call is done. true: commands are left that ask for a kick. */
bool smmuv3_settle(struct viq_smmuv3 *s);
/* A call of the embedder begins. false: inside another one. */
static inline bool smmuv3_enter(struct viq_smmuv3 *s)
{
	if (!gate_enter(&s->gate))
		return false;
	s->budget.left = s->budget.write;
	return true;
}
void smmuv3_kick(struct viq_smmuv3 *s);
/* It ends. Nothing of the object may be used after it. */
static inline void smmuv3_leave(struct viq_smmuv3 *s)
{
	if (!s->gate.owed)
		s->gate.busy = false;
	else if (smmuv3_settle(s))
		smmuv3_kick(s);
}

/* What registers say of work that is done, nothing of it being owed. */
void smmuv3_acknowledge(struct viq_smmuv3 *s);

void smmuv3_regs_reset(struct viq_smmuv3 *s);
/* Show the guest no register at all, in the embedder's memory if there is any. */
void smmuv3_regs_init(struct viq_smmuv3 *s);
/* All registers, one after the other: another thread reads the old or the new value of each. */
void smmuv3_regs_set(struct viq_smmuv3 *s, const struct smmuv3_regs *regs);
/* Could the guest have brought the registers to these values? Each has only bits that exist under this configuration.
 */
bool smmuv3_regs_ok(const struct viq_smmuv3 *s, const struct smmuv3_regs *regs);
#define SMMUV3_GBPA_BITS                                                                                               \
	(VIQ_SMMUV3_GBPA_MEMATTR | VIQ_SMMUV3_GBPA_MTCFG | VIQ_SMMUV3_GBPA_ALLOCCFG | VIQ_SMMUV3_GBPA_SHCFG |          \
	 VIQ_SMMUV3_GBPA_PRIVCFG | VIQ_SMMUV3_GBPA_INSTCFG | VIQ_SMMUV3_GBPA_ABORT)

/* --- config.c --------------------------------------------------------------------------------------------------- */

/* Take over the embedder's configuration and hooks, whatever version its structs have; own->ops is ops. */
int smmuv3_config_take(struct viq_smmuv3_config *own, struct viq_smmuv3_ops *ops,
		       const struct viq_smmuv3_config *config, struct viq_why *why);

#endif
