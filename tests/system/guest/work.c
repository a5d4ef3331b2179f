/* SPDX-License-Identifier: MIT */
/*
 * /init of the guest. The kernel's command line says what to do:
 *
 *   viq.work=NAME[,NAME...]  the jobs, in this order
 *   viq.rounds=N             how long load and disk work
 *   viq.seed=N               what it does at random
 *   viq.places=N             of how many kinds of places load makes use; 1: of single pages that stay where they are
 *   viq.edu=NAME             the device; viq.edu2=NAME: and the other one of both
 *   viq.port=NAME            what the device of plug is below
 *   viq.lose=N               the round of both in which an invalidation is to be lost
 *   viq.freeze=N             how often these ask in their midst that the guest's SMMU be saved and restored
 *
 * Then the machine is switched off.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/machine.h"
#include "work.h"

static const struct job {
	const char *name;
	void (*run)(void);
} jobs[] = {
	{"load", work_load},   {"both", work_both},     {"plug", work_plug},   {"modes", work_modes},
	{"fault", work_fault}, {"inject", work_inject}, {"count", work_count}, {"bench", work_bench},
	{"peers", work_peers}, {"window", work_window}, {"msi", work_msi},     {"disk", work_disk},
};

static void run(const char *name)
{
	char reason[600];

	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		if (strcmp(name, jobs[i].name))
			continue;
		/* No limit of time: the clock leaps while an answer is waited for. */
		if (tap_try(jobs[i].run, 0, reason, sizeof(reason)) != TAP_PASSED)
			say_fail(name, reason);
		return;
	}
	say_fail(name, "there is no such job");
}

int main(void)
{
	char names[256];

	machine_start();
	talk_start();
	if (!machine_option("viq.work", names, sizeof(names)))
		say_fail("work", "the kernel's command line names no job (viq.work=)");
	for (char *name = strtok(names, ","); name; name = strtok(NULL, ","))
		run(name);
	say_end();
	machine_off();
	return 0;
}
