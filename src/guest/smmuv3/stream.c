/* SPDX-License-Identifier: MIT */
/*
 * The guest's stream table (IHI 0070 3.3, 5.1, 5.2): from a StreamID to what a host must do with its transactions.
 *
 * Nothing is cached here: the answer is that of the tables at the time of the call, each word read once. When to ask is
 * the guest's business (CFGI_STE), and the embedder's.
 */
#include <errno.h>

#include "base/sized.h"

#include "smmuv3.h"
#include "spec/smmuv3/tables.h"

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

/* Where the STE of sid is. false: *out says why there is none. */
static bool find_ste(const struct viq_smmuv3 *s, uint32_t sid, uint64_t *gpa, struct viq_smmuv3_stream *out)
{
	const struct smmuv3_features *f = &s->features;
	struct smmuv3_strtab table;
	uint64_t l1std;

	smmuv3_strtab_decode(f, s->regs.strtab_base, s->regs.strtab_base_cfg, &table);
	/* The range check uses the capped size, the base's alignment the literal one (6.3.24, 6.3.25). */
	if ((uint64_t)sid >> (table.log2size < f->sid_bits ? table.log2size : f->sid_bits)) {
		set_bad_streamid(s, out, sid);
		return false;
	}
	*gpa = smmuv3_strtab_entry(&table, sid);
	if (!table.split)
		return true;
	if (fetch(s, *gpa, &l1std, 1)) {
		set_fault(out, sid, VIQ_SMMUV3_EVT_F_STE_FETCH, *gpa);
		return false;
	}
	if (!smmuv3_l1std_decode(&table, l1std, sid, gpa)) {
		set_bad_streamid(s, out, sid);
		return false;
	}
	return true;
}

/* Bring the stage-1 fields of words 0 and 1 to what a host takes. false: ILLEGAL (5.2). */
static bool make_stage1(const struct viq_smmuv3 *s, const struct smmuv3_ste *ste, const uint64_t words[2],
			uint64_t out[2])
{
	if (!(s->features.idr0 & VIQ_SMMUV3_IDR0_S1P) || ste->cdmax > s->features.ssid_bits ||
	    (ste->cd_split && !(s->features.idr0 & VIQ_SMMUV3_IDR0_CD2L)) || (ste->cd_table & ~s->address_mask) ||
	    ste->s1stalld)
		return false;
	out[0] |= ste->cd_table | (ste->cd_split ? words[0] & VIQ_SMMUV3_STE_0_S1FMT : 0) |
		  VIQ_PUT(VIQ_SMMUV3_STE_0_S1CDMAX, ste->cdmax);
	out[1] |= words[1] & VIQ_SMMUV3_STE_1_NESTING & ~VIQ_SMMUV3_STE_1_EATS;
	return true;
}

/* The same of stage 2. */
static bool make_stage2(const struct viq_smmuv3 *s, const uint64_t words[4], struct viq_smmuv3_stream *out)
{
	struct smmuv3_s2 s2;

	if (!(s->features.idr0 & VIQ_SMMUV3_IDR0_S2P) || !smmuv3_s2_decode(&s->features, words, &s2))
		return false;
	out->mode = VIQ_SMMUV3_STAGE2;
	out->ste[1] |= s2.fwb ? VIQ_SMMUV3_STE_1_S2FWB : 0;
	out->stage2[0] |= words[2] & VIQ_SMMUV3_STE_2_STAGE2;
	out->stage2[1] = words[3] & VIQ_SMMUV3_STE_3_S2TTB;
	return true;
}

/* An STE with any stage on: what a host takes of it. false: ILLEGAL. */
static bool make_translating(const struct viq_smmuv3 *s, const struct smmuv3_ste *ste, const uint64_t words[4],
			     struct viq_smmuv3_stream *out)
{
	uint16_t vmid;

	if (ste->eats > 1 || !smmuv3_ste_vmid(&s->features, words[2], &vmid))
		return false;
	out->mode = VIQ_SMMUV3_STAGE1;
	out->ste[0] = VIQ_SMMUV3_STE_0_V | VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, ste->config);
	out->ste[1] = VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, ste->eats);
	out->stage2[0] = VIQ_PUT(VIQ_SMMUV3_STE_2_S2VMID, vmid);
	return (!(ste->config & 1) || make_stage1(s, ste, words, out->ste)) &&
	       (!(ste->config & 2) || make_stage2(s, words, out));
}

static void decide(const struct viq_smmuv3 *s, uint32_t sid, const uint64_t words[4], struct viq_smmuv3_stream *out)
{
	struct smmuv3_ste ste;

	smmuv3_ste_decode(&s->features, words, &ste);
	if (!ste.valid) {
		set_fault(out, sid, VIQ_SMMUV3_EVT_C_BAD_STE, 0);
	} else if (ste.config < VIQ_SMMUV3_STE_CONFIG_BYPASS) {
		set_abort(out);
	} else if (ste.config == VIQ_SMMUV3_STE_CONFIG_BYPASS) {
		set_bypass(out);
	} else if (!make_translating(s, &ste, words, out)) {
		out->stage2[0] = out->stage2[1] = 0;
		set_fault(out, sid, VIQ_SMMUV3_EVT_C_BAD_STE, 0);
	}
}

int viq_smmuv3_stream_config(const struct viq_smmuv3 *s, uint32_t sid, struct viq_smmuv3_stream *out)
{
	struct viq_smmuv3_stream own = {0}, *stream = &own;
	uint64_t ste[4] = {0}, gpa;

	if (!s || !out || !SIZED_ROOM(struct viq_smmuv3_stream, out, event))
		return -EINVAL;
	if (!(s->regs.cr0 & VIQ_SMMUV3_CR0_SMMUEN)) {
		stream->disabled = 1;
		if (s->regs.gbpa & VIQ_SMMUV3_GBPA_ABORT)
			set_abort(stream);
		else
			set_bypass(stream);
	} else if (find_ste(s, sid, &gpa, stream)) {
		/* Words 2 and 3 are stage 2's; each is read once, by one access. */
		if (fetch(s, gpa, ste, s->features.idr0 & VIQ_SMMUV3_IDR0_S2P ? 4 : 2))
			set_fault(stream, sid, VIQ_SMMUV3_EVT_F_STE_FETCH, gpa);
		else
			decide(s, sid, ste, stream);
	}
	sized_give(out, out->size, &own, sizeof(own));
	return 0;
}
