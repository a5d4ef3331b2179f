/* SPDX-License-Identifier: MIT */
/* libFuzzer's mutator for inputs that are CAPTURE_FRONT bytes and a capture file. */
#ifndef TESTS_FUZZ_CAPTURE_MUTATE_H
#define TESTS_FUZZ_CAPTURE_MUTATE_H

#include "input.h"

#define CAPTURE_FRONT 2

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
/* libFuzzer's own. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

#endif
