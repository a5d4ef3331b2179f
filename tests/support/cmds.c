/* SPDX-License-Identifier: MIT */
/* Commands as a guest builds them, and random numbers. */
#include <stdio.h>
#include <stdlib.h>

#include "vsmmu.h"

struct test_cmd cmd_nh_all(void)
{
	return (struct test_cmd){{0x10, 0}};
}

struct test_cmd cmd_nsnh_all(void)
{
	return (struct test_cmd){{0x30, 0}};
}

struct test_cmd cmd_nh_asid(uint32_t asid)
{
	return (struct test_cmd){{0x11 | (uint64_t)asid << 48, 0}};
}

struct test_cmd cmd_nh_va(uint32_t asid, uint64_t va)
{
	return (struct test_cmd){{0x12 | (uint64_t)asid << 48, (va & ~UINT64_C(0xfff)) | 1}};
}

struct test_cmd cmd_nh_vaa(uint64_t va)
{
	return (struct test_cmd){{0x13, (va & ~UINT64_C(0xfff)) | 1}};
}

struct test_cmd cmd_atc(uint32_t sid, uint64_t addr, unsigned int size)
{
	return (struct test_cmd){{0x40 | (uint64_t)sid << 32, (addr & ~UINT64_C(0xfff)) | size}};
}

struct test_cmd cmd_cfgi_cd(uint32_t sid, uint32_t ssid)
{
	return (struct test_cmd){{0x05 | (uint64_t)ssid << 12 | (uint64_t)sid << 32, 1}};
}

struct test_cmd cmd_cfgi_cd_all(uint32_t sid)
{
	return (struct test_cmd){{0x06 | (uint64_t)sid << 32, 0}};
}

struct test_cmd cmd_cfgi_ste(uint32_t sid)
{
	return (struct test_cmd){{0x03 | (uint64_t)sid << 32, 1}};
}

struct test_cmd cmd_cfgi_range(uint32_t sid, unsigned int range)
{
	return (struct test_cmd){{0x04 | (uint64_t)sid << 32, range}};
}

struct test_cmd cmd_sync(unsigned int cs)
{
	return (struct test_cmd){{0x0fc00046 | (uint64_t)cs << 12, 0}};
}

struct test_cmd cmd_sync_msi(uint64_t addr, uint32_t data)
{
	return (struct test_cmd){{0x0fc01046 | (uint64_t)data << 32, addr}};
}

struct test_cmd cmd_host_type(unsigned int type, uint32_t i)
{
	switch (type) {
	case 0:
		return cmd_nh_va(5, UINT64_C(0x10000000) + ((uint64_t)i << 12));
	case 1:
		return cmd_nh_vaa(UINT64_C(0x20000000) + ((uint64_t)i << 12));
	case 2:
		return cmd_nh_asid(i & 0xffff);
	case 3:
		return cmd_cfgi_cd(9, i & 0xfffff);
	case 4:
		return cmd_cfgi_cd_all(i);
	case 5:
		return cmd_atc(9, (uint64_t)i << 12, 0);
	case 6:
		return cmd_nh_all();
	default:
		return cmd_nsnh_all();
	}
}

uint64_t test_seed(void)
{
	const char *text = getenv("VIQ_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : UINT64_C(0x5eed0001);

	print_message("VIQ_SEED=%#llx\n", (unsigned long long)seed);
	return seed;
}

/* splitmix64: any seed will do. */
uint64_t test_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint32_t test_below(uint64_t *state, uint32_t bound)
{
	return (uint32_t)(test_random(state) % bound);
}
