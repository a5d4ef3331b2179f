/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <viq/linux_vtd.h>
#include <viq/nest_vtd.h>

#include "oracle/vvtd_model.h"
#include "support/linux_vnest.h"
#include "guest_vtd.h"
#include "linux.h"

#define FIRST_TABLE 16 /* guest_vtd.c uses those before */
#define PASIDS      3

static struct world {
	struct kernel *k;
	struct viq_linux_vvtd *vv;
	struct viq_vtd_backend_ops ops; /* its, but for listen() */
	struct viq_nest_vtd *nest;
	struct viq_vtd *bound;
	struct vvtd *g;
	bool at[KERNEL_DEVICES]; /* device n is at VNEST_SID(n) */
} w;

static const uint32_t pasids[PASIDS] = {0, 1, 70};

/* --- Hooks -------------------------------------------------------------------------------------------------------- */

static void done(void *opaque, uint32_t object, const uint64_t *entry)
{
	struct viq_vtd_s1_entry e;

	memcpy(&e, entry, sizeof(e));
	for (unsigned int i = FIRST_TABLE; w.g && i < w.g->table_count; i++) {
		const struct vvtd_table *t = &w.g->tables[i];

		if (t->attached && t->table.host.object == object)
			vvtd_host_effect(t->host, e);
	}
}

/* The harness knows each table, and attaches it itself: also to a new object, in a migration. */
static int attach_table(void *opaque, const struct viq_vtd_table *table, uint32_t *handle)
{
	struct vvtd *v = w.g;
	unsigned int i = FIRST_TABLE;
	int err;

	while (i < v->table_count && v->tables[i].attached)
		i++;
	if (i == VVTD_HOSTS)
		return -ENOMEM;
	if (i == v->table_count) {
		v->tables[i].host = vvtd_host_new(v);
		v->table_count++;
	}
	v->tables[i].table = *table;
	err = viq_vtd_attach(v->vtd, table, &v->tables[i].handle);
	if (err)
		return err;
	v->tables[i].attached = true;
	v->tables[i].time = ++v->time;
	v->tables[i].host->effect_count = 0;
	*handle = i;
	return 0;
}

static void detach_table(void *opaque, uint32_t handle)
{
	assert_true(w.g->tables[handle].attached);
	vvtd_detach(w.g, handle);
}

static int listen(void *opaque, const struct viq_vtd_listener *listener)
{
	static const struct viq_vtd_listener own = {
		.size = sizeof(own), .attach = attach_table, .detach = detach_table};

	return viq_linux_vvtd_listen(opaque, listener ? &own : NULL);
}

static void bind(void)
{
	if (w.bound == w.g->vtd)
		return;
	w.bound = w.g->vtd;
	assert_int_equal(viq_nest_vtd_bind(w.nest, w.bound, w.g->mem), 0);
}

static int on_reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
	if (!w.bound)
		return 0;
	bind();
	return viq_nest_vtd_reconfig(w.nest, what);
}

static uint32_t on_sync(void *opaque)
{
	return w.bound ? viq_nest_vtd_sync(w.nest) : 0;
}

static int on_page_response(void *opaque, const struct viq_vtd_page_response *response)
{
	int err = viq_linux_vvtd_page_response(w.vv, response);

	vvtd_log_add(w.g, (struct vvtd_log){.kind = VLOG_RESPONSE, .response = *response, .result = err});
	return err;
}

/* --- Operations --------------------------------------------------------------------------------------------------- */

static bool is_running(void)
{
	struct viq_vtd_tables tables = {.size = sizeof(tables)};

	assert_int_equal(viq_vtd_tables(w.g->vtd, &tables), 0);
	return tables.enabled && tables.root_set && tables.mode == VREG(TTM_SCALABLE) && tables.root == VNEST_ROOT;
}

/* May requests still do what the guest's entry does not say? kind: as in change(). */
static void check_entry(uint32_t device, uint32_t pasid, unsigned int kind, uint64_t k)
{
	for (size_t i = 0; i < w.k->attached_count && !w.k->confused; i++) {
		const struct kernel_attached *a = &w.k->attached[i];

		if (a->device != device || a->pasid != pasid || !a->pt)
			continue;
		if (a->nested)
			assert_true(kind == 1 && a->words[0] == VNEST_PGTBL(k));
		else
			assert_int_equal(kind, 2);
	}
}

