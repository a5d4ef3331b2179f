/* SPDX-License-Identifier: MIT */
/*
 * The machine of `viq device`: guest memory, an IOMMU, a host behind it and devices behind that, at the addresses of
 * QEMU's machine. What lies elsewhere reads as 0 and ignores writes.
 */
#ifndef VIQ_TOOL_DEVICE_BOARD_H
#define VIQ_TOOL_DEVICE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/fault.h>
#include <viq/smmuv3.h>
#include <viq/vtd.h>

#include "pci.h"
#include "qtest.h"

#define BOARD_MAX_STREAM 256

struct board_arch;

struct board_config {
	const struct board_arch *arch;
	/* One of these; mem, host, ops and opaque are set by the board. */
	struct viq_smmuv3_config smmuv3;
	struct viq_vtd_config vtd;
	uint64_t ram_size; /* bytes, a multiple of 4096 */
	bool soft;         /* the software host, else the null host */
	uint32_t contract; /* enum viq_fault_contract */
	uint32_t streams[BOARD_MAX_STREAM];
	size_t stream_count; /* devices, with the software host: StreamIDs or source-ids */
};

/* The first member of an architecture's own. */
struct board {
	const struct board_arch *arch;
	struct viq_mem *mem;
	struct viq_fault *fault; /* in front of the software host; NULL: there is none */
	struct qtest *qtest;     /* NULL until the caller has set it: it comes after the board, and goes before it */
	uint8_t *ram;
	uint64_t ram_size;
	bool busy; /* the budget may have left commands for board_run() */
	struct pci_function functions[BOARD_MAX_STREAM];
	size_t function_count;
	uint32_t config_address; /* what port 0xcf8 was told */
};

/* Names and values that are not 0, for "viq counters". */
struct board_counters {
	char text[4096];
	size_t len;
};
void board_count(struct board_counters *counters, const char *name, uint64_t value);

/* What the machine has of an IOMMU: one of them for each. */
struct board_arch {
	const char *name;    /* on the command line */
	const char *machine; /* QEMU's name for it */
	uint64_t registers, registers_size;
	uint64_t ram, ram_limit;
	uint64_t ecam;         /* 0: none, PCI's configuration space is at ports 0xcf8 and 0xcfc */
	uint64_t stream_limit; /* largest number of a device */
	size_t size;           /* bytes of the board with what this adds */
	/* Memory is there. As board_create(). */
	int (*start)(struct board *board, const struct board_config *config, struct viq_why *why);
	void (*stop)(struct board *board); /* also after a failed start, or none */
	uint64_t (*read)(struct board *board, uint64_t offset, unsigned int size);
	void (*write)(struct board *board, uint64_t offset, unsigned int size, uint64_t value);
	bool (*run)(struct board *board, uint32_t budget); /* true: commands are left */
	uint64_t (*waits)(const struct board *board);      /* for the host: not 0 */
	void (*counters)(const struct board *board, struct board_counters *counters);
	size_t (*save_size)(const struct board *board);
	int (*save)(const struct board *board, void *buf, size_t *len);
	int (*restore)(struct board *board, const void *buf, size_t len);
	void (*reset)(struct board *board); /* of the unit */
	/* Take over what viq_fault_arm() does not reach: *what is nothing then. NULL: it reaches everything. */
	void (*inject)(struct board *board, struct viq_fault_failure *what);
	/*
	 * One DMA access by a device; pasid < 0: without. -ENODEV: no device has this number; -EFAULT: aborted;
	 * -ENODATA: ended silently.
	 */
	int (*dma)(struct board *board, uint32_t stream, int64_t pasid, bool write, uint64_t iova, void *buf,
		   size_t len);
};

extern const struct board_arch board_smmuv3, board_vtd;

/*
 * Build it. *out is the caller's. Otherwise a negative errno, -EINVAL for a configuration that cannot be, and *why is
 * set to a static sentence.
 */
int board_create(const struct board_config *config, struct board **out, struct viq_why *why);
void board_destroy(struct board *board); /* NULL is allowed */

/* For struct qtest_ops; opaque is the board. */
void board_read(void *opaque, uint64_t addr, void *buf, uint64_t len);
void board_write(void *opaque, uint64_t addr, const void *buf, uint64_t len);
void board_fill(void *opaque, uint64_t addr, uint8_t byte, uint64_t len);
/* Does addr lie in [start, start + size)? *len is cut to how much of [addr, addr + *len) does, or else lies before it.
 */
bool board_within(uint64_t addr, uint64_t start, uint64_t size, uint64_t *len);

/* The machine's reset: of all but memory. */
void board_reset(struct board *board);
void board_run(struct board *board, uint32_t budget);
/* Is there work that can be done now, and not only later, when the host can? */
bool board_ready(const struct board *board);
/* For kick() of either front end; opaque is the board. */
void board_kick(void *opaque);

/* The "viq" lines (device_extra.c). */
void board_extra(void *opaque, struct qtest *qtest, char *const *words, size_t count);

#endif
