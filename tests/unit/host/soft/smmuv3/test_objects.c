/* SPDX-License-Identifier: MIT */
/* The software host's objects: who may be made, attached and freed when, and every errno. */
#include "support/soft.h"
#include "support/why.h"

static uint64_t s1_ste[2]; /* of the machine's CD */

static uint32_t alloc_nested(struct machine *m, uint64_t w0, uint64_t w1)
{
	uint32_t id = 0;

	assert_int_equal(viq_soft_nested_alloc(m->soft, m->viommu, (uint64_t[2]){w0, w1}, &id, NULL), 0);
	assert_int_not_equal(id, 0);
	return id;
}

static void init(struct machine *m)
{
	machine_init_s1(m, NULL);
	s1_ste[0] = ste0(VIQ_SMMUV3_STE_CONFIG_S1, m->cd, 0);
	s1_ste[1] = 0;
}

static void a_configuration_that_cannot_be_is_refused(void **state)
{
	struct viq_soft_config good;
	struct viq_soft *soft = NULL;
	struct machine m;

	machine_init(&m, NULL);
	viq_soft_config_init(&good, sizeof(good));
	good.mem = m.mem;
#define REFUSES(change)                                                                                                \
	do {                                                                                                           \
		struct viq_soft_config c = good;                                                                       \
		c.change;                                                                                              \
		assert_int_equal(viq_soft_create(&c, &soft, NULL), -EINVAL);                                           \
		assert_null(soft);                                                                                     \
	} while (0)
	REFUSES(size = 0);
	REFUSES(mem = NULL);
	REFUSES(tlb_entries = 32);
	REFUSES(tlb_entries = 100);
	REFUSES(tlb_entries = 1u << 25);
	REFUSES(atc_entries = 8);
	REFUSES(atc_entries = 17);
	REFUSES(atc_entries = 1u << 21);
	REFUSES(idr0 &= ~VIQ_SMMUV3_IDR0_S1P);
	REFUSES(idr0 &= ~VIQ_SMMUV3_IDR0_S2P);
	REFUSES(idr0 &= ~VIQ_SMMUV3_IDR0_TTF);
	REFUSES(idr0 |= VIQ_SMMUV3_IDR0_HTTU);
	REFUSES(idr0 |= VIQ_SMMUV3_IDR0_HYP);
	REFUSES(idr0 &= ~VIQ_SMMUV3_IDR0_STALL_MODEL);
	REFUSES(idr1 |= VIQ_SMMUV3_IDR1_SSIDSIZE);
	REFUSES(idr5 |= VIQ_SMMUV3_IDR5_DS);
	REFUSES(idr5 |= VIQ_SMMUV3_IDR5_OAS);
	REFUSES(idr5 &= ~(VIQ_SMMUV3_IDR5_GRAN4K | VIQ_SMMUV3_IDR5_GRAN16K | VIQ_SMMUV3_IDR5_GRAN64K));
	REFUSES(idr1 = (good.idr1 & ~VIQ_SMMUV3_IDR1_SSIDSIZE) | VIQ_PUT(VIQ_SMMUV3_IDR1_SSIDSIZE, 21));
	/* The most there is: 52 bits of output address, 20-bit SubstreamIDs. */
	{
		struct viq_soft_config c = good;

		c.idr1 |= VIQ_PUT(VIQ_SMMUV3_IDR1_SSIDSIZE, 20);
		c.idr5 = (c.idr5 & ~VIQ_SMMUV3_IDR5_OAS) | VIQ_PUT(VIQ_SMMUV3_IDR5_OAS, 6);
		assert_int_equal(viq_soft_create(&c, &soft, NULL), 0);
		viq_soft_destroy(soft);
		soft = NULL;
	}
	assert_int_equal(viq_soft_create(NULL, &soft, NULL), -EINVAL);
	assert_int_equal(viq_soft_create(&good, NULL, NULL), -EINVAL);
	machine_fini(&m);
}

static void ids_are_never_0_and_never_reused(void **state)
{
	struct viq_soft_s2_config s2 = {.size = sizeof(s2), .identity = 1};
	uint32_t id, last = 0;
	struct machine m;

	machine_init(&m, NULL);
	last = m.viommu;
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(viq_soft_s2_alloc(m.soft, &s2, &id, NULL), 0);
		assert_true(id > last);
		last = id;
		assert_int_equal(viq_soft_object_free(m.soft, id), 0);
		assert_int_equal(viq_soft_object_free(m.soft, id), -ENOENT);
	}
	machine_fini(&m);
}

