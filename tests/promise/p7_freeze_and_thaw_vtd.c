/* SPDX-License-Identifier: MIT */
/* P7: saved at any moment and restored elsewhere, a guest sees no difference and no invalidation is lost. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/vvtd.h"

#define STEPS 400

/* Every register that can be read. */
static void snapshot(struct vvtd *v, uint32_t regs[1024])
{
	for (unsigned int i = 0; i < 1024; i++)
		regs[i] = vvtd_r32(v, 4 * i);
}

static void assert_same_regs(struct vvtd *v, const uint32_t before[1024])
{
	uint32_t after[1024];

	snapshot(v, after);
	for (unsigned int i = 0; i < 1024; i++) {
		if (before[i] != after[i])
			fail_msg("register 0x%x: 0x%x became 0x%x", 4 * i, before[i], after[i]);
	}
}

/* One step of a guest's life, by number; the same numbers are the same life. */
static void step(struct vvtd *v, uint64_t *seed)
{
	struct vvtd_host *host = v->hosts[vvtd_below(seed, v->host_count)];
	uint16_t did = vvtd_below(seed, 4);
	uint64_t page = vvtd_below(seed, 64);

	switch (vvtd_below(seed, 16)) {
	case 0:
		viq_vtd_fault(v->vtd, (const uint64_t[2]){page << 12, did});
		break;
	case 1:
		vvtd_w32(v, VREG(FSTS), 0xffffffff);
		v->ite_time = ++v->time;
		break;
	case 2:
		vvtd_w32(v, 0x220 + 16 * vvtd_below(seed, 8) + 12, 0x80000000);
		break;
	case 3:
		vvtd_w32(v, VREG(FECTL), vvtd_below(seed, 2) << 31);
		vvtd_w32(v, VREG(IECTL), vvtd_below(seed, 2) << 31);
		break;
	case 4:
		vvtd_w32(v, VREG(FEDATA), page);
		vvtd_w32(v, VREG(FEADDR), 0xfee00000 | page << 12);
		vvtd_w32(v, VREG(IEUADDR), page);
		vvtd_w32(v, VREG(ICS), 1);
		break;
	case 5:
		vvtd_host_fail(host, entry_page(page, true), VIQ_CALL_FAILED, 1);
		break;
	case 6:
		v->devtlb_result = vvtd_below(seed, 3) ? -ETIMEDOUT : -EIO;
		v->devtlb_times = 1;
		break;
	case 7:
		vvtd_w64(v, VREG(RTADDR), page << 12 | 0x400);
		vvtd_gcmd(v, VREG(GCMD_SRTP), true);
		vvtd_gcmd(v, VREG(GCMD_TE), vvtd_below(seed, 2));
		break;
	case 8:
		vvtd_w64(v, VREG(IRTA), page << 12 | did);
		vvtd_gcmd(v, VREG(GCMD_SIRTP), true);
		vvtd_gcmd(v, VREG(GCMD_IRE), vvtd_below(seed, 2));
		break;
	case 9:
		viq_vtd_run(v->vtd, 1 + vvtd_below(seed, 4));
		break;
	default:
		if (v->prod - v->seen > v->slots - 8)
			break;
		vvtd_push(v, desc_page(did, 0, page));
		if (page < 8)
			vvtd_push(v, desc_devtlb(page, page << 12, false));
		vvtd_push(v, desc_wait(false, true, false, 0, 0));
		vvtd_push_wait(v);
		vvtd_w32(v, VREG(IQT), vvtd_offset(v, v->prod));
		break;
	}
	vvtd_observe(v);
}

static struct vvtd *new_guest(void)
{
	struct vvtd *v = vvtd_budget(2);

	for (unsigned int i = 0; i < 6; i++)
		vvtd_attach(v, vvtd_host_new(v), i % 3, 0, i, i % 2 ? VIQ_VTD_TABLE_RID | VIQ_VTD_DEVTLB_IMPLIED : 0);
	vvtd_boot(v, 256, 2);
	return v;
}

