/* SPDX-License-Identifier: MIT */
/*
 * A synthetic guest: builds in memory what an SMMUv3 driver and its page-table code would, and encodes the commands
 * that such a driver queues. For tests, benchmarks and replaying; not part of the library.
 *
 * Nothing here walks tables the way host/soft does, and nothing is shared with it but the names of fields in
 * viq/smmuv3_spec.h: that both agree proves something.
 *
 * Threads: one at a time changes a structure. Each descriptor is written by one 64-bit store with release order, so
 * devices may translate through the tables meanwhile. Nothing is ever unmapped from the caller's buffer, so a walk of
 * stale tables reads wrong words at worst.
 *
 * Functions that return int return 0 or a negative errno: -ENOMEM, the buffer is full; -EINVAL, arguments that make no
 * sense. Nothing has changed then unless it says so.
 */
#ifndef VIQ_SYNTH_H
#define VIQ_SYNTH_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/smmuv3_spec.h>

/* --- Memory ------------------------------------------------------------------------------------------------------ */

/*
 * A piece of memory that structures are allocated from: addresses [base, base + size), as the reader of the structures
 * sees them, are the bytes at buf. Two of these over two halves of one buffer make a nested set-up: stage-2 tables at
 * physical addresses in the one, a guest at IPAs in the other.
 */
#define SYNTH_LOG2_MAX 31
struct synth_mem {
	char *buf; /* the caller's, 8-byte aligned, zeroed */
	uint64_t base, size;
	uint64_t next;                            /* offset of the first byte never allocated */
	uint64_t free_blocks[SYNTH_LOG2_MAX + 1]; /* per log2 size: the first freed block, 0: none */
};

#define SYNTH_NONE UINT64_MAX /* no address: the buffer is full */

/* base should be a multiple of the largest alignment wanted. */
void synth_mem_init(struct synth_mem *mem, void *buf, uint64_t base, uint64_t size);
/*
 * A zeroed block of 2^log2 bytes, aligned to its size; log2 3 to SYNTH_LOG2_MAX. Reuses freed blocks of this size
 * first. SYNTH_NONE if there is no room.
 */
uint64_t synth_alloc(struct synth_mem *mem, unsigned int log2);
void synth_free(struct synth_mem *mem, uint64_t addr, unsigned int log2);

/* The 64-bit word at addr, in host order: one load, one store. addr is a multiple of 8 inside the memory. */
uint64_t synth_load(const struct synth_mem *mem, uint64_t addr);
void synth_store(struct synth_mem *mem, uint64_t addr, uint64_t value);
void *synth_ptr(const struct synth_mem *mem, uint64_t addr);

/* --- Page tables (pt.c) ------------------------------------------------------------------------------------------ */

/* One set of tables: TTB0's or TTB1's (stage 1), or a stage 2's. */
struct synth_pt {
	struct synth_mem *mem;
	unsigned int stage;     /* 1, 2 */
	unsigned int granule;   /* log2: 12, 14, 16 */
	unsigned int ia_bits;   /* input address bits, 64 - TxSZ */
	unsigned int start;     /* start level */
	unsigned int root_log2; /* log2 of the start table's bytes, concatenated tables included */
	uint64_t root;          /* TTBx, S2TTB */
	uint64_t table_add;     /* bits put into every new table descriptor: stage 1's hierarchical attributes */
};

/* Attributes of a leaf. None: readable, writable and executable by all, global, accessed. */
#define SYNTH_RO      (1u << 0) /* stage 1 AP[2] = 1; stage 2 S2AP[1] = 0 */
#define SYNTH_PRIV    (1u << 1) /* stage 1: AP[1] = 0, no unprivileged access */
#define SYNTH_NG      (1u << 2) /* stage 1: nG = 1, of this ASID only */
#define SYNTH_NO_AF   (1u << 3) /* AF = 0 */
#define SYNTH_XN      (1u << 4) /* UXN; stage 2 XN[1] */
#define SYNTH_PXN     (1u << 5) /* stage 1: PXN; stage 2: XN[0] */
#define SYNTH_CONT    (1u << 6) /* Contiguous */
#define SYNTH_NO_READ (1u << 7) /* stage 2: S2AP[0] = 0 */

/*
 * Empty tables. start is the level to start at, for stage 2 only: with up to 16 tables side by side there. Stage 1
 * always starts at the level that ia_bits call for.
 */
int synth_pt_init(struct synth_pt *pt, struct synth_mem *mem, unsigned int stage, unsigned int granule,
		  unsigned int ia_bits, unsigned int start);
