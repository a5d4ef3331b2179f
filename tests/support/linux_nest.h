/* SPDX-License-Identifier: MIT */
/*
 * A guest SMMUv3 on a physical one of the fake kernel: the wiring of a VMM, and a guest that uses it, for tests.
 *
 * What a test looks at is what the fake kernel's hardware would do: struct fk_device.mode, .ste and .ats say what a
 * device's accesses meet now, and fake_kernel.effects which commands reached it.
 */
#ifndef TESTS_LINUX_NEST_H
#define TESTS_LINUX_NEST_H

#include "oracle/fake_kernel.h"
#include "vsmmu.h"

#include <viq/linux_smmuv3.h>
#include <viq/nest_smmuv3.h>

#define NEST_FATES (VIQ_SMMUV3_STREAM_BROKEN + 1)
#define NEST_L2    (VSMMU_RAM + 0x00200000) /* second level of the stream table: StreamIDs 0 to 255 */
#define NEST_CDS   (VSMMU_RAM + 0x00300000)

/* Stage-1 STEs as Linux writes them. */
#define NEST_S1_0(sid)     (UINT64_C(0xb) | (NEST_CDS + (uint64_t)(sid)*64))
#define NEST_S1_1          (UINT64_C(2) | 1 << 2 | 1 << 4 | 3 << 6)
#define NEST_S1STALLD      (UINT64_C(1) << 27)
#define NEST_EATS          (UINT64_C(1) << 28)
#define NEST_V_ABORT       UINT64_C(1)
#define NEST_V_BYPASS      UINT64_C(9)
#define NEST_GBPA_ABORT(v) vsmmu_w32(v, REG(GBPA), 0x80101000)

struct nest {
	struct fake_kernel *fk;
	struct viq_linux *ctx;
	uint32_t ioas, hwpt;
	uint32_t devices;
	int fd[FK_DEVICES];
	uint32_t id[FK_DEVICES];
	struct viq_linux_vsmmu *vs;
	struct viq_linux_vsmmu_config config;
	struct viq_linux_vsmmu_ops ops;
	struct viq_smmuv3_ops guest_ops;
	struct viq_nest_smmuv3 *nest;
	struct vsmmu *g; /* the guest */
	bool two_level;
	bool own_attach;  /* devices are added without their fd: the ops attach */
	int attach_fails; /* own_attach: so many times; -1: always */
	uint32_t fates[NEST_FATES];
	struct viq_smmuv3_outcome last;
	struct viq_why why;
};

/* The kernel, n devices bound to an iommufd, memory with a stage 2; no vSMMU. */
struct nest *nest_kernel(uint32_t n);
/* And a vSMMU with a guest that is offered all of it, without devices. */
struct nest *nest_new(uint32_t n);
int nest_create(struct nest *n);   /* the vSMMU alone */
void nest_guest(struct nest *n);   /* a guest for it */
void nest_destroy(struct nest *n); /* the vSMMU and the guest: must work */
/* Everything goes, the vSMMU if there is one; nothing may be left in the kernel. */
void nest_free(struct nest *n);
/* The same for a kernel in which failing calls have left objects. */
void nest_free_leaky(struct nest *n);
size_t nest_own_objects(const struct nest *n); /* those that the vSMMU has made */

int nest_try_add(struct nest *n, uint32_t device, uint32_t vsid, bool ats);
void nest_add(struct nest *n, uint32_t device, uint32_t vsid); /* with ATS; must work */
/* As a VMM does: the devices move, and follow the guest's tables there; those that cannot are removed. */
int nest_move(struct nest *n, const struct viq_linux_move *moves, uint32_t count);

/* The guest: its stream table at 0 .. 255, its command queue. */
void nest_boot(struct nest *n, bool two_level);
/* What the guest's hook does, all at once. */
int nest_reconfig(struct nest *n, enum viq_smmuv3_reconfig_cause cause, uint32_t first, uint32_t last);
void nest_enable(struct nest *n, bool on); /* CR0.SMMUEN */
void nest_ste(struct nest *n, uint32_t sid, uint64_t dw0, uint64_t dw1);
void nest_stage1(struct nest *n, uint32_t sid); /* an STE of its own */
/* CFGI_STE and a CMD_SYNC. Did both complete? If not the error stays. */
bool nest_try_cfgi_ste(struct nest *n, uint32_t sid);
void nest_cfgi_ste(struct nest *n, uint32_t sid); /* must complete */
/* Acknowledge the error, as a driver that retries. */
void nest_acknowledge(struct nest *n);
bool nest_send(struct nest *n, struct test_cmd cmd); /* and a CMD_SYNC: did both complete? */

/* What the device's accesses meet. */
enum fk_mode nest_mode(const struct nest *n, uint32_t device);
size_t nest_effects(const struct nest *n, unsigned int op, uint32_t vsid); /* CFGI_CD*, ATC_INV that took effect */
struct viq_linux_counters nest_counters(const struct nest *n);

#define assert_stage1(n, device, dw0, dw1)                                                                             \
	do {                                                                                                           \
		assert_int_equal(nest_mode(n, device), FK_TRANSLATE);                                                  \
		assert_int_equal((n)->fk->devices[device].ste[0], dw0);                                                \
		assert_int_equal((n)->fk->devices[device].ste[1], dw1);                                                \
	} while (0)

#endif
