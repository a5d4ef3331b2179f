/* SPDX-License-Identifier: MIT */
/*
 * One fault in front of hosts of every kind: an exact one, one that over-reports as Linux does, Linux on the fake
 * kernel, a fan-out. Each failure under each contract is told as the contract says, what ran behind is what may have
 * run, and viq_call_invalidate() finds the culprit again.
 */

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "oracle/fake_host.h"
#include "support/fault.h"
#include "support/linux_call.h"

#define COUNT 130u
#define GROUP 63u

/* A host that remembers how often the command with a number took effect, and can be made to refuse one. */
struct behind {
	struct viq_call_host host;
	struct fake_host fake[2];
	struct linux_fixture linux_host;
	struct viq_call_fanout *fanout;
	uint64_t cmds[COUNT][2]; /* CPU byte order */
};

struct kind {
	void (*init)(struct behind *b);
	void (*fini)(struct behind *b);
	uint32_t (*ran)(const struct behind *b, uint32_t i);
	void (*refuse)(struct behind *b, uint32_t i); /* NULL: Linux refuses no command of its own list */
};

static void init_fake(struct behind *b)
{
	fake_host_init(&b->fake[0], FAKE_EXACT, COUNT);
	b->host = fake_host(&b->fake[0]);
}

static void init_liar(struct behind *b)
{
	fake_host_init(&b->fake[0], FAKE_LINUX_7_3, COUNT);
	b->host = fake_host(&b->fake[0]);
}

static void fini_fake(struct behind *b)
{
	fake_host_fini(&b->fake[0]);
}

static uint32_t ran_fake(const struct behind *b, uint32_t i)
{
	return b->fake[0].entries[i].runs;
}

static void refuse_fake(struct behind *b, uint32_t i)
{
	b->fake[0].entries[i].error = VIQ_CALL_ILLEGAL;
}

static void init_fanout(struct behind *b)
{
	struct viq_call_host hosts[2];

	fake_host_init(&b->fake[0], FAKE_EXACT, COUNT);
	fake_host_init(&b->fake[1], FAKE_LINUX_NEXT, COUNT);
	for (unsigned int i = 0; i < 2; i++)
		hosts[i] = fake_host(&b->fake[i]);
	assert_int_equal(viq_call_fanout_create(hosts, 2, &b->fanout, NULL), 0);
	b->host = viq_call_fanout_host(b->fanout);
}

static void fini_fanout(struct behind *b)
{
	viq_call_fanout_destroy(b->fanout);
	fake_host_fini(&b->fake[0]);
	fake_host_fini(&b->fake[1]);
}

static uint32_t ran_fanout(const struct behind *b, uint32_t i)
{
	uint32_t first = b->fake[0].entries[i].runs, second = b->fake[1].entries[i].runs;

	return first < second ? first : second;
}

static void refuse_second(struct behind *b, uint32_t i)
{
	b->fake[1].entries[i].error = VIQ_CALL_ILLEGAL;
}

static void init_linux(struct behind *b)
{
	linux_fixture_init(&b->linux_host, FK_LINUX_7_3, VIQ_LINUX_CALLS_DEFAULT, false);
	b->host = b->linux_host.host;
}

static void fini_linux(struct behind *b)
{
	linux_fixture_fini(&b->linux_host);
}

static uint32_t ran_linux(const struct behind *b, uint32_t i)
{
	return linux_ran(&b->linux_host, b->cmds[i]);
}

static const struct kind kinds[] = {
	{init_fake, fini_fake, ran_fake, refuse_fake},
	{init_liar, fini_fake, ran_fake, refuse_fake},
	{init_fanout, fini_fanout, ran_fanout, refuse_second},
	{init_linux, fini_linux, ran_linux, NULL},
};

/* --- A fault in front ----------------------------------------------------------------------------------------------
 */

struct bench {
	const struct kind *kind;
	uint32_t contract;
	struct behind behind;
	struct viq_fault *fault;
	struct viq_call_host host;
};

