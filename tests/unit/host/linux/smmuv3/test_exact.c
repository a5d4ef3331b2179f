/* SPDX-License-Identifier: MIT */
/*
 * P1, P2, P8 of the Linux host: whatever the array, the kernel's generation and its failures, what is reported done was
 * really executed, and a refused command is named exactly.
 *
 * The number of an entry is written into it, so that the fake kernel's record of what took effect can be read back.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "oracle/fake_host.h"
#include "support/linux_call.h"

#define NO_STREAM 0x200u
#define MODES     3 /* bulk, strict, single */

/* Marks in the address of a command, which the fake kernel's plans look for. */
#define MARK_REFUSED VIQ_BIT(40)
#define MARK_TIMEOUT VIQ_BIT(41)

enum entry_kind {
	GOOD_TLBI,
	GOOD_CFGI,
	GOOD_ATC,
	GOOD_KINDS,
	BAD_LIST = GOOD_KINDS, /* not on the kernel's list */
	BAD_KERNEL,            /* refused although it is */
	BAD_KERNEL_ATC,
	BAD_STREAM, /* no vDEVICE */
	BAD_TIMEOUT,
	BAD_TIMEOUT_ATC,
	ENTRY_KINDS,
};

static void make_entry(uint64_t cmd[2], enum entry_kind kind, uint32_t number)
{
	switch (kind) {
	case GOOD_CFGI:
		cmd[0] = VIQ_SMMUV3_OP_CFGI_CD | VIQ_PUT(VIQ_SMMUV3_CMD_SID, FAKE_VM_VSID) |
			 VIQ_PUT(VIQ_SMMUV3_CMD_SSID, number);
		cmd[1] = 0;
		return;
	case GOOD_ATC:
	case BAD_KERNEL_ATC:
	case BAD_TIMEOUT_ATC:
		linux_atc(cmd, FAKE_VM_VSID, number);
		break;
	case BAD_STREAM:
		linux_atc(cmd, NO_STREAM, number);
		break;
	default:
		linux_tlbi(cmd, number);
	}
	if (kind == BAD_LIST)
		cmd[0] |= VIQ_BIT(8 + number % 4);
	if (kind == BAD_KERNEL || kind == BAD_KERNEL_ATC)
		cmd[1] |= MARK_REFUSED;
	if (kind == BAD_TIMEOUT || kind == BAD_TIMEOUT_ATC)
		cmd[1] |= MARK_TIMEOUT;
}

static uint32_t number_of(const uint64_t cmd[2])
{
	if ((cmd[0] & VIQ_SMMUV3_CMD_OP) == VIQ_SMMUV3_OP_CFGI_CD)
		return (uint32_t)VIQ_GET(VIQ_SMMUV3_CMD_SSID, cmd[0]);
	return (uint32_t)(cmd[1] >> 12) & 0xffff;
}

static bool is_timeout(enum entry_kind kind)
{
	return kind == BAD_TIMEOUT || kind == BAD_TIMEOUT_ATC;
}

struct scenario {
	enum fk_behaviour behaviour;
	enum viq_linux_calls calls;
	bool erratum;
	enum fk_ran ran;
	int refusals; /* as struct fk_plan's times */
	uint32_t count;
	enum entry_kind kinds[FIXTURE_MAX];
	uint64_t cmds[FIXTURE_MAX][2];
	uint32_t lengths[VIQ_CALL_MAX_PIECES], pieces;
};

static struct scenario s;
static struct linux_fixture f;
static uint32_t runs[FIXTURE_MAX];

static void setup(void)
{
	linux_fixture_init(&f, s.behaviour, s.calls, s.erratum);
	f.vm.fk->plans[0] =
		(struct fk_plan){.cmd = {0, MARK_REFUSED}, .mask = {0, MARK_REFUSED}, .err = -EIO, .times = s.refusals};
	f.vm.fk->plans[1] = (struct fk_plan){
		.cmd = {0, MARK_TIMEOUT}, .mask = {0, MARK_TIMEOUT}, .err = -ETIMEDOUT, .times = -1, .ran = s.ran};
	for (uint32_t i = 0; i < s.count; i++)
		make_entry(s.cmds[i], s.kinds[i], i);
}

