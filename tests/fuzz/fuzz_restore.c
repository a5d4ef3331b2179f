/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a saved state. Mostly with a header that is made to fit, so that what lies behind it is reached: an
 * attacker can compute a hash, too. A state that is taken over must behave like one that a guest brought about.
 */
#include "guest.h"

#define HEADER 24 /* magic, version, length, FNV-1a of the rest */

static void fix_header(uint8_t *state, size_t len, const uint8_t *good)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	memcpy(state, good, 12);
	for (size_t i = 0; i < 4; i++)
		state[12 + i] = (uint8_t)(len >> (8 * i));
	for (size_t i = HEADER; i < len; i++)
		hash = (hash ^ state[i]) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < 8; i++)
		state[16 + i] = (uint8_t)(hash >> (8 * i));
}

/* A good state, patched by (position, byte) pairs, or the input itself; grown by retained commands. */
static uint8_t *make_state(struct vsmmu *v, struct input *in, size_t *len)
{
	size_t good_len = viq_smmuv3_save_size(v->smmu);
	uint8_t how = input_u8(in), *good = malloc(good_len), *state;
	size_t extra = how & 15;

	assert_non_null(good);
	assert_int_equal(viq_smmuv3_save(v->smmu, good, &good_len), 0);
	*len = how & 0x40 ? in->left : good_len + 16 * extra;
	state = calloc(1, *len ? *len : 1);
	assert_non_null(state);
	if (how & 0x40) {
		memcpy(state, in->data, *len);
		in->left = 0;
	} else {
		memcpy(state, good, good_len);
		/* The count of retained commands stands in the last words of the fixed part. */
		for (unsigned int patches = how >> 4 & 3; patches--;) {
			size_t at = HEADER + input_u8(in);

			if (at < *len)
				state[at] = input_u8(in);
		}
		state[good_len - 8] = (uint8_t)extra;
		for (size_t at = good_len; at < *len; at += 8) {
			uint64_t word =
				at % 16 == good_len % 16 ? 0x40 | input_u32(in) << 8 : (uint64_t)input_u32(in) << 12;

			for (size_t i = 0; i < 8; i++)
				state[at + i] = (uint8_t)(word >> (8 * i));
		}
	}
	if (*len >= HEADER && !(how & 0x80))
		fix_header(state, *len, good);
	free(good);
	return state;
}

static uint8_t *saved(struct vsmmu *v, size_t *len)
{
	uint8_t *state;

	*len = viq_smmuv3_save_size(v->smmu);
	state = malloc(*len);
	assert_non_null(state);
	assert_int_equal(viq_smmuv3_save(v->smmu, state, len), 0);
	return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct guest *g = guest_new(NULL);
	size_t len, again_len, empty;
	uint8_t *state;
	int ret;

	vsmmu_boot(g->v, 4);
	empty = viq_smmuv3_save_size(g->v->smmu);
	state = make_state(g->v, &in, &len);
	ret = viq_smmuv3_restore(g->v->smmu, state, len);
	assert_true(ret == 0 || ret == -22 || ret == -95);
	if (!ret) {
		/* Of a device at most two retained commands are left, which take all others' place: then nothing
		 * changes. */
		uint8_t *again = saved(g->v, &again_len), *third;

		assert_true(again_len <= len);
		if (len == empty)
			assert_memory_equal(again, state, len);
		assert_int_equal(viq_smmuv3_restore(g->v->smmu, again, again_len), 0);
		third = saved(g->v, &len);
		assert_int_equal(len, again_len);
		assert_memory_equal(third, again, len);
		free(third);
		free(again);
	}
	guest_forget(g);
	for (unsigned int steps = 0; in.left && steps < 64; steps++)
		guest_step(g, &in);
	free(state);
	guest_free(g);
	return 0;
}
