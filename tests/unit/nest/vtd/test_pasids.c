/* SPDX-License-Identifier: MIT */
/* Which of a device's PASIDs a host is told to set, to what, and that it is told no more than that. */
#include <errno.h>

#include "support/linux_vnest.h"

#define DID   4
#define BITS  6 /* of the device's PASIDs */
#define LIMIT (1u << BITS)

/* One device; PASIDs that are not blocked; what it was told. */
struct host {
	uint32_t on[8], on_count;
	bool stuck; /* nothing is ever blocked */
	struct {
		uint32_t pasid;
		struct viq_vtd_translation as;
	} sets[8];
	uint32_t count, settled;
};

static int next(void *opaque, uint32_t *source_id, struct viq_vtd_device_state *state)
{
	if (*source_id > VNEST_SID(0))
		return 0;
	*source_id = VNEST_SID(0);
	state->pasid_bits = BITS;
	state->rid_pasid = UINT32_MAX;
	return 1;
}

static int next_pasid(void *opaque, uint16_t source_id, uint32_t *pasid)
{
	const struct host *h = opaque;
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; i < h->on_count; i++) {
		if (h->on[i] >= *pasid && h->on[i] < best)
			best = h->on[i];
	}
	*pasid = best;
	return best != UINT32_MAX;
}

static int set(void *opaque, uint16_t source_id, uint32_t pasid, const struct viq_vtd_translation *as,
	       struct viq_vtd_outcome *outcome)
{
	struct host *h = opaque;

	assert_int_equal(source_id, VNEST_SID(0));
	assert_true(h->count < sizeof(h->sets) / sizeof(h->sets[0]));
	h->sets[h->count].pasid = pasid;
	h->sets[h->count++].as = *as;
	if (h->stuck)
		return -EIO;
	for (uint32_t i = 0; i < h->on_count && as->mode == VIQ_VTD_BLOCK; i++) {
		if (h->on[i] == pasid)
			h->on[i] = h->on[--h->on_count];
	}
	return 0;
}

static int listen(void *opaque, const struct viq_vtd_listener *listener)
{
	return 0;
}

static void settle(void *opaque)
{
	((struct host *)opaque)->settled++;
}

static const struct viq_vtd_backend_ops ops = {
	.size = sizeof(ops), .next = next, .next_pasid = next_pasid, .set = set, .listen = listen, .settle = settle};

/* The device has a directory of 8192 PASIDs, and nothing in it. */
static struct vnest *begin(struct host *h, uint32_t on, uint32_t rid_pasid)
{
	const uint64_t ctx[4] = {VNEST_DIR(0) | VIQ_VTD_SCTX_P | VIQ_VTD_SCTX_PASIDE, rid_pasid};
	struct viq_nest_vtd_config config;
	struct vnest *n = vnest_new(1);

	*h = (struct host){.on = {on}, .on_count = on != 0};
	viq_nest_vtd_destroy(n->nest);
	viq_nest_vtd_config_init(&config, sizeof(config));
	config.backend = (struct viq_vtd_backend){&ops, h};
	assert_int_equal(viq_nest_vtd_create(&config, &n->nest, NULL), 0);
	vnest_bind(n, true);
	vnest_context(n, 0, ctx);
	return n;
}

static uint64_t all(struct vnest *n, struct host *h, int expected)
{
	struct viq_vtd_reconfig what = {.size = sizeof(what), .cause = VIQ_VTD_PASID_CACHE, .scope = VIQ_VTD_SCOPE_ALL};

	h->count = 0;
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &what), expected);
	return what.work.cost;
}

static uint64_t one(struct vnest *n, struct host *h, uint32_t pasid)
{
	struct viq_vtd_reconfig what = {.size = sizeof(what),
					.cause = VIQ_VTD_PASID_CACHE,
					.scope = VIQ_VTD_SCOPE_PASID,
					.domain_id = DID,
					.pasid = pasid};

	h->count = 0;
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &what), 0);
	return what.work.cost;
}

/* pasid: of the requests; of: of the entry. */
static void assert_set(const struct host *h, uint32_t i, uint32_t pasid, uint32_t of, uint32_t mode, uint8_t reason)
{
	assert_true(i < h->count);
	assert_int_equal(h->sets[i].pasid, pasid);
	assert_int_equal(h->sets[i].as.pasid, of);
	assert_int_equal(h->sets[i].as.mode, mode);
	assert_int_equal(h->sets[i].as.reason, reason);
}

