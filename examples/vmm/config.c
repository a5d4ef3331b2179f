/* SPDX-License-Identifier: MIT */
/*
 * The assigned device's configuration space. The guest sees its registers through a filter, a policy for each 32-bit
 * register:
 *
 *   IDs, class, status      read from the device
 *   command                 memory decoding and bus master are the device's, INTx is always disabled; the rest is 0
 *   BARs                    emulated: the guest places them where it likes, the device's own stay as they are
 *   MSI, MSI-X              emulated (msi.c); of MSI the guest is offered one vector, of MSI-X as many as there are
 *   PCI Express capability  read from the device; device control is written to it, which covers function-level reset
 *   vendor capabilities     read from the device
 *   all else                reads 0, ignores writes: interrupt pin (this machine routes no INTx), power management,
 *                           expansion ROM, I/O BARs, and with the extended space ATS, PRI and PASID
 *
 * vfio has a filter of its own behind this one: what could hurt the host, it does not let through.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "assigned.h"

#define CAPABILITY_FIRST 0x40
#define CAPABILITY_MOST  ((PCI_CFG_SPACE_SIZE - CAPABILITY_FIRST) / 4)

#define COMMAND (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)
#define STATUS  (0xffffu & ~(uint32_t)(PCI_STATUS_CAP_LIST | PCI_STATUS_INTERRUPT))

static const struct policy header[] = {
	[PCI_VENDOR_ID / 4] = {.read = UINT32_MAX},
	[PCI_COMMAND / 4] = {.read = STATUS << 16 | COMMAND, .write = COMMAND, .set = PCI_COMMAND_INTX_DISABLE},
	[PCI_CLASS_REVISION / 4] = {.read = UINT32_MAX},
	[PCI_SUBSYSTEM_VENDOR_ID / 4] = {.read = UINT32_MAX},
};

/* --- The device's own configuration space ------------------------------------------------------------------------- */

uint32_t device_read(const struct assigned *a, uint32_t offset, unsigned int size)
{
	uint32_t value = 0; /* PCI and this machine: little-endian */

	if (pread(a->cdev, &value, size, (off_t)(a->config + offset)) != (ssize_t)size)
		return UINT32_MAX;
	return value;
}

void device_write(const struct assigned *a, uint32_t offset, unsigned int size, uint32_t value)
{
	if (pwrite(a->cdev, &value, size, (off_t)(a->config + offset)) != (ssize_t)size)
		say("the device's configuration space at 0x%x cannot be written: %s", offset, strerror(errno));
}

/* --- What the guest sees ----------------------------------------------------------------------------------------- */

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
		if (policy->keep)
			value |= __atomic_load_n(&a->kept[offset / 4], __ATOMIC_RELAXED) >> shift;
	}
	return value & UINT32_MAX >> (32 - size * 8);
}

void assigned_config_write(struct assigned *a, uint32_t offset, unsigned int size, uint32_t value)
{
	uint32_t bytes, allowed, keep;

	if (offset >= PCI_CFG_SPACE_SIZE)
		return;
	bytes = UINT32_MAX >> (32 - size * 8);
	allowed = a->policy[offset / 4].write >> offset % 4 * 8 & bytes;
	keep = a->policy[offset / 4].keep & bytes << offset % 4 * 8;
	pthread_mutex_lock(&a->lock);
	if (is_bar(offset))
		bar_write(a, offset, size, value);
	else if (allowed && offset / 4 == PCI_COMMAND / 4)
		write_command(a, offset, size, value & allowed);
	else if (allowed)
		device_write(a, offset, size, value & allowed);
	if (keep) {
		__atomic_store_n(&a->kept[offset / 4], (a->kept[offset / 4] & ~keep) | (value << offset % 4 * 8 & keep),
				 __ATOMIC_RELAXED);
		msi_follow(a);
	}
	pthread_mutex_unlock(&a->lock);
}

/* --- Making it ---------------------------------------------------------------------------------------------------- */

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
		if (msi_show(a, at) || length) {
			show_capability(a, at, length, link);
			link = at + PCI_CAP_LIST_NEXT;
		}
		at = device_read(a, at + PCI_CAP_LIST_NEXT, 1);
	}
}

void config_create(struct assigned *a)
{
	memcpy(a->policy, header, sizeof(header));
	link_capabilities(a);
	write_command(a, PCI_COMMAND, 2, 0); /* as after a reset */
}