/* Two guests live the same life, one is moved after every step: they see the same all along, and P1 holds in both. */
static void test_moved_at_every_step(void **state)
{
	uint64_t base = vvtd_seed();

	for (unsigned int life = 0; life < 40; life++) {
		uint64_t seed = base + life * 1000003, other = seed;
		struct vvtd *stays = new_guest(), *moves = new_guest();

		for (unsigned int i = 0; i < STEPS; i++) {
			uint32_t regs[1024];

			step(stays, &seed);
			step(moves, &other);
			snapshot(moves, regs);
			vvtd_migrate(moves);
			assert_same_regs(moves, regs);
			if (viq_vtd_waits_for_host(stays->vtd))
				viq_vtd_run(stays->vtd, 0), viq_vtd_run(moves->vtd, 0);
			snapshot(moves, regs);
			assert_same_regs(stays, regs);
			assert_memory_equal(stays->ram + VVTD_STATUS, moves->ram + VVTD_STATUS, 4 * stays->slots);
			for (unsigned int h = 0; h < 6; h++)
				assert_int_equal(stays->hosts[h]->effect_count, moves->hosts[h]->effect_count);
			assert_int_equal(vvtd_log_number(stays, VLOG_MSI), vvtd_log_number(moves, VLOG_MSI));
		}
		assert_true(stays->prod > 100);
		vvtd_free(stays);
		vvtd_free(moves);
	}
}

/* What the new object asks for: everything anew, and time if work is left. */
static void test_restore_calls(void **state)
{
	struct vvtd *v = new_guest();
	size_t at;

	for (unsigned int i = 0; i < 10; i++)
		vvtd_push(v, desc_page(0, 0, i));
	vvtd_ring(v);
	vvtd_forget(v);
	vvtd_migrate(v);
	at = vvtd_log_find(v, 0, VLOG_RECONFIG);
	assert_int_equal(v->log[at].reconfig.cause, VIQ_VTD_RESTORED);
	assert_int_equal(v->log[at].reconfig.scope, VIQ_VTD_SCOPE_ALL);
	assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_REMAP)].a, VIQ_VTD_REMAP_RESTORED);
	assert_int_equal(vvtd_log_number(v, VLOG_KICK), 1);
	assert_true(vvtd_drain(v, 20));
	vvtd_forget(v);
	vvtd_migrate(v);
	assert_int_equal(vvtd_log_number(v, VLOG_KICK), 0);
	vvtd_free(v);
}

/* --- States that cannot be --------------------------------------------------------------------------------------- */

static void fix_hash(uint8_t *buf, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 24; i < len; i++)
		hash = (hash ^ buf[i]) * UINT64_C(0x100000001b3);
	hash = htole64(hash);
	memcpy(buf + 16, &hash, sizeof(hash));
}

static uint8_t *save(struct vvtd *v, size_t *len)
{
	uint8_t *buf;

	*len = viq_vtd_save_size(v->vtd);
	buf = malloc(*len);
	assert_non_null(buf);
	assert_int_equal(viq_vtd_save(v->vtd, buf, len), 0);
	return buf;
}

