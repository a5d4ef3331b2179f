/* SPDX-License-Identifier: MIT */
/*
 * What IOTLB entries are tagged with and who may remove them (VT-d 6.2, 6.5.2), row by row, through a guest's queue. A
 * translation that a guest has taken out of its tables goes on until a descriptor of the right kind has been confirmed;
 * one of another kind leaves it.
 */
#include "support/soft_vtd.h"

#define IOVA    UINT64_C(0x7000)
#define OTHER   UINT64_C(0x40007000)
#define PAGE(n) (VM_DATA + (uint64_t)(n)*4096)

/*
 * Two first-stage domains, a second-stage one, and one in which both are nested. Device 1: RID in (4, 0), PASID 5 in
 * (4, 5), PASID 6 in (7, 6), PASIDs 9 and 10 in second-stage (9, 9) and (9, 10), PASID 12 nested in (12, 12). IOVA and
 * OTHER are mapped everywhere, to PAGE(0) and PAGE(1); nested, by way of GPA(0) and GPA(1).
 */
enum {
	NESTED = 3
};
static const struct space {
	int64_t pasid;
	uint32_t entry;
	unsigned int did, stage;
} spaces[] = {
	{NO_PASID, 0, 4, 1}, {5, 5, 4, 1}, {6, 6, 7, 1}, {9, 9, 9, 2}, {10, 10, 9, 2}, {12, 12, 12, NESTED},
};
#define SPACES (sizeof(spaces) / sizeof(spaces[0]))
enum {
	RID4,
	P5_4,
	P6_7,
	P9_SS,
	P10_SS,
	P12_NESTED,
};

#define GPA(n) (UINT64_C(0x80000000) + (uint64_t)(n)*4096)

struct world {
	struct vm vm;
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt pt[SPACES], second; /* second: of the nested space */
};

/* Device-TLB descriptors go to the devices, not to the tables' hosts. Flags can be set in tables that are snooped. */
static void own_devtlbs(struct vm *vm)
{
	vm->soft_config.devtlb_implied = 0;
	vm->soft_config.ecap |= VIQ_VTD_ECAP_SMPWCS | VIQ_VTD_ECAP_NEST;
	vm->config.ecap = vm->soft_config.ecap;
}

static void map_pages(struct world *w, unsigned int i)
{
	bool nested = spaces[i].stage == NESTED;

	vm_map(&w->pt[i], IOVA, nested ? GPA(0) : PAGE(0));
	vm_map(&w->pt[i], OTHER, nested ? GPA(1) : PAGE(1));
}

static void world_init(struct world *w)
{
	vm_init(&w->vm, true, own_devtlbs);
	w->pasids = vm_pasids(&w->vm, SID, 0);
	w->second = vm_pt(&w->vm, 2, 4);
	vm_map(&w->second, GPA(0), PAGE(0));
	vm_map(&w->second, GPA(1), PAGE(1));
	/* Its first-stage tables are where they are. */
	for (uint64_t at = 0; at < VM_DATA; at += 0x200000)
		assert_int_equal(synth_vtd_pt_map(&w->second, at, at, 2, 0), 0);
	for (unsigned int i = 0; i < SPACES; i++) {
		const struct synth_vtd_pt *second = spaces[i].stage == NESTED ? &w->second : NULL;
		bool first = spaces[i].stage != 2;

		w->pt[i] = vm_pt(&w->vm, first ? 1 : 2, 4);
		map_pages(w, i);
		vm_entry(&w->pasids, spaces[i].entry, first ? &w->pt[i] : NULL, first ? second : &w->pt[i],
			 spaces[i].did);
	}
	w->vm.dev = vm_add(&w->vm, SID, false);
}

/* Cache all, take all out of the tables: from now on only the IOTLB has them. */
static void cache_and_unmap(struct world *w)
{
	for (unsigned int i = 0; i < SPACES; i++) {
		map_pages(w, i);
		vm_hits(w->vm.dev, spaces[i].pasid, IOVA, PAGE(0));
		vm_hits(w->vm.dev, spaces[i].pasid, OTHER, PAGE(1));
		vm_unmap(&w->pt[i], IOVA);
		vm_unmap(&w->pt[i], OTHER);
		vm_hits(w->vm.dev, spaces[i].pasid, IOVA, PAGE(0));
	}
}

