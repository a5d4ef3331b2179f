/* SPDX-License-Identifier: MIT */
/*
 * /init of the machine whose VT-d is viq's, too: a guest invalidates many pages by one doorbell, and the physical queue
 * fails at one of them. Only the guest's invalidations go there meanwhile, one descriptor of each kind for each entry
 * of the call: so the failure's index is the entry's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chain.h"
#include "kernel/machine.h"
#include "vmm.h"

/* More than viq reads at once (256 descriptors), and than the kernel's queue has slots. */
#define PAGES    150u
#define LAST     (PAGES - 1)
#define SLOTS    256u /* of the kernel's queue */
#define EACH     3u   /* of them for an entry: PASID-based IOTLB, device-TLB, wait */
#define PASID    5u
#define ATTEMPTS 1000 /* until a guest is given up that does not get on */

struct row {
	const char *failure, *kind; /* the table's word, and the monitor's */
	unsigned int page, index;   /* the guest's, and the kernel's */
	uint32_t pasids[2];         /* of pages with even and with odd numbers */
	unsigned int times;         /* that it fails in a row */
	bool devtlb;                /* the guest has device-TLBs, too */
};

static bool is(const struct row *row, const char *failure)
{
	return !strcmp(row->failure, failure);
}

static bool two_tables(const struct row *row)
{
	return row->pasids[0] != row->pasids[1];
}

/* --- The guest ---------------------------------------------------------------------------------------------------- */

static void push(const struct row *row, unsigned int page)
{
	vtd_guest_push_page(&vmm.guest, row->pasids[page % 2], page);
	if (row->devtlb)
		vtd_guest_push_devtlb(&vmm.guest, row->pasids[page % 2], page);
}

static uint64_t reg(uint32_t offset)
{
	return viq_vtd_mmio_read(vmm.guest.vtd, offset, 8);
}

/* What it is told. */
struct told {
	uint32_t errors; /* of FSTS */
	uint64_t record; /* IQERCD */
	uint32_t slot;   /* IQH */
	bool done;
};

static struct told told_now(void)
{
	return (struct told){
		.errors = (uint32_t)viq_vtd_mmio_read(vmm.guest.vtd, VIQ_VTD_FSTS, 4) &
			  (VIQ_VTD_FSTS_IQE | VIQ_VTD_FSTS_ITE | VIQ_VTD_FSTS_ICE),
		.record = reg(VIQ_VTD_IQERCD),
		.slot = (uint32_t)reg(VIQ_VTD_IQH) / VIQ_VTD_DESC_SIZE_256,
		.done = vtd_guest_done(&vmm.guest),
	};
}

/*
 * As Linux's driver: a descriptor that is refused becomes a wait that says nothing, errors are cleared, and what is not
 * confirmed is waited for. Who is told nothing comes with another descriptor some time. Returns how often it took.
 */
static unsigned int get_done(void)
{
	unsigned int times = 0;

	for (; !vtd_guest_done(&vmm.guest); times++) {
		const struct told now = told_now();

		if (times == ATTEMPTS)
			fail("the guest does not get on: FSTS 0x%x", now.errors);
		if (now.errors & VIQ_VTD_FSTS_IQE)
			vtd_guest_rewrite(&vmm.guest, now.slot, VIQ_VTD_TYPE_WAIT | VIQ_VTD_WAIT_FN, 0);
		if (now.errors)
			viq_vtd_mmio_write(vmm.guest.vtd, VIQ_VTD_FSTS, 4, now.errors);
		else
			vtd_guest_ring(&vmm.guest);
	}
	return times;
}

/* --- The device --------------------------------------------------------------------------------------------------- */

struct stale {
	unsigned int count, first;
};

static struct stale see(const struct row *row)
{
	struct stale stale = {0, PAGES};

	for (unsigned int i = 0; i < PAGES; i++) {
		uint64_t value;

		vmm_use_pasid(row->pasids[i % 2]);
		value = vmm_look(i);
		if (value == vmm_new(i))
			continue;
		check_equal(value, vmm_old(i));
		stale.first = stale.count++ ? stale.first : i;
	}
	return stale;
}

/* --- A row -------------------------------------------------------------------------------------------------------- */

static void start(const struct row *row)
{
	vmm.host.devtlb = row->devtlb;
	vmm_start(chain_open());
	for (unsigned int i = 0; i < (two_tables(row) ? 2 : 1); i++) {
		vtd_guest_set(&vmm.guest, row->pasids[i], vmm_space(i));
		vmm_make_stale(i, row->pasids[i], PAGES);
	}
}

static void ring_all(const struct row *row)
{
	char failure[32];

	for (unsigned int i = 0; i < PAGES; i++)
		push(row, i);
	snprintf(failure, sizeof(failure), "%u:%s:%u", row->index, row->kind, row->times);
	chain_arm(failure);
	vtd_guest_ring(&vmm.guest);
}

