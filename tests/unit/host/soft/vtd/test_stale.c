/* SPDX-License-Identifier: MIT */
/*
 * Context and PASID-table entries of the software VT-d: what a guest writes is not seen before the guest invalidates
 * it, and then it is; and the front end knows the tables that devices have.
 */
#include "support/soft_vtd.h"

#define IOVA    UINT64_C(0x7000)
#define PAGE(n) (VM_DATA + (uint64_t)(n)*4096)

/* First-stage tables that map IOVA to PAGE(n). */
static struct synth_vtd_pt tables_to(struct vm *vm, unsigned int n)
{
	struct synth_vtd_pt pt = vm_pt(vm, 1, 4);

	vm_map(&pt, IOVA, PAGE(n));
	return pt;
}

struct world {
	struct vm vm;
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt a, b;
};

/* PASID 0, for requests without: tables a in domain 4. */
static void world_init(struct world *w)
{
	vm_init(&w->vm, true, NULL);
	w->pasids = vm_pasids(&w->vm, SID, 0);
	w->a = tables_to(&w->vm, 0);
	w->b = tables_to(&w->vm, 1);
	vm_entry(&w->pasids, 0, &w->a, NULL, 4);
	w->vm.dev = vm_add(&w->vm, SID, false);
	vm_hits(w->vm.dev, NO_PASID, IOVA, PAGE(0));
}

static void everything(struct vm *vm)
{
	assert_true(vm_submit(vm, desc_iotlb(1, 0, 0, 0, false)));
}

/* The entry has become tables b in domain did; IOTLB flushed: only the PASID cache has the old one. */
static void change_entry(struct world *w, unsigned int did)
{
	vm_entry(&w->pasids, 0, &w->b, NULL, did);
	everything(&w->vm);
	vm_hits(w->vm.dev, NO_PASID, IOVA, PAGE(0));
}

static void a_pasid_entry_is_stale_until_a_pasid_cache_descriptor_names_it(void **state)
{
	static const struct {
		unsigned int g, did, pasid;
		bool taken;
	} rows[] = {
		{VIQ_VTD_PC_PASID, 4, 0, true},  {VIQ_VTD_PC_PASID, 6, 0, true},   {VIQ_VTD_PC_DOMAIN, 4, 0, true},
		{VIQ_VTD_PC_DOMAIN, 6, 0, true}, {VIQ_VTD_PC_GLOBAL, 0, 0, true},  {VIQ_VTD_PC_PASID, 4, 1, false},
		{VIQ_VTD_PC_PASID, 5, 0, false}, {VIQ_VTD_PC_DOMAIN, 5, 0, false},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;

		world_init(&w);
		change_entry(&w, 6);
		assert_true(vm_submit(&w.vm, desc_pc(rows[i].g, (uint16_t)rows[i].did, rows[i].pasid)));
		everything(&w.vm);
		vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(rows[i].taken));
		vm_fini(&w.vm);
	}
}

static void the_context_cache_alone_is_not_enough(void **state)
{
	struct world w;

	world_init(&w);
	change_entry(&w, 4);
	assert_true(vm_submit(&w.vm, desc_cc(VIQ_VTD_CC_GLOBAL, 0, 0, 0)));
	assert_true(vm_submit(&w.vm, desc_cc(VIQ_VTD_CC_DEVICE, 0, SID, 0)));
	everything(&w.vm);
	vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(0));
	vm_fini(&w.vm);
}

/*
 * 6.2.2, 6.2.3: with CM = 1 what is not present or faulty is cached, under domain-id 0. So that is what a guest may
 * name that makes an entry good; another domain's is not the entry's.
 */
