/* SPDX-License-Identifier: MIT */
/*
 * QEMU's "edu" PCI device (docs/specs/edu.rst), driven through its vfio cdev: a device that does DMA when told to. What
 * it reads is the only witness of what its IOMMU remembers.
 */
#ifndef VIQ_KERNEL_EDU_H
#define VIQ_KERNEL_EDU_H

#include <stdint.h>

struct edu {
	int cdev;        /* /dev/vfio/devices/vfioN */
	uint64_t config; /* offset of the PCI configuration space in cdev */
	volatile uint32_t *bar;
};

/* Find the device, give it to vfio-pci, open its cdev. It must be bound to an iommufd next. Fails the test. */
void edu_open(struct edu *edu);
/* After binding: map its registers, let it be a bus master. */
void edu_start(struct edu *edu);
void edu_close(struct edu *edu);

/* DMA of bytes (at most 4096) between iova and the device's own buffer. What fails is not noticed by the device. */
void edu_fetch(struct edu *edu, uint64_t iova, uint32_t bytes); /* memory to device */
void edu_store(struct edu *edu, uint64_t iova, uint32_t bytes); /* device to memory */

#endif
