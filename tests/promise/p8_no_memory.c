/* SPDX-License-Identifier: MIT */
/*
 * P8, memory may run out: every allocation of the library fails, one after the other, and from one on, in a life of
 * each kind of object. Who asked is told -ENOMEM; nothing is lost and nothing is half made; asked again it works. The
 * Linux hosts' lives are in tests/unit/host/linux, where their system calls fail.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <viq/fault.h>
#include <viq/nest_smmuv3.h>
#include <viq/nest_vtd.h>
#include <viq/smmuv3.h>
#include <viq/soft_vtd.h>
#include <viq/vtd.h>

#include "support/counters.h"
#include "support/nomem.h"
#include "support/soft.h"
#include "synth/synth_vtd.h"

/* At least this many failures were tried, each once and for good. */
static void sweep(void (*life)(void), uint32_t at_least)
{
	const size_t before = nomem_live(); /* what is known of registered threads stays */

	for (unsigned int lasting = 0; lasting < 2; lasting++) {
		uint32_t n = 0;

		do {
			nomem_fail(++n, lasting);
			life();
			nomem_off();
			assert_int_equal(nomem_live(), before);
		} while (nomem_struck());
		/* The last one was of none. */
		if (n - 1 < at_least)
			fail_msg("%u allocations only", n - 1);
	}
}

/* --- Front ends, fan-out, fault ----------------------------------------------------------------------------------- */

static uint64_t ram[4096] __attribute__((aligned(4096))); /* of a guest, from 0 */

static void a_guest_memory(struct viq_mem **mem)
{
	const struct viq_mem_region region = {.gpa = 0, .size = sizeof(ram), .host = ram};

	memset(ram, 0, sizeof(ram));
	nomem_must(viq_mem_create(&region, 1, NULL, NULL, mem, NULL));
}

static void smmuv3_life(void)
{
	const struct viq_call_host null = viq_call_null_host();
	struct viq_call_fanout *fanout;
	struct viq_smmuv3_config config;
	struct viq_smmuv3 *smmu;
	struct viq_fault *fault;
	struct viq_mem *mem;
	struct viq_call_host behind;

	a_guest_memory(&mem);
	nomem_must(viq_fault_create(VIQ_FAULT_EXACT, &fault, NULL));
	nomem_must(viq_fault_host(fault, &null, &behind, NULL));
	nomem_must(viq_call_fanout_create(&null, 1, &fanout, NULL));
	nomem_must(viq_call_fanout_add(fanout, &behind, NULL));
	viq_smmuv3_config_init(&config, sizeof(config));
	config.mem = mem;
	config.host = viq_call_fanout_host(fanout);
	nomem_must(viq_smmuv3_create(&config, &smmu, NULL));
	ram[0] = htole64(VIQ_SMMUV3_OP_TLBI_NH_ASID | VIQ_PUT(VIQ_SMMUV3_TLBI_ASID, 5));
	ram[2] = htole64(VIQ_SMMUV3_OP_SYNC);
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_CMDQ_BASE, 8, 8);
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_CR0, 4, VIQ_SMMUV3_CR0_CMDQEN);
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_CMDQ_PROD, 4, 2);
	assert_int_equal(viq_smmuv3_mmio_read(smmu, VIQ_SMMUV3_CMDQ_CONS, 4), 2);
	assert_int_equal(smmuv3_counters(smmu).entries, 1);
	viq_smmuv3_destroy(smmu);
	viq_call_fanout_destroy(fanout);
	viq_fault_destroy(fault);
	viq_mem_destroy(mem);
}

static int no_devtlb(void *opaque, const struct viq_vtd_devtlb *inv)
{
	return 0;
}

