/* SPDX-License-Identifier: MIT */
/*
 * The assigned device's interrupts, MSI-X or MSI (PCI Express Base Specification 7.7.1, 7.7.2). Two messages are told
 * apart:
 *
 *   the device's   the host's kernel writes it into the device, when vfio is given an eventfd for a vector. It makes a
 *                  host interrupt, and that signals the eventfd
 *   the guest's    the guest's driver writes it into a table that this program keeps. KVM gives it to the guest's ITS
 *                  when the eventfd is signalled (irqfd)
 *
 * The device's has an address in the host's window for MSIs, and passes the guest's own page tables like everything
 * else that the device writes: fdt.c tells the guest to map the window. Of the guest's message only the data count. Its
 * address is where the guest's SMMU would have the device write, and would have to be translated back; there is only
 * one doorbell that it can mean.
 *
 * A vector that is masked is disconnected from KVM. What comes meanwhile stays in the eventfd, and reads as a pending
 * bit; KVM looks for it when the vector is connected again.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "assigned.h"

/* Of a message's words, and of the last one's bits */
#define DATA    2
#define CONTROL 3
#define MASKED  PCI_MSIX_ENTRY_CTRL_MASKBIT

void msi_check_window(int cdev)
{
	char path[96], line[128];
	bool found = false;
	struct stat about;
	FILE *regions;

	if (fstat(cdev, &about))
		die("the device: %s", strerror(errno));
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device/iommu_group/reserved_regions", major(about.st_rdev),
		 minor(about.st_rdev));
	regions = fopen(path, "re");
	if (!regions)
		die("%s: %s", path, strerror(errno));
	while (!found && fgets(line, sizeof(line), regions)) {
		unsigned long long first, last;
		char kind[32];

		found = sscanf(line, "%llx %llx %31s", &first, &last, kind) == 3 && !strcmp(kind, "msi") &&
			first == MSI_WINDOW_BASE && last == MSI_WINDOW_BASE + MSI_WINDOW_SIZE - 1;
	}
	fclose(regions);
	if (!found)
		die("the host does not have devices send their MSIs to 0x%llx, as this machine is made for (%s)",
		    (unsigned long long)MSI_WINDOW_BASE, path);
}

/* --- Vectors ------------------------------------------------------------------------------------------------------ */

/* Gives a vector to KVM, or takes it away, as what the guest has written wants it now. */
static void update(struct assigned *a, struct msi *msi, unsigned int which)
{
	struct vector *vector = &msi->vectors[which];
	bool wanted = msi->enabled && !msi->masked && !(vector->message[CONTROL] & MASKED);
	int err = 0;

	if (wanted)
		err = vm_route_msi(a->vm, msi->gsi + which, ASSIGNED_SID, vector->message[DATA]);
	if (!err && wanted != vector->connected) {
		err = vm_connect_event(a->vm, msi->gsi + which, vector->event, wanted);
		vector->connected = wanted && !err;
	}
	if (err)
		vm_end(a->vm, "KVM does not take an interrupt of the device", true);
}

static void update_all(struct assigned *a, struct msi *msi)
{
	for (unsigned int i = 0; i < msi->count; i++)
		update(a, msi, i);
}

/* Has vfio signal the vectors' eventfds, or no longer. False: the host cannot. */
static bool signal_events(struct assigned *a, struct msi *msi, bool on)
{
	union {
		struct vfio_irq_set set;
		int32_t room[sizeof(struct vfio_irq_set) / sizeof(int32_t) + MAX_VECTORS];
	} irqs;
	int32_t *fds = irqs.room + offsetof(struct vfio_irq_set, data) / sizeof(int32_t);
	unsigned int count = on ? msi->count : 0;

	irqs.set = (struct vfio_irq_set){
		.argsz = (uint32_t)(sizeof(irqs.set) + count * sizeof(int32_t)),
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER | (on ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE),
		.index = msi->index,
		.count = count,
	};
	for (unsigned int i = 0; i < count; i++)
		fds[i] = msi->vectors[i].event;
	return !ioctl(a->cdev, VFIO_DEVICE_SET_IRQS, &irqs); /* more than 0: so many could be had */
}

static void set_enabled(struct assigned *a, struct msi *msi, bool enabled)
{
	if (enabled == msi->enabled)
		return;
	if (!signal_events(a, msi, enabled)) {
		if (!msi->told) /* the guest may try for ever */
			say("the device's %u interrupts cannot be %s: %s", msi->count, enabled ? "had" : "given back",
			    strerror(errno));
		msi->told = true;
		return;
	}
	msi->enabled = enabled;
}

void msi_follow(struct assigned *a)
{
	uint32_t msi = a->kept[a->msi.capability / 4] >> 16, msix = a->kept[a->msix.capability / 4] >> 16;
	uint32_t data = a->msi.capability + PCI_MSI_DATA_32;

	if (a->msi.capability) {
		if (a->policy[a->msi.capability / 4].set & (uint32_t)PCI_MSI_FLAGS_64BIT << 16)
			data += PCI_MSI_DATA_64 - PCI_MSI_DATA_32;
		a->msi.vectors[0].message[DATA] = a->kept[data / 4];
		set_enabled(a, &a->msi, msi & PCI_MSI_FLAGS_ENABLE);
		update_all(a, &a->msi);
	}
	if (a->msix.capability) {
		a->msix.masked = msix & PCI_MSIX_FLAGS_MASKALL;
		set_enabled(a, &a->msix, msix & PCI_MSIX_FLAGS_ENABLE);
		update_all(a, &a->msix);
	}
}

/* --- The MSI-X table ---------------------------------------------------------------------------------------------- */

