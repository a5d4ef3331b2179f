/* SPDX-License-Identifier: MIT */
/*
 * viq-dma: a PCI function that does as a driver tells it, for tests of IOMMUs.
 *
 * BAR 0 has the registers, little endian, to be accessed in aligned words of
 * their size (a register of 64 bits in two halves, too). A driver fills them
 * in, writes VIQ_DMA_CMD, and waits until VIQ_DMA_STATUS_BUSY is clear, or for
 * MSI 0. While it is set, writes are ignored.
 *
 * Translations that the function has asked for by ATS stay in its own cache
 * until the IOMMU is told to invalidate them there: whoever forgets to reads
 * and writes what was there before. The PCI capabilities ATS, PASID and, with
 * pri=on, PRI say what it may do.
 */
#ifndef VIQ_DMA_REGS_H
#define VIQ_DMA_REGS_H

#define VIQ_DMA_VENDOR_ID 0x1234
#define VIQ_DMA_DEVICE_ID 0x7671
#define VIQ_DMA_BAR_SIZE  0x1000

#define VIQ_DMA_ID       0x00 /* 32, RO: VIQ_DMA_MAGIC */
#define VIQ_DMA_STATUS   0x04 /* 32, RO */
#define VIQ_DMA_CMD      0x08 /* 32: a write starts it */
#define VIQ_DMA_CONTROL  0x0c /* 32: how its requests are made */
#define VIQ_DMA_SRC      0x10 /* 64: address, or that of a list */
#define VIQ_DMA_DST      0x18 /* 64: the same */
#define VIQ_DMA_LEN      0x20 /* 64: bytes in all */
#define VIQ_DMA_DATA     0x28 /* 64: pattern of FILL, bytes of READ and WRITE */
#define VIQ_DMA_SUM      0x30 /* 64, RO: of SUM */
#define VIQ_DMA_DONE     0x38 /* 64, RO: bytes that have been moved */
#define VIQ_DMA_FAULT    0x40 /* 64, RO: address of the request that failed */
#define VIQ_DMA_SRC_COUNT 0x48 /* 32: elements of the list at SRC */
#define VIQ_DMA_DST_COUNT 0x4c /* 32: elements of the list at DST */
#define VIQ_DMA_FINISHED 0x50 /* 32, RO: commands since reset, modulo 2^32 */

#define VIQ_DMA_MAGIC 0x31716976 /* "viq1" */

#define VIQ_DMA_STATUS_BUSY  0x1
#define VIQ_DMA_STATUS_DONE  0x2 /* the last command has ended */
#define VIQ_DMA_STATUS_ERROR 0x4 /* and failed: */
#define VIQ_DMA_STATUS_CODE(status) ((status) >> 8 & 0xff)

#define VIQ_DMA_ERR_ABORTED    1 /* the IOMMU aborted a request: see FAULT */
#define VIQ_DMA_ERR_TERMINATED 2 /* it ended one without (Arm's CD.A = 0) */
#define VIQ_DMA_ERR_COMMAND    3 /* no such command, flags or length */
#define VIQ_DMA_ERR_LIST       4 /* the list is shorter than LEN */
#define VIQ_DMA_ERR_FORBIDDEN  5 /* Bus Master, PASID Enable or the like is off */
#define VIQ_DMA_ERR_INTERNAL   6
#define VIQ_DMA_ERR_INVALID    7 /* ASK was answered so: invalid request */
#define VIQ_DMA_ERR_RESPONSE   8 /* or so: response failure, or reserved */

/* VIQ_DMA_CMD: one of these, with flags */
#define VIQ_DMA_READ  1 /* LEN (1 to 8) bytes at SRC to DATA */
#define VIQ_DMA_WRITE 2 /* LEN (1 to 8) bytes of DATA to DST */
#define VIQ_DMA_FILL  3 /* LEN bytes at DST with DATA, again and again */
#define VIQ_DMA_COPY  4 /* LEN bytes from SRC to DST */
#define VIQ_DMA_SUMUP 5 /* FNV-1a (64 bits) of LEN bytes at SRC to SUM */
/*
 * A group of page requests for the pages of LEN bytes at SRC, at most
 * VIQ_DMA_ASK_PAGES; ends when it is answered. The group's index is FINISHED
 * modulo 512.
 */
#define VIQ_DMA_ASK 6
#define VIQ_DMA_OP        0xff
#define VIQ_DMA_SRC_LIST  0x100 /* SRC is the address of SRC_COUNT elements */
#define VIQ_DMA_DST_LIST  0x200
#define VIQ_DMA_INTERRUPT 0x400 /* MSI 0 when it has ended */
#define VIQ_DMA_ASK_WRITE 0x800 /* with ASK: to write, not to read */
#define VIQ_DMA_ASK_PAGES 32

/* An element of a list, which is read as SRC and DST are. */
#define VIQ_DMA_ELEMENT_SIZE 16 /* address, bytes: 64 bits each */

/* VIQ_DMA_CONTROL; EXEC and PRIV travel with a PASID only */
#define VIQ_DMA_PASID    0xfffff
#define VIQ_DMA_HAS_PASID 0x100000
#define VIQ_DMA_EXEC      0x200000 /* reads are instruction fetches */
#define VIQ_DMA_PRIV      0x400000 /* privileged mode */

#define VIQ_DMA_FNV_START 0xcbf29ce484222325ull
#define VIQ_DMA_FNV_PRIME 0x100000001b3ull

#endif
