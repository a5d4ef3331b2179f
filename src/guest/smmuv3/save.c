/* SPDX-License-Identifier: MIT */
/*
 * Freeze and thaw: the registers, what the guest saw consumed and no host has confirmed, and the ID registers to
 * compare.
 *
 * Between two accesses of the guest the batch is empty (each access ends with a flush), so the retained ATC_INVs are
 * all that must travel besides registers; commands between CONS and PROD are in guest memory. Streams that are half
 * configured are configured anew, and a command that was half done is done again.
 *
 * The format is that of guest/freeze.h, with the fields of visit_fields(), in order, then the retained ATC_INVs, 16
 * bytes each.
 */
#include <errno.h>
#include <string.h>

#include "guest/freeze.h"

#include "smmuv3.h"

#define MAGIC "VIQSMMU3"

struct state {
	uint32_t idr0, idr1, idr3, idr5, aidr;
	struct smmuv3_regs regs;
	uint32_t retained, unreported;
};

#define VISIT(member)          freeze_visit(c, &s->member, sizeof(s->member))
#define SINCE(version, member) freeze_visit_since(c, &s->member, sizeof(s->member), version)

static void visit_fields(struct freeze_cursor *c, struct state *s)
{
	VISIT(idr0), VISIT(idr1), VISIT(idr3), VISIT(idr5), VISIT(aidr);
	VISIT(regs.cr0), VISIT(regs.cr1), VISIT(regs.cr2), VISIT(regs.gbpa), VISIT(regs.irq_ctrl);
	VISIT(regs.gerror), VISIT(regs.gerrorn);
	VISIT(regs.gerror_irq.addr), VISIT(regs.gerror_irq.data), VISIT(regs.gerror_irq.attr);
	VISIT(regs.eventq_irq.addr), VISIT(regs.eventq_irq.data), VISIT(regs.eventq_irq.attr);
	VISIT(regs.strtab_base), VISIT(regs.strtab_base_cfg);
	VISIT(regs.cmdq_base), VISIT(regs.cmdq_prod), VISIT(regs.cmdq_cons);
	VISIT(regs.eventq_base), VISIT(regs.eventq_prod), VISIT(regs.eventq_cons);
	VISIT(retained), VISIT(unreported);
	SINCE(2, regs.priq_irq.addr), SINCE(2, regs.priq_irq.data), SINCE(2, regs.priq_irq.attr);
	SINCE(2, regs.priq_base), SINCE(2, regs.priq_prod), SINCE(2, regs.priq_cons);
}

static struct state take_state(const struct viq_smmuv3 *s)
{
	struct state state = {
		.idr0 = s->config.idr0,
		.idr1 = s->config.idr1,
		.idr3 = s->config.idr3,
		.idr5 = s->config.idr5,
		.aidr = s->config.aidr,
		.regs = s->regs,
		.retained = s->retained.count,
		.unreported = s->retained.unreported,
	};

	/* What is owed is part of what a restored object does. */
	state.regs.gbpa &= ~(uint32_t)VIQ_SMMUV3_GBPA_UPDATE;
	return state;
}

static size_t fixed_size(uint32_t version)
{
	struct freeze_cursor c = {.pos = FREEZE_HEADER, .version = version};
	struct state none = {0};

	visit_fields(&c, &none);
	return c.pos;
}

size_t viq_smmuv3_save_size(const struct viq_smmuv3 *s)
{
	return s ? fixed_size(VIQ_SMMUV3_SAVE_VERSION) + s->retained.count * sizeof(s->retained.entries[0]) : 0;
}

int viq_smmuv3_save(const struct viq_smmuv3 *s, void *buf, size_t *len)
{
	return viq_smmuv3_save_as(s, VIQ_SMMUV3_SAVE_VERSION, buf, len);
}

