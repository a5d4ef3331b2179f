/* SPDX-License-Identifier: MIT */
/*
 * Records of failed accesses on their way to the guest: accessing threads put them in, whoever has the guest takes them
 * out. It is full when devices fail faster than that: then records are lost, and the loss is told in its place.
 *
 * Its lock is held for a copy and waits for nothing, so it may be taken inside an access and under any other lock.
 */
#ifndef VIQ_SOFT_RING_H
#define VIQ_SOFT_RING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SOFT_RING 1024u /* a power of two */

struct soft_record {
	uint64_t words[4];
	uint64_t source; /* the device under its number: never used again, as the number is */
	uint64_t lost;   /* records before this one */
};

struct soft_ring {
	pthread_mutex_t lock;
	_Atomic uint32_t *waiting; /* rings that are not empty, this one among them */
	_Atomic uint64_t total;    /* lost ever */
	uint32_t first, count;
	uint64_t lost; /* since the newest that is here */
	struct soft_record records[SOFT_RING];
};

int soft_ring_init(struct soft_ring *ring, _Atomic uint32_t *waiting);
void soft_ring_fini(struct soft_ring *ring);
/* In an access. true: there was nothing to take before. */
bool soft_ring_put(struct soft_ring *ring, const struct soft_record *record);
/* The same, and whether the record is one of the lost. */
bool soft_ring_offer(struct soft_ring *ring, const struct soft_record *record, bool *lost);
/* false: there is nothing. A loss that nothing came after is a record whose words are all 0. */
bool soft_ring_take(struct soft_ring *ring, struct soft_record *record);

#endif
