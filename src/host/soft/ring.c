/* SPDX-License-Identifier: MIT */
/* Records on their way to the guest: see ring.h. */
#include "ring.h"

int soft_ring_init(struct soft_ring *ring, _Atomic uint32_t *waiting)
{
	ring->waiting = waiting;
	ring->first = ring->count = 0;
	ring->lost = 0;
	atomic_init(&ring->total, 0);
	return -pthread_mutex_init(&ring->lock, NULL);
}

void soft_ring_fini(struct soft_ring *ring)
{
	if (ring->count || ring->lost)
		atomic_fetch_sub_explicit(ring->waiting, 1, memory_order_relaxed);
	pthread_mutex_destroy(&ring->lock);
}

bool soft_ring_offer(struct soft_ring *ring, const struct soft_record *record, bool *lost)
{
	bool first;

	pthread_mutex_lock(&ring->lock);
	first = !ring->count && !ring->lost;
	*lost = ring->count == SOFT_RING;
	if (*lost) {
		ring->lost++;
		atomic_fetch_add_explicit(&ring->total, 1, memory_order_relaxed);
	} else {
		struct soft_record *slot = &ring->records[(ring->first + ring->count++) % SOFT_RING];

		*slot = *record;
		slot->lost = ring->lost;
		ring->lost = 0;
	}
	/* Under the lock: whoever has seen the access fail finds this, too. */
	if (first)
		atomic_fetch_add_explicit(ring->waiting, 1, memory_order_relaxed);
	pthread_mutex_unlock(&ring->lock);
	return first;
}

bool soft_ring_put(struct soft_ring *ring, const struct soft_record *record)
{
	bool lost;

	return soft_ring_offer(ring, record, &lost);
}

bool soft_ring_take(struct soft_ring *ring, struct soft_record *record)
{
	bool found;

	pthread_mutex_lock(&ring->lock);
	found = ring->count || ring->lost;
	if (ring->count) {
		*record = ring->records[ring->first];
		ring->first = (ring->first + 1) % SOFT_RING;
		ring->count--;
	} else {
		*record = (struct soft_record){.lost = ring->lost};
		ring->lost = 0;
	}
	if (found && !ring->count && !ring->lost)
		atomic_fetch_sub_explicit(ring->waiting, 1, memory_order_relaxed);
	pthread_mutex_unlock(&ring->lock);
	return found;
}
