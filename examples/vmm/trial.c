/* SPDX-License-Identifier: MIT */
#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "trial.h"
#include "vmm.h"

#define ILLEGAL_OPCODE 0xffu

/* The guest's ring, as its registers describe it. */
struct ring {
	uint64_t base;
	uint32_t log2size, cons;
};

static struct ring ring_of(const struct viq_smmuv3 *front)
{
	uint64_t base = viq_smmuv3_mmio_read(front, VIQ_SMMUV3_CMDQ_BASE, 8);

	return (struct ring){
		.base = base & VIQ_SMMUV3_Q_BASE_ADDR,
		.log2size = VIQ_GET(VIQ_SMMUV3_Q_BASE_LOG2SIZE, base),
		.cons = (uint32_t)viq_smmuv3_mmio_read(front, VIQ_SMMUV3_CMDQ_CONS, 4),
	};
}

static uint32_t distance(const struct ring *ring, uint32_t from, uint32_t to)
{
	return (to - from) & ((2u << ring->log2size) - 1);
}

static uint64_t address_of(const struct ring *ring, uint32_t index)
{
	return ring->base + 16 * (uint64_t)(index & ((1u << ring->log2size) - 1));
}

/* The opcode of a command; a ring outside the guest's memory holds only illegal ones. */
static uint8_t opcode(const struct trial *t, const struct ring *ring, uint32_t index)
{
	uint64_t word;

	return viq_mem_read_words(t->mem, address_of(ring, index), &word, 1) ? ILLEGAL_OPCODE : (uint8_t)word;
}

/* --- A host that loses an invalidation ---------------------------------------------------------------------------- */

static bool names_address(const struct viq_call_request *req, uint32_t index)
{
	const uint64_t *entry;
	uint32_t piece = 0;

	for (; index >= req->pieces[piece].count; piece++)
		index -= req->pieces[piece].count;
	entry = (const uint64_t *)req->pieces[piece].entries + 2 * (size_t)index;
	switch (le64toh(*entry) & VIQ_SMMUV3_CMD_OP) {
	case VIQ_SMMUV3_OP_TLBI_NH_VA:
	case VIQ_SMMUV3_OP_TLBI_NH_VAA:
		return true;
	}
	return false;
}

/* Entries [first, end) of the request alone. */
static int forward(struct trial *t, const struct viq_call_request *req, uint32_t first, uint32_t end,
		   struct viq_call_result *res)
{
	struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES];
	struct viq_call_request part = *req;

	part.pieces = pieces;
	part.piece_count = 0;
	for (uint32_t i = 0, at = 0; i < req->piece_count; at += req->pieces[i++].count) {
		const struct viq_call_piece *whole = &req->pieces[i];
		uint32_t from = first > at ? first - at : 0, to = end > at ? end - at : 0;

		if (to > whole->count)
			to = whole->count;
		if (from < to)
			pieces[part.piece_count++] = (struct viq_call_piece){
				.entries = (const char *)whole->entries + (size_t)from * req->entry_size,
				.count = to - from,
			};
	}
	return t->real.ops->invalidate(t->real.opaque, &part, res);
}

static uint32_t entries_of(const struct viq_call_request *req)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < req->piece_count; i++)
		count += req->pieces[i].count;
	return count;
}

/* The index of the entry that is to be lost, or the number of entries. */
static uint32_t find_victim(struct trial *t, const struct viq_call_request *req, uint32_t count)
{
	for (uint32_t i = 0; t->drop && t->seen < t->drop && i < count; i++) {
		if (names_address(req, i) && ++t->seen == t->drop)
			return i;
	}
	return count;
}

static int trial_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct trial *t = opaque;
	uint32_t count = entries_of(req), victim = find_victim(t, req, count);
	int err;

	if (victim == count)
		return t->real.ops->invalidate(t->real.opaque, req, res);
	say("drop: invalidation %" PRIu64 " is lost, and reported as done", t->drop);
	if (victim) {
		err = forward(t, req, 0, victim, res);
		if (err || res->error)
			return err;
	}
	*res = (struct viq_call_result){.size = sizeof(*res)};
	err = victim + 1 < count ? forward(t, req, victim + 1, count, res) : 0;
	res->handled += victim + 1;
	res->suspect += victim + 1;
	res->hint += res->hint ? victim + 1 : 0;
	return err;
}