#define BIT(n)        (1u << (n))
#define BOTH          3u /* IOVA and OTHER are gone */
#define ONLY_IOVA     1u
#define GONE(n, what) ((what) << 2 * (n))

/* Which translations this descriptor removes, two bits a space; and no others. */
static void removes(struct test_desc desc, unsigned int gone)
{
	struct world w;

	world_init(&w);
	cache_and_unmap(&w);
	assert_true(vm_submit(&w.vm, desc));
	for (unsigned int i = 0; i < SPACES; i++) {
		for (unsigned int page = 0; page < 2; page++) {
			bool cached = viq_soft_vtd_cached(
				w.vm.dev, page ? OTHER : IOVA, spaces[i].pasid < 0 ? 0 : (uint32_t)spaces[i].pasid,
				VIQ_SOFT_READ | (spaces[i].pasid < 0 ? 0 : VIQ_SOFT_SSV), false);
			bool expected = !(gone >> (2 * i + page) & 1);

			if (cached != expected)
				print_message("space %u, page %u\n", i, page);
			assert_int_equal(cached, expected);
		}
	}
	vm_fini(&w.vm);
}

static void pasid_iotlb_by_page_takes_first_stage_pages_of_its_did_and_pasid(void **state)
{
	removes(desc_piotlb(3, 4, 0, IOVA, 0, true), GONE(RID4, ONLY_IOVA));
	removes(desc_piotlb(3, 4, 5, IOVA, 0, false), GONE(P5_4, ONLY_IOVA));
	removes(desc_piotlb(3, 7, 6, IOVA, 0, true), GONE(P6_7, ONLY_IOVA));
	removes(desc_piotlb(3, 12, 12, IOVA, 0, true), GONE(P12_NESTED, ONLY_IOVA));
	removes(desc_piotlb(3, 12, 12, GPA(0), 0, true), 0);
}

static void it_takes_a_range_with_its_low_address_bits_ignored(void **state)
{
	removes(desc_piotlb(3, 4, 0, 0, 3, true), GONE(RID4, ONLY_IOVA));
	removes(desc_piotlb(3, 4, 0, 0x5000, 3, true), GONE(RID4, ONLY_IOVA));
	removes(desc_piotlb(3, 4, 0, 0, 2, true), 0);
	removes(desc_piotlb(3, 4, 0, 0x40000000, 9, true), GONE(RID4, 2));
	removes(desc_piotlb(3, 4, 0, 0, 19, true), GONE(RID4, BOTH));
	removes(desc_piotlb(3, 4, 0, 0x12345000, 63, true), GONE(RID4, BOTH));
}

static void no_other_did_and_no_other_pasid(void **state)
{
	removes(desc_piotlb(3, 7, 0, IOVA, 0, true), 0);
	removes(desc_piotlb(3, 4, 6, IOVA, 0, true), 0);
	removes(desc_piotlb(2, 7, 0, 0, 0, false), 0);
	removes(desc_piotlb(2, 5, 5, 0, 0, false), 0);
}

static void pasid_iotlb_by_pasid_takes_all_of_did_and_pasid_whatever_the_stage(void **state)
{
	removes(desc_piotlb(2, 4, 0, 0, 0, false), GONE(RID4, BOTH));
	removes(desc_piotlb(2, 4, 5, 0, 0, false), GONE(P5_4, BOTH));
	removes(desc_piotlb(2, 9, 9, 0, 0, false), GONE(P9_SS, BOTH));
	removes(desc_piotlb(2, 12, 12, 0, 0, false), GONE(P12_NESTED, BOTH));
}

static void iotlb_global_takes_everything(void **state)
{
	removes(desc_iotlb(1, 0, 0, 0, false), (1u << 2 * SPACES) - 1);
}

static void iotlb_by_domain_takes_every_stage_and_pasid_of_the_domain(void **state)
{
	removes(desc_iotlb(2, 4, 0, 0, false), GONE(RID4, BOTH) | GONE(P5_4, BOTH));
	removes(desc_iotlb(2, 9, 0, 0, false), GONE(P9_SS, BOTH) | GONE(P10_SS, BOTH));
	removes(desc_iotlb(2, 12, 0, 0, false), GONE(P12_NESTED, BOTH));
	removes(desc_iotlb(2, 5, 0, 0, false), 0);
}

