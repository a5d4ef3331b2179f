/* SPDX-License-Identifier: MIT */
/* The world that a run begins with. */
#include "edit.h"

#define GIB (UINT64_C(1) << 30)

/* A gigabyte each; the last one is the end of the address space. */
static const uint64_t regions[2][2] = {
	{UINT64_C(0x100000000), UINT64_C(0x3ffc0000000)},
	{UINT64_C(0xffffff9000000000), UINT64_C(0xffffffffc0000000)},
};
/* Further points, at the regions' other ends. */
static const uint32_t offsets_b[] = {0, 1, 2, 16, 0x200, 0x3ff, 0x2000, 0x3fff, 0x10000, 0x3ffff};
#define OFFSETS_B (sizeof(offsets_b) / sizeof(offsets_b[0]))
_Static_assert(2 * (EDIT_OFFSETS + OFFSETS_B) == P1_POINTS, "points");

static void init_stage2(struct p1_world *w)
{
	unsigned int level = w->identity || w->s2.granule != 12 ? 2 : 1;

	w->s2_dirty_first = UINT64_MAX;
	for (unsigned int r = 0; r < 3 && !w->identity; r++) {
		uint64_t step = UINT64_C(1) << synth_pt_shift(&w->s2, level);

		for (uint64_t at = 0; at < GIB; at += step) {
			struct p1_map m = edit_random_s2_map(w, edit_ipas[r] + at, level);

			map_put(w, &w->s2, &w->s2_list, &m);
		}
	}
}

static void init_points(struct p1_world *w)
{
	unsigned int n = 0;

	for (unsigned int half = 0; half < 2; half++) {
		for (unsigned int i = 0; i < EDIT_OFFSETS; i++)
			w->point[n++] = regions[half][0] + (uint64_t)edit_offsets_a[i] * 4096;
		for (unsigned int i = 0; i < OFFSETS_B; i++)
			w->point[n++] = regions[half][1] + (uint64_t)offsets_b[i] * 4096;
	}
}

static void init_spaces(struct p1_world *w)
{
	int shared = -1;

	w->shared_half = (int)p1_below(w, 4) - 1;
	if (w->shared_half > 1)
		w->shared_half = 1;
	if (w->shared_half >= 0)
		shared = edit_new_tables(w, w->shared_half, true);
	for (unsigned int i = 0; i < P1_ASIDS; i++) {
		unsigned int other = w->shared_half == 0 ? 1 : 0;

		w->asids[i] = (uint16_t)(i * 6 + (p1_one_in(w, 2) ? 0x100 * (1 + p1_below(w, 200)) : 0));
		w->space[i] = (struct p1_cd){.valid = true, .asid = (uint8_t)i, .half = {-1, -1}};
		/* First: shared tables that nobody has are taken for free. */
		if (!p1_one_in(w, 5))
			w->space[i].half[!other] =
				(int8_t)(w->shared_half >= 0 ? shared : edit_new_tables(w, !other, false));
		w->space[i].half[other] = (int8_t)edit_new_tables(w, other, false);
		if (w->space[i].half[other] < 0)
			p1_found(w, "no tables are left");
	}
}

static void init_cdts(struct p1_world *w)
{
	static const unsigned int sizes[] = {0, 7, 11, 11, 11};

	for (unsigned int c = 0; c < P1_CDTS; c++) {
		unsigned int cdmax = sizes[p1_below(w, 5)], fmt = cdmax > 1 ? p1_below(w, 3) : 0;

		w->cdt[c].cdmax = cdmax;
		if (synth_cdt_init(&w->cdt[c].cdt, &w->guest, cdmax, fmt))
			p1_found(w, "no memory for a CD table");
		for (unsigned int i = 0; i < P1_SSIDS && !(p1_ssids[i] >> cdmax); i++) {
			if (!p1_one_in(w, 8))
				edit_write_cd(w, c, i, &w->space[p1_below(w, P1_ASIDS)]);
		}
	}
}

int edit_init(struct p1_world *w)
{
	init_points(w);
	init_stage2(w);
	init_spaces(w);
	if (!w->result.stale)
		init_cdts(w);
	model_walk_all(w);
	/* Streams begin with a configuration of their own, as after a boot. */
	for (unsigned int n = 0; n < 8 && !w->result.stale; n++) {
		struct p1_job job = {0};

		edit_ste(w, &job);
	}
	guest_settle(w);
	return w->result.stale ? -1 : 0;
}
