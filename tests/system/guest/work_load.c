/* SPDX-License-Identifier: MIT */
/*
 * load: two processes map, let the device read and write, unmap, and map other pages at the same addresses, thousands
 * of times. They share the device's only address space, where each has its own places. What is mapped at a place is
 * accessed by the device before it is unmapped, so that the SMMU remembers it; what the device reaches there afterwards
 * tells whether it has forgotten.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

#define WORKERS     2
#define POOL_PAGES  3072
#define BLOCK_PAGES 512 /* what one table of the last level maps */
/* Each worker's own part of the address space; it spans tables of every level. */
#define REGION(worker) ((uint64_t)((worker) + 1) << 36)
#define MAILBOX        (UINT64_C(1) << 35) /* within it, beyond all places */
#define MAILBOX_RESULT 1024
#define STORM          (UINT64_C(1) << 34) /* also within it */

/* One round in so many. An access outside makes an event for each four bytes, each of seven lines in the kernel's log.
 */
#define OUTSIDE_EVERY 64
#define OUTSIDE_BYTES 4
#define STORM_EVERY   16
#define STORM_LENGTH  8

/* A place and what is mapped there. */
struct place {
	uint64_t iova;
	uint32_t max;         /* pages */
	uint32_t rounds_left; /* before it moves */
	uint32_t read_page;   /* from iova on, like the next: what the device accesses in all these rounds */
	uint32_t write_page;
	uint32_t read_offset;  /* in its page, lower half */
	uint32_t write_offset; /* upper half; another in each round, so that a write to the old page shows */
	uint32_t first, pages; /* of the pool; pages 0: nothing is mapped */
};

static const uint32_t place_sizes[] = {1, 1, 3, 16, 40, BLOCK_PAGES};
#define PLACES (sizeof(place_sizes) / sizeof(place_sizes[0]))
#define BIG    (PLACES - 1)

struct shared {
	pthread_mutex_t device; /* its DMA engine and buffer */
	pthread_barrier_t storm;
	atomic_uint freezes; /* done */
	struct counts {
		uint64_t maps, transfers, unmaps;
	} counts[WORKERS];
};

struct worker {
	unsigned int index;
	struct space *space;
	struct shared *shared;
	struct counts *counts;
	struct pool pool;
	uint64_t random;
	uint32_t round;
	uint32_t mailbox; /* page of the pool */
	uint32_t kinds;   /* of places; 1: every invalidation shows in what the device reaches next */
	struct place places[PLACES];
};

static uint32_t chance(struct worker *w, uint32_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (uint32_t)((w->random >> 32) % below);
}

/* --- Mapping -------------------------------------------------------------------------------------------------------
 */

static void map(struct worker *w, uint64_t iova, uint32_t first, uint32_t pages)
{
	/* One unmap may take several mappings away. */
	if (pages > 1 && pages <= 40 && !chance(w, 3)) {
		space_map_singly(w->space, iova, pool_page(&w->pool, first), pages);
		w->counts->maps += pages;
		return;
	}
	space_map(w->space, iova, pool_page(&w->pool, first), pages);
	w->counts->maps++;
}

static void unmap(struct worker *w, uint64_t iova, uint32_t pages)
{
	space_unmap(w->space, iova, pages);
	w->counts->unmaps++;
}

/* A new address. A block that fills a table of its own takes that table along when it is unmapped. */
static void move(struct worker *w, struct place *place, uint32_t index)
{
	bool whole = index == BIG && chance(w, 2);

	place->max = place_sizes[index];
	/* A gibibyte for each, in blocks. */
	place->iova = REGION(w->index) + ((uint64_t)index << 30) + ((uint64_t)chance(w, 500) << 21);
	if (!whole)
		place->iova += (uint64_t)chance(w, BLOCK_PAGES) * PAGE;
	place->read_page = chance(w, place->max);
	place->write_page = chance(w, place->max);
	place->read_offset = 8 * chance(w, PAGE / 16 - TEXT_BYTES / 8);
	/* A single kind of place stays, so that all that is unmapped there is looked at. */
	place->rounds_left = w->kinds == 1 ? UINT32_MAX : 1 + chance(w, 12);
}

/* Other pages for the place, with all that the device accesses there. */
static void fill(struct worker *w, struct place *place)
{
	uint32_t least = 1 + (place->read_page > place->write_page ? place->read_page : place->write_page);

	place->write_offset = PAGE / 2 + 8 * chance(w, PAGE / 16 - TEXT_BYTES / 8);
	place->pages = chance(w, 2) ? place->max : least + chance(w, place->max - least + 1);
	place->first = pool_take(&w->pool, place->pages, place->iova, w->round);
	map(w, place->iova, place->first, place->pages);
}

/* --- Looking -------------------------------------------------------------------------------------------------------
 */

static uint64_t read_address(const struct place *place)
{
	return place->iova + (uint64_t)place->read_page * PAGE + place->read_offset;
}

