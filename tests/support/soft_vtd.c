/* SPDX-License-Identifier: MIT */
#include <sys/mman.h>

#include "soft_vtd.h"

#define QUEUE  UINT64_C(0x01000000)
#define STATUS UINT64_C(0x01100000)
#define SLOTS  128u

/* --- The front end ------------------------------------------------------------------------------------------------ */

static int reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
	struct vm *vm = opaque;

	/* Of other causes the guest would not hear. */
	if (vm->reconfig_fails && (what->cause == VIQ_VTD_CONTEXT_CACHE || what->cause == VIQ_VTD_PASID_CACHE)) {
		vm->reconfig_fails--;
		return -ENOMEM;
	}
	return viq_nest_vtd_reconfig(vm->nest, what);
}

static uint32_t bring_faults(void *opaque)
{
	struct vm *vm = opaque;

	return viq_nest_vtd_sync(vm->nest);
}

static int devtlb(void *opaque, const struct viq_vtd_devtlb *inv)
{
	struct vm *vm = opaque;

	return viq_soft_vtd_devtlb(vm->soft, inv);
}

static int page_response(void *opaque, const struct viq_vtd_page_response *response)
{
	struct vm *vm = opaque;

	vm->answer = *response;
	vm->answers++;
	return 0;
}

/* Failures are made in front of the tables' hosts. */
static int in_front(void *opaque, struct viq_call_host *host)
{
	const struct viq_call_host behind = *host;

	return viq_fault_host(opaque, &behind, host, NULL);
}

uint64_t vm_reg(struct vm *vm, uint64_t offset, unsigned int size)
{
	return viq_vtd_mmio_read(vm->vtd, offset, size);
}

void vm_write(struct vm *vm, uint64_t offset, unsigned int size, uint64_t value)
{
	viq_vtd_mmio_write(vm->vtd, offset, size, value);
	/* Where budgets are not the subject there is a worker, at once. */
	while (!vm->config.budget && !viq_vtd_waits_for_host(vm->vtd) && viq_vtd_run(vm->vtd, 0))
		;
}

static void gcmd(struct vm *vm, uint32_t bit)
{
	vm_write(vm, VREG(GCMD), 4, (vm_reg(vm, VREG(GSTS), 4) & 0x96ffffff) | bit);
	assert_true(vm_reg(vm, VREG(GSTS), 4) & bit);
}

