/* SPDX-License-Identifier: MIT */
/*
 * What the guest's root, context and PASID entries make of a device, named by transition. P1: a PASID-cache or
 * context-cache descriptor completes only when the device meets what the guest's entries say.
 */
#include <errno.h>
#include <string.h>

#include "support/linux_vnest.h"

#define DID 4
#define FS  (VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_FS))
#define PT  (VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_PT))
#define SS  (VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_SS) | VIQ_PUT(VIQ_VTD_PE_AW, 2))

static struct vnest *one_device(void)
{
	struct vnest *n = vnest_new(1);

	vnest_add(n, 0);
	vnest_context_on(n, 0);
	return n;
}

/* --- Before there are entries ------------------------------------------------------------------------------------- */

/* A device that was added before the guest enables translation reaches all of the guest's memory, as on hardware. */
static void disabled_bypasses(void **state)
{
	struct vnest *n = vnest_kernel(1);

	assert_int_equal(vnest_create(n), 0);
	vnest_add(n, 0);
	assert_blocked(n, 0, 0); /* no guest yet */
	vnest_guest(n);
	assert_blocked(n, 0, 0); /* it keeps what it has until it is looked at */
	viq_vtd_reset(n->g->vtd);
	assert_int_equal(vnest_mode(n, 0, 0), FK_OWN_TABLES);
	vnest_boot(n);
	assert_blocked(n, 0, 0);
	assert_int_equal(n->last.reason, 0x41); /* scalable context entry: P = 0 */
	vvtd_gcmd(n->g, VREG(GCMD_TE), false);
	assert_int_equal(vnest_mode(n, 0, 0), FK_OWN_TABLES);
	vnest_free(n);
}

/* --- Transitions -------------------------------------------------------------------------------------------------- */

static void nothing_to_present(void **state)
{
	struct vnest *n = one_device();

	vnest_set(n, 0, 0, DID, 1);
	assert_nested(n, 0, 0, 1);
	assert_int_equal(vnest_s1(n, 0, 0)->addr_width, 48);
	assert_int_equal(vnest_s1(n, 0, 0)->flags, 0);
	assert_int_equal(n->last.fate, VIQ_VTD_SET_NESTED);
	assert_false(n->last.has_pasid);
	assert_int_equal(n->last.domain_id, DID);
	assert_int_equal(vnest_own_objects(n), 1);
	vnest_free(n);
}

/* The descriptor is what makes it so: hardware may cache entries that are not present (CAP.CM = 1). */
static void present_without_descriptor_is_not_looked_at(void **state)
{
	struct vnest *n = one_device();

	vnest_first(n, 0, 0, DID, 1);
	assert_blocked(n, 0, 0);
	assert_true(vnest_send(n, desc_iotlb(VREG(IOTLB_GLOBAL), 0, 0, 0, false)));
	assert_blocked(n, 0, 0);
	vnest_flush(n, DID, 0);
	assert_nested(n, 0, 0, 1);
	vnest_free(n);
}

static void present_to_other_table(void **state)
{
	struct vnest *n = one_device();

	vnest_set(n, 0, 0, DID, 1);
	vnest_set(n, 0, 0, DID, 2);
	assert_nested(n, 0, 0, 2);
	assert_int_equal(vnest_own_objects(n), 1);
	assert_int_equal(vnest_counters(n).attaches, 2);
	vnest_free(n);
}

/* Entries cached under the old domain-id must not be met under the new one: a page table of its own. */
static void present_to_other_domain(void **state)
{
	struct vnest *n = one_device();
	uint32_t hwpt;

	vnest_set(n, 0, 0, DID, 1);
	hwpt = vnest_attached(n, 0, 0);
	vnest_set(n, 0, 0, DID + 1, 1);
	assert_nested(n, 0, 0, 1);
	assert_int_equal(vnest_counters(n).attaches, 2);
	/* And the guest reaches it by the new key only. */
	hwpt = vnest_attached(n, 0, 0);
	fake_kernel_reset(n->fk);
	assert_true(vnest_send(n, desc_page(DID, 0, 5)));
	assert_int_equal(n->fk->effect_count, 0);
	assert_true(vnest_send(n, desc_page(DID + 1, 0, 5)));
	assert_int_equal(vnest_effects(n, hwpt, entry_page(5, true)), 1);
	vnest_free(n);
}

