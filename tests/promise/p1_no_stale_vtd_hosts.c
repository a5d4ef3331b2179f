/* SPDX-License-Identifier: MIT */
/*
 * P1, and P8 with it: when a wait descriptor has completed, every invalidation before it has taken effect in every
 * table that it concerns, whatever hosts do and say. The harness watches each completion; here is the life that it
 * watches.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/vvtd.h"

#define HOSTS 8

/* Some of these are what hosts are made to fail. */
static struct test_desc any_desc(uint64_t *seed)
{
	uint16_t did = 1 + vvtd_below(seed, 3), sid = vvtd_below(seed, 6);
	uint32_t pasid = vvtd_below(seed, 3);
	uint64_t page = vvtd_below(seed, 16), size = vvtd_below(seed, 6);

	switch (vvtd_below(seed, 14)) {
	case 0:
		return desc_iotlb(1 + vvtd_below(seed, 3), did, page << 12, size, vvtd_below(seed, 2));
	case 1:
		return desc_piotlb(2, did, pasid, 0, 0, vvtd_below(seed, 2));
	case 2:
		return desc_piotlb(3, did, pasid, page << 12, size ? size : 52, vvtd_below(seed, 2));
	case 3:
		return desc_devtlb(sid, page << 12, vvtd_below(seed, 2));
	case 4:
		return desc_pdevtlb(sid, pasid, vvtd_below(seed, 3) == 0, page << 12, vvtd_below(seed, 2));
	case 5:
		return desc_pc(1, did, pasid);
	case 6:
		return desc_cc(3, did, sid, 0);
	case 7:
		return desc_iec(true, page, 2);
	default:
		return desc_page(did, pasid, page);
	}
}

/* Something goes wrong from now on, for a while. */
static void disturb(struct vvtd *v, uint64_t *seed)
{
	struct vvtd_host *host = v->hosts[vvtd_below(seed, HOSTS)];
	struct viq_vtd_s1_entry bad = entry_page(vvtd_below(seed, 16), vvtd_below(seed, 2));

	switch (vvtd_below(seed, 8)) {
	case 0:
		v->reconfig_result = vvtd_below(seed, 3) ? 0 : -ENOMEM;
		break;
	case 1:
		v->remap_result = vvtd_below(seed, 3) ? 0 : -ENOMEM;
		break;
	case 2:
		v->devtlb_result = (const int[]){-EIO, -ETIMEDOUT, -ENOMEM}[vvtd_below(seed, 3)];
		v->devtlb_times = vvtd_below(seed, 3);
		break;
	default:
		vvtd_host_contract(host, vvtd_below(seed, VVTD_CONTRACTS));
		host->lie = vvtd_below(seed, 2) ? TEST_LIE_NONE : vvtd_below(seed, VVTD_LIES);
		vvtd_host_fail(host, vvtd_below(seed, 3) ? bad : entry_all(),
			       1 + vvtd_below(seed, VIQ_CALL_ERROR_COUNT - 1), vvtd_below(seed, 5));
		break;
	}
}

/* The guest's handler of errors. It may give a descriptor up, and knows then that it was not carried out. */
static void handle_errors(struct vvtd *v)
{
	uint32_t fsts = vvtd_r32(v, VREG(FSTS));
	uint64_t head = vvtd_r64(v, VREG(IQH)) >> 5;

	if (fsts & VREG(FSTS_IQE)) {
		struct test_desc wait = desc_wait(false, false, true, 0, 0);

		memcpy(v->ram + v->base + (head << 5), wait.qw, sizeof(wait.qw));
		memcpy(v->shadow[head].desc, wait.qw, sizeof(wait.qw));
	}
	if (fsts & VREG(FSTS_ITE))
		v->ite_time = ++v->time;
	if (fsts)
		vvtd_w32(v, VREG(FSTS), fsts);
}

static void settle(struct vvtd *v)
{
	for (unsigned int i = 0; i < HOSTS; i++)
		v->hosts[i]->times = 0;
	v->reconfig_result = v->remap_result = v->devtlb_times = 0;
	for (unsigned int i = 0; i < 1000 && !vvtd_idle(v); i++) {
		handle_errors(v);
		viq_vtd_run(v->vtd, 0);
	}
	assert_vidle(v);
}

/* A wait descriptor that a time-out has aborted is done with, though its status word will never tell. */
static void forget_aborted(struct vvtd *v)
{
	if (v->seen == v->prod || !vvtd_idle(v))
		return;
	v->seen = v->prod;
}

static void live(struct vvtd *v, uint64_t *seed, unsigned int steps)
{
	for (unsigned int step = 0; step < steps; step++) {
		for (uint32_t n = vvtd_below(seed, 12); n > 0 && v->prod - v->seen < v->slots - 20; n--)
			vvtd_push(v, any_desc(seed));
		if (v->prod - v->seen < v->slots - 20)
			vvtd_push_wait(v);
		if (vvtd_below(seed, 3) == 0)
			disturb(v, seed);
		vvtd_ring(v);
		if (vvtd_below(seed, 4) == 0)
			viq_vtd_run(v->vtd, 1 + vvtd_below(seed, 30));
		vvtd_observe(v);
		if (vvtd_below(seed, 3))
			handle_errors(v);
		if (vvtd_below(seed, 40) == 0)
			vvtd_migrate(v);
		forget_aborted(v);
		if (vvtd_below(seed, 2))
			v->reconfig_result = v->remap_result = 0;
		if (step % 20 == 19) {
			settle(v);
			v->seen = v->prod;
			vvtd_forget(v);
		}
	}
}

static void test_random_lives(void **state)
{
	uint64_t seed = vvtd_seed(), completed = 0, stops = 0, aborted = 0;

	for (unsigned int life = 0; life < 400; life++) {
		struct viq_vtd_counters c;
		struct vvtd *v = vvtd_budget(vvtd_below(&seed, 2) ? 0 : 1 + vvtd_below(&seed, 200));

		for (unsigned int i = 0; i < HOSTS; i++)
			vvtd_host_new(v);
		for (unsigned int i = 0; i < 14; i++)
			vvtd_attach(v, v->hosts[vvtd_below(&seed, HOSTS)], 1 + vvtd_below(&seed, 3),
				    vvtd_below(&seed, 3), vvtd_below(&seed, 6), vvtd_below(&seed, 4));
		vvtd_boot(v, 256, 1);
		live(v, &seed, 300);
		settle(v);
		c = vtd_counters(v->vtd);
		completed += c.descriptors[VREG(TYPE_WAIT)];
		stops += c.host_waits + c.iqe[4];
		aborted += c.aborted;
		vvtd_free(v);
	}
	/* It was a life worth watching. */
	printf("# %llu waits, %llu stops, %llu aborted\n", (unsigned long long)completed, (unsigned long long)stops,
	       (unsigned long long)aborted);
	assert_true(completed > 5000 && stops > 1000 && aborted > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
