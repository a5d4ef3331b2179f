/* SPDX-License-Identifier: MIT */
/* The entry types, one row each. */
#include <stddef.h>

#include <viq/smmuv3_spec.h>

#include "base/le.h"
#include "types.h"

/* IHI 0070 4.3, 4.5: of the commands that a host takes, these name a StreamID. ATC_INV also wants an ATC behind it. */
static uint32_t smmuv3_needs(const void *entry, uint32_t *sid)
{
	uint64_t word = le_load(entry, sizeof(word));

	*sid = (uint32_t)VIQ_GET(VIQ_SMMUV3_CMD_SID, word);
	switch (VIQ_GET(VIQ_SMMUV3_CMD_OP, word)) {
	case VIQ_SMMUV3_OP_CFGI_CD:
	case VIQ_SMMUV3_OP_CFGI_CD_ALL:
		return VIQ_CALL_STREAM_KNOWN;
	case VIQ_SMMUV3_OP_ATC_INV:
		return VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
	}
	return 0;
}

/* By number. */
static const struct call_type types[] = {
	[VIQ_CALL_VTD_S1] = {24, NULL},
	[VIQ_CALL_SMMUV3] = {VIQ_SMMUV3_CMD_SIZE, smmuv3_needs},
};

const struct call_type *call_type_find(uint32_t type)
{
	if (type >= sizeof(types) / sizeof(types[0]) || !types[type].entry_size)
		return NULL;
	return &types[type];
}
