/* SPDX-License-Identifier: MIT */
/* Fan-out: P1 over all hosts, the earliest failure of any, each host only what concerns it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <viq/call.h>
#include <viq/smmuv3_spec.h>

#include "support/test.h"
#include "fixture.h"

#define KNOWN VIQ_CALL_STREAM_KNOWN
#define ATS   VIQ_CALL_STREAM_ATS

#define HOSTS   3
#define STREAMS 5

/* What each host knows: two have devices without ATS, one has devices with it; stream 3 is in two, stream 4 in none. */
static const uint32_t streams[HOSTS][STREAMS] = {
	{KNOWN, 0, 0, KNOWN, 0},
	{0, KNOWN | ATS, 0, KNOWN | ATS, 0},
	{0, 0, KNOWN, 0, 0},
};

struct fixture {
	struct fake_host fakes[HOSTS];
	struct viq_call_fanout *fanout;
	struct viq_call_host host;
	uint32_t count;
	uint64_t *cmds;
	uint8_t *op;
	uint32_t *sid;
};

static void setup(struct fixture *f, uint32_t count)
{
	struct viq_call_host hosts[HOSTS];

	*f = (struct fixture){.count = count, .cmds = fake_array(count)};
	f->op = calloc(count, 1);
	f->sid = calloc(count, sizeof(*f->sid));
	for (uint32_t i = 0; i < count; i++)
		f->op[i] = VIQ_SMMUV3_OP_TLBI_NH_VA;
	for (uint32_t h = 0; h < HOSTS; h++) {
		fake_host_init(&f->fakes[h], FAKE_EXACT, count);
		f->fakes[h].streams = streams[h];
		f->fakes[h].stream_count = STREAMS;
		hosts[h] = fake_host(&f->fakes[h]);
		hosts[h].object = 100 + h;
	}
	assert_int_equal(viq_call_fanout_create(hosts, HOSTS, &f->fanout, NULL), 0);
	f->host = viq_call_fanout_host(f->fanout);
}

static void teardown(struct fixture *f)
{
	viq_call_fanout_destroy(f->fanout);
	for (uint32_t h = 0; h < HOSTS; h++)
		fake_host_fini(&f->fakes[h]);
	free(f->cmds);
	free(f->op);
	free(f->sid);
}

static void set_kind(struct fixture *f, uint32_t h, enum fake_kind kind, uint32_t random)
{
	struct viq_call_host hosts[HOSTS];

	f->fakes[h].kind = kind;
	f->fakes[h].random = random ? random : 1;
	viq_call_fanout_destroy(f->fanout);
	for (uint32_t i = 0; i < HOSTS; i++)
		hosts[i] = fake_host(&f->fakes[i]);
	assert_int_equal(viq_call_fanout_create(hosts, HOSTS, &f->fanout, NULL), 0);
	f->host = viq_call_fanout_host(f->fanout);
}

static void put(struct fixture *f, uint32_t i, unsigned int op, uint32_t sid)
{
	f->op[i] = (uint8_t)op;
	f->sid[i] = sid;
	fake_stream_command(f->cmds + 2 * i, op, sid, i);
}

/* A command of any kind for any stream, the unknown one included. */
static void put_random(struct fixture *f, uint32_t i, uint32_t *random)
{
	static const uint8_t ops[] = {VIQ_SMMUV3_OP_TLBI_NH_VA,  VIQ_SMMUV3_OP_TLBI_NH_ALL, VIQ_SMMUV3_OP_CFGI_CD,
				      VIQ_SMMUV3_OP_CFGI_CD_ALL, VIQ_SMMUV3_OP_ATC_INV,     VIQ_SMMUV3_OP_TLBI_NH_ASID};

	put(f, i, ops[fake_random(random) % 6], fake_random(random) % (STREAMS + 1));
}

/* The rule, written down a second time: does entry i concern host h? */
static bool concerns(const struct fixture *f, uint32_t h, uint32_t i)
{
	uint32_t known = f->sid[i] < STREAMS ? streams[h][f->sid[i]] : 0;

	switch (f->op[i]) {
	case VIQ_SMMUV3_OP_CFGI_CD:
	case VIQ_SMMUV3_OP_CFGI_CD_ALL:
		return known & KNOWN;
	case VIQ_SMMUV3_OP_ATC_INV:
		return known & ATS;
	default:
		return true;
	}
}

