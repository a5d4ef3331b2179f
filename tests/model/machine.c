/* SPDX-License-Identifier: MIT */
/* Stores, views and fences: see machine.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define LOCATIONS 96u
#define STORES    24u /* to one location in one execution */

/* The newest store of each location that is known, as its place in modification order. */
_Static_assert(LOCATIONS % 8 == 0, "views are hashed in words");

struct view {
	_Alignas(8) uint8_t at[LOCATIONS];
};

struct store {
	uint64_t value;
	struct view view; /* what is known by who acquires it */
	bool pinned;      /* a read-modify-write has read it, and is the next */
};

struct location {
	const volatile void *at;
	size_t size;
	uint8_t users; /* threads that have ever used it, in any execution */
	bool written;  /* by any, ever */
	bool live;     /* has stores in this execution */
	unsigned int count;
	struct store stores[STORES];
};

static struct location locations[LOCATIONS];
static unsigned int location_count, thread_count;
static struct {
	struct view now, acquired, released; /* the latter two for fences to come and fences that were */
} threads[MODEL_THREADS];
static struct view common; /* of seq_cst fences */
static bool running, learnt;

static struct model_site *sites[256];
static unsigned int site_count;
int model_weak_site, model_weak_order;

struct model_site *const *model_sites(unsigned int *count)
{
	*count = site_count;
	return sites;
}

/* The order at this line: what stands there, or the weaker one that is on trial. */
int model_order(struct model_site *site)
{
	if (!running)
		return site->order;
	if (!site->number) {
		for (unsigned int i = 0; i < site_count; i++) {
			if (sites[i]->line == site->line && sites[i]->order == site->order &&
			    !strcmp(sites[i]->file, site->file))
				site->number = (int)i + 1;
		}
		if (!site->number) {
			if (site_count == sizeof(sites) / sizeof(*sites))
				abort();
			sites[site_count++] = site;
			site->number = (int)site_count;
		}
	}
	return site->number == model_weak_site ? model_weak_order : site->order;
}

static bool acquires(int order)
{
	return order == MODEL_ACQUIRE || order == MODEL_ACQ_REL;
}

static bool releases(int order)
{
	return order == MODEL_RELEASE || order == MODEL_ACQ_REL;
}

static void join(struct view *to, const struct view *from)
{
	for (unsigned int i = 0; i < location_count; i++) {
		if (from->at[i] > to->at[i])
			to->at[i] = from->at[i];
	}
}

static uint64_t memory_get(const volatile void *at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, (const void *)at, size);
	return value;
}

static unsigned int find(const volatile void *at, size_t size)
{
	unsigned int i;

	for (i = 0; i < location_count; i++) {
		const char *first = (const char *)locations[i].at, *asked = (const char *)at;

		if (at == locations[i].at && size == locations[i].size)
			return i;
		if (asked < first + locations[i].size && first < asked + size) {
			fprintf(stderr, "model: accesses of different sizes to the same memory\n");
			abort();
		}
	}
	if (location_count == LOCATIONS) {
		fprintf(stderr, "model: too many locations\n");
		abort();
	}
	memset(&locations[i], 0, sizeof(locations[i]));
	locations[i].at = at;
	locations[i].size = size;
	location_count++;
	return i;
}

/* The place of the access, whose stores there are so far; other threads go first where it may matter. */
static unsigned int enter(const volatile void *at, size_t size, bool writes)
{
	unsigned int l = find(at, size);
	struct location *loc = &locations[l];
	bool shared = loc->written && (loc->users & (loc->users - 1));

	loc->users |= (uint8_t)(1u << model_self());
	loc->written |= writes;
	if (!shared && loc->written && (loc->users & (loc->users - 1)))
		learnt = true; /* what was taken for one thread's own is not: the search begins anew */
	if (shared)
		model_yield();
	if (!loc->live) {
		loc->live = true;
		loc->count = 1;
		memset(&loc->stores[0], 0, sizeof(loc->stores[0]));
		loc->stores[0].value = memory_get(at, size);
	}
	return l;
}

/* One of the stores [first, count) that are not excluded. */
static unsigned int pick(const struct location *loc, unsigned int first, bool (*skip)(const struct store *, uint64_t),
			 uint64_t arg)
{
	unsigned int candidates[STORES], n = 0;

	/* The newest first. */
	for (unsigned int i = loc->count; i-- > first;) {
		if (!skip || !skip(&loc->stores[i], arg))
			candidates[n++] = i;
	}
	return candidates[model_choose(n)];
}

