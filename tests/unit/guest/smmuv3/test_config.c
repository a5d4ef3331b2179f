/* SPDX-License-Identifier: MIT */
/*
 * The ID registers an embedder may choose (IHI 0070 6.3.1 to 6.3.8): each contradiction is refused with a sentence that
 * names the field, before anything is created.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/vsmmu.h"

struct refusal {
	const char *field; /* must be in the sentence */
	uint32_t set0, clear0, set1, clear1, set3, clear3, set5, clear5;
	int aidr; /* -1: as is */
};

#define SSIDSIZE(n) ((uint32_t)(n) << 6)
#define EVENTQS(n)  ((uint32_t)(n) << 16)
#define CMDQS(n)    ((uint32_t)(n) << 21)

static const struct refusal refusals[] = {
	/* An SMMU without a stage, or of the wrong table format. */
	{"S1P", .clear0 = 1 << 1, .aidr = -1},
	{"TTF", .clear0 = 3 << 2, .aidr = -1},
	{"TTF", .clear0 = 3 << 2, .set0 = 1 << 2, .aidr = -1},
	{"TTF", .set0 = 3 << 2, .aidr = -1},
	/* Not offered. */
	{"BTM", .set0 = 1 << 5, .aidr = -1},
	{"HTTU", .set0 = 1 << 6, .aidr = -1},
	{"HTTU", .set0 = 2 << 6, .aidr = -1},
	{"DORMHINT", .set0 = 1 << 8, .aidr = -1},
	{"HYP", .set0 = 1 << 9, .aidr = -1},
	{"SEV", .set0 = 1 << 14, .aidr = -1},
	{"ATOS", .set0 = 1 << 15, .aidr = -1},
	{"PRI", .set0 = 1 << 16, .aidr = -1}, /* without ATS; without the hook; queues; auto-responses with PASID */
	{"PRI", .set0 = 1 << 10 | 1 << 16, .aidr = -1},
	{"PRIQS", .set0 = 1 << 10 | 1 << 16, .set1 = 20 << 11, .aidr = -1},
	{"PPS", .set0 = 1 << 10 | 1 << 16, .set1 = SSIDSIZE(1), .aidr = -1},
	{"VMW", .set0 = 1 << 17, .aidr = -1},
	{"VMID16", .set0 = 1 << 18, .aidr = -1},
	{"VATOS", .set0 = 1 << 20, .aidr = -1},
	{"TTENDIAN", .clear0 = 3 << 21, .set0 = 1 << 21, .aidr = -1},
	{"ATSRECERR", .set0 = 1 << 23, .aidr = -1},
	{"STALL_MODEL", .clear0 = 3 << 24, .aidr = -1},
	{"STALL_MODEL", .clear0 = 3 << 24, .set0 = 2 << 24, .aidr = -1},
	{"STALL_MODEL", .set0 = 3 << 24, .aidr = -1},
	{"ST_LEVEL", .set0 = 3u << 27, .aidr = -1},
	{"ST_LEVEL", .clear0 = 3u << 27, .set0 = 2u << 27, .aidr = -1},
	{"IDR0", .set0 = 1u << 29, .aidr = -1},
	{"IDR0", .set0 = 1u << 30, .aidr = -1},
	{"IDR0", .set0 = 1u << 31, .aidr = -1},
	/* Sizes. */
	{"SIDSIZE", .clear1 = 0x3f, .set1 = 33, .aidr = -1},
	{"SIDSIZE", .clear1 = 0x3f, .set1 = 63, .aidr = -1},
	{"SSIDSIZE", .clear1 = SSIDSIZE(31), .set1 = SSIDSIZE(21), .aidr = -1},
	{"SSIDSIZE", .set1 = SSIDSIZE(31), .aidr = -1},
	{"PRIQS", .set1 = 1 << 11, .aidr = -1},
	{"EVENTQS", .clear1 = EVENTQS(31), .set1 = EVENTQS(20), .aidr = -1},
	{"CMDQS", .clear1 = CMDQS(31), .set1 = CMDQS(20), .aidr = -1},
	{"ATTR_PERMS_OVR", .set1 = 1 << 26, .aidr = -1},
	{"REL", .set1 = 1 << 28, .aidr = -1},
	{"QUEUES_PRESET", .set1 = 1 << 29, .aidr = -1},
	{"TABLES_PRESET", .set1 = 1 << 30, .aidr = -1},
	{"ECMDQ", .set1 = 1u << 31, .aidr = -1},
	/* SIDSIZE >= 7 demands two-level tables (6.3.2). */
	{"ST_LEVEL", .clear0 = 3u << 27, .clear1 = 0x3f, .set1 = 7, .aidr = -1},
	{"ST_LEVEL", .clear0 = 3u << 27, .clear1 = 0x3f, .set1 = 32, .aidr = -1},
	/* IDR3. */
	{"IDR3", .set3 = 1 << 0, .aidr = -1},
	{"PBHA", .set3 = 1 << 3, .aidr = -1},
	{"XNX", .set3 = 1 << 4, .aidr = -1},
	{"PPS", .set3 = 1 << 5, .aidr = -1},
	{"MPAM", .set3 = 1 << 7, .aidr = -1},
	{"FWB", .set3 = 1 << 8, .aidr = -1},
	{"STT", .set3 = 1 << 9, .aidr = -1},
	{"BBML", .set3 = 3 << 11, .aidr = -1},
	{"PTWNNC", .set3 = 1 << 14, .aidr = -1},
	{"IDR3", .set3 = 1 << 15, .aidr = -1},
	{"IDR3", .set3 = 1 << 20, .aidr = -1},
	{"IDR3", .set3 = 1u << 31, .aidr = -1},
	/* IDR5. */
	{"OAS", .set5 = 7, .aidr = -1},
	{"OAS", .clear5 = 7 | 1 << 6, .set5 = 6, .aidr = -1}, /* 52 bits: only with 64K granules or DS, from v3.1 on */
	{"OAS", .clear5 = 7, .set5 = 6, .aidr = 0},
	{"VAX", .set5 = 1 << 10, .aidr = 0},
	{"DS", .clear5 = 3 << 4, .set5 = 1 << 7, .aidr = -1},
	{"GRAN", .clear5 = 7 << 4, .aidr = -1},
	{"D128", .set5 = 1 << 8, .aidr = -1},
	{"VAX", .set5 = 2 << 10, .aidr = -1},
	{"VAX", .set5 = 3 << 10, .aidr = -1},
	{"STALL_MAX", .set5 = 1 << 16, .aidr = -1},
	{"IDR5", .set5 = 1 << 3, .aidr = -1},
	{"IDR5", .set5 = 1 << 9, .aidr = -1},
	{"IDR5", .set5 = 1 << 12, .aidr = -1},
	{"IDR5", .set5 = 1 << 15, .aidr = -1},
	/* What a version obliges to (6.3.8): v3.1 HAD; v3.2 RIL and BBML; v3.3 E0PD. */
	{"HAD", .clear3 = 1 << 2, .aidr = 1},
	{"RIL", .set3 = 1 << 11, .clear3 = 1 << 10, .aidr = 2},
	{"BBML", .set3 = 1 << 10, .clear3 = 3 << 11, .aidr = 2},
	{"E0PD", .set3 = 1 << 10 | 1 << 11, .clear3 = 1 << 13, .aidr = 3},
	{"HAD", .set3 = 1 << 10 | 1 << 11 | 1 << 13, .clear3 = 1 << 2, .aidr = 3},
	{"AIDR", .set3 = 1 << 10 | 1 << 11 | 1 << 13, .aidr = 4}, /* 56-bit address fields */
	/* With stage 2: v3.1 XNX, v3.2 FWB and with both stages HYP, v3.3 PTWNNC (6.3.1, 6.3.4); no split-stage ATS. */
	{"XNX", .set0 = 1, .aidr = 1},
	{"XNX", .set0 = 1, .set3 = 1 << 4, .aidr = 0},
	{"AIDR", .set0 = 1, .set3 = 1 << 4 | 1 << 8 | 1 << 10 | 1 << 11, .aidr = 2},
	{"FWB", .set0 = 1, .clear0 = 2, .set3 = 1 << 4 | 1 << 10 | 1 << 11, .clear3 = 1 << 2, .aidr = 2},
	{"PTWNNC", .set0 = 1, .clear0 = 2, .set3 = 1 << 4 | 1 << 8 | 1 << 10 | 1 << 11 | 1 << 13, .clear3 = 1 << 2,
	 .aidr = 3},
	{"HAD", .set0 = 1, .clear0 = 2, .set3 = 1 << 4, .aidr = -1},
	{"NS1ATS", .set0 = 1 | 1 << 10, .set3 = 1 << 4, .aidr = -1},
	{"DS", .set0 = 1, .set3 = 1 << 4, .set5 = 1 << 7, .aidr = -1},
	{"AIDR", .aidr = 0x10},
	{"AIDR", .aidr = 0x100},
};

