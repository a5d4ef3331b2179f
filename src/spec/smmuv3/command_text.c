/* SPDX-License-Identifier: MIT */
/* Commands as text, in the architecture's words: one walk over the same table that the checks use. */
#include <inttypes.h>

#include "base/line.h"

#include "command.h"

/* CFGI_ALL is CFGI_STE_RANGE with Range = 31 (4.3.3). */
static const char *name_of(const struct smmuv3_command *row, const uint64_t cmd[2])
{
	if (row->op == VIQ_SMMUV3_OP_CFGI_STE_RANGE &&
	    VIQ_GET(VIQ_SMMUV3_CFGI_1_RANGE, cmd[1]) == VIQ_SMMUV3_CFGI_RANGE_ALL)
		return "CFGI_ALL";
	return row->name;
}

const char *viq_smmuv3_command_name(const uint64_t cmd[2])
{
	const struct smmuv3_command *row = cmd ? smmuv3_command_find(cmd[0] & VIQ_SMMUV3_CMD_OP) : NULL;

	return row ? name_of(row, cmd) : NULL;
}

/* The ASID's two halves are two fields because one may be ignored; print them as one number. */
static uint64_t field_value(const struct smmuv3_field *f, const uint64_t cmd[2], uint32_t features)
{
	uint64_t mask = f->mask;

	if (f->word == 0 && f->mask == VIQ_BITS(55, 48) && (features & FEATURE_BIT(FEATURE_ASID16)))
		mask = VIQ_SMMUV3_TLBI_ASID;
	if (f->format == FORMAT_ADDRESS)
		return cmd[f->word] & mask;
	return VIQ_GET(mask, cmd[f->word]);
}

static void put_field(struct line *line, const struct smmuv3_field *f, const uint64_t cmd[2], uint32_t features)
{
	bool has = features & FEATURE_BIT(f->feature);
	uint64_t value = field_value(f, cmd, features);

	if (f->mask == VIQ_BITS(63, 56) && f->feature == FEATURE_ASID16 && has)
		return; /* printed with the low half */
	if (!value && (f->format == FORMAT_FLAG || !has))
		return;
	if (has || f->missing == MISSING_CLEARED)
		put(line, has ? " %s=0x%" PRIx64 : " %s=0x%" PRIx64 "(ignored)", f->name, value);
	else
		put(line, " !%s=0x%" PRIx64 "(RES0 here)", f->name, value);
}

/* Bits that no field covers, one mark a bit. */
static void put_undefined(struct line *line, const struct smmuv3_command *row, const uint64_t cmd[2])
{
	uint64_t rest[2] = {cmd[0] & ~VIQ_SMMUV3_CMD_OP, cmd[1]};

	for (const struct smmuv3_field *const *f = row->fields; *f; f++)
		rest[(*f)->word] &= ~(*f)->mask;
	for (unsigned int bit = 0; bit < 128; bit++) {
		if (rest[bit / 64] >> (bit % 64) & 1)
			put(line, " !dw%u[%u]=1(RES0)", bit / 64, bit % 64);
	}
}

/* What the numbers of a range command come to (4.4.1.1). */
static void put_range(struct line *line, const uint64_t cmd[2])
{
	static const unsigned int kib[] = {0, 4, 16, 64};
	unsigned int tg = VIQ_GET(VIQ_SMMUV3_TLBI_1_TG, cmd[1]);
	unsigned int scale = VIQ_GET(VIQ_SMMUV3_TLBI_SCALE, cmd[0]);

	if (tg)
		put(line, " [%" PRIu64 " x %uK]",
		    (VIQ_GET(VIQ_SMMUV3_TLBI_NUM, cmd[0]) + 1) << (scale > 39 ? 39 : scale), kib[tg]);
}

int viq_smmuv3_command_text(const uint64_t cmd[2], const struct viq_smmuv3_config *config, char *buf, size_t len)
{
	struct line line = {.buf = buf, .size = buf ? len : 0};
	uint32_t features = smmuv3_features(config);
	const struct smmuv3_command *row;
	const char *why;

	if (!cmd)
		return 0;
	if (buf && len)
		buf[0] = '\0';
	row = smmuv3_command_find(cmd[0] & VIQ_SMMUV3_CMD_OP);
	if (!row) {
		put(&line, "!reserved opcode 0x%02x dw0=0x%016" PRIx64 " dw1=0x%016" PRIx64,
		    (unsigned int)(cmd[0] & VIQ_SMMUV3_CMD_OP), cmd[0], cmd[1]);
		return (int)line.used;
	}
	put(&line, "%s%s", features & FEATURE_BIT(row->feature) ? "" : "!", name_of(row, cmd));
	for (const struct smmuv3_field *const *f = row->fields; *f; f++)
		put_field(&line, *f, cmd, features);
	put_undefined(&line, row, cmd);
	why = row->check ? row->check(cmd, features) : NULL;
	if (why)
		put(&line, " !(%s)", why);
	else if (smmuv3_command_is_range(row))
		put_range(&line, cmd);
	return (int)line.used;
}

const char *viq_smmuv3_cerror_name(unsigned int cerror)
{
	static const char *const names[] = {"CERROR_NONE", "CERROR_ILL", "CERROR_ABT", "CERROR_ATC_INV_SYNC"};

	return cerror < sizeof(names) / sizeof(names[0]) ? names[cerror] : NULL;
}

const char *viq_smmuv3_event_name(unsigned int event)
{
	static const struct {
		unsigned int number;
		const char *name;
	} names[] = {
		{VIQ_SMMUV3_EVT_F_UUT, "F_UUT"},
		{VIQ_SMMUV3_EVT_C_BAD_STREAMID, "C_BAD_STREAMID"},
		{VIQ_SMMUV3_EVT_F_STE_FETCH, "F_STE_FETCH"},
		{VIQ_SMMUV3_EVT_C_BAD_STE, "C_BAD_STE"},
		{VIQ_SMMUV3_EVT_F_BAD_ATS_TREQ, "F_BAD_ATS_TREQ"},
		{VIQ_SMMUV3_EVT_F_STREAM_DISABLED, "F_STREAM_DISABLED"},
		{VIQ_SMMUV3_EVT_F_TRANSL_FORBIDDEN, "F_TRANSL_FORBIDDEN"},
		{VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID, "C_BAD_SUBSTREAMID"},
		{VIQ_SMMUV3_EVT_F_CD_FETCH, "F_CD_FETCH"},
		{VIQ_SMMUV3_EVT_C_BAD_CD, "C_BAD_CD"},
		{VIQ_SMMUV3_EVT_F_WALK_EABT, "F_WALK_EABT"},
		{VIQ_SMMUV3_EVT_F_TRANSLATION, "F_TRANSLATION"},
		{VIQ_SMMUV3_EVT_F_ADDR_SIZE, "F_ADDR_SIZE"},
		{VIQ_SMMUV3_EVT_F_ACCESS, "F_ACCESS"},
		{VIQ_SMMUV3_EVT_F_PERMISSION, "F_PERMISSION"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].number == event)
			return names[i].name;
	}
	return NULL;
}
