/* SPDX-License-Identifier: MIT */
/* STEs (IHI 0070 5.2.2) and context descriptors (5.4.2): which is ILLEGAL, which CD an access uses, how fetching fails.
 */
#include <errno.h>

#include "walk.h"

#define CLASS_CD VIQ_SMMUV3_EVT_CLASS_CD

#define V          UINT64_C(1)
#define CONFIG(n)  (UINT64_C(n) << 1)
#define FMT(n)     (UINT64_C(n) << 4)
#define CDMAX(n)   (UINT64_C(n) << 59)
#define S1STALLD   (UINT64_C(1) << 27)
#define EATS(n)    (UINT64_C(n) << 28)
#define STRW(n)    (UINT64_C(n) << 30)
#define NO_ATS     (IDR0 & ~(1u << 10))
#define NO_CD2L    (IDR0 & ~(1u << 19))
#define NO_S1P     (IDR0 & ~2u)
#define NO_S2P     (IDR0 & ~1u)
#define HYP        (IDR0 | 1u << 9)
#define STALLS     (IDR0 & ~(3u << 24)) /* STALL_MODEL 0 */
#define STALL_ONLY (STALLS | 2u << 24)
#define NO_SSID    16u

static void illegal_stes(void **state)
{
	static const struct {
		uint32_t idr0, idr1;
		uint64_t ste[2];
		bool legal;
	} rows[] = {
		{IDR0, IDR1, {CONFIG(5), 0}, false}, /* V = 0 */
		{IDR0, IDR1, {V, 0}, true},
		{IDR0, IDR1, {V | CONFIG(4), 0}, true},
		{IDR0, IDR1, {V | CONFIG(5), 0}, true},
		/* 11x needs stage 2, 1x1 stage 1; the other stage's fields are ignored (5.2) */
		{IDR0, IDR1, {V | CONFIG(6), 0}, true},
		{IDR0, IDR1, {V | CONFIG(7), 0}, true},
		{NO_S2P, IDR1, {V | CONFIG(6), 0}, false},
		{NO_S2P, IDR1, {V | CONFIG(7), 0}, false},
		{NO_S2P, IDR1, {V | CONFIG(5), 0}, true},
		{NO_S1P, IDR1, {V | CONFIG(6), 0}, true},
		{NO_S1P, IDR1, {V | CONFIG(7), 0}, false},
		{IDR0, IDR1, {V | CONFIG(6) | CDMAX(31), S1STALLD}, true},
		{IDR0, IDR1, {V | CONFIG(7) | CDMAX(31), 0}, false},
		{IDR0, IDR1, {V | CONFIG(7), S1STALLD}, false},
		{NO_S1P, IDR1, {V | CONFIG(5), 0}, false},
		{NO_S1P, IDR1, {V | CONFIG(4), 0}, true},
		/* S1CDMax against SSIDSIZE */
		{IDR0, IDR1, {V | CONFIG(5) | CDMAX(20), 0}, true},
		{IDR0, IDR1, {V | CONFIG(5) | CDMAX(21), 0}, false},
		{IDR0, 8u << 6, {V | CONFIG(5) | CDMAX(9), 0}, false},
		{IDR0, NO_SSID, {V | CONFIG(5) | CDMAX(31), 0}, true}, /* ignored */
		{IDR0, IDR1, {V | CONFIG(4) | CDMAX(31), 0}, true},
		/* Two-level tables */
		{IDR0, IDR1, {V | CONFIG(5) | CDMAX(8) | FMT(1), 0}, true},
		{IDR0, IDR1, {V | CONFIG(5) | CDMAX(8) | FMT(2), 0}, true},
		{NO_CD2L, IDR1, {V | CONFIG(5) | CDMAX(8) | FMT(1), 0}, false},
		{NO_CD2L, IDR1, {V | CONFIG(5) | CDMAX(8) | FMT(2), 0}, false},
		{NO_CD2L, IDR1, {V | CONFIG(5) | CDMAX(8) | FMT(3), 0}, true}, /* 3 acts as 0 */
		{NO_CD2L, IDR1, {V | CONFIG(5) | FMT(2), 0}, true},            /* one CD */
		{NO_CD2L, NO_SSID, {V | CONFIG(5) | CDMAX(8) | FMT(2), 0}, true},
		/* S1ContextPtr against OAS (48) */
		{IDR0, IDR1, {V | CONFIG(5) | UINT64_C(0xffffffffffc0), 0}, true},
		{IDR0, IDR1, {V | CONFIG(5) | UINT64_C(1) << 48, 0}, false},
		{IDR0, IDR1, {V | CONFIG(5) | UINT64_C(1) << 51, 0}, false},
		{IDR0, IDR1, {V | CONFIG(4) | UINT64_C(1) << 51, 0}, true},
		/* S1STALLD */
		{IDR0, IDR1, {V | CONFIG(5), S1STALLD}, false},
		{STALL_ONLY, IDR1, {V | CONFIG(5), S1STALLD}, false},
		{STALLS, IDR1, {V | CONFIG(5), S1STALLD}, true},
		{IDR0, IDR1, {V | CONFIG(4), S1STALLD}, true},
		/* STRW is ignored without HYP */
		{IDR0, IDR1, {V | CONFIG(5), STRW(1)}, true},
		{HYP, IDR1, {V | CONFIG(5), STRW(1)}, false},
		{HYP, IDR1, {V | CONFIG(5), STRW(3)}, false},
		{HYP, IDR1, {V | CONFIG(5), STRW(2)}, true},
		/* EATS */
		{IDR0, IDR1, {V | CONFIG(5), EATS(1)}, true},
		{IDR0, IDR1, {V | CONFIG(5), EATS(2)}, false},
		{IDR0, IDR1, {V | CONFIG(6), EATS(1)}, true},
		{IDR0, IDR1, {V | CONFIG(6), EATS(2)}, false},
		{IDR0, IDR1, {V | CONFIG(7), EATS(2)}, false}, /* with NS1ATS = 1, which guests get */
		{IDR0, IDR1, {V | CONFIG(5), EATS(3)}, true},  /* 0 without DPT */
		{NO_ATS, IDR1, {V | CONFIG(5), EATS(2)}, true},
		{IDR0, IDR1, {V | CONFIG(4), EATS(2)}, true},
	};
	struct smmuv3_features f;

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		smmuv3_features_init(&f, rows[i].idr0, rows[i].idr1, IDR3, IDR5, 0);
		if (soft_check_ste(&f, rows[i].ste) != (rows[i].legal ? 0 : -EINVAL))
			fail_msg("row %u", i);
	}
}

