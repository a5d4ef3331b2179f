/* SPDX-License-Identifier: MIT */
/* A guest's stream table and two hosts that remember what they are told. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <viq/nest_smmuv3.h>

#include "support/sized.h"
#include "support/vsmmu.h"

#define STREAMS 8
#define CD      UINT64_C(0x40300000)

/* Words 0 of STEs. */
#define INVALID   UINT64_C(0)
#define ABORT     UINT64_C(1)
#define BYPASS    UINT64_C(9)
#define STAGE1(i) (UINT64_C(0xb) | (CD + 64 * (uint64_t)(i)))

/* A host: StreamIDs that have a device, and the last word of the guest about each. */
struct backend {
	uint32_t vsid[STREAMS]; /* in any order */
	bool broken[STREAMS];
	struct viq_smmuv3_stream now[STREAMS];
	unsigned int sets[STREAMS];
	uint32_t count;
	uint32_t calls;   /* that each set() takes */
	uint32_t fails;   /* this StreamID: */
	int error;        /* so */
	uint32_t fate;    /* and that is what it does then, 0: FAILED, it aborts */
	bool silent;      /* and says nothing of that */
	int next_error;   /* of next() */
	uint32_t oas;     /* more is promised: -EINVAL */
	uint32_t promise; /* IDR5 of the last one */
	const struct viq_smmuv3_host_event *events;
	uint32_t event_count, taken;
	int events_error;
	uint32_t claims; /* events more than it was asked for */
	bool backwards;  /* next() gives the stream before */
	uint32_t many;   /* StreamIDs below this one are there, too */
	struct viq_smmuv3_backend me;
	uint32_t invalidated; /* entries */
};

/* StreamIDs in the order in which they were set, over all backends. */
static uint32_t order[64];
static size_t order_count;

static void offer(void *opaque, uint32_t object, bool raise, bool ats, struct viq_smmuv3_ids *ids)
{
	struct backend *b = opaque;

	assert_int_equal(object, 7);
	if (raise || VIQ_GET(REG(IDR5_OAS), ids->idr5) > b->oas)
		ids->idr5 = (ids->idr5 & ~(uint32_t)REG(IDR5_OAS)) | b->oas;
	if (!ats)
		ids->idr0 &= ~(uint32_t)REG(IDR0_ATS);
}

static int promise(void *opaque, uint32_t object, const struct viq_smmuv3_ids *ids, struct viq_why *why)
{
	struct backend *b = opaque;

	if (VIQ_GET(REG(IDR5_OAS), ids->idr5) > b->oas) {
		if (why)
			strcpy(why->text, "OAS");
		return -EINVAL;
	}
	b->promise = ids->idr5;
	return 0;
}

static int next(void *opaque, uint32_t object, uint32_t *vsid, bool *broken)
{
	const struct backend *b = opaque;
	int best = -1;

	if (b->next_error)
		return b->next_error;
	if (b->backwards && *vsid) {
		--*vsid;
		return 1;
	}
	if (*vsid < b->many)
		return 1;
	for (uint32_t i = 0; i < b->count; i++) {
		if (b->vsid[i] >= *vsid && (best < 0 || b->vsid[i] < b->vsid[best]))
			best = (int)i;
	}
	if (best < 0)
		return 0;
	*vsid = b->vsid[best];
	/* Nothing is said of one that is not. */
	if (b->broken[best])
		*broken = true;
	return 1;
}

static int set(void *opaque, uint32_t object, uint32_t vsid, const struct viq_smmuv3_stream *stream,
	       struct viq_smmuv3_outcome *outcome)
{
	struct backend *b = opaque;
	uint32_t i = 0;

	assert_int_equal(stream->size, sizeof(*stream));
	assert_int_equal(outcome->size, sizeof(*outcome));
	while (i < b->count && b->vsid[i] != vsid)
		i++;
	assert_true(i < b->count);
	b->now[i] = *stream;
	b->sets[i]++;
	assert_true(order_count < 64);
	order[order_count++] = vsid;
	outcome->calls = b->calls;
	if (b->error && b->fails == vsid) {
		if (!b->silent) {
			outcome->fate = b->fate ? b->fate : VIQ_SMMUV3_STREAM_FAILED;
			outcome->os_error = b->error;
		}
		return b->error;
	}
	return 0;
}

static int events(void *opaque, uint32_t object, struct viq_smmuv3_host_event *out, uint32_t *count)
{
	struct backend *b = opaque;
	uint32_t left = b->event_count - b->taken;

	assert_true(*count >= 1);
	*count = left < *count ? left : *count;
	for (uint32_t i = 0; i < *count; i++)
		out[i] = b->events[b->taken++];
	*count += b->claims;
	return b->events_error;
}

static const struct viq_smmuv3_backend_ops all = {
	.size = sizeof(all), .offer = offer, .promise = promise, .next = next, .set = set, .events = events};

struct world {
	struct vsmmu *v;
	struct viq_nest_smmuv3 *nest;
	struct backend a, b;
	unsigned int traced;
	struct viq_smmuv3_outcome last;
};

static void trace(void *opaque, const struct viq_smmuv3_outcome *outcome)
{
	struct world *w = opaque;

	w->traced++;
	w->last = *outcome;
}

static void init_backend(struct backend *b)
{
	*b = (struct backend){.oas = 6};
	b->me = (struct viq_smmuv3_backend){.ops = &all, .opaque = b, .object = 7};
}

static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct backend *b = opaque;
	uint32_t count = 0;

	for (uint32_t i = 0; i < req->piece_count; i++)
		count += req->pieces[i].count;
	b->invalidated += count;
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = count, .suspect = count};
	return 0;
}

