/* SPDX-License-Identifier: MIT */
/*
 * P7, formats: a state that an earlier library has saved is restored, each field into its register, and is written
 * again byte for byte. The fields stand here as docs/save-format.md has them, so that no change of the library moves
 * them.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "support/vsmmu.h"
#include "support/vvtd.h"

/* A field, and the register that shows it; NONE: no read does. */
struct field {
	uint32_t size;
	uint32_t offset;
	uint64_t value;
};

#define NONE UINT32_MAX

static const struct field smmuv3_1[] = {
	{4, 0x00, 0}, /* IDR0, IDR1, IDR3, IDR5, AIDR: the object's */
	{4, 0x04, 0},
	{4, 0x0c, 0},
	{4, 0x14, 0},
	{4, 0x1c, 0},
	{4, 0x20, 0x00000015},         /* CR0 */
	{4, 0x28, 0x00000a5c},         /* CR1 */
	{4, 0x2c, 0x00000002},         /* CR2 */
	{4, 0x44, 0x00102005},         /* GBPA */
	{4, 0x50, 0x00000004},         /* IRQ_CTRL */
	{4, 0x60, 0x00000021},         /* GERROR */
	{4, 0x64, 0x00000080},         /* GERRORN */
	{8, 0x68, 0x000a111122223334}, /* GERROR_IRQ_CFG0 */
	{4, 0x70, 0x44445555},
	{4, 0x74, 0x00000016},
	{8, 0xb0, 0x000b666677778888}, /* EVENTQ_IRQ_CFG0 */
	{4, 0xb8, 0x9999aaaa},
	{4, 0xbc, 0x00000027},
	{8, 0x80, 0x400012345678abc0}, /* STRTAB_BASE */
	{4, 0x88, 0x00010206},
	{8, 0x90, 0x4000000040001008}, /* CMDQ_BASE */
	{4, 0x98, 0x00000103},         /* CMDQ_PROD */
	{4, 0x9c, 0x01000102},         /* CMDQ_CONS */
	{8, 0xa0, 0x400000004000200a}, /* EVENTQ_BASE */
	{4, 0x100a8, 0x80000123},      /* EVENTQ_PROD */
	{4, 0x100ac, 0x00000122},      /* EVENTQ_CONS */
	{4, NONE, 1},                  /* retained */
	{4, NONE, 1},                  /* not attempted again */
	{8, NONE, 0x0000000700000040}, /* ATC_INV */
	{8, NONE, 0x0000000000000034}, /* of everything, as it is kept */
};

/* Version 2 has these before the retained ATC_INVs, with IDR0.PRI. */
static const struct field smmuv3_2[] = {
	{8, 0xd0, 0x000caaaa0000bbb8},                                                       /* PRIQ_IRQ_CFG0 */
	{4, 0xd8, 0xccccdddd},         {4, 0xdc, 0x80000015}, {8, 0xc0, 0x400000004000400b}, /* PRIQ_BASE */
	{4, 0x100c8, 0x80000234},                                                            /* PRIQ_PROD */
	{4, 0x100cc, 0x00000233},                                                            /* PRIQ_CONS */
};

static const struct field vtd_1[] = {
	{4, 0x00, 0x00000040}, /* VER */
	{8, 0x08, 0},          /* CAP, ECAP: the object's */
	{8, 0x10, 0},
	{4, 0x1c, 0x87000000},         /* GSTS: TES, QIES, IRES, IRTPS */
	{8, 0x20, 0x0000000011111400}, /* RTADDR */
	{8, NONE, 0x0000000022222400}, /* used */
	{8, 0xb8, 0x0000000033333805}, /* IRTA */
	{8, NONE, 0x0000000044444806}, /* used */
	{8, 0x28, 0x0800000300050006}, /* CCMD */
	{8, NONE, 0x0000000055555041}, /* IVA */
	{8, 0xf8, 0x0200000700000000}, /* IOTLB */
	{4, 0x34, 0x00000050},         /* FSTS: IQE, ITE */
	{4, 0x9c, 0x00000001},         /* ICS */
	{4, 0x38, 0x80000000},         /* FECTL */
	{4, 0x3c, 0x00001234},         /* FEDATA */
	{4, 0x40, 0xfee01004},         /* FEADDR */
	{4, 0x44, 0x00000056},         /* FEUADDR */
	{4, 0xa0, 0xc0000000},         /* IECTL */
	{4, 0xa4, 0x00004321},         /* IEDATA */
	{4, 0xa8, 0xfee02008},         /* IEADDR */
	{4, 0xac, 0x00000078},         /* IEUADDR */
	{8, 0x90, 0x0000000000100001}, /* IQA */
	{8, NONE, 0x0000000000100001}, /* used: the same while the queue is on */
	{8, 0x80, 0x00000120},         /* IQH */
	{8, 0x88, 0x00000240},         /* IQT */
	{8, 0xb0, 0x0008000900000003}, /* IQERCD */
	{4, NONE, 3},                  /* the next fault record */
	{4, NONE, 1},                  /* timed out */
	{4, NONE, 0x9},                /* whose */
};

