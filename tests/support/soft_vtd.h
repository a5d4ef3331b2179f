/* SPDX-License-Identifier: MIT */
/*
 * A machine with a VT-d for the software host's tests: a guest front end, the software unit behind it, and a driver
 * that queues a descriptor and a wait descriptor at a time, as Linux does. Its tables are the synthetic guest's.
 *
 * Memory from 0: tables at 1 MiB, the queue at 16 MiB, a status word at 17 MiB, data from 20 MiB to 32 MiB.
 */
#ifndef VIQ_TEST_SOFT_VTD_FIXTURE_H
#define VIQ_TEST_SOFT_VTD_FIXTURE_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <viq/nest_vtd.h>
#include <viq/soft_vtd.h>

#include "test.h"
#include "fault.h"
#include "vvtd.h"
#include "synth/synth_vtd.h"

#define VM_RAM  UINT64_C(0x02000000)
#define VM_DATA UINT64_C(0x01400000)
#define SID     0x0010 /* of the first device */
#define SID2    0x0208

struct vm {
	uint8_t *ram;
	struct viq_mem *mem;
	struct synth_mem heap;
	struct viq_vtd_config config;
	struct viq_soft_vtd_config soft_config;
	struct viq_vtd *vtd;
	struct viq_soft_vtd *soft;
	struct viq_nest_vtd *nest; /* between vtd and soft */
	struct viq_fault *fault;   /* before each table's host; tune() may make one */
	uint32_t tail;
	struct synth_vtd_root root;
	struct viq_soft_vtd_dev *dev, *dev2;
	unsigned int reconfig_fails; /* times that the hook is still to fail */
	/* Answers to page requests that devices were given: the newest, and how many. */
	struct viq_vtd_page_response answer;
	unsigned int answers;
};

/* Unit and front end; scalable or legacy root table, translation on, no device. tune may be NULL. */
void vm_init(struct vm *vm, bool scalable, void (*tune)(struct vm *vm));
void vm_fini(struct vm *vm);
/* Save the front end, make a new one of the same configuration, restore. */
void vm_migrate(struct vm *vm);
struct viq_soft_vtd_dev *vm_add(struct vm *vm, uint16_t sid, bool ats);

/* Structures; all of them only write memory. */
struct synth_vtd_pt vm_pt(struct vm *vm, unsigned int stage, unsigned int levels);
void vm_map(struct synth_vtd_pt *pt, uint64_t iova, uint64_t pa);
void vm_unmap(struct synth_vtd_pt *pt, uint64_t iova);
struct synth_vtd_pasids vm_pasids(struct vm *vm, uint16_t sid, uint32_t rid_pasid); /* with its context entry */
void vm_entry(struct synth_vtd_pasids *pasids, uint32_t pasid, const struct synth_vtd_pt *fs,
	      const struct synth_vtd_pt *ss, unsigned int did);
void vm_legacy(struct vm *vm, uint16_t sid, const struct synth_vtd_pt *ss, unsigned int did);

/* Queue it and a wait descriptor. True: it completed. */
bool vm_submit(struct vm *vm, struct test_desc desc);
/* The guest that has made or changed entries of (did, pasid): PASID-cache, PASID-IOTLB, as Linux does with CM = 1. */
void vm_flush_entry(struct vm *vm, unsigned int did, uint32_t pasid);
uint64_t vm_reg(struct vm *vm, uint64_t offset, unsigned int size);
void vm_write(struct vm *vm, uint64_t offset, unsigned int size, uint64_t value);
/* The reason of the recorded fault, whose record is cleared; 0: none. */
unsigned int vm_fault(struct vm *vm);

#define NO_PASID (-1)
/* 0 with *pa, or the error. */
int vm_translate(struct viq_soft_vtd_dev *dev, int64_t pasid, uint64_t iova, uint32_t flags, uint64_t *pa);
void vm_hits(struct viq_soft_vtd_dev *dev, int64_t pasid, uint64_t iova, uint64_t pa);
void vm_misses(struct vm *vm, struct viq_soft_vtd_dev *dev, int64_t pasid, uint64_t iova, unsigned int reason);

#endif