/* --- Which CD ---------------------------------------------------------------------------------------------------- */

/* A CD table whose CD number n has ASID n + 1; only the named SSIDs are written. */
static void fill_cdt(struct walk_env *env, unsigned int cdmax, unsigned int fmt, const uint32_t *ssids,
		     unsigned int count, struct synth_cdt *cdt)
{
	uint64_t cd[8];

	assert_int_equal(synth_cdt_init(cdt, &env->guest, cdmax, fmt), 0);
	for (unsigned int i = 0; i < count; i++) {
		synth_cd(cd, NULL, NULL, ssids[i] + 1, 48);
		assert_int_equal(synth_cdt_set(cdt, ssids[i], cd), 0);
	}
}

static int fetch(struct walk_env *env, const uint64_t ste[8], bool ssv, uint32_t ssid, struct soft_cd *cd,
		 struct soft_fault *fault)
{
	return soft_fetch_cd(env->mem, &env->f, &env->s2, ste, ssv, ssid, cd, fault);
}

static void tables_of_every_format_and_size(void **state)
{
	static const uint32_t ssids[] = {0, 1, 63, 64, 1023, 1024, 2047, 4095};
	static const unsigned int cdmaxes[] = {1, 6, 7, 10, 12};
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct synth_cdt cdt;
	struct soft_cd cd;
	uint64_t ste[8];

	for (unsigned int nested = 0; nested < 2; nested++) {
		if (nested)
			walk_nest(env);
		for (unsigned int fmt = 0; fmt < 3; fmt++) {
			for (unsigned int m = 0; m < sizeof(cdmaxes) / sizeof(cdmaxes[0]); m++) {
				unsigned int count = 0;

				while (count < 8 && !(ssids[count] >> cdmaxes[m]))
					count++;
				fill_cdt(env, cdmaxes[m], fmt, ssids, count, &cdt);
				synth_ste_s1(ste, &cdt, 0, 0);
				for (unsigned int i = 0; i < count; i++) {
					assert_int_equal(fetch(env, ste, true, ssids[i], &cd, &fault), 0);
					assert_int_equal(cd.asid, ssids[i] + 1);
				}
				assert_int_equal(fetch(env, ste, true, 1u << cdmaxes[m], &cd, &fault), -EFAULT);
				assert_fault(&fault, 0x08, 0, 0, 0, 0);
				synth_cdt_fini(&cdt);
			}
		}
	}
}