/* Version 2 has these behind the fault records, with ECAP.PRS. */
static const struct field vtd_2[] = {
	{8, 0xc0, 0x00001020},         /* PQH */
	{8, 0xc8, 0x00001fe0},         /* PQT */
	{8, 0xd0, 0x0000000066666001}, /* PQA */
	{4, 0xdc, 0x00000003},         /* PRS: PPR, PRO */
	{4, 0xe0, 0xc0000000},         /* PECTL */
	{4, 0xe4, 0x00005678},         /* PEDATA */
	{4, 0xe8, 0xfee0300c},         /* PEADDR */
	{4, 0xec, 0x0000009a},         /* PEUADDR */
};

/* Header, then the fields, zeros behind the first before of them. Returns the length. */
static size_t write_state(uint8_t *buf, const char *magic, uint32_t version, const struct field *fields, size_t count,
			  size_t before, size_t zeros)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	uint32_t length;
	size_t len = 24;

	for (size_t i = 0; i < count; i++) {
		uint64_t le = htole64(fields[i].value);

		if (i == before) {
			memset(buf + len, 0, zeros);
			len += zeros;
		}
		memcpy(buf + len, &le, fields[i].size);
		len += fields[i].size;
	}
	if (before == count) {
		memset(buf + len, 0, zeros);
		len += zeros;
	}
	version = htole32(version);
	for (size_t i = 24; i < len; i++)
		hash = (hash ^ buf[i]) * UINT64_C(0x100000001b3);
	hash = htole64(hash);
	length = htole32((uint32_t)len);
	memcpy(buf, magic, 8);
	memcpy(buf + 8, &version, 4);
	memcpy(buf + 12, &length, 4);
	memcpy(buf + 16, &hash, 8);
	return len;
}

static void smmuv3_version_1(void **state)
{
	struct field fields[sizeof(smmuv3_1) / sizeof(smmuv3_1[0])];
	const size_t count = sizeof(fields) / sizeof(fields[0]);
	struct vsmmu *v = vsmmu_new(NULL);
	uint8_t golden[1024], again[1024];
	size_t len, written = sizeof(again);

	memcpy(fields, smmuv3_1, sizeof(fields));
	/* ID registers: the object's. */
	for (size_t i = 0; i < 5; i++)
		fields[i].value = vsmmu_r32(v, fields[i].offset);
	len = write_state(golden, "VIQSMMU3", 1, fields, count, count, 0);
	assert_int_equal(viq_smmuv3_restore(v->smmu, golden, len), 0);
	for (size_t i = 0; i < count; i++) {
		if (fields[i].offset != NONE &&
		    viq_smmuv3_mmio_read(v->smmu, fields[i].offset, fields[i].size) != fields[i].value)
			fail_msg("register 0x%x", fields[i].offset);
	}
	assert_int_equal(viq_smmuv3_save_as(v->smmu, 1, again, &written), 0);
	assert_int_equal(written, len);
	assert_memory_equal(again, golden, len);
	assert_int_equal(viq_smmuv3_save_as(v->smmu, 0, again, &written), -ENOTSUP);
	assert_int_equal(viq_smmuv3_save_as(v->smmu, VIQ_SMMUV3_SAVE_VERSION + 1, again, &written), -ENOTSUP);
	vsmmu_free(v);
}

static void smmuv3_version_2(void **state)
{
	/* All but the retained ATC_INV. */
	const size_t old = sizeof(smmuv3_1) / sizeof(smmuv3_1[0]) - 2, added = sizeof(smmuv3_2) / sizeof(smmuv3_2[0]);
	const size_t count = old + added + 2;
	struct field fields[sizeof(smmuv3_1) / sizeof(smmuv3_1[0]) + sizeof(smmuv3_2) / sizeof(smmuv3_2[0])];
	struct viq_smmuv3_config config;
	uint8_t golden[1024], again[1024];
	size_t len, written = sizeof(again);
	struct vsmmu *v;

	vsmmu_config(&config);
	config.idr0 |= REG(IDR0_PRI);
	config.idr1 |= VIQ_PUT(REG(IDR1_PRIQS), 19);
	config.idr3 |= REG(IDR3_PPS);
	v = vsmmu_new(&config);
	memcpy(fields, smmuv3_1, old * sizeof(fields[0]));
	memcpy(fields + old, smmuv3_2, sizeof(smmuv3_2));
	memcpy(fields + old + added, smmuv3_1 + old, 2 * sizeof(fields[0]));
	for (size_t i = 0; i < 5; i++)
		fields[i].value = vsmmu_r32(v, fields[i].offset);
	len = write_state(golden, "VIQSMMU3", 2, fields, count, count, 0);
	assert_int_equal(viq_smmuv3_restore(v->smmu, golden, len), 0);
	for (size_t i = 0; i < count; i++) {
		if (fields[i].offset != NONE &&
		    viq_smmuv3_mmio_read(v->smmu, fields[i].offset, fields[i].size) != fields[i].value)
			fail_msg("register 0x%x", fields[i].offset);
	}
	assert_int_equal(viq_smmuv3_save_as(v->smmu, 2, again, &written), 0);
	assert_int_equal(written, len);
	assert_memory_equal(again, golden, len);
	assert_int_equal(viq_smmuv3_save_as(v->smmu, 1, again, &written), -ENOTSUP);
	vsmmu_free(v);
}

