/* SPDX-License-Identifier: MIT */
/* The PRI queue (IHI 0070 chapter 8): entries, overflow, aborts, interrupts, answers of the guest and of the SMMU. */
#include <errno.h>

#include "support/vsmmu.h"

#define PRIQ     UINT64_C(0x40400000)
#define LOG2     3
#define SIZE     8u
#define SID      UINT32_C(0x00010203)
#define MSI_ADDR UINT64_C(0x08020040)

static void config_of(struct viq_smmuv3_config *config)
{
	vsmmu_config(config);
	config->idr0 |= REG(IDR0_PRI);
	config->idr1 |= VIQ_PUT(REG(IDR1_PRIQS), 19);
	config->idr3 |= REG(IDR3_PPS);
}

static void start(struct vsmmu *v, uint64_t base)
{
	vsmmu_boot(v, 8);
	vsmmu_w64(v, REG(PRIQ_BASE), base | LOG2);
	vsmmu_w32(v, REG(PRIQ_PROD), 0);
	vsmmu_w32(v, REG(PRIQ_CONS), 0);
	vsmmu_w32(v, REG(CR0), vsmmu_r32(v, REG(CR0)) | REG(CR0_PRIQEN));
	vsmmu_w32(v, REG(IRQ_CTRL), REG(IRQ_CTRL_PRIQ_IRQEN) | REG(IRQ_CTRL_GERROR_IRQEN));
	assert_true(vsmmu_r32(v, REG(CR0ACK)) & REG(CR0_PRIQEN));
	vsmmu_log_clear(v);
}

static struct vsmmu *booted(uint32_t budget)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	config_of(&config);
	config.budget = budget;
	v = vsmmu_new(&config);
	start(v, PRIQ);
	return v;
}

static int ask(struct vsmmu *v, uint16_t prgi, bool ssv, bool last)
{
	const struct viq_smmuv3_page_request r = {.size = sizeof(r),
						  .sid = SID,
						  .ssid = 5,
						  .ssv = ssv,
						  .prgi = prgi,
						  .last = last,
						  .read = true,
						  .addr = 0x7123};

	return viq_smmuv3_page_request(v->smmu, &r);
}

static const struct viq_smmuv3_page_response *answer(const struct vsmmu *v)
{
	const struct viq_smmuv3_page_response *found = NULL;

	for (size_t i = 0; i < v->log_count; i++) {
		if (v->log[i].kind == LOG_RESPONSE)
			found = &v->log[i].response;
	}
	assert_non_null(found);
	return found;
}

static size_t irqs(const struct vsmmu *v, enum viq_smmuv3_irq which)
{
	size_t n = 0;

	for (size_t i = 0; i < v->log_count; i++)
		n += v->log[i].kind == LOG_IRQ && v->log[i].a == which;
	return n;
}

static void entries(void **state)
{
	struct vsmmu *v = booted(VIQ_WORK_UNLIMITED);
	struct viq_smmuv3_page_request r = {.size = sizeof(r),
					    .sid = 0xfedcba98,
					    .ssid = 0xfffff,
					    .prgi = 0x1ff,
					    .last = true,
					    .write = true,
					    .exec = true,
					    .priv = true,
					    .addr = UINT64_MAX};

	assert_int_equal(viq_smmuv3_page_request(v->smmu, &r), 0);
	assert_true(vsmmu_peek64(v, PRIQ) == 0x60000000fedcba98); /* SSV = 0: no SubstreamID, X, Priv */
	assert_true(vsmmu_peek64(v, PRIQ + 8) == 0xfffffffffffff1ff);
	r.ssv = true;
	assert_int_equal(viq_smmuv3_page_request(v->smmu, &r), 0);
	assert_true(vsmmu_peek64(v, PRIQ + 16) == 0xec0ffffffedcba98);
	r = (struct viq_smmuv3_page_request){.size = sizeof(r), .read = true};
	assert_int_equal(viq_smmuv3_page_request(v->smmu, &r), 0);
	assert_true(vsmmu_peek64(v, PRIQ + 32) == 0x1000000000000000);
	assert_true(vsmmu_peek64(v, PRIQ + 40) == 0);
	assert_int_equal(vsmmu_r32(v, REG(PRIQ_PROD)), 3);
	assert_int_equal(smmuv3_counters(v->smmu).page_requests, 3);
	/* Around, with the wrap flag. */
	for (uint32_t n = 3; n < 5 * SIZE; n++) {
		vsmmu_w32(v, REG(PRIQ_CONS), n % (2 * SIZE));
		assert_int_equal(ask(v, (uint16_t)n, true, true), 0);
		assert_true(vsmmu_peek64(v, PRIQ + 16 * (n % SIZE) + 8) == (0x7000 | n));
		assert_int_equal(vsmmu_r32(v, REG(PRIQ_PROD)), (n + 1) % (2 * SIZE));
	}
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 0);
	vsmmu_free(v);
}

