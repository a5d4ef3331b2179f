/* SPDX-License-Identifier: MIT */
/*
 * Events of the physical SMMU in the guest's event queue (IHI 0070 7.3; struct iommu_vevent_arm_smmuv3): which, with
 * what in them, and the fate of missing ones.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "host/linux/iommufd/linux.h"
#include "support/linux_nest.h"

#define SID 5

#define SSV      (UINT64_C(1) << 11)
#define SSID(n)  ((uint64_t)(n) << 12)
#define S2       (UINT64_C(1) << 39)
#define STALL    (UINT64_C(1) << 31)
#define RNW      (UINT64_C(1) << 35)
#define CLASS_IN (UINT64_C(2) << 40)

static struct nest *with_device(void)
{
	struct nest *n = nest_new(2);

	nest_boot(n, true);
	nest_stage1(n, SID);
	nest_add(n, 0, SID);
	return n;
}

/* The guest's event queue has 16 entries. */
static uint64_t seen(const struct nest *n)
{
	return vsmmu_r32(n->g, REG(EVENTQ_PROD)) & 31;
}

static void guest_reads_all(struct nest *n)
{
	vsmmu_w32(n->g, REG(EVENTQ_CONS), vsmmu_r32(n->g, REG(EVENTQ_PROD)));
}

static uint64_t word(const struct nest *n, uint64_t index, unsigned int i)
{
	return vsmmu_peek64(n->g, VSMMU_EVENTQ + 32 * (index & 15) + 8 * i);
}

static void happens(struct nest *n, uint32_t device, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
	const uint64_t record[4] = {w0, w1, w2, w3};

	assert_int_equal(fake_kernel_event(n->fk, device, record), 0);
}

static void move_events(struct nest *n)
{
	assert_int_equal(viq_nest_smmuv3_events(n->nest, n->config.event_depth), 0);
}

