/* SPDX-License-Identifier: MIT */
/* fault: what the device must not do arrives as an event in the guest kernel's log, with its address and its kind. */
#include <stdio.h>

#include "work.h"

/* Pages at these addresses. The next page of each is not mapped. */
#define USUAL    UINT64_C(0x100000000)
#define READONLY UINT64_C(0x200000000)
#define GONE     UINT64_C(0x300000000)
#define NOWHERE  UINT64_C(0x7ffffffff000)
#define BYTES    4 /* one event each */

static const struct access {
	uint64_t iova;
	uint32_t event;
	bool write;
} wrong[] = {
	{NOWHERE + 0x10, EVENT_TRANSLATION, false}, {NOWHERE + 0x20, EVENT_TRANSLATION, true},
	{USUAL + PAGE, EVENT_TRANSLATION, false},   {READONLY + 0x30, EVENT_PERMISSION, true},
	{GONE + 0x40, EVENT_TRANSLATION, false},    {GONE + 0x50, EVENT_TRANSLATION, true},
};
#define WRONG (sizeof(wrong) / sizeof(wrong[0]))

static void access_at(struct edu *edu, const struct access *access)
{
	if (access->write)
		edu_store(edu, access->iova, BYTES);
	else
		edu_fetch(edu, access->iova, BYTES);
}

/* What may be done is done, and makes no event. */
static void check_right(struct space *space, struct pool *pool, struct log *log, uint32_t usual, uint32_t readonly)
{
	struct text text = text_of("what can be read only"), before = pool_read(pool, usual, 0), came;

	pool_write(pool, readonly, 0, &text);
	edu_fetch(&space->edu, READONLY, TEXT_BYTES);
	edu_store(&space->edu, USUAL, TEXT_BYTES);
	came = pool_read(pool, usual, 0);
	if (!text_equal(&came, &text))
		fail("\"%s\" should have come, not \"%s\"", text.bytes, text_printable(&came).bytes);
	pool_written(pool, usual, 0, &before, &text);
	log_expect_no_event(log);
}

void work_fault(void)
{
	struct space space;
	struct pool pool;
	struct log log;
	uint32_t usual, readonly, gone;

	pool_create(&pool, 16);
	usual = pool_take(&pool, 1, USUAL, 0);
	readonly = pool_take(&pool, 1, READONLY, 0);
	gone = pool_take(&pool, 1, GONE, 0);
	space_open(&space);
	space_map(&space, USUAL, pool_page(&pool, usual), 1);
	space_map_readonly(&space, READONLY, pool_page(&pool, readonly), 1);
	space_map(&space, GONE, pool_page(&pool, gone), 1);
	log_let_events_be_told();
	log_open(&log);
	check_right(&space, &pool, &log, usual, readonly);
	/* The SMMU knows this page when it goes. */
	edu_fetch(&space.edu, GONE, BYTES);
	space_unmap(&space, GONE, 1);
	for (size_t i = 0; i < WRONG; i++) {
		access_at(&space.edu, &wrong[i]);
		log_expect_event(&log, &space.edu, wrong[i].event, wrong[i].iova, wrong[i].write);
	}
	pool_check(&pool, 0, pool.pages);
	check_right(&space, &pool, &log, usual, readonly);
	log_close(&log);
	space_close(&space);
	say_ok("fault", "%zu wrong accesses, %zu events with the right numbers", WRONG, WRONG);
}