static void a_faulty_entry_is_cached_under_domain_0(void **state)
{
	static const struct {
		unsigned int did;
		bool taken;
	} rows[] = {{0, true}, {4, true}, {5, false}};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned int scope = 0; scope < 3; scope++) {
			bool legacy = scope == 2;
			struct world w;
			uint64_t pa;

			vm_init(&w.vm, !legacy, NULL);
			if (!legacy)
				w.pasids = vm_pasids(&w.vm, SID, 0);
			w.a = legacy ? vm_pt(&w.vm, 2, 4) : tables_to(&w.vm, 0);
			if (legacy)
				vm_map(&w.a, IOVA, PAGE(0));
			w.vm.dev = vm_add(&w.vm, SID, false);
			if (legacy)
				vm_legacy(&w.vm, SID, &w.a, 4);
			else
				vm_entry(&w.pasids, 0, &w.a, NULL, 4);
			assert_true(vm_submit(&w.vm, legacy ? desc_cc(VIQ_VTD_CC_DOMAIN, (uint16_t)rows[i].did, 0, 0)
							    : desc_pc(scope ? VIQ_VTD_PC_PASID : VIQ_VTD_PC_DOMAIN,
								      (uint16_t)rows[i].did, 0)));
			assert_int_equal(vm_translate(w.vm.dev, NO_PASID, IOVA, VIQ_SOFT_READ, &pa),
					 rows[i].taken ? 0 : -EFAULT);
			vm_fini(&w.vm);
		}
	}
}

/* 6.5.2: the PASID-cache invalidation leaves the IOTLB. */
static void nor_is_the_pasid_cache_without_the_iotlb(void **state)
{
	struct world w;

	world_init(&w);
	vm_entry(&w.pasids, 0, &w.b, NULL, 4);
	assert_true(vm_submit(&w.vm, desc_pc(VIQ_VTD_PC_PASID, 4, 0)));
	vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(0));
	assert_true(vm_submit(&w.vm, desc_piotlb(VIQ_VTD_PIOTLB_PASID, 4, 0, 0, 0, false)));
	vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(1));
	vm_fini(&w.vm);
}

static void not_present_is_cached_too(void **state)
{
	struct world w;

	world_init(&w);
	vm_misses(&w.vm, w.vm.dev, 3, IOVA, VIQ_VTD_FR_PE_P);
	vm_entry(&w.pasids, 3, &w.b, NULL, 5);
	vm_misses(&w.vm, w.vm.dev, 3, IOVA, VIQ_VTD_FR_PE_P);
	assert_true(vm_submit(&w.vm, desc_pc(VIQ_VTD_PC_PASID, 5, 4)));
	vm_misses(&w.vm, w.vm.dev, 3, IOVA, VIQ_VTD_FR_PE_P);
	vm_flush_entry(&w.vm, 5, 3);
	vm_hits(w.vm.dev, 3, IOVA, PAGE(1));
	vm_fini(&w.vm);
}

static void a_cleared_entry_goes_and_its_translations_with_it(void **state)
{
	struct world w;

	world_init(&w);
	assert_int_equal(synth_vtd_pasids_set(&w.pasids, 0, NULL), 0);
	vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(0));
	assert_true(vm_submit(&w.vm, desc_pc(VIQ_VTD_PC_PASID, 4, 0)));
	vm_misses(&w.vm, w.vm.dev, NO_PASID, IOVA, VIQ_VTD_FR_PE_P);
	/* Made again for other tables, under the same names: nothing of before is left, with no IOTLB descriptor. */
	vm_entry(&w.pasids, 0, &w.b, NULL, 4);
	assert_true(vm_submit(&w.vm, desc_pc(VIQ_VTD_PC_PASID, 4, 0)));
	vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(1));
	vm_fini(&w.vm);
}