static struct viq_call_result invalidate_pieces(struct fixture *f, const struct viq_call_piece *pieces, uint32_t n)
{
	for (uint32_t h = 0; h < HOSTS; h++)
		f->fakes[h].calls = 0;
	return call_host(&f->host, pieces, n);
}

static struct viq_call_result invalidate(struct fixture *f)
{
	struct viq_call_piece piece = {f->cmds, f->count};

	return invalidate_pieces(f, &piece, 1);
}

/* P1: what is handled took effect in every host that it concerns, and no host saw what does not concern it. */
static void assert_p1(const struct fixture *f, const struct viq_call_result *res)
{
	uint32_t calls = 0;

	for (uint32_t h = 0; h < HOSTS; h++) {
		for (uint32_t i = 0; i < f->count; i++) {
			if (!concerns(f, h, i))
				assert_int_equal(f->fakes[h].entries[i].runs, 0);
			else if (i < res->handled)
				assert_true(f->fakes[h].entries[i].runs > 0);
		}
		calls += f->fakes[h].calls;
		assert_int_equal(f->fakes[h].empty_calls, 0);
	}
	/* Where no host was called, the fan-out itself was. */
	assert_int_equal(res->host_calls, calls ? calls : 1);
}

static void assert_all_done(const struct fixture *f, const struct viq_call_result *res)
{
	assert_int_equal(res->error, VIQ_CALL_NONE);
	assert_int_equal(res->handled, f->count);
	assert_int_equal(res->suspect, f->count);
	assert_p1(f, res);
}

static void p1_every_host_executes_every_entry_once(void **state)
{
	struct viq_call_result res;
	struct fixture f;

	setup(&f, 1000);
	res = invalidate(&f);
	assert_all_done(&f, &res);
	assert_int_equal(res.host_calls, HOSTS);
	for (uint32_t h = 0; h < HOSTS; h++) {
		assert_int_equal(f.fakes[h].object, 100 + h);
		for (uint32_t i = 0; i < f.count; i++)
			assert_int_equal(f.fakes[h].entries[i].runs, 1);
	}
	teardown(&f);
}

/* Each command that names a stream, for each stream: exactly the hosts behind it. */
static void p1_stream_commands_reach_the_hosts_they_concern(void **state)
{
	static const uint8_t ops[] = {VIQ_SMMUV3_OP_CFGI_CD, VIQ_SMMUV3_OP_CFGI_CD_ALL, VIQ_SMMUV3_OP_ATC_INV};

	for (uint32_t k = 0; k < 3; k++) {
		for (uint32_t sid = 0; sid <= STREAMS; sid++) {
			struct viq_call_result res;
			struct fixture f;

			setup(&f, 3);
			put(&f, 1, ops[k], sid);
			res = invalidate(&f);
			assert_all_done(&f, &res);
			for (uint32_t h = 0; h < HOSTS; h++)
				assert_int_equal(f.fakes[h].entries[1].runs, concerns(&f, h, 1));
			teardown(&f);
		}
	}
}

/* P5: what no host knows reaches none, not even as an empty array, and is handled. */
static void p5_unknown_streams_reach_no_host(void **state)
{
	struct viq_call_result res;
	struct fixture f;

	setup(&f, 500);
	for (uint32_t i = 0; i < 500; i++)
		put(&f, i, i % 2 ? VIQ_SMMUV3_OP_CFGI_CD : VIQ_SMMUV3_OP_ATC_INV, i % 2 ? STREAMS : 0);
	res = invalidate(&f);
	assert_all_done(&f, &res);
	for (uint32_t h = 0; h < HOSTS; h++)
		assert_int_equal(f.fakes[h].calls, 0);
	teardown(&f);
}

/* Every second entry concerns one host only: short runs are collected, not sent one by one. */
static void p4_short_runs_are_collected(void **state)
{
	struct viq_call_result res;
	struct fixture f;

	setup(&f, 4096);
	for (uint32_t i = 0; i < f.count; i += 2)
		put(&f, i, VIQ_SMMUV3_OP_ATC_INV, 1);
	res = invalidate(&f);
	assert_all_done(&f, &res);
	assert_int_equal(f.fakes[0].calls, 4096 / 2 / 256);
	assert_int_equal(f.fakes[1].calls, 1);
	teardown(&f);
}

