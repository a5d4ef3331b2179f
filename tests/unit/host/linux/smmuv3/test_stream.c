/* SPDX-License-Identifier: MIT */
/*
 * What a device of a nested SMMUv3 is attached to, as the guest's tables, SMMUEN and GBPA say (IHI 0070 5.2, 6.3.9,
 * 6.3.14), and what happens when the kernel does not play along. P1: while a device translates by tables that the
 * guest has asked to leave, no command of the guest completes that says it does not.
 */
#include <errno.h>
#include <stdlib.h>

#include "host/linux/iommufd/uapi.h"
#include "support/linux_nest.h"
#include "support/sized.h"

#define SID 5

/* vIOMMU, two shared page tables, event queue; a device is a vDEVICE more, a translating one a page table more. */
#define BASE_OBJECTS 4

static struct nest *with_device(bool two_level)
{
	struct nest *n = nest_new(2);

	nest_boot(n, two_level);
	nest_add(n, 0, SID);
	return n;
}

/* System calls of this kind fail from now on, times times. */
static void break_calls(struct nest *n, unsigned int slot, unsigned long request, uint64_t times, int err)
{
	n->fk->faults[slot] = (struct fk_fault){
		.request = request, .first = n->fk->ioctls[request & 0xff] + 1, .times = times, .err = err};
}

static void heal(struct nest *n)
{
	for (int i = 0; i < FK_FAULTS; i++)
		n->fk->faults[i].times = 0;
}

#define ALWAYS UINT32_MAX

/* --- From each state to each ---------------------------------------------------------------------------------------
 */

enum kind {
	KIND_ABORT,
	KIND_INVALID,
	KIND_BYPASS,
	KIND_STAGE1,
	KIND_STAGE1B,
	KIND_STAGE2,
	KINDS
};

static const struct {
	uint64_t ste[2];
	enum fk_mode mode;
	enum viq_smmuv3_stream_fate fate;
} kinds[KINDS] = {
	[KIND_ABORT] = {{NEST_V_ABORT, 0}, FK_ABORT, VIQ_SMMUV3_STREAM_ABORT},
	[KIND_INVALID] = {{0, 0}, FK_ABORT, VIQ_SMMUV3_STREAM_FAULT},
	[KIND_BYPASS] = {{NEST_V_BYPASS, UINT64_C(1) << 44}, FK_BYPASS, VIQ_SMMUV3_STREAM_BYPASS},
	[KIND_STAGE1] = {{NEST_S1_0(1), NEST_S1_1}, FK_TRANSLATE, VIQ_SMMUV3_STREAM_STAGE1},
	[KIND_STAGE1B] = {{NEST_S1_0(2), NEST_S1_1}, FK_TRANSLATE, VIQ_SMMUV3_STREAM_STAGE1},
	[KIND_STAGE2] = {{1 | 6 << 1, 0}, FK_ABORT, VIQ_SMMUV3_STREAM_FAULT},
};

static void go(struct nest *n, enum kind kind, enum viq_smmuv3_stream_fate fate)
{
	uint32_t before = n->fates[fate];
	uint64_t attaches = nest_counters(n).attaches, really = n->fk->devices[0].attaches;
	uint64_t calls = n->fk->calls;

	nest_ste(n, SID, kinds[kind].ste[0], kinds[kind].ste[1]);
	nest_cfgi_ste(n, SID);
	assert_int_equal(n->last.fate, fate);
	assert_int_equal(n->last.vsid, SID);
	assert_int_equal(n->last.os_error, 0);
	assert_int_equal(n->last.calls, n->fk->calls - calls); /* P4: what is charged is what it took */
	assert_int_equal(n->fates[fate], before + 1);
	assert_int_equal(nest_mode(n, 0), kinds[kind].mode);
	if (kinds[kind].mode == FK_TRANSLATE)
		assert_stage1(n, 0, kinds[kind].ste[0], kinds[kind].ste[1]);
	assert_int_equal(nest_counters(n).attaches - attaches, n->fk->devices[0].attaches - really);
	/* The page table before is gone. */
	assert_int_equal(nest_own_objects(n), BASE_OBJECTS + 1 + (kinds[kind].mode == FK_TRANSLATE));
}

static void transition(enum kind from, enum kind to)
{
	for (int two_level = 0; two_level < 2; two_level++) {
		struct nest *n = with_device(two_level);
		bool same = from == to && kinds[to].mode == FK_TRANSLATE;

		go(n, from, kinds[from].fate);
		go(n, to, same ? VIQ_SMMUV3_STREAM_UNCHANGED : kinds[to].fate);
		nest_free(n);
	}
}