/* An address of the second stage says nothing of a first-stage entry's. */
static void iotlb_by_page_takes_every_first_stage_entry_of_the_domain(void **state)
{
	removes(desc_iotlb(3, 4, UINT64_C(0x123456000), 0, true), GONE(RID4, BOTH) | GONE(P5_4, BOTH));
	removes(desc_iotlb(3, 12, GPA(0), 0, true), GONE(P12_NESTED, BOTH));
	removes(desc_iotlb(3, 12, UINT64_C(0x123456000), 0, true), GONE(P12_NESTED, BOTH));
}

/* Table 23. */
static void and_second_stage_ones_at_the_address(void **state)
{
	removes(desc_iotlb(3, 9, IOVA, 0, true), GONE(P9_SS, ONLY_IOVA) | GONE(P10_SS, ONLY_IOVA));
	removes(desc_iotlb(3, 9, OTHER, 9, false), GONE(P9_SS, 2) | GONE(P10_SS, 2));
	removes(desc_iotlb(3, 9, 0x3000, 3, false), GONE(P9_SS, ONLY_IOVA) | GONE(P10_SS, ONLY_IOVA));
	removes(desc_iotlb(3, 9, 0x9000, 0, false), 0);
	/* 6.5.2.3: address bits above MGAW are ignored. */
	removes(desc_iotlb(3, 9, VIQ_BIT(48) | VIQ_BIT(63) | IOVA, 0, true),
		GONE(P9_SS, ONLY_IOVA) | GONE(P10_SS, ONLY_IOVA));
}

/* In legacy mode there is no other stage. */
static void legacy_pages_likewise(void **state)
{
	struct synth_vtd_pt pt;
	struct vm vm;
	uint64_t pa;

	vm_init(&vm, false, NULL);
	pt = vm_pt(&vm, 2, 4);
	vm_map(&pt, IOVA, PAGE(0));
	vm_map(&pt, OTHER, PAGE(1));
	vm_legacy(&vm, SID, &pt, 4);
	vm.dev = vm_add(&vm, SID, false);
	vm_hits(vm.dev, NO_PASID, IOVA, PAGE(0));
	vm_hits(vm.dev, NO_PASID, OTHER, PAGE(1));
	vm_unmap(&pt, IOVA);
	vm_unmap(&pt, OTHER);
	assert_true(vm_submit(&vm, desc_iotlb(3, 4, IOVA, 0, true)));
	assert_int_equal(vm_translate(vm.dev, NO_PASID, IOVA, VIQ_SOFT_READ, &pa), -EFAULT);
	vm_hits(vm.dev, NO_PASID, OTHER, PAGE(1));
	vm_fini(&vm);
}

static void context_pasid_and_device_caches_are_others(void **state)
{
	removes(desc_cc(1, 0, 0, 0), 0);
	removes(desc_pc(3, 0, 0), 0);
	removes(desc_pc(1, 4, 0), 0);
	removes(desc_devtlb(SID, UINT64_C(0x7ffffffffffff000), true), 0);
	removes(desc_pdevtlb(SID, 5, true, UINT64_C(0x7ffffffffffff000), true), 0);
}

