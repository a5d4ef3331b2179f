/* SPDX-License-Identifier: MIT */
/*
 * The guest of these tests: memory, and in it stage-1 page tables, a context descriptor and some pages for a device.
 *
 * A "witness" is a page of the device's address space that can be remapped from one physical page (OLD) to another
 * (NEW). A device that still reads OLD afterwards does so through a stale translation.
 */
#ifndef VIQ_KERNEL_GUEST_H
#define VIQ_KERNEL_GUEST_H

#include <stdint.h>

#include "edu.h"
#include "synth/synth.h"

#define GUEST_BASE  UINT64_C(0x40000000) /* guest-physical */
#define GUEST_BYTES (UINT64_C(8) << 20)
#define GUEST_PAGE  4096
#define GUEST_ASID  7
/* What the device can find in a witness. */
enum guest_seen {
	GUEST_NOTHING, /* the access failed */
	GUEST_OLD,
	GUEST_NEW,
	GUEST_OTHER,
};

struct guest {
	void *ram; /* GUEST_BYTES at GUEST_BASE, shared memory */
	struct synth_mem mem;
	struct synth_pt pt;
	struct synth_cdt cdt;
	uint64_t old_page, new_page, mailbox; /* guest-physical */
};

void guest_create(struct guest *guest);
void guest_destroy(struct guest *guest);
/*
 * The guest is set up. With viq.lose in the kernel's command line the hardware is to lose what this test invalidates
 * from here on, so that it must fail: who runs the machine knows which.
 */
void guest_ready(void);

/* The device address of witness i (any number), and pointing it at a page. Does not invalidate anything. */
uint64_t guest_witness(unsigned int i);
void guest_map(struct guest *guest, unsigned int i, uint64_t page);
/*
 * Point witness i at OLD, let the device look (the IOMMU remembers), and point it at NEW: unless something invalidates,
 * the device goes on reading OLD.
 */
void guest_make_stale(struct guest *guest, struct edu *edu, unsigned int i);
/* The command that makes the IOMMU forget it. */
struct synth_cmd guest_tlbi(unsigned int i);

/* Words 0 and 1 of an STE that translates through this guest's tables. */
void guest_ste(const struct guest *guest, uint64_t ste[2]);

/* Let the device read 8 bytes at iova, and say which page they came from. */
enum guest_seen guest_look_at(struct guest *guest, struct edu *edu, uint64_t iova);
enum guest_seen guest_look(struct guest *guest, struct edu *edu, unsigned int i);
const char *guest_seen_text(enum guest_seen seen);

#endif