void vm_init(struct vm *vm, bool scalable, void (*tune)(struct vm *vm))
{
	static const struct viq_vtd_ops ops = {
		.size = sizeof(ops),
		.reconfig = reconfig,
		.devtlb = devtlb,
		.sync = bring_faults,
		.page_response = page_response,
	};
	struct viq_mem_region region = {.gpa = 0, .size = VM_RAM};
	struct viq_nest_vtd_config nest;

	memset(vm, 0, sizeof(*vm));
	vm->ram = mmap(NULL, VM_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(vm->ram, MAP_FAILED);
	region.host = vm->ram;
	assert_int_equal(viq_mem_create(&region, 1, NULL, NULL, &vm->mem, NULL), 0);
	synth_mem_init(&vm->heap, vm->ram + 0x100000, 0x100000, 0xf00000);
	viq_soft_vtd_config_init(&vm->soft_config, sizeof(vm->soft_config));
	viq_vtd_config_init(&vm->config, sizeof(vm->config));
	vm->config.cap = vm->soft_config.cap;
	vm->config.ecap = vm->soft_config.ecap;
	vm->config.mem = vm->soft_config.mem = vm->mem;
	vm->config.ops = &ops;
	vm->config.opaque = vm;
	if (tune)
		tune(vm);
	assert_int_equal(viq_vtd_create(&vm->config, &vm->vtd, NULL), 0);
	assert_int_equal(viq_soft_vtd_create(&vm->soft_config, &vm->soft, NULL), 0);
	assert_int_equal(viq_soft_thread_register(), 0);
	viq_nest_vtd_config_init(&nest, sizeof(nest));
	nest.backend = viq_soft_vtd_backend(vm->soft);
	nest.host = vm->fault ? in_front : NULL;
	nest.opaque = vm->fault;
	assert_int_equal(viq_nest_vtd_create(&nest, &vm->nest, NULL), 0);
	assert_int_equal(viq_nest_vtd_bind(vm->nest, vm->vtd, vm->mem), 0);
	assert_int_equal(synth_vtd_root_init(&vm->root, &vm->heap, scalable), 0);
	vm_write(vm, VREG(IQA), 8, QUEUE | VIQ_VTD_IQA_DW);
	gcmd(vm, VIQ_VTD_GCMD_QIE);
	vm_write(vm, VREG(RTADDR), 8, synth_vtd_root_rtaddr(&vm->root));
	gcmd(vm, VIQ_VTD_GCMD_SRTP);
	gcmd(vm, VIQ_VTD_GCMD_TE);
}

void vm_fini(struct vm *vm)
{
	viq_nest_vtd_destroy(vm->nest);
	viq_soft_thread_unregister();
	viq_soft_vtd_destroy(vm->soft);
	viq_vtd_destroy(vm->vtd);
	viq_fault_destroy(vm->fault);
	viq_mem_destroy(vm->mem);
	munmap(vm->ram, VM_RAM);
}

void vm_migrate(struct vm *vm)
{
	char state[16384];
	size_t len = sizeof(state);

	assert_int_equal(viq_vtd_save(vm->vtd, state, &len), 0);
	assert_int_equal(viq_nest_vtd_bind(vm->nest, NULL, NULL), 0);
	viq_vtd_destroy(vm->vtd);
	assert_int_equal(viq_vtd_create(&vm->config, &vm->vtd, NULL), 0);
	assert_int_equal(viq_nest_vtd_bind(vm->nest, vm->vtd, vm->mem), 0);
	assert_int_equal(viq_vtd_restore(vm->vtd, state, len), 0);
}

struct viq_soft_vtd_dev *vm_add(struct vm *vm, uint16_t sid, bool ats)
{
	struct viq_soft_vtd_dev *dev;

	assert_int_equal(viq_soft_vtd_dev_alloc(vm->soft, sid, &dev, NULL), 0);
	assert_int_equal(viq_soft_vtd_dev_set_ats(dev, ats), 0);
	return dev;
}

static void push(struct vm *vm, struct test_desc desc)
{
	for (unsigned int i = 0; i < 4; i++)
		viq_mem_write_u64(vm->mem, QUEUE + vm->tail * 32 + i * 8, desc.qw[i]);
	vm->tail = (vm->tail + 1) % SLOTS;
}

bool vm_submit(struct vm *vm, struct test_desc desc)
{
	uint64_t status;

	viq_mem_write_u32(vm->mem, STATUS, 0);
	push(vm, desc);
	push(vm, desc_wait(true, false, false, 2, STATUS));
	vm_write(vm, VREG(IQT), 8, vm->tail * 32);
	assert_int_equal(viq_mem_read_words(vm->mem, STATUS, &status, 1), 0);
	return (uint32_t)status == 2;
}

void vm_flush_entry(struct vm *vm, unsigned int did, uint32_t pasid)
{
	assert_true(vm_submit(vm, desc_pc(VIQ_VTD_PC_PASID, (uint16_t)did, pasid)));
	assert_true(vm_submit(vm, desc_piotlb(VIQ_VTD_PIOTLB_PASID, (uint16_t)did, pasid, 0, 0, false)));
}

unsigned int vm_fault(struct vm *vm)
{
	uint64_t at = VIQ_GET(VIQ_VTD_CAP_FRO, vm->config.cap) * 16;
	uint64_t hi;

	assert_int_equal(viq_nest_vtd_faults(vm->nest, 0), 0);
	hi = vm_reg(vm, at + 8, 8);
	if (!(hi & VIQ_VTD_FRCD_1_F))
		return 0;
	vm_write(vm, at + 12, 4, UINT32_C(1) << 31);
	vm_write(vm, VREG(FSTS), 4, VIQ_VTD_FSTS_PFO);
	return VIQ_GET(VIQ_VTD_FRCD_1_FR, hi);
}

/* --- Structures --------------------------------------------------------------------------------------------------- */

struct synth_vtd_pt vm_pt(struct vm *vm, unsigned int stage, unsigned int levels)
{
	struct synth_vtd_pt pt;

	assert_int_equal(synth_vtd_pt_init(&pt, &vm->heap, stage, levels), 0);
	return pt;
}

void vm_map(struct synth_vtd_pt *pt, uint64_t iova, uint64_t pa)
{
	assert_int_equal(synth_vtd_pt_map(pt, iova, pa, 1, 0), 0);
}

void vm_unmap(struct synth_vtd_pt *pt, uint64_t iova)
{
	assert_int_equal(synth_vtd_pt_unmap(pt, iova, 1), 0);
}

struct synth_vtd_pasids vm_pasids(struct vm *vm, uint16_t sid, uint32_t rid_pasid)
{
	struct synth_vtd_pasids pasids;
	uint64_t ctx[VIQ_VTD_SCTX_WORDS];

	assert_int_equal(synth_vtd_pasids_init(&pasids, &vm->heap, 0), 0);
	synth_vtd_context(ctx, &pasids, rid_pasid);
	ctx[0] |= vm->config.ecap & VIQ_VTD_ECAP_DT ? VIQ_VTD_SCTX_DTE : 0;
	assert_int_equal(synth_vtd_root_set(&vm->root, sid, ctx), 0);
	return pasids;
}

void vm_entry(struct synth_vtd_pasids *pasids, uint32_t pasid, const struct synth_vtd_pt *fs,
	      const struct synth_vtd_pt *ss, unsigned int did)
{
	uint64_t entry[VIQ_VTD_PE_WORDS];

	synth_vtd_pasid(entry, fs, ss, did);
	assert_int_equal(synth_vtd_pasids_set(pasids, pasid, entry), 0);
}

void vm_legacy(struct vm *vm, uint16_t sid, const struct synth_vtd_pt *ss, unsigned int did)
{
	uint64_t ctx[VIQ_VTD_SCTX_WORDS];

	synth_vtd_legacy_context(ctx, ss, VIQ_VTD_AW_48, did);
	assert_int_equal(synth_vtd_root_set(&vm->root, sid, ctx), 0);
}

/* --- Accesses ----------------------------------------------------------------------------------------------------- */

int vm_translate(struct viq_soft_vtd_dev *dev, int64_t pasid, uint64_t iova, uint32_t flags, uint64_t *pa)
{
	struct viq_soft_xlate x = {0};
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_vtd_translate(dev, iova, pasid < 0 ? 0 : (uint32_t)pasid, flags | (pasid < 0 ? 0 : VIQ_SOFT_SSV),
				     &x);
	viq_soft_access_end();
	*pa = x.pa;
	if (!ret)
		assert_true(x.len >= 1);
	return ret;
}

void vm_hits(struct viq_soft_vtd_dev *dev, int64_t pasid, uint64_t iova, uint64_t pa)
{
	uint64_t got;

	assert_int_equal(vm_translate(dev, pasid, iova, VIQ_SOFT_READ, &got), 0);
	assert_int_equal(got, pa);
}

void vm_misses(struct vm *vm, struct viq_soft_vtd_dev *dev, int64_t pasid, uint64_t iova, unsigned int reason)
{
	uint64_t got;

	assert_int_equal(vm_translate(dev, pasid, iova, VIQ_SOFT_READ, &got), -EFAULT);
	assert_int_equal(vm_fault(vm), reason);
}