static void objects_in_use_are_busy(void **state)
{
	struct machine m;
	uint32_t nested;

	init(&m);
	nested = alloc_nested(&m, s1_ste[0], s1_ste[1]);
	assert_int_equal(viq_soft_object_free(m.soft, m.s2), -EBUSY);
	assert_int_equal(viq_soft_object_free(m.soft, m.viommu), -EBUSY);
	assert_int_equal(viq_soft_dev_free(m.dev), -EBUSY);
	assert_int_equal(viq_soft_attach(m.dev, nested), 0);
	assert_int_equal(viq_soft_object_free(m.soft, nested), -EBUSY);
	/* It translates through somebody's page table. */
	assert_int_equal(viq_soft_object_free(m.soft, m.vdevice), -EBUSY);
	assert_int_equal(viq_soft_attach(m.dev, 0), 0);
	assert_int_equal(viq_soft_object_free(m.soft, m.vdevice), 0);
	assert_int_equal(viq_soft_object_free(m.soft, m.viommu), -EBUSY);
	assert_int_equal(viq_soft_object_free(m.soft, nested), 0);
	assert_int_equal(viq_soft_object_free(m.soft, m.viommu), 0);
	assert_int_equal(viq_soft_object_free(m.soft, m.s2), 0);
	assert_int_equal(viq_soft_dev_free(m.dev), 0);
	machine_fini(&m);
}

static void a_configured_page_table_goes_with_its_vdevice(void **state)
{
	struct machine m;
	uint64_t pa, ttb;

	ttb = machine_init_s1(&m, NULL);
	map_page(&m, ttb, 0, MEM_BASE | PAGE_RW);
	assert_translates(m.dev, 0, MEM_BASE);
	assert_int_equal(viq_soft_object_free(m.soft, m.vdevice), 0);
	assert_int_equal(translate(m.dev, 0, 0, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(viq_soft_object_free(m.soft, m.viommu), 0);
	assert_int_equal(viq_soft_dev_free(m.dev), 0);
	machine_fini(&m);
}

static void unknown_ids_and_wrong_kinds(void **state)
{
	const uint32_t none = 0xffffff;
	struct machine m;
	uint32_t id;

	init(&m);
	assert_int_equal(viq_soft_object_free(m.soft, none), -ENOENT);
	assert_int_equal(viq_soft_object_free(m.soft, 0), -ENOENT);
	assert_why(viq_soft_viommu_alloc(m.soft, none, &id, &why), -ENOENT, "s2: ");
	assert_why(viq_soft_viommu_alloc(m.soft, m.viommu, &id, &why), -EINVAL, "s2: ");
	assert_int_equal(viq_soft_s2_invalidate(m.soft, none, 0, 0), -ENOENT);
	assert_int_equal(viq_soft_s2_invalidate(m.soft, m.viommu, 0, 0), -EINVAL);
	assert_int_equal(viq_soft_s2_invalidate(m.soft, m.s2, 4096, 0), -EINVAL);
	assert_int_equal(viq_soft_s2_invalidate(m.soft, m.s2, UINT64_MAX, 2), -EINVAL);
	assert_int_equal(viq_soft_s2_invalidate(m.soft, m.s2, UINT64_MAX, 1), 0);
	assert_int_equal(viq_soft_s2_invalidate(m.soft, m.s2, 0, 0), 0);
	assert_why(viq_soft_nested_alloc(m.soft, none, s1_ste, &id, &why), -ENOENT, "viommu: ");
	assert_why(viq_soft_nested_alloc(m.soft, m.s2, s1_ste, &id, &why), -EINVAL, "viommu: ");
	assert_int_equal(viq_soft_attach(m.dev, none), -ENOENT);
	assert_int_equal(viq_soft_attach(m.dev, m.s2), -EINVAL);
	assert_why(viq_soft_vdevice_alloc(m.soft, none, m.dev, 1, &id, &why), -ENOENT, "viommu: ");
	assert_int_equal(viq_soft_vdevice_configure(m.soft, none, VSID, s1_ste), -ENOENT);
	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID + 1, s1_ste), -ENOENT);
	machine_fini(&m);
}