/* Its faults name the reason, so that the host must know it (7.1.3). */
static void a_faulty_entry(void **state)
{
	static const uint8_t reasons[] = {VIQ_VTD_FR_PE_RSVD, VIQ_VTD_FR_PE_INVALID};
	struct host h;

	for (size_t i = 0; i < 2; i++) {
		struct vnest *n = begin(&h, 0, 0);

		vnest_first(n, 0, 7, DID, 1);
		if (i)
			vnest_entry(n, 0, 7, VIQ_VTD_PE_P, DID, 0); /* PGTT 0 */
		else
			vvtd_poke64(n->g, vnest_entry_gpa(0, 7) + 24, 1);
		one(n, &h, 7);
		assert_int_equal(h.count, 1);
		assert_set(&h, 0, 7, 7, VIQ_VTD_BLOCK, reasons[i]);
		all(n, &h, 0);
		assert_int_equal(h.count, 2);
		assert_set(&h, 0, 0, 0, VIQ_VTD_BLOCK, VIQ_VTD_FR_PE_P);
		assert_set(&h, 1, 7, 7, VIQ_VTD_BLOCK, reasons[i]);
		vnest_free(n);
	}
}

/* What is not there is blocked if it was there. */
static void an_entry_that_is_not_there(void **state)
{
	struct host h;
	struct vnest *n = begin(&h, 9, 0);

	one(n, &h, 8);
	assert_int_equal(h.count, 0);
	one(n, &h, 9);
	assert_int_equal(h.count, 1);
	assert_set(&h, 0, 9, 9, VIQ_VTD_BLOCK, VIQ_VTD_FR_PDE_P);
	one(n, &h, 9);
	assert_int_equal(h.count, 0);
	vnest_free(n);
}

/* Entries of PASIDs that the device cannot have are nobody's, and what they were set to before is blocked. */
static void pasids_beyond_the_devices_own(void **state)
{
	struct host h;
	struct vnest *n = begin(&h, 0, 0);

	vnest_first(n, 0, LIMIT - 1, DID, 1);
	vnest_first(n, 0, LIMIT, DID, 2);
	one(n, &h, LIMIT - 1);
	assert_int_equal(h.count, 1);
	assert_set(&h, 0, LIMIT - 1, LIMIT - 1, VIQ_VTD_STAGE1, 0);
	one(n, &h, LIMIT);
	assert_int_equal(h.count, 0);
	h.on[0] = LIMIT;
	h.on_count = 1;
	one(n, &h, LIMIT);
	assert_int_equal(h.count, 1);
	assert_set(&h, 0, LIMIT, LIMIT, VIQ_VTD_BLOCK, 0);
	h.on[0] = LIMIT + 1;
	h.on[1] = LIMIT;
	h.on_count = 2;
	all(n, &h, 0);
	assert_int_equal(h.count, 4);
	assert_set(&h, 1, LIMIT - 1, LIMIT - 1, VIQ_VTD_STAGE1, 0);
	assert_set(&h, 2, LIMIT, LIMIT, VIQ_VTD_BLOCK, 0);
	assert_set(&h, 3, LIMIT + 1, LIMIT + 1, VIQ_VTD_BLOCK, 0);
	vnest_free(n);
}

/* Root and context entry, the look at the device; a directory entry, where the directory has one. */
static void pasids_beyond_the_directory(void **state)
{
	struct host h;
	struct vnest *n = begin(&h, 0, 0);

	assert_int_equal(one(n, &h, VNEST_PASID_MAX), 4);
	assert_int_equal(one(n, &h, VNEST_PASID_MAX + 1), 3);
	assert_int_equal(h.count, 0);
	vnest_free(n);
}

/* Its entry is for requests without PASID only, and the entry of PASID 0 is for none (SCT.9). */
static void a_rid_pasid_of_its_own(void **state)
{
	struct host h;
	struct vnest *n = begin(&h, 0, 3);

	vnest_first(n, 0, 0, DID, 1);
	vnest_first(n, 0, 3, DID, 2);
	vnest_first(n, 0, 7, DID, 3);
	all(n, &h, 0);
	assert_int_equal(h.count, 2);
	assert_set(&h, 0, 0, 3, VIQ_VTD_STAGE1, 0);
	assert_int_equal(h.sets[0].as.table, VNEST_PGTBL(2));
	assert_set(&h, 1, 7, 7, VIQ_VTD_STAGE1, 0);
	one(n, &h, 0);
	assert_int_equal(h.count, 0);
	/* It was a PASID like others before. */
	h.on[0] = 3;
	h.on_count = 1;
	one(n, &h, 3);
	assert_int_equal(h.count, 2);
	assert_set(&h, 0, 0, 3, VIQ_VTD_STAGE1, 0);
	assert_set(&h, 1, 3, 3, VIQ_VTD_BLOCK, VIQ_VTD_FR_SM_RID_PASID);
	vnest_free(n);
}