/* Long runs go where they lie. */
static void p4_long_runs_are_one_call_each(void **state)
{
	struct viq_call_result res;
	struct fixture f;

	setup(&f, 5000);
	put(&f, 1000, VIQ_SMMUV3_OP_CFGI_CD, 1);
	put(&f, 4998, VIQ_SMMUV3_OP_CFGI_CD, 1);
	res = invalidate(&f);
	assert_all_done(&f, &res);
	/* [0, 1000), [1001, 4998), [4999, 5000) */
	assert_int_equal(f.fakes[0].calls, 3);
	assert_int_equal(f.fakes[0].longest, 3997);
	assert_int_equal(f.fakes[1].calls, 1);
	teardown(&f);
}

/* What is long: 64 entries are a call of their own, 63 are copied, also behind those. */
static void p4_runs_of_64_are_long(void **state)
{
	static const struct {
		uint32_t stream_at, calls, longest; /* of the first host, once the entry there is another's */
	} steps[] = {{4, 2, 128}, {69, 3, 64}, {132, 3, 64}};
	struct viq_call_result res;
	struct fixture f;

	setup(&f, 133);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		put(&f, steps[i].stream_at, VIQ_SMMUV3_OP_CFGI_CD, 1);
		f.fakes[0].calls = f.fakes[0].longest = 0;
		res = invalidate(&f);
		assert_int_equal(res.handled, f.count);
		assert_int_equal(f.fakes[0].calls, steps[i].calls);
		assert_int_equal(f.fakes[0].longest, steps[i].longest);
	}
	teardown(&f);
}

/*
 * Random commands, random culprits in random hosts of every kind: the answer is the first entry that any host refuses,
 * and a host sees nothing that a host before it did not handle.
 */
static void p2_earliest_failure_of_any_host_property(void **state)
{
	uint32_t random = fake_seed();

	for (int round = 0; round < 1000; round++) {
		uint32_t count = 1 + fake_random(&random) % 700, limit = count, mix = 1 + fake_random(&random) % 40;
		struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES];
		struct viq_call_result res;
		struct fixture f;

		setup(&f, count);
		for (uint32_t i = 0; i < count; i++) {
			if (fake_random(&random) % mix == 0)
				put_random(&f, i, &random);
		}
		for (uint32_t h = 0; h < HOSTS; h++) {
			set_kind(&f, h, (enum fake_kind)(fake_random(&random) % (FAKE_GARBAGE + 1)),
				 fake_random(&random));
			f.fakes[h].after = fake_random(&random) % 90;
			for (uint32_t k = fake_random(&random) % 3; k; k--)
				f.fakes[h].entries[fake_random(&random) % count].error = VIQ_CALL_ILLEGAL;
		}
		res = invalidate_pieces(&f, pieces, fake_cut(f.cmds, count, &random, pieces));
		assert_p1(&f, &res);
		for (uint32_t h = 0; h < HOSTS; h++) {
			for (uint32_t i = limit; i < count; i++)
				assert_int_equal(f.fakes[h].entries[i].runs, 0);
			for (uint32_t i = 0; i < limit; i++) {
				if (concerns(&f, h, i) && f.fakes[h].entries[i].error)
					limit = i;
			}
		}
		assert_int_equal(res.handled, limit);
		assert_int_equal(res.suspect, limit);
		assert_int_equal(res.error, limit < count ? VIQ_CALL_ILLEGAL : VIQ_CALL_NONE);
		teardown(&f);
	}
}

