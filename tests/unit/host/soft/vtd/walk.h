/* SPDX-License-Identifier: MIT */
/* A physical memory with a VT-d's tables in it, for tests of their walks. */
#ifndef VTD_WALK_FIXTURE_H
#define VTD_WALK_FIXTURE_H

#include "support/test.h"
#include "host/soft/vtd/walk.h"
#include "synth/synth_vtd.h"

#define HOST_PA   UINT64_C(0x80000000)  /* root, context and PASID tables, second stage */
#define GUEST_PA  UINT64_C(0xc0000000)  /* where the guest's memory really lies */
#define GUEST_GPA UINT64_C(0x40000000)  /* where the guest sees it, with a second stage */
#define ARENA     (UINT64_C(4) << 20)   /* bytes of each */
#define READONLY  UINT64_C(0x100000000) /* added to an address: the same memory, that cannot be written */
#define NOWHERE   UINT64_C(0x700000000) /* no memory here */

/* SAGAW 39, 48, 57; MGAW 48; 2 MiB and 1 GiB in both stages, five levels. */
#define VTD_CAP                                                                                                        \
	(VIQ_PUT(VIQ_VTD_CAP_ND, 6) | VIQ_PUT(VIQ_VTD_CAP_SAGAW, 0xe) | VIQ_PUT(VIQ_VTD_CAP_MGAW, 47) |                \
	 VIQ_PUT(VIQ_VTD_CAP_SSLPS, 3) | VIQ_VTD_CAP_FS1GP | VIQ_VTD_CAP_FS5LP)
#define VTD_ECAP                                                                                                       \
	(VIQ_VTD_ECAP_DT | VIQ_VTD_ECAP_PT | VIQ_VTD_ECAP_SC | VIQ_VTD_ECAP_NEST | VIQ_VTD_ECAP_PRS |                  \
	 VIQ_VTD_ECAP_ERS | VIQ_VTD_ECAP_SRS | VIQ_VTD_ECAP_EAFS | VIQ_PUT(VIQ_VTD_ECAP_PSS, 19) |                     \
	 VIQ_VTD_ECAP_PASID | VIQ_VTD_ECAP_SMTS | VIQ_VTD_ECAP_SSADS | VIQ_VTD_ECAP_SSTS | VIQ_VTD_ECAP_FSTS |         \
	 VIQ_VTD_ECAP_SMPWCS | VIQ_VTD_ECAP_RPS | VIQ_VTD_ECAP_RPRIVS)
#define VTD_HAW 46

#define SID       0x01a5 /* in the upper half of its bus */
#define DID       0x1234
#define PASID     0x1fe5
#define RID_PASID 0x41

/* What translates one page, in the plainest way: an address, its guest-physical and its physical address. */
#define IOVA     UINT64_C(0x00005566778899a0) /* below 2^47 */
#define DATA_GPA UINT64_C(0x50abc9a0)
#define DATA_PA  UINT64_C(0x123d9a0)

struct vtd_walk_env {
	char *buf;
	struct viq_mem *mem;
	struct synth_mem host, guest;
	struct vtd_caps f;
	bool legacy;
	uint8_t pgtt;
	struct synth_vtd_root root;
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt fs, ss;
	uint64_t rtaddr;
	struct soft_vtd_request req;
	/* Of the last translation */
	struct vtd_regime regime;
	struct soft_vtd_leaf leaf;
	struct soft_vtd_fault fault;
};

/* cmocka set-up and tear-down: memory, features. */
int vtd_walk_setup(void **state);
int vtd_walk_teardown(void **state);

/*
 * Build everything anew: a context of the mode, an entry for PASID and RID_PASID (VIQ_VTD_PGTT_*; legacy: PGTT_SS or
 * PGTT_PT) and the page above. The request is a read of it, with PASID unless legacy. levels: of both stages.
 */
void vtd_walk_build(struct vtd_walk_env *env, bool legacy, unsigned int pgtt, unsigned int levels);

/* Map a page of the guest's memory in the second stage: gpa to where it lies. */
uint64_t vtd_walk_gpa_to_pa(uint64_t gpa);

/* Translate env->req. */
int vtd_walk_try(struct vtd_walk_env *env);

/* Random numbers for property tests: VIQ_SEED or 1; the seed is printed. */
uint64_t vtd_walk_seed(void);
uint64_t vtd_walk_random(uint64_t *state);

#endif
