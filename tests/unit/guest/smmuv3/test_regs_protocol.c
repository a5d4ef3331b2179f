/* SPDX-License-Identifier: MIT */
/*
 * P6: registers whose writes mean something (IHI 0070 6.3): enables and their acknowledgement, GBPA.UPDATE, GERRORN,
 * and fields that exist only with a feature.
 */
#include "support/vsmmu.h"

#define GERROR_BITS (REG(GERROR_CMDQ_ERR) | REG(GERROR_EVENTQ_ABT_ERR))
#define GERROR_MSI  (REG(GERROR_MSI_CMDQ_ABT_ERR) | REG(GERROR_MSI_EVENTQ_ABT_ERR) | REG(GERROR_MSI_GERROR_ABT_ERR))

static int setup(void **state)
{
	*state = vsmmu_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	vsmmu_free(*state);
	return 0;
}

/* Linux polls for equality with the whole value written. */
static void cr0ack_follows_cr0(void **state)
{
	struct vsmmu *v = *state;
	const uint32_t bits = REG(CR0_SMMUEN) | REG(CR0_EVENTQEN) | REG(CR0_CMDQEN) | REG(CR0_ATSCHK);

	for (uint32_t value = 0; value < 0x20; value++) {
		vsmmu_w32(v, REG(CR0), value);
		assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), value & bits);
		assert_int_equal(vsmmu_r32(v, REG(CR0)), value & bits);
	}
	vsmmu_w32(v, REG(CR0), 0);
	vsmmu_w32(v, REG(CR0), ~(uint32_t)bits);
	assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), 0);
	vsmmu_w32(v, REG(CR0ACK), UINT32_MAX);
	assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), 0);
}

/* What another vCPU reads in the middle of a reconfiguration. */
static uint32_t seen_ack, seen_gbpa;

static int look(void *opaque, struct viq_smmuv3_reconfig *what)
{
	struct vsmmu *v = opaque;

	seen_ack = vsmmu_r32(v, REG(CR0ACK));
	seen_gbpa = vsmmu_r32(v, REG(GBPA));
	return 0;
}

/* A vCPU may poll CR0ACK and GBPA.UPDATE while another one's write is being carried out: they say when it is done. */
static void acknowledged_when_done(void **state)
{
	const struct viq_smmuv3_ops ops = {.size = sizeof(ops), .reconfig = look};
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.ops = &ops;
	v = vsmmu_new(&config);
	vsmmu_w32(v, REG(GBPA), REG(GBPA_UPDATE) | REG(GBPA_ABORT));
	assert_int_equal(seen_gbpa, REG(GBPA_UPDATE) | REG(GBPA_ABORT));
	assert_int_equal(vsmmu_r32(v, REG(GBPA)), REG(GBPA_ABORT));
	vsmmu_w32(v, REG(CR0), REG(CR0_SMMUEN));
	assert_int_equal(seen_ack, 0);
	assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), REG(CR0_SMMUEN));
	vsmmu_w32(v, REG(CR0), 0);
	assert_int_equal(seen_ack, REG(CR0_SMMUEN));
	assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), 0);
	vsmmu_free(v);
}

static void atschk_needs_ats(void **state)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.idr0 &= ~(uint32_t)REG(IDR0_ATS);
	v = vsmmu_new(&config);
	vsmmu_w32(v, REG(CR0), REG(CR0_ATSCHK));
	assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), 0);
	vsmmu_free(v);
}

static void irq_ctrlack_follows_irq_ctrl(void **state)
{
	struct vsmmu *v = *state;

	for (uint32_t value = 0; value < 8; value++) {
		vsmmu_w32(v, REG(IRQ_CTRL), value);
		assert_int_equal(vsmmu_r32(v, REG(IRQ_CTRLACK)), value & 5);
		assert_int_equal(vsmmu_r32(v, REG(IRQ_CTRL)), value & 5);
	}
	vsmmu_w32(v, REG(IRQ_CTRL), UINT32_MAX);
	assert_int_equal(vsmmu_r32(v, REG(IRQ_CTRLACK)), 5);
}

static void gbpa_needs_update(void **state)
{
	const uint32_t fields = 0x001f3f1f;
	struct vsmmu *v = *state;

	vsmmu_w32(v, REG(GBPA), 0x7fffffff);
	assert_int_equal(vsmmu_r32(v, REG(GBPA)), v->config.gbpa);
	vsmmu_w32(v, REG(GBPA), 0x80100000);
	assert_int_equal(vsmmu_r32(v, REG(GBPA)), 0x00100000);
	vsmmu_w32(v, REG(GBPA), 0);
	assert_int_equal(vsmmu_r32(v, REG(GBPA)), 0x00100000);
	vsmmu_w32(v, REG(GBPA), UINT32_MAX);
	assert_int_equal(vsmmu_r32(v, REG(GBPA)), fields);
	vsmmu_w32(v, REG(GBPA), 0x80000000);
	assert_int_equal(vsmmu_r32(v, REG(GBPA)), 0);
}

