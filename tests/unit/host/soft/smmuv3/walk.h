/* SPDX-License-Identifier: MIT */
/* A physical memory with a guest in it, for tests of the table walker. */
#ifndef WALK_FIXTURE_H
#define WALK_FIXTURE_H

#include "support/test.h"
#include "host/soft/smmuv3/walk.h"
#include "synth/synth.h"

#define HOST_PA   UINT64_C(0x80000000)  /* stage-2 tables */
#define GUEST_PA  UINT64_C(0xc0000000)  /* where the guest's memory really lies */
#define GUEST_IPA UINT64_C(0x40000000)  /* where the guest sees it, with a stage 2 */
#define ARENA     (UINT64_C(32) << 20)  /* bytes of each */
#define NOWHERE   UINT64_C(0x700000000) /* no memory here */

/* IDR0: stages 1 and 2, AArch64, little endian, no stall, 16-bit ASIDs and VMIDs, two-level CDs, ATS. IDR3: HAD, RIL.
 */
#define IDR0 0x0d4c141bu
#define IDR1 (20u << 6 | 16u) /* 20-bit SubstreamIDs */
#define IDR3 0x404u
#define IDR5 0x75u /* 4K, 16K, 64K; 48 bits */

struct walk_env {
	char *buf;
	struct viq_mem *mem;
	struct synth_mem host;  /* over HOST_PA */
	struct synth_mem guest; /* over GUEST_PA, addressed by IPAs if nested */
	struct smmuv3_features f;
	struct smmuv3_s2 s2;
	struct synth_pt s2_pt;
};

/* cmocka set-up and tear-down. The stage 2 is an identity at first. */
int walk_setup(void **state);
int walk_teardown(void **state);

/* Give the environment stage-2 tables of 4K, 40 bits, level 1, that map the guest's memory, emptied, by 2 MiB blocks.
 */
void walk_nest(struct walk_env *env);

/* A soft_cd for these tables, by way of a CD in memory: NULL tables are EPD. */
void walk_cd(struct walk_env *env, const struct synth_pt *ttb0, const struct synth_pt *ttb1, uint64_t set,
	     uint64_t clear, struct soft_cd *cd);

/* The fault is this one: event number, S2, CLASS, IPA, FetchAddr. */
#define assert_fault(fault, event, stage2, klass, ipa, fetch)                                                          \
	assert_fault_at(fault, event, stage2, klass, ipa, fetch, __FILE__, __LINE__)
void assert_fault_at(const struct soft_fault *fault, unsigned int event, unsigned int stage2, unsigned int klass,
		     uint64_t ipa, uint64_t fetch, const char *file, int line);

/* Random numbers for property tests: VIQ_SEED or 1; the seed is printed. */
uint64_t walk_seed(void);
uint64_t walk_random(uint64_t *state);

#endif
