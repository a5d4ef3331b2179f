// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "vtd_guest.h"

#define RAM_SIZE (2u << 20)

static int open_vtd(struct vtd_guest *guest, bool wide, struct viq_call_host host)
{
	struct viq_vtd_table table = {
		.size = sizeof(table),
		.flags = VIQ_VTD_TABLE_RID,
		.pasid = VTD_GUEST_PASID,
		.domain_id = VTD_GUEST_DOMAIN,
		.source_id = 8,
		.host = host,
	};
	struct viq_vtd_config config;
	uint32_t handle;
	int ret;

	viq_vtd_config_init(&config, sizeof(config));
	config.budget = VIQ_WORK_UNLIMITED;
	config.mem = guest->mem;
	ret = viq_vtd_create(&config, &guest->vtd, NULL);
	if (ret)
		return ret;
	viq_vtd_mmio_write(guest->vtd, VIQ_VTD_RTADDR, 8,
			   VIQ_PUT(VIQ_VTD_RTADDR_TTM, wide ? VIQ_VTD_TTM_SCALABLE : VIQ_VTD_TTM_LEGACY));
	viq_vtd_mmio_write(guest->vtd, VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_SRTP);
	return viq_vtd_attach(guest->vtd, &table, &handle);
}

static char *behind(const struct vtd_guest *guest, uint64_t gpa, size_t len)
{
	if (gpa < VTD_GUEST_BASE || gpa - VTD_GUEST_BASE > guest->ram_size - len)
		return NULL;
	return (char *)guest->ram + (gpa - VTD_GUEST_BASE);
}

static int read_behind(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	const char *from = behind(opaque, gpa, len);

	if (!from)
		return -1;
	memcpy(buf, from, len);
	return 0;
}

static int write_behind(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
	char *to = behind(opaque, gpa, len);

	if (!to)
		return -1;
	memcpy(to, buf, len);
	return 0;
}

int vtd_guest_open(struct vtd_guest *guest, unsigned int qs, unsigned int form, struct viq_call_host host)
{
	static const struct viq_mem_ops callbacks = {
		.size = sizeof(callbacks), .read = read_behind, .write = write_behind};
	struct viq_mem_region region = {.gpa = VTD_GUEST_BASE, .size = RAM_SIZE};
	bool wide = form & VTD_GUEST_WIDE;
	int ret;

	*guest = (struct vtd_guest){.ram_size = RAM_SIZE};
	guest->entry_size = wide ? VIQ_VTD_DESC_SIZE_256 : VIQ_VTD_DESC_SIZE_128;
	guest->entries = (4096u << qs) / guest->entry_size;
	guest->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (guest->ram == MAP_FAILED) {
		guest->ram = NULL;
		return -errno;
	}
	region.host = guest->ram;
	ret = viq_mem_create(&region, !(form & VTD_GUEST_BEHIND), &callbacks, guest, &guest->mem, NULL);
	if (ret)
		return ret;
	synth_mem_init(&guest->synth, guest->ram, VTD_GUEST_BASE, RAM_SIZE);
	guest->ring = synth_alloc(&guest->synth, 12 + qs);
	guest->status = synth_alloc(&guest->synth, 12);
	ret = open_vtd(guest, wide, host);
	if (ret)
		return ret;
	vtd_guest_rewind(guest);
	return 0;
}

void vtd_guest_close(struct vtd_guest *guest)
{
	viq_vtd_destroy(guest->vtd);
	viq_mem_destroy(guest->mem);
	if (guest->ram)
		munmap(guest->ram, guest->ram_size);
}

void vtd_guest_rewind(struct vtd_guest *guest)
{
	uint32_t bytes = guest->entries * guest->entry_size;
	uint64_t width = guest->entry_size == VIQ_VTD_DESC_SIZE_256 ? VIQ_VTD_IQA_DW : 0;

	viq_vtd_mmio_write(guest->vtd, VIQ_VTD_GCMD, 4, 0);
	viq_vtd_mmio_write(guest->vtd, VIQ_VTD_IQT, 4, 0);
	viq_vtd_mmio_write(guest->vtd, VIQ_VTD_IQA, 8, guest->ring | width | (unsigned int)__builtin_ctz(bytes / 4096));
	viq_vtd_mmio_write(guest->vtd, VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE);
}

void vtd_guest_put(struct vtd_guest *guest, uint32_t slot, struct vtd_desc desc)
{
	uint64_t at = guest->ring + (uint64_t)slot * guest->entry_size;

	for (uint32_t i = 0; i < guest->entry_size / 8; i++)
		synth_store(&guest->synth, at + 8 * i, i < 2 ? desc.w[i] : 0);
}

struct vtd_desc vtd_guest_page(const struct vtd_guest *guest, uint64_t addr)
{
	uint64_t word = VIQ_PUT(VIQ_VTD_DESC_DID, VTD_GUEST_DOMAIN) | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_IOTLB_PAGE);

	if (guest->entry_size == VIQ_VTD_DESC_SIZE_256)
		word |= VIQ_VTD_TYPE_PIOTLB | VIQ_PUT(VIQ_VTD_DESC_PASID, VTD_GUEST_PASID);
	else
		word |= VIQ_VTD_TYPE_IOTLB | VIQ_VTD_DESC_DW | VIQ_VTD_DESC_DR;
	return (struct vtd_desc){{word, addr | VIQ_VTD_DESC_1_IH}};
}

struct vtd_desc vtd_guest_wait(const struct vtd_guest *guest, uint32_t data)
{
	uint64_t word = VIQ_VTD_TYPE_WAIT | VIQ_VTD_WAIT_SW | VIQ_PUT(VIQ_VTD_WAIT_DATA, data);

	return (struct vtd_desc){{word, guest->status}};
}
