/* SPDX-License-Identifier: MIT */
/* The queue end to end: what descriptors become, when IQH moves, what wait descriptors do and when. */
#include <errno.h>
#include <string.h>

#include "support/vvtd.h"

/* What Linux sends, word for word, and what the descriptors mean. */
static const struct vector {
	uint64_t qw0, qw1;
	struct viq_vtd_s1_entry entry; /* npages 0: none */
} vectors[] = {
	{0x4, 0, {0}},
	{0x1000000014, 0, {0}},
	{0x11, 0, {0}},
	{0x37, 0, {0}},
	{0xd2, 0, {0, UINT64_MAX, 0, 0}},
	{0x400e2, 0, {0, UINT64_MAX, 0, 0}},
	{0x400f2, 0xffffd040, {0, UINT64_MAX, 0, 0}},
	{0x40036, 0xffda0045, {0xffda0000, 32, 1, 0}},
	{0x40036, 0xffda3005, {0xffda0000, 32, 0, 0}},
	{0x40036, 0xffffd000, {0xffffd000, 1, 0, 0}},
	{0x40036, 0xffd7c002, {0xffd7c000, 4, 0, 0}},
	{0x40036, 0x40000009, {0x40000000, 512, 0, 0}},
	{0x40036, 0x40000052, {0x40000000, 262144, 1, 0}},
	{0x40036, 0x40000034, {0, UINT64_MAX, 0, 0}},
	{0x40036, 0x4000007f, {0, UINT64_MAX, 0, 0}},
	{0x40036, 0xfffffffffffff073, {0x8000000000000000, UINT64_C(1) << 51, 1, 0}},
	{0x40026, 0, {0, UINT64_MAX, 0, 0}},
	{0x40017, 0, {0}},
	{0x0000010000000031, 0, {0}},
	{0x200000045, 0, {0}},
	{0x50036, 0xffda0045, {0}}, /* another domain */
	{0x500040036, 0xffda0045, {0}},
};

#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static void test_real_descriptors(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);

	vvtd_attach(v, host, 4, 0, 0x100, VIQ_VTD_TABLE_RID);
	vvtd_boot(v, 256, 1);
	for (size_t i = 0; i < VECTORS; i++) {
		vvtd_forget(v);
		vvtd_submit(v, (struct test_desc){{vectors[i].qw0, vectors[i].qw1, 0, 0}});
		assert_vidle(v);
		assert_true(vvtd_completed(v, v->prod - 1));
		assert_int_equal(host->effect_count, vectors[i].entry.npages ? 1 : 0);
		if (host->effect_count)
			assert_memory_equal(&host->effects[0].entry, &vectors[i].entry, sizeof(vectors[i].entry));
	}
	vvtd_free(v);
}

/* The same in long runs, with an address that changes, with one table and with two. */
static void test_long_runs(void **state)
{
	for (unsigned int tables = 1; tables <= 2; tables++) {
		struct vvtd *v = vvtd_new(NULL);
		struct vvtd_host *hosts[2] = {vvtd_host_new(v), vvtd_host_new(v)};

		for (unsigned int t = 0; t < tables; t++)
			vvtd_attach(v, hosts[t], 4, 0, 0x100 + t, VIQ_VTD_TABLE_RID);
		vvtd_boot(v, 256, 3);
		for (size_t i = 0; i < 2 * VECTORS; i++) {
			const struct vector *vector = &vectors[i / 2];
			bool pages = (vector->qw0 & 0x3f) == 0x36 && vector->entry.npages == 1;
			/* In every other run IH is the other way round, where it is no reserved bit. */
			uint64_t ih = i % 2 && ((vector->qw0 & 0xf) == 2 || (vector->qw0 & 0xf) == 6) ? 0x40 : 0;

			vvtd_forget(v);
			for (unsigned int n = 0; n < 200; n++)
				vvtd_push(v, (struct test_desc){
						     {vector->qw0, (vector->qw1 + (pages ? n << 12 : 0)) ^ ih, 0, 0}});
			vvtd_push_wait(v);
			vvtd_ring(v);
			assert_true(vvtd_drain(v, 10));
			for (unsigned int t = 0; t < tables; t++) {
				/* Everything once will do for all of them: its call is made after they were read. */
				if (vector->entry.npages == UINT64_MAX)
					assert_int_equal(hosts[t]->effect_count, 1);
				else
					assert_int_equal(hosts[t]->effect_count, vector->entry.npages ? 200 : 0);
				for (unsigned int n = 0; n < hosts[t]->effect_count; n++) {
					struct viq_vtd_s1_entry want = vector->entry;

					want.addr += pages ? n << 12 : 0;
					want.flags ^= ih && want.npages != UINT64_MAX ? 1 : 0;
					assert_memory_equal(&hosts[t]->effects[n].entry, &want, sizeof(want));
				}
			}
		}
		vvtd_free(v);
	}
}

