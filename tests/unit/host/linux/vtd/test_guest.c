/* SPDX-License-Identifier: MIT */
/*
 * From the guest's queue to the kernel, with the tables that the guest's own entries made: P1 over many tables, and P2
 * where one of them fails.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/linux_vnest.h"

#define ANY (~UINT64_C(0))

/* --- Many tables -------------------------------------------------------------------------------------------------- */

#define DEVICES 4
#define PASIDS  5

/* Device d, PASID p: domain 4 + d % 2, table of its own; PASID 0 is that of requests without. */
static uint16_t did_of(uint32_t d)
{
	return 4 + d % 2;
}

static struct vnest *many(void)
{
	struct vnest *n = vnest_new(DEVICES);

	for (uint32_t d = 0; d < DEVICES; d++) {
		vnest_add(n, d);
		vnest_context_on(n, d);
		for (uint32_t p = 0; p < PASIDS; p++)
			vnest_first(n, d, p, did_of(d), d * PASIDS + p);
	}
	assert_true(vnest_send(n, desc_pc(VREG(PC_GLOBAL), 0, 0)));
	for (uint32_t d = 0; d < DEVICES; d++) {
		for (uint32_t p = 0; p < PASIDS; p++)
			assert_nested(n, d, p, d * PASIDS + p);
	}
	fake_kernel_reset(n->fk);
	return n;
}

/* The entry took effect on the tables of domain did and PASID pasid (-1: any), and nothing anywhere else. */
static void assert_on(struct vnest *n, int did, int pasid, struct viq_vtd_s1_entry entry)
{
	size_t expected = 0;

	for (uint32_t d = 0; d < DEVICES; d++) {
		for (uint32_t p = 0; p < PASIDS; p++) {
			bool concerned = (did < 0 || did == did_of(d)) && (pasid < 0 || (uint32_t)pasid == p);

			assert_int_equal(vnest_effects(n, vnest_attached(n, d, p), entry), concerned);
			expected += concerned;
		}
	}
	assert_int_equal(n->fk->effect_count, expected);
	n->fk->effect_count = 0;
}

static void a_descriptor_reaches_each_table_that_it_names(void **state)
{
	const struct viq_vtd_s1_entry block = {0x40000000, 512, VIQ_VTD_S1_LEAF, 0};
	struct vnest *n = many();

	assert_true(vnest_send(n, desc_page(4, 0, 9)));
	assert_on(n, 4, 0, entry_page(9, true));
	assert_true(vnest_send(n, desc_page(5, 3, 9)));
	assert_on(n, 5, 3, entry_page(9, true));
	assert_true(vnest_send(n, desc_page(6, 3, 9)));
	assert_int_equal(n->fk->effect_count, 0);
	/* The low bits of the address, which AM covers, mean nothing. */
	assert_true(vnest_send(n, desc_piotlb(VREG(PIOTLB_PAGE), 4, 1, 0x40003000, 9, true)));
	assert_on(n, 4, 1, block);
	assert_true(vnest_send(n, desc_piotlb(VREG(PIOTLB_PAGE), 4, 1, 0x40003000, 52, true)));
	assert_on(n, 4, 1, entry_all());
	assert_true(vnest_send(n, desc_piotlb(VREG(PIOTLB_PASID), 4, 2, 0, 0, false)));
	assert_on(n, 4, 2, entry_all());
	assert_true(vnest_send(n, desc_iotlb(VREG(IOTLB_PAGE), 5, 0x1000, 0, true)));
	assert_on(n, 5, -1, entry_all());
	assert_true(vnest_send(n, desc_iotlb(VREG(IOTLB_DOMAIN), 4, 0, 0, false)));
	assert_on(n, 4, -1, entry_all());
	assert_true(vnest_send(n, desc_iotlb(VREG(IOTLB_GLOBAL), 0, 0, 0, false)));
	assert_on(n, -1, -1, entry_all());
	vnest_free(n);
}

