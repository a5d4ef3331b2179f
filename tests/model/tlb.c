/* SPDX-License-Identifier: MIT */
/*
 * The caches around the slots: src/host/soft/cache/tlb.c and atc.c. A device that fills, with its sample taken before
 * it reads the table; an invalidation by the guest meanwhile; and a look-up in a section that begins after its wait,
 * which finds nothing of the old table (P1). In the beginning no entry has ever been made, so that also the sizes are
 * new that an invalidation goes by. As in slot.c the wait is seen by an acquire of over.
 */
#include "host/soft/cache/atc.h"
#include "host/soft/cache/tlb.h"

#include "machine.h"

enum {
	OLD_PAGE = 0x1000,
	NEW_PAGE = 0x2000,
	AT = 0x5000,
	ASID = 3,
	PASID = 7,
};

static struct soft_tlb tlb;
static struct soft_vm vm;
static struct soft_atc atc;
static soft_word table, over;
static struct soft_tlb_key key;
static bool global; /* what the table's leaf is */

static void clear(bool s1, bool leaf_global)
{
	key = (struct soft_tlb_key){.vm = &vm, .va = AT, .asid = ASID, .s1 = s1, .granule = 12};
	global = leaf_global;
	atomic_init(&table, OLD_PAGE);
	atomic_init(&over, 0);
}

static void setup_tlb(bool s1, bool leaf_global)
{
	model_check(!soft_tlb_init(&tlb, SOFT_WAYS) && !soft_vm_init(&vm, SOFT_WAYS, 1, 8), "no memory");
	clear(s1, leaf_global);
}

static void setup_asid(void)
{
	setup_tlb(true, false);
}

static void setup_global(void)
{
	setup_tlb(true, true);
}

static void setup_ipa(void)
{
	setup_tlb(false, false);
}

static void setup_atc(void)
{
	model_check(!soft_atc_init(&atc, SOFT_WAYS), "no memory");
	clear(false, false);
}

static void free_tlb(void)
{
	soft_vm_fini(&vm);
	soft_tlb_fini(&tlb);
}

static void free_atc(void)
{
	soft_atc_fini(&atc);
}

/* The end of a walk. false: there has been no leaf of this size when the sample was taken. */
static bool insert(const struct soft_tlb_sample *sample, uint64_t page)
{
	const struct soft_leaf leaf = {
		.base_pa = page,
		.base_va = AT,
		.ipa = AT,
		.shift = 12,
		.s1_shift = key.s1 ? 12 : 64,
		.s1_level = key.s1 ? 3 : 0xff,
		.s1_granule = key.s1 ? 12 : 0,
		.s2_shift = key.s1 ? 64 : 12,
		.global = global,
	};
	struct soft_tlb_ref ref;

	return soft_tlb_insert(&tlb, &key, sample, &leaf, &ref);
}

/* As translate_stages(). */
static bool try_fill(void)
{
	struct soft_tlb_sample sample;

	soft_tlb_sample(&key, &sample);
	return insert(&sample, atomic_load_explicit(&table, memory_order_relaxed));
}

static void fill(void)
{
	while (!try_fill()) {
	}
}

static void fill_once(void)
{
	(void)try_fill();
}

/* As another device's first fill, whose sample was long ago. */
static void make_known(void)
{
	(void)insert(&(struct soft_tlb_sample){0}, OLD_PAGE);
}

static void look_up(void)
{
	bool after = atomic_load_explicit(&over, memory_order_acquire);
	struct soft_tlb_ref ref;
	struct soft_leaf leaf;

	if (soft_tlb_lookup(&tlb, &key, &leaf, &ref))
		model_check(!after || leaf.pa == NEW_PAGE, "an entry of the old table is found after the invalidation");
}

static void change_table(void)
{
	atomic_store_explicit(&table, NEW_PAGE, memory_order_relaxed);
}

static void say_over(void)
{
	atomic_store_explicit(&over, 1, memory_order_release);
}

