/* SPDX-License-Identifier: MIT */
/*
 * Inside the assigned device:
 *
 *   assigned.c  opens it, and puts the rest together
 *   config.c    its configuration space
 *   bars.c      its registers
 *   msi.c       its interrupts
 *
 * One lock for all of it: functions here are called with it held, or while the device is made.
 */
#ifndef ASSIGNED_H
#define ASSIGNED_H

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "vmm.h"

#define BAR_COUNT 6

struct bar {
	uint64_t size;   /* a power of two; 0: the guest sees none */
	uint64_t region; /* where it begins in the cdev */
	uint32_t type;   /* the register's low bits: 64 bits wide, prefetchable */
	void *host;      /* this process's mapping; NULL: served by exits */
	uint64_t hole;   /* from here to hole_end, in whole pages, it is served by exits all the same: MSI-X */
	uint64_t hole_end;
	uint64_t address; /* where the guest wants it */
	uint64_t mapped;  /* where it is guest memory; 0: nowhere */
	bool told;        /* of its bad place */
};

/* Of a 32-bit register: bits that come from the device, go to it, are this program's own, and are always 1. */
struct policy {
	uint32_t read, write, keep, set;
};

/* An interrupt. Its message is as in an MSI-X table: address, its upper half, data, control (PCIe 7.7.2). */
struct vector {
	int event; /* vfio signals it, and KVM takes it from there */
	uint32_t message[4];
	bool connected; /* to KVM; else what is signalled is pending */
};

/* MSI or MSI-X: one of the two can be enabled. */
struct msi {
	uint32_t index;      /* of vfio's */
	uint32_t capability; /* where it is in configuration space; 0: the device has none */
	unsigned int gsi;    /* of the first vector, as KVM knows it */
	unsigned int count;  /* vectors that the guest is told of */
	struct vector *vectors;
	bool enabled, masked;
	bool told; /* that vfio refuses */
};

/* What MSI-X has in a BAR */
struct msix_place {
	uint32_t bar;
	uint64_t offset, size;
};

struct assigned {
	struct vm *vm;
	int cdev;
	uint64_t config; /* where configuration space begins in the cdev */
	struct policy policy[PCI_CFG_SPACE_SIZE / 4];
	struct msix_place table, pending;
	pthread_mutex_t lock; /* for what follows */
	uint32_t kept[PCI_CFG_SPACE_SIZE / 4];
	bool decoding;
	struct bar bars[BAR_COUNT];
	struct msi msi, msix;
};

/* A region's description with what is behind it, which is long only if it lists areas that can be mapped. */
union region {
	struct vfio_region_info info;
	uint8_t bytes[512];
};
void get_region(const struct assigned *a, uint32_t index, union region *region);

/* config.c: the device's own configuration space, and what the guest is to see of it */
uint32_t device_read(const struct assigned *a, uint32_t offset, unsigned int size);
void device_write(const struct assigned *a, uint32_t offset, unsigned int size, uint32_t value);
void config_create(struct assigned *a);

/* bars.c */
void bars_create(struct assigned *a);
void bars_destroy(struct assigned *a);
/* Make the guest's memory follow the BARs. */
void place_bars(struct assigned *a);
bool is_bar(uint32_t offset);
uint32_t bar_read(struct assigned *a, uint32_t offset);
void bar_write(struct assigned *a, uint32_t offset, unsigned int size, uint32_t value);

/* msi.c */

/* Dies unless the host has devices send their MSIs where this machine has its doorbell. */
void msi_check_window(int cdev);
/* Shows the guest the capability at this place, if it is one of the two; false: it is another one. */
bool msi_show(struct assigned *a, uint32_t at);
/* The guest has written what is kept of configuration space. */
void msi_follow(struct assigned *a);
void msi_destroy(struct assigned *a);
/* Accesses to a BAR: false if MSI-X has nothing at this place. */
bool msix_read(const struct assigned *a, uint32_t bar, uint64_t offset, unsigned int size, uint64_t *value);
bool msix_write(struct assigned *a, uint32_t bar, uint64_t offset, unsigned int size, uint64_t value);

#endif
