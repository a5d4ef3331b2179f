/* SPDX-License-Identifier: MIT */
/*
 * The assigned device's BARs. Where the guest has placed one and enabled decoding, it reaches the device without an
 * exit: the BAR's mapping in this process becomes guest memory. Read and written for the guest, exit by exit, are a BAR
 * that cannot be mapped as a whole, and the pages with the MSI-X table, which is this program's and not the device's
 * (msi.c). No BAR is mapped for DMA: devices cannot reach each other.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "assigned.h"

/* --- Where BARs are ----------------------------------------------------------------------------------------------- */

static bool in_window(const struct bar *bar)
{
	return bar->address >= PCI_MMIO_BASE && bar->size <= PCI_MMIO_SIZE &&
	       bar->address - PCI_MMIO_BASE <= PCI_MMIO_SIZE - bar->size;
}

static void bad_place(struct assigned *a, struct bar *bar, const char *why)
{
	if (!bar->told)
		say("BAR %d is not mapped at 0x%llx: %s", (int)(bar - a->bars), (unsigned long long)bar->address, why);
	bar->told = true;
}

/* What of a BAR is guest memory: all but the hole. host NULL: no longer. */
static int set_memory(struct assigned *a, struct bar *bar, uint64_t address, uint8_t *host)
{
	unsigned int slot = BAR_SLOT + 2 * (unsigned int)(bar - a->bars);
	uint64_t behind = bar->size - bar->hole_end;
	int err = 0;

	if (bar->hole)
		err = vm_set_memory(a->vm, slot, address, host, bar->hole);
	if (err || !behind)
		return err;
	err = vm_set_memory(a->vm, slot + 1, address + bar->hole_end, host ? host + bar->hole_end : NULL, behind);
	if (err && host && bar->hole)
		vm_set_memory(a->vm, slot, address, NULL, bar->hole);
	return err;
}

static void unmap_bar(struct assigned *a, struct bar *bar)
{
	int err = set_memory(a, bar, bar->mapped, NULL);

	if (err)
		die("a BAR cannot be taken from the guest: %s", strerror(-err));
	bar->mapped = 0;
}

static void map_bar(struct assigned *a, struct bar *bar)
{
	int err = set_memory(a, bar, bar->address, bar->host);

	if (err)
		bad_place(a, bar, err == -EEXIST ? "another BAR is there" : strerror(-err));
	else
		bar->mapped = bar->address;
}

/* What goes, goes first: two BARs may have changed places. */
void place_bars(struct assigned *a)
{
	for (struct bar *bar = a->bars; bar < a->bars + BAR_COUNT; bar++)
		if (bar->mapped && (!a->decoding || bar->address != bar->mapped))
			unmap_bar(a, bar);
	for (struct bar *bar = a->bars; a->decoding && bar < a->bars + BAR_COUNT; bar++) {
		if (bar->size && !in_window(bar))
			bad_place(a, bar, "it is outside the window for BARs");
		else if (bar->host && !bar->mapped)
			map_bar(a, bar);
	}
}

/* --- What is served by exits -------------------------------------------------------------------------------------- */

/* The BAR with this piece of the window, or NULL. Of two at one place the first answers. */
static const struct bar *find_bar(const struct assigned *a, uint64_t address, unsigned int size)
{
	for (const struct bar *bar = a->bars; a->decoding && bar < a->bars + BAR_COUNT; bar++)
		if (address >= bar->address && address - bar->address < bar->size &&
		    size <= bar->size - (address - bar->address))
			return bar;
	return NULL;
}

static uint64_t window_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct assigned *a = opaque;
	uint64_t address = PCI_MMIO_BASE + offset, value = 0;
	const struct bar *bar;
	off_t at = -1;

	pthread_mutex_lock(&a->lock);
	bar = find_bar(a, address, size);
	if (bar && !msix_read(a, (uint32_t)(bar - a->bars), address - bar->address, size, &value))
		at = (off_t)(bar->region + (address - bar->address));
	pthread_mutex_unlock(&a->lock);
	if (!bar || (at >= 0 && pread(a->cdev, &value, size, at) != (ssize_t)size))
		return UINT64_MAX; /* as on any PCI bus: nobody answers, or not any more */
	return value;
}

static void window_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct assigned *a = opaque;
	uint64_t address = PCI_MMIO_BASE + offset;
	const struct bar *bar;
	off_t at = -1;

	pthread_mutex_lock(&a->lock);
	bar = find_bar(a, address, size);
	if (bar && !msix_write(a, (uint32_t)(bar - a->bars), address - bar->address, size, value))
		at = (off_t)(bar->region + (address - bar->address));
	pthread_mutex_unlock(&a->lock);
	if (at < 0 || pwrite(a->cdev, &value, size, at) != (ssize_t)size)
		return; /* likewise: the write is lost */
}

