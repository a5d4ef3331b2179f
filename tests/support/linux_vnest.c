/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linux_vnest.h"

/* --- Hooks -------------------------------------------------------------------------------------------------------- */

static void on_trace(void *opaque, const struct viq_vtd_outcome *outcome)
{
	struct vnest *n = opaque;

	assert_int_equal(outcome->size, sizeof(*outcome));
	assert_in_range(outcome->fate, 0, VIQ_VTD_SET_FATES - 1);
	n->fates[outcome->fate]++;
	n->last = *outcome;
}

/* As a VMM does that keeps the vfio fd to itself. */
static int on_attach(void *opaque, uint32_t device, uint32_t pasid, uint32_t pt)
{
	struct vnest *n = opaque;
	uint32_t i = 0;

	if (n->attach_fails) {
		n->attach_fails -= n->attach_fails > 0;
		return -ENOMEM;
	}
	while (n->id[i] != device)
		assert_true(++i < n->devices);
	if (pasid)
		return pt ? viq_linux_vfio_attach_pasid(n->ctx, n->fd[i], pasid, pt)
			  : viq_linux_vfio_detach_pasid(n->ctx, n->fd[i], pasid);
	return pt ? viq_linux_vfio_attach(n->ctx, n->fd[i], pt) : viq_linux_vfio_detach(n->ctx, n->fd[i]);
}

/* By id; 0: it does not know. */
static int on_group(void *opaque, uint32_t device, uint32_t *group)
{
	const struct vnest *n = opaque;

	*group = 0;
	for (uint32_t i = 0; i < n->devices; i++) {
		if (n->id[i] == device)
			*group = n->fk->devices[i].group;
	}
	return *group ? 0 : -ENOENT;
}

static int on_reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
	struct vvtd *g = opaque;
	struct vnest *n = g->opaque;

	/* At creation there is no nest yet. */
	return n ? viq_nest_vtd_reconfig(n->nest, what) : 0;
}

static uint32_t on_sync(void *opaque)
{
	struct vvtd *g = opaque;
	struct vnest *n = g->opaque;

	return n ? viq_nest_vtd_sync(n->nest) : 0;
}

/* Everything that has a table is flushed by the kernel itself; the rest has no device-TLB here. */
static int on_devtlb(void *opaque, const struct viq_vtd_devtlb *inv)
{
	struct vvtd *g = opaque;
	struct vnest *n = g->opaque;

	n->devtlbs++;
	return 0;
}

static int on_page_response(void *opaque, const struct viq_vtd_page_response *response)
{
	struct vvtd *g = opaque;
	struct vnest *n = g->opaque;

	return viq_linux_vvtd_page_response(n->vv, response);
}

static void on_host_error(void *opaque, const struct viq_vtd_table *table, const struct viq_call_result *result)
{
	struct vvtd *g = opaque;
	struct vnest *n = g->opaque;

	n->host_errors++;
	n->failed = table->host;
}

/* --- Life --------------------------------------------------------------------------------------------------------- */

static void open_device(struct vnest *n, uint32_t device)
{
	n->fd[device] = fake_kernel_cdev(n->fk, device);
	assert_int_equal(viq_linux_vfio_bind(n->ctx, n->fd[device], &n->id[device], NULL), 0);
}

void vnest_reopen(struct vnest *n, uint32_t device)
{
	const struct fk_fault none = {0}, first = n->fk->faults[0], second = n->fk->faults[1];

	n->fk->faults[0] = n->fk->faults[1] = none;
	fake_kernel_cdev_close(n->fk, device);
	open_device(n, device);
	n->fk->faults[0] = first;
	n->fk->faults[1] = second;
}

