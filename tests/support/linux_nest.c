/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linux_nest.h"

/* --- Hooks -------------------------------------------------------------------------------------------------------- */

static void on_trace(void *opaque, const struct viq_smmuv3_outcome *trace)
{
	struct nest *n = opaque;

	assert_int_equal(trace->size, sizeof(*trace));
	assert_in_range(trace->fate, 0, NEST_FATES - 1);
	n->fates[trace->fate]++;
	n->last = *trace;
}

/* As a VMM does that keeps the vfio fd to itself. */
static int on_attach(void *opaque, uint32_t device, uint32_t pasid, uint32_t pt)
{
	struct nest *n = opaque;
	uint32_t i = 0;

	assert_int_equal(pasid, 0);
	if (n->attach_fails) {
		n->attach_fails -= n->attach_fails > 0;
		return -ENOMEM;
	}
	while (n->id[i] != device)
		assert_true(++i < n->devices);
	return pt ? viq_linux_vfio_attach(n->ctx, n->fd[i], pt) : viq_linux_vfio_detach(n->ctx, n->fd[i]);
}

/* By id; 0: it does not know. */
static int on_group(void *opaque, uint32_t device, uint32_t *group)
{
	const struct nest *n = opaque;

	*group = 0;
	for (uint32_t i = 0; i < n->devices; i++) {
		if (n->id[i] == device)
			*group = n->fk->devices[i].group;
	}
	return *group ? 0 : -ENOENT;
}

static int on_reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	struct vsmmu *g = opaque;
	struct nest *n = g->opaque;

	return viq_nest_smmuv3_reconfig(n->nest, what);
}

int nest_reconfig(struct nest *n, enum viq_smmuv3_reconfig_cause cause, uint32_t first, uint32_t last)
{
	struct viq_smmuv3_reconfig what = {.size = sizeof(what), .cause = cause, .first = first, .last = last};

	return viq_nest_smmuv3_reconfig(n->nest, &what);
}

/* --- Life --------------------------------------------------------------------------------------------------------- */

struct nest *nest_kernel(uint32_t devices)
{
	struct nest *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	n->fk = fake_kernel_new();
	n->ctx = fake_kernel_open(n->fk);
	n->fk->smmus[0].idr[0] |= 1 << 24; /* STALL_MODEL: no stalls */
	n->devices = devices;
	for (uint32_t i = 0; i < devices; i++) {
		n->fk->devices[i].max_pasid_log2 = 20;
		n->fd[i] = fake_kernel_cdev(n->fk, i);
		assert_int_equal(viq_linux_vfio_bind(n->ctx, n->fd[i], &n->id[i], NULL), 0);
	}
	assert_int_equal(viq_linux_ioas_alloc(n->ctx, &n->ioas), 0);
	assert_int_equal(viq_linux_hwpt_alloc(n->ctx, n->id[0], n->ioas, VIQ_LINUX_NEST_PARENT, &n->hwpt), 0);
	n->ops = (struct viq_linux_vsmmu_ops){.size = sizeof(n->ops), .attach = on_attach, .group = on_group};
	viq_linux_vsmmu_config_init(&n->config, sizeof(n->config));
	n->config.hwpt = n->hwpt;
	n->config.device = n->id[0];
	n->config.ops = &n->ops;
	n->config.opaque = n;
	return n;
}

int nest_create(struct nest *n)
{
	n->why.text[0] = 0;
	return viq_linux_vsmmu_create(n->ctx, &n->config, &n->vs, &n->why);
}

