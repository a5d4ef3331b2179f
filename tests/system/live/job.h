/* SPDX-License-Identifier: MIT */
/* What a guest does to have its devices reach memory through the IOMMU, and to see that they reached the right one. */
#ifndef VIQ_LIVE_JOB_H
#define VIQ_LIVE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/machine.h"

#define NVME       "/dev/nvme0n1"
#define VIRTIO_BLK "/dev/vda"

/* --- devices.c -------------------------------------------------------------- */

/* Loads what is in /modules, in the order of the names. */
void devices_load_modules(void);
/* Waits until path is there. */
void devices_await(const char *path);
/* Opens a disk, past the page cache, as soon as it is there. */
int devices_open(const char *path);
/* Writes text to the file at path. */
void devices_write(const char *path, const char *text);
/* The first line of the file at path. */
void devices_read(const char *path, char *text, size_t size);
/* The PCI address of the only device whose driver in /sys/bus/pci/drivers is this. */
void devices_find(const char *driver, char *address, size_t size);
void devices_unbind(const char *driver, const char *address);
void devices_bind(const char *driver, const char *address);
/* Asks the host for something, and waits until it is done. */
void devices_ask(const char *what);
/* The same, with an answer of a line. */
void devices_ask_for(const char *what, char *answer, size_t size);

/* --- disk.c ----------------------------------------------------------------- */

/*
 * Writes to a disk and reads back, in so many rounds, past the page cache. Each buffer is of fresh pages, so that the
 * driver maps an address that it had for others a moment ago: who still has the old translation reads and writes there.
 * Several processes have a share of the disk each. Ends the test at the first byte that is not as it should be.
 */
void disk_check(const char *path, unsigned int share, unsigned int rounds);
/* The same in a process of its own, until disk_end(). */
pid_t disk_begin(const char *path, unsigned int share);
/* It must still be at work, and have found nothing wrong. */
void disk_end(pid_t pid);

/* --- dma.c ------------------------------------------------------------------ */

/*
 * viq-dma, through vfio: in each round one buffer is mapped, used and unmapped, and another one takes its IOVA. Ends
 * the test if the function reads or writes the first one then. A list and an interrupt, too.
 */
void dma_check(unsigned int rounds);
/* After that: asks the host to lose an invalidation, and ends the test because of what can be read then. */
void dma_check_lost(void);
/*
 * A page that the function has used is unmapped, and this failure (docs/fail-on-demand.md) strikes. Whether the
 * function reaches the page then is as expected; after the next invalidation of it, it must not. Everything works on.
 */
enum dma_after {
	DMA_GONE,
	DMA_STALE,
	DMA_EITHER
};
void dma_check_failure(const char *failure, enum dma_after after);
/* A device is attached and the IOMMU is not told: it reaches nothing of what is mapped; the next time it works. */
void dma_check_attach_lost(void);
/* ATS is enabled, and the function has used translations of its own. */
void dma_check_ats(void);

/* --- net.c ------------------------------------------------------------------ */

/* Frames between the guest's two network cards, both ways, until so many have come intact. */
void net_check(unsigned int frames);

/* --- bench.c: tests that pass, with a note "bench NAME NUMBER" for each figure ---- */

/* unmap-1, unmap-16, unmap-512: medians, in ns. */
void bench_unmap(void);
/* reads: of a page, one after the other, a second. */
void bench_reads(void);

#endif
