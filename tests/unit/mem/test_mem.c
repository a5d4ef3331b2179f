/* SPDX-License-Identifier: MIT */
/* Guest address spaces: what each address reads and writes, what is refused. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <viq/mem.h>

#include "support/test.h"
#include "oracle/fake_host.h"

/* --- A model: an address space of 1024 bytes from BASE on, byte by byte --------------------------------------------
 */

#define SPACE 1024
#define BASE  UINT64_C(0x40000000)

enum owner {
	HOLE,
	REGION,
	READONLY
};

struct model {
	uint8_t owner[SPACE];
	uint32_t end[SPACE];  /* where the address's region or hole ends */
	uint8_t bytes[SPACE]; /* what the address holds, region or not */
	uint8_t dirty[SPACE]; /* told through written() */
	_Alignas(8) uint8_t host[SPACE];
	bool callbacks; /* holes have memory */
	uint32_t reads; /* calls of read() */
	struct viq_mem_region regions[SPACE / 8];
	size_t count;
};

/* The callbacks must be given holes only, and exactly as long as they are. */
static void assert_hole(const struct model *m, uint64_t gpa, size_t len)
{
	assert_true(gpa >= BASE && len && gpa + len <= BASE + SPACE);
	for (size_t i = 0; i < len; i++) {
		if (m->owner[gpa - BASE + i] != HOLE)
			fail_msg("byte %zu is no hole", (size_t)(gpa - BASE) + i);
	}
}

static int hole_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct model *m = opaque;

	m->reads++;
	assert_hole(m, gpa, len);
	memcpy(buf, m->bytes + (gpa - BASE), len);
	return m->callbacks ? 0 : -EIO;
}

static int hole_write(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
	struct model *m = opaque;

	assert_hole(m, gpa, len);
	if (!m->callbacks)
		return -EIO;
	memcpy(m->bytes + (gpa - BASE), buf, len);
	return 0;
}

static void region_written(void *opaque, uint64_t gpa, size_t len)
{
	struct model *m = opaque;

	assert_true(gpa >= BASE && len && gpa + len <= BASE + SPACE);
	memset(m->dirty + (gpa - BASE), 1, len);
}

static const struct viq_mem_ops model_ops = {
	.size = sizeof(model_ops),
	.read = hole_read,
	.write = hole_write,
	.written = region_written,
};

/* Random regions, some touching, in random order. */
static struct viq_mem *model_create(struct model *m, uint32_t *random)
{
	struct viq_mem *mem;

	memset(m, 0, sizeof(*m));
	m->callbacks = fake_random(random) % 2;
	for (uint32_t i = 0; i < SPACE; i++)
		m->bytes[i] = (uint8_t)fake_random(random);
	for (uint32_t at = 0; at < SPACE;) {
		uint32_t len = 8 * (1 + fake_random(random) % 20);
		enum owner owner = fake_random(random) % 3;

		if (len > SPACE - at)
			len = SPACE - at;
		memset(m->owner + at, (int)owner, len);
		for (uint32_t i = at; i < at + len; i++)
			m->end[i] = at + len;
		if (owner != HOLE)
			m->regions[m->count++] = (struct viq_mem_region){
				.gpa = BASE + at,
				.size = len,
				.host = m->host + at,
				.flags = owner == READONLY ? VIQ_MEM_READONLY : 0,
			};
		at += len;
	}
	for (size_t i = m->count; i > 1; i--) {
		size_t k = fake_random(random) % i;
		struct viq_mem_region swap = m->regions[k];

		m->regions[k] = m->regions[i - 1];
		m->regions[i - 1] = swap;
	}
	memcpy(m->host, m->bytes, SPACE);
	assert_int_equal(viq_mem_create(m->regions, m->count, &model_ops, m, &mem, NULL), 0);
	/* The table is copied. */
	memset(m->regions, 0xff, sizeof(m->regions));
	return mem;
}