static uint32_t trial_stream(void *opaque, uint32_t object, uint32_t sid)
{
	struct trial *t = opaque;

	return viq_call_stream(&t->real, sid);
}

void trial_init(struct trial *t, const struct viq_mem *mem, bool count, uint64_t drop)
{
	*t = (struct trial){.mem = mem, .count = count, .drop = drop};
}

struct viq_call_host trial_host(struct trial *t, struct viq_call_host real)
{
	t->real = real;
	t->ops = (struct viq_call_host_ops){
		.size = sizeof(t->ops),
		.report_group = real.ops->report_group,
		.invalidate = trial_invalidate,
		.stream = trial_stream,
		.call_entries = real.ops->call_entries,
	};
	return t->drop ? (struct viq_call_host){.ops = &t->ops, .opaque = t, .object = real.object} : real;
}

/* --- The ring, read back ------------------------------------------------------------------------------------------ */

static void tally(const struct trial *t, const struct ring *ring, uint32_t from, uint32_t count,
		  uint64_t by_opcode[256])
{
	for (uint32_t i = 0; i < count; i++)
		by_opcode[opcode(t, ring, from + i)]++;
}

/* Before a CMD_SYNC nothing is lost: the guest's driver puts another one in the place of the illegal command. */
static void inject(struct trial *t, const struct ring *ring, uint32_t prod)
{
	uint32_t count = distance(ring, ring->cons, prod);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = ring->cons + i;

		if (opcode(t, ring, index) != VIQ_SMMUV3_OP_SYNC)
			continue;
		if (viq_mem_write_u64(t->mem, address_of(ring, index), ILLEGAL_OPCODE))
			return;
		t->armed = false;
		say("inject: illegal command at index 0x%x", index & ((2u << ring->log2size) - 1));
		return;
	}
}

void trial_doorbell(struct trial *t, const struct viq_smmuv3 *front, uint32_t prod)
{
	struct ring ring;

	if (!t->count && !t->armed)
		return;
	ring = ring_of(front);
	/* Where an empty queue begins is set in the same register. */
	if (viq_smmuv3_mmio_read(front, VIQ_SMMUV3_CR0ACK, 4) & VIQ_SMMUV3_CR0_CMDQEN) {
		if (t->count) {
			tally(t, &ring, t->prod, distance(&ring, t->prod, prod), t->queued);
			t->total += distance(&ring, t->prod, prod);
		}
		if (t->armed)
			inject(t, &ring, prod);
	}
	t->prod = prod;
}

void trial_compare(const struct trial *t, const struct viq_smmuv3 *front, const struct viq_smmuv3_counters *counters)
{
	struct ring ring = ring_of(front);
	bool whole = t->total <= 1u << ring.log2size;
	uint64_t read_back[256] = {0}, sum = 0;

	if (!t->count) {
		say("count: the guest's commands are not counted (--count)");
		return;
	}

	/* As long as it has not wrapped, the ring still has every command, as it is now. */
	tally(t, &ring, 0, whole ? t->prod : 0, read_back);
	/* Linux aims a CMD_SYNC's MSI at the CMD_SYNC itself: 0 stands there since. No command has that opcode. */
	if (viq_smmuv3_mmio_read(front, VIQ_SMMUV3_IDR0, 4) & VIQ_SMMUV3_IDR0_MSI) {
		read_back[VIQ_SMMUV3_OP_SYNC] += read_back[0];
		read_back[0] = 0;
	}
	for (unsigned int op = 0; op < 256; op++) {
		sum += counters->commands[op];
		if (counters->commands[op] == t->queued[op] && (!whole || counters->commands[op] == read_back[op]))
			continue;
		say("count: opcode 0x%02x differs: consumed %" PRIu64 ", queued %" PRIu64 ", in the ring %" PRIu64, op,
		    counters->commands[op], t->queued[op], read_back[op]);
		return;
	}
	say("count: %" PRIu64 " commands agree with the guest's ring%s", sum, whole ? ", read back whole" : "");
}
