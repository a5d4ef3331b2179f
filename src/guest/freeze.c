/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/le.h"
#include "freeze.h"

void freeze_visit(struct freeze_cursor *c, void *field, size_t size)
{
	uint64_t value;

	if (c->in) {
		value = le_load(c->in + c->pos, size);
		if (size == 8)
			*(uint64_t *)field = value;
		else
			*(uint32_t *)field = (uint32_t)value;
	} else if (c->out) {
		value = size == 8 ? *(uint64_t *)field : *(uint32_t *)field;
		le_store(c->out + c->pos, size, value);
	}
	c->pos += size;
}

void freeze_visit_since(struct freeze_cursor *c, void *field, size_t size, uint32_t since)
{
	static const uint64_t none;

	if (c->version >= since)
		freeze_visit(c, field, size);
	else if (c->in)
		memset(field, 0, size);
	else if (c->out && memcmp(field, &none, size))
		c->lost = true;
}

static uint64_t fnv1a(const uint8_t *p, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

void freeze_put_header(uint8_t *buf, uint32_t len, const char magic[FREEZE_MAGIC], uint32_t version)
{
	struct freeze_cursor c = {.out = buf, .pos = FREEZE_MAGIC};
	uint64_t hash = fnv1a(buf + FREEZE_HEADER, len - FREEZE_HEADER);

	memcpy(buf, magic, FREEZE_MAGIC);
	freeze_visit(&c, &version, sizeof(version));
	freeze_visit(&c, &len, sizeof(len));
	freeze_visit(&c, &hash, sizeof(hash));
}

int freeze_check_header(const uint8_t *buf, size_t len, const char magic[FREEZE_MAGIC], uint32_t *version)
{
	struct freeze_cursor c = {.in = buf, .pos = FREEZE_MAGIC};
	uint32_t found = 0, length = 0;
	uint64_t hash = 0;

	if (len < FREEZE_HEADER || memcmp(buf, magic, FREEZE_MAGIC))
		return -EINVAL;
	freeze_visit(&c, &found, sizeof(found));
	freeze_visit(&c, &length, sizeof(length));
	freeze_visit(&c, &hash, sizeof(hash));
	if (found > *version)
		return -ENOTSUP;
	*version = found;
	if (!found || length != len || hash != fnv1a(buf + FREEZE_HEADER, len - FREEZE_HEADER))
		return -EINVAL;
	return 0;
}
