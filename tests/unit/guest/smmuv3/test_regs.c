/* SPDX-License-Identifier: MIT */
/*
 * P6: the register pages (IHI 0070 section 6). One table says, for every defined register, what it holds after reset
 * and which bits a write may change; every other byte of both pages is RAZ/WI.
 */
#include <stdlib.h>
#include <string.h>

#include "support/vsmmu.h"

#define PAGE1 0x10000

enum guard {
	NONE,
	SMMUEN,
	CMDQEN,
	EVENTQEN,
	GERROR_IRQEN,
	EVENTQ_IRQEN
};

struct reg {
	const char *name;
	uint64_t offset;
	unsigned int size; /* bytes */
	uint64_t must;     /* bits that a write of all ones sets, in the configuration of the tests */
	uint64_t may;      /* bits that it may set beside these: the architecture leaves it open */
	enum guard guard;
};

/* Registers that hold what is written. CR0, GBPA, GERRORN and the like have tests of their own below. */
static const struct reg plain[] = {
	{"GERROR_IRQ_CFG0", 0x68, 8, VIQ_BITS(51, 2), 0, GERROR_IRQEN},
	{"GERROR_IRQ_CFG1", 0x70, 4, VIQ_BITS(31, 0), 0, GERROR_IRQEN},
	{"GERROR_IRQ_CFG2", 0x74, 4, VIQ_BITS(5, 0), 0, GERROR_IRQEN},
	{"STRTAB_BASE", 0x80, 8, VIQ_BITS(51, 6) | VIQ_BIT(62), 0, SMMUEN},
	{"STRTAB_BASE_CFG", 0x88, 4, VIQ_BITS(10, 0) | VIQ_BITS(17, 16), 0, SMMUEN},
	{"CMDQ_BASE", 0x90, 8, VIQ_BITS(4, 0) | VIQ_BITS(51, 5) | VIQ_BIT(62), 0, CMDQEN},
	{"CMDQ_CONS", 0x9c, 4, 0, VIQ_BITS(19, 0) | VIQ_BITS(30, 24), CMDQEN},
	{"EVENTQ_BASE", 0xa0, 8, VIQ_BITS(4, 0) | VIQ_BITS(51, 5) | VIQ_BIT(62), 0, EVENTQEN},
	{"EVENTQ_IRQ_CFG0", 0xb0, 8, VIQ_BITS(51, 2), 0, EVENTQ_IRQEN},
	{"EVENTQ_IRQ_CFG1", 0xb8, 4, VIQ_BITS(31, 0), 0, EVENTQ_IRQEN},
	{"EVENTQ_IRQ_CFG2", 0xbc, 4, VIQ_BITS(5, 0), 0, EVENTQ_IRQEN},
	{"EVENTQ_PROD", 0x100a8, 4, VIQ_BIT(31), VIQ_BITS(19, 0), EVENTQEN},
	/* E2H and PTM are RES0 without IDR0.HYP and BTM (6.3.12). */
	{"CR2", 0x2c, 4, VIQ_BIT(1), 0, SMMUEN},
};

/* Every byte range with a register in it, the optional aliases and identification registers included. */
static const struct {
	uint64_t first, last;
} defined[] = {
	{0x00, 0x2f}, {0x44, 0x47}, {0x50, 0x57},   {0x60, 0x77},       {0x80, 0x8b},
	{0x90, 0xaf}, {0xb0, 0xbf}, {0xfd0, 0xfff}, {0x100a8, 0x100af},
};

static bool is_defined(uint64_t offset)
{
	for (size_t i = 0; i < sizeof(defined) / sizeof(defined[0]); i++) {
		if (offset >= defined[i].first && offset <= defined[i].last)
			return true;
	}
	return false;
}

static int setup(void **state)
{
	*state = vsmmu_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	vsmmu_free(*state);
	return 0;
}

/* The contents of both pages, word by word. */
static uint32_t *snapshot(struct vsmmu *v)
{
	uint32_t *words = malloc(0x20000);

	assert_non_null(words);
	for (uint64_t i = 0; i < 0x20000; i += 4)
		words[i / 4] = vsmmu_r32(v, i);
	return words;
}

