/* SPDX-License-Identifier: MIT */
/*
 * P2: what a host could not do is not the guest's error. The queue waits at the first descriptor that is not done, the
 * guest sees nothing, and the VMM runs it again: what register writes, saved states and hooks do meanwhile.
 */
#include <stdlib.h>

#include "support/vvtd.h"

static struct vvtd_host *host;

/* A queue that waits at its second descriptor: IQH is at 1, and 4 are queued. */
static struct vvtd *waiting(const struct viq_vtd_ops *ops, bool dt)
{
	struct viq_vtd_config config;
	struct vvtd *v;

	vvtd_config(&config);
	config.ops = ops;
	if (!dt)
		config.ecap &= ~VREG(ECAP_DT);
	v = vvtd_new(&config);
	host = vvtd_host_new(v);
	vvtd_attach(v, host, 1, 0, 0x100, VIQ_VTD_TABLE_RID);
	vvtd_boot(v, 256, 1);
	vvtd_host_fail(host, entry_page(2, true), VIQ_CALL_NO_MEMORY, -1);
	for (unsigned int i = 1; i < 4; i++)
		vvtd_push(v, desc_page(1, 0, i));
	vvtd_push_wait(v);
	vvtd_ring(v);
	return v;
}

static void heals(struct vvtd *v)
{
	host->times = 0;
	vvtd_retry(v);
	assert_vidle(v);
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 0);
	assert_true(vvtd_completed(v, 3));
	assert_true(vvtd_host_did(host, entry_page(2, true), 0));
	vvtd_free(v);
}

/* IQH is exact, no error, no message; the hook hears why, and how often in a row. */
static void test_nothing_is_shown(void **state)
{
	struct vvtd *v = waiting(NULL, true);
	size_t at = 0;

	for (uint64_t times = 1; times < 5; times++) {
		assert_vwaits(v, 1);
		assert_false(vvtd_completed(v, 3));
		assert_int_equal(viq_vtd_waits_for_host(v->vtd), times);
		at = vvtd_log_find(v, at, VLOG_WAIT);
		assert_int_equal(v->log[at].a, VIQ_CALL_NO_MEMORY);
		assert_int_equal(v->log[at].b, times);
		assert_int_equal(v->log[at++].iqh, 32);
		assert_false(viq_vtd_run(v->vtd, 0));
	}
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_TRACE), 1);
	assert_int_equal(vvtd_log_number(v, VLOG_KICK), 0);
	assert_int_equal(vtd_counters(v->vtd).host_waits, 5);
	assert_int_equal(vtd_counters(v->vtd).retries, 0);
	heals(v);
}

/* A doorbell is no attempt, whatever it adds. */
static void test_doorbells_only_add(void **state)
{
	struct vvtd *v = waiting(NULL, true);
	uint64_t calls = host->calls;

	for (unsigned int i = 0; i < 10; i++) {
		vvtd_push(v, desc_page(1, 0, 100 + i));
		vvtd_ring(v);
		assert_vwaits(v, 1);
	}
	assert_int_equal(host->calls, calls);
	heals(v);
}

/* Off and on, a reset, a tail that goes back: there is nothing to wait for any more. */
static void test_the_guest_ends_it(void **state)
{
	for (unsigned int how = 0; how < 3; how++) {
		struct vvtd *v = waiting(NULL, true);

		v->lax = true;
		if (how == 0)
			vvtd_gcmd(v, VREG(GCMD_QIE), false);
		else if (how == 1)
			viq_vtd_reset(v->vtd);
		else
			vvtd_w64(v, VREG(IQT), 32);
		assert_int_equal(viq_vtd_waits_for_host(v->vtd), 0);
		assert_false(viq_vtd_run(v->vtd, 0));
		host->times = 0;
		if (how == 2)
			vvtd_w64(v, VREG(IQT), 128);
		else
			vvtd_boot(v, 256, 1);
		vvtd_push_wait(v);
		vvtd_ring(v);
		assert_vidle(v);
		vvtd_free(v);
	}
}

