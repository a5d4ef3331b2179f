/* SPDX-License-Identifier: MIT */
/*
 * Slots and generations: what all caches here are made of.
 *
 * A slot holds a few words under a sequence count. Readers never write to it, so a hit shares its cache line with any
 * number of threads. A contended writer gives up: fills are optional.
 *
 * An entry is not removed; it goes stale. It carries a stamp, the sum of the generation counters of everything that
 * can be invalidated and covers it, and is valid while the counters still add up to it. The counters only grow, so
 * equal sums mean that none has moved, provided that the one who compares sees no counter older than the one who made
 * the stamp saw it. That holds because the stamp is read before the counters (acquire in soft_slot_read(), paired with
 * the releases in soft_slot_write()), and because a fill samples the counters before it writes the slot.
 *
 * Why nothing stale survives an invalidation:
 *   - A fill samples its counters (acquire) *before* it reads the tables. If it sees the counter that the invalidation
 *     stored (release), it also sees the tables as they were when the invalidation was asked for. If not, its stamp is
 *     already old: the entry is stale at birth.
 *   - A look-up compares with relaxed loads. A section that begins after the invalidation's grace period began sees
 *     the new counter; one that began before is waited for (thread.h).
 *
 * A counter is written under one lock only (a guest's, a unit's), so growing it is a load and a store. Without that one
 * who comes late would take the counter back, and what was stale be valid again.
 */
#ifndef VIQ_SOFT_SLOT_H
#define VIQ_SOFT_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define SOFT_LINE 64 /* bytes, of a cache line */

typedef _Atomic uint64_t soft_word;

/* The set is not empty. */
static inline unsigned int soft_lowest_bit(uint64_t set)
{
	return (unsigned int)__builtin_ctzll(set);
}

/*
 * Word 0 of a slot is its sequence count, odd while it is being written. What the words say counts if it is the same,
 * and even, after they were read: a word of a later writer carries that writer's odd count with it (its release), so
 * the last load sees it.
 */
static inline uint64_t soft_slot_begin(const soft_word *slot)
{
	return atomic_load_explicit(&slot[0], memory_order_acquire);
}

static inline uint64_t soft_slot_word(const soft_word *slot, unsigned int i)
{
	return atomic_load_explicit(&slot[1 + i], memory_order_acquire);
}

static inline bool soft_slot_is_whole(const soft_word *slot, uint64_t seq)
{
	return !(seq & 1) && atomic_load_explicit(&slot[0], memory_order_relaxed) == seq;
}

/* Words [1, n]. */
static inline bool soft_slot_read(const soft_word *slot, uint64_t *out, unsigned int n)
{
	uint64_t seq = soft_slot_begin(slot);

	for (unsigned int i = 0; i < n; i++)
		out[i] = soft_slot_word(slot, i);
	return soft_slot_is_whole(slot, seq);
}

static inline void soft_slot_write(soft_word *slot, const uint64_t *in, unsigned int n)
{
	uint64_t seq = atomic_load_explicit(&slot[0], memory_order_relaxed);

	if (seq & 1 || !atomic_compare_exchange_strong_explicit(&slot[0], &seq, seq + 1, memory_order_acquire,
								memory_order_relaxed))
		return;
	for (unsigned int i = 0; i < n; i++)
		atomic_store_explicit(&slot[1 + i], in[i], memory_order_release);
	atomic_store_explicit(&slot[0], seq + 2, memory_order_release);
}

static inline uint64_t soft_gen_load(const soft_word *gen)
{
	return atomic_load_explicit(gen, memory_order_relaxed);
}

/* For stamps: tables are read after this. */
static inline uint64_t soft_gen_sample(const soft_word *gen)
{
	return atomic_load_explicit(gen, memory_order_acquire);
}

/* Everything that this counter covers is stale from now on. */
static inline void soft_gen_bump(soft_word *gen)
{
	atomic_store_explicit(gen, atomic_load_explicit(gen, memory_order_relaxed) + 1, memory_order_release);
}

