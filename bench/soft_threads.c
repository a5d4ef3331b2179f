// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "bench.h"
#include "soft_threads.h"

enum {
	GATE_CLOSED,
	GATE_OPEN,
	GATE_GIVE_UP
};

struct gate {
	_Atomic uint32_t waiting; /* threads that are ready */
	_Atomic int state;
};

struct worker {
	const struct soft_threads *threads;
	struct viq_call_host guest;
	pthread_t thread;
	struct gate *gate;
	int cpu;
	uint64_t began, ended; /* bench_now() */
	int err;
};

bool soft_threads_pick_cpus(struct soft_threads *threads)
{
	cpu_set_t set;
	int found = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE && found < SOFT_THREADS; cpu++) {
		if (CPU_ISSET(cpu, &set))
			threads->cpus[found++] = cpu;
	}
	return found == SOFT_THREADS;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int access_pages(const struct soft_threads *threads, uint32_t count)
{
	struct viq_soft_xlate xlate;
	int err = 0;

	for (uint32_t i = 0; i < count; i++)
		err |= bench_iommu_access(threads->iommu, i & (threads->pages - 1), &xlate);
	return err;
}

/* About as long as an access, and nothing that two processors could share. */
static int compute(uint32_t count)
{
	uint64_t a = 1, b = 2, c = 3, d = 4;

	for (uint64_t i = 0; i < (uint64_t)count * 8; i++) {
		a += i;
		b ^= a;
		c += 3 * i;
		d ^= c;
		/* The compiler must not see through it. */
		__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
	}
	return 0;
}

#define BULK 2048 /* soft_threads.bulk, at most */

static int invalidate_pages(const struct worker *w, uint32_t count)
{
	struct synth_cmd entries[BULK];
	int err = 0;

	for (uint32_t i = 0; i < BULK; i++)
		entries[i] = bench_iommu_entry(
			synth_cmd_tlbi_nh_va(IOMMU_ASID, bench_iommu_va(i & (w->threads->pages - 1)), true));
	for (uint32_t i = 0; i < count; i += w->threads->bulk)
		err |= bench_iommu_invalidate_of(w->guest, &entries[i % BULK], w->threads->bulk);
	return err;
}

static int repeat(const struct worker *w, uint32_t count)
{
	if (w->threads->bulk)
		return invalidate_pages(w, count);
	return w->threads->control ? compute(count) : access_pages(w->threads, count);
}

/* All begin at once, or none. */
static bool pass(struct gate *gate)
{
	atomic_fetch_add(&gate->waiting, 1);
	while (atomic_load(&gate->state) == GATE_CLOSED)
		sched_yield();
	return atomic_load(&gate->state) == GATE_OPEN;
}

static void *work(void *opaque)
{
	struct worker *w = opaque;

	pin(w->cpu);
	w->err = viq_soft_thread_register();
	if (!w->err)
		w->err = repeat(w, w->threads->pages); /* warm */
	if (!pass(w->gate))
		w->err = -1;
	w->began = bench_now();
	if (!w->err)
		w->err = repeat(w, w->threads->repeat);
	w->ended = bench_now();
	viq_soft_thread_unregister();
	return NULL;
}

static bool start(struct worker *w, const struct soft_threads *threads, uint32_t i, struct gate *gate)
{
	*w = (struct worker){.threads = threads, .guest = threads->guests[i], .gate = gate, .cpu = threads->cpus[i]};
	return !pthread_create(&w->thread, NULL, work, w);
}

double soft_threads_run(struct soft_threads *threads, uint32_t count)
{
	struct worker workers[SOFT_THREADS];
	struct gate gate = {.state = GATE_CLOSED};
	uint64_t began = UINT64_MAX, ended = 0;
	uint32_t started = 0;
	int err = 0;

	while (started < count && started < SOFT_THREADS && start(&workers[started], threads, started, &gate))
		started++;
	while (atomic_load(&gate.waiting) < started)
		sched_yield();
	atomic_store(&gate.state, started == count ? GATE_OPEN : GATE_GIVE_UP);
	for (uint32_t i = 0; i < started; i++) {
		pthread_join(workers[i].thread, NULL);
		err |= workers[i].err;
		began = workers[i].began < began ? workers[i].began : began;
		ended = workers[i].ended > ended ? workers[i].ended : ended;
	}
	return err || started < count ? -1 : (double)(ended - began) / ((double)count * threads->repeat);
}
