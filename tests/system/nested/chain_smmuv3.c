/* SPDX-License-Identifier: MIT */
/*
 * /init of the machine whose SMMUv3 is viq's, too: a guest's bulk of invalidations, one of which fails in the physical
 * queue. Each command is for a page of its own, that the device has used and that was remapped since: so each page
 * tells whether its command has taken effect.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "kernel/machine.h"
#include "kernel/nest.h"
#include "live/job.h"

#define BULK  150u
#define GROUP 63u /* commands that Linux's driver issues at once */
#define VSID  5u

/* The first, both sides of where Linux cuts, the middle, the last. */
static const unsigned int places[] = {0, GROUP - 1, GROUP, BULK / 2, BULK - 1};

static struct nest nest;

/* What comes of a failure. */
struct outcome {
	unsigned int cerror; /* CMDQ_CONS.ERR of the guest */
	enum {
		AT_COMMAND,
		AT_GROUP, /* the first of those that Linux has issued with it */
		AT_SYNC   /* the guest's CMD_SYNC */
	} at;             /* where it is told */
	int err;          /* the kernel's */
	bool lost;        /* and that the guest is not told of what did not happen */
};

struct failure {
	const char *name, *kind;
	struct synth_cmd (*command)(unsigned int page);
	bool ats;
	unsigned int more; /* strikes after the first */
	bool stays;        /* until it is let go */
	bool blind;        /* its interrupt goes to the processor that waits for it */
	struct outcome patched, unpatched;
};

static const char *const cerrors[] = {"no error", "CERROR_ILL", "CERROR_ABT", "CERROR_ATC_INV_SYNC"};

static struct synth_cmd atc_inv(unsigned int page)
{
	return synth_cmd_atc_inv(VSID, false, 0, false, guest_witness(page), 0);
}

/* --- One row ------------------------------------------------------------------------------------------------------ */

static bool is_stale(unsigned int page)
{
	enum guest_seen seen = guest_look(&nest.guest, &nest.edu, page);

	if (seen != GUEST_NEW && seen != GUEST_OLD)
		fail("through page %u the device reads %s", page, guest_seen_text(seen));
	return seen == GUEST_OLD;
}

/* How many of the first count are; *one: the last of them. */
static unsigned int count_stale(unsigned int count, unsigned int *one)
{
	unsigned int stale = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (is_stale(i)) {
			stale++;
			*one = i;
		}
	}
	return stale;
}

static void make_all_stale(const struct failure *failure)
{
	unsigned int one;

	nest_command(&nest, synth_cmd_tlbi_nh_asid(GUEST_ASID));
	if (failure->ats)
		nest_command(&nest, synth_cmd_atc_inv(VSID, false, 0, false, 0, 52));
	for (unsigned int i = 0; i < BULK; i++)
		guest_make_stale(&nest.guest, &nest.edu, i);
	/* It is the device's own that is left. */
	if (failure->ats)
		nest_command(&nest, synth_cmd_tlbi_nh_asid(GUEST_ASID));
	check_equal(count_stale(BULK, &one), BULK);
}

static void ring_bulk(const struct failure *failure)
{
	for (unsigned int i = 0; i < BULK; i++)
		nest_push(&nest, failure->command(i));
	nest_push_sync(&nest);
	nest_ring(&nest);
}

/* The hardware has failed once, at the command of the physical queue that the guest's one became. */
static void check_struck(const struct failure *failure, unsigned int place)
{
	unsigned int distance, strikes = chain_strikes(&distance);

	if (failure->stays) {
		check(strikes);
		devices_ask("fail none");
		return;
	}
	check_equal(strikes, 1 + failure->more);
	/* Behind each group is the driver's CMD_SYNC. */
	check_equal(distance, place + place / GROUP);
}