/* May [at, at + len) be read, or written? */
static bool allowed(const struct model *m, uint32_t at, uint32_t len, bool write)
{
	for (uint32_t i = at; i < at + len; i++) {
		if ((m->owner[i] == HOLE && !m->callbacks) || (write && m->owner[i] == READONLY))
			return false;
	}
	return true;
}

static void check_read(struct model *m, const struct viq_mem *mem, uint32_t at, uint32_t len)
{
	uint8_t buf[SPACE + 1];
	uint64_t words[SPACE / 8];

	/* One byte further than asked for stays as it is. */
	memset(buf, 0xa5, sizeof(buf));
	if (!allowed(m, at, len, false)) {
		assert_int_equal(viq_mem_read(mem, BASE + at, buf, len), -EFAULT);
		return;
	}
	assert_int_equal(viq_mem_read(mem, BASE + at, buf, len), 0);
	assert_memory_equal(buf, m->bytes + at, len);
	assert_int_equal(buf[len], 0xa5);
	if (at % 8) {
		assert_int_equal(viq_mem_read_words(mem, BASE + at, words, len / 8), -EINVAL);
		return;
	}
	assert_int_equal(viq_mem_read_words(mem, BASE + at, words, len / 8), 0);
	for (uint32_t i = 0; i < len / 8; i++) {
		uint64_t want = 0;

		for (uint32_t b = 8; b; b--)
			want = want << 8 | m->bytes[at + 8 * i + b - 1];
		assert_true(words[i] == want);
	}
}

static void check_space(const struct model *m)
{
	for (uint32_t i = 0; i < SPACE; i = m->end[i]) {
		if (m->owner[i] != HOLE)
			assert_memory_equal(m->host + i, m->bytes + i, m->end[i] - i);
	}
}

/* written() has told of [at, at + len), as far as it is guest memory, and of nothing else. */
static void check_dirty(const struct model *m, uint32_t at, uint32_t len)
{
	uint8_t want[SPACE] = {0};

	for (uint32_t i = at; i < at + len; i++)
		want[i] = m->owner[i] == REGION;
	assert_memory_equal(m->dirty, want, SPACE);
}

static void check_write(struct model *m, const struct viq_mem *mem, uint32_t at, uint32_t len, uint32_t *random)
{
	uint8_t buf[SPACE];

	for (uint32_t i = 0; i < len; i++)
		buf[i] = (uint8_t)fake_random(random);
	memset(m->dirty, 0, SPACE);
	if (!allowed(m, at, len, true)) {
		assert_int_equal(viq_mem_write(mem, BASE + at, buf, len), -EFAULT);
		/* Partly written is allowed, but not a read-only byte, nor one outside. */
		for (uint32_t i = 0; i < SPACE; i++) {
			bool may = i >= at && i < at + len && m->owner[i] == REGION;

			bool changed = m->owner[i] != HOLE && m->host[i] != m->bytes[i];

			if (may ? changed && !m->dirty[i] : changed || m->dirty[i])
				fail_msg("byte %u: changed %d, told %u", i, changed, m->dirty[i]);
			if (m->owner[i] != HOLE)
				m->bytes[i] = m->host[i];
		}
		return;
	}
	assert_int_equal(viq_mem_write(mem, BASE + at, buf, len), 0);
	memcpy(m->bytes + at, buf, len);
	check_space(m);
	check_dirty(m, at, len);
}

static void check_word(struct model *m, const struct viq_mem *mem, uint32_t at, uint32_t size, uint32_t *random)
{
	uint64_t value = (uint64_t)fake_random(random) << 32 | fake_random(random);
	int ret, want = at % size ? -EINVAL : allowed(m, at, size, true) ? 0 : -EFAULT;

	memset(m->dirty, 0, SPACE);
	if (size == 4)
		ret = viq_mem_write_u32(mem, BASE + at, (uint32_t)value);
	else
		ret = viq_mem_write_u64(mem, BASE + at, value);
	assert_int_equal(ret, want);
	for (uint32_t i = 0; !ret && i < size; i++)
		m->bytes[at + i] = (uint8_t)(value >> (8 * i));
	check_space(m);
	check_dirty(m, at, ret ? 0 : size);
}

