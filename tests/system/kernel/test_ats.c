/* SPDX-License-Identifier: MIT */
/*
 * Translations that the device keeps itself (ATS), and those of its SubstreamIDs (PASIDs): what the guest invalidates
 * reaches the one that is meant, through the real driver, and no other. Where there is no such device, nothing is
 * shown.
 */
#include "live/function.h"
#include "nest.h"
#include "tap.h"
#include "tests.h"

#define VSID   5
#define SPACES 3u
#define PAGES  8u
#define LOG2   6 /* of the table of context descriptors */
/* STE.S1DSS: requests without SubstreamID use the first context descriptor (5.2). */
#define S1DSS_SSID0 2

static struct nest nest;

/* The address space of requests with a SubstreamID; 0: of those without. */
static struct space {
	uint32_t ssid, asid;
	struct synth_pt pt;
} spaces[SPACES] = {{0, GUEST_ASID}, {5, GUEST_ASID + 1}, {63, GUEST_ASID + 2}};

static struct synth_cdt table;

/* --- The guest's tables ------------------------------------------------------------------------------------------- */

static void map(struct space *space, unsigned int page, uint64_t to)
{
	check_equal(synth_pt_map(&space->pt, guest_witness(page), to, 3, SYNTH_NG), 0);
}

static void make_space(struct space *space)
{
	uint64_t cd[VIQ_SMMUV3_CD_WORDS];
	const uint64_t mailbox = nest.guest.mailbox;

	check_equal(synth_pt_init(&space->pt, &nest.guest.mem, 1, 12, 48, 0), 0);
	check_equal(synth_pt_map(&space->pt, mailbox, mailbox, 3, SYNTH_NG), 0);
	synth_cd(cd, &space->pt, NULL, space->asid, 40);
	check_equal(synth_cdt_set(&table, space->ssid, cd), 0);
}

/* A device with SubstreamIDs, each of which has its own tables, or just one without. */
static void start(bool ats, bool substreams)
{
	uint64_t ste[VIQ_SMMUV3_STE_WORDS];
	const struct viq_linux_hw_info *hw;

	nest_create(&nest, &(struct nest_config){.log2size = 8, .vsid = VSID, .ats = ats});
	hw = viq_linux_vsmmu_hw_info(nest.vsmmu);
	if (ats && (!(hw->idr[0] & VIQ_SMMUV3_IDR0_ATS) || !nest.edu.viq_dma))
		tap_skip("no device here has translations of its own");
	if (substreams && hw->max_pasid_log2 < LOG2)
		tap_skip("no device here has PASIDs");
	check_equal(synth_cdt_init(&table, &nest.guest.mem, substreams ? LOG2 : 0, 0), 0);
	for (unsigned int i = 0; i < (substreams ? SPACES : 1); i++)
		make_space(&spaces[i]);
	synth_ste_s1(ste, &table, substreams ? S1DSS_SSID0 : 0, ats);
	nest_set_ste(&nest, VSID, ste);
	nest_command(&nest, synth_cmd_cfgi_ste(VSID, true));
}

/* --- The device --------------------------------------------------------------------------------------------------- */

static enum guest_seen look(const struct space *space, unsigned int page)
{
	nest.edu.control = space->ssid ? VIQ_DMA_HAS_PASID | space->ssid : 0;
	return guest_look(&nest.guest, &nest.edu, page);
}

/* Every page was the old one and has been used, and is the new one: which the device does not know. */
static void make_stale(struct space *space)
{
	for (unsigned int page = 0; page < PAGES; page++) {
		map(space, page, nest.guest.old_page);
		check_equal(look(space, page), GUEST_OLD);
		map(space, page, nest.guest.new_page);
		check_equal(look(space, page), GUEST_OLD);
	}
}

static void see(const struct space *space, unsigned int first, unsigned int count, enum guest_seen seen)
{
	for (unsigned int page = first; page < first + count; page++) {
		enum guest_seen now = look(space, page);

		if (now != seen)
			fail("SubstreamID %u: through page %u the device reads %s, not %s", space->ssid, page,
			     guest_seen_text(now), guest_seen_text(seen));
	}
}

