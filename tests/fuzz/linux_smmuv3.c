/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <viq/linux_smmuv3.h>
#include <viq/nest_smmuv3.h>

#include "guest.h"
#include "linux.h"

#define STREAMS 4 /* that may have a device */

static struct world {
	struct kernel *k;
	struct viq_linux_vsmmu *vs;
	struct viq_nest_smmuv3 *nest;
	struct viq_smmuv3 *bound;
	struct guest *g;
	struct viq_call_host host; /* the Linux host, */
	struct viq_call_host_ops ops;
	/* Under the erratum, entries that were done in this operation, and by which call first. */
	struct {
		uint64_t cmd[2];
		uint64_t call;
	} once[4096];
	size_t once_count;
	uint32_t at[STREAMS]; /* device + 1 */
} w;

/* --- Hooks -------------------------------------------------------------------------------------------------------- */

static void done(void *opaque, uint32_t object, const uint64_t *entry)
{
	const uint64_t cmd[2] = {le64toh(entry[0]), le64toh(entry[1])};
	const struct viq_linux_hw_info *hw = viq_linux_vsmmu_hw_info(w.vs);

	if (!w.g)
		return;
	if (hw && hw->flags & VIQ_LINUX_SMMUV3_REPEAT_TLBI_CFGI && refcmd_op(cmd) != VIQ_SMMUV3_OP_ATC_INV) {
		size_t i = 0;

		while (i < w.once_count && memcmp(w.once[i].cmd, cmd, sizeof(cmd)))
			i++;
		if (i == w.once_count) {
			assert_true(w.once_count < sizeof(w.once) / sizeof(w.once[0]));
			memcpy(w.once[i].cmd, cmd, sizeof(cmd));
			w.once[i].call = w.k->calls;
			w.once_count++;
		}
		if (w.once[i].call == w.k->calls)
			return;
	}
	test_host_effect(&w.g->v->host, cmd);
}

/* Before there was a device nothing is cached, and everything is done. */
static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	if (!viq_linux_vsmmu_hw_info(w.vs)) {
		uint32_t count;
		uint64_t *entries = test_flatten(req, &count);

		for (uint32_t i = 0; i < count; i++)
			test_host_effect(&w.g->v->host, &entries[2 * (size_t)i]);
		free(entries);
	}
	return w.host.ops->invalidate(opaque, req, res);
}

static uint32_t stream(struct test_host *host, uint32_t sid)
{
	return w.host.ops->stream(w.host.opaque, w.host.object, sid);
}

static void bind(void)
{
	if (w.bound == w.g->v->smmu)
		return;
	w.bound = w.g->v->smmu;
	(void)viq_nest_smmuv3_bind(w.nest, w.bound, NULL);
}

static int on_reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	if (!w.g)
		return 0;
	bind();
	return viq_nest_smmuv3_reconfig(w.nest, what);
}

static uint32_t on_sync(void *opaque)
{
	return w.g ? viq_nest_smmuv3_sync(w.nest) : 0;
}

/* --- Operations --------------------------------------------------------------------------------------------------- */

/* May the device still do what the guest's STE does not say? */
static void check_stream(uint32_t sid)
{
	const uint64_t hosts = REG(STE_1_EATS) | REG(STE_1_S1STALLD);
	struct viq_smmuv3_stream now = {.size = sizeof(now)};

	if (w.k->confused || !w.at[sid])
		return;
	assert_int_equal(viq_smmuv3_stream_config(w.g->v->smmu, sid, &now), 0);
	for (size_t i = 0; i < w.k->attached_count; i++) {
		const struct kernel_attached *a = &w.k->attached[i];
		uint64_t config = VIQ_GET(REG(STE_0_CONFIG), a->words[0]);

		if (a->device != w.at[sid] - 1 || !a->pt)
			continue;
		assert_true(a->nested);
		if (config == REG(STE_CONFIG_ABORT))
			continue;
		if (config == REG(STE_CONFIG_BYPASS)) {
			assert_int_equal(now.mode, VIQ_SMMUV3_BYPASS);
			continue;
		}
		assert_int_equal(now.mode, VIQ_SMMUV3_STAGE1);
		assert_true(a->words[0] == now.ste[0] && !((a->words[1] ^ now.ste[1]) & ~hosts));
	}
}

static void plug(struct input *in)
{
	uint8_t how = input_u8(in);
	uint32_t sid = how % STREAMS, device = how >> 2 & 3;
	const struct viq_linux_device d = {
		.size = sizeof(d), .device = 1 + device, .fd = KERNEL_CDEV + (int)device, .ats = how & 16};

	if (w.at[sid]) {
		(void)!viq_linux_vsmmu_remove(w.vs, sid);
		w.at[sid] = 0;
		return;
	}
	if (device >= KERNEL_DEVICES || viq_linux_vsmmu_add(w.vs, &d, sid, NULL))
		return;
	w.at[sid] = device + 1;
	if (!viq_nest_smmuv3_follow(w.nest, sid))
		check_stream(sid);
}