/* What is left out of a run has an entry before it in the same call; each of several calls has one. */
static void test_everything_in_every_call(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);

	vvtd_attach(v, host, 4, 0, 0x100, VIQ_VTD_TABLE_RID);
	vvtd_boot(v, 256, 3);
	vvtd_forget(v);
	for (unsigned int n = 0; n < 900; n++)
		vvtd_push(v, (struct test_desc){{0x400e2, 0, 0, 0}});
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_true(vvtd_drain(v, 10));
	assert_int_equal(vtd_counters(v->vtd).calls, (900 + 255) / 256);
	assert_int_equal(host->effect_count, vtd_counters(v->vtd).calls);
	vvtd_free(v);
}

/* A wait descriptor's status and interrupt come after the hosts, and IQH is past it by then. */
static void test_wait_comes_last(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *hosts[2] = {vvtd_host_new(v), vvtd_host_new(v)};
	size_t at;

	vvtd_attach(v, hosts[0], 4, 0, 0x100, 0);
	vvtd_attach(v, hosts[1], 4, 0, 0x200, 0);
	vvtd_boot(v, 256, 1);
	vvtd_w32(v, VREG(IEDATA), 0x41);
	vvtd_w32(v, VREG(IEADDR), 0xfee01000);
	vvtd_w32(v, VREG(IECTL), 0);
	vvtd_forget(v);
	vvtd_push(v, desc_page(4, 0, 7));
	vvtd_push(v, desc_wait(true, true, true, 0x1234, VVTD_STATUS + 0x100));
	vvtd_ring(v);
	assert_vidle(v);
	assert_int_equal(vvtd_peek32(v, VVTD_STATUS + 0x100), 0x1234);
	at = vvtd_log_find(v, 0, VLOG_HOST);
	at = vvtd_log_find(v, at + 1, VLOG_HOST);
	assert_int_equal(v->log[at].iqh, 0);
	at = vvtd_log_find(v, at, VLOG_WRITE);
	assert_int_equal(v->log[at].b, 4);
	assert_int_equal(v->log[at].iqh, 2 * 32);
	assert_int_equal(v->log[at].ics, 0);
	at = vvtd_log_find(v, at, VLOG_MSI);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, 0xfee01000);
	assert_int_equal(v->log[at].b, 0x41);
	assert_int_equal(v->log[at].ics, VREG(ICS_IWC));
	vvtd_free(v);
}

static void test_wait_forms(void **state)
{
	struct vvtd *v = vvtd_new(NULL);

	vvtd_boot(v, 128, 0);
	/* Nothing asked for; fence only; a status address that is no memory; one among the interrupts; read-only bits.
	 */
	vvtd_push(v, desc_wait(false, false, false, 1, 0x1000));
	vvtd_push(v, desc_wait(false, false, true, 1, 0x1000));
	vvtd_push(v, desc_wait(true, false, false, 1, VVTD_RAM_SIZE));
	vvtd_push(v, desc_wait(true, false, false, 1, UINT64_C(0xffffffffffffc)));
	vvtd_ring(v);
	assert_vidle(v);
	assert_int_equal(vvtd_peek32(v, 0x1000), 0);
	assert_int_equal(vtd_counters(v->vtd).status_lost, 2);
	assert_int_equal(vtd_counters(v->vtd).descriptors[5], 4);
	assert_int_equal(vvtd_log_number(v, VLOG_WRITE), 0);
	/* 6.5.2.9: bits from the host address width on, 52 at most, are ignored. */
	vvtd_push(v, desc_wait(true, false, false, 0x55, UINT64_C(0xfff0000000001000)));
	vvtd_ring(v);
	assert_int_equal(vvtd_peek32(v, 0x1000), 0x55);
	assert_int_equal(vtd_counters(v->vtd).status_lost, 2);
	vvtd_free(v);
}

/*
 * Table 26: in legacy mode a queue of 256-bit descriptors takes types 1 to 5; the others are invalid types, until SRTP
 * takes scalable mode over.
 */
