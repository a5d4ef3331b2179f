/* SPDX-License-Identifier: MIT */
/*
 * PCI of `viq device`: with the software host, each device is a function that scripts find by its configuration space
 * and make do DMA by its registers. Both are those of iommu-testdev, which QEMU has for tests of IOMMUs since 11.0
 * (docs/specs/iommu-testdev there): a 4 KiB BAR of 32-bit registers, a write by way of the IOMMU and a look at where it
 * should have gone.
 */
#ifndef VIQ_TOOL_DEVICE_PCI_H
#define VIQ_TOOL_DEVICE_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct board;

struct pci_function {
	uint16_t number; /* bus, device and function; what its DMA is known by */
	uint8_t command;
	uint32_t bar; /* address */
	uint64_t iova, gpa;
	uint32_t len, result, attrs;
	bool armed;
};

/* As after a reset. */
void pci_function_init(struct pci_function *f, uint16_t number);
void pci_reset(struct board *board);

/* Is addr in ECAM or in a BAR? *len: as board_within(), of whatever ends first. */
bool pci_claims(const struct board *board, uint64_t addr, uint64_t *len);
/* An aligned access of 1, 2, 4 or 8 bytes to what is claimed. */
uint64_t pci_read(struct board *board, uint64_t addr, unsigned int size);
void pci_write(struct board *board, uint64_t addr, unsigned int size, uint64_t value);

/* Ports; 1, 2 or 4 bytes. Nobody's read as ones. */
uint32_t pci_in(struct board *board, uint16_t port, unsigned int size);
void pci_out(struct board *board, uint16_t port, unsigned int size, uint32_t value);

#endif