static void arguments_that_make_no_sense(void **state)
{
	struct viq_soft_s2_config s2 = {.size = sizeof(s2), .identity = 1};
	struct viq_soft_xlate x;
	struct viq_soft_dev *dev;
	struct machine m;
	char byte = 0;
	uint32_t id;

	init(&m);
	s2.size--;
	assert_why(viq_soft_s2_alloc(m.soft, &s2, &id, &why), -EINVAL, "config.size");
	s2.size++;
	assert_why(viq_soft_s2_alloc(NULL, &s2, &id, &why), -EINVAL, "soft, id");
	assert_why(viq_soft_s2_alloc(m.soft, NULL, &id, &why), -EINVAL, "config");
	assert_why(viq_soft_s2_alloc(m.soft, &s2, NULL, &why), -EINVAL, "soft, id");
	s2.identity = 0;
	s2.t0sz = 40; /* ILLEGAL by 5.2.2 */
	assert_why(viq_soft_s2_alloc(m.soft, &s2, &id, &why), -EINVAL, "t0sz");
	assert_why(viq_soft_viommu_alloc(m.soft, m.s2, NULL, &why), -EINVAL, "soft, id");
	assert_why(viq_soft_dev_alloc(NULL, &dev, &why), -EINVAL, "soft, out");
	assert_why(viq_soft_dev_alloc(m.soft, NULL, &why), -EINVAL, "soft, out");
	assert_int_equal(viq_soft_dev_free(NULL), -EINVAL);
	assert_int_equal(viq_soft_dev_set_ats(NULL, true), -EINVAL);
	assert_why(viq_soft_vdevice_alloc(m.soft, m.viommu, NULL, 1, &id, &why), -EINVAL, "soft, dev");
	assert_why(viq_soft_nested_alloc(m.soft, m.viommu, NULL, &id, &why), -EINVAL, "soft, ste");
	assert_int_equal(viq_soft_attach(NULL, 0), -EINVAL);
	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID, NULL), -EINVAL);
	viq_soft_access_begin();
	assert_int_equal(viq_soft_translate(NULL, 0, 0, VIQ_SOFT_READ, &x), -EINVAL);
	assert_int_equal(viq_soft_translate(m.dev, 0, 0, VIQ_SOFT_READ, NULL), -EINVAL);
	assert_int_equal(viq_soft_translate(m.dev, 0, 0, 0, &x), -EINVAL);
	assert_int_equal(viq_soft_translate(m.dev, 0, 0, VIQ_SOFT_EXEC, &x), -EINVAL);
	assert_int_equal(viq_soft_translate(m.dev, 0, 0, VIQ_SOFT_WRITE | VIQ_SOFT_READ | VIQ_SOFT_EXEC, &x), -EINVAL);
	assert_int_equal(viq_soft_translate(m.dev, 0, 0, VIQ_SOFT_READ | 32, &x), -EINVAL);
	assert_int_equal(viq_soft_translate(m.dev, 0, 1u << 20, VIQ_SOFT_READ | VIQ_SOFT_SSV, &x), -EINVAL);
	viq_soft_access_end();
	/* An end too many. */
	viq_soft_access_end();
	/* Outside an access; then in a thread that has not registered. */
	assert_int_equal(viq_soft_translate(m.dev, 0, 0, VIQ_SOFT_READ, &x), -EINVAL);
	assert_int_equal(viq_soft_dma_read(m.dev, 0, 0, VIQ_SOFT_WRITE, &byte, 1), -EINVAL);
	assert_int_equal(viq_soft_dma_write(m.dev, 0, 0, VIQ_SOFT_READ, &byte, 1), -EINVAL);
	assert_int_equal(viq_soft_dma_read(m.dev, 0, 0, 0, NULL, 1), -EINVAL);
	assert_int_equal(viq_soft_dma_read(m.dev, 0, 0, 0, NULL, 0), 0);
	viq_soft_thread_unregister();
	viq_soft_access_begin();
	assert_int_equal(viq_soft_translate(m.dev, 0, 0, VIQ_SOFT_READ, &x), -EINVAL);
	viq_soft_access_end();
	assert_int_equal(viq_soft_dma_read(m.dev, 0, 0, 0, &byte, 1), -EINVAL);
	assert_int_equal(viq_soft_thread_register(), 0);
	viq_soft_destroy(NULL);
	machine_fini(&m);
}

