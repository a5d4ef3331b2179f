/* SPDX-License-Identifier: MIT */
/*
 * The check of a command is the architecture's (smmuv3_spec.h): for each of the 2^128 commands under any ID registers
 * it is accepted if and only if it is legal there, and what is kept of it are the bits that mean something there.
 *
 * Bounds, beside the table's own size: what is described is SMMUv3.0 to v3.3, where address bits [55:52] are RES0,
 * without IDR3.DPT (DPTI_*) and IDR5.D128 (TTL128). IDR0.HYP comes with both stages (6.3.1), IDR5.DS with IDR3.RIL,
 * without which SCALE is RES0 (4.4.1.1). No configuration is otherwise, but for DS alone: all of SCALE is refused
 * there, by its value.
 */
#include "proof.h"

#include "smmuv3_spec.h"
#include "spec/smmuv3/command.c"
#include "spec/smmuv3/features.c"

static void prove_of(uint8_t op)
{
	const uint64_t cmd[2] = {(nondet_u64() << 8) | op, nondet_u64()};
	const struct ids id = {nondet_u32(), nondet_u32(), nondet_u32(), nondet_u32(), nondet_u32()};
	const struct shape shape = shape_of(op, &id);
	struct smmuv3_features features;
	struct smmuv3_rule rule;

	/* What has no row is never accepted. */
	if (!smmuv3_command_find(op)) {
		PROVE(!shape.exists);
		return;
	}
	GIVEN(!id_bit(id.idr3, 15) && !id_bit(id.idr5, 8) && (id.aidr & 0xff) <= 3);
	GIVEN(IMPLIES(id_bit(id.idr0, 9), (id.idr0 & 3) == 3) && IMPLIES(id_bit(id.idr5, 7), id_bit(id.idr3, 10)));
	smmuv3_features_init(&features, id.idr0, id.idr1, id.idr3, id.idr5, id.aidr);
	smmuv3_rule_init(&rule, op, features.bits);
	PROVE(smmuv3_command_legal(&rule, cmd, features.bits) == spec_legal(cmd, op, &id, &shape));
	if (shape.exists) {
		PROVE(rule.keep[0] == shape.used.word[0]);
		PROVE(rule.keep[1] == shape.used.word[1]);
	}
}

/* Opcodes FIRST to LAST, one at a time: the table is looked up then, and not solved for. */
int main(void)
{
	for (unsigned int op = FIRST; op <= LAST; op++)
		prove_of((uint8_t)op);
	return 0;
}
