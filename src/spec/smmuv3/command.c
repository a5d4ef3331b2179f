/* SPDX-License-Identifier: MIT */
/* The command table (IHI 0070 4.1 to 4.8) and what follows from it for a given set of features. */
#include <stddef.h>

#include "command.h"
#include "scope.h"

#define FIELD(id, text, w, m, feat, miss, fmt)                                                                         \
	static const struct smmuv3_field field_##id = {                                                                \
		.name = text, .mask = m, .word = w, .feature = feat, .missing = miss, .format = fmt}

/* clang-format off */
FIELD(ssec,    "SSec",    0, VIQ_SMMUV3_CMD_SSEC,     FEATURE_NEVER,  MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(ssv,     "SSV",     0, VIQ_SMMUV3_CMD_SSV,      FEATURE_SSID,   MISSING_CLEARED, FORMAT_FLAG);
FIELD(ssid,    "SSID",    0, VIQ_SMMUV3_CMD_SSID,     FEATURE_SSID,   MISSING_CLEARED, FORMAT_HEX);
FIELD(sid,     "SID",     0, VIQ_SMMUV3_CMD_SID,      FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_HEX);
FIELD(leaf,    "Leaf",    1, VIQ_SMMUV3_CMD_1_LEAF,   FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(range,   "Range",   1, VIQ_SMMUV3_CFGI_1_RANGE, FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_HEX);
/* With S2P = 0 a VMID in TLBI_NH_* is ignored (4.4); with S2P = 1 it is the tag. */
FIELD(vmid,    "VMID",    0, VIQ_SMMUV3_TLBI_VMID,    FEATURE_S2P,    MISSING_CLEARED, FORMAT_FLAG);
FIELD(asid_lo, "ASID",    0, VIQ_BITS(55, 48),        FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_ASID);
FIELD(asid_hi, "ASID[15:8]", 0, VIQ_BITS(63, 56),     FEATURE_ASID16, MISSING_CLEARED, FORMAT_ASID_UPPER);
FIELD(num,     "NUM",     0, VIQ_SMMUV3_TLBI_NUM,     FEATURE_RIL,    MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(scale,   "SCALE",   0, VIQ_BITS(24, 20),        FEATURE_RIL,    MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(scale5,  "SCALE[5]", 0, VIQ_SMMUV3_TLBI_SCALE_5, FEATURE_DS,    MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(ttl128,  "TTL128",  1, VIQ_SMMUV3_TLBI_1_TTL128, FEATURE_NEVER, MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(ttl,     "TTL",     1, VIQ_SMMUV3_TLBI_1_TTL,   FEATURE_RIL,    MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(tg,      "TG",      1, VIQ_SMMUV3_TLBI_1_TG,    FEATURE_RIL,    MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(va,      "VA",      1, VIQ_SMMUV3_TLBI_1_VA,    FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_ADDRESS);
FIELD(ipa,     "IPA",     1, VIQ_SMMUV3_TLBI_1_IPA,   FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_ADDRESS);
FIELD(global,  "G",       0, VIQ_SMMUV3_ATC_G,        FEATURE_SSID,   MISSING_CLEARED, FORMAT_FLAG);
FIELD(size,    "Size",    1, VIQ_SMMUV3_ATC_1_SIZE,   FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_HEX);
FIELD(addr,    "Addr",    1, VIQ_SMMUV3_ATC_1_ADDR,   FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_ADDRESS);
FIELD(pf_size, "Size",    1, VIQ_SMMUV3_PREFETCH_1_SIZE, FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_HEX);
FIELD(stride,  "Stride",  1, VIQ_SMMUV3_PREFETCH_1_STRIDE, FEATURE_STRIDE, MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(prg,     "PRGIndex", 1, VIQ_SMMUV3_PRI_1_GROUP, FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_HEX);
FIELD(resp,    "Resp",    1, VIQ_SMMUV3_PRI_1_RESP,   FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_HEX);
FIELD(ac,      "Ac",      0, VIQ_SMMUV3_RESUME_AC,    FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(ab,      "Ab",      0, VIQ_SMMUV3_RESUME_AB,    FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(stag,    "STAG",    1, VIQ_SMMUV3_RESUME_1_STAG, FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_HEX);
FIELD(cs,      "CS",      0, VIQ_SMMUV3_SYNC_CS,      FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_HEX);
FIELD(msh,     "MSH",     0, VIQ_SMMUV3_SYNC_MSH,     FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(msiattr, "MSIAttr", 0, VIQ_SMMUV3_SYNC_MSIATTR, FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(msidata, "MSIData", 0, VIQ_SMMUV3_SYNC_MSIDATA, FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_FLAG);
FIELD(msiaddr, "MSIAddr", 1, VIQ_SMMUV3_SYNC_1_MSIADDR, FEATURE_ALWAYS, MISSING_ILLEGAL, FORMAT_MSI_ADDRESS);
/* clang-format on */

static const char *range_conflict(const uint64_t cmd[2], uint32_t features)
{
	switch (smmuv3_tlbi_form(cmd)) {
	case SMMUV3_RANGE_NO_TG:
		return "NUM, SCALE and TTL are RES0 with TG = 0";
	case SMMUV3_RANGE_RESERVED:
		return "TG with NUM = SCALE = TTL = 0 is reserved";
	case SMMUV3_RANGE_LEVEL_DS:
		return features & FEATURE_BIT(FEATURE_DS)
			       ? NULL
			       : "TTL = 1 of 16K granules is TTL = 0 without DS, and TG alone is reserved";
	default:
		return NULL;
	}
}

const char *smmuv3_command_conflict(enum smmuv3_kind kind, const uint64_t cmd[2], uint32_t features)
{
	switch (kind) {
	case SMMUV3_TLBI_ADDRESS:
		return range_conflict(cmd, features);
	case SMMUV3_ATC_INV:
		return VIQ_GET(VIQ_SMMUV3_ATC_1_SIZE, cmd[1]) > VIQ_SMMUV3_ATC_SIZE_ALL ? "Size is above 52" : NULL;
	case SMMUV3_PRI_RESP:
		return VIQ_GET(VIQ_SMMUV3_PRI_1_RESP, cmd[1]) == 3 ? "Resp = 3 is reserved" : NULL;
	case SMMUV3_SYNC:
		return smmuv3_sync_reserved(cmd) ? "CS = 3 is reserved" : NULL;
	default:
		return NULL;
	}
}

/* The fields that it looks at, in words 0 and 1. */
static const uint64_t judged[][2] = {
	[SMMUV3_TLBI_ADDRESS] = {VIQ_SMMUV3_TLBI_NUM | VIQ_SMMUV3_TLBI_SCALE,
				 VIQ_SMMUV3_TLBI_1_TTL | VIQ_SMMUV3_TLBI_1_TG},
	[SMMUV3_ATC_INV] = {0, VIQ_SMMUV3_ATC_1_SIZE},
	[SMMUV3_PRI_RESP] = {0, VIQ_SMMUV3_PRI_1_RESP},
	[SMMUV3_SYNC] = {VIQ_SMMUV3_SYNC_CS, 0},
	[SMMUV3_DPTI] = {0, 0}, /* the last kind */
};

#define FIELDS_RANGE_0   &field_num, &field_scale, &field_scale5
#define FIELDS_RANGE_1   &field_leaf, &field_ttl128, &field_ttl, &field_tg
#define FIELDS_ASID      &field_asid_lo, &field_asid_hi
#define FIELDS_STREAM    &field_ssec, &field_sid
#define FIELDS_SUBSTREAM &field_ssv, &field_ssid

#define COMMAND(n, feat, what, ...)                                                                                    \
	{                                                                                                              \
		.name = #n, .op = VIQ_SMMUV3_OP_##n, .feature = FEATURE_##feat, .kind = SMMUV3_##what,                 \
		.fields = {__VA_ARGS__},                                                                               \
	}

/* One row per command, in the order of opcodes. Opcodes of the Secure queue are reserved here. */
static const struct smmuv3_command commands[] = {
	COMMAND(PREFETCH_CONFIG, ALWAYS, PREFETCH, FIELDS_STREAM, FIELDS_SUBSTREAM),
	COMMAND(PREFETCH_ADDR, ALWAYS, PREFETCH, FIELDS_STREAM, FIELDS_SUBSTREAM, &field_pf_size, &field_stride,
		&field_addr),
	COMMAND(CFGI_STE, ALWAYS, CFGI_STE, FIELDS_STREAM, &field_leaf),
	COMMAND(CFGI_STE_RANGE, ALWAYS, CFGI_STE, FIELDS_STREAM, &field_range),
	COMMAND(CFGI_CD, S1P, CFGI_CD, FIELDS_STREAM, &field_ssid, &field_leaf),
	COMMAND(CFGI_CD_ALL, S1P, CFGI_CD, FIELDS_STREAM),
	COMMAND(CFGI_VMS_PIDM, MPAM, CFGI_VM, &field_ssec, &field_vmid),
	COMMAND(TLBI_NH_ALL, S1P, TLBI, &field_vmid),
	COMMAND(TLBI_NH_ASID, S1P, TLBI, &field_vmid, FIELDS_ASID),
	COMMAND(TLBI_NH_VA, S1P, TLBI_ADDRESS, FIELDS_ASID, &field_va, FIELDS_RANGE_1, FIELDS_RANGE_0, &field_vmid),
	COMMAND(TLBI_NH_VAA, S1P, TLBI_ADDRESS, &field_va, FIELDS_RANGE_1, FIELDS_RANGE_0, &field_vmid),
	COMMAND(TLBI_EL3_ALL, NEVER, TLBI, NULL),
	COMMAND(TLBI_EL3_VA, NEVER, TLBI_ADDRESS, &field_va, FIELDS_RANGE_1, FIELDS_RANGE_0),
	COMMAND(TLBI_EL2_ALL, HYP, TLBI, NULL),
	COMMAND(TLBI_EL2_ASID, HYP, TLBI, FIELDS_ASID),
	COMMAND(TLBI_EL2_VA, HYP, TLBI_ADDRESS, FIELDS_ASID, &field_va, FIELDS_RANGE_1, FIELDS_RANGE_0),
	COMMAND(TLBI_EL2_VAA, HYP, TLBI_ADDRESS, &field_va, FIELDS_RANGE_1, FIELDS_RANGE_0),
	COMMAND(TLBI_S12_VMALL, S2P, TLBI, &field_vmid),
	COMMAND(TLBI_S2_IPA, S2P, TLBI_ADDRESS, &field_ipa, FIELDS_RANGE_1, FIELDS_RANGE_0, &field_vmid),
	COMMAND(TLBI_NSNH_ALL, ALWAYS, TLBI, NULL),
	COMMAND(ATC_INV, ATS, ATC_INV, &field_sid, FIELDS_SUBSTREAM, &field_global, &field_size, &field_addr),
	COMMAND(PRI_RESP, PRI, PRI_RESP, &field_sid, FIELDS_SUBSTREAM, &field_prg, &field_resp),
	COMMAND(RESUME, STALL, STALL, FIELDS_STREAM, &field_ac, &field_ab, &field_stag),
	COMMAND(STALL_TERM, STALL, STALL, FIELDS_STREAM),
	COMMAND(SYNC, ALWAYS, SYNC, &field_cs, &field_msh, &field_msiattr, &field_msidata, &field_msiaddr),
	COMMAND(DPTI_ALL, DPT, DPTI, NULL),
	COMMAND(DPTI_PA, DPT, DPTI, NULL),
};

const struct smmuv3_command *smmuv3_command_find(uint8_t op)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].op == op)
			return &commands[i];
	}
	return NULL;
}

void smmuv3_rule_init(struct smmuv3_rule *rule, uint8_t op, uint32_t features)
{
	const struct smmuv3_command *row = smmuv3_command_find(op);
	uint64_t legal[2] = {VIQ_SMMUV3_CMD_OP, 0};

	*rule = (struct smmuv3_rule){.keep = {VIQ_SMMUV3_CMD_OP, 0}};
	if (!row || !(features & FEATURE_BIT(row->feature)))
		return;
	rule->exists = true;
	rule->kind = row->kind;
	for (const struct smmuv3_field *const *f = row->fields; *f; f++) {
		bool has = features & FEATURE_BIT((*f)->feature);

		if (has || (*f)->missing == MISSING_CLEARED)
			legal[(*f)->word] |= (*f)->mask;
		if (has)
			rule->keep[(*f)->word] |= (*f)->mask;
	}
	for (unsigned int word = 0; word < 2; word++) {
		rule->illegal[word] = ~legal[word];
		rule->look[word] = ~rule->keep[word] | judged[row->kind][word];
	}
}
