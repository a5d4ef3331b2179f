/* SPDX-License-Identifier: MIT */
/* Descriptors, put together by bit numbers: the masks of vtd_spec.h are under test, too. */
#include "vvtd.h"

struct test_desc desc_cc(unsigned int g, uint16_t did, uint16_t sid, unsigned int fm)
{
	return (struct test_desc){
		{0x1 | g << 4 | (uint64_t)did << 16 | (uint64_t)sid << 32 | (uint64_t)fm << 48, 0, 0, 0}};
}

struct test_desc desc_iotlb(unsigned int g, uint16_t did, uint64_t addr, unsigned int am, bool ih)
{
	/* With both drain bits, as Linux sends it. */
	return (struct test_desc){{0xc2 | g << 4 | (uint64_t)did << 16, addr | (uint64_t)ih << 6 | am, 0, 0}};
}

struct test_desc desc_devtlb(uint16_t sid, uint64_t addr, bool s)
{
	return (struct test_desc){{0x3 | (uint64_t)sid << 32, addr | s, 0, 0}};
}

struct test_desc desc_iec(bool index, uint16_t iidx, unsigned int im)
{
	return (struct test_desc){{0x4 | index << 4 | (uint64_t)im << 27 | (uint64_t)iidx << 32, 0, 0, 0}};
}

struct test_desc desc_wait(bool sw, bool interrupt, bool fence, uint32_t data, uint64_t addr)
{
	return (struct test_desc){{0x5 | interrupt << 4 | sw << 5 | fence << 6 | (uint64_t)data << 32, addr, 0, 0}};
}

struct test_desc desc_piotlb(unsigned int g, uint16_t did, uint32_t pasid, uint64_t addr, unsigned int am, bool ih)
{
	return (struct test_desc){
		{0x6 | g << 4 | (uint64_t)did << 16 | (uint64_t)pasid << 32, addr | (uint64_t)ih << 6 | am, 0, 0}};
}

struct test_desc desc_pc(unsigned int g, uint16_t did, uint32_t pasid)
{
	return (struct test_desc){{0x7 | g << 4 | (uint64_t)did << 16 | (uint64_t)pasid << 32, 0, 0, 0}};
}

struct test_desc desc_pdevtlb(uint16_t sid, uint32_t pasid, bool global, uint64_t addr, bool s)
{
	return (struct test_desc){
		{0x8 | (uint64_t)sid << 16 | (uint64_t)pasid << 32, addr | (uint64_t)s << 11 | global, 0, 0}};
}

struct test_desc desc_pgrp(uint16_t rid, bool pp, uint32_t pasid, uint16_t prgi, unsigned int code)
{
	return (struct test_desc){
		{0x9 | pp << 4 | code << 12 | (uint64_t)rid << 16 | (uint64_t)pasid << 32, (uint64_t)prgi << 3, 0, 0}};
}

struct test_desc desc_page(uint16_t did, uint32_t pasid, uint64_t page)
{
	return desc_piotlb(3, did, pasid, page << 12, 0, true);
}

struct viq_vtd_s1_entry entry_page(uint64_t page, bool leaf)
{
	return (struct viq_vtd_s1_entry){.addr = page << 12, .npages = 1, .flags = leaf};
}

struct viq_vtd_s1_entry entry_all(void)
{
	return (struct viq_vtd_s1_entry){.npages = UINT64_MAX};
}
