/* SPDX-License-Identifier: MIT */
/*
 * Structs with a size in front: a caller that was built with the headers of another version gets what both know. A
 * struct of later is made by more bytes behind the library's, one of earlier by a smaller size.
 */

#include <errno.h>
#include <string.h>

#include <viq/linux_smmuv3.h>
#include <viq/linux_vtd.h>
#include <viq/smmuv3.h>
#include <viq/soft_smmuv3.h>
#include <viq/soft_vtd.h>
#include <viq/version.h>
#include <viq/vtd.h>

#include "support/test.h"
#include "base/sized.h"
#include "support/sized.h"

#define MORE 64 /* bytes of a later version */

static struct viq_mem *memory(void)
{
	static uint64_t page[512];
	struct viq_mem_region region = {.gpa = 0, .size = sizeof(page), .host = page};
	struct viq_mem *mem;

	assert_int_equal(viq_mem_create(&region, 1, NULL, NULL, &mem, NULL), 0);
	return mem;
}

/* --- The helper --------------------------------------------------------------------------------------------------- */

struct small {
	uint32_t size, a, b, c;
};

static void what_is_taken(void **state)
{
	const struct {
		uint32_t size, tail;
		int ret;
		uint32_t b, c;
	} cases[] = {
		{16, 0, 0, 2, 3},                                   /* this version */
		{12, 0, 0, 2, 33},                                  /* an earlier one: c is the default */
		{8, 0, 0, 22, 33},                                  /* the least */
		{4, 0, -EINVAL, 22, 33},                            /* lacks a */
		{0, 0, -EINVAL, 22, 33},  {15, 0, -EINVAL, 22, 33}, /* no member ends there */
		{17, 0, -EINVAL, 22, 33}, {20, 0, 0, 2, 3},         /* a later one that asks for nothing new */
		{20, 1, -E2BIG, 22, 33},                            /* and one that does */
		{16, 1, 0, 2, 3},                                   /* behind the struct is not the struct */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint32_t from[5] = {cases[i].size, 1, 2, 3, cases[i].tail};
		struct small to = {7, 11, 22, 33};
		struct viq_why why = {""};

		assert_int_equal(sized_take(&to, sizeof(to), from, 8, "it", &why), cases[i].ret);
		assert_int_equal(to.b, cases[i].b);
		assert_int_equal(to.c, cases[i].c);
		assert_int_equal(to.size, cases[i].ret ? 7 : sizeof(to));
		assert_int_equal(strncmp(why.text, "it.size: ", 9) == 0, cases[i].ret != 0);
	}
	assert_int_equal(sized_take((struct small *)NULL, 16, NULL, 8, "it", NULL), -EINVAL);
}

/* With pointers, sizes are multiples of theirs: half of one is neither the caller's nor the default. */
static void no_pointer_is_cut_in_two(void **state)
{
	struct wide {
		uint32_t size, a;
		void *p;
	} to;
	const struct wide from = {.a = 1, .p = &to};

	for (uint32_t size = 0; size <= 24; size += 4) {
		struct {
			struct wide wide;
			uint64_t more;
		} given = {.wide = from};
		struct viq_why why = {""};
		int expected = size < 8 || size % 8 ? -EINVAL : 0;

		given.wide.size = size;
		to = (struct wide){.p = &why};
		assert_int_equal(sized_take(&to, sizeof(to), &given, 8, "it", &why), expected);
		assert_ptr_equal(to.p, !expected && size >= 16 ? (void *)&to : (void *)&why);
		assert_int_equal(SIZED_ROOM(struct wide, &given.wide, a), !expected);
		assert_int_equal(strncmp(why.text, "it.size: ", 9) == 0, expected != 0);
	}
}

static void what_is_given(void **state)
{
	const struct small from = {99, 1, 2, 3};

	for (uint32_t size = 0; size <= 24; size += 4) {
		uint32_t to[7];

		memset(to, 0xee, sizeof(to));
		sized_give(to, size, &from, sizeof(from));
		for (uint32_t i = 0; i < 7; i++)
			assert_int_equal(to[i], i >= size / 4 ? 0xeeeeeeee : i == 0 ? size : i < 4 ? i : 0);
	}
}

