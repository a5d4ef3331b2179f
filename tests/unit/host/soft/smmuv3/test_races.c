/* SPDX-License-Identifier: MIT */
/*
 * A fill that races with an invalidation, step by step: while a walk (or a fetch of a context descriptor) is reading
 * its last word, the guest changes that word and another thread invalidates it. The walk ends with the old word.
 * Whatever it was put into a cache, the next access must not find it.
 *
 * The page that holds the word is served by a callback, which lets the other side run in the middle.
 */
#include <pthread.h>
#include <sched.h>

#include "support/soft.h"

#define VA      UINT64_C(0x200000)
#define OLD     UINT64_C(0x40100000)
#define NEW     UINT64_C(0x40200000)
#define TRAP_AT UINT64_C(0x90000000) /* a page of memory behind the callback */

struct race {
	struct machine m;
	struct viq_mem *mem; /* the machine's memory and the trap */
	uint64_t trap[512];  /* the page at TRAP_AT */
	unsigned int slot;   /* the word that is watched */
	uint64_t change;     /* what the guest writes there */
	uint64_t cmds[3][2]; /* and its invalidations */
	uint32_t count;
	int armed;
	void (*meanwhile)(void); /* what happens while the armed word is read */
	pthread_t thread, second;
	uint32_t tables[2]; /* nested page tables to attach */
};

static struct race *race;

static void *change_and_invalidate(void *opaque)
{
	__atomic_store_n(&race->trap[race->slot], htole64(race->change), __ATOMIC_RELAXED);
	assert_int_equal(call_host(race->m.host, (const uint64_t(*)[2])race->cmds, race->count).error, VIQ_CALL_NONE);
	return NULL;
}

/* Wait until the call has executed its entries. It cannot return: this is inside an access. */
static void let_it_run(void)
{
	struct viq_soft_counters before, now;

	viq_soft_counters(race->m.soft, &before, sizeof(before));
	assert_int_equal(pthread_create(&race->thread, NULL, change_and_invalidate, NULL), 0);
	do {
		sched_yield();
		viq_soft_counters(race->m.soft, &now, sizeof(now));
	} while (now.entries < before.entries + race->count);
}

static int trap_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	uint64_t page[512];

	if (gpa < TRAP_AT || gpa + len > TRAP_AT + sizeof(page))
		return -EFAULT;
	for (unsigned int i = 0; i < 512; i++)
		page[i] = __atomic_load_n(&race->trap[i], __ATOMIC_RELAXED);
	memcpy(buf, (char *)page + (gpa - TRAP_AT), len);
	if (race->armed && gpa <= TRAP_AT + race->slot * 8 && gpa + len > TRAP_AT + race->slot * 8) {
		race->armed = 0;
		race->meanwhile();
	}
	return 0;
}

static void use_trap(struct viq_soft_config *config)
{
	config->mem = race->mem;
}

/* A table whose descriptor of VA is trap[0]. */
static void race_init(struct race *r)
{
	static const struct viq_mem_ops ops = {.size = sizeof(ops), .read = trap_read};
	struct viq_mem_region region = {.gpa = MEM_BASE, .size = MEM_SIZE};
	uint64_t ttb;

	memset(r, 0, sizeof(*r));
	race = r;
	r->meanwhile = let_it_run;
	region.host = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(region.host, MAP_FAILED);
	assert_int_equal(viq_mem_create(&region, 1, &ops, NULL, &r->mem, NULL), 0);
	ttb = machine_init_s1(&r->m, use_trap);
	/* The host reads through r->mem; the fixture's own RAM is used to write: make them one. */
	memcpy(region.host, r->m.ram, MEM_SIZE / 64);
	munmap(r->m.ram, MEM_SIZE);
	r->m.ram = region.host;
	put_word(&r->m, desc_at(&r->m, ttb, VA, 2), TRAP_AT | 3);
	r->trap[0] = htole64(OLD | PAGE_RW);
	r->change = NEW | PAGE_RW;
}