#define TRANSITION(from, FROM, to, TO)                                                                                 \
	static void from##_to_##to(void **state)                                                                       \
	{                                                                                                              \
		transition(KIND_##FROM, KIND_##TO);                                                                    \
	}
#define TO_ALL(X, from, FROM)                                                                                          \
	X(from, FROM, abort, ABORT)                                                                                    \
	X(from, FROM, invalid, INVALID)                                                                                \
	X(from, FROM, bypass, BYPASS)                                                                                  \
	X(from, FROM, stage1, STAGE1)                                                                                  \
	X(from, FROM, stage1b, STAGE1B)                                                                                \
	X(from, FROM, stage2, STAGE2)
#define ALL_TO_ALL(X)                                                                                                  \
	TO_ALL(X, abort, ABORT)                                                                                        \
	TO_ALL(X, invalid, INVALID)                                                                                    \
	TO_ALL(X, bypass, BYPASS)                                                                                      \
	TO_ALL(X, stage1, STAGE1)                                                                                      \
	TO_ALL(X, stage1b, STAGE1B)                                                                                    \
	TO_ALL(X, stage2, STAGE2)

ALL_TO_ALL(TRANSITION)

/* Abort and bypass tables are shared: going between them makes no object, and needs no memory here. */
static void abort_and_bypass_make_nothing(void **state)
{
	struct nest *n = with_device(false);

	break_calls(n, 0, UAPI_IOMMU_HWPT_ALLOC, ALWAYS, -ENOMEM);
	go(n, KIND_BYPASS, VIQ_SMMUV3_STREAM_BYPASS);
	go(n, KIND_ABORT, VIQ_SMMUV3_STREAM_ABORT);
	nest_free(n);
}

/* --- SMMUEN and GBPA -----------------------------------------------------------------------------------------------
 */

static void smmuen_off_is_gbpa(void **state)
{
	struct nest *n = with_device(true);

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	nest_enable(n, false);
	assert_int_equal(nest_mode(n, 0), FK_BYPASS);
	NEST_GBPA_ABORT(n->g);
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	vsmmu_w32(n->g, REG(GBPA), 0x80001000);
	assert_int_equal(nest_mode(n, 0), FK_BYPASS);
	/* On again: the table is read, not remembered. */
	nest_ste(n, SID, NEST_S1_0(7), NEST_S1_1);
	nest_enable(n, true);
	assert_stage1(n, 0, NEST_S1_0(7), NEST_S1_1);
	nest_free(n);
}

/* A device may be behind a number that the guest's SIDSIZE (16) has not: SMMUEN is for it too. */
static void smmuen_concerns_every_stream(void **state)
{
	struct nest *n = with_device(true);

	nest_add(n, 1, 0x12345);
	assert_int_equal(nest_mode(n, 1), FK_ABORT);
	nest_enable(n, false);
	assert_int_equal(nest_mode(n, 1), FK_BYPASS);
	nest_enable(n, true);
	assert_int_equal(nest_mode(n, 1), FK_ABORT);
	nest_free(n);
}

static void gbpa_while_enabled_changes_nothing(void **state)
{
	struct nest *n = with_device(true);

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	NEST_GBPA_ABORT(n->g);
	assert_stage1(n, 0, NEST_S1_0(1), NEST_S1_1);
	nest_free(n);
}

static void reset_is_gbpa(void **state)
{
	struct nest *n = with_device(false);

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	viq_smmuv3_reset(n->g->smmu);
	assert_int_equal(nest_mode(n, 0), FK_BYPASS);
	nest_free(n);
}

/* No way back to the guest: the stream aborts. */
static void failure_at_smmuen_aborts(void **state)
{
	struct nest *n = with_device(true);

	nest_enable(n, false);
	nest_stage1(n, SID);
	break_calls(n, 0, UAPI_IOMMU_HWPT_ALLOC, 1, -ENOMEM);
	nest_enable(n, true);
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_FAILED);
	assert_int_equal(n->last.os_error, -ENOMEM);
	nest_cfgi_ste(n, SID);
	assert_stage1(n, 0, NEST_S1_0(SID), NEST_S1_1);
	nest_free(n);
}

