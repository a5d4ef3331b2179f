// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>

#include "spec/smmuv3/command.h"
#include "spec/smmuv3/scope.h"
#include "spec/smmuv3/text.h"

#include "tables.h"

static const char *const groups[] = {
	[SMMUV3_PREFETCH] = "prefetch", [SMMUV3_CFGI_STE] = "cfgi",     [SMMUV3_CFGI_CD] = "cfgi",
	[SMMUV3_CFGI_VM] = "cfgi",      [SMMUV3_TLBI] = "tlbi",         [SMMUV3_TLBI_ADDRESS] = "tlbi",
	[SMMUV3_ATC_INV] = "atc",       [SMMUV3_PRI_RESP] = "pri_resp", [SMMUV3_STALL] = "stall",
	[SMMUV3_SYNC] = "sync",         [SMMUV3_DPTI] = "dpti",
};

static const char *const formats[] = {
	[FORMAT_HEX] = "hex",         [FORMAT_FLAG] = "flag", [FORMAT_ADDRESS] = "address",
	[FORMAT_MSI_ADDRESS] = "msi", [FORMAT_ASID] = "asid", [FORMAT_ASID_UPPER] = "asid_upper",
};

static void print_command(uint8_t op, const struct smmuv3_command *row)
{
	const uint64_t all[2] = {op, VIQ_SMMUV3_CFGI_RANGE_ALL};

	printf("\t\t[0x%02x] = {name = \"%s\", group = \"%s\", feature = %u,\n", op, row->name, groups[row->kind],
	       row->feature);
	if (smmuv3_is_cfgi_all(all))
		printf("\t\t\tall = {range = %u, name = \"%s\"},\n", (unsigned int)VIQ_SMMUV3_CFGI_RANGE_ALL,
		       smmuv3_command_name(all));
	for (const struct smmuv3_field *const *f = row->fields; *f; f++) {
		const struct lua_field field = {(*f)->name,
						(*f)->mask,
						(*f)->word,
						(*f)->feature,
						(*f)->missing == MISSING_CLEARED ? "cleared" : "illegal",
						formats[(*f)->format]};

		lua_field(groups[row->kind], &field);
	}
	printf("\t\t},\n");
}

void print_smmuv3(void)
{
	static const unsigned int offsets[ID_REGISTERS] = {VIQ_SMMUV3_IDR0, VIQ_SMMUV3_IDR1, VIQ_SMMUV3_IDR3,
							   VIQ_SMMUV3_IDR5, VIQ_SMMUV3_AIDR};
	static const char *const names[ID_REGISTERS] = {"IDR0", "IDR1", "IDR3", "IDR5", "AIDR"};

	printf("local SMMUV3 = {\n\talways = %u, never = %u, ds = %u, asid16 = %u,\n", FEATURE_ALWAYS, FEATURE_NEVER,
	       FEATURE_DS, FEATURE_ASID16);
	printf("\tid_registers = {");
	for (unsigned int i = 0; i < ID_REGISTERS; i++)
		printf("%s[0x%x] = \"%s\"", i ? ", " : "", offsets[i], names[i]);
	printf("},\n\tfeatures = { -- number, register, mask, without it\n");
	for (unsigned int i = 0; i < SMMUV3_FEATURE_ROWS; i++) {
		const struct smmuv3_feature_row *row = &smmuv3_feature_rows[i];

		printf("\t\t{%u, \"%s\", 0x%" PRIx32 ", 0x%" PRIx32 "},\n", row->feature, names[row->reg], row->mask,
		       row->absent);
	}
	printf("\t},\n\tcommands = { -- fields: name, filter, word, lowest bit, width, feature, without it, format\n");
	for (unsigned int op = 0; op < 256; op++) {
		const struct smmuv3_command *row = smmuv3_command_find((uint8_t)op);

		if (row)
			print_command((uint8_t)op, row);
	}
	printf("\t},\n}\n");
}