/* Free all tables. */
void synth_pt_fini(struct synth_pt *pt);

/* Bytes that one descriptor of this level covers, as log2. */
unsigned int synth_pt_shift(const struct synth_pt *pt, unsigned int level);
/*
 * Can a leaf stand at this level? Level 3: always. Blocks: 4K levels 1 and 2; 16K and 64K level 2. Only above the
 * start level's tables, of course.
 */
bool synth_pt_leaf_legal(const struct synth_pt *pt, unsigned int level);

/*
 * Write a leaf at level for ia, to oa (both multiples of what the level covers). Whatever the slot held is replaced;
 * tables that hung there are freed. -EEXIST: a larger block covers ia. -EINVAL: level or alignment.
 */
int synth_pt_map(struct synth_pt *pt, uint64_t ia, uint64_t oa, unsigned int level, unsigned int attr);
/*
 * Clear the slot for ia at level, and free the tables that hung there. -ENOENT: nothing there, or a larger block
 * covers it. Tables that become empty above it stay.
 */
int synth_pt_unmap(struct synth_pt *pt, uint64_t ia, unsigned int level);

/*
 * The address of ia's descriptor at level, for writing anything into it with synth_store(). Missing tables on the way
 * are made if create, else SYNTH_NONE; also SYNTH_NONE under a block.
 */
uint64_t synth_pt_slot(struct synth_pt *pt, uint64_t ia, unsigned int level, bool create);
/* The word that synth_pt_map() writes. */
uint64_t synth_pt_leaf_desc(const struct synth_pt *pt, uint64_t oa, unsigned int level, unsigned int attr);

/* --- Context descriptors and stream tables (tables.c) ------------------------------------------------------------ */

/* IPS, S2PS, OAS for a number of address bits (32, 36, 40, 42, 44, 48, 52). */
unsigned int synth_size_code(unsigned int bits);

/*
 * A CD for these tables as Linux would write one: AA64, A, R, ASET, V. A NULL half gets EPDx = 1. ips in bits.
 * Change words before synth_cdt_set() for anything else.
 */
void synth_cd(uint64_t cd[VIQ_SMMUV3_CD_WORDS], const struct synth_pt *ttb0, const struct synth_pt *ttb1,
	      unsigned int asid, unsigned int ips);

/* A table of 2^cdmax CDs. */
struct synth_cdt {
	struct synth_mem *mem;
	unsigned int cdmax; /* S1CDMax, 0 to 20 */
	unsigned int fmt;   /* S1Fmt: 0 linear, 1 two levels of 4 KiB leaves, 2 of 64 KiB */
	unsigned int log2;  /* of the (first-level) table's bytes */
	uint64_t base;      /* S1ContextPtr */
};
int synth_cdt_init(struct synth_cdt *cdt, struct synth_mem *mem, unsigned int cdmax, unsigned int fmt);
/* Free all of it. */
void synth_cdt_fini(struct synth_cdt *cdt);
/* Write a CD: words 1 to 7, then word 0. NULL writes zeroes, word 0 first. Makes a missing second-level table. */
int synth_cdt_set(struct synth_cdt *cdt, uint32_t ssid, const uint64_t cd[VIQ_SMMUV3_CD_WORDS]);
/* The address of a CD, or SYNTH_NONE (out of range, or no second-level table and not create). */
uint64_t synth_cdt_slot(struct synth_cdt *cdt, uint32_t ssid, bool create);

/* STEs. s1: s1dss and eats are the fields' values. */
void synth_ste_abort(uint64_t ste[VIQ_SMMUV3_STE_WORDS]);
void synth_ste_bypass(uint64_t ste[VIQ_SMMUV3_STE_WORDS]);
void synth_ste_s1(uint64_t ste[VIQ_SMMUV3_STE_WORDS], const struct synth_cdt *cdt, unsigned int s1dss,
		  unsigned int eats);

/* S2SL0 and S2TG of stage-2 tables. */
unsigned int synth_s2_sl0(const struct synth_pt *pt);
unsigned int synth_s2_tg(const struct synth_pt *pt);