static void bench_init(struct bench *b, const struct kind *kind, uint32_t contract, bool device)
{
	*b = (struct bench){.kind = kind, .contract = contract};
	kind->init(&b->behind);
	for (uint32_t i = 0; i < COUNT; i++) {
		if (device)
			linux_atc(b->behind.cmds[i], FAKE_VM_VSID, i);
		else
			linux_tlbi(b->behind.cmds[i], i);
	}
	b->fault = fault_new(contract);
	b->host = fault_before(b->fault, b->behind.host);
}

static void bench_fini(struct bench *b)
{
	viq_fault_destroy(b->fault);
	b->kind->fini(&b->behind);
}

/* The array in three pieces, one of them empty: to the host itself, or through the exact call. */
static struct viq_call_result call(struct bench *b, bool exact)
{
	uint64_t le[COUNT][2];
	const struct viq_call_piece pieces[3] = {{le, 47}, {NULL, 0}, {le + 47, COUNT - 47}};
	const struct viq_call_request req = {
		.size = sizeof(req),
		.object = b->host.object,
		.type = VIQ_CALL_SMMUV3,
		.entry_size = 16,
		.pieces = pieces,
		.piece_count = 3,
	};
	struct viq_call_result res = {.size = sizeof(res)};

	for (uint32_t i = 0; i < COUNT; i++) {
		le[i][0] = htole64(b->behind.cmds[i][0]);
		le[i][1] = htole64(b->behind.cmds[i][1]);
	}
	if (exact)
		assert_int_equal(viq_call_invalidate(&b->host, &req, &res), 0);
	else
		assert_int_equal(b->host.ops->invalidate(b->host.opaque, &req, &res), 0);
	return res;
}

static uint32_t group_of(const struct bench *b, uint32_t i)
{
	return b->contract == VIQ_FAULT_EXACT ? i : i / GROUP * GROUP;
}

static uint32_t group_end(const struct bench *b, uint32_t i)
{
	uint32_t end = group_of(b, i) + GROUP - 1;

	return b->contract == VIQ_FAULT_EXACT ? i : end < COUNT ? end : COUNT - 1;
}

/* What is said of a failure at i with the window [first, last], which a check refused or not. */
static void check_report(const struct bench *b, const struct viq_call_result *res, uint32_t error, int os_error,
			 bool refused, uint32_t i, uint32_t first, uint32_t last)
{
	assert_int_equal(res->error, error);
	if (b->contract == VIQ_FAULT_LINUX_7_3)
		first = last = refused ? i : group_end(b, i);
	if (b->contract == VIQ_FAULT_LINUX_NEXT) {
		first = group_of(b, i);
		last = group_end(b, i);
	}
	assert_int_equal(res->handled, first);
	assert_int_equal(res->suspect, last);
	if (b->contract != VIQ_FAULT_EXACT) {
		assert_int_equal(res->os_error, os_error);
		assert_int_equal(res->hw_code, 0);
	}
}

/* [0, below) ran once each, but for skip, and nothing from there on. */
static void check_ran(const struct bench *b, uint32_t below, uint32_t skip)
{
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(b->kind->ran(&b->behind, i), i < below && i != skip);
}

/* The exact call finds an entry that stays bad, whatever is said of it. */
static void check_found(struct bench *b, uint32_t i, uint32_t error)
{
	struct viq_call_result res = call(b, true);

	assert_int_equal(res.error, error);
	assert_int_equal(res.handled, i);
	for (uint32_t k = 0; k < i; k++)
		assert_true(b->kind->ran(&b->behind, k) > 0);
	assert_int_equal(b->kind->ran(&b->behind, i), 0);
	if (error == VIQ_CALL_ILLEGAL)
		assert_int_equal(res.suspect, i);
}

static const uint32_t indices[] = {0, 1, 46, 47, 62, 63, 64, 125, 126, COUNT - 1};