/* What the kernel has said is what it must, and *row has it in words. */
static void check_said(const struct outcome *outcome, unsigned int place, struct chain_row *row)
{
	const struct chain_said *said = &chain_said;
	const unsigned int group = place / GROUP * GROUP, group_end = group + GROUP < BULK ? group + GROUP : BULK;
	unsigned int first = place, last = place;

	chain_said_text(said->error < sizeof(cerrors) / sizeof(cerrors[0]) && said->error ? cerrors[said->error] : "",
			row->said, sizeof(row->said));
	if (!outcome->err) {
		check_equal(said->failed, 0);
		return;
	}
	if (outcome->at != AT_COMMAND) { /* any of the group */
		first = said->report ? group : group_end - 1;
		last = group_end - 1;
	}
	check(said->failed);
	check_equal(said->err, outcome->err);
	check_equal(said->entries, BULK);
	check_equal(said->handled, first);
	if (said->report) {
		check_equal(said->last, last);
		check_equal(said->error, outcome->err == -EIO ? outcome->cerror : 0);
	}
}

/* What the guest is told: CMDQ_CONS, counted from the bulk's first command, and its error. */
static unsigned int check_told(const struct outcome *outcome, unsigned int place, uint32_t start, struct chain_row *row)
{
	const uint32_t mask = (2u << nest.config.log2size) - 1;
	unsigned int at = (nest_cons(&nest) - start) & mask, cerror = nest_error(&nest);

	check(cerror < sizeof(cerrors) / sizeof(cerrors[0]));
	if (cerror)
		snprintf(row->told, sizeof(row->told), "%s at %s%u", cerrors[cerror],
			 at == BULK ? "its CMD_SYNC, " : "", at);
	else
		snprintf(row->told, sizeof(row->told), "CMD_SYNC done");
	check_equal(cerror, outcome->cerror);
	check_equal(at, !cerror                   ? BULK + 1
			: outcome->at == AT_SYNC  ? BULK
			: outcome->at == AT_GROUP ? place / GROUP * GROUP
						  : place);
	return at;
}

/* Does a page that the guest was told is done say otherwise? An ATC_INV is done with its CMD_SYNC. */
static void check_dma(const struct outcome *outcome, unsigned int place, unsigned int done, struct chain_row *row)
{
	unsigned int one = 0, stale = count_stale(outcome->at == AT_SYNC ? 0 : done < BULK ? done : BULK, &one);

	if (stale)
		snprintf(row->dma, sizeof(row->dma), "page %u is stale, and reported done", one);
	else
		snprintf(row->dma, sizeof(row->dma), "nothing stale");
	check_equal(stale, outcome->lost);
	if (stale)
		check_equal(one, place);
}

/* As Linux's driver does: the command in error becomes a CMD_SYNC, others are tried again. */
static void recover(const struct failure *failure, const struct outcome *outcome, unsigned int place,
		    struct chain_row *row)
{
	unsigned int one;

	if (!outcome->cerror) {
		snprintf(row->recovers, sizeof(row->recovers), "has nothing to do");
	} else if (outcome->cerror == VIQ_SMMUV3_CERROR_ILL) {
		nest_repair(&nest);
		snprintf(row->recovers, sizeof(row->recovers), "yes: skips it, and sends it again");
	} else {
		nest_acknowledge(&nest);
		snprintf(row->recovers, sizeof(row->recovers), "yes: it is read again");
	}
	check_equal(nest_error(&nest), VIQ_SMMUV3_CERROR_NONE);
	check_equal(nest_cons(&nest), nest.queue.prod);
	if (outcome->cerror == VIQ_SMMUV3_CERROR_ILL || outcome->lost)
		nest_command(&nest, failure->command(place));
	check_equal(count_stale(BULK, &one), 0);
}

static void at(const struct failure *failure, unsigned int place)
{
	const struct outcome *outcome = viq_linux_reports(nest.linux_host) ? &failure->patched : &failure->unpatched;
	struct chain_row row = {.failure = failure->name};
	char spec[32];
	uint32_t start;
	unsigned int done;

	make_all_stale(failure);
	snprintf(spec, sizeof(spec), "%u:%s", place, failure->kind);
	snprintf(row.where, sizeof(row.where), "%u of %u", place, BULK);
	start = nest.queue.prod;
	chain_arm(spec);
	ring_bulk(failure);
	check_struck(failure, place);
	check_said(outcome, place, &row);
	done = check_told(outcome, place, start, &row);
	check_dma(outcome, place, done, &row);
	recover(failure, outcome, place, &row);
	chain_print(&row);
}