static uint32_t knows(void *opaque, uint32_t object, uint32_t sid)
{
	const struct backend *b = opaque;

	for (uint32_t i = 0; i < b->count; i++) {
		if (b->vsid[i] == sid)
			return VIQ_CALL_STREAM_KNOWN;
	}
	return 0;
}

/* A guest with SMMUEN, an empty stream table of 256 entries, both backends, no streams. */
static void begin(struct world *w)
{
	const struct viq_nest_smmuv3_ops ops = {.size = sizeof(ops), .trace = trace};

	memset(w, 0, sizeof(*w));
	order_count = 0;
	w->v = vsmmu_new(NULL);
	vsmmu_boot(w->v, 8);
	vsmmu_w32(w->v, REG(CR0), 0);
	vsmmu_w64(w->v, REG(STRTAB_BASE), VSMMU_STRTAB);
	vsmmu_w32(w->v, REG(STRTAB_BASE_CFG), 8);
	vsmmu_w32(w->v, REG(CR0), REG(CR0_SMMUEN) | REG(CR0_EVENTQEN));
	assert_int_equal(viq_nest_smmuv3_create(&ops, w, &w->nest, NULL), 0);
	init_backend(&w->a);
	init_backend(&w->b);
	assert_int_equal(viq_nest_smmuv3_bind(w->nest, w->v->smmu, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_join(w->nest, &w->a.me, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_join(w->nest, &w->b.me, NULL), 0);
}

static void end(struct world *w)
{
	viq_nest_smmuv3_destroy(w->nest);
	vsmmu_free(w->v);
}

static void has(struct backend *b, uint32_t vsid)
{
	b->vsid[b->count++] = vsid;
}

static void ste(struct world *w, uint32_t sid, uint64_t dw0)
{
	vsmmu_poke64(w->v, VSMMU_STRTAB + 64 * (uint64_t)sid, dw0);
}

static struct viq_smmuv3_reconfig begun(enum viq_smmuv3_reconfig_cause cause, uint32_t first, uint32_t last)
{
	return (struct viq_smmuv3_reconfig){
		.size = sizeof(struct viq_smmuv3_reconfig), .cause = cause, .first = first, .last = last};
}

static int reconfig(struct world *w, enum viq_smmuv3_reconfig_cause cause, uint32_t first, uint32_t last)
{
	struct viq_smmuv3_reconfig what = begun(cause, first, last);
	int ret;

	order_count = 0;
	ret = viq_nest_smmuv3_reconfig(w->nest, &what);
	assert_true(ret <= 0);
	return ret;
}

static void assert_order(size_t count, const uint32_t *sids)
{
	assert_int_equal(order_count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(order[i], sids[i]);
}

#define assert_set(...)                                                                                                \
	assert_order(sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (const uint32_t[]){__VA_ARGS__})

/* --- Which streams, and to what ----------------------------------------------------------------------------------- */

static void each_stream_is_what_its_ste_says(void **state)
{
	static const struct {
		uint64_t ste;
		enum viq_smmuv3_stream_mode mode;
	} rows[] = {{INVALID, VIQ_SMMUV3_FAULT},
		    {ABORT, VIQ_SMMUV3_ABORT},
		    {BYPASS, VIQ_SMMUV3_BYPASS},
		    {STAGE1(3), VIQ_SMMUV3_STAGE1}};
	struct world w;

	begin(&w);
	for (uint32_t i = 0; i < 4; i++) {
		has(&w.a, 20 + i);
		ste(&w, 20 + i, rows[i].ste);
	}
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 0, 255), 0);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(w.a.now[i].mode, rows[i].mode);
		assert_int_equal(w.a.now[i].ste[0], rows[i].ste ? rows[i].ste : ABORT);
	}
	assert_int_equal(w.a.now[0].event[0], VIQ_SMMUV3_EVT_C_BAD_STE | UINT64_C(20) << 32);
	assert_int_equal(w.traced, 4);
	assert_int_equal(w.last.vsid, 23);
	end(&w);
}

static void numbers_are_gone_through_in_order(void **state)
{
	struct world w;

	begin(&w);
	has(&w.a, UINT32_MAX);
	has(&w.a, 9);
	has(&w.b, 12);
	has(&w.a, 0);
	has(&w.b, 7);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_ENABLED, 0, 255), 0);
	assert_set(0, 7, 9, 12, UINT32_MAX);
	/* Behind the same number two hosts may have a device each. */
	has(&w.b, 9);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 8, 12), 0);
	assert_set(9, 9, 12);
	assert_int_equal(w.a.sets[1], 2);
	assert_int_equal(w.b.sets[2], 1);
	end(&w);
}

/* CFGI_STE concerns its range; registers concern everybody, also who is beyond the stream table. */
static void causes_and_ranges(void **state)
{
	static const enum viq_smmuv3_reconfig_cause everybody[] = {VIQ_SMMUV3_ENABLED, VIQ_SMMUV3_DISABLED,
								   VIQ_SMMUV3_GBPA_CHANGED, VIQ_SMMUV3_RESTORED};
	struct viq_smmuv3_reconfig what = begun(VIQ_SMMUV3_ENABLED, 0, 255);
	struct world w;

	begin(&w);
	has(&w.a, 3);
	has(&w.a, 4);
	has(&w.b, 5);
	has(&w.b, 4711);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 4, 4), 0);
	assert_set(4);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 4, 5), 0);
	assert_set(4, 5);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 6, 4710), 0);
	assert_int_equal(order_count, 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(reconfig(&w, everybody[i], 4, 4), 0);
		assert_set(3, 4, 5, 4711);
	}
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_RESTORED + 1, 0, 1), -EINVAL);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 1, 0), -EINVAL);
	assert_int_equal(viq_nest_smmuv3_reconfig(NULL, &what), -EINVAL);
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, NULL), -EINVAL);
	what.size--;
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), -EINVAL);
	assert_int_equal(order_count, 0);
	end(&w);
}