static void s1dss_speaks_for_accesses_without_a_substream(void **state)
{
	static const uint32_t ssids[] = {0, 1};
	static const struct {
		unsigned int dss;
		bool ssv;
		uint32_t ssid;
		int ret;
		unsigned int result; /* ASID or event */
	} rows[] = {
		{0, false, 0, -EFAULT, 0x06}, {0, true, 0, 0, 1},  {0, true, 1, 0, 2},           {1, false, 0, 1, 0},
		{1, true, 0, 0, 1},           {1, true, 1, 0, 2},  {2, false, 0, 0, 1},          {2, true, 1, 0, 2},
		{2, true, 0, -EFAULT, 0x06},  {2, false, 1, 0, 1}, /* ssid means nothing without SSV */
		{3, false, 0, -EFAULT, 0x06}, {3, true, 0, 0, 1},  {2, true, 16, -EFAULT, 0x08}, /* out of range comes
												    first */
	};
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct synth_cdt cdt;
	struct soft_cd cd;
	uint64_t ste[8];

	fill_cdt(env, 4, 0, ssids, 2, &cdt);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		synth_ste_s1(ste, &cdt, rows[i].dss, 0);
		assert_int_equal(fetch(env, ste, rows[i].ssv, rows[i].ssid, &cd, &fault), rows[i].ret);
		if (rows[i].ret == -EFAULT)
			assert_fault(&fault, rows[i].result, 0, 0, 0, 0);
		else if (!rows[i].ret)
			assert_int_equal(cd.asid, rows[i].result);
	}
}

static void one_cd_takes_no_substreams(void **state)
{
	static const uint32_t ssids[] = {0};
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct synth_cdt cdt;
	struct soft_cd cd;
	uint64_t ste[8];

	fill_cdt(env, 0, 0, ssids, 1, &cdt);
	for (unsigned int dss = 0; dss < 4; dss++) { /* S1DSS is ignored */
		synth_ste_s1(ste, &cdt, dss, 0);
		ste[0] |= FMT(2); /* and so is S1Fmt */
		assert_int_equal(fetch(env, ste, false, 0, &cd, &fault), 0);
		assert_int_equal(fetch(env, ste, true, 0, &cd, &fault), -EFAULT);
		assert_fault(&fault, 0x08, 0, 0, 0, 0);
	}
	/* Without SSIDSIZE, S1CDMax is ignored as well. */
	smmuv3_features_init(&env->f, IDR0, NO_SSID, IDR3, IDR5, 0);
	ste[0] |= CDMAX(4);
	assert_int_equal(fetch(env, ste, false, 0, &cd, &fault), 0);
	assert_int_equal(fetch(env, ste, true, 0, &cd, &fault), -EFAULT);
	assert_fault(&fault, 0x08, 0, 0, 0, 0);
}

