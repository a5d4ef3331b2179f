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

/* The directory has 2^(PDTS + 7) entries, of 64 PASIDs each. */
static unsigned int pdts(uint32_t pasids)
{
	unsigned int log2 = 0;

	while ((UINT32_C(64) << (log2 + 7)) < pasids)
		log2++;
	return log2;
}

/* A PASID directory of one domain, whose entries are alike. */
static uint64_t write_directory(struct synth_mem *mem, uint16_t domain, uint64_t tables, uint32_t pasids)
{
	uint64_t directory = synth_alloc(mem, pdts(pasids) < 2 ? 12 : 10 + pdts(pasids)), table = 0;

	for (uint32_t pasid = 0; pasid < pasids; pasid++) {
		uint64_t entry;

		if (pasid % 64 == 0) {
			table = synth_alloc(mem, 12);
			synth_store(mem, directory + pasid / 64 * VIQ_VTD_PDE_SIZE, table | VIQ_VTD_PDE_P);
		}
		entry = table + pasid % 64 * VIQ_VTD_PE_SIZE;
		synth_store(mem, entry + 16, tables);
		synth_store(mem, entry + 8, VIQ_PUT(VIQ_VTD_PE_1_DID, domain));
		synth_store(mem, entry, VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_FS));
	}
	return directory;
}

/* Two context tables a bus, of 128 devices each. */
static void write_device(struct vtd_iommu *iommu, uint16_t source_id, uint64_t directory, uint32_t pasids)
{
	struct synth_mem *mem = &iommu->synth;
	uint64_t slot = iommu->root + (source_id >> 8) * VIQ_VTD_ROOT_SIZE + (source_id >> 7 & 1) * 8;

	if (!synth_load(mem, slot))
		synth_store(mem, slot, synth_alloc(mem, 12) | VIQ_VTD_ROOT_P);
	synth_store(mem, (synth_load(mem, slot) & VIQ_VTD_ROOT_CTP) + (source_id & 127) * VIQ_VTD_SCTX_SIZE,
		    directory | VIQ_PUT(VIQ_VTD_SCTX_PDTS, pdts(pasids)) | VIQ_VTD_SCTX_PASIDE | VIQ_VTD_SCTX_P);
}

static int add_memory(struct vtd_iommu *iommu, const struct vtd_iommu_shape *shape)
{
	struct viq_mem_region region = {.gpa = RAM_BASE};

	iommu->ram_size =
		(4u << 20) + (size_t)shape->pages * 16 + (size_t)shape->pasids * 64 + (size_t)shape->devices * 32;
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

static int add_unit(struct vtd_iommu *iommu, const struct vtd_iommu_shape *shape)
{
	const struct viq_vtd_listener listener = {
		.size = sizeof(listener), .attach = attach, .detach = detach, .opaque = iommu};
	struct viq_soft_vtd_config config;
	int ret;

	viq_soft_vtd_config_init(&config, sizeof(config));
	config.tlb_entries = shape->tlb_entries;
	config.tables = shape->devices + shape->pasids; /* of each device: that of the second domain, too */
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

static int add_devices(struct vtd_iommu *iommu, const struct vtd_iommu_shape *shape)
{
	struct synth_mem *mem = &iommu->synth;
	uint64_t first = write_directory(mem, 1, iommu->tables, shape->pasids);
	struct viq_soft_vtd_dev *dev;
	int ret = 0;

	for (uint32_t n = 0; !ret && n < shape->devices; n++) {
		write_device(iommu, (uint16_t)n, first, shape->pasids);
		ret = viq_soft_vtd_dev_alloc(iommu->soft, (uint16_t)n, n ? &dev : &iommu->dev, NULL);
	}
	write_device(iommu, VTD_IOMMU_OTHER, write_directory(mem, 2, synth_alloc(mem, 12), 1), 1);
	return ret ? ret : viq_soft_vtd_dev_alloc(iommu->soft, VTD_IOMMU_OTHER, &dev, NULL);
}

int vtd_iommu_open(struct vtd_iommu *iommu, const struct vtd_iommu_shape *shape)
{
	int ret;

	*iommu = (struct vtd_iommu){.ram = NULL};
	ret = add_memory(iommu, shape);
	if (ret)
		return ret;
	iommu->root = synth_alloc(&iommu->synth, 12);
	iommu->tables = synth_alloc(&iommu->synth, 12);
	iommu->unit = (struct viq_vtd_tables){.size = sizeof(iommu->unit),
					      .enabled = true,
					      .mode = VIQ_VTD_TTM_SCALABLE,
					      .root = iommu->root,
					      .root_set = true};
	for (uint32_t i = 0; i < shape->pages; i++)
		map(iommu, VTD_IOMMU_VA + i * UINT64_C(4096));
	ret = add_unit(iommu, shape);
	if (!ret)
		ret = add_devices(iommu, shape);
	if (!ret)
		ret = vtd_iommu_reconfig(iommu, (struct viq_vtd_reconfig){.cause = VIQ_VTD_ENABLED});
	return ret ? ret : iommu->host[0].ops && iommu->host[1].ops ? 0 : -EIO;
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

int vtd_iommu_invalidate(const struct vtd_iommu *iommu, unsigned int domain, struct viq_vtd_s1_entry entry)
{
	const struct viq_call_piece piece = {&entry, 1};
	const struct viq_call_request request = {
		.size = sizeof(request),
		.object = iommu->host[domain].object,
		.type = VIQ_CALL_VTD_S1,
		.entry_size = sizeof(entry),
		.pieces = &piece,
		.piece_count = 1,
	};
	struct viq_call_result result = {.size = sizeof(result)};
	int ret;

	ret = viq_call_invalidate(&iommu->host[domain], &request, &result);
	return ret ? ret : result.error ? -EIO : 0;
}

int vtd_iommu_reconfig(const struct vtd_iommu *iommu, struct viq_vtd_reconfig what)
{
	what.size = sizeof(what);
	return viq_soft_vtd_reconfig(iommu->soft, &iommu->unit, &what);
}