static void assert_unchanged(struct vsmmu *v, const uint32_t *before, const char *what, uint64_t offset)
{
	for (uint64_t i = 0; i < 0x20000; i += 4) {
		uint32_t now = vsmmu_r32(v, i);

		if (now != before[i / 4])
			fail_msg("%s at %#llx changed register %#llx from %#x to %#x", what, (unsigned long long)offset,
				 (unsigned long long)i, before[i / 4], now);
	}
}

static void id_registers_show_the_configuration(void **state)
{
	struct vsmmu *v = *state;

	assert_int_equal(vsmmu_r32(v, 0x00), v->config.idr0);
	assert_int_equal(vsmmu_r32(v, 0x04), v->config.idr1);
	assert_int_equal(vsmmu_r32(v, 0x08), 0);
	assert_int_equal(vsmmu_r32(v, 0x0c), v->config.idr3);
	assert_int_equal(vsmmu_r32(v, 0x10), 0);
	assert_int_equal(vsmmu_r32(v, 0x14), v->config.idr5);
	assert_int_equal(vsmmu_r32(v, 0x18), v->config.iidr);
	assert_int_equal(vsmmu_r32(v, 0x1c), v->config.aidr);
}

/* What is UNKNOWN at reset in the architecture is 0 here; GBPA is the embedder's. */
static void reset_values(void **state)
{
	struct vsmmu *v = *state;

	for (uint64_t i = 0x20; i < 0x20000; i += 4) {
		if (i == 0x44 || (i >= 0xfd0 && i <= 0xfff))
			continue;
		if (vsmmu_r32(v, i))
			fail_msg("register %#llx is %#x at reset", (unsigned long long)i, vsmmu_r32(v, i));
	}
	assert_int_equal(vsmmu_r32(v, 0x44), v->config.gbpa);
}

static void undefined_offsets_are_raz_wi(void **state)
{
	struct vsmmu *v = *state;
	uint32_t *before = snapshot(v);

	for (uint64_t i = 0; i < 0x20000; i += 4) {
		if (is_defined(i))
			continue;
		assert_int_equal(before[i / 4], 0);
		vsmmu_w32(v, i, UINT32_MAX);
		if (vsmmu_r32(v, i))
			fail_msg("undefined offset %#llx holds a value", (unsigned long long)i);
		if (!(i % 8) && !is_defined(i + 4)) { /* both halves */
			vsmmu_w64(v, i, UINT64_MAX);
			assert_int_equal(vsmmu_r64(v, i), 0);
		}
	}
	assert_unchanged(v, before, "writing undefined offsets, last", 0x1fffc);
	free(before);
}

/* Beyond the pages, and sizes that no bus has. */
static void nonsense_accesses_are_raz_wi(void **state)
{
	static const uint64_t far_offsets[] = {0x20000,    0x20020,        0x30000,          0x100000020,
					       UINT64_MAX, UINT64_MAX - 3, UINT64_C(1) << 63};
	static const unsigned int sizes[] = {0, 1, 2, 3, 5, 6, 7, 9, 16, 32, 64, UINT32_MAX};
	struct vsmmu *v = *state;
	uint32_t *before = snapshot(v);

	for (size_t i = 0; i < sizeof(far_offsets) / sizeof(far_offsets[0]); i++) {
		for (unsigned int size = 0; size <= 8; size++) {
			viq_smmuv3_mmio_write(v->smmu, far_offsets[i], size, UINT64_MAX);
			assert_int_equal(viq_smmuv3_mmio_read(v->smmu, far_offsets[i], size), 0);
		}
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (uint64_t offset = 0; offset < 0x200; offset++) {
			viq_smmuv3_mmio_write(v->smmu, offset, sizes[i], UINT64_MAX);
			assert_int_equal(viq_smmuv3_mmio_read(v->smmu, offset, sizes[i]), 0);
			viq_smmuv3_mmio_write(v->smmu, PAGE1 + offset, sizes[i], UINT64_MAX);
			assert_int_equal(viq_smmuv3_mmio_read(v->smmu, PAGE1 + offset, sizes[i]), 0);
		}
	}
	assert_unchanged(v, before, "nonsense", 0);
	free(before);
}