/* The word as it stands is replaced, any other is left alone; only regions can do it, and they say so. */
static void check_cas(struct model *m, const struct viq_mem *mem, uint32_t at, uint32_t *random)
{
	uint64_t value = (uint64_t)fake_random(random) << 32 | fake_random(random), now = 0;
	int want = at % 8 ? -EINVAL : m->owner[at] == REGION ? 0 : -EFAULT;

	memset(m->dirty, 0, SPACE);
	for (uint32_t i = 0; i < 8 && at + i < SPACE; i++)
		now |= (uint64_t)m->bytes[at + i] << (8 * i);
	assert_int_equal(viq_mem_cas_u64(mem, BASE + at, now ^ 1, value), want ? want : -EAGAIN);
	check_space(m);
	check_dirty(m, 0, 0);
	assert_int_equal(viq_mem_cas_u64(mem, BASE + at, now, value), want);
	for (uint32_t i = 0; !want && i < 8; i++)
		m->bytes[at + i] = (uint8_t)(value >> (8 * i));
	check_space(m);
	check_dirty(m, at, want ? 0 : 8);
}

static void check_span(struct model *m, const struct viq_mem *mem, uint32_t at)
{
	uint64_t avail = 77;
	void *host = viq_mem_span(mem, BASE + at, &avail);

	if (m->owner[at] == HOLE) {
		assert_null(host);
		return;
	}
	assert_ptr_equal(host, m->host + at);
	assert_int_equal(avail, m->end[at] - at);
}

static void any_range_of_any_space_property(void **state)
{
	uint32_t random = fake_seed();

	for (int round = 0; round < 300; round++) {
		struct model m;
		struct viq_mem *mem = model_create(&m, &random);

		for (int k = 0; k < 200; k++) {
			uint32_t at = fake_random(&random) % SPACE, len = fake_random(&random) % (SPACE - at + 1);

			/* Half of them short, half of those aligned. */
			if (k % 2)
				len %= 40;
			if (k % 4 == 1)
				at &= ~7u;
			check_read(&m, mem, at, len);
			check_write(&m, mem, at, len, &random);
			check_span(&m, mem, at);
			if (at <= SPACE - 8) {
				check_word(&m, mem, at, 4, &random);
				check_word(&m, mem, at, 8, &random);
				check_cas(&m, mem, at, &random);
			}
		}
		viq_mem_destroy(mem);
	}
}

/* --- Edges ---------------------------------------------------------------------------------------------------------
 */

static uint64_t page[512];

static int create(uint64_t gpa, uint64_t size, void *host, uint32_t flags)
{
	struct viq_mem_region region = {gpa, size, host, flags};
	struct viq_mem *mem = NULL;
	int ret = viq_mem_create(&region, 1, NULL, NULL, &mem, NULL);

	assert_true(!ret == !!mem);
	viq_mem_destroy(mem);
	return ret;
}

static void regions_that_break_a_rule_are_refused(void **state)
{
	struct viq_mem_region regions[] = {{0, 8, page, 0}, {8, 8, page + 1, 0}};
	struct viq_why why = {""};
	struct viq_mem *mem;

	assert_int_equal(create(0, 8, page, 0), 0);
	assert_int_equal(create(0, 4096, page, VIQ_MEM_READONLY), 0);
	assert_int_equal(create(0, 0, page, 0), -EINVAL);
	assert_int_equal(create(0, 4, page, 0), -EINVAL);
	assert_int_equal(create(0, 12, page, 0), -EINVAL);
	assert_int_equal(create(4, 8, page, 0), -EINVAL);
	assert_int_equal(create(0, 8, (char *)page + 4, 0), -EINVAL);
	assert_int_equal(create(0, 8, NULL, 0), -EINVAL);
	assert_int_equal(create(0, 8, page, 2), -EINVAL);
	/* The end is at most 2^64 - 8. */
	assert_int_equal(create(UINT64_MAX - 15, 8, page, 0), 0);
	assert_int_equal(create(UINT64_MAX - 7, 8, page, 0), -EINVAL);
	assert_int_equal(create(UINT64_MAX - 15, 16, page, 0), -EINVAL);
	assert_int_equal(create(8, UINT64_MAX - 7, page, 0), -EINVAL);
	/* Also the last of several. */
	assert_int_equal(viq_mem_create(regions, 2, NULL, NULL, &mem, &why), 0);
	viq_mem_destroy(mem);
	regions[1].size = 4;
	assert_int_equal(viq_mem_create(regions, 2, NULL, NULL, &mem, &why), -EINVAL);
	assert_non_null(strstr(why.text, "regions[1].size: "));
}

