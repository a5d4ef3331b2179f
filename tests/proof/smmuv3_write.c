/* SPDX-License-Identifier: MIT */
/*
 * What a guest writes to the registers of an SMMUv3's command queue (guest/smmuv3/regs.c): from any state in which the
 * queue is where CMDQ_BASE says, as smmuv3_load has it, a write of any value, of 4 or 8 bytes, leaves such a state, and
 * so does the queue begin to work; its registers have only the bits that IHI 0070, 6.3, gives them; while CR0.CMDQEN is
 * 1 neither CMDQ_BASE nor CMDQ_CONS is the guest's to change (6.3.26, 6.3.28).
 *
 * Bounds: AT_OFFSET is one of the offsets of CR0, GERROR and GERRORN, CMDQ_BASE, CMDQ_PROD and CMDQ_CONS, halves of
 * each too: that no other row of the table names these fields was read, not proved. Of output address sizes the
 * smallest and the largest. The batch and what is kept of ATC_INVs, which no write looks at, have room for 4. What the
 * queue does when it is called is any move of CONS within the queue, and any error.
 */
#include "shown.h"

#include "guest/smmuv3/regs.c"

static struct viq_smmuv3 s;
static uint32_t cons_before;
static uint64_t base_before;
static bool on, worked;

struct smmuv3_regs nondet_regs(void);

static bool consistent(void)
{
	const struct smmuv3_queue q = smmuv3_queue(&s, s.regs.cmdq_base, s.config.idr1 >> 21 & 0x1f, 16);

	return s.cmdq.base == q.base && s.cmdq.mask == q.mask && s.ring_slots <= smmuv3_queue_slots(&q) &&
	       !(s.regs.cmdq_base & ~UINT64_C(0x400fffffffffffff)) && !(s.regs.cmdq_prod & ~UINT32_C(0xfffff)) &&
	       !(s.regs.cmdq_cons & ~UINT32_C(0x7f0fffff));
}

void smmuv3_cmdq_moved(struct viq_smmuv3 *smmu, struct smmuv3_queue to)
{
	PROVE(!on);
	smmu->cmdq = to;
	smmu->ring_slots = nondet_u32();
	GIVEN(smmu->ring_slots <= smmuv3_queue_slots(&to));
}

void smmuv3_cmdq_doorbell(struct viq_smmuv3 *smmu)
{
	PROVE(smmu == &s && consistent());
	PROVE(IMPLIES(on && !worked, s.regs.cmdq_cons == cons_before));
	worked = true;
	s.regs.cmdq_cons = (nondet_u32() & s.cmdq.mask) | (nondet_u32() & UINT32_C(0x7f000000));
	s.regs.gerror = nondet_u32();
}

void smmuv3_reconfig_owe(struct viq_smmuv3 *smmu, enum viq_smmuv3_reconfig_cause cause)
{
	(void)cause;
	smmu->reconfig.owed = true;
}

void smmuv3_reconfig_leave(struct viq_smmuv3 *smmu)
{
	(void)smmu;
}

static void write_at(uint64_t offset, unsigned int size)
{
	s.regs = nondet_regs();
	s.config.idr0 = nondet_u32();
	s.config.idr1 = nondet_u32();
	GIVEN((s.config.idr1 >> 21 & 0x1f) <= VIQ_SMMUV3_Q_MAX_LOG2SIZE);
	s.address_mask = nondet_bool() ? (UINT64_C(1) << 32) - 1 : (UINT64_C(1) << 52) - 1;
	s.cmdq.base = nondet_u64();
	s.cmdq.mask = nondet_u32();
	s.ring_slots = nondet_u32();
	s.reconfig.owed = nondet_bool();
	GIVEN(consistent());
	cons_before = s.regs.cmdq_cons;
	base_before = s.regs.cmdq_base;
	on = s.regs.cr0 & 0x8;
	worked = false;
	write_access(&s, offset, size, nondet_u64());
	PROVE(consistent());
	PROVE(IMPLIES(on, s.regs.cmdq_base == base_before && (worked || s.regs.cmdq_cons == cons_before)));
}

int main(void)
{
	s.shown.page[0] = register_page;
	s.shown.page[1] = register_page + SMMUV3_SHOWN;
	write_at(AT_OFFSET, 4);
	if (AT_OFFSET % 8 == 0)
		write_at(AT_OFFSET, 8);
	return 0;
}
