/* SPDX-License-Identifier: MIT */
#include <sys/mman.h>

#include "kernel/machine.h"
#include "live/function.h"
#include "vmm.h"

#define PAGE    4096u
#define TABLES  VTD_GUEST_FREE /* four for each address space */
#define OLD     0x80000u
#define NEW     0xc0000u
#define TARGETS 64u
#define LEAF    0x67u /* present, writable, for users, accessed and dirty (VT-d 9.8) */

struct vmm vmm;

/* --- The VMM ------------------------------------------------------------------------------------------------------ */

bool vmm_has_pasids(void)
{
	char value[4];

	return machine_option("viq.pasids", value, sizeof(value));
}

static void fill_memory(void)
{
	for (unsigned int i = 0; i < TARGETS; i++) {
		vtd_guest_poke(&vmm.guest, vmm_old(i), vmm_old(i));
		vtd_guest_poke(&vmm.guest, vmm_new(i), vmm_new(i));
	}
	for (unsigned int space = 0; space < VMM_SPACES; space++)
		for (unsigned int level = 0; level < 3; level++)
			vtd_guest_poke(&vmm.guest, vmm_space(space) + level * PAGE,
				       (vmm_space(space) + (level + 1) * PAGE) | LEAF);
}

void vmm_start(struct viq_linux *ctx)
{
	vmm.ram = mmap(NULL, VTD_GUEST_RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(vmm.ram != MAP_FAILED);
	vmm.host.ctx = ctx;
	edu_open(&vmm.edu);
	vmm.host.cdev = vmm.edu.cdev;
	vmm.host.pasids = vmm_has_pasids();
	check_equal(viq_linux_vfio_bind(vmm.host.ctx, vmm.edu.cdev, &vmm.host.device, NULL), 0);
	edu_start(&vmm.edu);
	check_equal(viq_linux_ioas_alloc(vmm.host.ctx, &vmm.ioas), 0);
	check_equal(
		viq_linux_ioas_map(vmm.host.ctx, vmm.ioas, 0, vmm.ram, VTD_GUEST_RAM, VIQ_LINUX_READ | VIQ_LINUX_WRITE),
		0);
	check_equal(viq_linux_hwpt_alloc(vmm.host.ctx, vmm.host.device, vmm.ioas,
					 VIQ_LINUX_NEST_PARENT | (vmm.host.pasids ? VIQ_LINUX_PASID : 0),
					 &vmm.host.parent),
		    0);
	vtd_guest_start(&vmm.guest, &vmm.host, vmm.ram);
	fill_memory();
}

void vmm_end(void)
{
	vtd_guest_end(&vmm.guest);
	check_equal(viq_linux_destroy(vmm.host.ctx, vmm.host.parent), 0);
	check_equal(viq_linux_destroy(vmm.host.ctx, vmm.ioas), 0);
	edu_close(&vmm.edu);
}

/* --- The guest's tables ------------------------------------------------------------------------------------------- */

uint64_t vmm_space(unsigned int space)
{
	return TABLES + space * 4 * PAGE;
}

uint64_t vmm_old(unsigned int page)
{
	return OLD + page % TARGETS * PAGE;
}

uint64_t vmm_new(unsigned int page)
{
	return NEW + page % TARGETS * PAGE;
}

void vmm_map(unsigned int space, unsigned int page, uint64_t where)
{
	vtd_guest_poke(&vmm.guest, vmm_space(space) + 3 * PAGE + 8 * page, where ? where | LEAF : 0);
}

/* --- The device --------------------------------------------------------------------------------------------------- */

void vmm_use_pasid(uint32_t pasid)
{
	vmm.edu.control = pasid ? VIQ_DMA_HAS_PASID | pasid : 0;
}

uint64_t vmm_look(unsigned int page)
{
	struct function function = {vmm.edu.bar};
	uint32_t status;

	vmm.edu.bar[VIQ_DMA_CONTROL / 4] = vmm.edu.control;
	status = function_command(&function, VIQ_DMA_READ, page * PAGE, 0, 8);
	check(status & VIQ_DMA_STATUS_DONE);
	return status & VIQ_DMA_STATUS_ERROR ? 0 : function_read64(&function, VIQ_DMA_DATA);
}

/* The page is OLD, is used, and becomes NEW. Is it still read as it was? */
static bool stays(unsigned int space, unsigned int page)
{
	vmm_map(space, page, vmm_old(page));
	check_equal(vmm_look(page), vmm_old(page));
	vmm_map(space, page, vmm_new(page));
	return vmm_look(page) == vmm_old(page);
}

/* The unit may keep nothing of a device's first requests, with which it reads the entries: others are made before. */
void vmm_make_stale(unsigned int space, uint32_t pasid, unsigned int pages)
{
	unsigned int other = VMM_PAGES - 1;

	vmm_use_pasid(pasid);
	while (!stays(space, other) && other > pages)
		other--;
	for (unsigned int i = 0; i < pages; i++)
		check(stays(space, i));
}

void vmm_see(uint32_t pasid, unsigned int first, unsigned int count, bool fresh)
{
	vmm_use_pasid(pasid);
	for (unsigned int i = first; i < first + count; i++)
		check_equal(vmm_look(i), fresh ? vmm_new(i) : vmm_old(i));
}
