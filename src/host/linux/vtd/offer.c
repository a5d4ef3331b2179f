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
#include <string.h>

#include "vvtd.h"

enum rule {
	AT_MOST,   /* what the host has */
	NEEDS_1,   /* nesting does not work without */
	CANNOT_BE, /* 0: cannot be nested, or is not passed on */
};

static const struct field {
	const char *name;
	size_t guest; /* offset in struct viq_vtd_config */
	size_t host;  /* offset in struct viq_linux_hw_info */
	uint64_t mask;
	enum rule rule;
	bool offer; /* AT_MOST: set to the host's; else only lowered */
	const char *why;
} fields[] = {
#define CAP(field, ...)                                                                                                \
	{                                                                                                              \
		"CAP." #field, offsetof(struct viq_vtd_config, cap), offsetof(struct viq_linux_hw_info, cap),          \
			VIQ_VTD_CAP_##field, __VA_ARGS__                                                               \
	}
#define ECAP(field, ...)                                                                                               \
	{                                                                                                              \
		"ECAP." #field, offsetof(struct viq_vtd_config, ecap), offsetof(struct viq_linux_hw_info, ecap),       \
			VIQ_VTD_ECAP_##field, __VA_ARGS__                                                              \
	}
	CAP(CM, NEEDS_1, false, "a guest would send nothing when it makes an entry present"),
	CAP(FS1GP, AT_MOST, true, NULL),
	CAP(FS5LP, AT_MOST, true, NULL),
	ECAP(SMTS, NEEDS_1, false, "only scalable mode has first-stage tables"),
	ECAP(FSTS, NEEDS_1, false, "only first-stage tables can be nested"),
	ECAP(SSTS, CANNOT_BE, false, "a guest's second-stage tables cannot be nested"),
	ECAP(SSADS, CANNOT_BE, false, "a guest's second-stage tables cannot be nested"),
	ECAP(RPRIVS, CANNOT_BE, false, "the kernel does not take RID_PRIV"),
	ECAP(DT, AT_MOST, false, NULL),
	ECAP(NWFS, AT_MOST, false, NULL),
	ECAP(SC, AT_MOST, false, NULL),
	ECAP(SRS, AT_MOST, true, NULL),
	ECAP(EAFS, AT_MOST, true, NULL),
	ECAP(SMPWCS, AT_MOST, true, NULL),
	ECAP(PASID, AT_MOST, false, NULL),
	ECAP(PSS, AT_MOST, false, NULL),
#undef CAP
#undef ECAP
};

/*
 * PASIDs of 16 bits: one descriptor of the guest's can make viq read all PASID entries of a device, and the guest
 * chooses how many there are. 65,536 take some milliseconds, 2^20 the better part of a tenth of a second.
 */
#define OFFER_PSS 15

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static uint64_t get(const void *base, size_t offset, uint64_t mask)
{
	uint64_t reg;

	memcpy(&reg, (const char *)base + offset, sizeof(reg));
	return VIQ_GET(mask, reg);
}

static void set(struct viq_vtd_config *config, const struct field *f, uint64_t value)
{
	uint64_t reg;

	memcpy(&reg, (const char *)config + f->guest, sizeof(reg));
	reg = (reg & ~f->mask) | VIQ_PUT(f->mask, value);
	memcpy((char *)config + f->guest, &reg, sizeof(reg));
}

static int check_field(const struct viq_linux_hw_info *hw, const struct viq_vtd_config *config, const struct field *f,
		       struct viq_linux_why *why)
{
	uint64_t guest = get(config, f->guest, f->mask), host = get(hw, f->host, f->mask);

	switch (f->rule) {
	case AT_MOST:
		if (guest <= host)
			return 0;
		return linux_why(why, -EINVAL, "%s: the guest would see %u, the host has %u", f->name, (unsigned)guest,
				 (unsigned)host);
	case NEEDS_1:
		return guest ? 0 : linux_why(why, -EINVAL, "%s: the guest would see 0, must be 1: %s", f->name, f->why);
	case CANNOT_BE:
		return guest ? linux_why(why, -EINVAL, "%s: the guest would see %u, must be 0: %s", f->name,
					 (unsigned)guest, f->why)
			     : 0;
	}
	return -EINVAL;
}

int linux_vtd_offer_check(const struct viq_linux_hw_info *hw, const struct viq_vtd_config *config,
			  struct viq_linux_why *why)
{
	for (size_t i = 0; i < FIELDS; i++) {
		int err = check_field(hw, config, &fields[i], why);

		if (err)
			return err;
	}
	return 0;
}

/* Fields that need others, when these have been taken away: as viq_vtd_config_check() has it. */
static void settle(struct viq_vtd_config *c)
{
	if (!(c->ecap & VIQ_VTD_ECAP_DT))
		c->ecap &= ~(VIQ_VTD_ECAP_DIT | VIQ_VTD_ECAP_NWFS);
	if (!(c->ecap & VIQ_VTD_ECAP_PASID))
		c->ecap &= ~VIQ_VTD_ECAP_PSS;
}

void linux_vtd_offer(const struct viq_linux_hw_info *hw, struct viq_vtd_config *config)
{
	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[i];
		uint64_t guest = get(config, f->guest, f->mask), host = get(hw, f->host, f->mask);

		switch (f->rule) {
		case AT_MOST:
			if (f->offer || host < guest)
				set(config, f, host);
			break;
		case NEEDS_1:
			set(config, f, 1);
			break;
		case CANNOT_BE:
			set(config, f, 0);
			break;
		}
	}
	if (VIQ_GET(VIQ_VTD_ECAP_PSS, config->ecap) > OFFER_PSS)
		config->ecap = (config->ecap & ~VIQ_VTD_ECAP_PSS) | VIQ_PUT(VIQ_VTD_ECAP_PSS, OFFER_PSS);
	settle(config);
}

int linux_vtd_offer_possible(const struct viq_linux_hw_info *hw, struct viq_linux_why *why)
{
	if (!(hw->ecap & VIQ_VTD_ECAP_SMTS))
		return linux_why(why, -EOPNOTSUPP, "ECAP.SMTS: the VT-d has no scalable mode");
	if (!(hw->ecap & VIQ_VTD_ECAP_NEST))
		return linux_why(why, -EOPNOTSUPP, "ECAP.NEST: the VT-d has no nested translation");
	if (!(hw->ecap & VIQ_VTD_ECAP_FSTS))
		return linux_why(why, -EOPNOTSUPP, "ECAP.FSTS: the VT-d has no first-stage translation");
	return 0;
}

void viq_linux_vvtd_offer(const struct viq_linux_vvtd *v, struct viq_vtd_config *config)
{
	if (v && config)
		linux_vtd_offer(&v->hw, config);
}

int viq_linux_vvtd_check(const struct viq_linux_vvtd *v, const struct viq_vtd_config *config, struct viq_linux_why *why)
{
	if (!v || !config || config->size != sizeof(*config))
		return linux_why(why, -EINVAL, "config: not set by viq_vtd_config_init()");
	return linux_vtd_offer_check(&v->hw, config, why);
}
