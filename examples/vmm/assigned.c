/* SPDX-License-Identifier: MIT */
/*
 * The assigned device: what of a real PCI function the guest sees and touches (Linux: Documentation/driver-api/vfio.rst
 * and <linux/vfio.h>). Its DMA is not here but in smmu.c.
 *
 * Configuration space. The guest sees the device's own registers through a filter, a policy for each 32-bit register:
 *
 *   IDs, class, status      read from the device
 *   command                 memory decoding and bus master are the device's, INTx is always disabled; the rest is 0
 *   BARs                    emulated: the guest places them where it likes, the device's own stay as they are
 *   PCI Express capability  read from the device; device control is written to it, which covers function-level reset
 *   vendor capabilities     read from the device
 *   all else                reads 0, ignores writes: interrupt pin and MSI (this machine routes no interrupts of
 *                           devices), power management, expansion ROM, I/O BARs, and with the extended space ATS, PRI
 *                           and PASID
 *
 * vfio has a filter of its own behind this one: what could hurt the host, it does not let through.
 *
 * BARs. Where the guest has placed one and enabled decoding, it reaches the device without an exit: the BAR's mapping
 * in this process becomes guest memory. A BAR that cannot be mapped as a whole is read and written for the guest, exit
 * by exit. No BAR is mapped for DMA: devices cannot reach each other.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm.h"

#define BAR_COUNT        6
#define CAPABILITY_FIRST 0x40
#define CAPABILITY_MOST  ((PCI_CFG_SPACE_SIZE - CAPABILITY_FIRST) / 4)

struct bar {
	uint64_t size;    /* a power of two; 0: the guest sees none */
	uint64_t region;  /* where it begins in the cdev */
	uint32_t type;    /* the register's low bits: 64 bits wide, prefetchable */
	void *host;       /* this process's mapping; NULL: served by exits */
	uint64_t address; /* where the guest wants it */
	uint64_t mapped;  /* where it is guest memory; 0: nowhere */
	bool told;        /* of its bad place */
};

/* Of a 32-bit register: bits that come from the device, bits that go to it, and bits that are always 1. */
struct policy {
	uint32_t read, write, set;
};

struct assigned {
	struct vm *vm;
	int cdev;
	uint64_t config; /* where configuration space begins in the cdev */
	struct policy policy[PCI_CFG_SPACE_SIZE / 4];
	pthread_mutex_t lock; /* for what follows */
	bool decoding;
	struct bar bars[BAR_COUNT];
};

#define COMMAND (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)
#define STATUS  (0xffffu & ~(uint32_t)(PCI_STATUS_CAP_LIST | PCI_STATUS_INTERRUPT))

static const struct policy header[] = {
	[PCI_VENDOR_ID / 4] = {.read = UINT32_MAX},
	[PCI_COMMAND / 4] = {.read = STATUS << 16 | COMMAND, .write = COMMAND, .set = PCI_COMMAND_INTX_DISABLE},
	[PCI_CLASS_REVISION / 4] = {.read = UINT32_MAX},
	[PCI_SUBSYSTEM_VENDOR_ID / 4] = {.read = UINT32_MAX},
};

/* --- The device's own configuration space ------------------------------------------------------------------------- */

static uint32_t device_read(const struct assigned *a, uint32_t offset, unsigned int size)
{
	uint32_t value = 0; /* PCI and this machine: little-endian */

	if (pread(a->cdev, &value, size, (off_t)(a->config + offset)) != (ssize_t)size)
		return UINT32_MAX;
	return value;
}

static void device_write(const struct assigned *a, uint32_t offset, unsigned int size, uint32_t value)
{
	if (pwrite(a->cdev, &value, size, (off_t)(a->config + offset)) != (ssize_t)size)
		say("the device's configuration space at 0x%x cannot be written: %s", offset, strerror(errno));
}

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

static void unmap_bar(struct assigned *a, struct bar *bar)
{
	int err = vm_set_memory(a->vm, BAR_SLOT + (unsigned int)(bar - a->bars), bar->mapped, NULL, bar->size);

	if (err)
		die("a BAR cannot be taken from the guest: %s", strerror(-err));
	bar->mapped = 0;
}

static void map_bar(struct assigned *a, struct bar *bar)
{
	int err = vm_set_memory(a->vm, BAR_SLOT + (unsigned int)(bar - a->bars), bar->address, bar->host, bar->size);

	if (err)
		bad_place(a, bar, err == -EEXIST ? "another BAR is there" : strerror(-err));
	else
		bar->mapped = bar->address;
}

