/* SPDX-License-Identifier: MIT */
/* What becomes of a guest when its host lies, loses a device meanwhile, or reads the tables itself. */
#include <errno.h>
#include <string.h>

#include "support/linux_vnest.h"
#include "support/sized.h"

#define DID 4

struct host {
	uint32_t source_id; /* its only device; beyond 16 bits: none */
	int error;          /* of set() and reconfig() */
	bool goes;          /* the device, in a set() that fails */
	int listen_error;
	bool listens;
	bool bad_table; /* the listener is told of a table of no version that there is */
	uint32_t sets, begun, steps, settled;
	struct viq_vtd_translation set; /* the last one, */
	struct viq_vtd_reconfig what;   /* and what a host that reads itself was told */
	uint32_t faults, requests;      /* how many it says to have given, at once */
	struct viq_vtd_host_fault fault;
	struct viq_vtd_host_page_request request;
	uint32_t traced, hooked;
	uint64_t reason; /* of the last fault that the hook got */
	bool parent;
};

static int host_next(void *opaque, uint32_t *source_id, struct viq_vtd_device_state *state)
{
	struct host *h = opaque;

	assert_in_range(*source_id, 0, UINT16_MAX);
	if (*source_id > h->source_id || h->source_id > UINT16_MAX) {
		/* Means nothing then. One that has just gone may have been left there. */
		if (!h->goes)
			*source_id = UINT32_MAX;
		return 0;
	}
	*source_id = h->source_id;
	state->pasid_bits = 6;
	state->rid_pasid = UINT32_MAX;
	return 1;
}

static int host_next_pasid(void *opaque, uint16_t source_id, uint32_t *pasid)
{
	*pasid = 7;
	return 0;
}

static int host_set(void *opaque, uint16_t source_id, uint32_t pasid, const struct viq_vtd_translation *as,
		    struct viq_vtd_outcome *outcome)
{
	struct host *h = opaque;

	h->sets++;
	h->set = *as;
	if (h->goes)
		h->source_id = UINT32_MAX;
	return h->error;
}

static int host_listen(void *opaque, const struct viq_vtd_listener *listener)
{
	const struct viq_vtd_table none = {.size = 4};
	struct host *h = opaque;
	uint32_t handle;

	h->listens = listener != NULL;
	if (listener && h->bad_table)
		return listener->attach(listener->opaque, &none, &handle);
	return listener ? h->listen_error : 0;
}

static void host_settle(void *opaque)
{
	((struct host *)opaque)->settled++;
}

static int host_reconfig(void *opaque, const struct viq_vtd_tables *tables, const struct viq_vtd_reconfig *what)
{
	struct host *h = opaque;

	h->begun++;
	h->what = *what;
	return h->error;
}

static int host_step(void *opaque, uint64_t *reads, uint64_t *entries)
{
	struct host *h = opaque;

	return ++h->steps % 3 != 0;
}

/* One and no more, or as many as it claims. */
static int host_faults(void *opaque, struct viq_vtd_host_fault *faults, uint32_t *count)
{
	struct host *h = opaque;

	if (h->faults)
		faults[0] = h->fault;
	*count = h->faults;
	h->faults = 0;
	return 0;
}

static int host_page_requests(void *opaque, struct viq_vtd_host_page_request *requests, uint32_t *count)
{
	struct host *h = opaque;

	if (h->requests)
		requests[0] = h->request;
	*count = h->requests;
	h->requests = 0;
	return 0;
}

static const struct viq_vtd_backend_ops ops = {
	.size = sizeof(ops),
	.next = host_next,
	.next_pasid = host_next_pasid,
	.set = host_set,
	.listen = host_listen,
	.settle = host_settle,
	.faults = host_faults,
	.page_requests = host_page_requests,
};

static void traced(void *opaque, const struct viq_vtd_outcome *outcome)
{
	((struct host *)opaque)->traced++;
}

static void hooked(void *opaque, const uint64_t record[2], bool parent)
{
	struct host *h = opaque;

	h->hooked++;
	h->reason = VIQ_GET(VIQ_VTD_FRCD_1_FR, record[1]);
	h->parent = parent;
}

/* In the place of Linux. hook: it gets the faults. */
static struct vnest *with(struct host *h, const struct viq_vtd_backend_ops *own, bool hook)
{
	struct vnest *n = vnest_new(1);
	struct viq_nest_vtd_config config;