static void counters_are_given_and_added_whole(void **state)
{
	const uint64_t from[3] = {1, UINT64_MAX, 5}; /* the last one is not theirs */

	for (size_t size = 0; size <= 32; size++) {
		uint64_t to[5] = {7, 7, 7, 7, 7};

		assert_int_equal(sized_counters(to, size, from, 16), size % 8 ? -EINVAL : 0);
		for (size_t i = 0; i < 5; i++)
			assert_int_equal(to[i], size % 8 || i >= size / 8 ? 7 : i < 2 ? from[i] : 0);
	}
	assert_int_equal(sized_counters(NULL, 8, from, 16), -EINVAL);
	for (size_t size = 0; size <= 16; size += 8) {
		uint64_t to[3] = {7, 7, 7};

		sized_counters_add(to, from, size);
		assert_int_equal(to[0], size < 8 ? 7 : 8);
		assert_int_equal(to[1], size < 16 ? 7 : 6);
		assert_int_equal(to[2], 7);
	}
	sized_counters_add(NULL, from, 8);
}

/* --- Every _init() ------------------------------------------------------------------------------------------------ */

/* Writes no further than the caller's struct, be it shorter or longer than the library's; says its size. */
#define INIT_FITS(type, init)                                                                                          \
	do {                                                                                                           \
		union {                                                                                                \
			struct type config;                                                                            \
			uint64_t words[(sizeof(struct type) + MORE) / 8 + 1];                                          \
		} got, whole;                                                                                          \
                                                                                                                       \
		for (size_t size = 8; size <= sizeof(struct type) + MORE; size += 8) {                                 \
			memset(&got, 0x5a, sizeof(got));                                                               \
			memset(&whole, 0, sizeof(whole));                                                              \
			init(&whole.config, sizeof(whole.config));                                                     \
			init(&got.config, size);                                                                       \
			assert_int_equal(whole.config.size, sizeof(whole.config));                                     \
			whole.config.size = (uint32_t)size;                                                            \
			assert_memory_equal(&got, &whole, size);                                                       \
			assert_int_equal(got.words[size / 8], UINT64_C(0x5a5a5a5a5a5a5a5a));                           \
		}                                                                                                      \
		init(NULL, 0);                                                                                         \
	} while (0)

static void an_init_stays_in_the_callers_struct(void **state)
{
	INIT_FITS(viq_smmuv3_config, viq_smmuv3_config_init);
	INIT_FITS(viq_vtd_config, viq_vtd_config_init);
	INIT_FITS(viq_soft_config, viq_soft_config_init);
	INIT_FITS(viq_soft_vtd_config, viq_soft_vtd_config_init);
	INIT_FITS(viq_linux_config, viq_linux_config_init);
	INIT_FITS(viq_linux_vsmmu_config, viq_linux_vsmmu_config_init);
	INIT_FITS(viq_linux_vvtd_config, viq_linux_vvtd_config_init);
}

/* --- Every create ------------------------------------------------------------------------------------------------- */

static struct viq_mem *mem;

static int create_smmuv3(const void *config, struct viq_why *why)
{
	struct viq_smmuv3 *smmu = NULL;
	int ret = viq_smmuv3_create(config, &smmu, why);

	assert_int_equal(viq_smmuv3_config_check(config, NULL), ret);
	viq_smmuv3_destroy(smmu);
	return ret;
}

static int create_vtd(const void *config, struct viq_why *why)
{
	struct viq_vtd *vtd = NULL;
	int ret = viq_vtd_create(config, &vtd, why);

	assert_int_equal(viq_vtd_config_check(config, NULL), ret);
	viq_vtd_destroy(vtd);
	return ret;
}

static int create_soft(const void *config, struct viq_why *why)
{
	struct viq_soft *soft = NULL;
	int ret = viq_soft_create(config, &soft, why);

	viq_soft_destroy(soft);
	return ret;
}

static int create_soft_vtd(const void *config, struct viq_why *why)
{
	struct viq_soft_vtd *soft = NULL;
	int ret = viq_soft_vtd_create(config, &soft, why);

	viq_soft_vtd_destroy(soft);
	return ret;
}