static uint32_t first_bad(void)
{
	uint32_t i = 0;

	while (i < s.count && s.kinds[i] < GOOD_KINDS)
		i++;
	return i;
}

static void count_runs(void)
{
	memset(runs, 0, sizeof(runs));
	for (size_t i = 0; i < f.vm.fk->effect_count; i++) {
		uint32_t n = number_of(f.vm.fk->effects[i].cmd);

		if (n < FIXTURE_MAX)
			runs[n]++;
	}
}

static void explain(const struct viq_call_result *res, const char *what, uint32_t index)
{
	static const char *const names[] = {"default", "bulk", "strict", "single"};

	fail_msg("%s (entry %u): kernel %d, %s, erratum %d, %u entries in %u pieces: error %u, [%u, %u]", what, index,
		 s.behaviour, names[s.calls], s.erratum, s.count, s.pieces, res->error, res->handled, res->suspect);
}

/* What holds of every answer. */
static void check_truth(const struct viq_call_result *res)
{
	if (res->handled > s.count || res->suspect > s.count)
		explain(res, "out of range", res->suspect);
	if (res->error ? res->handled >= s.count || res->suspect < res->handled || res->suspect >= s.count
		       : res->handled != s.count || res->suspect != s.count)
		explain(res, "contradiction", res->suspect);
	count_runs();
	for (uint32_t i = 0; i < res->handled; i++) {
		bool once = !s.erratum || (s.cmds[i][0] & VIQ_SMMUV3_CMD_OP) == VIQ_SMMUV3_OP_ATC_INV;

		if (runs[i] < (once ? 1 : 2))
			explain(res, "reported done, but not executed", i);
	}
	assert_int_equal(res->hint, 0);
	assert_int_equal(f.vm.fk->wedged, 0);
}

/* And if nothing but the entries themselves made the call fail, each time. */
static void check_exact(const struct viq_call_result *res)
{
	uint32_t bad = first_bad();

	check_truth(res);
	if (bad == s.count) {
		if (res->error)
			explain(res, "failed without cause", 0);
		return;
	}
	if (bad < res->handled || bad > res->suspect)
		explain(res, "the culprit is not in the window", bad);
	switch (res->error) {
	case VIQ_CALL_ILLEGAL:
		if (s.kinds[res->handled] != BAD_LIST && s.kinds[res->handled] != BAD_KERNEL)
			explain(res, "legal, but called illegal", res->handled);
		break;
	case VIQ_CALL_GONE:
		if (s.kinds[res->handled] != BAD_STREAM && s.kinds[res->handled] != BAD_KERNEL_ATC)
			explain(res, "there, but called gone", res->handled);
		break;
	case VIQ_CALL_TIMEOUT:
		for (uint32_t i = res->handled; i <= res->suspect; i++) {
			if (is_timeout(s.kinds[i]))
				return;
		}
		explain(res, "no time-out in the window", 0);
		break;
	default:
		explain(res, "wrong error", 0);
	}
	if (res->handled != res->suspect)
		explain(res, "a refusal that is not exact", bad);
}

static struct viq_call_result execute(void)
{
	return linux_call_cut(&f, (const uint64_t(*)[2])s.cmds, s.count, s.lengths, s.pieces);
}

static struct viq_call_result execute_fresh(void)
{
	struct viq_call_result res;

	setup();
	res = execute();
	check_exact(&res);
	assert_int_equal(res.host_calls, f.vm.fk->inv_calls ? f.vm.fk->inv_calls : 1);
	linux_fixture_fini(&f);
	return res;
}

/* --- One culprit at every index ----------------------------------------------------------------------------------- */

/*
 * Extra calls, besides those of the same array without a culprit, at most; without and with the erratum. Where the
 * kernel names the culprit: the entries before it in its group, then it alone. Where it names the group (after 7.3, and
 * before if the culprit is the group's first): 63 entries are halved, 6 or 7 times. Then one more asks whether the
 * kernel is alive, which is all that a kernel which reports needs. Under the erratum every call that succeeds is made
 * twice.
 */
static const uint32_t extra_max[FK_BEHAVIOURS][2] = {{7, 7}, {7, 7}, {8, 13}, {7, 7}, {1, 1}};