/* The kernel flushes the device's TLB with each entry: a descriptor after that needs no call. */
static void device_tlb_is_implied(void **state)
{
	struct vnest *n = many();

	vvtd_push(n->g, desc_page(4, 2, 9));
	assert_true(vnest_send(n, desc_pdevtlb(VNEST_SID(0), 2, false, 9 << 12, false)));
	assert_on(n, 4, 2, entry_page(9, true));
	/* Alone it is the only reason to call: of the device's table, not of others under the same key. */
	assert_true(vnest_send(n, desc_pdevtlb(VNEST_SID(0), 2, false, 9 << 12, false)));
	assert_int_equal(n->fk->effect_count, 1);
	assert_int_equal(vnest_effects(n, vnest_attached(n, 0, 2), entry_page(9, true)), 1);
	assert_int_equal(n->devtlbs, 0);
	vnest_free(n);
}

/* Every call of every table fails once: no wait completes before it has run everywhere, and a retry goes on. */
static void p1_one_of_many_tables_fails(void **state)
{
	static const int errors[] = {-ENOMEM, -EIO, -ETIMEDOUT, -EFAULT};

	for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
		for (uint64_t call = 1; call <= DEVICES * PASIDS; call++) {
			struct vnest *n = many();

			n->fk->inv_fault = (struct fk_inv_fault){.first = call, .times = 1, .err = errors[e]};
			if (errors[e] == -ENOMEM && n->fk->inv_calls < call)
				n->fk->inv_fault.keep_count = true;
			assert_false(vnest_send(n, desc_iotlb(VREG(IOTLB_GLOBAL), 0, 0, 0, false)));
			assert_retry(n->g, n->g->prod - 2);
			assert_int_equal(n->host_errors, 1);
			assert_true(vnest_retry(n));
			assert_true(vvtd_completed(n->g, n->g->prod - 1));
			for (uint32_t d = 0; d < DEVICES; d++) {
				for (uint32_t p = 0; p < PASIDS; p++)
					assert_true(vnest_effects(n, vnest_attached(n, d, p), entry_all()));
			}
			vnest_free(n);
		}
	}
}

/* --- P2 ----------------------------------------------------------------------------------------------------------- */

/*
 * Many descriptors at one doorbell for tables of several devices; the kernel fails one entry of one table. The queue
 * stops at the descriptor whose entry failed: before it all took effect, everywhere; a retry does the rest.
 */
static void p2_every_index_of_a_batch(void **state)
{
	enum {
		BATCH = 40
	};

	for (uint32_t bad = 0; bad < BATCH; bad++) {
		struct vnest *n = many();
		uint64_t first = n->g->prod;

		n->fk->plans[0] =
			(struct fk_plan){.cmd = {(uint64_t)(100 + bad) << 12}, .mask = {ANY}, .err = -EIO, .times = 1};
		for (uint32_t i = 0; i < BATCH; i++)
			vvtd_push(n->g, desc_page(4 + i % 2, i % PASIDS, 100 + i));
		vvtd_push_wait(n->g);
		vvtd_ring(n->g);
		assert_retry(n->g, first + bad);
		assert_false(vvtd_completed(n->g, n->g->prod - 1));
		for (uint32_t i = 0; i < BATCH; i++) {
			for (uint32_t d = 0; d < DEVICES && i < bad; d++) {
				if (did_of(d) == 4 + i % 2)
					assert_true(vnest_effects(n, vnest_attached(n, d, i % PASIDS),
								  entry_page(100 + i, true)));
			}
		}
		assert_true(vnest_retry(n));
		assert_true(vvtd_completed(n->g, n->g->prod - 1));
		for (uint32_t i = 0; i < BATCH; i++) {
			for (uint32_t d = 0; d < DEVICES; d++) {
				if (did_of(d) == 4 + i % 2)
					assert_true(vnest_effects(n, vnest_attached(n, d, i % PASIDS),
								  entry_page(100 + i, true)));
			}
		}
		vnest_free(n);
	}
}