static void registers_rule_while_it_is_off(void **state)
{
	struct world w;

	begin(&w);
	has(&w.a, 3);
	ste(&w, 3, STAGE1(3));
	vsmmu_w32(w.v, REG(CR0), 0);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_DISABLED, 0, 255), 0);
	assert_int_equal(w.a.now[0].mode, VIQ_SMMUV3_BYPASS);
	assert_true(w.a.now[0].disabled);
	vsmmu_w32(w.v, REG(GBPA), 0x80101000);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_GBPA_CHANGED, 0, 255), 0);
	assert_int_equal(w.a.now[0].mode, VIQ_SMMUV3_ABORT);
	vsmmu_w32(w.v, REG(CR0), REG(CR0_SMMUEN));
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_ENABLED, 0, 255), 0);
	assert_int_equal(w.a.now[0].mode, VIQ_SMMUV3_STAGE1);
	assert_false(w.a.now[0].disabled);
	end(&w);
}

/* P1: what may translate by tables that the guest has left is tried again at each chance. */
static void broken_streams_are_everybodys_matter(void **state)
{
	struct world w;

	begin(&w);
	has(&w.a, 3);
	has(&w.a, 4);
	has(&w.a, 5);
	has(&w.a, 6);
	has(&w.b, 3);
	w.a.broken[0] = w.a.broken[2] = true;
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 4, 4), 0);
	assert_set(3, 3, 4, 5);
	w.a.broken[0] = w.a.broken[2] = false;
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 4, 4), 0);
	assert_set(4);
	end(&w);
}

/* P1: also where another host, which has the same number, has only come to it after all that it may look at. */
static void a_broken_stream_where_another_look_ends(void **state)
{
	struct world w;

	begin(&w);
	has(&w.a, 63);
	has(&w.b, 63);
	w.a.broken[0] = true;
	w.b.many = 64;
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 200, 200), 0);
	assert_set(63, 63);
	end(&w);
}

static void one_stream_alone(void **state)
{
	struct world w;

	begin(&w);
	has(&w.a, 3);
	has(&w.b, 4);
	ste(&w, 4, BYPASS);
	w.a.broken[0] = true;
	assert_int_equal(viq_nest_smmuv3_follow(w.nest, 4), 0);
	assert_set(4);
	assert_int_equal(w.b.now[0].mode, VIQ_SMMUV3_BYPASS);
	assert_int_equal(viq_nest_smmuv3_follow(w.nest, 5), -ENOENT);
	assert_int_equal(viq_nest_smmuv3_follow(NULL, 4), -EINVAL);
	w.b.fails = 4;
	w.b.error = -ENOSPC;
	assert_int_equal(viq_nest_smmuv3_follow(w.nest, 4), -ENOSPC);
	end(&w);
}

/* The host says that it aborts: the guest's command completes, and the stream is set again with the next one (P5). */
static void a_stream_that_aborts_holds_nobody(void **state)
{
	static const int lasting[] = {-EBUSY, -EIO, -EINVAL, -ENOENT, -ENOSPC, -ENODEV};
	static const int passing[] = {-ENOMEM, -EINTR, -EAGAIN};
	struct world w;

	begin(&w);
	has(&w.a, 1);
	has(&w.b, 7);
	w.b.fails = 7;
	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++) {
		w.b.error = lasting[i];
		assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 7, 7), 0);
		assert_int_equal(w.last.fate, VIQ_SMMUV3_STREAM_FAILED);
		assert_int_equal(w.last.os_error, lasting[i]);
		/* Who asks for this one hears of it. */
		assert_int_equal(viq_nest_smmuv3_follow(w.nest, 7), lasting[i]);
		order_count = 0;
	}
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		w.b.error = passing[i];
		assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 7, 7), passing[i]);
	}
	order_count = 0;
	w.b.error = 0;
	w.b.broken[0] = true; /* it says so of a stream that aborts for it */
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 1, 1), 0);
	assert_set(1, 7);
	end(&w);
}

/* Of a stream of which nothing is said either it has gone, and holds nobody, or nobody knows what it does. */
static void a_host_that_says_nothing(void **state)
{
	static const int errors[] = {-EIO, -EBUSY, -ENOMEM};
	struct world w;

	begin(&w);
	has(&w.b, 7);
	w.b.fails = 7;
	w.b.silent = true;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		w.b.error = errors[i];
		assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 7, 7), errors[i]);
	}
	w.b.error = -ENOENT;
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 7, 7), 0);
	end(&w);
}

/* Whatever the guest says of it, and it alone; in each host that has it. */
static void a_stream_that_is_blocked(void **state)
{
	struct world w;

	begin(&w);
	has(&w.a, 7);
	has(&w.b, 7);
	has(&w.b, 8);
	assert_int_equal(viq_nest_smmuv3_block(w.nest, 7), 0);
	assert_set(7, 7);
	assert_int_equal(w.a.now[0].mode, VIQ_SMMUV3_ABORT);
	assert_int_equal(w.b.now[0].mode, VIQ_SMMUV3_ABORT);
	assert_int_equal(viq_nest_smmuv3_block(w.nest, 9), -ENOENT);
	assert_int_equal(viq_nest_smmuv3_block(NULL, 7), -EINVAL);
	w.b.fails = 8;
	w.b.error = -EIO;
	assert_int_equal(viq_nest_smmuv3_block(w.nest, 8), -EIO);
	end(&w);
}