static void a_context_entry_is_stale_until_a_context_cache_descriptor_names_its_source(void **state)
{
	static const struct {
		unsigned int g, sid, fm;
		bool taken;
	} rows[] = {
		{VIQ_VTD_CC_GLOBAL, 0, 0, true},        {VIQ_VTD_CC_DOMAIN, 0, 0, true},
		{VIQ_VTD_CC_DEVICE, SID, 0, true},      {VIQ_VTD_CC_DEVICE, SID + 1, 0, false},
		{VIQ_VTD_CC_DEVICE, SID + 4, 1, true},  {VIQ_VTD_CC_DEVICE, SID + 2, 1, false},
		{VIQ_VTD_CC_DEVICE, SID + 6, 2, true},  {VIQ_VTD_CC_DEVICE, SID + 7, 3, true},
		{VIQ_VTD_CC_DEVICE, SID + 8, 3, false}, {VIQ_VTD_CC_DEVICE, SID2, 3, false},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct synth_vtd_pasids other;
		struct world w;

		world_init(&w);
		other = vm_pasids(&w.vm, SID, 0);
		vm_entry(&other, 0, &w.b, NULL, 4);
		everything(&w.vm);
		vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(0));
		assert_true(vm_submit(&w.vm, desc_cc(rows[i].g, 0, (uint16_t)rows[i].sid, rows[i].fm)));
		everything(&w.vm);
		vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(rows[i].taken));
		vm_fini(&w.vm);
	}
}

/* Legacy mode: a context entry carries the domain-id. */
static void legacy_entries_likewise_and_by_domain(void **state)
{
	static const struct {
		unsigned int g, did, sid;
		bool taken;
	} rows[] = {
		{VIQ_VTD_CC_GLOBAL, 0, 0, true},   {VIQ_VTD_CC_DOMAIN, 4, 0, true},
		{VIQ_VTD_CC_DOMAIN, 6, 0, true},   {VIQ_VTD_CC_DOMAIN, 5, 0, false},
		{VIQ_VTD_CC_DEVICE, 0, SID, true}, {VIQ_VTD_CC_DEVICE, 4, SID2, false},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct synth_vtd_pt a, b;
		struct vm vm;

		vm_init(&vm, false, NULL);
		a = vm_pt(&vm, 2, 4);
		b = vm_pt(&vm, 2, 4);
		vm_map(&a, IOVA, PAGE(0));
		vm_map(&b, IOVA, PAGE(1));
		vm_legacy(&vm, SID, &a, 4);
		vm.dev = vm_add(&vm, SID, false);
		vm_hits(vm.dev, NO_PASID, IOVA, PAGE(0));
		vm_legacy(&vm, SID, &b, 6);
		everything(&vm);
		vm_hits(vm.dev, NO_PASID, IOVA, PAGE(0));
		assert_true(vm_submit(&vm, desc_cc(rows[i].g, (uint16_t)rows[i].did, (uint16_t)rows[i].sid, 0)));
		vm_hits(vm.dev, NO_PASID, IOVA, PAGE(rows[i].taken));
		vm_fini(&vm);
	}
}

/* Requests without PASID go where the context entry says. */
static void rid_pasid_is_the_contexts(void **state)
{
	struct vm vm;
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt a, b;
	uint64_t ctx[VIQ_VTD_SCTX_WORDS];

	vm_init(&vm, true, NULL);
	assert_false(vm.config.ecap & VIQ_VTD_ECAP_RPS);
	pasids = vm_pasids(&vm, SID, 0);
	a = tables_to(&vm, 0);
	b = tables_to(&vm, 1);
	vm_entry(&pasids, 0, &a, NULL, 4);
	vm_entry(&pasids, 5, &b, NULL, 4);
	vm.dev = vm_add(&vm, SID, false);
	vm_hits(vm.dev, NO_PASID, IOVA, PAGE(0));
	vm_hits(vm.dev, 5, IOVA, PAGE(1));
	/* PASIDE = 0: no requests with PASID. */
	synth_vtd_context(ctx, &pasids, 0);
	ctx[0] &= ~VIQ_VTD_SCTX_PASIDE;
	assert_int_equal(synth_vtd_root_set(&vm.root, SID, ctx), 0);
	vm_hits(vm.dev, 5, IOVA, PAGE(1));
	assert_true(vm_submit(&vm, desc_cc(VIQ_VTD_CC_DEVICE, 0, SID, 0)));
	vm_misses(&vm, vm.dev, 5, IOVA, VIQ_VTD_FR_SM_PASIDE);
	vm_hits(vm.dev, NO_PASID, IOVA, PAGE(0));
	/* 9.4: without ECAP.RPS the field is reserved. */
	synth_vtd_context(ctx, &pasids, 5);
	assert_int_equal(synth_vtd_root_set(&vm.root, SID, ctx), 0);
	assert_true(vm_submit(&vm, desc_cc(VIQ_VTD_CC_DEVICE, 0, SID, 0)));
	vm_misses(&vm, vm.dev, NO_PASID, IOVA, VIQ_VTD_FR_SM_CTX_RSVD);
	vm_fini(&vm);
}

