/* SPDX-License-Identifier: MIT */
/*
 * P2: the same array on the same host state gives the same answer, however it is cut into gather pieces. Of every host:
 * one array in all ways that nine entries can be cut, a longer one at random places; a culprit of each kind anywhere,
 * with and without an illegal entry behind it.
 */
#include "support/soft.h"
#include "support/soft_vtd.h"

#include <viq/linux_host.h>

#include "oracle/fake_host.h"
#include "support/linux_call.h"
#include "support/linux_vnest.h"

#define SHORT 9u
#define LONG  200u
#define NONE  UINT32_MAX

/* What is wrong, from call to call alike. */
enum failure {
	NOTHING,
	AT,  /* at one entry, with this errno of a kernel or error of a host */
	ALL, /* each call as such */
	FAILURES,
};

struct trouble {
	enum failure failure;
	int32_t number;
	uint32_t at;
};

struct subject {
	const char *name;
	uint32_t type;
	struct viq_call_host (*init)(uint32_t variant);
	uint32_t variants;
	/* The state that the next call meets. False: this host has no such trouble. */
	bool (*arm)(const struct trouble *t);
	void (*fini)(void);
};

static uint64_t entries[LONG][3];
static struct viq_call_host host;

/* Entry i in the CPU's order: pages, so that each is another; some ATC_INVs. */
static void make_entry(uint32_t type, uint32_t i, uint64_t words[3])
{
	words[0] = words[1] = words[2] = 0;
	if (type == VIQ_CALL_VTD_S1)
		words[0] = (uint64_t)i << 12, words[1] = 1;
	else if (i % 5 == 3)
		linux_atc(words, FAKE_VM_VSID, i);
	else
		linux_tlbi(words, i);
}

static void make_entries(uint32_t type, uint32_t count, uint32_t illegal)
{
	const uint32_t words = type == VIQ_CALL_VTD_S1 ? 3 : 2;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t *to = &entries[0][0] + (size_t)i * words, entry[3];

		make_entry(type, i, entry);
		if (i == illegal)
			entry[words - 1] |= words == 3 ? 2 : UINT64_C(1) << 63, entry[0] |= words == 3 ? 0 : 0xff;
		for (uint32_t w = 0; w < words; w++)
			to[w] = htole64(entry[w]);
	}
}

static struct viq_call_result call(uint32_t type, const uint32_t *lengths, uint32_t pieces)
{
	const uint32_t size = type == VIQ_CALL_VTD_S1 ? 24 : 16;
	struct viq_call_piece piece[VIQ_CALL_MAX_PIECES];
	const struct viq_call_request req = {
		.size = sizeof(req),
		.object = host.object,
		.type = type,
		.entry_size = size,
		.pieces = piece,
		.piece_count = pieces,
	};
	struct viq_call_result res = {.size = sizeof(res)};
	const char *at = (const char *)entries;

	for (uint32_t i = 0; i < pieces; at += (size_t)lengths[i++] * size)
		piece[i] = (struct viq_call_piece){lengths[i] ? at : NULL, lengths[i]};
	assert_int_equal(viq_call_invalidate(&host, &req, &res), 0);
	/* What it has cost may differ: a piece may be a call. */
	res.host_calls = res.extra_calls = 0;
	return res;
}

/* --- Hosts -------------------------------------------------------------------------------------------------------- */

static struct viq_call_host null_init(uint32_t variant)
{
	return viq_call_null_host();
}

static bool no_trouble(const struct trouble *t)
{
	return t->failure == NOTHING;
}

static void nothing(void)
{
}

static struct machine machine;

static struct viq_call_host soft_init(uint32_t variant)
{
	machine_init_s1(&machine, NULL);
	return machine.host;
}

/* The software hosts do not fail but for an object that is gone. */
static bool soft_arm(const struct trouble *t)
{
	static uint32_t object;

	if (t->failure == AT || (t->failure == ALL && t->number != -ENOENT))
		return false;
	if (host.object != UINT32_MAX)
		object = host.object;
	host.object = t->failure == ALL ? UINT32_MAX : object;
	return true;
}

