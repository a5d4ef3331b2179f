/* SPDX-License-Identifier: MIT */
/*
 * The image of the register pages that a guest may read without an exit (config.page): after each step of a guest that
 * does anything it is what viq_smmuv3_mmio_read() answers, and what a fresh object shows that was restored from the
 * same state. Threads: test_readers.c.
 */
#include <string.h>

#include "support/image.h"
#include "support/vsmmu.h"

#define STEPS 6000

static IMAGE_ALIGNED uint8_t page[VIQ_SMMUV3_MMIO_SIZE], twin_page[VIQ_SMMUV3_MMIO_SIZE];

struct world {
	struct vsmmu *v;
	struct viq_smmuv3 *twin;
	uint64_t seed;
	unsigned int inside, compared;
};

static uint64_t answer(const struct viq_smmuv3 *smmu, uint64_t offset, unsigned int size)
{
	return viq_smmuv3_mmio_read(smmu, offset, size);
}

/* All that is defined, and what follows it, in both pages. */
static void image_is_what_reads_answer(const struct viq_smmuv3 *smmu)
{
	for (uint64_t base = 0; base < VIQ_SMMUV3_MMIO_SIZE; base += VIQ_SMMUV3_MMIO_SIZE / 2) {
		for (uint64_t at = base; at < base + 0x200; at += 4)
			assert_int_equal(image_load(page, at, 4), answer(smmu, at, 4));
		for (uint64_t at = base; at < base + 0x200; at += 8)
			assert_int_equal(image_load(page, at, 8), answer(smmu, at, 8));
	}
}

/* The rest is RES0 (6.2). */
static void rest_is_zero(void)
{
	static const uint8_t none[VIQ_SMMUV3_MMIO_SIZE / 2 - 0x200];

	assert_memory_equal(page + 0x200, none, sizeof(none));
	assert_memory_equal(page + VIQ_SMMUV3_MMIO_SIZE / 2 + 0x200, none, sizeof(none));
}

/* Whoever changes a register shows it: else the twin, which shows all at once, differs. */
static void twin_shows_the_same(struct world *w)
{
	uint8_t state[64 * 1024];
	size_t len = sizeof(state);

	/* What is owed a saved state has as done. */
	if (answer(w->v->smmu, REG(CR0), 4) != answer(w->v->smmu, REG(CR0ACK), 4) ||
	    answer(w->v->smmu, REG(GBPA), 4) & REG(GBPA_UPDATE))
		return;
	assert_int_equal(viq_smmuv3_save(w->v->smmu, state, &len), 0);
	assert_int_equal(viq_smmuv3_restore(w->twin, state, len), 0);
	assert_memory_equal(page, twin_page, 0x200);
	assert_memory_equal(page + VIQ_SMMUV3_MMIO_SIZE / 2, twin_page + VIQ_SMMUV3_MMIO_SIZE / 2, 0x200);
	w->compared++;
}

/* In the middle of a run, too. */
static void look_inside(struct vsmmu *v, const struct viq_smmuv3_trace *trace)
{
	struct world *w = v->opaque;

	image_is_what_reads_answer(v->smmu);
	w->inside++;
}

static void write_register(struct world *w)
{
	static const uint32_t offsets[] = {0x00, 0x20, 0x20, 0x24, 0x28, 0x2c, 0x44, 0x50,  0x54,    0x60,    0x64,
					   0x68, 0x6c, 0x70, 0x80, 0x88, 0x90, 0x94, 0x98,  0x9c,    0xa0,    0xa4,
					   0xb0, 0xb8, 0xbc, 0xc0, 0xa8, 0xf8, 0xfc, 0xfff, 0x100a8, 0x100ac, 0x10000};
	uint32_t at = offsets[test_below(&w->seed, sizeof(offsets) / sizeof(offsets[0]))];
	uint64_t value = test_random(&w->seed);

	/* Queues that are on, of a size that fits, now and then. */
	if (at == REG(CR0) && test_below(&w->seed, 4))
		value |= REG(CR0_CMDQEN) | REG(CR0_EVENTQEN);
	if ((at == REG(CMDQ_BASE) || at == REG(EVENTQ_BASE)) && test_below(&w->seed, 4))
		value = (at == REG(CMDQ_BASE) ? VSMMU_CMDQ : VSMMU_EVENTQ) | test_below(&w->seed, 8);
	if (at == REG(GERRORN) && test_below(&w->seed, 2))
		value = answer(w->v->smmu, REG(GERROR), 4);
	viq_smmuv3_mmio_write(w->v->smmu, at, test_below(&w->seed, 3) ? 4 : 8, value);
}

static void write32(struct world *w, uint64_t offset, uint64_t value)
{
	viq_smmuv3_mmio_write(w->v->smmu, offset, 4, value);
	image_is_what_reads_answer(w->v->smmu);
}

