/* SPDX-License-Identifier: MIT */
/*
 * A device that does DMA when told to: QEMU's "edu" (docs/specs/edu.rst), or viq-dma where QEMU has that. What it reads
 * is the only witness of what its IOMMU remembers. It is driven through its vfio cdev, or without a driver through
 * sysfs.
 */
#ifndef VIQ_KERNEL_EDU_H
#define VIQ_KERNEL_EDU_H

#include <stdbool.h>
#include <stdint.h>

struct edu {
	char name[16];   /* of the PCI device: 0000:00:01.0 */
	int cdev;        /* /dev/vfio/devices/vfioN; -1: without a driver */
	uint64_t config; /* offset of the PCI configuration space in cdev */
	volatile uint32_t *bar;
	bool viq_dma;
	/* viq-dma's CONTROL register (dma_regs.h): the PASID of its requests. */
	uint32_t control;
};

/* The device's name, in name; viq.edu=NAME of the kernel's command line says which, if there are several. Fails the
 * test. */
void edu_find(struct edu *edu);
/* The requester ID, its StreamID in an SMMU that takes it as it is. */
uint32_t edu_requester(const struct edu *edu);

/* Find the device, give it to vfio-pci, open its cdev. It must be bound to an iommufd next. Fails the test. */
void edu_open(struct edu *edu);
/* Without looking for it: name is there. */
void edu_open_found(struct edu *edu);
/* After binding: map its registers, let it be a bus master. */
void edu_start(struct edu *edu);
void edu_close(struct edu *edu);

/* Take it from its driver, if it has one. */
void edu_unbind(struct edu *edu);
/* Instead of edu_open() and edu_start(): no driver has it, so that it is in its group's default domain. */
void edu_start_bare(struct edu *edu);

/*
 * DMA of bytes (at most 4096; viq-dma: 8) between iova and the device's own buffer, which a read that fails leaves as
 * it is. What fails is not noticed by the device.
 */
void edu_fetch(struct edu *edu, uint64_t iova, uint32_t bytes); /* memory to device */
void edu_store(struct edu *edu, uint64_t iova, uint32_t bytes); /* device to memory */

#endif
