/* SPDX-License-Identifier: MIT */
/*
 * P4, bounded work: whatever index, size or address the guest names. Nonsense indices, every size, and queues in memory
 * that is not there, or only partly (7.1: CERROR_ABT).
 */
#include <stdlib.h>
#include <string.h>

#include "support/vsmmu.h"

/* PROD and CONS more than a queue apart: nothing is consumed until they are consistent (3.5.1). */
static void inconsistent_indices_are_not_consumed(void **state)
{
	for (unsigned int log2 = 0; log2 <= 5; log2++) {
		uint32_t size = 1u << log2;

		for (uint32_t cons = 0; cons < 2 * size; cons++) {
			struct vsmmu *v = vsmmu_new(NULL);

			v->lax = true;
			for (uint32_t i = 0; i < size; i++)
				vsmmu_poke64(v, VSMMU_CMDQ + i * 16, 0x30);
			vsmmu_boot_at(v, log2, VSMMU_CMDQ, cons);
			for (uint32_t prod = 0; prod < 2 * size; prod++) {
				uint32_t now = vsmmu_r32(v, REG(CMDQ_CONS));
				uint32_t fill = (prod - now) & (2 * size - 1);
				size_t before = v->host.effect_count;

				vsmmu_w32(v, REG(CMDQ_PROD), prod);
				assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)), fill <= size ? prod : now);
				assert_int_equal(v->host.effect_count - before, fill <= size ? fill : 0);
				assert_int_equal(vsmmu_r32(v, REG(GERROR)), 0);
			}
			vsmmu_free(v);
		}
	}
}

/* Consistent again by PROD, or by disabling and enabling: then it goes on. */
static void inconsistency_heals(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	uint32_t cr0;

	v->lax = true;
	for (uint32_t i = 0; i < 16; i++)
		vsmmu_poke64(v, VSMMU_CMDQ + i * 16, 0x30);
	vsmmu_boot(v, 4);
	cr0 = vsmmu_r32(v, REG(CR0));
	vsmmu_w32(v, REG(CMDQ_PROD), 0x19);
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)), 0);
	assert_false(viq_smmuv3_run(v->smmu, 0));
	vsmmu_w32(v, REG(CMDQ_PROD), 3);
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)), 3);
	vsmmu_w32(v, REG(CMDQ_PROD), 0x19);
	vsmmu_w32(v, REG(CR0), cr0 & ~(uint32_t)REG(CR0_CMDQEN));
	vsmmu_w32(v, REG(CMDQ_CONS), 0x17);
	vsmmu_w32(v, REG(CR0), cr0);
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)), 0x19);
	vsmmu_free(v);
}

/* LOG2SIZE 0..31: capped by IDR1.CMDQS, the register reads back as written. */
static void every_log2size(void **state)
{
	for (unsigned int cmdqs = 0; cmdqs <= 19; cmdqs += cmdqs ? 6 : 1) {
		for (unsigned int log2 = 0; log2 <= 31; log2++) {
			struct viq_smmuv3_config config;
			struct vsmmu *v;
			uint32_t size;

			vsmmu_config(&config);
			config.idr1 &= ~(uint32_t)REG(IDR1_CMDQS);
			config.idr1 |= VIQ_PUT(REG(IDR1_CMDQS), cmdqs);
			v = vsmmu_new(&config);
			v->quiet = true;
			vsmmu_boot_at(v, log2 < cmdqs ? log2 : cmdqs, VSMMU_CMDQ, 0);
			vsmmu_w32(v, REG(CR0), 0);
			vsmmu_w64(v, REG(CMDQ_BASE), VSMMU_CMDQ | log2);
			vsmmu_w32(v, REG(CR0), REG(CR0_CMDQEN));
			assert_int_equal(vsmmu_r64(v, REG(CMDQ_BASE)), VSMMU_CMDQ | log2);
			size = 1u << v->log2size;
			for (uint32_t i = 0; i < size && i < 2000; i++)
				vsmmu_push_test(v, cmd_nh_va(1, (uint64_t)i << 12));
			vsmmu_ring(v);
			assert_idle(v);
			assert_int_equal(v->host.effect_count, size < 2000 ? size : 2000);
			vsmmu_free(v);
		}
	}
}