/* The IOMMU's own translations. */
static void forget(const struct space *space)
{
	nest_command(&nest, synth_cmd_tlbi_nh_asid(space->asid));
}

static struct synth_cmd atc_inv(const struct space *space, unsigned int page, unsigned int size)
{
	return synth_cmd_atc_inv(VSID, space->ssid, space->ssid, false, size < 52 ? guest_witness(page) : 0, size);
}

/* --- Tests -------------------------------------------------------------------------------------------------------- */

/* What the device keeps stays until its ATC_INV: of a page, of four, of all. */
void test_ats(void)
{
	struct space *space = &spaces[0];

	start(true, false);
	make_stale(space);
	forget(space);
	see(space, 0, PAGES, GUEST_OLD);
	nest_command(&nest, atc_inv(space, 3, 0));
	see(space, 0, 3, GUEST_OLD);
	see(space, 3, 1, GUEST_NEW);
	see(space, 4, 4, GUEST_OLD);
	nest_command(&nest, atc_inv(space, 4, 2));
	see(space, 0, 3, GUEST_OLD);
	see(space, 4, 4, GUEST_NEW);
	nest_command(&nest, atc_inv(space, 0, 52));
	see(space, 0, PAGES, GUEST_NEW);
	check_equal(nest.host_errors, 0);
	nest_destroy(&nest);
}

/* The same with SubstreamIDs: each is named, or with G = 1 all of them at once. */
void test_ats_pasids(void)
{
	start(true, true);
	for (unsigned int i = 0; i < SPACES; i++) {
		make_stale(&spaces[i]);
		forget(&spaces[i]);
	}
	nest_command(&nest, atc_inv(&spaces[1], 2, 0));
	see(&spaces[1], 2, 1, GUEST_NEW);
	see(&spaces[1], 3, 5, GUEST_OLD);
	see(&spaces[0], 0, PAGES, GUEST_OLD);
	see(&spaces[2], 0, PAGES, GUEST_OLD);
	nest_command(&nest, atc_inv(&spaces[1], 0, 52));
	see(&spaces[1], 0, PAGES, GUEST_NEW);
	see(&spaces[2], 0, PAGES, GUEST_OLD);
	nest_command(&nest, synth_cmd_atc_inv(VSID, true, 0, true, 0, 52));
	see(&spaces[2], 0, PAGES, GUEST_NEW);
	check_equal(nest.host_errors, 0);
	nest_destroy(&nest);
}

/* Tables of three address spaces: by page, by ASID; a context descriptor that becomes another, and none. */
void test_pasids(void)
{
	struct space other = {.ssid = 5, .asid = GUEST_ASID + 3};

	start(false, true);
	for (unsigned int i = 0; i < SPACES; i++)
		make_stale(&spaces[i]);
	nest_command(&nest, synth_cmd_tlbi_nh_va(spaces[1].asid, guest_witness(2), true));
	see(&spaces[1], 2, 1, GUEST_NEW);
	see(&spaces[1], 3, 5, GUEST_OLD);
	see(&spaces[0], 0, PAGES, GUEST_OLD);
	forget(&spaces[2]);
	see(&spaces[2], 0, PAGES, GUEST_NEW);
	see(&spaces[0], 0, PAGES, GUEST_OLD);

	make_space(&other);
	map(&other, 0, nest.guest.old_page);
	see(&spaces[1], 2, 1, GUEST_NEW);
	nest_command(&nest, synth_cmd_cfgi_cd(VSID, 5, true));
	see(&other, 0, 1, GUEST_OLD);
	see(&other, 2, 1, GUEST_NOTHING);
	check_equal(synth_cdt_set(&table, 5, NULL), 0);
	see(&other, 0, 1, GUEST_OLD);
	nest_command(&nest, synth_cmd_cfgi_cd(VSID, 5, true));
	see(&other, 0, 1, GUEST_NOTHING);
	see(&spaces[2], 0, PAGES, GUEST_NEW);
	check_equal(nest.host_errors, 0);
	nest_destroy(&nest);
}