static void soft_fini(void)
{
	machine_fini(&machine);
}

static struct vm vm;
static struct viq_soft_vtd *unit;

static int keep_table(void *opaque, const struct viq_vtd_table *table, uint32_t *handle)
{
	*(struct viq_call_host *)opaque = table->host;
	*handle = 1;
	return 0;
}

static void forget_table(void *opaque, uint32_t handle)
{
}

static struct viq_call_host soft_vtd_init(uint32_t variant)
{
	struct viq_call_host table = {0};
	const struct viq_vtd_listener listener = {
		.size = sizeof(listener), .attach = keep_table, .detach = forget_table, .opaque = &table};
	const struct viq_vtd_reconfig what = {.size = sizeof(what), .cause = VIQ_VTD_PASID_CACHE};
	struct viq_vtd_tables tables = {.size = sizeof(tables), .enabled = true, .mode = VIQ_VTD_TTM_SCALABLE};
	struct viq_soft_vtd_dev *dev;
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt pt;

	vm_init(&vm, true, NULL);
	tables.root = vm.root.base;
	pt = vm_pt(&vm, 1, 4);
	pasids = vm_pasids(&vm, SID, 0);
	vm_entry(&pasids, 0, &pt, NULL, 4);
	assert_int_equal(viq_soft_vtd_create(&vm.soft_config, &unit, NULL), 0);
	assert_int_equal(viq_soft_vtd_listen(unit, &listener), 0);
	assert_int_equal(viq_soft_vtd_dev_alloc(unit, SID, &dev, NULL), 0);
	assert_int_equal(viq_soft_vtd_reconfig(unit, &tables, &what), 0);
	return table;
}

static void soft_vtd_fini(void)
{
	viq_soft_vtd_destroy(unit);
	vm_fini(&vm);
}

/* On the fake kernel. */
static bool kernel_arm(struct fake_kernel *fk, uint32_t type, const struct trouble *t)
{
	uint64_t words[3];

	fake_kernel_reset(fk);
	make_entry(type, t->at, words);
	if (t->failure == AT)
		fk->plans[0] = (struct fk_plan){.cmd = {words[0], words[1]},
						.mask = {~UINT64_C(0), ~UINT64_C(0)},
						.err = t->number,
						.times = -1};
	if (t->failure == ALL)
		fk->inv_fault = (struct fk_inv_fault){
			.first = 1, .times = 1000, .err = t->number, .keep_count = t->number == -ENOMEM};
	return true;
}

static struct linux_fixture fixture;

static struct viq_call_host linux_init(uint32_t variant)
{
	linux_fixture_init(&fixture, variant % FK_BEHAVIOURS,
			   variant / FK_BEHAVIOURS % 2 ? VIQ_LINUX_CALLS_STRICT : VIQ_LINUX_CALLS_DEFAULT,
			   variant / FK_BEHAVIOURS / 2);
	return fixture.host;
}

static bool linux_arm(const struct trouble *t)
{
	/* Of an SMMUv3 only these come from an entry. */
	if (t->failure == AT && t->number != -EIO && t->number != -ETIMEDOUT)
		return false;
	fixture.inv->calls.single = fixture.inv->calls.others = fixture.inv->calls.entries = 0;
	return kernel_arm(fixture.vm.fk, VIQ_CALL_SMMUV3, t);
}

static void linux_fini(void)
{
	linux_fixture_fini(&fixture);
}

static struct vnest *vnest;
static struct viq_linux_vtd_host *exact_vtd;

static struct viq_call_host linux_vtd_init(uint32_t variant)
{
	const struct viq_linux_vtd_s1 s1 = {.pgtbl_addr = 0x10000000, .addr_width = 48};
	uint32_t hwpt;

	vnest = vnest_kernel(1);
	assert_int_equal(viq_linux_vtd_nested_alloc(vnest->ctx, vnest->id[0], vnest->hwpt, 0, &s1, &hwpt), 0);
	assert_int_equal(viq_linux_vtd_host_create(vnest->ctx, hwpt, &exact_vtd, NULL), 0);
	return viq_linux_vtd_host_get(exact_vtd);
}