static void the_first_error_is_returned_and_the_others_are_done(void **state)
{
	struct world w;

	begin(&w);
	for (uint32_t i = 0; i < 4; i++)
		has(i % 2 ? &w.b : &w.a, i);
	w.a.fails = 2;
	w.a.error = -ENOMEM;
	w.b.fails = 1;
	w.b.error = -EIO;
	w.b.fate = VIQ_SMMUV3_STREAM_BROKEN;
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 0, 255), -EIO);
	assert_set(0, 1, 2, 3);
	w.b.error = 0;
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 0, 255), -ENOMEM);
	assert_int_equal(w.last.fate, VIQ_SMMUV3_STREAM_ABORT);
	/* A host that cannot say what it has: the other one is done, and it is not hidden. */
	w.a.next_error = -EDEADLK;
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 0, 255), -EDEADLK);
	assert_set(1, 3);
	end(&w);
}

/* --- Steps -------------------------------------------------------------------------------------------------------- */

static void p4_steps_are_one_stream_and_tell_their_cost(void **state)
{
	struct viq_smmuv3_reconfig what = begun(VIQ_SMMUV3_ENABLED, 0, 255);
	struct world w;

	begin(&w);
	has(&w.a, 3);
	has(&w.a, 4);
	has(&w.b, 4);
	has(&w.b, 5);
	w.a.calls = 3;
	w.b.calls = 0;
	what.work.budget = 1;
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), 1);
	assert_int_equal(what.work.cost, 3 * VIQ_WORK_CALL);
	assert_set(3);
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), 1);
	assert_int_equal(what.work.cost, (3 + 1) * VIQ_WORK_CALL); /* at least one each */
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), 1);
	assert_set(3, 4, 4, 5);
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), 0);
	assert_int_equal(what.work.cost, 0);
	assert_set(3, 4, 4, 5);
	/* It begins anew. */
	for (size_t i = 0; i < sizeof(what.work.cursor) / sizeof(what.work.cursor[0]); i++)
		assert_int_equal(what.work.cursor[i], 0);
	/* As far as the budget goes, and a step is not cut. */
	order_count = 0;
	what.work.budget = 3 * VIQ_WORK_CALL + 1;
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), 1);
	assert_set(3, 4, 4);
	assert_int_equal(what.work.cost, 7 * VIQ_WORK_CALL);
	end(&w);
}

/* Streams that a command does not concern are looked at all the same, in steps of 64, and each costs 1. */
static void p4_looking_for_a_stream_costs(void **state)
{
	struct viq_smmuv3_reconfig what = begun(VIQ_SMMUV3_CFGI_STE, 130, 130);
	struct world w;

	begin(&w);
	w.a.many = 130;
	has(&w.b, 130);
	w.b.calls = 1;
	what.work.budget = 1;
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), 1);
	assert_int_equal(what.work.cost, 64);
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), 1);
	assert_int_equal(what.work.cost, 64);
	assert_set();
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), 1);
	assert_int_equal(what.work.cost, 2 + VIQ_WORK_CALL);
	assert_set(130);
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), 0);
	assert_set(130);
	end(&w);
}

/* Left after any stream, and taken up while the world has changed, by an object that knows nothing of it. */
static void a_cursor_outlives_what_comes_and_goes(void **state)
{
	struct viq_smmuv3_reconfig what = begun(VIQ_SMMUV3_RESTORED, 0, 255), copy;
	struct viq_nest_smmuv3 *other;
	struct world w;

	begin(&w);
	for (uint32_t i = 0; i < 4; i++)
		has(&w.a, 10 * i);
	has(&w.b, 15);
	w.a.fails = 0;
	w.a.error = -EBUSY;
	w.a.fate = VIQ_SMMUV3_STREAM_BROKEN;
	what.work.budget = 2 * VIQ_WORK_CALL;
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), 1);
	assert_set(0, 10);
	copy = what;
	/* Its next stream goes, one comes before and one behind where it is, a host leaves. */
	w.a.vsid[2] = 11;
	has(&w.a, 5);
	assert_int_equal(viq_nest_smmuv3_leave(w.nest, &w.b.me), 0);
	order_count = 0;
	what.work.budget = 0;
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), -EBUSY);
	assert_set(11, 30);
	assert_int_equal(viq_nest_smmuv3_create(NULL, NULL, &other, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_join(other, &w.b.me, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_bind(other, w.v->smmu, NULL), 0);
	order_count = 0;
	copy.work.budget = 0;
	assert_int_equal(viq_nest_smmuv3_reconfig(other, &copy), -EBUSY); /* it travels, too */
	assert_set(15);
	viq_nest_smmuv3_destroy(other);
	end(&w);
}

/* StreamIDs of a host go up, or it is left alone: a walk over them ends whatever it says. */
static void a_host_that_goes_backwards(void **state)
{
	struct world w;

	begin(&w);
	has(&w.a, 0);
	has(&w.a, 5);
	has(&w.b, 3);
	has(&w.b, 7);
	w.a.backwards = true;
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_ENABLED, 0, 255), -EIO);
	assert_set(0, 3, 7);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_CFGI_STE, 6, 7), -EIO);
	assert_set(7);
	assert_int_equal(viq_nest_smmuv3_follow(w.nest, 5), -ENOENT);
	assert_int_equal(viq_nest_smmuv3_leave(w.nest, &w.a.me), -EIO);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_ENABLED, 0, 255), 0);
	end(&w);
}