static void unaligned_accesses_are_raz_wi(void **state)
{
	struct vsmmu *v = *state;
	uint32_t *before = snapshot(v);

	for (uint64_t page = 0; page <= PAGE1; page += PAGE1) {
		for (uint64_t offset = page; offset < page + 0x200; offset++) {
			for (unsigned int size = 4; size <= 8; size += 4) {
				if (!(offset % size))
					continue;
				viq_smmuv3_mmio_write(v->smmu, offset, size, UINT64_MAX);
				assert_int_equal(viq_smmuv3_mmio_read(v->smmu, offset, size), 0);
			}
		}
	}
	assert_unchanged(v, before, "unaligned", 0);
	free(before);
}

/*
 * 6.2: 64 bits over two 32-bit registers may act as two accesses of 32 bits. FreeBSD reads EVENTQ_PROD and EVENTQ_CONS
 * so, and its event handler never ends if they read 0.
 */
static void wide_access_to_32bit_pairs_is_two(void **state)
{
	struct vsmmu *v = *state;

	for (uint64_t page = 0; page <= PAGE1; page += PAGE1) {
		for (uint64_t offset = page; offset < page + 0x1000; offset += 8)
			assert_int_equal(vsmmu_r64(v, offset), vsmmu_r32(v, offset) | (uint64_t)vsmmu_r32(v, offset + 4)
											      << 32);
	}
	vsmmu_w64(v, REG(CMDQ_BASE), VSMMU_CMDQ | 8);
	vsmmu_w64(v, REG(EVENTQ_BASE), VSMMU_EVENTQ | 8);
	vsmmu_w64(v, REG(EVENTQ_PROD), UINT64_C(0x8000000200000003));
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 3);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_CONS)), 0x80000002);
	assert_int_equal(vsmmu_r64(v, REG(EVENTQ_PROD)), UINT64_C(0x8000000200000003));
	vsmmu_w64(v, REG(CMDQ_PROD), UINT64_C(0x0000000400000005));
	assert_int_equal(vsmmu_r64(v, REG(CMDQ_PROD)), UINT64_C(0x0000000400000005));
	/* Each half has the guard of its own register: here CONS' is set, and the read-only ones stay as they are. */
	vsmmu_w32(v, REG(CMDQ_PROD), 4);
	vsmmu_w64(v, REG(CR0), UINT64_MAX << 32 | REG(CR0_CMDQEN));
	assert_int_equal(vsmmu_r64(v, REG(CR0)), REG(CR0_CMDQEN) << 32 | REG(CR0_CMDQEN));
	vsmmu_w64(v, REG(CMDQ_PROD), UINT64_C(0x0000000100000004));
	assert_int_equal(vsmmu_r64(v, REG(CMDQ_PROD)), UINT64_C(0x0000000400000004));
	/* A register beside an undefined offset, and beside a 64-bit one. */
	vsmmu_w64(v, 0x40, (uint64_t)REG(GBPA_UPDATE) << 32 | UINT64_C(0x0010000000000000) | UINT32_MAX);
	assert_int_equal(vsmmu_r32(v, REG(GBPA)), REG(GBPA_ABORT));
	assert_int_equal(vsmmu_r64(v, 0x40), (uint64_t)REG(GBPA_ABORT) << 32);
}

static void read_only_registers_ignore_writes(void **state)
{
	static const uint64_t offsets[] = {0x00, 0x04, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x1c, 0x24, 0x54, 0x60};
	struct vsmmu *v = *state;
	uint32_t *before = snapshot(v);

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		vsmmu_w32(v, offsets[i], ~before[offsets[i] / 4]);
		assert_unchanged(v, before, "write", offsets[i]);
	}
	for (uint64_t offset = 0xfd0; offset < 0x1000; offset += 4)
		vsmmu_w32(v, offset, ~before[offset / 4]);
	assert_unchanged(v, before, "write", 0xfd0);
	free(before);
}

