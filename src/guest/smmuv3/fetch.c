/* SPDX-License-Identifier: MIT */
/*
 * Reading the guest's ring: each command once, into private memory, at the free end of the batch, where it mostly
 * stays.
 *
 * A long stretch is copied a block at a time. While it is copied, one test a block finds out whether all of it is like
 * a model that was checked before: a command that differs from it only in bits that no further rule looks at. That is
 * the mass of any guest's traffic, and needs no second look.
 */
#include "smmuv3.h"
#include "spec/smmuv3/scope.h"

/*
 * The guest may write the ring meanwhile; every value that is read is checked. The race is intended; TSan is told so.
 * The loop is so short that its speed depends on where it lies: always at the same place of a cache line.
 */
__attribute__((aligned(64), no_sanitize("thread"))) bool smmuv3_fetch(struct viq_smmuv3 *s, const le64 (*words)[2],
								      uint32_t count)
{
	const volatile smmuv3_pair *from = (const volatile smmuv3_pair *)(const void *)words;
	smmuv3_pair *to = (smmuv3_pair *)(void *)s->batch.entries[s->batch.count];
	const smmuv3_pair expect = {s->model.entry[0].raw, s->model.entry[1].raw};
	const smmuv3_pair fixed = {s->model.fixed[0].raw, s->model.fixed[1].raw};
	smmuv3_pair seen = {0, 0};

	for (uint32_t i = 0; i < count; i++) {
		smmuv3_pair cmd = from[i];

		to[i] = cmd;
		seen |= (cmd ^ expect) & fixed;
	}
	return !(seen[0] | seen[1]);
}

void smmuv3_model_set(struct viq_smmuv3 *s, const le64 entry[2])
{
	const uint64_t cmd[2] = {le64_get(entry[0]), le64_get(entry[1])};
	const struct smmuv3_rule *rule = &s->rules[smmuv3_cmd_op(cmd)];
	uint64_t fixed = rule->look[0] | VIQ_SMMUV3_CMD_OP;

	if (!smmuv3_for_every_host(rule))
		return;
	/* With a granule and a level any NUM and SCALE are legal (4.4.1.1). */
	if (rule->kind == SMMUV3_TLBI_ADDRESS && cmd[1] & VIQ_SMMUV3_TLBI_1_TG && cmd[1] & VIQ_SMMUV3_TLBI_1_TTL)
		fixed &= ~((VIQ_SMMUV3_TLBI_NUM | VIQ_SMMUV3_TLBI_SCALE) & rule->keep[0]);
	s->model = (struct smmuv3_model){{entry[0], entry[1]}, {le64_put(fixed), le64_put(rule->look[1])}};
}
