/* SPDX-License-Identifier: MIT */
/*
 * Faults made on purpose, and a count of what the guest queues that does not depend on viq: what the tests use to show
 * that they would notice. A VMM needs none of this.
 */
#ifndef TRIAL_H
#define TRIAL_H

#include <viq/smmuv3.h>

struct trial {
	const struct viq_mem *mem;
	struct viq_call_host real;
	struct viq_call_host_ops ops;
	bool count;           /* read every command in the ring as it is queued */
	uint64_t drop;        /* the address invalidation to swallow, from 1; 0: none */
	uint64_t seen;        /* address invalidations so far */
	bool armed;           /* replace the next CMD_SYNC by an illegal command */
	uint32_t prod;        /* as last written, with its wrap flag */
	uint64_t queued[256]; /* commands that the guest has put into its ring, by opcode, as read there at each
				 doorbell */
	uint64_t total;
};

void trial_init(struct trial *trial, const struct viq_mem *mem, bool count, uint64_t drop);
/* The host to give to the front end instead of the real one, which is passed on. */
struct viq_call_host trial_host(struct trial *trial, struct viq_call_host real);
/* The guest is about to write CMDQ_PROD; front has not seen it yet. */
void trial_doorbell(struct trial *trial, const struct viq_smmuv3 *front, uint32_t prod);
/* Does viq's count of commands agree with the ring? Says what differs, or how many agree. */
void trial_compare(const struct trial *trial, const struct viq_smmuv3 *front,
		   const struct viq_smmuv3_counters *counters);

#endif
