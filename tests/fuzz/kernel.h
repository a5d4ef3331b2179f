/* SPDX-License-Identifier: MIT */
/*
 * A kernel that answers from the fuzz input, behind struct viq_linux_sys: it keeps no objects, and says of any call
 * whatever the input wants. What it remembers is what it has said:
 *
 *   - which ids and files it has given away: each is given back once, and no other is;
 *   - which page tables a device may be attached to: the last one that it confirmed, and those since that it did not;
 *   - which entries it has said to be done, by what its count is worth on released kernels (docs/kernels.md).
 */
#ifndef TESTS_FUZZ_KERNEL_H
#define TESTS_FUZZ_KERNEL_H

#include <viq/linux.h>

#include "input.h"

#define KERNEL_DEVICES 3
#define KERNEL_LIES    16
#define KERNEL_CDEV    100 /* the file of device 0; the iommufd's numbers and those of other files come from 200 on */

/* How one system call is answered; all 0: as a kernel does that has everything. */
struct kernel_lie {
	uint8_t how;
	uint32_t value;
};

struct kernel_object {
	uint32_t id;
	uint32_t live;     /* times that it was given and not given back */
	bool asked;        /* to destroy it, which was refused */
	uint64_t words[2]; /* of a nested page table: what it was made of */
};

struct kernel_file {
	int fd;
	uint32_t open;
	uint32_t device; /* KERNEL_DEVICES: none */
};

struct kernel_attached {
	uint32_t device, pasid;
	uint32_t pt;
	bool nested;
	uint64_t words[2];
};

struct kernel {
	bool vtd;
	bool report; /* integrations/linux */
	bool repeat; /* the hardware's erratum: every TLBI and CFGI twice */
	/* The lies to come; each is told once, or the last one for ever. */
	struct kernel_lie lies[KERNEL_LIES];
	uint32_t lie_at, lie_count;
	bool lies_last;
	/* An id or a file was given twice: which is meant cannot be known any more. */
	bool confused;
	uint64_t calls; /* without those that were interrupted and close() */
	struct kernel_object *objects;
	size_t object_count, object_room;
	struct kernel_file *files;
	size_t file_count, file_room;
	struct kernel_attached *attached;
	size_t attached_count, attached_room;
	/* For each entry that is said to be done. object: vIOMMU, or nested page table. */
	void (*done)(void *opaque, uint32_t object, const uint64_t *entry);
	void *opaque;
};

void kernel_init(struct kernel *k, bool vtd);
/* All that it has given away has come back, but for ids that it refused to take. */
void kernel_end(struct kernel *k);
const struct viq_linux_sys *kernel_sys(void);
/* Some lies of the input, in place of those before. */
void kernel_lie(struct kernel *k, struct input *in);
void kernel_heal(struct kernel *k);

#endif