/* A window of a host that skips entries, in the whole list's indices: every third entry is not its. */
static void p2_window_is_mapped_back(void **state)
{
	for (uint32_t culprit = 0; culprit < 200; culprit++) {
		struct viq_call_result res;
		struct fixture f;

		setup(&f, 200);
		for (uint32_t i = 2; i < 200; i += 3)
			put(&f, i, VIQ_SMMUV3_OP_CFGI_CD, 1);
		set_kind(&f, 0, FAKE_LINUX_7_3, 1);
		f.fakes[0].entries[culprit].error = VIQ_CALL_TIMEOUT;
		f.fakes[0].hw_code = 5;
		f.fakes[0].os_error = -ETIMEDOUT;
		res = invalidate(&f);
		assert_p1(&f, &res);
		if (concerns(&f, 0, culprit)) {
			/* Its number in the host's array of 134 gives the group; local n is 3n/2 in the list. */
			uint32_t local = culprit - culprit / 3, first = local - local % 63;
			uint32_t last = first + 62 < 133 ? first + 62 : 133;

			assert_int_equal(res.error, VIQ_CALL_TIMEOUT);
			assert_int_equal(res.handled, first + first / 2);
			assert_int_equal(res.suspect, last + last / 2);
			assert_int_equal(res.hw_code, 5);
			assert_int_equal(res.os_error, -ETIMEDOUT);
		} else {
			assert_all_done(&f, &res);
		}
		teardown(&f);
	}
}

/* Imprecise hosts, errors with windows, skipped entries: the answer and its cost do not depend on the pieces. */
static void p2_same_answer_however_cut(void **state)
{
	uint32_t random = fake_seed();

	for (int round = 0; round < 100; round++) {
		uint32_t count = 1 + fake_random(&random) % 700, mix = 1 + fake_random(&random) % 100;
		uint32_t culprit = fake_random(&random) % count, error = 1 + fake_random(&random) % 7;
		struct viq_call_result whole;
		struct fixture f;

		setup(&f, count);
		for (uint32_t i = 0; i < count; i++) {
			if (fake_random(&random) % mix == 0)
				put_random(&f, i, &random);
		}
		for (int k = 0; k < 10; k++) {
			struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES];
			struct viq_call_result parts;

			for (uint32_t h = 0; h < HOSTS; h++) {
				fake_host_reset(&f.fakes[h]);
				set_kind(&f, h, h ? FAKE_LINUX_7_3 : FAKE_GARBAGE, 1 + (uint32_t)round);
				f.fakes[h].entries[culprit].error = h == (uint32_t)round % HOSTS ? (uint8_t)error : 0;
			}
			if (!k) {
				whole = invalidate(&f);
				continue;
			}
			parts = invalidate_pieces(&f, pieces, fake_cut(f.cmds, count, &random, pieces));
			assert_memory_equal(&whole, &parts, sizeof(whole));
		}
		teardown(&f);
	}
}

/* P8: one host says nothing usable; what the others did does not count. */
static void p8_one_host_returns_an_errno(void **state)
{
	for (uint32_t h = 0; h < HOSTS; h++) {
		struct viq_call_result res;
		struct fixture f;

		setup(&f, 100);
		set_kind(&f, h, FAKE_ERRNO, 1);
		f.fakes[h].os_error = -ENODEV;
		f.fakes[h].entries[50].error = VIQ_CALL_GONE;
		res = invalidate(&f);
		assert_p1(&f, &res);
		assert_int_equal(res.error, VIQ_CALL_GONE);
		assert_int_equal(res.os_error, -ENODEV);
		assert_int_equal(res.handled, 0);
		assert_int_equal(res.suspect, 99);
		for (uint32_t later = h + 1; later < HOSTS; later++)
			assert_int_equal(f.fakes[later].calls, 0);
		teardown(&f);
	}
}

static void probe_needs_every_host(void **state)
{
	for (uint32_t h = 0; h <= HOSTS; h++) {
		struct viq_call_request req = {.size = sizeof(req), .type = VIQ_CALL_SMMUV3, .entry_size = 16};
		struct viq_call_result res = {.size = sizeof(res)};
		struct fixture f;

		setup(&f, 1);
		if (h < HOSTS)
			f.fakes[h].unsupported = true;
		assert_int_equal(viq_call_invalidate(&f.host, &req, &res), 0);
		assert_int_equal(res.error, h < HOSTS ? VIQ_CALL_UNSUPPORTED : VIQ_CALL_NONE);
		assert_int_equal(res.handled, 0);
		assert_int_equal(res.suspect, 0);
		assert_int_equal(res.host_calls, h < HOSTS ? h + 1 : HOSTS);
		assert_int_equal(f.fakes[0].empty_calls, 1);
		assert_int_equal(f.fakes[0].object, 100);
		/* Nobody is in any of them now, so each can leave. */
		for (uint32_t i = 0; i < HOSTS; i++) {
			struct viq_call_host host = fake_host(&f.fakes[i]);

			host.object = 100 + i;
			assert_int_equal(viq_call_fanout_remove(f.fanout, &host), 0);
		}
		teardown(&f);
	}
}