static void with_8_bits(struct vm *vm)
{
	vm->soft_config.cap = (vm->soft_config.cap & ~VIQ_VTD_CAP_ND) | VIQ_PUT(VIQ_VTD_CAP_ND, 2);
	vm->config.cap = vm->soft_config.cap;
}

/*
 * P1: an entry cannot have a domain-id that descriptors cannot name (9.3, 9.6), so the page is gone when they have
 * completed that name the one which its lower bits are (6.5.2.3, 6.5.2.4).
 */
static void domain_ids_have_the_width_that_the_guest_was_told(void **state)
{
	for (unsigned int legacy = 0; legacy < 2; legacy++) {
		struct world w;
		uint64_t pa;

		vm_init(&w.vm, !legacy, with_8_bits);
		w.a = vm_pt(&w.vm, 1 + legacy, 4);
		vm_map(&w.a, IOVA, PAGE(0));
		if (!legacy)
			w.pasids = vm_pasids(&w.vm, SID, 0);
		for (unsigned int did = 0x105; did; did = did == 5 ? 0 : 5) {
			if (legacy)
				vm_legacy(&w.vm, SID, &w.a, did);
			else
				vm_entry(&w.pasids, 0, &w.a, NULL, did);
			if (did > 0xff) {
				w.vm.dev = vm_add(&w.vm, SID, false);
				vm_misses(&w.vm, w.vm.dev, NO_PASID, IOVA,
					  legacy ? VIQ_VTD_FR_CTX_RSVD : VIQ_VTD_FR_PE_RSVD);
			}
		}
		assert_true(vm_submit(&w.vm, legacy ? desc_cc(VIQ_VTD_CC_DOMAIN, 0x105, 0, 0)
						    : desc_pc(VIQ_VTD_PC_PASID, 0x105, 0)));
		vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(0));
		vm_unmap(&w.a, IOVA);
		assert_true(vm_submit(&w.vm, legacy ? desc_iotlb(VIQ_VTD_IOTLB_PAGE, 0x105, IOVA, 0, true)
						    : desc_piotlb(VIQ_VTD_PIOTLB_PAGE, 0x105, 0, IOVA, 0, true)));
		assert_int_equal(vm_translate(w.vm.dev, NO_PASID, IOVA, VIQ_SOFT_READ, &pa), -EFAULT);
		vm_fini(&w.vm);
	}
}

static void with_rps(struct vm *vm)
{
	vm->soft_config.ecap |= VIQ_VTD_ECAP_RPS;
	vm->soft_config.ecap = (vm->soft_config.ecap & ~VIQ_VTD_ECAP_PSS) | VIQ_PUT(VIQ_VTD_ECAP_PSS, 7);
	vm->config.ecap = vm->soft_config.ecap;
}