/* The largest queue, full, in one doorbell; and again around the end. */
static void largest_queue(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);

	v->quiet = true;
	vsmmu_boot_at(v, 19, VSMMU_CMDQ, (1u << 20) - 5);
	for (uint32_t i = 0; i < 1u << 19; i++)
		vsmmu_push_test(v, i % 100 ? cmd_nh_va(1, (uint64_t)i << 12) : cmd_sync(0));
	vsmmu_ring(v);
	assert_idle(v);
	vsmmu_free(v);
}

/* No budget and nothing left: nobody is asked to come back. */
static void no_kick_without_need(void **state)
{
	struct vsmmu *v = vsmmu_start(VIQ_WORK_UNLIMITED, 6);

	for (uint32_t i = 0; i < 64; i++)
		vsmmu_push_test(v, cmd_host_type(i % TEST_HOST_TYPES, i));
	vsmmu_ring(v);
	assert_idle(v);
	vsmmu_ring(v);
	vsmmu_push(v, 0xff, 0);
	vsmmu_ring(v);
	assert_int_equal(vsmmu_cerror(v), VIQ_SMMUV3_CERROR_ILL);
	vsmmu_push_sync(v);
	vsmmu_ring(v); /* stopped: only the guest can go on */
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 0);
	assert_int_equal(smmuv3_counters(v->smmu).budget_ends, 0);
	assert_int_equal(smmuv3_counters(v->smmu).doorbells, 5);
	vsmmu_free(v);
}

/* The base is aligned down to the queue's size (6.3.26). */
static void base_is_aligned_to_the_size(void **state)
{
	struct vsmmu *v = vsmmu_start(VIQ_WORK_UNLIMITED, 8);

	vsmmu_w32(v, REG(CR0), 0);
	vsmmu_w64(v, REG(CMDQ_BASE), (VSMMU_CMDQ + 0xfe0) | 8);
	assert_int_equal(vsmmu_r64(v, REG(CMDQ_BASE)), (VSMMU_CMDQ + 0xfe0) | 8);
	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	vsmmu_w32(v, REG(CMDQ_PROD), 1);
	vsmmu_w32(v, REG(CR0), REG(CR0_CMDQEN));
	assert_idle(v);
	assert_int_equal(v->host.effect_count, 1);
	vsmmu_free(v);
}

/* --- Memory that is not there ------------------------------------------------------------------------------------- */

static void unmapped_queue(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	size_t at;

	v->lax = true;
	vsmmu_boot_at(v, 4, UINT64_C(0x10000000), 0);
	vsmmu_w32(v, REG(CMDQ_PROD), 2);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)), 0x02000000);
		assert_int_equal(vsmmu_cerror(v), VIQ_SMMUV3_CERROR_ABT);
		vsmmu_w32(v, REG(GERRORN), vsmmu_r32(v, REG(GERROR)));
	}
	assert_int_equal(v->host.calls, 0);
	assert_int_equal(smmuv3_counters(v->smmu).cerror[2], 4);
	at = vsmmu_log_find(v, 0, LOG_TRACE);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, VIQ_SMMUV3_FATE_ERROR);
	assert_int_equal(v->log[at].c, VIQ_SMMUV3_CERROR_ABT);
	assert_int_equal(v->log[at].cmd[0], 0);
	vsmmu_free(v);
}

