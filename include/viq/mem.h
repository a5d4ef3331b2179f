/* SPDX-License-Identifier: MIT */
/*
 * Guest memory as viq sees it.
 *
 * An address space is an immutable set of regions that the embedder has mapped, plus optional callbacks for everything
 * else. It is immutable so that any number of threads may use it without a lock; memory hot-plug makes a new one.
 *
 * The guest may change its memory at any moment. Every function below therefore reads each byte at most once per call
 * and hands out a private copy; 64-bit words at 8-byte-aligned addresses are read and written by one 64-bit access.
 *
 * Errors, for all functions: -EINVAL, the arguments make no sense and nothing was done; -EFAULT, some byte of the range
 * has no memory behind it (or is read-only, for a write; or the range wraps at 2^64). After -EFAULT a destination
 * buffer or the guest's memory may be partly written.
 */
#ifndef VIQ_MEM_H
#define VIQ_MEM_H

#include <stddef.h>
#include <stdint.h>

#include <viq/export.h>
#include <viq/why.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viq_mem;

/* The guest, and so viq, may read but not write this region: a write is -EFAULT. */
#define VIQ_MEM_READONLY 0x1u

/* Guest addresses [gpa, gpa + size) are the bytes at host. Regions may touch each other but not overlap. */
struct viq_mem_region {
	uint64_t gpa;   /* multiple of 8 */
	uint64_t size;  /* bytes, multiple of 8, not 0; gpa + size <= 2^64 - 8 */
	void *host;     /* 8-byte aligned; stays mapped as long as the viq_mem lives; never freed by viq */
	uint32_t flags; /* VIQ_MEM_* */
};

/* Optional; unused members are NULL. Set size to sizeof(struct viq_mem_ops). Called from whichever thread touches
 * memory. */
struct viq_mem_ops {
	uint32_t size;
	/* Serve a range that no region covers. 0, or -EFAULT where there is no memory. NULL: there is none. */
	int (*read)(void *opaque, uint64_t gpa, void *buf, size_t len);
	int (*write)(void *opaque, uint64_t gpa, const void *buf, size_t len);
	/* Called after viq has written [gpa, gpa + len) of a region: for dirty tracking. */
	void (*written)(void *opaque, uint64_t gpa, size_t len);
};

/*
 * Build an address space. regions and *ops are copied (count may be 0, ops NULL). On success *out is owned by the
 * caller, to be given to viq_mem_destroy() after its last user is gone.
 * Returns: 0; -EINVAL: a region breaks a rule above, or regions overlap; -E2BIG: ops; -ENOMEM. Context: any thread.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_mem_create(const struct viq_mem_region *regions, size_t count,
					     const struct viq_mem_ops *ops, void *opaque, struct viq_mem **out,
					     struct viq_why *why);
VIQ_EXPORT void viq_mem_destroy(struct viq_mem *mem); /* NULL is allowed */

/*
 * Copy len bytes out of, or into, guest memory. The range may cross regions. len 0 succeeds.
 * Returns: 0; -EFAULT: a part is not there, or may not be written, and what is before it may have been copied; -EINVAL.
 * Context: any thread, as for all below.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_mem_read(const struct viq_mem *mem, uint64_t gpa, void *buf, size_t len);
VIQ_EXPORT int viq_mem_write(const struct viq_mem *mem, uint64_t gpa, const void *buf, size_t len);

/* Read count little-endian 64-bit words into host order. Returns: as above; -EINVAL: gpa is no multiple of 8. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_mem_read_words(const struct viq_mem *mem, uint64_t gpa, uint64_t *words,
						 size_t count);

/* Write one little-endian word by one store. Returns: as above; -EINVAL: gpa is no multiple of the word's size. */
VIQ_EXPORT int viq_mem_write_u32(const struct viq_mem *mem, uint64_t gpa, uint32_t value);
VIQ_EXPORT int viq_mem_write_u64(const struct viq_mem *mem, uint64_t gpa, uint64_t value);

/*
 * Replace one little-endian word, if it still is expected, by one atomic access: for flags in tables that the guest
 * changes too. Returns: 0; -EAGAIN: the word is another, and has been left alone; -EINVAL: gpa is no multiple of 8;
 * -EFAULT: not there, read-only, or served by the callbacks, which could not do it.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_mem_cas_u64(const struct viq_mem *mem, uint64_t gpa, uint64_t expected,
					      uint64_t value);

/*
 * The host pointer behind gpa and, in *avail, the bytes that follow it in the same region. NULL if no region holds gpa.
 * For callers that copy themselves; the bytes are the guest's and may change while they are read.
 */
VIQ_EXPORT void *viq_mem_span(const struct viq_mem *mem, uint64_t gpa, uint64_t *avail);

#ifdef __cplusplus
}
#endif
#endif