static uint64_t read_reg(struct vsmmu *v, const struct reg *r)
{
	return r->size == 8 ? vsmmu_r64(v, r->offset) : vsmmu_r32(v, r->offset);
}

static void write_reg(struct vsmmu *v, const struct reg *r, uint64_t value)
{
	viq_smmuv3_mmio_write(v->smmu, r->offset, r->size, value);
}

static void writable_bits_hold_and_reserved_bits_are_zero(void **state)
{
	struct vsmmu *v = *state;

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		const struct reg *r = &plain[i];
		uint64_t value;

		write_reg(v, r, UINT64_MAX);
		value = read_reg(v, r);
		if ((value & r->must) != r->must || (value & ~(r->must | r->may)))
			fail_msg("%s reads %#llx after a write of all ones", r->name, (unsigned long long)value);
		write_reg(v, r, 0);
		if (read_reg(v, r))
			fail_msg("%s does not read 0 after a write of 0", r->name);
	}
}

/* Each writable bit alone: no two bits are tied together. */
static void bits_are_independent(void **state)
{
	struct vsmmu *v = *state;

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		const struct reg *r = &plain[i];

		for (unsigned int bit = 0; bit < r->size * 8; bit++) {
			uint64_t one = UINT64_C(1) << bit, value;

			write_reg(v, r, one);
			value = read_reg(v, r);
			if (value != (one & r->must) && value != (one & (r->must | r->may)))
				fail_msg("%s bit %u reads %#llx", r->name, bit, (unsigned long long)value);
		}
		write_reg(v, r, 0);
	}
}

static void halves_of_64bit_registers_are_separate(void **state)
{
	struct vsmmu *v = *state;

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		const struct reg *r = &plain[i];
		uint64_t low = r->must & UINT32_MAX;

		if (r->size != 8)
			continue;
		vsmmu_w64(v, r->offset, 0);
		vsmmu_w32(v, r->offset, UINT32_MAX);
		assert_int_equal(vsmmu_r64(v, r->offset), low);
		vsmmu_w32(v, r->offset + 4, UINT32_MAX);
		assert_int_equal(vsmmu_r64(v, r->offset), r->must);
		vsmmu_w32(v, r->offset, 0);
		assert_int_equal(vsmmu_r64(v, r->offset), r->must & ~(uint64_t)UINT32_MAX);
		assert_int_equal(vsmmu_r32(v, r->offset), 0);
		assert_int_equal(vsmmu_r32(v, r->offset + 4), r->must >> 32);
		vsmmu_w64(v, r->offset, 0);
	}
}

static void set_guard(struct vsmmu *v, enum guard guard)
{
	uint32_t cr0 = 0, irq = 0;

	switch (guard) {
	case SMMUEN:
		cr0 = REG(CR0_SMMUEN);
		break;
	case CMDQEN:
		cr0 = REG(CR0_CMDQEN);
		break;
	case EVENTQEN:
		cr0 = REG(CR0_EVENTQEN);
		break;
	case GERROR_IRQEN:
		irq = REG(IRQ_CTRL_GERROR_IRQEN);
		break;
	case EVENTQ_IRQEN:
		irq = REG(IRQ_CTRL_EVENTQ_IRQEN);
		break;
	default:
		break;
	}
	vsmmu_w32(v, REG(CR0), cr0);
	vsmmu_w32(v, REG(IRQ_CTRL), irq);
}

/* 6.3: guarded registers ignore writes while their guard is set, and only then. */
static void guards(void **state)
{
	struct vsmmu *v = *state;

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		const struct reg *r = &plain[i];
		bool cons = r->offset == 0x9c;

		for (enum guard g = NONE; g <= EVENTQ_IRQEN; g++) {
			uint64_t value;

			set_guard(v, NONE);
			write_reg(v, r, 0);
			/* An index write would start the queue, and with no queue memory an error. */
			if (g == CMDQEN && !cons && r->offset != 0x90)
				vsmmu_w32(v, REG(CMDQ_PROD), vsmmu_r32(v, REG(CMDQ_CONS)));
			set_guard(v, g);
			write_reg(v, r, cons ? 0x00 : UINT64_MAX);
			if (cons)
				continue;
			value = read_reg(v, r);
			if (r->guard != NONE && r->guard == g && value)
				fail_msg("%s was written under its guard", r->name);
			if (r->guard != g && !(value & (r->must | r->may)))
				fail_msg("%s was not written although guard %d is another's", r->name, g);
			set_guard(v, NONE);
			write_reg(v, r, 0);
		}
	}
}

