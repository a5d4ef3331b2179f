/* SPDX-License-Identifier: MIT */
/*
 * What each command may look like and what it removes (IHI 0070 4.3, 4.4, 4.5). Removing more than a command names is
 * legal, and done where it is cheaper; removing less never.
 */
#include "command.h"

struct soft_command {
	uint8_t op;
	uint64_t bits[2];      /* allowed beside the opcode */
	uint64_t ril_bits[2];  /* with IDR3.RIL too */
	uint64_t ssid_bits[2]; /* with substreams too */
	bool names_stream;
	bool (*legal)(const struct soft_features *f, const uint64_t cmd[2]); /* NULL: whatever the bits say */
	void (*run)(struct viq_soft *soft, struct soft_viommu *viommu, const uint64_t cmd[2]);
};

static bool asid_legal(const struct soft_features *f, const uint64_t cmd[2])
{
	return VIQ_GET(VIQ_SMMUV3_TLBI_ASID, cmd[0]) <= 0xff || f->idr0 & VIQ_SMMUV3_IDR0_ASID16;
}

/* Combinations of NUM, SCALE, TTL and TG that are reserved (4.4.1.1), IDR5.DS being 0. */
static bool range_legal(const struct soft_features *f, const uint64_t cmd[2])
{
	uint64_t tg = VIQ_GET(VIQ_SMMUV3_TLBI_1_TG, cmd[1]), ttl = VIQ_GET(VIQ_SMMUV3_TLBI_1_TTL, cmd[1]);
	bool any = cmd[0] & (VIQ_SMMUV3_TLBI_NUM | VIQ_SMMUV3_TLBI_SCALE) || ttl;

	if (!asid_legal(f, cmd) || cmd[0] & VIQ_SMMUV3_TLBI_SCALE_5)
		return false;
	return tg ? any && !(tg == 2 && ttl == 1) : !any;
}

static bool atc_legal(const struct soft_features *f, const uint64_t cmd[2])
{
	return f->idr0 & VIQ_SMMUV3_IDR0_ATS && VIQ_GET(VIQ_SMMUV3_ATC_1_SIZE, cmd[1]) <= VIQ_SMMUV3_ATC_SIZE_ALL;
}

static struct soft_vdevice *find_stream(const struct soft_viommu *viommu, const uint64_t cmd[2])
{
	return soft_vdevice_find(viommu, VIQ_GET(VIQ_SMMUV3_CMD_SID, cmd[0]));
}

static struct soft_view *stream_view(const struct soft_viommu *viommu, const uint64_t cmd[2])
{
	return atomic_load_explicit(&find_stream(viommu, cmd)->dev->view, memory_order_relaxed);
}

static void run_cfgi_cd(struct viq_soft *soft, struct soft_viommu *viommu, const uint64_t cmd[2])
{
	struct soft_view *view = stream_view(viommu, cmd);

	if (view)
		soft_config_inv(&view->cds, VIQ_GET(VIQ_SMMUV3_CMD_SSID, cmd[0]));
}

static void run_cfgi_cd_all(struct viq_soft *soft, struct soft_viommu *viommu, const uint64_t cmd[2])
{
	struct soft_view *view = stream_view(viommu, cmd);

	if (view)
		soft_config_inv_all(&view->cds);
}

/* NSNH_ALL too: a guest's "everything" is everything of its VMID. */
static void run_nh_all(struct viq_soft *soft, struct soft_viommu *viommu, const uint64_t cmd[2])
{
	soft_tlb_inv_vm(&viommu->vm);
}

static void run_nh_asid(struct viq_soft *soft, struct soft_viommu *viommu, const uint64_t cmd[2])
{
	soft_tlb_inv_asid(&viommu->vm, VIQ_GET(VIQ_SMMUV3_TLBI_ASID, cmd[0]));
}

/*
 * The stage-1 leaves that an address command is about. A range is not aligned to its size, and is cut at 2^64; as whole
 * leaves are compared, it is rounded out to the alignment that TTL demands.
 */
static struct soft_tlb_range decode_range(struct soft_viommu *viommu, const uint64_t cmd[2])
{
	uint64_t va = cmd[1] & VIQ_SMMUV3_TLBI_1_VA, granules = soft_vm_granules(&viommu->vm), bytes;
	unsigned int tg = VIQ_GET(VIQ_SMMUV3_TLBI_1_TG, cmd[1]), granule = 10 + 2 * tg;

	if (!tg)
		return (struct soft_tlb_range){.first = va, .last = va, .shifts = soft_leaf_shifts(granules, 0)};
	bytes = (VIQ_GET(VIQ_SMMUV3_TLBI_NUM, cmd[0]) + 1) << VIQ_GET(VIQ_SMMUV3_TLBI_SCALE, cmd[0]) << granule;
	return (struct soft_tlb_range){
		.first = va,
		.last = bytes - 1 > UINT64_MAX - va ? UINT64_MAX : va + (bytes - 1),
		.shifts = soft_leaf_shifts(granules & VIQ_BIT(granule), VIQ_GET(VIQ_SMMUV3_TLBI_1_TTL, cmd[1])),
	};
}

