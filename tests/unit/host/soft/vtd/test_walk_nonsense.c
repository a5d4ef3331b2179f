/* SPDX-License-Identifier: MIT */
/*
 * Property: whatever the guest has written, on whatever hardware, a translation ends after few reads, in a leaf that is
 * inside the machine's width and in itself consistent, or in a fault that the architecture has. (Sanitizers watch the
 * rest.)
 */
#include <errno.h>
#include <string.h>

#include "walk.h"

#define TABLES (UINT64_C(1) << 20) /* bytes of random words */

/* 3 reads of structures and the PASID-table entry; five levels, each read, found and found again for its flags by a
 * second stage of five; the second stage of the result. */
#define READS_MAX (4 + 5 * (1 + 5 + 5) + 5)

/* Words that are often entries that lead on: random bits alone would mostly end at the first level. */
static uint64_t random_word(uint64_t *seed, unsigned int density)
{
	uint64_t word = vtd_walk_random(seed), kind = vtd_walk_random(seed) % density;

	if (kind > 2) /* a table, a directory, or a page: readable, writable, for users */
		return (word & 0x7f0) << 48 | (HOST_PA + (word >> 20 & (TABLES - 1) & ~UINT64_C(0xfff))) | 7;
	if (kind > 1)
		return (word & 0xff00000000000fff) | VIQ_VTD_FS_PS | (word & 0x3fffc0000000) | 7; /* a large page */
	return word;
}

static void fill(struct vtd_walk_env *env, uint64_t *seed, unsigned int density)
{
	for (uint64_t i = 0; i < TABLES; i += 8)
		synth_store(&env->host, HOST_PA + i, random_word(seed, density));
}

/* A PASID-table entry or context entry of random bits is nearly always refused: these are taken now and then. */
static void random_entry(uint64_t *seed, uint64_t entry[VIQ_VTD_PE_WORDS])
{
	static const uint8_t pgtt[] = {VIQ_VTD_PGTT_FS, VIQ_VTD_PGTT_SS, VIQ_VTD_PGTT_NESTED, VIQ_VTD_PGTT_NESTED,
				       VIQ_VTD_PGTT_PT};
	bool wild = !(vtd_walk_random(seed) % 8);

	for (unsigned int i = 0; i < VIQ_VTD_PE_WORDS; i++)
		entry[i] = wild ? vtd_walk_random(seed) : 0;
	entry[0] = VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, pgtt[vtd_walk_random(seed) % 5]) |
		   (vtd_walk_random(seed) & (VIQ_VTD_PE_AW | VIQ_VTD_PE_SSADE | VIQ_VTD_PE_FPD)) |
		   (HOST_PA + (vtd_walk_random(seed) & (TABLES - 1) & ~UINT64_C(0xfff)));
	entry[1] |= vtd_walk_random(seed) & VIQ_VTD_PE_1_PWSNP;
	entry[2] =
		(vtd_walk_random(seed) & 0xf7) | (HOST_PA + (vtd_walk_random(seed) & (TABLES - 1) & ~UINT64_C(0xfff)));
}

static void place(struct vtd_walk_env *env, uint64_t addr, const uint64_t *words, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		synth_store(&env->host, addr + i * 8, words[i]);
}