static void overlapping_regions_are_refused(void **state)
{
	/* The second region against [0x1000, 0x1100), and whether it may stand beside it. */
	static const struct {
		uint64_t gpa, size;
		bool ok;
	} cases[] = {
		{0x1000, 0x100, false}, {0x1080, 8, false},    {0xff8, 16, false}, {0x10f8, 8, false},
		{0x0, 0x2000, false},   {0x1000, 8, false},    {0x1100, 8, true},  {0xff8, 8, true},
		{0x2000, 0x100, true},  {0x10f8, 0x80, false}, {0, 0x1000, true},  {0, 0x1008, false},
	};

	const struct viq_mem_region three[] = {{0x2080, 8, page, 0}, {0x1000, 8, page, 0}, {0x2000, 0x100, page, 0}};
	struct viq_why why = {""};
	struct viq_mem *mem;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct viq_mem_region regions[2] = {{0x1000, 0x100, page, 0}, {cases[i].gpa, cases[i].size, page, 0}};

		for (int swap = 0; swap < 2; swap++) {
			struct viq_mem_region first = regions[0];

			mem = NULL;
			assert_int_equal(viq_mem_create(regions, 2, NULL, NULL, &mem, NULL), cases[i].ok ? 0 : -EINVAL);
			viq_mem_destroy(mem);
			regions[0] = regions[1];
			regions[1] = first;
		}
	}
	assert_int_equal(viq_mem_create(three, 3, NULL, NULL, &mem, &why), -EINVAL);
	assert_string_equal(why.text, "regions: those at 0x2000 and 0x2080 overlap");
}

static void misuse_is_refused(void **state)
{
	struct viq_mem_region region = {0, sizeof(page), page, 0};
	struct viq_mem_ops ops = {.size = sizeof(ops) - 1};
	struct viq_why why = {""};
	struct viq_mem *mem = NULL;
	uint64_t word = 0;

	assert_int_equal(viq_mem_create(&region, 1, NULL, NULL, NULL, NULL), -EINVAL);
	assert_int_equal(viq_mem_create(NULL, 1, NULL, NULL, &mem, NULL), -EINVAL);
	assert_int_equal(viq_mem_create(&region, SIZE_MAX / 64 + 1, NULL, NULL, &mem, &why), -EINVAL);
	assert_non_null(strstr(why.text, "too many"));
	assert_int_equal(viq_mem_create(&region, 1, &ops, NULL, &mem, NULL), -EINVAL);
	assert_null(mem);
	assert_int_equal(viq_mem_create(&region, 1, NULL, NULL, &mem, NULL), 0);
	assert_int_equal(viq_mem_read(NULL, 0, &word, 8), -EINVAL);
	assert_int_equal(viq_mem_read(mem, 0, NULL, 8), -EINVAL);
	assert_int_equal(viq_mem_read(mem, 0, NULL, 0), 0);
	assert_int_equal(viq_mem_write(NULL, 0, &word, 8), -EINVAL);
	assert_int_equal(viq_mem_write(mem, 0, NULL, 8), -EINVAL);
	assert_int_equal(viq_mem_write(mem, 0, NULL, 0), 0);
	assert_int_equal(viq_mem_read_words(NULL, 0, &word, 1), -EINVAL);
	assert_int_equal(viq_mem_read_words(mem, 0, NULL, 1), -EINVAL);
	assert_int_equal(viq_mem_read_words(mem, 0, &word, SIZE_MAX / 8 + 2), -EINVAL);
	assert_int_equal(viq_mem_write_u32(NULL, 0, 0), -EINVAL);
	assert_int_equal(viq_mem_write_u64(NULL, 0, 0), -EINVAL);
	assert_int_equal(viq_mem_cas_u64(NULL, 0, 0, 0), -EINVAL);
	assert_null(viq_mem_span(NULL, 0, &word));
	assert_null(viq_mem_span(mem, 0, NULL));
	viq_mem_destroy(mem);
	viq_mem_destroy(NULL);
}