static void apply(const struct refusal *r, struct viq_smmuv3_config *config)
{
	config->idr0 = (config->idr0 & ~r->clear0) | r->set0;
	config->idr1 = (config->idr1 & ~r->clear1) | r->set1;
	config->idr3 = (config->idr3 & ~r->clear3) | r->set3;
	config->idr5 = (config->idr5 & ~r->clear5) | r->set5;
	if (r->aidr >= 0)
		config->aidr = (uint32_t)r->aidr;
}

static struct viq_mem *no_memory(void)
{
	struct viq_mem *mem;

	assert_int_equal(viq_mem_create(NULL, 0, NULL, NULL, &mem, NULL), 0);
	return mem;
}

static void config_for(struct viq_smmuv3_config *config, struct viq_mem *mem)
{
	viq_smmuv3_config_init(config, sizeof(*config));
	config->mem = mem;
}

static void contradictions_are_refused_by_name(void **state)
{
	struct viq_mem *mem = no_memory();

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i];
		struct viq_smmuv3 *smmu = (void *)0x55;
		struct viq_smmuv3_config config;
		struct viq_why why = {""};

		config_for(&config, mem);
		apply(r, &config);
		if (viq_smmuv3_config_check(&config, &why) != -EINVAL)
			fail_msg("case %zu: %s is accepted", i, r->field);
		if (!strstr(why.text, r->field))
			fail_msg("case %zu: '%s' does not name %s", i, why.text, r->field);
		assert_int_equal(viq_smmuv3_config_check(&config, NULL), -EINVAL);
		assert_int_equal(viq_smmuv3_create(&config, &smmu, NULL), -EINVAL);
	}
	viq_mem_destroy(mem);
}

