/* SPDX-License-Identifier: MIT */
/* Hosts of nested page tables: execute entries, remember what really took effect, report as their contract says. */
#include <stdlib.h>
#include <string.h>

#include "oracle/vvtd_model.h"

static bool same(struct viq_vtd_s1_entry a, struct viq_vtd_s1_entry b)
{
	return a.addr == b.addr && a.npages == b.npages && a.flags == b.flags;
}

/* What a real host would refuse, or worse: act upon. */
static void check_entry(struct viq_vtd_s1_entry e)
{
	assert_int_equal(e.addr & 0xfff, 0);
	assert_int_equal(e.flags & ~1u, 0);
	assert_int_equal(e.reserved, 0);
	assert_int_not_equal(e.npages, 0);
	if (e.npages == UINT64_MAX) {
		assert_int_equal(e.addr, 0);
	} else {
		/* One naturally aligned block: the kernel would flush more than asked otherwise. */
		assert_int_equal(e.npages & (e.npages - 1), 0);
		assert_int_equal(e.addr / 0x1000 & (e.npages - 1), 0);
	}
}

void vvtd_host_effect(struct vvtd_host *host, struct viq_vtd_s1_entry entry)
{
	check_entry(entry);
	if (host->effect_count == host->effect_room) {
		host->effect_room = host->effect_room ? 2 * host->effect_room : 64;
		host->effects = realloc(host->effects, host->effect_room * sizeof(*host->effects));
		assert_non_null(host->effects);
	}
	host->effects[host->effect_count++] = (struct vvtd_effect){.entry = entry, .time = ++host->v->time};
	vvtd_log_add(host->v,
		     (struct vvtd_log){.kind = VLOG_HOST, .a = host->number, .b = entry.addr, .c = entry.npages});
}

static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct vvtd_host *host = opaque;
	uint32_t count, i, ran, size = res->size;
	struct viq_vtd_s1_entry *entries;
	int ret = 0;

	assert_int_equal(req->size, sizeof(*req));
	assert_int_equal(req->object, host->number + 100);
	assert_int_equal(req->type, VIQ_CALL_VTD_S1);
	assert_int_equal(req->entry_size, 24);
	entries = test_flatten(req, &count);
	host->calls++;
	if (count > host->longest)
		host->longest = count;
	*res = (struct viq_call_result){.size = size, .host_calls = host->charge, .handled = count, .suspect = count};
	for (i = 0; i < count && !(host->times && same(entries[i], host->bad)); i++)
		check_entry(entries[i]);
	ran = i;
	if (i < count) {
		res->error = host->error;
		ran = test_contract_report(host->contract, i, count, res);
		if (host->times > 0)
			host->times--;
	}
	for (uint32_t k = 0; k < ran; k++)
		vvtd_host_effect(host, entries[k]);
	free(entries);
	if (i < count)
		ret = test_lie(host->lie, ran, count, res);
	return ret;
}

struct vvtd_host *vvtd_host_new(struct vvtd *v)
{
	struct vvtd_host *host = calloc(1, sizeof(*host));

	assert_non_null(host);
	assert_true(v->host_count < VVTD_HOSTS);
	host->ops = (struct viq_call_host_ops){.size = sizeof(host->ops), .report_group = 1, .invalidate = invalidate};
	host->v = v;
	host->charge = 1;
	host->number = v->host_count;
	v->hosts[v->host_count++] = host;
	return host;
}

struct viq_call_host vvtd_host_ref(struct vvtd_host *host)
{
	return (struct viq_call_host){.ops = &host->ops, .opaque = host, .object = host->number + 100};
}

void vvtd_host_contract(struct vvtd_host *host, enum test_contract contract)
{
	host->contract = contract;
	host->ops.report_group = test_contract_group(contract);
}

void vvtd_host_fail(struct vvtd_host *host, struct viq_vtd_s1_entry bad, uint32_t error, int times)
{
	host->bad = bad;
	host->error = error;
	host->times = times;
}

size_t vvtd_host_count(const struct vvtd_host *host, struct viq_vtd_s1_entry entry)
{
	size_t n = 0;

	for (size_t i = 0; i < host->effect_count; i++)
		n += same(host->effects[i].entry, entry);
	return n;
}