/* More tables than the arrays have room for at first; each failing attachment leaves those before as they were. */
static void vtd_life(void)
{
	static const struct viq_vtd_ops ops = {.size = sizeof(ops), .devtlb = no_devtlb};
	uint32_t handles[20];
	struct viq_vtd_config config;
	struct viq_vtd *vtd;
	struct viq_mem *mem;

	a_guest_memory(&mem);
	viq_vtd_config_init(&config, sizeof(config));
	config.mem = mem;
	config.ops = &ops;
	config.budget = VIQ_WORK_UNLIMITED;
	nomem_must(viq_vtd_create(&config, &vtd, NULL));
	for (uint32_t i = 0; i < 20; i++) {
		const struct viq_vtd_table table = {.size = sizeof(table),
						    .domain_id = (uint16_t)(1 + i / 2),
						    .pasid = i % 2,
						    .source_id = (uint16_t)i,
						    .host = viq_call_null_host()};

		nomem_must_grow(viq_vtd_attach(vtd, &table, &handles[i]));
	}
	/* Domain 3, of which there are two tables, then all. */
	ram[0] = htole64(VIQ_VTD_TYPE_IOTLB | VIQ_PUT(VIQ_VTD_DESC_G, 2) | VIQ_PUT(VIQ_VTD_DESC_DID, 3));
	ram[2] = htole64(VIQ_VTD_TYPE_IOTLB | VIQ_PUT(VIQ_VTD_DESC_G, 1));
	viq_vtd_mmio_write(vtd, VIQ_VTD_IQA, 8, 0);
	viq_vtd_mmio_write(vtd, VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE);
	viq_vtd_mmio_write(vtd, VIQ_VTD_IQT, 8, 16);
	assert_int_equal(vtd_counters(vtd).entries, 2);
	viq_vtd_mmio_write(vtd, VIQ_VTD_IQT, 8, 32);
	assert_int_equal(viq_vtd_mmio_read(vtd, VIQ_VTD_IQH, 8), 32);
	assert_int_equal(vtd_counters(vtd).entries, 22);
	for (uint32_t i = 0; i < 20; i += 3)
		assert_int_equal(viq_vtd_detach(vtd, handles[i]), 0);
	viq_vtd_destroy(vtd);
	viq_mem_destroy(mem);
}

static void front_ends_fanout_and_fault(void **state)
{
	sweep(smmuv3_life, 7);
	sweep(vtd_life, 25);
}

/* --- The software SMMUv3 ------------------------------------------------------------------------------------------ */

#define VA   UINT64_C(0x10000000)
#define EATS VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 1)

static void small_caches(struct machine *m)
{
	struct viq_mem_region region = {.gpa = MEM_BASE, .size = MEM_SIZE, .host = m->ram};
	struct viq_soft_config config;

	nomem_must(viq_mem_create(&region, 1, NULL, NULL, &m->mem, NULL));
	viq_soft_config_init(&config, sizeof(config));
	config.mem = m->mem;
	config.opaque = m;
	config.tlb_entries = 64;
	config.atc_entries = 16;
	nomem_must(viq_soft_create(&config, &m->soft, NULL));
}

static void note_fate(void *opaque, const struct viq_smmuv3_outcome *outcome)
{
	if (outcome->vsid == VSID)
		*(uint32_t *)opaque = outcome->fate;
}

/*
 * Streams follow a guest SMMUv3 that is off: they bypass. One that could not be set aborts until it is asked for again:
 * to abort needs no memory.
 */
static void follow_the_guest(struct machine *m)
{
	const struct viq_nest_smmuv3_ops ops = {.size = sizeof(ops), .trace = note_fate};
	const struct viq_smmuv3_backend backend = viq_soft_backend(m->soft, m->viommu);
	uint32_t fate = VIQ_SMMUV3_STREAM_ABORT;
	struct viq_smmuv3_reconfig all = {.size = sizeof(all), .cause = VIQ_SMMUV3_RESTORED, .last = UINT32_MAX};
	struct viq_smmuv3_reconfig one = {.size = sizeof(one), .first = VSID, .last = VSID};
	struct viq_smmuv3_config config;
	struct viq_nest_smmuv3 *nest;
	struct viq_smmuv3 *smmu;
	int err;

	nomem_must(viq_nest_smmuv3_create(&ops, &fate, &nest, NULL));
	nomem_must_grow(viq_nest_smmuv3_join(nest, &backend, NULL));
	viq_smmuv3_config_init(&config, sizeof(config));
	config.mem = m->mem;
	nomem_must(viq_smmuv3_create(&config, &smmu, NULL));
	assert_int_equal(viq_nest_smmuv3_bind(nest, smmu, NULL), 0);
	err = viq_nest_smmuv3_reconfig(nest, &all);
	if (err) {
		assert_int_equal(err, -ENOMEM);
		assert_true(nomem_struck());
		nomem_off();
	}
	if (fate == VIQ_SMMUV3_STREAM_FAILED) {
		assert_faults(m->dev, VA + MEM_BASE);
		assert_int_equal(viq_nest_smmuv3_reconfig(nest, &one), 0);
	}
	assert_int_equal(fate, VIQ_SMMUV3_STREAM_BYPASS);
	assert_translates(m->dev, VA + MEM_BASE, VA + MEM_BASE);
	viq_nest_smmuv3_destroy(nest);
	viq_smmuv3_destroy(smmu);
}

