/* SPDX-License-Identifier: MIT */
/*
 * Publish, wait, release: src/host/soft/section.c and thread.c, which are compiled here for the machine. An
 * invalidation moves a counter, waits, and then gives the page away; a device looks at the counter inside a section and
 * uses the page if it has not moved. No use may be unordered with the giving away (P1).
 */
#include <stdlib.h>

#include <viq/soft.h>

#include "host/soft/cache/slot.h"
#include "host/soft/thread.h"

#include "machine.h"
#include "urcu.h"

static soft_word moved[2]; /* of two pages: each its counter */
static char pages[2];

static void use(unsigned int page)
{
	if (!soft_gen_load(&moved[page]))
		model_touch(&pages[page]);
}

static void access_pages(unsigned int sections, unsigned int first, unsigned int last)
{
	for (unsigned int i = 0; i < sections; i++) {
		viq_soft_access_begin();
		for (unsigned int page = first; page <= last; page++)
			use(page);
		viq_soft_access_end();
	}
}

static void give_away(unsigned int page)
{
	soft_gen_bump(&moved[page]);
	soft_grace_period();
	model_touch(&pages[page]);
}

static void register_thread(void)
{
	if (viq_soft_thread_register() != 0)
		abort();
	model_keep(&soft_thread.reader->shown, sizeof(soft_thread.reader->shown));
	model_keep(&soft_thread.reader->used, sizeof(soft_thread.reader->used));
}

static void unregister_thread(void)
{
	if (viq_soft_thread_unregister() != 0)
		abort();
}

unsigned int model_show;        /* sections that are shown before the next ones are hidden: SHOW of section.c */
static unsigned int registered; /* the first so many threads */

/* Long ago. */
static void hide(void)
{
	access_pages(model_show, 0, 0);
}

static void setup(unsigned int threads, unsigned int show, bool hidden)
{
	model_show = show;
	model_keep_per_thread(&soft_thread, sizeof(soft_thread));
	model_urcu_setup();
	atomic_init(&soft_hiding, 0);
	registered = threads;
	for (unsigned int t = 0; t < registered; t++) {
		model_as(t, register_thread);
		if (hidden)
			model_as(t, hide);
	}
}

static void teardown(void)
{
	for (unsigned int t = 0; t < registered; t++)
		model_as(t, unregister_thread);
}

static void setup_shown(void)
{
	setup(1, 2, false);
}

static void setup_hidden(void)
{
	setup(1, 2, true);
}

static void setup_hides_at_once(void)
{
	setup(1, 1, false);
}

static void setup_two(void)
{
	setup(2, 1, false);
}

static void setup_two_shown(void)
{
	setup(2, 2, false);
}

static void use_first_once(void)
{
	access_pages(1, 0, 0);
}

static void use_second_once(void)
{
	access_pages(1, 1, 1);
}

static void use_both_once(void)
{
	access_pages(1, 0, 1);
}

static void use_first_thrice(void)
{
	access_pages(3, 0, 0);
}

static void use_both_twice(void)
{
	access_pages(2, 0, 1);
}

static void use_first_and_go(void)
{
	access_pages(1, 0, 0);
	unregister_thread();
}

static void give_first(void)
{
	give_away(0);
}

static void give_second(void)
{
	give_away(1);
}

static void give_both(void)
{
	give_away(0);
	give_away(1);
}

/* Hides its own sections, and waits for the other's. */
static void use_second_give_first(void)
{
	access_pages(1, 1, 1);
	give_away(0);
}

static const struct model models[] = {
	{"a wait", setup_shown, {use_first_thrice, give_first}, NULL, teardown},
	{"a wait, hidden sections", setup_hidden, {use_first_thrice, give_first}, NULL, teardown},
	{"a device that goes", setup_hidden, {use_first_and_go, give_first}, NULL, teardown},
	{"two waits in a row", setup_hides_at_once, {use_both_twice, give_both}, NULL, teardown},
	{"two waits at once", setup_hidden, {use_both_once, give_first, give_second}, NULL, teardown},
	{"two devices", setup_two_shown, {use_first_once, use_second_once, give_both}, NULL, teardown},
	{"a device that waits", setup_two, {use_first_thrice, use_second_give_first}, NULL, teardown},
};

/*
 * Where none of these executions needs the order. It stays in the code all the same: none of them is on the way of an
 * access that hits, and "in these executions" is not "ever".
 */
static const char *const spare[] = {
	/* For fills, which slot.c models: who looks up is waited for. */
	"soft_gen_bump: gen, release",
	/* The fence behind it does the same. */
	"show: &soft_hiding, acq_rel as acquire",
	"show: &soft_hiding, acq_rel as release",
	/* Threads register before: who registers later is not modelled, and these are for what stands in its record. */
	"wait_for_all: &readers, acquire",
	"nobody_inside: &readers, acquire",
	/* membarrier(2), inside liburcu's wait, makes fences in all threads before and after. */
	"wait_for_all: &r->mode, acq_rel as acquire",
	"wait_for_all: &r->mode, acq_rel as release",
	"make_show: &reader->mode, acq_rel as acquire",
	"make_show: &reader->mode, acq_rel as release",
	"make_show: &soft_hiding, acq_rel as release",
	/* A thread that finds its own mode changed by another one's wait has had that wait's fences. */
	"nobody_inside: &own->mode, acquire",
	NULL,
};

int main(int argc, char **argv)
{
	return model_main(argc, argv, models, sizeof(models) / sizeof(*models), spare);
}