/* The new object knows nothing of it, asks for a run, and tries. */
static void test_migration_tries_again(void **state)
{
	struct vvtd *v = waiting(NULL, true);

	vvtd_migrate(v);
	assert_int_equal(vvtd_log_number(v, VLOG_KICK), 1);
	assert_iqh(v, 1);
	vvtd_retry(v);
	assert_vwaits(v, 1);
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 1);
	vvtd_migrate(v);
	heals(v);
}

/* The embedder gives up: ITE, and the descriptor is read again when the guest has cleared that. */
static void test_giving_up(void **state)
{
	struct vvtd *v = waiting(NULL, true);

	v->gives_up = true;
	vvtd_retry(v);
	for (unsigned int i = 0; i < 3; i++) {
		assert_retry(v, 1);
		assert_int_equal(viq_vtd_waits_for_host(v->vtd), 0);
		vvtd_w32(v, VREG(FSTS), VREG(FSTS_ITE));
	}
	v->gives_up = false;
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_ITE));
	assert_vwaits(v, 1);
	heals(v);
}

/* Without device-TLBs ITE is reserved (11.4.7.1): then the queue stands still, and each write of IQT tries. */
static void test_giving_up_without_device_tlbs(void **state)
{
	struct vvtd *v = waiting(NULL, false);

	v->gives_up = true;
	vvtd_retry(v);
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t calls = host->calls;

		assert_int_equal(vvtd_r32(v, VREG(FSTS)), 0);
		assert_iqh(v, 1);
		vvtd_ring(v);
		assert_true(host->calls > calls);
	}
	assert_int_equal(vtd_counters(v->vtd).retries, 0);
	host->times = 0;
	vvtd_ring(v);
	assert_vidle(v);
	vvtd_free(v);
}

/* A device whose TLB the table's host invalidates too, and that does not answer: told, and gone when it is isolated. */
static void test_a_device_does_not_answer(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *shared;
	unsigned int tables[3];
	size_t at;

	host = vvtd_host_new(v);
	vvtd_attach(v, host, 1, 0, 0x100, VIQ_VTD_TABLE_RID);
	/* Of those behind one table, all with a device-TLB that it reaches are told of: it is one of them. */
	shared = vvtd_host_new(v);
	for (uint16_t i = 0; i < 3; i++)
		tables[i] =
			vvtd_attach(v, shared, 2, 0, 0x776 + i, VIQ_VTD_TABLE_RID | (i ? VIQ_VTD_DEVTLB_IMPLIED : 0));
	vvtd_boot(v, 256, 1);
	vvtd_host_fail(v->hosts[1], entry_page(5, true), VIQ_CALL_TIMEOUT, -1);
	vvtd_push(v, desc_page(1, 0, 1));
	vvtd_push(v, desc_page(2, 0, 5));
	vvtd_submit(v, desc_page(1, 0, 2));
	assert_vwaits(v, 1);
	at = vvtd_log_find(v, 0, VLOG_TIMEOUT);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, 0x777);
	at = vvtd_log_find(v, at + 1, VLOG_TIMEOUT);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, 0x778);
	assert_int_equal(vvtd_log_number(v, VLOG_TIMEOUT), 2);
	for (unsigned int i = 0; i < 3; i++)
		vvtd_detach(v, tables[i]);
	vvtd_retry(v);
	assert_vidle(v);
	assert_true(vvtd_completed(v, 3));
	/* And where the embedder's devtlb() says so: its ITE is the guest's, its source-id goes to the VMM. */
	v->devtlb_result = -110;
	v->devtlb_times = 1;
	vvtd_submit(v, desc_devtlb(0x555, 0x1000, false));
	assert_int_equal(VIQ_GET(VREG(IQERCD_ITESID), vvtd_r64(v, VREG(IQERCD))), 0x555);
	at = vvtd_log_find(v, at + 1, VLOG_TIMEOUT);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, 0x555);
	vvtd_free(v);
}

/* Statistics have what was done, and each failure. */
static void test_counters(void **state)
{
	struct vvtd *v = waiting(NULL, true);

	assert_int_equal(vtd_counters(v->vtd).descriptors[VREG(TYPE_PIOTLB)], 1);
	assert_int_equal(vtd_counters(v->vtd).call_errors[VIQ_CALL_NO_MEMORY], 1);
	assert_int_equal(vtd_counters(v->vtd).call_errors[VIQ_CALL_NONE], 0);
	host->times = 0;
	vvtd_retry(v);
	assert_int_equal(vtd_counters(v->vtd).descriptors[VREG(TYPE_PIOTLB)], 3);
	assert_int_equal(vtd_counters(v->vtd).call_errors[VIQ_CALL_NONE], 1);
	vvtd_free(v);
}

