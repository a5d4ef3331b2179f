/* SPDX-License-Identifier: MIT */
/* The object as a whole: creation, reset, what it tells about itself. */
#include <errno.h>
#include <stdlib.h>

#include "base/sized.h"
#include "base/why.h"

#include "vtd.h"

_Static_assert(sizeof(struct viq_vtd) <= 32 * 1024, "a queue object takes at most 32 KiB, tables excluded");

int viq_vtd_create(const struct viq_vtd_config *config, struct viq_vtd **out, struct viq_why *why)
{
	struct viq_vtd *s;
	int ret;

	if (!out)
		return why_say(why, -EINVAL, "out: NULL");
	s = calloc(1, sizeof(*s));
	if (!s)
		return why_say(why, -ENOMEM, "no memory");
	ret = vtd_config_take(&s->config, &s->ops, config, why);
	if (ret) {
		free(s);
		return ret;
	}
	s->offer = vtd_offer(s->config.cap, s->config.ecap);
	s->domain_bits = vtd_domain_bits(s->config.cap);
	s->second_stage_bits = VIQ_VTD_DESC_1_ADDR & ~(~UINT64_C(1) << VIQ_GET(VIQ_VTD_CAP_MGAW, s->config.cap));
	for (uint8_t type = 0; type < VTD_TYPES; type++)
		vtd_rule_init(&s->rules[type], type, &s->offer);
	s->budget.write = budget_of_write(s->config.budget);
	vtd_batch_init(s);
	vtd_regs_init(s);
	vtd_regs_reset(s);
	*out = s;
	return 0;
}

int viq_vtd_set_budget(struct viq_vtd *s, uint32_t budget)
{
	if (!s || (budget_needs_kick(budget) && !s->ops.kick))
		return -EINVAL;
	s->budget.write = budget_of_write(budget);
	return 0;
}

void viq_vtd_destroy(struct viq_vtd *s)
{
	if (!s)
		return;
	vtd_tables_free(s);
	free(s);
}

void vtd_reset(struct viq_vtd *s)
{
	vtd_regs_reset(s);
	vtd_batch_drop(s);
	s->wait = (struct host_wait){0};
	vtd_work_restored(s);
}

void viq_vtd_reset(struct viq_vtd *s)
{
	if (!s)
		return;
	if (!vtd_enter(s)) {
		gate_owe_reset(&s->gate);
		return;
	}
	vtd_reset(s);
	vtd_leave(s);
}

/* Why no descriptor can be fetched in this mode, as VIQ_VTD_IQEI_*, or 0. */
static uint32_t bad_mode(const struct viq_vtd *s, bool wide)
{
	unsigned int mode = VIQ_GET(VIQ_VTD_RTADDR_TTM, s->regs.rtaddr_used);

	if (mode == VIQ_VTD_TTM_RESERVED || (mode == VIQ_VTD_TTM_SCALABLE && !(s->config.ecap & VIQ_VTD_ECAP_SMTS)) ||
	    (mode == VIQ_VTD_TTM_ABORT && !(s->config.ecap & VIQ_VTD_ECAP_ADMS)))
		return VIQ_VTD_IQEI_TTM;
	/* 256-bit descriptors work in every mode: Linux sets the queue up so before it has chosen one. */
	if (wide ? !(s->config.ecap & (VIQ_VTD_ECAP_SMTS | VIQ_VTD_ECAP_ADMS)) : mode != VIQ_VTD_TTM_LEGACY)
		return VIQ_VTD_IQEI_WIDTH;
	return VIQ_VTD_IQEI_NONE;
}

struct vtd_queue vtd_queue_of(const struct viq_vtd *s)
{
	bool wide = s->regs.iqa_used & VIQ_VTD_IQA_DW;
	uint32_t shift = wide ? 5 : 4;