	viq_nest_vtd_destroy(n->nest);
	viq_nest_vtd_config_init(&config, sizeof(config));
	config.backend = (struct viq_vtd_backend){own, h};
	config.trace = traced;
	config.fault = hook ? hooked : NULL;
	config.opaque = h;
	assert_int_equal(viq_nest_vtd_create(&config, &n->nest, NULL), 0);
	vnest_bind(n, true);
	return n;
}

static int reconfig(struct vnest *n, uint64_t budget)
{
	struct viq_vtd_reconfig what = {
		.size = sizeof(what), .cause = VIQ_VTD_PASID_CACHE, .scope = VIQ_VTD_SCOPE_ALL, .work.budget = budget};

	return viq_nest_vtd_reconfig(n->nest, &what);
}

static void arguments(void **state)
{
	struct host h = {.source_id = VNEST_SID(0)};
	struct viq_vtd_reconfig what = {.size = sizeof(what)};
	struct viq_vtd_backend_ops own = ops;
	struct viq_nest_vtd_config config;
	struct viq_nest_vtd *nest = NULL;

	viq_nest_vtd_config_init(&config, sizeof(config));
	config.backend = (struct viq_vtd_backend){&own, &h};
	assert_int_equal(viq_nest_vtd_create(&config, NULL, NULL), -EINVAL);
	assert_int_equal(viq_nest_vtd_create(NULL, &nest, NULL), -EINVAL);
	own.settle = NULL;
	assert_int_equal(viq_nest_vtd_create(&config, &nest, NULL), -EINVAL);
	own.settle = host_settle;
	own.listen = NULL;
	assert_int_equal(viq_nest_vtd_create(&config, &nest, NULL), -EINVAL);
	config.backend.ops = NULL;
	assert_int_equal(viq_nest_vtd_create(&config, &nest, NULL), -EINVAL);
	assert_null(nest);
	assert_int_equal(viq_nest_vtd_reconfig(NULL, &what), -EINVAL);
	assert_int_equal(viq_nest_vtd_follow(NULL, 8), -EINVAL);
	assert_int_equal(viq_nest_vtd_block(NULL, 8), -EINVAL);
	assert_int_equal(viq_nest_vtd_faults(NULL, 0), -EINVAL);
	assert_int_equal(viq_nest_vtd_sync(NULL), 0);
	/* Without a guest. */
	config.backend.ops = &ops;
	assert_int_equal(viq_nest_vtd_create(&config, &nest, NULL), 0);
	assert_int_equal(viq_nest_vtd_reconfig(nest, &what), -ENODEV);
	assert_int_equal(viq_nest_vtd_follow(nest, VNEST_SID(0)), -ENODEV);
	assert_int_equal(h.sets, 0);
	viq_nest_vtd_destroy(nest);
}

/* Its tables would not be invalidated: nothing of the guest's is followed. */
static void a_host_that_cannot_tell_of_its_tables(void **state)
{
	struct host h = {.source_id = VNEST_SID(0)};
	struct vnest *n = with(&h, &ops, false);

	assert_int_equal(reconfig(n, 0), 0);
	vnest_bind(n, false);
	h.sets = 0;
	h.listen_error = -EBUSY;
	assert_int_equal(viq_nest_vtd_bind(n->nest, n->g->vtd, n->g->mem), -EBUSY);
	assert_int_equal(reconfig(n, 0), -ENODEV);
	h.bad_table = true;
	assert_int_equal(viq_nest_vtd_bind(n->nest, n->g->vtd, n->g->mem), -EINVAL);
	assert_int_equal(reconfig(n, 0), -ENODEV);
	assert_int_equal(h.sets, 0);
	h.bad_table = false;
	h.listen_error = 0;
	vnest_bind(n, true);
	assert_int_equal(reconfig(n, 0), 0);
	assert_int_equal(h.sets, 1);
	vnest_free(n);
}

/* P5: it concerns nobody any more, and the guest's descriptor completes. */
static void a_device_goes_meanwhile(void **state)
{
	struct host h = {.source_id = VNEST_SID(0), .error = -ENOENT};
	struct vnest *n = with(&h, &ops, false);

	vnest_context_on(n, 0);
	vnest_first(n, 0, 0, DID, 1);
	vnest_first(n, 0, 7, DID, 2);
	assert_int_equal(reconfig(n, 0), -ENOENT);
	assert_int_equal(h.sets, 2);
	assert_int_equal(h.traced, 2);
	h.goes = true;
	h.sets = h.traced = 0;
	assert_int_equal(reconfig(n, 0), 0);
	assert_int_equal(h.sets, 1);
	assert_int_equal(h.traced, 0);
	assert_int_equal(viq_nest_vtd_follow(n->nest, VNEST_SID(0)), -ENOENT);
	vnest_free(n);
}