static uint64_t write_address(const struct place *place)
{
	return place->iova + (uint64_t)place->write_page * PAGE + place->write_offset;
}

static struct text read_place(const struct worker *w, const struct place *place)
{
	return pool_read(&w->pool, place->first + place->read_page, place->read_offset);
}

static struct text write_place(const struct worker *w, const struct place *place)
{
	return pool_read(&w->pool, place->first + place->write_page, place->write_offset);
}

static void fetch(struct worker *w, uint64_t iova, uint32_t bytes)
{
	edu_fetch(&w->space->edu, iova, bytes);
	w->counts->transfers++;
}

static void store(struct worker *w, uint64_t iova, uint32_t bytes)
{
	edu_store(&w->space->edu, iova, bytes);
	w->counts->transfers++;
}

static void device_lock(struct worker *w)
{
	pthread_mutex_lock(&w->shared->device);
}

static void device_unlock(struct worker *w)
{
	pthread_mutex_unlock(&w->shared->device);
}

/* Fails. expected should have come to the place, where before was; old: what was mapped there before. */
static void __attribute__((noreturn))
explain(const struct worker *w, const struct place *place, const struct place *old, const struct text *expected,
	const struct text *before)
{
	struct text came = write_place(w, place), stale = *before, astray = *before;
	const char *what = "something was lost";

	if (old->pages) {
		stale = read_place(w, old);
		astray = pool_read(&w->pool, old->first + place->write_page, place->write_offset);
	}
	if (text_equal(&came, &stale) && !text_equal(&came, before))
		what = "stale read: that is the old page's text";
	else if (text_equal(&astray, expected))
		what = "stale write: it went to the old page";
	else if (old->pages && text_equal(&astray, &stale))
		what = "stale read and write: both by the old pages";
	fail("worker %u, round %u: the device read at %#llx and wrote at %#llx; \"%s\" should have come, not \"%s\": "
	     "%s",
	     w->index, w->round, (unsigned long long)read_address(place), (unsigned long long)write_address(place),
	     expected->bytes, text_printable(&came).bytes, what);
}

/* Every one begins with other bytes, as many as an access outside has. */
static struct text new_text(const struct worker *w, const struct place *place)
{
	return text_of("%03x%x at %llx", w->round & 0xfff, w->index, (unsigned long long)place->iova);
}

/* The device copies a text from one page of the place to another, and it must be the pages mapped there now. */
static void look(struct worker *w, const struct place *place, const struct place *old)
{
	struct text text = new_text(w, place);
	struct text before, came;

	pool_write(&w->pool, place->first + place->read_page, place->read_offset, &text);
	before = write_place(w, place);
	device_lock(w);
	fetch(w, read_address(place), TEXT_BYTES);
	store(w, write_address(place), TEXT_BYTES);
	device_unlock(w);
	came = write_place(w, place);
	if (!text_equal(&came, &text))
		explain(w, place, old, &text, &before);
	pool_written(&w->pool, place->first + place->write_page, place->write_offset, &before, &text);
}

/* Nothing is mapped at old's addresses now: its pages can neither be read nor changed. */
static void look_outside(struct worker *w, const struct place *old)
{
	struct text blank = text_of("none"), zeros = {{0}}, stale = read_place(w, old);
	struct text before = pool_read(&w->pool, w->mailbox, MAILBOX_RESULT), came;
	uint64_t mailbox = REGION(w->index) + MAILBOX;

	pool_write(&w->pool, w->mailbox, 0, &blank);
	device_lock(w);
	fetch(w, mailbox, TEXT_BYTES);
	fetch(w, read_address(old), OUTSIDE_BYTES);
	store(w, mailbox + MAILBOX_RESULT, TEXT_BYTES);
	store(w, write_address(old), OUTSIDE_BYTES);
	device_unlock(w);
	came = pool_read(&w->pool, w->mailbox, MAILBOX_RESULT);
	pool_written(&w->pool, w->mailbox, MAILBOX_RESULT, &before, &came);
	/* What the device has after a read that was aborted is its own affair: nothing new, or zeros. */
	if (!text_equal(&came, &blank) && !text_equal(&came, &zeros))
		fail("worker %u, round %u: stale read at %#llx, where nothing is mapped: \"%s\", the page has \"%s\"",
		     w->index, w->round, (unsigned long long)read_address(old), text_printable(&came).bytes,
		     text_printable(&stale).bytes);
	pool_check(&w->pool, old->first, old->pages);
}

/* --- The load ------------------------------------------------------------------------------------------------------
 */

