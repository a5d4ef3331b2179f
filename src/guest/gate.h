/* SPDX-License-Identifier: MIT */
/*
 * One call at a time: what the embedder's functions call while a call of the same object goes on.
 *
 * Messages of a unit, and its writes to memory behind callbacks, go where the guest says, and that may be the unit's
 * own register page. A register write that comes so is kept, in order, and happens when the call is done, as a posted
 * write would arrive at hardware: what the call is in the middle of stays as it is, and the stack does not grow. It
 * spends the budget of the call that it was kept in. Kept writes may cause further ones; GATE_WRITES are kept of one
 * call in all, and the others lost, so that every call ends.
 */
#ifndef VIQ_GUEST_GATE_H
#define VIQ_GUEST_GATE_H

#include <stdbool.h>
#include <stdint.h>

#define GATE_WRITES 8

struct gate_write {
	uint64_t offset, value;
	unsigned int size;
};

struct gate {
	bool busy;    /* a call goes on */
	bool kicking; /* kick() goes on */
	bool owed;    /* something of what follows, when it is done */
	bool kick;
	bool reset;
	uint32_t count; /* of the writes */
	struct gate_write writes[GATE_WRITES];
};

/* true: this is the outer call, and ends with gate_leave() or by settling what is owed. */
static inline bool gate_enter(struct gate *g)
{
	if (g->busy)
		return false;
	g->busy = true;
	return true;
}

static inline void gate_owe_kick(struct gate *g)
{
	g->owed = g->kick = true;
}

static inline void gate_owe_reset(struct gate *g)
{
	g->owed = g->reset = true;
}

/* false: too many. */
static inline bool gate_keep(struct gate *g, uint64_t offset, unsigned int size, uint64_t value)
{
	if (g->count == GATE_WRITES)
		return false;
	g->writes[g->count++] = (struct gate_write){offset, value, size};
	g->owed = true;
	return true;
}

/* Everything owed is paid. */
static inline void gate_leave(struct gate *g)
{
	g->busy = g->owed = g->kick = g->reset = false;
	g->count = 0;
}

#endif
