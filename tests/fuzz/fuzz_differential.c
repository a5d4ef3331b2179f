/* SPDX-License-Identifier: MIT */
/*
 * The same guest twice, with a VT-d on the software host and on the Linux host over the fake kernel. The two read a
 * guest's tables by different code: the software host itself (src/host/soft/vtd), the other by src/nest. What must
 * hold:
 *
 *   - after the guest has invalidated what it changed, each device's requests, with each PASID and without, reach the
 *     same, or nothing on both;
 *   - the guest sees the same registers, and its wait descriptors complete on both;
 *   - a system call that fails may block requests and make the queue wait, but lets nothing be reached that the other
 * one does not reach; once the kernel works again, everything is as on the other one.
 */
#include <errno.h>
#include <stdio.h>

#include <viq/soft_vtd.h>

#include "support/linux_vnest.h"
#include "input.h"

#define DEVICES  3
#define PASIDS   4                    /* 0: requests without */
#define ROOT_2   UINT64_C(0x00108000) /* with the first device's bus alone */
#define PGTBLS   4
#define PGTBL(k) (UINT64_C(0x00600000) + (k)*UINT64_C(0x10000)) /* six pages: levels 5 to 1, and what they map */
#define DATA(k)  (PGTBL(k) + 0x5000)
#define BLOCKED  UINT64_MAX
#define UNKNOWN  (UINT64_MAX - 1)

static const uint32_t pasids[PASIDS] = {0, 1, 5, 70};

static struct pair {
	struct vnest *n; /* on Linux */
	struct vvtd *soft_guest;
	struct vvtd *guests[3]; /* both, and NULL */
	struct viq_soft_vtd *soft;
	struct viq_nest_vtd *soft_nest;
	struct viq_soft_vtd_dev *devs[DEVICES];
	bool here[DEVICES];
	bool dirty;    /* the guest has changed what it has not invalidated */
	bool troubled; /* a system call has failed, or will */
} w;

/* --- The software host's side ------------------------------------------------------------------------------------- */

static int soft_reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
	return w.soft_nest ? viq_nest_vtd_reconfig(w.soft_nest, what) : 0;
}

static int soft_devtlb(void *opaque, const struct viq_vtd_devtlb *inv)
{
	return w.soft ? viq_soft_vtd_devtlb(w.soft, inv) : 0;
}

static void soft_start(void)
{
	struct viq_vtd_config config = w.n->g->config;
	struct viq_soft_vtd_config soft;
	struct viq_nest_vtd_config nest;

	config.mem = NULL;
	config.ops = NULL;
	w.soft_guest = vvtd_new(&config);
	w.soft_guest->lax = true;
	w.soft_guest->ops.reconfig = soft_reconfig;
	w.soft_guest->ops.devtlb = soft_devtlb;
	vvtd_migrate(w.soft_guest);
	viq_soft_vtd_config_init(&soft, sizeof(soft));
	soft.cap = config.cap;
	soft.ecap = config.ecap;
	soft.haw = 52;
	soft.mem = w.soft_guest->mem;
	soft.tlb_entries = 64;
	soft.devtlb_entries = 16;
	assert_int_equal(viq_soft_vtd_create(&soft, &w.soft, NULL), 0);
	viq_nest_vtd_config_init(&nest, sizeof(nest));
	nest.backend = viq_soft_vtd_backend(w.soft);
	assert_int_equal(viq_nest_vtd_create(&nest, &w.soft_nest, NULL), 0);
	assert_int_equal(viq_nest_vtd_bind(w.soft_nest, w.soft_guest->vtd, w.soft_guest->mem), 0);
}

/* --- Both --------------------------------------------------------------------------------------------------------- */

#define for_both(v) for (struct vvtd * v, **both_ = w.guests; (v = *both_) != NULL; both_++)

static void poke(uint64_t gpa, uint64_t value)
{
	for_both(v) vvtd_poke64(v, gpa, value);
}

static bool is_waiting(void)
{
	return w.troubled && !vvtd_idle(w.n->g);
}

static void send(struct test_desc desc)
{
	for_both(v)
	{
		vvtd_push(v, desc);
		vvtd_push_wait(v);
		vvtd_ring(v);
	}
	if (!w.troubled) {
		assert_true(vvtd_completed(w.n->g, w.n->g->prod - 1));
		assert_true(vvtd_completed(w.soft_guest, w.soft_guest->prod - 1));
	}
}

/* While it is not, requests with PASID pass on the software host, which Linux cannot be told of 2^20 PASIDs. */
static bool is_enabled(void)
{
	return vvtd_r32(w.soft_guest, VREG(GSTS)) & VREG(GSTS_TES);
}