/* Those that could not be moved are gone. */
static void move(struct input *in)
{
	uint8_t how = input_u8(in);
	const struct viq_linux_move moves[2] = {{how & 3, how >> 2 & 3}, {how >> 4 & 3, how >> 6}};
	uint32_t count = 1 + (moves[0].from != moves[1].from), was[STREAMS];
	int err = viq_linux_vsmmu_move(w.vs, moves, count);

	if (err == -EINVAL || err == -ENOENT || err == -EEXIST)
		return;
	memcpy(was, w.at, sizeof(was));
	for (uint32_t i = 0; i < count; i++)
		w.at[moves[i].from] = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t to = moves[i].to;

		w.at[to] = was[moves[i].from];
		if (viq_nest_smmuv3_follow(w.nest, to) == -ENOENT)
			w.at[to] = 0;
	}
}

/* After the VMM has worked as long as there is something to do. */
static bool at_rest(void)
{
	struct vsmmu *v = w.g->v;

	for (unsigned int runs = 0; runs < 64 && viq_smmuv3_run(v->smmu, VIQ_WORK_UNLIMITED) > 0; runs++)
		;
	return vsmmu_r32(v, REG(CMDQ_CONS)) % (1 << 20) == vsmmu_r32(v, REG(CMDQ_PROD)) &&
	       vsmmu_cerror(v) == VIQ_SMMUV3_CERROR_NONE && !viq_smmuv3_waits_for_host(v->smmu);
}

/* As a driver changes an STE: if the queue is at rest, and comes to rest again, it is done. */
static void change(struct input *in)
{
	static const uint64_t configs[] = {0x1, 0x9, 0xb, 0xb};
	struct vsmmu *v = w.g->v;
	uint8_t how = input_u8(in), what = input_u8(in);
	uint32_t sid = how % STREAMS, prod = vsmmu_r32(v, REG(CMDQ_PROD)), log2 = vsmmu_r64(v, REG(CMDQ_BASE)) & 31;
	const struct test_cmd cmds[2] = {cmd_cfgi_ste(sid), cmd_sync(0)};
	uint64_t ste = VSMMU_STRTAB + (uint64_t)sid * 64;
	bool rested;

	vsmmu_poke64(v, ste + 8, 2 | 1 << 2 | 1 << 4 | (uint64_t)(what & 3) << 28 | (uint64_t)(what >> 2 & 3) << 30);
	vsmmu_poke64(v, ste, how & 0x80 ? 0 : configs[how >> 2 & 3] | (VSMMU_RAM + (uint64_t)(what >> 4) * 64));
	rested = at_rest();
	/* What waited may be as much as the queue holds: the rest is another operation. */
	guest_end(w.g);
	guest_begin(w.g);
	if (!rested || !(vsmmu_r32(v, REG(CR0)) & REG(CR0_CMDQEN)) || log2 < 2 || log2 > 8 ||
	    (vsmmu_r64(v, REG(CMDQ_BASE)) & REG(Q_BASE_ADDR)) != VSMMU_CMDQ)
		return;
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t slot = VSMMU_CMDQ + (uint64_t)((prod + i) & ((1u << log2) - 1)) * 16;

		vsmmu_poke64(v, slot, cmds[i].dw[0]);
		vsmmu_poke64(v, slot + 8, cmds[i].dw[1]);
	}
	vsmmu_w32(v, REG(CMDQ_PROD), (prod + 2) & ((2u << log2) - 1));
	if (at_rest())
		check_stream(sid);
}

/* Many commands at once: several groups of the kernel's. */
static void fill(struct input *in)
{
	struct vsmmu *v = w.g->v;
	uint8_t type = input_u8(in), count = input_u8(in);
	uint32_t prod = vsmmu_r32(v, REG(CMDQ_PROD)), log2 = vsmmu_r64(v, REG(CMDQ_BASE)) & 31;

	if (log2 > 8 || (vsmmu_r64(v, REG(CMDQ_BASE)) & REG(Q_BASE_ADDR)) != VSMMU_CMDQ)
		return;
	for (uint32_t i = 0; i < count; i++) {
		struct test_cmd cmd = cmd_host_type((type + i / 64) % TEST_HOST_TYPES, i);
		uint64_t slot = VSMMU_CMDQ + (uint64_t)((prod + i) & ((1u << log2) - 1)) * 16;

		if (refcmd_has_sid(cmd.dw))
			cmd.dw[0] = (cmd.dw[0] & UINT32_MAX) | (uint64_t)(i % 2) << 32;
		vsmmu_poke64(v, slot, cmd.dw[0]);
		vsmmu_poke64(v, slot + 8, cmd.dw[1]);
	}
	vsmmu_w32(v, REG(CMDQ_PROD), (prod + count) & ((2u << log2) - 1));
}

