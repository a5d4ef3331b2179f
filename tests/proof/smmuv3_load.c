/* SPDX-License-Identifier: MIT */
/*
 * Loading an SMMUv3's saved state: whatever the bytes are, under each configuration that viq_smmuv3_config_check()
 * allows, the state is refused with an error, and nothing of the object has changed; or it is what the rest of the code
 * relies on: each register has only bits that IHI 0070, 6.3, gives it under these ID registers, said anew below; the
 * command queue is where they say, of which smmuv3_index proves the rest for all values of its indices; what is kept
 * of ATC_INVs are legal ones, for streams that there can be, and no more than there is room for; nothing is half
 * done. Registers are shown within their pages.
 *
 * Bounds: room for 3 ATC_INVs instead of 1,024, which loops look at one by one: a buffer 16 bytes longer than all of
 * that is any longer one. The header is taken to fit whenever it may, since anyone can work out the hash; the proof
 * freeze has it read within the buffer. VERSION of the format: one at a time, for the place of what follows.
 */
#include <stdlib.h>

#include "shown.h"

#include "guest/freeze.h"

#include "guest/smmuv3/smmuv3.h"

/* Version 2 has 32 bytes more: of the PRI queue. */
#define FIXED   (VERSION == 1 ? 156 : 188)
#define LONGEST (FIXED + 16 * (RETAINED_ENTRIES + 1))

/* That is proved in freeze. */
#define freeze_check_header header_of_any_hash
#include "guest/freeze.c"
#undef freeze_check_header

#include "guest/smmuv3/config.c"
#include "guest/smmuv3/device.c"
#include "guest/smmuv3/names.c"
#include "guest/smmuv3/regs.c"
#include "guest/smmuv3/save.c"
#include "spec/smmuv3/command.c"
#define feature_bits bits_of_features
#include "spec/smmuv3/features.c"

static struct viq_smmuv3 s;
static bool taken;

struct viq_smmuv3 nondet_smmuv3(void);
int (*nondet_pointer(void))(void *, const struct viq_smmuv3_page_response *);
static bool only(uint64_t value, uint64_t bits)
{
	return !(value & ~bits);
}

static bool irq_ok(const struct smmuv3_irq_cfg *c, bool there, uint32_t attr)
{
	const bool msi = s.config.idr0 >> 13 & 1;

	return only(c->addr, there && msi ? UINT64_C(0xffffffffffffc) : 0) &&
	       only(c->data, there && msi ? UINT32_MAX : 0) && only(c->attr, there ? (msi ? 0x3f : 0) | attr : 0);
}

/* Of 6.3: the bits that are there. */
static bool bits_ok(const struct smmuv3_regs *r)
{
	const bool pri = s.config.idr0 >> 16 & 1, ats = s.config.idr0 >> 10 & 1, msi = s.config.idr0 >> 13 & 1,
		   two_level = s.config.idr0 >> 27 & 3;
	const uint32_t errors = 0x5 | (pri ? 0x8 : 0) | (msi ? 0xb0 : 0) | (msi && pri ? 0x40 : 0);
	const uint64_t base = UINT64_C(0x400fffffffffffff), index = 0xfffff, flag = UINT64_C(1) << 31;
	bool ok = true;

	/* SMMUEN, EVENTQEN, CMDQEN; PRIQEN; ATSCHK */
	ok &= only(r->cr0, 0xd | (pri ? 0x2 : 0) | (ats ? 0x10 : 0)) && only(r->cr1, 0xfff) && only(r->cr2, 0x2);
	/* UPDATE is 0: nothing goes on. */
	ok &= only(r->gbpa, 0x1f3f1f) && only(r->irq_ctrl, 0x5 | (pri ? 0x2 : 0));
	ok &= only(r->gerror, errors) && only(r->gerrorn, errors | 0x100);
	ok &= irq_ok(&r->gerror_irq, true, 0) && irq_ok(&r->eventq_irq, true, 0);
	ok &= irq_ok(&r->priq_irq, pri, UINT32_C(1) << 31);
	ok &= only(r->strtab_base, UINT64_C(0x400fffffffffffc0)) &&
	      only(r->strtab_base_cfg, two_level ? 0x307ff : 0x3f);
	ok &= only(r->cmdq_base, base) && only(r->eventq_base, base) && only(r->priq_base, pri ? base : 0);
	ok &= only(r->cmdq_prod, index) && only(r->cmdq_cons, index | UINT32_C(0x7f000000));
	ok &= only(r->eventq_prod, index | flag) && only(r->eventq_cons, index | flag);
	ok &= only(r->priq_prod, pri ? index | flag : 0) && only(r->priq_cons, pri ? index | flag : 0);
	return ok;
}

