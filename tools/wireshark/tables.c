// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <stdio.h>

#include "tables.h"

/* "ASID[15:8]" becomes asid_15_8. */
static void print_filter(const char *group, const char *name)
{
	printf("\"%s.", group);
	for (; *name; name++) {
		if (isalnum((unsigned char)*name))
			putchar(tolower((unsigned char)*name));
		else if (*name != ']')
			putchar('_');
	}
	printf("\"");
}

void lua_field(const char *group, const struct lua_field *f)
{
	unsigned int low = (unsigned int)__builtin_ctzll(f->mask), width = (unsigned int)__builtin_popcountll(f->mask);

	printf("\t\t\t{\"%s\", ", f->name);
	print_filter(group, f->name);
	printf(", %u, %u, %u, %u, \"%s\", \"%s\"},\n", f->word, low, width, f->feature, f->missing, f->format);
}

int main(void)
{
	print_smmuv3();
	print_vtd();
	return ferror(stdout) || fflush(stdout);
}