static void plug(struct input *in)
{
	uint8_t how = input_u8(in);
	uint32_t n = (how & 3) % KERNEL_DEVICES;
	const struct viq_linux_vtd_device d = {.size = sizeof(d),
					       .device = 1 + n,
					       .fd = KERNEL_CDEV + (int)n,
					       .pasids = !(how & 4),
					       .page_requests = viq_linux_vvtd_page_fd(w.vv) >= 0 && how & 8};

	if (w.at[n]) {
		(void)!viq_linux_vvtd_remove(w.vv, VNEST_SID(n));
		w.at[n] = false;
		return;
	}
	w.at[n] = !viq_linux_vvtd_add(w.vv, &d, VNEST_SID(n), NULL);
	if (w.at[n])
		(void)!viq_nest_vtd_follow(w.nest, VNEST_SID(n));
}

/* There and back. */
static void move(struct input *in)
{
	uint32_t n = input_u8(in) % KERNEL_DEVICES;
	const struct viq_linux_move there = {VNEST_SID(n), 0x700}, back = {0x700, VNEST_SID(n)};

	if (!w.at[n])
		return;
	(void)!viq_linux_vvtd_move(w.vv, &there, 1);
	(void)!viq_nest_vtd_follow(w.nest, 0x700);
	(void)!viq_linux_vvtd_move(w.vv, &back, 1);
	(void)!viq_nest_vtd_follow(w.nest, VNEST_SID(n));
}

static void poke4(uint64_t gpa, const uint64_t words[4])
{
	for (int i = 3; i >= 0; i--)
		vvtd_poke64(w.g, gpa + 8 * (unsigned int)i, words[i]);
}

/* After the VMM has worked as long as there is something to do. */
static bool at_rest(void)
{
	for (unsigned int runs = 0; runs < 64 && viq_vtd_run(w.g->vtd, VIQ_WORK_UNLIMITED) > 0; runs++)
		;
	return vvtd_idle(w.g) && !viq_vtd_waits_for_host(w.g->vtd);
}

/* The driver's queue at rest: these descriptors, and a wait. true: all of them are done. */
static bool send(const struct test_desc *descs, uint32_t count)
{
	struct vvtd *v = w.g;
	uint64_t iqa = vvtd_r64(v, VREG(IQA)), size = iqa & VREG(IQA_DW) ? 32 : 16, bytes = 4096u << (iqa & 7);
	uint64_t tail = vvtd_r64(v, VREG(IQT));

	if (!at_rest() || !(vvtd_r32(v, VREG(GSTS)) & VREG(GSTS_QIES)) || (iqa & ~UINT64_C(0xfff)) != VVTD_QUEUE ||
	    tail % size)
		return false;
	vvtd_poke64(v, VVTD_STATUS, 0);
	for (uint32_t i = 0; i <= count; i++) {
		struct test_desc d = i < count ? descs[i] : desc_wait(true, false, true, VVTD_DONE, VVTD_STATUS);

		for (unsigned int word = 0; word < size / 8; word++)
			vvtd_poke64(v, VVTD_QUEUE + tail + 8 * word, d.qw[word]);
		tail = (tail + size) % bytes;
	}
	vvtd_w32(v, VREG(IQT), (uint32_t)tail);
	return at_rest() && vvtd_peek32(v, VVTD_STATUS) == VVTD_DONE;
}

/* As a driver changes a device's PASID-table entry: none, first stage, pass-through, second stage. */
static void change(struct input *in)
{
	uint8_t how = input_u8(in), what = input_u8(in);
	uint32_t n = (how & 3) % KERNEL_DEVICES, pasid = pasids[(how >> 2 & 3) % PASIDS];
	unsigned int kind = how >> 4 & 3;
	uint64_t k = what & 7, dir = VNEST_DIR(n) + pasid / 64 * 8;
	static const uint64_t pgtt[] = {0, VIQ_VTD_PGTT_FS, VIQ_VTD_PGTT_PT, VIQ_VTD_PGTT_SS};
	const uint64_t ctx[4] = {VIQ_VTD_SCTX_P | VIQ_VTD_SCTX_PASIDE | VNEST_DIR(n)};
	const uint64_t entry[4] = {(kind != 0) | VIQ_PUT(VIQ_VTD_PE_PGTT, pgtt[kind]) | VIQ_PUT(VIQ_VTD_PE_AW, 2),
				   (1 + pasid) | VIQ_VTD_PE_1_PWSNP, VNEST_PGTBL(k)};
	const struct test_desc descs[] = {desc_pc(VREG(PC_PASID), (uint16_t)(1 + pasid), pasid),
					  desc_piotlb(VREG(PIOTLB_PASID), (uint16_t)(1 + pasid), pasid, 0, 0, false),
					  desc_cc(VREG(CC_GLOBAL), 0, 0, 0), desc_pc(VREG(PC_GLOBAL), 0, 0)};
	bool is_new = vvtd_peek64(w.g, VNEST_CTX(n) + 8 * 32) != ctx[0];

	vvtd_poke64(w.g, VNEST_ROOT + (uint64_t)(VNEST_SID(n) >> 8) * 16 + (n % 2) * 8, VNEST_CTX(n) | 1);
	poke4(VNEST_CTX(n) + 8 * 32, ctx);
	vvtd_poke64(w.g, dir, (VNEST_TABLE(n) + pasid / 64 * 4096) | 1);
	poke4(VNEST_TABLE(n) + (uint64_t)pasid * 64, entry);
	if (send(descs, is_new || what & 0x80 ? 4 : 2) && w.at[n] && is_running())
		check_entry(n, pasid, kind, k);
}

