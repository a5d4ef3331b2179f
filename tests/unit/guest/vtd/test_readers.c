/* SPDX-License-Identifier: MIT */
/*
 * P1, P6 for guests with several vCPUs: registers are read by one thread, without a lock, while another one rings,
 * stops at invalid descriptors, recovers, records faults, saves, restores and resets. Run with ThreadSanitizer too:
 * what a guest may conclude from a register is looked at by plain loads here. Once by accesses that exit, once in the
 * page that the guest has mapped.
 */
#include <string.h>

#include "support/image.h"
#include "support/poller.h"
#include "support/vvtd.h"

#define PAIRS   4000 /* the queue never wraps: IQH is a descriptor's number */
#define RTA_LOW UINT64_C(0x00000000fffff000)
#define RTA_TOP UINT64_C(0x000fffff00000000)

/* Each place is written once, by plain stores. */
struct world {
	struct vvtd *v;
	uint8_t applied[PAIRS]; /* the host has executed this pair's invalidation */
	uint64_t iqh;           /* the poller's */
	uint32_t errors, faults;
	uint64_t last_iqh; /* before the resets */
};

static struct world w;

static bool is_invalid(uint32_t pair)
{
	return pair % 97 == 13;
}

static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	const struct viq_vtd_s1_entry *entries = req->pieces[0].entries;
	uint32_t count = req->pieces[0].count;

	for (uint32_t i = 0; i < count; i++)
		w.applied[entries[i].addr >> 12] = 1;
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = count, .suspect = count, .host_calls = 1};
	return 0;
}

static IMAGE_ALIGNED char page[VIQ_VTD_MMIO_SIZE];

static uint64_t read_register(uint64_t offset, unsigned int size)
{
	if (w.v->config.page)
		return image_load(page, offset, size);
	return viq_vtd_mmio_read(w.v->vtd, offset, size);
}

static uint64_t read64(uint64_t offset)
{
	return read_register(offset, 8);
}

static uint32_t read32(uint64_t offset)
{
	return (uint32_t)read_register(offset, 4);
}

static uint64_t record_of(const struct viq_vtd_config *config, uint32_t n)
{
	return VIQ_GET(VIQ_VTD_CAP_FRO, config->cap) * VIQ_VTD_OFFSET_UNITS + UINT64_C(16) * n;
}

/* --- The vCPU that polls ------------------------------------------------------------------------------------------ */

static void poll_queue(void)
{
	uint64_t head = read64(VREG(IQH)), tail = read64(VREG(IQT));
	uint64_t number = head >> w.v->shift;

	if (head > tail || number < w.iqh)
		poller_complain("IQH %#llx after descriptor %#llx, with IQT %#llx", (unsigned long long)head,
				(unsigned long long)w.iqh, (unsigned long long)tail);
	for (; w.iqh < number; w.iqh++) {
		uint64_t pair = w.iqh / 2;

		if (w.iqh % 2 && !is_invalid((uint32_t)pair) && !w.applied[pair])
			poller_complain("P1: IQH has passed the wait of pair %u, which the host has not executed",
					(unsigned)pair);
	}
}

/* An error that stands from the first look to the last is told truly in between. */
static void poll_error(void)
{
	uint32_t fsts = read32(VREG(FSTS));
	uint64_t head = read64(VREG(IQH)), record = read64(VREG(IQERCD));

	if (!(fsts & VREG(FSTS_IQE)))
		return;
	w.errors++;
	if (VIQ_GET(VREG(IQERCD_IQEI), record) != VIQ_VTD_IQEI_TYPE && (read32(VREG(FSTS)) & VREG(FSTS_IQE)) &&
	    read64(VREG(IQH)) == head)
		poller_complain("FSTS.IQE was seen before IQERCD: %#llx", (unsigned long long)record);
}