static bool readable(const struct nest *n)
{
	struct pollfd p = {.fd = viq_linux_vsmmu_event_fd(n->vs), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void assert_counts(const struct nest *n, uint64_t given, uint64_t lost)
{
	const struct viq_smmuv3_counters guest = smmuv3_counters(n->g->smmu);
	struct viq_linux_counters c = nest_counters(n);

	assert_int_equal(guest.events, given);
	assert_int_equal(guest.events_lost + c.events_kept, lost);
	/* What the kernel has lost, the guest has lost. */
	assert_in_range(c.events_lost, 0, guest.events_lost);
	assert_in_range(c.events, given + guest.events_lost - c.events_lost, UINT32_MAX);
}

/* --- What the guest sees ------------------------------------------------------------------------------------------ */

/* All bits set in hardware: the guest sees those that its kind of record has. */
static void fields_of_each_kind(void **state)
{
	static const uint64_t fault = UINT64_C(0x30e00000000); /* CLASS, RnW, InD, PnU */
	static const struct {
		uint8_t event;
		uint64_t w0, w1, w2;
	} rows[] = {
		{0x04, SSV | SSID(0xfffff), 0, 0},
		{0x06, 0, 0, 0},
		{0x08, SSID(0xfffff), 0, 0},
		{0x0a, SSV | SSID(0xfffff), 0, 0},
		{0x10, SSV | SSID(0xfffff), fault, UINT64_MAX},
		{0x11, SSV | SSID(0xfffff), fault, UINT64_MAX},
		{0x12, SSV | SSID(0xfffff), fault, UINT64_MAX},
		{0x13, SSV | SSID(0xfffff), fault | UINT64_C(1) << 44, UINT64_MAX},
	};
	struct nest *n = with_device();

	for (uint64_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		happens(n, 0, rows[i].event | ~UINT64_C(0xff), ~(S2 | STALL), UINT64_MAX, UINT64_MAX);
		move_events(n);
		assert_int_equal(seen(n), i + 1);
		assert_int_equal(word(n, i, 0), rows[i].event | rows[i].w0 | (uint64_t)SID << 32);
		assert_int_equal(word(n, i, 1), rows[i].w1);
		assert_int_equal(word(n, i, 2), rows[i].w2);
		assert_int_equal(word(n, i, 3), 0);
	}
	assert_counts(n, 8, 0);
	assert_int_equal(vsmmu_r32(n->g, REG(EVENTQ_PROD)), 8);
	nest_free(n);
}

static void other_kinds_are_lost(void **state)
{
	static const uint8_t kinds[] = {0x04, 0x06, 0x08, 0x0a, 0x10, 0x11, 0x12, 0x13};
	struct nest *n = with_device();
	uint64_t lost = 0;

	for (unsigned int event = 0; event < 256; event++) {
		if (memchr(kinds, (int)event, sizeof(kinds)))
			continue;
		happens(n, 0, event, 0, 0, 0);
		move_events(n);
		assert_counts(n, 0, ++lost);
	}
	assert_int_equal(lost, 248);
	assert_int_equal(seen(n), 0);
	nest_free(n);
}

/* Faults of stage 2 are the VMM's; a stall cannot be answered. */
static void stage2_faults_and_stalls_are_not_the_guests(void **state)
{
	struct nest *n = with_device();

	for (uint64_t event = 0x10; event <= 0x13; event++) {
		happens(n, 0, event, S2 | RNW, 0x1000, 0x2000);
		happens(n, 0, event, STALL | RNW, 0x1000, 0);
		move_events(n);
	}
	assert_int_equal(vsmmu_r32(n->g, REG(EVENTQ_PROD)), 0); /* and no overflow of its queue */
	assert_counts(n, 0, 8);
	/* Other kinds have no such bits: what is there is UNKNOWN. */
	happens(n, 0, 0x0a, S2 | STALL, 0, 0);
	move_events(n);
	assert_int_equal(seen(n), 1);
	assert_int_equal(word(n, 0, 1), 0);
	nest_free(n);
}

static void fd_is_readable_while_there_are_events(void **state)
{
	struct nest *n = with_device();

	assert_false(readable(n));
	happens(n, 0, 0x10, RNW | CLASS_IN, 0x123456789, 0);
	assert_true(readable(n));
	move_events(n);
	assert_false(readable(n));
	assert_int_equal(word(n, 0, 2), 0x123456789);
	move_events(n);
	assert_counts(n, 1, 0);
	nest_free(n);
}

static void order_is_kept(void **state)
{
	struct nest *n = with_device();

	nest_stage1(n, 6);
	nest_add(n, 1, 6);
	for (uint64_t i = 0; i < 12; i++)
		happens(n, i & 1, 0x10, RNW, i << 12, 0);
	move_events(n);
	for (uint64_t i = 0; i < 12; i++) {
		assert_int_equal(word(n, i, 0) >> 32, SID + (i & 1));
		assert_int_equal(word(n, i, 2), i << 12);
	}
	nest_free(n);
}

/* --- What is lost ------------------------------------------------------------------------------------------------- */

static void kernel_drops_in_between(void **state)
{
	struct nest *n = with_device();

	happens(n, 0, 0x10, RNW, 0x1000, 0);
	fake_kernel_lose_event(n->fk, 0);
	fake_kernel_lose_event(n->fk, 0);
	happens(n, 0, 0x10, RNW, 0x2000, 0);
	move_events(n);
	assert_int_equal(seen(n), 2);
	assert_int_equal(word(n, 1, 2), 0x2000);
	assert_counts(n, 2, 2);
	/* Two losses are one overflow, and the guest's own queue was not full. */
	assert_int_equal(vsmmu_r32(n->g, REG(EVENTQ_PROD)), 2 | REG(EVENTQ_OVFLG));
	nest_free(n);
}

static void kernel_drops_at_the_end(void **state)
{
	struct nest *n = with_device();

	for (uint64_t round = 1; round <= 3; round++) {
		happens(n, 0, 0x10, RNW, 0x1000, 0);
		for (uint64_t i = 0; i < round; i++)
			fake_kernel_lose_event(n->fk, 0);
		move_events(n);
		assert_counts(n, round, round * (round + 1) / 2);
	}
	/* Before the first event, and alone. */
	fake_kernel_lose_event(n->fk, 0);
	move_events(n);
	assert_counts(n, 3, 7);
	nest_free(n);
}

static void kernel_queue_overflows(void **state)
{
	struct nest *n = nest_kernel(1);

	n->config.event_depth = 4;
	assert_int_equal(nest_create(n), 0);
	nest_guest(n);
	nest_boot(n, true);
	nest_stage1(n, SID);
	nest_add(n, 0, SID);
	for (uint64_t i = 0; i < 10; i++)
		happens(n, 0, 0x10, RNW, i << 12, 0);
	move_events(n);
	move_events(n);
	assert_counts(n, 4, 6);
	assert_int_equal(word(n, 3, 2), 3 << 12);
	nest_free(n);
}

/* The kernel's numbers, as if it had counted for long. */
static uint32_t numbers_ahead;

static int64_t read_ahead(void *opaque, int fd, void *buf, size_t len)
{
	int64_t n = fake_kernel_sys()->read(opaque, fd, buf, len);

	for (int64_t at = 0; at < n;) {
		struct uapi_iommufd_vevent_header *header = (void *)((char *)buf + at);

		header->sequence = (header->sequence + numbers_ahead) & INT32_MAX;
		at += sizeof(*header);
		if (!(header->flags & UAPI_IOMMU_VEVENTQ_FLAG_LOST_EVENTS))
			at += sizeof(struct uapi_iommu_vevent_arm_smmuv3);
	}
	return n;
}

/* After INT_MAX comes 0, and nothing is lost there. */
static void sequence_wraps(void **state)
{
	struct viq_linux_sys sys = *fake_kernel_sys();
	struct nest *n = with_device();
	uint64_t lost;

	sys.read = read_ahead;
	n->ctx->sys = sys;
	numbers_ahead = INT32_MAX - 1;
	happens(n, 0, 0x10, RNW, 0x1000, 0); /* the first one: INT32_MAX - 1 before it are missing */
	move_events(n);
	assert_counts(n, 1, INT32_MAX - 1);
	happens(n, 0, 0x10, RNW, 0x2000, 0); /* INT32_MAX */
	happens(n, 0, 0x10, RNW, 0x3000, 0); /* 0 */
	move_events(n);
	assert_counts(n, 3, INT32_MAX - 1);
	happens(n, 0, 0x10, RNW, 0x4000, 0);
	fake_kernel_lose_event(n->fk, 0);
	happens(n, 0, 0x10, RNW, 0x5000, 0);
	move_events(n);
	assert_counts(n, 5, (uint64_t)INT32_MAX - 1 + 1);
	/* Some are lost on both sides of the wrap. */
	numbers_ahead += INT32_MAX - 9; /* the next one would be INT32_MAX - 2 */
	happens(n, 0, 0x10, RNW, 0x6000, 0);
	move_events(n);
	lost = nest_counters(n).events_lost;
	for (int i = 0; i < 5; i++)
		fake_kernel_lose_event(n->fk, 0);
	happens(n, 0, 0x10, RNW, 0x7000, 0);
	move_events(n);
	assert_counts(n, 7, lost + 5);
	n->ctx->sys = *fake_kernel_sys();
	nest_free(n);
}

static void guest_queue_full_or_off(void **state)
{
	struct nest *n = with_device();

	for (uint64_t i = 0; i < 20; i++)
		happens(n, 0, 0x10, RNW, i << 12, 0);
	move_events(n);
	assert_counts(n, 16, 4);
	assert_true(vsmmu_r32(n->g, REG(EVENTQ_PROD)) & REG(EVENTQ_OVFLG));
	guest_reads_all(n);
	happens(n, 0, 0x10, RNW, 0x1000, 0);
	move_events(n);
	assert_counts(n, 17, 4);
	vsmmu_w32(n->g, REG(CR0), vsmmu_r32(n->g, REG(CR0)) & ~REG(CR0_EVENTQEN));
	happens(n, 0, 0x10, RNW, 0x1000, 0);
	move_events(n);
	assert_counts(n, 17, 5);
	/* Without a guest they are taken all the same. */
	viq_nest_smmuv3_bind(n->nest, NULL, NULL);
	happens(n, 0, 0x10, RNW, 0x1000, 0);
	move_events(n);
	assert_false(readable(n));
	assert_counts(n, 17, 5);
	assert_int_equal(nest_counters(n).events, 17 + 5 + 1);
	nest_free(n);
}

/*
 * 6.3.9.6: with SMMUEN = 0 substreams bypass and nothing is recorded. The physical SMMU cannot bypass them, and records
 * C_BAD_SUBSTREAMID: the guest does not see it. A bypassing STE is another matter.
 */
static void an_smmu_that_is_off_records_nothing(void **state)
{
	struct nest *n = with_device();

	nest_enable(n, false);
	vsmmu_w32(n->g, REG(CR0), vsmmu_r32(n->g, REG(CR0)) | REG(CR0_EVENTQEN));
	assert_int_equal(nest_mode(n, 0), FK_BYPASS);
	happens(n, 0, 0x08 | SSV | SSID(3), 0, 0, 0);
	happens(n, 0, 0x11, RNW, UINT64_C(1) << 50, 0);
	move_events(n);
	assert_counts(n, 0, 2);
	nest_enable(n, true);
	happens(n, 0, 0x08 | SSV | SSID(3), 0, 0, 0);
	move_events(n);
	assert_counts(n, 1, 2);
	nest_ste(n, SID, NEST_V_BYPASS, 0);
	nest_cfgi_ste(n, SID);
	assert_int_equal(nest_mode(n, 0), FK_BYPASS);
	happens(n, 0, 0x08 | SSV | SSID(3), 0, 0, 0);
	move_events(n);
	assert_counts(n, 2, 2);
	nest_free(n);
}

/* An event that waits while the guest renumbers its buses names a device that is not there any more. */
static void events_of_streams_that_are_gone(void **state)
{
	struct nest *n = with_device();
	const struct viq_linux_move move = {SID, SID + 1};

	happens(n, 0, 0x10, RNW, 0x1000, 0);
	nest_stage1(n, SID + 1);
	assert_int_equal(nest_move(n, &move, 1), 0);
	happens(n, 0, 0x10, RNW, 0x2000, 0);
	move_events(n);
	assert_int_equal(seen(n), 1);
	assert_int_equal(word(n, 0, 0) >> 32, SID + 1);
	assert_counts(n, 1, 1);
	happens(n, 0, 0x10, RNW, 0x3000, 0);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID + 1), 0);
	move_events(n);
	assert_counts(n, 1, 2);
	nest_free(n);
}

