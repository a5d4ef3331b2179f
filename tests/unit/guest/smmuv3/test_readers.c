/* SPDX-License-Identifier: MIT */
/*
 * P1, P6 for guests with several vCPUs: registers are read by one thread, without a lock, while another one rings,
 * stops at illegal commands, recovers, saves, restores and resets. Run with ThreadSanitizer too: what a guest may
 * conclude from a register is looked at by plain loads here. Once by accesses that exit, once in the page that the
 * guest has mapped.
 */
#include <endian.h>
#include <string.h>

#include "support/image.h"
#include "support/poller.h"
#include "support/vsmmu.h"

#define PAIRS    6000
#define LOG2     14 /* the queue never wraps: an index is a command's number */
#define EVENTS   (PAIRS / 8 + 1)
#define ADDR_LOW UINT64_C(0x00000000fffffffc)
#define ADDR_TOP UINT64_C(0x000fffff00000000)

/* Each place is written once, by plain stores. */
struct world {
	struct vsmmu *v;
	uint8_t applied[PAIRS]; /* the host has executed this pair's invalidation */
	bool stopped;           /* the poller's: the queue has stopped at least once */
	uint32_t cons, eventq_prod;
	uint32_t last_cons; /* before the resets */
	uint32_t cr0;
};

static struct world w;

static bool is_illegal(uint32_t pair)
{
	return pair % 97 == 13;
}

static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	const uint64_t(*entries)[2] = req->pieces[0].entries;
	uint32_t count = req->pieces[0].count;

	for (uint32_t i = 0; i < count; i++)
		w.applied[le64toh(entries[i][1]) >> 12] = 1;
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = count, .suspect = count, .host_calls = 1};
	return 0;
}

static IMAGE_ALIGNED char page[VIQ_SMMUV3_MMIO_SIZE];

static uint64_t read_register(uint64_t offset, unsigned int size)
{
	if (w.v->config.page)
		return image_load(page, offset, size);
	return viq_smmuv3_mmio_read(w.v->smmu, offset, size);
}

static uint32_t read32(uint64_t offset)
{
	return (uint32_t)read_register(offset, 4);
}

/* --- The vCPU that polls ------------------------------------------------------------------------------------------ */

static void poll_queue(void)
{
	uint32_t error = read32(REG(GERROR)) & REG(GERROR_CMDQ_ERR), cons = read32(REG(CMDQ_CONS));
	uint32_t prod = read32(REG(CMDQ_PROD)), index = cons & 0xfffff;

	w.stopped |= error;
	/* The code stays until the next error's, and every error here is the same. */
	if (w.stopped && VIQ_GET(REG(CMDQ_CONS_ERR), cons) != VIQ_SMMUV3_CERROR_ILL)
		poller_complain("GERROR was seen before CMDQ_CONS.ERR: %#x", cons);
	if (index > prod || index < w.cons)
		poller_complain("CONS %#x after %#x, with PROD %#x", index, w.cons, prod);
	for (; w.cons < index; w.cons++) {
		uint32_t pair = w.cons / 2;

		if (w.cons % 2 && !is_illegal(pair) && !w.applied[pair])
			poller_complain("P1: CONS has passed the CMD_SYNC of pair %u, which the host has not executed",
					pair);
	}
}

static void poll_events(void)
{
	uint32_t prod = read32(REG(EVENTQ_PROD));

	if (prod < w.eventq_prod)
		poller_complain("EVENTQ_PROD %#x after %#x", prod, w.eventq_prod);
	for (; w.eventq_prod < prod; w.eventq_prod++) {
		uint64_t at = VSMMU_EVENTQ + UINT64_C(32) * w.eventq_prod;

		for (unsigned int i = 0; i < 4; i++) {
			if (vsmmu_peek64(w.v, at + 8 * i) != 4 * w.eventq_prod + i)
				poller_complain("EVENTQ_PROD has passed record %u, which is not there", w.eventq_prod);
		}
	}
}

/* Values that are there anyhow, also in the middle of a reset: never one half of one and one of another. */
static void poll_values(void)
{
	uint64_t addr = read_register(REG(GERROR_IRQ_CFG0), 8);
	uint32_t ack = read32(REG(CR0ACK)), cr0 = read32(REG(CR0));

	if (addr && addr != ADDR_LOW && addr != ADDR_TOP)
		poller_complain("half an address: %#llx", (unsigned long long)addr);
	if ((ack != 0 && ack != w.cr0) || (cr0 != 0 && cr0 != w.cr0))
		poller_complain("CR0 %#x, CR0ACK %#x", cr0, ack);
}

static void poll_reset(void)
{
	uint32_t index = read32(REG(CMDQ_CONS)) & 0xfffff;

	if (index && index != w.last_cons)
		poller_complain("CONS %#x is neither the old nor the new one", index);
}

static void poll_everything(void)
{
	for (uint64_t offset = 0; offset < 0x100; offset += 4)
		read32(offset);
	read32(REG(EVENTQ_PROD));
	read32(REG(EVENTQ_CONS));
}