static void first_level_descriptors(void **state)
{
	static const uint32_t ssids[] = {0, 64};
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct synth_cdt cdt;
	struct soft_cd cd;
	uint64_t ste[8];

	fill_cdt(env, 8, 1, ssids, 2, &cdt);
	synth_ste_s1(ste, &cdt, 0, 0);
	assert_int_equal(fetch(env, ste, true, 128, &cd, &fault), -EFAULT); /* L1CD.V = 0 */
	assert_fault(&fault, 0x08, 0, 0, 0, 0);
	assert_int_equal(fetch(env, ste, true, 65, &cd, &fault), -EFAULT); /* CD.V = 0 */
	assert_fault(&fault, 0x0a, 0, 0, 0, 0);
	synth_store(&env->guest, cdt.base + 16, UINT64_C(1) << 48 | 1); /* L2Ptr beyond OAS */
	assert_int_equal(fetch(env, ste, true, 128, &cd, &fault), -EFAULT);
	assert_fault(&fault, 0x08, 0, 0, 0, 0);
	synth_store(&env->guest, cdt.base + 16, NOWHERE | 1);
	assert_int_equal(fetch(env, ste, true, 130, &cd, &fault), -EFAULT);
	assert_fault(&fault, 0x09, 0, 0, 0, NOWHERE + 128);
	ste[0] = (ste[0] & ~VIQ_SMMUV3_STE_0_S1CONTEXTPTR) | NOWHERE;
	assert_int_equal(fetch(env, ste, true, 130, &cd, &fault), -EFAULT);
	assert_fault(&fault, 0x09, 0, 0, 0, NOWHERE + 16);
	ste[0] &= ~UINT64_C(0x30); /* linear */
	assert_int_equal(fetch(env, ste, true, 130, &cd, &fault), -EFAULT);
	assert_fault(&fault, 0x09, 0, 0, 0, NOWHERE + 130 * 64);
}

/* CLASS 0 with the CD's own address; memory that is missing behind stage 2 is named by its physical address. */
static void stage2_faults_of_a_cd_fetch(void **state)
{
	static const uint32_t ssids[] = {0, 3};
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct synth_cdt cdt;
	struct soft_cd cd;
	uint64_t ste[8], base;

	walk_nest(env);
	fill_cdt(env, 2, 0, ssids, 2, &cdt);
	synth_ste_s1(ste, &cdt, 0, 0);
	base = cdt.base & ~UINT64_C(0x1fffff);
	assert_int_equal(fetch(env, ste, true, 3, &cd, &fault), 0);
	assert_int_equal(synth_pt_map(&env->s2_pt, base, GUEST_PA, 2, SYNTH_NO_READ), 0);
	assert_int_equal(fetch(env, ste, true, 3, &cd, &fault), -EFAULT);
	assert_fault(&fault, 0x13, 1, CLASS_CD, cdt.base + 3 * 64, 0);
	assert_int_equal(synth_pt_map(&env->s2_pt, base, NOWHERE, 2, 0), 0);
	assert_int_equal(fetch(env, ste, true, 3, &cd, &fault), -EFAULT);
	assert_fault(&fault, 0x09, 0, 0, 0, NOWHERE + (cdt.base - base) + 3 * 64);
	assert_int_equal(synth_pt_unmap(&env->s2_pt, base, 2), 0);
	assert_int_equal(fetch(env, ste, true, 3, &cd, &fault), -EFAULT);
	assert_fault(&fault, 0x10, 1, CLASS_CD, cdt.base + 3 * 64, 0);
}

static int counted_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct walk_env *env = ((void **)opaque)[0];
	unsigned int *reads = ((void **)opaque)[1];

	++*reads;
	return viq_mem_read(env->mem, gpa, buf, len);
}

