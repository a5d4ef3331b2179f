/* SPDX-License-Identifier: MIT */
/* The invalidate call's arguments, its fast path and the small questions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <viq/call.h>

#include "support/test.h"
#include "oracle/fake_host.h"

static struct viq_call_request request_for(const struct viq_call_piece *pieces, uint32_t piece_count)
{
	return (struct viq_call_request){
		.size = sizeof(struct viq_call_request),
		.object = 7,
		.type = VIQ_CALL_SMMUV3,
		.entry_size = 16,
		.pieces = pieces,
		.piece_count = piece_count,
	};
}

/* A call that must be refused: the host is not called, the result is not written. */
static void assert_refused(struct fake_host *fake, const struct viq_call_host *host, const struct viq_call_request *req,
			   uint32_t res_size)
{
	struct viq_call_result res, before;

	memset(&res, 0x5a, sizeof(res));
	res.size = res_size;
	before = res;
	assert_int_equal(viq_call_invalidate(host, req, &res), -EINVAL);
	assert_memory_equal(&res, &before, sizeof(res));
	assert_int_equal(fake->calls, 0);
}

static void misuse_is_refused_before_anything_happens(void **state)
{
	uint64_t *cmds = fake_array(4);
	struct viq_call_piece good[VIQ_CALL_MAX_PIECES + 1] = {{cmds, 4}};
	const struct viq_call_piece null_piece = {NULL, 1}, odd = {(const char *)cmds + 4, 1};
	const struct viq_call_piece huge[2] = {{cmds, UINT32_MAX}, {cmds, 2}};
	const struct viq_call_piece long_by_one = {cmds, VIQ_CALL_MAX_ENTRIES + 1};
	struct fake_host fake;
	struct viq_call_host host, bad_host;
	struct viq_call_host_ops ops;
	struct viq_call_request req = request_for(good, 1), bad;
	struct viq_call_result res = {.size = sizeof(res)};

	fake_host_init(&fake, FAKE_EXACT, 4);
	host = fake_host(&fake);

	assert_refused(&fake, NULL, &req, sizeof(res));
	assert_refused(&fake, &host, NULL, sizeof(res));
	assert_int_equal(viq_call_invalidate(&host, &req, NULL), -EINVAL);
	assert_refused(&fake, &host, &req, 0);
	assert_refused(&fake, &host, &req, offsetof(struct viq_call_result, os_error));
	assert_refused(&fake, &host, &req, sizeof(res) - 1);
	assert_refused(&fake, &host, &req, sizeof(res) + 1);

	bad_host = host;
	bad_host.ops = NULL;
	assert_refused(&fake, &bad_host, &req, sizeof(res));
	bad_host.ops = &ops;
	ops = *host.ops;
	ops.size--;
	assert_refused(&fake, &bad_host, &req, sizeof(res));
	ops = *host.ops;
	ops.invalidate = NULL;
	assert_refused(&fake, &bad_host, &req, sizeof(res));

#define REFUSED(change)                                                                                                \
	do {                                                                                                           \
		bad = req;                                                                                             \
		change;                                                                                                \
		assert_refused(&fake, &host, &bad, sizeof(res));                                                       \
	} while (0)
	REFUSED(bad.size = 0);
	REFUSED(bad.size++);
	REFUSED(bad.type = 2);
	REFUSED(bad.type = UINT32_MAX);
	REFUSED(bad.type = VIQ_CALL_VTD_S1);
	REFUSED(bad.entry_size = 24);
	REFUSED(bad.entry_size = 0);
	REFUSED(bad.reserved = 1);
	REFUSED(bad.pieces = NULL);
	REFUSED(bad.piece_count = VIQ_CALL_MAX_PIECES + 1);
	REFUSED(bad.pieces = &null_piece);
	REFUSED(bad.pieces = &odd);
	REFUSED(bad.pieces = &long_by_one);
	REFUSED(bad.pieces = huge; bad.piece_count = 2);
#undef REFUSED

	/* And the same request as it should be. */
	assert_int_equal(viq_call_invalidate(&host, &req, &res), 0);
	assert_int_equal(res.handled, 4);
	fake_host_fini(&fake);
	free(cmds);
}