/* --- Bounds and errors -------------------------------------------------------------------------------------------- */

struct flood {
	struct nest *n;
	uint64_t reads;
};

/* As soon as something is read, there is more. */
static void refill(struct fake_kernel *fk, uint64_t call, unsigned long request)
{
	struct flood *f = fk->opaque;

	if (request) /* only read() has none */
		return;
	f->reads++;
	assert_true(f->reads < 100);
	for (int i = 0; i < 8; i++)
		happens(f->n, 0, 0x10, RNW, 0x1000, 0);
}

static void p4_a_flood_does_not_hold_the_caller(void **state)
{
	struct nest *n = nest_kernel(1);
	struct flood flood = {n, 0};

	n->config.event_depth = 8;
	assert_int_equal(nest_create(n), 0);
	nest_guest(n);
	nest_boot(n, true);
	nest_stage1(n, SID);
	nest_add(n, 0, SID);
	n->fk->opaque = &flood;
	n->fk->before_call = refill;
	move_events(n);
	n->fk->before_call = NULL;
	assert_true(nest_counters(n).events <= 8);
	assert_true(nest_counters(n).events > 0);
	nest_free(n);
}

static void read_errors_are_returned(void **state)
{
	struct nest *n = with_device();

	struct viq_smmuv3_host_event event;
	uint32_t count = 1;

	assert_int_equal(viq_linux_vsmmu_events(NULL, &event, &count), -EINVAL);
	assert_int_equal(viq_linux_vsmmu_events(n->vs, NULL, &count), -EINVAL);
	assert_int_equal(viq_linux_vsmmu_events(n->vs, &event, NULL), -EINVAL);
	count = 0;
	assert_int_equal(viq_linux_vsmmu_events(n->vs, &event, &count), -EINVAL);
	assert_int_equal(viq_linux_vsmmu_event_fd(NULL), -1);
	happens(n, 0, 0x10, RNW, 0x1000, 0);
	n->fk->faults[0] = (struct fk_fault){0, n->fk->calls + 1, 1, -EIO};
	assert_int_equal(viq_nest_smmuv3_events(n->nest, n->config.event_depth), -EIO);
	assert_counts(n, 0, 0);
	n->fk->faults[0] = (struct fk_fault){0, n->fk->calls + 1, 3, -EINTR};
	move_events(n);
	assert_counts(n, 1, 0);
	nest_free(n);
}