/* Else descriptors of 256 bits are illegal, and nothing can be invalidated. */
static bool is_scalable(void)
{
	struct viq_vtd_tables tables = {.size = sizeof(tables)};

	assert_int_equal(viq_vtd_tables(w.soft_guest->vtd, &tables), 0);
	return tables.mode == VREG(TTM_SCALABLE);
}

static void flush(void)
{
	if (!is_scalable())
		return;
	send(desc_cc(VREG(CC_GLOBAL), 0, 0, 0));
	send(desc_pc(VREG(PC_GLOBAL), 0, 0));
	send(desc_iotlb(VREG(IOTLB_GLOBAL), 0, 0, 0, false));
	w.dirty = is_waiting();
}

/* --- What is reached ---------------------------------------------------------------------------------------------- */

/* Address 0 by the page table that the kernel was given. */
static uint64_t by_table(const struct viq_linux_vtd_s1 *s1)
{
	for (unsigned int k = 0; k < PGTBLS; k++) {
		if (s1->pgtbl_addr == PGTBL(k) + (s1->addr_width == 57 ? 0 : 0x1000))
			return DATA(k);
	}
	/* Another place, which the software host walks as it is. */
	return UNKNOWN;
}

static uint64_t on_linux(uint32_t device, uint32_t pasid)
{
	switch (vnest_mode(w.n, device, pasid)) {
	case FK_TRANSLATE:
		return by_table(vnest_s1(w.n, device, pasid));
	case FK_BYPASS:
	case FK_OWN_TABLES:
		return 0;
	default:
		return BLOCKED;
	}
}

static uint64_t on_soft(uint32_t device, uint32_t pasid)
{
	struct viq_soft_xlate x = {0};
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_vtd_translate(w.devs[device], 0, pasid, VIQ_SOFT_READ | (pasid ? VIQ_SOFT_SSV : 0), &x);
	viq_soft_access_end();
	return ret ? BLOCKED : x.pa;
}

static void compare(void)
{
	for (uint32_t d = 0; d < DEVICES && !w.dirty; d++) {
		/* What it has cached of page tables, perhaps another device's, is not the question. */
		if (w.here[d])
			assert_int_equal(viq_soft_vtd_parent_invalidate(w.soft, 0, 0), 0);
		for (uint32_t p = 0; p < PASIDS && w.here[d] && (!p || is_enabled()); p++) {
			uint64_t a = on_linux(d, pasids[p]), b = on_soft(d, pasids[p]);

			if (a == UNKNOWN || (w.troubled && a == BLOCKED))
				continue;
			if (a != b)
				fail_msg("device %u, PASID %u: %#llx on Linux, %#llx on the software host", d,
					 pasids[p], (unsigned long long)a, (unsigned long long)b);
		}
	}
	if (w.troubled)
		return;
	assert_int_equal(vvtd_r64(w.n->g, VREG(IQH)), vvtd_r64(w.soft_guest, VREG(IQH)));
	assert_int_equal(vvtd_r32(w.n->g, VREG(GSTS)), vvtd_r32(w.soft_guest, VREG(GSTS)));
	assert_int_equal(vvtd_r32(w.n->g, VREG(FSTS)), vvtd_r32(w.soft_guest, VREG(FSTS)));
	assert_int_equal(vvtd_r32(w.n->g, VREG(ICS)), vvtd_r32(w.soft_guest, VREG(ICS)));
	assert_int_equal(vvtd_r64(w.n->g, VREG(IQERCD)), vvtd_r64(w.soft_guest, VREG(IQERCD)));
}

/* --- Operations --------------------------------------------------------------------------------------------------- */

/* Mostly 0. */
static uint64_t flip(struct input *in)
{
	uint8_t bit = input_u8(in);

	return bit < 64 ? UINT64_C(1) << bit : 0;
}

static void context(struct input *in)
{
	uint8_t how = input_u8(in);
	uint32_t d = (how & 3) % DEVICES;
	uint64_t at = VNEST_CTX(d) + 8 * 32;
	uint64_t qw0 = (how & 4 ? VREG(SCTX_P) : 0) | (how & 8 ? VREG(SCTX_PASIDE) : 0) |
		       (how & 0x10 ? VREG(SCTX_DTE) : 0) | VNEST_DIR(d);

	poke(at + 8, pasids[how >> 6] ^ flip(in));
	poke(at, qw0 ^ flip(in));
	w.dirty = true;
	if (!(how & 0x20))
		flush();
}