static void limits_themselves_are_allowed(void **state)
{
	uint64_t *cmds = fake_array(VIQ_CALL_MAX_ENTRIES);
	struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES] = {{cmds, VIQ_CALL_MAX_ENTRIES}, {NULL, 0}};
	struct viq_call_request req = request_for(pieces, VIQ_CALL_MAX_PIECES);
	struct viq_call_host host = viq_call_null_host();
	struct viq_call_result res = {.size = sizeof(res)};

	assert_int_equal(viq_call_invalidate(&host, &req, &res), 0);
	assert_int_equal(res.handled, VIQ_CALL_MAX_ENTRIES);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	free(cmds);
}

static void every_type_is_accepted_in_its_size(void **state)
{
	static const uint32_t sizes[] = {[VIQ_CALL_VTD_S1] = 24, [VIQ_CALL_SMMUV3] = 16};
	uint64_t entry[3] = {0};
	struct viq_call_piece piece = {entry, 1};
	struct viq_call_host host = viq_call_null_host();

	for (uint32_t type = 0; type < 2; type++) {
		struct viq_call_request req = request_for(&piece, 1);
		struct viq_call_result res = {.size = sizeof(res)};

		req.type = type;
		req.entry_size = sizes[type];
		assert_int_equal(viq_call_invalidate(&host, &req, &res), 0);
		assert_int_equal(res.handled, 1);
	}
}

/* All of the result is written, whatever was in it; the request's object is what the host sees. */
static void success_fills_the_result(void **state)
{
	struct viq_call_result want = {.size = sizeof(want), .handled = 4, .suspect = 4, .error = VIQ_CALL_NONE};
	uint64_t *cmds = fake_array(4);
	struct viq_call_piece pieces[] = {{cmds, 1}, {NULL, 0}, {cmds + 2, 3}};
	struct viq_call_request req = request_for(pieces, 3);
	struct viq_call_result res;
	struct viq_call_host host;
	struct fake_host fake;

	fake_host_init(&fake, FAKE_EXACT, 4);
	host = fake_host(&fake);
	/* A host may leave the count of calls to us. It may make two for any array: the third is extra. */
	for (fake.charge = 0; fake.charge < 4; fake.charge++) {
		want.host_calls = fake.charge ? fake.charge : 1;
		want.extra_calls = fake.charge == 3;
		memset(&res, 0x5a, sizeof(res));
		res.size = sizeof(res);
		req.object = 0x1234;
		assert_int_equal(viq_call_invalidate(&host, &req, &res), 0);
		assert_memory_equal(&res, &want, sizeof(res));
		assert_int_equal(fake.object, 0x1234);
	}
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(fake.entries[i].runs, 4);
	fake_host_fini(&fake);
	free(cmds);
}

/* No pieces, or only empty ones: one host call, no hunt whatever the answer. */
static void empty_array_is_a_probe(void **state)
{
	const struct viq_call_piece empty[2] = {{NULL, 0}, {NULL, 0}};

	for (uint32_t piece_count = 0; piece_count <= 2; piece_count += 2) {
		struct viq_call_request req = request_for(piece_count ? empty : NULL, piece_count);
		struct viq_call_result res = {.size = sizeof(res)};
		struct viq_call_host host;
		struct fake_host fake;

		fake_host_init(&fake, FAKE_LINUX_7_3, 1);
		host = fake_host(&fake);
		assert_int_equal(viq_call_invalidate(&host, &req, &res), 0);
		assert_int_equal(res.error, VIQ_CALL_NONE);
		assert_int_equal(fake.empty_calls, 1);

		fake.unsupported = true;
		fake.os_error = -EINVAL;
		assert_int_equal(viq_call_invalidate(&host, &req, &res), 0);
		assert_int_equal(res.error, VIQ_CALL_UNSUPPORTED);
		assert_int_equal(res.os_error, -EINVAL);
		assert_int_equal(res.handled, 0);
		assert_int_equal(res.suspect, 0);
		assert_int_equal(res.host_calls, 1);
		assert_int_equal(fake.calls, 2);
		fake_host_fini(&fake);
	}
}