/* A refused legal entry is no error of the guest's: IQE would make it overwrite a valid invalidation. */
static void a_kernel_that_refuses_does_not_cost_the_guest_its_descriptor(void **state)
{
	struct vnest *n = many();

	n->fk->plans[0] = (struct fk_plan){.cmd = {UINT64_C(9) << 12}, .mask = {ANY}, .err = -EINVAL, .times = -1};
	assert_true(vnest_send(n, desc_page(4, 0, 9)));
	assert_int_equal(n->host_errors, 0);
	for (uint32_t d = 0; d < DEVICES; d += 2)
		assert_int_equal(vnest_effects(n, vnest_attached(n, d, 0), entry_all()), 1);
	vnest_free(n);
}

/* The guest changes an entry, invalidates, and is told: all in one doorbell, in queue order. */
static void invalidations_and_changes_in_one_doorbell(void **state)
{
	struct vnest *n = many();
	uint32_t old = vnest_attached(n, 0, 1), fresh;

	vvtd_push(n->g, desc_page(4, 1, 7));
	vnest_first(n, 0, 1, 9, 99);
	vvtd_push(n->g, desc_pc(VREG(PC_PASID), 9, 1));
	vvtd_push(n->g, desc_page(9, 1, 8));
	vvtd_push_wait(n->g);
	vvtd_ring(n->g);
	assert_vidle(n->g);
	fresh = vnest_attached(n, 0, 1);
	assert_nested(n, 0, 1, 99);
	assert_int_equal(vnest_effects(n, old, entry_page(7, true)), 1);
	assert_int_equal(vnest_effects(n, fresh, entry_page(8, true)), 1);
	assert_int_equal(vnest_effects(n, fresh, entry_page(7, true)), 0);
	vnest_free(n);
}

/* --- P1 against a model of what may be cached --------------------------------------------------------------------- */

/*
 * Each place remembers which pages were used since they were last invalidated on its table. After a completed wait no
 * page may be remembered that a descriptor before it named, nor any of an entry that the guest has left.
 */
#define PAGES 8

struct place {
	uint32_t hwpt; /* 0: nothing is cached */
	uint16_t did;
	bool cached[PAGES];
};

struct model {
	struct vnest *n;
	uint64_t seed;
	struct place places[DEVICES][PASIDS];
	size_t effects; /* seen */
};

/* What reached the kernel since, as hardware would have done it. */
static void catch_up(struct model *m)
{
	struct fake_kernel *fk = m->n->fk;

	for (; m->effects < fk->effect_count; m->effects++) {
		const struct fk_effect *e = &fk->effects[m->effects];

		for (uint32_t i = 0; i < DEVICES * PASIDS; i++) {
			struct place *p = &m->places[i / PASIDS][i % PASIDS];

			for (uint64_t page = 0; p->hwpt == e->viommu && page < PAGES; page++) {
				if (e->cmd[1] == UINT64_MAX || page - (e->cmd[0] >> 12) < e->cmd[1])
					p->cached[page] = false;
			}
		}
	}
	for (uint32_t i = 0; i < DEVICES * PASIDS; i++) {
		struct place *p = &m->places[i / PASIDS][i % PASIDS];
		uint32_t now = vnest_mode(m->n, i / PASIDS, i % PASIDS) == FK_TRANSLATE
				       ? vnest_attached(m->n, i / PASIDS, i % PASIDS)
				       : 0;

		/* The kernel flushes when it attaches and detaches. */
		if (now != p->hwpt)
			memset(p->cached, 0, sizeof(p->cached));
		p->hwpt = now;
	}
}

static void use(struct model *m)
{
	for (uint32_t i = 0; i < DEVICES * PASIDS; i++) {
		struct place *p = &m->places[i / PASIDS][i % PASIDS];

		for (uint32_t page = 0; p->hwpt && page < PAGES; page++)
			p->cached[page] = true;
	}
}

