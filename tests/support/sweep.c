/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "test.h"
#include "nomem.h"
#include "sweep.h"

bool sweep_struck(const struct sweep *s)
{
	return s->fk->calls >= s->fk->faults[0].first || nomem_struck();
}

void sweep_assert_injected(const struct sweep *s, int err)
{
	assert_true(sweep_struck(s));
	assert_false(s->transparent);
	assert_int_equal(err, s->err);
}

void sweep_each(bool (*once)(uint64_t call, int err), const int *errors, size_t count, uint64_t at_least)
{
	for (size_t e = 0; e < count; e++) {
		uint64_t call = 1;

		while (once(call, errors[e]))
			call++;
		assert_true(call > at_least);
	}
}

static bool call_fails(const struct sweep_life *life, uint64_t call, int err, bool own_attach)
{
	const size_t live = nomem_live();
	struct sweep *s = life->begin(own_attach);
	bool hit;

	s->err = err;
	s->transparent = err == -EINTR;
	s->fk->calls = 0;
	s->fk->faults[0] = (struct fk_fault){.first = call, .times = 1, .err = err};
	life->live(s);
	hit = sweep_struck(s);
	s->fk->faults[0].times = 0;
	life->end(s);
	/* Not counting what the kernel has kept. */
	assert_int_equal(nomem_live(), live);
	return hit;
}

void sweep_calls(const struct sweep_life *life, const int *errors, size_t count, bool own_attach)
{
	for (size_t e = 0; e < count; e++) {
		uint64_t call = 1;

		while (call_fails(life, call, errors[e], own_attach))
			call++;
		assert_true(call > 60);
	}
}

void sweep_allocations(const struct sweep_life *life, uint32_t at_least)
{
	const size_t live = nomem_live();
	uint32_t n = 0;

	do {
		struct sweep *s = life->begin(false);

		s->err = -ENOMEM;
		s->fk->faults[0].first = UINT64_MAX;
		nomem_fail(++n, false);
		life->live(s);
		nomem_off();
		assert_false(s->leaks);
		life->end(s);
		assert_int_equal(nomem_live(), live);
	} while (nomem_struck());
	assert_true(n > at_least);
}
