/* SPDX-License-Identifier: MIT */
/* What a guest may be told of a host: one row per field of an ID register, for any architecture. */
#ifndef VIQ_HOST_OFFER_H
#define VIQ_HOST_OFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/why.h>

/* What holds between the guest's value and the host's. */
enum offer_rule {
	OFFER_AT_MOST,      /* greater means more capable */
	OFFER_AT_LEAST,     /* greater means less capable */
	OFFER_SUBSET,       /* a capability per bit */
	OFFER_ZERO_OR_SAME, /* a host's 0 has every value */
	OFFER_MUST_BE,      /* value, on any host that can be nested */
};

enum offer_how {
	OFFER_KEEP,  /* emulated, so no host has more or less of it: only checked */
	OFFER_LOWER, /* to the host's value, where the rule does not hold */
	OFFER_SET,   /* to the host's value in any case, or to that which it must be */
};

struct offer_field {
	const char *name;
	size_t offset; /* of the register, in the structs of registers that host and guest are */
	uint64_t mask;
	uint8_t width; /* of the register, 4 or 8 bytes */
	uint8_t rule;  /* enum offer_rule */
	uint8_t how;   /* enum offer_how */
	/* MUST_BE: the value; else the highest host's value that is not reserved and that viq knows: more counts as 0.
	 */
	uint64_t value;
	const char *why; /* MUST_BE; NULL: none needed */
};

/* Without raise SET is LOWER. */
void offer_fields(const struct offer_field *fields, size_t count, const void *host, void *guest, bool raise);
/* 0, or -EINVAL with *why naming the first field that promises too much. */
int offer_check_fields(const struct offer_field *fields, size_t count, const void *host, const void *guest,
		       struct viq_why *why);

#endif