static void random_faults(struct model *m)
{
	struct fake_kernel *fk = m->n->fk;

	fk->inv_fault = (struct fk_inv_fault){0};
	if (vvtd_below(&m->seed, 3))
		return;
	fk->inv_fault.first = fk->inv_calls + 1 + vvtd_below(&m->seed, 6);
	fk->inv_fault.times = 1 + vvtd_below(&m->seed, 3);
	fk->inv_fault.err = vvtd_below(&m->seed, 2) ? -ENOMEM : -EINVAL;
	fk->inv_fault.keep_count = vvtd_below(&m->seed, 2);
}

static void finish(struct model *m)
{
	for (int tries = 0; !vvtd_idle(m->n->g); tries++) {
		assert_true(tries < 20);
		vnest_retry(m->n);
	}
	catch_up(m);
}

static void random_pages(struct model *m)
{
	struct {
		uint16_t did;
		uint32_t pasid, page;
	} asked[6];
	uint32_t count = 1 + vvtd_below(&m->seed, 6);

	for (uint32_t i = 0; i < count; i++) {
		asked[i].did = 4 + vvtd_below(&m->seed, 3);
		asked[i].pasid = vvtd_below(&m->seed, PASIDS);
		asked[i].page = vvtd_below(&m->seed, PAGES);
		vvtd_push(m->n->g, desc_page(asked[i].did, asked[i].pasid, asked[i].page));
	}
	random_faults(m);
	vvtd_push_wait(m->n->g);
	vvtd_ring(m->n->g);
	finish(m);
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t d = 0; d < DEVICES; d++) {
			const struct place *p = &m->places[d][asked[i].pasid];

			assert_false(p->did == asked[i].did && p->cached[asked[i].page]);
		}
	}
}

static void random_change(struct model *m)
{
	uint32_t d = vvtd_below(&m->seed, DEVICES), pasid = vvtd_below(&m->seed, PASIDS);
	struct place *p = &m->places[d][pasid];
	uint16_t did = 4 + vvtd_below(&m->seed, 3);

	if (vvtd_below(&m->seed, 4)) {
		vnest_first(m->n, d, pasid, did, vvtd_below(&m->seed, 3));
		p->did = did;
	} else {
		vnest_clear(m->n, d, pasid);
		did = p->did;
		p->did = 0;
	}
	vvtd_push(m->n->g, desc_pc(VREG(PC_PASID), did, pasid));
	vvtd_push_wait(m->n->g);
	vvtd_ring(m->n->g);
	finish(m);
	assert_int_equal(vnest_mode(m->n, d, pasid), p->did ? FK_TRANSLATE : FK_BLOCKED);
}

static void p1_nothing_stale_after_a_wait(void **state)
{
	struct model m = {.seed = vvtd_seed()};

	m.n = many();
	for (uint32_t i = 0; i < DEVICES * PASIDS; i++)
		m.places[i / PASIDS][i % PASIDS].did = did_of(i / PASIDS);
	catch_up(&m);
	for (unsigned int i = 0; i < 4000; i++) {
		use(&m);
		if (vvtd_below(&m.seed, 3))
			random_pages(&m);
		else
			random_change(&m);
	}
	m.n->fk->inv_fault.times = 0;
	vnest_free(m.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_reaches_each_table_that_it_names),
		cmocka_unit_test(device_tlb_is_implied),
		cmocka_unit_test(p1_one_of_many_tables_fails),
		cmocka_unit_test(p2_every_index_of_a_batch),
		cmocka_unit_test(a_kernel_that_refuses_does_not_cost_the_guest_its_descriptor),
		cmocka_unit_test(invalidations_and_changes_in_one_doorbell),
		cmocka_unit_test(p1_nothing_stale_after_a_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