static void present_to_present_is_left_alone(void **state)
{
	struct vnest *n = one_device();
	uint64_t calls;

	vnest_set(n, 0, 0, DID, 1);
	calls = n->fk->calls;
	vnest_flush(n, DID, 0);
	assert_true(vnest_send(n, desc_pc(VREG(PC_GLOBAL), 0, 0)));
	assert_true(vnest_send(n, desc_pc(VREG(PC_DOMAIN), 77, 0)));
	assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
	assert_int_equal(n->fk->calls, calls);
	assert_int_equal(n->fates[VIQ_VTD_SET_UNCHANGED], 4);
	vnest_free(n);
}

static void present_to_cleared(void **state)
{
	struct vnest *n = one_device();

	vnest_set(n, 0, 0, DID, 1);
	vnest_clear(n, 0, 0);
	assert_nested(n, 0, 0, 1);
	vnest_flush(n, DID, 0);
	assert_blocked(n, 0, 0);
	assert_int_equal(n->last.reason, 0x59);
	assert_int_equal(vnest_own_objects(n), 0);
	vnest_free(n);
}

static void present_to_pass_through_and_back(void **state)
{
	struct vnest *n = one_device();

	vnest_set(n, 0, 0, DID, 1);
	vnest_entry(n, 0, 0, PT, 1, 0);
	vnest_flush(n, 1, 0);
	assert_int_equal(vnest_mode(n, 0, 0), FK_OWN_TABLES);
	assert_int_equal(vnest_attached(n, 0, 0), n->hwpt);
	assert_int_equal(vnest_own_objects(n), 0);
	vnest_set(n, 0, 0, DID, 1);
	assert_nested(n, 0, 0, 1);
	vnest_free(n);
}

/*
 * With one second stage in the hardware, the host's: ECAP.SSTS is not offered. A pointer to one is
 * reserved (9.6), and the type is invalid (SPT.4.2).
 */
static void second_stage_is_refused(void **state)
{
	struct vnest *n = one_device();

	vnest_set(n, 0, 0, DID, 1);
	vnest_entry(n, 0, 0, SS | 0x5000, DID, 0);
	vnest_flush(n, DID, 0);
	assert_blocked(n, 0, 0);
	assert_int_equal(n->last.fate, VIQ_VTD_SET_BLOCKED);
	assert_int_equal(n->last.reason, 0x5a);
	vnest_entry(n, 0, 0, SS, DID, 0);
	vnest_flush(n, DID, 0);
	assert_blocked(n, 0, 0);
	assert_int_equal(n->last.reason, 0x5b);
	vnest_free(n);
}

static void context_to_cleared(void **state)
{
	const uint64_t none[4] = {0};
	struct vnest *n = one_device();

	vnest_set(n, 0, 0, DID, 1);
	vnest_set(n, 0, 9, DID + 1, 2);
	vnest_context(n, 0, none);
	assert_true(vnest_send(n, desc_cc(VREG(CC_DEVICE), 0, VNEST_SID(0), 0)));
	assert_blocked(n, 0, 0);
	assert_blocked(n, 0, 9);
	assert_int_equal(vnest_own_objects(n), 0);
	vnest_free(n);
}

static void context_to_other_directory(void **state)
{
	const uint64_t other[4] = {VIQ_VTD_SCTX_P | VIQ_VTD_SCTX_PASIDE | VNEST_DIR(3)};
	struct vnest *n = one_device();

	vnest_set(n, 0, 0, DID, 1);
	vnest_set(n, 0, 9, DID, 2);
	vnest_first(n, 3, 0, DID, 3);
	vnest_first(n, 3, 70, DID, 4);
	vnest_context(n, 0, other);
	assert_true(vnest_send(n, desc_cc(VREG(CC_DEVICE), 0, VNEST_SID(0), 0)));
	assert_nested(n, 0, 0, 3);
	assert_blocked(n, 0, 9);
	assert_nested(n, 0, 70, 4);
	vnest_free(n);
}

/* FM 3: the function bits of the source-id are ignored. */
static void context_of_other_devices_is_not_read(void **state)
{
	const uint64_t none[4] = {0};
	struct vnest *n = vnest_new(2);

	for (uint32_t i = 0; i < 2; i++) {
		vnest_add(n, i);
		vnest_set(n, i, 0, DID, i);
	}
	for (uint32_t i = 0; i < 2; i++)
		vnest_context(n, i, none);
	assert_true(vnest_send(n, desc_cc(VREG(CC_DEVICE), 0, VNEST_SID(1) | 3, 3)));
	assert_nested(n, 0, 0, 0);
	assert_blocked(n, 1, 0);
	vnest_free(n);
}

