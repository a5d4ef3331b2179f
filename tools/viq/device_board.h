/* SPDX-License-Identifier: MIT */
/*
 * The machine of `viq device smmuv3`: guest memory, an SMMUv3, a host behind it and devices behind that, at the
 * addresses of QEMU's virt machine. What lies elsewhere reads as 0 and ignores writes.
 */
#ifndef VIQ_TOOL_DEVICE_BOARD_H
#define VIQ_TOOL_DEVICE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/smmuv3.h>
#include <viq/soft.h>

#include "qtest.h"

#define BOARD_SMMU_BASE  UINT64_C(0x09050000)
#define BOARD_RAM_BASE   UINT64_C(0x40000000)
#define BOARD_RAM_LIMIT  (UINT64_C(1) << 40)
#define BOARD_MAX_STREAM 256

/* Wired interrupts: shared peripheral interrupts of virt's interrupt controller, and lines of the device. */
#define BOARD_SPI_EVENTQ   74
#define BOARD_SPI_CMD_SYNC 76
#define BOARD_SPI_GERROR   77

struct board_config {
	struct viq_smmuv3_config smmu; /* mem, host, ops and opaque are set by the board */
	uint64_t ram_size;             /* bytes, a multiple of 4096 */
	bool soft;                     /* the software host, else the null host */
	uint32_t contract;             /* enum viq_soft_contract */
	uint32_t streams[BOARD_MAX_STREAM];
	size_t stream_count; /* devices, with the software host */
};

struct board;

/*
 * Build it. *out is the caller's. Otherwise a negative errno, -EINVAL for a configuration that cannot be, and *why is
 * set to a static sentence. The board answers over qtest, which the caller gives to it before the first access.
 */
int board_create(const struct board_config *config, struct board **out, const char **why);
void board_destroy(struct board *board); /* NULL is allowed */
void board_connect(struct board *board, struct qtest *qtest);

/* For struct qtest_ops; opaque is the board. */
void board_read(void *opaque, uint64_t addr, void *buf, uint64_t len);
void board_write(void *opaque, uint64_t addr, const void *buf, uint64_t len);
void board_fill(void *opaque, uint64_t addr, uint8_t byte, uint64_t len);

/* Has the SMMU's budget left commands for board_run()? */
bool board_busy(const struct board *board);
void board_wake(struct board *board); /* there may be */
void board_run(struct board *board, uint32_t budget);

struct viq_smmuv3 *board_smmu(struct board *board);
/* Arm a failure of the software host. -ENOTSUP: there is none. */
int board_inject(struct board *board, const struct viq_soft_inject *inject);
/* One DMA access by the device: as soft_guest_dma(); -ENODEV: no device has this StreamID. */
int board_dma(struct board *board, uint32_t sid, int64_t ssid, bool write, uint64_t iova, void *buf, size_t len);

/* The "viq" lines (device_extra.c). */
void board_extra(void *opaque, struct qtest *qtest, char *const *words, size_t count);

#endif