struct vnest *vnest_kernel(uint32_t devices)
{
	struct vnest *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	n->fk = fake_kernel_new_vtd();
	n->ctx = fake_kernel_open(n->fk);
	n->devices = devices;
	for (uint32_t i = 0; i < devices; i++)
		open_device(n, i);
	assert_int_equal(viq_linux_ioas_alloc(n->ctx, &n->ioas), 0);
	assert_int_equal(
		viq_linux_hwpt_alloc(n->ctx, n->id[0], n->ioas, VIQ_LINUX_NEST_PARENT | VIQ_LINUX_PASID, &n->hwpt), 0);
	n->ops = (struct viq_linux_vvtd_ops){.size = sizeof(n->ops), .attach = on_attach, .group = on_group};
	viq_linux_vvtd_config_init(&n->config, sizeof(n->config));
	n->config.hwpt = n->hwpt;
	n->config.device = n->id[0];
	n->config.ops = &n->ops;
	n->config.opaque = n;
	vvtd_config(&n->guest_config);
	n->guest_config.ecap |= VREG(ECAP_RPS);
	return n;
}

int vnest_create(struct vnest *n)
{
	struct viq_nest_vtd_config config;
	int err;

	n->why.text[0] = 0;
	err = viq_linux_vvtd_create(n->ctx, &n->config, &n->vv, &n->why);
	if (err)
		return err;
	viq_nest_vtd_config_init(&config, sizeof(config));
	config.backend = viq_linux_vvtd_backend(n->vv);
	config.trace = on_trace;
	config.opaque = n;
	err = viq_nest_vtd_create(&config, &n->nest, NULL);
	if (err) {
		snprintf(n->why.text, sizeof(n->why.text), "no memory");
		assert_int_equal(viq_linux_vvtd_destroy(n->vv), 0);
		n->vv = NULL;
	}
	return err;
}

void vnest_guest(struct vnest *n)
{
	struct viq_vtd_config config = n->guest_config;

	viq_linux_vvtd_offer(n->vv, &config.cap, &config.ecap);
	n->guest_ops = (struct viq_vtd_ops){.size = sizeof(n->guest_ops),
					    .reconfig = on_reconfig,
					    .devtlb = on_devtlb,
					    .host_error = on_host_error,
					    .sync = on_sync,
					    .page_response = on_page_response};
	config.ops = &n->guest_ops;
	assert_int_equal(viq_linux_vvtd_check(n->vv, config.cap, config.ecap, &n->why), 0);
	n->g = vvtd_new(&config);
	n->g->opaque = n;
	n->g->lax = true; /* the fake kernel has the truth, not the harness's own hosts */
	vnest_bind(n, true);
}

void vnest_bind(struct vnest *n, bool on)
{
	n->bound = on;
	assert_int_equal(viq_nest_vtd_bind(n->nest, on ? n->g->vtd : NULL, on ? n->g->mem : NULL), 0);
}

void vnest_boot(struct vnest *n)
{
	for (uint32_t i = 0; i < FK_DEVICES; i++)
		vvtd_poke64(n->g, VNEST_ROOT + (uint64_t)(VNEST_SID(i) >> 8) * 16 + (i % 2) * 8, VNEST_CTX(i) | 1);
	vvtd_boot(n->g, 256, 1);
	vvtd_w64(n->g, VREG(RTADDR), VNEST_ROOT | VIQ_PUT(VREG(RTADDR_TTM), VREG(TTM_SCALABLE)));
	vvtd_gcmd(n->g, VREG(GCMD_SRTP), true);
	vvtd_gcmd(n->g, VREG(GCMD_TE), true);
}

struct vnest *vnest_new(uint32_t devices)
{
	struct vnest *n = vnest_kernel(devices);

	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	vnest_boot(n);
	return n;
}

static void free_guest(struct vnest *n)
{
	if (n->g)
		vvtd_free(n->g);
	n->g = NULL;
}

static void free_nest(struct vnest *n)
{
	n->bound = false;
	viq_nest_vtd_destroy(n->nest);
	n->nest = NULL;
}

void vnest_destroy(struct vnest *n)
{
	free_nest(n);
	free_guest(n);
	assert_int_equal(viq_linux_vvtd_destroy(n->vv), 0);
	n->vv = NULL;
}