/* Many pages of one PASID at once, an array of entries each time. */
static void fill(struct input *in)
{
	uint8_t how = input_u8(in), count = input_u8(in);
	uint32_t pasid = pasids[how % PASIDS];
	struct test_desc descs[UINT8_MAX];

	for (uint32_t i = 0; i < count; i++)
		descs[i] = desc_page((uint16_t)(1 + pasid), pasid, i);
	(void)send(descs, count);
}

static void step(struct viq_linux *ctx, struct input *in)
{
	uint8_t what = input_u8(in) % 21;

	w.k->calls = 0;
	if (what < 9) {
		guest_vtd_step(w.g, in);
	} else {
		guest_vtd_begin(w.g);
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
			(void)!viq_nest_vtd_faults(w.nest, input_u8(in));
			break;
		case 15:
			(void)!viq_nest_vtd_follow(w.nest, VNEST_SID(input_u8(in) % KERNEL_DEVICES));
			break;
		case 16:
			(void)!viq_nest_vtd_block(w.nest, VNEST_SID(input_u8(in) % KERNEL_DEVICES));
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
		guest_vtd_end(w.g);
	}
	bind();
	assert_true(w.k->calls < LINUX_CALLS);
}

/* --- Life --------------------------------------------------------------------------------------------------------- */

static void start(const struct viq_linux_vvtd_config *config, struct viq_linux *ctx)
{
	if (!viq_linux_vvtd_create(ctx, config, &w.vv, NULL))
		return;
	kernel_heal(w.k);
	assert_int_equal(viq_linux_vvtd_create(ctx, config, &w.vv, NULL), 0);
}

/* What the kernel has said of its hardware decides whether there can be a guest. */
static bool start_guest(uint8_t how)
{
	struct viq_nest_vtd_config nest;
	struct viq_vtd_config config;

	vvtd_config(&config);
	config.budget = how & 7;
	viq_linux_vvtd_offer(w.vv, &config.cap, &config.ecap);
	if (viq_linux_vvtd_check(w.vv, config.cap, config.ecap, NULL))
		return false;
	w.g = guest_vtd_new(&config);
	w.g->ops.reconfig = on_reconfig;
	w.g->ops.sync = on_sync;
	w.g->ops.page_response = on_page_response;
	vvtd_migrate(w.g);
	for (unsigned int i = 0; i < GUEST_VTD_HOSTS; i++)
		vvtd_host_new(w.g);
	w.g->table_count = FIRST_TABLE;
	viq_nest_vtd_config_init(&nest, sizeof(nest));
	nest.backend = viq_linux_vvtd_backend(w.vv);
	w.ops = *nest.backend.ops;
	w.ops.listen = listen;
	nest.backend.ops = &w.ops;
	assert_int_equal(viq_nest_vtd_create(&nest, &w.nest, NULL), 0);
	bind();
	vvtd_boot(w.g, how & 8 ? 128 : 256, 2);
	vvtd_w64(w.g, VREG(RTADDR), VNEST_ROOT | VIQ_PUT(VREG(RTADDR_TTM), VREG(TTM_SCALABLE)));
	vvtd_gcmd(w.g, VREG(GCMD_SRTP), true);
	vvtd_gcmd(w.g, VREG(GCMD_TE), true);
	return true;
}

void linux_vtd_run(struct kernel *k, struct viq_linux *ctx, struct input *in)
{
	struct viq_linux_vvtd_config config;
	uint8_t how = input_u8(in);

	memset(&w, 0, sizeof(w));
	w.k = k;
	k->done = done;
	viq_linux_vvtd_config_init(&config, sizeof(config));
	config.hwpt = 1;
	config.device = 1;
	config.max_tables = how & 16 ? 4 : 64;
	config.page_groups = how & 32 ? 4 : 0;
	start(&config, ctx);
	if (start_guest(how)) {
		for (unsigned int steps = 0; in->left && steps < 512; steps++)
			step(ctx, in);
	}
	kernel_heal(k);
	viq_nest_vtd_destroy(w.nest);
	if (w.g)
		vvtd_free(w.g);
	w.g = NULL;
	(void)!viq_linux_vvtd_destroy(w.vv);
}
