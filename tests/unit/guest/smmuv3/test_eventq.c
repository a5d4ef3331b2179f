/* SPDX-License-Identifier: MIT */
/* The event queue (IHI 0070 3.5, 7.2, 7.4): records, indices, overflow, aborts, interrupts. */
#include <errno.h>
#include <string.h>

#include "support/vsmmu.h"

#define LOG2     3
#define SIZE     8u
#define MSI_ADDR UINT64_C(0x08020040)

static struct vsmmu *booted_at(uint64_t base, uint32_t start)
{
	struct vsmmu *v = vsmmu_new(NULL);

	vsmmu_w64(v, REG(EVENTQ_BASE), base | LOG2);
	vsmmu_w32(v, REG(EVENTQ_PROD), start);
	vsmmu_w32(v, REG(EVENTQ_CONS), start);
	vsmmu_w32(v, REG(IRQ_CTRL), REG(IRQ_CTRL_EVENTQ_IRQEN) | REG(IRQ_CTRL_GERROR_IRQEN));
	vsmmu_w32(v, REG(CR0), REG(CR0_EVENTQEN));
	vsmmu_log_clear(v);
	return v;
}

static struct vsmmu *booted(void)
{
	return booted_at(VSMMU_EVENTQ, 0);
}

static int put(struct vsmmu *v, uint64_t n)
{
	const uint64_t record[4] = {VIQ_SMMUV3_EVT_F_TRANSLATION | n << 32, ~n, n * 3,
				    UINT64_C(0x1122334455667788) + n};

	return viq_smmuv3_event(v->smmu, record);
}

static void assert_record(struct vsmmu *v, uint32_t slot, uint64_t n)
{
	uint64_t at = VSMMU_EVENTQ + slot * 32;

	assert_int_equal(vsmmu_peek64(v, at), VIQ_SMMUV3_EVT_F_TRANSLATION | n << 32);
	assert_int_equal(vsmmu_peek64(v, at + 8), ~n);
	assert_int_equal(vsmmu_peek64(v, at + 16), n * 3);
	assert_int_equal(vsmmu_peek64(v, at + 24), UINT64_C(0x1122334455667788) + n);
}

static size_t irqs(const struct vsmmu *v, enum viq_smmuv3_irq which)
{
	size_t n = 0;

	for (size_t i = 0; i < v->log_count; i++)
		n += v->log[i].kind == LOG_IRQ && v->log[i].a == which;
	return n;
}

static void records_and_indices(void **state)
{
	struct vsmmu *v = booted();

	for (uint32_t n = 0; n < 5 * SIZE; n++) {
		assert_int_equal(put(v, n), 0);
		assert_record(v, n % SIZE, n);
		assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), (n + 1) % (2 * SIZE));
		vsmmu_w32(v, REG(EVENTQ_CONS), (n + 1) % (2 * SIZE));
	}
	assert_int_equal(smmuv3_counters(v->smmu).events, 5 * SIZE);
	assert_int_equal(smmuv3_counters(v->smmu).events_lost, 0);
	vsmmu_free(v);
}

/* Entry visible, then PROD, then the interrupt. */
static void order(void **state)
{
	struct vsmmu *v = booted();
	size_t write, irq;

	assert_int_equal(put(v, 1), 0);
	write = vsmmu_log_find(v, 0, LOG_WRITE);
	irq = vsmmu_log_find(v, 0, LOG_IRQ);
	assert_true(write < irq && irq < v->log_count);
	for (size_t i = 0; i < v->log_count; i++) {
		if (v->log[i].kind == LOG_WRITE)
			assert_int_equal(v->log[i].eventq_prod, 0);
	}
	assert_int_equal(v->log[irq].a, VIQ_SMMUV3_IRQ_EVENTQ);
	assert_int_equal(v->log[irq].eventq_prod, 1);
	vsmmu_free(v);
}

