/* SPDX-License-Identifier: MIT */
/*
 * ID registers of a guest SMMUv3 against those of the physical one (IHI 0070 6.3.1 to 6.3.8): what is offered is never
 * more than is there and always a consistent SMMU; what is asked too much is named.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/linux_nest.h"
#include "support/sized.h"

/* A vSMMU on hardware with these registers; NULL: refused, with n->why. */
static struct nest *on(const uint32_t idr[6], uint32_t aidr, uint32_t pasids)
{
	struct nest *n = nest_kernel(1);

	memcpy(n->fk->smmus[0].idr, idr, sizeof(n->fk->smmus[0].idr));
	n->fk->smmus[0].idr[0] |= REG(IDR0_S1P) | REG(IDR0_S2P);
	n->fk->smmus[0].aidr = aidr;
	n->fk->devices[0].max_pasid_log2 = pasids;
	return n;
}

/* As it reaches the guest. */
static void offer(struct nest *n, bool ats, struct viq_smmuv3_config *config)
{
	const struct viq_smmuv3_backend backend = viq_linux_vsmmu_backend(n->vs);
	struct viq_nest_smmuv3 *nest;

	assert_int_equal(viq_nest_smmuv3_create(NULL, NULL, &nest, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_join(nest, &backend, NULL), 0);
	viq_nest_smmuv3_offer(nest, ats, config);
	viq_nest_smmuv3_destroy(nest);
}

static int promise(struct nest *n, const struct viq_smmuv3_config *c, struct viq_why *why)
{
	const struct viq_smmuv3_ids ids = {
		.size = sizeof(ids),
		.idr0 = c->idr0,
		.idr1 = c->idr1,
		.idr3 = c->idr3,
		.idr5 = c->idr5,
		.aidr = c->aidr,
	};

	return viq_linux_vsmmu_promise(n->vs, &ids, why);
}

static uint32_t get(uint32_t reg, uint64_t mask)
{
	return VIQ_GET(mask, reg);
}

static void set(uint32_t *reg, uint64_t mask, uint32_t value)
{
	*reg = (*reg & ~mask) | VIQ_PUT(mask, value);
}

/* An SMMU with everything that a guest can be offered. */
static const uint32_t rich[6] = {
	[0] = 3 | 3 << 2 | 1 << 4 | 1 << 10 | 1 << 12 | 1 << 19 | 1 << 27,
	[1] = 32 | 20 << 6,
	[3] = 1 << 2 | 1 << 10 | 2 << 11 | 1 << 13,
	[5] = 6 | 7 << 4 | 1 << 7 | 1 << 10,
};
/* And one with next to nothing. */
static const uint32_t poor[6] = {
	[0] = 3 | 2 << 2 | 2 << 21 | 1 << 24 | 1 << 26,
	[1] = 6,
	[5] = 1 | 1 << 6,
};

static void offered(const uint32_t idr[6], uint32_t aidr, uint32_t pasids, bool ats, struct viq_smmuv3_config *config)
{
	struct nest *n = on(idr, aidr, pasids);
	const struct viq_mem *mem = config->mem;
	struct viq_why text = {""};

	assert_int_equal(nest_create(n), 0);
	offer(n, ats, config);
	assert_int_equal(promise(n, config, &n->why), 0);
	config->mem = (const struct viq_mem *)&text; /* the check wants one; it is not looked at */
	assert_int_equal(viq_smmuv3_config_check(config, &text), 0);
	config->mem = mem;
	nest_free(n);
}

static void rich_hardware_is_offered(void **state)
{
	struct viq_smmuv3_config c;

	viq_smmuv3_config_init(&c, sizeof(c));
	offered(rich, 2, 16, true, &c);
	assert_int_equal(get(c.idr0, REG(IDR0_TTF)), 2);
	assert_int_equal(get(c.idr0, REG(IDR0_ATS)), 1);
	assert_int_equal(get(c.idr0, REG(IDR0_ASID16)), 1);
	assert_int_equal(get(c.idr0, REG(IDR0_CD2L)), 1);
	assert_int_equal(get(c.idr0, REG(IDR0_TTENDIAN)), 0);
	assert_int_equal(get(c.idr0, REG(IDR0_STALL_MODEL)), 1);
	assert_int_equal(get(c.idr0, REG(IDR0_TERM_MODEL)), 0);
	assert_int_equal(get(c.idr1, REG(IDR1_SSIDSIZE)), 16);
	assert_int_equal(get(c.idr3, REG(IDR3_HAD)), 1);
	assert_int_equal(get(c.idr3, REG(IDR3_RIL)), 1);
	assert_int_equal(get(c.idr3, REG(IDR3_BBML)), 2);
	assert_int_equal(get(c.idr3, REG(IDR3_E0PD)), 0); /* the kernel does not promise it */
	assert_int_equal(get(c.idr5, REG(IDR5_OAS)), 5);  /* the VMM's own: the size of its guest-physical space */
	assert_int_equal(get(c.idr5, REG(IDR5_GRAN4K) | REG(IDR5_GRAN16K) | REG(IDR5_GRAN64K)), 7);
	assert_int_equal(get(c.idr5, REG(IDR5_DS)), 1);
	assert_int_equal(get(c.idr5, REG(IDR5_VAX)), 1);
	assert_int_equal(c.aidr, 1);
}

static void poor_hardware_takes_away(void **state)
{
	struct viq_smmuv3_config c;

	viq_smmuv3_config_init(&c, sizeof(c));
	offered(poor, 0, 0, true, &c);
	assert_int_equal(get(c.idr0, REG(IDR0_ATS)), 0);
	assert_int_equal(get(c.idr0, REG(IDR0_ASID16)), 0);
	assert_int_equal(get(c.idr0, REG(IDR0_CD2L)), 0);
	assert_int_equal(get(c.idr0, REG(IDR0_TTENDIAN)), 2);
	assert_int_equal(get(c.idr0, REG(IDR0_TERM_MODEL)), 1);
	assert_int_equal(get(c.idr1, REG(IDR1_SSIDSIZE)), 0);
	assert_int_equal(c.idr3, 0);
	assert_int_equal(get(c.idr5, REG(IDR5_OAS)), 1);
	assert_int_equal(get(c.idr5, REG(IDR5_GRAN4K)), 0);
	assert_int_equal(get(c.idr5, REG(IDR5_GRAN64K)), 1);
	assert_int_equal(get(c.idr5, REG(IDR5_VAX)), 0);
	assert_int_equal(c.aidr, 0);
}

static void ats_only_if_asked_for(void **state)
{
	struct viq_smmuv3_config c;

	viq_smmuv3_config_init(&c, sizeof(c));
	c.idr0 |= REG(IDR0_ATS);
	offered(rich, 2, 0, false, &c);
	assert_int_equal(get(c.idr0, REG(IDR0_ATS)), 0);
}

static void substreams_as_many_as_devices_make(void **state)
{
	for (uint32_t pasids = 0; pasids <= 31; pasids++) {
		struct viq_smmuv3_config c;

		viq_smmuv3_config_init(&c, sizeof(c));
		offered(rich, 2, pasids, false, &c);
		assert_int_equal(get(c.idr1, REG(IDR1_SSIDSIZE)), pasids < 20 ? pasids : 20);
	}
}

/* What is emulated is the embedder's to choose. */
static void the_rest_is_not_touched(void **state)
{
	struct viq_smmuv3_config c;

	viq_smmuv3_config_init(&c, sizeof(c));
	set(&c.idr0, REG(IDR0_MSI), 1);
	set(&c.idr0, REG(IDR0_ST_LEVEL), 0);
	set(&c.idr1, REG(IDR1_SIDSIZE), 6);
	set(&c.idr1, REG(IDR1_CMDQS), 8);
	set(&c.idr1, REG(IDR1_EVENTQS), 7);
	c.iidr = 0x1234;
	c.gbpa = 0x100000;
	c.budget = VIQ_WORK_UNLIMITED;
	offered(poor, 0, 0, true, &c);
	assert_int_equal(get(c.idr0, REG(IDR0_MSI)), 1);
	assert_int_equal(get(c.idr0, REG(IDR0_ST_LEVEL)), 0);
	assert_int_equal(get(c.idr0, REG(IDR0_COHACC)), 1);
	assert_int_equal(get(c.idr1, REG(IDR1_SIDSIZE)), 6);
	assert_int_equal(get(c.idr1, REG(IDR1_CMDQS)), 8);
	assert_int_equal(get(c.idr1, REG(IDR1_EVENTQS)), 7);
	assert_int_equal(c.iidr, 0x1234);
	assert_int_equal(c.gbpa, 0x100000);
	assert_int_equal(c.budget, VIQ_WORK_UNLIMITED);
}

/* A version obliges: without its features it is an older one. */
static void version_follows_the_features(void **state)
{
	static const struct {
		uint32_t asked, host, clear, aidr;
	} rows[] = {
		{3, 3, 0, 3},       {3, 3, 1 << 13, 2}, {3, 3, 1 << 10, 1}, {3, 3, 3 << 11, 1},
		{3, 3, 1 << 2, 0},  {3, 2, 0, 2},       {2, 1, 0, 1},       {1, 0, 0, 0},
		{2, 2, 1 << 10, 1}, {1, 0x10, 0, 1},    {0, 3, 0, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct viq_smmuv3_config c;
		uint32_t idr[6];

		memcpy(idr, rich, sizeof(idr));
		idr[3] &= ~rows[i].clear;
		viq_smmuv3_config_init(&c, sizeof(c));
		set(&c.idr3, REG(IDR3_E0PD), 1);
		set(&c.idr3, REG(IDR3_RIL), 1);
		set(&c.idr3, REG(IDR3_BBML), 1);
		c.aidr = rows[i].asked;
		offered(idr, rows[i].host, 0, false, &c);
		assert_int_equal(c.aidr, rows[i].aidr);
	}
}

static void addresses_of_52_bits(void **state)
{
	struct viq_smmuv3_config c;
	uint32_t idr[6];

	viq_smmuv3_config_init(&c, sizeof(c));
	set(&c.idr5, REG(IDR5_OAS), 6);
	offered(rich, 2, 0, false, &c);
	assert_int_equal(get(c.idr5, REG(IDR5_OAS)), 6);
	memcpy(idr, rich, sizeof(idr));
	set(&idr[5], REG(IDR5_GRAN64K), 0);
	set(&idr[5], REG(IDR5_DS), 0);
	offered(idr, 2, 0, false, &c);
	assert_int_equal(get(c.idr5, REG(IDR5_OAS)), 5);
}

/* --- What no guest can be offered --------------------------------------------------------------------------------- */

static void refused(unsigned int reg, uint64_t mask, uint32_t value, const char *text)
{
	struct nest *n;
	uint32_t idr[6];

	memcpy(idr, rich, sizeof(idr));
	set(&idr[reg], mask, value);
	n = on(idr, 2, 0);
	assert_int_equal(nest_create(n), -EOPNOTSUPP);
	assert_non_null(strstr(n->why.text, text));
	nest_free(n);
}

static void impossible_hardware_is_refused(void **state)
{
	refused(0, REG(IDR0_TTF), 1, "IDR0.TTF");
	refused(0, REG(IDR0_TTF), 0, "IDR0.TTF");
	refused(0, REG(IDR0_TTENDIAN), 1, "IDR0.TTENDIAN");
	refused(0, REG(IDR0_TTENDIAN), 3, "IDR0.TTENDIAN");
	refused(0, REG(IDR0_STALL_MODEL), 2, "IDR0.STALL_MODEL");
	refused(0, REG(IDR0_STALL_MODEL), 3, "IDR0.STALL_MODEL");
	refused(5, REG(IDR5_GRAN4K) | REG(IDR5_GRAN16K) | REG(IDR5_GRAN64K), 0, "granule");
}

/* --- Asking too much ---------------------------------------------------------------------------------------------- */

enum {
	AIDR = 6
};

static const struct {
	const char *name;
	unsigned int reg;
	uint64_t mask;
	uint32_t guest, host; /* just too much */
	uint32_t enough;      /* and what the host needs for that */
} rows[] = {
	{"IDR0.TTF", 0, VIQ_SMMUV3_IDR0_TTF, 3, 2, 3},
	{"IDR0.TTF", 0, VIQ_SMMUV3_IDR0_TTF, 1, 2, 3},
	{"IDR0.ATS", 0, VIQ_SMMUV3_IDR0_ATS, 1, 0, 1},
	{"IDR0.ASID16", 0, VIQ_SMMUV3_IDR0_ASID16, 1, 0, 1},
	{"IDR0.CD2L", 0, VIQ_SMMUV3_IDR0_CD2L, 1, 0, 1},
	{"IDR0.TTENDIAN", 0, VIQ_SMMUV3_IDR0_TTENDIAN, 0, 2, 0},
	{"IDR0.STALL_MODEL", 0, VIQ_SMMUV3_IDR0_STALL_MODEL, 0, 0, UINT32_MAX},
	{"IDR0.STALL_MODEL", 0, VIQ_SMMUV3_IDR0_STALL_MODEL, 2, 1, UINT32_MAX},
	{"IDR0.TERM_MODEL", 0, VIQ_SMMUV3_IDR0_TERM_MODEL, 0, 1, 0},
	{"IDR1.SSIDSIZE", 1, VIQ_SMMUV3_IDR1_SSIDSIZE, 9, 8, 9},
	{"IDR1.SSIDSIZE", 1, VIQ_SMMUV3_IDR1_SSIDSIZE, 20, 0, 20},
	{"IDR3.HAD", 3, VIQ_SMMUV3_IDR3_HAD, 1, 0, 1},
	{"IDR3.RIL", 3, VIQ_SMMUV3_IDR3_RIL, 1, 0, 1},
	{"IDR3.BBML", 3, VIQ_SMMUV3_IDR3_BBML, 1, 0, 1},
	{"IDR3.BBML", 3, VIQ_SMMUV3_IDR3_BBML, 2, 1, 2},
	{"IDR3.E0PD", 3, VIQ_SMMUV3_IDR3_E0PD, 1, 0, 1},
	{"IDR5.OAS", 5, VIQ_SMMUV3_IDR5_OAS, 5, 4, 5},
	{"IDR5.OAS", 5, VIQ_SMMUV3_IDR5_OAS, 6, 5, 7},
	{"IDR5.GRAN4K", 5, VIQ_SMMUV3_IDR5_GRAN4K, 1, 0, 1},
	{"IDR5.GRAN16K", 5, VIQ_SMMUV3_IDR5_GRAN16K, 1, 0, 1},
	{"IDR5.GRAN64K", 5, VIQ_SMMUV3_IDR5_GRAN64K, 1, 0, 1},
	{"IDR5.DS", 5, VIQ_SMMUV3_IDR5_DS, 1, 0, 1},
	{"IDR5.VAX", 5, VIQ_SMMUV3_IDR5_VAX, 1, 0, 1},
	{"AIDR", AIDR, VIQ_BITS(7, 0), 2, 1, 2},
};

static uint32_t *guest_register(struct viq_smmuv3_config *c, unsigned int reg)
{
	switch (reg) {
	case 0:
		return &c->idr0;
	case 1:
		return &c->idr1;
	case 3:
		return &c->idr3;
	case 5:
		return &c->idr5;
	}
	return &c->aidr;
}

static int check(const uint32_t idr[7], const struct viq_smmuv3_config *c, struct viq_why *why)
{
	struct nest *n = on(idr, idr[AIDR], 0);
	int err;

	assert_int_equal(nest_create(n), 0);
	err = promise(n, c, why);
	assert_int_equal(promise(n, c, NULL), err);
	nest_free(n);
	return err;
}

static void too_much_is_named(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct viq_smmuv3_config c;
		struct viq_why why;
		char text[128];
		uint32_t idr[7];

		viq_smmuv3_config_init(&c, sizeof(c));
		memcpy(idr, rich, sizeof(rich));
		idr[AIDR] = 3;
		assert_int_equal(check(idr, &c, &why), 0);
		set(guest_register(&c, rows[i].reg), rows[i].mask, rows[i].guest);
		set(&idr[rows[i].reg], rows[i].mask, rows[i].host);
		assert_int_equal(check(idr, &c, &why), -EINVAL);
		snprintf(text, sizeof(text), "%s: the guest would see %u, the host has %u", rows[i].name, rows[i].guest,
			 rows[i].host);
		assert_string_equal(why.text, text);
		if (rows[i].enough == UINT32_MAX)
			continue;
		set(&idr[rows[i].reg], rows[i].mask, rows[i].enough);
		assert_int_equal(check(idr, &c, &why), 0);
	}
}

static void reserved_values_of_the_host_count_as_nothing(void **state)
{
	struct viq_smmuv3_config c;
	struct viq_why why;
	uint32_t idr[7];

	memcpy(idr, rich, sizeof(rich));
	idr[AIDR] = 3;
	set(&idr[3], REG(IDR3_BBML), 3);
	set(&idr[5], REG(IDR5_VAX), 3);
	viq_smmuv3_config_init(&c, sizeof(c));
	set(&c.idr3, REG(IDR3_BBML), 1);
	assert_int_equal(check(idr, &c, &why), -EINVAL);
	set(&c.idr3, REG(IDR3_BBML), 0);
	set(&c.idr5, REG(IDR5_VAX), 1);
	assert_int_equal(check(idr, &c, &why), -EINVAL);
}

static void bad_arguments(void **state)
{
	struct nest *n = nest_kernel(1);
	struct viq_smmuv3_ids ids = {.size = sizeof(ids)}, before;
	struct {
		struct viq_smmuv3_ids known;
		uint32_t more;
	} longer;
	struct viq_smmuv3_config config;

	assert_int_equal(nest_create(n), 0);
	assert_int_equal(viq_linux_vsmmu_promise(NULL, &ids, &n->why), -EINVAL);
	assert_int_equal(viq_linux_vsmmu_promise(n->vs, NULL, &n->why), -EINVAL);
	ids.size--;
	assert_int_equal(viq_linux_vsmmu_promise(n->vs, &ids, &n->why), -EINVAL);
	before = ids;
	viq_linux_vsmmu_offer(n->vs, true, true, &ids);
	viq_linux_vsmmu_offer(NULL, true, true, &ids);
	viq_linux_vsmmu_offer(n->vs, true, true, NULL);
	assert_memory_equal(&ids, &before, sizeof(ids));
	viq_smmuv3_config_init(&config, sizeof(config));
	ids = (struct viq_smmuv3_ids){sizeof(ids), config.idr0, config.idr1, config.idr3, config.idr5, config.aidr};
	/* What is offered to a caller of a later version, unless it asks for what is not known here. */
	viq_linux_vsmmu_offer(n->vs, true, true, &ids);
	assert_takes_later(viq_smmuv3_ids, ids, viq_linux_vsmmu_promise(n->vs, later, NULL));
	for (longer.more = 0; longer.more < 2; longer.more++) {
		longer.known = ids;
		longer.known.size = sizeof(longer);
		longer.known.idr0 = 0;
		viq_linux_vsmmu_offer(n->vs, true, true, &longer.known);
		assert_int_equal(longer.known.size, sizeof(longer));
		assert_int_equal(longer.known.idr0 == 0, longer.more);
	}
	nest_free(n);
}

/* --- All hardware ------------------------------------------------------------------------------------------------- */

/* Whatever the registers say: refused with a reason, or an offer that holds. */
static void any_hardware(void **state)
{
	uint64_t seed = test_seed();
	unsigned int refusals = 0;

	for (unsigned int i = 0; i < 4000; i++) {
		struct viq_smmuv3_config c;
		struct viq_why text = {""};
		struct nest *n;
		uint32_t idr[6];

		for (int j = 0; j < 6; j++)
			idr[j] = (uint32_t)test_random(&seed) & (test_below(&seed, 2) ? UINT32_MAX : rich[j]);
		if (test_below(&seed, 4)) { /* most of the time something that is possible */
			set(&idr[0], REG(IDR0_TTF), 2);
			set(&idr[0], REG(IDR0_TTENDIAN), 2 * test_below(&seed, 2));
			set(&idr[0], REG(IDR0_STALL_MODEL), test_below(&seed, 2));
		}
		n = on(idr, test_below(&seed, 2) ? test_below(&seed, 5) : (uint32_t)test_random(&seed),
		       test_below(&seed, 22));
		n->fk->devices[0].coherent = true;
		if (nest_create(n)) {
			assert_int_not_equal(n->why.text[0], 0);
			assert_non_null(strstr(n->why.text, "IDR"));
			refusals++;
			nest_free(n);
			continue;
		}
		viq_smmuv3_config_init(&c, sizeof(c));
		if (test_below(&seed, 2))
			set(&c.idr5, REG(IDR5_OAS), 6);
		offer(n, test_below(&seed, 2), &c);
		if (promise(n, &c, &n->why))
			fail_msg("%u: %s", i, n->why.text);
		c.mem = (const struct viq_mem *)&text;
		if (viq_smmuv3_config_check(&c, &text))
			fail_msg("%u: %s", i, text.text);
		nest_free(n);
	}
	assert_in_range(refusals, 400, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rich_hardware_is_offered),
		cmocka_unit_test(poor_hardware_takes_away),
		cmocka_unit_test(ats_only_if_asked_for),
		cmocka_unit_test(substreams_as_many_as_devices_make),
		cmocka_unit_test(the_rest_is_not_touched),
		cmocka_unit_test(version_follows_the_features),
		cmocka_unit_test(addresses_of_52_bits),
		cmocka_unit_test(impossible_hardware_is_refused),
		cmocka_unit_test(too_much_is_named),
		cmocka_unit_test(reserved_values_of_the_host_count_as_nothing),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(any_hardware),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