static void a_config_of_another_version(void **state)
{
	union {
		uint32_t size;
		struct viq_smmuv3_config smmuv3;
		struct viq_vtd_config vtd;
		struct viq_soft_config soft;
		struct viq_soft_vtd_config soft_vtd;
		unsigned char bytes[512];
	} c, d;
	const struct {
		int (*create)(const void *config, struct viq_why *why);
		size_t size, least;
	} kinds[] = {
		{create_smmuv3, sizeof(c.smmuv3), SIZED_TO(struct viq_smmuv3_config, mem)},
		{create_vtd, sizeof(c.vtd), SIZED_TO(struct viq_vtd_config, mem)},
		{create_soft, sizeof(c.soft), SIZED_TO(struct viq_soft_config, mem)},
		{create_soft_vtd, sizeof(c.soft_vtd), SIZED_TO(struct viq_soft_vtd_config, mem)},
	};

	mem = memory();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct viq_why why = {""};
		size_t size = kinds[i].size;

		memset(&c, 0, sizeof(c));
		viq_smmuv3_config_init(&c.smmuv3, sizeof(c.smmuv3));
		c.smmuv3.mem = mem;
		if (i == 1) {
			viq_vtd_config_init(&c.vtd, sizeof(c.vtd));
			c.vtd.mem = mem;
		} else if (i == 2) {
			viq_soft_config_init(&c.soft, sizeof(c.soft));
			c.soft.mem = mem;
		} else if (i == 3) {
			viq_soft_vtd_config_init(&c.soft_vtd, sizeof(c.soft_vtd));
			c.soft_vtd.mem = mem;
		}
		memset(c.bytes + size, 0, sizeof(c) - size);
		assert_int_equal(kinds[i].create(&c, &why), 0);
		/* A later one that asks for nothing, one that does, earlier ones, and one that is no struct. */
		d = c, d.size += 8;
		assert_int_equal(kinds[i].create(&d, &why), 0);
		d.bytes[size + 7] = 1;
		assert_int_equal(kinds[i].create(&d, &why), -E2BIG);
		assert_non_null(strstr(why.text, "config.size"));
		for (uint32_t less = (uint32_t)kinds[i].least; less < size; less += 8) {
			d = c, d.size = less;
			memset(d.bytes + less, 0xff, sizeof(d) - less); /* not the caller's struct: must not be read */
			assert_int_equal(kinds[i].create(&d, &why), 0);
		}
		d = c, d.size = 4;
		assert_int_equal(kinds[i].create(&d, &why), -EINVAL);
		assert_non_null(strstr(why.text, "config.size"));
		d = c, d.size--;
		assert_int_equal(kinds[i].create(&d, &why), -EINVAL);
		for (uint32_t less = 4; less < size; less += 8) {
			d = c, d.size = less;
			assert_int_equal(kinds[i].create(&d, &why), -EINVAL);
		}
	}
	viq_mem_destroy(mem);
}

/* --- Hooks, hosts, calls, answers --------------------------------------------------------------------------------- */

static unsigned int pulses;

static void irq(void *opaque, enum viq_smmuv3_irq which)
{
	pulses++;
}

static void never(void *opaque)
{
	fail();
}

static void hooks_of_another_version(void **state)
{
	struct {
		struct viq_smmuv3_ops ops;
		uint64_t more;
	} later = {.ops = {.size = sizeof(later), .irq = irq}};
	struct viq_smmuv3_ops earlier = {.size = SIZED_TO(struct viq_smmuv3_ops, irq), .irq = irq, .kick = never};
	struct viq_smmuv3_config config;
	struct viq_smmuv3 *smmu;
	struct viq_why why = {""};

	mem = memory();
	viq_smmuv3_config_init(&config, sizeof(config));
	config.mem = mem;
	config.ops = &later.ops;
	assert_int_equal(viq_smmuv3_create(&config, &smmu, NULL), 0);
	viq_smmuv3_destroy(smmu);
	later.more = 1;
	assert_int_equal(viq_smmuv3_create(&config, &smmu, &why), -E2BIG);
	assert_non_null(strstr(why.text, "config.ops.size"));
	config.ops = &earlier;
	config.budget = VIQ_SMMUV3_DEFER; /* needs kick(), which the caller's version does not have */
	assert_int_equal(viq_smmuv3_create(&config, &smmu, &why), -EINVAL);
	config.budget = 0;
	assert_int_equal(viq_smmuv3_create(&config, &smmu, &why), 0);
	earlier.irq = NULL; /* copied at creation */
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_IRQ_CTRL, 4, 5);
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_CMDQ_BASE, 8, 4);
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_CR0, 4, VIQ_SMMUV3_CR0_CMDQEN);
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_CMDQ_PROD, 4, 3); /* illegal commands: GERROR */
	assert_int_equal(pulses, 1);
	viq_smmuv3_destroy(smmu);
	viq_mem_destroy(mem);
}

