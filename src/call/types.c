/* SPDX-License-Identifier: MIT */
/* The entry types. */
#include <stddef.h>

#include <viq/bits.h>

#include "base/le.h"
#include "types.h"

/*
 * Of the commands that a host takes, these name a StreamID (IHI 0070 4.3, 4.5). This layer decodes nothing: that these
 * numbers are the architecture's is checked by a test.
 */
enum {
	CFGI_CD = 0x05,
	CFGI_CD_ALL = 0x06,
	ATC_INV = 0x40, /* also wants an ATC behind it */
};
#define SMMUV3_OP  VIQ_BITS(7, 0)
#define SMMUV3_SID VIQ_BITS(63, 32)

static uint32_t smmuv3_needs(const void *entry, uint32_t *sid)
{
	uint64_t word = le_load(entry, sizeof(word));

	*sid = (uint32_t)VIQ_GET(SMMUV3_SID, word);
	switch (VIQ_GET(SMMUV3_OP, word)) {
	case CFGI_CD:
	case CFGI_CD_ALL:
		return VIQ_CALL_STREAM_KNOWN;
	case ATC_INV:
		return VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
	}
	return 0;
}

const struct call_type *call_type_find(uint32_t type)
{
	static const struct call_type vtd_s1 = {24, NULL}, smmuv3 = {16, smmuv3_needs};

	switch (type) {
	case VIQ_CALL_VTD_S1:
		return &vtd_s1;
	case VIQ_CALL_SMMUV3:
		return &smmuv3;
	}
	return NULL;
}