static void next_round(struct worker *w)
{
	uint32_t index = w->kinds > BIG && !chance(w, 16) ? BIG : chance(w, w->kinds > BIG ? BIG : w->kinds);
	struct place *place = &w->places[index], old = *place;

	if (old.pages) {
		unmap(w, old.iova, old.pages);
		if (!chance(w, OUTSIDE_EVERY))
			look_outside(w, &old);
	}
	if (!place->rounds_left--) {
		move(w, place, index);
		if (old.pages)
			pool_give(&w->pool, old.first, old.pages);
		old.pages = 0;
	}
	fill(w, place);
	look(w, place, &old);
	if (old.pages)
		pool_give(&w->pool, old.first, old.pages);
}

/* Without the device, which only one can use at a time: for the guest's command queue alone. */
static void gust(struct worker *w)
{
	uint64_t iova = REGION(w->index) + STORM + (uint64_t)chance(w, 8 * BLOCK_PAGES) * PAGE;
	uint32_t pages = 1 + chance(w, 24);
	uint32_t first = pool_take(&w->pool, pages, iova, w->round);

	map(w, iova, first, pages);
	unmap(w, iova, pages);
	pool_give(&w->pool, first, pages);
}

/* Both at once. */
static void storm(struct worker *w)
{
	pthread_barrier_wait(&w->shared->storm);
	for (unsigned int i = 0; i < STORM_LENGTH; i++)
		gust(w);
}

/* The SMMU is saved and restored while the other worker gives it commands without a pause. */
static void freeze(struct worker *w, unsigned int number)
{
	pthread_barrier_wait(&w->shared->storm);
	if (!w->index) {
		ask(NULL, 0, "freeze");
		atomic_store(&w->shared->freezes, number);
	}
	while (atomic_load(&w->shared->freezes) < number)
		gust(w);
}

static bool is_freeze_time(uint64_t round, uint64_t rounds, uint64_t times)
{
	return times && round && round % (rounds / (times + 1) + 1) == 0;
}

static void __attribute__((noreturn)) work(struct worker *w, uint64_t rounds, uint64_t freezes)
{
	unsigned int frozen = 0;

	pool_create(&w->pool, POOL_PAGES);
	w->mailbox = pool_take(&w->pool, 1, REGION(w->index) + MAILBOX, 0);
	map(w, REGION(w->index) + MAILBOX, w->mailbox, 1);
	for (w->round = 0; w->round < rounds; w->round++) {
		if (is_freeze_time(w->round, rounds, freezes))
			freeze(w, ++frozen);
		if (w->kinds > 1 && w->round % STORM_EVERY == 0)
			storm(w);
		next_round(w);
	}
	for (size_t i = 0; i < PLACES; i++) {
		if (w->places[i].pages)
			unmap(w, w->places[i].iova, w->places[i].pages);
	}
	unmap(w, REGION(w->index) + MAILBOX, 1);
	pool_check(&w->pool, 0, POOL_PAGES);
	pool_destroy(&w->pool);
	_exit(TAP_PASSED);
}

static struct shared *new_shared(void)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t mutex;
	pthread_barrierattr_t barrier;

	if (shared == MAP_FAILED)
		fail("shared memory: %s", strerror(errno));
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->device, &mutex);
	pthread_barrierattr_init(&barrier);
	pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->storm, &barrier, WORKERS);
	return shared;
}

/* One that fails has told why: the other, which may wait for it, is of no use then. */
static void wait_for_all(const pid_t pids[WORKERS])
{
	for (unsigned int i = 0; i < WORKERS; i++) {
		int status = 0;
		pid_t pid = wait(&status);

		if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == TAP_PASSED)
			continue;
		for (unsigned int j = 0; j < WORKERS; j++) {
			if (pids[j] != pid)
				kill(pids[j], SIGKILL);
		}
		if (pid > 0 && WIFEXITED(status))
			_exit(WEXITSTATUS(status));
		fail("a worker died of signal %d", WTERMSIG(status));
	}
}

void work_load(void)
{
	uint64_t rounds = setting("viq.rounds", 100), seed = setting("viq.seed", 1), freezes = setting("viq.freeze", 0);
	uint64_t kinds = setting("viq.places", PLACES);
	struct shared *shared = new_shared();
	struct counts sum = {0};
	struct space space;
	pid_t pids[WORKERS];

	space_open(&space);
	for (unsigned int i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			fail("fork: %s", strerror(errno));
		if (!pids[i]) {
			struct worker worker = {
				.index = i,
				.space = &space,
				.shared = shared,
				.counts = &shared->counts[i],
				.kinds = kinds && kinds < PLACES ? (uint32_t)kinds : PLACES,
				.random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + i,
			};

			work(&worker, rounds, freezes);
		}
	}
	wait_for_all(pids);
	space_close(&space);
	for (unsigned int i = 0; i < WORKERS; i++) {
		sum.maps += shared->counts[i].maps;
		sum.transfers += shared->counts[i].transfers;
		sum.unmaps += shared->counts[i].unmaps;
	}
	say_ok("load", "%llu maps, %llu transfers, %llu unmaps", (unsigned long long)sum.maps,
	       (unsigned long long)sum.transfers, (unsigned long long)sum.unmaps);
}