/* An embedder that knows no hooks, and whose functions are copied. */
static void a_config_of_an_older_version(void **state)
{
	struct host h = {.source_id = VNEST_SID(0)};
	struct viq_vtd_backend_ops own = ops;
	struct viq_nest_vtd_config config;
	struct vnest *n = with(&h, &own, false); /* its hooks are not taken over */

	viq_nest_vtd_destroy(n->nest);
	assert_false(h.listens);
	viq_nest_vtd_config_init(&config, sizeof(config));
	config.size = offsetof(struct viq_nest_vtd_config, backend) + sizeof(config.backend);
	config.backend = (struct viq_vtd_backend){&own, &h};
	config.trace = traced;
	config.opaque = &h;
	assert_int_equal(viq_nest_vtd_create(&config, &n->nest, NULL), 0);
	memset(&own, 0, sizeof(own));
	vnest_bind(n, true);
	assert_int_equal(reconfig(n, 0), 0);
	assert_int_equal(h.sets, 1);
	assert_int_equal(h.traced, 0);
	vnest_free(n);
}

/* There is none behind it. */
static void the_last_source_id(void **state)
{
	struct host h = {.source_id = UINT16_MAX};
	struct vnest *n = with(&h, &ops, false);

	assert_int_equal(reconfig(n, 0), 0);
	assert_int_equal(h.sets, 1);
	assert_int_equal(h.settled, 1);
	assert_int_equal(viq_nest_vtd_follow(n->nest, UINT16_MAX), 0);
	assert_int_equal(h.sets, 2);
	vnest_free(n);
	assert_false(h.listens);
}

/* Its table cannot be read, though the directory can. */
static void a_table_out_of_memory(void **state)
{
	struct host h = {.source_id = VNEST_SID(0)};
	struct vnest *n = with(&h, &ops, false);

	vnest_context_on(n, 0);
	vnest_first(n, 0, 0, DID, 1);
	assert_int_equal(reconfig(n, 0), 0);
	assert_int_equal(h.set.mode, VIQ_VTD_STAGE1);
	vvtd_poke64(n->g, VNEST_DIR(0), UINT64_C(1) << 45 | 1);
	assert_int_equal(reconfig(n, 0), 0);
	assert_int_equal(h.set.mode, VIQ_VTD_BLOCK);
	assert_int_equal(h.set.reason, VIQ_VTD_FR_PE_ACCESS);
	vnest_free(n);
}

static void a_host_that_reads_the_tables(void **state)
{
	struct viq_vtd_backend_ops own = {.size = sizeof(own), .listen = host_listen, .reconfig = host_reconfig};
	struct host h = {.error = -EIO};
	struct vnest *n = with(&h, &own, false);

	assert_int_equal(reconfig(n, 0), -EIO);
	h.error = 0;
	assert_int_equal(reconfig(n, 1), 0);
	assert_int_equal(h.begun, 2);
	assert_int_equal(viq_nest_vtd_follow(n->nest, VNEST_SID(1)), 0);
	assert_int_equal(h.what.scope, VIQ_VTD_SCOPE_DEVICE);
	assert_int_equal(h.what.source_id, VNEST_SID(1));
	assert_int_equal(h.what.source_mask, UINT16_MAX);
	assert_int_equal(viq_nest_vtd_block(n->nest, VNEST_SID(1)), -EOPNOTSUPP);
	vnest_free(n);

	/* Step by step, but not what it has not begun. */
	own.step = host_step;
	h = (struct host){.error = -EIO};
	n = with(&h, &own, false);
	assert_int_equal(reconfig(n, 0), -EIO);
	assert_int_equal(h.steps, 0);
	h.error = 0;
	assert_int_equal(reconfig(n, 1), 1);
	assert_int_equal(h.steps, 1);
	h.steps = 0;
	assert_int_equal(reconfig(n, 0), 0);
	assert_int_equal(h.steps, 3);
	vnest_free(n);
}