static bool linux_vtd_arm(const struct trouble *t)
{
	/* A table that is gone, or no memory, is not seen in the middle of a call. */
	if (t->failure == AT && (t->number == -ENOENT || t->number == -ENOMEM))
		return false;
	return kernel_arm(vnest->fk, VIQ_CALL_VTD_S1, t);
}

static void linux_vtd_fini(void)
{
	uint32_t hwpt = host.object;

	viq_linux_vtd_host_destroy(exact_vtd);
	assert_int_equal(viq_linux_destroy(vnest->ctx, hwpt), 0);
	vnest_free(vnest);
}

/* An imprecise host of each kind beside Linux. */
static struct fake_host fake;
static struct viq_call_fanout *fanout;

static struct viq_call_host fanout_init(uint32_t variant)
{
	struct viq_call_host hosts[2] = {linux_init(variant % FK_BEHAVIOURS)};

	fake_host_init(&fake, variant % FAKE_GARBAGE, LONG);
	fake.before = 3;
	fake.after = 80;
	hosts[1] = fake_host(&fake);
	assert_int_equal(viq_call_fanout_create(hosts, 2, &fanout, NULL), 0);
	return viq_call_fanout_host(fanout);
}

static bool fanout_arm(const struct trouble *t)
{
	fake_host_reset(&fake);
	if (t->failure == AT)
		fake.entries[t->at].error = t->number == -EIO ? VIQ_CALL_ILLEGAL : VIQ_CALL_FAILED;
	return linux_arm(&(struct trouble){t->failure == AT ? NOTHING : t->failure, t->number, 0});
}

static void fanout_fini(void)
{
	viq_call_fanout_destroy(fanout);
	fake_host_fini(&fake);
	linux_fini();
}

/* Every failure that can be injected, in front of the null host. */
static struct viq_fault *fault;

static struct viq_call_host fault_init(uint32_t variant)
{
	fault = fault_new(variant);
	return fault_before(fault, viq_call_null_host());
}

static bool fault_trouble(const struct trouble *t)
{
	static const struct {
		int32_t number;
		uint32_t kind;
	} kinds[] = {
		{-EIO, VIQ_FAULT_ILLEGAL}, {-ETIMEDOUT, VIQ_FAULT_ATC_TIMEOUT}, {-EFAULT, VIQ_FAULT_HARDWARE},
		{-ENODEV, VIQ_FAULT_GONE}, {-ENOMEM, VIQ_FAULT_NO_MEMORY},
	};

	fault_disarm(fault);
	for (size_t i = 0; t->failure == AT && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].number == t->number)
			fault_arm(fault, kinds[i].kind, t->at, 2, 70, 0);
	}
	return t->failure != ALL;
}

static void fault_fini(void)
{
	viq_fault_destroy(fault);
}

static const struct subject subjects[] = {
	{"null", VIQ_CALL_SMMUV3, null_init, 1, no_trouble, nothing},
	{"null, VT-d", VIQ_CALL_VTD_S1, null_init, 1, no_trouble, nothing},
	{"soft SMMUv3", VIQ_CALL_SMMUV3, soft_init, 1, soft_arm, soft_fini},
	{"soft VT-d", VIQ_CALL_VTD_S1, soft_vtd_init, 1, soft_arm, soft_vtd_fini},
	{"Linux SMMUv3", VIQ_CALL_SMMUV3, linux_init, 4 * FK_BEHAVIOURS, linux_arm, linux_fini},
	{"Linux VT-d", VIQ_CALL_VTD_S1, linux_vtd_init, 1, linux_vtd_arm, linux_vtd_fini},
	{"fan-out", VIQ_CALL_SMMUV3, fanout_init, 4, fanout_arm, fanout_fini},
	{"fault", VIQ_CALL_SMMUV3, fault_init, 3, fault_trouble, fault_fini},
	{"fault, VT-d", VIQ_CALL_VTD_S1, fault_init, 3, fault_trouble, fault_fini},
};