/* Devices, with ATS and without, attached by the VMM and by a guest's STE, that change what they are. */
static void soft_life(void)
{
	static void *memory;
	const struct viq_soft_s2_config s2 = {.size = sizeof(s2), .identity = 1};
	struct machine m = {.ram = memory, .next_page = MEM_BASE};
	struct viq_soft_dev *other;
	uint32_t nested, vdevice;
	uint64_t ttb;

	if (!memory)
		memory = m.ram = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(m.ram, MAP_FAILED);
	m.cd = alloc_pages(&m, 1);
	ttb = alloc_pages(&m, 1);
	write_cd(&m, m.cd, 1, ttb);
	map_page(&m, ttb, VA, (MEM_BASE + 0x100000) | PAGE_RW);
	small_caches(&m);
	nomem_must(viq_soft_s2_alloc(m.soft, &s2, &m.s2, NULL));
	nomem_must(viq_soft_viommu_alloc(m.soft, m.s2, &m.viommu, NULL));
	m.host = viq_soft_host(m.soft, m.viommu);
	nomem_must(viq_soft_dev_alloc(m.soft, &m.dev, NULL));
	nomem_must(viq_soft_dev_alloc(m.soft, &other, NULL));
	nomem_must(viq_soft_vdevice_alloc(m.soft, m.viommu, m.dev, VSID, &m.vdevice, NULL));
	nomem_must(viq_soft_vdevice_alloc(m.soft, m.viommu, other, VSID + 1, &vdevice, NULL));
	assert_faults(m.dev, VA);
	nomem_must(viq_soft_vdevice_configure(m.soft, m.viommu, VSID,
					      (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 0), EATS}));
	assert_translates(m.dev, VA, MEM_BASE + 0x100000);
	/* A failure leaves what is in force: here with the device's own copies from then on. */
	nomem_must_grow(viq_soft_dev_set_ats(m.dev, true));
	assert_translates(m.dev, VA, MEM_BASE + 0x100000);
	assert_true(viq_soft_cached(m.dev, VA, 0, VIQ_SOFT_READ, true));
	nomem_must(viq_soft_nested_alloc(m.soft, m.viommu, (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 0), 0},
					 &nested, NULL));
	nomem_must(viq_soft_attach(other, nested));
	assert_translates(other, VA, MEM_BASE + 0x100000);
	nomem_must(viq_soft_vdevice_configure(m.soft, m.viommu, VSID,
					      (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_BYPASS, 0, 0), 0}));
	assert_translates(m.dev, VA + MEM_BASE, VA + MEM_BASE);
	map_page(&m, ttb, VA, 0);
	invalidate(&m, tlbi_va(1), VA);
	assert_faults(other, VA);
	nomem_must(viq_soft_vdevice_configure(m.soft, m.viommu, VSID,
					      (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 0), 0}));
	follow_the_guest(&m);
	/* Everything that is left goes with it. */
	viq_soft_destroy(m.soft);
	viq_mem_destroy(m.mem);
}

static void software_smmuv3(void **state)
{
	/* The first thread of all. */
	nomem_fail(1, false);
	assert_int_equal(viq_soft_thread_register(), -ENOMEM);
	nomem_off();
	assert_int_equal(viq_soft_thread_register(), 0);
	sweep(soft_life, 42);
	viq_soft_thread_unregister();
}

