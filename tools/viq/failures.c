// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <viq/fault.h>

#include "failures.h"

struct name {
	const char *name;
	uint32_t value;
};

static const struct name failures[] = {
	{"host-illegal", VIQ_FAULT_ILLEGAL},
	{"hardware", VIQ_FAULT_HARDWARE},
	{"atc-timeout", VIQ_FAULT_ATC_TIMEOUT},
	{"no-memory", VIQ_FAULT_NO_MEMORY},
	{"gone", VIQ_FAULT_GONE},
	{"drop", VIQ_FAULT_DROP},
	{NULL, 0},
};

static const struct name contracts[] = {
	{"exact", VIQ_FAULT_EXACT},
	{"linux-7.3", VIQ_FAULT_LINUX_7_3},
	{"linux-next", VIQ_FAULT_LINUX_NEXT},
	{NULL, 0},
};

static const struct name *find(const struct name *names, const char *name)
{
	for (; names->name; names++)
		if (!strcmp(names->name, name))
			return names;
	return NULL;
}

int failure_parse(const char *name, uint32_t *kind)
{
	const struct name *found = find(failures, name);

	if (!found)
		return -ENOENT;
	*kind = found->value;
	return 0;
}

int contract_parse(const char *name, uint32_t *contract)
{
	const struct name *found = find(contracts, name);

	if (!found)
		return -ENOENT;
	*contract = found->value;
	return 0;
}