/* A CD is read once, whole: what was checked is what is used. */
static void a_cd_is_read_once(void **state)
{
	static const uint32_t ssids[] = {70};
	const struct viq_mem_ops ops = {.size = sizeof(ops), .read = counted_read};
	unsigned int reads = 0;
	void *opaque[2] = {*state, &reads};
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct synth_cdt cdt;
	struct viq_mem *mem;
	struct soft_cd cd;
	uint64_t ste[8];

	fill_cdt(env, 8, 1, ssids, 1, &cdt);
	synth_ste_s1(ste, &cdt, 0, 0);
	assert_int_equal(viq_mem_create(NULL, 0, &ops, opaque, &mem, NULL), 0);
	assert_int_equal(soft_fetch_cd(mem, &env->f, &env->s2, ste, true, 70, &cd, &fault), 0);
	assert_int_equal(cd.asid, 71);
	assert_int_equal(reads, 2); /* L1CD, CD */
	viq_mem_destroy(mem);
}

/* --- Legal CDs --------------------------------------------------------------------------------------------------- */

#define CD_S      (UINT64_C(1) << 44)
#define CD_A      (UINT64_C(1) << 46)
#define CD_HA     (UINT64_C(1) << 43)
#define CD_HD     (UINT64_C(1) << 42)
#define CD_AA64   (UINT64_C(1) << 41)
#define CD_V      (UINT64_C(1) << 31)
#define CD_ENDI   (UINT64_C(1) << 15)
#define CD_EPD0   (UINT64_C(1) << 14)
#define CD_EPD1   (UINT64_C(1) << 30)
#define T0SZ(n)   UINT64_C(n)
#define TG0(n)    (UINT64_C(n) << 6)
#define T1SZ(n)   (UINT64_C(n) << 16)
#define TG1(n)    (UINT64_C(n) << 22)
#define ASID(n)   (UINT64_C(n) << 48)
#define IPS(n)    (UINT64_C(n) << 32)
#define HTTU(n)   (IDR0 | n##u << 6)
#define ENDIAN(n) ((IDR0 & ~(3u << 21)) | n##u << 21)

