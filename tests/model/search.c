/* SPDX-License-Identifier: MIT */
/* Threads, their orders, and the states that have been seen: see machine.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "machine.h"

#define DECISIONS 4096u
#define STACK     (64u << 10)
#define KEPT      32u

static struct {
	uint16_t chosen, count;
} decisions[DECISIONS];
static unsigned int decided, known; /* in this execution; and of those, how many are given */

static uint64_t *seen; /* a hash table of states, 0: free */
static uint64_t seen_size, seen_count, executions;
uint64_t model_limit = 1u << 26;
bool model_tell;

static struct {
	ucontext_t first;
	jmp_buf here;
	bool begun, done;
	uint64_t history;
	bool (*ready)(void *);
	void *opaque;
	char *own; /* what it has of model_keep_per_thread() */
} threads[MODEL_THREADS];
static unsigned int thread_count, self;
static jmp_buf scheduler;
static enum model_verdict verdict;
static char wrong[256];
static bool running, telling;

static struct {
	char *at, *copy;
	size_t size;
} kept[KEPT], each;
static unsigned int kept_count;
static const struct model *current;

void model_keep(void *at, size_t size)
{
	if (kept_count == KEPT)
		abort();
	kept[kept_count].at = at;
	kept[kept_count++].size = size;
}

void model_keep_per_thread(void *at, size_t size)
{
	each.at = at;
	each.size = size;
	for (unsigned int t = 0; t < MODEL_THREADS; t++)
		threads[t].own = calloc(2, size); /* as it runs, and as it was set up */
}

unsigned int model_self(void)
{
	return self;
}

unsigned int model_threads(void)
{
	return thread_count;
}

static void swap_in(unsigned int t)
{
	self = t;
	if (each.size)
		memcpy(each.at, threads[t].own, each.size);
}

static void swap_out(void)
{
	if (each.size)
		memcpy(threads[self].own, each.at, each.size);
}

void model_as(unsigned int thread, void (*what)(void))
{
	swap_in(thread);
	what();
	swap_out();
}

void model_history(uint64_t value)
{
	threads[self].history = model_mix(threads[self].history, value);
}

void model_trace(const char *format, ...)
{
	va_list args;

	if (!telling)
		return;
	printf("  thread %u: ", self);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* The execution ends here. From a thread, the scheduler goes on. */
void model_wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(wrong, sizeof(wrong), format, args);
	va_end(args);
	verdict = MODEL_WRONG;
	_longjmp(scheduler, 1);
}

void model_check(bool holds, const char *what)
{
	if (!holds)
		model_wrong("%s", what);
}

unsigned int model_choose(unsigned int count)
{
	if (count == 1)
		return 0;
	if (decided == DECISIONS || !count) {
		fprintf(stderr, "model: %s\n", count ? "an execution is too long" : "nothing to choose from");
		abort();
	}
	if (decided == known) {
		decisions[known].chosen = 0;
		decisions[known++].count = (uint16_t)count;
	}
	if (decisions[decided].count != count) {
		fprintf(stderr, "model: an execution does not repeat itself\n");
		abort();
	}
	return decisions[decided++].chosen;
}

void model_yield(void)
{
	swap_out();
	if (!_setjmp(threads[self].here))
		_longjmp(scheduler, 1);
}

void model_step(void)
{
	if (!running)
		return;
	model_yield();
	model_history(1);
}

void model_wait(bool (*ready)(void *), void *opaque)
{
	if (!running)
		return;
	threads[self].opaque = opaque;
	threads[self].ready = ready;
	model_yield();
	threads[self].ready = NULL;
	model_history(2);
}

static void thread_main(void)
{
	current->threads[self]();
	threads[self].done = true;
	swap_out();
	_longjmp(scheduler, 1);
}

static void resume(unsigned int t)
{
	swap_in(t);
	if (_setjmp(scheduler))
		return;
	if (threads[t].begun)
		_longjmp(threads[t].here, 1);
	threads[t].begun = true;
	setcontext(&threads[t].first);
}

/* Has this state been seen? Now it has. */
static bool state_is_seen(void)
{
	uint64_t hash = 1, slot;

	for (unsigned int t = 0; t < thread_count; t++)
		hash = model_mix(hash, threads[t].history << 2 | (uint64_t)threads[t].done << 1);
	hash = machine_hash(hash) | 1;
	for (slot = hash >> 8 & (seen_size - 1); seen[slot]; slot = (slot + 1) & (seen_size - 1)) {
		if (seen[slot] == hash)
			return true;
	}
	seen[slot] = hash;
	seen_count++;
	return false;
}

static void grow(void)
{
	uint64_t *old = seen, size = seen_size;

	if (seen_count * 2 < seen_size)
		return;
	seen_size = size ? 2 * size : 1u << 16;
	seen = calloc(seen_size, sizeof(*seen));
	if (!seen)
		abort();
	for (uint64_t i = 0; i < size; i++) {
		uint64_t slot = old[i] >> 8 & (seen_size - 1);

		if (!old[i])
			continue;
		while (seen[slot])
			slot = (slot + 1) & (seen_size - 1);
		seen[slot] = old[i];
	}
	free(old);
}

