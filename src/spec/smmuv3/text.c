/* SPDX-License-Identifier: MIT */
/* Commands as text: one walk over the same table that the checks use. */
#include <inttypes.h>

#include "base/line.h"

#include "command.h"
#include "scope.h"
#include "text.h"

/* CFGI_ALL is CFGI_STE_RANGE with Range = 31 (4.3.3). */
static const char *name_of(const struct smmuv3_command *row, const uint64_t cmd[2])
{
	return smmuv3_is_cfgi_all(cmd) ? "CFGI_ALL" : row->name;
}

const char *smmuv3_command_name(const uint64_t cmd[2])
{
	const struct smmuv3_command *row = smmuv3_command_find(smmuv3_cmd_op(cmd));

	return row ? name_of(row, cmd) : NULL;
}

/* The ASID's two halves are two fields because one may be ignored; print them as one number. */
static uint64_t field_value(const struct smmuv3_field *f, const uint64_t cmd[2], uint32_t features)
{
	uint64_t mask = f->mask;

	if (f->format == FORMAT_ASID && (features & FEATURE_BIT(FEATURE_ASID16)))
		mask = VIQ_SMMUV3_TLBI_ASID;
	if (f->format == FORMAT_ADDRESS || f->format == FORMAT_MSI_ADDRESS)
		return cmd[f->word] & mask;
	return VIQ_GET(mask, cmd[f->word]);
}

/* 0 says nothing. */
static bool optional(const struct smmuv3_field *f)
{
	return f->format == FORMAT_FLAG || f->format == FORMAT_ASID_UPPER || f->format == FORMAT_MSI_ADDRESS;
}

static void put_field(struct line *line, const struct smmuv3_field *f, const uint64_t cmd[2], uint32_t features)
{
	bool has = features & FEATURE_BIT(f->feature);
	uint64_t value = field_value(f, cmd, features);

	if (f->format == FORMAT_ASID_UPPER && has)
		return; /* printed with the low half */
	if (!value && (optional(f) || !has))
		return;
	if (has || f->missing == MISSING_CLEARED)
		put(line, has ? " %s=0x%" PRIx64 : " %s=0x%" PRIx64 "(ignored)", f->name, value);
	else
		put(line, " !%s=0x%" PRIx64 "(RES0 here)", f->name, value);
}

/* Bits that no field covers, one mark per bit. */
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

/* What the numbers of a range command come to. */
static void put_range(struct line *line, const uint64_t cmd[2])
{
	struct smmuv3_tlbi tlbi = smmuv3_tlbi_decode(cmd, true);

	if (tlbi.granule)
		put(line, " [%" PRIu64 " x %uK]", tlbi.span.bytes >> tlbi.granule, 1u << (tlbi.granule - 10));
}

int smmuv3_command_text(const uint64_t cmd[2], uint32_t features, char *buf, size_t len)
{
	struct line line = {.buf = buf, .size = buf ? len : 0};
	const struct smmuv3_command *row;
	const char *why;

	if (buf && len)
		buf[0] = '\0';
	row = smmuv3_command_find(smmuv3_cmd_op(cmd));
	if (!row) {
		put(&line, "!reserved opcode 0x%02x dw0=0x%016" PRIx64 " dw1=0x%016" PRIx64, smmuv3_cmd_op(cmd), cmd[0],
		    cmd[1]);
		return (int)line.used;
	}
	put(&line, "%s%s", features & FEATURE_BIT(row->feature) ? "" : "!", name_of(row, cmd));
	for (const struct smmuv3_field *const *f = row->fields; *f; f++)
		put_field(&line, *f, cmd, features);
	put_undefined(&line, row, cmd);
	why = smmuv3_command_conflict((enum smmuv3_kind)row->kind, cmd, features);
	if (why)
		put(&line, " !(%s)", why);
	else if (row->kind == SMMUV3_TLBI_ADDRESS)
		put_range(&line, cmd);
	return (int)line.used;
}

const char *smmuv3_cerror_name(unsigned int cerror)
{
	static const char *const names[] = {"CERROR_NONE", "CERROR_ILL", "CERROR_ABT", "CERROR_ATC_INV_SYNC"};

	return cerror < sizeof(names) / sizeof(names[0]) ? names[cerror] : NULL;
}
