/* SPDX-License-Identifier: MIT */
/*
 * The first stage (sections 3.6, 9.7). In nested translation every address in it is a guest-physical one, and goes
 * through the second stage first (3.8).
 */
#include <errno.h>

#include "walk_entry.h"

/* What the entries of a walk allow together. */
struct fs_rights {
	bool user, write, no_execute;
};

struct fs_walk {
	const struct soft_vtd_walker *w;
	const struct soft_vtd_fs *fs;
	unsigned int access;
	unsigned int level;
	uint64_t at;    /* address of this level's entry, as the first stage has it */
	uint64_t fetch; /* ... and in memory */
};

static int fail(const struct fs_walk *s, unsigned int reason)
{
	return soft_vtd_fail_entry(s->w->fault, reason, s->w->regime->fpd, s->level, s->fetch);
}

/* Bits 63:N repeat bit N - 1. */
static bool is_canonical(const struct soft_vtd_fs *fs, uint64_t iova)
{
	unsigned int unused = 64 - soft_vtd_level_shift(fs->levels + 1);

	return (uint64_t)((int64_t)(iova << unused) >> unused) == iova;
}

static bool is_leaf(uint64_t entry, unsigned int level)
{
	return level == 1 || ((level == 2 || level == 3) && entry & VIQ_VTD_FS_PS);
}

/*
 * Bits that must be clear. Bit 7 of a page's entry and bit 12 of a large page's are PAT. XD is never reserved: it is
 * ignored without NXE. Nested, it is the second stage that says which addresses there are.
 */
static uint64_t reserved_bits(const struct soft_vtd_walker *w, uint64_t entry, unsigned int level)
{
	uint64_t rsvd = 0;

	if (w->regime->pgtt != VIQ_VTD_PGTT_NESTED)
		rsvd |= VIQ_VTD_FS_ADDR & ~soft_vtd_low_bits(w->f->haw);
	if (level > 3 || (level == 3 && !(w->f->cap & VIQ_VTD_CAP_FS1GP)))
		rsvd |= VIQ_VTD_FS_PS;
	if (level > 1 && is_leaf(entry, level))
		rsvd |= VIQ_VTD_FS_ADDR & soft_vtd_low_bits(soft_vtd_level_shift(level)) & ~VIQ_BIT(12);
	return rsvd;
}

/* Where this level's entry lies in memory, for reading (and setting flags: SOFT_W). */
static int locate(struct fs_walk *s, unsigned int access)
{
	struct soft_vtd_ss_leaf leaf;
	int ret;

	s->fetch = s->at;
	if (s->w->regime->pgtt != VIQ_VTD_PGTT_NESTED)
		return 0;
	ret = soft_vtd_walk_ss(s->w, s->at, access,
			       s->level == s->fs->levels ? SOFT_VTD_FOR_FS_ROOT : SOFT_VTD_FOR_FS_TABLE, &leaf);
	if (!ret)
		s->fetch = leaf.pa;
	return ret;
}

static void add_rights(struct fs_rights *rights, uint64_t entry)
{
	rights->user &= !!(entry & VIQ_VTD_FS_US);
	rights->write &= !!(entry & VIQ_VTD_FS_RW);
	rights->no_execute |= !!(entry & VIQ_VTD_FS_XD);
}

/* Rights as sets. Supervisors write read-only pages unless WPE says otherwise. */
static void fill_rights(const struct soft_vtd_fs *fs, const struct fs_rights *rights, struct soft_vtd_leaf *leaf)
{
	bool execute = !fs->nxe || !rights->no_execute;

	leaf->fs_user = 0;
	if (rights->user)
		leaf->fs_user = SOFT_R | (rights->write ? SOFT_W : 0) | (execute ? SOFT_X : 0);
	leaf->fs_priv = SOFT_R | (rights->write || !fs->wpe ? SOFT_W : 0) |
			(execute && !(fs->smep && rights->user) ? SOFT_X : 0);
}

