/* SPDX-License-Identifier: MIT */
/*
 * Guest address spaces: a sorted array of regions, searched by halving, with the last hit tried first by callers that
 * keep a span. Immutable after creation, so nothing here locks.
 *
 * The guest may write any byte at any time. Copies are made with relaxed atomic accesses, which the compiler may
 * neither repeat nor split; they are 64 bits wide wherever the guest address is aligned to 8, bytes elsewhere.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <viq/mem.h>

#include "base/sized.h"
#include "base/why.h"

/* Guest memory is whatever the embedder and the guest say it is: such accesses may alias any type. */
typedef uint64_t __attribute__((may_alias)) guest_u64;
typedef uint32_t __attribute__((may_alias)) guest_u32;

struct viq_mem {
	struct viq_mem_ops ops;
	void *opaque;
	size_t count;
	struct viq_mem_region regions[];
};

static int compare_regions(const void *a, const void *b)
{
	const struct viq_mem_region *x = a, *y = b;

	return x->gpa < y->gpa ? -1 : x->gpa > y->gpa;
}

static const char *region_wrong(const struct viq_mem_region *r)
{
	if (!r->size || r->size % 8)
		return "size: must be a multiple of 8, and not 0";
	if (r->gpa % 8)
		return "gpa: must be a multiple of 8";
	if (r->gpa > UINT64_MAX - 7 - r->size)
		return "gpa, size: the end must be at most 2^64 - 8";
	if (!r->host || (uintptr_t)r->host % 8)
		return "host: must be 8-byte aligned memory";
	return r->flags & ~VIQ_MEM_READONLY ? "flags: not one of VIQ_MEM_*" : NULL;
}

static int check_regions(const struct viq_mem_region *regions, size_t count, struct viq_why *why)
{
	if ((count && !regions) || count > SIZE_MAX / 64)
		return why_say(why, -EINVAL, "regions: NULL, or too many");
	for (size_t i = 0; i < count; i++) {
		const char *wrong = region_wrong(&regions[i]);

		if (wrong)
			return why_say(why, -EINVAL, "regions[%zu].%s", i, wrong);
	}
	return 0;
}

static int check_overlap(const struct viq_mem *mem, struct viq_why *why)
{
	for (size_t i = 1; i < mem->count; i++) {
		if (mem->regions[i].gpa - mem->regions[i - 1].gpa < mem->regions[i - 1].size)
			return why_say(why, -EINVAL, "regions: those at %#" PRIx64 " and %#" PRIx64 " overlap",
				       mem->regions[i - 1].gpa, mem->regions[i].gpa);
	}
	return 0;
}

int viq_mem_create(const struct viq_mem_region *regions, size_t count, const struct viq_mem_ops *ops, void *opaque,
		   struct viq_mem **out, struct viq_why *why)
{
	struct viq_mem *mem;
	int ret;

	if (!out)
		return why_say(why, -EINVAL, "out: NULL");
	ret = check_regions(regions, count, why);
	if (ret)
		return ret;
	mem = malloc(sizeof(*mem) + count * sizeof(*regions));
	if (!mem)
		return why_say(why, -ENOMEM, "no memory");
	*mem = (struct viq_mem){.opaque = opaque, .count = count};
	if (ops)
		ret = sized_take(&mem->ops, sizeof(mem->ops), ops, sizeof(ops->size), "ops", why);
	if (count) {
		memcpy(mem->regions, regions, count * sizeof(*regions));
		qsort(mem->regions, count, sizeof(*regions), compare_regions);
	}
	if (!ret)
		ret = check_overlap(mem, why);
	if (ret) {
		free(mem);
		return ret;
	}
	*out = mem;
	return 0;
}

void viq_mem_destroy(struct viq_mem *mem)
{
	free(mem);
}

/* The first region that ends after gpa, or NULL: it holds gpa, or is the next one above it. */
static const struct viq_mem_region *region_at_or_above(const struct viq_mem *mem, uint64_t gpa)
{
	size_t lo = 0, hi = mem->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (gpa < mem->regions[mid].gpa + mem->regions[mid].size)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < mem->count ? &mem->regions[lo] : NULL;
}

void *viq_mem_span(const struct viq_mem *mem, uint64_t gpa, uint64_t *avail)
{
	const struct viq_mem_region *r;

	if (!mem || !avail)
		return NULL;
	r = region_at_or_above(mem, gpa);
	if (!r || gpa < r->gpa)
		return NULL;
	*avail = r->size - (gpa - r->gpa);
	return (char *)r->host + (gpa - r->gpa);
}

/* src is aligned as its guest address is (a region's two ends are multiples of 8 on both sides); dst need not be. */
static void copy_from_guest(void *dst, const char *src, size_t len)
{
	char *d = dst;

	for (; len && (uintptr_t)src % 8; len--)
		*d++ = __atomic_load_n(src++, __ATOMIC_RELAXED);
	for (; len >= 8; len -= 8, d += 8, src += 8) {
		uint64_t word = __atomic_load_n((const guest_u64 *)(const void *)src, __ATOMIC_RELAXED);

		memcpy(d, &word, 8);
	}
	for (; len; len--)
		*d++ = __atomic_load_n(src++, __ATOMIC_RELAXED);
}

