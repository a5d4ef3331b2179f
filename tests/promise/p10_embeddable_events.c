/* SPDX-License-Identifier: MIT */
/*
 * P10: events and faults of the software hosts. An access leaves them behind and calls nobody, so the natural wiring,
 * one lock around the front end, does not deadlock; they are in the guest's queue before a CMD_SYNC (IHI 0070 4.7.3) or
 * a wait descriptor that comes after them completes.
 */
#include <pthread.h>

#include <viq/nest_smmuv3.h>

#include "support/soft.h"
#include "support/soft_vtd.h"

#define REG(name) VIQ_SMMUV3_##name

#define RING   1024 /* what waits at most, as the headers say */
#define ROUNDS 200

/* --- SMMUv3: a guest whose stream table is 0, so that each access of its device is C_BAD_STE (7.3.5) ---------------
 */

struct guest {
	struct machine m;
	struct viq_nest_smmuv3 *nest;
	struct viq_smmuv3 *smmu;
	uint64_t queue, events;
	uint32_t prod;
	unsigned int woken;
};

static int reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	struct guest *g = opaque;

	return viq_nest_smmuv3_reconfig(g->nest, what);
}

static uint32_t bring_events(void *opaque)
{
	struct guest *g = opaque;

	return viq_nest_smmuv3_sync(g->nest);
}

static struct guest *tuned; /* machine_init() hands out the machine only */

static void wake(void *opaque, uint32_t viommu)
{
	struct guest *g = opaque;

	__atomic_fetch_add(&g->woken, 1, __ATOMIC_RELAXED);
}

static void with_notify(struct viq_soft_config *config)
{
	config->notify = wake;
	config->opaque = tuned;
}

static void w32(struct guest *g, uint64_t offset, uint32_t value)
{
	viq_smmuv3_mmio_write(g->smmu, offset, 4, value);
}

static uint32_t r32(struct guest *g, uint64_t offset)
{
	return (uint32_t)viq_smmuv3_mmio_read(g->smmu, offset, 4);
}