static uint32_t clean_calls(uint32_t at)
{
	switch (s.calls) {
	case VIQ_LINUX_CALLS_STRICT:
		return at / 63 + 1;
	case VIQ_LINUX_CALLS_SINGLE:
		return at + 1;
	default:
		return 1;
	}
}

/* In the first groups, and around the fifth: 0 to 130, 252 to 316. */
#define PLACES (131 + 65)

static void p2_one_culprit_at_every_index(void **state)
{
	static const enum entry_kind kinds[] = {BAD_LIST, BAD_KERNEL, BAD_KERNEL_ATC, BAD_STREAM};
	uint32_t most[FK_BEHAVIOURS][2] = {{0}};

	memset(&s, 0, sizeof(s));
	s.refusals = -1;
	s.count = 320;
	s.pieces = 1;
	for (uint32_t n = 0; n < PLACES * 4 * FK_BEHAVIOURS * MODES * 2; n++) {
		uint32_t place = n % PLACES, at = place < 131 ? place : 252 + place - 131;
		uint32_t rest = n / PLACES, clean, used;
		struct viq_call_result res;

		s.behaviour = rest / 4 % FK_BEHAVIOURS;
		s.calls = VIQ_LINUX_CALLS_BULK + rest / (4 * FK_BEHAVIOURS) % MODES;
		s.erratum = rest / (4 * FK_BEHAVIOURS) / MODES;
		s.kinds[at] = kinds[rest % 4];
		clean = clean_calls(at) * (s.erratum ? 2 : 1);
		res = execute_fresh();
		assert_int_equal(res.handled, at);
		s.kinds[at] = GOOD_TLBI;
		used = res.host_calls > clean ? res.host_calls - clean : 0;
		if (used > most[s.behaviour][s.erratum])
			most[s.behaviour][s.erratum] = used;
	}
	for (unsigned int b = 0; b < FK_BEHAVIOURS; b++) {
		printf("# kernel %u: at most %u extra calls, with the erratum %u\n", b, most[b][0], most[b][1]);
	}
	for (unsigned int b = 0; b < FK_BEHAVIOURS; b++) {
		assert_int_equal(most[b][0], extra_max[b][0]);
		assert_int_equal(most[b][1], extra_max[b][1]);
	}
}

/* --- Random arrays ------------------------------------------------------------------------------------------------ */

static uint32_t random_state;

static uint32_t pick(uint32_t n)
{
	return fake_random(&random_state) % n;
}

static void random_cut(void)
{
	uint32_t at = 0;

	s.pieces = 1 + pick(VIQ_CALL_MAX_PIECES);
	for (uint32_t i = 0; i + 1 < s.pieces; i++) {
		/* Lengths near a group's, small ones, empty ones, any. */
		static const uint32_t some[] = {0, 1, 2, 62, 63, 64, 126};
		uint32_t n = pick(2) ? some[pick(7)] : pick(2 * s.count / s.pieces + 1);

		s.lengths[i] = n < s.count - at ? n : s.count - at;
		at += s.lengths[i];
	}
}

static void random_scenario(void)
{
	static const uint32_t densities[] = {0, 1, 3, 30, 300, 1000}; /* bad entries in 1,000 */
	uint32_t density = densities[pick(6)], only = pick(2) ? GOOD_KINDS + pick(ENTRY_KINDS - GOOD_KINDS) : 0;
	bool mixed = pick(2);

	s.behaviour = pick(FK_BEHAVIOURS);
	s.calls = VIQ_LINUX_CALLS_BULK + pick(MODES);
	s.erratum = !pick(3);
	s.ran = pick(FK_RANS);
	s.refusals = -1;
	s.count = pick(3) ? 1 + pick(200) : 1 + pick(2000);
	for (uint32_t i = 0; i < s.count; i++) {
		s.kinds[i] = mixed ? pick(GOOD_KINDS) : GOOD_TLBI;
		if (pick(1000) < density)
			s.kinds[i] = only ? only : GOOD_KINDS + pick(ENTRY_KINDS - GOOD_KINDS);
	}
	/* One bad entry in an otherwise good array is the most interesting case. */
	if (density == 1 || density == 3)
		s.kinds[pick(s.count)] = only ? only : BAD_KERNEL;
	random_cut();
}

