/* SPDX-License-Identifier: MIT */
/*
 * What the software IOMMUs (<viq/soft_smmuv3.h>, <viq/soft_vtd.h>) share: threads that make accesses, and counters.
 *
 * Any number of threads translate while others invalidate and configure. Each thread that begins accesses registers
 * once. Between viq_soft_access_begin() and _end() it may use the addresses that a translation gave it; an invalidate
 * call (so a guest's CMD_SYNC) returns only when every access begun through an invalidated translation has ended.
 * Object functions and invalidate calls must not be made inside an access: they return -EDEADLK. Keep accesses short. A
 * thread inside an access must not wait for one that makes such a call.
 */
#ifndef VIQ_SOFT_H
#define VIQ_SOFT_H

#include <stdint.h>

#include <viq/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Threads and sections ----------------------------------------------------------------------------------------- */

/*
 * Once per thread that begins accesses, before the first and after the last. Calls nest. -EINVAL: nested too deep, or
 * not registered. -EBUSY: the last one inside an access, which goes on. -ENOMEM (registering).
 * (Registers with liburcu, flavour memb: a thread that has registered there itself must not come here.)
 */
VIQ_EXPORT int viq_soft_thread_register(void);
VIQ_EXPORT int viq_soft_thread_unregister(void);

/* Nest. Without effect in a thread that has not registered: it cannot translate. */
VIQ_EXPORT void viq_soft_access_begin(void);
VIQ_EXPORT void viq_soft_access_end(void);

/* --- Accesses ----------------------------------------------------------------------------------------------------- */

#define VIQ_SOFT_READ  0x1u
#define VIQ_SOFT_WRITE 0x2u
#define VIQ_SOFT_EXEC  0x4u /* instruction fetch: with READ only */
#define VIQ_SOFT_PRIV  0x8u
#define VIQ_SOFT_SSV   0x10u /* ssid is valid */

struct viq_soft_xlate {
	uint64_t pa;  /* physical address of iova */
	uint64_t len; /* bytes from pa on that the same translation covers, at least 1 */
};

/* --- Looking in --------------------------------------------------------------------------------------------------- */

/* Every member is a uint64_t. */
struct viq_soft_counters {
	uint64_t entries; /* executed, by invalidate calls */
	uint64_t calls;
	uint64_t tlb_hits; /* approximate: kept per thread and added up without a lock */
	uint64_t tlb_misses;
	uint64_t atc_hits;
	uint64_t walks;
	uint64_t faults;
};

#ifdef __cplusplus
}
#endif
#endif