/* The n-th fault has the address n pages and the source-id n. */
static void poll_faults(void)
{
	uint32_t fsts = read32(VREG(FSTS));
	uint64_t at = record_of(&w.v->config, (uint32_t)VIQ_GET(VREG(FSTS_FRI), fsts));
	uint64_t upper = read64(at + 8), lower = read64(at);

	if (!(fsts & VREG(FSTS_PPF)) || !(upper & VIQ_VTD_FRCD_1_F))
		return;
	w.faults++;
	if (lower >> 12 != VIQ_GET(VIQ_VTD_FRCD_1_SID, upper) && read64(at + 8) == upper)
		poller_complain("F was seen before the record: %#llx %#llx", (unsigned long long)upper,
				(unsigned long long)lower);
}

/* Values that are there anyhow, also in the middle of a reset: never one half of one and one of another. */
static void poll_values(void)
{
	uint64_t addr = read64(VREG(RTADDR));

	if (addr && addr != RTA_LOW && addr != RTA_TOP)
		poller_complain("half an address: %#llx", (unsigned long long)addr);
}

static void poll_reset(void)
{
	uint64_t head = read64(VREG(IQH));

	if (head && head != w.last_iqh)
		poller_complain("IQH %#llx is neither the old nor the new one", (unsigned long long)head);
}

static void poll_everything(void)
{
	for (uint64_t offset = 0; offset < 0x300; offset += 4)
		read32(offset);
}

static void poll_registers(enum poller_phase phase)
{
	switch (phase) {
	case POLLER_STREAM:
		poll_queue();
		poll_error();
		poll_faults();
		poll_values();
		break;
	case POLLER_RESETS:
		poll_reset();
		poll_values();
		break;
	case POLLER_ANYTHING:
		break;
	}
	poll_everything();
}

/* --- The vCPU that has the object --------------------------------------------------------------------------------- */

static void save(uint8_t *state, size_t *len)
{
	assert_true(viq_vtd_save_size(w.v->vtd) <= *len);
	assert_int_equal(viq_vtd_save(w.v->vtd, state, len), 0);
}

/* Record one, let the poller look, clear it as a driver does. */
static void fault(uint32_t number)
{
	const uint64_t record[2] = {(uint64_t)number << 12, VIQ_PUT(VIQ_VTD_FRCD_1_SID, number)};
	uint32_t n = number % 8;

	assert_int_equal(viq_vtd_fault(w.v->vtd, record), 0);
	if (number % 16 == 0)
		poller_wait();
	vvtd_w32(w.v, record_of(&w.v->config, n) + 12, UINT32_C(1) << 31);
}

static void recover(bool deferred)
{
	while (read32(VREG(FSTS)) & VREG(FSTS_IQE)) {
		uint64_t at = read64(VREG(IQH)) >> w.v->shift;

		poller_wait();
		vvtd_replace_desc(w.v, at, desc_wait(false, false, true, 0, 0));
		vvtd_w32(w.v, VREG(FSTS), VREG(FSTS_IQE));
		while (deferred && viq_vtd_run(w.v->vtd, 0))
			;
	}
}

static void work(bool deferred)
{
	uint8_t state[1024];
	uint32_t faults = 0;

	for (uint32_t pair = 0; pair < PAIRS; pair++) {
		size_t len = sizeof(state);

		vvtd_push(w.v, is_invalid(pair) ? (struct test_desc){{0xf}} : desc_page(1, 0, pair));
		vvtd_push_wait(w.v);
		if (pair % 5 == 4)
			continue;
		vvtd_w64(w.v, VREG(IQT), vvtd_offset(w.v, w.v->prod));
		while (deferred && viq_vtd_run(w.v->vtd, 3))
			;
		recover(deferred);
		vvtd_w64(w.v, VREG(RTADDR), pair % 2 ? RTA_LOW : RTA_TOP);
		fault(faults++);
		if (pair % 50 == 0) {
			save(state, &len);
			assert_int_equal(viq_vtd_restore(w.v->vtd, state, len), 0);
			poller_wait();
		}
	}
	vvtd_w64(w.v, VREG(IQT), vvtd_offset(w.v, w.v->prod));
	while (viq_vtd_run(w.v->vtd, 0))
		;
	assert_int_equal(read64(VREG(IQH)), vvtd_offset(w.v, 2 * PAIRS));
}

