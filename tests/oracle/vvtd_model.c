/* SPDX-License-Identifier: MIT */
/* Bits are written as numbers here on purpose: the masks of vtd_spec.h are under test, too. */
#include <errno.h>

#include "vvtd_model.h"

struct span {
	uint64_t first, last;
};

static struct span page_span(uint64_t qw1)
{
	unsigned int am = qw1 & 0x3f;
	uint64_t size;

	if (am >= 52)
		return (struct span){0, UINT64_MAX};
	size = UINT64_C(0x1000) << am;
	return (struct span){(qw1 & ~UINT64_C(0xfff)) / size * size, (qw1 & ~UINT64_C(0xfff)) / size * size + size - 1};
}

static struct span devtlb_span(uint64_t addr, bool s)
{
	uint64_t size = 0x1000;

	if (s) {
		/* 8 KiB, and twice as much for every 1 from bit 12 up. */
		size = 0x2000;
		for (uint64_t bit = 0x1000; addr & bit; bit <<= 1) {
			size <<= 1;
			if (!size)
				return (struct span){0, UINT64_MAX};
		}
	}
	addr &= ~UINT64_C(0xfff);
	return (struct span){addr / size * size, addr / size * size + size - 1};
}

static bool covers(struct viq_vtd_s1_entry entry, struct span span, bool leaf)
{
	if (!leaf && (entry.flags & 1))
		return false;
	if (entry.npages == UINT64_MAX)
		return true;
	return entry.addr <= span.first && span.last - entry.addr <= entry.npages * 0x1000 - 1;
}

static bool host_did(const struct vvtd_host *host, struct span span, bool leaf, uint64_t since)
{
	for (size_t i = host->effect_count; i-- > 0 && host->effects[i].time >= since;) {
		if (covers(host->effects[i].entry, span, leaf))
			return true;
	}
	return false;
}

bool vvtd_host_did(const struct vvtd_host *host, struct viq_vtd_s1_entry entry, uint64_t since)
{
	struct span span = {entry.addr, entry.addr + entry.npages * 0x1000 - 1};

	if (entry.npages == UINT64_MAX)
		span = (struct span){0, UINT64_MAX};
	return host_did(host, span, entry.flags & 1, since);
}

/* IOTLB by page, MGAW being 48: by address where the table is a second-stage one, everything elsewhere (Table 23). */
static bool pages_did(const struct vvtd *v, uint16_t did, uint64_t qw1, uint64_t since)
{
	const struct span everything = {0, UINT64_MAX}, pages = page_span(qw1 & UINT64_C(0xffffffffffff));

	for (unsigned int i = 0; i < v->table_count; i++) {
		const struct vvtd_table *t = &v->tables[i];
		bool stage2 = t->table.flags & 4;

		if (!t->attached || !t->host || t->time > since || t->table.domain_id != did)
			continue;
		if (!host_did(t->host, stage2 ? pages : everything, stage2 && qw1 & 0x40, since))
			return false;
	}
	return true;
}

/* All tables of the harness's hosts that this picks. any = false: did (and pasid) must match. */
static bool tables_did(const struct vvtd *v, bool any, uint16_t did, int64_t pasid, struct span span, bool leaf,
		       uint64_t since)
{
	for (unsigned int i = 0; i < v->table_count; i++) {
		const struct vvtd_table *t = &v->tables[i];

		if (!t->attached || !t->host || t->time > since)
			continue;
		if (!any && (t->table.domain_id != did || (pasid >= 0 && t->table.pasid != (uint32_t)pasid)))
			continue;
		if (!host_did(t->host, span, leaf, since))
			return false;
	}
	return true;
}

static bool hook_did(const struct vvtd *v, enum vvtd_log_kind kind, uint32_t cause, uint64_t since)
{
	for (size_t i = v->log_count; i-- > 0 && v->log[i].time >= since;) {
		const struct vvtd_log *l = &v->log[i];

		if (l->kind == kind && !l->result && cause == (kind == VLOG_RECONFIG ? l->reconfig.cause : l->a))
			return true;
	}
	return false;
}