static void run_race(struct race *r, uint64_t expected)
{
	uint64_t pa = 0;

	r->armed = 1;
	/* It began before: the old page is as good as the new one. */
	assert_int_equal(translate(r->m.dev, VA, 0, VIQ_SOFT_READ, &pa), 0);
	assert_true(pa == OLD || pa == NEW);
	assert_int_equal(r->armed, 0);
	pthread_join(r->thread, NULL);
	assert_translates(r->m.dev, VA, expected);
	machine_fini(&r->m);
	viq_mem_destroy(r->mem);
}

static void a_walk_that_an_invalidation_overtakes_leaves_nothing(void **state)
{
	static const uint64_t cmds[][2] = {
		{VIQ_SMMUV3_OP_TLBI_NSNH_ALL, 0},
		{VIQ_SMMUV3_OP_TLBI_NH_ALL, 0},
		{VIQ_SMMUV3_OP_TLBI_NH_ASID | UINT64_C(1) << 48, 0},
		{VIQ_SMMUV3_OP_TLBI_NH_VA | UINT64_C(1) << 48, VA},
		{VIQ_SMMUV3_OP_TLBI_NH_VA | UINT64_C(1) << 48 | 0x2000, VA | 0x700},
		{VIQ_SMMUV3_OP_TLBI_NH_VAA, VA},
		{VIQ_SMMUV3_OP_TLBI_NH_VA | UINT64_C(1) << 48 | 0x1f1f000, VA | 0x700},
	};

	for (unsigned int i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		/* The first access of its granule and size, and one after others. */
		for (unsigned int first = 0; first < 2; first++) {
			struct race r;

			race_init(&r);
			r.trap[1] = htole64(OLD | PAGE_RW);
			if (!first)
				assert_translates(r.m.dev, VA + 4096, OLD);
			memcpy(r.cmds[0], cmds[i], 16);
			r.count = 1;
			run_race(&r, NEW);
		}
	}
}

static void a_global_page_too(void **state)
{
	/* The first page of all, the first global one, and one after others. */
	static const uint64_t before[] = {0, PAGE_RW, PAGE_RW & ~NG};

	for (unsigned int i = 0; i < 3; i++) {
		struct race r;

		race_init(&r);
		r.trap[0] = htole64(OLD | (PAGE_RW & ~NG));
		r.trap[1] = htole64(OLD | before[i]);
		r.change = NEW | (PAGE_RW & ~NG);
		if (before[i])
			assert_translates(r.m.dev, VA + 4096, OLD);
		r.cmds[0][0] = tlbi_va(9);
		r.cmds[0][1] = VA;
		r.count = 1;
		run_race(&r, NEW);
	}
}

static void a_translation_request_too(void **state)
{
	for (unsigned int first = 0; first < 2; first++) {
		for (unsigned int all = 0; all < 2; all++) {
			struct race r;

			race_init(&r);
			assert_int_equal(viq_soft_dev_set_ats(r.m.dev, true), 0);
			assert_int_equal(
				viq_soft_vdevice_configure(r.m.soft, r.m.viommu, VSID,
							   (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, r.m.cd, 0),
									 VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 1)}),
				0);
			r.trap[1] = htole64(OLD | PAGE_RW);
			if (!first)
				assert_translates(r.m.dev, VA + 4096, OLD);
			r.cmds[0][0] = tlbi_va(1);
			r.cmds[0][1] = VA;
			r.cmds[1][0] = with_sid(VIQ_SMMUV3_OP_ATC_INV, VSID);
			r.cmds[1][1] = all ? 52 : VA;
			r.count = 2;
			run_race(&r, NEW);
		}
	}
}

