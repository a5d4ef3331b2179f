/* SPDX-License-Identifier: MIT */
/* P4: a doorbell costs at most the queue's length and the budget, whatever the guest writes; nothing is lost by it. */
#include <stdlib.h>
#include <string.h>

#include "support/vvtd.h"

/* Descriptors and host calls that one access of the guest caused. */
struct cost {
	uint64_t consumed, entries, calls;
};

static struct cost cost_of(struct vvtd *v)
{
	const struct viq_vtd_counters c = vtd_counters(v->vtd);
	struct cost cost = {.entries = c.entries, .calls = c.calls};

	for (unsigned int i = 0; i < 16; i++)
		cost.consumed += c.descriptors[i];
	return cost;
}

/* Any tail at all, in both widths, with any size: at most a queue's length, and IQH stays in the queue. */
static void test_any_tail(void **state)
{
	uint64_t seed = vvtd_seed();

	for (unsigned int width = 128; width <= 256; width += 128) {
		for (unsigned int qs = 0; qs < 8; qs++) {
			struct vvtd *v = vvtd_new(NULL);

			v->quiet = v->lax = true;
			vvtd_boot(v, width, qs);
			for (uint32_t i = 0; i < v->slots; i++)
				vvtd_push(v, desc_wait(false, false, true, 0, 0));
			for (unsigned int round = 0; round < 1000; round++) {
				uint32_t tail = (uint32_t)vvtd_random(&seed) >> vvtd_below(&seed, 20);
				struct cost before = cost_of(v), after;
				uint64_t head;

				vvtd_w32(v, VREG(IQT), tail);
				after = cost_of(v);
				head = vvtd_r64(v, VREG(IQH));
				assert_true(after.consumed - before.consumed < v->slots);
				assert_true(head < 4096u << qs);
				assert_int_equal(head % (width / 8), 0);
				tail &= 0x7fff0;
				if (tail % (width / 8) || tail >= 4096u << qs)
					assert_int_equal(vvtd_r32(v, VREG(FSTS)), VREG(FSTS_IQE));
				else
					assert_int_equal(head, tail);
				vvtd_w32(v, VREG(IQT), (uint32_t)head);
				vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
				assert_int_equal(vvtd_r32(v, VREG(FSTS)), 0);
			}
			vvtd_free(v);
		}
	}
}

/* A guest can set tables and move the queue as often as it likes: what was read is not walked over for it. */
static void test_moves_touch_little(void **state)
{
	static const uint32_t moves[] = {VREG(GCMD_SRTP), VREG(GCMD_QIE)};
	struct vvtd *v = vvtd_new(NULL);
	unsigned char *before;
	size_t size = viq_vtd_footprint(v->vtd);

	v->lax = true;
	before = malloc(size);
	assert_non_null(before);
	vvtd_boot(v, 256, 1);
	/* The first one stops the queue, all are read. */
	for (unsigned int i = 0; i < 200; i++)
		vvtd_push(v, (struct test_desc){{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}});
	vvtd_ring(v);
	assert_iqe(v, 0, 3);
	vvtd_gcmd(v, VREG(GCMD_QIE), false);
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		size_t changed = 0;

		vvtd_w64(v, VREG(RTADDR), VIQ_PUT(VREG(RTADDR_TTM), VIQ_VTD_TTM_SCALABLE) | 0x1000);
		memcpy(before, v->vtd, size);
		vvtd_gcmd(v, moves[i], true);
		for (size_t k = 0; k < size; k++)
			changed += before[k] != ((const unsigned char *)v->vtd)[k];
		assert_true(changed > 0);
		assert_true(changed < 256);
	}
	free(before);
	vvtd_free(v);
}