size_t vnest_own_objects(const struct vnest *n)
{
	size_t bound = 0;

	for (uint32_t i = 0; i < n->devices; i++)
		bound += n->fk->devices[i].object_id != 0;
	return fake_kernel_objects(n->fk) - bound - 2;
}

static void free_kernel(struct vnest *n)
{
	viq_linux_close(n->ctx);
	for (uint32_t i = 0; i < n->devices; i++) {
		if (n->fk->devices[i].fd >= 0)
			fake_kernel_cdev_close(n->fk, i);
	}
	assert_int_equal(fake_kernel_leaks(n->fk), 0);
	assert_int_equal(n->fk->bad_handles, 0);
	fake_kernel_free(n->fk);
	free(n);
}

void vnest_free(struct vnest *n)
{
	if (n->vv)
		vnest_destroy(n);
	free_nest(n);
	free_guest(n);
	assert_int_equal(vnest_own_objects(n), 0);
	for (uint32_t i = 0; i < n->devices; i++) {
		assert_int_equal(n->fk->devices[i].attached, 0);
		for (uint32_t p = 0; p < FK_PASIDS; p++)
			assert_int_equal(n->fk->devices[i].pasids[p].attached, 0);
	}
	assert_int_equal(viq_linux_destroy(n->ctx, n->hwpt), 0);
	assert_int_equal(viq_linux_destroy(n->ctx, n->ioas), 0);
	free_kernel(n);
}

void vnest_free_leaky(struct vnest *n)
{
	free_nest(n);
	if (n->vv)
		viq_linux_vvtd_destroy(n->vv);
	free_guest(n);
	free_kernel(n);
}

int vnest_try_add(struct vnest *n, uint32_t device, uint16_t source_id)
{
	const struct viq_linux_vtd_device d = {
		.size = sizeof(d),
		.device = n->id[device],
		.fd = n->own_attach ? -1 : n->fd[device],
		.pasids = true,
		.page_requests = n->config.page_groups != 0,
	};

	int err;

	n->why.text[0] = 0;
	err = viq_linux_vvtd_add(n->vv, &d, source_id, &n->why);
	if (err || !n->bound)
		return err;
	err = viq_nest_vtd_follow(n->nest, source_id);
	if (err) {
		(void)!viq_linux_vvtd_remove(n->vv, source_id);
		snprintf(n->why.text, sizeof(n->why.text), "it cannot be set up");
	}
	return err;
}

int vnest_move(struct vnest *n, const struct viq_linux_move *moves, uint32_t count)
{
	int err = viq_linux_vvtd_move(n->vv, moves, count);

	for (uint32_t i = 0; i < count && n->bound; i++) {
		int one = viq_nest_vtd_follow(n->nest, (uint16_t)moves[i].to);

		err = err ? err : one;
	}
	return err;
}

void vnest_add(struct vnest *n, uint32_t device)
{
	int err = vnest_try_add(n, device, VNEST_SID(device));

	if (err)
		print_error("add: %s\n", n->why.text);
	assert_int_equal(err, 0);
}

/* --- The guest's tables ------------------------------------------------------------------------------------------- */

void vnest_context(struct vnest *n, uint32_t at, const uint64_t ctx[4])
{
	uint64_t gpa = VNEST_CTX(at) + 8 * 32; /* device-function 8 of its half */

	for (int i = 3; i >= 0; i--)
		vvtd_poke64(n->g, gpa + 8 * i, ctx[i]);
}

void vnest_context_on(struct vnest *n, uint32_t at)
{
	const uint64_t ctx[4] = {VIQ_VTD_SCTX_P | VIQ_VTD_SCTX_PASIDE | VNEST_DIR(at)};

	vnest_context(n, at, ctx);
}

uint64_t vnest_entry_gpa(uint32_t at, uint32_t pasid)
{
	return VNEST_TABLE(at) + (uint64_t)pasid * 64;
}

