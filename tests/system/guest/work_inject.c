/* SPDX-License-Identifier: MIT */
/*
 * inject: the VMM makes a command of the guest's driver illegal, in the queue, and the driver must find the error at
 * the right place, mend it and go on. It waits for the command with interrupts off on its processor; the error is told
 * by an interrupt, which the first processor takes. So this job works on the last one. If that is the first one as
 * well, the driver gives up waiting after a second, and says so.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "work.h"

#define IOVA       UINT64_C(0x600000000)
#define MAX_PAGES  511
#define AFTERWARDS 20 /* rounds */
#define ERROR_MS   5000

/* CMDQ_CONS (IHI 0070 6.3.28): RD with its wrap bit, and why the queue stopped */
#define CONS_RD(cons)  ((cons)&0xfffff)
#define CONS_ERR(cons) ((cons) >> 24 & 0x7f)
#define CERROR_ILL     1

struct inject {
	struct space space;
	struct pool pool;
	struct log errors, timeouts;
	uint32_t round;
	bool alone; /* one processor */
};

static void take_last_processor(struct inject *t)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	t->alone = count <= 1;
	CPU_ZERO(&set);
	CPU_SET(count - 1, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("cannot work on processor %ld alone", count - 1);
}

/* The device copies a text from the first page of these to the last one. */
static void look(struct inject *t, uint32_t first, uint32_t pages)
{
	struct text text = text_of("%u of inject", t->round), before = pool_read(&t->pool, first + pages - 1, PAGE / 2),
		    came;

	pool_write(&t->pool, first, 0, &text);
	edu_fetch(&t->space.edu, IOVA, TEXT_BYTES);
	edu_store(&t->space.edu, IOVA + (uint64_t)(pages - 1) * PAGE + PAGE / 2, TEXT_BYTES);
	came = pool_read(&t->pool, first + pages - 1, PAGE / 2);
	if (!text_equal(&came, &text))
		fail("round %u: \"%s\" should have come at %#llx, not \"%s\"", t->round, text.bytes,
		     (unsigned long long)IOVA + (uint64_t)(pages - 1) * PAGE, text_printable(&came).bytes);
	pool_written(&t->pool, first + pages - 1, PAGE / 2, &before, &text);
}

/* Pages that the device knows. */
static uint32_t map(struct inject *t, uint32_t pages, bool singly)
{
	uint32_t first = pool_take(&t->pool, pages, IOVA, ++t->round);

	if (singly)
		space_map_singly(&t->space, IOVA, pool_page(&t->pool, first), pages);
	else
		space_map(&t->space, IOVA, pool_page(&t->pool, first), pages);
	look(t, first, pages);
	return first;
}

static void unmap(struct inject *t, uint32_t first, uint32_t pages)
{
	space_unmap(&t->space, IOVA, pages);
	pool_give(&t->pool, first, pages);
}

/* The driver's report: where it found the illegal command. */
static void check_report(struct inject *t)
{
	static const char error[] = "CMDQ error (cons 0x", timeout[] = "timeout at";
	char message[512];
	uint32_t cons;
	bool late;

	if (!log_find(&t->errors, error, message, sizeof(message), ERROR_MS))
		fail("the driver has not reported the illegal command");
	cons = (uint32_t)strtoul(strstr(message, error) + strlen(error), NULL, 16);
	if (CONS_ERR(cons) != CERROR_ILL || !strstr(message, "Illegal command"))
		fail("the driver's report is of another error: %s", message);
	if (!log_find(&t->errors, "skipping command in error state", message, sizeof(message), ERROR_MS))
		fail("the driver has not skipped the illegal command");
	ask(NULL, 0, "injected-at 0x%x", CONS_RD(cons));
	late = log_find(&t->timeouts, timeout, message, sizeof(message), 0);
	if (late != t->alone)
		fail("the driver %s: %s", late ? "gave up waiting" : "has not given up waiting, with one processor",
		     late ? message : "");
}

/* Once: an illegal command among those of this unmap, then everything goes on. */
static void inject(struct inject *t, uint32_t pages, bool singly)
{
	uint32_t first = map(t, pages, singly);
	char message[512];

	ask(NULL, 0, "inject");
	unmap(t, first, pages);
	check_report(t);
	for (unsigned int i = 0; i < AFTERWARDS; i++) {
		first = map(t, 1 + i % 3 * (pages - 1) / 2, i & 1);
		unmap(t, first, 1 + i % 3 * (pages - 1) / 2);
	}
	if (log_find(&t->errors, "CMDQ", message, sizeof(message), 0) ||
	    log_find(&t->timeouts, "timeout", message, sizeof(message), 0))
		fail("the driver has not recovered: %s", message);
}

void work_inject(void)
{
	static const struct {
		uint32_t pages;
		bool singly;
	} cases[] = {{1, false}, {2, true}, {31, false}, {MAX_PAGES, false}, {16, true}, {1, false}};
	const size_t count = sizeof(cases) / sizeof(cases[0]);
	struct inject t = {0};

	take_last_processor(&t);
	pool_create(&t.pool, 4 * MAX_PAGES);
	space_open(&t.space);
	log_open(&t.errors);
	log_open(&t.timeouts);
	unmap(&t, map(&t, 1, false), 1);
	for (size_t i = 0; i < count; i++)
		inject(&t, cases[i].pages, cases[i].singly);
	pool_check(&t.pool, 0, t.pool.pages);
	log_close(&t.errors);
	log_close(&t.timeouts);
	space_close(&t.space);
	say_ok("inject", "%zu illegal commands, reported where they were; %u rounds went on", count, t.round);
}