/* Structures of this source and PASID, partly random, somewhere in the random words. */
static void random_structures(struct vtd_walk_env *env, uint64_t *seed)
{
	uint64_t root = HOST_PA + (vtd_walk_random(seed) & (TABLES - 1) & ~UINT64_C(0xfff)), entry[VIQ_VTD_PE_WORDS],
		 ctx[4];
	bool legacy = !(vtd_walk_random(seed) % 4);

	env->rtaddr = root | VIQ_PUT(VIQ_VTD_RTADDR_TTM, legacy ? VIQ_VTD_TTM_LEGACY : VIQ_VTD_TTM_SCALABLE);
	if (!(vtd_walk_random(seed) % 16))
		env->rtaddr = vtd_walk_random(seed) & (TABLES - 1);
	env->root = (struct synth_vtd_root){.mem = &env->host, .scalable = !legacy, .base = root};
	synth_store(&env->host, synth_vtd_root_entry(&env->root, env->req.sid), root | 1);
	if (legacy)
		synth_store(&env->host, synth_vtd_root_entry(&env->root, env->req.sid) + 8, 0);
	random_entry(seed, entry);
	env->pasids = (struct synth_vtd_pasids){.mem = &env->host, .pdts = 7, .base = entry[0] & VIQ_VTD_PE_SSPTPTR};
	synth_vtd_context(ctx, &env->pasids, vtd_walk_random(seed) % 64);
	if (legacy) {
		ctx[0] = (entry[0] & VIQ_VTD_PE_SSPTPTR) | 1 |
			 (vtd_walk_random(seed) & (VIQ_VTD_CTX_TT | VIQ_VTD_CTX_FPD));
		ctx[1] = vtd_walk_random(seed) & (VIQ_VTD_CTX_1_AW | VIQ_VTD_CTX_1_DID);
	}
	place(env, synth_vtd_root_slot(&env->root, env->req.sid, false), ctx, legacy ? 2 : 4);
	if (legacy)
		return;
	synth_store(&env->host, synth_vtd_pasids_dir_slot(&env->pasids, env->req.pasid), env->pasids.base | 1);
	place(env, synth_vtd_pasids_slot(&env->pasids, env->req.pasid, false), entry, VIQ_VTD_PE_WORDS);
}

static void random_request(struct vtd_walk_env *env, uint64_t *seed)
{
	uint64_t bits = vtd_walk_random(seed), addr = vtd_walk_random(seed) >> vtd_walk_random(seed) % 52;

	env->req = (struct soft_vtd_request){
		.addr = bits & 1 ? addr : ~addr,
		.pasid = bits & 2 ? bits >> 44 : bits >> 44 & 0xfff,
		.sid = bits >> 16,
		.has_pasid = bits & 0xc,
		.type = (bits >> 5 & 0x1f) == 1,
		.access = bits & 0x400 ? bits >> 11 & 3 : bits >> 11 & 15,
	};
}

static void assert_leaf(const struct vtd_walk_env *env)
{
	const struct soft_vtd_leaf *leaf = &env->leaf;
	uint64_t mask = VIQ_BIT(leaf->shift) - 1;

	assert_true(leaf->shift == 12 || leaf->shift == 21 || leaf->shift == 30);
	assert_int_equal(leaf->pa >> env->f.haw, 0);
	assert_int_equal(leaf->base_iova, env->req.addr & ~mask);
	assert_int_equal(leaf->base_pa, leaf->pa & ~mask);
	assert_int_equal(leaf->pa & mask, env->req.addr & mask);
	assert_false(leaf->pa >= VIQ_VTD_MSI_FIRST && leaf->pa <= VIQ_VTD_MSI_LAST);
	/* Supervisors may all that users may. */
	assert_int_equal(leaf->fs_user & ~leaf->fs_priv, 0);
	assert_int_equal((leaf->fs_user | leaf->fs_priv) & ~(SOFT_R | SOFT_W | SOFT_X), 0);
	assert_int_equal(leaf->ss & ~(SOFT_R | SOFT_W), 0);
}

/* Reasons of the mode, and none that only page requests have. */
static void assert_fault(const struct vtd_walk_env *env)
{
	uint8_t r = env->fault.reason;
	bool mode = r == VIQ_VTD_FR_RTADDR || r == VIQ_VTD_FR_TTM_PASID;

	if (VIQ_GET(VIQ_VTD_RTADDR_TTM, env->rtaddr) == VIQ_VTD_TTM_LEGACY)
		assert_true(mode || (r >= 0x1 && r <= 0xe));
	else
		assert_true(mode || (r >= 0x38 && r <= 0x91 && r != VIQ_VTD_FR_SM_PRE));
	if (env->fault.second_stage)
		assert_true(r == VIQ_VTD_FR_SM_WRITE || r == VIQ_VTD_FR_SM_READ ||
			    (r >= VIQ_VTD_FR_FS_TABLE_ADDR && r <= VIQ_VTD_FR_SS_FLAG_FAILED));
}

