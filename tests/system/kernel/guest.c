/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "guest.h"
#include "live/job.h"
#include "tap.h"

#define WITNESS_BASE UINT64_C(0x1000000000)

/* What the pages hold. */
#define TEXT_OLD    UINT64_C(0x0101010101010101)
#define TEXT_NEW    UINT64_C(0x0202020202020202)
#define TEXT_BLANK  UINT64_C(0x0303030303030303)
#define TEXT_NOBODY UINT64_C(0x0404040404040404)

/* The mailbox page: where a look begins and ends. */
#define MAILBOX_BLANK  0
#define MAILBOX_RESULT 8

static uint64_t new_page(struct guest *guest, uint64_t text)
{
	uint64_t page = synth_alloc(&guest->mem, 12);

	check(page != SYNTH_NONE);
	for (unsigned int at = 0; at < GUEST_PAGE; at += 8)
		synth_store(&guest->mem, page + at, text);
	return page;
}

void guest_create(struct guest *guest)
{
	uint64_t cd[VIQ_SMMUV3_CD_WORDS];

	guest->ram = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guest->ram == MAP_FAILED)
		fail("guest memory: %s", strerror(errno));
	synth_mem_init(&guest->mem, guest->ram, GUEST_BASE, GUEST_BYTES);
	guest->old_page = new_page(guest, TEXT_OLD);
	guest->new_page = new_page(guest, TEXT_NEW);
	guest->mailbox = new_page(guest, TEXT_BLANK);

	check_equal(synth_pt_init(&guest->pt, &guest->mem, 1, 12, 48, 0), 0);
	/* At its own address, so that a device that bypasses stage 1 finds it as well. */
	check_equal(synth_pt_map(&guest->pt, guest->mailbox, guest->mailbox, 3, SYNTH_NG), 0);
	synth_cd(cd, &guest->pt, NULL, GUEST_ASID, 40);
	check_equal(synth_cdt_init(&guest->cdt, &guest->mem, 0, 0), 0);
	check_equal(synth_cdt_set(&guest->cdt, 0, cd), 0);
}

void guest_destroy(struct guest *guest)
{
	munmap(guest->ram, GUEST_BYTES);
}

void guest_ready(void)
{
	char text[64];

	if (!machine_option("viq.lose", text, sizeof(text)))
		return;
	snprintf(text, sizeof(text), "lose %s", tap_current());
	devices_ask(text);
}

uint64_t guest_witness(unsigned int i)
{
	return WITNESS_BASE + (uint64_t)i * GUEST_PAGE;
}

void guest_map(struct guest *guest, unsigned int i, uint64_t page)
{
	check_equal(synth_pt_map(&guest->pt, guest_witness(i), page, 3, SYNTH_NG), 0);
}

void guest_make_stale(struct guest *guest, struct edu *edu, unsigned int i)
{
	guest_map(guest, i, guest->old_page);
	check_equal(guest_look(guest, edu, i), GUEST_OLD);
	guest_map(guest, i, guest->new_page);
}

struct synth_cmd guest_tlbi(unsigned int i)
{
	return synth_cmd_tlbi_nh_va(GUEST_ASID, guest_witness(i), true);
}

void guest_ste(const struct guest *guest, uint64_t ste[2])
{
	uint64_t whole[VIQ_SMMUV3_STE_WORDS];

	synth_ste_s1(whole, &guest->cdt, 0, 0);
	ste[0] = whole[0] & VIQ_SMMUV3_STE_0_NESTING;
	ste[1] = whole[1] & VIQ_SMMUV3_STE_1_NESTING;
}

/*
 * The device does not say whether an access failed: so its buffer is filled with BLANK before, and the result's place
 * with NOBODY, and each is told apart from what a witness can hold.
 */
enum guest_seen guest_look_at(struct guest *guest, struct edu *edu, uint64_t iova)
{
	synth_store(&guest->mem, guest->mailbox + MAILBOX_RESULT, TEXT_NOBODY);
	edu_fetch(edu, guest->mailbox + MAILBOX_BLANK, 8);
	edu_fetch(edu, iova, 8);
	edu_store(edu, guest->mailbox + MAILBOX_RESULT, 8);
	switch (synth_load(&guest->mem, guest->mailbox + MAILBOX_RESULT)) {
	case TEXT_OLD:
		return GUEST_OLD;
	case TEXT_NEW:
		return GUEST_NEW;
	case 0:           /* QEMU's answer to an access that is aborted; no page here holds it */
	case TEXT_BLANK:  /* another's: the buffer stays as it is */
	case TEXT_NOBODY: /* not even this page can be reached */
		return GUEST_NOTHING;
	default:
		return GUEST_OTHER;
	}
}

enum guest_seen guest_look(struct guest *guest, struct edu *edu, unsigned int i)
{
	return guest_look_at(guest, edu, guest_witness(i));
}

const char *guest_seen_text(enum guest_seen seen)
{
	static const char *const texts[] = {"nothing (aborted)", "the old page", "the new page", "something else"};

	return texts[seen];
}
