/* SPDX-License-Identifier: MIT */
/*
 * The guest's stream table (IHI 0070 3.3, 5.1, 5.2): from a StreamID to what a host must do with its transactions.
 *
 * Nothing is cached here: the answer is that of the tables at the time of the call, each word read once. When to ask is
 * the guest's business (CFGI_STE), and the embedder's.
 */
#include <errno.h>

#include "smmuv3.h"

static void set_abort(struct viq_smmuv3_stream *out)
{
	out->mode = VIQ_SMMUV3_ABORT;
	out->ste[0] = VIQ_SMMUV3_STE_0_V | VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, VIQ_SMMUV3_STE_CONFIG_ABORT);
	out->ste[1] = 0;
}

static void set_bypass(struct viq_smmuv3_stream *out)
{
	out->mode = VIQ_SMMUV3_BYPASS;
	out->ste[0] = VIQ_SMMUV3_STE_0_V | VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, VIQ_SMMUV3_STE_CONFIG_BYPASS);
	out->ste[1] = 0;
}

static void set_fault(struct viq_smmuv3_stream *out, uint32_t sid, unsigned int event, uint64_t fetch)
{
	set_abort(out);
	out->mode = VIQ_SMMUV3_FAULT;
	out->event[0] = VIQ_PUT(VIQ_SMMUV3_EVT_0_ID, event) | VIQ_PUT(VIQ_SMMUV3_EVT_0_SID, sid);
	out->event[3] = fetch & VIQ_SMMUV3_EVT_3_FETCH;
}

/* A StreamID outside the table is recorded only if the guest asked for it (6.3.12). */
static void set_bad_streamid(const struct viq_smmuv3 *s, struct viq_smmuv3_stream *out, uint32_t sid)
{
	if (s->regs.cr2 & VIQ_SMMUV3_CR2_RECINVSID)
		set_fault(out, sid, VIQ_SMMUV3_EVT_C_BAD_STREAMID, 0);
	else
		set_abort(out);
}

/* Read words of a table. An address beyond OAS may be truncated or reported: reported. */
static int fetch(const struct viq_smmuv3 *s, uint64_t gpa, uint64_t *words, size_t count)
{
	if (gpa & ~s->address_mask)
		return -EFAULT;
	return viq_mem_read_words(s->config.mem, gpa, words, count);
}

/* Clear the low bits of a base address: all of them if there are as many as the address has. */
static uint64_t align_down(uint64_t base, unsigned int bits)
{
	return bits < 64 ? base & ~((UINT64_C(1) << bits) - 1) : 0;
}

/* 6, 8 and 10 are defined; others behave as 6 (6.3.25). */
static unsigned int split_bits(uint32_t cfg)
{
	unsigned int split = VIQ_GET(VIQ_SMMUV3_STRTAB_BASE_CFG_SPLIT, cfg);

	return split == 8 || split == 10 ? split : 6;
}

/* The second-level table (5.1.1). false: *out says why there is no STE. */
static bool find_ste_2level(const struct viq_smmuv3 *s, uint32_t sid, uint64_t base, uint64_t *gpa,
			    struct viq_smmuv3_stream *out)
{
	unsigned int split = split_bits(s->regs.strtab_base_cfg);
	unsigned int log2size = VIQ_GET(VIQ_SMMUV3_STRTAB_BASE_CFG_LOG2SIZE, s->regs.strtab_base_cfg);
	uint32_t index = sid & ((1u << split) - 1);
	uint64_t l1std;
	unsigned int span;

	/* The first-level table's size, or 64 bytes if that is larger (6.3.24). */
	base = align_down(base, log2size > split + 3 ? log2size - split + 3 : 6);
	base += (uint64_t)(sid >> split) * sizeof(l1std);
	if (fetch(s, base, &l1std, 1)) {
		set_fault(out, sid, VIQ_SMMUV3_EVT_F_STE_FETCH, base);
		return false;
	}
	span = VIQ_GET(VIQ_SMMUV3_L1STD_SPAN, l1std);
	if (!span || span > split + 1 || index >= 1u << (span - 1)) {
		set_bad_streamid(s, out, sid);
		return false;
	}
	*gpa = align_down(l1std & VIQ_SMMUV3_L1STD_L2PTR, span - 1 + 6) + (uint64_t)index * VIQ_SMMUV3_STE_SIZE;
	return true;
}