	return (struct vtd_queue){
		.base = s->regs.iqa_used & VIQ_VTD_IQA_IQA,
		.slots = UINT32_C(4096) << VIQ_GET(VIQ_VTD_IQA_QS, s->regs.iqa_used) >> shift,
		.shift = shift,
		.bad = bad_mode(s, wide),
		.scalable = VIQ_GET(VIQ_VTD_RTADDR_TTM, s->regs.rtaddr_used) != VIQ_VTD_TTM_LEGACY,
	};
}

struct viq_vtd_reconfig vtd_context_scope(const struct viq_vtd *s, unsigned int granularity, uint16_t domain_id,
					  uint16_t source_id, unsigned int function_mask)
{
	/* FM: none, one, two or three bits of the function number are ignored, from bit 2 down. */
	static const uint16_t ignored[] = {0, 4, 6, 7};
	struct viq_vtd_reconfig what = {.cause = VIQ_VTD_CONTEXT_CACHE, .scope = VIQ_VTD_SCOPE_ALL};

	switch (granularity) {
	case VIQ_VTD_CC_DOMAIN:
		/* In scalable mode context caches have no domain-ids. */
		if (VIQ_GET(VIQ_VTD_RTADDR_TTM, s->regs.rtaddr_used) == VIQ_VTD_TTM_SCALABLE)
			break;
		what.scope = VIQ_VTD_SCOPE_DOMAIN;
		what.domain_id = domain_id;
		break;
	case VIQ_VTD_CC_DEVICE:
		what.scope = VIQ_VTD_SCOPE_DEVICE;
		what.domain_id = domain_id;
		what.source_id = source_id;
		what.source_mask = (uint16_t)~ignored[function_mask];
		break;
	}
	return what;
}

int viq_vtd_tables(const struct viq_vtd *s, struct viq_vtd_tables *tables)
{
	struct viq_vtd_tables now;
	const struct vtd_regs *r;

	if (!s || !tables || !SIZED_ROOM(struct viq_vtd_tables, tables, remap_table))
		return -EINVAL;
	r = &s->regs;
	now = (struct viq_vtd_tables){
		.enabled = r->gsts & VIQ_VTD_GSTS_TES,
		.remap_enabled = r->gsts & VIQ_VTD_GSTS_IRES,
		.compat = r->gsts & VIQ_VTD_GSTS_CFIS,
		.mode = VIQ_GET(VIQ_VTD_RTADDR_TTM, r->rtaddr_used),
		.root = r->rtaddr_used & VIQ_VTD_RTADDR_RTA,
		.root_set = r->gsts & VIQ_VTD_GSTS_RTPS,
		.remap_set = r->gsts & VIQ_VTD_GSTS_IRTPS,
		.extended = r->irta_used & VIQ_VTD_IRTA_EIME,
		.remap_entries = 2u << VIQ_GET(VIQ_VTD_IRTA_S, r->irta_used),
		.remap_table = r->irta_used & VIQ_VTD_IRTA_IRTA,
	};
	sized_give(tables, tables->size, &now, sizeof(now));
	return 0;
}

void viq_vtd_caps(const struct viq_vtd *s, uint64_t *cap, uint64_t *ecap)
{
	if (cap)
		*cap = s ? s->config.cap : 0;
	if (ecap)
		*ecap = s ? s->config.ecap : 0;
}

int viq_vtd_counters(const struct viq_vtd *s, struct viq_vtd_counters *out, size_t size)
{
	return sized_counters(out, size, s ? &s->counters : NULL, sizeof(s->counters));
}

void viq_vtd_counters_add(struct viq_vtd_counters *total, const struct viq_vtd_counters *more, size_t size)
{
	sized_counters_add(total, more, size);
}

size_t viq_vtd_footprint(const struct viq_vtd *s)
{
	if (!s)
		return 0;
	return sizeof(*s) + s->tables.targets.count * sizeof(struct vtd_target) +
	       s->tables.attachments.count * sizeof(struct vtd_attachment) +
	       s->tables.slates * sizeof(struct vtd_slate);
}
