/* SPDX-License-Identifier: MIT */
/* A device's ATC: see atc.h, and slot.h for why nothing invalidated is found. */
#include <errno.h>
#include <string.h>

#include "atc.h"

/* A slot's words after its sequence count. */
enum {
	BASE = SOFT_ENTRY_BASE, /* address of the piece | log2 of its size */
	TAG = SOFT_ENTRY_TAG,   /* PASID + 1 (2^32 - 1 + 1 for none); never 0 in use */
	OUT,                    /* physical address of the piece | rights */
	STAMP,                  /* sum of generations */
	WORDS,
};

/* log2 of the leaves of all granules (DDI 0487 D8.2, without DS). */
static const uint8_t piece_shifts[SOFT_ATC_SIZES] = {12, 14, 16, 21, 25, 29, 30, 42};

int soft_atc_init(struct soft_atc *atc, uint32_t entries)
{
	uint32_t lines = entries < 256 ? 256 : entries;

	memset(atc, 0, sizeof(*atc));
	atc->set_mask = entries / SOFT_WAYS - 1;
	atc->steps = entries < SOFT_ATC_STEPS ? entries : SOFT_ATC_STEPS;
	atc->slots = soft_words_alloc(((size_t)entries + lines) * SOFT_SLOT_WORDS, &atc->alloc);
	if (!atc->slots)
		return -ENOMEM;
	atc->pages =
		(struct soft_page_gens){.lines = atc->slots + (size_t)entries * SOFT_SLOT_WORDS, .mask = lines - 1};
	return 0;
}

void soft_atc_fini(struct soft_atc *atc)
{
	free(atc->alloc);
}

static uint64_t pasid_tag(uint32_t pasid)
{
	return (uint64_t)pasid + 1;
}

static unsigned int pasid_owner(uint32_t pasid)
{
	return pasid == SOFT_NO_PASID ? SOFT_OWNER_NONE : soft_owner(pasid);
}

static uint64_t current_stamp(const struct soft_atc *atc, uint32_t pasid, uint64_t addr, unsigned int shift)
{
	const soft_word *line = soft_page_line(&atc->pages, addr, shift);
	unsigned int owner = pasid_owner(pasid);

	return soft_gen_load(&atc->gen) + soft_gen_load(&atc->pasid_gen[owner]) + soft_gen_load(&line[SOFT_OWNER_ANY]) +
	       soft_gen_load(&line[owner]);
}

static bool probe(const struct soft_atc *atc, uint32_t pasid, uint64_t addr, unsigned int shift,
		  struct soft_atc_entry *entry)
{
	uint64_t base = addr >> shift << shift, tag = pasid_tag(pasid);
	soft_word *slot = soft_set(atc->slots, atc->set_mask, tag, base, shift);

	for (unsigned int way = 0; way < SOFT_WAYS; way++, slot += SOFT_SLOT_WORDS) {
		uint64_t w[WORDS];

		if (!soft_slot_base_is(slot, base | shift))
			continue;
		if (!soft_slot_read(slot, w, WORDS) || w[BASE] != (base | shift) || w[TAG] != tag)
			continue;
		if (current_stamp(atc, pasid, addr, shift) != w[STAMP])
			return false;
		*entry = (struct soft_atc_entry){
			.base = base,
			.base_pa = w[OUT] & ~UINT64_C(0xfff),
			.shift = (uint8_t)shift,
			.rights = w[OUT] & 0xff,
		};
		return true;
	}
	return false;
}

bool soft_atc_lookup(struct soft_atc *atc, uint32_t pasid, uint64_t addr, struct soft_atc_entry *entry)
{
	uint64_t sizes = atomic_load_explicit(&atc->sizes, memory_order_relaxed);

	for (; sizes; sizes &= sizes - 1) {
		if (probe(atc, pasid, addr, soft_lowest_bit(sizes), entry))
			return true;
	}
	return false;
}

void soft_atc_sample(struct soft_atc *atc, uint32_t pasid, uint64_t addr, struct soft_atc_sample *sample)
{
	unsigned int owner = pasid_owner(pasid);

	/* Paired with sizes_in_use(), also through soft_atc_insert(), a read-modify-write in its release sequence. */
	sample->sizes = atomic_load_explicit(&atc->sizes, memory_order_acquire);
	sample->common = soft_gen_sample(&atc->gen) + soft_gen_sample(&atc->pasid_gen[owner]);
	for (unsigned int i = 0; i < SOFT_ATC_SIZES; i++) {
		const soft_word *line = soft_page_line(&atc->pages, addr, piece_shifts[i]);

		sample->piece[i] = soft_gen_sample(&line[SOFT_OWNER_ANY]) + soft_gen_sample(&line[owner]);
	}
}

bool soft_atc_insert(struct soft_atc *atc, uint32_t pasid, const struct soft_atc_sample *sample,
		     const struct soft_atc_entry *entry)
{
	uint64_t w[WORDS] = {
		[BASE] = entry->base | entry->shift,
		[TAG] = pasid_tag(pasid),
		[OUT] = entry->base_pa | entry->rights,
	};
	unsigned int i = 0;
	soft_word *set;

	while (i < SOFT_ATC_SIZES && piece_shifts[i] != entry->shift)
		i++;
	if (i == SOFT_ATC_SIZES)
		return true;
	if (!(sample->sizes >> entry->shift & 1)) {
		atomic_fetch_or_explicit(&atc->sizes, UINT64_C(1) << entry->shift, memory_order_relaxed);
		return false;
	}
	w[STAMP] = sample->common + sample->piece[i];
	set = soft_set(atc->slots, atc->set_mask, w[TAG], entry->base, entry->shift);
	soft_slot_write(soft_set_choose(set, w[BASE], w[TAG]), w, WORDS);
	return true;
}

void soft_atc_inv_all(struct soft_atc *atc)
{
	soft_gen_bump(&atc->gen);
}

/*
 * A fill of a size that this does not see took its sample after it, so also after the change that the invalidation is
 * about: both are read-modify-writes of one word.
 */
static uint64_t sizes_in_use(struct soft_atc *atc)
{
	return atomic_fetch_or_explicit(&atc->sizes, 0, memory_order_release);
}

/* Pieces that the range touches, of all sizes together, or more than limit. */
static uint64_t count_pieces(uint64_t sizes, uint64_t first, uint64_t last, uint64_t limit)
{
	uint64_t count = 0;

	for (; sizes && count <= limit; sizes &= sizes - 1) {
		unsigned int shift = soft_lowest_bit(sizes);

		count += (last >> shift) - (first >> shift) + 1;
	}
	return count;
}

void soft_atc_inv(struct soft_atc *atc, bool any_pasid, uint32_t pasid, uint64_t first, uint64_t last)
{
	unsigned int owner = any_pasid ? SOFT_OWNER_ANY : pasid_owner(pasid);
	uint64_t sizes = sizes_in_use(atc);

	if (count_pieces(sizes, first, last, atc->steps) > atc->steps) {
		soft_gen_bump(any_pasid ? &atc->gen : &atc->pasid_gen[owner]);
		return;
	}
	for (; sizes; sizes &= sizes - 1) {
		unsigned int shift = soft_lowest_bit(sizes);
		uint64_t page = first >> shift, end = last >> shift;

		for (;; page++) {
			soft_gen_bump(&soft_page_line(&atc->pages, page << shift, shift)[owner]);
			if (page == end)
				break;
		}
	}
}