static void restore_on_another_host(void **state)
{
	struct nest *n = with_device(true), *m = nest_new(2);
	size_t len = viq_smmuv3_save_size(n->g->smmu);
	void *saved = malloc(len);

	assert_non_null(saved);
	nest_add(n, 1, 9);
	nest_stage1(n, SID);
	nest_ste(n, 9, NEST_V_BYPASS, 0);
	nest_cfgi_ste(n, SID);
	nest_cfgi_ste(n, 9);
	assert_int_equal(viq_smmuv3_save(n->g->smmu, saved, &len), 0);
	/* There: devices first, which bypass by GBPA; the guest's memory has been copied. */
	nest_add(m, 0, SID);
	nest_add(m, 1, 9);
	assert_int_equal(nest_mode(m, 0), FK_BYPASS);
	m->two_level = true;
	vsmmu_poke64(m->g, VSMMU_STRTAB, NEST_L2 | 9);
	nest_stage1(m, SID);
	nest_ste(m, 9, NEST_V_ABORT, 0);
	assert_int_equal(viq_smmuv3_restore(m->g->smmu, saved, len), 0);
	assert_stage1(m, 0, NEST_S1_0(SID), NEST_S1_1);
	assert_int_equal(nest_mode(m, 1), FK_ABORT);
	free(saved);
	nest_free(n);
	nest_free(m);
}

/* --- CFGI commands -------------------------------------------------------------------------------------------------
 */

/* Linux writes the CD and sends CFGI_CD before the STE that leads to it. */
static void first_cfgi_cd_before_the_ste(void **state)
{
	struct nest *n = with_device(true);

	assert_true(nest_send(n, cmd_cfgi_cd(SID, 0)));
	assert_int_equal(nest_effects(n, 0x05, SID), 1);
	assert_true(nest_send(n, cmd_cfgi_cd_all(SID)));
	assert_int_equal(nest_effects(n, 0x06, SID), 1);
	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	nest_free(n);
}

static void what_is_set_as_another_version_has_it(void **state)
{
	struct viq_smmuv3_stream bypass = {.size = sizeof(bypass), .mode = VIQ_SMMUV3_BYPASS, .ste = {NEST_V_BYPASS}};
	struct viq_smmuv3_outcome o = {.size = sizeof(o)};
	struct nest *n = nest_new(1);

	nest_add(n, 0, SID);
	assert_takes_later(viq_smmuv3_stream, bypass, viq_linux_vsmmu_set(n->vs, SID, later, &o));
	assert_int_equal(o.fate, VIQ_SMMUV3_STREAM_BYPASS);
	assert_gives_later(viq_smmuv3_outcome, viq_linux_vsmmu_set(n->vs, SID, &bypass, later));
	bypass.mode = VIQ_SMMUV3_STAGE1 + 1;
	assert_int_equal(viq_linux_vsmmu_set(n->vs, SID, &bypass, &o), -EINVAL);
	bypass.mode = VIQ_SMMUV3_BYPASS;
	assert_int_equal(viq_linux_vsmmu_set(n->vs, SID, &bypass, NULL), -EINVAL);
	assert_int_equal(viq_linux_vsmmu_set(NULL, SID, &bypass, &o), -EINVAL);
	assert_int_equal(viq_linux_vsmmu_set(n->vs, SID + 1, &bypass, &o), -ENOENT);
	nest_free(n);
}

static void unknown_streams_concern_nobody(void **state)
{
	struct nest *n = with_device(true);

	assert_true(nest_send(n, cmd_cfgi_cd(SID + 1, 0)));
	assert_true(nest_send(n, cmd_cfgi_ste(SID + 1)));
	assert_true(nest_send(n, cmd_atc(SID + 1, 0, 52)));
	assert_int_equal(n->fk->inv_calls, 0);
	nest_free(n);
}

/* CFGI_STE promises that the CDs are read again, whatever else has changed. */
static void unchanged_words_reread_the_cds(void **state)
{
	struct nest *n = with_device(true);
	struct viq_linux_counters before;

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	before = nest_counters(n);
	break_calls(n, 0, UAPI_IOMMU_HWPT_ALLOC, ALWAYS, -ENOMEM); /* nothing is made */
	for (unsigned int i = 1; i <= 3; i++) {
		go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_UNCHANGED);
		assert_int_equal(nest_effects(n, 0x06, SID), i);
	}
	assert_int_equal(nest_counters(n).attaches, before.attaches);
	assert_int_equal(nest_counters(n).ioctls, before.ioctls + 3);
	nest_free(n);
}

static void erratum_rereads_twice(void **state)
{
	struct nest *n = nest_kernel(1);

	n->fk->smmus[0].flags = VIQ_LINUX_SMMUV3_REPEAT_TLBI_CFGI;
	assert_int_equal(nest_create(n), 0);
	nest_guest(n);
	nest_boot(n, true);
	nest_add(n, 0, SID);
	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_UNCHANGED);
	assert_int_equal(nest_effects(n, 0x06, SID), 2);
	assert_int_equal(nest_counters(n).repeated, 1);
	assert_true(nest_send(n, cmd_cfgi_cd(SID, 0)));
	assert_int_equal(nest_effects(n, 0x05, SID), 2);
	nest_free(n);
}