static void add_device(struct guest *g)
{
	assert_int_equal(viq_soft_dev_alloc(g->m.soft, &g->m.dev, NULL), 0);
	assert_int_equal(viq_soft_vdevice_alloc(g->m.soft, g->m.viommu, g->m.dev, VSID, &g->m.vdevice, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_follow(g->nest, VSID), 0);
}

static void guest_init(struct guest *g)
{
	static const struct viq_smmuv3_ops ops = {.size = sizeof(ops), .reconfig = reconfig, .sync = bring_events};
	struct viq_smmuv3_config config;
	struct viq_smmuv3_backend backend;

	memset(g, 0, sizeof(*g));
	tuned = g;
	machine_init(&g->m, with_notify);
	backend = viq_soft_backend(g->m.soft, g->m.viommu);
	assert_int_equal(viq_nest_smmuv3_create(NULL, NULL, &g->nest, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_join(g->nest, &backend, NULL), 0);
	viq_smmuv3_config_init(&config, sizeof(config));
	config.mem = g->m.mem;
	config.host = g->m.host;
	config.ops = &ops;
	config.opaque = g;
	assert_int_equal(viq_smmuv3_create(&config, &g->smmu, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_bind(g->nest, g->smmu, NULL), 0);
	g->queue = alloc_pages(&g->m, 16);
	g->events = alloc_pages(&g->m, 16); /* 2^11 events */
	viq_smmuv3_mmio_write(g->smmu, REG(STRTAB_BASE), 8, alloc_pages(&g->m, 4));
	w32(g, REG(STRTAB_BASE_CFG), 8);
	viq_smmuv3_mmio_write(g->smmu, REG(CMDQ_BASE), 8, g->queue | 12);
	viq_smmuv3_mmio_write(g->smmu, REG(EVENTQ_BASE), 8, g->events | 11);
	w32(g, REG(CR0), REG(CR0_SMMUEN) | REG(CR0_EVENTQEN) | REG(CR0_CMDQEN));
	add_device(g);
}

static void guest_fini(struct guest *g)
{
	viq_smmuv3_destroy(g->smmu);
	viq_nest_smmuv3_destroy(g->nest);
	machine_fini(&g->m);
}

/* TLBI_NH_ALL and CMD_SYNC. */
static void invalidate_and_sync(struct guest *g)
{
	const uint64_t cmds[] = {REG(OP_TLBI_NH_ALL), REG(OP_SYNC)};

	for (unsigned int i = 0; i < 2; i++, g->prod++) {
		put_word(&g->m, g->queue + (g->prod & 0xfff) * 16, cmds[i]);
		put_word(&g->m, g->queue + (g->prod & 0xfff) * 16 + 8, 0);
	}
	w32(g, REG(CMDQ_PROD), g->prod & 0x1fff);
	assert_int_equal(r32(g, REG(CMDQ_CONS)), g->prod & 0x1fff);
}

static uint32_t events_seen(struct guest *g)
{
	return r32(g, REG(EVENTQ_PROD)) & 0xfff;
}

static void an_event_is_there_before_the_sync_is_done(void **state)
{
	struct guest g;

	guest_init(&g);
	assert_faults(g.m.dev, 0x5000);
	assert_faults(g.m.dev, 0x6000);
	assert_int_equal(g.woken, 1); /* there were none before the first */
	assert_int_equal(events_seen(&g), 0);
	invalidate_and_sync(&g);
	assert_int_equal(events_seen(&g), 2);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(le64toh(*word_at(&g.m, g.events + 32 * i)), 4 | (uint64_t)VSID << 32);
	/* Without a CMD_SYNC they come when who was woken takes them. */
	assert_faults(g.m.dev, 0x5000);
	assert_int_equal(g.woken, 2);
	assert_int_equal(viq_nest_smmuv3_events(g.nest, 0), 0);
	assert_int_equal(events_seen(&g), 3);
	guest_fini(&g);
}

/* 7.4: what is lost on the way is an overflow, though the guest's queue has room. */
static void a_flood_is_an_overflow(void **state)
{
	struct viq_smmuv3_counters counters;
	struct guest g;

	guest_init(&g);
	for (unsigned int i = 0; i < RING + 5; i++)
		assert_faults(g.m.dev, 0x5000);
	assert_int_equal(g.woken, 1);
	invalidate_and_sync(&g);
	assert_int_equal(r32(&g, REG(EVENTQ_PROD)), RING);
	/* The loss comes after what was there. */
	assert_faults(g.m.dev, 0x6000);
	invalidate_and_sync(&g);
	assert_int_equal(r32(&g, REG(EVENTQ_PROD)), (RING + 1) | REG(EVENTQ_OVFLG));
	assert_int_equal(viq_smmuv3_counters(g.smmu, &counters, sizeof(counters)), 0);
	assert_int_equal(counters.events_lost, 5);
	assert_int_equal(counters.events, RING + 1);
	guest_fini(&g);
}

/* P9: the StreamID is another device's by now, which has done nothing. A loss is a loss, whoever had it. */
static void a_successor_does_not_inherit_events(void **state)
{
	for (unsigned int lost = 0; lost < 2; lost++) {
		struct guest g;

		guest_init(&g);
		for (unsigned int i = 0; i < (lost ? RING + 1 : 3); i++)
			assert_faults(g.m.dev, 0x5000);
		assert_int_equal(viq_soft_object_free(g.m.soft, g.m.vdevice), 0);
		assert_int_equal(viq_soft_dev_free(g.m.dev), 0);
		add_device(&g);
		invalidate_and_sync(&g);
		assert_int_equal(r32(&g, REG(EVENTQ_PROD)), lost ? REG(EVENTQ_OVFLG) : 0);
		assert_faults(g.m.dev, 0x5000);
		invalidate_and_sync(&g);
		assert_int_equal(events_seen(&g), 1);
		guest_fini(&g);
	}
}

/* --- VT-d: a guest without tables, so that each access of its device is SCT.2 or LCT.2 ------------------------------
 */

static void vm_refuses(struct viq_soft_vtd_dev *dev, uint64_t iova)
{
	uint64_t pa;

	assert_int_equal(vm_translate(dev, NO_PASID, iova, VIQ_SOFT_READ, &pa), -EFAULT);
}

static void two_records(struct vm *vm)
{
	vm->config.cap |= VIQ_PUT(VIQ_VTD_CAP_NFR, 1);
}

static bool record_is_set(struct vm *vm, unsigned int n)
{
	return vm_reg(vm, VIQ_GET(VIQ_VTD_CAP_FRO, vm->config.cap) * 16 + 16 * n + 8, 8) & VIQ_VTD_FRCD_1_F;
}

static void a_fault_is_there_before_the_wait_is_done(void **state)
{
	struct vm vm;

	vm_init(&vm, true, two_records);
	vm.dev = vm_add(&vm, SID, false);
	vm_refuses(vm.dev, 0x5000);
	assert_false(record_is_set(&vm, 0));
	assert_true(vm_submit(&vm, desc_iotlb(1, 0, 0, 0, false)));
	assert_true(record_is_set(&vm, 0));
	assert_int_equal(vm_reg(&vm, VREG(FSTS), 4), VIQ_VTD_FSTS_PPF);
	/* Without a wait descriptor they come when they are taken. */
	vm_refuses(vm.dev, 0x5000);
	assert_int_equal(viq_nest_vtd_faults(vm.nest, 0), 0);
	assert_true(record_is_set(&vm, 1));
	vm_fini(&vm);
}

static void a_flood_sets_pfo(void **state)
{
	struct viq_vtd_counters counters;
	struct vm vm;

	vm_init(&vm, true, two_records);
	vm.dev = vm_add(&vm, SID, false);
	for (unsigned int i = 0; i < RING + 5; i++)
		vm_refuses(vm.dev, 0x5000);
	assert_int_equal(viq_nest_vtd_faults(vm.nest, 1), 0);
	assert_int_equal(vm_reg(&vm, VREG(FSTS), 4), VIQ_VTD_FSTS_PPF);
	assert_int_equal(viq_nest_vtd_faults(vm.nest, 0), 0);
	assert_int_equal(vm_reg(&vm, VREG(FSTS), 4), VIQ_VTD_FSTS_PPF | VIQ_VTD_FSTS_PFO);
	assert_int_equal(viq_vtd_counters(vm.vtd, &counters, sizeof(counters)), 0);
	assert_int_equal(counters.faults, 2);
	assert_int_equal(counters.faults_lost, RING - 2 + 5);
	vm_fini(&vm);
}

static void a_successor_does_not_inherit_faults(void **state)
{
	struct vm vm;

	vm_init(&vm, true, two_records);
	vm.dev = vm_add(&vm, SID, false);
	vm_refuses(vm.dev, 0x5000);
	assert_int_equal(viq_soft_vtd_dev_free(vm.dev), 0);
	vm.dev = vm_add(&vm, SID, false);
	assert_int_equal(viq_nest_vtd_faults(vm.nest, 0), 0);
	assert_int_equal(vm_reg(&vm, VREG(FSTS), 4), 0);
	vm_refuses(vm.dev, 0x5000);
	assert_int_equal(viq_nest_vtd_faults(vm.nest, 0), 0);
	assert_int_equal(vm_reg(&vm, VREG(FSTS), 4), VIQ_VTD_FSTS_PPF);
	vm_fini(&vm);
}

/* --- The natural wiring, both --------------------------------------------------------------------------------------
 */

static pthread_mutex_t front = PTHREAD_MUTEX_INITIALIZER; /* the VMM's, around the front end */
static bool done;

/* A device at work: in an access most of the time, and each of them fails. */
static void *smmuv3_device(void *opaque)
{
	struct guest *g = opaque;
	char buf[8];

	assert_int_equal(viq_soft_thread_register(), 0);
	while (!__atomic_load_n(&done, __ATOMIC_RELAXED))
		assert_int_equal(viq_soft_dma_read(g->m.dev, 0x5000, 0, 0, buf, 8), -EFAULT);
	assert_int_equal(viq_soft_thread_unregister(), 0);
	return NULL;
}

static void *vtd_device(void *opaque)
{
	struct vm *vm = opaque;
	char buf[8];

	assert_int_equal(viq_soft_thread_register(), 0);
	while (!__atomic_load_n(&done, __ATOMIC_RELAXED))
		assert_int_equal(viq_soft_vtd_dma_read(vm->dev, 0x5000, 0, 0, buf, 8), -EFAULT);
	assert_int_equal(viq_soft_thread_unregister(), 0);
	return NULL;
}

/* The event loop, woken or not. */
static void *smmuv3_loop(void *opaque)
{
	struct guest *g = opaque;

	while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
		pthread_mutex_lock(&front);
		assert_int_equal(viq_nest_smmuv3_events(g->nest, 0), 0);
		w32(g, REG(EVENTQ_CONS), r32(g, REG(EVENTQ_PROD)));
		pthread_mutex_unlock(&front);
	}
	return NULL;
}

static void *vtd_loop(void *opaque)
{
	struct vm *vm = opaque;

	while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
		pthread_mutex_lock(&front);
		(void)vm_fault(vm);
		pthread_mutex_unlock(&front);
	}
	return NULL;
}

static void start(pthread_t threads[2], void *(*device)(void *), void *(*loop)(void *), void *opaque)
{
	done = false;
	assert_int_equal(pthread_create(&threads[0], NULL, device, opaque), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, loop, opaque), 0);
}

