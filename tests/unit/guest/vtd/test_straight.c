/* SPDX-License-Identifier: MIT */
/*
 * A doorbell of [invalidation, wait] goes straight to the host (invq.c) if the queue lies in mapped memory. A second
 * guest with the same descriptors, tables, hosts and failures, but its memory behind callbacks, has all of them go
 * through the batch: both do the same calls, and show the same registers, memory, trace and counters after each step,
 * however the descriptors are divided into doorbells, and whatever fails.
 */
#include <string.h>
#include <sys/mman.h>

#include "oracle/vvtd_model.h"
#include "support/vvtd.h"

#define HOSTS   3
#define TABLES  5
#define DOMAINS 6 /* of 0 to 5: 1 has two tables, 2 a second stage, 4 and 5 have none */

struct pair {
	struct vvtd *v[2]; /* mapped; behind callbacks */
	struct viq_mem *mem;
	bool attached[TABLES];
	unsigned int table[TABLES];
};

static int read_ram(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	const struct pair *p = opaque;

	if (gpa > VVTD_RAM_SIZE - len)
		return -1;
	memcpy(buf, p->v[1]->ram + gpa, len);
	return 0;
}

static int write_ram(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
	const struct pair *p = opaque;

	if (gpa > VVTD_RAM_SIZE - len)
		return -1;
	memcpy(p->v[1]->ram + gpa, buf, len);
	vvtd_log_add(p->v[1], (struct vvtd_log){.kind = VLOG_WRITE, .a = gpa, .b = len});
	return 0;
}

static void attach(struct pair *p, unsigned int n)
{
	static const struct {
		uint16_t did;
		unsigned int host;
		uint32_t flags;
	} rows[TABLES] = {
		{0, 0, VIQ_VTD_TABLE_RID | VIQ_VTD_DEVTLB_IMPLIED},
		{1, 0, VIQ_VTD_TABLE_RID},
		{1, 1, VIQ_VTD_TABLE_RID},
		{2, 2, VIQ_VTD_TABLE_RID | VIQ_VTD_TABLE_STAGE2},
		{3, 1, VIQ_VTD_TABLE_RID | VIQ_VTD_DEVTLB_IMPLIED},
	};

	for (int i = 0; i < 2; i++)
		p->table[n] = vvtd_attach(p->v[i], p->v[i]->hosts[rows[n].host], rows[n].did, 0, (uint16_t)(8 * n),
					  rows[n].flags);
	p->attached[n] = true;
}

