/* SPDX-License-Identifier: MIT */
/*
 * What each command may look like and what it removes (IHI 0070 4.3, 4.4, 4.5). Removing more than a command names is
 * legal, and done where it is cheaper; removing less never.
 */
#include "spec/smmuv3/scope.h"

#include "command.h"

struct soft_command {
	uint8_t op;
	uint64_t bits[2];      /* allowed beside the opcode */
	uint64_t ril_bits[2];  /* with IDR3.RIL too */
	uint64_t ssid_bits[2]; /* with substreams too */
	bool names_stream;
	bool names_vmid;
	bool stage2; /* only a guest that has a stage 2 may send it */
	bool (*legal)(const struct smmuv3_features *f, const uint64_t cmd[2]); /* NULL: whatever the bits say */
	void (*run)(const struct soft_target *t, const uint64_t cmd[2]);
};

static bool asid_legal(const struct smmuv3_features *f, const uint64_t cmd[2])
{
	return smmuv3_tlbi_asid(cmd) <= 0xff || f->idr0 & VIQ_SMMUV3_IDR0_ASID16;
}

/* IDR5.DS is 0 here. */
static bool range_legal(const struct smmuv3_features *f, const uint64_t cmd[2])
{
	enum smmuv3_range_form form = smmuv3_tlbi_form(cmd);

	return asid_legal(f, cmd) && !(cmd[0] & VIQ_SMMUV3_TLBI_SCALE_5) &&
	       (form == SMMUV3_RANGE_NONE || form == SMMUV3_RANGE);
}

static bool atc_legal(const struct smmuv3_features *f, const uint64_t cmd[2])
{
	return f->idr0 & VIQ_SMMUV3_IDR0_ATS && VIQ_GET(VIQ_SMMUV3_ATC_1_SIZE, cmd[1]) <= VIQ_SMMUV3_ATC_SIZE_ALL;
}

static struct soft_vdevice *find_stream(const struct soft_viommu *viommu, const uint64_t cmd[2])
{
	return soft_vdevice_find(viommu, smmuv3_cmd_sid(cmd));
}

static struct soft_view *stream_view(const struct soft_viommu *viommu, const uint64_t cmd[2])
{
	return atomic_load_explicit(&find_stream(viommu, cmd)->dev->view, memory_order_relaxed);
}

static void run_cfgi_cd(const struct soft_target *t, const uint64_t cmd[2])
{
	struct soft_view *view = stream_view(t->viommu, cmd);

	if (view)
		soft_config_inv(&view->cds, smmuv3_cmd_ssid(cmd));
}

static void run_cfgi_cd_all(const struct soft_target *t, const uint64_t cmd[2])
{
	struct soft_view *view = stream_view(t->viommu, cmd);

	if (view)
		soft_config_inv_all(&view->cds);
}

/* Whoever asks: a guest's "everything" is everything that is its own. */
static void run_nsnh_all(const struct soft_target *t, const uint64_t cmd[2])
{
	soft_viommu_inv(t->viommu);
}

static void run_vm_all(const struct soft_target *t, const uint64_t cmd[2])
{
	soft_tlb_inv_vm(t->vm);
}

static void run_nh_asid(const struct soft_target *t, const uint64_t cmd[2])
{
	soft_tlb_inv_asid(t->vm, smmuv3_tlbi_asid(cmd));
}

/* The stage-1 leaves that an address command names. They are compared whole: that rounds to what TTL demands. */
static struct soft_tlb_range leaves_of(const struct soft_target *t, const uint64_t cmd[2])
{
	struct smmuv3_tlbi tlbi = smmuv3_tlbi_decode(cmd, false);

	return (struct soft_tlb_range){
		.first = tlbi.span.first,
		.last = smmuv3_span_last(tlbi.span),
		.leaves = t->leaves & (tlbi.granule ? soft_leaves_at(tlbi.granule, tlbi.level) : UINT64_MAX),
	};
}

