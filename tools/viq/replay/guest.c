// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "arch.h"
#include "tool.h"

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What reading the clock twice takes. */
static uint64_t clock_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < 1000; i++) {
		uint64_t start = now_ns(), cost = now_ns() - start;

		if (cost < least)
			least = cost;
	}
	return least;
}

/* --- Memory ------------------------------------------------------------------------------------------------------ */

static int add_memory(struct replay_guest *guest)
{
	struct viq_mem_region region = {.gpa = GUEST_RAM_BASE, .size = GUEST_RAM_SIZE};
	void *ram =
		mmap(NULL, GUEST_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (ram == MAP_FAILED)
		return -errno;
	guest->ram = ram;
	region.host = ram;
	synth_mem_init(&guest->mem, ram, GUEST_RAM_BASE, GUEST_RAM_SIZE);
	return viq_mem_create(&region, 1, NULL, NULL, &guest->vmem, NULL);
}

/* --- Building ---------------------------------------------------------------------------------------------------- */

struct replay_guest *guest_create(const struct replay_arch *arch, const struct replay_options *options,
				  const struct scan *scan)
{
	struct viq_why why = {"cannot make the guest's memory"};
	struct replay_guest *guest;
	int err;

	if (options->contract != VIQ_FAULT_EXACT && !arch->contracts) {
		tool_error(options->path, "--contract: the software %s is always exact; leave it out", arch->iommu);
		return NULL;
	}
	guest = calloc(1, arch->size);
	if (!guest) {
		tool_error(NULL, "no memory");
		return NULL;
	}
	guest->arch = arch;
	guest->clock_cost = clock_cost();
	guest->ring.base = SYNTH_NONE;
	err = add_memory(guest);
	if (!err && options->soft)
		err = viq_fault_create(options->contract, &guest->fault, &why);
	if (!err)
		err = arch->build(guest, options, scan, &why);
	if (!err)
		return guest;
	tool_error(NULL, "%s: %s", why.text, strerror(-err));
	guest_destroy(guest);
	return NULL;
}

void guest_destroy(struct replay_guest *guest)
{
	guest->arch->destroy(guest);
	viq_fault_destroy(guest->fault);
	viq_mem_destroy(guest->vmem);
	if (guest->ram)
		munmap(guest->ram, GUEST_RAM_SIZE);
	free(guest);
}

/* --- Registers --------------------------------------------------------------------------------------------------- */

uint32_t guest_read32(struct replay_guest *guest, uint64_t offset)
{
	return (uint32_t)guest->arch->read(guest, offset, 4);
}

void guest_write32(struct replay_guest *guest, uint64_t offset, uint64_t value)
{
	guest->arch->write(guest, offset, 4, value);
}

void guest_write64(struct replay_guest *guest, uint64_t offset, uint64_t value)
{
	guest->arch->write(guest, offset, 8, value);
}

/* --- The ring ---------------------------------------------------------------------------------------------------- */

/* Queues are aligned to their size, and to 32 bytes at least. */
static unsigned int ring_log2(const struct guest_ring *ring)
{
	unsigned int log2 = (unsigned int)__builtin_ctz(ring->entries * ring->entry_size);

	return log2 < 5 ? 5 : log2;
}

bool guest_start_queue(struct replay_guest *guest, uint32_t entries, uint32_t entry_size, uint32_t first)
{
	struct guest_ring *ring = &guest->ring;

	if (ring->base != SYNTH_NONE)
		synth_free(&guest->mem, ring->base, ring_log2(ring));
	ring->entries = entries;
	ring->entry_size = entry_size;
	ring->base = synth_alloc(&guest->mem, ring_log2(ring));
	if (ring->base == SYNTH_NONE) {
		tool_error(NULL, "no memory for a queue of %u %ss", entries, guest->arch->entry);
		return false;
	}
	guest->head = first & guest_index_mask(guest);
	guest->arch->start_queue(guest, guest->head);
	return true;
}

uint32_t guest_index_mask(const struct replay_guest *guest)
{
	return (guest->arch->wraps ? 2 : 1) * guest->ring.entries - 1;
}

uint32_t guest_doorbell_index(const struct replay_guest *guest, uint32_t doorbell)
{
	return (guest->arch->wraps ? doorbell : doorbell / guest->ring.entry_size) & guest_index_mask(guest);
}

static uint64_t address_of(const struct replay_guest *guest, uint32_t index)
{
	return guest->ring.base + (uint64_t)(index & (guest->ring.entries - 1)) * guest->ring.entry_size;
}

void guest_load(const struct replay_guest *guest, uint32_t index, uint64_t entry[4])
{
	uint64_t at = address_of(guest, index);

	memset(entry, 0, 4 * sizeof(entry[0]));
	for (unsigned int i = 0; i < guest->ring.entry_size / 8; i++)
		entry[i] = synth_load(&guest->mem, at + 8 * i);
}

void guest_store(struct replay_guest *guest, uint32_t index, const uint64_t entry[4])
{
	uint64_t at = address_of(guest, index);

	for (unsigned int i = 0; i < guest->ring.entry_size / 8; i++)
		synth_store(&guest->mem, at + 8 * i, entry[i]);
}

/* --- Running ----------------------------------------------------------------------------------------------------- */

void guest_kick(void *opaque)
{
	struct replay_guest *guest = opaque;

	guest->kicked = true;
}

void guest_run(struct replay_guest *guest)
{
	while (guest->kicked)
		guest->kicked = guest->arch->run(guest);
}

uint64_t guest_ring(struct replay_guest *guest, uint32_t doorbell)
{
	uint64_t start = now_ns(), ns;

	guest->arch->write(guest, guest->arch->doorbell, 4, doorbell);
	guest_run(guest);
	ns = now_ns() - start;
	return ns > guest->clock_cost ? ns - guest->clock_cost : 0;
}
