/* SPDX-License-Identifier: MIT */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <viq/smmuv3_spec.h>

#include "fake_host.h"

#define GROUP 63 /* commands that Linux's SMMUv3 driver issues at once */

uint32_t fake_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

uint32_t fake_seed(void)
{
	const char *env = getenv("VIQ_SEED");
	uint32_t seed = env ? (uint32_t)strtoul(env, NULL, 0) : 1;

	if (!seed)
		seed = 1;
	printf("# VIQ_SEED=%u\n", seed);
	return seed;
}

void fake_tlbi(uint64_t cmd[2], uint32_t id)
{
	fake_stream_command(cmd, VIQ_SMMUV3_OP_TLBI_NH_VA, 0, id);
}

void fake_stream_command(uint64_t cmd[2], unsigned int op, uint32_t sid, uint32_t id)
{
	cmd[0] = htole64(VIQ_PUT(VIQ_SMMUV3_CMD_OP, op) | VIQ_PUT(VIQ_SMMUV3_CMD_SID, sid));
	cmd[1] = htole64((uint64_t)id << 12);
}

uint64_t *fake_array(uint32_t count)
{
	uint64_t *cmds = calloc(count + 1, 16);

	for (uint32_t i = 0; i < count; i++)
		fake_tlbi(cmds + 2 * i, i);
	return cmds;
}

uint32_t fake_cut(const uint64_t *cmds, uint32_t count, uint32_t *random, struct viq_call_piece *pieces)
{
	uint32_t n = 1 + fake_random(random) % VIQ_CALL_MAX_PIECES, at = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t len = i + 1 == n ? count - at : fake_random(random) % (2 * count / n + 1);

		if (len > count - at)
			len = count - at;
		/* An empty piece may point anywhere. */
		pieces[i].entries = len ? cmds + 2 * at : NULL;
		pieces[i].count = len;
		at += len;
	}
	return n;
}

/* The request as one array of ids. */
static uint32_t flatten(const struct viq_call_request *req, uint32_t **ids)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < req->piece_count; i++)
		n += req->pieces[i].count;
	*ids = calloc(n + 1, sizeof(**ids));
	n = 0;
	for (uint32_t i = 0; i < req->piece_count; i++) {
		const uint64_t *words = req->pieces[i].entries;

		for (uint32_t k = 0; k < req->pieces[i].count; k++, n++) {
			uint64_t page = req->type == VIQ_CALL_VTD_S1 ? words[3 * k] : le64toh(words[2 * k + 1]);

			(*ids)[n] = (uint32_t)(page >> 12);
		}
	}
	return n;
}

/* The first entry of [0, n) that fails, n if none does; its error. */
static uint32_t find_culprit(struct fake_host *fake, const uint32_t *ids, uint32_t n, uint32_t *error)
{
	for (uint32_t i = 0; i < n; i++) {
		struct fake_entry *e = &fake->entries[ids[i]];

		if (!e->error || (e->spare && e->spare--))
			continue;
		*error = e->error;
		if (e->times && !--e->times)
			e->error = 0;
		return i;
	}
	*error = VIQ_CALL_NONE;
	return n;
}

static void execute(struct fake_host *fake, const uint32_t *ids, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		fake->entries[ids[i]].runs++;
}

/* Run what this kind of host runs of n entries with a culprit at i, and say what it says. */
static int fail(struct fake_host *fake, const uint32_t *ids, uint32_t n, uint32_t i, struct viq_call_result *res)
{
	uint32_t group = i - i % GROUP;

	switch (fake->kind) {
	case FAKE_WINDOW:
		execute(fake, ids, i);
		res->handled = i > fake->before ? i - fake->before : 0;
		res->suspect = i + fake->after;
		return 0;
	case FAKE_LINUX_7_3:
		execute(fake, ids, group);
		res->handled = res->suspect = i;
		return 0;
	case FAKE_LINUX_NEXT:
		execute(fake, ids, group);
		res->handled = res->suspect = group;
		return 0;
	case FAKE_GARBAGE:
		execute(fake, ids, group);
		res->handled = fake_random(&fake->random) % (2 * n + 2);
		res->suspect = fake_random(&fake->random) % (2 * n + 2);
		return 0;
	case FAKE_SHORT:
		execute(fake, ids, i);
		res->handled = res->suspect = i;
		res->error = VIQ_CALL_NONE;
		return 0;
	case FAKE_ERRNO:
		execute(fake, ids, i);
		return fake->os_error;
	default:
		execute(fake, ids, i);
		res->handled = res->suspect = i;
		return 0;
	}
}

static int fake_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct fake_host *fake = opaque;
	uint32_t *ids, n = flatten(req, &ids), culprit;
	int ret = 0;

	fake->calls++;
	fake->empty_calls += !n;
	fake->object = req->object;
	if (n > fake->longest)
		fake->longest = n;
	*res = (struct viq_call_result){.size = sizeof(*res), .host_calls = fake->charge, .handled = n, .suspect = n};
	if (fake->unsupported) {
		res->error = VIQ_CALL_UNSUPPORTED;
		res->handled = res->suspect = 0;
	} else if (fake->memory && n > fake->memory) {
		res->error = VIQ_CALL_NO_MEMORY;
	} else {
		culprit = find_culprit(fake, ids, n, &res->error);
		if (culprit < n)
			ret = fail(fake, ids, n, culprit, res);
		else
			execute(fake, ids, n);
	}
	if (res->error) {
		res->hw_code = fake->hw_code;
		res->os_error = fake->os_error;
		res->hint = fake->hint;
	}
	free(ids);
	return ret;
}

static uint32_t fake_stream(void *opaque, uint32_t object, uint32_t sid)
{
	struct fake_host *fake = opaque;

	if (!fake->streams)
		return VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
	return sid < fake->stream_count ? fake->streams[sid] : 0;
}

struct viq_call_host fake_host(struct fake_host *fake)
{
#define OPS(group)                                                                                                     \
	{                                                                                                              \
		.size = sizeof(struct viq_call_host_ops), .report_group = (group), .invalidate = fake_invalidate,      \
		.stream = fake_stream, .call_entries = 63                                                              \
	}
	static const struct viq_call_host_ops ops[FAKE_KINDS] = {
		[FAKE_EXACT] = OPS(1),          [FAKE_WINDOW] = OPS(1),  [FAKE_LINUX_7_3] = OPS(GROUP),
		[FAKE_LINUX_NEXT] = OPS(GROUP), [FAKE_GARBAGE] = OPS(0), [FAKE_SHORT] = OPS(1),
		[FAKE_ERRNO] = OPS(1),
	};
#undef OPS

	return (struct viq_call_host){.ops = &ops[fake->kind], .opaque = fake, .object = 7};
}

void fake_host_init(struct fake_host *fake, enum fake_kind kind, uint32_t entry_count)
{
	*fake = (struct fake_host){.kind = kind, .entry_count = entry_count, .random = 1, .charge = 1};
	fake->entries = calloc(entry_count + 1, sizeof(*fake->entries));
}

void fake_host_reset(struct fake_host *fake)
{
	memset(fake->entries, 0, fake->entry_count * sizeof(*fake->entries));
	fake->calls = 0;
	fake->empty_calls = 0;
	fake->longest = 0;
}

void fake_host_fini(struct fake_host *fake)
{
	free(fake->entries);
}
