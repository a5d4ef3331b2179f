/* SPDX-License-Identifier: MIT */
/*
 * A machine that runs viq's own C on C11's memory model and tries every execution: every order of the threads' steps,
 * every value that each load may return. It takes the place of <stdatomic.h>, of the __atomic built-ins (hook.h) and of
 * liburcu, so what is checked is the code and the memory orders that stand in it, not a copy of either.
 *
 * The model is RC11 in its operational form: a location is the list of all stores to it in modification order, a thread
 * has a view (the newest store of each location that it may not go back behind), a release store carries the thread's
 * view, an acquire load takes it over, a relaxed load returns any store that the view permits, a store goes anywhere
 * behind the view. Fences of seq_cst order exchange views through a common one. What it leaves out, as RC11 and the
 * common checkers do: a load does not see a store that comes after it in every order of the steps (load buffering).
 * seq_cst loads and stores are refused: nothing uses them. litmus.c holds the machine against what RC11 says of the
 * classic examples.
 *
 * States that have been seen are not gone through again: a state is all stores and views, and what each thread has
 * read so far, which determines the rest of it.
 */
#ifndef VIQ_MODEL_MACHINE_H
#define VIQ_MODEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_THREADS 4u

/* Not <stdatomic.h>'s: it is not included here. The built-ins have the same numbers. */
enum {
	MODEL_RELAXED = __ATOMIC_RELAXED,
	MODEL_ACQUIRE = __ATOMIC_ACQUIRE,
	MODEL_RELEASE = __ATOMIC_RELEASE,
	MODEL_ACQ_REL = __ATOMIC_ACQ_REL,
	MODEL_SEQ_CST = __ATOMIC_SEQ_CST,
};

/* A line of C that gives a memory order. */
struct model_site {
	const char *function, *what; /* what: the argument as it is written */
	const char *file;
	int line;
	int order;
	int number; /* 0: not met yet */
};
#define MODEL_SITE(what_, order_)                                                                                      \
	(__extension__({                                                                                               \
		static struct model_site site_ = {NULL, what_, __FILE__, __LINE__, order_, 0};                         \
		site_.function = __func__;                                                                             \
		&site_;                                                                                                \
	}))

enum model_rmw {
	MODEL_ADD,
	MODEL_OR,
};

/* size: 1 to 8 bytes. Before the threads run these act on memory itself. */
uint64_t model_load(const volatile void *at, size_t size, struct model_site *site);
void model_store(volatile void *at, size_t size, uint64_t value, struct model_site *site);
uint64_t model_rmw(volatile void *at, size_t size, enum model_rmw how, uint64_t operand, struct model_site *site);
bool model_exchange(volatile void *at, size_t size, uint64_t *expected, uint64_t desired, struct model_site *site,
		    struct model_site *failing);
void model_fence(struct model_site *site);

/* An access that is not atomic, as a device's: two that are not ordered are an error. */
void model_touch(const volatile void *at);
/* At the end: the last store in modification order. */
uint64_t model_last(const volatile void *at);
/* What must hold in every execution. */
void model_check(bool holds, const char *what);
/* Another thread may go first. */
void model_step(void);
/* Blocked until ready(opaque), which may look at what threads have written plainly, in steps. */
void model_wait(bool (*ready)(void *opaque), void *opaque);
/* A seq_cst fence on behalf of another thread, as membarrier(2) makes them. */
void model_fence_in(unsigned int thread);
/* The thread that runs, and how many there are. */
unsigned int model_self(void);
unsigned int model_threads(void);

struct model {
	const char *name;
	/* Run once, as if long before: what threads then find. What they write plainly was named by model_keep(). */
	void (*setup)(void);
	void (*threads[MODEL_THREADS])(void); /* up to the first that is NULL */
	void (*end)(void);                    /* after all threads, if not NULL: for checks */
	void (*teardown)(void);               /* undoes setup(), if not NULL */
};

/* Memory that threads write plainly, restored before each execution. Also named: what each thread has of its own. */
void model_keep(void *at, size_t size);
void model_keep_per_thread(void *at, size_t size);
/* In setup: as this thread. */
void model_as(unsigned int thread, void (*what)(void));

/* Every execution. NULL, or what went wrong in one. */
const char *model_search(const struct model *m);
/* How many states the last search has seen, and executions begun. */
uint64_t model_states(void), model_executions(void);
/* At most so many states: a search that needs more says so as its error. */
extern uint64_t model_limit;
/* Print the steps of the execution that went wrong. */
extern bool model_tell;

/*
 * Searches all models; then again for each line met whose order is not relaxed, with each order that is weaker there:
 * one of the models must fail. spare: "function: argument, order" of those where none does, up to NULL, each with the
 * reason beside it in the caller. Returns main()'s status.
 */
int model_main(int argc, char **argv, const struct model *models, size_t count, const char *const *spare);

/* Used by machine.c and search.c alone. */
enum model_verdict {
	MODEL_GOES_ON,
	MODEL_SEEN,
	MODEL_WRONG,
};
unsigned int model_choose(unsigned int count);
void model_yield(void);
void model_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
void model_history(uint64_t value);
void model_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
void machine_reset(unsigned int threads);
bool machine_learnt(void);
void machine_forget(void);
uint64_t machine_hash(uint64_t hash);
void machine_running(bool running);
int model_order(struct model_site *site);
struct model_site *const *model_sites(unsigned int *count);
extern int model_weak_site, model_weak_order;

static inline uint64_t model_mix(uint64_t hash, uint64_t value)
{
	/* Not 0 for 0 after 0: to have read that is not to have read nothing. */
	hash = ((hash ^ hash >> 31) + UINT64_C(0xd6e8feb86659fd93) + value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

#endif
