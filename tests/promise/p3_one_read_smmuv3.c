/* SPDX-License-Identifier: MIT */
/*
 * P3, one read: each byte of the queue is read at most once per consumption, so what was checked is what is used. Shown
 * with memory that answers differently at every read, and with a thread that rewrites the ring while it is consumed.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "support/vsmmu.h"

#define QUEUE   UINT64_C(0x10000000)
#define LOG2    8
#define ENTRIES 256u

/* Memory behind callbacks: counts reads, and may change its mind. */
struct fickle {
	uint64_t words[ENTRIES][2];
	uint32_t reads[ENTRIES * 16];
	uint64_t seed;
	bool changing;
};

static const uint8_t ops[] = {1, 2, 3, 4, 5, 6, 0x10, 0x11, 0x12, 0x13, 0x30, 0x40, 0x46, 0x00, 0x28};

static void random_command(uint64_t *seed, uint64_t cmd[2])
{
	cmd[0] = ops[test_below(seed, sizeof(ops))] | (test_random(seed) & ~UINT64_C(0xfff) & test_random(seed));
	cmd[1] = test_random(seed) & ~UINT64_C(0xfff);
	if ((cmd[0] & 0xff) == 0x46)
		cmd[0] &= ~(UINT64_C(3) << 12); /* no MSI */
	if (test_below(seed, 3)) {
		cmd[0] &= UINT64_C(0xffff0000000000ff); /* mostly legal */
		cmd[1] &= ~UINT64_C(0xfff);
		if (cmd[0] != 0x12 && (cmd[0] & 0xff) != 0x13 && (cmd[0] & 0xff) != 0x40)
			cmd[1] = 0;
	}
}

static int fickle_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct fickle *f = opaque;
	uint8_t *out = buf;

	for (size_t i = 0; i < len; i++, gpa++) {
		uint64_t at = gpa - QUEUE;

		if (at >= ENTRIES * 16)
			return -1;
		/* A fresh command each time that its first byte is asked for. */
		if (f->changing && !(at % 16))
			random_command(&f->seed, f->words[at / 16]);
		f->reads[at]++;
		out[i] = (uint8_t)(f->words[at / 16][at / 8 % 2] >> (8 * (at % 8)));
	}
	return 0;
}

static struct vsmmu *fickle_new(struct fickle *f, struct viq_mem **mem, uint32_t budget)
{
	static const struct viq_mem_ops mem_ops = {.size = sizeof(mem_ops), .read = fickle_read};
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	memset(f, 0, sizeof(*f));
	assert_int_equal(viq_mem_create(NULL, 0, &mem_ops, f, mem, NULL), 0);
	vsmmu_config(&config);
	config.mem = *mem;
	config.budget = budget ? budget : VIQ_WORK_UNLIMITED;
	v = vsmmu_new(&config);
	v->lax = v->quiet = true;
	vsmmu_boot_at(v, LOG2, QUEUE, 0);
	return v;
}

static void each_byte_is_read_once(void **state)
{
	static struct fickle f;
	struct viq_mem *mem;
	struct vsmmu *v = fickle_new(&f, &mem, 0);

	for (uint32_t i = 0; i < ENTRIES; i++) {
		struct test_cmd cmd = i % 7 ? cmd_host_type(i % TEST_HOST_TYPES, i) : cmd_sync(0);

		memcpy(f.words[i], cmd.dw, 16);
	}
	vsmmu_w32(v, REG(CMDQ_PROD), ENTRIES);
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)), ENTRIES);
	for (uint32_t i = 0; i < ENTRIES * 16; i++)
		assert_int_equal(f.reads[i], 1);
	/* An empty doorbell reads nothing. */
	vsmmu_w32(v, REG(CMDQ_PROD), ENTRIES);
	for (uint32_t i = 0; i < ENTRIES * 16; i++)
		assert_int_equal(f.reads[i], 1);
	vsmmu_free(v);
	viq_mem_destroy(mem);
}