static void root_table_is_read_anew(void **state)
{
	struct vnest *n = one_device();

	vnest_set(n, 0, 0, DID, 1);
	vvtd_w64(n->g, VREG(RTADDR), 0x01800000 | VIQ_PUT(VREG(RTADDR_TTM), VREG(TTM_SCALABLE)));
	assert_nested(n, 0, 0, 1); /* RTADDR alone does nothing */
	vvtd_gcmd(n->g, VREG(GCMD_SRTP), true);
	assert_blocked(n, 0, 0);
	assert_int_equal(n->last.reason, 0x39);
	vnest_free(n);
}

static void translation_off_and_on(void **state)
{
	struct vnest *n = one_device();

	vnest_set(n, 0, 0, DID, 1);
	vnest_set(n, 0, 9, DID, 2);
	vvtd_gcmd(n->g, VREG(GCMD_TE), false);
	assert_int_equal(vnest_mode(n, 0, 0), FK_OWN_TABLES);
	assert_blocked(n, 0, 9);
	vvtd_gcmd(n->g, VREG(GCMD_TE), true);
	assert_nested(n, 0, 0, 1);
	assert_nested(n, 0, 9, 2);
	vnest_free(n);
}

/* What is below the entries has changed too: nothing that was cached may live on. */
static void reset_and_restore_attach_anew(void **state)
{
	struct viq_vtd_reconfig restored = {
		.size = sizeof(restored), .cause = VIQ_VTD_RESTORED, .scope = VIQ_VTD_SCOPE_ALL};
	struct vnest *n = one_device();

	vnest_set(n, 0, 0, DID, 1);
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &restored), 0);
	assert_nested(n, 0, 0, 1);
	assert_int_equal(vnest_counters(n).attaches, 2);
	vnest_free(n);
}

/* --- Other modes -------------------------------------------------------------------------------------------------- */

static void set_mode(struct vnest *n, unsigned int mode)
{
	vvtd_w64(n->g, VREG(RTADDR), VNEST_ROOT | VIQ_PUT(VREG(RTADDR_TTM), mode));
	vvtd_gcmd(n->g, VREG(GCMD_SRTP), true);
}

static void legacy_mode(void **state)
{
	static const struct {
		uint64_t ctx[2];
		enum fk_mode mode;
		uint32_t fate, reason;
	} rows[] = {
		{{0, 0}, FK_BLOCKED, VIQ_VTD_SET_BLOCKED, 0x2},
		{{1 | VIQ_PUT(VIQ_VTD_CTX_TT, 2), DID << 8 | 2}, FK_OWN_TABLES, VIQ_VTD_SET_BYPASS, 0},
		{{1 | 0x5000, DID << 8 | 2}, FK_BLOCKED, VIQ_VTD_SET_UNSUPPORTED, 0},
		{{1 | VIQ_PUT(VIQ_VTD_CTX_TT, 1) | 0x5000, DID << 8 | 2}, FK_BLOCKED, VIQ_VTD_SET_UNSUPPORTED, 0},
		{{1 | VIQ_PUT(VIQ_VTD_CTX_TT, 3), DID << 8 | 2}, FK_BLOCKED, VIQ_VTD_SET_BLOCKED, 0x3},
		{{1 | VIQ_PUT(VIQ_VTD_CTX_TT, 2), DID << 8 | 1}, FK_BLOCKED, VIQ_VTD_SET_BLOCKED, 0x3}, /* AW */
		{{1 | 0x10, DID << 8 | 2}, FK_BLOCKED, VIQ_VTD_SET_BLOCKED, 0xb},
		{{1, (uint64_t)1 << 24}, FK_BLOCKED, VIQ_VTD_SET_BLOCKED, 0xb},
	};
	struct vnest *n = one_device();

	vvtd_poke64(n->g, VNEST_ROOT + 24, 0); /* the half of the other devices is reserved */
	set_mode(n, VREG(TTM_LEGACY));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		vvtd_poke64(n->g, VNEST_CTX(0) + 8 * 16, rows[i].ctx[0]);
		vvtd_poke64(n->g, VNEST_CTX(0) + 8 * 16 + 8, rows[i].ctx[1]);
		assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
		assert_int_equal(vnest_mode(n, 0, 0), rows[i].mode);
		assert_int_equal(n->last.fate, rows[i].fate);
		assert_int_equal(n->last.reason, rows[i].reason);
	}
	vvtd_poke64(n->g, VNEST_ROOT + 24, 1);
	assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
	assert_int_equal(n->last.reason, 0xa);
	vvtd_poke64(n->g, VNEST_ROOT + 24, 0);
	vvtd_poke64(n->g, VNEST_ROOT + 16, 0);
	assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
	assert_int_equal(n->last.reason, 0x1);
	vvtd_poke64(n->g, VNEST_ROOT + 16, 0x7f000001);
	assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
	assert_int_equal(n->last.reason, 0x9);
	vnest_free(n);
}