/* As a driver sets a queue up, and recovers. */
static void start_queue(struct world *w)
{
	struct viq_smmuv3 *smmu = w->v->smmu;

	write32(w, REG(CR0), 0);
	viq_smmuv3_run(smmu, 0);
	viq_smmuv3_mmio_write(smmu, REG(CMDQ_BASE), 8, VSMMU_CMDQ | (3 + test_below(&w->seed, 4)));
	write32(w, REG(CMDQ_CONS), answer(smmu, REG(CMDQ_PROD), 4));
	write32(w, REG(GERRORN), answer(smmu, REG(GERROR), 4));
	write32(w, REG(CR0), REG(CR0_CMDQEN) | REG(CR0_EVENTQEN));
}

static void ring(struct world *w)
{
	struct viq_smmuv3 *smmu = w->v->smmu;
	uint32_t prod, mask, count = (uint32_t)test_below(&w->seed, 6);

	if (test_below(&w->seed, 2))
		start_queue(w);
	prod = (uint32_t)answer(smmu, REG(CMDQ_PROD), 4);
	mask = (1u << (answer(smmu, REG(CMDQ_BASE), 8) & 7)) - 1;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t at = VSMMU_CMDQ + 16 * (uint64_t)((prod + i) & mask);
		struct test_cmd cmd = test_below(&w->seed, 3) ? cmd_host_type((uint32_t)test_below(&w->seed, 6), i)
							      : cmd_sync((unsigned int)test_below(&w->seed, 3));

		vsmmu_poke64(w->v, at, test_below(&w->seed, 20) ? cmd.dw[0] : 0xff);
		vsmmu_poke64(w->v, at + 8, cmd.dw[1]);
	}
	write32(w, REG(CMDQ_PROD), prod + count);
	if (test_below(&w->seed, 2))
		viq_smmuv3_run(smmu, 0);
}

static void step(struct world *w)
{
	const uint64_t record[4] = {1, 2, 3, 4};

	switch (test_below(&w->seed, 16)) {
	case 0:
		if (test_below(&w->seed, 16) == 0)
			viq_smmuv3_reset(w->v->smmu);
		break;
	case 1:
		vsmmu_migrate(w->v);
		break;
	case 2:
		test_host_fail(&w->v->host, 0, cmd_host_type(0, 1).dw, VIQ_CALL_NO_MEMORY, 2);
		break;
	case 3:
	case 4:
		viq_smmuv3_event(w->v->smmu, record);
		break;
	case 5:
		viq_smmuv3_run(w->v->smmu, (uint32_t)test_below(&w->seed, 200));
		break;
	case 6:
	case 7:
	case 8:
		ring(w);
		break;
	default:
		write_register(w);
	}
}

static void p6_image_is_what_reads_answer(void **state)
{
	for (int deferred = 0; deferred < 2; deferred++) {
		struct viq_smmuv3_config config;
		struct world w = {.seed = test_seed()};

		memset(page, 0xa5, sizeof(page));
		vsmmu_config(&config);
		config.page = twin_page;
		config.mem = NULL;
		config.budget = deferred ? VIQ_SMMUV3_DEFER : 0;
		w.v = vsmmu_new(&config);
		w.twin = w.v->smmu;
		w.v->config.page = page;
		assert_int_equal(viq_smmuv3_create(&w.v->config, &w.v->smmu, NULL), 0);
		w.v->lax = w.v->quiet = true;
		w.v->on_trace = look_inside;
		w.v->opaque = &w;
		for (unsigned int i = 0; i < STEPS; i++) {
			step(&w);
			image_is_what_reads_answer(w.v->smmu);
			twin_shows_the_same(&w);
		}
		rest_is_zero();
		assert_true(w.compared > STEPS / 4);
		assert_true(w.inside > STEPS / 8);
		viq_smmuv3_destroy(w.twin);
		vsmmu_free(w.v);
	}
}

/* A read that the pages do not take is 0, whatever lies around it. */
static void other_reads_are_zero(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);

	assert_int_equal(answer(v->smmu, REG(IDR0) + 2, 4), 0);
	assert_int_equal(answer(v->smmu, REG(IDR1), 8), 0);
	assert_int_equal(answer(v->smmu, REG(IDR0), 8), (uint64_t)v->config.idr1 << 32 | v->config.idr0);
	assert_int_equal(answer(v->smmu, VIQ_SMMUV3_MMIO_SIZE, 4), 0);
	assert_int_equal(answer(v->smmu, UINT64_MAX - 3, 4), 0);
	assert_int_equal(answer(v->smmu, UINT64_C(1) << 48, 4), 0);
	assert_int_equal(answer(v->smmu, REG(IDR0), 1), 0);
	assert_int_equal(answer(v->smmu, REG(IDR0), 16), 0);
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p6_image_is_what_reads_answer),
		cmocka_unit_test(other_reads_are_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