/* The CD at trap[0..7]; the guest changes its TTB0, and nothing of the tables. */
static void a_fetch_of_a_descriptor_too(void **state)
{
	for (unsigned int all = 0; all < 2; all++) {
		uint64_t ttb[2];
		struct race r;

		race_init(&r);
		for (unsigned int i = 0; i < 2; i++) {
			ttb[i] = alloc_pages(&r.m, 1);
			map_page(&r.m, ttb[i], VA, (i ? NEW : OLD) | PAGE_RW);
		}
		write_cd(&r.m, r.m.cd, 1, ttb[0]);
		memcpy(r.trap, word_at(&r.m, r.m.cd), 64);
		assert_int_equal(
			viq_soft_vdevice_configure(r.m.soft, r.m.viommu, VSID,
						   (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, TRAP_AT, 0), 0}),
			0);
		r.slot = 1;
		r.change = ttb[1];
		r.cmds[0][0] = with_sid(all ? VIQ_SMMUV3_OP_CFGI_CD_ALL : VIQ_SMMUV3_OP_CFGI_CD, VSID);
		r.cmds[1][0] = tlbi_asid(1);
		r.count = 2;
		run_race(&r, NEW);
	}
}

/* --- A device is detached and attached anew while an access of its former attachment is under way ---------------- */

static void *detach(void *opaque)
{
	assert_int_equal(viq_soft_attach(race->m.dev, 0), 0);
	return NULL;
}

static void *attach_second(void *opaque)
{
	assert_int_equal(viq_soft_attach(race->m.dev, race->tables[1]), 0);
	return NULL;
}

/* A page behind it is in the TLB: as long as the device translates through that table, it is found. */
static void wait_for(uint64_t iova, bool found)
{
	while (viq_soft_cached(race->m.dev, iova, 0, 0, false) != found)
		sched_yield();
}

static void detach_and_attach(void)
{
	assert_int_equal(pthread_create(&race->thread, NULL, detach, NULL), 0);
	wait_for(VA + 4096, false);
	assert_int_equal(pthread_create(&race->second, NULL, attach_second, NULL), 0);
	wait_for(VA + 8192, true);
}

/* 3.9.1: what is in the ATC came through the configuration of its time, and ATS off and on has ended that. */
static void an_access_of_a_former_attachment_does_not_fill_the_atc(void **state)
{
	const uint64_t eats = VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 1);
	uint64_t cd, ttb, pa;
	struct race r;

	race_init(&r);
	assert_int_equal(viq_soft_dev_set_ats(r.m.dev, false), 0);
	cd = alloc_pages(&r.m, 1);
	ttb = alloc_pages(&r.m, 1);
	write_cd(&r.m, cd, 2, ttb);
	map_page(&r.m, ttb, VA, NEW | PAGE_RW);
	map_page(&r.m, ttb, VA + 8192, NEW | PAGE_RW);
	r.trap[1] = htole64(OLD | PAGE_RW);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(
			viq_soft_nested_alloc(r.m.soft, r.m.viommu,
					      (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, i ? cd : r.m.cd, 0), eats},
					      &r.tables[i], NULL),
			0);
	for (unsigned int i = 2; i-- > 0;) {
		assert_int_equal(viq_soft_attach(r.m.dev, r.tables[i]), 0);
		assert_translates(r.m.dev, VA + (i ? 8192 : 4096), i ? NEW : OLD);
	}
	/* The first page of its size in the ATC: the request is made twice, the second time after the attachment. */
	assert_int_equal(viq_soft_dev_set_ats(r.m.dev, true), 0);
	r.meanwhile = detach_and_attach;
	r.armed = 1;
	assert_int_equal(translate(r.m.dev, VA, 0, VIQ_SOFT_READ, &pa), 0);
	assert_int_equal(r.armed, 0);
	pthread_join(r.thread, NULL);
	pthread_join(r.second, NULL);
	assert_translates(r.m.dev, VA, NEW);
	machine_fini(&r.m);
	viq_mem_destroy(r.mem);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_walk_that_an_invalidation_overtakes_leaves_nothing),
	cmocka_unit_test(a_global_page_too),
	cmocka_unit_test(a_translation_request_too),
	cmocka_unit_test(a_fetch_of_a_descriptor_too),
	cmocka_unit_test(an_access_of_a_former_attachment_does_not_fill_the_atc),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