/* --- The software VT-d -------------------------------------------------------------------------------------------- */

#define VTD_RAM  UINT64_C(0x00800000)
#define VTD_PAGE UINT64_C(0x00600000)
#define SID      0x0010
#define PASIDS   12

static uint32_t told; /* tables that the front end knows */

static int attach(void *opaque, const struct viq_vtd_table *table, uint32_t *handle)
{
	*handle = ++*(uint32_t *)opaque;
	told++;
	return 0;
}

static void detach(void *opaque, uint32_t handle)
{
	told--;
}

static int vtd_access(struct viq_soft_vtd_dev *dev, uint32_t pasid, uint64_t *pa)
{
	struct viq_soft_xlate x = {0};
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_vtd_translate(dev, VA, pasid, VIQ_SOFT_READ | (pasid ? VIQ_SOFT_SSV : 0), &x);
	viq_soft_access_end();
	*pa = x.pa;
	return ret;
}

/* In force: every PASID below count, and requests without. Nothing else is. */
static void assert_in_force(struct viq_soft_vtd_dev *dev, uint32_t count)
{
	uint64_t pa;

	for (uint32_t p = 0; p < PASIDS; p++) {
		assert_int_equal(vtd_access(dev, p, &pa), p < count ? 0 : -EFAULT);
		assert_int_equal(pa, p < count ? VTD_PAGE : 0);
	}
	assert_int_equal(told, count);
}

/* Without memory the device is blocked; when there is some again, it follows. */
static void reconfigure(struct viq_soft_vtd *soft, struct viq_soft_vtd_dev *dev, const struct viq_vtd_tables *tables,
			enum viq_vtd_reconfig_cause cause)
{
	struct viq_vtd_reconfig what = {.size = sizeof(what), .cause = cause};
	int ret = viq_soft_vtd_reconfig(soft, tables, &what);

	if (!ret)
		return;
	assert_int_equal(ret, -ENOMEM);
	assert_true(nomem_struck());
	nomem_off();
	assert_in_force(dev, 0);
	assert_int_equal(viq_soft_vtd_reconfig(soft, tables, &what), 0);
}

static uint8_t vtd_ram[VTD_RAM] __attribute__((aligned(4096))); /* from 0; tables from 1 to 2 MiB */

struct vtd_tables {
	struct synth_mem heap;
	struct synth_vtd_root root;
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt pt;
};

/* A device whose PASIDs, and requests without, reach VTD_PAGE at VA, each in a domain of its own. */
static void vtd_tables_init(struct vtd_tables *t)
{
	uint64_t ctx[VIQ_VTD_SCTX_WORDS], entry[VIQ_VTD_PE_WORDS];

	memset(vtd_ram, 0, 0x200000);
	synth_mem_init(&t->heap, vtd_ram + 0x100000, 0x100000, 0x100000);
	assert_int_equal(synth_vtd_root_init(&t->root, &t->heap, true), 0);
	assert_int_equal(synth_vtd_pt_init(&t->pt, &t->heap, 1, 4), 0);
	assert_int_equal(synth_vtd_pt_map(&t->pt, VA, VTD_PAGE, 1, 0), 0);
	assert_int_equal(synth_vtd_pasids_init(&t->pasids, &t->heap, 0), 0);
	synth_vtd_context(ctx, &t->pasids, 0);
	ctx[0] |= VIQ_VTD_SCTX_DTE;
	assert_int_equal(synth_vtd_root_set(&t->root, SID, ctx), 0);
	for (uint32_t p = 0; p < PASIDS; p++) {
		synth_vtd_pasid(entry, &t->pt, NULL, 4 + p);
		assert_int_equal(synth_vtd_pasids_set(&t->pasids, p, entry), 0);
	}
}

static void small_vtd_caches(struct viq_soft_vtd_config *config, const struct viq_mem *mem)
{
	viq_soft_vtd_config_init(config, sizeof(*config));
	config->mem = mem;
	config->tlb_entries = 64;
	config->devtlb_entries = 16;
}

