/* SPDX-License-Identifier: MIT */
/* Hooks whose work can be left. */
#ifndef VIQ_TESTS_WORK_H
#define VIQ_TESTS_WORK_H

#include <stdbool.h>

#include <viq/work.h>

/*
 * Work of so many steps (0: nothing to charge), each of which costs VIQ_WORK_CALL; the result is given, and logged, by
 * the last one. true: more is left.
 */
static inline bool work_in_steps(struct viq_work *work, uint32_t steps)
{
	do {
		if (work->cursor[0] >= steps)
			return false;
		work->cost += VIQ_WORK_CALL;
		work->cursor[0]++;
	} while (!work->budget || work->cost < work->budget);
	return work->cursor[0] < steps;
}

#endif
