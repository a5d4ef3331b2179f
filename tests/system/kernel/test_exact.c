/* SPDX-License-Identifier: MIT */
/*
 * P1 and P2 on a real kernel: wherever in an array a bad command is, everything before it is gone from the TLB when it
 * is reported, the report names the bad one, and what follows was not consumed. Without viq, test_bare.c shows
 * otherwise.
 */
#include <errno.h>
#include <string.h>

#include <viq/call.h>

#include "bare.h"
#include "nest.h"
#include "tap.h"
#include "tests.h"

#define LONGEST 1001
#define AFTER   3   /* commands behind the bad one */
#define NOBODY  200 /* a StreamID without a device */
#define GROUP   63  /* commands that the kernel's driver issues at once */

/* Not a command that a guest without EL2 or stage 2 can send: found by the front end. */
static const struct synth_cmd not_in_a_guest = {{VIQ_SMMUV3_OP_TLBI_S12_VMALL, 0}};

/* Every index up to past two groups, and around the edges of further ones. */
static void at_each_index(struct nest *nest, void (*one)(struct nest *nest, unsigned int bad))
{
	static const unsigned int beyond[] = {188, 189, 190, 251, 252, 253, 300, 314, 315, 316, 1000};

	for (unsigned int bad = 0; bad <= 130; bad++)
		one(nest, bad);
	for (unsigned int i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++)
		one(nest, beyond[i]);
}

/*
 * Command i of an array is the TLBI of witness i. Which of those before a bad one does the device look at? The first;
 * both sides of the last group's edge, because what a kernel did not issue begins there; and the last.
 */
static unsigned int witnesses_before(unsigned int bad, unsigned int *witnesses)
{
	const unsigned int edge = bad / GROUP * GROUP;
	unsigned int count = 0;

	if (!bad)
		return 0;
	witnesses[count++] = 0;
	if (edge > 1)
		witnesses[count++] = edge - 1;
	if (edge && edge < bad - 1)
		witnesses[count++] = edge;
	if (bad > 1)
		witnesses[count++] = bad - 1;
	return count;
}

static void expect(struct nest *nest, unsigned int bad, unsigned int witness, enum guest_seen seen)
{
	enum guest_seen now = guest_look(&nest->guest, &nest->edu, witness);

	if (now != seen)
		fail("bad command at %u: through page %u the device reads %s, not %s", bad, witness,
		     guest_seen_text(now), guest_seen_text(seen));
}

/* What an earlier index left in the TLB. */
static void forget_all(struct nest *nest)
{
	nest_command(nest, synth_cmd_tlbi_nh_asid(GUEST_ASID));
}

/* --- In the guest's queue ------------------------------------------------------------------------------------------
 */

static void through_queue(struct nest *nest, unsigned int bad, struct synth_cmd command, unsigned int cerror)
{
	const uint32_t mask = (2u << nest->config.log2size) - 1;
	unsigned int witnesses[4], count = witnesses_before(bad, witnesses);
	uint32_t start;

	forget_all(nest);
	start = nest->queue.prod;

	for (unsigned int i = 0; i < count; i++)
		guest_make_stale(&nest->guest, &nest->edu, witnesses[i]);
	guest_make_stale(&nest->guest, &nest->edu, bad + 1);

	for (unsigned int i = 0; i < bad; i++)
		nest_push(nest, guest_tlbi(i));
	nest_push(nest, command);
	for (unsigned int i = 1; i <= AFTER; i++)
		nest_push(nest, guest_tlbi(bad + i));
	nest_push_sync(nest);
	nest_ring(nest);

	if (nest_error(nest) != cerror || nest_cons(nest) != ((start + bad) & mask))
		fail("bad command at %u: CMDQ_CONS at %u with error %u", bad, (nest_cons(nest) - start) & mask,
		     nest_error(nest));
	for (unsigned int i = 0; i < count; i++)
		expect(nest, bad, witnesses[i], GUEST_NEW);
	expect(nest, bad, bad + 1, GUEST_OLD); /* not consumed, so not executed */

	nest_repair(nest);
	check_equal(nest_error(nest), VIQ_SMMUV3_CERROR_NONE);
	check_equal(nest_cons(nest), nest->queue.prod);
	expect(nest, bad, bad + 1, GUEST_NEW);
}

