// SPDX-License-Identifier: MIT
#include <endian.h>
#include <errno.h>
#include <sys/mman.h>

#include "iommu.h"

#define BASE UINT64_C(0x40000000)
#define VSID 1u

static int map_ram(struct bench_iommu *iommu, uint32_t pages)
{
	struct viq_mem_region region = {.gpa = BASE};

	/* 8 bytes of descriptors a page, in tables of 4 KiB; and room for what is above them. */
	iommu->ram_size = ((size_t)pages * 8 + (8u << 20)) & ~(size_t)(IOMMU_PAGE - 1);
	iommu->ram =
		mmap(NULL, iommu->ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (iommu->ram == MAP_FAILED) {
		iommu->ram = NULL;
		return -errno;
	}
	region.size = iommu->ram_size;
	region.host = iommu->ram;
	synth_mem_init(&iommu->synth, iommu->ram, BASE, iommu->ram_size);
	return viq_mem_create(&region, 1, NULL, NULL, &iommu->mem, NULL);
}

/* What the guest's driver prepares: page tables, a context descriptor, the STE. */
static int build_tables(struct bench_iommu *iommu, uint32_t pages)
{
	uint64_t cd[VIQ_SMMUV3_CD_WORDS];
	int ret;

	ret = synth_pt_init(&iommu->pt, &iommu->synth, 1, 12, 48, 0);
	for (uint32_t i = 0; !ret && i < pages; i++)
		ret = synth_pt_map(&iommu->pt, bench_iommu_va(i), bench_iommu_va(i), 3, SYNTH_NG);
	if (!ret)
		ret = synth_cdt_init(&iommu->cdt, &iommu->synth, 0, 0);
	if (ret)
		return ret;
	synth_cd(cd, &iommu->pt, NULL, IOMMU_ASID, 48);
	ret = synth_cdt_set(&iommu->cdt, 0, cd);
	synth_ste_s1(iommu->ste, &iommu->cdt, 0, 0);
	iommu->ste[1] &= VIQ_SMMUV3_STE_1_NESTING;
	return ret;
}

/* What the VMM does: the IOMMU's objects. */
static int build_objects(struct bench_iommu *iommu, uint32_t tlb_entries)
{
	const struct viq_soft_s2_config identity = {.size = sizeof(identity), .identity = 1};
	struct viq_soft_config config;
	int ret;

	viq_soft_config_init(&config, sizeof(config));
	config.mem = iommu->mem;
	config.tlb_entries = tlb_entries;
	config.atc_entries = 16; /* of each device, and none has ATS */
	ret = viq_soft_create(&config, &iommu->soft, NULL);
	if (!ret)
		ret = viq_soft_s2_alloc(iommu->soft, &identity, &iommu->s2, NULL);
	if (!ret)
		ret = bench_iommu_add_guest(iommu, &iommu->viommu, &iommu->dev);
	if (!ret)
		iommu->host = viq_soft_host(iommu->soft, iommu->viommu);
	return ret;
}

int bench_iommu_open(struct bench_iommu *iommu, uint32_t tlb_entries, uint32_t pages)
{
	int ret;

	*iommu = (struct bench_iommu){.registered = false};
	ret = map_ram(iommu, pages);
	if (!ret)
		ret = build_tables(iommu, pages);
	if (!ret)
		ret = build_objects(iommu, tlb_entries);
	if (ret)
		return ret;
	ret = viq_soft_thread_register();
	iommu->registered = !ret;
	return ret;
}

void bench_iommu_close(struct bench_iommu *iommu)
{
	if (iommu->registered)
		viq_soft_thread_unregister();
	viq_soft_destroy(iommu->soft);
	viq_mem_destroy(iommu->mem);
	if (iommu->ram)
		munmap(iommu->ram, iommu->ram_size);
}

struct synth_cmd bench_iommu_entry(struct synth_cmd cmd)
{
	return (struct synth_cmd){.w = {htole64(cmd.w[0]), htole64(cmd.w[1])}};
}

int bench_iommu_add_device(const struct bench_iommu *iommu, uint32_t viommu, uint32_t vsid, const uint64_t ste[2],
			   struct viq_soft_dev **dev)
{
	uint32_t id;
	int ret = viq_soft_dev_alloc(iommu->soft, dev, NULL);

	if (!ret)
		ret = viq_soft_vdevice_alloc(iommu->soft, viommu, *dev, vsid, &id, NULL);
	return ret ? ret : viq_soft_vdevice_configure(iommu->soft, viommu, vsid, ste);
}

int bench_iommu_add_guest(const struct bench_iommu *iommu, uint32_t *viommu, struct viq_soft_dev **dev)
{
	int ret = viq_soft_viommu_alloc(iommu->soft, iommu->s2, viommu, NULL);

	return ret ? ret : bench_iommu_add_device(iommu, *viommu, VSID, iommu->ste, dev);
}

int bench_iommu_invalidate(const struct bench_iommu *iommu, const struct synth_cmd *entries, uint32_t count)
{
	return bench_iommu_invalidate_of(iommu->host, entries, count);
}

int bench_iommu_invalidate_of(struct viq_call_host host, const struct synth_cmd *entries, uint32_t count)
{
	const struct viq_call_piece piece = {entries, count};
	const struct viq_call_request request = {
		.size = sizeof(request),
		.object = host.object,
		.type = VIQ_CALL_SMMUV3,
		.entry_size = sizeof(*entries),
		.pieces = &piece,
		.piece_count = 1,
	};
	struct viq_call_result result = {.size = sizeof(result)};
	int ret = viq_call_invalidate(&host, &request, &result);

	if (ret)
		return ret;
	return result.error ? -EIO : 0;
}

int bench_iommu_configure(const struct bench_iommu *iommu)
{
	return viq_soft_vdevice_configure(iommu->soft, iommu->host.object, VSID, iommu->ste);
}