/* --- Come and go -------------------------------------------------------------------------------------------------- */

static void without_a_guest_nothing_changes(void **state)
{
	struct viq_smmuv3_reconfig what = begun(VIQ_SMMUV3_ENABLED, 0, 255);
	struct world w;

	begin(&w);
	has(&w.a, 3);
	assert_int_equal(viq_nest_smmuv3_bind(w.nest, NULL, NULL), 0);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_RESTORED, 0, 255), -ENODEV);
	assert_int_equal(viq_nest_smmuv3_follow(w.nest, 3), -ENODEV);
	assert_int_equal(order_count, 0);
	assert_int_equal(viq_nest_smmuv3_bind(w.nest, w.v->smmu, NULL), 0);
	/* Half way: what is left to do is not done. */
	has(&w.a, 4);
	what.work.budget = 1;
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), 1);
	assert_int_equal(viq_nest_smmuv3_bind(w.nest, NULL, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_reconfig(w.nest, &what), -ENODEV);
	assert_int_equal(viq_nest_smmuv3_bind(w.nest, w.v->smmu, NULL), 0);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_RESTORED, 0, 255), 0);
	assert_set(3, 4);
	assert_int_equal(viq_nest_smmuv3_bind(NULL, w.v->smmu, NULL), -EINVAL);
	end(&w);
}

/* P9: who has left has nothing of the guest's any more. */
static void streams_of_a_host_that_leaves_abort(void **state)
{
	struct world w;

	begin(&w);
	has(&w.a, 3);
	has(&w.b, UINT32_MAX);
	has(&w.b, 4);
	has(&w.b, 5);
	has(&w.b, 0);
	ste(&w, 3, STAGE1(3));
	ste(&w, 4, STAGE1(4));
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_ENABLED, 0, 255), 0);
	w.b.fails = 4;
	w.b.error = -EIO;
	order_count = 0;
	assert_int_equal(viq_nest_smmuv3_leave(w.nest, &w.b.me), -EIO);
	assert_set(0, 4, 5, UINT32_MAX);
	assert_int_equal(w.b.now[0].mode, VIQ_SMMUV3_ABORT);
	assert_int_equal(w.b.now[1].mode, VIQ_SMMUV3_ABORT);
	assert_int_equal(w.b.now[1].ste[0], ABORT);
	assert_int_equal(w.a.now[0].mode, VIQ_SMMUV3_STAGE1);
	assert_int_equal(viq_nest_smmuv3_leave(w.nest, &w.b.me), -ENOENT);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_ENABLED, 0, 255), 0);
	assert_set(3);
	assert_int_equal(viq_nest_smmuv3_leave(w.nest, &w.a.me), 0);
	assert_int_equal(viq_nest_smmuv3_leave(w.nest, NULL), -EINVAL);
	assert_int_equal(viq_nest_smmuv3_leave(NULL, &w.a.me), -EINVAL);
	end(&w);
}

/* Those behind it stay as they are. */
static void the_first_of_three_leaves(void **state)
{
	struct backend third;
	struct world w;

	begin(&w);
	init_backend(&third);
	assert_int_equal(viq_nest_smmuv3_join(w.nest, &third.me, NULL), 0);
	has(&w.b, 4);
	has(&third, 5);
	assert_int_equal(viq_nest_smmuv3_leave(w.nest, &w.a.me), 0);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_ENABLED, 0, 255), 0);
	assert_set(4, 5);
	assert_int_equal(viq_nest_smmuv3_leave(w.nest, &third.me), 0);
	assert_int_equal(viq_nest_smmuv3_leave(w.nest, &w.b.me), 0);
	end(&w);
}

static int join_and_leave(struct world *w, struct viq_smmuv3_backend backend, const struct viq_smmuv3_backend_ops *ops)
{
	int err;

	backend.ops = ops;
	err = viq_nest_smmuv3_join(w->nest, &backend, NULL);
	return err ? err : viq_nest_smmuv3_leave(w->nest, &backend);
}

static void hosts_that_cannot_join(void **state)
{
	struct viq_smmuv3_backend_ops bad = all;
	struct viq_smmuv3_backend none = {0}, poor;
	struct viq_why why = {""};
	struct backend third, plain;
	struct world w;

	begin(&w);
	assert_int_equal(viq_nest_smmuv3_join(w.nest, &w.a.me, NULL), -EEXIST);
	assert_int_equal(viq_nest_smmuv3_join(w.nest, &none, &why), -EINVAL);
	assert_non_null(strstr(why.text, "ops"));
	assert_int_equal(viq_nest_smmuv3_join(w.nest, NULL, NULL), -EINVAL);
	init_backend(&third);
	init_backend(&plain);
	assert_int_equal(viq_nest_smmuv3_join(NULL, &third.me, NULL), -EINVAL);
	poor = plain.me;
	poor.ops = &bad;
	bad.size--;
	assert_int_equal(viq_nest_smmuv3_join(w.nest, &poor, NULL), -EINVAL);
	bad.size++;
	bad.set = NULL;
	assert_int_equal(viq_nest_smmuv3_join(w.nest, &poor, NULL), -EINVAL);
	bad.set = set;
	assert_takes_later(viq_smmuv3_backend_ops, bad, join_and_leave(&w, poor, later));
	bad.next = NULL;
	assert_int_equal(viq_nest_smmuv3_join(w.nest, &poor, NULL), -EINVAL);
	/* What is optional may be missing. */
	bad = (struct viq_smmuv3_backend_ops){
		.size = offsetof(struct viq_smmuv3_backend_ops, events), .next = next, .set = set, .events = events};
	assert_int_equal(viq_nest_smmuv3_join(w.nest, &poor, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_events(w.nest, 0), 0);
	/* The living guest sees more than this one has. */
	third.oas = 4;
	assert_int_equal(viq_nest_smmuv3_join(w.nest, &third.me, &why), -EINVAL);
	assert_string_equal(why.text, "OAS");
	has(&third, 3);
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_ENABLED, 0, 255), 0);
	assert_int_equal(order_count, 0);
	third.oas = 5;
	assert_int_equal(viq_nest_smmuv3_join(w.nest, &third.me, &why), 0);
	assert_int_equal(third.promise, w.v->config.idr5);
	end(&w);
}

