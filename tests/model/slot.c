/* SPDX-License-Identifier: MIT */
/*
 * Slots and generations: src/host/soft/cache/slot.h. Words of two writers are never read as one entry; and an entry
 * that is valid, filled and looked up with an invalidation between or meanwhile, is not of the old table (P1), in a
 * section that begins after the invalidation's wait. The wait is seen by an acquire of over, as a guest's CMD_SYNC or a
 * driver's next access is.
 */
#include "host/soft/cache/slot.h"

#include "machine.h"

enum {
	OLD_PAGE = 10,
	NEW_PAGE = 20,
};

static soft_word slot[SOFT_SLOT_WORDS], table, gen, over;

static void setup(void)
{
	for (unsigned int i = 0; i < SOFT_SLOT_WORDS; i++)
		atomic_init(&slot[i], 0);
	atomic_init(&table, OLD_PAGE);
	atomic_init(&gen, 1);
	atomic_init(&over, 0);
}

static void write_ones(void)
{
	soft_slot_write(slot, (uint64_t[]){1, 1}, 2);
}

static void write_twos(void)
{
	soft_slot_write(slot, (uint64_t[]){2, 2}, 2);
}

static void read_whole(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t w[2];

		if (soft_slot_read(slot, w, 2))
			model_check(w[0] == w[1], "words of two writers are read as one entry");
	}
}

/* As translate_stages() and soft_tlb_insert(): [0] is the page, [1] the stamp. */
static void fill(void)
{
	uint64_t stamp = soft_gen_sample(&gen);
	uint64_t page = atomic_load_explicit(&table, memory_order_relaxed);

	soft_slot_write(slot, (uint64_t[]){page, stamp}, 2);
}

static void invalidate(void)
{
	atomic_store_explicit(&table, NEW_PAGE, memory_order_relaxed);
	soft_gen_bump(&gen);
	atomic_store_explicit(&over, 1, memory_order_release);
}

static void look_up(void)
{
	bool after = atomic_load_explicit(&over, memory_order_acquire);
	uint64_t w[2];

	if (soft_slot_read(slot, w, 2) && w[1] == soft_gen_load(&gen))
		model_check(!after || w[0] == NEW_PAGE, "an entry of the old table is valid after the invalidation");
}

/* One who fills again, with the counter that another fill has seen, has the page that it has. */
static void fill_and_look_up(void)
{
	fill();
	look_up();
}

static const struct model models[] = {
	{"two writers", setup, {write_ones, write_twos, read_whole}, NULL, NULL},
	{"a fill", setup, {fill, invalidate, look_up}, NULL, NULL},
	{"two fills", setup, {fill_and_look_up, invalidate, fill}, NULL, NULL},
};

static const char *const spare[] = {
	NULL,
};

int main(int argc, char **argv)
{
	return model_main(argc, argv, models, sizeof(models) / sizeof(*models), spare);
}
