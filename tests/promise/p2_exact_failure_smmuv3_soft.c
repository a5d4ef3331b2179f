/* SPDX-License-Identifier: MIT */
/*
 * P1 and P2 with the software host behind a fault, under each of its contracts and failures. What took effect is seen
 * where it counts: in the TLB that the device translates through. 200 pages are cached, 200 TLBIs are queued, one entry
 * is bad.
 */
#include "support/soft.h"
#include "support/fault.h"
#include "support/vsmmu.h"

#define PAGES 200u
#define VA    UINT64_C(0x10000000)
#define LOG2  9

struct bench {
	struct machine m;
	struct viq_fault *fault;
	struct vsmmu *v;
	uint64_t page; /* all VAs map here */
};

static uint32_t contract;

static uint64_t va_of(uint32_t i)
{
	return VA + ((uint64_t)i << 12);
}

static struct test_cmd tlbi(uint32_t i)
{
	return cmd_nh_va(1, va_of(i));
}

static void bench_init(struct bench *b)
{
	struct viq_smmuv3_config config;
	uint64_t ttb = machine_init_s1(&b->m, NULL);

	b->fault = fault_new(contract);
	b->page = alloc_pages(&b->m, 1);
	for (uint32_t i = 0; i < PAGES; i++)
		map_page(&b->m, ttb, va_of(i), b->page | PAGE_RW);
	vsmmu_config(&config);
	config.mem = b->m.mem;
	config.host = fault_before(b->fault, b->m.host);
	b->v = vsmmu_new(&config);
	b->v->ram = b->m.ram; /* the same machine's; it begins at the same address */
	b->v->lax = b->v->quiet = true;
	vsmmu_boot(b->v, LOG2);
}

static void bench_fini(struct bench *b)
{
	b->v->ram = NULL;
	vsmmu_free(b->v);
	viq_fault_destroy(b->fault);
	machine_fini(&b->m);
}

static bool cached(struct bench *b, uint32_t i)
{
	return viq_soft_cached(b->m.dev, va_of(i), 0, VIQ_SOFT_READ, false);
}

static void warm(struct bench *b)
{
	for (uint32_t i = 0; i < PAGES; i++)
		assert_translates(b->m.dev, va_of(i), b->page);
	for (uint32_t i = 0; i < PAGES; i++)
		assert_true(cached(b, i));
}

static void inject(struct bench *b, uint32_t kind, uint32_t index, uint32_t before, uint32_t after)
{
	fault_arm(b->fault, kind, index, before, after, 0);
}

static void assert_gone(struct bench *b, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++)
		assert_false(cached(b, i));
}

static void assert_kept(struct bench *b, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++)
		assert_true(cached(b, i));
}

static uint64_t cons(struct bench *b)
{
	return b->v->cons = vsmmu_observe(b->v);
}

/* Queue all TLBIs and a CMD_SYNC; bad replaces entry index unless NULL. Returns the first command's place. */
static uint64_t queue_all(struct bench *b, uint32_t index, const struct test_cmd *bad)
{
	uint64_t base;

	cons(b);
	base = b->v->prod;
	for (uint32_t i = 0; i < PAGES; i++)
		vsmmu_push_test(b->v, bad && i == index ? *bad : tlbi(i));
	vsmmu_push_sync(b->v);
	vsmmu_ring(b->v);
	cons(b);
	return base;
}

/* As Linux answers; observes through this file's lax driver. */
static unsigned int answer(struct bench *b)
{
	unsigned int code;

	cons(b);
	code = vsmmu_linux_gerror(b->v);
	cons(b);
	return code;
}

/* --- One bad entry at every index --------------------------------------------------------------------------------- */

static void guest_illegal_at_every_index(struct bench *b)
{
	const struct test_cmd bad = {{0x12, 0x80}};

	for (uint32_t i = 0; i < PAGES; i++) {
		uint64_t base;

		warm(b);
		base = queue_all(b, i, &bad);
		assert_stopped(b->v, base + i, VIQ_SMMUV3_CERROR_ILL);
		assert_gone(b, 0, i);
		assert_kept(b, i, PAGES);
		assert_int_equal(answer(b), VIQ_SMMUV3_CERROR_ILL);
		assert_idle(b->v);
		assert_gone(b, i + 1, PAGES);
		assert_kept(b, i, i + 1);
	}
}

static void host_illegal_at_every_index(struct bench *b)
{
	for (uint32_t i = 0; i < PAGES; i++) {
		uint64_t base;

		warm(b);
		inject(b, VIQ_FAULT_ILLEGAL, i, 0, 0);
		base = queue_all(b, 0, NULL);
		assert_stopped(b->v, base + i, VIQ_SMMUV3_CERROR_ILL);
		assert_gone(b, 0, i);
		assert_kept(b, i, PAGES);
		fault_disarm(b->fault);
		assert_int_equal(answer(b), VIQ_SMMUV3_CERROR_ILL);
		assert_idle(b->v);
		assert_gone(b, i + 1, PAGES);
		assert_kept(b, i, i + 1); /* Linux overwrote it: the guest knows */
	}
}