static void interrupt_only_when_it_was_empty(void **state)
{
	struct vsmmu *v = booted();

	put(v, 0);
	put(v, 1);
	put(v, 2);
	assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_EVENTQ), 1);
	vsmmu_w32(v, REG(EVENTQ_CONS), 2);
	put(v, 3);
	assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_EVENTQ), 1);
	vsmmu_w32(v, REG(EVENTQ_CONS), 4);
	put(v, 4);
	assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_EVENTQ), 2);
	vsmmu_w32(v, REG(IRQ_CTRL), REG(IRQ_CTRL_GERROR_IRQEN));
	vsmmu_w32(v, REG(EVENTQ_CONS), 5);
	put(v, 5);
	assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_EVENTQ), 2);
	vsmmu_free(v);
}

/* 7.4: OVFLG is toggled once, when it equals OVACKFLG; records go on once there is room. */
static void overflow(void **state)
{
	struct vsmmu *v = booted();
	uint32_t full;

	for (uint32_t n = 0; n < SIZE; n++)
		assert_int_equal(put(v, n), 0);
	full = vsmmu_r32(v, REG(EVENTQ_PROD));
	assert_int_equal(full, SIZE);
	assert_int_equal(put(v, 100), -ENOSPC);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), full | VIQ_SMMUV3_EVENTQ_OVFLG);
	assert_int_equal(put(v, 101), -ENOSPC);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), full | VIQ_SMMUV3_EVENTQ_OVFLG);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), 0); /* not a global error */
	assert_record(v, 0, 0);
	/* One entry freed, not acknowledged: there is room for one. */
	vsmmu_w32(v, REG(EVENTQ_CONS), 1);
	assert_int_equal(put(v, 8), 0);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 9 | VIQ_SMMUV3_EVENTQ_OVFLG);
	assert_int_equal(put(v, 102), -ENOSPC);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 9 | VIQ_SMMUV3_EVENTQ_OVFLG);
	/* Acknowledged while full: the next loss toggles it back to 0. */
	vsmmu_w32(v, REG(EVENTQ_CONS), 1 | VIQ_SMMUV3_EVENTQ_OVFLG);
	assert_int_equal(put(v, 103), -ENOSPC);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 9);
	assert_int_equal(smmuv3_counters(v->smmu).events_lost, 4);
	vsmmu_free(v);
}

/* 7.4, for what was lost before it came here: the flag moves as if the queue had been full, and PROD does not. */
static void overflow_elsewhere(void **state)
{
	struct vsmmu *v = booted();

	assert_int_equal(put(v, 0), 0);
	viq_smmuv3_event_lost(v->smmu, 3);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 1 | VIQ_SMMUV3_EVENTQ_OVFLG);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), 0);
	/* Not acknowledged: it stays, and records go on. */
	viq_smmuv3_event_lost(v->smmu, 1);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 1 | VIQ_SMMUV3_EVENTQ_OVFLG);
	assert_int_equal(put(v, 1), 0);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 2 | VIQ_SMMUV3_EVENTQ_OVFLG);
	/* Acknowledged: the next loss toggles it back to 0. */
	vsmmu_w32(v, REG(EVENTQ_CONS), 2 | VIQ_SMMUV3_EVENTQ_OVFLG);
	viq_smmuv3_event_lost(v->smmu, 1);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 2);
	/* None is none; off is off. */
	vsmmu_w32(v, REG(EVENTQ_CONS), 2);
	viq_smmuv3_event_lost(v->smmu, 0);
	viq_smmuv3_event_lost(NULL, 1);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 2);
	vsmmu_w32(v, REG(CR0), 0);
	viq_smmuv3_event_lost(v->smmu, 10);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 2);
	assert_int_equal(smmuv3_counters(v->smmu).events_lost, 15);
	vsmmu_free(v);
}

static void overflow_survives_the_wrap(void **state)
{
	struct vsmmu *v = booted_at(VSMMU_EVENTQ, 2 * SIZE - 2);

	for (uint32_t n = 0; n < SIZE; n++)
		assert_int_equal(put(v, n), 0);
	assert_int_equal(put(v, 100), -ENOSPC);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), (SIZE - 2) | VIQ_SMMUV3_EVENTQ_OVFLG);
	for (uint32_t n = 0; n < 4 * SIZE; n++) {
		vsmmu_w32(v, REG(EVENTQ_CONS), (2 * SIZE - 1 + n) % (2 * SIZE));
		assert_int_equal(put(v, n), 0);
		assert_true(vsmmu_r32(v, REG(EVENTQ_PROD)) & VIQ_SMMUV3_EVENTQ_OVFLG);
	}
	vsmmu_free(v);
}