/* Make the guest's memory follow the BARs. What goes, goes first: two BARs may have changed places. */
static void place_bars(struct assigned *a)
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

/*
 * While the device does not decode, its mapping in this process must not be touched: the fault would end the vCPU. So
 * it is guest memory only as long as the device surely does.
 */
static void write_command(struct assigned *a, uint32_t offset, unsigned int size, uint32_t value)
{
	bool decoding = offset == PCI_COMMAND ? value & PCI_COMMAND_MEMORY : a->decoding;

	a->decoding &= decoding;
	place_bars(a);
	device_write(a, offset, size, value | PCI_COMMAND_INTX_DISABLE >> (offset - PCI_COMMAND) * 8);
	a->decoding = decoding;
	place_bars(a);
}

/* --- BARs that are served by exits -------------------------------------------------------------------------------- */

/* Where this piece of the window is in the cdev; -1: nowhere. Of two BARs at one place the first answers. */
static off_t find_in_bars(struct assigned *a, uint64_t offset, unsigned int size)
{
	uint64_t address = PCI_MMIO_BASE + offset;
	off_t found = -1;

	pthread_mutex_lock(&a->lock);
	for (struct bar *bar = a->bars; a->decoding && found < 0 && bar < a->bars + BAR_COUNT; bar++)
		if (address >= bar->address && address - bar->address < bar->size &&
		    size <= bar->size - (address - bar->address))
			found = (off_t)(bar->region + (address - bar->address));
	pthread_mutex_unlock(&a->lock);
	return found;
}

static uint64_t window_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct assigned *a = opaque;
	off_t at = find_in_bars(a, offset, size);
	uint64_t value = 0;

	if (at < 0 || pread(a->cdev, &value, size, at) != (ssize_t)size)
		return UINT64_MAX; /* as on any PCI bus: nobody answers, or not any more */
	return value;
}

static void window_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct assigned *a = opaque;
	off_t at = find_in_bars(a, offset, size);

	if (at < 0 || pwrite(a->cdev, &value, size, at) != (ssize_t)size)
		return; /* likewise: the write is lost */
}

/* --- What the guest sees ------------------------------------------------------------------------------------------ */

static bool is_bar(uint32_t offset)
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

static uint32_t bar_read(struct assigned *a, uint32_t offset)
{
	unsigned int shift;
	const struct bar *bar = bar_of(a, offset, &shift);

	return (uint32_t)((bar->address | bar->type) >> shift);
}

/* All ones written come back as what is free to choose: this is how the guest finds the size. */
static void bar_write(struct assigned *a, uint32_t offset, unsigned int size, uint32_t value)
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

uint32_t assigned_config_read(struct assigned *a, uint32_t offset, unsigned int size)
{
	uint32_t value, shift = offset % 4 * 8;
	const struct policy *policy;

	if (offset >= PCI_CFG_SPACE_SIZE)
		return 0; /* no extended capabilities */
	if (is_bar(offset)) {
		pthread_mutex_lock(&a->lock);
		value = bar_read(a, offset) >> shift;
		pthread_mutex_unlock(&a->lock);
	} else {
		policy = &a->policy[offset / 4];
		value = policy->read >> shift ? device_read(a, offset, size) & policy->read >> shift : 0;
		value |= policy->set >> shift;
	}
	return value & UINT32_MAX >> (32 - size * 8);
}

void assigned_config_write(struct assigned *a, uint32_t offset, unsigned int size, uint32_t value)
{
	uint32_t allowed;

	if (offset >= PCI_CFG_SPACE_SIZE)
		return;
	allowed = a->policy[offset / 4].write >> offset % 4 * 8 & UINT32_MAX >> (32 - size * 8);
	pthread_mutex_lock(&a->lock);
	if (is_bar(offset))
		bar_write(a, offset, size, value);
	else if (allowed && offset / 4 == PCI_COMMAND / 4)
		write_command(a, offset, size, value & allowed);
	else if (allowed)
		device_write(a, offset, size, value & allowed);
	pthread_mutex_unlock(&a->lock);
}

/* --- Making it ---------------------------------------------------------------------------------------------------- */

int assigned_open(const char *path)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int cdev = open(path, O_RDWR | O_CLOEXEC);

	if (cdev < 0 && errno == ENOENT)
		die("%s is not there. A PCI device gets such a file from the driver vfio-pci: write \"vfio-pci\" to "
		    "its "
		    "driver_override in /sys/bus/pci/devices/ADDRESS, its ADDRESS to driver/unbind there, then to "
		    "/sys/bus/pci/drivers_probe; the name is in its vfio-dev folder",
		    path);
	if (cdev < 0 && (errno == EACCES || errno == EPERM))
		die("%s: no permission; it is root's unless it has been given to another user (chown)", path);
	if (cdev < 0)
		die("%s: %s", path, strerror(errno));
	/* A cdev answers that it is too early to ask; nothing else knows the question. */
	if (ioctl(cdev, VFIO_DEVICE_GET_INFO, &info) && errno == ENOTTY)
		die("%s is not a device of vfio", path);
	return cdev;
}