/* The ring begins in RAM and ends behind it: what is there takes effect, then CERROR_ABT at the first that is not. */
static void partly_mapped_queue(void **state)
{
	struct viq_mem_region regions[] = {
		{.gpa = 0x10000000, .size = 0x60},
		{.gpa = 0x10000060, .size = 0x18}, /* touches it, and ends in the middle of entry 7 */
	};
	struct viq_smmuv3_config config;
	static uint64_t bytes[2][16];
	struct viq_mem *mem;
	struct vsmmu *v;

	memset(bytes, 0, sizeof(bytes));
	regions[0].host = bytes[0];
	regions[1].host = bytes[1];
	assert_int_equal(viq_mem_create(regions, 2, NULL, NULL, &mem, NULL), 0);
	for (unsigned int i = 0; i < 7; i++) {
		uint64_t *entry = i < 6 ? &bytes[0][2 * i] : &bytes[1][0];

		entry[0] = 0x11 | (uint64_t)i << 48;
	}
	vsmmu_config(&config);
	config.mem = mem;
	v = vsmmu_new(&config);
	v->lax = true;
	vsmmu_boot_at(v, 4, 0x10000000, 0);
	vsmmu_w32(v, REG(CMDQ_PROD), 12);
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)), 0x02000007);
	assert_int_equal(v->host.effect_count, 7);
	for (unsigned int i = 0; i < 7; i++)
		assert_int_equal(v->host.effects[i].cmd[0] >> 48, i);
	vsmmu_free(v);
	viq_mem_destroy(mem);
}

/* Memory behind a callback, up to an address. */
struct behind {
	uint8_t bytes[512 * 16];
	uint64_t end;
	unsigned int reads;
};

static int read_behind(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct behind *b = opaque;

	b->reads++;
	if (gpa + len > b->end)
		return -1;
	memcpy(buf, b->bytes + gpa, len);
	return 0;
}

/* Commands are read many at once, and the first that is not there is found exactly, in few reads. */
static void callbacks_are_few(void **state)
{
	for (uint32_t there = 0; there <= 512; there++) {
		static const struct viq_mem_ops ops = {.size = sizeof(ops), .read = read_behind};
		static struct behind b;
		struct viq_smmuv3_config config;
		struct viq_mem *mem;
		struct vsmmu *v;

		b = (struct behind){.end = there * 16 + 15};
		for (unsigned int i = 0; i < 512; i++)
			b.bytes[i * 16] = 0x30;
		assert_int_equal(viq_mem_create(NULL, 0, &ops, &b, &mem, NULL), 0);
		vsmmu_config(&config);
		config.mem = mem;
		v = vsmmu_new(&config);
		v->lax = v->quiet = true;
		vsmmu_boot_at(v, 9, 0, 0);
		vsmmu_w32(v, REG(CMDQ_PROD), 512);
		assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)), there < 512 ? 0x02000000 | there : 512);
		assert_int_equal(v->host.effect_count, there);
		/* Each stretch that is there is at least half of what is left before the hole, and has ten tries. */
		assert_true(there < 512 ? b.reads <= 10 * 10 : b.reads == 1);
		vsmmu_free(v);
		viq_mem_destroy(mem);
	}
}

/* What was there under one CMDQ_BASE is not there under the next. */
static void base_moves_to_the_end_of_memory(void **state)
{
	static const uint32_t there[] = {1, 2, 15, 16};

	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		static uint64_t bytes[64];
		struct viq_mem_region region = {.gpa = 0x10000000, .size = there[i] * 16, .host = bytes};
		struct viq_smmuv3_config config;
		struct viq_mem *mem;
		struct vsmmu *o;

		for (unsigned int n = 0; n < 64; n += 2)
			bytes[n] = 0x30; /* also behind the region: these must not be seen */
		assert_int_equal(viq_mem_create(&region, 1, NULL, NULL, &mem, NULL), 0);
		vsmmu_config(&config);
		config.mem = mem;
		o = vsmmu_new(&config);
		o->lax = true;
		vsmmu_boot_at(o, 5, 0x10000000, 0);
		vsmmu_w32(o, REG(CMDQ_PROD), 32);
		assert_int_equal(vsmmu_r32(o, REG(CMDQ_CONS)), 0x02000000 | there[i]);
		/* Away, and back by one half of the register only. */
		vsmmu_w32(o, REG(CR0), 0);
		vsmmu_w32(o, REG(CMDQ_BASE), 0x20000005);
		vsmmu_w32(o, REG(GERRORN), vsmmu_r32(o, REG(GERROR)));
		vsmmu_w32(o, REG(CMDQ_CONS), 0);
		vsmmu_w32(o, REG(CR0), REG(CR0_CMDQEN));
		assert_int_equal(vsmmu_r32(o, REG(CMDQ_CONS)), 0x02000000);
		assert_int_equal(o->host.effect_count, there[i]);
		vsmmu_free(o);
		viq_mem_destroy(mem);
	}
}

