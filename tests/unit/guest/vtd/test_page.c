/* SPDX-License-Identifier: MIT */
/*
 * The image of the register page that a guest may read without an exit (config.page): after each step of a guest that
 * does anything it is what viq_vtd_mmio_read() answers, and what a fresh object shows that was restored from the same
 * state. Threads: test_readers.c.
 */
#include <string.h>

#include "support/image.h"
#include "support/vvtd.h"

#define STEPS 6000
#define BUSY  (UINT64_C(1) << 63) /* CCMD.ICC, IOTLB.IVT */

static IMAGE_ALIGNED uint8_t page[VIQ_VTD_MMIO_SIZE], twin_page[VIQ_VTD_MMIO_SIZE];

struct world {
	struct vvtd *v;
	struct viq_vtd *twin;
	uint64_t seed, iotlb, frcd; /* offsets */
	unsigned int inside, compared;
};

static uint64_t below(struct world *w, uint64_t bound)
{
	return vvtd_random(&w->seed) % bound;
}

static uint64_t answer(const struct viq_vtd *vtd, uint64_t offset, unsigned int size)
{
	return viq_vtd_mmio_read(vtd, offset, size);
}

static void image_is_what_reads_answer(const struct viq_vtd *vtd)
{
	for (uint64_t at = 0; at < sizeof(page); at += 4)
		assert_int_equal(image_load(page, at, 4), answer(vtd, at, 4));
	for (uint64_t at = 0; at < sizeof(page); at += 8)
		assert_int_equal(image_load(page, at, 8), answer(vtd, at, 8));
}

/* Whoever changes a register shows it: else the twin, which shows all at once, differs. */
static void twin_shows_the_same(struct world *w)
{
	uint8_t state[2048];
	size_t len = sizeof(state);

	/* What is owed a saved state has as done. */
	if (w->v->config.budget == VIQ_VTD_DEFER && viq_vtd_run(w->v->vtd, 0))
		return;
	if ((answer(w->v->vtd, VREG(CCMD), 8) | answer(w->v->vtd, w->iotlb, 8)) & BUSY)
		return;
	assert_int_equal(viq_vtd_save(w->v->vtd, state, &len), 0);
	assert_int_equal(viq_vtd_restore(w->twin, state, len), 0);
	assert_memory_equal(page, twin_page, sizeof(page));
	w->compared++;
}

/* In the middle of a run, too. */
static void look_inside(struct vvtd *v, const struct viq_vtd_trace *trace)
{
	struct world *w = v->opaque;

	image_is_what_reads_answer(v->vtd);
	w->inside++;
}

static void write32(struct world *w, uint64_t offset, uint64_t value)
{
	viq_vtd_mmio_write(w->v->vtd, offset, 4, value);
	image_is_what_reads_answer(w->v->vtd);
}

static void write_register(struct world *w)
{
	const uint64_t offsets[] = {
		0x00,         0x18,     0x1c,         0x20,    0x24,        0x28,         0x2c,         0x34,  0x38,
		0x3c,         0x40,     0x44,         0x48,    0x80,        0x88,         0x90,         0x94,  0x98,
		0x9c,         0x9c,     0xa0,         0xa4,    0xa8,        0xac,         0xb0,         0xb8,  0xbc,
		w->iotlb - 8, w->iotlb, w->iotlb + 4, w->frcd, w->frcd + 8, w->frcd + 12, w->frcd + 28, 0xff8, 0x1000};
	uint64_t at = offsets[below(w, sizeof(offsets) / sizeof(offsets[0]))];

	viq_vtd_mmio_write(w->v->vtd, at, below(w, 3) ? 4 : 8, vvtd_random(&w->seed));
}

/* As a driver sets a queue up: 128-bit descriptors, legacy mode. */
static void start_queue(struct world *w)
{
	write32(w, VREG(GCMD), 0);
	viq_vtd_mmio_write(w->v->vtd, VREG(RTADDR), 8, 0x100000);
	write32(w, VREG(GCMD), VREG(GCMD_SRTP));
	viq_vtd_mmio_write(w->v->vtd, VREG(IQA), 8, VVTD_QUEUE);
	viq_vtd_mmio_write(w->v->vtd, VREG(IQT), 8, 0);
	write32(w, VREG(FSTS), UINT32_MAX);
	write32(w, VREG(GCMD), VREG(GCMD_QIE) | (below(w, 2) ? VREG(GCMD_TE) : 0));
}