/* P9: who gets the number next has not caused them. Events of others wait, in order. */
static void a_successor_does_not_inherit_events(void **state)
{
	for (unsigned int moved = 0; moved < 2; moved++) {
		const struct viq_linux_move away = {SID, SID + 2};
		struct nest *n = nest_new(3);

		nest_boot(n, true);
		for (uint32_t i = 0; i < 2; i++) {
			nest_stage1(n, SID + i);
			nest_add(n, i, SID + i);
		}
		happens(n, 0, VIQ_SMMUV3_EVT_F_TRANSLATION, CLASS_IN, 0x1000, 0);
		happens(n, 1, VIQ_SMMUV3_EVT_F_TRANSLATION, CLASS_IN, 0x2000, 0);
		happens(n, 0, VIQ_SMMUV3_EVT_F_TRANSLATION, CLASS_IN, 0x3000, 0);
		if (moved)
			assert_int_equal(viq_linux_vsmmu_move(n->vs, &away, 1), 0);
		else
			assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID), 0);
		nest_add(n, 2, SID);
		happens(n, 2, VIQ_SMMUV3_EVT_F_TRANSLATION, CLASS_IN, 0x4000, 0);
		move_events(n);
		assert_int_equal(seen(n), 2);
		assert_int_equal(word(n, 0, 2), 0x2000);
		assert_int_equal(word(n, 1, 2), 0x4000);
		assert_counts(n, 2, 2);
		nest_free(n);
	}
}