static void one_device_has_one_stream_and_one_stream_one_device(void **state)
{
	struct viq_soft_dev *dev;
	uint32_t viommu2, id;
	struct machine m;

	init(&m);
	assert_int_equal(viq_soft_viommu_alloc(m.soft, m.s2, &viommu2, NULL), 0);
	assert_int_equal(viq_soft_dev_alloc(m.soft, &dev, NULL), 0);
	assert_why(viq_soft_vdevice_alloc(m.soft, m.viommu, dev, VSID, &id, &why), -EEXIST, "vsid: ");
	assert_why(viq_soft_vdevice_alloc(m.soft, m.viommu, m.dev, VSID + 1, &id, &why), -EEXIST, "dev: ");
	assert_why(viq_soft_vdevice_alloc(m.soft, viommu2, m.dev, VSID, &id, &why), -EEXIST, "dev: ");
	/* The same vSID in another guest is another stream. */
	assert_int_equal(viq_soft_vdevice_alloc(m.soft, viommu2, dev, VSID, &id, NULL), 0);
	assert_int_equal(viq_soft_object_free(m.soft, id), 0);
	assert_int_equal(viq_soft_vdevice_alloc(m.soft, m.viommu, dev, VSID + 256, &id, NULL), 0); /* same bucket */
	assert_int_equal(viq_soft_object_free(m.soft, id), 0);
	assert_int_equal(viq_soft_dev_free(dev), 0);
	machine_fini(&m);
}

static void what_an_ste_may_say(void **state)
{
	static const struct {
		uint64_t w0, w1;
		int ret;
	} stes[] = {
		{0, 0, 0},
		{~UINT64_C(1), ~UINT64_C(0), 0}, /* V = 0: nothing else is looked at */
		{1, 0, 0},
		{1 | 4 << 1, 0, 0},
		{1 | 5 << 1 | 0x1000, VIQ_SMMUV3_STE_1_S1DSS, 0},
		{1 | 5 << 1 | 0x1000, VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 1), 0},
		{1 | 1 << 1, 0, -EINVAL},
		{1 | 2 << 1, 0, -EINVAL},
		{1 | 3 << 1, 0, -EINVAL},
		{1 | 6 << 1, 0, -EINVAL},
		{1 | 7 << 1, 0, -EINVAL},
		{1 | UINT64_C(1) << 52, 0, -EINVAL},
		{1, VIQ_SMMUV3_STE_1_MEV, -EINVAL},
		{1, VIQ_PUT(VIQ_SMMUV3_STE_1_SHCFG, 1), -EINVAL},
		{1 | 5 << 1, VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 2), -EINVAL},
		{1 | 5 << 1, VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 3), -EINVAL},
		{1, VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 2), -EINVAL},
		{1 | 4 << 1, VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 3), -EINVAL},
		/* ILLEGAL: 21 bits of SSID; a context pointer beyond OAS; stalls where there are none. */
		{1 | 5 << 1 | UINT64_C(21) << 59, 0, -EINVAL},
		{1 | 5 << 1 | UINT64_C(1) << 50, 0, -EINVAL},
		{1 | 5 << 1, VIQ_SMMUV3_STE_1_S1STALLD, -EINVAL},
	};
	struct machine m;
	uint32_t id;

	init(&m);
	for (unsigned int i = 0; i < sizeof(stes) / sizeof(stes[0]); i++) {
		const uint64_t ste[2] = {stes[i].w0, stes[i].w1};

		print_message("STE %016llx %016llx\n", (unsigned long long)ste[0], (unsigned long long)ste[1]);
		assert_why(viq_soft_nested_alloc(m.soft, m.viommu, ste, &id, &why), stes[i].ret,
			   stes[i].ret ? "ste: " : "");
		assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID, ste), stes[i].ret);
	}
	machine_fini(&m);
}

