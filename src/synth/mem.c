/* SPDX-License-Identifier: MIT */
/* A bump allocator with free lists per size. */
#include <endian.h>
#include <string.h>

#include "synth.h"

void synth_mem_init(struct synth_mem *mem, void *buf, uint64_t base, uint64_t size)
{
	*mem = (struct synth_mem){.buf = buf, .base = base, .size = size};
}

void *synth_ptr(const struct synth_mem *mem, uint64_t addr)
{
	return mem->buf + (addr - mem->base);
}

uint64_t synth_load(const struct synth_mem *mem, uint64_t addr)
{
	return le64toh(__atomic_load_n((uint64_t *)synth_ptr(mem, addr), __ATOMIC_ACQUIRE));
}

void synth_store(struct synth_mem *mem, uint64_t addr, uint64_t value)
{
	__atomic_store_n((uint64_t *)synth_ptr(mem, addr), htole64(value), __ATOMIC_RELEASE);
}

/*
 * Freed blocks are chained through their first words: offset of the next with this mark. Bits 0 and 1 stay clear, so a
 * walk that still passes here meets an invalid descriptor, of VT-d's second stage too.
 */
#define CHAIN_MARK 4

static uint64_t take_free(struct synth_mem *mem, unsigned int log2)
{
	uint64_t offset = mem->free_blocks[log2] - CHAIN_MARK;

	mem->free_blocks[log2] = synth_load(mem, mem->base + offset);
	/* Word by word: a device may still be walking through a stale table here. */
	for (uint64_t i = 0; i < UINT64_C(1) << log2; i += 8)
		synth_store(mem, mem->base + offset + i, 0);
	return mem->base + offset;
}

uint64_t synth_alloc(struct synth_mem *mem, unsigned int log2)
{
	uint64_t bytes = UINT64_C(1) << log2, addr;

	if (log2 < 3 || log2 > SYNTH_LOG2_MAX)
		return SYNTH_NONE;
	if (mem->free_blocks[log2])
		return take_free(mem, log2);
	addr = (mem->base + mem->next + bytes - 1) & ~(bytes - 1);
	if (addr - mem->base > mem->size || mem->size - (addr - mem->base) < bytes)
		return SYNTH_NONE;
	mem->next = addr - mem->base + bytes;
	return addr;
}

void synth_free(struct synth_mem *mem, uint64_t addr, unsigned int log2)
{
	synth_store(mem, addr, mem->free_blocks[log2]);
	mem->free_blocks[log2] = addr - mem->base + CHAIN_MARK;
}