static void cds_not_reread_is_an_error(void **state)
{
	struct nest *n = with_device(true);

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	break_calls(n, 0, UAPI_IOMMU_HWPT_INVALIDATE, ALWAYS, -ENOMEM);
	assert_false(nest_try_cfgi_ste(n, SID));
	assert_int_equal(vsmmu_cerror(n->g), VIQ_SMMUV3_CERROR_ABT);
	assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_FAILED);
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	heal(n);
	nest_acknowledge(n);
	assert_idle(n->g);
	assert_stage1(n, 0, NEST_S1_0(1), NEST_S1_1);
	nest_free(n);
}

static void ranges_reach_every_device_inside(void **state)
{
	struct nest *n = nest_new(4);
	static const uint32_t sids[] = {0, 4, 7, 8};

	nest_boot(n, true);
	for (uint32_t i = 0; i < 4; i++)
		nest_add(n, 3 - i, sids[3 - i]); /* not in order */
	for (uint32_t i = 0; i < 4; i++)
		nest_stage1(n, sids[i]);
	/* 4 to 7: a range of 2^(1 + 1), wherever the StreamID in it is. */
	assert_true(nest_send(n, cmd_cfgi_range(5, 1)));
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	assert_int_equal(nest_mode(n, 1), FK_TRANSLATE);
	assert_int_equal(nest_mode(n, 2), FK_TRANSLATE);
	assert_int_equal(nest_mode(n, 3), FK_ABORT);
	nest_free(n);
}

static void cfgi_all_reaches_every_device(void **state)
{
	struct nest *n = nest_new(4);
	static const uint32_t sids[] = {0, 200, 7, 255};

	nest_boot(n, true);
	for (uint32_t i = 0; i < 4; i++) {
		nest_add(n, i, sids[i]);
		nest_stage1(n, sids[i]);
	}
	assert_true(nest_send(n, cmd_cfgi_range(0, 31)));
	for (uint32_t i = 0; i < 4; i++)
		assert_stage1(n, i, NEST_S1_0(sids[i]), NEST_S1_1);
	nest_free(n);
}

/* One that fails does not keep the others from being done. */
static void one_failure_does_not_stop_the_others(void **state)
{
	struct nest *n = nest_new(3);

	nest_boot(n, true);
	for (uint32_t i = 0; i < 3; i++) {
		nest_add(n, i, 10 + i);
		nest_stage1(n, 10 + i);
	}
	break_calls(n, 0, UAPI_IOMMU_HWPT_ALLOC, 1, -ENOMEM);
	assert_false(nest_send(n, cmd_cfgi_range(0, 31)));
	assert_int_equal(vsmmu_cerror(n->g), VIQ_SMMUV3_CERROR_ABT);
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	assert_int_equal(nest_mode(n, 1), FK_TRANSLATE);
	assert_int_equal(nest_mode(n, 2), FK_TRANSLATE);
	nest_acknowledge(n);
	assert_idle(n->g);
	assert_int_equal(nest_mode(n, 0), FK_TRANSLATE);
	nest_free(n);
}

/* --- The words -----------------------------------------------------------------------------------------------------
 */

static void words_are_masked(void **state)
{
	struct nest *n = with_device(true);

	/* MEV, STRW, SHCFG and reserved bits are the guest's own business. */
	nest_ste(n, SID, NEST_S1_0(3), NEST_S1_1 | 1 << 19 | UINT64_C(3) << 44 | UINT64_C(2) << 30);
	nest_cfgi_ste(n, SID);
	assert_stage1(n, 0, NEST_S1_0(3), NEST_S1_1);
	nest_free(n);
}

/* A change in either word is a change. */
static void each_word_counts(void **state)
{
	struct nest *n = with_device(true);

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	nest_ste(n, SID, NEST_S1_0(1), NEST_S1_1 ^ 1); /* S1DSS */
	nest_cfgi_ste(n, SID);
	assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_STAGE1);
	assert_stage1(n, 0, NEST_S1_0(1), NEST_S1_1 ^ 1);
	nest_free(n);
}

static struct nest *with_stall_model(uint32_t model)
{
	struct nest *n = nest_kernel(1);

	n->fk->smmus[0].idr[0] &= ~REG(IDR0_STALL_MODEL);
	n->fk->smmus[0].idr[0] |= model << 24;
	assert_int_equal(nest_create(n), 0);
	nest_guest(n);
	nest_boot(n, true);
	nest_add(n, 0, SID);
	return n;
}