static void translating_needs_a_vdevice_of_the_same_guest(void **state)
{
	struct viq_soft_dev *dev;
	uint32_t abort, bypass, s1, viommu2, other, id;
	struct machine m;
	uint64_t pa;

	init(&m);
	abort = alloc_nested(&m, VIQ_SMMUV3_STE_0_V, 0);
	bypass = alloc_nested(&m, ste0(VIQ_SMMUV3_STE_CONFIG_BYPASS, 0, 0), 0);
	s1 = alloc_nested(&m, s1_ste[0], s1_ste[1]);
	assert_int_equal(viq_soft_dev_alloc(m.soft, &dev, NULL), 0);
	assert_faults(dev, MEM_BASE);
	assert_int_equal(viq_soft_attach(dev, s1), -EINVAL);
	assert_int_equal(viq_soft_attach(dev, bypass), 0);
	assert_translates(dev, MEM_BASE + 0x123, MEM_BASE + 0x123);
	assert_int_equal(viq_soft_attach(dev, abort), 0);
	assert_faults(dev, MEM_BASE);
	assert_int_equal(viq_soft_attach(dev, bypass), 0);
	assert_int_equal(viq_soft_viommu_alloc(m.soft, m.s2, &viommu2, NULL), 0);
	/* Bound to one guest while attached through another. */
	assert_why(viq_soft_vdevice_alloc(m.soft, viommu2, dev, 1, &id, &why), -EINVAL, "dev: ");
	assert_int_equal(viq_soft_vdevice_alloc(m.soft, m.viommu, dev, 1, &id, NULL), 0);
	assert_int_equal(viq_soft_nested_alloc(m.soft, viommu2, s1_ste, &other, NULL), 0);
	assert_int_equal(viq_soft_attach(dev, other), -EINVAL);
	assert_translates(dev, MEM_BASE, MEM_BASE); /* nothing changed */
	assert_int_equal(viq_soft_attach(dev, s1), 0);
	assert_int_equal(viq_soft_attach(m.dev, s1), 0); /* one page table, two devices */
	assert_int_equal(translate(dev, MEM_BASE, 0, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(viq_soft_attach(dev, 0), 0);
	assert_int_equal(viq_soft_object_free(m.soft, s1), -EBUSY);
	machine_fini(&m);
}

static void inside_an_access_nothing_waits(void **state)
{
	struct viq_soft_s2_config s2 = {.size = sizeof(s2), .identity = 1};
	struct viq_call_request req = {.size = sizeof(req), .type = VIQ_CALL_SMMUV3, .entry_size = 16};
	struct viq_call_result res = {.size = sizeof(res)};
	struct viq_soft_dev *dev;
	struct machine m;
	uint32_t id;

	init(&m);
	req.object = m.viommu;
	viq_soft_access_begin();
	viq_soft_access_begin(); /* nests */
	viq_soft_access_end();
	assert_why(viq_soft_s2_alloc(m.soft, &s2, &id, &why), -EDEADLK, "inside an access");
	assert_int_equal(viq_soft_s2_invalidate(m.soft, m.s2, 0, 0), -EDEADLK);
	assert_why(viq_soft_viommu_alloc(m.soft, m.s2, &id, &why), -EDEADLK, "inside an access");
	assert_why(viq_soft_dev_alloc(m.soft, &dev, &why), -EDEADLK, "inside an access");
	assert_int_equal(viq_soft_dev_free(m.dev), -EDEADLK);
	assert_int_equal(viq_soft_dev_set_ats(m.dev, true), -EDEADLK);
	assert_why(viq_soft_vdevice_alloc(m.soft, m.viommu, m.dev, 1, &id, &why), -EDEADLK, "inside an access");
	assert_why(viq_soft_nested_alloc(m.soft, m.viommu, s1_ste, &id, &why), -EDEADLK, "inside an access");
	assert_int_equal(viq_soft_attach(m.dev, 0), -EDEADLK);
	assert_int_equal(viq_soft_object_free(m.soft, m.vdevice), -EDEADLK);
	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID, s1_ste), -EDEADLK);
	assert_int_equal(m.host.ops->invalidate(m.host.opaque, &req, &res), -EDEADLK);
	viq_soft_access_end();
	assert_int_equal(m.host.ops->invalidate(m.host.opaque, &req, &res), 0);
	machine_fini(&m);
}

static void narrow_vmids(struct viq_soft_config *config)
{
	config->idr0 &= ~VIQ_SMMUV3_IDR0_VMID16;
}

