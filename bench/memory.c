// SPDX-License-Identifier: MIT
/*
 * Memory of a queue object: what it says of itself, and what the allocator says before and after it was made and after
 * it has consumed commands of every kind that the host sees.
 */
#include <errno.h>
#include <malloc.h>

#include "guest.h"
#include "subjects.h"

#define LOG2SIZE 16
#define SLOTS    (1u << LOG2SIZE)
#define LIMIT    (256 * 1024)

/* Bytes in use, those of blocks with a mapping of their own included. */
static double allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return (double)info.uordblks + (double)info.hblkhd;
}

static void write_ring(struct bench_guest *guest)
{
	const struct synth_range range = {.num = 3, .scale = 2, .tg = 1};

	for (uint32_t i = 0; i < SLOTS; i++) {
		uint64_t va = i * UINT64_C(4096);

		switch (i % 64) {
		case 0:
			synth_cmdq_push(&guest->queue, synth_cmd_cfgi_cd(i, 0, true));
			break;
		case 1:
			synth_cmdq_push(&guest->queue, synth_cmd_tlbi_nh_asid(i));
			break;
		case 2:
			synth_cmdq_push(&guest->queue, synth_cmd_tlbi_nh_va_range(1, va, true, range));
			break;
		case 3:
			synth_cmdq_push(&guest->queue, synth_cmd_prefetch_config(i));
			break;
		case 4:
			synth_cmdq_push(&guest->queue, synth_cmd_cfgi_ste(i, true));
			break;
		case 5:
			synth_cmdq_push(&guest->queue, synth_cmd_sync(VIQ_SMMUV3_SYNC_CS_SEV, 0, 0));
			break;
		default:
			synth_cmdq_push(&guest->queue, synth_cmd_tlbi_nh_va(1, va, true));
		}
	}
}

/* Lap after lap of the same ring. Returns whether all were consumed. */
static bool consume(struct bench_guest *guest, uint64_t commands)
{
	uint32_t prod = 0;

	for (uint64_t i = 0; i < commands; i += SLOTS) {
		prod ^= SLOTS;
		bench_guest_doorbell(guest, prod);
		if (!bench_guest_done(guest, prod))
			return false;
	}
	return true;
}

static void report(const struct bench *b, const char *name, const char *title, double bytes, double limit)
{
	b->emit(b->opaque, &(struct bench_row){
				   .name = name,
				   .title = title,
				   .unit = "bytes",
				   .value = bench_constant(bytes),
				   .bound = BENCH_AT_MOST,
				   .limit = limit,
			   });
}

int bench_memory(const struct bench *b)
{
	const uint64_t commands = b->quick ? 1000000 : 100000000;
	struct bench_guest guest;
	double before = allocated(), created, used;
	size_t footprint;
	int ret;

	ret = bench_guest_open(&guest, 4u << 20, LOG2SIZE, viq_call_null_host());
	created = allocated();
	if (ret)
		goto close;
	footprint = viq_smmuv3_footprint(guest.smmu);
	write_ring(&guest);
	ret = consume(&guest, commands) ? 0 : -EIO;
	used = allocated();
	if (ret)
		goto close;
	report(b, "footprint", "as viq_smmuv3_footprint() says", (double)footprint, LIMIT);
	report(b, "allocated", "as the allocator says, the memory map included", created - before, LIMIT);
	report(b, "growth", b->quick ? "allocated more after 10^6 commands" : "allocated more after 10^8 commands",
	       used - created + (double)viq_smmuv3_footprint(guest.smmu) - (double)footprint, 0);
close:
	bench_guest_close(&guest);
	return ret;
}