/* fn for each host, contract and index. */
static void each(void (*fn)(struct bench *b, uint32_t i), bool device)
{
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (uint32_t contract = 0; contract <= VIQ_FAULT_LINUX_NEXT; contract++) {
			for (size_t n = 0; n < sizeof(indices) / sizeof(indices[0]); n++) {
				struct bench b;

				bench_init(&b, &kinds[k], contract, device);
				fn(&b, indices[n]);
				bench_fini(&b);
			}
		}
	}
}

/* --- What is told to fail ------------------------------------------------------------------------------------------
 */

static void illegal(struct bench *b, uint32_t i)
{
	struct viq_call_result res;

	fault_arm(b->fault, VIQ_FAULT_ILLEGAL, i, 0, 0, 0);
	res = call(b, false);
	check_report(b, &res, VIQ_CALL_ILLEGAL, -EIO, true, i, i, i);
	if (b->contract == VIQ_FAULT_EXACT)
		assert_int_equal(res.hw_code, VIQ_SMMUV3_CERROR_ILL);
	check_ran(b, group_of(b, i), COUNT);
	check_found(b, i, VIQ_CALL_ILLEGAL);
}

static void gone(struct bench *b, uint32_t i)
{
	struct viq_call_result res;

	fault_arm(b->fault, VIQ_FAULT_GONE, i, 0, 0, 1);
	res = call(b, false);
	check_report(b, &res, VIQ_CALL_GONE, -ENOENT, true, i, i, i);
	check_ran(b, group_of(b, i), COUNT);
	assert_int_equal(call(b, true).error, VIQ_CALL_NONE);
}

static void hardware(struct bench *b, uint32_t i)
{
	struct viq_call_result res;

	fault_arm(b->fault, VIQ_FAULT_HARDWARE, i, 5, UINT32_MAX, 1);
	res = call(b, false);
	check_report(b, &res, VIQ_CALL_FAILED, -ETIMEDOUT, false, i, i < 5 ? 0 : i - 5, COUNT - 1);
	check_ran(b, i, COUNT);
	assert_int_equal(call(b, true).error, VIQ_CALL_NONE);
}

