/* SPDX-License-Identifier: MIT */
/*
 * Work that a guest's write sets in motion and that is no command: it is charged, and can be left and taken up again.
 *
 * The unit of cost is one plain command of a queue.
 */
#ifndef VIQ_WORK_H
#define VIQ_WORK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Budgets of a register write and of a run, in these units (config.budget, viq_smmuv3_run(), viq_vtd_run()): the one
 * that 0 stands for, and one that nothing uses up.
 */
#define VIQ_WORK_BUDGET    1024
#define VIQ_WORK_UNLIMITED 0xfffffffeu

/* Of a system call, of a call of a host and of setting a device, in these units. A table's entry that is read is 1. */
#define VIQ_WORK_CALL 64

/*
 * Whoever does the work makes steps as long as their cost is below budget, and at least one. It says by its result
 * whether more is left; then it is called again with the same struct, and goes on from cursor. A caller that gives up
 * in between needs to tell nobody.
 */
struct viq_work {
	uint32_t budget;    /* 0: no end, the work is done whole */
	uint32_t cost;      /* set by the callee: of the steps of this call */
	uint64_t cursor[4]; /* the callee's, plain numbers: where it is. 0 at the beginning, and after it is done */
};

#ifdef __cplusplus
}
#endif
#endif
