/* SPDX-License-Identifier: MIT */
/* P1, no stale completion, for VT-d: whatever a random guest does and whichever way its host fails; and the oracle
 * bites. */
#include <stdio.h>

#include "vtd.h"

const uint16_t p1_sids[P1_DEVS] = {SID, SID2};

/* Neighbours, and far away ones. */
uint64_t p1_iova(unsigned int page)
{
	return UINT64_C(0x100000) + (page % 4) * 4096 + (page / 4) * UINT64_C(0x40000000);
}

uint64_t p1_gpa(unsigned int gpage)
{
	return UINT64_C(0x200000000) + gpage * 4096;
}

static uint64_t next_random(struct p1_world *w)
{
	uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t p1_below(struct p1_world *w, uint32_t bound)
{
	return (uint32_t)((next_random(w) >> 32) * bound >> 32);
}

void p1_found(struct p1_world *w, const char *format, ...)
{
	va_list args;

	if (w->result.stale)
		return;
	w->result.stale = true;
	if (w->options.quiet)
		return;
	fprintf(stderr, "VIQ_SEED=%llu, step %u: ", (unsigned long long)w->options.seed, w->step);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
}

/* --- A world ------------------------------------------------------------------------------------------------------ */

static struct p1_world *tuned; /* vm_init() hands out the machine only */

/* The world runs what is left. */
static void on_kick(void *opaque)
{
}

static void tune(struct vm *vm)
{
	static struct viq_vtd_ops ops;
	struct p1_world *w = tuned;

	vm->fault = fault_new(VIQ_FAULT_EXACT);
	ops = *vm->config.ops;
	ops.kick = on_kick;
	vm->config.ops = &ops;
	vm->config.budget = p1_below(w, 2) ? 0 : 1 + p1_below(w, 8);
	vm->soft_config.devtlb_implied = p1_below(w, 2);
	if (w->looks)
		vm->soft_config.cap &= ~VIQ_VTD_CAP_CM;
	vm->config.cap = vm->soft_config.cap;
	if (w->legacy)
		return;
	if (w->hypervisor) {
		vm->config.ecap = vm->soft_config.ecap |= VIQ_VTD_ECAP_NEST;
		return;
	}
	/* In a parent: guest-physical is physical, but the unit has to find that out. */
	w->parent = vm_pt(vm, 2, 4);
	for (uint64_t at = 0; at < VM_RAM; at += 0x200000)
		assert_int_equal(synth_vtd_pt_map(&w->parent, at, at, 2, 0), 0);
	vm->soft_config.parent_table = w->parent.root;
	vm->soft_config.parent_aw = VIQ_VTD_AW_48;
	vm->soft_config.guest_mem = vm->mem;
	vm->soft_config.ecap &= ~VIQ_VTD_ECAP_SSTS;
	vm->config.ecap = vm->soft_config.ecap;
}

/* The end of memory, as the guest's second stage has it: its guest's first-stage tables. */
#define INNER_PA   UINT64_C(0x01c00000)
#define INNER_GPA  UINT64_C(0x300000000)
#define INNER_SIZE UINT64_C(0x00400000)
_Static_assert(VM_DATA + P1_FRAMES * 4096 <= INNER_PA && INNER_PA + INNER_SIZE <= VM_RAM, "they do not overlap");

static void init_second(struct p1_world *w)
{
	w->second = vm_pt(&w->vm, 2, 4);
	synth_mem_init(&w->inner, w->vm.ram + INNER_PA, INNER_GPA, INNER_SIZE);
	for (uint64_t at = 0; at < INNER_SIZE; at += 4096)
		vm_map(&w->second, INNER_GPA + at, INNER_PA + at);
	for (unsigned int gpage = 0; gpage < P1_GPAGES; gpage++)
		guest_edit_second(w, gpage);
}

static void init_tables(struct p1_world *w, unsigned int kind, struct synth_vtd_pt *pt)
{
	if (kind == P1_NESTED)
		assert_int_equal(synth_vtd_pt_init(pt, &w->inner, 1, 4), 0);
	else
		*pt = vm_pt(&w->vm, kind == P1_SECOND ? 2 : 1, 4);
}

static void world_init(struct p1_world *w)
{
	tuned = w;
	w->legacy = !p1_below(w, 4);
	w->hypervisor = !w->legacy && p1_below(w, 2);
	w->looks = !p1_below(w, 3);
	vm_init(&w->vm, !w->legacy, tune);
	w->last_domain = w->last_slot = w->last_page = w->last_dev = w->last_gpage = -1;
	if (w->hypervisor)
		init_second(w);
	for (unsigned int domain = 0; domain < P1_DOMAINS; domain++) {
		w->kind[domain] = w->legacy ? P1_SECOND : w->hypervisor ? p1_below(w, 3) : P1_FIRST;
		for (unsigned int root = 0; root < P1_ROOTS; root++)
			init_tables(w, w->kind[domain], &w->pt[domain][root]);
	}
	for (unsigned int d = 0; d < P1_DEVS; d++) {
		if (!w->legacy)
			w->pasids[d] = vm_pasids(&w->vm, p1_sids[d], 0);
		for (unsigned int s = 0; s < P1_SLOTS; s++)
			w->entry[d][s].domain = -1;
		w->ats[d] = d == 0;
		w->dev[d] = vm_add(&w->vm, p1_sids[d], w->ats[d]);
	}
}

static void inject(struct p1_world *w)
{
	static const uint32_t kinds[] = {VIQ_FAULT_ILLEGAL, VIQ_FAULT_HARDWARE, VIQ_FAULT_ATC_TIMEOUT,
					 VIQ_FAULT_NO_MEMORY, VIQ_FAULT_GONE};
	struct viq_fault_failure i = {.size = sizeof(i), .times = 1 + p1_below(w, 3)};

	i.kind = w->options.drop ? (uint32_t)VIQ_FAULT_DROP : kinds[p1_below(w, 5)];
	i.index = p1_below(w, 3);
	i.before = p1_below(w, 3);
	i.after = p1_below(w, 3);
	assert_int_equal(viq_fault_arm(w->vm.fault, &i), 0);
	w->result.injected++;
}

static void heal(struct p1_world *w)
{
	fault_disarm(w->vm.fault);
	viq_soft_vtd_inject_devtlb(w->dev[0], 0, 0);
	w->vm.reconfig_fails = 0;
}

static void trouble(struct p1_world *w)
{
	if (w->options.drop)
		inject(w);
	if (!w->options.failures)
		return;
	switch (p1_below(w, 8)) {
	case 0:
		viq_soft_vtd_inject_devtlb(w->dev[0], p1_below(w, 2) ? -ETIMEDOUT : -EIO, 1 + p1_below(w, 2));
		w->result.injected++;
		break;
	case 1:
		w->vm.reconfig_fails = 1 + p1_below(w, 3);
		break;
	case 2:
		heal(w);
		break;
	case 3:
		w->now++;
		model_entries(w);
		vm_migrate(&w->vm);
		w->result.migrations++;
		break;
	default:
		inject(w);
	}
}

static void accesses(struct p1_world *w)
{
	for (unsigned int n = 1 + p1_below(w, 20); n && !w->result.stale; n--) {
		unsigned int page =
			w->last_page >= 0 && p1_below(w, 2) ? (unsigned int)w->last_page : p1_below(w, P1_PAGES);

		w->now++;
		model_entries(w);
		model_access(w, p1_below(w, P1_DEVS), p1_below(w, p1_slots(w)), page);
		/* What they have found is cached. */
		if (w->looks && !p1_below(w, 4))
			assert_int_equal(viq_nest_vtd_faults(w->vm.nest, 0), 0);
	}
}

/* Another device gets the source-id: whatever the last one had cached, it reads its entries, and asks, anew. */
static void plug_again(struct p1_world *w)
{
	unsigned int d = p1_below(w, P1_DEVS);

	w->now++;
	model_entries(w);
	assert_int_equal(viq_soft_vtd_dev_free(w->dev[d]), 0);
	w->dev[d] = vm_add(&w->vm, p1_sids[d], w->ats[d]);
	model_fresh_device(w, d);
	w->result.plugs++;
}

static void event(struct p1_world *w)
{
	unsigned int what = p1_below(w, 100);

	if (what < 25)
		guest_edit(w);
	else if (what < 50)
		guest_invalidate_random(w);
	else if (what < 62)
		guest_ring(w);
	else if (what < 72)
		guest_observe(w);
	else if (what < 95)
		accesses(w);
	else if (what < 96)
		plug_again(w);
	else if (what < 99 || (w->options.drop && what < 100))
		trouble(w);
	else {
		heal(w);
		guest_settle(w);
		if (!w->result.stale)
			model_check_tight(w);
	}
}

int p1_vtd_run(const struct p1_options *options, struct p1_result *result)
{
	struct p1_world *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->options = *options;
	w->random = options->seed;
	w->now = 1;
	world_init(w);
	for (w->step = 1; w->step <= options->steps && !w->result.stale; w->step++)
		event(w);
	heal(w);
	if (!w->result.stale)
		guest_settle(w);
	if (!w->result.stale)
		model_check_tight(w);
	vm_fini(&w->vm);
	*result = w->result;
	free(w);
	return 0;
}

/* --- Tests -------------------------------------------------------------------------------------------------------- */

static uint64_t first_seed(void)
{
	const char *text = getenv("VIQ_SEED");

	return text ? strtoull(text, NULL, 0) : 1;
}

static uint32_t steps(uint32_t otherwise)
{
	const char *text = getenv("VIQ_STEPS");

	return text ? (uint32_t)strtoul(text, NULL, 0) : otherwise;
}

/* VIQ_SEED runs that world alone, VIQ_STEPS sets its length, VIQ_RUNS the number of worlds. */
static void run_many(unsigned int runs, bool failures)
{
	const char *text = getenv("VIQ_RUNS");
	struct p1_result sum = {0};

	if (getenv("VIQ_SEED"))
		runs = 1;
	else if (text)
		runs = (unsigned int)strtoul(text, NULL, 0);
	for (unsigned int i = 0; i < runs; i++) {
		const struct p1_options options = {
			.seed = first_seed() + i, .steps = steps(3000), .failures = failures};
		struct p1_result r;

		assert_int_equal(p1_vtd_run(&options, &r), 0);
		assert_false(r.stale);
		sum.checks += r.checks;
		sum.hits += r.hits;
		sum.nested += r.nested;
		sum.tight += r.tight;
		sum.prompt += r.prompt;
		sum.waits += r.waits;
		sum.descriptors += r.descriptors;
		sum.edits += r.edits;
		sum.plugs += r.plugs;
		sum.injected += r.injected;
		sum.migrations += r.migrations;
		sum.iqe += r.iqe;
		sum.ite += r.ite;
		sum.ice += r.ice;
	}
	print_message("seeds %llu to %llu: %llu edits, %llu descriptors, %llu waits seen, %llu accesses (%llu "
		      "translated, %llu nested, %llu with one answer allowed, %llu promptly), %llu failures armed, IQE "
		      "%llu, ITE "
		      "%llu, ICE %llu, "
		      "%llu migrations, %llu devices plugged again\n",
		      (unsigned long long)first_seed(), (unsigned long long)(first_seed() + runs - 1),
		      (unsigned long long)sum.edits, (unsigned long long)sum.descriptors, (unsigned long long)sum.waits,
		      (unsigned long long)sum.checks, (unsigned long long)sum.hits, (unsigned long long)sum.nested,
		      (unsigned long long)sum.tight, (unsigned long long)sum.prompt, (unsigned long long)sum.injected,
		      (unsigned long long)sum.iqe, (unsigned long long)sum.ite, (unsigned long long)sum.ice,
		      (unsigned long long)sum.migrations, (unsigned long long)sum.plugs);
	if (runs < 8)
		return;
	/* It met what it is there for. */
	assert_true(sum.hits > sum.checks / 8);
	assert_true(sum.nested > sum.checks / 40);
	assert_true(sum.waits > 100 * runs);
	assert_true(sum.plugs > 15 * runs);
	if (failures)
		assert_true(sum.iqe && sum.ite && sum.ice && sum.migrations);
	else
		assert_true(sum.prompt > 1000);
}

static void no_stale_translation_after_a_wait(void **state)
{
	run_many(16, false);
}

static void nor_when_the_host_fails_and_the_guest_migrates(void **state)
{
	run_many(24, true);
}

static void a_host_that_drops_an_entry_now_and_then_is_found_out(void **state)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < 12; i++) {
		const struct p1_options options = {
			.seed = first_seed() + i, .steps = steps(12000), .drop = true, .quiet = true};
		struct p1_result r;

		assert_int_equal(p1_vtd_run(&options, &r), 0);
		found += r.stale;
	}
	print_message("found in %u of 12\n", found);
	assert_true(found > 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_stale_translation_after_a_wait),
		cmocka_unit_test(nor_when_the_host_fails_and_the_guest_migrates),
		cmocka_unit_test(a_host_that_drops_an_entry_now_and_then_is_found_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