unsigned int soft_vtd_fs_denies(const struct soft_vtd_leaf *leaf, unsigned int access)
{
	unsigned int rights = access & SOFT_P ? leaf->fs_priv : leaf->fs_user;
	unsigned int missing = access & (SOFT_R | SOFT_W | SOFT_X) & ~rights;

	if (!missing)
		return 0;
	if (!rights)
		return VIQ_VTD_FR_FS_US;
	return missing & SOFT_X ? VIQ_VTD_FR_FS_EXECUTE : VIQ_VTD_FR_SM_WRITE;
}

/* Set what is not set yet. Nested, the second stage must allow the write (and notes it in its own flags). */
static int set_flags(struct fs_walk *s, uint64_t *entry, uint64_t flags)
{
	int ret;

	if ((*entry & flags) == flags)
		return 0;
	ret = locate(s, SOFT_R | SOFT_W);
	if (ret)
		return ret;
	ret = soft_vtd_set_flags(s->w->mem, s->fetch, entry, flags);
	return ret == -EFAULT ? fail(s, VIQ_VTD_FR_FS_FLAG_FAILED) : ret;
}

/* Use this level's entry: as its namesake in walk_ss.c. *leaf gets the rights, at a leaf. */
static int use_entry(struct fs_walk *s, struct fs_rights *rights, struct soft_vtd_leaf *leaf, uint64_t *entry)
{
	struct fs_rights now;
	unsigned int reason;
	uint64_t flags;
	int ret = -EAGAIN;

	for (unsigned int tries = 0; ret == -EAGAIN && tries < SOFT_VTD_FLAG_TRIES; tries++) {
		if (viq_mem_read_words(s->w->mem, s->fetch, entry, 1))
			return fail(s, s->level == s->fs->levels ? VIQ_VTD_FR_FS_ROOT_ACCESS : VIQ_VTD_FR_FS_ACCESS);
		if (!(*entry & VIQ_VTD_FS_P))
			return fail(s, VIQ_VTD_FR_FS_P);
		if (*entry & reserved_bits(s->w, *entry, s->level))
			return fail(s, VIQ_VTD_FR_FS_RSVD);
		now = *rights;
		add_rights(&now, *entry);
		flags = VIQ_VTD_FS_A | (s->fs->eafe ? VIQ_VTD_FS_EA : 0);
		if (is_leaf(*entry, s->level)) {
			fill_rights(s->fs, &now, leaf);
			reason = soft_vtd_fs_denies(leaf, s->access);
			if (reason)
				return fail(s, reason);
			flags |= s->access & SOFT_W ? VIQ_VTD_FS_D : 0;
		}
		ret = set_flags(s, entry, flags);
	}
	if (ret == -EAGAIN)
		return fail(s, VIQ_VTD_FR_FS_FLAG_FAILED);
	*rights = now;
	return ret;
}

int soft_vtd_walk_fs(const struct soft_vtd_walker *w, uint64_t iova, unsigned int access, struct soft_vtd_leaf *leaf)
{
	struct fs_walk s = {.w = w, .fs = &w->regime->fs, .access = access};
	struct fs_rights rights = {.user = true, .write = true};
	uint64_t table = s.fs->table, entry, offset;
	int ret;

	if (!is_canonical(s.fs, iova))
		return soft_vtd_fail(w->fault, VIQ_VTD_FR_FS_CANONICAL, w->regime->fpd);
	for (s.level = s.fs->levels;; s.level--) {
		s.at = soft_vtd_entry_at(table, iova, s.level);
		ret = locate(&s, SOFT_R);
		if (!ret)
			ret = use_entry(&s, &rights, leaf, &entry);
		if (ret)
			return ret;
		if (is_leaf(entry, s.level))
			break;
		table = entry & VIQ_VTD_FS_ADDR;
	}
	leaf->fs_level = s.level;
	leaf->fs_shift = soft_vtd_level_shift(s.level);
	offset = soft_vtd_low_bits(leaf->fs_shift);
	leaf->gpa = (entry & VIQ_VTD_FS_ADDR & ~offset) | (iova & offset);
	leaf->dirty = entry & VIQ_VTD_FS_D;
	return 0;
}