/* --- What waits because a device has gone ------------------------------------------------------------------------- */

static struct nest *with_three(uint32_t depth)
{
	struct nest *n = nest_kernel(3);

	n->config.event_depth = depth;
	assert_int_equal(nest_create(n), 0);
	nest_guest(n);
	nest_boot(n, true);
	for (uint32_t i = 0; i < 3; i++) {
		nest_stage1(n, SID + i);
		nest_add(n, i, SID + i);
	}
	return n;
}

/* Nobody else tells of them: the next CMD_SYNC does. */
static void what_waits_comes_with_the_next_sync(void **state)
{
	struct nest *n = with_three(8);

	assert_int_equal(viq_nest_smmuv3_sync(n->nest), 0);
	happens(n, 0, 0x10, RNW, 0x1000, 0);
	/* Of these the fd tells. */
	assert_int_equal(viq_nest_smmuv3_sync(n->nest), 0);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID + 1), 0);
	assert_false(readable(n));
	assert_int_equal(viq_nest_smmuv3_sync(n->nest), 1);
	assert_int_equal(seen(n), 1);
	assert_int_equal(word(n, 0, 2), 0x1000);
	assert_int_equal(viq_nest_smmuv3_sync(n->nest), 0);
	nest_free(n);
}

/* One more says that the queue is empty. */
static void what_waits_is_read_by_two_calls(void **state)
{
	struct nest *n = with_three(8);
	uint64_t before = n->fk->calls, without;

	assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID + 1), 0);
	without = n->fk->calls - before;
	for (uint64_t i = 0; i < 3; i++)
		happens(n, 0, 0x10, RNW, i << 12, 0);
	before = n->fk->calls;
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID + 2), 0);
	assert_int_equal(n->fk->calls - before, without + 1);
	nest_free(n);
}