/* CR1: TABLE_* is guarded by SMMUEN, QUEUE_* by each queue's enable. */
static void cr1_guards_are_per_field(void **state)
{
	struct vsmmu *v = *state;

	vsmmu_w32(v, REG(CR1), UINT32_MAX);
	assert_int_equal(vsmmu_r32(v, REG(CR1)), 0xfff);
	vsmmu_w32(v, REG(CR0), REG(CR0_SMMUEN));
	vsmmu_w32(v, REG(CR1), 0);
	assert_int_equal(vsmmu_r32(v, REG(CR1)), 0xfc0);
	vsmmu_w32(v, REG(CR0), REG(CR0_CMDQEN));
	vsmmu_w32(v, REG(CR1), 0x3f);
	assert_int_equal(vsmmu_r32(v, REG(CR1)), 0);
	vsmmu_w32(v, REG(CR0), REG(CR0_EVENTQEN));
	vsmmu_w32(v, REG(CR1), UINT32_MAX);
	assert_int_equal(vsmmu_r32(v, REG(CR1)), 0xfc0);
	vsmmu_w32(v, REG(CR0), 0);
	vsmmu_w32(v, REG(CR1), 0xd75);
	assert_int_equal(vsmmu_r32(v, REG(CR1)), 0xd75);
}

static void cmdq_cons_is_writable_only_when_disabled(void **state)
{
	struct vsmmu *v = *state;

	vsmmu_w64(v, REG(CMDQ_BASE), VSMMU_CMDQ | 8);
	vsmmu_w32(v, REG(CMDQ_PROD), 0x123);
	vsmmu_w32(v, REG(CMDQ_CONS), 0x123);
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)) & 0xfffff, 0x123);
	vsmmu_w32(v, REG(CR0), REG(CR0_CMDQEN));
	vsmmu_w32(v, REG(CMDQ_CONS), 0x001);
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)) & 0xfffff, 0x123);
	vsmmu_w32(v, REG(CR0), 0);
	vsmmu_w32(v, REG(CMDQ_CONS), 0x001);
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)) & 0xfffff, 0x001);
}

/*
 * 6.3.27, 6.3.28, 6.3.166: index bits above the wrap flag are RAZ where the SMMU counts (CMDQ_CONS, EVENTQ_PROD) and
 * without effect where software does; here they read 0 in all four. They are kept: a driver may set an index first.
 */
static void indices_show_no_bits_above_the_wrap_flag(void **state)
{
	static const struct {
		uint64_t base, index, flags;
	} regs[] = {
		{REG(CMDQ_BASE), REG(CMDQ_PROD), 0},
		{REG(CMDQ_BASE), REG(CMDQ_CONS), REG(CMDQ_CONS_ERR)},
		{REG(EVENTQ_BASE), REG(EVENTQ_PROD), REG(EVENTQ_OVFLG)},
		{REG(EVENTQ_BASE), REG(EVENTQ_CONS), REG(EVENTQ_OVFLG)},
	};
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.idr1 &= ~(uint32_t)(REG(IDR1_CMDQS) | REG(IDR1_EVENTQS));
	config.idr1 |= VIQ_PUT(REG(IDR1_CMDQS), 17) | VIQ_PUT(REG(IDR1_EVENTQS), 17);
	v = vsmmu_new(&config);
	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		vsmmu_w32(v, regs[i].index, UINT32_MAX);
		for (unsigned int log2 = 0; log2 <= 31; log2++) {
			unsigned int effective = log2 < 17 ? log2 : 17;

			vsmmu_w64(v, regs[i].base, VSMMU_CMDQ | log2);
			assert_int_equal(vsmmu_r64(v, regs[i].base), VSMMU_CMDQ | log2);
			assert_int_equal(vsmmu_r32(v, regs[i].index), regs[i].flags | ((UINT64_C(2) << effective) - 1));
		}
	}
	vsmmu_free(v);
}

