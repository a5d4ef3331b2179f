/* SPDX-License-Identifier: MIT */
/* The TLB: see tlb.h for what it holds and slot.h for why it is never stale. */
#include <errno.h>
#include <string.h>

#include "tlb.h"

/* A slot's words after its sequence count. */
enum {
	BASE = SOFT_ENTRY_BASE, /* input address of the piece | log2 of its size */
	TAG = SOFT_ENTRY_TAG,   /* id of the VMID [63:32], ASID [31:16], KIND [1:0]; never 0 in use */
	OUT,                    /* output address of the piece | rights */
	IPA,                    /* stage-1 output of the piece */
	LEAF,                   /* stage-1 leaf: shift [7:0], level [15:8], granule [23:16]; stage-2 shift [31:24] */
	STAMP,                  /* sum of generations */
	WORDS,
};

#define TAG_NON_GLOBAL UINT64_C(0)
#define TAG_GLOBAL     UINT64_C(1) /* ASET in place of the ASID */
#define TAG_IPA        UINT64_C(2) /* the guest's stage 2 alone */
#define TAG_NEITHER    UINT64_C(3) /* no stage of the guest's */
#define TAG_KIND       UINT64_C(3)

_Static_assert(WORDS + 1 <= SOFT_SLOT_WORDS, "an entry is one cache line");

int soft_tlb_init(struct soft_tlb *tlb, uint32_t entries)
{
	tlb->set_mask = entries / SOFT_WAYS - 1;
	tlb->slots = soft_words_alloc((size_t)entries * SOFT_SLOT_WORDS, &tlb->slots_alloc);
	return tlb->slots ? 0 : -ENOMEM;
}

void soft_tlb_fini(struct soft_tlb *tlb)
{
	free(tlb->slots_alloc);
}

int soft_vm_init(struct soft_vm *vm, uint32_t tlb_entries, uint32_t id, unsigned int asid_bits)
{
	uint32_t lines = tlb_entries / 2 < 1024 ? 1024 : tlb_entries / 2;
	size_t asids = (size_t)1 << asid_bits;

	memset(vm, 0, sizeof(*vm));
	vm->id = id;
	vm->asid_mask = (uint32_t)(asids - 1);
	vm->steps = tlb_entries < SOFT_TLB_STEPS ? tlb_entries : SOFT_TLB_STEPS;
	/* As one: address spaces of processes do not take any number of mappings. */
	vm->asid_gen = soft_words_alloc(asids + (size_t)lines * SOFT_OWNERS, &vm->gens_alloc);
	if (!vm->asid_gen)
		return -ENOMEM;
	vm->pages = (struct soft_page_gens){.lines = vm->asid_gen + asids, .mask = lines - 1};
	return 0;
}

void soft_vm_fini(struct soft_vm *vm)
{
	free(vm->gens_alloc);
}

static uint64_t key_tag(const struct soft_tlb_key *key, bool global)
{
	uint64_t tag = (uint64_t)key->vm->id << 32;

	if (!key->s1)
		return tag | (key->granule ? TAG_IPA : TAG_NEITHER);
	if (global)
		return tag | TAG_GLOBAL | (uint64_t)key->aset << 16;
	return tag | TAG_NON_GLOBAL | (uint64_t)key->asid << 16;
}

/* Entries of neither stage hang on their VMID alone: these never move. */
static _Alignas(SOFT_LINE) soft_word unmoved[SOFT_OWNERS];

/* leaf: as in the slot's word */
static struct soft_tlb_ref make_ref(const struct soft_vm *vm, uint64_t tag, uint64_t va, uint64_t leaf)
{
	uint16_t asid = tag >> 16 & 0xffff;
	const soft_word *line;

	if ((tag & TAG_KIND) == TAG_NEITHER)
		return (struct soft_tlb_ref){.owner = unmoved, .leaf = unmoved};
	if ((tag & TAG_KIND) == TAG_IPA) {
		line = soft_page_line(&vm->pages, va, leaf >> 24 & 0xff);
		return (struct soft_tlb_ref){.owner = unmoved, .leaf = &line[SOFT_OWNER_NONE]};
	}
	line = soft_page_line(&vm->pages, va, leaf & 0xff);
	if ((tag & TAG_KIND) == TAG_GLOBAL)
		return (struct soft_tlb_ref){.owner = &vm->gen_global, .leaf = &line[SOFT_OWNER_NONE]};
	return (struct soft_tlb_ref){.owner = &vm->asid_gen[asid & vm->asid_mask], .leaf = &line[soft_owner(asid)]};
}

