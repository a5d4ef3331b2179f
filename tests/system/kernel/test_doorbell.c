/* SPDX-License-Identifier: MIT */
/* One doorbell for a full queue. */
#include "nest.h"
#include "tap.h"
#include "tests.h"

#define LOG2     13
#define COMMANDS ((1u << LOG2) - 1) /* and a CMD_SYNC: as many as the queue holds */

static void full_queue(uint32_t calls, const char *name)
{
	static const unsigned int witnesses[] = {0, 1, 62, 63, COMMANDS / 2, COMMANDS - 2, COMMANDS - 1};
	struct viq_smmuv3_counters before, after;
	static struct nest nest;

	nest_create(&nest, &(struct nest_config){.log2size = LOG2, .vsid = 5, .calls = calls});
	for (unsigned int i = 0; i < sizeof(witnesses) / sizeof(witnesses[0]); i++)
		guest_make_stale(&nest.guest, &nest.edu, witnesses[i]);
	for (unsigned int i = 0; i < COMMANDS; i++)
		nest_push(&nest, guest_tlbi(i));
	nest_push_sync(&nest);
	check_equal(viq_smmuv3_counters(nest.smmu, &before, sizeof(before)), 0);
	nest_ring(&nest);
	check_equal(nest_error(&nest), VIQ_SMMUV3_CERROR_NONE);
	check_equal(nest_cons(&nest), nest.queue.prod);
	for (unsigned int i = 0; i < sizeof(witnesses) / sizeof(witnesses[0]); i++)
		check_equal(guest_look(&nest.guest, &nest.edu, witnesses[i]), GUEST_NEW);
	check_equal(viq_smmuv3_counters(nest.smmu, &after, sizeof(after)), 0);
	check_equal(after.commands[VIQ_SMMUV3_OP_TLBI_NH_VA], COMMANDS);
	tap_note("%s: one doorbell of %u commands and a CMD_SYNC: %llu call(s) of viq's host", name, COMMANDS,
		 (unsigned long long)(after.host_calls - before.host_calls));
	nest_destroy(&nest);
}

void test_doorbell_bulk(void)
{
	full_queue(VIQ_LINUX_CALLS_BULK, "bulk");
}

void test_doorbell_strict(void)
{
	full_queue(VIQ_LINUX_CALLS_STRICT, "strict");
}

void test_doorbell_single(void)
{
	full_queue(VIQ_LINUX_CALLS_SINGLE, "single");
}
