// SPDX-License-Identifier: MIT
#include <errno.h>
#include <sys/mman.h>

#include "vtd_iommu.h"

#define RAM_BASE UINT64_C(0x40000000)

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

/* A PASID directory of one domain, whose entries are alike. */
static int write_pasids(struct synth_vtd_pasids *pasids, const struct synth_vtd_pt *pt, uint16_t domain, uint32_t count)
{
	uint64_t entry[VIQ_VTD_PE_WORDS];
	unsigned int pdts = 0;
	int ret;

	while ((UINT32_C(1) << (pdts + 13)) < count)
		pdts++;
	ret = synth_vtd_pasids_init(pasids, pt->mem, pdts);
	synth_vtd_pasid(entry, pt, NULL, domain);
	for (uint32_t pasid = 0; !ret && pasid < count; pasid++)
		ret = synth_vtd_pasids_set(pasids, pasid, entry);
	return ret;
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

static int add_device(struct vtd_iommu *iommu, uint16_t source_id, const struct synth_vtd_pasids *pasids,
		      struct viq_soft_vtd_dev **dev)
{
	uint64_t ctx[VIQ_VTD_SCTX_WORDS];
	int ret;

	synth_vtd_context(ctx, pasids, 0);
	ret = synth_vtd_root_set(&iommu->root, source_id, ctx);
	return ret ? ret : viq_soft_vtd_dev_alloc(iommu->soft, source_id, dev, NULL);
}

/* Of both domains; the second one's tables are empty. */
static int add_devices(struct vtd_iommu *iommu, const struct vtd_iommu_shape *shape)
{
	struct synth_vtd_pt pts[VTD_IOMMU_DOMAINS];
	struct synth_vtd_pasids pasids[VTD_IOMMU_DOMAINS];
	struct viq_soft_vtd_dev *dev;
	int ret = 0;

	for (uint16_t n = 0; !ret && n < VTD_IOMMU_DOMAINS; n++) {
		ret = synth_vtd_pt_init(&pts[n], &iommu->synth, 1, 4);
		if (!ret)
			ret = write_pasids(&pasids[n], &pts[n], n + 1, n ? 1 : shape->pasids);
	}
	for (uint64_t va = VTD_IOMMU_VA; !ret && va < VTD_IOMMU_VA + shape->pages * UINT64_C(4096); va += 4096)
		ret = synth_vtd_pt_map(&pts[0], va, va, 1, 0);
	for (uint32_t n = 0; !ret && n < shape->devices; n++)
		ret = add_device(iommu, (uint16_t)n, &pasids[0], n ? &dev : &iommu->dev);
	return ret ? ret : add_device(iommu, VTD_IOMMU_OTHER, &pasids[1], &dev);
}

int vtd_iommu_open(struct vtd_iommu *iommu, const struct vtd_iommu_shape *shape)
{
	int ret;

	*iommu = (struct vtd_iommu){.ram = NULL};
	ret = add_memory(iommu, shape);
	if (!ret)
		ret = synth_vtd_root_init(&iommu->root, &iommu->synth, true);
	if (!ret)
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
	const struct viq_vtd_tables tables = {.size = sizeof(tables),
					      .enabled = true,
					      .mode = VIQ_VTD_TTM_SCALABLE,
					      .root = iommu->root.base,
					      .root_set = true};

	what.size = sizeof(what);
	return viq_soft_vtd_reconfig(iommu->soft, &tables, &what);
}
