/* SPDX-License-Identifier: MIT */
/* What the guest's stream table and context descriptors say becomes what the device can reach. */
#include "nest.h"
#include "tap.h"
#include "tests.h"

#define VSID 5

/* The guest changes its STE and says so. */
static void set_ste(struct nest *nest, const uint64_t ste[VIQ_SMMUV3_STE_WORDS])
{
	nest_set_ste(nest, VSID, ste);
	nest_command(nest, synth_cmd_cfgi_ste(VSID, true));
}

static void expect_translated(struct nest *nest)
{
	check_equal(guest_look(&nest->guest, &nest->edu, 0), GUEST_OLD);
	/* Where nothing is mapped in stage 1, though there is memory. */
	check_equal(guest_look_at(&nest->guest, &nest->edu, nest->guest.new_page), GUEST_NOTHING);
}

static void expect_bypassed(struct nest *nest)
{
	check_equal(guest_look_at(&nest->guest, &nest->edu, nest->guest.old_page), GUEST_OLD);
	check_equal(guest_look_at(&nest->guest, &nest->edu, nest->guest.new_page), GUEST_NEW);
	check_equal(guest_look(&nest->guest, &nest->edu, 0), GUEST_NOTHING);
}

static void expect_aborted(struct nest *nest)
{
	check_equal(guest_look(&nest->guest, &nest->edu, 0), GUEST_NOTHING);
	check_equal(guest_look_at(&nest->guest, &nest->edu, nest->guest.old_page), GUEST_NOTHING);
}

/* Abort, bypass, stage 1: each to each, by CFGI_STE. */
void test_streams_ste(void)
{
	uint64_t ste[3][VIQ_SMMUV3_STE_WORDS];
	static void (*const expect[])(struct nest * nest) = {expect_aborted, expect_bypassed, expect_translated};
	static const unsigned int walk[] = {0, 1, 2, 1, 0, 2, 2, 0, 0, 1, 1, 2};
	static struct nest nest;

	nest_create(&nest, &(struct nest_config){.log2size = 6, .vsid = VSID});
	guest_map(&nest.guest, 0, nest.guest.old_page);
	expect_translated(&nest);
	synth_ste_abort(ste[0]);
	synth_ste_bypass(ste[1]);
	synth_ste_s1(ste[2], &nest.guest.cdt, 0, 0);
	for (unsigned int i = 0; i < sizeof(walk) / sizeof(walk[0]); i++) {
		set_ste(&nest, ste[walk[i]]);
		expect[walk[i]](&nest);
	}
	check_equal(nest.host_errors, 0);
	nest_destroy(&nest);
}

/* STEs that mean nothing: not valid, a reserved Config, stage 2 in a guest that has none. */
void test_streams_bad_ste(void)
{
	static const uint64_t words[] = {0, VIQ_SMMUV3_STE_0_V | VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, 1),
					 VIQ_SMMUV3_STE_0_V |
						 VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, VIQ_SMMUV3_STE_CONFIG_S2)};
	uint64_t good[VIQ_SMMUV3_STE_WORDS];
	static struct nest nest;

	nest_create(&nest, &(struct nest_config){.log2size = 6, .vsid = VSID});
	guest_map(&nest.guest, 0, nest.guest.old_page);
	synth_ste_s1(good, &nest.guest.cdt, 0, 0);
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		uint64_t bad[VIQ_SMMUV3_STE_WORDS] = {words[i]};

		expect_translated(&nest);
		set_ste(&nest, bad);
		expect_aborted(&nest);
		set_ste(&nest, good);
	}
	expect_translated(&nest);
	nest_destroy(&nest);
}

/* A new context descriptor: the device goes on with the old one until CFGI_CD. */
void test_streams_cd(void)
{
	uint64_t cd[VIQ_SMMUV3_CD_WORDS];
	struct synth_pt other;
	static struct nest nest;

	nest_create(&nest, &(struct nest_config){.log2size = 6, .vsid = VSID});
	guest_map(&nest.guest, 0, nest.guest.old_page);
	check_equal(guest_look(&nest.guest, &nest.edu, 0), GUEST_OLD);

	check_equal(synth_pt_init(&other, &nest.guest.mem, 1, 12, 48, 0), 0);
	check_equal(synth_pt_map(&other, nest.guest.mailbox, nest.guest.mailbox, 3, SYNTH_NG), 0);
	check_equal(synth_pt_map(&other, guest_witness(0), nest.guest.new_page, 3, SYNTH_NG), 0);
	synth_cd(cd, &other, NULL, GUEST_ASID + 1, 40);
	check_equal(synth_cdt_set(&nest.guest.cdt, 0, cd), 0);
	check_equal(guest_look(&nest.guest, &nest.edu, 0), GUEST_OLD);
	nest_command(&nest, synth_cmd_cfgi_cd(VSID, 0, true));
	check_equal(guest_look(&nest.guest, &nest.edu, 0), GUEST_NEW);
	nest_destroy(&nest);
}

