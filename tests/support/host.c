/* SPDX-License-Identifier: MIT */
/* The host of the tests: executes entries, remembers what really took effect, reports as its contract says. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "vsmmu.h"

static size_t hash_of(const struct test_host *host, const uint64_t cmd[2])
{
	uint64_t h = (cmd[0] ^ (cmd[1] * UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xff51afd7ed558ccd);

	return (size_t)(h ^ (h >> 29)) & (host->hash_size - 1);
}

static size_t *hash_slot(const struct test_host *host, const uint64_t cmd[2])
{
	size_t i = hash_of(host, cmd);

	while (host->hash[i]) {
		const struct test_effect *e = &host->effects[host->hash[i] - 1];

		if (e->cmd[0] == cmd[0] && e->cmd[1] == cmd[1])
			break;
		i = (i + 1) & (host->hash_size - 1);
	}
	return &host->hash[i];
}

static void grow(struct test_host *host)
{
	host->effect_room *= 2;
	host->effects = realloc(host->effects, host->effect_room * sizeof(*host->effects));
	free(host->hash);
	host->hash_size = host->effect_room * 2;
	host->hash = calloc(host->hash_size, sizeof(*host->hash));
	assert_non_null(host->effects);
	assert_non_null(host->hash);
	for (size_t i = 0; i < host->effect_count; i++)
		*hash_slot(host, host->effects[i].cmd) = i + 1;
}

void test_host_effect(struct test_host *host, const uint64_t cmd[2])
{
	struct vsmmu *v = host->v;

	if (host->effect_count == host->effect_room)
		grow(host);
	host->effects[host->effect_count] =
		(struct test_effect){.cmd = {cmd[0], cmd[1]}, .time = ++v->time, .call = host->calls};
	host->effect_count++;
	*hash_slot(host, cmd) = host->effect_count;
	vsmmu_log_add(v, (struct vsmmu_log){.kind = LOG_HOST, .a = cmd[0], .b = cmd[1]});
}

bool test_host_did(const struct test_host *host, const uint64_t cmd[2], uint64_t since)
{
	size_t last = *hash_slot(host, cmd);

	if (last && host->effects[last - 1].time >= since)
		return true;
	if (refcmd_op(cmd) != VIQ_SMMUV3_OP_ATC_INV)
		return false;
	for (size_t i = host->effect_count; i-- > 0 && host->effects[i].time >= since;) {
		if (refcmd_covers(host->effects[i].cmd, cmd))
			return true;
	}
	return false;
}

static const struct test_plan *plan_for(const struct test_host *host, const uint64_t cmd[2])
{
	for (unsigned int i = 0; i < TEST_PLANS; i++) {
		const struct test_plan *p = &host->plans[i];

		if (p->times && !((cmd[0] ^ p->cmd[0]) & p->mask[0]) && !((cmd[1] ^ p->cmd[1]) & p->mask[1]))
			return p;
	}
	return NULL;
}

static void strike(struct test_host *host, const struct test_plan *plan)
{
	struct test_plan *p = &host->plans[plan - host->plans];

	if (p->times > 0)
		p->times--;
}

struct flat {
	uint64_t (*entries)[2];
	uint32_t count;
};

/* A time-out is seen when everything has been issued: all others ran; any ATC_INV can be the one. */
static uint32_t run_late(struct test_host *host, struct flat f, struct viq_call_result *res)
{
	uint32_t first = f.count, last = 0, ran = f.count, error = VIQ_CALL_NONE;

	for (uint32_t i = 0; i < f.count; i++) {
		const struct test_plan *p = plan_for(host, f.entries[i]);

		if (p || refcmd_op(f.entries[i]) == VIQ_SMMUV3_OP_ATC_INV) {
			first = first < i ? first : i;
			last = i;
		}
		if (!p) {
			test_host_effect(host, f.entries[i]);
			continue;
		}
		error = p->error;
		ran = ran < i ? ran : i;
		strike(host, p);
	}
	res->handled = res->suspect = f.count;
	if (error) {
		res->error = error;
		res->handled = first;
		res->suspect = last;
	}
	return ran;
}

/* Returns how many entries from the first on took effect. */
static uint32_t run(struct test_host *host, struct flat f, struct viq_call_result *res)
{
	const struct test_plan *p = NULL;
	uint32_t i, ran;

	if (host->contract == TEST_ATC_LATE)
		return run_late(host, f, res);
	for (i = 0; i < f.count && !p; i++)
		p = plan_for(host, f.entries[i]);
	if (!p) {
		ran = f.count;
		res->handled = res->suspect = f.count;
	} else {
		res->error = p->error;
		ran = test_contract_report(host->contract, i - 1, f.count, res);
		strike(host, p);
	}
	for (i = 0; i < ran; i++)
		test_host_effect(host, f.entries[i]);
	return ran;
}

static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct test_host *host = opaque;
	struct flat f;
	uint32_t size = res->size, ran;

	assert_int_equal(req->size, sizeof(*req));
	assert_int_equal(size, sizeof(*res));
	assert_int_equal(req->type, VIQ_CALL_SMMUV3);
	assert_int_equal(req->entry_size, 16);
	assert_int_equal(req->reserved, 0);
	f.entries = test_flatten(req, &f.count);
	for (uint32_t i = 0; i < f.count; i++) {
		f.entries[i][0] = le64toh(f.entries[i][0]);
		f.entries[i][1] = le64toh(f.entries[i][1]);
	}
	host->calls++;
	*res = (struct viq_call_result){.size = size, .host_calls = 1};
	ran = run(host, f, res);
	free(f.entries);
	return res->error ? test_lie(host->lie, ran, f.count, res) : 0;
}

static uint32_t stream(void *opaque, uint32_t object, uint32_t sid)
{
	struct test_host *host = opaque;

	return host->stream ? host->stream(host, sid) : VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
}

void test_host_init(struct test_host *host, struct vsmmu *v)
{
	*host = (struct test_host){
		.ops = {.size = sizeof(host->ops), .report_group = 1, .invalidate = invalidate, .stream = stream},
		.v = v,
		.effect_room = 1024,
		.hash_size = 4096,
	};
	host->effects = malloc(host->effect_room * sizeof(*host->effects));
	host->hash = calloc(host->hash_size, sizeof(*host->hash));
	assert_non_null(host->effects);
	assert_non_null(host->hash);
}

void test_host_free(struct test_host *host)
{
	free(host->effects);
	free(host->hash);
}

void test_host_fail(struct test_host *host, unsigned int plan, const uint64_t cmd[2], uint32_t error, int times)
{
	assert_true(plan < TEST_PLANS);
	/* A device that does not answer answers nothing. */
	bool device = refcmd_op(cmd) == VIQ_SMMUV3_OP_ATC_INV && error != VIQ_CALL_ILLEGAL;

	host->plans[plan] = (struct test_plan){
		.cmd = {cmd[0], cmd[1]},
		.mask = {device ? UINT64_C(0xffffffff000000ff) : UINT64_MAX, device ? 0 : UINT64_MAX},
		.error = error,
		.times = times,
	};
}

void test_host_heal(struct test_host *host)
{
	memset(host->plans, 0, sizeof(host->plans));
}

void test_host_contract(struct test_host *host, enum test_contract contract)
{
	host->contract = contract;
	host->ops.report_group = test_contract_group(contract);
}

struct viq_call_host test_host_ref(struct test_host *host)
{
	return (struct viq_call_host){.ops = &host->ops, .opaque = host, .object = 7};
}