static void test_types_of_modes(void **state)
{
	const struct test_desc both[] = {desc_cc(1, 0, 0, 0), desc_iotlb(1, 0, 0, 0, false), desc_devtlb(8, 0, false),
					 desc_iec(false, 0, 0), desc_wait(false, false, true, 0, 0)};
	const struct test_desc scalable[] = {desc_page(1, 1, 7), desc_pc(3, 0, 0), desc_pdevtlb(8, 1, false, 0, false)};
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);

	vvtd_attach(v, host, 1, 1, 8, 0);
	vvtd_gcmd(v, VREG(GCMD_SRTP), true); /* TTM = 00 */
	vvtd_boot(v, 256, 0);
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		vvtd_submit(v, both[i]);
		assert_vidle(v);
	}
	for (size_t i = 0; i < sizeof(scalable) / sizeof(scalable[0]); i++) {
		vvtd_forget(v);
		vvtd_submit(v, scalable[i]);
		assert_iqe(v, v->prod - 2, VIQ_VTD_IQEI_TYPE);
		assert_int_equal(host->effect_count, 0);
		assert_int_equal(vvtd_log_number(v, VLOG_RECONFIG) + vvtd_log_number(v, VLOG_DEVTLB), 0);
		vvtd_replace_desc(v, v->prod - 2, both[4]);
		vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
		assert_vidle(v);
	}
	vvtd_w64(v, VREG(RTADDR), VIQ_PUT(VREG(RTADDR_TTM), VIQ_VTD_TTM_SCALABLE));
	vvtd_gcmd(v, VREG(GCMD_SRTP), true);
	for (size_t i = 0; i < sizeof(scalable) / sizeof(scalable[0]); i++) {
		vvtd_submit(v, scalable[i]);
		assert_vidle(v);
	}
	vvtd_free(v);
}

/* 6.5.2.1: context caches have no domain-id in scalable mode, so domain-selective is done as global. */
static void test_context_cache_scalable(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	const struct viq_vtd_reconfig *what;

	vvtd_w64(v, VREG(RTADDR), VIQ_PUT(VREG(RTADDR_TTM), VIQ_VTD_TTM_SCALABLE));
	vvtd_w32(v, VREG(GCMD), VREG(GCMD_SRTP));
	vvtd_boot(v, 256, 0);
	vvtd_forget(v);
	vvtd_submit(v, desc_cc(2, 7, 8, 0));
	assert_vidle(v);
	what = &v->log[vvtd_log_find(v, 0, VLOG_RECONFIG)].reconfig;
	assert_int_equal(what->scope, VIQ_VTD_SCOPE_ALL);
	assert_int_equal(what->domain_id, 0);
	vvtd_forget(v);
	vvtd_submit(v, desc_cc(3, 7, 8, 0));
	what = &v->log[vvtd_log_find(v, 0, VLOG_RECONFIG)].reconfig;
	assert_int_equal(what->scope, VIQ_VTD_SCOPE_DEVICE);
	assert_int_equal(what->source_id, 8);
	vvtd_free(v);
}

/* From legacy mode, where domain-ids of context-cache descriptors count, to the one that has PASIDs. */
static void become_scalable(struct vvtd *v)
{
	vvtd_gcmd(v, VREG(GCMD_QIE), false);
	vvtd_boot(v, 256, 1);
}

/* 6.5.2.2 to 6.5.2.4: bits of a domain-id above CAP.ND are ignored; a table cannot have any. */
static void test_domain_width(void **state)
{
	const struct test_desc reconfigs[] = {desc_cc(2, 0xab05, 0, 0), desc_cc(3, 0xab05, 0, 0), desc_pc(0, 0xab05, 1),
					      desc_pc(1, 0xab05, 1)};
	const struct test_desc hosted[] = {desc_piotlb(2, 0xab05, 1, 0, 0, false), desc_page(0xab05, 1, 7),
					   desc_iotlb(2, 0xab05, 0, 0, false), desc_iotlb(3, 0xab05, 0, 0, false)};
	struct viq_vtd_config config;
	struct vvtd_host *host;
	struct viq_vtd_table table = {.size = sizeof(table), .domain_id = 0x100, .pasid = 1};
	struct vvtd *v;
	uint32_t handle;

	vvtd_config(&config);
	config.cap = (config.cap & ~VREG(CAP_ND)) | VIQ_PUT(VREG(CAP_ND), 2);
	v = vvtd_new(&config);
	v->lax = true; /* the harness has domain-ids of 16 bits */
	host = vvtd_host_new(v);
	vvtd_attach(v, host, 5, 1, 0x100, 0);
	table.host = vvtd_host_ref(host);
	assert_int_equal(viq_vtd_attach(v->vtd, &table, &handle), -EINVAL);
	/* By register too (11.4.6.1, 11.4.6.3). */
	vvtd_w64(v, VREG(CCMD), VREG(CCMD_ICC) | VIQ_PUT(VREG(CCMD_CIRG), VIQ_VTD_CC_DOMAIN) | 0xab05);
	assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_RECONFIG)].reconfig.domain_id, 5);
	vvtd_boot(v, 128, 0);
	for (size_t i = 0; i < sizeof(reconfigs) / sizeof(reconfigs[0]); i++) {
		if ((reconfigs[i].qw[0] & VIQ_VTD_DESC_TYPE) == VIQ_VTD_TYPE_PC && v->shift == 4)
			become_scalable(v);
		vvtd_forget(v);
		vvtd_submit(v, reconfigs[i]);
		assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_RECONFIG)].reconfig.domain_id, 5);
	}
	for (size_t i = 0; i < sizeof(hosted) / sizeof(hosted[0]); i++) {
		vvtd_forget(v);
		vvtd_submit(v, hosted[i]);
		assert_int_equal(host->effect_count, 1);
	}
	vvtd_free(v);
}