static const struct refusal accepted[] = {
	{"default", .aidr = -1},
	{"v3.0 without HAD", .clear3 = 1 << 2, .aidr = 0},
	{"v3.2", .set3 = 1 << 10 | 1 << 11, .aidr = 2},
	{"v3.3", .set3 = 1 << 10 | 1 << 11 | 1 << 13, .aidr = 3},
	{"BBML 2", .set3 = 2 << 11, .aidr = -1},
	{"linear", .clear0 = 3u << 27, .clear1 = 0x3f, .set1 = 6, .aidr = -1},
	{"no streams but one", .clear0 = 3u << 27, .clear1 = 0x3f, .aidr = -1},
	{"32-bit SIDs", .clear1 = 0x3f, .set1 = 32, .aidr = -1},
	{"20-bit SSIDs", .set1 = SSIDSIZE(20), .aidr = -1},
	{"CD2L, ATS, MSI", .set0 = 1 << 19 | 1 << 10 | 1 << 13, .set1 = SSIDSIZE(20), .aidr = -1},
	{"mixed endian", .clear0 = 3 << 21, .aidr = -1},
	{"queues of 2^7", .clear1 = EVENTQS(31) | CMDQS(31), .set1 = EVENTQS(7) | CMDQS(7), .aidr = -1},
	{"8-bit ASIDs", .clear0 = 1 << 12, .aidr = -1},
	{"not coherent", .clear0 = 1 << 4, .aidr = -1},
	{"TERM_MODEL 0", .clear0 = 1 << 26, .aidr = -1},
	{"ATTR_TYPES_OVR", .set1 = 1 << 27, .aidr = -1},
	{"32 bits of address", .clear5 = 7, .aidr = -1},
	{"52 bits with 64K", .clear5 = 7, .set5 = 6 | 1 << 10, .aidr = -1},
	{"52 bits with DS", .clear5 = 7 | 1 << 6, .set5 = 6 | 1 << 7, .aidr = -1},
	{"one granule", .clear5 = 6 << 4, .aidr = -1},
	{"NS1ATS", .set0 = 3 << 10, .aidr = -1},
	{"both stages", .set0 = 1 | 1 << 18, .set3 = 1 << 4 | 1 << 8, .aidr = -1},
	{"both stages and ATS", .set0 = 1 | 3 << 10, .set3 = 1 << 4, .aidr = -1},
	{"both stages, v3.0", .set0 = 1, .aidr = 0},
	{"stage 2", .set0 = 1, .clear0 = 2, .set3 = 1 << 4, .clear3 = 1 << 2, .aidr = -1},
	{"stage 2, v3.3", .set0 = 1, .clear0 = 2, .set3 = 1 << 4 | 1 << 8 | 1 << 10 | 1 << 11 | 1 << 13 | 1 << 14,
	 .clear3 = 1 << 2, .aidr = 3},
};