/* And the descriptor for it, or one for all of its domain. */
static void entry(struct input *in)
{
	static const uint64_t pgtt[] = {VREG(PGTT_FS), VREG(PGTT_FS), VREG(PGTT_PT), VREG(PGTT_NESTED)};
	uint8_t how = input_u8(in), what = input_u8(in);
	uint32_t d = (how & 3) % DEVICES, pasid = pasids[how >> 2 & 3], k = what & 3;
	uint64_t at = vnest_entry_gpa(d, pasid), dir = VNEST_DIR(d) + pasid / 64 * 8;
	uint64_t was = vvtd_peek64(w.n->g, at + 8) & VREG(PE_1_DID), did = 1 + (what >> 2 & 3), five = what & 0x10;
	uint64_t qw2 = (five ? PGTBL(k) | 4 : PGTBL(k) + 0x1000) | (what & 0x20 ? VREG(PE_2_SRE) : 0);
	bool clean = !w.dirty;

	poke(dir, (VNEST_TABLE(d) + pasid / 64 * 4096) | 1);
	poke(at + 16, qw2 ^ flip(in));
	poke(at + 8, (did | VREG(PE_1_PWSNP)) ^ (flip(in) & ~VREG(PE_1_DID)));
	poke(at,
	     ((how & 0x10 ? 0 : VREG(PE_P)) | VIQ_PUT(VREG(PE_PGTT), pgtt[how >> 5 & 3]) | VIQ_PUT(VREG(PE_AW), 2)) ^
		     flip(in));
	w.dirty = true;
	if (how & 0x80 || is_waiting() || !is_scalable())
		return;
	if (what & 0x80) {
		send(desc_pc(VREG(PC_DOMAIN), (uint16_t)was, 0));
		send(desc_pc(VREG(PC_DOMAIN), (uint16_t)did, 0));
	} else {
		send(desc_pc(VREG(PC_PASID), (uint16_t)was, pasid));
		send(desc_pc(VREG(PC_PASID), (uint16_t)did, pasid));
	}
	send(desc_piotlb(VREG(PIOTLB_PASID), (uint16_t)was, pasid, 0, 0, false));
	w.dirty = !clean || is_waiting();
}

/* A directory entry or half of a root entry. */
static void upper(struct input *in)
{
	uint8_t how = input_u8(in);
	uint32_t d = (how & 3) % DEVICES;
	uint64_t root = how & 4 ? ROOT_2 : VNEST_ROOT;

	if (how & 8)
		poke(VNEST_DIR(d) + (how & 0x10) / 2,
		     (VNEST_TABLE(d) + (how & 0x10) * 256u) | (how >> 5 & 1) | flip(in));
	else
		poke(root + (uint64_t)(VNEST_SID(d) >> 8) * 16 + (d % 2) * 8, VNEST_CTX(d) | (how >> 5 & 1) | flip(in));
	w.dirty = true;
	if (!(how & 0x40))
		flush();
}

static void translation(struct input *in)
{
	uint8_t how = input_u8(in);

	/* What waits in the queue would be illegal in another mode. */
	if (is_waiting())
		return;
	for_both(v)
	{
		if (how & 1) {
			vvtd_w64(v, VREG(RTADDR),
				 (how & 4 ? ROOT_2 : VNEST_ROOT) |
					 VIQ_PUT(VREG(RTADDR_TTM), how & 8 ? how >> 4 & 3 : VREG(TTM_SCALABLE)));
			vvtd_w32(v, VREG(GCMD), (vvtd_r32(v, VREG(GSTS)) & 0x96ffffff) | VREG(GCMD_SRTP));
		}
		vvtd_w32(v, VREG(GCMD),
			 (vvtd_r32(v, VREG(GSTS)) & 0x96ffffff & ~VREG(GCMD_TE)) | (how & 2 ? 0 : VREG(GCMD_TE)));
	}
	w.dirty = w.troubled; /* it reads all of them */
	flush();
}

static void plug(struct input *in)
{
	uint32_t d = (input_u8(in) & 3) % DEVICES;

	if (w.here[d]) {
		w.here[d] = false;
		if (viq_linux_vvtd_remove(w.n->vv, VNEST_SID(d))) {
			w.dirty = true;
			vnest_reopen(w.n, d);
		}
		assert_int_equal(viq_soft_vtd_dev_free(w.devs[d]), 0);
		return;
	}
	if (vnest_try_add(w.n, d, VNEST_SID(d))) {
		assert_true(w.troubled);
		vnest_reopen(w.n, d);
		return;
	}
	assert_int_equal(viq_soft_vtd_dev_alloc(w.soft, VNEST_SID(d), &w.devs[d], NULL), 0);
	w.here[d] = true;
}