static int write_anything(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
	*(uint64_t *)opaque = gpa;
	return 0;
}

/* Not even where the embedder has memory behind the interrupt addresses. */
static void test_status_is_no_interrupt(void **state)
{
	static uint8_t ram[8192] __attribute__((aligned(8)));
	const struct viq_mem_ops ops = {.size = sizeof(ops), .write = write_anything};
	struct viq_mem_region region = {.gpa = 0, .size = sizeof(ram), .host = ram};
	uint64_t written = 0;
	struct viq_vtd_config config;
	struct vvtd *v;

	vvtd_config(&config);
	assert_int_equal(viq_mem_create(&region, 1, &ops, &written, (struct viq_mem **)&config.mem, NULL), 0);
	v = vvtd_new(&config);
	v->ram = ram;
	v->lax = true;
	vvtd_boot_at(v, 128, 0, 0);
	vvtd_push(v, desc_wait(true, false, false, 1, 0xfee00000));
	vvtd_push(v, desc_wait(true, false, false, 1, 0xfeeffffc));
	vvtd_ring(v);
	assert_int_equal(written, 0);
	vvtd_push(v, desc_wait(true, false, false, 1, 0xfef00000));
	vvtd_ring(v);
	assert_int_equal(written, 0xfef00000);
	vvtd_push(v, desc_wait(true, false, false, 1, 0xfedffffc));
	vvtd_ring(v);
	assert_int_equal(written, 0xfedffffc);
	assert_int_equal(vvtd_r64(v, VREG(IQH)), 4 * 16);
	v->ram = NULL;
	viq_vtd_destroy(v->vtd);
	v->vtd = NULL;
	viq_mem_destroy((struct viq_mem *)config.mem);
	vvtd_free(v);
}

/* Round and round, in both widths and every size, also with a ring that lies in two regions. */
static void test_rings(void **state)
{
	for (unsigned int width = 128; width <= 256; width += 128) {
		for (unsigned int qs = 0; qs < 8; qs++) {
			struct vvtd *v = vvtd_new(NULL);
			struct vvtd_host *host = vvtd_host_new(v);
			const uint32_t slots = (4096u << qs) / (width / 8);
			/* The first one fills the queue. */
			const uint32_t bursts[] = {slots - 2, 5, 0, slots / 2, 1, slots - 3, 64, slots / 3};
			uint32_t n = 0;

			vvtd_attach(v, host, 1, 0, 0x100,
				    VIQ_VTD_TABLE_RID | (width == 128 ? VIQ_VTD_TABLE_STAGE2 : 0));
			vvtd_boot(v, width, qs);
			assert_int_equal(v->slots, slots);
			v->lax = qs > 4; /* the effects are looked at below, and each of them once */
			for (size_t round = 0; round < sizeof(bursts) / sizeof(bursts[0]); round++) {
				uint32_t burst = bursts[round];

				vvtd_forget(v);
				for (uint32_t i = 0; i < burst; i++)
					vvtd_push(v, width == 256 ? desc_page(1, 0, n + i)
								  : desc_iotlb(3, 1, (n + i) * UINT64_C(4096), 0, 0));
				vvtd_push_wait(v);
				vvtd_ring(v);
				assert_true(vvtd_drain(v, 2));
				assert_int_equal(host->effect_count, burst);
				for (uint32_t i = 0; i < burst; i++)
					assert_int_equal(host->effects[i].entry.addr, (n + i) * UINT64_C(4096));
				n += burst + 1;
			}
			vvtd_free(v);
		}
	}
}