/* Reset and restored, again and again. */
static void reset_and_restore(void)
{
	uint8_t state[1024];
	size_t len = sizeof(state);

	save(state, &len);
	w.last_iqh = read64(VREG(IQH));
	poller_wait(); /* one that has seen the last index */
	poller_enter(POLLER_RESETS);
	for (unsigned int i = 0; i < 200; i++) {
		viq_vtd_reset(w.v->vtd);
		assert_int_equal(viq_vtd_restore(w.v->vtd, state, len), 0);
		if (i % 20 == 0)
			poller_wait();
	}
}

/* Queues of wait descriptors that raise interrupts, so that the events' registers move too. */
static void write_anything(bool deferred)
{
	static const uint32_t offsets[] = {0x18, 0x18, 0x20, 0x28, 0x34, 0x38, 0x3c, 0x40, 0x44, 0x88,
					   0x88, 0x90, 0x98, 0x9c, 0xa0, 0xa4, 0xa8, 0xac, 0xb8};
	const uint64_t iro = VIQ_GET(VIQ_VTD_ECAP_IRO, w.v->config.ecap) * VIQ_VTD_OFFSET_UNITS;
	const uint64_t record[2] = {0x1000, 1};
	uint64_t seed = vvtd_seed();

	poller_enter(POLLER_ANYTHING);
	for (unsigned int i = 0; i < 100; i++) {
		vvtd_push(w.v, desc_wait(false, true, false, 0, 0));
		vvtd_w64(w.v, VREG(IQT), vvtd_offset(w.v, w.v->prod));
		viq_vtd_run(w.v->vtd, 0);
		vvtd_w32(w.v, VREG(ICS), VIQ_VTD_ICS_IWC);
		if (i % 20 == 0)
			poller_wait();
	}
	for (uint64_t i = 0; i < 256; i++)
		vvtd_replace_desc(w.v, i, i % 9 ? desc_wait(false, true, false, 0, 0) : (struct test_desc){{0xf}});
	for (unsigned int i = 0; i < 6000; i++) {
		uint64_t at = offsets[vvtd_below(&seed, sizeof(offsets) / sizeof(offsets[0]))];
		uint64_t value = vvtd_random(&seed);

		if (!vvtd_below(&seed, 10))
			at = iro + 8 * vvtd_below(&seed, 2);
		if (at == VREG(IQA))
			value = w.v->base | VIQ_VTD_IQA_DW | vvtd_below(&seed, 2);
		if (at == VREG(IQT))
			value &= 0x1fe0;
		viq_vtd_mmio_write(w.v->vtd, at, vvtd_below(&seed, 2) ? 4 : 8, value);
		viq_vtd_fault(w.v->vtd, record);
		if (deferred)
			viq_vtd_run(w.v->vtd, 5);
		if (i % 200 == 0)
			poller_wait();
	}
}

static void p1_registers_are_read_by_any_thread(void **state)
{
	static const struct viq_call_host_ops ops = {.size = sizeof(ops), .report_group = 1, .invalidate = invalidate};

	for (int deferred = 0; deferred < 2; deferred++) {
		struct viq_vtd_config config;

		memset(&w, 0, sizeof(w));
		vvtd_config(&config);
		if (deferred) {
			config.budget = VIQ_VTD_DEFER;
			config.page = page;
		}
		w.v = vvtd_new(&config);
		w.v->lax = w.v->quiet = true;
		vvtd_attach_ref(w.v, (struct viq_call_host){.ops = &ops}, 1, 0, 1, 0);
		vvtd_boot(w.v, 256, 7);
		vvtd_w64(w.v, VREG(RTADDR), RTA_LOW);
		poller_start(poll_registers);
		work(deferred);
		reset_and_restore();
		write_anything(deferred);
		poller_stop();
		assert_true(w.errors && w.faults);
		vvtd_free(w.v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_registers_are_read_by_any_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