static void modes_that_translate_nothing(void **state)
{
	struct vnest *n = one_device();

	vnest_set(n, 0, 0, DID, 1);
	set_mode(n, VREG(TTM_RESERVED));
	assert_blocked(n, 0, 0);
	assert_int_equal(n->last.reason, 0x30);
	set_mode(n, VREG(TTM_SCALABLE));
	assert_nested(n, 0, 0, 1);
	set_mode(n, VREG(TTM_ABORT));
	assert_blocked(n, 0, 0);
	vnest_free(n);
}

/* --- Entries that hardware faults on ------------------------------------------------------------------------------ */

static void broken_context(void **state)
{
	static const struct {
		uint64_t ctx[4];
		uint32_t reason;
	} rows[] = {
		{{0}, 0x41},
		{{1 | 1 << 5}, 0x42},
		{{1 | VIQ_VTD_SCTX_PRE}, 0x42},
		{{1, (uint64_t)1 << 21}, 0x42},
		{{1, 0, 1}, 0x42},
		{{1, 0, 0, 1}, 0x42},
		{{1 | 0x7f000000}, 0x50},                        /* the directory is nowhere */
		{{1 | VNEST_DIR(7)}, 0x51},                      /* it is empty */
		{{1 | VNEST_DIR(0), VNEST_PASID_MAX + 1}, 0x43}, /* RID_PASID beyond it */
		{{1 | VNEST_DIR(0) | UINT64_C(1) << 52}, 0x42},  /* above the widest HAW */
	};
	struct vnest *n = one_device();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		vnest_set(n, 0, 0, DID, 1);
		assert_nested(n, 0, 0, 1);
		vnest_context(n, 0, rows[i].ctx);
		assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
		assert_blocked(n, 0, 0);
		assert_int_equal(n->last.fate, VIQ_VTD_SET_BLOCKED);
		assert_int_equal(n->last.reason, rows[i].reason);
	}
	vvtd_poke64(n->g, VNEST_ROOT + 16, VNEST_CTX(0) | 3);
	assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
	assert_int_equal(n->last.reason, 0x3a);
	vvtd_poke64(n->g, VNEST_ROOT + 16, VNEST_CTX(0) | 1 | UINT64_C(1) << 63);
	assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
	assert_int_equal(n->last.reason, 0x3a);
	vvtd_poke64(n->g, VNEST_ROOT + 16, 0x7f000001);
	assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
	assert_int_equal(n->last.reason, 0x40);
	vnest_free(n);
}