/* A ring whose parts are in different regions, and partly behind call-backs. */
static int read_ram(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	memcpy(buf, (uint8_t *)opaque + gpa, len);
	return 0;
}

static void test_ring_in_pieces(void **state)
{
	/* Each piece has what is its own, and nonsense elsewhere. */
	static uint8_t ram[0x10000] __attribute__((aligned(4096))), low[0x10000] __attribute__((aligned(4096))),
		high[0x10000] __attribute__((aligned(4096)));
	const struct viq_mem_ops ops = {.size = sizeof(ops), .read = read_ram};
	struct viq_mem_region regions[] = {
		{.gpa = 0, .size = 0x1830, .host = low},
		{.gpa = 0x1a00, .size = 0xe600, .host = high + 0x1a00},
	};
	struct viq_vtd_config config;
	struct vvtd_host *host;
	struct vvtd *v;

	vvtd_config(&config);
	assert_int_equal(viq_mem_create(regions, 2, &ops, ram, (struct viq_mem **)&config.mem, NULL), 0);
	v = vvtd_new(&config);
	v->ram = ram;
	host = vvtd_host_new(v);
	vvtd_attach(v, host, 1, 0, 0x100, 0);
	v->lax = true;
	vvtd_boot_at(v, 256, 0, 0x1000);
	for (unsigned int i = 0; i < 127; i++)
		vvtd_push(v, desc_page(1, 0, i));
	memset(low, 0xff, sizeof(low));
	memset(high, 0xff, sizeof(high));
	memcpy(low, ram, 0x1830);
	memcpy(high + 0x1a00, ram + 0x1a00, 0xe600);
	memset(ram, 0xff, 0x1820);
	memset(ram + 0x1a00, 0xff, 0xe600);
	vvtd_ring(v);
	assert_int_equal(vvtd_r64(v, VREG(IQH)), 127 * 32);
	assert_int_equal(host->effect_count, 127);
	for (unsigned int i = 0; i < 127; i++)
		assert_int_equal(host->effects[i].entry.addr, i << 12);
	v->ram = NULL;
	viq_vtd_destroy(v->vtd);
	v->vtd = NULL;
	viq_mem_destroy((struct viq_mem *)config.mem);
	vvtd_free(v);
}

/* IQH does not pass what the host has not confirmed, and moves without a wait descriptor too. */
static void test_iqh_without_wait(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);

	vvtd_attach(v, host, 1, 2, 0x100, 0);
	vvtd_boot(v, 256, 1);
	for (unsigned int i = 0; i < 3; i++)
		vvtd_push(v, desc_page(1, 2, i));
	vvtd_ring(v);
	assert_vidle(v);
	assert_int_equal(host->calls, 1);
	assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_HOST)].iqh, 0);
	vvtd_free(v);
}