/* Beyond PROD nothing is read: the guest has not written it yet. */
static void nothing_beyond_prod_is_read(void **state)
{
	for (uint32_t prod = 1; prod < ENTRIES; prod += 17) {
		static struct fickle f;
		struct viq_mem *mem;
		struct vsmmu *v = fickle_new(&f, &mem, 0);

		for (uint32_t i = 0; i < ENTRIES; i++)
			f.words[i][0] = 0x30;
		vsmmu_w32(v, REG(CMDQ_PROD), prod);
		for (uint32_t i = 0; i < ENTRIES * 16; i++)
			assert_int_equal(f.reads[i], i < prod * 16);
		vsmmu_free(v);
		viq_mem_destroy(mem);
	}
}

/* A command that stopped the queue is read again, once, after it was acknowledged. */
static void an_error_drops_every_copy(void **state)
{
	static struct fickle f;
	struct viq_mem *mem;
	struct vsmmu *v = fickle_new(&f, &mem, 0);

	for (uint32_t i = 0; i < 32; i++)
		f.words[i][0] = i == 10 ? 0xff : 0x11 | (uint64_t)i << 48;
	vsmmu_w32(v, REG(CMDQ_PROD), 32);
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)), 0x0100000a);
	/* The guest repairs it, and changes one behind it that may have been fetched already. */
	f.words[10][0] = 0x30;
	f.words[11][0] = 0x11 | UINT64_C(0x1234) << 48;
	vsmmu_w32(v, REG(GERRORN), 1);
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)) & 0xfffff, 32);
	assert_int_equal(v->host.effect_count, 32);
	assert_int_equal(v->host.effects[11].cmd[0], 0x11 | UINT64_C(0x1234) << 48);
	for (uint32_t i = 0; i < 10 * 16; i++)
		assert_int_equal(f.reads[i], 1);
	vsmmu_free(v);
	viq_mem_destroy(mem);
}

/* Disabling drops them too: software may rewrite entries between CONS and PROD then. */
static void disabling_drops_every_copy(void **state)
{
	static struct fickle f;
	struct viq_mem *mem;
	struct vsmmu *v = fickle_new(&f, &mem, 4);
	uint32_t cr0 = vsmmu_r32(v, REG(CR0));

	for (uint32_t i = 0; i < 32; i++)
		f.words[i][0] = 0x11 | (uint64_t)i << 48;
	vsmmu_w32(v, REG(CMDQ_PROD), 32);
	vsmmu_w32(v, REG(CR0), cr0 & ~(uint32_t)REG(CR0_CMDQEN));
	for (uint32_t i = 4; i < 32; i++)
		f.words[i][0] = 0x11 | (uint64_t)(100 + i) << 48;
	vsmmu_w32(v, REG(CR0), cr0);
	while (viq_smmuv3_run(v->smmu, 0))
		;
	assert_int_equal(v->host.effect_count, 32);
	for (uint32_t i = 4; i < 32; i++)
		assert_int_equal(v->host.effects[i].cmd[0] >> 48, 100 + i);
	vsmmu_free(v);
	viq_mem_destroy(mem);
}

/* What reached the host is legal, sanitised, and goes there at all. Returns how much it was. */
static size_t assert_effects_legal(struct vsmmu *v)
{
	size_t count = v->host.effect_count;

	for (size_t i = 0; i < count; i++) {
		const uint64_t *cmd = v->host.effects[i].cmd;
		uint64_t out[2];

		if (refcmd_check(cmd, &v->config) ||
		    !refcmd_to_host(cmd, &v->config, true, VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS, out) ||
		    out[0] != cmd[0] || out[1] != cmd[1])
			fail_msg("%#llx %#llx reached the host", (unsigned long long)cmd[0],
				 (unsigned long long)cmd[1]);
	}
	vsmmu_forget(v);
	return count;
}