static void soft_vtd_life(void)
{
	const struct viq_mem_region region = {.gpa = 0, .size = sizeof(vtd_ram), .host = vtd_ram};
	struct viq_vtd_tables tables = {
		.size = sizeof(tables), .enabled = true, .mode = VIQ_VTD_TTM_SCALABLE, .root_set = true};
	struct viq_soft_vtd_dev *dev, *other;
	struct viq_soft_vtd_config config;
	uint64_t entry[VIQ_VTD_PE_WORDS] = {0};
	struct viq_soft_vtd *soft;
	struct vtd_tables t;
	struct viq_mem *mem;
	uint32_t handles = 0;
	const struct viq_vtd_listener listener = {
		.size = sizeof(listener), .attach = attach, .detach = detach, .opaque = &handles};

	told = 0;
	vtd_tables_init(&t);
	tables.root = t.root.base;
	nomem_must(viq_mem_create(&region, 1, NULL, NULL, &mem, NULL));
	small_vtd_caches(&config, mem);
	nomem_must(viq_soft_vtd_create(&config, &soft, NULL));
	nomem_must(viq_soft_vtd_listen(soft, &listener));
	nomem_must(viq_soft_vtd_dev_alloc(soft, SID, &dev, NULL));
	reconfigure(soft, dev, &tables, VIQ_VTD_ENABLED);
	assert_in_force(dev, PASIDS);
	nomem_must_grow(viq_soft_vtd_dev_set_ats(dev, true));
	assert_in_force(dev, PASIDS);
	/* One that comes later; its tables are not there. */
	nomem_must(viq_soft_vtd_dev_alloc(soft, SID + 1, &other, NULL));
	assert_int_equal(viq_soft_vtd_dev_free(other), 0);
	assert_int_equal(synth_vtd_pasids_set(&t.pasids, PASIDS - 1, entry), 0);
	reconfigure(soft, dev, &tables, VIQ_VTD_PASID_CACHE);
	assert_in_force(dev, PASIDS - 1);
	synth_vtd_pasid(entry, &t.pt, NULL, 77);
	assert_int_equal(synth_vtd_pasids_set(&t.pasids, PASIDS - 1, entry), 0);
	reconfigure(soft, dev, &tables, VIQ_VTD_PASID_CACHE);
	assert_in_force(dev, PASIDS);
	/* The device, its tables and their attachments go with it. */
	viq_soft_vtd_destroy(soft);
	viq_mem_destroy(mem);
}

/* --- A guest VT-d joined to it ------------------------------------------------------------------------------------ */

#define QUEUE UINT64_C(0x8000)

static int follow_guest(void *opaque, struct viq_vtd_reconfig *what)
{
	struct viq_nest_vtd *const *nest = opaque;

	return *nest ? viq_nest_vtd_reconfig(*nest, what) : 0;
}

/* A descriptor. The guest may be told to try again, once. */
static void submit(struct viq_vtd *vtd, uint32_t *tail, uint64_t low)
{
	uint64_t at = QUEUE + *tail * 32;

	low = htole64(low);
	memset(vtd_ram + at, 0, 32);
	memcpy(vtd_ram + at, &low, sizeof(low));
	++*tail;
	viq_vtd_mmio_write(vtd, VIQ_VTD_IQT, 8, *tail * 32);
	if (viq_vtd_mmio_read(vtd, VIQ_VTD_FSTS, 4) & VIQ_VTD_FSTS_ITE) {
		assert_true(nomem_struck());
		assert_int_equal(viq_vtd_mmio_read(vtd, VIQ_VTD_IQH, 8), (*tail - 1) * 32);
		nomem_off();
		viq_vtd_mmio_write(vtd, VIQ_VTD_FSTS, 4, VIQ_VTD_FSTS_ITE);
	}
	assert_int_equal(viq_vtd_mmio_read(vtd, VIQ_VTD_FSTS, 4) & (VIQ_VTD_FSTS_ITE | VIQ_VTD_FSTS_IQE), 0);
	assert_int_equal(viq_vtd_mmio_read(vtd, VIQ_VTD_IQH, 8), *tail * 32);
}