static void guest_illegal(struct nest *nest, unsigned int bad)
{
	through_queue(nest, bad, not_in_a_guest, VIQ_SMMUV3_CERROR_ILL);
}

/* As if the device had vanished under the guest: not the guest's fault, so the code that makes it try again. */
static void kernel_refuses(struct nest *nest, unsigned int bad)
{
	through_queue(nest, bad, synth_cmd_cfgi_cd(NOBODY, 0, true), VIQ_SMMUV3_CERROR_ABT);
}

/* The guest's ID registers forbid the command: it never gets to the kernel. */
void test_exact_guest(void)
{
	static struct nest nest;

	nest_create(&nest, &(struct nest_config){.log2size = 11, .vsid = 5});
	at_each_index(&nest, guest_illegal);
	check_equal(nest.host_errors, 0);
	nest_destroy(&nest);
}

/* The kernel refuses it, amid an array: a stream without a vDEVICE. */
void test_exact_kernel(void)
{
	static struct nest nest;

	nest_create(&nest, &(struct nest_config){.log2size = 11, .vsid = 5, .any_stream = true});
	at_each_index(&nest, kernel_refuses);
	check(nest.host_errors);
	check_equal(nest.last_host_error, VIQ_CALL_GONE);
	nest_destroy(&nest);
}

static void kernel_refuses_in(uint32_t calls)
{
	static const unsigned int places[] = {0, 1, 31, 62, 63, 64, 125, 126, 127, 300, 1000};
	static struct nest nest;

	nest_create(&nest, &(struct nest_config){.log2size = 11, .vsid = 5, .any_stream = true, .calls = calls});
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		kernel_refuses(&nest, places[i]);
	nest_destroy(&nest);
}

/* The same, in calls of one group at most. */
void test_exact_strict(void)
{
	kernel_refuses_in(VIQ_LINUX_CALLS_STRICT);
}

/* And of one entry. */
void test_exact_single(void)
{
	kernel_refuses_in(VIQ_LINUX_CALLS_SINGLE);
}

/*
 * Many bad commands in one doorbell: the queue stops at each in turn, and each time the device's view is cut exactly
 * there. A stop too early would make the guest's repair destroy a valid invalidation; one too late, skip some.
 */
void test_exact_many(void)
{
	static const unsigned int bad[] = {0, 1, 10, 62, 63, 64, 100, 126, 251, 252, 300, 301, 399};
	/* Between them; each is the neighbour of a bad one. */
	static const unsigned int witnesses[] = {2, 9, 11, 61, 65, 99, 101, 125, 127, 250, 253, 299, 302, 398};
	enum {
		BAD = sizeof(bad) / sizeof(bad[0]),
		WITNESSES = sizeof(witnesses) / sizeof(witnesses[0])
	};
	static struct nest nest;
	uint32_t start;

	nest_create(&nest, &(struct nest_config){.log2size = 9, .vsid = 5, .any_stream = true});
	for (unsigned int i = 0; i < WITNESSES; i++)
		guest_make_stale(&nest.guest, &nest.edu, witnesses[i]);
	start = nest.queue.prod;
	for (unsigned int i = 0, next = 0; i < 400; i++) {
		bool is_bad = next < BAD && bad[next] == i;

		nest_push(&nest, is_bad ? synth_cmd_cfgi_cd(NOBODY, 0, true) : guest_tlbi(i));
		next += is_bad;
	}
	nest_push_sync(&nest);
	nest_ring(&nest);
	for (unsigned int i = 0; i < BAD; i++) {
		check_equal(nest_error(&nest), VIQ_SMMUV3_CERROR_ABT);
		check_equal(nest_cons(&nest), start + bad[i]);
		for (unsigned int w = 0; w < WITNESSES; w++)
			expect(&nest, bad[i], witnesses[w], witnesses[w] < bad[i] ? GUEST_NEW : GUEST_OLD);
		nest_repair(&nest);
	}
	check_equal(nest_error(&nest), VIQ_SMMUV3_CERROR_NONE);
	check_equal(nest_cons(&nest), nest.queue.prod);
	nest_destroy(&nest);
}