static void refused(void **state)
{
	struct vsmmu *v = booted(VIQ_WORK_UNLIMITED), *none = vsmmu_start(VIQ_WORK_UNLIMITED, 8);
	struct viq_smmuv3_page_request r = {.size = sizeof(r), .last = true};

	assert_int_equal(viq_smmuv3_page_request(NULL, &r), -EINVAL);
	assert_int_equal(viq_smmuv3_page_request(v->smmu, NULL), -EINVAL);
	assert_int_equal(viq_smmuv3_page_request(none->smmu, &r), -ENOTSUP);
	r.prgi = 512;
	assert_int_equal(viq_smmuv3_page_request(v->smmu, &r), -EINVAL);
	r.prgi = 0;
	r.ssv = true;
	r.ssid = 1u << 20;
	assert_int_equal(viq_smmuv3_page_request(v->smmu, &r), -EINVAL);
	assert_int_equal(vsmmu_r32(v, REG(PRIQ_PROD)), 0);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 0);
	vsmmu_free(v);
	vsmmu_free(none);
}

/* 8.1: full is full to the last slot; OVFLG; nothing more until it is acknowledged, whatever room there is. */
static void overflow(void **state)
{
	struct vsmmu *v = booted(VIQ_WORK_UNLIMITED);

	for (unsigned int i = 0; i < SIZE; i++)
		assert_int_equal(ask(v, (uint16_t)i, true, true), 0);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 0);
	assert_int_equal(ask(v, 20, true, false), -ENOSPC);
	assert_int_equal(vsmmu_r32(v, REG(PRIQ_PROD)), REG(EVENTQ_OVFLG) | SIZE);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 0);
	vsmmu_w32(v, REG(PRIQ_CONS), SIZE);
	assert_int_equal(ask(v, 21, true, true), -ENOSPC);
	assert_int_equal(answer(v)->code, VIQ_SMMUV3_PRG_SUCCESS);
	assert_int_equal(answer(v)->sid, SID);
	assert_int_equal(answer(v)->prgi, 21);
	assert_true(answer(v)->ssv); /* PPS = 1 */
	assert_int_equal(answer(v)->ssid, 5);
	assert_int_equal(ask(v, 22, false, true), -ENOSPC);
	assert_false(answer(v)->ssv);
	assert_int_equal(vsmmu_r32(v, REG(PRIQ_PROD)), REG(EVENTQ_OVFLG) | SIZE);
	vsmmu_w32(v, REG(PRIQ_CONS), REG(EVENTQ_OVFLG) | SIZE);
	assert_int_equal(ask(v, 23, true, true), 0);
	assert_int_equal(vsmmu_r32(v, REG(PRIQ_PROD)), REG(EVENTQ_OVFLG) | (SIZE + 1));
	/* Indices further apart than the queue is long are full. */
	vsmmu_w32(v, REG(PRIQ_CONS), REG(EVENTQ_OVFLG) | (SIZE + 2));
	assert_int_equal(ask(v, 24, true, false), -ENOSPC);
	assert_int_equal(vsmmu_r32(v, REG(PRIQ_PROD)), SIZE + 1);
	assert_int_equal(smmuv3_counters(v->smmu).page_requests_lost, 4);
	assert_int_equal(smmuv3_counters(v->smmu).page_responses, 2);
	vsmmu_free(v);
}

/* 8.2: off, or in error: failure, without PASID. Stop markers are never answered. */
static void not_enabled(void **state)
{
	struct vsmmu *v = booted(VIQ_WORK_UNLIMITED);
	struct viq_smmuv3_page_request stop = {.size = sizeof(stop), .ssv = true, .ssid = 1, .last = true};
	uint32_t cr0 = vsmmu_r32(v, REG(CR0));

	assert_int_equal(viq_smmuv3_page_request(v->smmu, &stop), 0);
	vsmmu_w32(v, REG(CR0), cr0 & ~(uint32_t)REG(CR0_PRIQEN));
	assert_int_equal(viq_smmuv3_page_request(v->smmu, &stop), -ENODEV);
	assert_int_equal(ask(v, 1, true, false), -ENODEV);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 0);
	assert_int_equal(ask(v, 1, true, true), -ENODEV);
	assert_int_equal(answer(v)->code, VIQ_SMMUV3_PRG_FAILURE);
	assert_false(answer(v)->ssv);
	assert_int_equal(answer(v)->ssid, 0);
	vsmmu_w32(v, REG(CR0), cr0 & ~(uint32_t)REG(CR0_SMMUEN));
	assert_int_equal(ask(v, 1, true, true), -ENODEV);
	/* Without SSV that is no stop marker. */
	stop.ssv = false;
	vsmmu_log_clear(v);
	assert_int_equal(viq_smmuv3_page_request(v->smmu, &stop), -ENODEV);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 1);
	vsmmu_free(v);
}