static void host_that_stalls_gets_s1stalld(void **state)
{
	struct nest *n = with_stall_model(0);

	nest_ste(n, SID, NEST_S1_0(1), NEST_S1_1);
	nest_cfgi_ste(n, SID);
	assert_stage1(n, 0, NEST_S1_0(1), NEST_S1_1 | NEST_S1STALLD);
	/* It is not the guest's to set: it was told STALL_MODEL 1. */
	nest_ste(n, SID, NEST_S1_0(1), NEST_S1_1 | NEST_S1STALLD);
	nest_cfgi_ste(n, SID);
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_FAULT);
	nest_free(n);
}

static void host_without_stalls_gets_no_s1stalld(void **state)
{
	struct nest *n = with_stall_model(1);

	nest_ste(n, SID, NEST_S1_0(1), NEST_S1_1);
	nest_cfgi_ste(n, SID);
	assert_stage1(n, 0, NEST_S1_0(1), NEST_S1_1);
	nest_free(n);
}

/* --- ATS -----------------------------------------------------------------------------------------------------------
 */

static uint32_t told(const struct nest *n, uint32_t sid)
{
	const struct viq_call_host host = viq_linux_vsmmu_host(n->vs);

	return viq_call_stream(&host, sid);
}

static void atc_inv_only_while_eats_is_in_force(void **state)
{
	struct nest *n = with_device(true);

	assert_int_equal(told(n, SID), VIQ_CALL_STREAM_KNOWN);
	nest_ste(n, SID, NEST_S1_0(1), NEST_S1_1 | NEST_EATS);
	assert_true(nest_send(n, cmd_atc(SID, 0, 52)));
	assert_int_equal(nest_effects(n, 0x40, SID), 0);
	nest_cfgi_ste(n, SID);
	assert_true(n->fk->devices[0].ats);
	assert_int_equal(told(n, SID), VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS);
	assert_true(nest_send(n, cmd_atc(SID, 0, 52)));
	assert_int_equal(nest_effects(n, 0x40, SID), 1);
	/* In force until the guest says otherwise: writing the table is not enough. */
	nest_ste(n, SID, NEST_V_BYPASS, NEST_EATS);
	assert_true(nest_send(n, cmd_atc(SID, 0, 52)));
	assert_int_equal(nest_effects(n, 0x40, SID), 2);
	nest_cfgi_ste(n, SID);
	assert_false(n->fk->devices[0].ats);
	assert_int_equal(told(n, SID), VIQ_CALL_STREAM_KNOWN);
	assert_true(nest_send(n, cmd_atc(SID, 0, 52)));
	assert_int_equal(nest_effects(n, 0x40, SID), 2);
	nest_free(n);
}

/* The old page table is still in force: so is its ATS. */
static void failed_change_keeps_ats_known(void **state)
{
	struct nest *n = with_device(true);

	nest_ste(n, SID, NEST_S1_0(1), NEST_S1_1 | NEST_EATS);
	nest_cfgi_ste(n, SID);
	break_calls(n, 0, UAPI_VFIO_ATTACH_IOMMUFD_PT, ALWAYS, -ENOMEM);
	break_calls(n, 1, UAPI_VFIO_DETACH_IOMMUFD_PT, ALWAYS, -EIO);
	nest_ste(n, SID, NEST_V_ABORT, 0);
	assert_false(nest_try_cfgi_ste(n, SID));
	assert_true(n->fk->devices[0].ats);
	assert_int_equal(told(n, SID), VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS);
	heal(n);
	nest_acknowledge(n);
	assert_idle(n->g);
	assert_int_equal(told(n, SID), VIQ_CALL_STREAM_KNOWN);
	nest_free(n);
}

static void no_eats_for(struct nest *n, uint32_t device, uint32_t sid, bool ats)
{
	assert_int_equal(nest_try_add(n, device, sid, ats), 0);
	nest_ste(n, sid, NEST_S1_0(1), NEST_S1_1 | NEST_EATS);
	nest_cfgi_ste(n, sid);
	assert_stage1(n, device, NEST_S1_0(1), NEST_S1_1);
	assert_false(n->fk->devices[device].ats);
	assert_int_equal(told(n, sid), VIQ_CALL_STREAM_KNOWN);
	/* The same words again are no change. */
	nest_cfgi_ste(n, sid);
	assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_UNCHANGED);
}

static void eats_needs_the_embedder_and_the_device(void **state)
{
	struct nest *n = nest_new(2);

	nest_boot(n, true);
	no_eats_for(n, 0, 1, false);
	n->fk->devices[1].capabilities = VIQ_LINUX_CAP_NO_ATS;
	no_eats_for(n, 1, 2, true);
	nest_free(n);
}