/* The interrupt entries of an IEC descriptor, by one call. */
static bool remap_did(const struct vvtd *v, uint64_t qw0, uint64_t since)
{
	unsigned int order = qw0 >> 27 & 0x1f;
	uint64_t first = 0, last = 0xffff;

	if (qw0 & 0x10 && order < 16) {
		first = qw0 >> 32 & 0xffff & (UINT64_MAX << order);
		last = first | ((UINT64_C(1) << order) - 1);
	}
	for (size_t i = v->log_count; i-- > 0 && v->log[i].time >= since;) {
		const struct vvtd_log *l = &v->log[i];

		if (l->kind == VLOG_REMAP && !l->result && l->a == VIQ_VTD_IEC && l->b <= first && last < l->b + l->c)
			return true;
	}
	return false;
}

static bool devtlb_hook_did(const struct vvtd *v, uint16_t sid, bool has_pasid, uint32_t pasid, bool all,
			    struct span span, uint64_t since)
{
	for (size_t i = v->log_count; i-- > 0 && v->log[i].time >= since;) {
		const struct vvtd_log *l = &v->log[i];
		uint64_t last = l->devtlb.bytes ? l->devtlb.addr + l->devtlb.bytes - 1 : UINT64_MAX;

		if (l->kind != VLOG_DEVTLB || l->devtlb.source_id != sid || l->devtlb.has_pasid != has_pasid ||
		    l->devtlb.all_pasids != all || (has_pasid && !all && l->devtlb.pasid != pasid) ||
		    l->devtlb.addr > span.first || last < span.last)
			continue;
		/* A time-out is told by ITE. */
		if (!l->result || l->result == -EIO || (l->result == -ETIMEDOUT && v->ite_time > l->time))
			return true;
	}
	return false;
}

static bool devtlb_did(const struct vvtd *v, uint16_t sid, bool has_pasid, uint32_t pasid, bool all, struct span span,
		       uint64_t since)
{
	bool hook = true;

	for (unsigned int i = 0; i < v->table_count; i++) {
		const struct vvtd_table *t = &v->tables[i];
		bool rid = t->table.flags & VIQ_VTD_TABLE_RID;

		if (!t->attached || t->table.source_id != sid || rid == has_pasid ||
		    (has_pasid && !all && t->table.pasid != pasid))
			continue;
		if (!(t->table.flags & VIQ_VTD_DEVTLB_IMPLIED))
			return devtlb_hook_did(v, sid, has_pasid, pasid, all, span, since);
		hook = false;
		if (t->host && !host_did(t->host, span, true, since))
			return false;
	}
	return !hook || devtlb_hook_did(v, sid, has_pasid, pasid, all, span, since);
}

bool vvtd_took_effect(struct vvtd *v, const uint64_t desc[4], uint64_t since)
{
	const struct span everything = {0, UINT64_MAX};
	unsigned int g = desc[0] >> 4 & 3;
	uint16_t did = desc[0] >> 16 & 0xffff;
	uint32_t pasid = desc[0] >> 32 & 0xfffff;

	switch (desc[0] & 0xf) {
	case 1:
		return hook_did(v, VLOG_RECONFIG, VIQ_VTD_CONTEXT_CACHE, since);
	case 2:
		if (g == 3)
			return pages_did(v, did, desc[1], since);
		return tables_did(v, g == 1, did, -1, everything, false, since);
	case 3:
		return devtlb_did(v, desc[0] >> 32 & 0xffff, false, 0, false, devtlb_span(desc[1], desc[1] & 1), since);
	case 4:
		return remap_did(v, desc[0], since);
	case 6:
		if (g == 2)
			return tables_did(v, false, did, pasid, everything, false, since);
		return tables_did(v, false, did, pasid, page_span(desc[1]), desc[1] & 0x40, since);
	case 7:
		return hook_did(v, VLOG_RECONFIG, VIQ_VTD_PASID_CACHE, since);
	case 8:
		return devtlb_did(v, did, true, pasid, desc[1] & 1, devtlb_span(desc[1], desc[1] & 0x800), since);
	}
	return true;
}