/* --- Their registers ---------------------------------------------------------------------------------------------- */

bool is_bar(uint32_t offset)
{
	return offset >= PCI_BASE_ADDRESS_0 && offset <= PCI_BASE_ADDRESS_5 + 3;
}

/* The BAR that a register belongs to; *shift: 32 if it is the upper half of one that is 64 bits wide. */
static struct bar *bar_of(struct assigned *a, uint32_t offset, unsigned int *shift)
{
	struct bar *bar = &a->bars[(offset - PCI_BASE_ADDRESS_0) / 4];
	bool upper = bar > a->bars && bar[-1].type & PCI_BASE_ADDRESS_MEM_TYPE_64;

	*shift = upper ? 32 : 0;
	return upper ? bar - 1 : bar;
}

uint32_t bar_read(struct assigned *a, uint32_t offset)
{
	unsigned int shift;
	const struct bar *bar = bar_of(a, offset, &shift);

	return (uint32_t)((bar->address | bar->type) >> shift);
}

/* All ones written come back as what is free to choose: this is how the guest finds the size. */
void bar_write(struct assigned *a, uint32_t offset, unsigned int size, uint32_t value)
{
	uint32_t mask = UINT32_MAX >> (32 - size * 8) << offset % 4 * 8;
	unsigned int shift;
	struct bar *bar = bar_of(a, offset, &shift);
	uint64_t whole = (bar_read(a, offset) & ~mask) | (value << offset % 4 * 8 & mask);

	if (!bar->size)
		return;
	bar->address = ((bar->address & ~((uint64_t)UINT32_MAX << shift)) | whole << shift) & ~(bar->size - 1);
	place_bars(a);
}

/* --- Making them -------------------------------------------------------------------------------------------------- */

/* As a whole, in pages. */
static bool can_be_mapped(const union region *region)
{
	const struct vfio_region_info *info = &region->info;
	uint32_t at = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0;
	struct vfio_info_cap_header capability;

	if (!(info->flags & VFIO_REGION_INFO_FLAG_MMAP) || info->size % (uint64_t)sysconf(_SC_PAGESIZE) ||
	    info->argsz > sizeof(*region))
		return false;
	for (; at && at <= sizeof(*region) - sizeof(capability); at = capability.next) {
		memcpy(&capability, region->bytes + at, sizeof(capability));
		if (capability.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			return false;
	}
	return true;
}

/* One that has both table and pending bits, if they are in the same BAR. */
static void make_hole(struct bar *bar, const struct msix_place *place)
{
	uint64_t mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	uint64_t from = place->offset & ~mask, to = (place->offset + place->size + mask) & ~mask;
	bool first = bar->hole == bar->size;

	if (!place->size || to > bar->size)
		return;
	bar->hole_end = first || to > bar->hole_end ? to : bar->hole_end;
	bar->hole = from < bar->hole ? from : bar->hole;
}

static void make_bar(struct assigned *a, uint32_t index)
{
	uint32_t type = device_read(a, PCI_BASE_ADDRESS_0 + index * 4, 4) & 0xf;
	struct bar *bar = &a->bars[index];
	union region region;

	get_region(a, index, &region);
	if (!region.info.size || type & PCI_BASE_ADDRESS_SPACE_IO)
		return;
	bar->type = type;
	bar->size = region.info.size;
	bar->region = region.info.offset;
	bar->hole = bar->hole_end = bar->size;
	if (a->table.bar == index)
		make_hole(bar, &a->table);
	if (a->pending.bar == index)
		make_hole(bar, &a->pending);
	if (!can_be_mapped(&region))
		return;
	bar->host = mmap(NULL, bar->size, PROT_READ | PROT_WRITE, MAP_SHARED, a->cdev, (off_t)bar->region);
	if (bar->host == MAP_FAILED)
		die("BAR %u cannot be mapped: %s", index, strerror(errno));
}

void bars_create(struct assigned *a)
{
	for (uint32_t index = 0; index < BAR_COUNT; index += a->bars[index].type & PCI_BASE_ADDRESS_MEM_TYPE_64 ? 2 : 1)
		make_bar(a, index);
	vm_add_mmio(a->vm, &(struct mmio){PCI_MMIO_BASE, PCI_MMIO_SIZE, window_read, window_write, a});
}

void bars_destroy(struct assigned *a)
{
	a->decoding = false;
	place_bars(a);
	for (struct bar *bar = a->bars; bar < a->bars + BAR_COUNT; bar++)
		if (bar->host)
			munmap(bar->host, bar->size);
}
