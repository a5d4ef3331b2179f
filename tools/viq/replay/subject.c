// SPDX-License-Identifier: MIT
/* Whom the commands of either architecture concern, and how many pages they name. */
#include "spec/smmuv3/scope.h"
#include "spec/vtd/descriptor.h"

#include "arch.h"
#include "smmuv3.h"
#include "vtd.h"

bool smmuv3_subject(const uint64_t cmd[4], struct replay_subject *subject, uint64_t *pages)
{
	unsigned int op = smmuv3_cmd_op(cmd);
	struct smmuv3_tlbi tlbi;

	*pages = 0;
	switch (op) {
	case VIQ_SMMUV3_OP_TLBI_NH_VA:
	case VIQ_SMMUV3_OP_TLBI_NH_VAA:
		tlbi = smmuv3_tlbi_decode(cmd, true);
		*pages = tlbi.granule ? tlbi.span.bytes >> tlbi.granule : 1;
		if (op == VIQ_SMMUV3_OP_TLBI_NH_VAA)
			break;
		__attribute__((fallthrough));
	case VIQ_SMMUV3_OP_TLBI_NH_ASID:
		*subject = (struct replay_subject){"ASID", smmuv3_tlbi_asid(cmd), REPLAY_NO_ID};
		return true;
	case VIQ_SMMUV3_OP_CFGI_STE:
	case VIQ_SMMUV3_OP_CFGI_CD:
	case VIQ_SMMUV3_OP_CFGI_CD_ALL:
		*subject = (struct replay_subject){"configuration of stream", smmuv3_cmd_sid(cmd), REPLAY_NO_ID};
		return true;
	case VIQ_SMMUV3_OP_CFGI_STE_RANGE:
		*subject = (struct replay_subject){"configuration of many streams", REPLAY_NO_ID, REPLAY_NO_ID};
		return true;
	case VIQ_SMMUV3_OP_ATC_INV:
		*pages = smmuv3_atc_span(cmd).bytes / 4096;
		*subject = (struct replay_subject){"ATC of stream", smmuv3_cmd_sid(cmd), REPLAY_NO_ID};
		return true;
	case VIQ_SMMUV3_OP_TLBI_NH_ALL:
	case VIQ_SMMUV3_OP_TLBI_NSNH_ALL:
		break;
	default:
		return false;
	}
	*subject = (struct replay_subject){"all ASIDs", REPLAY_NO_ID, REPLAY_NO_ID};
	return true;
}

bool vtd_subject(const uint64_t desc[4], struct replay_subject *subject, uint64_t *pages)
{
	uint64_t did = VIQ_GET(VIQ_VTD_DESC_DID, desc[0]), pasid = VIQ_GET(VIQ_VTD_DESC_PASID, desc[0]);
	unsigned int g = VIQ_GET(VIQ_VTD_DESC_G, desc[0]);
	struct vtd_span span = {0};

	*pages = vtd_descriptor_span(desc, &span) ? span.bytes / 4096 : 0;
	if (!vtd_descriptor_find(desc))
		return false;
	*subject = (struct replay_subject){"everything", REPLAY_NO_ID, REPLAY_NO_ID};
	switch (desc[0] & VIQ_VTD_DESC_TYPE) {
	case VIQ_VTD_TYPE_CC:
		if (g == VIQ_VTD_CC_DEVICE)
			*subject = (struct replay_subject){"context of device", VIQ_GET(VIQ_VTD_CC_SID, desc[0]),
							   REPLAY_NO_ID};
		else if (g == VIQ_VTD_CC_DOMAIN)
			*subject = (struct replay_subject){"contexts of domain", did, REPLAY_NO_ID};
		return true;
	case VIQ_VTD_TYPE_IOTLB:
		if (g > VIQ_VTD_IOTLB_GLOBAL)
			*subject = (struct replay_subject){"domain", did, REPLAY_NO_ID};
		return true;
	case VIQ_VTD_TYPE_PIOTLB:
		*subject = (struct replay_subject){"domain", did, pasid};
		return true;
	case VIQ_VTD_TYPE_PC:
		if (g != VIQ_VTD_PC_GLOBAL)
			*subject = (struct replay_subject){"PASID entries of domain", did,
							   g == VIQ_VTD_PC_PASID ? pasid : REPLAY_NO_ID};
		return true;
	case VIQ_VTD_TYPE_DEVTLB:
		subject->what = "TLB of device";
		subject->id = VIQ_GET(VIQ_VTD_DEVTLB_SID, desc[0]);
		return true;
	case VIQ_VTD_TYPE_PDEVTLB:
		*subject = (struct replay_subject){"TLB of device", VIQ_GET(VIQ_VTD_PDEVTLB_SID, desc[0]), pasid};
		return true;
	case VIQ_VTD_TYPE_IEC:
		subject->what = "interrupt entries";
		return true;
	default:
		return false;
	}
}
