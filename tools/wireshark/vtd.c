// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>

#include <viq/vtd.h>

#include "spec/vtd/descriptor.h"

#include "tables.h"

static const char *const formats[] = {
	[FORMAT_HEX] = "hex",
	[FORMAT_FLAG] = "flag",
	[FORMAT_ADDRESS] = "address",
};

static void print_descriptor(uint8_t type, const struct vtd_descriptor *row)
{
	char group[32];
	size_t i = 0;

	for (; row->name[i] && i < sizeof(group) - 1; i++)
		group[i] = row->name[i] == '-' ? '_' : row->name[i];
	group[i] = '\0';
	printf("\t\t[%u] = {name = \"%s\", group = \"%s\", feature = %u, wide = %s,\n", type, row->name, group,
	       row->feature, row->scalable ? "true" : "false");
	for (const struct vtd_field *const *f = row->fields; *f; f++) {
		const struct lua_field field = {(*f)->name,    (*f)->mask, (*f)->word,
						(*f)->feature, "illegal",  formats[(*f)->format]};

		lua_field(group, &field);
	}
	printf("\t\t},\n");
}

void print_vtd(void)
{
	printf("local VTD = {\n\talways = %u, psi = %u,\n\tid_registers = {[0x%x] = \"CAP\", [0x%x] = \"ECAP\"},\n",
	       FEATURE_ALWAYS, FEATURE_PSI, VIQ_VTD_CAP, VIQ_VTD_ECAP);
	printf("\tmamv = {%u, %u}, -- lowest bit and width in CAP\n", (unsigned int)__builtin_ctzll(VIQ_VTD_CAP_MAMV),
	       (unsigned int)__builtin_popcountll(VIQ_VTD_CAP_MAMV));
	printf("\tfeatures = { -- number, bits of CAP and of ECAP, from the lowest\n");
	for (unsigned int i = 0; i < VTD_FEATURE_ROWS; i++) {
		const struct vtd_feature_row *row = &vtd_feature_rows[i];

		printf("\t\t{%u", row->feature);
		for (unsigned int bit = 0; bit < 64; bit++) {
			if (row->cap >> bit & 1)
				printf(", {\"CAP\", %u}", bit);
			if (row->ecap >> bit & 1)
				printf(", {\"ECAP\", %u}", bit);
		}
		printf("},\n");
	}
	printf("\t},\n\tcommands = { -- as above\n");
	for (unsigned int type = 0; type < VTD_TYPES; type++) {
		const uint64_t desc[4] = {type};
		const struct vtd_descriptor *row = vtd_descriptor_find(desc);

		if (row)
			print_descriptor((uint8_t)type, row);
	}
	printf("\t},\n}\n");
}
