/* SPDX-License-Identifier: MIT */
/*
 * The guest's only program: it lets an assigned device do DMA behind the guest's SMMU, and looks whether the device
 * reaches what it should, and never what it should no longer. All page tables and commands are those of the guest
 * kernel's own drivers.
 *
 *   work.c          which jobs there are; runs those that the kernel's command line names
 *   work_talk.c     the lines for whoever reads the console, and questions to them
 *   work_space.c    the device, and an I/O address space in the guest's iommufd
 *   work_pool.c     pages that tell when a byte of them was changed by someone else
 *   work_log.c      the kernel's log
 *   work_load.c and the others: the jobs
 */
#ifndef VIQ_GUEST_WORK_H
#define VIQ_GUEST_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/linux.h>

#include "kernel/edu.h"
#include "kernel/tap.h" /* fail(), check(): they end the job, and the reason is told */

#define PAGE 4096u

/* --- work_talk.c: lines that begin with "W| " -------------------------------------------------------------------- */

void talk_start(void);
void say_ok(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_fail(const char *name, const char *reason);
void say_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_figure(const char *name, uint64_t value, const char *unit);
void say_end(void);
/* Ask the VMM's controller; detail is what came with "yes". Fails the job on "no". */
void ask(char *detail, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A number from the kernel's command line. */
uint64_t setting(const char *key, uint64_t otherwise);

/* --- work_space.c --------------------------------------------------------------------------------------------------
 */

struct space {
	struct viq_linux *ctx;
	struct edu edu;
	uint32_t ioas;
};

/* The device is bound to an iommufd and translates by an empty I/O address space. */
void space_open(struct space *space);
/* The same of the edu device of this name. */
void space_open_of(struct space *space, const char *name);
/* The same in two steps: bound alone, all its accesses are blocked. */
void space_bind(struct space *space);
void space_attach(struct space *space);
void space_close(struct space *space);

void space_map(struct space *space, uint64_t iova, void *page, uint32_t pages);
void space_map_readonly(struct space *space, uint64_t iova, void *page, uint32_t pages);
/* One page a mapping. */
void space_map_singly(struct space *space, uint64_t iova, void *page, uint32_t pages);
void space_unmap(struct space *space, uint64_t iova, uint32_t pages);

/* --- work_pool.c ---------------------------------------------------------------------------------------------------
 */

/* What the device carries about: a sentence that says where it belongs, so that a stray one tells where it came from.
 */
#define TEXT_BYTES 32

struct text {
	char bytes[TEXT_BYTES];
};

struct text text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool text_equal(const struct text *a, const struct text *b);
/* As it may be printed. */
struct text text_printable(const struct text *text);

/*
 * Pages of this process, and a sum over each that is brought up to date with what should change, so that whatever else
 * changes is noticed. They are used in turn: what was unmapped is held, and looked at again, before it is used anew.
 */
struct pool {
	uint8_t *memory;
	struct pool_page {
		uint64_t sum, iova; /* iova: where it was mapped last */
		uint32_t round;     /* and when */
		bool taken;
	} * about;
	uint32_t pages, next;
};

void pool_create(struct pool *pool, uint32_t pages);
void pool_destroy(struct pool *pool);
/*
 * The first of so many pages in a row that nobody has, for use at iova in this round. Here and when they are given
 * back, a page that is not as it should be fails the job.
 */
uint32_t pool_take(struct pool *pool, uint32_t pages, uint64_t iova, uint32_t round);
void pool_give(struct pool *pool, uint32_t first, uint32_t pages);
void pool_check(const struct pool *pool, uint32_t first, uint32_t pages);
uint8_t *pool_page(const struct pool *pool, uint32_t page);
struct text pool_read(const struct pool *pool, uint32_t page, uint32_t offset);
/* By the program. */
void pool_write(struct pool *pool, uint32_t page, uint32_t offset, const struct text *text);
/* By the device: in the place of what was there, text is to stand there now. */
void pool_written(struct pool *pool, uint32_t page, uint32_t offset, const struct text *was, const struct text *text);

/* --- work_log.c ----------------------------------------------------------------------------------------------------
 */

/* What the kernel says from log_open() on. */
struct log {
	int fd;
};

void log_open(struct log *log);
void log_close(struct log *log);
/* The next message that has needle in it, waited for; false: none came within so many milliseconds. */
bool log_find(struct log *log, const char *needle, char *message, size_t size, unsigned int milliseconds);

/* Events of the SMMU, by their number (IHI 0070 7.3), as its driver tells them. */
#define EVENT_TRANSLATION 0x10
#define EVENT_PERMISSION  0x13

/* The driver's limit of what it tells is as for a machine that had no event for long. */
void log_let_events_be_told(void);
/* The next event must be this one; an access of at most four bytes makes one. Fails the job. */
void log_expect_event(struct log *log, const struct edu *edu, uint32_t event, uint64_t iova, bool write);
/* There must be none. */
void log_expect_no_event(struct log *log);

/* --- The jobs ------------------------------------------------------------------------------------------------------
 */

void work_load(void);
void work_both(void);
void work_plug(void);
void work_window(void);
void work_modes(void);
void work_fault(void);
void work_msi(void);
void work_disk(void);
void work_inject(void);
void work_count(void);
void work_bench(void);
void work_peers(void);

#endif