static void acknowledge(struct vsmmu *v)
{
	vsmmu_w32(v, REG(GERRORN), vsmmu_r32(v, REG(GERROR)));
}

static void memory_that_changes_at_every_read(void **state)
{
	uint64_t seed = test_seed();
	size_t effects = 0;

	for (unsigned int round = 0; round < 40; round++) {
		static struct fickle f;
		struct viq_mem *mem;
		struct vsmmu *v = fickle_new(&f, &mem, test_below(&seed, 2) ? 0 : 1 + test_below(&seed, 40));

		f.changing = true;
		f.seed = test_random(&seed);
		for (unsigned int step = 0; step < 300; step++) {
			uint32_t cons = vsmmu_r32(v, REG(CMDQ_CONS)) & 0x1ff;

			vsmmu_w32(v, REG(CMDQ_PROD), (cons + test_below(&seed, ENTRIES + 1)) & 0x1ff);
			if (test_below(&seed, 2))
				viq_smmuv3_run(v->smmu, test_below(&seed, 64));
			acknowledge(v);
		}
		effects += assert_effects_legal(v);
		vsmmu_free(v);
		viq_mem_destroy(mem);
	}
	print_message("%zu commands took effect\n", effects);
	assert_true(effects > 1000);
}

/* --- A second vCPU ------------------------------------------------------------------------------------------------ */

struct writer {
	uint64_t *ring; /* in the guest's RAM */
	atomic_bool stop;
	uint64_t seed;
};

static void *rewrite(void *opaque)
{
	struct writer *w = opaque;

	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		uint32_t slot = test_below(&w->seed, ENTRIES);
		uint64_t cmd[2];

		random_command(&w->seed, cmd);
		__atomic_store_n(&w->ring[2 * slot], cmd[0], __ATOMIC_RELAXED);
		__atomic_store_n(&w->ring[2 * slot + 1], cmd[1], __ATOMIC_RELAXED);
	}
	return NULL;
}

/* As drivers do: a CMD_SYNC in the place of the command that stopped the queue. */
static void repair(struct vsmmu *v, uint64_t *ring)
{
	uint32_t slot = vsmmu_r32(v, REG(CMDQ_CONS)) & (ENTRIES - 1);

	if (vsmmu_r32(v, REG(GERROR)) == vsmmu_r32(v, REG(GERRORN)))
		return;
	__atomic_store_n(&ring[2 * slot], cmd_sync(0).dw[0], __ATOMIC_RELAXED);
	__atomic_store_n(&ring[2 * slot + 1], 0, __ATOMIC_RELAXED);
	acknowledge(v);
}

static void ring_rewritten_by_another_thread(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	struct writer w = {.ring = vsmmu_ram(v, VSMMU_CMDQ), .seed = test_seed()};
	uint64_t seed = w.seed + 1;
	size_t effects = 0;
	pthread_t thread;

	v->lax = v->quiet = true;
	vsmmu_boot(v, LOG2);
	assert_int_equal(pthread_create(&thread, NULL, rewrite, &w), 0);
	/* Until enough has taken effect; a test that never gets there is stopped from outside. */
	for (unsigned int step = 0; step < 20000 || effects < 5000; step++) {
		uint32_t cons = vsmmu_r32(v, REG(CMDQ_CONS)) & 0x1ff;

		vsmmu_w32(v, REG(CMDQ_PROD), (cons + test_below(&seed, ENTRIES + 1)) & 0x1ff);
		repair(v, w.ring);
		if (v->host.effect_count > 1000)
			effects += assert_effects_legal(v);
	}
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	effects += assert_effects_legal(v);
	print_message("%zu commands took effect\n", effects);
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_byte_is_read_once),
		cmocka_unit_test(nothing_beyond_prod_is_read),
		cmocka_unit_test(an_error_drops_every_copy),
		cmocka_unit_test(disabling_drops_every_copy),
		cmocka_unit_test(memory_that_changes_at_every_read),
		cmocka_unit_test(ring_rewritten_by_another_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
