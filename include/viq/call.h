/* SPDX-License-Identifier: MIT */
/*
 * The invalidate call: one array of native-format entries goes to a host IOMMU, one exact answer comes back.
 *
 * A guest front end fills requests; a host (host/soft, host/linux, a fan-out over several) answers them. Hosts may be
 * imprecise or lie about what they did; viq_call_invalidate() turns whatever a host says into an answer that holds:
 *
 *   - entries [0, handled) took effect;
 *   - the failure was caused by an entry in [handled, suspect]; one entry wide wherever a sequence of host calls can
 *     make it so;
 *   - no entry from handled on is reported done. It may have run: invalidations are idempotent.
 *
 * The same array on the same host state gives the same answer however it is cut into gather pieces.
 */
#ifndef VIQ_CALL_H
#define VIQ_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/export.h>
#include <viq/why.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Entry types. Numbers as in enum iommu_hwpt_invalidate_data_type of <linux/iommufd.h>. */
enum viq_call_type {
	VIQ_CALL_VTD_S1 = 0, /* 24 bytes {addr, npages, flags}, target: a nested page table */
	VIQ_CALL_SMMUV3 = 1, /* 16 bytes, the guest's command, little endian, target: a vIOMMU */
};

#define VIQ_CALL_MAX_PIECES  16       /* gather pieces in one request */
#define VIQ_CALL_MAX_ENTRIES 0x80000u /* entries in one request (Linux's limit) */
/*
 * Host calls that one viq_call_invalidate() spends at most on one host. Where a host makes several of one array, those
 * that it may need without any failure do not count: two for every viq_call_host_ops.call_entries entries.
 */
#define VIQ_CALL_MAX_HOST_CALLS 64

/* A run of entries, laid out one after the other. */
struct viq_call_piece {
	const void *entries; /* 8-byte aligned; not written, not kept */
	uint32_t count;      /* entries, may be 0 */
};

struct viq_call_request {
	uint32_t size;       /* sizeof(struct viq_call_request) */
	uint32_t object;     /* the host's id of the target object */
	uint32_t type;       /* enum viq_call_type */
	uint32_t entry_size; /* bytes per entry: must be the type's */
	const struct viq_call_piece *pieces;
	uint32_t piece_count; /* at most VIQ_CALL_MAX_PIECES; 0 pieces or only empty ones: "is this type supported?" */
	uint32_t reserved;    /* 0 */
};

/* Why a call failed, in host-neutral terms. */
enum viq_call_error {
	VIQ_CALL_NONE = 0,
	VIQ_CALL_ILLEGAL,     /* the host refuses the entry itself */
	VIQ_CALL_ABORTED,     /* the host could not read an entry */
	VIQ_CALL_TIMEOUT,     /* a device did not confirm an invalidation in time */
	VIQ_CALL_FAILED,      /* the host's hardware failed otherwise */
	VIQ_CALL_NO_MEMORY,   /* the host had no memory for the call */
	VIQ_CALL_GONE,        /* the target object or its device no longer exists */
	VIQ_CALL_UNSUPPORTED, /* the host does not know this entry type */
	VIQ_CALL_ERROR_COUNT,
};

#define VIQ_CALL_ERROR_MAX 16 /* no version will have more: the length of arrays that are part of a struct */

/* Indices count over the whole gather list. Without an error handled = suspect = number of entries. */
struct viq_call_result {
	uint32_t size;       /* sizeof(struct viq_call_result), set by the caller */
	uint32_t handled;    /* entries [0, handled) took effect */
	uint32_t suspect;    /* highest index that can have caused the failure, >= handled */
	uint32_t error;      /* enum viq_call_error */
	uint32_t hw_code;    /* the hardware's own error code, 0 if it gave none */
	int32_t os_error;    /* negative errno of the operating system, 0 if it gave none */
	uint32_t host_calls; /* calls made to the host(s), the culprit hunt included: at least 1, at most UINT32_MAX */
	/* Of a host only: an index in (handled, suspect] to look at first, 0: none. Wrong ones cost calls, no more. */
	uint32_t hint;
	uint32_t extra_calls; /* of host_calls, what failures have cost: all but those that the entries need */
};

/* What a host knows of a guest's stream (vSID); bits of viq_call_host_ops.stream's answer. */
#define VIQ_CALL_STREAM_KNOWN 0x1u /* a device is behind it: its CFGI_CD* commands concern this host */
#define VIQ_CALL_STREAM_ATS   0x2u /* and it may hold an ATC now: its ATC_INV commands do too */

/*
 * A host. The functions may be called from any thread and lock for themselves.
 *
 * report_group says how far a *failed* call's count can be trusted: only multiples of it are safe. 1: exact, or a
 * window [handled, suspect] that is true. 63: a count as Linux's SMMUv3 driver gives it, with commands of a batch that
 * was not issued. (<viq/linux_smmuv3.h> applies that to each of its system calls, and is a 1.) 0: a failed call's count
 * means nothing.
 */