int viq_smmuv3_save_as(const struct viq_smmuv3 *s, uint32_t version, void *buf, size_t *len)
{
	struct freeze_cursor c = {.out = buf, .pos = FREEZE_HEADER, .version = version};
	struct state state;
	size_t need;

	if (!s || !buf || !len)
		return -EINVAL;
	if (s->gate.busy)
		return -EBUSY;
	if (!version || version > VIQ_SMMUV3_SAVE_VERSION)
		return -ENOTSUP;
	need = fixed_size(version) + s->retained.count * sizeof(s->retained.entries[0]);
	if (*len < need)
		return -ENOSPC;
	state = take_state(s);
	visit_fields(&c, &state);
	if (c.lost)
		return -ENOTSUP;
	memcpy(c.out + c.pos, s->retained.entries, need - c.pos);
	freeze_put_header(buf, (uint32_t)need, MAGIC, version);
	*len = need;
	return 0;
}

/* Could this object have come into this state? The hash does not tell: anyone can compute it. */
static bool state_ok(const struct viq_smmuv3 *s, const struct state *t, size_t more)
{
	return t->idr0 == s->config.idr0 && t->idr1 == s->config.idr1 && t->idr3 == s->config.idr3 &&
	       t->idr5 == s->config.idr5 && t->aidr == s->config.aidr && smmuv3_regs_ok(s, &t->regs) &&
	       t->retained <= RETAINED_ENTRIES && t->unreported <= 1 &&
	       more == t->retained * sizeof(s->retained.entries[0]);
}

/* What is sent to the host later must be what the queue would have let through. */
static bool retained_ok(const struct viq_smmuv3 *s, const uint8_t *buf, uint32_t count)
{
	const struct smmuv3_rule *rule = &s->rules[VIQ_SMMUV3_OP_ATC_INV];
	struct freeze_cursor c = {.in = buf};

	for (uint32_t i = 0; i < count; i++) {
		uint64_t cmd[2];

		freeze_visit(&c, &cmd[0], sizeof(cmd[0]));
		freeze_visit(&c, &cmd[1], sizeof(cmd[1]));
		if ((cmd[0] & VIQ_SMMUV3_CMD_OP) != VIQ_SMMUV3_OP_ATC_INV || (cmd[0] & ~rule->keep[0]) ||
		    (cmd[1] & ~rule->keep[1]) || !smmuv3_command_legal(rule, cmd, s->features.bits) ||
		    smmuv3_names_nothing(s, rule, cmd))
			return false;
	}
	return true;
}

/* 0: it can be taken over, and *retained is where the ATC_INVs are. The object is as it was in any case. */
static int read_state(const struct viq_smmuv3 *s, const uint8_t *buf, size_t len, struct state *state,
		      const uint8_t **retained)
{
	struct freeze_cursor c = {.in = buf, .pos = FREEZE_HEADER, .version = VIQ_SMMUV3_SAVE_VERSION};
	int ret = freeze_check_header(buf, len, MAGIC, &c.version);

	if (ret)
		return ret;
	if (len < fixed_size(c.version))
		return -EINVAL;
	visit_fields(&c, state);
	/* Older libraries kept this bit, which Linux writes; without IDR0.BTM it is RES0 (6.3.12). */
	state->regs.cr2 &= ~(uint32_t)VIQ_SMMUV3_CR2_PTM;
	*retained = buf + c.pos;
	return state_ok(s, state, len - c.pos) && retained_ok(s, *retained, state->retained) ? 0 : -EINVAL;
}

int viq_smmuv3_restore(struct viq_smmuv3 *s, const void *buf, size_t len)
{
	const uint8_t *retained;
	struct state state;
	int ret;

	if (!s || !buf)
		return -EINVAL;
	if (s->gate.busy)
		return -EBUSY;
	ret = read_state(s, buf, len, &state, &retained);
	if (ret)
		return ret;
	smmuv3_enter(s);
	smmuv3_regs_set(s, &state.regs);
	smmuv3_batch_drop(s);
	s->wait = (struct host_wait){0};
	s->retained.unreported = state.unreported;
	s->retained.count = 0;
	for (uint32_t i = 0; i < state.retained; i++)
		(void)smmuv3_retain(s, le_load(retained + i * sizeof(s->retained.entries[0]), sizeof(uint64_t)));
	smmuv3_reconfig_whole(s, VIQ_SMMUV3_RESTORED);
	/* The kick of a budget that ended before the save was another object's. */
	gate_owe_kick(&s->gate);
	smmuv3_leave(s);
	return 0;
}