static void run_nh_va(const struct soft_target *t, const uint64_t cmd[2])
{
	struct soft_tlb_range range = leaves_of(t, cmd);

	soft_tlb_inv_va(t->vm, smmuv3_tlbi_asid(cmd), &range);
}

static void run_nh_vaa(const struct soft_target *t, const uint64_t cmd[2])
{
	struct soft_tlb_range range = leaves_of(t, cmd);

	soft_tlb_inv_vaa(t->vm, &range);
}

static void run_s2_ipa(const struct soft_target *t, const uint64_t cmd[2])
{
	struct soft_tlb_range range = leaves_of(t, cmd);

	soft_tlb_inv_ipa(t->vm, &range);
}

/* A device that does not use ATS holds nothing. */
static void run_atc_inv(const struct soft_target *t, const uint64_t cmd[2])
{
	const struct soft_view *view = stream_view(t->viommu, cmd);
	struct smmuv3_span span = smmuv3_atc_span(cmd);

	if (!view || !view->atc)
		return;
	soft_atc_inv(view->atc, !smmuv3_atc_one_ssid(cmd), smmuv3_cmd_ssid(cmd), span.first, smmuv3_span_last(span));
}

#define RIL_0 (VIQ_SMMUV3_TLBI_NUM | VIQ_SMMUV3_TLBI_SCALE)
#define RIL_1 (VIQ_SMMUV3_TLBI_1_TTL | VIQ_SMMUV3_TLBI_1_TG)

/* What guests send most comes first. */
static const struct soft_command commands[] = {
	{
		.op = VIQ_SMMUV3_OP_TLBI_NH_VA,
		.bits = {VIQ_SMMUV3_TLBI_VMID | VIQ_SMMUV3_TLBI_ASID, VIQ_SMMUV3_TLBI_1_VA | VIQ_SMMUV3_CMD_1_LEAF},
		.ril_bits = {RIL_0, RIL_1},
		.names_vmid = true,
		.legal = range_legal,
		.run = run_nh_va,
	},
	{
		.op = VIQ_SMMUV3_OP_TLBI_NH_VAA,
		.bits = {VIQ_SMMUV3_TLBI_VMID, VIQ_SMMUV3_TLBI_1_VA | VIQ_SMMUV3_CMD_1_LEAF},
		.ril_bits = {RIL_0, RIL_1},
		.names_vmid = true,
		.legal = range_legal,
		.run = run_nh_vaa,
	},
	{
		.op = VIQ_SMMUV3_OP_ATC_INV,
		.bits = {VIQ_SMMUV3_CMD_SID, VIQ_SMMUV3_ATC_1_SIZE | VIQ_SMMUV3_ATC_1_ADDR},
		.ssid_bits = {VIQ_SMMUV3_CMD_SSV | VIQ_SMMUV3_CMD_SSID | VIQ_SMMUV3_ATC_G},
		.names_stream = true,
		.legal = atc_legal,
		.run = run_atc_inv,
	},
	{
		.op = VIQ_SMMUV3_OP_TLBI_NH_ASID,
		.bits = {VIQ_SMMUV3_TLBI_VMID | VIQ_SMMUV3_TLBI_ASID},
		.names_vmid = true,
		.legal = asid_legal,
		.run = run_nh_asid,
	},
	{
		.op = VIQ_SMMUV3_OP_TLBI_NH_ALL,
		.bits = {VIQ_SMMUV3_TLBI_VMID},
		.names_vmid = true,
		.run = run_vm_all,
	},
	{
		.op = VIQ_SMMUV3_OP_TLBI_NSNH_ALL,
		.run = run_nsnh_all,
	},
	{
		.op = VIQ_SMMUV3_OP_TLBI_S2_IPA,
		.bits = {VIQ_SMMUV3_TLBI_VMID, VIQ_SMMUV3_TLBI_1_IPA | VIQ_SMMUV3_CMD_1_LEAF},
		.ril_bits = {RIL_0, RIL_1},
		.stage2 = true,
		.names_vmid = true,
		.legal = range_legal,
		.run = run_s2_ipa,
	},
	{
		.op = VIQ_SMMUV3_OP_TLBI_S12_VMALL,
		.bits = {VIQ_SMMUV3_TLBI_VMID},
		.stage2 = true,
		.names_vmid = true,
		.run = run_vm_all,
	},
	{
		.op = VIQ_SMMUV3_OP_CFGI_CD,
		.bits = {VIQ_SMMUV3_CMD_SID, VIQ_SMMUV3_CMD_1_LEAF},
		.ssid_bits = {VIQ_SMMUV3_CMD_SSID},
		.names_stream = true,
		.run = run_cfgi_cd,
	},
	{
		.op = VIQ_SMMUV3_OP_CFGI_CD_ALL,
		.bits = {VIQ_SMMUV3_CMD_SID},
		.names_stream = true,
		.run = run_cfgi_cd_all,
	},
};

