/* SPDX-License-Identifier: MIT */
/* The machine of the test with device threads. */
#ifndef TESTS_P1_THREADS_H
#define TESTS_P1_THREADS_H

#include "p1.h"

#define RAM      UINT64_C(0x40000000)
#define RAM_SIZE (UINT64_C(4) << 20) /* what the guest writes for the IOMMU */
#define FRAMES   128u                /* behind it: what devices access */
#define THREADS  3u
#define STREAMS  4u
#define SPACES   3u
#define PAGES    8u
#define IOVA     UINT64_C(0x7f0000000)
#define POISON   UINT64_C(0xdeaddeaddeaddead)
#define NOTHING  UINT32_MAX
#define WORDS    16u /* of a frame that are used */

struct space {
	uint16_t asid;
	struct synth_pt pt;
	uint32_t frame[PAGES]; /* or NOTHING */
	bool dirty;            /* the TLB may have entries of an earlier life */
};

struct stream {
	uint32_t sid, host;
	bool ats;
	struct synth_cdt cdt;
	uint32_t space; /* or NOTHING: the STE aborts */
	struct viq_soft_dev *dev;
};

struct world {
	struct p1_options options;
	uint64_t random;
	uint32_t step; /* atomic: for reports */
	char *ram;
	struct viq_mem *mem, *slow_mem; /* the guest's, and the same as the hosts see it */
	struct synth_mem alloc;
	struct synth_st st;
	struct synth_cmdq cmdq;
	struct viq_smmuv3_config config;
	struct viq_smmuv3 *smmu;
	struct viq_soft *soft[2];
	struct viq_fault *fault[2]; /* before it */
	uint32_t viommu[2], hosts;
	struct viq_call_fanout *fanout;
	struct viq_nest_smmuv3 *nest;
	bool kicked, lost;
	struct space space[SPACES];
	struct stream stream[STREAMS];
	uint32_t free_frame[FRAMES], free_count;
	uint64_t syncs, errors;
	/* Shared with the device threads. */
	bool stop, failed;
	uint64_t accesses[THREADS];
};

void threads_init(struct world *w, const struct p1_options *options);
void threads_fini(struct world *w);
/* A finding: from any thread, said once. */
void threads_found(struct world *w, const char *what, uint32_t sid, uint64_t iova, uint64_t expected, uint64_t got);
uint32_t threads_below(uint64_t *state, uint32_t bound);

uint64_t frame_pa(uint32_t frame);
uint64_t *frame_word(struct world *w, uint64_t pa);
uint64_t frame_get(struct world *w, uint64_t pa);
void frame_put(struct world *w, uint64_t pa, uint64_t value);
/* Nobody can be using it any more. */
void frame_poison(struct world *w, uint32_t frame);

/* Queue the commands and a CMD_SYNC, and wait for it; again if one of them was overwritten. */
void threads_submit(struct world *w, const struct synth_cmd *cmds, uint32_t count);
void threads_inject(struct world *w);

#endif
