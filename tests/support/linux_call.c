/* SPDX-License-Identifier: MIT */

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "oracle/refcmd.h"
#include "linux_call.h"

static uint32_t stream(void *opaque, uint32_t object, uint32_t sid)
{
	return sid == FAKE_VM_VSID ? VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS : 0;
}

void linux_fixture_init(struct linux_fixture *f, enum fk_behaviour behaviour, enum viq_linux_calls calls, bool erratum)
{
	struct viq_linux_hw_info hw = {.size = sizeof(hw)};

	fake_vm_init(&f->vm);
	fake_vm_behave(&f->vm, behaviour);
	f->vm.fk->smmus[0].flags = erratum ? VIQ_LINUX_SMMUV3_REPEAT_TLBI_CFGI : 0;
	assert_int_equal(viq_linux_hw_info(f->vm.ctx, f->vm.device, &hw), 0);
	assert_int_equal(viq_linux_smmuv3_host_create(f->vm.ctx, f->vm.viommu, &hw, calls, &f->exact, NULL), 0);
	f->host = viq_linux_smmuv3_host_get(f->exact);
	f->inv = f->host.opaque;
	f->ops = *f->host.ops;
	f->ops.stream = stream;
	f->host.ops = &f->ops;
	fake_kernel_reset(f->vm.fk);
}

void linux_fixture_recount(struct linux_fixture *f)
{
	f->inv->calls.single = 0;
	f->inv->calls.others = f->vm.fk->inv_calls;
	f->inv->calls.entries = f->vm.fk->entries;
}

void linux_fixture_fini(struct linux_fixture *f)
{
	assert_int_equal(linux_calls_made(&f->inv->calls), f->vm.fk->inv_calls);
	assert_int_equal(linux_calls_entries(&f->inv->calls), f->vm.fk->entries);
	viq_linux_smmuv3_host_destroy(f->exact);
	fake_vm_fini(&f->vm);
}

void linux_tlbi(uint64_t cmd[2], uint32_t number)
{
	cmd[0] = VIQ_SMMUV3_OP_TLBI_NH_VA;
	cmd[1] = (uint64_t)number << 12;
}

void linux_atc(uint64_t cmd[2], uint32_t vsid, uint32_t number)
{
	cmd[0] = VIQ_SMMUV3_OP_ATC_INV | VIQ_PUT(VIQ_SMMUV3_CMD_SID, vsid);
	cmd[1] = (uint64_t)number << 12;
}

void linux_fail(struct linux_fixture *f, unsigned int plan, const uint64_t cmd[2], int err, int times)
{
	/* A device that does not answer answers nothing. */
	bool device = refcmd_op(cmd) == VIQ_SMMUV3_OP_ATC_INV && err == -ETIMEDOUT;

	f->vm.fk->plans[plan] = (struct fk_plan){
		.cmd = {cmd[0], cmd[1]},
		.mask = {device ? UINT64_C(0xffffffff000000ff) : UINT64_MAX, device ? 0 : UINT64_MAX},
		.err = err,
		.times = times,
	};
}

struct viq_call_result linux_call_cut(struct linux_fixture *f, const uint64_t (*cmds)[2], uint32_t count,
				      const uint32_t *lengths, uint32_t pieces)
{
	struct viq_call_piece piece[VIQ_CALL_MAX_PIECES];
	struct viq_call_request req = {
		.size = sizeof(req),
		.object = f->host.object,
		.type = VIQ_CALL_SMMUV3,
		.entry_size = 16,
		.pieces = piece,
		.piece_count = pieces,
	};
	struct viq_call_result res = {.size = sizeof(res)};
	uint64_t *parts[VIQ_CALL_MAX_PIECES];
	uint32_t at = 0;

	/* Each piece in memory of its own, so that a tool sees whoever reads beyond one. */
	for (uint32_t i = 0; i < pieces; i++) {
		uint32_t n = i + 1 < pieces ? lengths[i] : count - at;

		parts[i] = malloc(n ? n * 16 : 1);
		for (uint32_t w = 0; w < 2 * n; w++)
			parts[i][w] = htole64(cmds[at + w / 2][w % 2]);
		piece[i] = (struct viq_call_piece){parts[i], n};
		at += n;
	}
	assert_int_equal(viq_call_invalidate(&f->host, &req, &res), 0);
	assert_int_equal(res.hint, 0);
	for (uint32_t i = 0; i < pieces; i++)
		free(parts[i]);
	return res;
}

struct viq_call_result linux_call(struct linux_fixture *f, const uint64_t (*cmds)[2], uint32_t count)
{
	return linux_call_cut(f, cmds, count, NULL, 1);
}

uint32_t linux_ran(const struct linux_fixture *f, const uint64_t cmd[2])
{
	uint32_t n = 0;

	for (size_t i = 0; i < f->vm.fk->effect_count; i++)
		n += !memcmp(f->vm.fk->effects[i].cmd, cmd, sizeof(f->vm.fk->effects[i].cmd));
	return n;
}
