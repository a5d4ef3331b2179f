/* SPDX-License-Identifier: MIT */
/* Event records (IHI 0070 7.3): which fields each event has. */
#include <string.h>

#include "translate.h"

#define SUBSTREAM (1u << 0) /* SSV and SSID */
#define SSID_ONLY (1u << 1) /* SSID, without SSV */
#define ACCESS    (1u << 2) /* PnU, InD, RnW, S2, CLASS and the input address */
#define FETCH     (1u << 3) /* address of the structure */
#define STAGE2    (1u << 4) /* the IPA, if stage 2 faulted */

static const uint8_t fields_of[] = {
	[VIQ_SMMUV3_EVT_F_STREAM_DISABLED] = 0, /* the StreamID alone */
	[VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID] = SSID_ONLY,
	[VIQ_SMMUV3_EVT_F_CD_FETCH] = SUBSTREAM | FETCH,
	[VIQ_SMMUV3_EVT_C_BAD_CD] = SUBSTREAM,
	[VIQ_SMMUV3_EVT_F_WALK_EABT] = SUBSTREAM | ACCESS | FETCH,
	[VIQ_SMMUV3_EVT_F_TRANSLATION] = SUBSTREAM | ACCESS | STAGE2,
	[VIQ_SMMUV3_EVT_F_ADDR_SIZE] = SUBSTREAM | ACCESS | STAGE2,
	[VIQ_SMMUV3_EVT_F_ACCESS] = SUBSTREAM | ACCESS | STAGE2,
	[VIQ_SMMUV3_EVT_F_PERMISSION] = SUBSTREAM | ACCESS | STAGE2,
};

static uint64_t access_word(const struct soft_access *access, const struct soft_fault *fault)
{
	uint64_t word = VIQ_PUT(VIQ_SMMUV3_EVT_1_CLASS, fault->klass);

	if (access->flags & VIQ_SOFT_PRIV)
		word |= VIQ_SMMUV3_EVT_1_PNU;
	if (access->flags & VIQ_SOFT_EXEC)
		word |= VIQ_SMMUV3_EVT_1_IND;
	if (!(access->flags & VIQ_SOFT_WRITE))
		word |= VIQ_SMMUV3_EVT_1_RNW;
	if (fault->stage2)
		word |= VIQ_SMMUV3_EVT_1_S2;
	if (fault->event == VIQ_SMMUV3_EVT_F_PERMISSION && fault->klass == VIQ_SMMUV3_EVT_CLASS_TT && fault->ttrnw_read)
		word |= VIQ_SMMUV3_EVT_1_TTRNW;
	return word;
}

void soft_event(const struct soft_access *access, const struct soft_fault *fault)
{
	const struct viq_soft_config *config = &access->soft->config;
	uint8_t fields = fields_of[fault->event];
	uint64_t record[4] = {fault->event | VIQ_PUT(VIQ_SMMUV3_EVT_0_SID, access->view->vsid)};

	if (!config->event || !access->view->bound)
		return;
	if (fields & SUBSTREAM && access->flags & VIQ_SOFT_SSV)
		record[0] |= VIQ_SMMUV3_EVT_0_SSV | VIQ_PUT(VIQ_SMMUV3_EVT_0_SSID, access->ssid);
	if (fields & SSID_ONLY)
		record[0] |= VIQ_PUT(VIQ_SMMUV3_EVT_0_SSID, access->ssid);
	if (fields & ACCESS) {
		record[1] = access_word(access, fault);
		record[2] = access->iova;
	}
	if (fields & FETCH)
		record[3] = fault->fetch & VIQ_SMMUV3_EVT_3_FETCH;
	if (fields & STAGE2 && fault->stage2)
		record[3] = fault->ipa & VIQ_SMMUV3_EVT_3_IPA;
	config->event(config->opaque, access->view->viommu, record);
}

/* Events of the stream table come ready but for the access (7.3.3 to 7.3.5). */
void soft_stream_event(const struct soft_access *access)
{
	const struct viq_soft_config *config = &access->soft->config;
	uint64_t record[4];

	if (!config->event || !access->view->bound)
		return;
	memcpy(record, access->view->fault, sizeof(record));
	record[0] &= ~(VIQ_SMMUV3_EVT_0_SSV | VIQ_SMMUV3_EVT_0_SSID | VIQ_SMMUV3_EVT_0_SID);
	record[0] |= VIQ_PUT(VIQ_SMMUV3_EVT_0_SID, access->view->vsid);
	if (access->flags & VIQ_SOFT_SSV)
		record[0] |= VIQ_SMMUV3_EVT_0_SSV | VIQ_PUT(VIQ_SMMUV3_EVT_0_SSID, access->ssid);
	config->event(config->opaque, access->view->viommu, record);
}
