/* SPDX-License-Identifier: MIT */
/*
 * The decoder's tables in Lua: what stands in integrations/wireshark/viq.lua between two marks. A file for each
 * architecture, because their tables use the same names.
 */
#ifndef VIQ_WIRESHARK_TABLES_H
#define VIQ_WIRESHARK_TABLES_H

#include <stdint.h>

/* A field as `{name, filter, word, lowest bit, width, feature, without it, format}`. */
struct lua_field {
	const char *name;
	uint64_t mask;
	unsigned int word, feature;
	const char *missing; /* "illegal", "cleared" */
	const char *format;  /* "hex", "flag", ... */
};

void lua_field(const char *group, const struct lua_field *field);

void print_smmuv3(void);
void print_vtd(void);

#endif