/* --- The kernel refuses, or fails ----------------------------------------------------------------------------------
 */

/* Refused words are the guest's doing: it aborts, as with a bad STE, and goes on. */
static void refused(unsigned long request, int err)
{
	struct nest *n = with_device(true);

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	break_calls(n, 0, request, 1, err);
	nest_ste(n, SID, NEST_S1_0(2), NEST_S1_1);
	nest_cfgi_ste(n, SID);
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_REJECTED);
	assert_int_equal(n->last.os_error, err);
	assert_int_equal(n->last.ste[0], NEST_S1_0(2));
	assert_int_equal(nest_counters(n).rejected, 1);
	assert_int_equal(nest_own_objects(n), BASE_OBJECTS + 1);
	nest_cfgi_ste(n, SID);
	assert_stage1(n, 0, NEST_S1_0(2), NEST_S1_1);
	nest_free(n);
}

static void refused_ste_aborts(void **state)
{
	refused(UAPI_IOMMU_HWPT_ALLOC, -EIO);
	refused(UAPI_IOMMU_HWPT_ALLOC, -EINVAL);
}

/* A lack of memory may pass: the command waits, here it is the guest that repeats it. Others complete it (P5). */
static void failed(unsigned long request, int err)
{
	struct nest *n = with_device(true);
	bool waits = err == -ENOMEM;

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	break_calls(n, 0, request, 1, err);
	nest_ste(n, SID, NEST_S1_0(2), NEST_S1_1);
	assert_int_equal(nest_try_cfgi_ste(n, SID), !waits);
	if (waits)
		assert_stopped(n->g, n->g->prod - 2, VIQ_SMMUV3_CERROR_ABT);
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_FAILED);
	assert_int_equal(n->last.os_error, err);
	assert_int_equal(nest_counters(n).rejected, 0);
	assert_int_equal(nest_counters(n).set_failed, 1);
	assert_int_equal(nest_own_objects(n), BASE_OBJECTS + 1);
	if (waits)
		nest_acknowledge(n);
	else
		nest_cfgi_ste(n, SID + 1); /* of another one: this is set, too */
	assert_idle(n->g);
	assert_stage1(n, 0, NEST_S1_0(2), NEST_S1_1);
	nest_free(n);
}

static void failure_aborts_and_is_set_again(void **state)
{
	failed(UAPI_IOMMU_HWPT_ALLOC, -ENOMEM);
	failed(UAPI_IOMMU_HWPT_ALLOC, -ENOSPC);
	failed(UAPI_VFIO_ATTACH_IOMMUFD_PT, -ENOMEM);
	failed(UAPI_VFIO_ATTACH_IOMMUFD_PT, -EBUSY);
	failed(UAPI_VFIO_ATTACH_IOMMUFD_PT, -EIO);
	failed(UAPI_VFIO_ATTACH_IOMMUFD_PT, -EINVAL);
	failed(UAPI_VFIO_ATTACH_IOMMUFD_PT, -ENOENT);
}

static void bypass_that_fails_aborts(void **state)
{
	struct nest *n = with_device(true);

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	break_calls(n, 0, UAPI_VFIO_ATTACH_IOMMUFD_PT, 1, -EIO); /* not the STE's fault: it is ours */
	nest_ste(n, SID, NEST_V_BYPASS, 0);
	nest_cfgi_ste(n, SID);
	assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_FAILED);
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	nest_cfgi_ste(n, SID);
	assert_int_equal(nest_mode(n, 0), FK_BYPASS);
	nest_free(n);
}

/* If the page table that aborts cannot be attached, a device that is attached to nothing aborts as well. */
static void abort_by_detaching(void **state)
{
	struct nest *n = with_device(true);

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	break_calls(n, 0, UAPI_VFIO_ATTACH_IOMMUFD_PT, ALWAYS, -ENOMEM);
	nest_ste(n, SID, NEST_V_ABORT, 0);
	nest_cfgi_ste(n, SID);
	assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
	assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_ABORT);
	nest_stage1(n, SID);
	assert_false(nest_try_cfgi_ste(n, SID));
	assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_FAILED);
	assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
	heal(n);
	nest_acknowledge(n);
	assert_stage1(n, 0, NEST_S1_0(SID), NEST_S1_1);
	nest_free(n);
}