static void no_memory_at_the_queue(void **state)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	config_of(&config);
	v = vsmmu_new(&config);
	start(v, UINT64_C(0x800000000000));
	assert_int_equal(ask(v, 1, true, true), -EFAULT);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), REG(GERROR_PRIQ_ABT_ERR));
	assert_int_equal(answer(v)->code, VIQ_SMMUV3_PRG_FAILURE);
	assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_GERROR), 1);
	assert_int_equal(vsmmu_r32(v, REG(PRIQ_PROD)), 0);
	assert_int_equal(ask(v, 1, true, true), -ENODEV);
	vsmmu_w32(v, REG(GERRORN), REG(GERROR_PRIQ_ABT_ERR));
	/* Nothing was written, so with LO there is no interrupt of the queue, either. */
	vsmmu_w32(v, REG(IRQ_CTRL), 0);
	vsmmu_w32(v, REG(PRIQ_IRQ_CFG2), REG(PRIQ_CFG2_LO));
	vsmmu_w32(v, REG(IRQ_CTRL), REG(IRQ_CTRL_PRIQ_IRQEN) | REG(IRQ_CTRL_GERROR_IRQEN));
	assert_int_equal(ask(v, 1, true, true), -EFAULT);
	assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_PRIQ), 0);
	vsmmu_free(v);
}

/* An interrupt for a queue that was empty; with LO for each last request, lost ones of an overflow included. */
static void interrupts(void **state)
{
	struct vsmmu *v = booted(VIQ_WORK_UNLIMITED);

	assert_int_equal(ask(v, 1, true, false), 0);
	assert_int_equal(ask(v, 1, true, true), 0);
	assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_PRIQ), 1);
	vsmmu_w32(v, REG(IRQ_CTRL), 0);
	vsmmu_w64(v, REG(PRIQ_IRQ_CFG0), MSI_ADDR);
	vsmmu_w32(v, REG(PRIQ_IRQ_CFG1), 0x77);
	vsmmu_w32(v, REG(PRIQ_IRQ_CFG2), REG(PRIQ_CFG2_LO));
	vsmmu_w32(v, REG(IRQ_CTRL), REG(IRQ_CTRL_PRIQ_IRQEN));
	/* Guarded. */
	vsmmu_w32(v, REG(PRIQ_IRQ_CFG1), 0x78);
	assert_int_equal(vsmmu_r32(v, REG(PRIQ_IRQ_CFG1)), 0x77);
	vsmmu_w32(v, REG(PRIQ_CONS), 2);
	vsmmu_log_clear(v);
	assert_int_equal(ask(v, 1, true, false), 0);
	assert_int_equal(vsmmu_log_number(v, LOG_MSI), 0);
	assert_int_equal(ask(v, 1, true, true), 0);
	assert_int_equal(ask(v, 2, true, true), 0);
	assert_int_equal(vsmmu_log_number(v, LOG_MSI), 2);
	assert_true(v->log[vsmmu_log_find(v, 0, LOG_MSI)].a == MSI_ADDR);
	assert_int_equal(v->log[vsmmu_log_find(v, 0, LOG_MSI)].b, 0x77);
	vsmmu_w32(v, REG(PRIQ_CONS), REG(EVENTQ_OVFLG) | 5);
	assert_int_equal(ask(v, 3, true, false), -ENOSPC);
	assert_int_equal(vsmmu_log_number(v, LOG_MSI), 2);
	assert_int_equal(ask(v, 3, true, true), -ENOSPC);
	assert_int_equal(vsmmu_log_number(v, LOG_MSI), 3);
	v->msi_result = -EFAULT;
	vsmmu_w32(v, REG(PRIQ_CONS), (vsmmu_r32(v, REG(PRIQ_PROD)) & REG(EVENTQ_OVFLG)) | 5);
	assert_int_equal(ask(v, 4, true, true), 0);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), REG(GERROR_MSI_PRIQ_ABT_ERR));
	vsmmu_free(v);
}

