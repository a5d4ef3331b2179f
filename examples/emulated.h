/* SPDX-License-Identifier: MIT */
/*
 * What emulated_smmuv3.c and emulated_vtd.c have in common, and is not about viq: the thread that does the devices'
 * DMA, and what a guest's driver leaves in memory, which is tables by which a device finds one page at 0x1000:
 *
 *   0x1000 queue   0x2000 to 0x5fff what the IOMMU starts from   0x6000 to 0x9fff page tables   0xa000, 0xb000 data
 */
#ifndef VIQ_EXAMPLES_EMULATED_H
#define VIQ_EXAMPLES_EMULATED_H

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <viq/smmuv3_spec.h>
#include <viq/soft.h>
#include <viq/vtd_spec.h>

static inline void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-err));
	exit(1);
}

/* --- The I/O thread ----------------------------------------------------------------------------------------------- */

/* What the examples write for their IOMMU: DMA of device dev. */
static int dma_read(void *dev, uint64_t iova, void *buf, size_t len);

static struct {
	pthread_t thread;
	sem_t work, done;
	const char *name;
	void *dev; /* reads at iova; NULL: end */
	uint64_t iova;
} io;

static inline void *io_thread(void *opaque)
{
	char buf[9];

	check(viq_soft_thread_register(), "thread");
	while (!sem_wait(&io.work) && io.dev) {
		int err = dma_read(io.dev, io.iova, buf, sizeof(buf));

		printf("%s at 0x%x: %s\n", io.name, (unsigned int)io.iova, err ? strerror(-err) : buf);
		sem_post(&io.done);
	}
	viq_soft_thread_unregister();
	return opaque;
}

static inline void io_start(void)
{
	sem_init(&io.work, 0, 0);
	sem_init(&io.done, 0, 0);
	check(-pthread_create(&io.thread, NULL, io_thread, NULL), "thread");
}

static inline void device_reads(const char *name, void *dev, uint64_t iova)
{
	io.name = name, io.dev = dev, io.iova = iova;
	sem_post(&io.work);
	sem_wait(&io.done);
}

static inline void io_stop(void)
{
	io.dev = NULL;
	sem_post(&io.work);
	pthread_join(io.thread, NULL);
}

/* --- The guest's memory ------------------------------------------------------------------------------------------- */

static uint64_t guest_ram[0x20000]; /* 1 MiB */

static inline uint64_t *guest_at(uint64_t offset)
{
	return &guest_ram[offset / 8];
}

/* Four levels; links and the page's entry are the same words in Arm's and in Intel's format but for their low bits. */
static inline void guest_page_tables(uint64_t base, uint64_t link, uint64_t page)
{
	for (uint64_t table = 0x6000; table < 0x9000; table += 0x1000)
		*guest_at(table) = (base + table + 0x1000) | link;
	*guest_at(0x9008) = (base + 0xa000) | page;
	memcpy(guest_at(0xa000), "old page", 9);
	memcpy(guest_at(0xb000), "new page", 9);
}

/* From now on the page is the other one. */
static inline void guest_remaps(void)
{
	*guest_at(0x9008) += 0x1000;
}

/* A linear stream table of 32 STEs. Both streams have the context descriptor of ASID 5; that of ats may use ATS. */
static inline void guest_smmuv3_tables(uint64_t base, uint32_t sid, uint32_t ats)
{
	*guest_at(0x2000 + sid * 64) = *guest_at(0x2000 + ats * 64) =
		VIQ_SMMUV3_STE_0_V | VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, VIQ_SMMUV3_STE_CONFIG_S1) | (base + 0x3000);
	*guest_at(0x2000 + ats * 64 + 8) = VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 1);
	*guest_at(0x3000) = VIQ_PUT(VIQ_SMMUV3_CD_0_T0SZ, 16) | VIQ_SMMUV3_CD_0_EPD1 | VIQ_SMMUV3_CD_0_V |
			    VIQ_PUT(VIQ_SMMUV3_CD_0_IPS, 5) | VIQ_SMMUV3_CD_0_AA64 | VIQ_SMMUV3_CD_0_R |
			    VIQ_SMMUV3_CD_0_A | VIQ_SMMUV3_CD_0_ASET | VIQ_PUT(VIQ_SMMUV3_CD_0_ASID, 5);
	*guest_at(0x3008) = base + 0x6000;
	guest_page_tables(base, 3, 0x743); /* AF, inner shareable, EL0, read and write */
}

/* Scalable mode. Both devices (of bus 0, function 0) have the PASID table of domain 7; that of ats may use ATS. */
static inline void guest_vtd_tables(uint32_t source_id, uint32_t ats)
{
	const uint64_t entry = VIQ_VTD_FS_P | VIQ_VTD_FS_RW | VIQ_VTD_FS_US | VIQ_VTD_FS_A | VIQ_VTD_FS_D;

	*guest_at(0x2000) = 0x3000 | VIQ_VTD_ROOT_P;
	*guest_at(0x3000 + source_id * 32) = 0x4000 | VIQ_VTD_SCTX_P;
	*guest_at(0x3000 + ats * 32) = 0x4000 | VIQ_VTD_SCTX_P | VIQ_VTD_SCTX_DTE;
	*guest_at(0x4000) = 0x5000 | VIQ_VTD_PDE_P;
	*guest_at(0x5000) = VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_FS);
	*guest_at(0x5008) = 7;
	*guest_at(0x5010) = 0x6000; /* four levels */
	guest_page_tables(0, entry & ~VIQ_VTD_FS_D, entry);
}

#endif