/*
 * The guest gives the device's bus another number: its stream has another STE and obeys other commands, from one moment
 * to the next.
 */
void test_streams_move(void)
{
	const struct viq_linux_move move = {VSID, VSID + 8};
	uint64_t translate[VIQ_SMMUV3_STE_WORDS], abort[VIQ_SMMUV3_STE_WORDS];
	static struct nest nest;

	nest_create(&nest, &(struct nest_config){.log2size = 6, .vsid = VSID});
	guest_map(&nest.guest, 0, nest.guest.old_page);
	synth_ste_s1(translate, &nest.guest.cdt, 0, 0);
	synth_ste_abort(abort);
	expect_translated(&nest);
	nest_set_ste(&nest, VSID + 8, translate);
	check_equal(viq_linux_vsmmu_move(nest.vsmmu, &move, 1), 0);
	check_equal(viq_nest_smmuv3_follow(nest.nest, move.to), 0);
	expect_translated(&nest);

	/* Its old number is nobody's. */
	set_ste(&nest, abort);
	expect_translated(&nest);
	nest_set_ste(&nest, VSID + 8, abort);
	nest_command(&nest, synth_cmd_cfgi_ste(VSID + 8, true));
	expect_aborted(&nest);
	check_equal(nest.host_errors, 0);
	nest_destroy(&nest);
}

/* The device is unplugged from the guest, and plugged in elsewhere. In between it reaches nothing. */
void test_streams_plug(void)
{
	uint64_t bypass[VIQ_SMMUV3_STE_WORDS];
	static struct nest nest;

	nest_create(&nest, &(struct nest_config){.log2size = 6, .vsid = VSID});
	guest_map(&nest.guest, 0, nest.guest.old_page);
	expect_translated(&nest);
	check_equal(viq_linux_vsmmu_remove(nest.vsmmu, VSID), 0);
	expect_aborted(&nest);
	synth_ste_bypass(bypass);
	nest_set_ste(&nest, VSID + 1, bypass);
	nest_add(&nest, VSID + 1);
	expect_bypassed(&nest);
	nest_destroy(&nest);
}

/* SMMUEN off and on: GBPA's rule while it is off. */
void test_streams_smmuen(void)
{
	static struct nest nest;

	nest_create(&nest, &(struct nest_config){.log2size = 6, .vsid = VSID});
	guest_map(&nest.guest, 0, nest.guest.old_page);
	expect_translated(&nest);
	nest_switch(&nest, false);
	expect_bypassed(&nest);
	nest_gbpa(&nest, VIQ_SMMUV3_GBPA_ABORT);
	expect_aborted(&nest);
	nest_switch(&nest, true);
	expect_translated(&nest);
	nest_switch(&nest, false);
	expect_aborted(&nest);
	nest_gbpa(&nest, 0);
	expect_bypassed(&nest);
	nest_destroy(&nest);
}

/* A fault of the device is an event of the physical SMMU, and ends in the guest's event queue with the guest's number.
 */
void test_streams_event(void)
{
	const uint64_t nowhere = guest_witness(99);
	uint64_t record[4];
	static struct nest nest;

	nest_create(&nest, &(struct nest_config){.log2size = 6, .vsid = VSID});
	if (viq_linux_vsmmu_event_fd(nest.vsmmu) < 0)
		tap_skip("this kernel has no event queue for vIOMMUs");
	check(!nest_event(&nest, record));
	check_equal(guest_look_at(&nest.guest, &nest.edu, nowhere), GUEST_NOTHING);
	check_equal(viq_nest_smmuv3_events(nest.nest, 0), 0);
	check(nest_event(&nest, record));
	check_equal(VIQ_GET(VIQ_SMMUV3_EVT_0_ID, record[0]), VIQ_SMMUV3_EVT_F_TRANSLATION);
	check_equal(VIQ_GET(VIQ_SMMUV3_EVT_0_SID, record[0]), VSID);
	check_equal(record[2], nowhere);
	nest_destroy(&nest);
}