static void copy_to_guest(char *dst, const void *src, size_t len)
{
	const char *s = src;

	for (; len && (uintptr_t)dst % 8; len--)
		__atomic_store_n(dst++, *s++, __ATOMIC_RELAXED);
	for (; len >= 8; len -= 8, dst += 8, s += 8) {
		uint64_t word;

		memcpy(&word, s, 8);
		__atomic_store_n((guest_u64 *)(void *)dst, word, __ATOMIC_RELAXED);
	}
	for (; len; len--)
		__atomic_store_n(dst++, *s++, __ATOMIC_RELAXED);
}

/* Bytes from gpa on that one step handles: to the end of its region, or of the hole before the next. */
static size_t step_length(const struct viq_mem_region *r, uint64_t gpa, size_t len, bool *inside)
{
	uint64_t n = len;

	*inside = r && gpa >= r->gpa;
	if (*inside)
		n = r->size - (gpa - r->gpa);
	else if (r)
		n = r->gpa - gpa;
	return n < len ? n : len;
}

static bool range_ok(uint64_t gpa, size_t len)
{
	return !len || gpa <= UINT64_MAX - (len - 1);
}

int viq_mem_read(const struct viq_mem *mem, uint64_t gpa, void *buf, size_t len)
{
	char *dst = buf;

	if (!mem || (len && !buf))
		return -EINVAL;
	if (!range_ok(gpa, len))
		return -EFAULT;
	while (len) {
		const struct viq_mem_region *r = region_at_or_above(mem, gpa);
		bool inside;
		size_t n = step_length(r, gpa, len, &inside);

		if (inside)
			copy_from_guest(dst, (char *)r->host + (gpa - r->gpa), n);
		else if (!mem->ops.read || mem->ops.read(mem->opaque, gpa, dst, n))
			return -EFAULT;
		dst += n;
		gpa += n;
		len -= n;
	}
	return 0;
}

int viq_mem_write(const struct viq_mem *mem, uint64_t gpa, const void *buf, size_t len)
{
	const char *src = buf;

	if (!mem || (len && !buf))
		return -EINVAL;
	if (!range_ok(gpa, len))
		return -EFAULT;
	while (len) {
		const struct viq_mem_region *r = region_at_or_above(mem, gpa);
		bool inside;
		size_t n = step_length(r, gpa, len, &inside);

		if (inside) {
			if (r->flags & VIQ_MEM_READONLY)
				return -EFAULT;
			copy_to_guest((char *)r->host + (gpa - r->gpa), src, n);
			if (mem->ops.written)
				mem->ops.written(mem->opaque, gpa, n);
		} else if (!mem->ops.write || mem->ops.write(mem->opaque, gpa, src, n)) {
			return -EFAULT;
		}
		src += n;
		gpa += n;
		len -= n;
	}
	return 0;
}

int viq_mem_read_words(const struct viq_mem *mem, uint64_t gpa, uint64_t *words, size_t count)
{
	int ret;

	if (gpa % 8 || count > SIZE_MAX / 8)
		return -EINVAL;
	ret = viq_mem_read(mem, gpa, words, count * 8);
	if (ret)
		return ret;
	for (size_t i = 0; i < count; i++)
		words[i] = le64toh(words[i]);
	return 0;
}

/* Where an aligned word lies. NULL: in no region, or in one that is read-only. */
static void *word_host(const struct viq_mem *mem, uint64_t gpa)
{
	const struct viq_mem_region *r = region_at_or_above(mem, gpa);

	if (!r || gpa < r->gpa || r->flags & VIQ_MEM_READONLY)
		return NULL;
	return (char *)r->host + (gpa - r->gpa);
}

static void word_written(const struct viq_mem *mem, uint64_t gpa, size_t len)
{
	if (mem->ops.written)
		mem->ops.written(mem->opaque, gpa, len);
}

/* Both stores are releases: a guest that polls for the word sees all that was written before it. */
int viq_mem_write_u32(const struct viq_mem *mem, uint64_t gpa, uint32_t value)
{
	void *host;

	if (!mem || gpa % sizeof(value))
		return -EINVAL;
	host = word_host(mem, gpa);
	value = htole32(value);
	if (!host)
		return viq_mem_write(mem, gpa, &value, sizeof(value));
	__atomic_store_n((guest_u32 *)host, value, __ATOMIC_RELEASE);
	word_written(mem, gpa, sizeof(value));
	return 0;
}

int viq_mem_write_u64(const struct viq_mem *mem, uint64_t gpa, uint64_t value)
{
	void *host;

	if (!mem || gpa % sizeof(value))
		return -EINVAL;
	host = word_host(mem, gpa);
	value = htole64(value);
	if (!host)
		return viq_mem_write(mem, gpa, &value, sizeof(value));
	__atomic_store_n((guest_u64 *)host, value, __ATOMIC_RELEASE);
	word_written(mem, gpa, sizeof(value));
	return 0;
}

int viq_mem_cas_u64(const struct viq_mem *mem, uint64_t gpa, uint64_t expected, uint64_t value)
{
	void *host;

	if (!mem || gpa % sizeof(value))
		return -EINVAL;
	host = word_host(mem, gpa);
	if (!host)
		return -EFAULT;
	expected = htole64(expected);
	if (!__atomic_compare_exchange_n((guest_u64 *)host, &expected, htole64(value), false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return -EAGAIN;
	word_written(mem, gpa, sizeof(value));
	return 0;
}