static int answer_probe(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	const struct viq_call_result *answer = opaque;

	if (answer->os_error && !answer->error)
		return answer->os_error;
	*res = *answer;
	return 0;
}

/* P8: nonsense answers to a probe mean neither "supported" nor an index. */
static void p8_probe_with_a_nonsense_answer(void **state)
{
	static const struct {
		struct viq_call_result answer;
		uint32_t error;
	} cases[] = {
		{{.handled = 1, .suspect = 1}, VIQ_CALL_FAILED},
		{{.error = VIQ_CALL_ILLEGAL, .handled = 9, .suspect = 3}, VIQ_CALL_ILLEGAL},
		{{.error = VIQ_CALL_NO_MEMORY}, VIQ_CALL_NO_MEMORY},
		{{.error = 77}, VIQ_CALL_FAILED},
		{{.os_error = -EOPNOTSUPP}, VIQ_CALL_UNSUPPORTED},
		{{.os_error = -EINVAL}, VIQ_CALL_FAILED},
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct viq_call_host_ops ops = {.size = sizeof(ops), .report_group = 63, .invalidate = answer_probe};
		struct viq_call_result answer = cases[i].answer, res = {.size = sizeof(res)};
		struct viq_call_host host = {.ops = &ops, .opaque = &answer};
		struct viq_call_request req = request_for(NULL, 0);

		assert_int_equal(viq_call_invalidate(&host, &req, &res), 0);
		assert_int_equal(res.error, cases[i].error);
		assert_int_equal(res.handled, 0);
		assert_int_equal(res.suspect, 0);
		assert_int_equal(res.host_calls, 1);
	}
}

static void streams_are_asked_of_the_host(void **state)
{
	const uint32_t streams[] = {0, VIQ_CALL_STREAM_KNOWN, VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS};
	struct viq_call_host host = viq_call_null_host();
	struct fake_host fake;

	/* A host without the question knows every stream. */
	assert_int_equal(viq_call_stream(&host, UINT32_MAX), VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS);
	assert_int_equal(viq_call_stream(NULL, 0), 0);
	fake_host_init(&fake, FAKE_EXACT, 0);
	fake.streams = streams;
	fake.stream_count = 3;
	host = fake_host(&fake);
	for (uint32_t sid = 0; sid < 3; sid++)
		assert_int_equal(viq_call_stream(&host, sid), streams[sid]);
	assert_int_equal(viq_call_stream(&host, 3), 0);
	fake_host_fini(&fake);
}

static void every_error_has_a_text_of_its_own(void **state)
{
	for (uint32_t i = 0; i < VIQ_CALL_ERROR_COUNT; i++) {
		for (uint32_t k = i + 1; k <= VIQ_CALL_ERROR_COUNT; k++)
			assert_string_not_equal(viq_call_error_text(i), viq_call_error_text(k));
	}
	assert_string_equal(viq_call_error_text(VIQ_CALL_ILLEGAL), "illegal entry");
	assert_string_equal(viq_call_error_text(VIQ_CALL_TIMEOUT), "device time-out");
	assert_non_null(viq_call_error_text(UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(misuse_is_refused_before_anything_happens),
		cmocka_unit_test(limits_themselves_are_allowed),
		cmocka_unit_test(every_type_is_accepted_in_its_size),
		cmocka_unit_test(success_fills_the_result),
		cmocka_unit_test(empty_array_is_a_probe),
		cmocka_unit_test(p8_probe_with_a_nonsense_answer),
		cmocka_unit_test(streams_are_asked_of_the_host),
		cmocka_unit_test(every_error_has_a_text_of_its_own),
	};

	return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
