/* SPDX-License-Identifier: MIT */
/* One run: a world from a seed, and random events in it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "p1.h"

uint64_t p1_random(struct p1_world *w)
{
	uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t p1_below(struct p1_world *w, uint32_t bound)
{
	return (uint32_t)((p1_random(w) >> 32) * bound >> 32);
}

bool p1_one_in(struct p1_world *w, uint32_t n)
{
	return !p1_below(w, n);
}

void p1_log(struct p1_world *w, const char *format, ...)
{
	char *line = w->log[w->log_count++ % 64];
	int len = snprintf(line, sizeof(w->log[0]), "%6u ", w->step);
	va_list args;

	va_start(args, format);
	vsnprintf(line + len, sizeof(w->log[0]) - (size_t)len, format, args);
	va_end(args);
}

void p1_found(struct p1_world *w, const char *format, ...)
{
	va_list args;

	if (w->result.stale)
		return;
	w->result.stale = true;
	w->result.step = w->step;
	if (w->options.quiet)
		return;
	fprintf(stderr, "VIQ_SEED=%llu, step %u: ", (unsigned long long)w->options.seed, w->step);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nThe last events, with their steps:\n");
	for (uint64_t i = w->log_count > 64 ? w->log_count - 64 : 0; i < w->log_count; i++)
		fprintf(stderr, "%s\n", w->log[i % 64]);
}

/* Commands that concern nobody: they must not stop the queue, nor reach a host. */
static void push_harmless(struct p1_world *w)
{
	switch (p1_below(w, 5)) {
	case 0:
		guest_push(w, synth_cmd_prefetch_config(p1_below(w, 512)));
		break;
	case 1:
		guest_push(w, synth_cmd_cfgi_cd(0x30 + p1_below(w, 8), 0, true));
		break;
	case 2:
		guest_push(w, synth_cmd_atc_inv(0x30 + p1_below(w, 8), false, 0, false, 0, 3));
		break;
	case 3:
		guest_push(w, synth_cmd_tlbi_nh_asid(60000 + p1_below(w, 3)));
		break;
	default:
		guest_push_junk(w);
	}
}

/* What an error destroyed must be queued again, with all that follows from it. */
static void queue_lost(struct p1_world *w)
{
	if (!w->lost_count)
		return;
	while (w->lost_count && !w->result.stale)
		guest_push(w, w->lost[--w->lost_count]);
	guest_push_sync(w);
	for (unsigned int n = 0; n < P1_STREAMS && !w->result.stale; n++) {
		if (w->stream[n].ats)
			guest_push(w, synth_cmd_atc_inv(w->stream[n].sid, false, 0, false, 0, VIQ_SMMUV3_ATC_SIZE_ALL));
	}
	guest_push_sync(w);
}

static void accesses(struct p1_world *w)
{
	for (unsigned int n = 1 + p1_below(w, 24); n && !w->result.stale; n--)
		model_access_random(w);
}

static void trouble(struct p1_world *w)
{
	unsigned int what = p1_below(w, 16);

	if (w->options.drop)
		machine_inject(w);
	if (!w->options.failures)
		return;
	if (what < 9)
		machine_inject(w);
	else if (what < 11)
		w->reconfig_fails = 1 + p1_below(w, 3);
	else if (what < 12)
		w->dead = &w->stream[p1_below(w, P1_STREAMS)];
	else if (what < 13)
		machine_heal(w);
	else
		machine_migrate(w, what - 13);
}

static void event(struct p1_world *w)
{
	unsigned int what = p1_below(w, 200);

	if (what < 60)
		job_step(w);
	else if (what < 84)
		edit_random(w);
	else if (what < 90)
		edit_stage2(w);
	else if (what < 94)
		machine_forget_stage2(w);
	else if (what < 124)
		w->lazy && !p1_one_in(w, 6) ? (void)0 : guest_doorbell(w);
	else if (what < 134)
		guest_observe(w, true);
	else if (what < 140)
		guest_run(w);
	else if (what < 182)
		accesses(w);
	else if (what < 185)
		push_harmless(w);
	else if (what < 186)
		plug_again(w);
	else if (what < 192)
		trouble(w);
	else if (what < 195)
		queue_lost(w);
	else if (what < 196)
		guest_restart_queue(w);
	else if (what < 199)
		model_check_all(w, false);
	else
		guest_settle(w), model_check_all(w, !w->options.drop && !w->options.liar);
}

int p1_run(const struct p1_options *options, struct p1_result *result)
{
	/* Fresh pages: nothing that writes over every allocation costs time here. */
	struct p1_world *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (w == MAP_FAILED)
		return -1;
	w->options = *options;
	w->random = options->seed;
	w->now = 1;
	if (!w->options.hosts)
		w->options.hosts = 1;
	viq_soft_thread_register();
	w->lazy = p1_one_in(w, 2);
	ret = machine_init(w);
	if (!ret)
		ret = edit_init(w);
	for (w->step = 1; !ret && w->step <= options->steps && !w->result.stale; w->step++)
		event(w);
	if (!ret && !w->result.stale) {
		guest_settle(w);
		model_check_all(w, !w->options.drop && !w->options.liar);
	}
	machine_fini(w);
	viq_soft_thread_unregister();
	*result = w->result;
	munmap(w, sizeof(*w));
	return ret;
}

uint64_t p1_seed(void)
{
	const char *text = getenv("VIQ_SEED");

	return text ? strtoull(text, NULL, 0) : 1;
}

uint32_t p1_steps(uint32_t otherwise)
{
	const char *text = getenv("VIQ_STEPS");

	return text ? (uint32_t)strtoul(text, NULL, 0) : otherwise;
}
