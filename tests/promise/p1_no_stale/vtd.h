/* SPDX-License-Identifier: MIT */
/*
 * The P1 oracle for VT-d, the smaller sibling of p1.h: a random guest with PASIDs, its devices, and a model of what
 * each device may still be told.
 *
 * The guest edits page tables and PASID-table entries and queues invalidations, most of them for what it has just
 * changed, some too narrow, too late or for something else. They go through a real viq_vtd and a real ring to a real
 * software unit that fails on demand. In some worlds entries are legacy context entries, in some the guest's first
 * stage is nested in a parent of the host's, and in the others it is a hypervisor: some of its domains are nested in
 * one second stage of its own, which it edits, too. In a third of them CAP.CM = 0: what is made present is in force at
 * once. A Linux-like driver answers the errors.
 *
 * A *point* is a page of a slot (a PASID, or none) of a device. The model holds no tables. It knows what each set of
 * tables maps now, which PASID-table entries a device may have cached, and which translations a cache may hold, each
 * with the last moment at which that can have come in: only an access brings in a translation, and only what it
 * returned. When a wait descriptor is seen to have completed, whatever the descriptors before it cover, and that was
 * there before they can have run, is gone. An answer that no cache may hold any more is a stale completion.
 *
 * Time counts events.
 */
#ifndef TESTS_P1_VTD_H
#define TESTS_P1_VTD_H

#include "support/soft_vtd.h"

#define P1_DEVS    2u
#define P1_SLOTS   3u /* without PASID (entry 0), PASIDs 1 and 2 */
#define P1_DOMAINS 4u /* domain n has domain-id 10 + n */
#define P1_ROOTS   2u /* sets of tables of a domain: only one is right at a time */
#define P1_PAGES   12u
#define P1_SET     24u
#define P1_PENDING 128u
#define P1_FRAMES  2048u
#define P1_GPAGES  8u /* pages of the guest's own guest */

/* What a domain's entries translate by. */
enum p1_kind {
	P1_FIRST,
	P1_SECOND,
	P1_NESTED,
};

/* A PASID-table entry, or a legacy context entry. domain < 0: not present. */
struct p1_entry {
	int8_t domain, root;
};

/* What a cache may hold: a frame or an entry, and the last moment at which it can have come in. */
struct p1_seen {
	uint32_t what;
	uint64_t until;
};

struct p1_set {
	struct p1_seen seen[P1_SET];
	uint32_t count;
	bool full; /* something was lost: anything goes, until all of it has gone */
	uint64_t full_until;
};

struct p1_pending {
	struct test_desc desc;
	uint64_t begun; /* it cannot have run before */
	uint32_t slot;
	bool is_wait, lost;
};

struct p1_options {
	uint64_t seed;
	uint32_t steps;
	bool failures, drop, quiet;
};

struct p1_result {
	bool stale;
	uint64_t checks, hits, nested, tight, prompt, waits, descriptors, iqe, ite, ice, injected, migrations, edits,
		plugs;
};

struct p1_world {
	struct p1_options options;
	struct p1_result result;
	uint64_t random, now;
	uint32_t step;
	struct vm vm;
	bool looks;      /* CAP.CM = 0 */
	bool legacy;     /* second-stage tables, named by context entries; one slot a device */
	bool hypervisor; /* the guest nests */
	struct synth_vtd_pt parent;

	/* The guest's own second stage: where its guest's pages are, and first-stage tables that lie in there. */
	struct synth_vtd_pt second;
	struct synth_mem inner;
	uint32_t gmap[P1_GPAGES]; /* frames */

	/* The guest's tables, and what is in them: frames or, nested, gpages, from 1; 0: not mapped. */
	uint8_t kind[P1_DOMAINS]; /* enum p1_kind */
	struct synth_vtd_pt pt[P1_DOMAINS][P1_ROOTS];
	uint32_t map[P1_DOMAINS][P1_ROOTS][P1_PAGES];
	uint32_t next_frame;
	uint8_t root[P1_DOMAINS][P1_SLOTS]; /* which set of tables a (domain-id, PASID) stands for */
	struct synth_vtd_pasids pasids[P1_DEVS];
	struct p1_entry entry[P1_DEVS][P1_SLOTS];
	struct viq_soft_vtd_dev *dev[P1_DEVS];
	bool ats[P1_DEVS];

	/* What may be cached. */
	struct p1_set entries[P1_DEVS][P1_SLOTS];          /* what: domain * P1_ROOTS + root */
	struct p1_set tlb[P1_DOMAINS][P1_SLOTS][P1_PAGES]; /* frames */
	struct p1_set devtlb[P1_DEVS][P1_SLOTS][P1_PAGES]; /* frames */

	/* The queue. pending begins with the oldest that is not known to be complete. */
	struct p1_pending pending[P1_PENDING];
	uint32_t pending_count, rung; /* rung: how many of them the device was told of */
	uint32_t tail;
	/* What has just been edited. */
	int last_domain, last_slot, last_page, last_dev, last_gpage;
};

static inline unsigned int p1_slots(const struct p1_world *w)
{
	return w->legacy ? 1 : P1_SLOTS;
}

extern const uint16_t p1_sids[P1_DEVS];
uint64_t p1_iova(unsigned int page);
uint64_t p1_gpa(unsigned int gpage);

int p1_vtd_run(const struct p1_options *options, struct p1_result *result);
uint32_t p1_below(struct p1_world *w, uint32_t bound);
__attribute__((format(printf, 2, 3))) void p1_found(struct p1_world *w, const char *format, ...);

/* vtd_model.c */
uint32_t model_frame(const struct p1_world *w, unsigned int domain, unsigned int root, unsigned int page);
void model_fresh_device(struct p1_world *w, unsigned int dev);
void model_entries(struct p1_world *w); /* before anything that can read or change PASID-table entries */
void model_access(struct p1_world *w, unsigned int dev, unsigned int slot, unsigned int page);
void model_complete(struct p1_world *w, const struct p1_pending *p);
/* Everything was invalidated, and nothing is pending: the one right answer everywhere. */
void model_check_tight(struct p1_world *w);

/* vtd_guest.c */
void guest_push(struct p1_world *w, struct test_desc desc);
void guest_push_wait(struct p1_world *w);
void guest_ring(struct p1_world *w);
void guest_observe(struct p1_world *w); /* errors, then completions */
void guest_invalidate_random(struct p1_world *w);
void guest_settle(struct p1_world *w);
void guest_edit(struct p1_world *w);
void guest_edit_second(struct p1_world *w, unsigned int gpage);

#endif