static void fill_leaf(const uint64_t *w, uint64_t va, unsigned int shift, struct soft_leaf *leaf)
{
	uint64_t offset = va & ((UINT64_C(1) << shift) - 1);

	*leaf = (struct soft_leaf){
		.base_va = va - offset,
		.base_pa = w[OUT] & ~UINT64_C(0xfff),
		.pa = (w[OUT] & ~UINT64_C(0xfff)) + offset,
		.ipa = w[IPA] + offset,
		.shift = (uint8_t)shift,
		.s1_shift = w[LEAF] & 0xff,
		.s1_level = w[LEAF] >> 8 & 0xff,
		.s1_granule = w[LEAF] >> 16 & 0xff,
		.s2_shift = w[LEAF] >> 24 & 0xff,
		.global = (w[TAG] & TAG_KIND) == TAG_GLOBAL,
		.s1_user = w[OUT] & 7,
		.s1_priv = w[OUT] >> 3 & 7,
		.s2 = w[OUT] >> 6 & 15,
	};
}

static bool probe(const struct soft_tlb *tlb, const struct soft_tlb_key *key, uint64_t tag, unsigned int shift,
		  struct soft_leaf *leaf, struct soft_tlb_ref *ref)
{
	uint64_t base = key->va >> shift << shift;
	soft_word *slot = soft_set(tlb->slots, tlb->set_mask, tag, base, shift);

	for (unsigned int way = 0; way < SOFT_WAYS; way++, slot += SOFT_SLOT_WORDS) {
		struct soft_tlb_ref found;
		uint64_t w[WORDS];

		if (!soft_slot_base_is(slot, base | shift))
			continue;
		if (!soft_slot_read(slot, w, WORDS) || w[BASE] != (base | shift) || w[TAG] != tag)
			continue;
		found = make_ref(key->vm, tag, key->va, w[LEAF]);
		found.stamp = w[STAMP];
		if (soft_tlb_ref_stamp(key->vm, &found) != found.stamp)
			return false;
		*ref = found;
		fill_leaf(w, key->va, shift, leaf);
		return true;
	}
	return false;
}

bool soft_tlb_lookup(struct soft_tlb *tlb, const struct soft_tlb_key *key, struct soft_leaf *leaf,
		     struct soft_tlb_ref *ref)
{
	for (unsigned int global = 0; global < 2; global++) {
		uint64_t sizes = atomic_load_explicit(&key->vm->sizes[global], memory_order_relaxed);
		uint64_t tag = key_tag(key, global);

		for (; sizes; sizes &= sizes - 1) {
			if (probe(tlb, key, tag, soft_lowest_bit(sizes), leaf, ref))
				return true;
		}
	}
	return false;
}

static unsigned int leaf_shift(unsigned int granule, unsigned int level)
{
	return granule + (3 - level) * (granule - 3);
}

static unsigned int level_of(unsigned int granule, unsigned int shift)
{
	return 3 - (shift - granule) / (granule - 3);
}

void soft_tlb_sample(const struct soft_tlb_key *key, struct soft_tlb_sample *sample)
{
	struct soft_vm *vm = key->vm;
	uint64_t asid_gen, global_gen = 0;

	/* Paired with soft_vm_leaves(), also through soft_tlb_insert(), a read-modify-write in its release sequence. */
	sample->leaves = atomic_load_explicit(&vm->leaves, memory_order_acquire);
	sample->common = soft_gen_sample(&vm->gen);
	if (!key->granule)
		return;
	asid_gen = soft_gen_sample(&vm->asid_gen[key->asid & vm->asid_mask]);
	if (key->s1)
		global_gen = soft_gen_sample(&vm->gen_global);
	for (unsigned int level = 1; level < 4; level++) {
		const soft_word *line = soft_page_line(&vm->pages, key->va, leaf_shift(key->granule, level));
		uint64_t any = soft_gen_sample(&line[SOFT_OWNER_ANY]);

		sample->leaf[level][0] = any + asid_gen + soft_gen_sample(&line[soft_owner(key->asid)]);
		sample->leaf[level][1] = any + global_gen + soft_gen_sample(&line[SOFT_OWNER_NONE]);
	}
}

bool soft_tlb_insert(struct soft_tlb *tlb, const struct soft_tlb_key *key, const struct soft_tlb_sample *sample,
		     const struct soft_leaf *leaf, struct soft_tlb_ref *ref)
{
	bool global = key->s1 && leaf->global, leafy = key->granule;
	unsigned int shift = key->s1 ? leaf->s1_shift : leaf->s2_shift;
	unsigned int level = key->s1 ? leaf->s1_level : leafy ? level_of(key->granule, shift) : 0;
	uint64_t tag = key_tag(key, global), base = key->va >> leaf->shift << leaf->shift;
	uint64_t w[WORDS] = {
		[BASE] = base | leaf->shift,
		[TAG] = tag,
		[OUT] = leaf->base_pa | leaf->s1_user | (uint64_t)leaf->s1_priv << 3 | (uint64_t)leaf->s2 << 6,
		[IPA] = leaf->ipa - (key->va - base),
		[LEAF] = leaf->s1_shift | (uint64_t)leaf->s1_level << 8 | (uint64_t)leaf->s1_granule << 16 |
			 (uint64_t)leaf->s2_shift << 24,
		[STAMP] = sample->common + (leafy ? sample->leaf[level][global || !key->s1] : 0),
	};
	uint64_t own = leafy ? UINT64_C(1) << shift | (global ? SOFT_LEAVES_GLOBAL : 0) : 0;
	soft_word *set;

	if (own & ~sample->leaves) {
		atomic_fetch_or_explicit(&key->vm->leaves, own, memory_order_relaxed);
		return false;
	}
	*ref = make_ref(key->vm, tag, key->va, w[LEAF]);
	ref->stamp = w[STAMP];
	set = soft_set(tlb->slots, tlb->set_mask, tag, base, leaf->shift);
	soft_slot_write(soft_set_choose(set, w[BASE], tag), w, WORDS);
	soft_set_bit(&key->vm->sizes[global], leaf->shift);
	return true;
}

