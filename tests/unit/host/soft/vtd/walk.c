/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "walk.h"

int vtd_walk_setup(void **state)
{
	struct vtd_walk_env *env = calloc(1, sizeof(*env));
	struct viq_mem_region regions[4];

	if (!env)
		return -1;
	env->buf = calloc(2, ARENA);
	if (!env->buf)
		return -1;
	for (unsigned int i = 0; i < 4; i++)
		regions[i] = (struct viq_mem_region){
			.gpa = (i % 2 ? GUEST_PA : HOST_PA) + (i / 2 ? READONLY : 0),
			.size = ARENA,
			.host = env->buf + (i % 2 ? ARENA : 0),
			.flags = i / 2 ? VIQ_MEM_READONLY : 0,
		};
	if (viq_mem_create(regions, 4, NULL, NULL, &env->mem, NULL))
		return -1;
	vtd_caps_init(&env->f, VTD_CAP, VTD_ECAP, VTD_HAW);
	*state = env;
	return 0;
}

int vtd_walk_teardown(void **state)
{
	struct vtd_walk_env *env = *state;

	viq_mem_destroy(env->mem);
	free(env->buf);
	free(env);
	return 0;
}

uint64_t vtd_walk_gpa_to_pa(uint64_t gpa)
{
	return gpa - GUEST_GPA + GUEST_PA;
}

static void map(struct synth_vtd_pt *pt, uint64_t ia, uint64_t oa)
{
	assert_int_equal(synth_vtd_pt_map(pt, ia & ~UINT64_C(0xfff), oa & ~UINT64_C(0xfff), 1, 0), 0);
}

static void build_tables(struct vtd_walk_env *env, unsigned int levels)
{
	bool nested = env->pgtt == VIQ_VTD_PGTT_NESTED;

	synth_mem_init(&env->guest, env->buf + ARENA, nested ? GUEST_GPA : GUEST_PA, ARENA);
	assert_int_equal(synth_vtd_pt_init(&env->fs, &env->guest, 1, levels < 4 ? 4 : levels), 0);
	assert_int_equal(synth_vtd_pt_init(&env->ss, &env->host, 2, levels), 0);
	map(&env->fs, IOVA, nested ? DATA_GPA : DATA_PA);
	map(&env->ss, DATA_GPA, DATA_PA);
	for (uint64_t i = 0; nested && i < ARENA / 16; i += 4096)
		map(&env->ss, GUEST_GPA + i, GUEST_PA + i);
}

static void build_structures(struct vtd_walk_env *env)
{
	bool fs = env->pgtt == VIQ_VTD_PGTT_FS || env->pgtt == VIQ_VTD_PGTT_NESTED;
	bool ss = env->pgtt == VIQ_VTD_PGTT_SS || env->pgtt == VIQ_VTD_PGTT_NESTED;
	uint64_t ctx[VIQ_VTD_SCTX_WORDS], entry[VIQ_VTD_PE_WORDS];

	assert_int_equal(synth_vtd_root_init(&env->root, &env->host, !env->legacy), 0);
	env->rtaddr = synth_vtd_root_rtaddr(&env->root);
	if (env->legacy) {
		synth_vtd_legacy_context(ctx, ss ? &env->ss : NULL, VIQ_VTD_AW_57, DID);
		assert_int_equal(synth_vtd_root_set(&env->root, SID, ctx), 0);
		return;
	}
	assert_int_equal(synth_vtd_pasids_init(&env->pasids, &env->host, 0), 0);
	synth_vtd_context(ctx, &env->pasids, RID_PASID);
	assert_int_equal(synth_vtd_root_set(&env->root, SID, ctx), 0);
	synth_vtd_pasid(entry, fs ? &env->fs : NULL, ss ? &env->ss : NULL, DID);
	entry[1] |= env->f.ecap & VIQ_VTD_ECAP_SMPWCS ? VIQ_VTD_PE_1_PWSNP : 0;
	assert_int_equal(synth_vtd_pasids_set(&env->pasids, PASID, entry), 0);
	assert_int_equal(synth_vtd_pasids_set(&env->pasids, RID_PASID, entry), 0);
}

void vtd_walk_build(struct vtd_walk_env *env, bool legacy, unsigned int pgtt, unsigned int levels)
{
	static const uint64_t addr[] = {[VIQ_VTD_PGTT_FS] = IOVA,
					[VIQ_VTD_PGTT_SS] = DATA_GPA,
					[VIQ_VTD_PGTT_NESTED] = IOVA,
					[VIQ_VTD_PGTT_PT] = DATA_PA};

	memset(env->buf, 0, 2 * ARENA);
	synth_mem_init(&env->host, env->buf, HOST_PA, ARENA);
	env->legacy = legacy;
	env->pgtt = pgtt;
	build_tables(env, levels);
	build_structures(env);
	env->req = (struct soft_vtd_request){
		.addr = addr[pgtt],
		.pasid = legacy ? 0 : PASID,
		.sid = SID,
		.has_pasid = !legacy,
		.access = SOFT_R,
	};
}

int vtd_walk_try(struct vtd_walk_env *env)
{
	return soft_vtd_translate(env->mem, &env->f, env->rtaddr, &env->req, &env->regime, &env->leaf, &env->fault);
}

uint64_t vtd_walk_seed(void)
{
	const char *text = getenv("VIQ_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 1;

	print_message("VIQ_SEED=%ju\n", (uintmax_t)seed);
	return seed;
}

/* splitmix64 */
uint64_t vtd_walk_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}