/* Set a bit that look-ups go by; it is nearly always set already. */
static inline void soft_set_bit(soft_word *mask, unsigned int bit)
{
	if (!(atomic_load_explicit(mask, memory_order_relaxed) >> bit & 1))
		atomic_fetch_or_explicit(mask, UINT64_C(1) << bit, memory_order_relaxed);
}

/*
 * Where page of space goes in a table of mask + 1 places (a power of two). Neighbours go to neighbouring places, so
 * that a run of pages no longer than the table does not collide with itself; spaces and far-away parts are mixed.
 */
static inline uint64_t soft_place(uint64_t page, uint64_t space, uint64_t mask)
{
	uint64_t h = (page & ~mask) * UINT64_C(0x9e3779b97f4a7c15) ^ space * UINT64_C(0xd6e8feb86659fd93);

	h *= UINT64_C(0x9e3779b97f4a7c15);
	return (page + (h >> 32)) & mask;
}

/*
 * Sets of entries, one line each, whose first two words say what they are: the address of the piece | log2 of its size,
 * and a tag that is never 0 in use.
 */
#define SOFT_WAYS       4u
#define SOFT_SLOT_WORDS (SOFT_LINE / sizeof(soft_word))
enum {
	SOFT_ENTRY_BASE,
	SOFT_ENTRY_TAG,
};

static inline soft_word *soft_set(soft_word *slots, uint64_t set_mask, uint64_t tag, uint64_t base, unsigned int shift)
{
	return &slots[soft_place(base >> shift, tag, set_mask) * (SOFT_WAYS * SOFT_SLOT_WORDS)];
}

/* May the slot hold this entry? For a quick look before soft_slot_read(), after which it must be asked of the words. */
static inline bool soft_slot_base_is(const soft_word *slot, uint64_t base_word)
{
	return atomic_load_explicit(&slot[1 + SOFT_ENTRY_BASE], memory_order_relaxed) == base_word;
}

/* Where to write an entry: over itself, else to a slot never used, else to any. In slot.c. */
soft_word *soft_set_choose(soft_word *set, uint64_t base_word, uint64_t tag);

/*
 * Zeroed words that begin on a cache line; *alloc is what to free. Large tables cost memory only where they are used:
 * calloc() takes them from fresh pages.
 */
static inline soft_word *soft_words_alloc(size_t count, void **alloc)
{
	*alloc = calloc(count + SOFT_LINE / sizeof(soft_word), sizeof(soft_word));
	if (!*alloc)
		return NULL;
	return (soft_word *)(((uintptr_t)*alloc + SOFT_LINE - 1) & ~(uintptr_t)(SOFT_LINE - 1));
}

/*
 * Generations of pages: a hash table of counters without keys. A collision invalidates too much, never too little. All
 * counters of one page lie in one line: whoever looks at the page touches that line only.
 */
struct soft_page_gens {
	soft_word *lines; /* mask + 1 of them */
	uint64_t mask;
};

/* Owners of counters in a line. Entries that have none (global ones, those without a PASID) use SOFT_OWNER_NONE. */
#define SOFT_OWNER_ANY   0u
#define SOFT_OWNER_NONE  1u
#define SOFT_OWNER_FIRST 2u
#define SOFT_OWNERS      8u
static inline unsigned int soft_owner(uint32_t id)
{
	return SOFT_OWNER_FIRST + id % (SOFT_OWNERS - SOFT_OWNER_FIRST);
}

/* The line of the piece of size 2^shift that holds addr. Address bits [63:56] do not count. */
static inline soft_word *soft_page_line(const struct soft_page_gens *gens, uint64_t addr, unsigned int shift)
{
	uint64_t page = (addr & (UINT64_MAX >> 8)) >> shift;

	return &gens->lines[soft_place(page, shift, gens->mask) * SOFT_OWNERS];
}

_Static_assert(SOFT_OWNERS * sizeof(soft_word) == SOFT_LINE, "one line a page");

#endif
