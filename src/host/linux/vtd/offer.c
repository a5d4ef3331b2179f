/* SPDX-License-Identifier: MIT */
/*
 * CAP and ECAP: what a guest may be told, given the physical VT-d (11.4.2, 11.4.3).
 *
 * The physical VT-d walks the guest's first-stage tables itself: a field about them that says more than it has is a
 * fault in the guest that the guest cannot explain. One row a field; what is not in the table is emulated here
 * (registers, queue, root to PASID tables) or refused by viq_vtd_config_check().
 */
#include <errno.h>
#include <stddef.h>

#include "base/sized.h"
#include "host/offer.h"
#include "vvtd.h"

struct caps {
	uint64_t cap, ecap;
};

static const struct offer_field fields[] = {
#define ROW(reg, member, field, rule, how, value, why)                                                                 \
	{                                                                                                              \
#reg "." #field, offsetof(struct caps, member), VIQ_VTD_##reg##_##field, 8, OFFER_##rule, OFFER_##how, \
			value, why                                                                                     \
	}
#define CAP(field, ...)  ROW(CAP, cap, field, __VA_ARGS__)
#define ECAP(field, ...) ROW(ECAP, ecap, field, __VA_ARGS__)
	CAP(CM, MUST_BE, SET, 1, "a guest would send nothing when it makes an entry present"),
	CAP(FS1GP, AT_MOST, SET, 1, NULL),
	CAP(FS5LP, AT_MOST, SET, 1, NULL),
	ECAP(SMTS, MUST_BE, SET, 1, "only scalable mode has first-stage tables"),
	ECAP(FSTS, MUST_BE, SET, 1, "only first-stage tables can be nested"),
	ECAP(SSTS, MUST_BE, SET, 0, "a guest's second-stage tables cannot be nested"),
	ECAP(NEST, MUST_BE, SET, 0, "a guest's second-stage tables cannot be nested"),
	ECAP(SSADS, MUST_BE, SET, 0, "a guest's second-stage tables cannot be nested"),
	ECAP(RPRIVS, MUST_BE, SET, 0, "the kernel does not take RID_PRIV"),
	ECAP(DT, AT_MOST, LOWER, 1, NULL),
	ECAP(NWFS, AT_MOST, LOWER, 1, NULL),
	ECAP(SC, AT_MOST, LOWER, 1, NULL),
	ECAP(SRS, AT_MOST, SET, 1, NULL),
	ECAP(EAFS, AT_MOST, SET, 1, NULL),
	ECAP(SMPWCS, AT_MOST, SET, 1, NULL),
	ECAP(PASID, AT_MOST, LOWER, 1, NULL),
	ECAP(PSS, AT_MOST, LOWER, 31, NULL),
	ECAP(PRS, AT_MOST, SET, 1, NULL),
	ECAP(PDS, AT_MOST, SET, 1, NULL),
#undef CAP
#undef ECAP
#undef ROW
};

/*
 * PASIDs of 16 bits: one descriptor of the guest's can make viq read all PASID entries of a device, and the guest
 * chooses how many there are. 65,536 take some milliseconds, 2^20 the better part of a tenth of a second.
 */
#define OFFER_PSS 15

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* Fields that need others, when these have been taken away: as viq_vtd_config_check() has it. */
static void settle(struct caps *c)
{
	if (!(c->ecap & VIQ_VTD_ECAP_DT))
		c->ecap &= ~(VIQ_VTD_ECAP_DIT | VIQ_VTD_ECAP_NWFS | VIQ_VTD_ECAP_PRS);
	if (!(c->ecap & VIQ_VTD_ECAP_PRS))
		c->ecap &= ~VIQ_VTD_ECAP_PDS;
	if (!(c->ecap & VIQ_VTD_ECAP_SMPWCS))
		c->ecap &= ~VIQ_VTD_ECAP_EAFS;
	if (!(c->ecap & VIQ_VTD_ECAP_PASID))
		c->ecap &= ~VIQ_VTD_ECAP_PSS;
}

/* Page requests are taken by the embedder's leave. What PD can do is done here, so it is not the hardware's to have. */
static struct caps caps_of(const struct viq_linux_vvtd *v)
{
	struct caps c = {v->hw.cap, v->hw.ecap};

	if (v->pages.fd < 0)
		c.ecap &= ~VIQ_VTD_ECAP_PRS;
	c.ecap = c.ecap & VIQ_VTD_ECAP_PRS ? c.ecap | VIQ_VTD_ECAP_PDS : c.ecap & ~VIQ_VTD_ECAP_PDS;
	return c;
}

static void offer(const struct caps *host, struct caps *config)
{
	offer_fields(fields, FIELDS, host, config, true);
	if (VIQ_GET(VIQ_VTD_ECAP_PSS, config->ecap) > OFFER_PSS)
		config->ecap = (config->ecap & ~VIQ_VTD_ECAP_PSS) | VIQ_PUT(VIQ_VTD_ECAP_PSS, OFFER_PSS);
	settle(config);
}

int linux_vtd_offer_possible(const struct viq_linux_hw_info *hw, struct viq_why *why)
{
	if (!(hw->ecap & VIQ_VTD_ECAP_SMTS))
		return why_say(why, -EOPNOTSUPP, "ECAP.SMTS: the VT-d has no scalable mode");
	if (!(hw->ecap & VIQ_VTD_ECAP_NEST))
		return why_say(why, -EOPNOTSUPP, "ECAP.NEST: the VT-d has no nested translation");
	if (!(hw->ecap & VIQ_VTD_ECAP_FSTS))
		return why_say(why, -EOPNOTSUPP, "ECAP.FSTS: the VT-d has no first-stage translation");
	return 0;
}

void viq_linux_vvtd_offer(const struct viq_linux_vvtd *v, uint64_t *cap, uint64_t *ecap)
{
	struct caps host, c;

	if (!v || !cap || !ecap)
		return;
	c = (struct caps){*cap, *ecap};
	host = caps_of(v);
	offer(&host, &c);
	*cap = c.cap;
	*ecap = c.ecap;
}

int viq_linux_vvtd_check(const struct viq_linux_vvtd *v, uint64_t cap, uint64_t ecap, struct viq_why *why)
{
	const struct caps c = {cap, ecap};
	struct caps host;

	if (!v)
		return why_say(why, -EINVAL, "vvtd must not be NULL");
	host = caps_of(v);
	return offer_check_fields(fields, FIELDS, &host, &c, why);
}