static void poll_registers(enum poller_phase phase)
{
	switch (phase) {
	case POLLER_STREAM:
		poll_queue();
		poll_events();
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
	assert_true(viq_smmuv3_save_size(w.v->smmu) <= *len);
	assert_int_equal(viq_smmuv3_save(w.v->smmu, state, len), 0);
}

static void record_event(uint32_t number)
{
	const uint64_t record[4] = {UINT64_C(4) * number, UINT64_C(4) * number + 1, UINT64_C(4) * number + 2,
				    UINT64_C(4) * number + 3};

	assert_int_equal(viq_smmuv3_event(w.v->smmu, record), 0);
}

static void work(bool deferred)
{
	uint8_t state[1024];
	uint32_t events = 0;

	for (uint32_t pair = 0; pair < PAIRS; pair++) {
		size_t len = sizeof(state);

		vsmmu_push_test(w.v, is_illegal(pair) ? (struct test_cmd){{0xff, 0}} : cmd_nh_va(1, pair << 12));
		vsmmu_push_sync(w.v);
		if (pair % 5 == 4)
			continue;
		vsmmu_w32(w.v, REG(CMDQ_PROD), vsmmu_index(w.v, w.v->prod));
		while (deferred && viq_smmuv3_run(w.v->smmu, 3))
			;
		while (vsmmu_cerror(w.v) != VIQ_SMMUV3_CERROR_NONE) {
			uint64_t at = vsmmu_entry(w.v, read32(REG(CMDQ_CONS)) & 0xfffff);

			vsmmu_poke64(w.v, at, 0x2046);
			vsmmu_w32(w.v, REG(GERRORN), read32(REG(GERROR)));
			while (deferred && viq_smmuv3_run(w.v->smmu, 0))
				;
		}
		vsmmu_w64(w.v, REG(GERROR_IRQ_CFG0), pair % 2 ? ADDR_LOW : ADDR_TOP);
		if (pair % 8 == 0)
			record_event(events++);
		if (pair % 50 == 0) {
			save(state, &len);
			assert_int_equal(viq_smmuv3_restore(w.v->smmu, state, len), 0);
			poller_wait();
		}
	}
	vsmmu_w32(w.v, REG(CMDQ_PROD), vsmmu_index(w.v, w.v->prod));
	while (viq_smmuv3_run(w.v->smmu, 0))
		;
	assert_int_equal(read32(REG(CMDQ_CONS)) & 0xfffff, 2 * PAIRS);
}

/* Reset and restored, again and again. */
static void reset_and_restore(void)
{
	uint8_t state[1024];
	size_t len = sizeof(state);

	save(state, &len);
	w.last_cons = read32(REG(CMDQ_CONS)) & 0xfffff;
	poller_wait(); /* one that has seen the last index */
	poller_enter(POLLER_RESETS);
	for (unsigned int i = 0; i < 200; i++) {
		viq_smmuv3_reset(w.v->smmu);
		assert_int_equal(viq_smmuv3_restore(w.v->smmu, state, len), 0);
		if (i % 20 == 0)
			poller_wait();
	}
}

static void write_anything(bool deferred)
{
	static const uint32_t offsets[] = {0x20, 0x28, 0x2c, 0x44, 0x50, 0x60, 0x68,
					   0x80, 0x88, 0x90, 0x98, 0x9c, 0xa0};
	const uint64_t record[4] = {1, 2, 3, 4};
	uint64_t seed = test_seed();

	poller_enter(POLLER_ANYTHING);
	/* To begin with, an event queue that overflows, and does so again. */
	for (unsigned int i = 0; i < 20 << 12; i++) {
		if (viq_smmuv3_event(w.v->smmu, record) && i % 64 == 0)
			vsmmu_w32(w.v, REG(EVENTQ_CONS), read32(REG(EVENTQ_PROD)));
	}
	for (unsigned int i = 0; i < 3000; i++) {
		uint32_t at = offsets[test_below(&seed, sizeof(offsets) / sizeof(offsets[0]))];
		uint64_t value = test_random(&seed);

		if (at == REG(CR0))
			value &= test_below(&seed, 2) ? UINT64_MAX : ~REG(CR0_EVENTQEN);
		viq_smmuv3_mmio_write(w.v->smmu, at, test_below(&seed, 4) ? 4 : 8, value);
		viq_smmuv3_event(w.v->smmu, record);
		if (deferred)
			viq_smmuv3_run(w.v->smmu, 5);
		if (i % 200 == 0)
			poller_wait();
	}
}

static void start(bool deferred)
{
	static const struct viq_call_host_ops ops = {.size = sizeof(ops), .report_group = 1, .invalidate = invalidate};
	struct viq_smmuv3_config config;
	uint32_t cr0;

	memset(&w, 0, sizeof(w));
	vsmmu_config(&config);
	config.host = (struct viq_call_host){.ops = &ops};
	if (deferred) {
		config.budget = VIQ_SMMUV3_DEFER;
		config.page = page;
	}
	w.v = vsmmu_new(&config);
	w.v->lax = w.v->quiet = true;
	vsmmu_boot(w.v, LOG2);
	cr0 = vsmmu_r32(w.v, REG(CR0));
	vsmmu_w32(w.v, REG(CR0), cr0 & ~(uint32_t)REG(CR0_EVENTQEN));
	vsmmu_w64(w.v, REG(EVENTQ_BASE), VSMMU_EVENTQ | 12);
	vsmmu_w32(w.v, REG(CR0), cr0);
	vsmmu_w32(w.v, REG(IRQ_CTRL), 0);
	w.cr0 = cr0;
	assert_true(EVENTS <= 1 << 12);
}

static void p1_registers_are_read_by_any_thread(void **state)
{
	for (int deferred = 0; deferred < 2; deferred++) {
		start(deferred);
		poller_start(poll_registers);
		work(deferred);
		reset_and_restore();
		write_anything(deferred);
		poller_stop();
		assert_true(w.stopped);
		assert_true(w.eventq_prod > 0);
		vsmmu_free(w.v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_registers_are_read_by_any_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