/* --- Requests by register ----------------------------------------------------------------------------------------- */

#define CCMD_GLOBAL  (VREG(CCMD_ICC) | VIQ_PUT(VREG(CCMD_CIRG), VIQ_VTD_CC_GLOBAL))
#define IOTLB_DOMAIN (VREG(IOTLB_IVT) | VIQ_PUT(VREG(IOTLB_IIRG), VIQ_VTD_IOTLB_DOMAIN) | VIQ_PUT(VREG(IOTLB_DID), 1))

static uint64_t iotlb(struct vvtd *v)
{
	return VIQ_GET(VREG(ECAP_IRO), vvtd_r64(v, VREG(ECAP))) * VIQ_VTD_OFFSET_UNITS + VREG(IOTLB_REG);
}

/* Two tables of domain 1: the second fails for good. */
static struct vvtd *by_register(const struct viq_vtd_ops *ops)
{
	struct viq_vtd_config config;
	struct vvtd *v;

	vvtd_config(&config);
	config.ops = ops;
	v = vvtd_new(&config);
	vvtd_attach(v, vvtd_host_new(v), 1, 0, 0x100, VIQ_VTD_TABLE_RID);
	host = vvtd_host_new(v);
	vvtd_attach(v, host, 1, 0, 0x101, VIQ_VTD_TABLE_RID);
	vvtd_host_fail(host, entry_all(), VIQ_CALL_NO_MEMORY, -1);
	return v;
}

/*
 * IAIG = 0 would say that the request was wrong (11.4.6.3): the register stays busy, the hook hears why, and no write
 * makes an attempt. What was confirmed is not asked for again.
 */
static void test_iotlb_by_register(void **state)
{
	struct vvtd *v = by_register(NULL);
	uint64_t calls = 0;

	vvtd_w64(v, iotlb(v), IOTLB_DOMAIN);
	for (uint64_t times = 1; times < 4; times++) {
		assert_int_equal(vvtd_r64(v, iotlb(v)), IOTLB_DOMAIN);
		assert_int_equal(viq_vtd_waits_for_host(v->vtd), times);
		assert_int_equal(vvtd_log_number(v, VLOG_WAIT), times);
		calls = host->calls;
		vvtd_w64(v, iotlb(v), IOTLB_DOMAIN);
		vvtd_gcmd(v, VREG(GCMD_TE), times % 2);
		assert_int_equal(host->calls, calls);
		assert_false(viq_vtd_run(v->vtd, 0));
	}
	assert_int_equal(vvtd_log_number(v, VLOG_KICK), 0);
	/* The queue comes after it. */
	vvtd_boot(v, 256, 0);
	vvtd_push(v, desc_page(1, 0, 1));
	vvtd_ring(v);
	assert_iqh(v, 0);
	host->times = 0;
	vvtd_retry(v);
	assert_int_equal(vvtd_r64(v, iotlb(v)),
			 (IOTLB_DOMAIN & ~VREG(IOTLB_IVT)) | VIQ_PUT(VREG(IOTLB_IAIG), VIQ_VTD_IOTLB_DOMAIN));
	assert_int_equal(v->hosts[0]->effect_count, 2);
	assert_vidle(v);
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 0);
	vvtd_free(v);
}