static void test_damage(void **state)
{
	struct vvtd *v = new_guest();
	uint32_t regs[1024];
	uint8_t *buf, *copy;
	size_t len, small;

	viq_vtd_fault(v->vtd, (const uint64_t[2]){0x1000, 5});
	vvtd_submit(v, desc_page(1, 0, 1));
	snapshot(v, regs);
	buf = save(v, &len);
	copy = malloc(len + 1);
	assert_non_null(copy);
	v->log_count = 0;
	for (size_t i = 0; i < 8 * len; i++) {
		memcpy(copy, buf, len);
		copy[i / 8] ^= 1u << i % 8;
		assert_int_equal(viq_vtd_restore(v->vtd, copy, len),
				 i >= 64 && i < 96 && copy[8] != 0 ? -ENOTSUP : -EINVAL);
	}
	memcpy(copy, buf, len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(viq_vtd_restore(v->vtd, copy, i), -EINVAL);
	assert_int_equal(viq_vtd_restore(v->vtd, copy, len + 1), -EINVAL);
	assert_int_equal(viq_vtd_restore(v->vtd, NULL, len), -EINVAL);
	assert_int_equal(viq_vtd_restore(NULL, buf, len), -EINVAL);
	small = len - 1;
	assert_int_equal(viq_vtd_save(v->vtd, copy, &small), -ENOSPC);
	assert_int_equal(viq_vtd_save(NULL, copy, &len), -EINVAL);
	assert_int_equal(viq_vtd_save(v->vtd, NULL, &len), -EINVAL);
	assert_int_equal(viq_vtd_save(v->vtd, copy, NULL), -EINVAL);
	assert_int_equal(viq_vtd_save_size(NULL), 0);
	assert_int_equal(v->log_count, 0);
	assert_same_regs(v, regs);
	free(buf);
	free(copy);
	vvtd_free(v);
}

/* With the hash made right again: refused, or a state in which the object behaves. */
static void test_forged(void **state)
{
	struct vvtd *v = new_guest();
	unsigned int refused = 0;
	uint8_t *buf, *copy;
	size_t len;

	viq_vtd_fault(v->vtd, (const uint64_t[2]){0x1000, 5});
	vvtd_submit(v, desc_page(1, 0, 1));
	buf = save(v, &len);
	copy = malloc(len);
	assert_non_null(copy);
	v->lax = true;
	for (size_t i = 8 * 24; i < 8 * len; i++) {
		memcpy(copy, buf, len);
		copy[i / 8] ^= 1u << i % 8;
		fix_hash(copy, len);
		if (viq_vtd_restore(v->vtd, copy, len)) {
			refused++;
			continue;
		}
		v->log_count = 0;
		viq_vtd_run(v->vtd, 0);
		for (uint64_t offset = 0; offset < 0x1000; offset += 4)
			vvtd_r32(v, offset);
		assert_true(vvtd_r64(v, VREG(IQH)) < 16384);
		viq_vtd_fault(v->vtd, (const uint64_t[2]){0x1000, 5});
		vvtd_w32(v, VREG(FSTS), 0x71);
		vvtd_w32(v, VREG(IQT), 0x40);
	}
	/* VER, CAP and ECAP alone are 160 bits. */
	assert_true(refused > 400);
	free(buf);
	free(copy);
	vvtd_free(v);
}

/* With the length and the hash made right for less than all of it: nothing behind the end is read. */
static void test_states_cut_short(void **state)
{
	struct vvtd *v = new_guest(), *other = new_guest();
	size_t len;
	uint8_t *all = save(v, &len);

	for (size_t cut = 24; cut <= len; cut++) {
		uint8_t *copy = malloc(len);

		assert_non_null(copy);
		memcpy(copy, all, len);
		copy[12] = (uint8_t)cut;
		copy[13] = (uint8_t)(cut >> 8);
		fix_hash(copy, cut);
		assert_int_equal(viq_vtd_restore(other->vtd, copy, cut), cut == len ? 0 : -EINVAL);
		free(copy);
	}
	free(all);
	vvtd_free(v);
	vvtd_free(other);
}

/* A number in one field, by its place in the format: only what the object could have come to. */
static void test_impossible_states(void **state)
{
	/* Fields of format version 2, in order. Those behind the fault records are of ECAP.PRS, which is not there. */
	static const struct {
		const char *name;
		unsigned int size;
		uint64_t bad;
	} fields[] = {
		{"version", 4, 1},
		{"cap", 8, 1},
		{"ecap", 8, 1},
		{"gsts", 4, 1},
		{"rtaddr", 8, 1},
		{"rtaddr_used", 8, 1},
		{"irta", 8, 0x10},
		{"irta_used", 8, 0x10},
		{"ccmd", 8, 1ull << 63},
		{"iva", 8, 0x80},
		{"iotlb", 8, 1ull << 63},
		{"fsts", 4, 2},
		{"ics", 4, 2},
		{"fectl", 4, 1},
		{"fedata", 4, 0x10000},
		{"feaddr", 4, 1},
		{"feuaddr", 4, 0},
		{"iectl", 4, 1},
		{"iedata", 4, 0x10000},
		{"ieaddr", 4, 1},
		{"ieuaddr", 4, 0},
		{"iqa", 8, 8},
		{"iqa_used", 8, 8},
		{"iqh", 8, 0x10},
		{"iqt", 8, 8},
		{"iqercd", 8, 0x10},
		{"fault_next", 4, 8},
		{"timed_out", 4, 2},
		{"timeout_sid", 4, 0x10000},
		{"frcd lo", 8, 1},
		{"frcd hi", 8, 1 << 16},
		{"more frcd", 7 * 16, 0},
		{"pqh", 8, 0x20},
		{"pqt", 8, 0x20},
		{"pqa", 8, 0x1000},
		{"prs", 4, 1},
		{"pectl", 4, 1ull << 31},
		{"pedata", 4, 1},
		{"peaddr", 4, 4},
		{"peuaddr", 4, 1},
	};
	struct vvtd *v = new_guest();
	size_t len, at = 24;
	uint8_t *buf = save(v, &len), *copy = malloc(len);

	assert_non_null(copy);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++, at += fields[i - 1].size) {
		uint64_t bad = htole64(fields[i].bad);

		memcpy(copy, buf, len);
		memcpy(copy + at, &bad, fields[i].size > sizeof(bad) ? sizeof(bad) : fields[i].size);
		fix_hash(copy, len);
		if (viq_vtd_restore(v->vtd, copy, len) != (fields[i].bad ? -EINVAL : 0))
			fail_msg("%s = 0x%llx", fields[i].name, (unsigned long long)fields[i].bad);
	}
	assert_int_equal(at, len);
	/* IQH beyond the queue. */
	memcpy(copy, buf, len);
	copy[24 + 20 + 4 + 32 + 24 + 8 + 32 + 16 + 1] = 0x40;
	fix_hash(copy, len);
	assert_int_equal(viq_vtd_restore(v->vtd, copy, len), -EINVAL);
	/* A queue that is on, and is not where IQA says. */
	memcpy(copy, buf, len);
	copy[24 + 20 + 4 + 32 + 24 + 8 + 32] ^= 1;
	fix_hash(copy, len);
	assert_int_equal(viq_vtd_restore(v->vtd, copy, len), -EINVAL);
	/* Another object's capabilities. */
	v->config.cap ^= VREG(CAP_ZLR);
	viq_vtd_destroy(v->vtd);
	assert_int_equal(viq_vtd_create(&v->config, &v->vtd, NULL), 0);
	assert_int_equal(viq_vtd_restore(v->vtd, buf, len), -EINVAL);
	free(buf);
	free(copy);
	vvtd_free(v);
}