static void what_the_architecture_allows_is_accepted(void **state)
{
	struct viq_mem *mem = no_memory();

	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		struct viq_smmuv3_config config;
		struct viq_smmuv3 *smmu = NULL;
		struct viq_why why = {""};

		config_for(&config, mem);
		apply(&accepted[i], &config);
		if (viq_smmuv3_config_check(&config, &why))
			fail_msg("%s is refused: %s", accepted[i].field, why.text);
		assert_int_equal(viq_smmuv3_create(&config, &smmu, &why), 0);
		viq_smmuv3_destroy(smmu);
	}
	viq_mem_destroy(mem);
}

/* What viq_smmuv3_config_init() promises; the caller only adds what its host offers more. */
static void defaults(void **state)
{
	struct viq_smmuv3_config config;

	memset(&config, 0x5a, sizeof(config));
	viq_smmuv3_config_init(&config, sizeof(config));
	assert_int_equal(config.size, sizeof(config));
	assert_int_equal(config.idr0 & (REG(IDR0_S1P) | REG(IDR0_S2P) | REG(IDR0_ASID16)),
			 REG(IDR0_S1P) | REG(IDR0_ASID16));
	assert_int_equal(config.idr0 & (REG(IDR0_ATS) | REG(IDR0_MSI) | REG(IDR0_PRI)), REG(IDR0_MSI));
	assert_int_equal(VIQ_GET(REG(IDR0_TTF), config.idr0), 2);
	assert_int_equal(VIQ_GET(REG(IDR0_ST_LEVEL), config.idr0), 1);
	assert_int_equal(VIQ_GET(REG(IDR0_STALL_MODEL), config.idr0), 1);
	assert_int_equal(VIQ_GET(REG(IDR1_SIDSIZE), config.idr1), 16);
	assert_int_equal(VIQ_GET(REG(IDR1_SSIDSIZE), config.idr1), 0);
	assert_int_equal(VIQ_GET(REG(IDR1_CMDQS), config.idr1), 19);
	assert_int_equal(VIQ_GET(REG(IDR1_EVENTQS), config.idr1), 19);
	assert_int_equal(config.idr3 & (REG(IDR3_HAD) | REG(IDR3_RIL)), REG(IDR3_HAD));
	assert_int_equal(VIQ_GET(REG(IDR5_OAS), config.idr5), 5);
	assert_int_equal(config.idr5 & 0x70, 0x70); /* 4K, 16K, 64K */
	assert_int_equal(config.aidr, VIQ_SMMUV3_AIDR_V3_1);
	assert_int_equal(config.budget, 0);
	assert_null(config.mem);
	assert_null(config.ops);
	assert_null(config.opaque);
	assert_non_null(config.host.ops);
}

static void expect_refused(const struct viq_smmuv3_config *config, const char *field)
{
	struct viq_smmuv3 *smmu = NULL;
	struct viq_why why = {""};

	assert_int_equal(viq_smmuv3_create(config, &smmu, &why), -EINVAL);
	assert_null(smmu);
	if (!strstr(why.text, field))
		fail_msg("'%s' does not name %s", why.text, field);
}