/* A context entry of legacy mode has no PASID. */
static void requests_in_legacy_mode(void **state)
{
	struct host h;
	struct vnest *n = begin(&h, 0, 0);

	vvtd_poke64(n->g, VNEST_ROOT + 16 * (VNEST_SID(0) >> 8) + 8, 0);
	vvtd_w64(n->g, VREG(RTADDR), VNEST_ROOT);
	vvtd_gcmd(n->g, VREG(GCMD_SRTP), true);
	vvtd_poke64(n->g, VNEST_CTX(0) + 8 * 16 + 8, VIQ_VTD_AW_48 | VIQ_PUT(VIQ_VTD_CTX_1_DID, DID));
	vvtd_poke64(n->g, VNEST_CTX(0) + 8 * 16, VIQ_VTD_CTX_P | VNEST_PGTBL(1));
	all(n, &h, 0);
	assert_int_equal(h.count, 1);
	assert_set(&h, 0, 0, 0, VIQ_VTD_STAGE2, 0);
	assert_int_equal(h.sets[0].as.domain_id, DID);
	vnest_free(n);
}

/* P4: a host that blocks nothing is asked once for each. */
static void a_host_that_blocks_nothing(void **state)
{
	const uint64_t none[4] = {0};
	struct viq_vtd_reconfig what = {
		.size = sizeof(what), .cause = VIQ_VTD_PASID_CACHE, .scope = VIQ_VTD_SCOPE_ALL, .work.budget = 1};
	struct host h;
	struct vnest *n = begin(&h, 7, 0);
	int ret;

	h.on[h.on_count++] = 8;
	h.stuck = true;
	vnest_context(n, 0, none);
	all(n, &h, -EIO);
	assert_int_equal(h.count, 3);
	assert_set(&h, 0, 0, 0, VIQ_VTD_BLOCK, VIQ_VTD_FR_SM_CTX_P);
	assert_set(&h, 1, 7, 7, VIQ_VTD_BLOCK, VIQ_VTD_FR_SM_CTX_P);
	assert_set(&h, 2, 8, 8, VIQ_VTD_BLOCK, VIQ_VTD_FR_SM_CTX_P);
	/* In steps the error is that of the first, too. */
	h.count = 0;
	do
		ret = viq_nest_vtd_reconfig(n->nest, &what);
	while (ret > 0);
	assert_int_equal(ret, -EIO);
	assert_int_equal(h.count, 3);
	h.count = h.settled = 0;
	assert_int_equal(viq_nest_vtd_block(n->nest, VNEST_SID(0)), -EIO);
	assert_int_equal(h.count, 3);
	assert_set(&h, 0, 7, 7, VIQ_VTD_BLOCK, 0);
	assert_set(&h, 2, 0, 0, VIQ_VTD_BLOCK, 0);
	assert_int_equal(h.settled, 1);
	vnest_free(n);
}

/* The device behind it is another one. */
static void a_device_that_is_not_there(void **state)
{
	struct host h;
	struct vnest *n = begin(&h, 7, 0);

	for (uint32_t i = 0; i < 2; i++) {
		uint16_t source_id = i ? VNEST_SID(0) - 1 : 0;

		assert_int_equal(viq_nest_vtd_follow(n->nest, source_id), -ENOENT);
		assert_int_equal(viq_nest_vtd_block(n->nest, source_id), -ENOENT);
		assert_int_equal(h.count, 0);
	}
	vnest_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_that_is_not_there),    cmocka_unit_test(a_faulty_entry),
		cmocka_unit_test(a_host_that_blocks_nothing),    cmocka_unit_test(a_rid_pasid_of_its_own),
		cmocka_unit_test(requests_in_legacy_mode),       cmocka_unit_test(an_entry_that_is_not_there),
		cmocka_unit_test(pasids_beyond_the_devices_own), cmocka_unit_test(pasids_beyond_the_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
