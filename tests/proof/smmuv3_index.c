/* SPDX-License-Identifier: MIT */
/*
 * Index arithmetic of SMMUv3 queues (IHI 0070 3.5.1, 6.3.26), for each size and all values of the registers: a queue
 * lies at a multiple of its size within the output address size; what waits is never more than the queue holds, is none
 * when the two indices are equal, and going from CONS through it, wrap flag included, ends at PROD; a slot is in the
 * queue. Windows of the ring (open_window) are inside the ring or inside the batch's free end.
 *
 * Bounds: none for the queue. The batch, which only its free room counts of, holds 4 entries instead of 2,048. Memory
 * behind callbacks is read by a function that only looks at what it may write.
 */
#include "proof.h"

#include "guest/smmuv3/cmdq.c"

/* Where the queue is. */
static uint64_t base;
static uint32_t slots;

int viq_mem_read(const struct viq_mem *mem, uint64_t gpa, void *buf, size_t len)
{
	(void)mem;
	PROVE(len && __CPROVER_w_ok(buf, len));
	PROVE(gpa >= base && gpa - base + len <= (uint64_t)slots * VIQ_SMMUV3_CMD_SIZE);
	return nondet_int();
}

int main(void)
{
	static struct viq_smmuv3 s;
	static le64 ring[1u << VIQ_SMMUV3_Q_MAX_LOG2SIZE][2]; /* never read */
	uint32_t max = nondet_u32(), entry_size = nondet_bool() ? 16 : 32, oas = nondet_u32(), fill,
		 limit = nondet_u32();
	uint64_t base_reg = nondet_u64();
	struct smmuv3_queue q;
	struct window w;

	GIVEN(max <= VIQ_SMMUV3_Q_MAX_LOG2SIZE && oas >= 32 && oas <= 52);
	s.address_mask = (UINT64_C(1) << oas) - 1;
	q = smmuv3_queue(&s, base_reg, max, entry_size);
	PROVE(smmuv3_queue_slots(&q) >= 1 && smmuv3_queue_slots(&q) <= 1u << max);
	PROVE((smmuv3_queue_slots(&q) & (smmuv3_queue_slots(&q) - 1)) == 0);
	PROVE(q.mask == 2 * smmuv3_queue_slots(&q) - 1);
	PROVE((q.base & (uint64_t)entry_size * smmuv3_queue_slots(&q) - 1) == 0);
	PROVE(q.base >> oas == 0);

	/* The command queue from here on. */
	GIVEN(entry_size == VIQ_SMMUV3_CMD_SIZE);
	s.cmdq = q;
	base = q.base;
	slots = smmuv3_queue_slots(&q);
	s.regs.cr0 = nondet_u32(), s.regs.gerror = nondet_u32(), s.regs.gerrorn = nondet_u32();
	s.regs.cmdq_prod = nondet_u32(), s.regs.cmdq_cons = nondet_u32();
	s.head = smmuv3_cons(&s);
	fill = waiting(&s, s.head);
	PROVE(fill <= smmuv3_queue_slots(&q));
	PROVE(IMPLIES(fill, smmuv3_queue_on(&s)));
	PROVE(IMPLIES(((smmuv3_prod(&s) ^ s.head) & q.mask) == 0, fill == 0));
	PROVE(IMPLIES(fill, ((s.head + fill) & q.mask) == (smmuv3_prod(&s) & q.mask)));

	/* The ring as far as memory holds it, and a batch that has room. */
	s.ring = ring;
	s.ring_slots = nondet_u32();
	GIVEN(s.ring_slots <= smmuv3_queue_slots(&q));
	s.batch.count = nondet_u32();
	GIVEN(s.batch.count < BATCH_ENTRIES && limit && limit <= fill);
	if (open_window(&s, limit, &w)) {
		PROVE(w.count && w.count <= limit);
		if (__CPROVER_same_object(w.words, ring))
			PROVE(w.words == &ring[s.head & (smmuv3_queue_slots(&q) - 1)] &&
			      (uint32_t)(w.words - ring) + w.count <= s.ring_slots);
		else
			PROVE(w.words == (const le64(*)[2]) & s.batch.entries[s.batch.count] &&
			      w.count <= BATCH_ENTRIES - s.batch.count);
	}
	return 0;
}