static bool is_in(const struct msix_place *place, uint32_t bar, uint64_t offset, unsigned int size)
{
	return bar == place->bar && offset >= place->offset && offset - place->offset < place->size &&
	       size <= place->size - (offset - place->offset);
}

static bool is_pending(const struct vector *vector)
{
	struct pollfd event = {.fd = vector->event, .events = POLLIN};

	return !vector->connected && poll(&event, 1, 0) > 0;
}

static uint32_t *word_of(const struct assigned *a, uint64_t offset)
{
	return &a->msix.vectors[offset / PCI_MSIX_ENTRY_SIZE].message[offset % PCI_MSIX_ENTRY_SIZE / 4];
}

/* Words and pairs of them are all that software may use (7.7.2); what else it reads is 0. */
bool msix_read(const struct assigned *a, uint32_t bar, uint64_t offset, unsigned int size, uint64_t *value)
{
	*value = 0;
	if (is_in(&a->table, bar, offset, size)) {
		offset -= a->table.offset;
		for (unsigned int at = 0; size >= 4 && offset % size == 0 && at < size; at += 4)
			*value |= (uint64_t)*word_of(a, offset + at) << at * 8;
		return true;
	}
	if (is_in(&a->pending, bar, offset, size)) {
		uint64_t first = (offset - a->pending.offset) * 8;

		for (unsigned int bit = 0; bit < size * 8 && first + bit < a->msix.count; bit++)
			*value |= (uint64_t)is_pending(&a->msix.vectors[first + bit]) << bit;
		return true;
	}
	return false;
}

bool msix_write(struct assigned *a, uint32_t bar, uint64_t offset, unsigned int size, uint64_t value)
{
	if (is_in(&a->table, bar, offset, size)) {
		offset -= a->table.offset;
		for (unsigned int at = 0; size >= 4 && offset % size == 0 && at < size; at += 4)
			*word_of(a, offset + at) = (uint32_t)(value >> at * 8);
		update(a, &a->msix, (unsigned int)(offset / PCI_MSIX_ENTRY_SIZE));
		return true;
	}
	return is_in(&a->pending, bar, offset, size);
}

/* --- Making them -------------------------------------------------------------------------------------------------- */

static void make_vectors(struct msi *msi, unsigned int count, uint32_t control)
{
	msi->count = count;
	msi->vectors = calloc(count, sizeof(*msi->vectors));
	if (!msi->vectors)
		die("no memory");
	for (unsigned int i = 0; i < count; i++) {
		msi->vectors[i].message[CONTROL] = control;
		msi->vectors[i].event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (msi->vectors[i].event < 0)
			die("eventfd: %s", strerror(errno));
	}
}

/* One vector, which cannot be masked. */
static void show_msi(struct assigned *a, uint32_t at)
{
	bool wide = device_read(a, at + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_64BIT;
	struct policy *policy = &a->policy[at / 4];

	a->msi = (struct msi){.index = VFIO_PCI_MSI_IRQ_INDEX, .capability = at, .gsi = MSI_GSI};
	make_vectors(&a->msi, 1, 0);
	policy[0].set |= PCI_CAP_ID_MSI | (wide ? (uint32_t)PCI_MSI_FLAGS_64BIT << 16 : 0);
	policy[0].keep = (uint32_t)PCI_MSI_FLAGS_ENABLE << 16;
	policy[PCI_MSI_ADDRESS_LO / 4].keep = ~3u;
	if (wide)
		policy[PCI_MSI_ADDRESS_HI / 4].keep = UINT32_MAX;
	policy[(wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32) / 4].keep = 0xffff;
}

static struct msix_place place_of(const struct assigned *a, uint32_t at, uint64_t size)
{
	uint32_t place = device_read(a, at, 4);

	return (struct msix_place){
		.bar = place & PCI_MSIX_TABLE_BIR, .offset = place & PCI_MSIX_TABLE_OFFSET, .size = size};
}

static void show_msix(struct assigned *a, uint32_t at)
{
	unsigned int count = (device_read(a, at + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) + 1;
	struct policy *policy = &a->policy[at / 4];

	count = count < MAX_VECTORS ? count : MAX_VECTORS;
	a->msix = (struct msi){.index = VFIO_PCI_MSIX_IRQ_INDEX, .capability = at, .gsi = MSIX_GSI};
	make_vectors(&a->msix, count, MASKED);
	a->table = place_of(a, at + PCI_MSIX_TABLE, count * PCI_MSIX_ENTRY_SIZE);
	a->pending = place_of(a, at + PCI_MSIX_PBA, (count + 63) / 64 * 8);
	policy[0].set |= PCI_CAP_ID_MSIX | (count - 1) << 16;
	policy[0].keep = (uint32_t)(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) << 16;
	policy[PCI_MSIX_TABLE / 4].read = policy[PCI_MSIX_PBA / 4].read = UINT32_MAX;
}

bool msi_show(struct assigned *a, uint32_t at)
{
	uint32_t id = device_read(a, at, 1);

	if (id == PCI_CAP_ID_MSI && !a->msi.capability && at + PCI_MSI_DATA_64 < PCI_CFG_SPACE_SIZE)
		show_msi(a, at);
	else if (id == PCI_CAP_ID_MSIX && !a->msix.capability && at + PCI_MSIX_PBA < PCI_CFG_SPACE_SIZE)
		show_msix(a, at);
	else
		return false;
	return true;
}

static void destroy(struct assigned *a, struct msi *msi)
{
	if (!msi->capability)
		return;
	set_enabled(a, msi, false);
	update_all(a, msi);
	for (unsigned int i = 0; i < msi->count; i++)
		close(msi->vectors[i].event);
	free(msi->vectors);
}

void msi_destroy(struct assigned *a)
{
	destroy(a, &a->msi);
	destroy(a, &a->msix);
}