/* The guest is there first. Who has joined gets its invalidations, who has left does not. */
static void hosts_of_a_living_guest_come_and_go(void **state)
{
	static const struct viq_call_host_ops ops = {
		.size = sizeof(ops), .report_group = 1, .invalidate = invalidate, .stream = knows};
	struct viq_smmuv3_config config;
	struct viq_nest_smmuv3 *nest;
	struct backend a, b;
	struct vsmmu *v;

	assert_int_equal(viq_nest_smmuv3_create(NULL, NULL, &nest, NULL), 0);
	init_backend(&a);
	init_backend(&b);
	a.me.host = (struct viq_call_host){.ops = &ops, .opaque = &a};
	b.me.host = (struct viq_call_host){.ops = &ops, .opaque = &b};
	has(&a, 3);
	has(&b, 4);
	vsmmu_config(&config);
	config.host = viq_nest_smmuv3_host(nest);
	v = vsmmu_new(&config);
	v->lax = true; /* the harness's own host is not asked */
	vsmmu_boot(v, 8);
	assert_int_equal(viq_nest_smmuv3_bind(nest, v->smmu, NULL), 0);
	for (int step = 0; step < 5; step++) {
		static const uint32_t expected[5][2] = {{0, 0}, {2, 0}, {2, 2}, {0, 2}, {0, 0}};

		if (step == 1)
			assert_int_equal(viq_nest_smmuv3_join(nest, &a.me, NULL), 0);
		if (step == 2)
			assert_int_equal(viq_nest_smmuv3_join(nest, &b.me, NULL), 0);
		if (step == 3)
			assert_int_equal(viq_nest_smmuv3_leave(nest, &a.me), 0);
		if (step == 4)
			assert_int_equal(viq_nest_smmuv3_leave(nest, &b.me), 0);
		a.invalidated = b.invalidated = 0;
		vsmmu_push_test(v, cmd_nh_asid(1));
		vsmmu_push_test(v, cmd_cfgi_cd(3, 0));
		vsmmu_submit(v, cmd_cfgi_cd(4, 0));
		assert_idle(v);
		assert_int_equal(a.invalidated, expected[step][0]);
		assert_int_equal(b.invalidated, expected[step][1]);
	}
	/* More than a fan-out takes: nothing has changed. */
	for (int i = 0; i < VIQ_CALL_MAX_HOSTS; i++) {
		struct viq_smmuv3_backend more = a.me;

		more.object = more.host.object = 100 + (uint32_t)i;
		assert_int_equal(viq_nest_smmuv3_join(nest, &more, NULL), 0);
	}
	assert_int_equal(viq_nest_smmuv3_join(nest, &b.me, NULL), -ENOSPC);
	assert_int_equal(viq_nest_smmuv3_leave(nest, &b.me), -ENOENT);
	assert_null(viq_nest_smmuv3_host(NULL).ops);
	viq_nest_smmuv3_destroy(nest);
	vsmmu_free(v);
}

/* --- ID registers ------------------------------------------------------------------------------------------------- */

static void what_all_hosts_have_is_offered(void **state)
{
	struct viq_smmuv3_config config, before;
	struct viq_nest_smmuv3 *nest;
	struct backend a, b;

	viq_smmuv3_config_init(&config, sizeof(config));
	config.idr0 |= REG(IDR0_ATS);
	assert_int_equal(viq_nest_smmuv3_create(NULL, NULL, &nest, NULL), 0);
	before = config;
	viq_nest_smmuv3_offer(nest, true, &config);
	assert_memory_equal(&config, &before, sizeof(config));
	init_backend(&a);
	init_backend(&b);
	/* The first may raise, a later one does not give back what the first has not. */
	a.oas = 6;
	b.oas = 5;
	assert_int_equal(viq_nest_smmuv3_join(nest, &a.me, NULL), 0);
	viq_nest_smmuv3_offer(nest, true, &config);
	assert_int_equal(VIQ_GET(REG(IDR5_OAS), config.idr5), 6);
	assert_true(config.idr0 & REG(IDR0_ATS));
	assert_int_equal(viq_nest_smmuv3_join(nest, &b.me, NULL), 0);
	viq_nest_smmuv3_offer(nest, false, &config);
	assert_int_equal(VIQ_GET(REG(IDR5_OAS), config.idr5), 5);
	assert_false(config.idr0 & REG(IDR0_ATS));
	b.oas = 6;
	a.oas = 4;
	viq_nest_smmuv3_offer(nest, false, &config);
	assert_int_equal(VIQ_GET(REG(IDR5_OAS), config.idr5), 4);
	assert_int_equal(config.idr1, before.idr1);
	a.oas = b.oas = 3;
	before = config;
	config.size = offsetof(struct viq_smmuv3_config, aidr) + sizeof(config.aidr) - 1;
	viq_nest_smmuv3_offer(nest, false, &config);
	config.size = before.size;
	viq_nest_smmuv3_offer(NULL, false, &config);
	viq_nest_smmuv3_offer(nest, false, NULL);
	assert_memory_equal(&config, &before, sizeof(config));
	config.size = offsetof(struct viq_smmuv3_config, aidr) + sizeof(config.aidr);
	viq_nest_smmuv3_offer(nest, false, &config);
	assert_int_equal(VIQ_GET(REG(IDR5_OAS), config.idr5), 3);
	viq_nest_smmuv3_destroy(nest);
}