static void illegal_cds(void **state)
{
	/* The legal CD has T0SZ 25, TG0 4K, IPS 48 bits, ASID 5, EPD1. */
	static const struct {
		uint32_t idr0, idr3, idr5;
		uint64_t set, clear, ttb0, ste1;
		bool legal;
	} rows[] = {
		{IDR0, IDR3, IDR5, 0, 0, 0, 0, true},
		{IDR0, IDR3, IDR5, 0, CD_V, 0, 0, false},
		{IDR0, IDR3, IDR5, 0, CD_AA64, 0, 0, false},
		{IDR0 & ~8u, IDR3, IDR5, 0, 0, 0, 0, false}, /* TTF without AArch64 */
		/* stalls */
		{IDR0, IDR3, IDR5, CD_S, 0, 0, 0, false},
		{STALLS, IDR3, IDR5, CD_S, 0, 0, 0, true},
		{STALLS, IDR3, IDR5, CD_S, 0, 0, S1STALLD, false},
		{STALLS, IDR3, IDR5, 0, 0, 0, S1STALLD, true},
		{STALL_ONLY, IDR3, IDR5, CD_S, 0, 0, 0, true},
		{STALL_ONLY, IDR3, IDR5, 0, 0, 0, 0, false},
		/* termination without abort */
		{IDR0, IDR3, IDR5, 0, CD_A, 0, 0, false},
		{IDR0 & ~(1u << 26), IDR3, IDR5, 0, CD_A, 0, 0, true},
		/* flag updates */
		{IDR0, IDR3, IDR5, CD_HA, 0, 0, 0, false},
		{IDR0, IDR3, IDR5, CD_HD, 0, 0, 0, false},
		{HTTU(1), IDR3, IDR5, CD_HA, 0, 0, 0, true},
		{HTTU(1), IDR3, IDR5, CD_HA | CD_HD, 0, 0, 0, false},
		{HTTU(2), IDR3, IDR5, CD_HA | CD_HD, 0, 0, 0, true},
		{HTTU(2), IDR3, IDR5, CD_HD, 0, 0, 0, true},
		/* endianness */
		{IDR0, IDR3, IDR5, CD_ENDI, 0, 0, 0, false},
		{ENDIAN(0), IDR3, IDR5, CD_ENDI, 0, 0, 0, true},
		{ENDIAN(0), IDR3, IDR5, 0, 0, 0, 0, true},
		{ENDIAN(3), IDR3, IDR5, CD_ENDI, 0, 0, 0, true},
		{ENDIAN(3), IDR3, IDR5, 0, 0, 0, 0, false},
		{ENDIAN(3), IDR3, IDR5, CD_EPD0, 0, 0, 0, true}, /* no half is walked */
		{IDR0, IDR3, IDR5, CD_EPD0 | CD_ENDI, 0, 0, 0, true},
		/* ASID width */
		{IDR0, IDR3, IDR5, ASID(0xff00), 0, 0, 0, true},
		{IDR0 & ~(1u << 12), IDR3, IDR5, ASID(0x100), 0, 0, 0, false},
		{IDR0 & ~(1u << 12), IDR3, IDR5, ASID(0xff), 0, 0, 0, true},
		/* granules: TG0 0 4K, 1 64K, 2 16K; TG1 1 16K, 2 4K, 3 64K */
		{IDR0, IDR3, IDR5, TG0(3), 0, 0, 0, false},
		{IDR0, IDR3, 0x15, TG0(0), 0, 0, 0, true},
		{IDR0, IDR3, 0x15, TG0(1), 0, 0, 0, false},
		{IDR0, IDR3, 0x45, TG0(1), 0, 0, 0, true},
		{IDR0, IDR3, 0x45, TG0(0), 0, 0, 0, false},
		{IDR0, IDR3, 0x25, TG0(2), 0, 0, 0, true},
		{IDR0, IDR3, 0x55, TG0(2), 0, 0, 0, false},
		{IDR0, IDR3, IDR5, T1SZ(25) | TG1(0), CD_EPD1, 0, 0, false},
		{IDR0, IDR3, IDR5, T1SZ(25) | TG1(1), CD_EPD1, 0, 0, true},
		{IDR0, IDR3, 0x35, T1SZ(25) | TG1(3), CD_EPD1, 0, 0, false},
		{IDR0, IDR3, 0x15, T1SZ(25) | TG1(2), CD_EPD1, 0, 0, true},
		{IDR0, IDR3, IDR5, TG0(3), 0, 0, 0, false},
		{IDR0, IDR3, IDR5, TG0(3) | CD_EPD0, 0, 0, 0, true}, /* ignored with EPD */
		/* TxSZ */
		{IDR0, IDR3, IDR5, T0SZ(16), T0SZ(63), 0, 0, true},
		{IDR0, IDR3, IDR5, T0SZ(15), T0SZ(63), 0, 0, false},
		{IDR0, IDR3, IDR5, T0SZ(39), T0SZ(63), 0, 0, true},
		{IDR0, IDR3, IDR5, T0SZ(40), T0SZ(63), 0, 0, false},
		{IDR0, IDR3, IDR5, 0, T0SZ(63), 0, 0, false},
		{IDR0, IDR3, IDR5, T0SZ(63) | CD_EPD0, 0, 0, 0, true},
		{IDR0, IDR3 | 0x200, IDR5, T0SZ(48), T0SZ(63), 0, 0, true}, /* STT */
		{IDR0, IDR3 | 0x200, IDR5, T0SZ(49), T0SZ(63), 0, 0, false},
		{IDR0, IDR3 | 0x200, IDR5, T0SZ(48) | TG0(1), T0SZ(63), 0, 0, false},
		{IDR0, IDR3 | 0x200, IDR5, T0SZ(47) | TG0(1), T0SZ(63), 0, 0, true},
		{IDR0, IDR3, IDR5 | 0x400, T0SZ(12) | TG0(1), T0SZ(63), 0, 0, true}, /* VAX, 64K only */
		{IDR0, IDR3, IDR5 | 0x400, T0SZ(11) | TG0(1), T0SZ(63), 0, 0, false},
		{IDR0, IDR3, IDR5 | 0x400, T0SZ(15), T0SZ(63), 0, 0, false},
		{IDR0, IDR3, IDR5, T0SZ(15) | TG0(1), T0SZ(63), 0, 0, false},
		/* TTB0 against min(IPS, OAS), and 48 bits without the 64K granule */
		{IDR0, IDR3, IDR5, 0, 0, UINT64_C(0xfffffffff000), 0, true},
		{IDR0, IDR3, IDR5, 0, 0, UINT64_C(1) << 48, 0, false},
		{IDR0, IDR3, IDR5, IPS(2), IPS(7), UINT64_C(1) << 39, 0, true},
		{IDR0, IDR3, IDR5, IPS(2), IPS(7), UINT64_C(1) << 40, 0, false},
		{IDR0, IDR3, IDR5, IPS(2) | CD_EPD0, IPS(7), UINT64_C(1) << 40, 0, true},
		{IDR0, IDR3, 0x72, 0, 0, UINT64_C(1) << 40, 0, false},
		{IDR0, IDR3, 0x76, IPS(7), 0, UINT64_C(1) << 48, 0, false},
		{IDR0, IDR3, 0x76, IPS(7) | TG0(1), 0, UINT64_C(1) << 48, 0, true},
		{IDR0, IDR3, 0x76, IPS(5) | TG0(1), 0, UINT64_C(1) << 48, 0, false},
	};
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct synth_cdt cdt;
	struct soft_cd cd;
	uint64_t words[8], ste[8];

	assert_int_equal(synth_cdt_init(&cdt, &env->guest, 0, 0), 0);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		synth_cd(words, NULL, NULL, 5, 48);
		words[0] = (words[0] & ~CD_EPD0) | T0SZ(25);
		words[0] = (words[0] & ~rows[i].clear) | rows[i].set;
		words[1] = rows[i].ttb0;
		assert_int_equal(synth_cdt_set(&cdt, 0, words), 0);
		synth_ste_s1(ste, &cdt, 0, 0);
		ste[1] |= rows[i].ste1;
		smmuv3_features_init(&env->f, rows[i].idr0, IDR1, rows[i].idr3, rows[i].idr5, 0);
		if (fetch(env, ste, false, 0, &cd, &fault) != (rows[i].legal ? 0 : -EFAULT))
			fail_msg("row %u: %s", i, rows[i].legal ? "refused" : "accepted");
		if (!rows[i].legal)
			assert_fault(&fault, 0x0a, 0, 0, 0, 0);
	}
}