/* --- Cuts --------------------------------------------------------------------------------------------------------- */

static uint32_t checked, failed;

static void compare(const struct subject *s, const struct trouble *t, uint32_t count, uint32_t illegal,
		    const uint32_t *lengths, uint32_t pieces, const struct viq_call_result *whole)
{
	struct viq_call_result cut;

	assert_true(s->arm(t));
	cut = call(s->type, lengths, pieces);
	checked++;
	if (!memcmp(&cut, whole, sizeof(cut)))
		return;
	for (uint32_t i = 0; i < pieces; i++)
		print_message("%u ", lengths[i]);
	fail_msg("%s: failure %d (%d) at %u, illegal %d, %u entries: error %u [%u, %u] (%d) in one piece, "
		 "error %u [%u, %u] (%d) in these",
		 s->name, t->failure, t->number, t->at, (int)illegal, count, whole->error, whole->handled,
		 whole->suspect, whole->os_error, cut.error, cut.handled, cut.suspect, cut.os_error);
}

static bool in_one_piece(const struct subject *s, const struct trouble *t, uint32_t count, uint32_t illegal,
			 struct viq_call_result *whole)
{
	make_entries(s->type, count, illegal);
	if (!s->arm(t))
		return false;
	*whole = call(s->type, &count, 1);
	failed += whole->error != VIQ_CALL_NONE;
	return true;
}

static void all_cuts(const struct subject *s, const struct trouble *t, uint32_t illegal)
{
	struct viq_call_result whole;

	if (!in_one_piece(s, t, SHORT, illegal, &whole))
		return;
	for (uint32_t cuts = 1; cuts < 1u << (SHORT - 1); cuts++) {
		uint32_t lengths[SHORT] = {1}, pieces = 1;

		for (uint32_t i = 1; i < SHORT; i++) {
			pieces += cuts >> (i - 1) & 1;
			lengths[pieces - 1]++;
		}
		compare(s, t, SHORT, illegal, lengths, pieces, &whole);
	}
}

static void random_cuts(const struct subject *s, const struct trouble *t, uint32_t illegal, uint32_t *random)
{
	struct viq_call_result whole;

	if (!in_one_piece(s, t, LONG, illegal, &whole))
		return;
	for (uint32_t round = 0; round < 8; round++) {
		struct viq_call_piece piece[VIQ_CALL_MAX_PIECES];
		uint32_t lengths[VIQ_CALL_MAX_PIECES], pieces = fake_cut(entries[0], LONG, random, piece);

		for (uint32_t i = 0; i < pieces; i++)
			lengths[i] = piece[i].count;
		compare(s, t, LONG, illegal, lengths, pieces, &whole);
	}
}

static void p2_the_answer_does_not_depend_on_the_cut(void **state)
{
	static const int32_t numbers[] = {-EIO, -ETIMEDOUT, -ENOENT, -ENODEV, -ENOMEM, -EFAULT, -EINVAL};
	uint32_t random = fake_seed();

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		const struct subject *s = &subjects[i];

		checked = failed = 0;
		for (uint32_t variant = 0; variant < s->variants; variant++) {
			host = s->init(variant);
			for (uint32_t k = 0; k < FAILURES * sizeof(numbers) / sizeof(numbers[0]); k++) {
				struct trouble t = {k % FAILURES, numbers[k / FAILURES], 0};

				for (t.at = 0; t.at < SHORT; t.at++) {
					all_cuts(s, &t, NONE);
					all_cuts(s, &t, fake_random(&random) % SHORT);
				}
				for (uint32_t round = 0; round < 12; round++) {
					t.at = fake_random(&random) % LONG;
					random_cuts(s, &t, round % 2 ? NONE : fake_random(&random) % LONG, &random);
				}
			}
			assert_true(s->arm(&(struct trouble){0}));
			s->fini();
		}
		print_message("# %s: %u answers compared, %u arrays failed\n", s->name, checked, failed);
		assert_true(checked > 5000);
		assert_true(s->arm == no_trouble || failed > 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p2_the_answer_does_not_depend_on_the_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