static void ring(struct world *w)
{
	uint64_t tail, count = below(w, 6);

	if (below(w, 4))
		start_queue(w);
	tail = answer(w->v->vtd, VREG(IQT), 8);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = VVTD_QUEUE + (tail + 16 * i) % 4096;
		struct test_desc d = below(w, 3) ? desc_iotlb(VIQ_VTD_IOTLB_PAGE, 1, i << 12, 0, false)
						 : desc_wait(true, below(w, 2), false, 1, VVTD_STATUS);

		vvtd_poke64(w->v, at, below(w, 20) ? d.qw[0] : 0xf);
		vvtd_poke64(w->v, at + 8, d.qw[1]);
	}
	viq_vtd_mmio_write(w->v->vtd, VREG(IQT), 8, (tail + 16 * count) % 4096);
	if (below(w, 2))
		viq_vtd_run(w->v->vtd, 0);
}

static void step(struct world *w)
{
	const uint64_t record[2] = {0x1000 * below(w, 9), vvtd_random(&w->seed)};

	switch (below(w, 16)) {
	case 0:
		if (below(w, 16) == 0)
			viq_vtd_reset(w->v->vtd);
		break;
	case 1:
		vvtd_migrate(w->v);
		break;
	case 2:
	case 3:
		viq_vtd_fault(w->v->vtd, record);
		break;
	case 4:
		viq_vtd_fault_lost(w->v->vtd, 1);
		break;
	case 5:
		viq_vtd_run(w->v->vtd, (uint32_t)below(w, 200));
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		ring(w);
		break;
	default:
		write_register(w);
	}
}

static void play(uint32_t version, uint32_t budget)
{
	struct viq_vtd_config config;
	struct world w = {.seed = vvtd_seed()};

	memset(page, 0xa5, sizeof(page));
	vvtd_config(&config);
	config.version = version;
	config.page = twin_page;
	config.budget = budget;
	w.v = vvtd_new(&config);
	w.twin = w.v->vtd;
	w.v->config.page = page;
	assert_int_equal(viq_vtd_create(&w.v->config, &w.v->vtd, NULL), 0);
	w.v->lax = w.v->quiet = true;
	w.v->on_trace = look_inside;
	w.v->opaque = &w;
	w.iotlb = VIQ_GET(VIQ_VTD_ECAP_IRO, config.ecap) * VIQ_VTD_OFFSET_UNITS + 8;
	w.frcd = VIQ_GET(VIQ_VTD_CAP_FRO, config.cap) * VIQ_VTD_OFFSET_UNITS;
	for (unsigned int i = 0; i < STEPS; i++) {
		step(&w);
		image_is_what_reads_answer(w.v->vtd);
		twin_shows_the_same(&w);
	}
	assert_true(w.compared > STEPS / 2);
	assert_true(w.inside > STEPS / 8);
	viq_vtd_destroy(w.twin);
	vvtd_free(w.v);
}

static void p6_image_is_what_reads_answer(void **state)
{
	play(0x40, 0);
	play(0x40, VIQ_VTD_DEFER);
	play(0x60, 0); /* no invalidation by registers: they are not shown */
}

/* A read that the page does not take is 0, whatever lies around it; registers that are only written are 0, too. */
static void other_reads_are_zero(void **state)
{
	struct vvtd *v = vvtd_new(NULL);

	assert_int_equal(answer(v->vtd, VREG(CAP) + 4, 8), 0);
	assert_int_equal(answer(v->vtd, VREG(CAP) + 2, 4), 0);
	assert_int_equal(answer(v->vtd, VREG(CAP), 8), v->config.cap);
	assert_int_equal(answer(v->vtd, VREG(VER), 8), v->config.version);
	assert_int_equal(answer(v->vtd, VIQ_VTD_MMIO_SIZE, 4), 0);
	assert_int_equal(answer(v->vtd, UINT64_MAX - 3, 4), 0);
	assert_int_equal(answer(v->vtd, VREG(CAP), 1), 0);
	viq_vtd_mmio_write(v->vtd, VREG(GCMD), 4, VREG(GCMD_TE));
	assert_int_equal(answer(v->vtd, VREG(GCMD), 4), 0);
	viq_vtd_mmio_write(v->vtd, 0xf0, 8, UINT64_MAX);
	assert_int_equal(answer(v->vtd, 0xf0, 8), 0);
	vvtd_free(v);
}

/* Whatever was in the embedder's page before. */
static void where_no_register_is_zero_is_read(void **state)
{
	struct viq_vtd_config config;
	struct vvtd *v;

	memset(page, 0xa5, sizeof(page));
	vvtd_config(&config);
	config.page = page;
	v = vvtd_new(&config);
	assert_int_equal(answer(v->vtd, VIQ_VTD_MMIO_SIZE - 8, 8), 0);
	vvtd_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p6_image_is_what_reads_answer),
		cmocka_unit_test(other_reads_are_zero),
		cmocka_unit_test(where_no_register_is_zero_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