/* Whatever hooks are called with. */
static void prove_consistent(void)
{
	const struct smmuv3_queue q = smmuv3_queue(&s, s.regs.cmdq_base, s.config.idr1 >> 21 & 0x1f, 16);

	PROVE(bits_ok(&s.regs));
	PROVE(s.cmdq.base == q.base && s.cmdq.mask == q.mask && s.ring_slots <= smmuv3_queue_slots(&q));
	PROVE(s.retained.count <= RETAINED_ENTRIES && !(s.batch.count | s.batch.hole_count));
	PROVE(!s.wait.waits && !s.reconfig.owed && !s.reconfig.what.size && !s.reconfig.done);
}

/* What is proved elsewhere. Of smmuv3_retain(), which is tested, it is what it is called with. */

int freeze_check_header(const uint8_t *buf, size_t len, const char magic[FREEZE_MAGIC], uint32_t *version)
{
	PROVE(__CPROVER_r_ok(magic, FREEZE_MAGIC) && *version == 2);
	if (len < FREEZE_HEADER || nondet_bool())
		return nondet_bool() ? -EINVAL : -ENOTSUP;
	*version = VERSION;
	return 0;
}

void smmuv3_cmdq_moved(struct viq_smmuv3 *smmu, struct smmuv3_queue to)
{
	smmu->cmdq = to;
	smmu->ring_slots = nondet_u32();
	GIVEN(smmu->ring_slots <= smmuv3_queue_slots(&to));
}

void smmuv3_batch_drop(struct viq_smmuv3 *smmu)
{
	smmu->batch.count = smmu->batch.hole_count = 0;
}

/* Word 0 of an ATC_INV: opcode, SSV, G, SSID and SID, the last two of what there can be. One may be there already. */
bool smmuv3_retain(struct viq_smmuv3 *smmu, uint64_t word)
{
	PROVE((word & 0xff) == 0x40 && s.config.idr0 >> 10 & 1);
	PROVE(word >> 32 <= (UINT64_C(1) << (s.config.idr1 & 0x3f)) - 1);
	PROVE(IMPLIES(word >> 11 & 1, (word >> 12 & 0xfffff) >> (s.config.idr1 >> 6 & 0x1f) == 0));
	PROVE(smmu->retained.count < RETAINED_ENTRIES);
	smmu->retained.count += nondet_bool();
	return true;
}

bool smmuv3_names_nothing(const struct viq_smmuv3 *smmu, const struct smmuv3_rule *rule, const uint64_t cmd[2])
{
	PROVE(smmu == &s && rule == &s.rules[0x40]);
	return cmd[0] >> 32 > smmuv3_last_sid(&s) ||
	       (cmd[0] >> 11 & 1 && (cmd[0] >> 12 & 0xfffff) >> s.features.ssid_bits);
}

bool smmuv3_cmdq_waits(const struct viq_smmuv3 *smmu)
{
	(void)smmu;
	return nondet_bool();
}

void smmuv3_reconfig_whole(struct viq_smmuv3 *smmu, enum viq_smmuv3_reconfig_cause cause)
{
	smmu->reconfig = (struct smmuv3_reconfig){0};
	PROVE(smmu == &s && cause == VIQ_SMMUV3_RESTORED && s.gate.busy && !taken);
	taken = true;
	prove_consistent();
}

bool viq_smmuv3_run(struct viq_smmuv3 *smmu, uint32_t budget)
{
	(void)budget;
	PROVE(smmu == &s && taken && !s.gate.busy);
	prove_consistent();
	return false;
}

int main(void)
{
	struct viq_smmuv3 before;
	size_t len = nondet_size();
	uint8_t *buf;
	int ret;

	s = nondet_smmuv3();
	s.ops = (struct viq_smmuv3_ops){0};
	s.ops.page_response = nondet_pointer();
	s.config.ops = &s.ops;
	s.shown.page[0] = register_page;
	s.shown.page[1] = register_page + SMMUV3_SHOWN;
	s.gate = (struct gate){.busy = nondet_bool(), .kicking = nondet_bool()};
	GIVEN(!check_idr0(&s.config) && !check_idr1(&s.config) && !check_idr5(&s.config) && !check_stage2(&s.config) &&
	      !check_pri(&s.config) && !check_version(&s.config));
	smmuv3_config_features(&s.features, &s.config);
	s.address_mask = (UINT64_C(1) << s.features.oas) - 1;
	smmuv3_rule_init(&s.rules[0x40], 0x40, s.features.bits);
	PROVE(fixed_size(VERSION) == FIXED);
	GIVEN(len <= LONGEST);
	buf = malloc(len);
	GIVEN(buf);
	before.regs = s.regs;
	before.retained.count = s.retained.count;

	ret = viq_smmuv3_restore(&s, buf, len);
	PROVE(ret == 0 || ret == -EINVAL || ret == -EBUSY || ret == -ENOTSUP);
	PROVE(taken == !ret);
	if (!ret)
		prove_consistent();
	else
		PROVE(s.regs.cr0 == before.regs.cr0 && s.regs.cmdq_cons == before.regs.cmdq_cons &&
		      s.retained.count == before.retained.count);
	return 0;
}