static void stream_is_known_if_any_host_knows_it(void **state)
{
	struct fixture f;

	setup(&f, 0);
	for (uint32_t sid = 0; sid <= STREAMS; sid++) {
		uint32_t want = 0;

		for (uint32_t h = 0; h < HOSTS && sid < STREAMS; h++)
			want |= streams[h][sid];
		assert_int_equal(viq_call_stream(&f.host, sid), want);
	}
	teardown(&f);
}

/* A fan-out is a host like any other. */
static void p1_fanouts_nest(void **state)
{
	struct viq_call_fanout *outer;
	struct viq_call_host hosts[2];
	struct viq_call_result res;
	struct fixture f;

	setup(&f, 300);
	for (uint32_t i = 0; i < 300; i += 7)
		put(&f, i, VIQ_SMMUV3_OP_ATC_INV, i % STREAMS);
	f.fakes[2].entries[200].error = VIQ_CALL_ILLEGAL;
	hosts[0] = viq_call_null_host();
	hosts[1] = f.host;
	assert_int_equal(viq_call_fanout_create(hosts, 2, &outer, NULL), 0);
	f.host = viq_call_fanout_host(outer);
	res = invalidate(&f);
	assert_int_equal(res.error, VIQ_CALL_ILLEGAL);
	assert_int_equal(res.handled, 200);
	assert_int_equal(res.suspect, 200);
	assert_int_equal(res.extra_calls, 0); /* the hosts' own calls, not a hunt's */
	res.host_calls--;                     /* the null host's */
	assert_p1(&f, &res);
	viq_call_fanout_destroy(outer);
	teardown(&f);
}

/* P4: a search is made once. Around one host, a fan-out changes neither the answer nor its cost. */
static void p4_fanout_of_one_host_answers_as_the_host(void **state)
{
	uint64_t *cmds = fake_array(200);
	struct viq_call_piece piece = {cmds, 200};

	for (enum fake_kind kind = FAKE_EXACT; kind < FAKE_KINDS; kind++) {
		for (uint32_t error = VIQ_CALL_ILLEGAL; error < VIQ_CALL_ERROR_COUNT; error++) {
			struct viq_call_result direct, through;
			struct viq_call_fanout *fanout;
			struct viq_call_host host, outer;
			struct fake_host fake;

			fake_host_init(&fake, kind, 200);
			fake.after = 10;
			fake.os_error = -ENOMEM;
			fake.entries[100].error = (uint8_t)error;
			host = fake_host(&fake);
			assert_int_equal(viq_call_fanout_create(&host, 1, &fanout, NULL), 0);
			outer = viq_call_fanout_host(fanout);
			for (fake.memory = 0; fake.memory < 3; fake.memory++) {
				fake.random = 1;
				direct = call_host(&host, &piece, 1);
				fake.random = 1;
				through = call_host(&outer, &piece, 1);
				assert_memory_equal(&direct, &through, sizeof(direct));
			}
			viq_call_fanout_destroy(fanout);
			fake_host_fini(&fake);
		}
	}
	free(cmds);
}

/* What the hosts' failures cost is summed, and no more: a call per host is what a fan-out needs anyway. */
static void p4_extra_calls_of_all_hosts_count(void **state)
{
	struct viq_call_piece piece;
	struct viq_call_result one, all;
	struct fixture f;

	setup(&f, 200);
	piece = (struct viq_call_piece){f.cmds, 200};
	f.fakes[0].memory = f.fakes[2].memory = 60;
	one = call_host(&(struct viq_call_host){.ops = fake_host(&f.fakes[0]).ops, .opaque = &f.fakes[0]}, &piece, 1);
	assert_int_equal(one.error, VIQ_CALL_NONE);
	assert_int_equal(one.extra_calls, one.host_calls - 1);
	assert_true(one.extra_calls > 0);
	all = call_host(&f.host, &piece, 1);
	assert_int_equal(all.error, VIQ_CALL_NONE);
	assert_int_equal(all.host_calls, 2 * one.host_calls + 1);
	assert_int_equal(all.extra_calls, 2 * one.extra_calls);
	teardown(&f);
}