struct viq_call_host_ops {
	uint32_t size; /* sizeof(struct viq_call_host_ops) */
	uint32_t report_group;
	/*
	 * Execute the entries in order and fill *res (its size is set). Returns 0 when *res is valid, else a negative
	 * errno: then nothing is known of the entries. Must not return before every entry it reports took effect, and,
	 * for devices that this host runs itself, before every access begun through an invalidated translation has
	 * ended.
	 */
	int (*invalidate)(void *opaque, const struct viq_call_request *req, struct viq_call_result *res);
	/* VIQ_CALL_STREAM_* of a StreamID; NULL: the host knows every stream, with ATS. */
	uint32_t (*stream)(void *opaque, uint32_t object, uint32_t sid);
	/*
	 * A host that makes several calls of its own for one array, with result.host_calls saying how many: at least so
	 * many entries are in each but the last, and it may make each of them twice. These calls are no sign of a
	 * failure. 0: it makes one call, or two, whatever the array.
	 */
	uint32_t call_entries;
};

/* A host and the target object in it: passed by value. The ops must outlive every user. */
struct viq_call_host {
	const struct viq_call_host_ops *ops;
	void *opaque;
	uint32_t object;
};

/*
 * Make the call and fill *res.
 * Returns: 0 when the call was made, even if it failed: look at res->error; -EINVAL, -E2BIG, and nothing done or
 * written: NULL, a wrong size (-E2BIG: *req says what this library does not know), a type or entry size that does not
 * fit, too many pieces or entries, a misaligned piece, reserved not 0.
 * Context: any thread.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_call_invalidate(const struct viq_call_host *host, const struct viq_call_request *req,
						  struct viq_call_result *res);

/* Returns: what the host knows of the stream: VIQ_CALL_STREAM_* bits. Context: as viq_call_invalidate(). */
VIQ_EXPORT uint32_t viq_call_stream(const struct viq_call_host *host, uint32_t sid);

/* "illegal entry", "device time-out", ...: never NULL. */
VIQ_EXPORT const char *viq_call_error_text(uint32_t error);

/*
 * Fan-out: several hosts behind one guest IOMMU (say an emulated and an assigned device behind one vSMMU) as one host.
 * Every entry goes to each host that it concerns: commands that name a stream only to the hosts that know it. The
 * answer is the earliest failure of any; handled counts what took effect in all of them. At most VIQ_CALL_MAX_HOSTS
 * hosts; with none, everything is handled, and no stream is known.
 *
 * Hosts may be added and removed at any time and from any thread, also while other threads call. A host gets every call
 * that begins after it was added. It may miss one that is running then: so it must hold nothing of the guest's when it
 * is added, and its devices must not translate before viq_call_fanout_add() has returned.
 */
#define VIQ_CALL_MAX_HOSTS 8

struct viq_call_fanout;

/*
 * hosts (NULL if count is 0) is copied. *out is the caller's, for viq_call_fanout_destroy(). Returns: 0; -EINVAL: too
 * many, no ops; -EEXIST: one of them twice, with the same ops, opaque and object; -ENOMEM; with *why. Context: any
 * thread.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_call_fanout_create(const struct viq_call_host *hosts, uint32_t count,
						     struct viq_call_fanout **out, struct viq_why *why);
/* NULL is allowed. Nobody may use the fan-out any more. */
VIQ_EXPORT void viq_call_fanout_destroy(struct viq_call_fanout *fanout);
/* The host to give to a guest front end; valid until the fan-out is destroyed. */
VIQ_EXPORT struct viq_call_host viq_call_fanout_host(struct viq_call_fanout *fanout);
/*
 * A host joins. Returns: 0; -EEXIST: it is there, or is being removed; -ENOSPC: VIQ_CALL_MAX_HOSTS are; -ELOOP: it is
 * a fan-out itself, and one can only be among the hosts of viq_call_fanout_create(); -EINVAL: no ops; with *why.
 * Context: any thread; never waits for a call.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_call_fanout_add(struct viq_call_fanout *fanout, const struct viq_call_host *host,
						  struct viq_why *why);
/*
 * A host leaves: the one with these ops, opaque and object. Waits for the calls that are in this host, not for those in
 * others; then it is used no more and may be destroyed. Its devices must not translate any more: what it holds is not
 * invalidated from now on. Returns: 0; -ENOENT: it is not there, or another thread is removing it; -EDEADLK: called
 * from within a function of a fan-out's host, which would wait for itself. Context: any thread; may sleep.
 */
VIQ_EXPORT int viq_call_fanout_remove(struct viq_call_fanout *fanout, const struct viq_call_host *host);

/* The null host: accepts and forgets everything, knows every stream. For measuring and for trying a front end alone. */
VIQ_EXPORT struct viq_call_host viq_call_null_host(void);

#ifdef __cplusplus
}
#endif
#endif
