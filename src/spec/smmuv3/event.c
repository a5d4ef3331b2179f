/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "event.h"

#define SUBSTREAM (VIQ_SMMUV3_EVT_0_SSV | VIQ_SMMUV3_EVT_0_SSID)
#define ACCESS    (VIQ_SMMUV3_EVT_1_PNU | VIQ_SMMUV3_EVT_1_IND | VIQ_SMMUV3_EVT_1_RNW)
#define STAGE     (VIQ_SMMUV3_EVT_1_S2 | VIQ_SMMUV3_EVT_1_CLASS)
#define STALL     (VIQ_SMMUV3_EVT_1_STALL | VIQ_SMMUV3_EVT_1_STAG)
#define REASON    VIQ_SMMUV3_EVT_1_REASON
#define INPUT     UINT64_MAX
#define FETCH     VIQ_SMMUV3_EVT_3_FETCH
#define IPA       VIQ_SMMUV3_EVT_3_IPA

/* By number. What ATS events (0x05, 0x07) say of the request, its address and RnW apart, is left out. */
static const struct smmuv3_event events[] = {
	[VIQ_SMMUV3_EVT_F_UUT] = {"F_UUT", {SUBSTREAM, ACCESS | REASON, INPUT, 0}},
	[VIQ_SMMUV3_EVT_C_BAD_STREAMID] = {"C_BAD_STREAMID", {SUBSTREAM, 0, 0, 0}},
	[VIQ_SMMUV3_EVT_F_STE_FETCH] = {"F_STE_FETCH", {SUBSTREAM, REASON, 0, FETCH}},
	[VIQ_SMMUV3_EVT_C_BAD_STE] = {"C_BAD_STE", {SUBSTREAM, 0, 0, 0}},
	[VIQ_SMMUV3_EVT_F_BAD_ATS_TREQ] = {"F_BAD_ATS_TREQ", {SUBSTREAM, 0, INPUT, 0}},
	[VIQ_SMMUV3_EVT_F_STREAM_DISABLED] = {"F_STREAM_DISABLED", {0, 0, 0, 0}},
	[VIQ_SMMUV3_EVT_F_TRANSL_FORBIDDEN] = {"F_TRANSL_FORBIDDEN", {0, VIQ_SMMUV3_EVT_1_RNW, INPUT, 0}},
	/* The SubstreamID is always valid here (7.3.9). */
	[VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID] = {"C_BAD_SUBSTREAMID", {VIQ_SMMUV3_EVT_0_SSID, 0, 0, 0}},
	[VIQ_SMMUV3_EVT_F_CD_FETCH] = {"F_CD_FETCH", {SUBSTREAM, REASON, 0, FETCH}},
	[VIQ_SMMUV3_EVT_C_BAD_CD] = {"C_BAD_CD", {SUBSTREAM, 0, 0, 0}},
	[VIQ_SMMUV3_EVT_F_WALK_EABT] = {"F_WALK_EABT", {SUBSTREAM, ACCESS | STAGE | REASON, INPUT, FETCH}},
	[VIQ_SMMUV3_EVT_F_TRANSLATION] = {"F_TRANSLATION", {SUBSTREAM, ACCESS | STAGE | STALL, INPUT, IPA}},
	[VIQ_SMMUV3_EVT_F_ADDR_SIZE] = {"F_ADDR_SIZE", {SUBSTREAM, ACCESS | STAGE | STALL, INPUT, IPA}},
	[VIQ_SMMUV3_EVT_F_ACCESS] = {"F_ACCESS", {SUBSTREAM, ACCESS | STAGE | STALL, INPUT, IPA}},
	[VIQ_SMMUV3_EVT_F_PERMISSION] = {"F_PERMISSION",
					 {SUBSTREAM, ACCESS | STAGE | STALL | VIQ_SMMUV3_EVT_1_TTRNW, INPUT, IPA}},
};

const struct smmuv3_event *smmuv3_event_find(unsigned int number)
{
	return number < sizeof(events) / sizeof(events[0]) && events[number].name ? &events[number] : NULL;
}

const char *smmuv3_cerror_name(unsigned int cerror)
{
	static const char *const names[] = {"CERROR_NONE", "CERROR_ILL", "CERROR_ABT", "CERROR_ATC_INV_SYNC"};

	return cerror < sizeof(names) / sizeof(names[0]) ? names[cerror] : NULL;
}
