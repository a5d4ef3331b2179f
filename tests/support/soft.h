/* SPDX-License-Identifier: MIT */
/*
 * A small machine for the software host's tests: 64 MiB of memory, one stage 2 (identity), one vIOMMU, one device under
 * StreamID 8 whose stage 1 is a 4K-granule table with 48-bit addresses. Tests write descriptors by hand, so that each
 * shows exactly what hardware would read.
 */
#ifndef VIQ_TEST_SOFT_FIXTURE_H
#define VIQ_TEST_SOFT_FIXTURE_H

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <viq/call.h>
#include <viq/mem.h>
#include <viq/smmuv3_spec.h>
#include <viq/soft_smmuv3.h>

#include "test.h"

#define MEM_BASE UINT64_C(0x40000000)
#define MEM_SIZE UINT64_C(0x4000000)
#define VSID     8u

#define NG UINT64_C(0x800)
/* Valid, accessed, readable and writable by unprivileged accesses, not global. */
#define PAGE_RW  (UINT64_C(0x443) | NG)
#define BLOCK_RW (UINT64_C(0x441) | NG)

#define EVENTS_MAX 16

struct machine {
	void *ram;
	struct viq_mem *mem;
	struct viq_soft *soft;
	uint64_t next_page;
	uint32_t s2, viommu, vdevice;
	struct viq_soft_dev *dev;
	struct viq_call_host host;
	uint64_t cd; /* address of CD 0 */
	uint64_t events[EVENTS_MAX][4];
	unsigned int event_count;
};

/* Take the events that there are now to m->events; how many they were. */
static inline unsigned int machine_events(struct machine *m)
{
	m->event_count = 0;
	for (;;) {
		struct viq_smmuv3_host_event event;
		uint32_t count = 1;

		assert_int_equal(viq_soft_events(m->soft, m->viommu, &event, &count), 0);
		if (!count)
			return m->event_count;
		assert_int_equal(event.lost, 0);
		if (m->event_count < EVENTS_MAX)
			memcpy(m->events[m->event_count], event.record, 32);
		m->event_count++;
	}
}

static inline uint64_t *word_at(struct machine *m, uint64_t pa)
{
	assert_true(pa >= MEM_BASE && pa < MEM_BASE + MEM_SIZE);
	return (uint64_t *)((char *)m->ram + (pa - MEM_BASE));
}

static inline void put_word(struct machine *m, uint64_t pa, uint64_t value)
{
	__atomic_store_n(word_at(m, pa), htole64(value), __ATOMIC_RELAXED);
}

/* count pages of 4 KiB, aligned to their size. */
static inline uint64_t alloc_pages(struct machine *m, uint64_t count)
{
	uint64_t size = count * 4096;

	m->next_page = (m->next_page + size - 1) & ~(size - 1);
	m->next_page += size;
	assert_true(m->next_page <= MEM_BASE + MEM_SIZE);
	memset(word_at(m, m->next_page - size), 0, size);
	return m->next_page - size;
}

/* The address of the 4K-granule descriptor for va at this level; tables above it are made. */
static inline uint64_t desc_at(struct machine *m, uint64_t table, uint64_t va, unsigned int level)
{
	for (unsigned int l = 0;; l++) {
		uint64_t at = table + (va >> (39 - 9 * l) & 511) * 8;
		uint64_t desc = le64toh(*word_at(m, at));

		if (l == level)
			return at;
		if (!(desc & 1)) {
			desc = alloc_pages(m, 1) | 3;
			put_word(m, at, desc);
		}
		table = desc & UINT64_C(0xfffffffff000);
	}
}

static inline void map_page(struct machine *m, uint64_t table, uint64_t va, uint64_t desc)
{
	put_word(m, desc_at(m, table, va, 3), desc);
}

/* A CD with this table as TTB0, TTB1 off. */
static inline void write_cd(struct machine *m, uint64_t at, uint16_t asid, uint64_t ttb)
{
	put_word(m, at,
		 16 | VIQ_SMMUV3_CD_0_EPD1 | VIQ_SMMUV3_CD_0_V | VIQ_PUT(VIQ_SMMUV3_CD_0_IPS, 5) |
			 VIQ_SMMUV3_CD_0_AA64 | VIQ_SMMUV3_CD_0_R | VIQ_SMMUV3_CD_0_A | VIQ_SMMUV3_CD_0_ASET |
			 VIQ_PUT(VIQ_SMMUV3_CD_0_ASID, asid));
	put_word(m, at + 8, ttb);
	for (unsigned int i = 2; i < 8; i++)
		put_word(m, at + i * 8, 0);
}

static inline uint64_t ste0(unsigned int config, uint64_t cd, unsigned int s1cdmax)
{
	return VIQ_SMMUV3_STE_0_V | VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, config) | cd |
	       VIQ_PUT(VIQ_SMMUV3_STE_0_S1CDMAX, s1cdmax);
}