static void p1_p2_any_array(void **state)
{
	uint32_t errors[VIQ_CALL_ERROR_COUNT] = {0};

	random_state = fake_seed();
	for (unsigned int round = 0; round < 4000; round++) {
		struct viq_call_result res;

		random_scenario();
		res = execute_fresh();
		errors[res.error]++;
	}
	assert_true(errors[VIQ_CALL_NONE] && errors[VIQ_CALL_ILLEGAL] && errors[VIQ_CALL_GONE] &&
		    errors[VIQ_CALL_TIMEOUT]);
}

/* The answer does not depend on how the array lies in memory; for a refusal neither on the kernel nor on the calls. */
static void p2_same_answer_however_cut(void **state)
{
	random_state = fake_seed();
	for (unsigned int round = 0; round < 1500; round++) {
		struct viq_call_result whole, other;
		bool refusal;

		random_scenario();
		s.pieces = 1;
		whole = execute_fresh();
		random_cut();
		other = execute_fresh();
		if (whole.error != other.error || whole.handled != other.handled || whole.suspect != other.suspect ||
		    whole.os_error != other.os_error)
			explain(&other, "another answer when cut", whole.handled);
		refusal = whole.error == VIQ_CALL_ILLEGAL || whole.error == VIQ_CALL_GONE;
		for (uint32_t i = 0; refusal && i < s.count; i++)
			refusal = !is_timeout(s.kinds[i]);
		s.behaviour = pick(FK_BEHAVIOURS);
		s.calls = VIQ_LINUX_CALLS_BULK + pick(MODES);
		other = execute_fresh();
		if (refusal && (whole.error != other.error || whole.handled != other.handled))
			explain(&other, "another answer of another kernel", whole.handled);
	}
}

/* --- Failures of calls -------------------------------------------------------------------------------------------- */

static uint64_t lost_call;
static uint32_t lost_entry;

static void lose_device(struct fake_kernel *fk, uint64_t call, uint32_t index)
{
	if (call == lost_call && index == lost_entry && fk->devices[0].fd >= 0)
		fake_kernel_cdev_close(fk, 0);
}

static void kill_smmu(struct fake_kernel *fk, uint64_t call, uint32_t index)
{
	fk->smmus[0].dead |= call == lost_call && index == lost_entry;
}

static void lose_viommu(struct fake_kernel *fk, uint64_t call, unsigned long request)
{
	if (call == lost_call)
		fake_kernel_lose(fk, f.vm.viommu);
}

/* Something goes wrong besides what is in the array. */
static void random_failure(void)
{
	static const int errors[] = {-ENOMEM, -EFAULT, -ENOENT, -ENODEV, -EINVAL, -ETIMEDOUT, -EIO, -EPERM};
	struct fake_kernel *fk = f.vm.fk;

	lost_call = 1 + pick(6);
	lost_entry = pick(s.count);
	switch (pick(7)) {
	case 0:
		fk->memory = 1 + pick(s.count);
		break;
	case 1:
		fk->inv_fault = (struct fk_inv_fault){lost_call, 1 + pick(3), errors[pick(8)], pick(2), 0};
		break;
	case 2:
		fk->faults[0] = (struct fk_fault){.first = 1 + pick(10), .times = 1 + pick(600), .err = -EINTR};
		break;
	case 3:
		fk->before_entry = lose_device;
		break;
	case 4:
		fk->before_entry = kill_smmu;
		break;
	case 5:
		fk->before_call = lose_viommu;
		break;
	case 6:
		fk->plans[0].times = (int)pick(4); /* refusals pass */
		break;
	}
}

static void p1_p8_any_failure(void **state)
{
	uint32_t errors[VIQ_CALL_ERROR_COUNT] = {0}, most = 0;

	random_state = fake_seed();
	for (unsigned int round = 0; round < 6000; round++) {
		struct viq_call_result res;
		uint32_t paid, parts;

		random_scenario();
		setup();
		random_failure();
		res = execute();
		check_truth(&res);
		errors[res.error]++;
		parts = s.calls == VIQ_LINUX_CALLS_SINGLE ? s.count : s.count / 63;
		paid = 2 * parts + 2 * (parts + 1); /* without a failure; and the last one's, whole */
		if (res.host_calls > paid && res.host_calls - paid > most)
			most = res.host_calls - paid;
		linux_fixture_recount(&f); /* interrupted ones were none to the kernel */
		linux_fixture_fini(&f);
	}
	printf("# at most %u calls beyond those that the entries pay for\n", most);
	assert_true(most <= VIQ_CALL_MAX_HOST_CALLS);
	assert_true(errors[VIQ_CALL_NONE] && errors[VIQ_CALL_FAILED] && errors[VIQ_CALL_ABORTED] &&
		    errors[VIQ_CALL_GONE] && errors[VIQ_CALL_ILLEGAL]);
}