/* The same for CCMD, behind which IOTLB waits, whoever says it; GCMD is done for its own part, and is an attempt. */
static void test_ccmd_by_register(void **state)
{
	struct vvtd *v = by_register(NULL);

	host->times = 0;
	v->reconfig_result = -12;
	vvtd_w64(v, VREG(CCMD), CCMD_GLOBAL);
	vvtd_w64(v, iotlb(v), IOTLB_DOMAIN);
	assert_int_equal(vvtd_r64(v, VREG(CCMD)), CCMD_GLOBAL);
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 1);
	assert_int_equal(v->hosts[0]->effect_count, 0);
	vvtd_gcmd(v, VREG(GCMD_TE), true);
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 2);
	assert_true(vvtd_r32(v, VREG(GSTS)) & VREG(GSTS_TES));
	assert_int_equal(vvtd_r64(v, VREG(CCMD)), CCMD_GLOBAL);
	v->reconfig_result = 0;
	vvtd_retry(v);
	assert_int_equal(vvtd_r64(v, VREG(CCMD)),
			 (CCMD_GLOBAL & ~VREG(CCMD_ICC)) | VIQ_PUT(VREG(CCMD_CAIG), VIQ_VTD_CC_GLOBAL));
	assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_RECONFIG)].reconfig.cause, VIQ_VTD_CONTEXT_CACHE);
	assert_int_equal(vvtd_r64(v, iotlb(v)) & VREG(IOTLB_IVT), 0);
	assert_int_equal(v->hosts[0]->effect_count, 1);
	/* Another failure is the first of its own; giving up says that it was not done; a new object has done it. */
	v->reconfig_result = -12;
	vvtd_w64(v, VREG(CCMD), CCMD_GLOBAL);
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 1);
	v->gives_up = true;
	assert_false(viq_vtd_run(v->vtd, 0));
	assert_int_equal(vvtd_r64(v, VREG(CCMD)), CCMD_GLOBAL & ~VREG(CCMD_ICC));
	v->gives_up = false;
	vvtd_w64(v, VREG(CCMD), CCMD_GLOBAL);
	v->reconfig_result = 0;
	vvtd_migrate(v);
	assert_int_equal(VIQ_GET(VREG(CCMD_CAIG), vvtd_r64(v, VREG(CCMD))), VIQ_VTD_CC_GLOBAL);
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 0);
	vvtd_free(v);
}

/* IOTLB waits on when CCMD, which failed after it, was given up. */
static void test_one_of_two_registers(void **state)
{
	struct vvtd *v = by_register(NULL);

	vvtd_w64(v, iotlb(v), IOTLB_DOMAIN);
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 1);
	v->reconfig_result = -12;
	v->gives_up = true;
	vvtd_w64(v, VREG(CCMD), CCMD_GLOBAL);
	assert_int_equal(vvtd_r64(v, VREG(CCMD)), CCMD_GLOBAL & ~VREG(CCMD_ICC));
	assert_int_equal(vvtd_r64(v, iotlb(v)), IOTLB_DOMAIN);
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 1);
	v->gives_up = false;
	assert_false(viq_vtd_run(v->vtd, 0));
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 2);
	host->times = 0;
	vvtd_retry(v);
	assert_int_equal(vvtd_r64(v, iotlb(v)) & VREG(IOTLB_IVT), 0);
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 0);
	vvtd_free(v);
}

/* --- Without the hook --------------------------------------------------------------------------------------------- */

static unsigned int kicks, depth, deepest;
static bool at_once;

static void kick(void *opaque)
{
	kicks++;
	if (++depth > deepest)
		deepest = depth;
	if (at_once)
		viq_vtd_run(((struct vvtd *)opaque)->vtd, 0);
	depth--;
}

static int nothing(void *opaque, const struct viq_vtd_devtlb *inv)
{
	return 0;
}

static void test_by_register_without_the_hook(void **state)
{
	struct viq_vtd_ops ops = {.size = sizeof(ops), .devtlb = nothing, .kick = kick};
	struct vvtd *v;

	at_once = false;
	kicks = 0;
	v = by_register(&ops);
	vvtd_w64(v, iotlb(v), IOTLB_DOMAIN);
	assert_int_equal(kicks, 1);
	vvtd_w64(v, VREG(IQT), 0);
	assert_int_equal(kicks, 1);
	assert_false(viq_vtd_run(v->vtd, 0));
	assert_int_equal(kicks, 2);
	host->times = 0;
	assert_false(viq_vtd_run(v->vtd, 0));
	assert_int_equal(VIQ_GET(VREG(IOTLB_IAIG), vvtd_r64(v, iotlb(v))), VIQ_VTD_IOTLB_DOMAIN);
	vvtd_free(v);
	/* Nobody to ask. */
	at_once = true;
	for (unsigned int i = 0; i < 2; i++, ops.kick = NULL) {
		v = by_register(&ops);
		vvtd_w64(v, iotlb(v), IOTLB_DOMAIN);
		assert_int_equal(vvtd_r64(v, iotlb(v)), IOTLB_DOMAIN & ~VREG(IOTLB_IVT));
		vvtd_free(v);
	}
}