static void p1_broken_is_an_error_until_it_works(void **state)
{
	struct nest *n = with_device(true);
	static const uint64_t words[] = {NEST_V_ABORT, NEST_V_BYPASS, NEST_S1_0(2), 0};

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	break_calls(n, 0, UAPI_VFIO_ATTACH_IOMMUFD_PT, ALWAYS, -EIO); /* even if it looks like the guest's fault */
	break_calls(n, 1, UAPI_VFIO_DETACH_IOMMUFD_PT, ALWAYS, -ENOMEM);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		nest_ste(n, SID, words[i], NEST_S1_1);
		if (i)
			nest_acknowledge(n);
		else
			assert_false(nest_try_cfgi_ste(n, SID));
		assert_stopped(n->g, n->g->prod - 2, VIQ_SMMUV3_CERROR_ABT);
		assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_BROKEN);
		assert_stage1(n, 0, NEST_S1_0(1), NEST_S1_1);
		/* Also for those who cannot be told otherwise. */
		assert_int_not_equal(nest_reconfig(n, VIQ_SMMUV3_ENABLED, 0, UINT32_MAX), 0);
	}
	heal(n);
	nest_acknowledge(n);
	assert_idle(n->g);
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	assert_int_equal(nest_own_objects(n), BASE_OBJECTS + 1);
	nest_free(n);
}

/* A device that could not be stopped is everybody's trouble, until it can be or has been removed. */
static void p1_broken_stops_other_streams_too(void **state)
{
	struct nest *n = with_device(true);

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	nest_add(n, 1, SID + 1);
	break_calls(n, 0, UAPI_VFIO_ATTACH_IOMMUFD_PT, ALWAYS, -ENOMEM);
	break_calls(n, 1, UAPI_VFIO_DETACH_IOMMUFD_PT, ALWAYS, -ENOMEM);
	NEST_GBPA_ABORT(n->g);
	nest_enable(n, false); /* cannot be told */
	assert_int_equal(n->fates[VIQ_SMMUV3_STREAM_BROKEN], 1);
	assert_stage1(n, 0, NEST_S1_0(1), NEST_S1_1);
	assert_false(nest_try_cfgi_ste(n, SID + 1));
	heal(n);
	nest_acknowledge(n);
	assert_idle(n->g);
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	nest_free(n);
}

/* The embedder attaches, and what its failure has changed is not known: the next attach is made in any case. */
static void unsure_attachments_are_made_again(void **state)
{
	struct nest *n = nest_new(1);

	n->own_attach = true;
	nest_boot(n, true);
	nest_add(n, 0, SID);
	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	n->attach_fails = 3; /* the new table, the one that aborts, detaching */
	nest_ste(n, SID, NEST_S1_0(2), NEST_S1_1);
	assert_false(nest_try_cfgi_ste(n, SID));
	assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_BROKEN);
	/* The words that were attached before the failure: not to be relied on. */
	nest_ste(n, SID, NEST_S1_0(1), NEST_S1_1);
	nest_acknowledge(n);
	assert_idle(n->g);
	assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_STAGE1);
	assert_stage1(n, 0, NEST_S1_0(1), NEST_S1_1);
	assert_int_equal(nest_own_objects(n), BASE_OBJECTS + 2);
	nest_free(n);
}

/* --- What cannot be destroyed --------------------------------------------------------------------------------------
 */

static void garbage_is_collected_later(void **state)
{
	struct nest *n = with_device(true);

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	break_calls(n, 0, UAPI_IOMMU_DESTROY, 1, -ENOMEM);
	nest_ste(n, SID, NEST_S1_0(2), NEST_S1_1);
	nest_cfgi_ste(n, SID);
	assert_stage1(n, 0, NEST_S1_0(2), NEST_S1_1);
	assert_int_equal(nest_own_objects(n), BASE_OBJECTS + 3);
	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	nest_free(n);
}

/* What could not be destroyed at once is not there any more: nobody waits for it. */
static void garbage_that_somebody_else_destroys(void **state)
{
	struct nest *n = with_device(true);
	uint32_t old;

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	old = n->fk->devices[0].attached;
	break_calls(n, 0, UAPI_IOMMU_DESTROY, 1, -ENOMEM);
	nest_ste(n, SID, NEST_S1_0(2), NEST_S1_1);
	nest_cfgi_ste(n, SID);
	assert_int_equal(viq_linux_destroy(n->ctx, old), 0);
	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	go(n, KIND_STAGE1B, VIQ_SMMUV3_STREAM_STAGE1);
	nest_free(n);
}