/* Context-cache, PASID-cache and IEC descriptors: what they say, and after what. */
static void test_hooks(void **state)
{
	const struct {
		struct test_desc desc;
		struct viq_vtd_reconfig what;
	} reconfigs[] = {
		{desc_cc(1, 7, 8, 0), {.cause = VIQ_VTD_CONTEXT_CACHE, .scope = VIQ_VTD_SCOPE_ALL}},
		{desc_cc(2, 7, 8, 1), {.cause = VIQ_VTD_CONTEXT_CACHE, .scope = VIQ_VTD_SCOPE_DOMAIN, .domain_id = 7}},
		{desc_cc(3, 7, 0x123, 0),
		 {.cause = VIQ_VTD_CONTEXT_CACHE,
		  .scope = VIQ_VTD_SCOPE_DEVICE,
		  .domain_id = 7,
		  .source_id = 0x123,
		  .source_mask = 0xffff}},
		{desc_cc(3, 7, 0x123, 1),
		 {.cause = VIQ_VTD_CONTEXT_CACHE,
		  .scope = VIQ_VTD_SCOPE_DEVICE,
		  .domain_id = 7,
		  .source_id = 0x123,
		  .source_mask = 0xfffb}},
		{desc_cc(3, 7, 0x123, 2),
		 {.cause = VIQ_VTD_CONTEXT_CACHE,
		  .scope = VIQ_VTD_SCOPE_DEVICE,
		  .domain_id = 7,
		  .source_id = 0x123,
		  .source_mask = 0xfff9}},
		{desc_cc(3, 7, 0x123, 3),
		 {.cause = VIQ_VTD_CONTEXT_CACHE,
		  .scope = VIQ_VTD_SCOPE_DEVICE,
		  .domain_id = 7,
		  .source_id = 0x123,
		  .source_mask = 0xfff8}},
		{desc_pc(3, 7, 9), {.cause = VIQ_VTD_PASID_CACHE, .scope = VIQ_VTD_SCOPE_ALL}},
		{desc_pc(0, 7, 9), {.cause = VIQ_VTD_PASID_CACHE, .scope = VIQ_VTD_SCOPE_DOMAIN, .domain_id = 7}},
		{desc_pc(1, 7, 0xfffff),
		 {.cause = VIQ_VTD_PASID_CACHE, .scope = VIQ_VTD_SCOPE_PASID, .domain_id = 7, .pasid = 0xfffff}},
	};
	const struct {
		struct test_desc desc;
		uint32_t first, count;
	} remaps[] = {
		{desc_iec(false, 5, 3), 0, 65536},       {desc_iec(true, 5, 0), 5, 1},
		{desc_iec(true, 0xffff, 4), 0xfff0, 16}, {desc_iec(true, 0xffff, 15), 0x8000, 0x8000},
		{desc_iec(true, 9, 16), 0, 65536},       {desc_iec(true, 9, 31), 0, 65536},
	};
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);
	size_t at, hosted;

	vvtd_attach(v, host, 1, 2, 0x100, 0);
	vvtd_boot(v, 128, 1);
	for (size_t i = 0; i < sizeof(reconfigs) / sizeof(reconfigs[0]); i++) {
		struct viq_vtd_reconfig want = reconfigs[i].what;

		if (want.cause == VIQ_VTD_PASID_CACHE && v->shift == 4)
			become_scalable(v);
		want.size = sizeof(want);
		vvtd_forget(v);
		vvtd_push(v, desc_iotlb(2, 1, 0, 0, false));
		vvtd_submit(v, reconfigs[i].desc);
		assert_vidle(v);
		hosted = vvtd_log_find(v, 0, VLOG_HOST);
		at = vvtd_log_find(v, 0, VLOG_RECONFIG);
		assert_true(hosted < at && at < v->log_count);
		assert_memory_equal(&v->log[at].reconfig, &want, offsetof(struct viq_vtd_reconfig, work));
		/* IQH is at the descriptor while it is carried out. */
		assert_int_equal(v->log[at].iqh, vvtd_offset(v, v->prod - 2));
	}
	for (size_t i = 0; i < sizeof(remaps) / sizeof(remaps[0]); i++) {
		vvtd_forget(v);
		vvtd_push(v, desc_page(1, 2, i));
		vvtd_submit(v, remaps[i].desc);
		assert_vidle(v);
		at = vvtd_log_find(v, 0, VLOG_REMAP);
		assert_true(vvtd_log_find(v, 0, VLOG_HOST) < at && at < v->log_count);
		assert_int_equal(v->log[at].a, VIQ_VTD_IEC);
		assert_int_equal(v->log[at].b, remaps[i].first);
		assert_int_equal(v->log[at].c, remaps[i].count);
	}
	vvtd_free(v);
}

/* A hook that fails: the queue waits there. */
static void test_hooks_fail(void **state)
{
	const struct test_desc descs[] = {desc_cc(1, 0, 0, 0), desc_pc(3, 0, 0), desc_iec(false, 0, 0),
					  desc_devtlb(0x777, 0x1000, false)};
	struct vvtd *v = vvtd_new(NULL);

	vvtd_boot(v, 256, 1);
	for (size_t i = 0; i < sizeof(descs) / sizeof(descs[0]); i++) {
		v->reconfig_result = v->remap_result = v->devtlb_result = -12;
		vvtd_submit(v, descs[i]);
		assert_vwaits(v, v->prod - 2);
		assert_false(vvtd_completed(v, v->prod - 1));
		vvtd_retry(v);
		assert_vwaits(v, v->prod - 2);
		v->reconfig_result = v->remap_result = v->devtlb_result = 0;
		vvtd_retry(v);
		assert_vidle(v);
		assert_true(vvtd_completed(v, v->prod - 1));
	}
	assert_int_equal(vtd_counters(v->vtd).host_waits, 8);
	vvtd_free(v);
}

/*
 * More descriptors than a batch holds (256), one of the first ones fails in the host: the queue waits at it, and
 * nothing behind what was in that batch is read meanwhile.
 */