/* Every bit of a first-stage PASID entry: taken, ignored, or what hardware faults on. */
static void every_bit_of_a_pasid_entry(void **state)
{
	struct vnest *n = one_device();

	for (unsigned int bit = 0; bit < 512; bit++) {
		uint64_t e[8] = {FS, DID, VNEST_PGTBL(1)}, *word = &e[bit / 64], mask = UINT64_C(1) << bit % 64;
		uint64_t gpa = vnest_entry_gpa(0, 0);
		bool reserved, taken;

		*word ^= mask;
		vnest_first(n, 0, 0, DID, 1); /* the directory */
		for (int i = 0; i < 8; i++)
			vvtd_poke64(n->g, gpa + 8 * i, e[i]);
		vnest_flush(n, DID, 0);
		/*
		 * Among them SSPTPTR, SSADE, PGSNP, memory types and ERE, which are not offered, and pointer bits above
		 * the widest HAW.
		 */
		reserved = bit / 64 > 2 || bit == 5 || (bit >= 9 && bit < 64) || (bit >= 64 + 16 && bit <= 64 + 22) ||
			   (bit >= 64 + 24 && bit < 128) || bit == 128 + 1 || (bit >= 128 + 8 && bit <= 128 + 11) ||
			   bit >= 128 + 52;
		/* Bits 5 and 6 of qw2 are ignored: NXE, SMEP of older revisions. */
		taken = !reserved && bit != 0 && (bit < 6 || bit > 8) && bit != 128 + 3;
		assert_int_equal(vnest_mode(n, 0, 0), taken ? FK_TRANSLATE : FK_BLOCKED);
		if (reserved)
			assert_int_equal(n->last.reason, 0x5a);
		if (!taken)
			continue;
		assert_int_equal(vnest_s1(n, 0, 0)->pgtbl_addr, e[2] & ~UINT64_C(0xfff));
		assert_int_equal(vnest_s1(n, 0, 0)->addr_width, bit == 128 + 2 ? 57 : 48);
		assert_int_equal(vnest_s1(n, 0, 0)->flags, bit == 128       ? VIQ_LINUX_VTD_SRE
							   : bit == 128 + 4 ? VIQ_LINUX_VTD_WPE
							   : bit == 128 + 7 ? VIQ_LINUX_VTD_EAFE
									    : 0);
		assert_int_equal(n->last.domain_id, (uint16_t)e[1]);
	}
	vnest_free(n);
}

/*
 * P1, with domain-ids of 8 bits: an entry cannot have one that descriptors cannot name (9.6), so none is left when the
 * descriptors of the one that they do name have completed (6.5.2.2, 6.5.2.4).
 */
static void domain_ids_have_the_width_that_the_guest_was_told(void **state)
{
	struct vnest *n = vnest_kernel(1);

	n->guest_config.cap = (n->guest_config.cap & ~VIQ_VTD_CAP_ND) | VIQ_PUT(VIQ_VTD_CAP_ND, 2);
	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	vnest_boot(n);
	vnest_add(n, 0);
	vnest_context_on(n, 0);
	vnest_set(n, 0, 0, 5, 1);
	assert_nested(n, 0, 0, 1);
	vnest_first(n, 0, 0, 0x105, 2);
	assert_true(vnest_send(n, desc_pc(VIQ_VTD_PC_PASID, 0x105, 0)));
	assert_blocked(n, 0, 0);
	assert_int_equal(n->last.reason, 0x5a);
	vnest_set(n, 0, 0, 5, 1);
	assert_true(vnest_send(n, desc_piotlb(VIQ_VTD_PIOTLB_PAGE, 0x105, 0, 0x7000, 0, false)));
	assert_int_equal(vtd_counters(n->g->vtd).no_table, 0);
	vnest_free(n);
}

/* What the guest was not offered is reserved for it. */
static void features_that_the_guest_was_not_offered(void **state)
{
	static const struct {
		uint64_t qw2;
		uint32_t reason;
	} rows[] = {
		{VIQ_VTD_PE_2_SRE, 0x5a},
		{VIQ_VTD_PE_2_EAFE, 0x5a},
		{VIQ_PUT(VIQ_VTD_PE_2_FSPM, 1), 0x5b},
	};
	const uint64_t ctx[4] = {VIQ_VTD_SCTX_P | VNEST_DIR(0), 70}, rid_0[4] = {VIQ_VTD_SCTX_P | VNEST_DIR(0)};
	struct vnest *n = vnest_kernel(1);

	n->fk->smmus[0].cap &= ~VIQ_VTD_CAP_FS5LP;
	n->fk->smmus[0].ecap &= ~(VIQ_VTD_ECAP_SRS | VIQ_VTD_ECAP_EAFS);
	n->guest_config.ecap &= ~(VIQ_VTD_ECAP_PT | VIQ_VTD_ECAP_RPS);
	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	vnest_boot(n);
	vnest_add(n, 0);
	vnest_context_on(n, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		vnest_entry(n, 0, 0, FS, DID, VNEST_PGTBL(1) | rows[i].qw2);
		vnest_flush(n, DID, 0);
		assert_blocked(n, 0, 0);
		assert_int_equal(n->last.reason, rows[i].reason);
	}
	vnest_entry(n, 0, 0, PT, DID, 0);
	vnest_flush(n, DID, 0);
	assert_blocked(n, 0, 0);
	assert_int_equal(n->last.reason, 0x5b);
	/* 9.4: without ECAP.RPS RID_PASID is reserved, and requests without PASID have PASID 0. */
	vnest_context(n, 0, ctx);
	vnest_first(n, 0, 0, DID, 1);
	assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
	assert_blocked(n, 0, 0);
	assert_int_equal(n->last.reason, 0x42);
	vnest_context(n, 0, rid_0);
	assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
	assert_nested(n, 0, 0, 1);
	vnest_free(n);
}