/* A guest without interrupt remapping, or with version 6, which has no invalidation by registers: fields that it lacks.
 */
static void test_states_of_a_guest_that_has_less(void **state)
{
	enum {
		NO_IR,
		NO_EIM,
		VERSION_6
	};
	static const struct {
		unsigned int guest;
		size_t at; /* in format version 1 (docs/save-format.md) */
		uint8_t byte;
		int expected;
	} cases[] = {
		{NO_EIM, 44 + 3, 0x02, 0},                                       /* GSTS.IRES */
		{NO_IR, 44 + 3, 0x02, -EINVAL},  {NO_IR, 44 + 3, 0x01, -EINVAL}, /* IRTPS */
		{NO_IR, 44 + 2, 0x80, -EINVAL},                                  /* CFIS */
		{NO_EIM, 64, 0x05, 0},                                           /* IRTA.S */
		{NO_EIM, 64 + 1, 0x08, -EINVAL}, {NO_IR, 64, 0x05, -EINVAL},
		{NO_EIM, 72 + 1, 0x08, -EINVAL},                    /* used */
		{NO_IR, 72 + 1, 0x10, -EINVAL},  {NO_IR, 80, 1, 0}, /* CCMD, IVA, IOTLB */
		{VERSION_6, 80, 1, -EINVAL},     {NO_IR, 88, 0x41, 0},
		{VERSION_6, 88, 0x41, -EINVAL},  {NO_IR, 96 + 4, 7, 0},
		{VERSION_6, 96 + 4, 7, -EINVAL}, {NO_EIM, 124, 1, -EINVAL}, /* FEUADDR */
		{NO_EIM, 140, 1, -EINVAL},                                  /* IEUADDR */
	};
	struct vvtd *guests[3];

	for (unsigned int i = 0; i < 3; i++) {
		struct viq_vtd_config config;

		vvtd_config(&config);
		if (i != VERSION_6)
			config.ecap &= ~(VREG(ECAP_EIM) | (i == NO_IR ? VREG(ECAP_IR) | VREG(ECAP_MHMV) : 0));
		else
			config.version = 0x60;
		guests[i] = vvtd_new(&config);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vvtd *v = guests[cases[i].guest];
		size_t len;
		uint8_t *buf = save(v, &len);
		int ret;

		buf[cases[i].at] ^= cases[i].byte;
		fix_hash(buf, len);
		ret = viq_vtd_restore(v->vtd, buf, len);
		if (ret != cases[i].expected)
			fail_msg("case %zu: %d", i, ret);
		viq_vtd_reset(v->vtd);
		free(buf);
	}
	for (unsigned int i = 0; i < 3; i++)
		vvtd_free(guests[i]);
}

