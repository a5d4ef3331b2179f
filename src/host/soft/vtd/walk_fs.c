/* SPDX-License-Identifier: MIT */
/*
 * The first stage (sections 3.6, 9.7). In nested translation every address in it is a guest-physical one, and goes
 * through the second stage first (3.8).
 */
#include <errno.h>

#include "walk_entry.h"

struct fs_walk {
	const struct soft_vtd_walker *w;
	const struct vtd_fs *fs;
	unsigned int access;
	unsigned int level;
	uint64_t at;    /* address of this level's entry, as the first stage has it */
	uint64_t fetch; /* ... and in memory */
};

static int fail(const struct fs_walk *s, unsigned int reason)
{
	return soft_vtd_fail_entry(s->w->fault, reason, s->w->regime->fpd, s->level, s->fetch);
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

/* Rights as sets. Supervisors write read-only pages unless WPE says otherwise. */
static void fill_rights(const struct vtd_fs *fs, const struct vtd_fs_rights *rights, struct soft_vtd_leaf *leaf)
{
	leaf->fs_user = 0;
	if (rights->user)
		leaf->fs_user = SOFT_R | SOFT_X | (rights->write ? SOFT_W : 0);
	leaf->fs_priv = SOFT_R | SOFT_X | (rights->write || !fs->wpe ? SOFT_W : 0);
}

unsigned int soft_vtd_fs_denies(const struct soft_vtd_leaf *leaf, unsigned int access)
{
	unsigned int rights = access & SOFT_P ? leaf->fs_priv : leaf->fs_user;
	unsigned int missing = access & (SOFT_R | SOFT_W | SOFT_X) & ~rights;

	if (!missing)
		return 0;
	return rights ? VIQ_VTD_FR_SM_WRITE : VIQ_VTD_FR_FS_US;
}

/* Set what is not set yet. Nested, the second stage must allow the write (and notes it in its own flags). */
static int set_flags(struct fs_walk *s, uint64_t *entry, uint64_t flags)
{
	int ret;

	if ((*entry & flags) == flags)
		return 0;
	if (!s->w->regime->snooped)
		return fail(s, VIQ_VTD_FR_FS_FLAG_SNOOP);
	ret = locate(s, SOFT_R | SOFT_W);
	if (ret)
		return ret;
	ret = soft_vtd_set_flags(s->w->mem, s->fetch, entry, flags);
	return ret == -EFAULT ? fail(s, VIQ_VTD_FR_FS_FLAG_FAILED) : ret;
}

/* Use this level's entry: as its namesake in walk_ss.c. *leaf gets the rights, at a leaf. */
static int use_entry(struct fs_walk *s, struct vtd_fs_rights *rights, struct soft_vtd_leaf *leaf, uint64_t *entry)
{
	struct vtd_fs_rights now;
	unsigned int reason;
	uint64_t flags;
	int ret = -EAGAIN;

	for (unsigned int tries = 0; ret == -EAGAIN && tries < SOFT_VTD_FLAG_TRIES; tries++) {
		if (viq_mem_read_words(s->w->mem, s->fetch, entry, 1))
			return fail(s, s->level == s->fs->levels ? VIQ_VTD_FR_FS_ROOT_ACCESS : VIQ_VTD_FR_FS_ACCESS);
		if (!(*entry & VIQ_VTD_FS_P))
			return fail(s, VIQ_VTD_FR_FS_P);
		if (*entry & vtd_fs_reserved(s->w->f, *entry, s->level, s->w->regime->pgtt == VIQ_VTD_PGTT_NESTED))
			return fail(s, VIQ_VTD_FR_FS_RSVD);
		now = *rights;
		vtd_fs_restrict(&now, *entry);
		flags = VIQ_VTD_FS_A | (s->fs->eafe ? VIQ_VTD_FS_EA : 0);
		if (vtd_pte_is_leaf(*entry, s->level)) {
			fill_rights(s->fs, &now, leaf);
			reason = soft_vtd_fs_denies(leaf, s->access);
			if (reason)
				return fail(s, reason);
			flags |= s->access & SOFT_W && s->w->dirty ? VIQ_VTD_FS_D : 0;
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
	struct vtd_fs_rights rights = {.user = true, .write = true};
	uint64_t table = s.fs->table, entry, offset;
	int ret;

	if (!vtd_fs_canonical(s.fs, iova))
		return soft_vtd_fail(w->fault, VIQ_VTD_FR_FS_CANONICAL, w->regime->fpd);
	for (s.level = s.fs->levels;; s.level--) {
		s.at = vtd_entry_at(table, iova, s.level);
		ret = locate(&s, SOFT_R);
		if (!ret)
			ret = use_entry(&s, &rights, leaf, &entry);
		if (ret)
			return ret;
		if (vtd_pte_is_leaf(entry, s.level))
			break;
		table = entry & VIQ_VTD_FS_ADDR;
	}
	leaf->fs_level = (uint8_t)s.level;
	leaf->fs_shift = (uint8_t)vtd_level_shift(s.level);
	offset = vtd_low_bits(leaf->fs_shift);
	leaf->gpa = (entry & VIQ_VTD_FS_ADDR & ~offset) | (iova & offset);
	leaf->dirty = entry & VIQ_VTD_FS_D;
	return 0;
}