static void test_without_the_hook_kick_asks(void **state)
{
	const struct viq_vtd_ops ops = {.size = sizeof(ops), .devtlb = nothing, .kick = kick};
	struct vvtd *v;

	at_once = false;
	kicks = 0;
	v = waiting(&ops, true);
	for (unsigned int i = 1; i < 4; i++) {
		assert_vwaits(v, 1);
		assert_int_equal(kicks, i);
		vvtd_ring(v);
		assert_int_equal(kicks, i);
		assert_false(viq_vtd_run(v->vtd, 0));
	}
	heals(v);
}

/* A kick() that runs the queue itself has nobody to ask later, nor has who has none: the guest's driver tries again. */
static void test_nobody_to_ask(void **state)
{
	struct viq_vtd_ops ops = {.size = sizeof(ops), .devtlb = nothing, .kick = kick};

	at_once = true;
	deepest = 0;
	for (unsigned int i = 0; i < 2; i++) {
		struct vvtd *v = waiting(&ops, true);

		assert_retry(v, 1);
		host->times = 0;
		vvtd_w32(v, VREG(FSTS), VREG(FSTS_ITE));
		assert_vidle(v);
		vvtd_free(v);
		ops.kick = NULL;
	}
	assert_int_equal(deepest, 1);
}

/* Without ICC the register only keeps what is written. */
static void test_ccmd_without_a_request(void **state)
{
	struct vvtd *v = by_register(NULL);

	vvtd_w64(v, VREG(CCMD), CCMD_GLOBAL & ~VREG(CCMD_ICC));
	assert_int_equal(vvtd_r64(v, VREG(CCMD)), CCMD_GLOBAL & ~VREG(CCMD_ICC));
	assert_int_equal(vvtd_log_number(v, VLOG_RECONFIG), 0);
	vvtd_free(v);
}

/* P2: two failures, told in the order of the queue: what cannot be read is behind what has not been done. */
static void test_a_failure_before_what_cannot_be_read(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	const struct viq_mem_region region = {.gpa = 0, .size = VVTD_QUEUE + 8 * 32, .host = v->ram};
	struct viq_mem *all = v->mem;

	assert_int_equal(viq_mem_create(&region, 1, NULL, NULL, &v->mem, NULL), 0);
	v->config.mem = v->mem;
	viq_vtd_destroy(v->vtd);
	assert_int_equal(viq_vtd_create(&v->config, &v->vtd, NULL), 0);
	viq_mem_destroy(all);
	host = vvtd_host_new(v);
	vvtd_attach(v, host, 1, 0, 0x100, VIQ_VTD_TABLE_RID);
	vvtd_boot(v, 256, 1);
	vvtd_host_fail(host, entry_page(3, true), VIQ_CALL_NO_MEMORY, -1);
	for (unsigned int i = 0; i < 12; i++)
		vvtd_push(v, desc_page(1, 0, i));
	vvtd_ring(v);
	assert_vwaits(v, 3);
	host->times = 0;
	vvtd_retry(v);
	assert_iqe(v, 8, VIQ_VTD_IQEI_FETCH);
	vvtd_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_shown),
		cmocka_unit_test(test_doorbells_only_add),
		cmocka_unit_test(test_the_guest_ends_it),
		cmocka_unit_test(test_migration_tries_again),
		cmocka_unit_test(test_giving_up),
		cmocka_unit_test(test_giving_up_without_device_tlbs),
		cmocka_unit_test(test_a_device_does_not_answer),
		cmocka_unit_test(test_iotlb_by_register),
		cmocka_unit_test(test_ccmd_by_register),
		cmocka_unit_test(test_one_of_two_registers),
		cmocka_unit_test(test_by_register_without_the_hook),
		cmocka_unit_test(test_without_the_hook_kick_asks),
		cmocka_unit_test(test_nobody_to_ask),
		cmocka_unit_test(test_a_failure_before_what_cannot_be_read),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_ccmd_without_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