static void api_misuse_is_refused(void **state)
{
	struct viq_mem *mem = no_memory();
	struct viq_smmuv3_ops ops = {.size = sizeof(ops)};
	struct viq_call_host_ops host_ops;
	struct viq_smmuv3_config config;
	struct viq_smmuv3 *smmu = NULL;

	config_for(&config, mem);
	config.size--;
	expect_refused(&config, "size");
	config_for(&config, NULL);
	expect_refused(&config, "mem");
	config_for(&config, mem);
	config.host.ops = NULL;
	expect_refused(&config, "host");
	config_for(&config, mem);
	host_ops = *config.host.ops;
	host_ops.size--;
	config.host.ops = &host_ops;
	expect_refused(&config, "host");
	host_ops.size++;
	host_ops.invalidate = NULL;
	expect_refused(&config, "host");
	config_for(&config, mem);
	config.ops = &ops;
	ops.size = 1;
	expect_refused(&config, "ops");
	config_for(&config, mem);
	config.page = (char *)mem - (uintptr_t)mem % 4096 + 8;
	expect_refused(&config, "page");
	config_for(&config, mem);
	config.gbpa = 0x80001000;
	expect_refused(&config, "gbpa");
	config_for(&config, mem);
	config.gbpa = 0x40000000;
	expect_refused(&config, "gbpa");
	config_for(&config, mem);
	assert_int_equal(viq_smmuv3_create(NULL, &smmu, NULL), -EINVAL);
	assert_int_equal(viq_smmuv3_create(&config, NULL, NULL), -EINVAL);
	assert_int_equal(viq_smmuv3_config_check(NULL, NULL), -EINVAL);
	viq_smmuv3_config_init(NULL, 0);
	viq_smmuv3_destroy(NULL);
	viq_smmuv3_reset(NULL);
	assert_int_equal(viq_smmuv3_save_size(NULL), 0);
	viq_smmuv3_mmio_write(NULL, 0, 4, 0);
	assert_int_equal(viq_smmuv3_mmio_read(NULL, 0, 4), 0);
	assert_false(viq_smmuv3_run(NULL, 0));
	viq_mem_destroy(mem);
}

/* With no hooks, no memory and the null host a guest can still do anything. */
static void hooks_are_optional(void **state)
{
	struct viq_mem *mem = no_memory();
	struct viq_smmuv3_config config;
	struct viq_smmuv3 *smmu;
	uint64_t record[4] = {4};

	config_for(&config, mem);
	config.idr0 |= REG(IDR0_MSI);
	assert_int_equal(viq_smmuv3_create(&config, &smmu, NULL), 0);
	viq_smmuv3_mmio_write(smmu, REG(IRQ_CTRL), 4, 5);
	viq_smmuv3_mmio_write(smmu, REG(CMDQ_BASE), 8, 4);
	viq_smmuv3_mmio_write(smmu, REG(CMDQ_PROD), 4, 4);
	viq_smmuv3_mmio_write(smmu, REG(CR0), 4, 0xd);
	assert_int_equal(viq_smmuv3_mmio_read(smmu, REG(CMDQ_CONS), 4), 0x02000000);
	assert_int_equal(viq_smmuv3_event(smmu, record), -EFAULT);
	assert_int_equal(viq_smmuv3_event(smmu, record), -ENODEV);
	assert_int_equal(viq_smmuv3_event(smmu, NULL), -EINVAL);
	viq_smmuv3_reset(smmu);
	viq_smmuv3_destroy(smmu);
	viq_mem_destroy(mem);
}

static void footprint_is_bounded_and_constant(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	size_t before = viq_smmuv3_footprint(v->smmu);

	assert_true(before > 0 && before <= 256 * 1024);
	v->quiet = true;
	vsmmu_boot(v, 10);
	for (unsigned int round = 0; round < 200; round++) {
		for (uint32_t i = 0; i < 1000; i++)
			vsmmu_push_test(v, cmd_host_type(i % TEST_HOST_TYPES, i));
		vsmmu_push_sync(v);
		vsmmu_ring(v);
		assert_idle(v);
		vsmmu_forget(v);
	}
	assert_int_equal(viq_smmuv3_footprint(v->smmu), before);
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(contradictions_are_refused_by_name),
		cmocka_unit_test(what_the_architecture_allows_is_accepted),
		cmocka_unit_test(api_misuse_is_refused),
		cmocka_unit_test(hooks_are_optional),
		cmocka_unit_test(footprint_is_bounded_and_constant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