/* With ECAP.RPS; also beyond the PASIDs that requests can have. */
static void rid_pasid_may_be_any(void **state)
{
	static const uint32_t rids[] = {5, 300};

	for (unsigned int i = 0; i < 2; i++) {
		struct synth_vtd_pasids pasids;
		struct synth_vtd_pt a, b;
		struct vm vm;

		vm_init(&vm, true, with_rps);
		a = tables_to(&vm, 0);
		b = tables_to(&vm, 1);
		pasids = vm_pasids(&vm, SID, rids[i]);
		vm_entry(&pasids, rids[i], &a, NULL, 4);
		vm_entry(&pasids, 6, &b, NULL, 4);
		vm.dev = vm_add(&vm, SID, false);
		vm_hits(vm.dev, NO_PASID, IOVA, PAGE(0));
		vm_hits(vm.dev, 6, IOVA, PAGE(1));
		/* Another one: that entry is what requests without PASID use now. */
		pasids = vm_pasids(&vm, SID, 6);
		vm_entry(&pasids, 6, &b, NULL, 4);
		assert_true(vm_submit(&vm, desc_cc(VIQ_VTD_CC_DEVICE, 0, SID, 0)));
		vm_hits(vm.dev, NO_PASID, IOVA, PAGE(1));
		vm_fini(&vm);
	}
}

/* --- Modes -------------------------------------------------------------------------------------------------------- */

static void translation_disabled_is_identity_and_forgets_all(void **state)
{
	struct world w;
	uint32_t gsts;

	world_init(&w);
	vm_entry(&w.pasids, 0, &w.b, NULL, 4);
	gsts = (uint32_t)vm_reg(&w.vm, VREG(GSTS), 4) & 0x96ffffff;
	vm_write(&w.vm, VREG(GCMD), 4, gsts & ~(uint32_t)VIQ_VTD_GCMD_TE);
	vm_hits(w.vm.dev, NO_PASID, PAGE(7) + 5, PAGE(7) + 5);
	vm_write(&w.vm, VREG(GCMD), 4, gsts);
	vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(1));
	vm_fini(&w.vm);
}

static void a_new_root_table_is_taken_over_by_srtp(void **state)
{
	struct world w;
	struct synth_vtd_pasids pasids;

	world_init(&w);
	assert_int_equal(synth_vtd_root_init(&w.vm.root, &w.vm.heap, true), 0);
	pasids = vm_pasids(&w.vm, SID, 0);
	vm_entry(&pasids, 0, &w.b, NULL, 4);
	vm_write(&w.vm, VREG(RTADDR), 8, synth_vtd_root_rtaddr(&w.vm.root));
	vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(0));
	vm_write(&w.vm, VREG(GCMD), 4, (vm_reg(&w.vm, VREG(GSTS), 4) & 0x96ffffff) | VIQ_VTD_GCMD_SRTP);
	everything(&w.vm);
	vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(1));
	vm_fini(&w.vm);
}

static void a_source_without_context_faults_until_it_has_one(void **state)
{
	struct synth_vtd_pasids pasids;
	struct world w;

	world_init(&w);
	w.vm.dev2 = vm_add(&w.vm, SID2, false);
	vm_misses(&w.vm, w.vm.dev2, NO_PASID, IOVA, VIQ_VTD_FR_SM_ROOT_P);
	pasids = vm_pasids(&w.vm, SID2, 0);
	vm_entry(&pasids, 0, &w.b, NULL, 8);
	vm_misses(&w.vm, w.vm.dev2, NO_PASID, IOVA, VIQ_VTD_FR_SM_ROOT_P);
	assert_true(vm_submit(&w.vm, desc_cc(VIQ_VTD_CC_DEVICE, 0, SID2, 0)));
	vm_hits(w.vm.dev2, NO_PASID, IOVA, PAGE(1));
	vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(0));
	vm_fini(&w.vm);
}

