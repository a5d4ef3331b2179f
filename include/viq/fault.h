/* SPDX-License-Identifier: MIT */
/*
 * A host in front of other hosts that fails as it is told: for tests, and to see how a guest's driver copes.
 *
 * It hands entries on in order, and leaves out what is to fail. So what took effect is as true as the report of it is
 * meant to be: entries that the failure spared really ran in the host behind, the others did not. Any host can stand
 * behind it (software, Linux, a fan-out), or several; a host that is not behind one pays nothing.
 *
 * A result's host_calls is one, and what failures of the host behind have cost.
 *
 * Functions may be called from any thread. A call that is under way when a failure is armed may still get by.
 */
#ifndef VIQ_FAULT_H
#define VIQ_FAULT_H

#include <stdint.h>

#include <viq/call.h>
#include <viq/export.h>
#include <viq/why.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viq_fault;

/*
 * How a call that failed is reported, by itself or on demand. The Linux kernels are those of SMMUv3 entries: of VT-d's,
 * Linux waits for one at a time, so indices are exact by every contract.
 */
enum viq_fault_contract {
	VIQ_FAULT_EXACT, /* entry by entry, exact indices, hardware codes */
	/*
	 * Errnos. Entries are checked and issued in groups of 63. An entry is refused that no hardware takes, or for a
	 * stream that the host behind does not know: its index is reported, and the earlier ones of its group never
	 * run. Other failures: the last index of the group.
	 */
	VIQ_FAULT_LINUX_7_3,
	/* Errnos. A group of 63 is checked before any of it is issued; the count is that of whole groups. */
	VIQ_FAULT_LINUX_NEXT,
};

/* *out is the caller's, for viq_fault_destroy(). -EINVAL: no such contract; -ENOMEM; with *why. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_fault_create(uint32_t contract, struct viq_fault **out, struct viq_why *why);
/* The hosts made by it go with it. No call may be under way. NULL is allowed. */
VIQ_EXPORT void viq_fault_destroy(struct viq_fault *fault);
/*
 * *out: inner's target object, behind the fault; valid as long as both. What is armed holds for all hosts of one fault
 * together, such as a remapping unit's tables. -EINVAL: no fault, no host, no ops; -ENOMEM; with *why.
 */
VIQ_EXPORT int viq_fault_host(struct viq_fault *fault, const struct viq_call_host *inner, struct viq_call_host *out,
			      struct viq_why *why);

enum viq_fault_kind {
	VIQ_FAULT_NONE,    /* disarms */
	VIQ_FAULT_ILLEGAL, /* the entry is refused: VIQ_CALL_ILLEGAL at it */
	/*
	 * VIQ_CALL_FAILED at the entry, earlier ones took effect; the reported window is [index - before, index +
	 * after]. By the Linux contracts it is what the kernel says: the last of the group (7.3), the group (next).
	 */
	VIQ_FAULT_HARDWARE,
	/*
	 * VIQ_CALL_TIMEOUT: an ATC_INV has no effect and is never confirmed. Seen at the end of the call, all other
	 * entries took effect; the window is that of the call's ATC_INVs. By the Linux contracts seen at the end of the
	 * group, and reported as above. Waits until there is an ATC_INV at index; then all of its device's are. VT-d:
	 * any entry may reach a device-TLB; seen at the entry, later ones do not run.
	 */
	VIQ_FAULT_ATC_TIMEOUT,
	VIQ_FAULT_NO_MEMORY, /* VIQ_CALL_NO_MEMORY, nothing ran, the reported count is that of the entries passed in */
	VIQ_FAULT_GONE,      /* VIQ_CALL_GONE from this entry on */
	VIQ_FAULT_DROP,      /* a bug: the entry is reported done and has no effect. For tests of tests only */
	VIQ_FAULT_ATC_DROP,  /* the same for an ATC_INV, of which there must be one at index. VT-d: as DROP */
};

/* "host-illegal", "hardware", "atc-timeout", "no-memory", "gone", "drop", "atc-drop"; NULL: no such kind, or NONE. */
VIQ_EXPORT const char *viq_fault_kind_name(uint32_t kind);
/* "exact", "linux-7.3", "linux-next"; NULL: no such contract. */
VIQ_EXPORT const char *viq_fault_contract_name(uint32_t contract);

/*
 * One failure. It strikes at entry index of the next call that is longer than index, and from then on at every entry
 * with the same bytes (so also when a caller sends it again), times times in all (0: for ever). NO_MEMORY strikes whole
 * calls of more than index entries.
 */
struct viq_fault_failure {
	uint32_t size; /* sizeof(struct viq_fault_failure) */
	uint32_t kind; /* enum viq_fault_kind */
	uint32_t index;
	uint32_t before, after; /* HARDWARE: the window, cut to the array */
	uint32_t times;
	/*
	 * 0: index is that in one call. Else entries of all calls from now on are counted, those that the kind can
	 * strike (ATC_TIMEOUT, ATC_DROP: ATC_INVs), and index of them get by.
	 */
	uint32_t counted;
};

/* What was armed before is forgotten. -EINVAL; -E2BIG: *failure asks for what this library does not know. */
VIQ_EXPORT int viq_fault_arm(struct viq_fault *fault, const struct viq_fault_failure *failure);
/* How often what was armed last has struck: entries, or (NO_MEMORY) calls. It stays when times is used up. NULL: 0. */
VIQ_EXPORT uint64_t viq_fault_strikes(struct viq_fault *fault);
/*
 * The entry that this was the first to strike, as the caller had it, into entry. Returns its size in bytes; 0, and
 * nothing written: it has struck none (NO_MEMORY strikes calls), it is longer than size, or NULL.
 */
VIQ_EXPORT uint32_t viq_fault_struck(struct viq_fault *fault, void *entry, uint32_t size);

#ifdef __cplusplus
}
#endif
#endif