static void timeout(struct bench *b, uint32_t i)
{
	struct viq_call_result res;

	linux_tlbi(b->behind.cmds[0], 0);
	fault_arm(b->fault, VIQ_FAULT_ATC_TIMEOUT, i, 0, 0, 1);
	res = call(b, false);
	if (!i) {
		/* It waits for an ATC_INV there. */
		assert_int_equal(res.error, VIQ_CALL_NONE);
		check_ran(b, COUNT, COUNT);
		return;
	}
	check_report(b, &res, VIQ_CALL_TIMEOUT, -ETIMEDOUT, false, i, 1, COUNT - 1);
	if (b->contract == VIQ_FAULT_EXACT)
		assert_int_equal(res.hw_code, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	check_ran(b, b->contract == VIQ_FAULT_EXACT ? COUNT : group_end(b, i) + 1, i);
}

static void no_memory(struct bench *b, uint32_t i)
{
	struct viq_call_result res;

	fault_arm(b->fault, VIQ_FAULT_NO_MEMORY, i, 0, 0, 1);
	res = call(b, false);
	assert_int_equal(res.error, VIQ_CALL_NO_MEMORY);
	assert_int_equal(res.handled, COUNT);
	assert_int_equal(res.suspect, COUNT);
	assert_int_equal(res.os_error, b->contract == VIQ_FAULT_EXACT ? 0 : -ENOMEM);
	check_ran(b, 0, COUNT);
	fault_arm(b->fault, VIQ_FAULT_NO_MEMORY, COUNT, 0, 0, 0);
	assert_int_equal(call(b, false).error, VIQ_CALL_NONE);
	check_ran(b, COUNT, COUNT);
}

static void drop(struct bench *b, uint32_t i)
{
	struct viq_call_result res;

	fault_arm(b->fault, VIQ_FAULT_DROP, i, 0, 0, 0);
	res = call(b, true);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	assert_int_equal(res.handled, COUNT);
	assert_int_equal(res.extra_calls, 0);
	check_ran(b, COUNT, i);
}

static void each_failure_bites_in_front_of_each_host(void **state)
{
	each(illegal, false);
	each(gone, false);
	each(hardware, false);
	each(timeout, true);
	each(no_memory, false);
	each(drop, false);
}

/* --- What fails by itself ------------------------------------------------------------------------------------------
 */

/* The host behind refuses, exactly; a Linux kernel in front would have issued the group. */
static void refused_behind(struct bench *b, uint32_t i)
{
	struct viq_call_result res;

	if (!b->kind->refuse)
		return;
	b->kind->refuse(&b->behind, i);
	res = call(b, false);
	check_report(b, &res, VIQ_CALL_ILLEGAL, -EIO, true, i, i, i);
	for (uint32_t k = 0; k < COUNT; k++)
		assert_int_equal(b->kind->ran(&b->behind, k) > 0, k < i);
	check_found(b, i, VIQ_CALL_ILLEGAL);
}

/* What no hardware has a kernel refuses before it issues the group; an exact host, when it gets there. */
static void refused_in_front(struct bench *b, uint32_t i)
{
	struct viq_call_result res;

	b->behind.cmds[i][0] |= VIQ_BIT(8); /* RES0 */
	if (b->kind->refuse)
		b->kind->refuse(&b->behind, i);
	res = call(b, false);
	check_report(b, &res, VIQ_CALL_ILLEGAL, -EIO, true, i, i, i);
	for (uint32_t k = 0; k < COUNT; k++)
		assert_int_equal(b->kind->ran(&b->behind, k) > 0, k < group_of(b, i));
	check_found(b, i, VIQ_CALL_ILLEGAL);
}

static void own_failures_are_told_as_the_contract_says(void **state)
{
	each(refused_behind, false);
	each(refused_in_front, false);
}

static void a_kernel_refuses_streams_that_the_host_does_not_know(void **state)
{
	for (uint32_t contract = VIQ_FAULT_LINUX_7_3; contract <= VIQ_FAULT_LINUX_NEXT; contract++) {
		struct viq_call_result res;
		struct bench b;

		bench_init(&b, &kinds[3], contract, true);
		linux_atc(b.behind.cmds[70], FAKE_VM_VSID + 1, 70);
		res = call(&b, false);
		check_report(&b, &res, VIQ_CALL_ILLEGAL, -EIO, true, 70, 70, 70);
		check_ran(&b, 63, COUNT);
		assert_int_equal(viq_call_stream(&b.host, FAKE_VM_VSID), VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS);
		assert_int_equal(viq_call_stream(&b.host, FAKE_VM_VSID + 1), 0);
		bench_fini(&b);
	}
}

/* --- Arguments and targets -----------------------------------------------------------------------------------------
 */

static void one_failure_holds_for_all_hosts_of_a_fault(void **state)
{
	struct viq_call_host inner, first, second, other;
	struct viq_fault *fault = fault_new(VIQ_FAULT_EXACT);
	uint64_t *cmds = fake_array(4);
	const struct viq_call_piece piece = {cmds, 4};
	struct viq_call_request req = {
		.size = sizeof(req), .type = VIQ_CALL_SMMUV3, .entry_size = 16, .pieces = &piece, .piece_count = 1};
	struct viq_call_result res = {.size = sizeof(res)};
	struct fake_host fake[2];

	fake_host_init(&fake[0], FAKE_EXACT, 4);
	fake_host_init(&fake[1], FAKE_EXACT, 4);
	inner = fake_host(&fake[0]);
	first = fault_before(fault, inner);
	inner.object = 8;
	second = fault_before(fault, inner);
	other = fault_before(fault, fake_host(&fake[1]));
	assert_ptr_equal(first.opaque, second.opaque);
	assert_ptr_not_equal(first.opaque, other.opaque);
	fault_arm(fault, VIQ_FAULT_ILLEGAL, 2, 0, 0, 2);
	req.object = second.object;
	assert_int_equal(viq_call_invalidate(&second, &req, &res), 0);
	assert_int_equal(res.error, VIQ_CALL_ILLEGAL);
	assert_int_equal(fake[0].object, 8);
	req.object = other.object;
	assert_int_equal(viq_call_invalidate(&other, &req, &res), 0);
	assert_int_equal(res.error, VIQ_CALL_ILLEGAL);
	assert_int_equal(res.handled, 2);
	assert_int_equal(fake[1].entries[1].runs, 1);
	assert_int_equal(fake[1].entries[2].runs, 0);
	req.object = first.object;
	assert_int_equal(viq_call_invalidate(&first, &req, &res), 0);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	assert_int_equal(fake[0].object, 7);
	free(cmds);
	fake_host_fini(&fake[0]);
	fake_host_fini(&fake[1]);
	viq_fault_destroy(fault);
}

static void an_empty_array_asks_the_host_behind(void **state)
{
	for (uint32_t contract = 0; contract <= VIQ_FAULT_LINUX_NEXT; contract++) {
		struct viq_call_request req = {.size = sizeof(req), .type = VIQ_CALL_SMMUV3, .entry_size = 16};
		struct viq_call_result res = {.size = sizeof(res)};
		struct viq_fault *fault = fault_new(contract);
		struct viq_call_host host;
		struct fake_host fake;

		fake_host_init(&fake, FAKE_EXACT, 1);
		host = fault_before(fault, fake_host(&fake));
		assert_int_equal(viq_call_invalidate(&host, &req, &res), 0);
		assert_int_equal(res.error, VIQ_CALL_NONE);
		assert_int_equal(fake.empty_calls, 1);
		fake.unsupported = true;
		assert_int_equal(viq_call_invalidate(&host, &req, &res), 0);
		assert_int_equal(res.error, VIQ_CALL_UNSUPPORTED);
		assert_int_equal(res.os_error, contract == VIQ_FAULT_EXACT ? 0 : -EINVAL);
		fake_host_fini(&fake);
		viq_fault_destroy(fault);
	}
}

/* The entry that is struck is so many entries from now, in whatever call; of an ATC_INV only these are counted. */
static void entries_are_counted_over_calls(void **state)
{
	static const uint32_t kinds_counted[] = {VIQ_FAULT_DROP, VIQ_FAULT_ATC_DROP, VIQ_FAULT_ATC_TIMEOUT};

	for (size_t k = 0; k < 3; k++) {
		const bool device = k != 0;
		struct bench b;
		struct viq_fault_failure failure = {
			.size = sizeof(failure), .kind = kinds_counted[k], .times = 1, .counted = 1};

		bench_init(&b, &kinds[0], VIQ_FAULT_EXACT, device);
		linux_tlbi(b.behind.cmds[0], 0);
		/* A call has so many that count; the one struck is entry 7 of the third. */
		failure.index = 2 * (COUNT - device) + 7 - device;
		assert_int_equal(viq_fault_arm(b.fault, &failure), 0);
		for (uint32_t n = 0; n < 4; n++) {
			const struct viq_call_result res = call(&b, false);

			assert_int_equal(res.error, n == 2 && kinds_counted[k] == VIQ_FAULT_ATC_TIMEOUT
							    ? VIQ_CALL_TIMEOUT
							    : VIQ_CALL_NONE);
			for (uint32_t i = 0; i < COUNT; i++)
				assert_int_equal(b.kind->ran(&b.behind, i), n + 1 - (i == 7 && n >= 2));
		}
		bench_fini(&b);
	}
}

/* No memory for the call that the entry is in: none of it runs. */
static void a_call_is_counted_to(void **state)
{
	const struct viq_fault_failure failure = {
		.size = sizeof(failure), .kind = VIQ_FAULT_NO_MEMORY, .index = COUNT + 1, .times = 1, .counted = 1};
	struct bench b;

	bench_init(&b, &kinds[0], VIQ_FAULT_EXACT, false);
	assert_int_equal(viq_fault_arm(b.fault, &failure), 0);
	assert_int_equal(call(&b, false).error, VIQ_CALL_NONE);
	assert_int_equal(call(&b, false).error, VIQ_CALL_NO_MEMORY);
	check_ran(&b, COUNT, COUNT);
	assert_int_equal(call(&b, false).error, VIQ_CALL_NONE);
	bench_fini(&b);
}

/* Strikes are counted from arming on, and stay when the failure is used up: each entry, a call without memory once. */
static void strikes_are_counted(void **state)
{
	static const struct {
		uint32_t kind, index, times, first, then;
	} rows[] = {
		{VIQ_FAULT_DROP, 3, 0, 1, 2},
		{VIQ_FAULT_DROP, 3, 1, 1, 1},
		{VIQ_FAULT_ILLEGAL, COUNT, 1, 0, 0},
		{VIQ_FAULT_ATC_TIMEOUT, 0, 0, COUNT, 2 * COUNT}, /* all of the device's */
		{VIQ_FAULT_NO_MEMORY, COUNT - 1, 0, 1, 2},
		{VIQ_FAULT_NONE, 0, 0, 0, 0},
	};

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct bench b;

		bench_init(&b, &kinds[0], VIQ_FAULT_EXACT, true);
		fault_arm(b.fault, rows[r].kind, rows[r].index, 0, 0, rows[r].times);
		assert_int_equal(viq_fault_strikes(b.fault), 0);
		call(&b, false);
		assert_int_equal(viq_fault_strikes(b.fault), rows[r].first);
		call(&b, false);
		assert_int_equal(viq_fault_strikes(b.fault), rows[r].then);
		fault_disarm(b.fault);
		assert_int_equal(viq_fault_strikes(b.fault), 0);
		bench_fini(&b);
	}
	assert_int_equal(viq_fault_strikes(NULL), 0);
}