static void cmdq_prod_is_always_writable(void **state)
{
	struct vsmmu *v = *state;

	vsmmu_w64(v, REG(CMDQ_BASE), VSMMU_CMDQ | 19);
	vsmmu_w32(v, REG(CMDQ_PROD), UINT32_MAX);
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_PROD)), 0xfffff);
	vsmmu_w32(v, REG(CMDQ_PROD), 5);
	vsmmu_w32(v, REG(CMDQ_CONS), 5);
	vsmmu_w32(v, REG(CR0), REG(CR0_CMDQEN));
	vsmmu_w32(v, REG(CMDQ_PROD), 5);
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_PROD)), 5);
}

static void eventq_cons_is_always_writable(void **state)
{
	struct vsmmu *v = *state;

	vsmmu_w64(v, REG(EVENTQ_BASE), VSMMU_EVENTQ | 19);
	for (unsigned int on = 0; on < 2; on++) {
		vsmmu_w32(v, REG(CR0), on ? REG(CR0_EVENTQEN) : 0);
		vsmmu_w32(v, REG(EVENTQ_CONS), UINT32_MAX);
		assert_int_equal(vsmmu_r32(v, REG(EVENTQ_CONS)), 0x800fffff);
		vsmmu_w32(v, REG(EVENTQ_CONS), 3);
		assert_int_equal(vsmmu_r32(v, REG(EVENTQ_CONS)), 3);
	}
}

/* viq_smmuv3_reset(): as created, whatever was done before. */
static void reset_is_creation(void **state)
{
	struct vsmmu *v = *state;
	uint32_t *before = snapshot(v);
	size_t at;

	vsmmu_boot(v, 6);
	vsmmu_w32(v, REG(GBPA), 0x801f0000);
	vsmmu_push(v, 0, 0);
	vsmmu_w32(v, REG(CMDQ_PROD), 1);
	assert_int_equal(vsmmu_cerror(v), VIQ_SMMUV3_CERROR_ILL);
	vsmmu_log_clear(v);
	viq_smmuv3_reset(v->smmu);
	assert_unchanged(v, before, "reset", 0);
	at = vsmmu_log_find(v, 0, LOG_RECONFIG);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, VIQ_SMMUV3_RESTORED);
	free(before);
}

/* Any register access in any state: nothing may crash, and page contents stay within the defined registers. */
static void random_accesses_stay_in_the_table(void **state)
{
	struct vsmmu *v = *state;
	uint64_t seed = test_seed();

	v->lax = true;
	v->quiet = true;
	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t offset = test_below(&seed, 0x100);
		unsigned int size = 1u << test_below(&seed, 4);

		if (test_below(&seed, 4))
			offset &= ~(uint64_t)(size - 1);
		if (!test_below(&seed, 4))
			offset += PAGE1;
		viq_smmuv3_mmio_write(v->smmu, offset, size, test_random(&seed));
		viq_smmuv3_mmio_read(v->smmu, offset, size);
	}
	for (uint64_t i = 0; i < 0x20000; i += 4) {
		if (!is_defined(i) && vsmmu_r32(v, i))
			fail_msg("undefined offset %#llx holds a value", (unsigned long long)i);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(id_registers_show_the_configuration),
		T(reset_values),
		T(undefined_offsets_are_raz_wi),
		T(nonsense_accesses_are_raz_wi),
		T(unaligned_accesses_are_raz_wi),
		T(wide_access_to_32bit_pairs_is_two),
		T(read_only_registers_ignore_writes),
		T(writable_bits_hold_and_reserved_bits_are_zero),
		T(bits_are_independent),
		T(halves_of_64bit_registers_are_separate),
		T(guards),
		T(cr1_guards_are_per_field),
		T(cmdq_cons_is_writable_only_when_disabled),
		T(indices_show_no_bits_above_the_wrap_flag),
		T(cmdq_prod_is_always_writable),
		T(eventq_cons_is_always_writable),
		T(reset_is_creation),
		T(random_accesses_stay_in_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
