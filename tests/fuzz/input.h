/* SPDX-License-Identifier: MIT */
/* A fuzz input as a stream of small numbers; past its end everything is 0. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct input {
	const uint8_t *data;
	size_t left;
};

static inline uint64_t input_bytes(struct input *in, size_t count)
{
	uint64_t value = 0;

	for (size_t i = 0; i < count && in->left; i++, in->left--)
		value |= (uint64_t)*in->data++ << (8 * i);
	return value;
}

static inline uint8_t input_u8(struct input *in)
{
	return (uint8_t)input_bytes(in, 1);
}

static inline uint32_t input_u32(struct input *in)
{
	return (uint32_t)input_bytes(in, 4);
}

static inline uint64_t input_u64(struct input *in)
{
	return input_bytes(in, 8);
}

/* Called by libFuzzer. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