static void push_response(struct vsmmu *v, uint32_t sid, bool ssv, uint32_t ssid, uint16_t prgi, unsigned int resp)
{
	vsmmu_push(v, 0x41 | (uint64_t)ssv << 11 | (uint64_t)ssid << 12 | (uint64_t)sid << 32,
		   prgi | (uint64_t)resp << 12);
}

/* 4.5.2: each answer, in queue order, behind what is before it. */
static void responses(void **state)
{
	static const uint8_t codes[] = {VIQ_SMMUV3_PRG_FAILURE, VIQ_SMMUV3_PRG_INVALID, VIQ_SMMUV3_PRG_SUCCESS};
	struct vsmmu *v = booted(VIQ_WORK_UNLIMITED);
	size_t at = 0;

	vsmmu_push_test(v, cmd_nh_asid(7));
	for (unsigned int i = 0; i < 3; i++)
		push_response(v, SID, i, 0xabcde, (uint16_t)(0x1f0 + i), i);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_idle(v);
	assert_true(vsmmu_log_find(v, 0, LOG_HOST) < vsmmu_log_find(v, 0, LOG_RESPONSE));
	for (unsigned int i = 0; i < 3; i++, at++) {
		at = vsmmu_log_find(v, at, LOG_RESPONSE);
		assert_true(at < v->log_count);
		assert_int_equal(v->log[at].response.sid, SID);
		assert_int_equal(v->log[at].response.ssv, i != 0);
		assert_int_equal(v->log[at].response.ssid, i ? 0xabcde : 0);
		assert_int_equal(v->log[at].response.prgi, 0x1f0 + i);
		assert_int_equal(v->log[at].response.code, codes[i]);
	}
	assert_int_equal(smmuv3_counters(v->smmu).commands[0x41], 3);
	push_response(v, SID, true, 1, 1, 3);
	vsmmu_ring(v);
	assert_int_equal(vsmmu_cerror(v), VIQ_SMMUV3_CERROR_ILL);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 3);
	vsmmu_free(v);
}

/* To no stream that there can be: it goes by. */
static void responses_to_nobody(void **state)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	config_of(&config);
	config.idr1 = (config.idr1 & ~(uint32_t)REG(IDR1_SIDSIZE)) | VIQ_PUT(REG(IDR1_SIDSIZE), 20);
	v = vsmmu_new(&config);
	start(v, PRIQ);
	push_response(v, 1u << 20, false, 0, 1, 2);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 0);
	assert_int_equal(smmuv3_counters(v->smmu).no_stream, 1);
	push_response(v, SID, false, 0, 1, 2);
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 1);
	assert_int_equal(smmuv3_counters(v->smmu).no_stream, 1);
	vsmmu_free(v);
}

/* P1: the device must not try again before what is ahead of the answer has taken effect. */
static void responses_behind_what_failed(void **state)
{
	struct vsmmu *v = booted(VIQ_WORK_UNLIMITED);

	test_host_fail(&v->host, 0, cmd_nh_asid(7).dw, VIQ_CALL_NO_MEMORY, -1);
	vsmmu_push_test(v, cmd_nh_asid(7));
	push_response(v, SID, true, 1, 2, 2);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_waits(v, 0);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 0);
	test_host_heal(&v->host);
	vsmmu_retry(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 1);
	vsmmu_free(v);
}

/* With SMMUEN = 0 it is ignored; a device that cannot be told now holds the queue. */
static void responses_that_do_not_go_out(void **state)
{
	struct vsmmu *v = booted(VIQ_WORK_UNLIMITED);

	v->response_result = -ENOMEM;
	push_response(v, SID, true, 1, 2, 2);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_waits(v, 0);
	vsmmu_retry(v);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 2);
	v->response_result = 0;
	vsmmu_retry(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 3);
	vsmmu_w32(v, REG(CR0), vsmmu_r32(v, REG(CR0)) & ~(uint32_t)REG(CR0_SMMUEN));
	v->smmuen = false;
	push_response(v, SID, true, 1, 2, 2);
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 3);
	vsmmu_free(v);
}

/* P4: an answer costs what a host call costs. */
static void responses_are_charged(void **state)
{
	struct vsmmu *v = booted(VIQ_WORK_CALL);

	for (uint16_t i = 0; i < 8; i++)
		push_response(v, SID, true, 1, i, 2);
	vsmmu_ring(v);
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 1);
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 1);
	assert_true(vsmmu_drain(v, 8));
	assert_int_equal(vsmmu_log_number(v, LOG_RESPONSE), 8);
	vsmmu_free(v);
}

