/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <viq/bits.h>

#include "base/why.h"

#include "offer.h"

static uint64_t load(const void *base, size_t offset, uint8_t width)
{
	uint32_t word;
	uint64_t reg;

	if (width == sizeof(reg)) {
		memcpy(&reg, (const char *)base + offset, sizeof(reg));
		return reg;
	}
	memcpy(&word, (const char *)base + offset, sizeof(word));
	return word;
}

static void store(void *base, size_t offset, uint8_t width, uint64_t reg)
{
	uint32_t word = (uint32_t)reg;

	if (width == sizeof(reg))
		memcpy((char *)base + offset, &reg, sizeof(reg));
	else
		memcpy((char *)base + offset, &word, sizeof(word));
}

static uint64_t guest_sees(const struct offer_field *f, const void *guest)
{
	return VIQ_GET(f->mask, load(guest, f->offset, f->width));
}

static uint64_t host_has(const struct offer_field *f, const void *host)
{
	uint64_t value = VIQ_GET(f->mask, load(host, f->offset, f->width));

	return f->rule != OFFER_MUST_BE && value > f->value ? 0 : value;
}

static bool holds(const struct offer_field *f, uint64_t guest, uint64_t host)
{
	switch ((enum offer_rule)f->rule) {
	case OFFER_AT_MOST:
		return guest <= host;
	case OFFER_AT_LEAST:
		return guest >= host;
	case OFFER_SUBSET:
		return !(guest & ~host);
	case OFFER_ZERO_OR_SAME:
		return !host || guest == host;
	case OFFER_MUST_BE:
		return guest == f->value;
	}
	return false;
}

void offer_fields(const struct offer_field *fields, size_t count, const void *host, void *guest, bool raise)
{
	for (size_t i = 0; i < count; i++) {
		const struct offer_field *f = &fields[i];
		uint64_t has = host_has(f, host), value = f->rule == OFFER_MUST_BE ? f->value : has;

		if (f->how == OFFER_KEEP || (!(raise && f->how == OFFER_SET) && holds(f, guest_sees(f, guest), has)))
			continue;
		store(guest, f->offset, f->width,
		      (load(guest, f->offset, f->width) & ~f->mask) | VIQ_PUT(f->mask, value));
	}
}

int offer_check_fields(const struct offer_field *fields, size_t count, const void *host, const void *guest,
		       struct viq_why *why)
{
	for (size_t i = 0; i < count; i++) {
		const struct offer_field *f = &fields[i];
		uint64_t sees = guest_sees(f, guest), has = host_has(f, host);

		if (holds(f, sees, has))
			continue;
		if (f->why)
			return why_say(why, -EINVAL, "%s: the guest would see %u, must be %u: %s", f->name,
				       (unsigned)sees, (unsigned)f->value, f->why);
		return why_say(why, -EINVAL, "%s: the guest would see %u, the host has %u", f->name, (unsigned)sees,
			       (unsigned)has);
	}
	return 0;
}