static void misuse_is_refused(void **state)
{
	struct viq_call_host hosts[VIQ_CALL_MAX_HOSTS + 1], bad;
	struct viq_call_fanout *fanout = (void *)hosts;
	struct viq_call_host_ops ops;

	for (uint32_t i = 0; i <= VIQ_CALL_MAX_HOSTS; i++) {
		hosts[i] = viq_call_null_host();
		hosts[i].object = i;
	}
	assert_int_equal(viq_call_fanout_create(NULL, 1, &fanout, NULL), -EINVAL);
	assert_int_equal(viq_call_fanout_create(hosts, VIQ_CALL_MAX_HOSTS + 1, &fanout, NULL), -EINVAL);
	assert_int_equal(viq_call_fanout_create(hosts, 1, NULL, NULL), -EINVAL);
	bad = hosts[0];
	bad.ops = NULL;
	assert_int_equal(viq_call_fanout_create(&bad, 1, &fanout, NULL), -EINVAL);
	bad.ops = &ops;
	ops = *hosts[0].ops;
	ops.size = 0;
	assert_int_equal(viq_call_fanout_create(&bad, 1, &fanout, NULL), -EINVAL);
	ops = *hosts[0].ops;
	ops.invalidate = NULL;
	assert_int_equal(viq_call_fanout_create(&bad, 1, &fanout, NULL), -EINVAL);
	for (uint32_t i = 0; i < VIQ_CALL_MAX_HOSTS; i++) {
		struct viq_call_host good = hosts[i];

		hosts[i].ops = NULL;
		assert_int_equal(viq_call_fanout_create(hosts, VIQ_CALL_MAX_HOSTS, &fanout, NULL), -EINVAL);
		hosts[i] = good;
	}
	assert_ptr_equal(fanout, hosts);
	assert_int_equal(viq_call_fanout_create(hosts, VIQ_CALL_MAX_HOSTS, &fanout, NULL), 0);
	viq_call_fanout_destroy(fanout);
	viq_call_fanout_destroy(NULL);
	assert_null(viq_call_fanout_host(NULL).ops);
}

/* Removing it once would leave it in the other place, to be called after it was destroyed. */
static void no_host_is_in_it_twice(void **state)
{
	struct viq_call_host null = viq_call_null_host(), other = null, hosts[VIQ_CALL_MAX_HOSTS];
	struct viq_call_fanout *fanout = NULL;
	struct viq_why why;

	other.object = 1; /* the same ops and another object: another host */
	for (uint32_t first = 0; first < VIQ_CALL_MAX_HOSTS; first++) {
		for (uint32_t again = first + 1; again < VIQ_CALL_MAX_HOSTS; again++) {
			char text[16];

			for (uint32_t i = 0; i < VIQ_CALL_MAX_HOSTS; i++) {
				hosts[i] = other;
				hosts[i].object += i;
			}
			hosts[first] = hosts[again] = null;
			assert_int_equal(viq_call_fanout_create(hosts, VIQ_CALL_MAX_HOSTS, &fanout, &why), -EEXIST);
			snprintf(text, sizeof(text), "hosts[%u]: ", again);
			assert_int_equal(strncmp(why.text, text, strlen(text)), 0);
			assert_null(fanout);
		}
	}
	assert_int_equal(viq_call_fanout_create(hosts, VIQ_CALL_MAX_HOSTS - 1, &fanout, NULL), 0);
	assert_int_equal(viq_call_fanout_add(fanout, &hosts[0], &why), -EEXIST);
	assert_non_null(strstr(why.text, "host: "));
	assert_int_equal(viq_call_fanout_remove(fanout, &null), 0);
	assert_int_equal(viq_call_fanout_remove(fanout, &null), -ENOENT);
	viq_call_fanout_destroy(fanout);
}