static void end(pthread_t threads[2])
{
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

static void one_lock_around_the_front_end_does(void **state)
{
	pthread_t threads[2];
	struct guest g;
	struct vm vm;

	guest_init(&g);
	start(threads, smmuv3_device, smmuv3_loop, &g);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&front);
		invalidate_and_sync(&g);
		pthread_mutex_unlock(&front);
	}
	end(threads);
	guest_fini(&g);

	vm_init(&vm, true, two_records);
	vm.dev = vm_add(&vm, SID, false);
	start(threads, vtd_device, vtd_loop, &vm);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&front);
		assert_true(vm_submit(&vm, desc_iotlb(1, 0, 0, 0, false)));
		pthread_mutex_unlock(&front);
	}
	end(threads);
	vm_fini(&vm);
}

/* --- Threads -------------------------------------------------------------------------------------------------------
 */

/* Nobody would wait for the access any more, and it goes on. */
static void a_thread_does_not_leave_inside_an_access(void **state)
{
	assert_int_equal(viq_soft_thread_unregister(), -EINVAL);
	assert_int_equal(viq_soft_thread_register(), 0);
	viq_soft_access_begin();
	assert_int_equal(viq_soft_thread_unregister(), -EBUSY);
	/* One of two is not the last. */
	assert_int_equal(viq_soft_thread_register(), 0);
	assert_int_equal(viq_soft_thread_unregister(), 0);
	assert_int_equal(viq_soft_thread_unregister(), -EBUSY);
	viq_soft_access_end();
	assert_int_equal(viq_soft_thread_unregister(), 0);
	assert_int_equal(viq_soft_thread_unregister(), -EINVAL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(an_event_is_there_before_the_sync_is_done),
	cmocka_unit_test(a_flood_is_an_overflow),
	cmocka_unit_test(a_successor_does_not_inherit_events),
	cmocka_unit_test(a_fault_is_there_before_the_wait_is_done),
	cmocka_unit_test(a_flood_sets_pfo),
	cmocka_unit_test(a_successor_does_not_inherit_faults),
	cmocka_unit_test(one_lock_around_the_front_end_does),
	cmocka_unit_test(a_thread_does_not_leave_inside_an_access),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