/*
 * Every error at once, which only a saved state can bring: one write clears all of them, and what IQERCD says.
 */
static void test_every_error_at_once(void **state)
{
	const size_t fsts_at = 24 + 20 + 4 + 32 + 24, iqercd_at = fsts_at + 8 + 32 + 32, iva_at = 24 + 20 + 4 + 32 + 8;
	const uint32_t fsts = htole32(VREG(FSTS_IQE) | VREG(FSTS_ICE) | VREG(FSTS_ITE));
	const uint64_t iqercd = UINT64_C(0x0123045600000007);
	struct vvtd *v = new_guest();
	size_t len;
	uint8_t *buf = save(v, &len);
	uint64_t le = htole64(iqercd), iva;

	/* And what cannot be read back: IVA. */
	vvtd_w64(v, 0xf0, UINT64_C(0xfedcba9876543052));
	free(buf);
	buf = save(v, &len);
	memcpy(&iva, buf + iva_at, sizeof(iva));
	assert_true(le64toh(iva) == UINT64_C(0xfedcba9876543052));
	for (unsigned int some = 0; some < 8; some++) {
		uint32_t clear = (some & 1 ? VREG(FSTS_IQE) : 0) | (some & 2 ? VREG(FSTS_ICE) : 0) |
				 (some & 4 ? VREG(FSTS_ITE) : 0);
		uint64_t left = (some & 1 ? 0 : iqercd & 0xf) | (some & 2 ? 0 : iqercd & UINT64_C(0xffff) << 48) |
				(some & 4 ? 0 : iqercd & UINT64_C(0xffff) << 32);

		memcpy(buf + fsts_at, &fsts, sizeof(fsts));
		memcpy(buf + iqercd_at, &le, sizeof(le));
		fix_hash(buf, len);
		assert_int_equal(viq_vtd_restore(v->vtd, buf, len), 0);
		assert_true(vvtd_r64(v, VREG(IQERCD)) == iqercd);
		vvtd_w32(v, VREG(FSTS), clear);
		assert_int_equal(vvtd_r32(v, VREG(FSTS)), le32toh(fsts) & ~clear);
		assert_true(vvtd_r64(v, VREG(IQERCD)) == left);
	}
	free(buf);
	vvtd_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moved_at_every_step),
		cmocka_unit_test(test_restore_calls),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_states_cut_short),
		cmocka_unit_test(test_impossible_states),
		cmocka_unit_test(test_states_of_a_guest_that_has_less),
		cmocka_unit_test(test_every_error_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