/* Dropped because disabled: no overflow. */
static void disabled(void **state)
{
	struct vsmmu *v = booted();

	vsmmu_w32(v, REG(CR0), 0);
	assert_int_equal(put(v, 0), -ENODEV);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 0);
	vsmmu_w32(v, REG(EVENTQ_PROD), SIZE); /* full, and disabled */
	assert_int_equal(put(v, 0), -ENODEV);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), SIZE);
	assert_int_equal(vsmmu_log_number(v, LOG_IRQ), 0);
	assert_int_equal(vsmmu_log_number(v, LOG_WRITE), 0);
	vsmmu_free(v);
}

/* The write aborts: PROD stays, EVENTQ_ABT_ERR, no event interrupt; dropped silently until acknowledged. */
static void abort_error(void **state)
{
	struct vsmmu *v = booted_at(UINT64_C(0x10000000), 0);

	assert_int_equal(put(v, 0), -EFAULT);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 0);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), REG(GERROR_EVENTQ_ABT_ERR));
	assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_EVENTQ), 0);
	assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_GERROR), 1);
	assert_int_equal(put(v, 0), -ENODEV);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), REG(GERROR_EVENTQ_ABT_ERR));
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 0); /* no overflow either */
	vsmmu_w32(v, REG(GERRORN), REG(GERROR_EVENTQ_ABT_ERR));
	assert_int_equal(put(v, 0), -EFAULT);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), 0);
	assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_GERROR), 2);
	vsmmu_free(v);
}

/* A queue half of which is not there: only those records fail. */
static void partly_mapped(void **state)
{
	struct vsmmu *v = booted_at(VSMMU_RAM - 0x80, 0); /* aligned down to 256: begins before RAM */

	assert_int_equal(put(v, 0), -EFAULT);
	vsmmu_w32(v, REG(GERRORN), vsmmu_r32(v, REG(GERROR)));
	vsmmu_w32(v, REG(CR0), 0);
	vsmmu_w64(v, REG(EVENTQ_BASE), (VSMMU_RAM + VSMMU_RAM_SIZE - 0x100) | 4); /* 512 bytes: last half of RAM */
	vsmmu_w32(v, REG(CR0), REG(CR0_EVENTQEN));
	assert_int_equal(put(v, 1), 0);
	vsmmu_free(v);
}

/* More than a queue apart: full (output queues may treat it so). */
static void inconsistent_indices(void **state)
{
	for (uint32_t cons = 0; cons < 2 * SIZE; cons++) {
		struct vsmmu *v = booted();
		uint32_t fill = (0 - cons) & (2 * SIZE - 1);

		vsmmu_w32(v, REG(EVENTQ_CONS), cons);
		assert_int_equal(put(v, 0), fill < SIZE ? 0 : -ENOSPC);
		vsmmu_free(v);
	}
}

static void sizes(void **state)
{
	for (unsigned int log2 = 0; log2 <= 31; log2++) {
		unsigned int effective = log2 < 19 ? log2 : 19;
		struct vsmmu *v = vsmmu_new(NULL);

		vsmmu_w64(v, REG(EVENTQ_BASE), VSMMU_RAM | log2);
		vsmmu_w32(v, REG(EVENTQ_PROD), (1u << effective) - 1); /* the last slot */
		vsmmu_w32(v, REG(EVENTQ_CONS), (1u << effective) - 1);
		vsmmu_w32(v, REG(CR0), REG(CR0_EVENTQEN));
		vsmmu_log_clear(v);
		assert_int_equal(put(v, 7), 0);
		assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 1u << effective);
		assert_int_equal(v->log[vsmmu_log_find(v, 0, LOG_WRITE)].a,
				 VSMMU_RAM + (((UINT64_C(1) << effective) - 1) * 32));
		vsmmu_free(v);
	}
}