static void any_tables(void **state)
{
	uint64_t seed = vtd_walk_seed();
	struct vtd_walk_env *env = *state;
	unsigned int leaves = 0, nested = 0, legacy = 0;

	synth_mem_init(&env->host, env->buf, HOST_PA, ARENA);
	for (unsigned int round = 0; round < 30; round++) {
		uint64_t caps = vtd_walk_random(&seed);

		/* All there is, or less. */
		vtd_caps_init(&env->f, VTD_CAP & ~(round % 3 ? 0 : caps & ~VIQ_VTD_CAP_MGAW),
			      VTD_ECAP & ~(round % 3 ? 0 : caps & vtd_walk_random(&seed)), 32 + caps % 21);
		fill(env, &seed, round % 2 ? 8 : 100);
		for (unsigned int i = 0; i < 3000; i++) {
			random_request(env, &seed);
			random_structures(env, &seed);
			if (vtd_walk_try(env)) {
				assert_fault(env);
				continue;
			}
			assert_leaf(env);
			leaves += env->leaf.fs_level || env->leaf.ss_level;
			nested += env->regime.pgtt == VIQ_VTD_PGTT_NESTED;
			legacy += env->regime.legacy;
		}
	}
	print_message("%u leaves, %u nested, %u legacy\n", leaves, nested, legacy);
	assert_true(leaves > 100 && nested > 10 && legacy > 10);
}

/* Tables that are nowhere else than in a function that counts, and that lead on wherever they are read. */
struct endless {
	uint64_t word, entry[VIQ_VTD_PE_WORDS];
	unsigned int reads;
};

static int endless_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct endless *e = opaque;

	e->reads++;
	if (len == sizeof(e->entry)) {
		memcpy(buf, e->entry, len);
		return 0;
	}
	memset(buf, 0, len);
	memcpy(buf, &e->word, sizeof(e->word));
	return 0;
}

static void work_is_bounded(void **state)
{
	const struct viq_mem_ops ops = {.size = sizeof(ops), .read = endless_read};
	struct endless e = {.word = 0x1000 | VIQ_VTD_FS_A | VIQ_VTD_FS_D | 7};
	struct vtd_walk_env *env = *state;
	struct viq_mem *mem = env->mem;

	assert_int_equal(viq_mem_create(NULL, 0, &ops, &e, &env->mem, NULL), 0);
	/* Directory bits [11:2] and context bits are reserved: from the PASID-table entry on it leads on for ever. */
	e.entry[0] = 0x1000 | VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_AW, VIQ_VTD_AW_57) |
		     VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_NESTED);
	e.entry[1] = VIQ_VTD_PE_1_PWSNP;
	e.entry[2] = 0x1000 | VIQ_PUT(VIQ_VTD_PE_2_FSPM, VIQ_VTD_FSPM_5);
	assert_int_equal(vtd_pasid_decode(&env->f, e.entry, false, &env->regime), 0);
	for (unsigned int tries = 0; tries < 3; tries++) {
		e.reads = 0;
		assert_int_equal(
			soft_vtd_walk(env->mem, &env->f, &env->regime, IOVA, SOFT_R | SOFT_W, &env->leaf, &env->fault),
			tries == 2 ? -EFAULT : 0);
		assert_in_range(e.reads, tries == 2 ? 6 : 35, READS_MAX);
		if (tries == 1)
			e.word &= ~VIQ_VTD_FS_A; /* memory behind a function has no atomic update */
	}
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_FS_FLAG_FAILED);
	viq_mem_destroy(env->mem);
	env->mem = mem;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_tables, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(work_is_bounded, vtd_walk_setup, vtd_walk_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