/* --- PASIDs ------------------------------------------------------------------------------------------------------- */

static void pasids_come_and_go(void **state)
{
	struct vnest *n = one_device();

	vnest_set(n, 0, 0, DID, 1);
	vnest_set(n, 0, 1, DID + 1, 2);
	vnest_set(n, 0, VNEST_PASID_MAX, DID + 1, 3);
	assert_nested(n, 0, 1, 2);
	assert_nested(n, 0, VNEST_PASID_MAX, 3);
	assert_true(n->last.has_pasid);
	assert_int_equal(n->last.pasid, VNEST_PASID_MAX);
	vnest_clear(n, 0, 1);
	vnest_flush(n, DID + 1, 1);
	assert_blocked(n, 0, 1);
	assert_nested(n, 0, 0, 1);
	assert_nested(n, 0, VNEST_PASID_MAX, 3);
	assert_int_equal(vnest_own_objects(n), 2);
	vnest_free(n);
}

/* A guest may set any number up before it sends one descriptor for all. */
static void many_pasids_by_one_descriptor(void **state)
{
	struct vnest *n = one_device();

	for (uint32_t i = 0; i < 400; i++)
		vnest_first(n, 0, i * 20, DID, i);
	assert_true(vnest_send(n, desc_pc(VREG(PC_DOMAIN), DID, 0)));
	for (uint32_t i = 0; i < 400; i++)
		assert_nested(n, 0, i * 20, i);
	for (uint32_t i = 0; i < 400; i += 2)
		vnest_clear(n, 0, i * 20);
	assert_true(vnest_send(n, desc_pc(VREG(PC_GLOBAL), 0, 0)));
	for (uint32_t i = 1; i < 400; i++) {
		if (i % 2)
			assert_nested(n, 0, i * 20, i);
		else
			assert_blocked(n, 0, i * 20);
	}
	assert_int_equal(vnest_own_objects(n), 200);
	vnest_free(n);
}

/* The key is the PASID, too: the guest invalidates by that of the entry which requests without PASID use now. */
static void rid_pasid_to_an_entry_that_is_alike(void **state)
{
	uint64_t ctx[4] = {VIQ_VTD_SCTX_P | VNEST_DIR(0), 70};
	struct vnest *n = one_device();

	vnest_first(n, 0, 70, DID, 1);
	vnest_first(n, 0, 71, DID, 1);
	vnest_context(n, 0, ctx);
	assert_true(vnest_send(n, desc_cc(VREG(CC_DEVICE), 0, VNEST_SID(0), 0)));
	ctx[1] = 71;
	vnest_context(n, 0, ctx);
	assert_true(vnest_send(n, desc_cc(VREG(CC_DEVICE), 0, VNEST_SID(0), 0)));
	assert_nested(n, 0, 0, 1);
	fake_kernel_reset(n->fk);
	assert_true(vnest_send(n, desc_page(DID, 71, 5)));
	assert_int_equal(vnest_effects(n, vnest_attached(n, 0, 0), entry_page(5, true)), 1);
	vnest_free(n);
}