/* CR2.PTM was kept until it became RES0 (6.3.12), and every Linux guest writes it. */
static void smmuv3_ptm(void **state)
{
	struct field fields[sizeof(smmuv3_1) / sizeof(smmuv3_1[0])];
	struct vsmmu *v = vsmmu_new(NULL);
	uint8_t golden[1024];
	size_t len;

	memcpy(fields, smmuv3_1, sizeof(fields));
	for (size_t i = 0; i < 5; i++)
		fields[i].value = vsmmu_r32(v, fields[i].offset);
	fields[7].value = 0x6;
	len = write_state(golden, "VIQSMMU3", 1, fields, sizeof(fields) / sizeof(fields[0]), 0, 0);
	assert_int_equal(viq_smmuv3_restore(v->smmu, golden, len), 0);
	assert_int_equal(vsmmu_r32(v, 0x2c), 0x2);
	vsmmu_free(v);
}

static void vtd_version_1(void **state)
{
	struct field fields[sizeof(vtd_1) / sizeof(vtd_1[0])];
	const size_t count = sizeof(fields) / sizeof(fields[0]);
	struct vvtd *v = vvtd_new(NULL);
	uint8_t golden[1024], again[1024];
	size_t len, written = sizeof(again);

	memcpy(fields, vtd_1, sizeof(fields));
	fields[1].value = v->config.cap;
	fields[2].value = v->config.ecap;
	len = write_state(golden, "VIQVTD\0", 1, fields, count, count, 8 * 16);
	assert_int_equal(viq_vtd_restore(v->vtd, golden, len), 0);
	for (size_t i = 0; i < count; i++) {
		if (fields[i].offset != NONE &&
		    viq_vtd_mmio_read(v->vtd, fields[i].offset, fields[i].size) != fields[i].value)
			fail_msg("register 0x%x", fields[i].offset);
	}
	assert_int_equal(viq_vtd_save_as(v->vtd, 1, again, &written), 0);
	assert_int_equal(written, len);
	assert_memory_equal(again, golden, len);
	assert_int_equal(viq_vtd_save_as(v->vtd, 0, again, &written), -ENOTSUP);
	assert_int_equal(viq_vtd_save_as(v->vtd, VIQ_VTD_SAVE_VERSION + 1, again, &written), -ENOTSUP);
	vvtd_free(v);
}

static void vtd_version_2(void **state)
{
	const size_t old = sizeof(vtd_1) / sizeof(vtd_1[0]), count = old + sizeof(vtd_2) / sizeof(vtd_2[0]);
	struct field fields[sizeof(vtd_1) / sizeof(vtd_1[0]) + sizeof(vtd_2) / sizeof(vtd_2[0])];
	struct viq_vtd_config config;
	uint8_t golden[1024], again[1024];
	size_t len, written = sizeof(again);
	struct vvtd *v;

	vvtd_config(&config);
	config.ecap |= VREG(ECAP_PRS);
	v = vvtd_new(&config);
	memcpy(fields, vtd_1, sizeof(vtd_1));
	memcpy(fields + old, vtd_2, sizeof(vtd_2));
	fields[1].value = v->config.cap;
	fields[2].value = v->config.ecap;
	len = write_state(golden, "VIQVTD\0", 2, fields, count, old, 8 * 16);
	assert_int_equal(viq_vtd_restore(v->vtd, golden, len), 0);
	for (size_t i = 0; i < count; i++) {
		if (fields[i].offset != NONE &&
		    viq_vtd_mmio_read(v->vtd, fields[i].offset, fields[i].size) != fields[i].value)
			fail_msg("register 0x%x", fields[i].offset);
	}
	assert_int_equal(viq_vtd_save_as(v->vtd, 2, again, &written), 0);
	assert_int_equal(written, len);
	assert_memory_equal(again, golden, len);
	/* Version 1 cannot hold it. */
	assert_int_equal(viq_vtd_save_as(v->vtd, 1, again, &written), -ENOTSUP);
	/* Bits that no register has. */
	for (size_t i = old; i < count; i++) {
		const uint64_t was = fields[i].value;

		if (fields[i].offset == 0xec)
			continue;
		fields[i].value |= fields[i].offset == 0xd0 ? 0x8 : fields[i].offset == 0xe4 ? 0x10000 : 0x1;
		fields[i].value |= fields[i].offset == 0xdc ? 0x4 : 0;
		len = write_state(golden, "VIQVTD\0", 2, fields, count, old, 8 * 16);
		assert_int_equal(viq_vtd_restore(v->vtd, golden, len), -EINVAL);
		fields[i].value = was;
	}
	vvtd_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smmuv3_version_1), cmocka_unit_test(smmuv3_version_2), cmocka_unit_test(smmuv3_ptm),
		cmocka_unit_test(vtd_version_1),    cmocka_unit_test(vtd_version_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