/* P8: more than there was room for. The guest has lost one at least, and is told so. */
static void too_many(void **state)
{
	struct host h = {.source_id = VNEST_SID(0), .faults = 2};
	struct vnest *n = with(&h, &ops, false);

	assert_int_equal(viq_nest_vtd_faults(n->nest, 1), -EIO);
	assert_int_equal(vtd_counters(n->g->vtd).faults, 0);
	assert_int_equal(vtd_counters(n->g->vtd).faults_lost, 1);
	assert_true(vvtd_r32(n->g, VREG(FSTS)) & VREG(FSTS_PFO));
	h.faults = UINT32_MAX;
	assert_int_equal(viq_nest_vtd_faults(n->nest, 0), -EIO);
	assert_int_equal(vtd_counters(n->g->vtd).faults_lost, 2);
	/* Nothing is left of the other kind. */
	h.requests = UINT32_MAX;
	assert_int_equal(viq_nest_vtd_faults(n->nest, 0), -EIO);
	assert_int_equal(vtd_counters(n->g->vtd).faults_lost, 2);
	/* Without a guest. */
	vnest_bind(n, false);
	h.faults = 2;
	assert_int_equal(viq_nest_vtd_faults(n->nest, 1), -EIO);
	vnest_free(n);
}

/* Who wants them all has them instead of the guest. */
static void faults_for_the_embedder(void **state)
{
	const struct viq_vtd_host_fault fault = {
		.record = {0x1000, VIQ_VTD_FRCD_1_F | VIQ_PUT(VIQ_VTD_FRCD_1_FR, 0x71) | VNEST_SID(0)}};
	struct host h = {.source_id = VNEST_SID(0)};

	for (unsigned int hook = 0; hook < 2; hook++) {
		struct vnest *n = with(&h, &ops, hook);

		for (unsigned int parent = 0; parent < 2; parent++) {
			h.fault = fault;
			h.fault.parent = parent;
			h.fault.lost = 3 * parent;
			h.faults = 1;
			h.hooked = 0;
			assert_int_equal(viq_nest_vtd_faults(n->nest, 0), 0);
			assert_int_equal(h.hooked, hook);
			if (hook)
				assert_true(h.reason == 0x71 && h.parent == parent);
			assert_int_equal(vtd_counters(n->g->vtd).faults, !hook);
			assert_int_equal(vtd_counters(n->g->vtd).faults_lost, 3 * parent);
		}
		vnest_free(n);
	}
}

static bool host_pending(void *opaque)
{
	return true;
}

/* A look costs what the host says, a record 1, an answer that the unit gives itself as much as a look (7.5.1). */
static void what_moving_costs(void **state)
{
	static const struct {
		uint32_t faults, requests;
		bool there, last;
		uint32_t cost;
	} rows[] = {
		{0, 0, false, false, 2 * 100},    {1, 0, false, false, 3 * 100 + 1}, {0, 1, false, false, 3 * 100 + 1},
		{0, 1, false, true, 3 * 100 + 1}, {0, 1, true, false, 3 * 100 + 1},  {0, 1, true, true, 4 * 100 + 1},
		{1, 1, true, true, 5 * 100 + 2},
	};
	struct viq_vtd_backend_ops own = ops;
	struct host h = {.source_id = VNEST_SID(0)};
	struct vnest *n;

	own.look_cost = 100;
	n = with(&h, &own, false);
	h.faults = 1;
	assert_int_equal(viq_nest_vtd_sync(n->nest), 0); /* it says nothing of what is pending */
	assert_int_equal(h.faults, 1);
	vnest_free(n);
	own.pending = host_pending;
	n = with(&h, &own, false);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		h.faults = rows[i].faults;
		h.requests = rows[i].requests;
		/* Page requests are off: the unit answers the last one of a group itself. */
		h.request = (struct viq_vtd_host_page_request){
			.request = {.size = rows[i].there ? sizeof(h.request.request) : 0,
				    .source_id = VNEST_SID(0),
				    .last = rows[i].last,
				    .read = true}};
		assert_int_equal(viq_nest_vtd_sync(n->nest), rows[i].cost);
	}
	vnest_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_goes_meanwhile),
		cmocka_unit_test(a_host_that_cannot_tell_of_its_tables),
		cmocka_unit_test(a_host_that_reads_the_tables),
		cmocka_unit_test(a_config_of_an_older_version),
		cmocka_unit_test(a_table_out_of_memory),
		cmocka_unit_test(arguments),
		cmocka_unit_test(faults_for_the_embedder),
		cmocka_unit_test(the_last_source_id),
		cmocka_unit_test(too_many),
		cmocka_unit_test(what_moving_costs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