void vnest_entry(struct vnest *n, uint32_t at, uint32_t pasid, uint64_t qw0, uint64_t qw1, uint64_t qw2)
{
	uint64_t gpa = vnest_entry_gpa(at, pasid);

	assert_true(pasid <= VNEST_PASID_MAX);
	vvtd_poke64(n->g, VNEST_DIR(at) + pasid / 64 * 8, (VNEST_TABLE(at) + pasid / 64 * 4096) | 1);
	vvtd_poke64(n->g, gpa + 16, qw2);
	vvtd_poke64(n->g, gpa + 8, qw1);
	vvtd_poke64(n->g, gpa, qw0);
}

/* With the AW and PWSNP that Linux writes. */
void vnest_first(struct vnest *n, uint32_t at, uint32_t pasid, uint16_t did, uint64_t k)
{
	vnest_entry(n, at, pasid, VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_FS) | VIQ_PUT(VIQ_VTD_PE_AW, 2),
		    did | VIQ_VTD_PE_1_PWSNP, VNEST_PGTBL(k));
}

void vnest_clear(struct vnest *n, uint32_t at, uint32_t pasid)
{
	uint64_t gpa = vnest_entry_gpa(at, pasid);

	vvtd_poke64(n->g, gpa, vvtd_peek64(n->g, gpa) & ~VIQ_VTD_PE_P);
}

bool vnest_send(struct vnest *n, struct test_desc desc)
{
	vvtd_push(n->g, desc);
	vvtd_push_wait(n->g);
	vvtd_ring(n->g);
	return vvtd_completed(n->g, n->g->prod - 1);
}

void vnest_flush(struct vnest *n, uint16_t did, uint32_t pasid)
{
	assert_true(vnest_send(n, desc_pc(VREG(PC_PASID), did, pasid)));
}

bool vnest_retry(struct vnest *n)
{
	vvtd_w32(n->g, VREG(FSTS), VREG(FSTS_ITE));
	return vvtd_drain(n->g, 4);
}

void vnest_set(struct vnest *n, uint32_t at, uint32_t pasid, uint16_t did, uint64_t k)
{
	vnest_context_on(n, at);
	vnest_first(n, at, pasid, did, k);
	vnest_flush(n, did, pasid);
}

/* --- What is true ------------------------------------------------------------------------------------------------- */

enum fk_mode vnest_mode(const struct vnest *n, uint32_t device, uint32_t pasid)
{
	const struct fk_pasid *p = fake_kernel_pasid(n->fk, device, pasid);

	if (!pasid)
		return n->fk->devices[device].mode;
	return p ? p->mode : FK_BLOCKED;
}

const struct viq_linux_vtd_s1 *vnest_s1(const struct vnest *n, uint32_t device, uint32_t pasid)
{
	return pasid ? &fake_kernel_pasid(n->fk, device, pasid)->s1 : &n->fk->devices[device].s1;
}

uint32_t vnest_attached(const struct vnest *n, uint32_t device, uint32_t pasid)
{
	const struct fk_pasid *p = fake_kernel_pasid(n->fk, device, pasid);

	if (!pasid)
		return n->fk->devices[device].attached;
	return p ? p->attached : 0;
}

struct viq_linux_vtd_counters vnest_counters(const struct vnest *n)
{
	struct viq_linux_vtd_counters c;

	viq_linux_vvtd_counters(n->vv, &c, sizeof(c));
	return c;
}

size_t vnest_effects(const struct vnest *n, uint32_t hwpt, struct viq_vtd_s1_entry entry)
{
	size_t found = 0;

	for (size_t i = 0; i < n->fk->effect_count; i++) {
		const struct fk_effect *e = &n->fk->effects[i];

		found += e->viommu == hwpt && e->cmd[0] == entry.addr && e->cmd[1] == entry.npages &&
			 e->flags == entry.flags;
	}
	return found;
}