/* Of a stream, what any host says; also the last one of as many hosts as there may be. */
static void every_host_is_asked_of_a_stream(void **state)
{
	struct fake_host fakes[VIQ_CALL_MAX_HOSTS];
	struct viq_call_host hosts[VIQ_CALL_MAX_HOSTS], host;
	uint32_t known[VIQ_CALL_MAX_HOSTS][VIQ_CALL_MAX_HOSTS] = {{0}};
	struct viq_call_fanout *fanout;

	for (uint32_t h = 0; h < VIQ_CALL_MAX_HOSTS; h++) {
		fake_host_init(&fakes[h], FAKE_EXACT, 1);
		known[h][h] = KNOWN | (h % 2 ? ATS : 0);
		fakes[h].streams = known[h];
		fakes[h].stream_count = VIQ_CALL_MAX_HOSTS;
		hosts[h] = fake_host(&fakes[h]);
	}
	for (uint32_t count = 1; count <= VIQ_CALL_MAX_HOSTS; count++) {
		assert_int_equal(viq_call_fanout_create(hosts, count, &fanout, NULL), 0);
		host = viq_call_fanout_host(fanout);
		for (uint32_t sid = 0; sid < VIQ_CALL_MAX_HOSTS; sid++)
			assert_int_equal(viq_call_stream(&host, sid), sid < count ? known[sid][sid] : 0);
		viq_call_fanout_destroy(fanout);
	}
	for (uint32_t h = 0; h < VIQ_CALL_MAX_HOSTS; h++)
		fake_host_fini(&fakes[h]);
}

static int count_entries(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	uint32_t *taken = opaque;

	*taken += req->pieces[0].count;
	res->handled = res->suspect = req->pieces[0].count;
	return 0;
}

static uint32_t knows_none(void *opaque, uint32_t object, uint32_t sid)
{
	return 0;
}

/* A VT-d's entries name none: they concern every host, also one that knows its streams. */
static void entries_without_streams_reach_every_host(void **state)
{
	static const struct viq_call_host_ops ops = {
		.size = sizeof(ops), .report_group = 1, .invalidate = count_entries, .stream = knows_none};
	static const uint64_t entries[4][3];
	uint32_t taken[2] = {0};
	const struct viq_call_host hosts[2] = {{&ops, &taken[0], 1}, {&ops, &taken[1], 1}};
	const struct viq_call_piece piece = {entries, 4};
	struct viq_call_request req = {
		.size = sizeof(req), .type = VIQ_CALL_VTD_S1, .entry_size = 24, .pieces = &piece, .piece_count = 1};
	struct viq_call_result res = {.size = sizeof(res)};
	struct viq_call_fanout *fanout;
	struct viq_call_host host;

	assert_int_equal(viq_call_fanout_create(hosts, 2, &fanout, NULL), 0);
	host = viq_call_fanout_host(fanout);
	req.object = host.object;
	assert_int_equal(viq_call_invalidate(&host, &req, &res), 0);
	assert_int_equal(res.handled, 4);
	assert_int_equal(taken[0], 4);
	assert_int_equal(taken[1], 4);
	viq_call_fanout_destroy(fanout);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_every_host_executes_every_entry_once),
		cmocka_unit_test(p1_fanouts_nest),
		cmocka_unit_test(entries_without_streams_reach_every_host),
		cmocka_unit_test(p1_stream_commands_reach_the_hosts_they_concern),
		cmocka_unit_test(p2_earliest_failure_of_any_host_property),
		cmocka_unit_test(p2_same_answer_however_cut),
		cmocka_unit_test(p2_window_is_mapped_back),
		cmocka_unit_test(p4_extra_calls_of_all_hosts_count),
		cmocka_unit_test(p4_fanout_of_one_host_answers_as_the_host),
		cmocka_unit_test(p4_long_runs_are_one_call_each),
		cmocka_unit_test(p4_runs_of_64_are_long),
		cmocka_unit_test(p4_short_runs_are_collected),
		cmocka_unit_test(p5_unknown_streams_reach_no_host),
		cmocka_unit_test(p8_one_host_returns_an_errno),
		cmocka_unit_test(misuse_is_refused),
		cmocka_unit_test(no_host_is_in_it_twice),
		cmocka_unit_test(probe_needs_every_host),
		cmocka_unit_test(stream_is_known_if_any_host_knows_it),
		cmocka_unit_test(every_host_is_asked_of_a_stream),
	};

	return cmocka_run_group_tests_name("call-fanout", tests, NULL, NULL);
}
