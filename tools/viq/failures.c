// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <viq/soft.h>

#include "failures.h"

struct name {
	const char *name;
	int32_t value;
};

static const struct name failures[] = {
	{"host-illegal", VIQ_SOFT_FAIL_ILLEGAL},
	{"hardware", VIQ_SOFT_FAIL_HARDWARE},
	{"atc-timeout", VIQ_SOFT_FAIL_ATC_TIMEOUT},
	{"no-memory", VIQ_SOFT_FAIL_NO_MEMORY},
	{"gone", VIQ_SOFT_FAIL_GONE},
	{"drop", VIQ_SOFT_FAIL_DROP},
	{NULL, 0},
};

static const struct name contracts[] = {
	{"exact", VIQ_SOFT_EXACT},
	{"linux-7.3", VIQ_SOFT_LINUX_7_3},
	{"linux-next", VIQ_SOFT_LINUX_NEXT},
	{NULL, 0},
};

static const struct name *find(const struct name *names, const char *name)
{
	for (; names->name; names++)
		if (!strcmp(names->name, name))
			return names;
	return NULL;
}

int failure_parse(const char *name, int32_t *failure)
{
	const struct name *found = find(failures, name);

	if (!found)
		return -ENOENT;
	*failure = found->value;
	return 0;
}

int contract_parse(const char *name, uint32_t *contract)
{
	const struct name *found = find(contracts, name);

	if (!found)
		return -ENOENT;
	*contract = (uint32_t)found->value;
	return 0;
}
