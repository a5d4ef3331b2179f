/* SPDX-License-Identifier: MIT */
/*
 * Runs of descriptors that are alike, one after another: what a batch keeps of those before it, and of its descriptors,
 * is nothing that anybody can see. Two guests do the same, one of them without a trace.
 */
#include <string.h>

#include "oracle/vvtd_model.h"
#include "support/vvtd.h"

#define HOSTS 4
#define BOTH  for (struct vvtd **v = p->v; v < p->v + 2; v++)

struct pair {
	struct vvtd *v[2];
	struct viq_vtd_ops ops; /* of the second one */
	/* Of this doorbell, in each host: what it must be given. */
	struct viq_vtd_s1_entry want[HOSTS][1024];
	uint32_t count[HOSTS];
	struct test_desc pushed[300];
	uint32_t push_count;
	uint64_t of_type[16]; /* since the beginning */
	struct {
		unsigned int kind;
		uint16_t did;
	} favourites[2];
};

/* Domain 1 has a first stage, 2 a second one, 3 both; 4 none. */
static void open_pair(struct pair *p, unsigned int width)
{
	struct vvtd *traced = vvtd_new(NULL);
	struct viq_vtd_config config;

	vvtd_config(&config);
	config.budget = VIQ_WORK_UNLIMITED;
	p->ops = traced->ops;
	p->ops.trace = NULL;
	vvtd_free(traced);
	p->v[0] = vvtd_new(&config);
	config.ops = &p->ops;
	p->v[1] = vvtd_new(&config);
	BOTH
	{
		(*v)->lax = true;
		for (unsigned int h = 0; h < HOSTS; h++)
			vvtd_host_new(*v);
		vvtd_attach(*v, (*v)->hosts[0], 1, 0, 0x100, 0);
		vvtd_attach(*v, (*v)->hosts[1], 2, 0, 0x200,
			    VIQ_VTD_TABLE_RID | VIQ_VTD_TABLE_STAGE2 | VIQ_VTD_DEVTLB_IMPLIED);
		vvtd_attach(*v, (*v)->hosts[2], 3, 0, 0x300, 0);
		vvtd_attach(*v, (*v)->hosts[3], 3, 0, 0x400, VIQ_VTD_TABLE_STAGE2);
		vvtd_boot(*v, width, 3);
	}
}

static void want(struct pair *p, unsigned int host, struct viq_vtd_s1_entry e)
{
	uint32_t *n = &p->count[host];

	if (e.npages != VIQ_VTD_S1_ALL || !*n || p->want[host][*n - 1].npages != VIQ_VTD_S1_ALL)
		p->want[host][(*n)++] = e;
}

/* One of a kind, with this page: and what it must become. */
static struct test_desc one_of(struct pair *p, unsigned int kind, uint16_t did, uint64_t page)
{
	const unsigned int am = kind / 2 % 3, leaf = kind % 2;
	struct viq_vtd_s1_entry e = entry_page(page >> am << am, leaf);
	const bool stage2 = p->v[0]->shift == 4 || kind / 6 == 1;
	/* Of a first stage an IOTLB descriptor takes all. */
	const bool all = kind >= 12;

	e.npages = UINT64_C(1) << am;
	if (all)
		e = entry_all();
	if (did == 1 || did == 3)
		want(p, did - 1, stage2 ? entry_all() : e);
	if (did == 2 || did == 3)
		want(p, did == 2 ? 1 : 3, e);
	if (all)
		return stage2 ? desc_iotlb(2, did, 0, 0, false) : desc_piotlb(2, did, 0, 0, 0, false);
	return stage2 ? desc_iotlb(3, did, page << 12, am, leaf) : desc_piotlb(3, did, 0, page << 12, am, leaf);
}

/* A device-TLB descriptor's entry comes between them, unless the last one covers it. */
static struct test_desc cover(struct pair *p, uint64_t page)
{
	const uint32_t n = p->count[1];
	const struct viq_vtd_s1_entry *last = n ? &p->want[1][n - 1] : NULL;

	if (!last || (last->npages != VIQ_VTD_S1_ALL &&
		      (page << 12 < last->addr || (page << 12) - last->addr >= last->npages << 12)))
		want(p, 1, entry_page(page, true));
	return desc_devtlb(0x200, page << 12, false);
}