void nest_guest(struct nest *n)
{
	const struct viq_nest_smmuv3_ops ops = {.size = sizeof(ops), .trace = on_trace};
	const struct viq_smmuv3_backend backend = viq_linux_vsmmu_backend(n->vs);
	struct viq_smmuv3_config config;

	assert_int_equal(viq_nest_smmuv3_create(&ops, n, &n->nest, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_join(n->nest, &backend, &n->why), 0);

	vsmmu_config(&config);
	config.idr1 = (config.idr1 & ~REG(IDR1_SIDSIZE)) | VIQ_PUT(REG(IDR1_SIDSIZE), 16);
	viq_nest_smmuv3_offer(n->nest, true, &config);
	config.host = viq_linux_vsmmu_host(n->vs);
	n->guest_ops = (struct viq_smmuv3_ops){.size = sizeof(n->guest_ops), .reconfig = on_reconfig};
	config.ops = &n->guest_ops;
	n->g = vsmmu_new(&config);
	n->g->opaque = n;
	n->g->lax = true; /* the fake kernel has the truth, not the harness's own host */
	assert_int_equal(viq_nest_smmuv3_bind(n->nest, n->g->smmu, &n->why), 0);
}

struct nest *nest_new(uint32_t devices)
{
	struct nest *n = nest_kernel(devices);

	assert_int_equal(nest_create(n), 0);
	nest_guest(n);
	return n;
}

static void free_guest(struct nest *n)
{
	viq_nest_smmuv3_destroy(n->nest);
	n->nest = NULL;
	if (n->g)
		vsmmu_free(n->g);
	n->g = NULL;
}

void nest_destroy(struct nest *n)
{
	free_guest(n);
	assert_int_equal(viq_linux_vsmmu_destroy(n->vs), 0);
	n->vs = NULL;
}

size_t nest_own_objects(const struct nest *n)
{
	size_t bound = 0;

	for (uint32_t i = 0; i < n->devices; i++)
		bound += n->fk->devices[i].object_id != 0;
	return fake_kernel_objects(n->fk) - bound - 2;
}

static void free_kernel(struct nest *n)
{
	viq_linux_close(n->ctx);
	for (uint32_t i = 0; i < n->devices; i++) {
		if (n->fk->devices[i].fd >= 0)
			fake_kernel_cdev_close(n->fk, i);
	}
	assert_int_equal(fake_kernel_leaks(n->fk), 0);
	assert_int_equal(n->fk->bad_handles, 0);
	assert_int_equal(n->fk->wedged, 0);
	fake_kernel_free(n->fk);
	free(n);
}

void nest_free(struct nest *n)
{
	if (n->vs)
		nest_destroy(n);
	free_guest(n);
	assert_int_equal(nest_own_objects(n), 0);
	for (uint32_t i = 0; i < n->devices; i++)
		assert_int_equal(n->fk->devices[i].attached, 0);
	assert_int_equal(viq_linux_destroy(n->ctx, n->hwpt), 0);
	assert_int_equal(viq_linux_destroy(n->ctx, n->ioas), 0);
	free_kernel(n);
}

void nest_free_leaky(struct nest *n)
{
	free_guest(n);
	viq_linux_vsmmu_destroy(n->vs);
	free_kernel(n);
}

/* A device that cannot follow the guest's tables is not kept. */
static int add(struct nest *n, const struct viq_linux_device *d, uint32_t vsid, struct viq_why *why)
{
	int err = viq_linux_vsmmu_add(n->vs, d, vsid, why);

	if (err || !n->g)
		return err;
	err = viq_nest_smmuv3_follow(n->nest, vsid);
	if (!err)
		return 0;
	assert_int_equal(n->last.vsid, vsid);
	snprintf(why->text, sizeof(why->text), "cannot be attached: %s", strerror(-n->last.os_error));
	(void)!viq_linux_vsmmu_remove(n->vs, vsid); /* err says why */
	return err;
}

int nest_try_add(struct nest *n, uint32_t device, uint32_t vsid, bool ats)
{
	const struct viq_linux_device d = {
		.size = sizeof(d),
		.device = n->id[device],
		.fd = n->own_attach ? -1 : n->fd[device],
		.ats = ats,
	};

	n->why.text[0] = 0;
	return add(n, &d, vsid, &n->why);
}

int nest_move(struct nest *n, const struct viq_linux_move *moves, uint32_t count)
{
	int err = viq_linux_vsmmu_move(n->vs, moves, count), first = err;

	if (err == -ENOENT || err == -EEXIST || err == -EINVAL || !n->g)
		return err;
	for (uint32_t i = 0; i < count; i++) {
		err = viq_nest_smmuv3_follow(n->nest, moves[i].to);
		if (err && err != -ENOENT)
			(void)!viq_linux_vsmmu_remove(n->vs, moves[i].to);
		if (!first)
			first = err;
	}
	return first;
}

void nest_add(struct nest *n, uint32_t device, uint32_t vsid)
{
	int err = nest_try_add(n, device, vsid, true);

	if (err)
		print_error("add: %s\n", n->why.text);
	assert_int_equal(err, 0);
}

/* --- The guest ---------------------------------------------------------------------------------------------------- */

void nest_enable(struct nest *n, bool on)
{
	uint32_t cr0 = vsmmu_r32(n->g, REG(CR0));

	vsmmu_w32(n->g, REG(CR0), on ? cr0 | REG(CR0_SMMUEN) : cr0 & ~REG(CR0_SMMUEN));
}

void nest_boot(struct nest *n, bool two_level)
{
	n->two_level = two_level;
	vsmmu_poke64(n->g, VSMMU_STRTAB, two_level ? NEST_L2 | 9 : 0);
	vsmmu_boot(n->g, 8);
	if (two_level)
		return;
	nest_enable(n, false);
	vsmmu_w32(n->g, REG(STRTAB_BASE_CFG), 8);
	nest_enable(n, true);
}

void nest_ste(struct nest *n, uint32_t sid, uint64_t dw0, uint64_t dw1)
{
	uint64_t gpa = (n->two_level ? NEST_L2 : VSMMU_STRTAB) + (uint64_t)sid * 64;

	vsmmu_poke64(n->g, gpa + 8, dw1);
	vsmmu_poke64(n->g, gpa, dw0);
}

void nest_stage1(struct nest *n, uint32_t sid)
{
	nest_ste(n, sid, NEST_S1_0(sid), NEST_S1_1);
}

bool nest_send(struct nest *n, struct test_cmd cmd)
{
	vsmmu_push_test(n->g, cmd);
	vsmmu_push_sync(n->g);
	vsmmu_ring(n->g);
	n->g->cons = n->g->synced = vsmmu_observe(n->g);
	return vsmmu_idle(n->g);
}

bool nest_try_cfgi_ste(struct nest *n, uint32_t sid)
{
	return nest_send(n, cmd_cfgi_ste(sid));
}

void nest_cfgi_ste(struct nest *n, uint32_t sid)
{
	assert_true(nest_try_cfgi_ste(n, sid));
}

void nest_acknowledge(struct nest *n)
{
	vsmmu_w32(n->g, REG(GERRORN), vsmmu_r32(n->g, REG(GERROR)));
	vsmmu_observe(n->g);
}

/* --- What is true ------------------------------------------------------------------------------------------------- */

enum fk_mode nest_mode(const struct nest *n, uint32_t device)
{
	return n->fk->devices[device].mode;
}

size_t nest_effects(const struct nest *n, unsigned int op, uint32_t vsid)
{
	size_t found = 0;

	for (size_t i = 0; i < n->fk->effect_count; i++) {
		const uint64_t *cmd = n->fk->effects[i].cmd;

		found += (cmd[0] & 0xff) == op && cmd[0] >> 32 == vsid;
	}
	return found;
}

struct viq_linux_counters nest_counters(const struct nest *n)
{
	struct viq_linux_counters c;

	viq_linux_vsmmu_counters(n->vs, &c, sizeof(c));
	return c;
}
