/* SPDX-License-Identifier: MIT */
/* What the files of the fuzzed kernel share. */
#ifndef TESTS_FUZZ_KERNEL_INSIDE_H
#define TESTS_FUZZ_KERNEL_INSIDE_H

#include "kernel.h"

/* struct kernel_lie.how; the upper four bits are which error. */
#define FAILS    0x1u
#define GARBAGE  0x2u /* in what is written back, whether it fails or not */
#define POSITIVE 0x4u
#define SMALL    0x8u /* numbers that mean something elsewhere */

extern const int kernel_errors[16];

struct kernel_lie kernel_next_lie(struct kernel *k);
int kernel_result(const struct kernel_lie *lie); /* of a call: 0, positive, or an error */
uint32_t kernel_number(const struct kernel_lie *lie);
void kernel_garbage(void *to, size_t len, uint64_t seed);

struct kernel_file *kernel_find_file(const struct kernel *k, int fd); /* NULL: it is not open */
void kernel_give_file(struct kernel *k, int fd, uint32_t device);
/* The id is the lie's, or one that was never used. *words: what it is made of, or NULL. */
int kernel_make(struct kernel *k, const struct kernel_lie *lie, uint32_t *id, const uint64_t *words);
/* And a file of its own. */
int kernel_make_queue(struct kernel *k, const struct kernel_lie *lie, uint32_t *id, uint32_t *fd);
int kernel_destroy(struct kernel *k, const struct kernel_lie *lie, uint32_t id);
/* pt 0: detach. */
int kernel_attach(struct kernel *k, const struct kernel_lie *lie, int fd, uint32_t pasid, uint32_t pt);

#endif