static struct soft_tlb_range the_page(void)
{
	return (struct soft_tlb_range){AT, AT, soft_leaves_at(12, 0) & soft_vm_leaves(&vm)};
}

static void inv_va(void)
{
	struct soft_tlb_range range;

	change_table();
	range = the_page();
	soft_tlb_inv_va(&vm, ASID, &range);
	say_over();
}

static void inv_vaa(void)
{
	struct soft_tlb_range range;

	change_table();
	range = the_page();
	soft_tlb_inv_vaa(&vm, &range);
	say_over();
}

static void inv_ipa(void)
{
	struct soft_tlb_range range;

	change_table();
	range = the_page();
	soft_tlb_inv_ipa(&vm, &range);
	say_over();
}

static void inv_asid(void)
{
	change_table();
	soft_tlb_inv_asid(&vm, ASID);
	say_over();
}

static void inv_vm(void)
{
	change_table();
	soft_tlb_inv_vm(&vm);
	say_over();
}

static bool insert_atc(const struct soft_atc_sample *sample, uint64_t page)
{
	return soft_atc_insert(&atc, PASID, sample,
			       &(struct soft_atc_entry){.base = AT, .base_pa = page, .shift = 12, .rights = 1});
}

/* As request() of smmuv3/translate.c. */
static bool try_request(void)
{
	struct soft_atc_sample sample;

	soft_atc_sample(&atc, PASID, AT, &sample);
	return insert_atc(&sample, atomic_load_explicit(&table, memory_order_relaxed));
}

static void request(void)
{
	while (!try_request()) {
	}
}

static void request_once(void)
{
	(void)try_request();
}

static void make_atc_known(void)
{
	(void)insert_atc(&(struct soft_atc_sample){0}, OLD_PAGE);
}

static void use(void)
{
	bool after = atomic_load_explicit(&over, memory_order_acquire);
	struct soft_atc_entry entry;

	if (soft_atc_lookup(&atc, PASID, AT, &entry))
		model_check(!after || entry.base_pa == NEW_PAGE, "the ATC has the old table after the invalidation");
}

static void atc_inv(void)
{
	change_table();
	soft_atc_inv(&atc, false, PASID, AT, AT);
	say_over();
}

static void atc_inv_any(void)
{
	change_table();
	soft_atc_inv(&atc, true, 0, AT, AT);
	say_over();
}

static void atc_inv_all(void)
{
	change_table();
	soft_atc_inv_all(&atc);
	say_over();
}

static void inv_va_and_look_up(void)
{
	inv_va();
	look_up();
}

static void atc_inv_and_use(void)
{
	atc_inv();
	use();
}

static const struct model models[] = {
	{"an address", setup_asid, {fill, inv_va, look_up}, NULL, free_tlb},
	{"of any ASID", setup_asid, {fill, inv_vaa, look_up}, NULL, free_tlb},
	{"an ASID", setup_asid, {fill, inv_asid, look_up}, NULL, free_tlb},
	{"a VMID", setup_asid, {fill, inv_vm, look_up}, NULL, free_tlb},
	{"a global's address", setup_global, {fill, inv_va, look_up}, NULL, free_tlb},
	{"an IPA", setup_ipa, {fill, inv_ipa, look_up}, NULL, free_tlb},
	{"a size made known", setup_asid, {make_known, fill_once, inv_va_and_look_up}, NULL, free_tlb},
	{"ATC", setup_atc, {request, atc_inv, use}, NULL, free_atc},
	{"ATC, any PASID", setup_atc, {request, atc_inv_any, use}, NULL, free_atc},
	{"ATC, all", setup_atc, {request, atc_inv_all, use}, NULL, free_atc},
	{"ATC, a size made known", setup_atc, {make_atc_known, request_once, atc_inv_and_use}, NULL, free_atc},
};

static const char *const spare[] = {
	/* Two writers of a slot: slot.c. */
	"soft_slot_write: &slot[0], acquire",
	NULL,
};

int main(int argc, char **argv)
{
	return model_main(argc, argv, models, sizeof(models) / sizeof(*models), spare);
}