static void run_nh_va(struct viq_soft *soft, struct soft_viommu *viommu, const uint64_t cmd[2])
{
	struct soft_tlb_range range = decode_range(viommu, cmd);

	soft_tlb_inv_va(&soft->tlb, &viommu->vm, VIQ_GET(VIQ_SMMUV3_TLBI_ASID, cmd[0]), &range);
}

static void run_nh_vaa(struct viq_soft *soft, struct soft_viommu *viommu, const uint64_t cmd[2])
{
	struct soft_tlb_range range = decode_range(viommu, cmd);

	soft_tlb_inv_vaa(&soft->tlb, &viommu->vm, &range);
}

/* A device that does not use ATS holds nothing. SSV = 0 and the global flag both reach every PASID (4.5.1). */
static void run_atc_inv(struct viq_soft *soft, struct soft_viommu *viommu, const uint64_t cmd[2])
{
	struct viq_soft_dev *dev = find_stream(viommu, cmd)->dev;
	unsigned int size = VIQ_GET(VIQ_SMMUV3_ATC_1_SIZE, cmd[1]);
	bool any_pasid = !(cmd[0] & VIQ_SMMUV3_CMD_SSV) || cmd[0] & VIQ_SMMUV3_ATC_G;
	uint64_t span = size == VIQ_SMMUV3_ATC_SIZE_ALL ? UINT64_MAX : (UINT64_C(4096) << size) - 1;
	uint64_t first = (cmd[1] & VIQ_SMMUV3_ATC_1_ADDR) & ~span;

	if (!soft_dev_uses_ats(dev))
		return;
	soft_atc_inv(dev->atc, any_pasid, VIQ_GET(VIQ_SMMUV3_CMD_SSID, cmd[0]), first, first + span);
}

#define RIL_0 (VIQ_SMMUV3_TLBI_NUM | VIQ_SMMUV3_TLBI_SCALE)
#define RIL_1 (VIQ_SMMUV3_TLBI_1_TTL | VIQ_SMMUV3_TLBI_1_TG)

static const struct soft_command commands[] = {
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
	{
		.op = VIQ_SMMUV3_OP_TLBI_NH_ALL,
		.bits = {VIQ_SMMUV3_TLBI_VMID},
		.run = run_nh_all,
	},
	{
		.op = VIQ_SMMUV3_OP_TLBI_NH_ASID,
		.bits = {VIQ_SMMUV3_TLBI_VMID | VIQ_SMMUV3_TLBI_ASID},
		.legal = asid_legal,
		.run = run_nh_asid,
	},
	{
		.op = VIQ_SMMUV3_OP_TLBI_NH_VA,
		.bits = {VIQ_SMMUV3_TLBI_VMID | VIQ_SMMUV3_TLBI_ASID, VIQ_SMMUV3_TLBI_1_VA | VIQ_SMMUV3_CMD_1_LEAF},
		.ril_bits = {RIL_0, RIL_1},
		.legal = range_legal,
		.run = run_nh_va,
	},
	{
		.op = VIQ_SMMUV3_OP_TLBI_NH_VAA,
		.bits = {VIQ_SMMUV3_TLBI_VMID, VIQ_SMMUV3_TLBI_1_VA | VIQ_SMMUV3_CMD_1_LEAF},
		.ril_bits = {RIL_0, RIL_1},
		.legal = range_legal,
		.run = run_nh_vaa,
	},
	{
		.op = VIQ_SMMUV3_OP_TLBI_NSNH_ALL,
		.run = run_nh_all,
	},
	{
		.op = VIQ_SMMUV3_OP_ATC_INV,
		.bits = {VIQ_SMMUV3_CMD_SID, VIQ_SMMUV3_ATC_1_SIZE | VIQ_SMMUV3_ATC_1_ADDR},
		.ssid_bits = {VIQ_SMMUV3_CMD_SSV | VIQ_SMMUV3_CMD_SSID | VIQ_SMMUV3_ATC_G},
		.names_stream = true,
		.legal = atc_legal,
		.run = run_atc_inv,
	},
};

static const struct soft_command *find_command(const uint64_t cmd[2])
{
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].op == VIQ_GET(VIQ_SMMUV3_CMD_OP, cmd[0]))
			return &commands[i];
	}
	return NULL;
}

static uint64_t allowed_bits(const struct soft_features *f, const struct soft_command *row, unsigned int word)
{
	return row->bits[word] | (f->idr3 & VIQ_SMMUV3_IDR3_RIL ? row->ril_bits[word] : 0) |
	       (f->ssid_bits ? row->ssid_bits[word] : 0);
}

const struct soft_command *soft_command_check(struct viq_soft *soft, const struct soft_viommu *viommu,
					      const uint64_t cmd[2])
{
	const struct soft_features *f = &soft->features;
	const struct soft_command *row = find_command(cmd);

	if (!row || cmd[0] & ~VIQ_SMMUV3_CMD_OP & ~allowed_bits(f, row, 0) || cmd[1] & ~allowed_bits(f, row, 1))
		return NULL;
	if (row->legal && !row->legal(f, cmd))
		return NULL;
	return row->names_stream && !find_stream(viommu, cmd) ? NULL : row;
}

void soft_command_run(struct viq_soft *soft, struct soft_viommu *viommu, const uint64_t cmd[2])
{
	find_command(cmd)->run(soft, viommu, cmd);
}