static void open_pair(struct pair *p, uint32_t budget, unsigned int width)
{
	static const struct viq_mem_ops ops = {.size = sizeof(ops), .read = read_ram, .write = write_ram};
	struct viq_vtd_config config;

	*p = (struct pair){.mem = NULL};
	assert_int_equal(viq_mem_create(NULL, 0, &ops, p, &p->mem, NULL), 0);
	vvtd_config(&config);
	config.budget = budget;
	p->v[0] = vvtd_new(&config);
	config.mem = p->mem;
	p->v[1] = vvtd_new(&config);
	p->v[1]->ram =
		mmap(NULL, VVTD_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(p->v[1]->ram != MAP_FAILED);
	for (int i = 0; i < 2; i++) {
		p->v[i]->lax = true;
		vvtd_boot(p->v[i], width, 0);
		for (unsigned int h = 0; h < HOSTS; h++)
			vvtd_host_new(p->v[i]);
	}
	for (unsigned int n = 0; n < TABLES; n++)
		attach(p, n);
}

static void close_pair(struct pair *p)
{
	vvtd_free(p->v[0]);
	vvtd_free(p->v[1]);
	viq_mem_destroy(p->mem);
}

static void compare_logs(const struct vvtd *a, const struct vvtd *b)
{
	assert_int_equal(a->log_count, b->log_count);
	for (size_t i = 0; i < a->log_count; i++) {
		const struct vvtd_log *x = &a->log[i], *y = &b->log[i];

		assert_int_equal(x->kind, y->kind);
		assert_int_equal(x->a, y->a);
		assert_int_equal(x->b, y->b);
		assert_int_equal(x->c, y->c);
		assert_int_equal(x->iqh, y->iqh);
		assert_int_equal(x->fsts, y->fsts);
		assert_int_equal(x->ics, y->ics);
		assert_memory_equal(x->desc, y->desc, sizeof(x->desc));
	}
}

static void compare(struct pair *p)
{
	struct vvtd *a = p->v[0], *b = p->v[1];
	struct viq_vtd_counters x = vtd_counters(a->vtd), y = vtd_counters(b->vtd);

	compare_logs(a, b);
	assert_memory_equal(&x, &y, sizeof(x));
	for (uint64_t offset = 0; offset < VIQ_VTD_MMIO_SIZE; offset += 8)
		assert_int_equal(vvtd_r64(a, offset), vvtd_r64(b, offset));
	assert_memory_equal(a->ram + VVTD_STATUS, b->ram + VVTD_STATUS, 4 * a->slots);
	assert_int_equal(viq_vtd_waits_for_host(a->vtd), viq_vtd_waits_for_host(b->vtd));
	for (unsigned int h = 0; h < HOSTS; h++)
		assert_int_equal(a->hosts[h]->calls, b->hosts[h]->calls);
	vvtd_forget(a);
	vvtd_forget(b);
}

/* Legal ones mostly. */
static struct test_desc invalidation(uint64_t *seed)
{
	uint16_t did = (uint16_t)vvtd_below(seed, DOMAINS);
	uint64_t page = 0x1000 * vvtd_below(seed, 4);
	unsigned int g = 1 + vvtd_below(seed, 3);

	switch (vvtd_below(seed, 8)) {
	case 0:
		return desc_iotlb(g, did, page, vvtd_below(seed, 3), vvtd_below(seed, 2));
	case 1:
		return desc_piotlb(g, did, vvtd_below(seed, 2), page, vvtd_below(seed, 3), vvtd_below(seed, 2));
	case 2:
		return desc_piotlb(VIQ_VTD_PIOTLB_PASID, did, 0, 0, 0, false);
	case 3:
		return desc_devtlb((uint16_t)(8 * vvtd_below(seed, TABLES + 1)), page, false);
	}
	return desc_page(did % 2 ? 3 : 0, 0, page);
}

static struct test_desc wait(struct vvtd *v, uint64_t *seed)
{
	uint64_t status = vvtd_status(v, v->prod);
	uint32_t data = (uint32_t)vvtd_random(seed);

	switch (vvtd_below(seed, 8)) {
	case 0:
		return desc_wait(vvtd_below(seed, 2), true, vvtd_below(seed, 2), data, status);
	case 1:
		return desc_wait(true, false, false, data, VVTD_RAM_SIZE); /* no memory */
	case 2:
		return desc_wait(true, false, false, data, VIQ_VTD_MSI_FIRST);
	}
	return desc_wait(true, false, false, data, status);
}

static struct test_desc any(struct vvtd *v, uint64_t *seed)
{
	struct test_desc desc;

	switch (vvtd_below(seed, 20)) {
	case 0:
		return desc_cc(1, 0, 0, 0);
	case 1:
		return desc_iec(vvtd_below(seed, 2), 0, 0);
	}
	desc = v->prod % 2 ? wait(v, seed) : invalidation(seed);
	/* A bit that may be reserved. */
	if (!vvtd_below(seed, 60))
		desc.qw[vvtd_below(seed, 4)] ^= UINT64_C(1) << vvtd_below(seed, 64);
	return desc;
}

/* Both guests do it. A stopped queue's descriptor is made harmless first, as Linux does. */
#define BOTH(v, what)                                                                                                  \
	for (int both = 0; both < 2; both++) {                                                                         \
		struct vvtd *v = p->v[both];                                                                           \
		what;                                                                                                  \
	}

static void recover(struct pair *p)
{
	struct vvtd *a = p->v[0];
	uint32_t fsts = vvtd_r32(a, VREG(FSTS));

	if (fsts & VREG(FSTS_IQE)) {
		uint64_t at = a->prod - 1;

		while (vvtd_offset(a, at) != vvtd_r64(a, VREG(IQH)))
			at--;
		BOTH(v, vvtd_replace_desc(v, at, desc_wait(false, false, false, 0, 0)));
	}
	BOTH(v, vvtd_w32(v, VREG(FSTS), fsts));
	if (viq_vtd_waits_for_host(a->vtd))
		BOTH(v, vvtd_retry(v));
	/* What is left by a budget. */
	BOTH(v, while (viq_vtd_run(v->vtd, 0)));
	BOTH(v, vvtd_w32(v, VREG(ICS), 1));
}

static void fail_some(struct pair *p, uint64_t *seed)
{
	struct viq_vtd_s1_entry bad =
		vvtd_below(seed, 3) ? entry_page(0x1000 * vvtd_below(seed, 4), true) : entry_all();
	uint32_t error = 1 + vvtd_below(seed, VIQ_CALL_ERROR_COUNT - 1);
	unsigned int contract = vvtd_below(seed, VVTD_CONTRACTS),
		     lie = vvtd_below(seed, 3) * vvtd_below(seed, VVTD_LIES);
	unsigned int host = vvtd_below(seed, HOSTS);
	uint32_t charge = vvtd_below(seed, 4) ? 1 : vvtd_below(seed, 5);

	BOTH(v, vvtd_host_contract(v->hosts[host], contract));
	BOTH(v, vvtd_host_fail(v->hosts[host], bad, error, 1));
	BOTH(v, v->hosts[host]->lie = (enum test_lie)(lie < VVTD_LIES ? lie : 0));
	BOTH(v, v->hosts[host]->charge = charge);
}

static void exchange(struct pair *p, unsigned int n)
{
	if (!p->attached[n]) {
		attach(p, n);
		return;
	}
	BOTH(v, vvtd_detach(v, p->table[n]));
	p->attached[n] = false;
}

static void run(uint64_t seed, uint32_t budget, unsigned int width, unsigned int steps)
{
	struct pair p_, *p = &p_;

	open_pair(p, budget, width);
	for (unsigned int i = 0; i < steps; i++) {
		unsigned int count = 1 + vvtd_below(&seed, vvtd_below(&seed, 8) ? 2 : 6);

		if (!vvtd_below(&seed, 20))
			fail_some(p, &seed);
		if (p->v[0]->table_count < VVTD_TABLES && !vvtd_below(&seed, 40))
			exchange(p, vvtd_below(&seed, TABLES));
		for (; count; count--) {
			struct test_desc desc = any(p->v[0], &seed);

			BOTH(v, vvtd_push(v, desc));
		}
		BOTH(v, vvtd_ring(v));
		compare(p);
		while (!vvtd_idle(p->v[0])) {
			recover(p);
			compare(p);
		}
	}
	close_pair(p);
}

static void wide(void **state)
{
	for (unsigned int i = 0; i < 4; i++)
		run(vvtd_seed() + i, VIQ_WORK_UNLIMITED, 256, 3000);
}

static void narrow(void **state)
{
	for (unsigned int i = 0; i < 4; i++)
		run(vvtd_seed() + i, VIQ_WORK_UNLIMITED, 128, 3000);
}

/* Of one and two commands, of little more than a call, and of some calls. */
static void any_budget(void **state)
{
	static const uint32_t budgets[] = {1, 2, 3, VIQ_WORK_CALL, VIQ_WORK_CALL + 2, 5 * VIQ_WORK_CALL};

	for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++)
		run(vvtd_seed() + i, budgets[i], 256, 1000);
}

/* 128-bit descriptors are for legacy mode (IQERCD.IQEI = 5): nothing of such a queue is fetched, or reaches a host. */
static void nor_past_a_wrong_setup(void **state)
{
	struct pair p_, *p = &p_;

	open_pair(p, VIQ_WORK_UNLIMITED, 128);
	BOTH(v, vvtd_w64(v, VREG(RTADDR), VIQ_PUT(VREG(RTADDR_TTM), VIQ_VTD_TTM_SCALABLE)));
	BOTH(v, vvtd_gcmd(v, VREG(GCMD_SRTP), true));
	BOTH(v, vvtd_push(v, desc_page(3, 0, 0x1000)));
	BOTH(v, vvtd_push(v, desc_wait(true, false, false, 1, vvtd_status(v, v->prod))));
	BOTH(v, vvtd_ring(v));
	BOTH(v, assert_iqe(v, 0, VIQ_VTD_IQEI_WIDTH));
	BOTH(v, assert_int_equal(v->hosts[1]->calls, 0));
	compare(p);
	close_pair(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wide),
		cmocka_unit_test(narrow),
		cmocka_unit_test(any_budget),
		cmocka_unit_test(nor_past_a_wrong_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