/* Requests without PASID use the entry, those with RID_PASID fault (7.1.3, SCT.9). */
static void rid_pasid(void **state)
{
	uint64_t ctx[4] = {VIQ_VTD_SCTX_P | VIQ_VTD_SCTX_PASIDE | VNEST_DIR(0), 70};
	struct vnest *n = one_device();

	vnest_context(n, 0, ctx);
	vnest_first(n, 0, 70, DID, 1);
	vnest_first(n, 0, 71, DID, 2);
	assert_true(vnest_send(n, desc_cc(VREG(CC_DEVICE), 0, VNEST_SID(0), 0)));
	assert_nested(n, 0, 0, 1);
	assert_blocked(n, 0, 70);
	assert_nested(n, 0, 71, 2);
	fake_kernel_reset(n->fk);
	assert_true(vnest_send(n, desc_page(DID, 70, 5)));
	assert_int_equal(vnest_effects(n, vnest_attached(n, 0, 0), entry_page(5, true)), 1);
	assert_int_equal(vnest_effects(n, vnest_attached(n, 0, 71), entry_page(5, true)), 0);
	/* The guest changes RID_PASID; whichever of the two PASIDs it then names is enough. */
	ctx[1] = 71;
	vnest_context(n, 0, ctx);
	vnest_flush(n, DID, 70);
	assert_nested(n, 0, 0, 2);
	assert_blocked(n, 0, 71);
	assert_nested(n, 0, 70, 1);
	vnest_clear(n, 0, 71);
	vnest_flush(n, DID, 71);
	assert_blocked(n, 0, 0);
	assert_blocked(n, 0, 71);
	assert_nested(n, 0, 70, 1);
	vnest_free(n);
}

static void no_pasids_without_paside(void **state)
{
	const uint64_t ctx[4] = {VIQ_VTD_SCTX_P | VNEST_DIR(0)};
	struct vnest *n = one_device();

	vnest_set(n, 0, 0, DID, 1);
	vnest_set(n, 0, 9, DID, 2);
	vnest_context(n, 0, ctx);
	vnest_flush(n, DID, 9);
	assert_blocked(n, 0, 9);
	assert_nested(n, 0, 0, 1);
	vnest_context_on(n, 0);
	vnest_flush(n, DID, 9);
	assert_nested(n, 0, 9, 2);
	vnest_context(n, 0, ctx);
	assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
	assert_blocked(n, 0, 9);
	vnest_free(n);
}

/* PASIDs that the device cannot put into a request are not attached. */
static void no_pasids_that_the_device_has_not(void **state)
{
	struct vnest *n = vnest_kernel(1);

	n->fk->devices[0].max_pasid_log2 = 5;
	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	vnest_boot(n);
	vnest_add(n, 0);
	vnest_context_on(n, 0);
	vnest_first(n, 0, 0, DID, 1);
	vnest_first(n, 0, 31, DID, 2);
	vnest_first(n, 0, 32, DID, 3);
	vnest_flush(n, DID, 32);
	assert_true(vnest_send(n, desc_pc(VREG(PC_GLOBAL), 0, 0)));
	assert_nested(n, 0, 0, 1);
	assert_nested(n, 0, 31, 2);
	assert_int_equal(vnest_own_objects(n), 2);
	assert_int_equal(n->fates[VIQ_VTD_SET_REJECTED], 0);
	vnest_free(n);
}

/* RID_PASID is a number in the tables, not in requests. */
static void rid_pasid_beyond_what_the_device_has(void **state)
{
	const uint64_t ctx[4] = {VIQ_VTD_SCTX_P | VIQ_VTD_SCTX_PASIDE | VNEST_DIR(0), 70};
	struct vnest *n = vnest_kernel(1);

	n->fk->devices[0].max_pasid_log2 = 5;
	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	vnest_boot(n);
	vnest_add(n, 0);
	vnest_context(n, 0, ctx);
	vnest_first(n, 0, 70, DID, 1);
	vnest_first(n, 0, 3, DID, 2);
	assert_true(vnest_send(n, desc_pc(VREG(PC_GLOBAL), 0, 0)));
	assert_nested(n, 0, 0, 1);
	assert_nested(n, 0, 3, 2);
	assert_int_equal(vnest_own_objects(n), 2);
	vnest_free(n);
}

/* What a guest can make the kernel allocate has a limit; beyond it requests are blocked, and the queue goes on. */
static void tables_are_limited(void **state)
{
	struct vnest *n = vnest_kernel(1);

	n->config.max_tables = 3;
	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	vnest_boot(n);
	vnest_add(n, 0);
	for (uint32_t i = 0; i < 5; i++)
		vnest_set(n, 0, i, DID, i);
	assert_int_equal(vnest_own_objects(n), 3);
	assert_int_equal(vnest_counters(n).tables, 3);
	assert_int_equal(n->last.fate, VIQ_VTD_SET_REJECTED);
	assert_int_equal(n->last.os_error, -ENOSPC);
	assert_int_equal(vnest_counters(n).rejected, 2);
	assert_blocked(n, 0, 4);
	vnest_set(n, 0, 2, DID, 9); /* what it has can be replaced */
	assert_nested(n, 0, 2, 9);
	vnest_free(n);
}

