/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_LINES_MUTATE_H
#define TESTS_FUZZ_LINES_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* Lines as QEMU traces a guest's queue are taken away, doubled, added, and their numbers changed. Returns the new size.
 */
size_t mutate_lines(char *text, size_t size, size_t max, unsigned int seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
/* libFuzzer's own. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

#endif