/* An entry across two regions, and a ring over many small ones. */
static void ring_across_regions(void **state)
{
	for (unsigned int chunk = 8; chunk <= 72; chunk += 8) {
		struct viq_mem_region regions[64];
		static uint64_t bytes[64][16];
		struct viq_smmuv3_config config;
		struct viq_mem *mem;
		struct vsmmu *v;
		uint64_t gpa = 0x10000000;
		size_t n = 0;

		for (; gpa < 0x10000000 + 16 * 16; n++, gpa += chunk) {
			regions[n] = (struct viq_mem_region){.gpa = gpa, .size = chunk, .host = bytes[n]};
			for (unsigned int b = 0; b < chunk; b += 8) {
				uint64_t at = gpa + b - 0x10000000;

				bytes[n][b / 8] = at % 16 ? (at / 16) << 12 : 0x12;
			}
		}
		assert_int_equal(viq_mem_create(regions, n, NULL, NULL, &mem, NULL), 0);
		vsmmu_config(&config);
		config.mem = mem;
		v = vsmmu_new(&config);
		v->lax = true;
		vsmmu_boot_at(v, 4, 0x10000000, 0);
		vsmmu_w32(v, REG(CMDQ_PROD), 16);
		assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)), 16);
		assert_int_equal(v->host.effect_count, 16);
		for (unsigned int i = 0; i < 16; i++)
			assert_int_equal(v->host.effects[i].cmd[1], (uint64_t)i << 12);
		vsmmu_free(v);
		viq_mem_destroy(mem);
	}
}

/* A ring at the top of the address space, and addresses beyond OAS, which are cut to it. */
static void extreme_bases(void **state)
{
	static const uint64_t bases[] = {0, UINT64_C(0x000fffffffffffe0), UINT64_C(0x000ffffffff80000), UINT64_MAX};

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		struct vsmmu *v = vsmmu_new(NULL);

		v->lax = true;
		vsmmu_w64(v, REG(CMDQ_BASE), (bases[i] & ~UINT64_C(31)) | 31);
		vsmmu_w32(v, REG(CMDQ_PROD), 0x80000);
		vsmmu_w32(v, REG(CR0), REG(CR0_CMDQEN));
		assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)), 0x02000000);
		vsmmu_free(v);
	}
}

/* A read-only ring can be read; only Linux's polled completion cannot be written. */
static void readonly_ring(void **state)
{
	static uint64_t bytes[32];
	struct viq_mem_region region = {
		.gpa = 0x10000000, .size = sizeof(bytes), .host = bytes, .flags = VIQ_MEM_READONLY};
	struct viq_smmuv3_config config;
	struct viq_mem *mem;
	struct vsmmu *v;

	bytes[0] = 0x1046;
	bytes[1] = 0x10000000;
	assert_int_equal(viq_mem_create(&region, 1, NULL, NULL, &mem, NULL), 0);
	vsmmu_config(&config);
	config.mem = mem;
	v = vsmmu_new(&config);
	v->lax = true;
	vsmmu_boot_at(v, 4, 0x10000000, 0);
	vsmmu_w32(v, REG(CMDQ_PROD), 1);
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)), 1);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), REG(GERROR_MSI_CMDQ_ABT_ERR));
	vsmmu_free(v);
	viq_mem_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inconsistent_indices_are_not_consumed),
		cmocka_unit_test(inconsistency_heals),
		cmocka_unit_test(every_log2size),
		cmocka_unit_test(largest_queue),
		cmocka_unit_test(no_kick_without_need),
		cmocka_unit_test(base_is_aligned_to_the_size),
		cmocka_unit_test(unmapped_queue),
		cmocka_unit_test(partly_mapped_queue),
		cmocka_unit_test(callbacks_are_few),
		cmocka_unit_test(base_moves_to_the_end_of_memory),
		cmocka_unit_test(ring_across_regions),
		cmocka_unit_test(extreme_bases),
		cmocka_unit_test(readonly_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