/* At the descriptor that the guest's one became, and at those that the kernel has sent instead. */
static void check_struck(const struct row *row)
{
	unsigned int distance, strikes = chain_strikes(&distance);

	check(strikes);
	check_equal(distance, ((row->index + strikes - 1) * EACH + (is(row, "IQE") ? 0 : 1)) % SLOTS);
}

/* The kernel names it, the guest is told of it by its own descriptor, and nothing behind it is done. */
static void check_told(const struct row *row, uint32_t slot, const struct told *told, struct stale stale)
{
	const struct chain_said *said = &chain_said;
	const bool iqe = is(row, "IQE");
	const uint32_t error = iqe ? VIQ_VTD_FSTS_IQE : VIQ_VTD_FSTS_ITE;

	check_equal(said->err, iqe ? -EIO : -ETIMEDOUT);
	check_equal(said->before + said->handled, row->index);
	check_equal(said->before + said->last, row->index);
	check_equal(said->error, error);
	/* ITE is reserved then, and the queue waits (docs/vtd.md). */
	check_equal(told->errors, iqe || row->devtlb ? error : 0);
	check_equal(told->record, iqe ? VIQ_PUT(VIQ_VTD_IQERCD_IQEI, 4) : 0);
	check_equal(told->slot, slot);
	check(!told->done);
	check_equal(stale.first, row->page);
	if (!two_tables(row))
		check_equal(stale.count, PAGES - row->page);
}

/* The kernel hides it: the guest is told that all is done. */
static void check_hidden(const struct row *row, const struct told *told, struct stale stale)
{
	check_equal(chain_said.failed, 0);
	check_equal(told->errors, 0);
	check(told->done);
	/* A device that is there is asked until it answers. */
	check_equal(stale.count, is(row, "IQE") ? 1 : 0);
	check(!stale.count || stale.first == row->page);
}

/* Nothing is stale at the end. */
static unsigned int recover(const struct row *row)
{
	unsigned int times = get_done();

	if (is(row, "IQE")) {
		struct stale stale = see(row);

		/* What was refused is to be repeated; of two descriptors the other one has been done. */
		check_equal(stale.count, row->devtlb ? 0 : 1);
		check(!stale.count || stale.first == row->page);
		push(row, row->page);
		check(vtd_guest_ring(&vmm.guest));
	}
	check_equal(see(row).count, 0);
	return times;
}

static const char *name_of(uint32_t errors)
{
	return errors & VIQ_VTD_FSTS_IQE ? "IQE" : errors & VIQ_VTD_FSTS_ITE ? "ITE" : "";
}

static void print(const struct row *row, const struct told *told, struct stale stale, unsigned int times)
{
	char failure[32];
	struct chain_row out = {.failure = failure};

	snprintf(failure, sizeof(failure), "%s", row->failure);
	if (row->times > 1)
		snprintf(failure, sizeof(failure), "%s, %u times", row->failure, row->times);
	snprintf(out.where, sizeof(out.where), "%u of %u%s", row->page, PAGES,
		 two_tables(row)  ? ", two tables"
		 : row->pasids[0] ? ", PASID"
				  : "");
	chain_said_text(name_of(chain_said.error), out.said, sizeof(out.said));
	if (told->errors & VIQ_VTD_FSTS_IQE)
		snprintf(out.told, sizeof(out.told), "IQE at %u, IQEI %u", row->page,
			 (unsigned int)VIQ_GET(VIQ_VTD_IQERCD_IQEI, told->record));
	else if (told->errors)
		snprintf(out.told, sizeof(out.told), "%s at %u", name_of(told->errors), row->page);
	else
		snprintf(out.told, sizeof(out.told), told->done ? "wait done" : "IQH waits at %u", row->page);
	if (told->errors & VIQ_VTD_FSTS_IQE)
		snprintf(out.recovers, sizeof(out.recovers), "yes: skips it, sends it again");
	else if (!told->done)
		snprintf(out.recovers, sizeof(out.recovers), "yes: tried again%s", times > 1 ? ", each time" : "");
	else
		snprintf(out.recovers, sizeof(out.recovers), "has nothing to do");
	if (told->done && stale.count)
		snprintf(out.dma, sizeof(out.dma), "page %u is stale, and reported done", stale.first);
	else
		snprintf(out.dma, sizeof(out.dma), "nothing stale");
	chain_print(&out);
}

static void run(const struct row *row)
{
	unsigned int times = 0, distance;
	struct stale stale;
	struct told told;
	uint32_t slot;

	start(row);
	slot = (vmm.guest.tail + row->page * (row->devtlb ? 2 : 1)) % VTD_GUEST_SLOTS;
	ring_all(row);
	check_struck(row);
	told = told_now();
	stale = see(row);
	if (viq_linux_reports(vmm.host.ctx)) {
		check_told(row, slot, &told, stale);
		times = recover(row);
	} else {
		check_hidden(row, &told, stale);
	}
	check_equal(chain_strikes(&distance), row->times);
	print(row, &told, stale, times);
	vmm_end();
	chain_close(vmm.host.ctx);
}