/* --- Reads -------------------------------------------------------------------------------------------------------- */

/* The guest's directory: 2^14 entries that all name one table. The work ends with the PASIDs offered, of 16 bits. */
static void the_largest_directory(void **state)
{
	const uint64_t ctx[4] = {VIQ_VTD_SCTX_P | VIQ_VTD_SCTX_PASIDE | VIQ_PUT(VIQ_VTD_SCTX_PDTS, 7) | 0x01800000};
	struct vnest *n = vnest_kernel(1);

	n->config.max_tables = 100;
	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	vnest_boot(n);
	for (uint32_t i = 0; i < 1 << 14; i++)
		vvtd_poke64(n->g, 0x01800000 + 8 * i, VNEST_TABLE(0) | 1);
	vnest_context_on(n, 0);
	vnest_first(n, 0, 0, DID, 1);
	vnest_first(n, 0, 63, DID, 2);
	vnest_context(n, 0, ctx);
	vnest_add(n, 0);
	assert_nested(n, 0, 0, 1);
	assert_int_equal(vnest_own_objects(n), 100);
	assert_int_equal(vnest_counters(n).rejected, 2 * (1 << 10) - 100);
	vnest_free(n);
}

/* What is in force already is not touched: no device stands blocked for a moment while others are looked at. */
static void what_is_in_force_is_left_alone(void **state)
{
	struct vnest *n = one_device();

	vvtd_gcmd(n->g, VREG(GCMD_TE), false);
	assert_int_equal(vnest_mode(n, 0, 0), FK_OWN_TABLES);
	n->fk->calls = 0;
	assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
	assert_true(vnest_send(n, desc_pc(VREG(PC_GLOBAL), 0, 0)));
	assert_int_equal(n->fk->calls, 0);
	vvtd_gcmd(n->g, VREG(GCMD_TE), true);
	vnest_set(n, 0, 0, DID, 1);
	vnest_set(n, 0, 9, DID, 2);
	n->fk->calls = 0;
	assert_true(vnest_send(n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
	assert_true(vnest_send(n, desc_pc(VREG(PC_GLOBAL), 0, 0)));
	assert_int_equal(n->fk->calls, 0);
	vnest_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disabled_bypasses),
		cmocka_unit_test(nothing_to_present),
		cmocka_unit_test(present_without_descriptor_is_not_looked_at),
		cmocka_unit_test(present_to_other_table),
		cmocka_unit_test(present_to_other_domain),
		cmocka_unit_test(present_to_present_is_left_alone),
		cmocka_unit_test(present_to_cleared),
		cmocka_unit_test(present_to_pass_through_and_back),
		cmocka_unit_test(second_stage_is_refused),
		cmocka_unit_test(context_to_cleared),
		cmocka_unit_test(context_to_other_directory),
		cmocka_unit_test(context_of_other_devices_is_not_read),
		cmocka_unit_test(root_table_is_read_anew),
		cmocka_unit_test(translation_off_and_on),
		cmocka_unit_test(reset_and_restore_attach_anew),
		cmocka_unit_test(legacy_mode),
		cmocka_unit_test(modes_that_translate_nothing),
		cmocka_unit_test(broken_context),
		cmocka_unit_test(every_bit_of_a_pasid_entry),
		cmocka_unit_test(domain_ids_have_the_width_that_the_guest_was_told),
		cmocka_unit_test(features_that_the_guest_was_not_offered),
		cmocka_unit_test(pasids_come_and_go),
		cmocka_unit_test(many_pasids_by_one_descriptor),
		cmocka_unit_test(rid_pasid_to_an_entry_that_is_alike),
		cmocka_unit_test(rid_pasid_beyond_what_the_device_has),
		cmocka_unit_test(rid_pasid),
		cmocka_unit_test(no_pasids_without_paside),
		cmocka_unit_test(no_pasids_that_the_device_has_not),
		cmocka_unit_test(tables_are_limited),
		cmocka_unit_test(the_largest_directory),
		cmocka_unit_test(what_is_in_force_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