/* As many wait as the kernel would keep. What finds no room is told as a loss, once, and so is the kernel's own. */
static void what_waits_is_bounded(void **state)
{
	struct nest *n = with_three(4);
	uint64_t i;

	for (i = 0; i < 3; i++)
		happens(n, 0, 0x10, RNW, i << 12, 0);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID + 1), 0);
	happens(n, 0, 0x10, RNW, i++ << 12, 0);
	for (unsigned int lost = 0; lost < 3; lost++)
		fake_kernel_lose_event(n->fk, 0);
	happens(n, 0, 0x10, RNW, i++ << 12, 0);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID + 2), 0);
	move_events(n);
	assert_int_equal(seen(n), 4);
	assert_int_equal(word(n, 3, 2), 3 << 12);
	/* The loss is pending, too. */
	assert_int_equal(viq_nest_smmuv3_sync(n->nest), 1);
	assert_counts(n, 4, 4);
	assert_int_equal(nest_counters(n).events_lost, 4);
	happens(n, 0, 0x10, RNW, i << 12, 0);
	move_events(n);
	assert_counts(n, 5, 4);
	/* One that was lost was not taken. */
	assert_int_equal(nest_counters(n).events, 5);
	nest_free(n);
}

/* Events that come while a loss waits to be told have come after it. */
static void what_found_no_room_was_before_what_finds_some(void **state)
{
	const struct viq_linux_move away = {SID + 1, SID + 2};
	struct nest *n = with_three(2);
	struct viq_smmuv3_host_event events[2];
	uint32_t count = 2;

	for (uint64_t i = 0; i < 2; i++)
		happens(n, 0, 0x10, RNW, i << 12, 0);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID + 2), 0);
	for (uint64_t i = 2; i < 4; i++)
		happens(n, 0, 0x10, RNW, i << 12, 0);
	assert_int_equal(viq_linux_vsmmu_move(n->vs, &away, 1), 0);
	assert_int_equal(viq_linux_vsmmu_events(n->vs, events, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(events[1].record[2], 1 << 12);
	happens(n, 0, 0x10, RNW, 4 << 12, 0);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID + 2), 0);
	assert_int_equal(viq_linux_vsmmu_events(n->vs, events, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(events[0].record[2], 4 << 12);
	assert_int_equal(events[0].lost, 2);
	assert_int_equal(viq_linux_vsmmu_events(n->vs, events, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(nest_counters(n).events, 3);
	assert_int_equal(nest_counters(n).events_lost, 2);
	nest_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_each_kind),
		cmocka_unit_test(other_kinds_are_lost),
		cmocka_unit_test(stage2_faults_and_stalls_are_not_the_guests),
		cmocka_unit_test(fd_is_readable_while_there_are_events),
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(kernel_drops_in_between),
		cmocka_unit_test(kernel_drops_at_the_end),
		cmocka_unit_test(kernel_queue_overflows),
		cmocka_unit_test(sequence_wraps),
		cmocka_unit_test(guest_queue_full_or_off),
		cmocka_unit_test(an_smmu_that_is_off_records_nothing),
		cmocka_unit_test(events_of_streams_that_are_gone),
		cmocka_unit_test(a_successor_does_not_inherit_events),
		cmocka_unit_test(what_waits_comes_with_the_next_sync),
		cmocka_unit_test(what_waits_is_read_by_two_calls),
		cmocka_unit_test(what_waits_is_bounded),
		cmocka_unit_test(what_found_no_room_was_before_what_finds_some),
		cmocka_unit_test(p4_a_flood_does_not_hold_the_caller),
		cmocka_unit_test(read_errors_are_returned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