/* Random writes to every register: the object stays sane, no access costs more than a queue. */
static void test_any_write(void **state)
{
	static const uint16_t places[] = {
		VREG(GCMD), VREG(RTADDR), VREG(CCMD), VREG(FSTS),   VREG(FECTL),  VREG(IQT),    VREG(IQA),
		VREG(ICS),  VREG(IECTL),  VREG(IRTA), 0xf0,         0xf8,         0x220,        0x22c,
		VREG(IQT),  VREG(IQT),    VREG(FSTS), VREG(FEADDR), VREG(FEDATA), VREG(IEADDR), VREG(IQH),
	};
	uint64_t seed = vvtd_seed();
	struct vvtd *v = vvtd_budget(100);

	v->quiet = v->lax = true;
	for (unsigned int i = 0; i < 8; i++)
		vvtd_attach(v, vvtd_host_new(v), i / 2, i % 2, i, i % 4);
	for (unsigned int i = 0; i < 16384; i++)
		vvtd_poke64(v, VVTD_QUEUE + 32 * i, 0x45);
	for (unsigned int round = 0; round < 200000; round++) {
		uint16_t place = places[vvtd_below(&seed, sizeof(places) / sizeof(places[0]))];
		uint64_t value = vvtd_random(&seed), before = cost_of(v).entries;

		if (place == VREG(IQA))
			value = VVTD_QUEUE | (value & 7) | (vvtd_below(&seed, 8) ? VREG(IQA_DW) : 0);
		else if (place == VREG(GCMD) && vvtd_below(&seed, 8))
			value |= VREG(GCMD_QIE);
		else if (place == VREG(RTADDR))
			value &= vvtd_below(&seed, 8) ? ~UINT64_C(0xc00) : UINT64_MAX;
		else if (place == VREG(FSTS))
			value |= 0xff;
		else if (place == VREG(IQT) && vvtd_below(&seed, 4))
			value &= 0xfe0;
		viq_vtd_mmio_write(v->vtd, place, vvtd_below(&seed, 2) ? 4 : 8, value);
		/* The descriptor that uses the budget up may concern every table. */
		assert_true(cost_of(v).entries - before <= 100 + 8 + 2);
		/* Now and then it repairs what it has broken. */
		if ((vvtd_r32(v, VREG(FSTS)) & VREG(FSTS_IQE)) && vvtd_below(&seed, 2)) {
			for (unsigned int i = 0; i < 4; i++)
				vvtd_poke64(v, VVTD_QUEUE + vvtd_r64(v, VREG(IQH)) + 8 * i, i ? 0 : 0x45);
		}
		if (vvtd_below(&seed, 30) == 0) {
			uint64_t at = VVTD_QUEUE + (vvtd_below(&seed, 512) << 5);

			unsigned int type = 1 + vvtd_below(&seed, 8);

			vvtd_poke64(v, at, (vvtd_random(&seed) & 0x70030) | type);
			vvtd_poke64(v, at + 8, type != 2 && type != 6 ? 0 : vvtd_random(&seed) & ~UINT64_C(0xfff));
		}
		for (unsigned int i = 0; i < v->host_count; i++)
			v->hosts[i]->effect_count = 0;
	}
	assert_true(cost_of(v).consumed > 50000); /* it did work */
	vvtd_free(v);
}

static void test_budget(void **state)
{
	struct vvtd_host *host;
	struct vvtd *v = vvtd_budget(10);

	host = vvtd_host_new(v);
	vvtd_attach(v, host, 1, 0, 1, 0);
	vvtd_boot(v, 256, 0);
	for (unsigned int i = 0; i < 100; i++)
		vvtd_push(v, desc_page(1, 0, i));
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_iqh(v, 10);
	assert_int_equal(host->effect_count, 10);
	assert_int_equal(vvtd_log_number(v, VLOG_KICK), 1);
	assert_true(viq_vtd_run(v->vtd, 1));
	assert_iqh(v, 11);
	assert_true(viq_vtd_run(v->vtd, 63));
	assert_iqh(v, 74);
	assert_int_equal(vvtd_log_number(v, VLOG_KICK), 1);
	/* Another doorbell, or the end of an error, has its own budget. */
	vvtd_ring(v);
	assert_iqh(v, 84);
	assert_false(viq_vtd_run(v->vtd, 0));
	assert_vidle(v);
	assert_int_equal(host->effect_count, 100);
	assert_int_equal(vtd_counters(v->vtd).budget_ends, 4);
	assert_false(viq_vtd_run(v->vtd, 0));
	vvtd_free(v);
}

/* A descriptor that concerns many tables costs as much. */
static void test_many_tables_cost(void **state)
{
	struct vvtd *v = vvtd_budget(100);

	for (unsigned int i = 0; i < 40; i++)
		vvtd_attach(v, vvtd_host_new(v), 1, i, 1, 0);
	vvtd_boot(v, 256, 0);
	for (unsigned int i = 0; i < 10; i++)
		vvtd_push(v, desc_iotlb(1, 0, 0, 0, false));
	vvtd_push_wait(v);
	vvtd_ring(v);
	/* One table after the other, and IQH stays until all have done it. */
	assert_iqh(v, 0);
	assert_int_equal(cost_of(v).calls, 2);
	for (unsigned int i = 0; i < 19; i++)
		assert_true(viq_vtd_run(v->vtd, 100));
	assert_iqh(v, 0);
	assert_int_equal(cost_of(v).calls, 40);
	while (viq_vtd_run(v->vtd, 100))
		assert_true(cost_of(v).calls <= 400);
	assert_vidle(v);
	assert_int_equal(cost_of(v).calls, 400);
	for (unsigned int i = 0; i < 40; i++)
		assert_int_equal(vvtd_host_count(v->hosts[i], entry_all()), 10);
	vvtd_free(v);
}