/* A leaf of 2 MiB goes whole, by whichever page of it. */
static void a_large_page_goes_by_any_of_its_pages(void **state)
{
	struct world w;
	uint64_t pa;

	world_init(&w);
	assert_int_equal(synth_vtd_pt_map(&w.pt[0], 0x80000000, 0x1400000, 2, 0), 0);
	vm_hits(w.vm.dev, NO_PASID, 0x80000123, 0x1400123);
	vm_hits(w.vm.dev, NO_PASID, 0x801ff000, 0x15ff000);
	assert_int_equal(synth_vtd_pt_unmap(&w.pt[0], 0x80000000, 2), 0);
	vm_hits(w.vm.dev, NO_PASID, 0x80000123, 0x1400123);
	assert_true(vm_submit(&w.vm, desc_piotlb(3, 4, 0, 0x80100000, 0, true)));
	assert_int_equal(vm_translate(w.vm.dev, NO_PASID, 0x80000123, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(vm_translate(w.vm.dev, NO_PASID, 0x801ff000, VIQ_SOFT_READ, &pa), -EFAULT);
	vm_fini(&w.vm);
}

/* A read's entry does not hide the first write: it must set D, of whatever asks. */
static void the_first_write_through_a_clean_entry_sets_dirty(void **state)
{
	for (unsigned int ats = 0; ats < 2; ats++) {
		struct world w;
		uint64_t pa, slot;

		world_init(&w);
		assert_int_equal(viq_soft_vtd_dev_set_ats(w.vm.dev, ats), 0);
		slot = synth_vtd_pasids_slot(&w.pasids, 0, false) + 8;
		synth_store(&w.vm.heap, slot, synth_load(&w.vm.heap, slot) | VIQ_VTD_PE_1_PWSNP);
		assert_true(vm_submit(&w.vm, desc_pc(VIQ_VTD_PC_GLOBAL, 0, 0)));
		assert_int_equal(synth_vtd_pt_map(&w.pt[0], 0x9000, PAGE(4), 1, SYNTH_NO_DIRTY), 0);
		slot = synth_vtd_pt_slot(&w.pt[0], 0x9000, 1, false);
		vm_hits(w.vm.dev, NO_PASID, 0x9000, PAGE(4));
		vm_hits(w.vm.dev, NO_PASID, 0x9000, PAGE(4));
		assert_false(synth_load(&w.vm.heap, slot) & VIQ_VTD_FS_D);
		assert_false(viq_soft_vtd_cached(w.vm.dev, 0x9000, 0, VIQ_SOFT_WRITE, ats));
		for (unsigned int i = 0; i < 20; i++) {
			assert_int_equal(vm_translate(w.vm.dev, NO_PASID, 0x9000, VIQ_SOFT_WRITE, &pa), 0);
			assert_true(synth_load(&w.vm.heap, slot) & VIQ_VTD_FS_D);
		}
		assert_true(viq_soft_vtd_cached(w.vm.dev, 0x9000, 0, VIQ_SOFT_WRITE, ats));
		vm_fini(&w.vm);
	}
}

/* What is not allowed is not allowed from the IOTLB either, and a fault of the tables is not kept. */
static void rights_are_asked_of_cached_entries_too(void **state)
{
	struct world w;
	uint64_t pa, slot;

	world_init(&w);
	assert_int_equal(synth_vtd_pt_map(&w.pt[0], 0x9000, PAGE(4), 1, SYNTH_RO), 0);
	/* D set: nothing but the rights sends a write to the tables. */
	slot = synth_vtd_pt_slot(&w.pt[0], 0x9000, 1, false);
	synth_store(&w.vm.heap, slot, synth_load(&w.vm.heap, slot) | VIQ_VTD_FS_D);
	vm_hits(w.vm.dev, NO_PASID, 0x9000, PAGE(4));
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(vm_translate(w.vm.dev, NO_PASID, 0x9000, VIQ_SOFT_WRITE, &pa), -EFAULT);
		assert_int_equal(vm_fault(&w.vm), VIQ_VTD_FR_SM_WRITE);
	}
	vm_misses(&w.vm, w.vm.dev, NO_PASID, 0xb000, VIQ_VTD_FR_FS_P);
	vm_map(&w.pt[0], 0xb000, PAGE(5));
	vm_hits(w.vm.dev, NO_PASID, 0xb000, PAGE(5));
	vm_fini(&w.vm);
}

/* What accesses count, one by one. */
static void each_access_is_counted(void **state)
{
	struct viq_soft_counters c[5];
	struct world w;

	world_init(&w);
	viq_soft_vtd_counters(w.vm.soft, &c[0], sizeof(c[0]));
	vm_hits(w.vm.dev, 5, IOVA, PAGE(0));
	viq_soft_vtd_counters(w.vm.soft, &c[1], sizeof(c[1]));
	vm_hits(w.vm.dev, 5, IOVA, PAGE(0));
	viq_soft_vtd_counters(w.vm.soft, &c[2], sizeof(c[2]));
	vm_misses(&w.vm, w.vm.dev, 5, 0xb000, VIQ_VTD_FR_FS_P);
	viq_soft_vtd_counters(w.vm.soft, &c[3], sizeof(c[3]));
	assert_int_equal(viq_soft_vtd_dev_set_ats(w.vm.dev, true), 0);
	vm_hits(w.vm.dev, 5, IOVA, PAGE(0));
	vm_hits(w.vm.dev, 5, IOVA, PAGE(0));
	viq_soft_vtd_counters(w.vm.soft, &c[4], sizeof(c[4]));
	assert_int_equal(c[1].tlb_misses, c[0].tlb_misses + 1);
	assert_int_equal(c[1].walks, c[0].walks + 1);
	assert_int_equal(c[1].tlb_hits, c[0].tlb_hits);
	assert_int_equal(c[2].tlb_hits, c[1].tlb_hits + 1);
	assert_int_equal(c[2].walks, c[1].walks);
	assert_int_equal(c[3].faults, c[2].faults + 1);
	assert_int_equal(c[3].walks, c[2].walks + 1);
	assert_int_equal(c[4].atc_hits, c[3].atc_hits + 1);
	assert_int_equal(c[4].faults, c[3].faults);
	vm_fini(&w.vm);
}

static void few_tables(struct vm *vm)
{
	vm->soft_config.tables = 3;
}

/* More PASIDs than the unit has tables for: that device is blocked, the descriptor completes, the other one goes on
 * (P5). */
static void a_device_without_room_holds_no_other(void **state)
{
	struct synth_vtd_pasids many, other;
	struct synth_vtd_pt pt, its;
	struct vm vm;

	vm_init(&vm, true, few_tables);
	pt = vm_pt(&vm, 1, 4);
	its = vm_pt(&vm, 1, 4);
	vm_map(&pt, IOVA, PAGE(0));
	vm_map(&its, IOVA, PAGE(1));
	many = vm_pasids(&vm, SID, 0);
	other = vm_pasids(&vm, SID2, 0);
	vm_entry(&other, 0, &its, NULL, 50);
	vm.dev = vm_add(&vm, SID, false);
	vm.dev2 = vm_add(&vm, SID2, false);
	vm_flush_entry(&vm, 50, 0);
	vm_hits(vm.dev2, NO_PASID, IOVA, PAGE(1));
	for (uint32_t pasid = 1; pasid < 6; pasid++) {
		vm_entry(&many, pasid, &pt, NULL, 10 + pasid);
		vm_flush_entry(&vm, 10 + pasid, pasid);
	}
	assert_int_not_equal(vm_translate(vm.dev, 1, IOVA, VIQ_SOFT_READ, &(uint64_t){0}), 0);
	vm_unmap(&its, IOVA);
	assert_true(vm_submit(&vm, desc_page(50, 0, IOVA >> 12)));
	vm_misses(&vm, vm.dev2, NO_PASID, IOVA, VIQ_VTD_FR_FS_P);
	vm_fini(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pasid_iotlb_by_page_takes_first_stage_pages_of_its_did_and_pasid),
		cmocka_unit_test(it_takes_a_range_with_its_low_address_bits_ignored),
		cmocka_unit_test(no_other_did_and_no_other_pasid),
		cmocka_unit_test(pasid_iotlb_by_pasid_takes_all_of_did_and_pasid_whatever_the_stage),
		cmocka_unit_test(iotlb_global_takes_everything),
		cmocka_unit_test(iotlb_by_domain_takes_every_stage_and_pasid_of_the_domain),
		cmocka_unit_test(iotlb_by_page_takes_every_first_stage_entry_of_the_domain),
		cmocka_unit_test(and_second_stage_ones_at_the_address),
		cmocka_unit_test(legacy_pages_likewise),
		cmocka_unit_test(context_pasid_and_device_caches_are_others),
		cmocka_unit_test(a_large_page_goes_by_any_of_its_pages),
		cmocka_unit_test(the_first_write_through_a_clean_entry_sets_dirty),
		cmocka_unit_test(rights_are_asked_of_cached_entries_too),
		cmocka_unit_test(each_access_is_counted),
		cmocka_unit_test(a_device_without_room_holds_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