static void test_full_batch_fails(void **state)
{
	const unsigned int bad[] = {0, 17, 255};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vvtd *v = vvtd_new(NULL);
		struct vvtd_host *host = vvtd_host_new(v);

		vvtd_attach(v, host, 1, 0, 0x100, VIQ_VTD_TABLE_RID);
		vvtd_boot(v, 256, 3);
		/* Once only: what ran again would succeed. */
		vvtd_host_fail(host, entry_page(bad[i], true), VIQ_CALL_FAILED, 1);
		for (unsigned int n = 0; n < 400; n++)
			vvtd_push(v, desc_page(1, 0, n));
		vvtd_push_wait(v);
		vvtd_ring(v);
		assert_vwaits(v, bad[i]);
		assert_int_equal(host->effect_count, bad[i]);
		assert_int_equal(vtd_counters(v->vtd).host_waits, 1);
		vvtd_retry(v);
		assert_vidle(v);
		assert_true(vvtd_completed(v, 400));
		for (unsigned int n = 0; n < 400; n++)
			assert_int_equal(vvtd_host_count(host, entry_page(n, true)), 1);
		vvtd_free(v);
	}
}

/*
 * A device-TLB descriptor that timed out lies in a full batch that fails: the queue waits first, and the time-out,
 * which is not forgotten, is told at the next wait descriptor.
 */
static void test_full_batch_fails_after_a_time_out(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);

	vvtd_attach(v, host, 1, 0, 0x100, VIQ_VTD_TABLE_RID);
	vvtd_boot(v, 256, 3);
	v->devtlb_result = -110;
	v->devtlb_times = 1;
	vvtd_host_fail(host, entry_page(100, true), VIQ_CALL_FAILED, 1);
	vvtd_push(v, desc_devtlb(0x777, 0x1000, false));
	for (unsigned int n = 1; n < 400; n++)
		vvtd_push(v, desc_page(1, 0, n));
	vvtd_push_wait(v); /* 400: aborts */
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_vwaits(v, 100);
	vvtd_retry(v);
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), VREG(FSTS_ITE));
	assert_int_equal(VIQ_GET(VREG(IQERCD_ITESID), vvtd_r64(v, VREG(IQERCD))), 0x777);
	assert_iqh(v, 401);
	assert_false(vvtd_completed(v, 400));
	v->ite_time = ++v->time;
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_ITE));
	assert_vidle(v);
	assert_false(vvtd_completed(v, 400));
	assert_true(vvtd_completed(v, 401));
	vvtd_free(v);
}

/*
 * The upper half of a descriptor of 256 bits is reserved (6.5.2): it is the descriptor's own, not that of one that was
 * refused before where it is kept now. More tables than a model is kept for, and one.
 */
static void test_upper_half_is_its_own(void **state)
{
	for (unsigned int tables = 1; tables < 8; tables += 5) {
		struct vvtd *v = vvtd_new(NULL);
		struct test_desc bad = desc_page(4, 1, 3);

		for (unsigned int i = 0; i < tables; i++)
			vvtd_attach(v, vvtd_host_new(v), 4, 1, (uint16_t)(8 + i), 0);
		vvtd_boot(v, 256, 1);
		bad.qw[2] = 1;
		for (unsigned int i = 0; i < 3; i++)
			vvtd_push(v, desc_page(4, 1, i));
		vvtd_push(v, bad);
		vvtd_ring(v);
		assert_iqe(v, 3, VIQ_VTD_IQEI_RESERVED);
		vvtd_replace_desc(v, 3, desc_page(4, 1, 3));
		for (unsigned int i = 0; i < 16; i++)
			vvtd_push(v, desc_page(4, 1, i));
		vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
		vvtd_ring(v);
		assert_vidle(v);
		/* And after the tables have changed. */
		vvtd_push(v, bad);
		vvtd_ring(v);
		assert_iqe(v, v->prod - 1, VIQ_VTD_IQEI_RESERVED);
		vvtd_attach(v, vvtd_host_new(v), 4, 1, 100, 0);
		vvtd_replace_desc(v, v->prod - 1, desc_page(4, 1, 3));
		for (unsigned int i = 0; i < 16; i++)
			vvtd_push(v, desc_page(4, 1, i));
		vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
		vvtd_ring(v);
		assert_vidle(v);
		vvtd_free(v);
	}
}

/*
 * A wait descriptor completes after all before it (6.5.2.12). Without a fence those behind it may begin before it
 * completes, but who waits for it would wait for them: no call has descriptors from both sides of one. One with nothing
 * before it that a host must see makes no call, but completes by itself: each status is written, in order.
 */