/* Memory, IOMMU, stage 2 and vIOMMU; no device. tune may change the configuration. */
static inline void machine_init(struct machine *m, void (*tune)(struct viq_soft_config *))
{
	struct viq_mem_region region = {.gpa = MEM_BASE, .size = MEM_SIZE};
	struct viq_soft_s2_config s2 = {.size = sizeof(s2), .identity = 1};
	struct viq_soft_config config;

	memset(m, 0, sizeof(*m));
	m->ram = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(m->ram, MAP_FAILED);
	region.host = m->ram;
	m->next_page = MEM_BASE;
	assert_int_equal(viq_mem_create(&region, 1, NULL, NULL, &m->mem, NULL), 0);
	viq_soft_config_init(&config, sizeof(config));
	config.mem = m->mem;
	if (tune)
		tune(&config);
	assert_int_equal(viq_soft_create(&config, &m->soft, NULL), 0);
	assert_int_equal(viq_soft_thread_register(), 0);
	assert_int_equal(viq_soft_s2_alloc(m->soft, &s2, &m->s2, NULL), 0);
	assert_int_equal(viq_soft_viommu_alloc(m->soft, m->s2, &m->viommu, NULL), 0);
	m->host = viq_soft_host(m->soft, m->viommu);
}

/* And the device, translating through a CD with ASID 1 and an empty table, which is returned. */
static inline uint64_t machine_init_s1(struct machine *m, void (*tune)(struct viq_soft_config *))
{
	uint64_t ttb;

	machine_init(m, tune);
	m->cd = alloc_pages(m, 1);
	ttb = alloc_pages(m, 1);
	write_cd(m, m->cd, 1, ttb);
	assert_int_equal(viq_soft_dev_alloc(m->soft, &m->dev, NULL), 0);
	assert_int_equal(viq_soft_vdevice_alloc(m->soft, m->viommu, m->dev, VSID, &m->vdevice, NULL), 0);
	assert_int_equal(viq_soft_vdevice_configure(m->soft, m->viommu, VSID,
						    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, m->cd, 0), 0}),
			 0);
	return ttb;
}

static inline void machine_fini(struct machine *m)
{
	viq_soft_thread_unregister();
	viq_soft_destroy(m->soft);
	viq_mem_destroy(m->mem);
	munmap(m->ram, MEM_SIZE);
}

/* 0 with *pa, or the error. */
static inline int translate(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags, uint64_t *pa)
{
	struct viq_soft_xlate x = {0};
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_translate(dev, iova, ssid, flags, &x);
	viq_soft_access_end();
	if (!ret) {
		assert_true(x.len >= 1);
		*pa = x.pa;
	}
	return ret;
}

static inline void assert_translates(struct viq_soft_dev *dev, uint64_t iova, uint64_t expected)
{
	uint64_t pa = 0;

	assert_int_equal(translate(dev, iova, 0, VIQ_SOFT_READ, &pa), 0);
	assert_int_equal(pa, expected);
}

static inline void assert_faults(struct viq_soft_dev *dev, uint64_t iova)
{
	uint64_t pa;

	assert_int_equal(translate(dev, iova, 0, VIQ_SOFT_READ, &pa), -EFAULT);
}

/* Make the host call with these entries. */
static inline struct viq_call_result call_host(struct viq_call_host host, const uint64_t (*cmds)[2], uint32_t count)
{
	struct viq_call_result res = {.size = sizeof(res)};
	uint64_t(*entries)[2] = malloc((count + 1) * sizeof(*entries));
	struct viq_call_piece piece = {.entries = entries, .count = count};
	struct viq_call_request req = {.size = sizeof(req),
				       .object = host.object,
				       .type = VIQ_CALL_SMMUV3,
				       .entry_size = 16,
				       .pieces = &piece,
				       .piece_count = 1};

	assert_non_null(entries);
	for (uint32_t i = 0; i < count; i++) {
		entries[i][0] = htole64(cmds[i][0]);
		entries[i][1] = htole64(cmds[i][1]);
	}
	assert_int_equal(host.ops->invalidate(host.opaque, &req, &res), 0);
	free(entries);
	return res;
}

/* One command that must succeed. */
static inline void invalidate(struct machine *m, uint64_t cmd0, uint64_t cmd1)
{
	const uint64_t cmd[1][2] = {{cmd0, cmd1}};
	struct viq_call_result res = call_host(m->host, cmd, 1);

	assert_int_equal(res.error, VIQ_CALL_NONE);
	assert_int_equal(res.handled, 1);
}

static inline uint64_t tlbi_asid(uint16_t asid)
{
	return VIQ_SMMUV3_OP_TLBI_NH_ASID | VIQ_PUT(VIQ_SMMUV3_TLBI_ASID, asid);
}

static inline uint64_t tlbi_va(uint16_t asid)
{
	return VIQ_SMMUV3_OP_TLBI_NH_VA | VIQ_PUT(VIQ_SMMUV3_TLBI_ASID, asid);
}

static inline uint64_t with_sid(uint64_t op, uint32_t sid)
{
	return op | VIQ_PUT(VIQ_SMMUV3_CMD_SID, sid);
}

/* Words 0 and 1 of a range TLBI; add the opcode with its ASID, and the address. */
static inline uint64_t range0(unsigned int num, unsigned int scale)
{
	return VIQ_PUT(VIQ_SMMUV3_TLBI_NUM, num) | VIQ_PUT(VIQ_SMMUV3_TLBI_SCALE, scale);
}

static inline uint64_t range1(unsigned int ttl, unsigned int tg)
{
	return VIQ_PUT(VIQ_SMMUV3_TLBI_1_TTL, ttl) | VIQ_PUT(VIQ_SMMUV3_TLBI_1_TG, tg);
}

#endif