/* The entry that was struck can be had, also when the failure is used up. */
static void what_was_struck_is_told(void **state)
{
	uint64_t entry[3] = {0};
	struct bench b;

	bench_init(&b, &kinds[0], VIQ_FAULT_EXACT, false);
	fault_arm(b.fault, VIQ_FAULT_DROP, 3, 0, 0, 1);
	assert_int_equal(viq_fault_struck(b.fault, entry, sizeof(entry)), 0);
	call(&b, false);
	assert_int_equal(viq_fault_struck(b.fault, entry, 15), 0);
	assert_int_equal(entry[0], 0);
	assert_int_equal(viq_fault_struck(b.fault, entry, sizeof(entry)), 16);
	assert_int_equal(le64toh(entry[0]), b.behind.cmds[3][0]);
	assert_int_equal(le64toh(entry[1]), b.behind.cmds[3][1]);
	fault_disarm(b.fault);
	assert_int_equal(viq_fault_struck(b.fault, entry, sizeof(entry)), 0);
	fault_arm(b.fault, VIQ_FAULT_NO_MEMORY, 0, 0, 0, 0);
	call(&b, false);
	assert_int_equal(viq_fault_strikes(b.fault), 1);
	assert_int_equal(viq_fault_struck(b.fault, entry, sizeof(entry)), 0);
	assert_int_equal(viq_fault_struck(b.fault, NULL, sizeof(entry)), 0);
	assert_int_equal(viq_fault_struck(NULL, entry, sizeof(entry)), 0);
	bench_fini(&b);
}