/* Where the STE of sid is. false: *out says why there is none. */
static bool find_ste(const struct viq_smmuv3 *s, uint32_t sid, uint64_t *gpa, struct viq_smmuv3_stream *out)
{
	uint32_t cfg = s->regs.strtab_base_cfg;
	uint64_t base = s->regs.strtab_base & VIQ_SMMUV3_STRTAB_BASE_ADDR;
	unsigned int log2size = VIQ_GET(VIQ_SMMUV3_STRTAB_BASE_CFG_LOG2SIZE, cfg);
	unsigned int sid_bits = VIQ_GET(VIQ_SMMUV3_IDR1_SIDSIZE, s->config.idr1);

	/* The range check uses the capped size, the base's alignment the literal one (6.3.24, 6.3.25). */
	if ((uint64_t)sid >> (log2size < sid_bits ? log2size : sid_bits)) {
		set_bad_streamid(s, out, sid);
		return false;
	}
	if ((s->config.idr0 & VIQ_SMMUV3_IDR0_ST_LEVEL) &&
	    VIQ_GET(VIQ_SMMUV3_STRTAB_BASE_CFG_FMT, cfg) == VIQ_SMMUV3_STRTAB_FMT_2LVL)
		return find_ste_2level(s, sid, base, gpa, out);
	*gpa = align_down(base, log2size + 6) + (uint64_t)sid * VIQ_SMMUV3_STE_SIZE;
	return true;
}

/* Bring words 0 and 1 of a stage-1 STE to what a host takes. false: ILLEGAL by 5.2.2. */
static bool make_stage1(const struct viq_smmuv3 *s, const uint64_t ste[2], uint64_t nested[2])
{
	unsigned int cdmax = VIQ_GET(VIQ_SMMUV3_STE_0_S1CDMAX, ste[0]);
	unsigned int fmt = VIQ_GET(VIQ_SMMUV3_STE_0_S1FMT, ste[0]);
	unsigned int ssid_bits = VIQ_GET(VIQ_SMMUV3_IDR1_SSIDSIZE, s->config.idr1);
	unsigned int eats = VIQ_GET(VIQ_SMMUV3_STE_1_EATS, ste[1]);

	if (!ssid_bits)
		cdmax = 0; /* ignored */
	if (fmt == 3 || !cdmax)
		fmt = 0; /* reserved; meaningless with one CD */
	if (!(s->config.idr0 & VIQ_SMMUV3_IDR0_ATS))
		eats = 0; /* ignored */
	if (eats == 2 && !(s->regs.cr0 & VIQ_SMMUV3_CR0_ATSCHK))
		eats = 0; /* split-stage ATS counts as off */
	if (cdmax > ssid_bits || (fmt && !(s->config.idr0 & VIQ_SMMUV3_IDR0_CD2L)) || eats > 1 ||
	    (ste[0] & VIQ_SMMUV3_STE_0_S1CONTEXTPTR & ~s->address_mask) || (ste[1] & VIQ_SMMUV3_STE_1_S1STALLD))
		return false;
	nested[0] = VIQ_SMMUV3_STE_0_V | VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, VIQ_SMMUV3_STE_CONFIG_S1) |
		    (ste[0] & VIQ_SMMUV3_STE_0_S1CONTEXTPTR) | VIQ_PUT(VIQ_SMMUV3_STE_0_S1FMT, fmt) |
		    VIQ_PUT(VIQ_SMMUV3_STE_0_S1CDMAX, cdmax);
	nested[1] = (ste[1] & VIQ_SMMUV3_STE_1_NESTING & ~VIQ_SMMUV3_STE_1_EATS) | VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, eats);
	return true;
}

static void decide(const struct viq_smmuv3 *s, uint32_t sid, const uint64_t ste[2], struct viq_smmuv3_stream *out)
{
	unsigned int config = VIQ_GET(VIQ_SMMUV3_STE_0_CONFIG, ste[0]);

	if (!(ste[0] & VIQ_SMMUV3_STE_0_V)) {
		set_fault(out, sid, VIQ_SMMUV3_EVT_C_BAD_STE, 0);
	} else if (config < VIQ_SMMUV3_STE_CONFIG_BYPASS) {
		set_abort(out);
	} else if (config == VIQ_SMMUV3_STE_CONFIG_BYPASS) {
		set_bypass(out);
	} else if (config == VIQ_SMMUV3_STE_CONFIG_S1 && make_stage1(s, ste, out->ste)) {
		out->mode = VIQ_SMMUV3_STAGE1;
	} else {
		/* Stage 2 is not offered, or the STE is ILLEGAL. */
		set_fault(out, sid, VIQ_SMMUV3_EVT_C_BAD_STE, 0);
	}
}

int viq_smmuv3_stream_config(const struct viq_smmuv3 *s, uint32_t sid, struct viq_smmuv3_stream *stream)
{
	uint64_t ste[2], gpa;

	if (!s || !stream || stream->size != sizeof(*stream))
		return -EINVAL;
	*stream = (struct viq_smmuv3_stream){.size = sizeof(*stream)};
	if (!(s->regs.cr0 & VIQ_SMMUV3_CR0_SMMUEN)) {
		if (s->regs.gbpa & VIQ_SMMUV3_GBPA_ABORT)
			set_abort(stream);
		else
			set_bypass(stream);
	} else if (find_ste(s, sid, &gpa, stream)) {
		/* Only words 0 and 1 matter for a stage-1 SMMU; each is read once, by one access. */
		if (fetch(s, gpa, ste, 2))
			set_fault(stream, sid, VIQ_SMMUV3_EVT_F_STE_FETCH, gpa);
		else
			decide(s, sid, ste, stream);
	}
	return 0;
}