static void hosts_and_calls_of_another_version(void **state)
{
	struct {
		struct viq_call_host_ops ops;
		uint64_t more;
	} later = {.ops = *viq_call_null_host().ops};
	struct viq_call_host_ops earlier = later.ops;
	struct viq_call_host host = {.ops = &earlier};
	const uint64_t entry[2] = {VIQ_SMMUV3_OP_TLBI_NSNH_ALL};
	struct viq_call_piece piece = {entry, 1};
	struct {
		struct viq_call_request req;
		uint64_t more;
	} r = {.req = {.size = sizeof(r),
		       .type = VIQ_CALL_SMMUV3,
		       .entry_size = 16,
		       .pieces = &piece,
		       .piece_count = 1}};
	struct {
		struct viq_call_result res;
		uint32_t more[2];
	} res = {.res = {.size = sizeof(res)}, .more = {7, 7}};

	/* Without stream and call_entries; what stands behind them is not read. */
	earlier.size = SIZED_TO(struct viq_call_host_ops, invalidate);
	earlier.stream = (uint32_t(*)(void *, uint32_t, uint32_t))(uintptr_t)1;
	earlier.call_entries = 1;
	assert_int_equal(viq_call_stream(&host, 5), VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS);
	assert_int_equal(viq_call_invalidate(&host, &r.req, &res.res), 0);
	assert_int_equal(res.res.handled, 1);
	assert_int_equal(res.res.size, sizeof(res));
	assert_int_equal(res.more[0] | res.more[1], 0);
	earlier.size = SIZED_TO(struct viq_call_host_ops, report_group);
	assert_int_equal(viq_call_invalidate(&host, &r.req, &res.res), -EINVAL);
	/* Later ones. */
	host.ops = &later.ops;
	later.ops.size = sizeof(later);
	assert_int_equal(viq_call_invalidate(&host, &r.req, &res.res), 0);
	r.more = 1;
	assert_int_equal(viq_call_invalidate(&host, &r.req, &res.res), -E2BIG);
	r.more = 0;
	later.more = 1;
	assert_int_equal(viq_call_invalidate(&host, &r.req, &res.res), -EINVAL);
	/* A shorter result is not written behind its end. */
	later.more = 0;
	res.res.size = SIZED_TO(struct viq_call_result, os_error);
	res.res.host_calls = 77;
	assert_int_equal(viq_call_invalidate(&host, &r.req, &res.res), 0);
	assert_int_equal(res.res.host_calls, 77);
	res.res.size = 8;
	assert_int_equal(viq_call_invalidate(&host, &r.req, &res.res), -EINVAL);
}

static void answers_to_another_version(void **state)
{
	struct {
		struct viq_vtd_tables tables;
		uint64_t more;
	} t = {.tables = {.size = sizeof(t)}, .more = 7};
	struct {
		struct viq_smmuv3_stream stream;
		uint64_t more;
	} s = {.stream = {.size = sizeof(s)}, .more = 7};
	struct viq_smmuv3_config config;
	struct viq_vtd_config vtd_config;
	struct viq_smmuv3 *smmu;
	struct viq_vtd *vtd;

	mem = memory();
	viq_smmuv3_config_init(&config, sizeof(config));
	viq_vtd_config_init(&vtd_config, sizeof(vtd_config));
	config.mem = vtd_config.mem = mem;
	assert_int_equal(viq_smmuv3_create(&config, &smmu, NULL), 0);
	assert_int_equal(viq_vtd_create(&vtd_config, &vtd, NULL), 0);
	assert_int_equal(viq_vtd_tables(vtd, &t.tables), 0);
	assert_int_equal(t.more, 0);
	assert_int_equal(t.tables.size, sizeof(t));
	t.tables.size = 8;
	assert_int_equal(viq_vtd_tables(vtd, &t.tables), -EINVAL);
	assert_int_equal(viq_smmuv3_stream_config(smmu, 0, &s.stream), 0);
	assert_int_equal(s.more, 0);
	assert_int_equal(s.stream.mode, VIQ_SMMUV3_BYPASS);
	s.stream.size = 12;
	assert_int_equal(viq_smmuv3_stream_config(smmu, 0, &s.stream), -EINVAL);
	assert_gives_later(viq_smmuv3_ids, viq_smmuv3_get_ids(smmu, later));
	viq_smmuv3_destroy(smmu);
	viq_vtd_destroy(vtd);
	viq_mem_destroy(mem);
}

static void the_version_is_the_headers(void **state)
{
	assert_int_equal(viq_version(), VIQ_VERSION_NUMBER(VIQ_VERSION_MAJOR, VIQ_VERSION_MINOR, VIQ_VERSION_PATCH));
	assert_true(viq_version() < VIQ_VERSION_NUMBER(VIQ_VERSION_MAJOR, VIQ_VERSION_MINOR + 1, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken),
		cmocka_unit_test(no_pointer_is_cut_in_two),
		cmocka_unit_test(what_is_given),
		cmocka_unit_test(counters_are_given_and_added_whole),
		cmocka_unit_test(an_init_stays_in_the_callers_struct),
		cmocka_unit_test(a_config_of_another_version),
		cmocka_unit_test(hooks_of_another_version),
		cmocka_unit_test(hosts_and_calls_of_another_version),
		cmocka_unit_test(answers_to_another_version),
		cmocka_unit_test(the_version_is_the_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