/* Without IDR0.PRI all of it is RES0. */
static void registers(void **state)
{
	static const struct {
		uint32_t offset, bits;
	} regs[] = {
		{REG(PRIQ_BASE), 0xffffffff},     {REG(PRIQ_IRQ_CFG0), 0xfffffffc}, {REG(PRIQ_IRQ_CFG1), 0xffffffff},
		{REG(PRIQ_IRQ_CFG2), 0x8000003f}, {REG(PRIQ_PROD), 0x800fffff},     {REG(PRIQ_CONS), 0x800fffff},
	};
	struct viq_smmuv3_config config;
	struct vsmmu *v, *none = vsmmu_new(NULL);

	config_of(&config);
	v = vsmmu_new(&config);
	vsmmu_w32(v, REG(PRIQ_BASE), 19);
	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		vsmmu_w32(v, regs[i].offset, UINT32_MAX);
		assert_int_equal(vsmmu_r32(v, regs[i].offset), regs[i].bits);
		vsmmu_w32(none, regs[i].offset, UINT32_MAX);
		assert_int_equal(vsmmu_r32(none, regs[i].offset), 0);
	}
	vsmmu_w32(none, REG(CR0), REG(CR0_PRIQEN));
	assert_int_equal(vsmmu_r32(none, REG(CR0)), 0);
	vsmmu_w32(none, REG(IRQ_CTRL), REG(IRQ_CTRL_PRIQ_IRQEN));
	assert_int_equal(vsmmu_r32(none, REG(IRQ_CTRLACK)), 0);
	vsmmu_w32(none, REG(GERRORN), REG(GERROR_PRIQ_ABT_ERR));
	assert_int_equal(vsmmu_r32(none, REG(GERRORN)), 0);
	vsmmu_free(v);
	vsmmu_free(none);
}

/* P7 */
static void migration(void **state)
{
	struct vsmmu *v = booted(VIQ_WORK_UNLIMITED);

	assert_int_equal(ask(v, 1, true, true), 0);
	vsmmu_migrate(v);
	assert_int_equal(vsmmu_r32(v, REG(PRIQ_PROD)), 1);
	assert_int_equal(ask(v, 2, true, true), 0);
	assert_true(vsmmu_peek64(v, PRIQ + 24) == 0x7002);
	vsmmu_free(v);
}

/* Who serves the queue's memory has a device ask: as if there were no room, for PROD does not tell of the first yet. */
static int asks_again(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
	struct vsmmu *v = opaque;

	assert_true(gpa == PRIQ);
	assert_int_equal(len, 16);
	assert_int_equal(ask(v, 2, false, true), -ENOSPC);
	return 0;
}

static void inside(void **state)
{
	const struct viq_mem_ops ops = {.size = sizeof(ops), .write = asks_again};
	struct vsmmu *v = booted(VIQ_WORK_UNLIMITED);
	struct viq_smmuv3_config config = v->config;
	struct viq_mem *mem;

	assert_int_equal(viq_mem_create(NULL, 0, &ops, v, &mem, NULL), 0);
	viq_smmuv3_destroy(v->smmu);
	config.mem = mem;
	assert_int_equal(viq_smmuv3_create(&config, &v->smmu, NULL), 0);
	start(v, PRIQ);
	assert_int_equal(ask(v, 1, false, true), 0);
	assert_int_equal(vsmmu_r32(v, REG(PRIQ_PROD)), 1 | REG(EVENTQ_OVFLG));
	assert_int_equal(answer(v)->prgi, 2);
	assert_int_equal(answer(v)->code, REG(PRG_SUCCESS));
	assert_int_equal(smmuv3_counters(v->smmu).page_requests, 1);
	assert_int_equal(smmuv3_counters(v->smmu).page_requests_lost, 1);
	vsmmu_free(v);
	viq_mem_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries),
		cmocka_unit_test(refused),
		cmocka_unit_test(overflow),
		cmocka_unit_test(not_enabled),
		cmocka_unit_test(no_memory_at_the_queue),
		cmocka_unit_test(interrupts),
		cmocka_unit_test(responses),
		cmocka_unit_test(responses_to_nobody),
		cmocka_unit_test(responses_behind_what_failed),
		cmocka_unit_test(responses_that_do_not_go_out),
		cmocka_unit_test(responses_are_charged),
		cmocka_unit_test(registers),
		cmocka_unit_test(migration),
		cmocka_unit_test(inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
