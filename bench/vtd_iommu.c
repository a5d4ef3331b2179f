// SPDX-License-Identifier: MIT
#include <errno.h>
#include <sys/mman.h>

#include "vtd_iommu.h"

#define RAM_BASE    UINT64_C(0x40000000)
#define TABLE_ENTRY (VIQ_VTD_FS_P | VIQ_VTD_FS_RW | VIQ_VTD_FS_US | VIQ_VTD_FS_A)

static int attach(void *opaque, const struct viq_vtd_table *table, uint32_t *handle)
{
	struct vtd_iommu *iommu = opaque;

	iommu->host[table->domain_id - 1] = table->host;
	*handle = ++iommu->attached;
	return 0;
}

static void detach(void *opaque, uint32_t handle)
{
}

static uint64_t next_table(struct vtd_iommu *iommu, uint64_t slot)
{
	if (!synth_load(&iommu->synth, slot))
		synth_store(&iommu->synth, slot, synth_alloc(&iommu->synth, 12) | TABLE_ENTRY);
	return synth_load(&iommu->synth, slot) & VIQ_VTD_FS_ADDR;
}

static void map(struct vtd_iommu *iommu, uint64_t va)
{
	uint64_t table = iommu->tables;

	for (unsigned int shift = 39; shift > 12; shift -= 9)
		table = next_table(iommu, table + 8 * (va >> shift & 511));
	synth_store(&iommu->synth, table + 8 * (va >> 12 & 511), va | TABLE_ENTRY | VIQ_VTD_FS_D);
}

/* Device n: source-id n, domain n + 1. */
static void write_device(struct vtd_iommu *iommu, unsigned int n, uint64_t tables)
{
	struct synth_mem *mem = &iommu->synth;
	uint64_t directory = synth_alloc(mem, 12), pasids = synth_alloc(mem, 12);

	synth_store(mem, pasids + 16, tables);
	synth_store(mem, pasids + 8, VIQ_PUT(VIQ_VTD_PE_1_DID, n + 1));
	synth_store(mem, pasids, VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_FS));
	synth_store(mem, directory, pasids | VIQ_VTD_PDE_P);
	synth_store(mem, iommu->context + n * VIQ_VTD_SCTX_SIZE, directory | VIQ_VTD_SCTX_P);
}

static int add_memory(struct vtd_iommu *iommu, uint32_t pages)
{
	struct viq_mem_region region = {.gpa = RAM_BASE};

	iommu->ram_size = (4u << 20) + (size_t)pages * 16;
	iommu->ram_size &= ~(size_t)4095;
	region.size = iommu->ram_size;
	iommu->ram = mmap(NULL, iommu->ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (iommu->ram == MAP_FAILED) {
		iommu->ram = NULL;
		return -errno;
	}
	region.host = iommu->ram;
	synth_mem_init(&iommu->synth, iommu->ram, RAM_BASE, iommu->ram_size);
	return viq_mem_create(&region, 1, NULL, NULL, &iommu->mem, NULL);
}

static int add_unit(struct vtd_iommu *iommu, uint32_t tlb_entries)
{
	const struct viq_vtd_listener listener = {
		.size = sizeof(listener), .attach = attach, .detach = detach, .opaque = iommu};
	struct viq_soft_vtd_config config;
	int ret;

	viq_soft_vtd_config_init(&config, sizeof(config));
	config.tlb_entries = tlb_entries;
	config.mem = iommu->mem;
	ret = viq_soft_vtd_create(&config, &iommu->soft, NULL);
	if (!ret)
		ret = viq_soft_vtd_listen(iommu->soft, &listener);
	if (ret)
		return ret;
	ret = viq_soft_thread_register();
	iommu->registered = !ret;
	return ret;
}

int vtd_iommu_open(struct vtd_iommu *iommu, uint32_t tlb_entries, uint32_t pages)
{
	struct viq_vtd_reconfig all = {.size = sizeof(all), .cause = VIQ_VTD_ENABLED, .scope = VIQ_VTD_SCOPE_ALL};
	struct viq_vtd_tables tables = {
		.size = sizeof(tables), .enabled = true, .mode = VIQ_VTD_TTM_SCALABLE, .root_set = true};
	int ret;

	*iommu = (struct vtd_iommu){.ram = NULL};
	ret = add_memory(iommu, pages);
	if (ret)
		return ret;
	iommu->root = tables.root = synth_alloc(&iommu->synth, 12);
	iommu->context = synth_alloc(&iommu->synth, 12);
	iommu->tables = synth_alloc(&iommu->synth, 12);
	synth_store(&iommu->synth, iommu->root, iommu->context | VIQ_VTD_ROOT_P);
	write_device(iommu, 0, iommu->tables);
	write_device(iommu, 1, synth_alloc(&iommu->synth, 12));
	for (uint32_t i = 0; i < pages; i++)
		map(iommu, VTD_IOMMU_VA + i * UINT64_C(4096));
	ret = add_unit(iommu, tlb_entries);
	for (uint16_t n = 0; !ret && n < VTD_IOMMU_DEVICES; n++)
		ret = viq_soft_vtd_dev_alloc(iommu->soft, n, &iommu->dev[n], NULL);
	if (!ret)
		ret = viq_soft_vtd_reconfig(iommu->soft, &tables, &all);
	return ret ? ret : iommu->attached == VTD_IOMMU_DEVICES ? 0 : -EIO;
}

void vtd_iommu_close(struct vtd_iommu *iommu)
{
	if (iommu->registered)
		viq_soft_thread_unregister();
	viq_soft_vtd_destroy(iommu->soft);
	viq_mem_destroy(iommu->mem);
	if (iommu->ram)
		munmap(iommu->ram, iommu->ram_size);
}

int vtd_iommu_invalidate(const struct vtd_iommu *iommu, unsigned int device, struct viq_vtd_s1_entry entry)
{
	const struct viq_call_piece piece = {&entry, 1};
	const struct viq_call_request request = {
		.size = sizeof(request),
		.object = iommu->host[device].object,
		.type = VIQ_CALL_VTD_S1,
		.entry_size = sizeof(entry),
		.pieces = &piece,
		.piece_count = 1,
	};
	struct viq_call_result result = {.size = sizeof(result)};
	int ret;

	ret = viq_call_invalidate(&iommu->host[device], &request, &result);
	return ret ? ret : result.error ? -EIO : 0;
}