/* Sweep: each invalidate call of a hunt fails in turn, with each error. */
static void p8_every_call_of_a_hunt_fails(void **state)
{
	static const int errors[] = {-ENOMEM, -EFAULT, -ENOENT, -ETIMEDOUT, -EIO, -EINVAL};

	memset(&s, 0, sizeof(s));
	s.count = 200;
	s.pieces = 1;
	s.refusals = -1;
	s.kinds[100] = BAD_KERNEL;
	for (uint32_t n = 0; n < 20 * 6 * FK_BEHAVIOURS * MODES * 2; n++) {
		struct viq_call_result res;

		s.behaviour = n / 120 % FK_BEHAVIOURS;
		s.calls = VIQ_LINUX_CALLS_BULK + n / 480 % MODES;
		s.erratum = n / 480 / MODES;
		setup();
		f.vm.fk->inv_fault = (struct fk_inv_fault){1 + n % 20, 1, errors[n / 20 % 6], n % 2, 0};
		res = execute();
		check_truth(&res);
		if (res.handled > 100)
			explain(&res, "beyond the culprit", 100);
		/* Unless the kernel refused one alone. */
		if (errors[n / 20 % 6] != -EIO && res.error == VIQ_CALL_ILLEGAL &&
		    (res.handled != 100 || res.suspect != 100))
			explain(&res, "not the culprit", 100);
		linux_fixture_fini(&f);
	}
}

/* --- Two of them behind a fan-out ----------------------------------------------------------------------------------
 */

static void p2_fanout_is_exact(void **state)
{
	random_state = fake_seed();
	for (unsigned int round = 0; round < 300; round++) {
		struct linux_fixture second;
		struct viq_call_fanout *fanout;
		struct viq_call_host hosts[2];
		struct viq_call_result res;
		uint32_t a, b, culprit;

		memset(s.kinds, 0, sizeof(s.kinds));
		s.behaviour = pick(FK_BEHAVIOURS);
		s.calls = VIQ_LINUX_CALLS_BULK;
		s.erratum = false;
		s.count = 1 + pick(400);
		s.refusals = -1;
		a = pick(s.count + 100);
		b = pick(s.count + 100);
		setup();
		linux_fixture_init(&second, pick(FK_BEHAVIOURS), VIQ_LINUX_CALLS_STRICT, false);
		if (a < s.count)
			linux_fail(&f, 2, s.cmds[a], -EIO, -1);
		if (b < s.count)
			linux_fail(&second, 2, s.cmds[b], -EIO, -1);
		hosts[0] = f.host;
		hosts[1] = second.host;
		assert_int_equal(viq_call_fanout_create(hosts, 2, &fanout, NULL), 0);
		f.host = viq_call_fanout_host(fanout);
		s.pieces = 1;
		res = execute();
		culprit = a < b ? a : b;
		if (culprit < s.count) {
			assert_int_equal(res.error, VIQ_CALL_ILLEGAL);
			assert_int_equal(res.handled, culprit);
			assert_int_equal(res.suspect, culprit);
		} else {
			assert_int_equal(res.error, VIQ_CALL_NONE);
		}
		for (uint32_t i = 0; i < res.handled; i++) {
			assert_true(linux_ran(&f, s.cmds[i]) > 0);
			assert_true(linux_ran(&second, s.cmds[i]) > 0);
		}
		viq_call_fanout_destroy(fanout);
		linux_fixture_fini(&second);
		linux_fixture_fini(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p2_one_culprit_at_every_index), cmocka_unit_test(p1_p2_any_array),
		cmocka_unit_test(p2_same_answer_however_cut),    cmocka_unit_test(p1_p8_any_failure),
		cmocka_unit_test(p8_every_call_of_a_hunt_fails), cmocka_unit_test(p2_fanout_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
