/* SPDX-License-Identifier: MIT */
/* viq-dma, a PCI function that does as it is told, in the hands of a program that has it through vfio. */
#ifndef VIQ_LIVE_FUNCTION_H
#define VIQ_LIVE_FUNCTION_H

#include <stddef.h>
#include <stdint.h>

#include "../../../integrations/qemu/hw/viq/dma_regs.h"

struct function {
	volatile uint32_t *bar;
};

/* The PCI address of the only one. */
void function_find(char *address, size_t size);
/* vfio-pci becomes its driver. */
void function_take(const char *address);
/* Maps its registers, and lets it do DMA. device: vfio's file of it. */
void function_enable(struct function *f, int device);
void function_write64(struct function *f, unsigned int reg, uint64_t value);
uint64_t function_read64(const struct function *f, unsigned int reg);
/* Its status when it has ended; 0: it did not, in some seconds. */
void function_begin(struct function *f, uint32_t cmd, uint64_t src, uint64_t dst, uint64_t len);
uint32_t function_wait(const struct function *f);
/* Both. */
uint32_t function_command(struct function *f, uint32_t cmd, uint64_t src, uint64_t dst, uint64_t len);

#endif