/* What the guest was told is in force; what it could not be told of, a register write, is blocked at worst. */
static void joined_life(void)
{
	static const struct viq_vtd_ops ops = {.size = sizeof(ops), .reconfig = follow_guest, .devtlb = no_devtlb};
	const struct viq_mem_region region = {.gpa = 0, .size = sizeof(vtd_ram), .host = vtd_ram};
	struct viq_soft_vtd_config soft_config;
	uint64_t entry[VIQ_VTD_PE_WORDS] = {0}, pa;
	struct viq_nest_vtd_config config;
	struct viq_vtd_config guest_config;
	struct viq_nest_vtd *nest = NULL;
	struct viq_soft_vtd_dev *dev;
	struct viq_soft_vtd *soft;
	struct viq_vtd *vtd;
	struct vtd_tables t;
	struct viq_mem *mem;
	uint32_t tail = 0;

	vtd_tables_init(&t);
	nomem_must(viq_mem_create(&region, 1, NULL, NULL, &mem, NULL));
	small_vtd_caches(&soft_config, mem);
	viq_vtd_config_init(&guest_config, sizeof(guest_config));
	guest_config.mem = mem;
	guest_config.cap = soft_config.cap;
	guest_config.ecap = soft_config.ecap;
	guest_config.ops = &ops;
	guest_config.opaque = &nest;
	nomem_must(viq_soft_vtd_create(&soft_config, &soft, NULL));
	nomem_must(viq_vtd_create(&guest_config, &vtd, NULL));
	viq_nest_vtd_config_init(&config, sizeof(config));
	config.backend = viq_soft_vtd_backend(soft);
	nomem_must(viq_nest_vtd_create(&config, &nest, NULL));
	nomem_must(viq_nest_vtd_bind(nest, vtd, mem));
	nomem_must(viq_soft_vtd_dev_alloc(soft, SID, &dev, NULL));
	viq_vtd_mmio_write(vtd, VIQ_VTD_IQA, 8, QUEUE | VIQ_VTD_IQA_DW);
	viq_vtd_mmio_write(vtd, VIQ_VTD_RTADDR, 8, synth_vtd_root_rtaddr(&t.root));
	viq_vtd_mmio_write(vtd, VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE | VIQ_VTD_GCMD_SRTP);
	viq_vtd_mmio_write(vtd, VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE | VIQ_VTD_GCMD_TE);
	submit(vtd, &tail, VIQ_VTD_TYPE_PC | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_PC_GLOBAL));
	for (uint32_t p = 0; p < PASIDS; p++) {
		assert_int_equal(vtd_access(dev, p, &pa), 0);
		assert_int_equal(pa, VTD_PAGE);
	}
	/* Of each table that a device uses the front end knows. */
	submit(vtd, &tail, VIQ_VTD_TYPE_IOTLB | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_IOTLB_GLOBAL));
	assert_int_equal(vtd_counters(vtd).entries, PASIDS);
	assert_int_equal(synth_vtd_pasids_set(&t.pasids, 3, entry), 0);
	submit(vtd, &tail,
	       VIQ_VTD_TYPE_PC | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_PC_PASID) | VIQ_PUT(VIQ_VTD_DESC_DID, 4 + 3) |
		       VIQ_PUT(VIQ_VTD_DESC_PASID, 3));
	assert_int_equal(vtd_access(dev, 3, &pa), -EFAULT);
	submit(vtd, &tail, VIQ_VTD_TYPE_IOTLB | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_IOTLB_GLOBAL));
	assert_int_equal(vtd_counters(vtd).entries, 2 * PASIDS - 1);
	viq_nest_vtd_destroy(nest);
	nest = NULL;
	viq_soft_vtd_destroy(soft);
	viq_vtd_destroy(vtd);
	viq_mem_destroy(mem);
}

static void software_vtd(void **state)
{
	assert_int_equal(viq_soft_thread_register(), 0);
	sweep(soft_vtd_life, 45);
	sweep(joined_life, 50);
	viq_soft_thread_unregister();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(front_ends_fanout_and_fault),
		cmocka_unit_test(software_smmuv3),
		cmocka_unit_test(software_vtd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