/* A region's description with what is behind it, which is long only if it lists areas that can be mapped. */
union region {
	struct vfio_region_info info;
	uint8_t bytes[512];
};

static void get_region(const struct assigned *a, uint32_t index, union region *region)
{
	*region = (union region){.info = {.argsz = sizeof(*region), .index = index}};
	if (ioctl(a->cdev, VFIO_DEVICE_GET_REGION_INFO, &region->info))
		die("the device's region %u: %s", index, strerror(errno));
}

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
	if (!can_be_mapped(&region))
		return;
	bar->host = mmap(NULL, bar->size, PROT_READ | PROT_WRITE, MAP_SHARED, a->cdev, (off_t)bar->region);
	if (bar->host == MAP_FAILED)
		die("BAR %u cannot be mapped: %s", index, strerror(errno));
}

/* How much of a capability the guest may read; 0: it does not see it. */
static unsigned int capability_length(const struct assigned *a, uint32_t at)
{
	switch (device_read(a, at, 1)) {
	case PCI_CAP_ID_EXP:
		return (device_read(a, at + PCI_EXP_FLAGS, 2) & PCI_EXP_FLAGS_VERS) > 1 ? 0x3c : 0x14;
	case PCI_CAP_ID_VNDR:
		return device_read(a, at + PCI_CAP_FLAGS, 1);
	default:
		return 0;
	}
}

static void show_capability(struct assigned *a, uint32_t at, unsigned int length, uint32_t link)
{
	for (uint32_t byte = at; byte < at + length && byte < PCI_CFG_SPACE_SIZE; byte++)
		if (byte != at + PCI_CAP_LIST_NEXT)
			a->policy[byte / 4].read |= 0xffu << byte % 4 * 8;
	a->policy[link / 4].set |= at << link % 4 * 8;
	a->policy[PCI_STATUS / 4].set |= (uint32_t)PCI_STATUS_CAP_LIST << 16;
	if (device_read(a, at, 1) == PCI_CAP_ID_EXP)
		a->policy[(at + PCI_EXP_DEVCTL) / 4].write = 0xffff;
}

/* The list of those that are shown: link is where the next one's address has to be. */
static void link_capabilities(struct assigned *a)
{
	uint32_t at = device_read(a, PCI_CAPABILITY_LIST, 1), link = PCI_CAPABILITY_LIST;
	unsigned int length;

	if (!(device_read(a, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return;
	for (unsigned int count = 0; at >= CAPABILITY_FIRST && count < CAPABILITY_MOST; count++) {
		at &= ~3u;
		length = capability_length(a, at);
		if (length) {
			show_capability(a, at, length, link);
			link = at + PCI_CAP_LIST_NEXT;
		}
		at = device_read(a, at + PCI_CAP_LIST_NEXT, 1);
	}
}

struct assigned *assigned_create(struct vm *vm, int cdev)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	struct assigned *a = calloc(1, sizeof(*a));
	union region config;

	if (!a)
		die("no memory");
	a->vm = vm;
	a->cdev = cdev;
	pthread_mutex_init(&a->lock, NULL);
	if (ioctl(cdev, VFIO_DEVICE_GET_INFO, &info) || !(info.flags & VFIO_DEVICE_FLAGS_PCI))
		die("the device is not a PCI device of vfio");
	get_region(a, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	a->config = config.info.offset;
	memcpy(a->policy, header, sizeof(header));
	link_capabilities(a);
	for (uint32_t index = 0; index < BAR_COUNT; index += a->bars[index].type & PCI_BASE_ADDRESS_MEM_TYPE_64 ? 2 : 1)
		make_bar(a, index);
	write_command(a, PCI_COMMAND, 2, 0); /* as after a reset */
	vm_add_mmio(vm, &(struct mmio){PCI_MMIO_BASE, PCI_MMIO_SIZE, window_read, window_write, a});
	return a;
}

void assigned_destroy(struct assigned *a)
{
	a->decoding = false;
	place_bars(a);
	for (struct bar *bar = a->bars; bar < a->bars + BAR_COUNT; bar++)
		if (bar->host)
			munmap(bar->host, bar->size);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