static void saw(unsigned int l, unsigned int at, int order)
{
	unsigned int t = model_self();

	if (threads[t].now.at[l] < at)
		threads[t].now.at[l] = (uint8_t)at;
	join(&threads[t].acquired, &locations[l].stores[at].view);
	if (acquires(order))
		join(&threads[t].now, &locations[l].stores[at].view);
}

static void make_room(unsigned int l, unsigned int place)
{
	struct location *loc = &locations[l];
	struct view *views[3 * MODEL_THREADS + 1];
	unsigned int n = 0;

	if (loc->count == STORES) {
		fprintf(stderr, "model: too many stores\n");
		abort();
	}
	memmove(&loc->stores[place + 1], &loc->stores[place], (loc->count - place) * sizeof(*loc->stores));
	if (place < loc->count++) {
		for (unsigned int t = 0; t < thread_count; t++) {
			views[n++] = &threads[t].now;
			views[n++] = &threads[t].acquired;
			views[n++] = &threads[t].released;
		}
		views[n++] = &common;
		for (unsigned int i = 0; i < n; i++)
			views[i]->at[l] += views[i]->at[l] >= place;
		for (unsigned int i = 0; i < location_count; i++) {
			for (unsigned int k = 0; locations[i].live && k < locations[i].count; k++) {
				uint8_t *at = &locations[i].stores[k].view.at[l];

				*at += (i != l || k != place) && *at >= place;
			}
		}
	}
}

/* base: of the store that a read-modify-write has read, whose release it goes on. */
static void put(unsigned int l, unsigned int place, uint64_t value, int order, const struct view *base)
{
	struct location *loc = &locations[l];
	struct view view = {{0}};
	unsigned int t = model_self();

	if (base)
		view = *base;
	make_room(l, place);
	threads[t].now.at[l] = (uint8_t)place;
	join(&view, releases(order) ? &threads[t].now : &threads[t].released);
	if (view.at[l] < place)
		view.at[l] = (uint8_t)place;
	loc->stores[place] = (struct store){.value = value, .view = view};
}

static void refuse_seq_cst(const struct model_site *site)
{
	if (site->order != MODEL_SEQ_CST)
		return;
	fprintf(stderr, "model: %s:%d: seq_cst loads and stores are not modelled\n", site->file, site->line);
	abort();
}

static const char *name_of(const struct model_site *site)
{
	const char *slash = strrchr(site->file, '/');

	return slash ? slash + 1 : site->file;
}

uint64_t model_load(const volatile void *at, size_t size, struct model_site *site)
{
	int order = model_order(site);
	unsigned int l, i;

	refuse_seq_cst(site);
	if (!running)
		return memory_get(at, size);
	l = enter(at, size, false);
	i = pick(&locations[l], threads[model_self()].now.at[l], NULL, 0);
	saw(l, i, order);
	model_history(locations[l].stores[i].value);
	model_trace("%s:%d loads %llu (store %u of %u)", name_of(site), site->line,
		    (unsigned long long)locations[l].stores[i].value, i, locations[l].count - 1);
	return locations[l].stores[i].value;
}

static void memory_put(volatile void *at, size_t size, uint64_t value)
{
	memcpy((void *)at, &value, size);
}

static bool is_pinned(const struct store *s, uint64_t unused)
{
	(void)unused;
	return s->pinned;
}

void model_store(volatile void *at, size_t size, uint64_t value, struct model_site *site)
{
	int order = model_order(site);
	unsigned int l, i;

	refuse_seq_cst(site);
	if (!running) {
		memory_put(at, size, value);
		return;
	}
	l = enter(at, size, true);
	i = pick(&locations[l], threads[model_self()].now.at[l], is_pinned, 0) + 1;
	put(l, i, value, order, NULL);
	model_history(i);
	model_trace("%s:%d stores %llu", name_of(site), site->line, (unsigned long long)value);
}

