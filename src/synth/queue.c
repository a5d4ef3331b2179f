/* SPDX-License-Identifier: MIT */
/* The producer's side of a command queue (IHI 0070 3.5). */
#include <errno.h>

#include "synth.h"

int synth_cmdq_init(struct synth_cmdq *q, struct synth_mem *mem, unsigned int log2size)
{
	uint64_t base;

	if (log2size > VIQ_SMMUV3_Q_MAX_LOG2SIZE)
		return -EINVAL;
	base = synth_alloc(mem, log2size + 4 < 5 ? 5 : log2size + 4);
	if (base == SYNTH_NONE)
		return -ENOMEM;
	*q = (struct synth_cmdq){.mem = mem, .base = base, .log2size = log2size};
	return 0;
}

uint64_t synth_cmdq_base(const struct synth_cmdq *q)
{
	return q->base | VIQ_PUT(VIQ_SMMUV3_Q_BASE_LOG2SIZE, q->log2size) | VIQ_SMMUV3_Q_BASE_HINT;
}

/* Index and wrap flag. */
static uint32_t index_mask(const struct synth_cmdq *q)
{
	return (2u << q->log2size) - 1;
}

uint32_t synth_cmdq_space(const struct synth_cmdq *q, uint32_t cons)
{
	return (1u << q->log2size) - ((q->prod - cons) & index_mask(q));
}

uint64_t synth_cmdq_entry(const struct synth_cmdq *q, uint32_t index)
{
	return q->base + (uint64_t)(index & ((1u << q->log2size) - 1)) * VIQ_SMMUV3_CMD_SIZE;
}

void synth_cmdq_rewrite(struct synth_cmdq *q, uint32_t index, struct synth_cmd cmd)
{
	uint64_t entry = synth_cmdq_entry(q, index);

	synth_store(q->mem, entry, cmd.w[0]);
	synth_store(q->mem, entry + 8, cmd.w[1]);
}

void synth_cmdq_push(struct synth_cmdq *q, struct synth_cmd cmd)
{
	synth_cmdq_rewrite(q, q->prod, cmd);
	q->prod = (q->prod + 1) & index_mask(q);
}
