/* SPDX-License-Identifier: MIT */
/*
 * Guests that fill their structures with nonsense: whatever root, context, PASID and page tables say, the software VT-d
 * stays inside the memory it was given and inside the limits of its configuration, tells the embedder of what it holds
 * and of nothing else, and after a reset is as good as new. Sanitizers do the rest.
 */
#include <stdio.h>

#include "support/soft_vtd.h"

#define HEAP_PAGES 64u
#define IOVA       UINT64_C(0x7000)

static uint64_t random_state;

static uint64_t next_random(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint32_t below(uint32_t bound)
{
	return (uint32_t)((next_random() >> 32) * bound >> 32);
}

struct embedder {
	uint32_t attached;
	uint64_t faults;
};

static int attach(void *opaque, const struct viq_vtd_table *table, uint32_t *handle)
{
	struct embedder *e = opaque;

	if (!below(30000))
		return -ENOMEM;
	assert_true(table->pasid < 1u << 20);
	assert_non_null(table->host.ops);
	*handle = ++e->attached;
	return 0;
}

static void detach(void *opaque, uint32_t handle)
{
	struct embedder *e = opaque;

	assert_true(e->attached > 0);
	e->attached--;
}

static void take_faults(struct embedder *e, struct viq_soft_vtd *soft)
{
	struct viq_vtd_host_fault faults[32];
	uint32_t count = 32;

	assert_int_equal(viq_soft_vtd_faults(soft, faults, &count), 0);
	for (uint32_t i = 0; i < count; i++) {
		assert_true(faults[i].record[1] & VIQ_VTD_FRCD_1_F);
		assert_int_not_equal(VIQ_GET(VIQ_VTD_FRCD_1_FR, faults[i].record[1]), 0);
	}
	e->faults += count;
}

/* Pages take turns in what they are mostly used as. */
enum role {
	ROOT,
	CONTEXT,
	DIRECTORY,
	PASIDS,
	PAGING,
	ROLES = 8, /* the others are paging, too */
};

static uint64_t page_of(enum role role)
{
	unsigned int n = below(HEAP_PAGES / ROLES) * ROLES + (role == PAGING ? role + below(ROLES - PAGING) : role);

	return (1 + n) * UINT64_C(4096);
}

/* What belongs into this word of a page of its role, for the most part. */
static uint64_t nonsense(uint64_t at)
{
	uint64_t word = at % 4096 / 8;

	if (!below(24))
		return next_random();
	switch ((at / 4096 - 1) % ROLES) {
	case ROOT:
		return page_of(CONTEXT) | (below(8) > 0);
	case CONTEXT:
		if (word % 2)
			return below(4) ? 0 : (uint64_t)below(4) << 8 | 2;
		return below(8) ? page_of(DIRECTORY) | VIQ_VTD_SCTX_P | (below(2) ? VIQ_VTD_SCTX_PASIDE : 0) |
					  VIQ_PUT(VIQ_VTD_SCTX_PDTS, below(8))
				: 0;
	case DIRECTORY:
		return page_of(PASIDS) | (below(4) > 0);
	case PASIDS:
		if (word % 8 == 0)
			return page_of(PAGING) | below(2) | VIQ_PUT(VIQ_VTD_PE_PGTT, below(6)) |
			       VIQ_PUT(VIQ_VTD_PE_AW, below(4));
		return word % 8 == 1 ? below(16) : word % 8 == 2 ? page_of(PAGING) | below(4) : 0;
	default:
		return below(4) ? page_of(PAGING) | 0x67 : VM_DATA | 0xe7;
	}
}

static void scribble(struct vm *vm, unsigned int words)
{
	for (unsigned int i = 0; i < words; i++) {
		uint64_t at = 4096 + (uint64_t)below(HEAP_PAGES * 512) * 8;

		viq_mem_write_u64(vm->mem, at, nonsense(at));
	}
}

static void nonsense_is_survived(void **state)
{
	const char *seed = getenv("VIQ_SEED");
	uint64_t translated = 0, most = 0;
	struct embedder e = {0};
	const struct viq_vtd_listener listener = {
		.size = sizeof(listener), .attach = attach, .detach = detach, .opaque = &e};
	struct viq_soft_vtd *soft;
	struct viq_soft_vtd_dev *dev[3];
	struct vm vm;

	random_state = seed ? strtoull(seed, NULL, 0) : 1;
	print_message("VIQ_SEED=%llu\n", (unsigned long long)random_state);
	vm_init(&vm, true, NULL);
	vm.soft_config.tables = 20000;
	vm.soft_config.ecap |= VIQ_VTD_ECAP_RPS | VIQ_VTD_ECAP_NEST;
	assert_int_equal(viq_soft_vtd_create(&vm.soft_config, &soft, NULL), 0);
	assert_int_equal(viq_soft_vtd_listen(soft, &listener), 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(viq_soft_vtd_dev_alloc(soft, (uint16_t)(i * 0x81), &dev[i], NULL), 0);
		assert_int_equal(viq_soft_vtd_dev_set_ats(dev[i], i == 1), 0);
	}
	scribble(&vm, 4 * HEAP_PAGES * 512);
	for (unsigned int round = 0; round < 600; round++) {
		const struct viq_vtd_tables tables = {.size = sizeof(tables),
						      .enabled = below(20),
						      .mode = below(10) ? below(2) : below(4),
						      .root = page_of(ROOT)};
		const struct viq_vtd_reconfig what = {.size = sizeof(what),
						      .cause = below(VIQ_VTD_RESTORED + 1),
						      .scope = below(VIQ_VTD_SCOPE_PASID + 1),
						      .domain_id = (uint16_t)below(1u << 16),
						      .source_id = (uint16_t)below(0x200),
						      .source_mask = 0xfff8,
						      .pasid = below(1u << 20)};
		int ret = viq_soft_vtd_reconfig(soft, &tables, &what);
		uint64_t pa;

		assert_true(!ret || ret == -ENOMEM || ret == -ENOSPC);
		assert_true(e.attached <= 20000);
		most = e.attached > most ? e.attached : most;
		for (unsigned int i = 0; i < 24; i++) {
			uint64_t iova = below(2) ? below(64) * UINT64_C(4096) : next_random();

			translated += !vm_translate(dev[below(3)], below(2) ? NO_PASID : (int64_t)below(200), iova,
						    below(2) ? VIQ_SOFT_READ : VIQ_SOFT_WRITE, &pa);
		}
		take_faults(&e, soft);
		scribble(&vm, 300);
	}
	print_message("%llu translated, %llu faults, %llu tables at most\n", (unsigned long long)translated,
		      (unsigned long long)e.faults, (unsigned long long)most);
	assert_true(translated > 0 && e.faults > 0 && most > 300);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(viq_soft_vtd_dev_free(dev[i]), 0);
	assert_int_equal(e.attached, 0);
	viq_soft_vtd_destroy(soft);
	vm_fini(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