/* Tables come and go, and one fails, in the middle of such a descriptor. */
static void test_many_tables_change(void **state)
{
	struct vvtd *v = vvtd_budget(100);

	for (unsigned int i = 0; i < 10; i++)
		vvtd_attach(v, vvtd_host_new(v), 1, i, 1, 0);
	vvtd_boot(v, 256, 0);
	vvtd_push(v, desc_iotlb(1, 0, 0, 0, false));
	vvtd_push_wait(v);
	vvtd_host_fail(v->hosts[5], entry_all(), VIQ_CALL_NO_MEMORY, 1);
	vvtd_ring(v);
	vvtd_detach(v, 2);
	vvtd_detach(v, 8);
	vvtd_attach(v, vvtd_host_new(v), 1, 0, 2, 0); /* nothing is cached in it */
	while (viq_vtd_run(v->vtd, 100))
		;
	assert_vwaits(v, 0);
	while (viq_vtd_run(v->vtd, 100))
		;
	assert_vidle(v);
	for (unsigned int i = 0; i < 10; i++)
		assert_true(i == 2 || i == 8 || vvtd_host_did(v->hosts[i], entry_all(), 0));
	vvtd_free(v);
}

/* Every table's host times out: one time-out a run. */
static void test_a_time_out_ends_a_run(void **state)
{
	struct viq_vtd_config config;
	struct vvtd *v;

	vvtd_config(&config);
	config.budget = VIQ_WORK_UNLIMITED - 1;
	v = vvtd_new(&config);
	for (unsigned int i = 0; i < 20; i++) {
		vvtd_attach(v, vvtd_host_new(v), (uint16_t)i, 0, 1, 0);
		vvtd_host_fail(v->hosts[i], entry_page(7, true), VIQ_CALL_TIMEOUT, -1);
	}
	vvtd_boot(v, 256, 0);
	for (unsigned int i = 0; i < 20; i++) {
		vvtd_push(v, desc_page((uint16_t)i, 0, 3));
		vvtd_push(v, desc_page((uint16_t)i, 0, 7));
	}
	for (unsigned int i = 0; i < 30; i++) {
		if (i)
			viq_vtd_run(v->vtd, config.budget);
		else
			vvtd_ring(v);
		assert_true(vtd_counters(v->vtd).call_errors[VIQ_CALL_TIMEOUT] <= i + 1);
	}
	assert_true(vtd_counters(v->vtd).call_errors[VIQ_CALL_TIMEOUT] > 10);
	vvtd_free(v);
}

/* Descriptors of one kind are one reconfiguration, as far as the next wait descriptor. */
static void test_adjacent_descriptors_are_one(void **state)
{
	struct vvtd *v = vvtd_new(NULL);

	vvtd_boot(v, 256, 4);
	for (unsigned int i = 0; i < 400; i++) {
		vvtd_push(v, desc_pc(VIQ_VTD_PC_GLOBAL, 0, 0));
		vvtd_push(v, desc_pc(VIQ_VTD_PC_DOMAIN, (uint16_t)i, 0));
	}
	vvtd_push_wait(v);
	v->log_count = 0;
	vvtd_ring(v);
	assert_vidle(v);
	assert_int_equal(vvtd_log_number(v, VLOG_RECONFIG), 1);
	vvtd_push(v, desc_pc(VIQ_VTD_PC_DOMAIN, 1, 0));
	vvtd_push(v, desc_pc(VIQ_VTD_PC_DOMAIN, 1, 0));
	vvtd_push(v, desc_cc(VIQ_VTD_CC_GLOBAL, 0, 0, 0)); /* another kind */
	vvtd_push_wait(v);
	vvtd_push(v, desc_cc(VIQ_VTD_CC_GLOBAL, 0, 0, 0));
	vvtd_ring(v);
	assert_int_equal(vvtd_log_number(v, VLOG_RECONFIG), 4);
	vvtd_submit(v, desc_cc(VIQ_VTD_CC_GLOBAL, 0, 0, 0));
	assert_vidle(v);
	assert_int_equal(vvtd_log_number(v, VLOG_RECONFIG), 5);
	vvtd_free(v);
}