static void kinds_and_contracts_have_names(void **state)
{
	assert_null(viq_fault_kind_name(VIQ_FAULT_NONE));
	assert_string_equal(viq_fault_kind_name(VIQ_FAULT_ILLEGAL), "host-illegal");
	assert_string_equal(viq_fault_kind_name(VIQ_FAULT_ATC_DROP), "atc-drop");
	assert_null(viq_fault_kind_name(VIQ_FAULT_ATC_DROP + 1));
	assert_string_equal(viq_fault_contract_name(VIQ_FAULT_EXACT), "exact");
	assert_string_equal(viq_fault_contract_name(VIQ_FAULT_LINUX_NEXT), "linux-next");
	assert_null(viq_fault_contract_name(VIQ_FAULT_LINUX_NEXT + 1));
}

static void arguments_that_make_no_sense(void **state)
{
	struct viq_fault_failure failure = {.size = sizeof(failure), .kind = VIQ_FAULT_DROP};
	struct viq_call_host host = viq_call_null_host(), out;
	struct viq_fault *fault;

	assert_int_equal(viq_fault_create(VIQ_FAULT_LINUX_NEXT + 1, &fault, NULL), -EINVAL);
	assert_int_equal(viq_fault_create(VIQ_FAULT_EXACT, NULL, NULL), -EINVAL);
	viq_fault_destroy(NULL);
	fault = fault_new(VIQ_FAULT_EXACT);
	assert_int_equal(viq_fault_arm(NULL, &failure), -EINVAL);
	assert_int_equal(viq_fault_arm(fault, NULL), -EINVAL);
	assert_int_equal(viq_fault_arm(fault, &failure), 0);
	failure.kind = VIQ_FAULT_ATC_DROP + 1;
	assert_int_equal(viq_fault_arm(fault, &failure), -EINVAL);
	failure.kind = VIQ_FAULT_NONE;
	failure.size = 0;
	assert_int_equal(viq_fault_arm(fault, &failure), -EINVAL);
	assert_int_equal(viq_fault_host(NULL, &host, &out, NULL), -EINVAL);
	assert_int_equal(viq_fault_host(fault, NULL, &out, NULL), -EINVAL);
	assert_int_equal(viq_fault_host(fault, &host, NULL, NULL), -EINVAL);
	host.ops = NULL;
	assert_int_equal(viq_fault_host(fault, &host, &out, NULL), -EINVAL);
	viq_fault_destroy(fault);
}