/* What is cached of a faulty entry goes like any other: how it faults, and whether that is recorded. */
static void a_faulty_context_entry_is_stale_until_its_descriptor(void **state)
{
	const struct test_desc its = desc_cc(VIQ_VTD_CC_DEVICE, 0, SID, 0);
	uint64_t ctx[VIQ_VTD_SCTX_WORDS];
	struct world w;

	world_init(&w);
	synth_vtd_context(ctx, &w.pasids, 0);
	assert_int_equal(synth_vtd_root_set(&w.vm.root, SID, NULL), 0);
	assert_true(vm_submit(&w.vm, its));
	vm_misses(&w.vm, w.vm.dev, NO_PASID, IOVA, VIQ_VTD_FR_SM_CTX_P);
	ctx[1] |= VIQ_BIT(63);
	assert_int_equal(synth_vtd_root_set(&w.vm.root, SID, ctx), 0);
	vm_misses(&w.vm, w.vm.dev, NO_PASID, IOVA, VIQ_VTD_FR_SM_CTX_P);
	assert_true(vm_submit(&w.vm, its));
	vm_misses(&w.vm, w.vm.dev, NO_PASID, IOVA, VIQ_VTD_FR_SM_CTX_RSVD);
	ctx[0] |= VIQ_VTD_SCTX_FPD;
	assert_int_equal(synth_vtd_root_set(&w.vm.root, SID, ctx), 0);
	vm_misses(&w.vm, w.vm.dev, NO_PASID, IOVA, VIQ_VTD_FR_SM_CTX_RSVD);
	assert_true(vm_submit(&w.vm, its));
	vm_misses(&w.vm, w.vm.dev, NO_PASID, IOVA, 0);
	vm_fini(&w.vm);
}

static void legacy_mode_knows_no_pasids(void **state)
{
	struct vm vm;

	vm_init(&vm, false, NULL);
	vm_legacy(&vm, SID, NULL, 4);
	vm.dev = vm_add(&vm, SID, false);
	vm_hits(vm.dev, NO_PASID, PAGE(3), PAGE(3));
	vm_misses(&vm, vm.dev, 0, PAGE(3), VIQ_VTD_FR_TTM_PASID);
	/* Whatever the context entry says. */
	assert_int_equal(synth_vtd_root_set(&vm.root, SID, (const uint64_t[VIQ_VTD_SCTX_WORDS]){VIQ_VTD_CTX_FPD}), 0);
	assert_true(vm_submit(&vm, desc_cc(VIQ_VTD_CC_DEVICE, 0, SID, 0)));
	vm_misses(&vm, vm.dev, NO_PASID, PAGE(3), 0);
	vm_misses(&vm, vm.dev, 0, PAGE(3), VIQ_VTD_FR_TTM_PASID);
	vm_fini(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pasid_entry_is_stale_until_a_pasid_cache_descriptor_names_it),
		cmocka_unit_test(the_context_cache_alone_is_not_enough),
		cmocka_unit_test(nor_is_the_pasid_cache_without_the_iotlb),
		cmocka_unit_test(not_present_is_cached_too),
		cmocka_unit_test(a_faulty_entry_is_cached_under_domain_0),
		cmocka_unit_test(domain_ids_have_the_width_that_the_guest_was_told),
		cmocka_unit_test(a_cleared_entry_goes_and_its_translations_with_it),
		cmocka_unit_test(a_context_entry_is_stale_until_a_context_cache_descriptor_names_its_source),
		cmocka_unit_test(legacy_entries_likewise_and_by_domain),
		cmocka_unit_test(rid_pasid_is_the_contexts),
		cmocka_unit_test(rid_pasid_may_be_any),
		cmocka_unit_test(translation_disabled_is_identity_and_forgets_all),
		cmocka_unit_test(a_new_root_table_is_taken_over_by_srtp),
		cmocka_unit_test(a_source_without_context_faults_until_it_has_one),
		cmocka_unit_test(a_faulty_context_entry_is_stale_until_its_descriptor),
		cmocka_unit_test(legacy_mode_knows_no_pasids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