/* Nobody's fault: the queue waits, everything before CONS took effect; the VMM retries and nothing is lost. */
static void retried(struct bench *b, uint32_t kind, uint32_t before, uint32_t after, uint32_t step)
{
	for (uint32_t i = 0; i < PAGES; i += step) {
		uint64_t base;

		warm(b);
		inject(b, kind, i, before, after);
		base = queue_all(b, 0, NULL);
		for (unsigned int tries = 0; tries < 3; tries++) {
			assert_waits(b->v, cons(b));
			assert_true(cons(b) <= base + i);
			assert_gone(b, 0, (uint32_t)(cons(b) - base));
			vsmmu_retry(b->v);
		}
		fault_disarm(b->fault);
		vsmmu_retry(b->v);
		assert_idle(b->v);
		assert_gone(b, 0, PAGES);
	}
}

static void hardware_failure(struct bench *b)
{
	retried(b, VIQ_FAULT_HARDWARE, 0, 0, 1);
	retried(b, VIQ_FAULT_HARDWARE, 5, 7, 3);
	retried(b, VIQ_FAULT_HARDWARE, 300, 300, 11);
}

/* Calls of more than i entries fail; shorter ones do not, so how far the queue gets is open. What it says is not. */
static void host_without_memory(struct bench *b)
{
	for (uint32_t i = 0; i < PAGES; i += 3) {
		uint64_t base;

		warm(b);
		inject(b, VIQ_FAULT_NO_MEMORY, i, 0, 0);
		base = queue_all(b, 0, NULL);
		assert_true(vsmmu_idle(b->v) || viq_smmuv3_waits_for_host(b->v->smmu));
		assert_gone(b, 0, cons(b) > base + PAGES ? PAGES : (uint32_t)(cons(b) - base));
		if (!i) /* no call at all succeeds */
			assert_waits(b->v, base);
		fault_disarm(b->fault);
		vsmmu_retry(b->v);
		assert_idle(b->v);
		assert_gone(b, 0, PAGES);
	}
}

static void target_gone(struct bench *b)
{
	retried(b, VIQ_FAULT_GONE, 0, 0, 3);
}

/* --- ATC ---------------------------------------------------------------------------------------------------------- */

/* The time-out of an ATC_INV among TLBIs: these complete, the CMD_SYNC tells and stays. */
static void atc_timeout(struct bench *b)
{
	const uint64_t ste[2] = {ste0(VIQ_SMMUV3_STE_CONFIG_S1, b->m.cd, 0), VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 1)};
	const struct test_cmd atc = cmd_atc(VSID, VA, 20);

	assert_int_equal(viq_soft_dev_set_ats(b->m.dev, true), 0);
	assert_int_equal(viq_soft_vdevice_configure(b->m.soft, b->m.viommu, VSID, ste), 0);
	for (uint32_t i = 0; i < PAGES; i += 7) {
		uint64_t base;

		warm(b);
		for (uint32_t n = 0; n < PAGES; n++)
			assert_true(viq_soft_cached(b->m.dev, va_of(n), 0, VIQ_SOFT_READ, true));
		inject(b, VIQ_FAULT_ATC_TIMEOUT, i, 0, 0);
		base = queue_all(b, i, &atc);
		for (unsigned int tries = 0; tries < 3; tries++) {
			assert_stopped(b->v, base + PAGES, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
			for (uint32_t n = 0; n < PAGES; n++)
				assert_int_equal(cached(b, n), n == i);
			assert_true(viq_soft_cached(b->m.dev, va_of(PAGES - 1), 0, VIQ_SOFT_READ, true));
			assert_int_equal(answer(b), VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
		}
		fault_disarm(b->fault);
		answer(b);
		assert_idle(b->v);
		for (uint32_t n = 0; n < PAGES; n++)
			assert_false(viq_soft_cached(b->m.dev, va_of(n), 0, VIQ_SOFT_READ, true));
	}
}

/* --- The test bites ----------------------------------------------------------------------------------------------- */

/* A host that drops an entry and says that it is done: nothing above it can know, but this file's eyes do. */
static void a_dropped_entry_is_seen(struct bench *b)
{
	warm(b);
	inject(b, VIQ_FAULT_DROP, 77, 0, 0);
	queue_all(b, 0, NULL);
	assert_idle(b->v);
	assert_gone(b, 0, 77);
	assert_kept(b, 77, 78);
	assert_gone(b, 78, PAGES);
	fault_disarm(b->fault);
}

static void over_every_contract(void (*fn)(struct bench *))
{
	for (contract = VIQ_FAULT_EXACT; contract <= VIQ_FAULT_LINUX_NEXT; contract++) {
		struct bench b;

		bench_init(&b);
		fn(&b);
		bench_fini(&b);
	}
}

#define OVER_EVERY_CONTRACT(fn)                                                                                        \
	static void test_##fn(void **state)                                                                            \
	{                                                                                                              \
		over_every_contract(fn);                                                                               \
	}

OVER_EVERY_CONTRACT(guest_illegal_at_every_index)
OVER_EVERY_CONTRACT(host_illegal_at_every_index)
OVER_EVERY_CONTRACT(hardware_failure)
OVER_EVERY_CONTRACT(host_without_memory)
OVER_EVERY_CONTRACT(target_gone)
OVER_EVERY_CONTRACT(atc_timeout)
OVER_EVERY_CONTRACT(a_dropped_entry_is_seen)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guest_illegal_at_every_index),
		cmocka_unit_test(test_host_illegal_at_every_index),
		cmocka_unit_test(test_hardware_failure),
		cmocka_unit_test(test_host_without_memory),
		cmocka_unit_test(test_target_gone),
		cmocka_unit_test(test_atc_timeout),
		cmocka_unit_test(test_a_dropped_entry_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
