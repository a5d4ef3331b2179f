/* SPDX-License-Identifier: MIT */
/*
 * liburcu, flavour memb, as weak as its algorithm lets it be: a reader makes no fence. A grace period makes one in each
 * thread by membarrier(2), one after the other and not all at once; waits for each section that it found there; and
 * makes them again. A section that begins after the fence in its thread is not waited for, and sees what was stored
 * before the call; what ended ones did is seen after the second round.
 */
#include <string.h>
#include <urcu/urcu-memb.h>

#include "machine.h"
#include "urcu.h"

struct urcu_reader urcu_memb_reader;

static struct {
	bool inside;
	unsigned int section; /* which one */
} readers[MODEL_THREADS];

struct wait {
	unsigned int thread, section;
};

void model_urcu_setup(void)
{
	memset(readers, 0, sizeof(readers));
	model_keep(readers, sizeof(readers));
}

void urcu_memb_read_lock(void)
{
	model_step();
	readers[model_self()].inside = true;
	readers[model_self()].section++;
	model_trace("enters liburcu's section");
}

void model_urcu_leave(void)
{
	model_step();
	readers[model_self()].inside = false;
	model_trace("leaves liburcu's section");
}

static bool has_left(void *opaque)
{
	const struct wait *wait = opaque;

	return !readers[wait->thread].inside || readers[wait->thread].section != wait->section;
}

static void membarrier(void)
{
	const unsigned int self = model_self();

	model_fence_in(self);
	for (unsigned int t = 0; t < model_threads(); t++) {
		if (t == self)
			continue;
		model_step();
		model_fence_in(t);
		model_trace("makes a fence in thread %u", t);
	}
	model_fence_in(self);
}

void urcu_memb_synchronize_rcu(void)
{
	struct wait waits[MODEL_THREADS];
	const unsigned int self = model_self();

	model_step();
	model_fence_in(self);
	for (unsigned int t = 0; t < model_threads(); t++) {
		waits[t] = (struct wait){t, 0};
		if (t == self)
			continue;
		model_step();
		model_fence_in(t);
		model_trace("makes a fence in thread %u", t);
		/* A section that is found outside is none of the numbers to wait for. */
		waits[t].section = readers[t].inside ? readers[t].section : 0;
	}
	model_fence_in(self);
	for (unsigned int t = 0; t < model_threads(); t++) {
		if (t != self && waits[t].section)
			model_wait(has_left, &waits[t]);
	}
	membarrier();
	model_trace("has waited by way of liburcu");
}