static uint64_t cut(uint64_t value, size_t size)
{
	return size == 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

/* Store i is read and desired comes right after it. */
static void modify(unsigned int l, unsigned int i, uint64_t desired, int order)
{
	struct view base;

	saw(l, i, order);
	locations[l].stores[i].pinned = true;
	base = locations[l].stores[i].view;
	put(l, i + 1, desired, order, &base);
}

uint64_t model_rmw(volatile void *at, size_t size, enum model_rmw how, uint64_t operand, struct model_site *site)
{
	int order = model_order(site);
	unsigned int l, i;
	uint64_t old;

	if (!running) {
		old = memory_get(at, size);
		memory_put(at, size, how == MODEL_ADD ? old + operand : old | operand);
		return old;
	}
	l = enter(at, size, true);
	i = pick(&locations[l], threads[model_self()].now.at[l], is_pinned, 0);
	old = locations[l].stores[i].value;
	modify(l, i, cut(how == MODEL_ADD ? old + operand : old | operand, size), order);
	model_history(old);
	model_trace("%s:%d changes %llu", name_of(site), site->line, (unsigned long long)old);
	return old;
}

static bool cannot_exchange(const struct store *s, uint64_t expected)
{
	return s->value == expected && s->pinned;
}

bool model_exchange(volatile void *at, size_t size, uint64_t *expected, uint64_t desired, struct model_site *site,
		    struct model_site *failing)
{
	int order = model_order(site), weak = model_order(failing);
	unsigned int l, i;
	uint64_t old;

	if (!running) {
		old = memory_get(at, size);
		if (old == *expected)
			memory_put(at, size, desired);
	} else {
		l = enter(at, size, true);
		i = pick(&locations[l], threads[model_self()].now.at[l], cannot_exchange, *expected);
		old = locations[l].stores[i].value;
		if (old == *expected)
			modify(l, i, cut(desired, size), order);
		else
			saw(l, i, weak);
		model_history(old);
		model_trace("%s:%d finds %llu, wants %llu", name_of(site), site->line, (unsigned long long)old,
			    (unsigned long long)*expected);
	}
	if (old == *expected)
		return true;
	*expected = old;
	return false;
}

void model_fence_in(unsigned int t)
{
	if (!running)
		return;
	join(&threads[t].now, &threads[t].acquired);
	join(&threads[t].now, &common);
	common = threads[t].now;
	threads[t].released = threads[t].now;
}

void model_fence(struct model_site *site)
{
	int order = model_order(site);
	unsigned int t = model_self();

	if (!running || order == MODEL_RELAXED)
		return;
	model_yield();
	model_trace("%s:%d fence", name_of(site), site->line);
	if (order == MODEL_SEQ_CST) {
		model_fence_in(t);
		return;
	}
	if (acquires(order))
		join(&threads[t].now, &threads[t].acquired);
	if (releases(order))
		threads[t].released = threads[t].now;
}

void model_touch(const volatile void *at)
{
	unsigned int l, t = model_self();
	struct location *loc;

	if (!running)
		return;
	l = enter(at, 1, true);
	loc = &locations[l];
	model_trace("touches what %s", threads[t].now.at[l] == loc->count - 1 ? "is its" : "another one uses");
	if (threads[t].now.at[l] != loc->count - 1)
		model_wrong("an access is not ordered with another one of the same memory");
	put(l, loc->count, 0, MODEL_RELAXED, NULL);
}

uint64_t model_last(const volatile void *at)
{
	for (unsigned int i = 0; i < location_count; i++) {
		if (locations[i].at == at && locations[i].live)
			return locations[i].stores[locations[i].count - 1].value;
	}
	return memory_get(at, 8);
}

void machine_reset(unsigned int count)
{
	thread_count = count;
	memset(threads, 0, sizeof(threads));
	memset(&common, 0, sizeof(common));
	for (unsigned int i = 0; i < location_count; i++)
		locations[i].live = false;
	learnt = false;
}

bool machine_learnt(void)
{
	return learnt;
}

void machine_forget(void)
{
	location_count = 0;
}

void machine_running(bool now)
{
	running = now;
}

static uint64_t hash_view(uint64_t hash, const struct view *view)
{
	const uint64_t *words = (const uint64_t *)(const void *)view->at;

	for (unsigned int i = 0; i < (location_count + 7) / 8; i++)
		hash = model_mix(hash, words[i]);
	return hash;
}

/* Stores that no thread can read any more count only by their number. */
uint64_t machine_hash(uint64_t hash)
{
	for (unsigned int t = 0; t < thread_count; t++) {
		hash = hash_view(hash, &threads[t].now);
		hash = hash_view(hash, &threads[t].acquired);
		hash = hash_view(hash, &threads[t].released);
	}
	hash = hash_view(hash, &common);
	for (unsigned int i = 0; i < location_count; i++) {
		const struct location *loc = &locations[i];
		unsigned int first = loc->count;

		if (!loc->live || !loc->written)
			continue;
		for (unsigned int t = 0; t < thread_count; t++)
			first = threads[t].now.at[i] < first ? threads[t].now.at[i] : first;
		for (; first < loc->count; first++) {
			hash = model_mix(hash, loc->stores[first].value << 1 | loc->stores[first].pinned);
			hash = hash_view(hash, &loc->stores[first].view);
		}
	}
	return hash;
}
