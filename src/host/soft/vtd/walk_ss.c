/* SPDX-License-Identifier: MIT */
/* The second stage (sections 3.7, 9.8). */
#include <errno.h>

#include "walk_entry.h"

/* Kinds of faults that have a number of their own in legacy mode. */
enum ss_fault {
	SS_WIDTH,
	SS_ROOT_ACCESS,
	SS_ACCESS,
	SS_RSVD,
	SS_ABSENT,
	SS_WRITE,
	SS_READ,
	SS_SNOOP,
	SS_FLAG
};

/*
 * Legacy mode has no number for an absent entry: what it does not allow is the reason. Nor are there flags (ss.ad), so
 * what SS_SNOOP and SS_FLAG have here is never asked for.
 */
static unsigned int legacy_reason(enum ss_fault kind, unsigned int access)
{
	static const uint8_t reasons[] = {
		[SS_WIDTH] = VIQ_VTD_FR_ADDR,       [SS_ROOT_ACCESS] = VIQ_VTD_FR_CTX_INVALID,
		[SS_ACCESS] = VIQ_VTD_FR_SS_ACCESS, [SS_RSVD] = VIQ_VTD_FR_SS_RSVD,
		[SS_WRITE] = VIQ_VTD_FR_WRITE,      [SS_READ] = VIQ_VTD_FR_READ,
		[SS_SNOOP] = VIQ_VTD_FR_SS_ACCESS,  [SS_FLAG] = VIQ_VTD_FR_SS_ACCESS,
	};

	if (kind == SS_ABSENT)
		return access & SOFT_W ? VIQ_VTD_FR_WRITE : VIQ_VTD_FR_READ;
	return reasons[kind];
}

static unsigned int scalable_reason(enum ss_fault kind, enum soft_vtd_purpose purpose, bool nested)
{
	static const uint8_t reasons[] = {
		[SS_WIDTH] = VIQ_VTD_FR_SM_SS_ADDR,    [SS_ROOT_ACCESS] = VIQ_VTD_FR_SM_SS_ROOT_ACCESS,
		[SS_ACCESS] = VIQ_VTD_FR_SM_SS_ACCESS, [SS_RSVD] = VIQ_VTD_FR_SM_SS_RSVD,
		[SS_ABSENT] = VIQ_VTD_FR_SM_SS_P,      [SS_WRITE] = VIQ_VTD_FR_SM_WRITE,
		[SS_READ] = VIQ_VTD_FR_SM_READ,        [SS_SNOOP] = VIQ_VTD_FR_SS_FLAG_SNOOP,
		[SS_FLAG] = VIQ_VTD_FR_SS_FLAG_FAILED,
	};

	/* SFS.5: of a page's address, too. */
	if (kind == SS_WIDTH && nested)
		return VIQ_VTD_FR_FS_TABLE_ADDR;
	if (purpose != SOFT_VTD_FOR_REQUEST) {
		if (kind == SS_WRITE)
			return VIQ_VTD_FR_FS_TABLE_WRITE;
		if (kind == SS_READ)
			return purpose == SOFT_VTD_FOR_FS_ROOT ? VIQ_VTD_FR_FS_ROOT_READ : VIQ_VTD_FR_FS_TABLE_READ;
	}
	return reasons[kind];
}

/* One second-stage walk, from level to level. */
struct ss_walk {
	const struct soft_vtd_walker *w;
	uint64_t gpa;
	unsigned int access;
	enum soft_vtd_purpose purpose;
	unsigned int level;
	uint64_t fetch; /* address of this level's entry; 0 before the first */
};

static int fail(const struct ss_walk *s, enum ss_fault kind)
{
	const struct vtd_regime *regime = s->w->regime;
	bool nested = regime->pgtt == VIQ_VTD_PGTT_NESTED;
	unsigned int reason =
		regime->legacy ? legacy_reason(kind, s->access) : scalable_reason(kind, s->purpose, nested);

	soft_vtd_fail_entry(s->w->fault, reason, regime->fpd, s->level, s->fetch);
	if (nested) {
		s->w->fault->second_stage = true;
		s->w->fault->gpa = s->gpa;
	}
	return -EFAULT;
}