static void without_regions_nothing_is_there(void **state)
{
	struct viq_mem *mem;
	uint64_t word;

	assert_int_equal(viq_mem_create(NULL, 0, NULL, NULL, &mem, NULL), 0);
	assert_int_equal(viq_mem_read(mem, 0, &word, 8), -EFAULT);
	assert_int_equal(viq_mem_write(mem, 0, &word, 8), -EFAULT);
	assert_int_equal(viq_mem_write_u32(mem, 0, 1), -EFAULT);
	assert_int_equal(viq_mem_write_u64(mem, UINT64_MAX - 7, 1), -EFAULT);
	assert_null(viq_mem_span(mem, UINT64_MAX, &word));
	viq_mem_destroy(mem);
}

static int anywhere_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	memset(buf, 0x11, len);
	return 0;
}

static int anywhere_write(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
	return 0;
}

/* P4: the last byte of the address space is a byte like any other; a range beyond it is not one. */
static void p4_ranges_end_at_2_to_the_64(void **state)
{
	struct viq_mem_ops ops = {.size = sizeof(ops), .read = anywhere_read};
	const struct viq_mem_region regions[] = {{0, 8, page, 0}, {UINT64_MAX - 15, 8, page + 1, 0}};
	struct viq_mem *mem;
	uint64_t buf[4];

	page[0] = page[1] = 0;
	assert_int_equal(viq_mem_create(regions, 2, &ops, NULL, &mem, NULL), 0);
	assert_int_equal(viq_mem_read_words(mem, UINT64_MAX - 15, buf, 2), 0);
	assert_true(buf[0] == 0 && buf[1] == UINT64_C(0x1111111111111111));
	assert_int_equal(viq_mem_read(mem, UINT64_MAX, buf, 1), 0);
	assert_int_equal(viq_mem_read(mem, UINT64_MAX, buf, 2), -EFAULT);
	assert_int_equal(viq_mem_read_words(mem, UINT64_MAX - 7, buf, 2), -EFAULT);
	assert_int_equal(viq_mem_read(mem, 8, buf, SIZE_MAX), -EFAULT);
	assert_int_equal(viq_mem_write(mem, 8, buf, SIZE_MAX), -EFAULT);
	/* Reading has a callback here, writing has none. */
	assert_int_equal(viq_mem_write_u64(mem, UINT64_MAX - 7, 0), -EFAULT);
	viq_mem_destroy(mem);
	ops.write = anywhere_write;
	assert_int_equal(viq_mem_create(regions, 2, &ops, NULL, &mem, NULL), 0);
	assert_int_equal(viq_mem_write(mem, UINT64_MAX, buf, 1), 0);
	assert_int_equal(viq_mem_write(mem, UINT64_MAX, buf, 2), -EFAULT);
	viq_mem_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_range_of_any_space_property),
		cmocka_unit_test(misuse_is_refused),
		cmocka_unit_test(overlapping_regions_are_refused),
		cmocka_unit_test(p4_ranges_end_at_2_to_the_64),
		cmocka_unit_test(regions_that_break_a_rule_are_refused),
		cmocka_unit_test(without_regions_nothing_is_there),
	};

	return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