/* --- By the call itself --------------------------------------------------------------------------------------------
 */

static void by_call(struct nest *nest, unsigned int bad, struct synth_cmd command, uint32_t error)
{
	static struct synth_cmd array[LONGEST + AFTER];
	struct viq_call_piece piece = {array, bad + 1 + AFTER};
	struct viq_call_result res = {.size = sizeof(res)};
	struct viq_call_request req = {.size = sizeof(req),
				       .object = nest->host.object,
				       .type = VIQ_CALL_SMMUV3,
				       .entry_size = sizeof(array[0]),
				       .pieces = &piece,
				       .piece_count = 1};
	unsigned int witnesses[4], count = witnesses_before(bad, witnesses);

	forget_all(nest);
	for (unsigned int i = 0; i < count; i++)
		guest_make_stale(&nest->guest, &nest->edu, witnesses[i]);
	for (unsigned int i = 0; i <= bad + AFTER; i++)
		array[i] = guest_tlbi(i);
	array[bad] = command;
	check_equal(viq_call_invalidate(&nest->host, &req, &res), 0);
	if (res.handled != bad || res.suspect != bad || res.error != error)
		fail("bad entry at %u: handled %u, suspect %u, error %u", bad, res.handled, res.suspect, res.error);
	/* Nothing to look for. */
	if (viq_linux_reports(nest->linux_host))
		check_equal(res.host_calls, 1);
	for (unsigned int i = 0; i < count; i++)
		expect(nest, bad, witnesses[i], GUEST_NEW);
}

static void no_device(struct nest *nest, unsigned int bad)
{
	by_call(nest, bad, synth_cmd_cfgi_cd(NOBODY, 0, true), VIQ_CALL_GONE);
}

static void no_guest_command(struct nest *nest, unsigned int bad)
{
	by_call(nest, bad, not_in_a_guest, VIQ_CALL_ILLEGAL);
}

/* An entry that only the kernel can refuse. */
void test_exact_call(void)
{
	static struct nest nest;

	nest_create(&nest, &(struct nest_config){.log2size = 4, .vsid = 5});
	at_each_index(&nest, no_device);
	nest_destroy(&nest);
}

/* An entry that is on no kernel's list. */
void test_exact_call_listed(void)
{
	static struct nest nest;

	nest_create(&nest, &(struct nest_config){.log2size = 4, .vsid = 5});
	at_each_index(&nest, no_guest_command);
	nest_destroy(&nest);
}

static const char *what_it_does(int err)
{
	switch (err) {
	case 0:
		return "passes it on";
	case -EIO:
		return "refuses it";
	case -ETIMEDOUT: /* of one processor, which polls with interrupts off */
		return "passes it on, and the SMMU refuses it";
	}
	fail("a command with a reserved bit: %s", strerror(-err));
}

/*
 * A bit that the architecture reserves. Kernels before 7.3 pass it on to the physical queue, which all guests share;
 * through viq it gets to none.
 */
void test_exact_reserved(void)
{
	struct synth_cmd command = guest_tlbi(0);
	struct viq_linux_counters counters;
	static struct nest nest;
	uint32_t count = 1;
	int err;

	command.w[1] |= VIQ_BIT(1);
	nest_create(&nest, &(struct nest_config){.log2size = 4, .vsid = 5});
	by_call(&nest, 0, command, VIQ_CALL_ILLEGAL);
	viq_linux_vsmmu_counters(nest.vsmmu, &counters, sizeof(counters));
	check_equal(counters.refused, 1);
	err = bare_invalidate(viq_linux_fd(nest.linux_host), nest.host.object, &command, &count);
	tap_note("a command with a reserved bit: the kernel %s", what_it_does(err));
	nest_destroy(&nest);
}