/* A shorter struct lacks the window and the times: none, and for ever. A longer one is taken if it asks for no more. */
static void a_failure_of_an_older_and_of_a_newer_caller(void **state)
{
	struct {
		struct viq_fault_failure known;
		uint32_t more;
	} newer = {.known = {.size = sizeof(newer), .kind = VIQ_FAULT_HARDWARE}};
	struct viq_fault_failure older = {
		.size = offsetof(struct viq_fault_failure, before), .kind = VIQ_FAULT_NONE, .times = 1};
	struct viq_fault *fault = fault_new(VIQ_FAULT_EXACT);
	struct viq_why why = {""};

	assert_int_equal(viq_fault_arm(fault, &older), 0);
	older.size -= 4;
	assert_int_equal(viq_fault_arm(fault, &older), -EINVAL);
	assert_int_equal(viq_fault_arm(fault, &newer.known), 0);
	newer.more = 1;
	assert_int_equal(viq_fault_arm(fault, &newer.known), -E2BIG);
	viq_fault_destroy(fault);
	assert_int_equal(viq_fault_create(9, &fault, &why), -EINVAL);
	assert_non_null(strstr(why.text, "contract: 9"));
	assert_int_equal(viq_fault_host(NULL, NULL, NULL, &why), -EINVAL);
	assert_non_null(strstr(why.text, "inner"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_failure_bites_in_front_of_each_host),
	cmocka_unit_test(own_failures_are_told_as_the_contract_says),
	cmocka_unit_test(a_kernel_refuses_streams_that_the_host_does_not_know),
	cmocka_unit_test(one_failure_holds_for_all_hosts_of_a_fault),
	cmocka_unit_test(an_empty_array_asks_the_host_behind),
	cmocka_unit_test(entries_are_counted_over_calls),
	cmocka_unit_test(a_call_is_counted_to),
	cmocka_unit_test(strikes_are_counted),
	cmocka_unit_test(what_was_struck_is_told),
	cmocka_unit_test(kinds_and_contracts_have_names),
	cmocka_unit_test(arguments_that_make_no_sense),
	cmocka_unit_test(a_failure_of_an_older_and_of_a_newer_caller),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