/*
 * Whatever the former guest has invalidated, and the new one does: the counters that tell stale entries begin anew, and
 * at no time may they add up to what they were.
 */
static void a_vmid_comes_back_clean(unsigned int before, void (*tune)(struct viq_soft_config *), unsigned int vmids)
{
	uint64_t ttb, pa;
	struct machine m;

	ttb = machine_init_s1(&m, tune);
	map_page(&m, ttb, 0, MEM_BASE | PAGE_RW);
	for (unsigned int i = 0; i < before; i++)
		invalidate(&m, VIQ_SMMUV3_OP_TLBI_NH_ALL, 0);
	assert_translates(m.dev, 0, MEM_BASE);
	map_page(&m, ttb, 0, 0);
	assert_translates(m.dev, 0, MEM_BASE); /* cached under the first VMID */
	assert_int_equal(viq_soft_object_free(m.soft, m.vdevice), 0);
	assert_int_equal(viq_soft_object_free(m.soft, m.viommu), 0);
	/* All other VMIDs once, until the first one is used again. */
	for (unsigned int i = 0; i < vmids; i++) {
		assert_int_equal(viq_soft_viommu_alloc(m.soft, m.s2, &m.viommu, NULL), 0);
		if (i < vmids - 1)
			assert_int_equal(viq_soft_object_free(m.soft, m.viommu), 0);
	}
	assert_int_equal(viq_soft_vdevice_alloc(m.soft, m.viommu, m.dev, VSID, &m.vdevice, NULL), 0);
	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID,
						    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 0), 0}),
			 0);
	/* Another page first: the guest has entries of this size. */
	map_page(&m, ttb, 0x5000, MEM_BASE | PAGE_RW);
	assert_translates(m.dev, 0x5000, MEM_BASE);
	m.host = viq_soft_host(m.soft, m.viommu);
	for (unsigned int i = 0; i < before + 3; i++) {
		assert_int_equal(translate(m.dev, 0, 0, VIQ_SOFT_READ, &pa), -EFAULT);
		invalidate(&m, VIQ_SMMUV3_OP_TLBI_NH_ALL, 0);
	}
	machine_fini(&m);
}

/* 65,535 guests are made and freed, each with counters of its own: the fewer the better. */
static void small(struct viq_soft_config *config)
{
	config->idr0 &= ~VIQ_SMMUV3_IDR0_ASID16;
	config->tlb_entries = 64;
}

static void vmids_do_not_run_out_and_come_back_clean(void **state)
{
	a_vmid_comes_back_clean(0, small, 65535);
	a_vmid_comes_back_clean(10, small, 65535);
	a_vmid_comes_back_clean(10, narrow_vmids, 255);
}

static void with_8_bit_vmids_255_guests_fit(void **state)
{
	struct machine m;
	uint32_t id;

	machine_init(&m, narrow_vmids);
	for (unsigned int i = 1; i < 255; i++)
		assert_int_equal(viq_soft_viommu_alloc(m.soft, m.s2, &id, NULL), 0);
	assert_why(viq_soft_viommu_alloc(m.soft, m.s2, &id, &why), -ENOMEM, "no memory");
	assert_int_equal(viq_soft_object_free(m.soft, m.viommu), 0);
	assert_int_equal(viq_soft_viommu_alloc(m.soft, m.s2, &id, NULL), 0);
	machine_fini(&m);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_configuration_that_cannot_be_is_refused),
	cmocka_unit_test(ids_are_never_0_and_never_reused),
	cmocka_unit_test(objects_in_use_are_busy),
	cmocka_unit_test(a_configured_page_table_goes_with_its_vdevice),
	cmocka_unit_test(unknown_ids_and_wrong_kinds),
	cmocka_unit_test(arguments_that_make_no_sense),
	cmocka_unit_test(one_device_has_one_stream_and_one_stream_one_device),
	cmocka_unit_test(what_an_ste_may_say),
	cmocka_unit_test(translating_needs_a_vdevice_of_the_same_guest),
	cmocka_unit_test(inside_an_access_nothing_waits),
	cmocka_unit_test(vmids_do_not_run_out_and_come_back_clean),
	cmocka_unit_test(with_8_bit_vmids_255_guests_fit),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