static void trouble(struct input *in)
{
	static const int errors[] = {-ENOMEM, -EIO, -EBUSY, -EINTR, -EINVAL, -ETIMEDOUT, -EAGAIN, -EFAULT};
	uint8_t how = input_u8(in), when = input_u8(in);

	w.n->fk->faults[how & 1] = (struct fk_fault){
		.first = w.n->fk->calls + 1 + when % 32, .times = 1 + when / 32, .err = errors[how >> 1 & 7]};
	w.troubled = true;
}

/* The kernel works again: what waits goes on, and what is blocked is set. */
static void recover(void)
{
	memset(w.n->fk->faults, 0, sizeof(w.n->fk->faults));
	for (unsigned int i = 0; i < 8 && !vvtd_idle(w.n->g); i++) {
		vvtd_w32(w.n->g, VREG(FSTS), VREG(FSTS_ITE));
		vvtd_retry(w.n->g);
	}
	assert_true(vvtd_idle(w.n->g));
	w.troubled = false;
	flush();
}

/* Of any type: both do the same with it. */
static void any(struct input *in)
{
	struct test_desc desc = {
		{input_u8(in) % 10 | (uint64_t)input_u32(in) << 4, input_u8(in) & 1 ? input_u64(in) : 0}};

	if ((desc.qw[0] & 0xf) == 5 || (desc.qw[0] & 0xf) == 9 || !is_scalable() || is_waiting())
		return;
	for_both(v)
	{
		vvtd_push(v, desc);
		vvtd_ring(v);
	}
	w.dirty |= w.troubled;
	if (vvtd_r32(w.soft_guest, VREG(FSTS)) & VREG(FSTS_IQE)) {
		for_both(v)
		{
			vvtd_replace_desc(v, v->prod - 1, desc_wait(false, false, true, 0, 0));
			vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
		}
	}
}

static void step(struct input *in)
{
	switch (input_u8(in) % 16) {
	case 0:
	case 1:
		context(in);
		break;
	case 2:
		upper(in);
		break;
	case 3:
		translation(in);
		break;
	case 4:
	case 5:
		plug(in);
		break;
	case 6:
		trouble(in);
		break;
	case 7:
		recover();
		break;
	case 8:
		any(in);
		break;
	case 9:
		flush();
		break;
	default:
		entry(in);
		break;
	}
	compare();
	for_both(v) vvtd_forget(v);
}

/* --- Life --------------------------------------------------------------------------------------------------------- */

static void tables(void)
{
	/* Flags that must be set fault without PWSNP (3.10), which Linux decides itself and does not ask the guest for.
	 */
	const uint64_t flags = VREG(FS_P) | VREG(FS_RW) | VREG(FS_US) | VREG(FS_A) | VREG(FS_EA);

	for (uint32_t k = 0; k < PGTBLS; k++) {
		for (uint32_t level = 0; level < 5; level++)
			poke(PGTBL(k) + level * 0x1000, (PGTBL(k) + (level + 1) * 0x1000) | flags);
	}
	for (uint32_t d = 0; d < DEVICES; d++)
		poke(VNEST_ROOT + (uint64_t)(VNEST_SID(d) >> 8) * 16 + (d % 2) * 8, VNEST_CTX(d) | 1);
	poke(ROOT_2 + 16, VNEST_CTX(0) | 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool registered;
	struct input in = {data, size};

	if (!registered)
		assert_int_equal(viq_soft_thread_register(), 0);
	registered = true;
	memset(&w, 0, sizeof(w));
	w.n = vnest_kernel(DEVICES);
	assert_int_equal(vnest_create(w.n), 0);
	vnest_guest(w.n);
	soft_start();
	w.guests[0] = w.n->g;
	w.guests[1] = w.soft_guest;
	tables();
	for_both(v)
	{
		vvtd_boot(v, 256, 4);
		vvtd_w64(v, VREG(RTADDR), VNEST_ROOT | VIQ_PUT(VREG(RTADDR_TTM), VREG(TTM_SCALABLE)));
		vvtd_gcmd(v, VREG(GCMD_SRTP), true);
		vvtd_gcmd(v, VREG(GCMD_TE), true);
	}
	for (unsigned int steps = 0; in.left && steps < 256; steps++)
		step(&in);
	recover();
	compare();
	viq_nest_vtd_destroy(w.soft_nest);
	for (uint32_t d = 0; d < DEVICES; d++) {
		if (w.here[d])
			assert_int_equal(viq_soft_vtd_dev_free(w.devs[d]), 0);
	}
	viq_soft_vtd_destroy(w.soft);
	vvtd_free(w.soft_guest);
	vnest_free(w.n);
	return 0;
}
