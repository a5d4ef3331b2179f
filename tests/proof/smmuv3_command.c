/* SPDX-License-Identifier: MIT */
/*
 * The check of a command is the architecture's (smmuv3_spec.h): for each of the 2^128 commands under any ID registers
 * it is accepted if and only if it is legal there, and what is kept of it are the bits that mean something there.
 *
 * Bounds: none but the table's own size. IDR3.DPT is 0: no configuration offers it, so DPTI_* are not described.
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
	GIVEN(!(id.idr3 & VIQ_SMMUV3_IDR3_DPT));
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