static void step(struct viq_linux *ctx, struct input *in)
{
	uint8_t what = input_u8(in) % 21;

	w.once_count = 0;
	w.k->calls = 0;
	if (what < 9) {
		guest_step(w.g, in);
	} else {
		guest_begin(w.g);
		switch (what) {
		case 9:
		case 10:
			kernel_lie(w.k, in);
			break;
		case 11:
			kernel_heal(w.k);
			break;
		case 12:
			plug(in);
			break;
		case 13:
			move(in);
			break;
		case 14:
			(void)!viq_nest_smmuv3_events(w.nest, input_u8(in));
			break;
		case 15:
			(void)!viq_nest_smmuv3_follow(w.nest, input_u8(in) % STREAMS);
			break;
		case 16:
			(void)!viq_nest_smmuv3_block(w.nest, input_u8(in) % STREAMS);
			break;
		case 17:
			linux_loose(ctx, in);
			break;
		case 18:
			fill(in);
			break;
		default:
			change(in);
			break;
		}
		guest_end(w.g);
	}
	bind();
	assert_true(w.k->calls < LINUX_CALLS);
}

/* --- Life --------------------------------------------------------------------------------------------------------- */

static void start(const struct viq_linux_vsmmu_config *config, struct viq_linux *ctx)
{
	if (!viq_linux_vsmmu_create(ctx, config, &w.vs, NULL))
		return;
	kernel_heal(w.k);
	assert_int_equal(viq_linux_vsmmu_create(ctx, config, &w.vs, NULL), 0);
}

/* What the kernel has said of its hardware decides whether there can be a guest. */
static bool start_guest(uint8_t how)
{
	const struct viq_smmuv3_backend backend = viq_linux_vsmmu_backend(w.vs);
	struct viq_smmuv3_config config;

	assert_int_equal(viq_nest_smmuv3_create(NULL, NULL, &w.nest, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_join(w.nest, &backend, NULL), 0);
	vsmmu_config(&config);
	config.idr1 &= ~(uint32_t)(REG(IDR1_SIDSIZE) | REG(IDR1_CMDQS));
	config.idr1 |= VIQ_PUT(REG(IDR1_SIDSIZE), 16) | VIQ_PUT(REG(IDR1_CMDQS), 8);
	viq_nest_smmuv3_offer(w.nest, true, &config);
	config.idr1 = (config.idr1 & ~(uint32_t)REG(IDR1_CMDQS)) | VIQ_PUT(REG(IDR1_CMDQS), 8);
	config.budget = how & 15;
	w.host = config.host = viq_linux_vsmmu_host(w.vs);
	w.ops = *w.host.ops;
	w.ops.invalidate = invalidate;
	config.host.ops = &w.ops;
	w.g = guest_new(&config);
	w.g->v->ops.reconfig = on_reconfig;
	w.g->v->ops.sync = on_sync;
	w.g->v->host.stream = stream;
	vsmmu_replace(w.g->v);
	w.bound = w.g->v->smmu;
	if (viq_nest_smmuv3_bind(w.nest, w.bound, NULL))
		return false;
	vsmmu_boot(w.g->v, 8);
	vsmmu_w32(w.g->v, REG(CR0), REG(CR0_CMDQEN) | REG(CR0_EVENTQEN));
	vsmmu_w32(w.g->v, REG(STRTAB_BASE_CFG), 8);
	vsmmu_w32(w.g->v, REG(CR0), REG(CR0_CMDQEN) | REG(CR0_EVENTQEN) | REG(CR0_SMMUEN));
	guest_forget(w.g);
	return true;
}

void linux_smmuv3_run(struct kernel *k, struct viq_linux *ctx, struct input *in)
{
	struct viq_linux_vsmmu_config config;
	uint8_t how = input_u8(in);

	memset(&w, 0, sizeof(w));
	w.k = k;
	k->done = done;
	viq_linux_vsmmu_config_init(&config, sizeof(config));
	config.hwpt = how & 16 ? 0 : 1; /* the embedder's, which the kernel does not ask about */
	config.ioas = how & 16 ? 2 : 0;
	config.device = how & 32 ? 0 : 1; /* 0: it begins with the first device */
	config.calls = how >> 6;
	start(&config, ctx);
	if (start_guest(how)) {
		for (unsigned int steps = 0; in->left && steps < 512; steps++)
			step(ctx, in);
	}
	kernel_heal(k);
	viq_nest_smmuv3_destroy(w.nest);
	guest_free(w.g);
	w.g = NULL;
	(void)!viq_linux_vsmmu_destroy(w.vs);
}