static void at_each_place(const struct failure *failure)
{
	struct viq_linux *ctx = chain_open();

	nest_create(&nest, &(struct nest_config){.log2size = 10, .vsid = VSID, .linux_host = ctx, .ats = failure->ats});
	machine_use_processor(!failure->blind);
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		at(failure, places[i]);
	nest_destroy(&nest);
	chain_close(ctx);
}

/* --- Failures ----------------------------------------------------------------------------------------------------- */

/* Linux overwrites the command, and goes on. */
static void test_illegal(void)
{
	at_each_place(&(struct failure){
		.name = "CERROR_ILL",
		.kind = "host-illegal",
		.command = guest_tlbi,
		.patched = {.cerror = VIQ_SMMUV3_CERROR_ILL, .err = -EIO},
		.unpatched = {.lost = true},
	});
}

/* Linux has it read again, and the hardware takes it then. */
static void test_abort(void)
{
	at_each_place(&(struct failure){
		.name = "CERROR_ABT",
		.kind = "abort",
		.command = guest_tlbi,
	});
}

/* Linux has its CMD_SYNC tried again, which completes: this hardware does again what a device has not answered. */
static void test_atc_timeout(void)
{
	at_each_place(&(struct failure){
		.name = "CERROR_ATC_INV_SYNC",
		.kind = "atc-timeout",
		.command = atc_inv,
		.ats = true,
		.patched = {.cerror = VIQ_SMMUV3_CERROR_ATC_INV_SYNC, .at = AT_SYNC, .err = -EIO},
	});
}

/* The same on an SMMU that does not ask it again: as the architecture has it, the device is to be isolated (3.9.1.4).
 */
static void test_atc_lost(void)
{
	at_each_place(&(struct failure){
		.name = "CERROR_ATC_INV_SYNC, not asked again",
		.kind = "atc-lost",
		.command = atc_inv,
		.ats = true,
		.more = 1,
		.patched = {.cerror = VIQ_SMMUV3_CERROR_ATC_INV_SYNC, .at = AT_SYNC, .err = -EIO},
		.unpatched = {.lost = true},
	});
}

/* Linux polls with interrupts off, and gives the group up: it learns of the error when that is over. */
static void test_blind(void)
{
	const struct outcome outcome = {.cerror = VIQ_SMMUV3_CERROR_ABT, .at = AT_GROUP, .err = -ETIMEDOUT};

	at_each_place(&(struct failure){
		.name = "CERROR_ILL, seen after a time-out",
		.kind = "host-illegal",
		.command = guest_tlbi,
		.blind = true,
		.patched = outcome,
		.unpatched = outcome,
	});
}

/* The queue stands still, without an error, until Linux has given the group up. */
static void test_stands(void)
{
	const struct outcome outcome = {.cerror = VIQ_SMMUV3_CERROR_ABT, .at = AT_GROUP, .err = -ETIMEDOUT};

	at_each_place(&(struct failure){
		.name = "time-out",
		.kind = "hardware:0",
		.command = guest_tlbi,
		.stays = true,
		.patched = outcome,
		.unpatched = outcome,
	});
}

static const struct tap_test tests[] = {
	{"illegal", test_illegal},   {"abort", test_abort}, {"atc-timeout", test_atc_timeout},
	{"atc-lost", test_atc_lost}, {"blind", test_blind}, {"stands", test_stands},
};

static const struct machine_job jobs[] = {{"chain", MACHINE_TESTS(tests)}};

int main(void)
{
	printf("\n"); /* the firmware has left the cursor in the midst of a line */
	return machine_run(jobs, sizeof(jobs) / sizeof(jobs[0]));
}