/* A guest cannot fill a kernel that does not free. */
static void p4_garbage_is_bounded(void **state)
{
	struct nest *n = with_device(true);
	uint64_t seed = test_seed();

	break_calls(n, 0, UAPI_IOMMU_DESTROY, ALWAYS, -EIO); /* not to be taken for a refused STE */
	for (unsigned int i = 0; i < 200; i++) {
		uint32_t r = test_below(&seed, 4);

		nest_ste(n, SID, r ? NEST_S1_0(i) : NEST_V_BYPASS, NEST_S1_1);
		if (vsmmu_cerror(n->g))
			nest_acknowledge(n);
		else
			nest_try_cfgi_ste(n, SID);
		assert_true(nest_own_objects(n) <= BASE_OBJECTS + 1 + 3);
		assert_int_equal(nest_counters(n).rejected, 0);
	}
	heal(n);
	nest_acknowledge(n);
	assert_true(vsmmu_drain(n->g, 4));
	nest_stage1(n, SID);
	nest_cfgi_ste(n, SID);
	assert_int_equal(nest_own_objects(n), BASE_OBJECTS + 2);
	nest_free(n);
}

/* --- Arguments -----------------------------------------------------------------------------------------------------
 */

static void reconfig_without_a_guest(void **state)
{
	struct nest *n = with_device(true);

	go(n, KIND_STAGE1, VIQ_SMMUV3_STREAM_STAGE1);
	viq_nest_smmuv3_bind(n->nest, NULL, NULL);
	assert_int_equal(nest_reconfig(n, VIQ_SMMUV3_CFGI_STE, 0, UINT32_MAX), -ENODEV);
	assert_stage1(n, 0, NEST_S1_0(1), NEST_S1_1);
	assert_int_equal(viq_nest_smmuv3_bind(n->nest, n->g->smmu, NULL), 0);
	assert_int_equal(nest_reconfig(n, VIQ_SMMUV3_RESTORED, 0, UINT32_MAX), 0);
	assert_int_equal(nest_reconfig(n, VIQ_SMMUV3_CFGI_STE, 1, 0), -EINVAL);
	assert_int_equal(nest_reconfig(n, VIQ_SMMUV3_RESTORED + 1, 0, 0), -EINVAL);
	assert_int_equal(viq_nest_smmuv3_reconfig(NULL, NULL), -EINVAL);
	assert_int_equal(viq_nest_smmuv3_reconfig(n->nest, NULL), -EINVAL);
	nest_free(n);
}

#define NAMED(from, FROM, to, TO) cmocka_unit_test(from##_to_##to),

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_TO_ALL(NAMED) cmocka_unit_test(abort_and_bypass_make_nothing),
		cmocka_unit_test(smmuen_off_is_gbpa),
		cmocka_unit_test(smmuen_concerns_every_stream),
		cmocka_unit_test(gbpa_while_enabled_changes_nothing),
		cmocka_unit_test(reset_is_gbpa),
		cmocka_unit_test(failure_at_smmuen_aborts),
		cmocka_unit_test(restore_on_another_host),
		cmocka_unit_test(first_cfgi_cd_before_the_ste),
		cmocka_unit_test(unknown_streams_concern_nobody),
		cmocka_unit_test(what_is_set_as_another_version_has_it),
		cmocka_unit_test(unchanged_words_reread_the_cds),
		cmocka_unit_test(erratum_rereads_twice),
		cmocka_unit_test(cds_not_reread_is_an_error),
		cmocka_unit_test(ranges_reach_every_device_inside),
		cmocka_unit_test(cfgi_all_reaches_every_device),
		cmocka_unit_test(one_failure_does_not_stop_the_others),
		cmocka_unit_test(words_are_masked),
		cmocka_unit_test(each_word_counts),
		cmocka_unit_test(host_that_stalls_gets_s1stalld),
		cmocka_unit_test(host_without_stalls_gets_no_s1stalld),
		cmocka_unit_test(atc_inv_only_while_eats_is_in_force),
		cmocka_unit_test(failed_change_keeps_ats_known),
		cmocka_unit_test(eats_needs_the_embedder_and_the_device),
		cmocka_unit_test(refused_ste_aborts),
		cmocka_unit_test(failure_aborts_and_is_set_again),
		cmocka_unit_test(bypass_that_fails_aborts),
		cmocka_unit_test(abort_by_detaching),
		cmocka_unit_test(p1_broken_is_an_error_until_it_works),
		cmocka_unit_test(p1_broken_stops_other_streams_too),
		cmocka_unit_test(unsure_attachments_are_made_again),
		cmocka_unit_test(garbage_is_collected_later),
		cmocka_unit_test(garbage_that_somebody_else_destroys),
		cmocka_unit_test(p4_garbage_is_bounded),
		cmocka_unit_test(reconfig_without_a_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