static unsigned int entry_rights(uint64_t entry)
{
	return (entry & VIQ_VTD_SS_R ? SOFT_R : 0) | (entry & VIQ_VTD_SS_W ? SOFT_W : 0);
}

/* An instruction fetch is a read here: ECAP has no capability for more. */
static unsigned int missing_rights(unsigned int rights, unsigned int access)
{
	unsigned int need = access & (SOFT_R | SOFT_W);

	if (access & SOFT_X)
		need |= SOFT_R;
	return need & ~rights;
}

/* Of a leaf. A flag that is set in a first-stage table is a write to its page, whatever becomes of the request. */
static bool becomes_dirty(const struct ss_walk *s)
{
	return s->access & SOFT_W && (s->w->dirty || s->purpose != SOFT_VTD_FOR_REQUEST);
}

/*
 * Read this level's entry, check it and set its flags. *rights are those of the levels above, and become those of this
 * one too; at a leaf they decide about the access.
 */
static int use_entry(const struct ss_walk *s, const struct vtd_ss *ss, unsigned int *rights, uint64_t *entry)
{
	unsigned int now, missing;
	uint64_t flags;
	int ret = -EAGAIN;

	for (unsigned int tries = 0; ret == -EAGAIN && tries < SOFT_VTD_FLAG_TRIES; tries++) {
		if (viq_mem_read_words(s->w->mem, s->fetch, entry, 1))
			return fail(s, s->level == ss->levels ? SS_ROOT_ACCESS : SS_ACCESS);
		if (!entry_rights(*entry))
			return fail(s, SS_ABSENT);
		if (*entry & vtd_ss_reserved(s->w->f, *entry, s->level))
			return fail(s, SS_RSVD);
		now = *rights & entry_rights(*entry);
		flags = VIQ_VTD_SS_A;
		if (vtd_pte_is_leaf(*entry, s->level)) {
			missing = missing_rights(now, s->access);
			/* SSS.2: the entries together allow nothing. */
			if (!now)
				return fail(s, SS_ABSENT);
			if (missing)
				return fail(s, missing & SOFT_W ? SS_WRITE : SS_READ);
			flags |= becomes_dirty(s) ? VIQ_VTD_SS_D : 0;
		}
		if (ss->ad && ~*entry & flags && !s->w->regime->snooped)
			return fail(s, SS_SNOOP);
		ret = ss->ad ? soft_vtd_set_flags(s->w->mem, s->fetch, entry, flags) : 0;
		if (!ret)
			*rights = now;
	}
	return ret ? fail(s, SS_FLAG) : 0;
}

int soft_vtd_walk_ss(const struct soft_vtd_walker *w, uint64_t gpa, unsigned int access, enum soft_vtd_purpose purpose,
		     struct soft_vtd_ss_leaf *leaf)
{
	const struct vtd_ss *ss = &w->regime->ss;
	struct ss_walk s = {.w = w, .gpa = gpa, .access = access, .purpose = purpose};
	unsigned int rights = SOFT_R | SOFT_W;
	uint64_t table = ss->table, entry;
	int ret;

	if (gpa >> ss->width)
		return fail(&s, SS_WIDTH);
	for (s.level = ss->levels;; s.level--) {
		s.fetch = vtd_entry_at(table, gpa, s.level);
		ret = use_entry(&s, ss, &rights, &entry);
		if (ret)
			return ret;
		if (vtd_pte_is_leaf(entry, s.level))
			break;
		table = entry & VIQ_VTD_SS_ADDR;
	}
	*leaf = (struct soft_vtd_ss_leaf){
		.pa = (entry & VIQ_VTD_SS_ADDR) | (gpa & vtd_low_bits(vtd_level_shift(s.level))),
		.level = (uint8_t)s.level,
		.rights = (uint8_t)rights,
		.dirty = !ss->ad || entry & VIQ_VTD_SS_D,
	};
	return 0;
}

unsigned int soft_vtd_ss_denies(const struct vtd_regime *regime, unsigned int rights, unsigned int access)
{
	unsigned int missing = missing_rights(rights, access);

	if (missing & SOFT_W)
		return regime->legacy ? VIQ_VTD_FR_WRITE : VIQ_VTD_FR_SM_WRITE;
	if (missing)
		return regime->legacy ? VIQ_VTD_FR_READ : VIQ_VTD_FR_SM_READ;
	return 0;
}
