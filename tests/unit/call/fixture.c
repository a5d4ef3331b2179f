/* SPDX-License-Identifier: MIT */

#include "support/test.h"
#include "fixture.h"

struct viq_call_result call_host(const struct viq_call_host *host, const struct viq_call_piece *pieces,
				 uint32_t piece_count)
{
	struct viq_call_request req = {
		.size = sizeof(req),
		.object = host->object,
		.type = VIQ_CALL_SMMUV3,
		.entry_size = 16,
		.pieces = pieces,
		.piece_count = piece_count,
	};
	struct viq_call_result res = {.size = sizeof(res)};

	assert_int_equal(viq_call_invalidate(host, &req, &res), 0);
	return res;
}

struct viq_call_result fake_invalidate_pieces(struct fake_host *fake, const struct viq_call_piece *pieces,
					      uint32_t piece_count)
{
	struct viq_call_host host = fake_host(fake);
	struct viq_call_result res;

	fake->calls = 0;
	res = call_host(&host, pieces, piece_count);
	assert_int_equal(fake->object, host.object);
	assert_int_equal(fake->empty_calls, 0);
	return res;
}

struct viq_call_result fake_invalidate(struct fake_host *fake, const uint64_t *cmds, uint32_t count)
{
	struct viq_call_piece piece = {cmds, count};

	return fake_invalidate_pieces(fake, &piece, 1);
}

void assert_holds(const struct fake_host *fake, const struct viq_call_result *res, uint32_t count)
{
	assert_true(res->handled <= count);
	for (uint32_t i = 0; i < res->handled; i++)
		assert_true(fake->entries[i].runs > 0);
	if (res->error) {
		assert_true(res->handled < count);
		assert_in_range(res->suspect, res->handled, count - 1);
	} else {
		assert_int_equal(res->handled, count);
		assert_int_equal(res->suspect, count);
	}
	assert_int_equal(res->host_calls, fake->calls);
}

void assert_exact(const struct fake_host *fake, const struct viq_call_result *res, uint32_t count, uint32_t culprit)
{
	assert_holds(fake, res, count);
	assert_int_equal(res->error, VIQ_CALL_ILLEGAL);
	assert_int_equal(res->handled, culprit);
	assert_int_equal(res->suspect, culprit);
	assert_int_equal(fake->entries[culprit].runs, 0);
}

void fake_host_init_random(struct fake_host *fake, uint32_t *random, uint32_t entry_count)
{
	static const enum fake_kind kinds[] = {FAKE_EXACT, FAKE_WINDOW, FAKE_LINUX_7_3, FAKE_LINUX_NEXT, FAKE_GARBAGE};

	fake_host_init(fake, kinds[fake_random(random) % 5], entry_count);
	fake->before = fake_random(random) % 100;
	fake->after = fake_random(random) % 100;
	fake->random = fake_random(random);
}