static void no_call_crosses_a_wait_and_empty_waits_make_none(void **state)
{
	for (unsigned int width = 128; width <= 256; width += 128) {
		struct vvtd *v = vvtd_budget(VIQ_VTD_DEFER);
		struct vvtd_host *host = vvtd_host_new(v);
		struct test_desc inv = width == 256 ? desc_page(1, 0, 1) : desc_iotlb(2, 1, 0, 0, false);
		size_t at = 0;

		vvtd_attach(v, host, 1, 0, 0x100, VIQ_VTD_TABLE_RID);
		vvtd_boot(v, width, 0);
		vvtd_w32(v, VREG(IECTL), 0);
		vvtd_forget(v);
		vvtd_push(v, inv);
		for (uint32_t i = 0; i < 4; i++)
			vvtd_push(v, desc_wait(i < 3, i == 3, false, i + 1, VVTD_STATUS + 0x1000 + 4 * i));
		vvtd_push(v, inv);
		vvtd_push_wait(v);
		vvtd_ring(v);
		assert_false(viq_vtd_run(v->vtd, VIQ_WORK_UNLIMITED));
		vvtd_observe(v);
		assert_vidle(v);
		assert_int_equal(host->calls, 2);
		assert_int_equal(vvtd_log_number(v, VLOG_HOST), 2);
		at = vvtd_log_find(v, at, VLOG_HOST);
		assert_int_equal(v->log[at].iqh, 0);
		for (uint32_t i = 0; i < 3; i++) {
			at = vvtd_log_find(v, at, VLOG_WRITE) + 1;
			assert_int_equal(v->log[at - 1].a, VVTD_STATUS + 0x1000 + 4 * i);
			assert_int_equal(v->log[at - 1].iqh, vvtd_offset(v, 2 + i));
			assert_int_equal(vvtd_peek32(v, VVTD_STATUS + 0x1000 + 4 * i), i + 1);
		}
		at = vvtd_log_find(v, at, VLOG_MSI);
		assert_true(at < v->log_count);
		assert_int_equal(v->log[at].iqh, vvtd_offset(v, 5));
		/* Only then the second entry. */
		at = vvtd_log_find(v, at, VLOG_HOST);
		assert_true(at < v->log_count);
		assert_int_equal(v->log[at].iqh, vvtd_offset(v, 5));
		vvtd_free(v);
	}
}

/* The guest rings for each descriptor, and nobody runs the queue meanwhile. */
static void doorbells_that_waited_are_one_run(void **state)
{
	struct vvtd *v = vvtd_budget(VIQ_VTD_DEFER);
	struct vvtd_host *host = vvtd_host_new(v);
	struct viq_vtd_counters before, after;

	vvtd_attach(v, host, 1, 0, 0x100, VIQ_VTD_TABLE_RID);
	vvtd_boot(v, 256, 0);
	before = vtd_counters(v->vtd);
	for (uint32_t i = 0; i < 5; i++) {
		vvtd_push(v, desc_page(1, 0, i));
		vvtd_w32(v, VREG(IQT), vvtd_offset(v, v->prod));
	}
	assert_int_equal(host->calls, 0);
	assert_false(viq_vtd_run(v->vtd, VIQ_WORK_UNLIMITED));
	after = vtd_counters(v->vtd);
	assert_int_equal(after.doorbells - before.doorbells, 5);
	assert_int_equal(after.runs - before.runs, 1);
	assert_int_equal(host->calls, 1);
	assert_int_equal(after.entries - before.entries, 5);
	vvtd_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_descriptors),
		cmocka_unit_test(test_long_runs),
		cmocka_unit_test(test_everything_in_every_call),
		cmocka_unit_test(test_wait_comes_last),
		cmocka_unit_test(test_types_of_modes),
		cmocka_unit_test(test_upper_half_is_its_own),
		cmocka_unit_test(test_context_cache_scalable),
		cmocka_unit_test(test_domain_width),
		cmocka_unit_test(test_wait_forms),
		cmocka_unit_test(no_call_crosses_a_wait_and_empty_waits_make_none),
		cmocka_unit_test(doorbells_that_waited_are_one_run),
		cmocka_unit_test(test_status_is_no_interrupt),
		cmocka_unit_test(test_rings),
		cmocka_unit_test(test_ring_in_pieces),
		cmocka_unit_test(test_iqh_without_wait),
		cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_hooks_fail),
		cmocka_unit_test(test_full_batch_fails),
		cmocka_unit_test(test_full_batch_fails_after_a_time_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
