/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

int walk_setup(void **state)
{
	struct walk_env *env = calloc(1, sizeof(*env));
	struct viq_mem_region regions[2];

	if (!env)
		return -1;
	env->buf = calloc(2, ARENA);
	if (!env->buf)
		return -1;
	regions[0] = (struct viq_mem_region){.gpa = HOST_PA, .size = ARENA, .host = env->buf};
	regions[1] = (struct viq_mem_region){.gpa = GUEST_PA, .size = ARENA, .host = env->buf + ARENA};
	if (viq_mem_create(regions, 2, NULL, NULL, &env->mem, NULL))
		return -1;
	synth_mem_init(&env->host, env->buf, HOST_PA, ARENA);
	synth_mem_init(&env->guest, env->buf + ARENA, GUEST_PA, ARENA);
	smmuv3_features_init(&env->f, IDR0, IDR1, IDR3, IDR5, 0);
	env->s2.identity = true;
	*state = env;
	return 0;
}

int walk_teardown(void **state)
{
	struct walk_env *env = *state;

	viq_mem_destroy(env->mem);
	free(env->buf);
	free(env);
	return 0;
}

void walk_nest(struct walk_env *env)
{
	assert_int_equal(synth_pt_init(&env->s2_pt, &env->host, 2, 12, 40, 1), 0);
	for (uint64_t i = 0; i < ARENA; i += 2 << 20)
		assert_int_equal(synth_pt_map(&env->s2_pt, GUEST_IPA + i, GUEST_PA + i, 2, 0), 0);
	memset(env->buf + ARENA, 0, ARENA);
	synth_mem_init(&env->guest, env->buf + ARENA, GUEST_IPA, ARENA);
	assert_int_equal(soft_s2_init(&env->s2, &env->f, env->s2_pt.root, 24, 1, 0, 5), 0);
}

void walk_cd(struct walk_env *env, const struct synth_pt *ttb0, const struct synth_pt *ttb1, uint64_t set,
	     uint64_t clear, struct soft_cd *cd)
{
	uint64_t words[8], ste[8];
	struct soft_fault fault;
	struct synth_cdt cdt;

	assert_int_equal(synth_cdt_init(&cdt, &env->guest, 0, 0), 0);
	synth_cd(words, ttb0, ttb1, 5, 48);
	words[0] = (words[0] | set) & ~clear;
	assert_int_equal(synth_cdt_set(&cdt, 0, words), 0);
	synth_ste_s1(ste, &cdt, 0, 0);
	assert_int_equal(soft_fetch_cd(env->mem, &env->f, &env->s2, ste, false, 0, cd, &fault), 0);
	synth_cdt_fini(&cdt);
}

void assert_fault_at(const struct soft_fault *fault, unsigned int event, unsigned int stage2, unsigned int klass,
		     uint64_t ipa, uint64_t fetch, const char *file, int line)
{
	if (fault->event == event && fault->stage2 == stage2 && fault->klass == klass && fault->ipa == ipa &&
	    fault->fetch == fetch)
		return;
	print_error("event %#x s2 %u class %u ipa %#jx fetch %#jx, expected %#x %u %u %#jx %#jx\n", fault->event,
		    fault->stage2, fault->klass, (uintmax_t)fault->ipa, (uintmax_t)fault->fetch, event, stage2, klass,
		    (uintmax_t)ipa, (uintmax_t)fetch);
	_fail(file, line);
}

uint64_t walk_seed(void)
{
	const char *text = getenv("VIQ_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 1;

	print_message("VIQ_SEED=%ju\n", (uintmax_t)seed);
	return seed;
}

/* splitmix64 */
uint64_t walk_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}