static void assert_remap(const struct vvtd *v, size_t *at, uint32_t first, uint32_t count)
{
	*at = vvtd_log_find(v, *at, VLOG_REMAP);
	assert_true(*at < v->log_count);
	assert_int_equal(v->log[*at].b, first);
	assert_int_equal(v->log[*at].c, count);
	++*at;
}

/* The same of the interrupt entry cache: a global one, and indices that touch, in whatever order, of one read. */
static void test_adjacent_interrupt_entries_are_one(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	size_t at = 0;

	vvtd_boot(v, 256, 4);
	v->log_count = 0;
	vvtd_push(v, desc_iec(false, 0, 0));
	for (unsigned int i = 0; i < 830; i++) /* the next is the first of a read */
		vvtd_push(v, desc_iec(true, (uint16_t)(i * 37), 3));
	vvtd_push_wait(v);
	for (unsigned int i = 0; i < 32; i++)
		vvtd_push(v, desc_iec(true, (uint16_t)(100 + i), 0));
	vvtd_push(v, desc_iec(true, 99, 0)); /* below, and touching */
	vvtd_push(v, desc_iec(true, 97, 0)); /* with a gap */
	vvtd_push(v, desc_iec(true, 110, 0));
	vvtd_push_wait(v);
	vvtd_push(v, desc_iec(true, 110, 0));
	vvtd_ring(v);
	while (viq_vtd_run(v->vtd, 0))
		;
	assert_vidle(v);
	assert_remap(v, &at, 0, 65536);
	assert_remap(v, &at, 99, 33);
	assert_remap(v, &at, 97, 1);
	assert_remap(v, &at, 110, 1);
	assert_remap(v, &at, 110, 1);
	/* A tail that is written since, and what another descriptor stands between. */
	vvtd_submit(v, desc_iec(true, 110, 0));
	assert_remap(v, &at, 110, 1);
	vvtd_push(v, desc_iec(true, 1, 0));
	vvtd_push(v, desc_pc(VIQ_VTD_PC_GLOBAL, 0, 0));
	vvtd_push(v, desc_iec(true, 2, 0));
	vvtd_ring(v);
	assert_remap(v, &at, 1, 1);
	assert_remap(v, &at, 2, 1);
	assert_int_equal(vvtd_log_find(v, at, VLOG_REMAP), v->log_count);
	vvtd_free(v);
}

/* Host calls to find a culprit are charged; what was read behind it waits for its turn. */
static void test_hunts_cost(void **state)
{
	struct vvtd *v;
	struct vvtd_host *host;

	v = vvtd_budget(300);
	host = vvtd_host_new(v);
	vvtd_host_contract(host, TEST_COUNTLESS);
	vvtd_attach(v, host, 1, 0, 1, 0);
	vvtd_boot(v, 256, 3);
	for (unsigned int i = 0; i < 900; i++)
		vvtd_push(v, desc_page(1, 0, i));
	vvtd_host_fail(host, entry_page(7, true), VIQ_CALL_ILLEGAL, 1);
	vvtd_ring(v);
	/* A passing refusal: the hunt finds nothing, the flush succeeds, the run ends all the same. */
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), 0);
	assert_iqh(v, 256);
	assert_int_equal(vvtd_log_number(v, VLOG_KICK), 1);
	assert_true(vvtd_drain(v, 10));
	vvtd_free(v);
}

/* A host that claims calls. */
static int claim_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	res->handled = res->suspect = req->pieces[0].count;
	res->host_calls = *(const uint32_t *)opaque;
	return 0;
}

/* How many of ten batches, each of a page and a wait, one write consumes; the budget is enough for two calls each. */
static uint64_t batches_a_write(uint32_t calls)
{
	static const struct viq_call_host_ops ops = {
		.size = sizeof(ops), .report_group = 1, .invalidate = claim_invalidate};
	struct viq_call_host host = {.ops = &ops, .opaque = &calls};
	struct vvtd *v;
	uint64_t batches;

	v = vvtd_budget(10 * (2 + 2 * VIQ_WORK_CALL) + 40);
	v->quiet = v->lax = true;
	vvtd_attach_ref(v, host, 1, 0, 1, 0);
	vvtd_boot(v, 256, 0);
	for (unsigned int i = 0; i < 10; i++) {
		vvtd_push(v, desc_page(1, 0, i));
		vvtd_push(v, desc_wait(false, false, true, 0, 0));
	}
	vvtd_ring(v);
	batches = vvtd_r64(v, VREG(IQH)) / 64;
	vvtd_free(v);
	return batches;
}

