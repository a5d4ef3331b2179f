/* SPDX-License-Identifier: MIT */
/* The object as a whole: creation, reset, reconfiguration of streams, what it tells about itself. */
#include <errno.h>
#include <stdlib.h>

#include "base/sized.h"
#include "base/why.h"

#include "smmuv3.h"

_Static_assert(sizeof(struct viq_smmuv3) <= 256 * 1024, "a queue object takes at most 256 KiB");

int viq_smmuv3_create(const struct viq_smmuv3_config *config, struct viq_smmuv3 **out, struct viq_why *why)
{
	struct viq_smmuv3 *s;
	int ret;

	if (!out)
		return why_say(why, -EINVAL, "out: NULL");
	s = calloc(1, sizeof(*s));
	if (!s)
		return why_say(why, -ENOMEM, "no memory");
	ret = smmuv3_config_take(&s->config, &s->ops, config, why);
	if (ret) {
		free(s);
		return ret;
	}
	smmuv3_config_features(&s->features, &s->config);
	s->address_mask = (UINT64_C(1) << s->features.oas) - 1;
	for (unsigned int op = 0; op < 256; op++)
		smmuv3_rule_init(&s->rules[op], (uint8_t)op, s->features.bits);
	/* To begin with, one that exists under every configuration. */
	smmuv3_model_set(s, (const le64[]){le64_put(VIQ_SMMUV3_OP_TLBI_NSNH_ALL), le64_put(0)});
	smmuv3_batch_init(s);
	s->budget.write = budget_of_write(s->config.budget);
	smmuv3_regs_init(s);
	smmuv3_regs_reset(s);
	*out = s;
	return 0;
}

int viq_smmuv3_set_budget(struct viq_smmuv3 *s, uint32_t budget)
{
	if (!s || (budget_needs_kick(budget) && !s->ops.kick))
		return -EINVAL;
	s->budget.write = budget_of_write(budget);
	return 0;
}

void viq_smmuv3_destroy(struct viq_smmuv3 *s)
{
	free(s);
}

int viq_smmuv3_get_ids(const struct viq_smmuv3 *s, struct viq_smmuv3_ids *ids)
{
	struct viq_smmuv3_ids own = {.size = sizeof(own)};

	if (!s || !ids || !SIZED_ROOM(struct viq_smmuv3_ids, ids, aidr))
		return -EINVAL;
	own.idr0 = s->config.idr0;
	own.idr1 = s->config.idr1;
	own.idr3 = s->config.idr3;
	own.idr5 = s->config.idr5;
	own.aidr = s->config.aidr;
	sized_give(ids, ids->size, &own, sizeof(own));
	return 0;
}

void smmuv3_reset(struct viq_smmuv3 *s)
{
	smmuv3_regs_reset(s);
	smmuv3_batch_drop(s);
	s->retained.count = 0;
	s->retained.unreported = false;
	s->wait = (struct host_wait){0};
	smmuv3_reconfig_whole(s, VIQ_SMMUV3_RESTORED);
}

void viq_smmuv3_reset(struct viq_smmuv3 *s)
{
	if (!s)
		return;
	if (!smmuv3_enter(s)) {
		gate_owe_reset(&s->gate);
		return;
	}
	smmuv3_reset(s);
	smmuv3_leave(s);
}

uint32_t smmuv3_last_sid(const struct viq_smmuv3 *s)
{
	return (uint32_t)((UINT64_C(1) << s->features.sid_bits) - 1);
}

int viq_smmuv3_counters(const struct viq_smmuv3 *s, struct viq_smmuv3_counters *out, size_t size)
{
	return sized_counters(out, size, s ? &s->counters : NULL, sizeof(s->counters));
}

void viq_smmuv3_counters_add(struct viq_smmuv3_counters *total, const struct viq_smmuv3_counters *more, size_t size)
{
	sized_counters_add(total, more, size);
}

size_t viq_smmuv3_footprint(const struct viq_smmuv3 *s)
{
	return s ? sizeof(*s) : 0;
}