void soft_tlb_inv_vm(struct soft_vm *vm)
{
	soft_gen_bump(&vm->gen);
}

void soft_tlb_inv_asid(struct soft_vm *vm, uint16_t asid)
{
	soft_gen_bump(&vm->asid_gen[asid & vm->asid_mask]);
}

/* Leaves that the range touches, all sizes together, or more than limit. */
static uint64_t count_leaves(const struct soft_tlb_range *range, uint64_t limit)
{
	uint64_t count = 0;

	for (uint64_t shifts = range->leaves & ~SOFT_LEAVES_GLOBAL; shifts && count <= limit; shifts &= shifts - 1) {
		unsigned int shift = soft_lowest_bit(shifts);

		count += (range->last >> shift) - (range->first >> shift) + 1;
	}
	return count;
}

static inline void bump_leaf(const struct soft_vm *vm, uint64_t addr, unsigned int shift, unsigned int owner,
			     bool globals)
{
	soft_word *line = soft_page_line(&vm->pages, addr, shift);

	soft_gen_bump(&line[owner]);
	if (globals)
		soft_gen_bump(&line[SOFT_OWNER_NONE]);
}

/* Bump a counter of every leaf of the range; and the globals', if there may be any. */
static inline void bump_leaves(const struct soft_vm *vm, const struct soft_tlb_range *range, unsigned int owner)
{
	bool globals = owner >= SOFT_OWNER_FIRST && range->leaves & SOFT_LEAVES_GLOBAL;

	for (uint64_t shifts = range->leaves & ~SOFT_LEAVES_GLOBAL; shifts; shifts &= shifts - 1) {
		unsigned int shift = soft_lowest_bit(shifts);
		uint64_t page = range->first >> shift, last = range->last >> shift;

		for (;; page++) {
			bump_leaf(vm, page << shift, shift, owner, globals);
			if (page == last)
				break;
		}
	}
}

/* The same of one address, as most commands name: one leaf of each size, which nobody need count. */
static inline void bump_address(const struct soft_vm *vm, const struct soft_tlb_range *range, unsigned int owner)
{
	bool globals = owner >= SOFT_OWNER_FIRST && range->leaves & SOFT_LEAVES_GLOBAL;

	for (uint64_t shifts = range->leaves & ~SOFT_LEAVES_GLOBAL; shifts; shifts &= shifts - 1)
		bump_leaf(vm, range->first, soft_lowest_bit(shifts), owner, globals);
}

/* false: they are too many. */
static inline bool inv_leaves(const struct soft_vm *vm, const struct soft_tlb_range *range, unsigned int owner)
{
	if (range->first == range->last)
		bump_address(vm, range, owner);
	else if (count_leaves(range, vm->steps) <= vm->steps)
		bump_leaves(vm, range, owner);
	else
		return false;
	return true;
}

void soft_tlb_inv_va(struct soft_vm *vm, uint16_t asid, const struct soft_tlb_range *range)
{
	if (inv_leaves(vm, range, soft_owner(asid)))
		return;
	soft_tlb_inv_asid(vm, asid);
	soft_gen_bump(&vm->gen_global);
}

void soft_tlb_inv_vaa(struct soft_vm *vm, const struct soft_tlb_range *range)
{
	if (!inv_leaves(vm, range, SOFT_OWNER_ANY))
		soft_tlb_inv_vm(vm);
}

void soft_tlb_inv_ipa(struct soft_vm *vm, const struct soft_tlb_range *range)
{
	if (!inv_leaves(vm, range, SOFT_OWNER_NONE))
		soft_tlb_inv_vm(vm);
}

uint64_t soft_leaves_at(unsigned int granule, unsigned int level)
{
	uint64_t leaves = 0;

	for (unsigned int l = level ? level : 1; l <= (level ? level : 3); l++)
		leaves |= UINT64_C(1) << leaf_shift(granule, l);
	return leaves | SOFT_LEAVES_GLOBAL;
}

uint64_t soft_vm_leaves(struct soft_vm *vm)
{
	return atomic_fetch_or_explicit(&vm->leaves, 0, memory_order_release);
}