#define ROW(name, failure, kind, page, index, even, odd, times, devtlb)                                                \
	static void name(void)                                                                                         \
	{                                                                                                              \
		run(&(struct row){failure, kind, page, index, {even, odd}, times, devtlb});                            \
	}
#define IQE(name, ...) ROW(name, "IQE", "host-illegal", __VA_ARGS__)
#define ITE(name, ...) ROW(name, "ITE", "atc-timeout", __VA_ARGS__)
/* What answers wrongly has not answered. */
#define ICE(name, ...) ROW(name, "ICE, then ITE", "atc-wrong", __VA_ARGS__)

IQE(iqe_first, 0, 0, 0, 0, 1, false)
IQE(iqe_middle, 75, 75, 0, 0, 1, false)
IQE(iqe_last, LAST, LAST, 0, 0, 1, true)
IQE(iqe_pasid, 75, 75, PASID, PASID, 1, true)
/* Of the first 128 pages, which viq reads at once, those with even numbers are the first call. */
IQE(iqe_tables, 61, 64 + 30, 0, PASID, 1, true)
ITE(ite_first, 0, 0, 0, 0, 1, true)
ITE(ite_middle, 75, 75, 0, 0, 1, true)
ITE(ite_last, LAST, LAST, 0, 0, 1, true)
ITE(ite_pasid, 75, 75, PASID, PASID, 1, true)
ITE(ite_again, 75, 75, 0, 0, 20, true)
ITE(ite_reserved, 75, 75, 0, 0, 1, false)
ICE(ice_first, 0, 0, 0, 0, 1, true)
ICE(ice_middle, 75, 75, 0, 0, 1, true)
ICE(ice_last, LAST, LAST, 0, 0, 1, true)
ICE(ice_pasid, 75, 75, PASID, PASID, 1, true)

/* --- The host's own ----------------------------------------------------------------------------------------------- */

#define MORE  0x10000000u /* a page of memory that the VMM takes away, and where the device has it */
#define THERE 500u
#define VALUE UINT64_C(0x7669712d6d6f7265)

/*
 * The kernel invalidates what was mapped for two tables by one submission, and it is the second one's descriptor that
 * is refused. Without the patches it polls for ever then, with interrupts off (seen by hand: that machine does not
 * end).
 */
static void host_unmap(void)
{
	const struct row row = {.pasids = {0, PASID}, .devtlb = true};
	struct chain_row out = {.failure = "IQE, of the host's own", .where = "the third of four"};
	uint64_t *page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int distance;

	check(page != MAP_FAILED);
	start(&row);
	if (!viq_linux_reports(vmm.host.ctx))
		tap_skip("this kernel does not come back");
	*page = VALUE;
	check_equal(
		viq_linux_ioas_map(vmm.host.ctx, vmm.ioas, MORE, page, getpagesize(), VIQ_LINUX_READ | VIQ_LINUX_WRITE),
		0);
	vmm_map(1, THERE, MORE);
	vmm_use_pasid(PASID);
	check_equal(vmm_look(THERE), VALUE);
	chain_arm("1:host-illegal");
	check_equal(viq_linux_ioas_unmap(vmm.host.ctx, vmm.ioas, MORE, getpagesize()), 0);
	check_equal(chain_strikes(&distance), 1);
	check_equal(distance, 2);
	/* There is nobody to tell. All others go on. */
	check_equal(vmm_look(THERE), VALUE);
	push(&row, 0);
	push(&row, 1);
	check(vtd_guest_ring(&vmm.guest));
	snprintf(out.said, sizeof(out.said), "success");
	snprintf(out.told, sizeof(out.told), "nothing");
	snprintf(out.recovers, sizeof(out.recovers), "has nothing to do");
	snprintf(out.dma, sizeof(out.dma), "memory that the VMM took away is reached");
	chain_print(&out);
	vmm_end();
	chain_close(vmm.host.ctx);
}

/* ICE is last: Linux leaves it in FSTS, and tells of it again with the next error. */
static const struct tap_test tests[] = {
	{"iqe-first", iqe_first},   {"iqe-middle", iqe_middle},     {"iqe-last", iqe_last},
	{"iqe-pasid", iqe_pasid},   {"iqe-tables", iqe_tables},     {"ite-first", ite_first},
	{"ite-middle", ite_middle}, {"ite-last", ite_last},         {"ite-pasid", ite_pasid},
	{"ite-again", ite_again},   {"ite-reserved", ite_reserved}, {"host-unmap", host_unmap},
	{"ice-first", ice_first},   {"ice-middle", ice_middle},     {"ice-last", ice_last},
	{"ice-pasid", ice_pasid},
};

static const struct machine_job jobs[] = {{"chain", MACHINE_TESTS(tests)}};

int main(void)
{
	return machine_run(jobs, sizeof(jobs) / sizeof(jobs[0]));
}
