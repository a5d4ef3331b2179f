/* SPDX-License-Identifier: MIT */
/* Edits, inside: what is changed (edit.c), in tables and lists (maps.c), and the commands for it (plan.c). */
#ifndef TESTS_P1_EDIT_H
#define TESTS_P1_EDIT_H

#include "p1.h"

/* Leaves that were there. */
#define OLD_MAX 32
struct old {
	struct p1_map map[OLD_MAX];
	uint32_t count;
	uint64_t first, last;
	unsigned int granule, level; /* level 0: several */
	bool global, own;            /* among them */
	bool tables_freed;
	unsigned int asid[P1_ASIDS], asids; /* under which they were */
};

/* Pages of 4 KiB from a region's start: neighbours, and both sides of the boundaries of every leaf size. */
#define EDIT_OFFSETS 26
extern const uint32_t edit_offsets_a[EDIT_OFFSETS];
/* Regions that stage 1 points to, a gigabyte each. */
extern const uint64_t edit_ipas[3];

/* maps.c: everything of a list that [from, from + 2^shift) touches. */
uint32_t map_list_overlap(const struct p1_list *list, uint64_t from, unsigned int shift, struct p1_map *out,
			  uint32_t max);
/* Make tables and list agree on a mapping; a larger block in the way goes first. */
void map_put(struct p1_world *w, struct synth_pt *pt, struct p1_list *list, const struct p1_map *m);
void map_remove(struct p1_world *w, struct synth_pt *pt, struct p1_list *list, const struct p1_map *maps, uint32_t n);
unsigned int edit_random_level(struct p1_world *w, const struct synth_pt *pt);
struct p1_map edit_random_map(struct p1_world *w, const struct p1_tables *t, bool shared);
struct p1_map edit_random_s2_map(struct p1_world *w, uint64_t ipa, unsigned int level);
/* A number, or -1: none is free. */
int edit_new_tables(struct p1_world *w, bool upper, bool shared);

/* edit.c */
void edit_write_cd(struct p1_world *w, unsigned int c, unsigned int i, const struct p1_cd *cd);
void edit_ste(struct p1_world *w, struct p1_job *job);

/* plan.c */
struct p1_job *job_free(struct p1_world *w);
void job_add(struct p1_job *job, struct synth_cmd cmd);
void job_add_sync(struct p1_job *job);
/* Guests forget things; what they forget may stay. */
void job_maybe_forget(struct p1_world *w, struct p1_job *job);
struct old edit_describe(const struct p1_world *w, int tables, const struct p1_map *maps, uint32_t n);
void job_add_tlbi(struct p1_world *w, struct p1_job *job, const struct old *o);
void job_add_atc_stream(struct p1_world *w, struct p1_job *job, uint32_t sid, uint64_t first, uint64_t last);
void job_add_atc(struct p1_world *w, struct p1_job *job, uint64_t first, uint64_t last);

#endif