static void msi(void **state)
{
	struct vsmmu *v = booted();
	size_t at;

	vsmmu_w32(v, REG(IRQ_CTRL), 0);
	vsmmu_w64(v, REG(EVENTQ_IRQ_CFG0), MSI_ADDR);
	vsmmu_w32(v, REG(EVENTQ_IRQ_CFG1), 77);
	vsmmu_w32(v, REG(IRQ_CTRL), REG(IRQ_CTRL_EVENTQ_IRQEN) | REG(IRQ_CTRL_GERROR_IRQEN));
	put(v, 0);
	at = vsmmu_log_find(v, 0, LOG_MSI);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, MSI_ADDR);
	assert_int_equal(v->log[at].b, 77);
	assert_int_equal(v->log[at].eventq_prod, 1);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), 0);
	vsmmu_w32(v, REG(EVENTQ_CONS), 1);
	v->msi_result = -EFAULT;
	assert_int_equal(put(v, 1), 0); /* recorded all the same */
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), REG(GERROR_MSI_EVENTQ_ABT_ERR));
	assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_GERROR), 1);
	vsmmu_free(v);
}

/* The MSI of GERROR itself aborts: told in GERROR, but not by another interrupt. */
static void gerror_msi(void **state)
{
	struct vsmmu *v = booted_at(UINT64_C(0x10000000), 0);
	size_t msis;

	vsmmu_w32(v, REG(IRQ_CTRL), 0);
	vsmmu_w64(v, REG(GERROR_IRQ_CFG0), MSI_ADDR + 8);
	vsmmu_w32(v, REG(GERROR_IRQ_CFG1), 99);
	vsmmu_w32(v, REG(IRQ_CTRL), REG(IRQ_CTRL_GERROR_IRQEN));
	v->msi_result = -EFAULT;
	put(v, 0);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), REG(GERROR_EVENTQ_ABT_ERR) | REG(GERROR_MSI_GERROR_ABT_ERR));
	msis = vsmmu_log_number(v, LOG_MSI);
	assert_int_equal(msis, 1);
	assert_int_equal(v->log[vsmmu_log_find(v, 0, LOG_MSI)].a, MSI_ADDR + 8);
	assert_int_equal(v->log[vsmmu_log_find(v, 0, LOG_MSI)].b, 99);
	assert_int_equal(v->log[vsmmu_log_find(v, 0, LOG_MSI)].gerror & REG(GERROR_EVENTQ_ABT_ERR),
			 REG(GERROR_EVENTQ_ABT_ERR));
	vsmmu_free(v);
}

/* An event from inside a hook of the same object, as a VMM that reports a failed re-attach does. */
static int event_in_reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	struct vsmmu *v = opaque;
	struct viq_smmuv3_stream stream = {.size = sizeof(stream)};

	if (what->cause != VIQ_SMMUV3_CFGI_STE)
		return 0;
	assert_int_equal(viq_smmuv3_stream_config(v->smmu, what->first, &stream), 0);
	assert_int_equal(stream.mode, VIQ_SMMUV3_FAULT);
	return viq_smmuv3_event(v->smmu, stream.event);
}

static void event_from_a_hook(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);

	v->lax = true;
	v->ops.reconfig = event_in_reconfig;
	vsmmu_replace(v);
	vsmmu_boot(v, 4);
	vsmmu_submit(v, cmd_cfgi_ste(5));
	assert_idle(v);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_PROD)), 1);
	assert_int_equal(vsmmu_peek64(v, VSMMU_EVENTQ), VIQ_SMMUV3_EVT_C_BAD_STREAMID | UINT64_C(5) << 32);
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_and_indices),
		cmocka_unit_test(order),
		cmocka_unit_test(interrupt_only_when_it_was_empty),
		cmocka_unit_test(overflow),
		cmocka_unit_test(overflow_elsewhere),
		cmocka_unit_test(overflow_survives_the_wrap),
		cmocka_unit_test(disabled),
		cmocka_unit_test(abort_error),
		cmocka_unit_test(partly_mapped),
		cmocka_unit_test(inconsistent_indices),
		cmocka_unit_test(sizes),
		cmocka_unit_test(msi),
		cmocka_unit_test(gerror_msi),
		cmocka_unit_test(event_from_a_hook),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