static void haft_needs_ha(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct synth_cdt cdt;
	struct soft_cd cd;
	uint64_t words[8], ste[8];

	smmuv3_features_init(&env->f, HTTU(3), IDR1, IDR3, IDR5, 0);
	assert_int_equal(synth_cdt_init(&cdt, &env->guest, 0, 0), 0);
	synth_ste_s1(ste, &cdt, 0, 0);
	synth_cd(words, NULL, NULL, 5, 48);
	words[1] = 8;
	assert_int_equal(synth_cdt_set(&cdt, 0, words), 0);
	assert_int_equal(fetch(env, ste, false, 0, &cd, &fault), -EFAULT);
	assert_fault(&fault, 0x0a, 0, 0, 0, 0);
	words[0] |= CD_HA;
	assert_int_equal(synth_cdt_set(&cdt, 0, words), 0);
	assert_int_equal(fetch(env, ste, false, 0, &cd, &fault), 0);
}

/* Every field arrives where it belongs. Word 0 is written bit by bit from the architecture's layout. */
static void decoded_fields(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct synth_cdt cdt;
	struct soft_cd cd;
	uint64_t ste[8], words[8] = {0};

	words[0] = T0SZ(20) | TG0(2) | T1SZ(30) | TG1(3) | CD_V | IPS(4) | CD_AA64 | CD_A | ASID(0xabcd);
	words[1] = UINT64_C(0x012345678000);
	words[2] = UINT64_C(0x0abcdef01230);
	assert_int_equal(synth_cdt_init(&cdt, &env->guest, 0, 0), 0);
	synth_ste_s1(ste, &cdt, 0, 0);
	assert_int_equal(synth_cdt_set(&cdt, 0, words), 0);
	assert_int_equal(fetch(env, ste, false, 0, &cd, &fault), 0);
	assert_int_equal(cd.asid, 0xabcd);
	assert_int_equal(cd.oa_bits, 44);
	assert_int_equal(cd.tt[0].granule, 14);
	assert_int_equal(cd.tt[0].ia_bits, 44);
	assert_int_equal(cd.tt[0].start, 1);
	assert_int_equal(cd.tt[0].ttb, 0x012345678000); /* 256 descriptors: 2 KiB */
	assert_int_equal(cd.tt[1].granule, 16);
	assert_int_equal(cd.tt[1].ia_bits, 34);
	assert_int_equal(cd.tt[1].start, 2);
	assert_int_equal(cd.tt[1].ttb, 0x0abcdef01200); /* 32 descriptors: 256 bytes */
	assert_false(cd.affd || cd.wxn || cd.uwxn || cd.pan || cd.aset || cd.record || cd.tt[0].tbi || cd.tt[1].tbi);
	assert_true(cd.abort);

	/* One bit of word 0 at a time. */
	for (unsigned int bit = 35; bit <= 47; bit++) {
		uint64_t word = words[0];

		if (bit >= 41 && bit <= 44) /* AA64, HD, HA, S */
			continue;
		synth_store(&env->guest, cdt.base, word ^ UINT64_C(1) << bit);
		if (bit == 46) /* A must be 1 with TERM_MODEL */
			continue;
		assert_int_equal(fetch(env, ste, false, 0, &cd, &fault), 0);
		assert_int_equal(cd.affd, bit == 35);
		assert_int_equal(cd.wxn, bit == 36);
		assert_int_equal(cd.uwxn, bit == 37);
		assert_int_equal(cd.tt[0].tbi, bit == 38);
		assert_int_equal(cd.tt[1].tbi, bit == 39);
		assert_int_equal(cd.pan, bit == 40);
		assert_int_equal(cd.record, bit == 45);
		assert_int_equal(cd.aset, bit == 47);
	}
	synth_store(&env->guest, cdt.base, words[0]);
	synth_store(&env->guest, cdt.base + 8, words[1] | 2); /* HAD0 */
	assert_int_equal(fetch(env, ste, false, 0, &cd, &fault), 0);
	assert_true(cd.tt[0].had && !cd.tt[1].had);
	synth_store(&env->guest, cdt.base + 8, words[1]);
	synth_store(&env->guest, cdt.base + 16, words[2] | 2); /* HAD1 */
	assert_int_equal(fetch(env, ste, false, 0, &cd, &fault), 0);
	assert_true(!cd.tt[0].had && cd.tt[1].had);
	smmuv3_features_init(&env->f, IDR0, IDR1, IDR3 & ~4u, IDR5, 0);
	assert_int_equal(fetch(env, ste, false, 0, &cd, &fault), 0);
	assert_false(cd.tt[1].had); /* RES0 without IDR3.HAD */
}

static void output_sizes(void **state)
{
	static const unsigned int bits[] = {32, 36, 40, 42, 44, 48, 52, 52};
	struct smmuv3_features f;

	for (unsigned int code = 0; code < 8; code++) {
		smmuv3_features_init(&f, IDR0, IDR1, IDR3, 0x70 | code, 0);
		assert_int_equal(f.oas, bits[code]);
		assert_int_equal(f.ssid_bits, 20);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, walk_setup, walk_teardown)
	const struct CMUnitTest tests[] = {
		CASE(illegal_stes),
		CASE(tables_of_every_format_and_size),
		CASE(s1dss_speaks_for_accesses_without_a_substream),
		CASE(one_cd_takes_no_substreams),
		CASE(first_level_descriptors),
		CASE(stage2_faults_of_a_cd_fetch),
		CASE(a_cd_is_read_once),
		CASE(illegal_cds),
		CASE(haft_needs_ha),
		CASE(decoded_fields),
		CASE(output_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