static void begin(void)
{
	for (unsigned int i = 0; i < kept_count; i++)
		memcpy(kept[i].at, kept[i].copy, kept[i].size);
	for (unsigned int t = 0; t < thread_count; t++) {
		threads[t].begun = threads[t].done = false;
		threads[t].history = 0;
		threads[t].ready = NULL;
		if (each.size)
			memcpy(threads[t].own, threads[t].own + each.size, each.size);
	}
	machine_reset(thread_count);
	decided = 0;
	executions++;
}

static enum model_verdict finish(void)
{
	for (unsigned int t = 0; t < thread_count; t++) {
		if (!threads[t].done) {
			snprintf(wrong, sizeof(wrong), "a thread waits for ever");
			return MODEL_WRONG;
		}
	}
	if (current->end && !_setjmp(scheduler))
		current->end();
	return verdict;
}

static enum model_verdict execute(void)
{
	begin();
	verdict = MODEL_GOES_ON;
	/* Each thread to its first step that concerns another. */
	for (unsigned int t = 0; t < thread_count && verdict == MODEL_GOES_ON; t++)
		resume(t);
	while (verdict == MODEL_GOES_ON) {
		unsigned int can[MODEL_THREADS], n = 0;

		for (unsigned int t = 0; t < thread_count; t++) {
			if (!threads[t].done && (!threads[t].ready || threads[t].ready(threads[t].opaque)))
				can[n++] = t;
		}
		if (!n)
			return finish();
		/* Past what is given, or at its last decision, whose other side this is. */
		if (decided >= known && !telling && state_is_seen())
			return MODEL_SEEN;
		resume(can[model_choose(n)]);
		if (machine_learnt())
			return MODEL_SEEN;
	}
	return verdict;
}

/* The next execution: another choice at the last decision that has one. false: there is none. */
static bool next(void)
{
	known = decided < known ? decided : known;
	while (known && decisions[known - 1].chosen + 1 == decisions[known - 1].count)
		known--;
	if (!known)
		return false;
	decisions[known - 1].chosen++;
	return true;
}

static void set_up(const struct model *m)
{
	current = m;
	kept_count = 0;
	memset(&each, 0, sizeof(each));
	for (thread_count = 0; thread_count < MODEL_THREADS && m->threads[thread_count]; thread_count++) {
		ucontext_t *context = &threads[thread_count].first;
		static char *stacks[MODEL_THREADS];

		if (!stacks[thread_count])
			stacks[thread_count] = malloc(STACK);
		getcontext(context);
		context->uc_stack.ss_sp = stacks[thread_count];
		context->uc_stack.ss_size = STACK;
		makecontext(context, thread_main, 0);
	}
	running = false;
	machine_running(false);
	machine_forget();
	if (m->setup)
		m->setup();
	for (unsigned int i = 0; i < kept_count; i++) {
		kept[i].copy = malloc(kept[i].size);
		memcpy(kept[i].copy, kept[i].at, kept[i].size);
	}
	for (unsigned int t = 0; each.size && t < MODEL_THREADS; t++)
		memcpy(threads[t].own + each.size, threads[t].own, each.size);
	running = true;
	machine_running(true);
}

static void clean_up(void)
{
	running = false;
	machine_running(false);
	for (unsigned int i = 0; i < kept_count; i++) {
		memcpy(kept[i].at, kept[i].copy, kept[i].size);
		free(kept[i].copy);
	}
	for (unsigned int t = 0; each.size && t < MODEL_THREADS; t++)
		memcpy(threads[t].own, threads[t].own + each.size, each.size);
	if (current->teardown)
		current->teardown();
	for (unsigned int t = 0; each.size && t < MODEL_THREADS; t++)
		free(threads[t].own);
}

const char *model_search(const struct model *m)
{
	enum model_verdict end;

	set_up(m);
	executions = 0;
	do {
		free(seen);
		seen = NULL;
		seen_size = seen_count = known = 0;
		do {
			grow();
			end = execute();
		} while (end != MODEL_WRONG && !machine_learnt() && seen_count < model_limit && next());
	} while (end != MODEL_WRONG && machine_learnt());
	if (end == MODEL_WRONG && model_tell) {
		telling = true;
		execute();
		telling = false;
	} else if (end != MODEL_WRONG && seen_count >= model_limit) {
		snprintf(wrong, sizeof(wrong), "more states than the search may have");
		end = MODEL_WRONG;
	}
	clean_up();
	return end == MODEL_WRONG ? wrong : NULL;
}

uint64_t model_states(void)
{
	return seen_count;
}

uint64_t model_executions(void)
{
	return executions;
}
