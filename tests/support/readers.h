/* SPDX-License-Identifier: MIT */
/*
 * Threads that look at pages of a software IOMMU's device for ever, while the test moves these from one frame to
 * another. A frame that has been left is full of POISON: an access that meets it uses a translation that is no more.
 */
#ifndef TESTS_SUPPORT_READERS_H
#define TESTS_SUPPORT_READERS_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include <viq/soft.h>

#define READERS 3u
#define PAGES   4u /* IOVA pages, each with two frames */
#define POISON  UINT64_C(0xdeaddeaddeaddead)

static inline uint64_t iova_of(unsigned int page)
{
	return UINT64_C(0x10000000) + page * 4096;
}

struct readers {
	void *world;
	/* In an access section. The word at iova; an error: it is not to be read. */
	int (*translate)(void *world, uint64_t iova, uint64_t **word);
	unsigned int linger; /* one access in so many lets the other side run in its middle */
	unsigned int begun;
	int stop;
	uint64_t accesses[READERS], poisoned, faulted;
	pthread_t threads[READERS];
};

/* One access, counted if it went wrong. */
void readers_access(struct readers *r, unsigned int page, bool linger);
/* The first three members are set. */
void readers_start(struct readers *r);
uint64_t readers_accesses(struct readers *r);
/* A move that no access has seen proves nothing: after this one reader has looked at every page. */
void readers_await(struct readers *r);
/* After at least so many accesses, none of which went wrong. */
void readers_stop(struct readers *r, uint64_t at_least);

#endif