static const struct soft_command *find_command(const uint64_t cmd[2])
{
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].op == smmuv3_cmd_op(cmd))
			return &commands[i];
	}
	return NULL;
}

static uint64_t allowed_bits(const struct smmuv3_features *f, const struct soft_command *row, unsigned int word)
{
	return row->bits[word] | (f->idr3 & VIQ_SMMUV3_IDR3_RIL ? row->ril_bits[word] : 0) |
	       (f->ssid_bits ? row->ssid_bits[word] : 0);
}

static const struct soft_command *check(struct viq_soft *soft, const struct soft_viommu *viommu, const uint64_t cmd[2])
{
	const struct smmuv3_features *f = &soft->features;
	const struct soft_command *row = find_command(cmd);

	if (!row || cmd[0] & ~VIQ_SMMUV3_CMD_OP & ~allowed_bits(f, row, 0) || cmd[1] & ~allowed_bits(f, row, 1))
		return NULL;
	if ((row->legal && !row->legal(f, cmd)) || (row->stage2 && !soft_own_stage2(viommu)))
		return NULL;
	return row->names_stream && !find_stream(viommu, cmd) ? NULL : row;
}

/* Of a guest that has VMIDs: turn to the one that the command names. false: it is not in use. */
static bool find_vm(struct soft_target *t, const uint64_t cmd[2])
{
	uint16_t vmid = smmuv3_tlbi_vmid(cmd);
	struct soft_vmid *found;

	if (vmid == t->vmid)
		return t->vm;
	found = sorted_find(&t->viommu->vmids, vmid);
	t->vmid = vmid;
	t->vm = found ? &found->vm : vmid ? NULL : &t->viommu->vm;
	t->leaves = t->vm ? soft_vm_leaves(t->vm) : 0;
	return t->vm;
}

static __attribute__((noinline)) bool run_other(struct soft_target *t, const uint64_t cmd[2])
{
	const struct soft_command *row = check(t->soft, t->viommu, cmd);

	t->model.row = NULL;
	if (!row || (row->names_vmid && soft_own_stage2(t->viommu) && !find_vm(t, cmd)))
		return row;
	row->run(t, cmd);
	if (row->legal == range_legal) {
		t->model.row = row;
		t->model.cmd[0] = cmd[0];
		t->model.cmd[1] = cmd[1];
	}
	return true;
}

/* Guests send many that differ in the address only, of which no bit decides whether a command is legal. */
bool soft_command_run(struct soft_target *t, const uint64_t cmd[2])
{
	if (!t->model.row || cmd[0] != t->model.cmd[0] || (cmd[1] ^ t->model.cmd[1]) & ~VIQ_SMMUV3_TLBI_1_IPA)
		return run_other(t, cmd);
	t->model.row->run(t, cmd);
	return true;
}