static void push_runs(struct pair *p, uint64_t *seed)
{
	unsigned int runs = 1 + vvtd_below(seed, vvtd_below(seed, 2) ? 5 : 1);

	/* The same for a while: what is left of it matters then. */
	for (unsigned int i = 0; i < 2; i++) {
		if (p->favourites[i].did && vvtd_below(seed, 20))
			continue;
		p->favourites[i].kind = vvtd_below(seed, 14);
		p->favourites[i].did = (uint16_t)(1 + vvtd_below(seed, 8) % 4);
	}

	memset(p->count, 0, sizeof(p->count));
	p->push_count = 0;
	/* A batch's at most: two entries that mean all, in two batches, are two. */
	for (; runs; runs--) {
		unsigned int favourite = vvtd_below(seed, 2), kind = p->favourites[favourite].kind,
			     count = 1 + vvtd_below(seed, vvtd_below(seed, 2) ? 50 : 3);
		uint16_t did = p->favourites[favourite].did;
		bool covers = !vvtd_below(seed, 6);

		for (uint64_t page = vvtd_random(seed) & 0xffff; count; count--, page++) {
			struct test_desc d = covers ? cover(p, page) : one_of(p, kind, did, page);

			p->pushed[p->push_count++] = d;
			p->of_type[d.qw[0] & VIQ_VTD_DESC_TYPE]++;
			BOTH vvtd_push(*v, d);
		}
	}
	p->of_type[VIQ_VTD_TYPE_WAIT]++;
	BOTH vvtd_push_wait(*v);
}

static void compare(struct pair *p)
{
	struct viq_vtd_counters a = vtd_counters(p->v[0]->vtd), b = vtd_counters(p->v[1]->vtd);

	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(vvtd_r64(p->v[0], VREG(IQH)), vvtd_r64(p->v[1], VREG(IQH)));
	for (unsigned int h = 0; h < HOSTS; h++) {
		const struct vvtd_host *x = p->v[0]->hosts[h], *y = p->v[1]->hosts[h];

		assert_int_equal(x->effect_count, y->effect_count);
		for (size_t i = 0; i < x->effect_count; i++)
			assert_memory_equal(&x->effects[i].entry, &y->effects[i].entry, sizeof(x->effects[i].entry));
	}
}

/* Nothing failed. */
static void compare_with_what_was_wanted(const struct pair *p)
{
	uint32_t n = 0;

	for (unsigned int h = 0; h < HOSTS; h++) {
		const struct vvtd_host *x = p->v[0]->hosts[h];

		assert_int_equal(x->effect_count, p->count[h]);
		for (size_t i = 0; i < x->effect_count; i++)
			assert_memory_equal(&x->effects[i].entry, &p->want[h][i], sizeof(p->want[h][i]));
	}
	for (size_t i = 0; i < p->v[0]->log_count; i++) {
		const struct vvtd_log *l = &p->v[0]->log[i];

		if (l->kind == VLOG_TRACE && n < p->push_count)
			assert_memory_equal(l->desc, p->pushed[n++].qw, sizeof(l->desc));
	}
	assert_int_equal(n, p->push_count);
}

static void run(unsigned int width)
{
	static struct pair pair;
	struct pair *p = &pair;
	uint64_t seed = vvtd_seed();

	*p = (struct pair){.push_count = 0};
	open_pair(p, width);
	for (unsigned int round = 0; round < 3000; round++) {
		bool fails = !vvtd_below(&seed, 4);
		unsigned int host = vvtd_below(&seed, HOSTS);
		uint32_t nth, error = 1 + vvtd_below(&seed, VIQ_CALL_ERROR_COUNT - 1);

		BOTH vvtd_forget(*v);
		push_runs(p, &seed);
		nth = p->count[host] ? vvtd_below(&seed, p->count[host]) : 0;
		if (fails && p->count[host])
			BOTH vvtd_host_fail((*v)->hosts[host], p->want[host][nth], error, 1);
		BOTH vvtd_ring(*v);
		compare(p);
		for (unsigned int tries = 0; !vvtd_idle(p->v[0]); tries++) {
			assert_true(fails && tries < 10);
			BOTH
			{
				uint32_t fsts = vvtd_r32(*v, VREG(FSTS));

				vvtd_w32(*v, VREG(FSTS), fsts);
				if (viq_vtd_waits_for_host((*v)->vtd))
					vvtd_retry(*v);
				vvtd_w32(*v, VREG(IQT), vvtd_offset(*v, (*v)->prod));
			}
			compare(p);
		}
		for (unsigned int type = 0; type < 16; type++)
			assert_int_equal(vtd_counters(p->v[0]->vtd).descriptors[type], p->of_type[type]);
		if (!fails)
			compare_with_what_was_wanted(p);
		BOTH vvtd_host_fail((*v)->hosts[host], entry_all(), 0, 0);
	}
	BOTH vvtd_free(*v);
}

static void test_wide(void **state)
{
	run(256);
}

static void test_narrow(void **state)
{
	run(128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_narrow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