/* The same rule as for SMMUv3: each call costs; what no host can have made uses up all there is. */
static void test_claimed_calls_cost(void **state)
{
	assert_int_equal(batches_a_write(2), 10);
	assert_in_range(batches_a_write(3), 6, 7);
	for (uint32_t extra = 1u << 26; extra; extra <<= 1)
		assert_in_range(batches_a_write(2 + extra), 0, 2);
	assert_in_range(batches_a_write(UINT32_MAX), 0, 2);
}

/* A queue that waits for its host: each run of the VMM is one attempt, and no write of the guest is any. */
static void test_retries_cost(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);
	uint64_t calls;

	vvtd_attach(v, host, 1, 0, 1, 0);
	vvtd_boot(v, 256, 0);
	vvtd_host_fail(host, entry_page(1, true), VIQ_CALL_FAILED, -1);
	vvtd_submit(v, desc_page(1, 0, 1));
	for (unsigned int i = 0; i < 100; i++) {
		calls = host->calls;
		vvtd_ring(v);
		assert_int_equal(host->calls, calls);
		assert_false(viq_vtd_run(v->vtd, 0));
		assert_int_equal(host->calls, calls + 1);
		assert_vwaits(v, 0);
	}
	assert_int_equal(vvtd_log_number(v, VLOG_KICK), 0);
	vvtd_free(v);
}

/* Memory behind a callback, up to an address. */
struct behind {
	uint8_t bytes[8192];
	uint64_t end;
	unsigned int reads;
};

static int read_behind(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct behind *b = opaque;

	b->reads++;
	if (gpa + len > b->end)
		return -1;
	memcpy(buf, b->bytes + gpa, len);
	return 0;
}

/*
 * Descriptors are read many at once, and the first that is not there is found exactly, in few reads: IQE at it, "error
 * on fetching" (11.4.9.9), with all before it done.
 */
static void test_callbacks_are_few(void **state)
{
	static const struct viq_mem_ops ops = {.size = sizeof(ops), .read = read_behind};

	for (unsigned int width = 128; width <= 256; width += 128) {
		const uint32_t size = width / 8, count = 8192 / size - 1;
		static struct behind b;

		for (uint32_t i = 0; i < count; i++) {
			struct test_desc d = width == 256 ? desc_page(1, 0, i) : desc_iotlb(3, 1, i * 4096, 0, false);

			memcpy(b.bytes + i * size, d.qw, size);
		}
		for (uint32_t there = 0; there <= count; there++) {
			struct viq_vtd_config config;
			struct vvtd_host *host;
			struct vvtd *v;

			b.end = (uint64_t)there * size + size - 1;
			b.reads = 0;
			vvtd_config(&config);
			assert_int_equal(viq_mem_create(NULL, 0, &ops, &b, (struct viq_mem **)&config.mem, NULL), 0);
			v = vvtd_new(&config);
			v->lax = v->quiet = true;
			host = vvtd_host_new(v);
			vvtd_attach(v, host, 1, 0, 1, width == 128 ? VIQ_VTD_TABLE_STAGE2 : 0);
			vvtd_boot_at(v, width, 1, 0);
			vvtd_w32(v, VREG(IQT), count * size);
			assert_int_equal(host->effect_count, there);
			for (uint32_t i = 0; i < there; i++)
				assert_int_equal(host->effects[i].entry.addr, i * 4096);
			/* 256 at a time; each stretch is at least half of what is left of them, and has nine tries. */
			if (there == count) {
				assert_iqh(v, count);
				assert_int_equal(vvtd_r32(v, VREG(FSTS)), 0);
				assert_int_equal(b.reads, (count + 255) / 256);
			} else {
				assert_iqe(v, there, VIQ_VTD_IQEI_FETCH);
				assert_true(b.reads <= 9 * 10);
			}
			vvtd_free(v);
			viq_mem_destroy((struct viq_mem *)config.mem);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_tail),
		cmocka_unit_test(test_moves_touch_little),
		cmocka_unit_test(test_any_write),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_many_tables_cost),
		cmocka_unit_test(test_many_tables_change),
		cmocka_unit_test(test_a_time_out_ends_a_run),
		cmocka_unit_test(test_adjacent_descriptors_are_one),
		cmocka_unit_test(test_adjacent_interrupt_entries_are_one),
		cmocka_unit_test(test_hunts_cost),
		cmocka_unit_test(test_retries_cost),
		cmocka_unit_test(test_claimed_calls_cost),
		cmocka_unit_test(test_callbacks_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