/* A stream table of 2^log2size STEs. */
struct synth_st {
	struct synth_mem *mem;
	unsigned int log2size;
	unsigned int split;      /* 0: linear; 6, 8, 10: two levels */
	unsigned int table_log2; /* of the (first-level) table's bytes */
	uint64_t base;
};
int synth_st_init(struct synth_st *st, struct synth_mem *mem, unsigned int log2size, unsigned int split);
/* Write an STE, as synth_cdt_set() does. A new second-level table is filled with abort STEs first. */
int synth_st_set(struct synth_st *st, uint32_t sid, const uint64_t ste[VIQ_SMMUV3_STE_WORDS]);
uint64_t synth_st_slot(struct synth_st *st, uint32_t sid, bool create);
/* Values for STRTAB_BASE and STRTAB_BASE_CFG. */
uint64_t synth_st_base(const struct synth_st *st);
uint32_t synth_st_base_cfg(const struct synth_st *st);

/* --- Commands (cmd.c): pure functions ---------------------------------------------------------------------------- */

struct synth_cmd {
	uint64_t w[2]; /* host order */
};

/* How a range TLBI says its range (4.4.1): (num + 1) * 2^scale granules of code tg (1 4K, 2 16K, 3 64K). */
struct synth_range {
	unsigned int num, scale, ttl, tg;
};

struct synth_cmd synth_cmd_tlbi_nh_va(unsigned int asid, uint64_t va, bool leaf);
struct synth_cmd synth_cmd_tlbi_nh_vaa(uint64_t va, bool leaf);
struct synth_cmd synth_cmd_tlbi_nh_va_range(unsigned int asid, uint64_t va, bool leaf, struct synth_range range);
struct synth_cmd synth_cmd_tlbi_nh_vaa_range(uint64_t va, bool leaf, struct synth_range range);
struct synth_cmd synth_cmd_tlbi_nh_asid(unsigned int asid);
struct synth_cmd synth_cmd_tlbi_nh_all(void);
struct synth_cmd synth_cmd_tlbi_nsnh_all(void);
struct synth_cmd synth_cmd_cfgi_ste(uint32_t sid, bool leaf);
/* 2^(range + 1) streams; range 31 is CFGI_ALL. */
struct synth_cmd synth_cmd_cfgi_ste_range(uint32_t sid, unsigned int range);
struct synth_cmd synth_cmd_cfgi_all(void);
struct synth_cmd synth_cmd_cfgi_cd(uint32_t sid, uint32_t ssid, bool leaf);
struct synth_cmd synth_cmd_cfgi_cd_all(uint32_t sid);
/* size: log2 of the span in 4 KiB pages, 52 for everything. ssid is used if ssv. */
struct synth_cmd synth_cmd_atc_inv(uint32_t sid, bool ssv, uint32_t ssid, bool global, uint64_t addr,
				   unsigned int size);
struct synth_cmd synth_cmd_prefetch_config(uint32_t sid);
/* cs: VIQ_SMMUV3_SYNC_CS_*. The MSI fields are for CS_IRQ. MSH and MSIAttr as Linux sets them. */
struct synth_cmd synth_cmd_sync(unsigned int cs, uint64_t msi_addr, uint32_t msi_data);

/*
 * The largest range command that Linux would send next for pages > 0 granules left at va: returns the command and
 * takes what it covers off *va and *pages (4.4.1). ttl 0 makes leaf and table entries of any level go.
 */
struct synth_cmd synth_cmd_tlbi_next_range(unsigned int asid, uint64_t *va, uint64_t *pages, bool leaf,
					   unsigned int granule, unsigned int ttl);

/* --- A command queue's producer (queue.c) ------------------------------------------------------------------------ */

struct synth_cmdq {
	struct synth_mem *mem;
	uint64_t base;
	uint32_t prod; /* the doorbell's value: index and wrap flag, to be written to CMDQ_PROD */
	unsigned int log2size;
};
/* Allocates the ring; log2size 0 to 19. */
int synth_cmdq_init(struct synth_cmdq *q, struct synth_mem *mem, unsigned int log2size);
/* The value for CMDQ_BASE. */
uint64_t synth_cmdq_base(const struct synth_cmdq *q);
/* Free entries, given the consumer's CMDQ_CONS. */
uint32_t synth_cmdq_space(const struct synth_cmdq *q, uint32_t cons);
/* Write a command at prod and move prod on. The caller sees to it that there is room. */
void synth_cmdq_push(struct synth_cmdq *q, struct synth_cmd cmd);
/* The address of the entry with this index (a PROD or CONS value): for MSIs into the entry, or rewriting it. */
uint64_t synth_cmdq_entry(const struct synth_cmdq *q, uint32_t index);
void synth_cmdq_rewrite(struct synth_cmdq *q, uint32_t index, struct synth_cmd cmd);

#endif