/* A host that offers nothing has no say: the first that does may raise. */
static void a_host_that_offers_nothing(void **state)
{
	struct viq_smmuv3_backend_ops silent = all;
	struct viq_smmuv3_config config;
	struct viq_nest_smmuv3 *nest;
	struct backend a, b;

	silent.offer = NULL;
	viq_smmuv3_config_init(&config, sizeof(config));
	config.idr5 &= ~(uint32_t)REG(IDR5_OAS);
	init_backend(&a);
	init_backend(&b);
	a.me.ops = &silent;
	b.oas = 5;
	assert_int_equal(viq_nest_smmuv3_create(NULL, NULL, &nest, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_join(nest, &a.me, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_join(nest, &b.me, NULL), 0);
	viq_nest_smmuv3_offer(nest, true, &config);
	assert_int_equal(VIQ_GET(REG(IDR5_OAS), config.idr5), 5);
	viq_nest_smmuv3_destroy(nest);
}

static void a_guest_that_was_promised_too_much_is_not_bound(void **state)
{
	struct viq_why why = {""};
	struct world w;

	begin(&w);
	has(&w.a, 3);
	w.b.oas = 4;
	assert_int_equal(viq_nest_smmuv3_bind(w.nest, w.v->smmu, &why), -EINVAL);
	assert_string_equal(why.text, "OAS");
	assert_int_equal(reconfig(&w, VIQ_SMMUV3_ENABLED, 0, 255), -ENODEV);
	w.b.oas = 5;
	assert_int_equal(viq_nest_smmuv3_bind(w.nest, w.v->smmu, &why), 0);
	end(&w);
}

/* --- Events ------------------------------------------------------------------------------------------------------- */

static uint32_t prod(const struct world *w)
{
	return vsmmu_r32(w->v, REG(EVENTQ_PROD));
}

static void events_come_back_in_order(void **state)
{
	static const struct viq_smmuv3_host_event some[] = {{.record = {0x10, 1}}, {.record = {0x11, 2}}};
	static const struct viq_smmuv3_host_event more[] = {{.record = {0x12, 3}}};
	struct world w;

	begin(&w);
	w.a.events = some;
	w.a.event_count = 2;
	w.b.events = more;
	w.b.event_count = 1;
	assert_int_equal(viq_nest_smmuv3_events(w.nest, 0), 0);
	assert_int_equal(prod(&w), 3);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(vsmmu_peek64(w.v, VSMMU_EVENTQ + 32 * i), 0x10 + i);
		assert_int_equal(vsmmu_peek64(w.v, VSMMU_EVENTQ + 32 * i + 8), 1 + i);
	}
	assert_int_equal(viq_nest_smmuv3_events(NULL, 0), -EINVAL);
	end(&w);
}

/* Lost before the second event: the flag is there though the guest's own queue had room (7.4). */
static void a_hosts_losses_are_an_overflow(void **state)
{
	static const struct viq_smmuv3_host_event some[] = {
		{.record = {0x10}}, {.record = {0x11}, .lost = 5}, {.lost = 2}, {.record = {0x12}}};
	struct world w;

	begin(&w);
	w.a.events = some;
	w.a.event_count = 1;
	assert_int_equal(viq_nest_smmuv3_events(w.nest, 0), 0);
	assert_int_equal(prod(&w), 1);
	w.a.event_count = 2;
	assert_int_equal(viq_nest_smmuv3_events(w.nest, 0), 0);
	assert_int_equal(prod(&w), 2 | VIQ_SMMUV3_EVENTQ_OVFLG);
	w.a.event_count = 4;
	assert_int_equal(viq_nest_smmuv3_events(w.nest, 0), 0);
	assert_int_equal(prod(&w), 3 | VIQ_SMMUV3_EVENTQ_OVFLG);
	assert_int_equal(smmuv3_counters(w.v->smmu).events, 3);
	assert_int_equal(smmuv3_counters(w.v->smmu).events_lost, 7);
	end(&w);
}

static void p4_events_are_bounded(void **state)
{
	struct viq_smmuv3_host_event many[2000] = {{.record = {0}}};
	struct world w;

	begin(&w);
	for (size_t i = 0; i < 2000; i++)
		many[i].record[0] = 0x10;
	w.a.events = w.b.events = many;
	w.a.event_count = w.b.event_count = 2000;
	assert_int_equal(viq_nest_smmuv3_events(w.nest, 33), 0);
	assert_int_equal(w.a.taken, 33);
	assert_int_equal(w.b.taken, 33);
	assert_int_equal(viq_nest_smmuv3_events(w.nest, 0), 0);
	assert_int_equal(w.a.taken, 33 + 1024);
	/* An error of one is no matter of the other, and it is not hidden. */
	w.a.events_error = -EIO;
	assert_int_equal(viq_nest_smmuv3_events(w.nest, 10), -EIO);
	assert_int_equal(w.b.taken, 33 + 1024 + 10);
	/* Without a guest they are taken, and nobody's. */
	w.a.events_error = 0;
	assert_int_equal(viq_nest_smmuv3_bind(w.nest, NULL, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_events(w.nest, 0), 0);
	assert_int_equal(w.b.taken, 2000);
	end(&w);
}

/* A host that says that it filled more than there is room for: nothing is read there, and the guest hears of a loss. */
static void more_events_than_asked_for(void **state)
{
	struct viq_smmuv3_host_event many[64] = {{.record = {0x10}}};
	static const uint32_t claims[] = {1, 32, 40, UINT32_MAX - 32};
	struct world w;

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		begin(&w);
		w.a.events = w.b.events = many;
		w.a.event_count = 64;
		w.b.event_count = 1;
		w.a.claims = claims[i];
		assert_int_equal(viq_nest_smmuv3_events(w.nest, 0), -EIO);
		assert_int_equal(smmuv3_counters(w.v->smmu).events_lost, 1);
		assert_int_equal(prod(&w) & VIQ_SMMUV3_EVENTQ_OVFLG, VIQ_SMMUV3_EVENTQ_OVFLG);
		/* The other's is there. */
		assert_int_equal(smmuv3_counters(w.v->smmu).events, 1);
		assert_int_equal(viq_nest_smmuv3_bind(w.nest, NULL, NULL), 0);
		assert_int_equal(viq_nest_smmuv3_events(w.nest, 1), -EIO);
		end(&w);
	}
}

static bool pending(void *opaque, uint32_t object)
{
	const struct backend *b = opaque;

	return b->taken < b->event_count;
}

/* Before a CMD_SYNC: what is there of each host that says so. The others are not looked at. */
static void what_is_pending_is_moved_at_a_sync(void **state)
{
	static const struct viq_smmuv3_host_event some[] = {{.record = {0x10}}, {.record = {0x11}}};
	struct viq_smmuv3_backend_ops told = all, deaf = all;
	struct viq_smmuv3_backend b;
	struct backend third;
	struct world w;

	told.pending = deaf.pending = pending;
	deaf.events = NULL;
	begin(&w);
	w.a.events = w.b.events = some;
	w.a.event_count = 2;
	assert_int_equal(viq_nest_smmuv3_sync(w.nest), 0);
	assert_int_equal(w.a.taken, 0);
	for (struct backend *each = &w.a; each; each = each == &w.a ? &w.b : NULL) {
		b = each->me;
		assert_int_equal(viq_nest_smmuv3_leave(w.nest, &b), 0);
		b.ops = &told;
		assert_int_equal(viq_nest_smmuv3_join(w.nest, &b, NULL), 0);
	}
	init_backend(&third);
	third.me.ops = &deaf;
	third.event_count = 2;
	assert_int_equal(viq_nest_smmuv3_join(w.nest, &third.me, NULL), 0);
	w.b.event_count = 1;
	assert_int_equal(viq_nest_smmuv3_sync(w.nest), 3);
	assert_int_equal(w.a.taken, 2);
	assert_int_equal(w.b.taken, 1);
	assert_int_equal(prod(&w), 3);
	assert_int_equal(viq_nest_smmuv3_sync(w.nest), 0);
	assert_int_equal(viq_nest_smmuv3_sync(NULL), 0);
	/* Who has nothing is not asked for it. */
	w.a.claims = 1;
	assert_int_equal(viq_nest_smmuv3_sync(w.nest), 0);
	assert_int_equal(smmuv3_counters(w.v->smmu).events_lost, 0);
	end(&w);
}

static void bad_arguments(void **state)
{
	struct viq_nest_smmuv3_ops ops = {.size = sizeof(ops) - 1};
	struct viq_nest_smmuv3 *nest;

	assert_int_equal(viq_nest_smmuv3_create(&ops, NULL, &nest, NULL), -EINVAL);
	assert_int_equal(viq_nest_smmuv3_create(NULL, NULL, NULL, NULL), -EINVAL);
	viq_nest_smmuv3_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stream_is_what_its_ste_says),
		cmocka_unit_test(numbers_are_gone_through_in_order),
		cmocka_unit_test(causes_and_ranges),
		cmocka_unit_test(registers_rule_while_it_is_off),
		cmocka_unit_test(broken_streams_are_everybodys_matter),
		cmocka_unit_test(a_broken_stream_where_another_look_ends),
		cmocka_unit_test(one_stream_alone),
		cmocka_unit_test(a_stream_that_aborts_holds_nobody),
		cmocka_unit_test(the_first_error_is_returned_and_the_others_are_done),
		cmocka_unit_test(p4_steps_are_one_stream_and_tell_their_cost),
		cmocka_unit_test(p4_looking_for_a_stream_costs),
		cmocka_unit_test(a_cursor_outlives_what_comes_and_goes),
		cmocka_unit_test(without_a_guest_nothing_changes),
		cmocka_unit_test(streams_of_a_host_that_leaves_abort),
		cmocka_unit_test(hosts_that_cannot_join),
		cmocka_unit_test(the_first_of_three_leaves),
		cmocka_unit_test(what_is_pending_is_moved_at_a_sync),
		cmocka_unit_test(hosts_of_a_living_guest_come_and_go),
		cmocka_unit_test(a_host_that_says_nothing),
		cmocka_unit_test(a_stream_that_is_blocked),
		cmocka_unit_test(what_all_hosts_have_is_offered),
		cmocka_unit_test(a_host_that_offers_nothing),
		cmocka_unit_test(a_guest_that_was_promised_too_much_is_not_bound),
		cmocka_unit_test(events_come_back_in_order),
		cmocka_unit_test(a_hosts_losses_are_an_overflow),
		cmocka_unit_test(p4_events_are_bounded),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(a_host_that_goes_backwards),
		cmocka_unit_test(more_events_than_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