/* Streams follow GBPA while SMMUEN = 0: the embedder hears of a change then. */
static void gbpa_change_is_told(void **state)
{
	struct vsmmu *v = *state;
	size_t at;

	vsmmu_log_clear(v);
	vsmmu_w32(v, REG(GBPA), 0x80100000);
	at = vsmmu_log_find(v, 0, LOG_RECONFIG);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, VIQ_SMMUV3_GBPA_CHANGED);
	assert_int_equal(v->log[at].b, 0);
	assert_int_equal(v->log[at].c, UINT32_MAX);
}

static void smmuen_transitions_are_told(void **state)
{
	struct vsmmu *v = *state;
	size_t at;

	vsmmu_log_clear(v);
	vsmmu_w32(v, REG(CR0), REG(CR0_SMMUEN));
	at = vsmmu_log_find(v, 0, LOG_RECONFIG);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, VIQ_SMMUV3_ENABLED);
	vsmmu_log_clear(v);
	vsmmu_w32(v, REG(CR0), REG(CR0_SMMUEN));
	assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), 0);
	vsmmu_w32(v, REG(CR0), 0);
	at = vsmmu_log_find(v, 0, LOG_RECONFIG);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, VIQ_SMMUV3_DISABLED);
}

static void gerrorn_is_stored_literally(void **state)
{
	struct vsmmu *v = *state;

	vsmmu_w32(v, REG(GERRORN), UINT32_MAX);
	assert_int_equal(vsmmu_r32(v, REG(GERRORN)) & (GERROR_BITS | GERROR_MSI), GERROR_BITS | GERROR_MSI);
	assert_int_equal(vsmmu_r32(v, REG(GERRORN)) & ~(GERROR_BITS | GERROR_MSI | REG(GERROR_SFM_ERR)), 0);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), 0);
	vsmmu_w32(v, REG(GERRORN), 0);
	assert_int_equal(vsmmu_r32(v, REG(GERRORN)), 0);
}

/* Toggling GERRORN of an inactive error makes it active: the queue stands until it is toggled back. */
static void gerrorn_of_an_inactive_error_stops_the_queue(void **state)
{
	struct vsmmu *v = *state;

	vsmmu_boot(v, 4);
	vsmmu_w32(v, REG(GERRORN), REG(GERROR_CMDQ_ERR));
	v->lax = true;
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_cons(v, 0);
	vsmmu_w32(v, REG(GERRORN), 0);
	v->lax = false;
	assert_idle(v);
}

/* With IDR0.MSI = 0 the interrupt registers are RES0; Linux writes CFG0 all the same. */
static void irq_cfg_needs_msi(void **state)
{
	static const uint64_t offsets[] = {0x68, 0x6c, 0x70, 0x74, 0xb0, 0xb4, 0xb8, 0xbc};
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.idr0 &= ~(uint32_t)REG(IDR0_MSI);
	v = vsmmu_new(&config);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		vsmmu_w32(v, offsets[i], UINT32_MAX);
		assert_int_equal(vsmmu_r32(v, offsets[i]), 0);
	}
	vsmmu_w64(v, 0x68, UINT64_MAX);
	vsmmu_w64(v, 0xb0, UINT64_MAX);
	assert_int_equal(vsmmu_r64(v, 0x68) | vsmmu_r64(v, 0xb0), 0);
	vsmmu_free(v);
}

static void fmt_needs_st_level(void **state)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.idr0 &= ~(uint32_t)REG(IDR0_ST_LEVEL);
	config.idr1 = (config.idr1 & ~0x3fu) | 6;
	v = vsmmu_new(&config);
	vsmmu_w32(v, REG(STRTAB_BASE_CFG), UINT32_MAX);
	assert_int_equal(vsmmu_r32(v, REG(STRTAB_BASE_CFG)) & (REG(STRTAB_BASE_CFG_FMT) | 0x3f), 0x3f);
	vsmmu_free(v);
}

/* 0xA8 and 0xAC may alias page 1 or be RAZ/WI, but not half of it. */
static void eventq_index_alias_is_whole_or_absent(void **state)
{
	struct vsmmu *v = *state;
	bool alias;

	vsmmu_w64(v, REG(EVENTQ_BASE), VSMMU_EVENTQ | 8);
	vsmmu_w32(v, REG(EVENTQ_PROD), 3);
	vsmmu_w32(v, REG(EVENTQ_CONS), 2);
	alias = vsmmu_r32(v, 0xa8) == 3;
	assert_int_equal(vsmmu_r32(v, 0xa8), alias ? 3 : 0);
	assert_int_equal(vsmmu_r32(v, 0xac), alias ? 2 : 0);
	vsmmu_w32(v, 0xac, 1);
	assert_int_equal(vsmmu_r32(v, REG(EVENTQ_CONS)), alias ? 1 : 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(cr0ack_follows_cr0),
		T(acknowledged_when_done),
		T(atschk_needs_ats),
		T(irq_ctrlack_follows_irq_ctrl),
		T(gbpa_needs_update),
		T(gbpa_change_is_told),
		T(smmuen_transitions_are_told),
		T(gerrorn_is_stored_literally),
		T(gerrorn_of_an_inactive_error_stops_the_queue),
		T(irq_cfg_needs_msi),
		T(fmt_needs_st_level),
		T(eventq_index_alias_is_whole_or_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
