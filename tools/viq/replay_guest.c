// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "replay_guest.h"
#include "tool.h"

#define EVENTQ_LOG2 8

static void kick(void *opaque)
{
	struct replay_guest *guest = opaque;

	guest->kicked = true;
}

static int reconfig(void *opaque, enum viq_smmuv3_reconfig_cause cause, uint32_t first, uint32_t last)
{
	struct replay_guest *guest = opaque;

	return soft_guest_reconfig(&guest->host, first, last);
}

static const struct viq_smmuv3_ops ops = {
	.size = sizeof(struct viq_smmuv3_ops),
	.reconfig = reconfig,
	.kick = kick,
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What reading the clock twice takes. */
static uint64_t clock_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < 1000; i++) {
		uint64_t start = now_ns(), cost = now_ns() - start;

		if (cost < least)
			least = cost;
	}
	return least;
}

/* --- Building ---------------------------------------------------------------------------------------------------- */

static int make_memory(struct replay_guest *guest)
{
	struct viq_mem_region region = {.gpa = GUEST_RAM_BASE, .size = GUEST_RAM_SIZE};
	void *ram =
		mmap(NULL, GUEST_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (ram == MAP_FAILED)
		return -errno;
	guest->ram = ram;
	region.host = ram;
	synth_mem_init(&guest->mem, ram, GUEST_RAM_BASE, GUEST_RAM_SIZE);
	return viq_mem_create(&region, 1, NULL, NULL, &guest->vmem);
}

/* Every feature that recorded commands can use. No MSIs: their addresses are those of another guest. */
static void offer_features(struct viq_smmuv3_config *config, unsigned int sid_bits)
{
	viq_smmuv3_config_init(config);
	config->idr0 |= VIQ_SMMUV3_IDR0_ATS | VIQ_SMMUV3_IDR0_CD2L;
	config->idr1 &= ~(uint32_t)(VIQ_SMMUV3_IDR1_SIDSIZE | VIQ_SMMUV3_IDR1_SSIDSIZE);
	config->idr1 |= (uint32_t)(VIQ_PUT(VIQ_SMMUV3_IDR1_SIDSIZE, sid_bits) | VIQ_PUT(VIQ_SMMUV3_IDR1_SSIDSIZE, 20));
	config->idr3 |= VIQ_SMMUV3_IDR3_RIL;
}

static int build(struct replay_guest *guest, const struct replay_options *options, const char **why)
{
	unsigned int sid_bits = SCAN_SID_BITS;
	int err;

	*why = "cannot make the guest's memory";
	err = make_memory(guest);
	if (!err)
		err = synth_st_init(&guest->st, &guest->mem, sid_bits, 8);
	if (err)
		return err;
	offer_features(&guest->config, sid_bits);
	guest->config.budget = options->budget;
	guest->config.mem = guest->vmem;
	guest->config.ops = &ops;
	guest->config.opaque = guest;
	if (options->soft) {
		*why = "cannot make the software host";
		guest->soft = true;
		err = soft_guest_init(&guest->host, guest->vmem, guest->config.idr5, options->contract,
				      1u << GUEST_TLB_LOG2);
		if (err)
			return err;
		guest->config.host = viq_soft_host(guest->host.soft, guest->host.viommu);
	}
	err = viq_smmuv3_create(&guest->config, &guest->smmu, why);
	guest->host.smmu = guest->smmu;
	return err;
}

bool guest_create(struct replay_guest *guest, const struct replay_options *options, const struct scan *scan)
{
	const char *why;
	int err;

	memset(guest, 0, sizeof(*guest));
	guest->clock_cost = clock_cost();
	err = build(guest, options, &why);
	if (!err)
		return true;
	tool_error(NULL, "%s: %s", why, strerror(-err));
	guest_destroy(guest);
	return false;
}

void guest_destroy(struct replay_guest *guest)
{
	viq_smmuv3_destroy(guest->smmu);
	if (guest->soft)
		soft_guest_fini(&guest->host);
	viq_mem_destroy(guest->vmem);
	if (guest->ram)
		munmap(guest->ram, GUEST_RAM_SIZE);
}

/* --- Registers --------------------------------------------------------------------------------------------------- */

uint32_t guest_read(struct replay_guest *guest, uint32_t offset)
{
	return (uint32_t)viq_smmuv3_mmio_read(guest->smmu, offset, 4);
}

static void write32(struct replay_guest *guest, uint32_t offset, uint32_t value)
{
	viq_smmuv3_mmio_write(guest->smmu, offset, 4, value);
}

static void write64(struct replay_guest *guest, uint32_t offset, uint64_t value)
{
	viq_smmuv3_mmio_write(guest->smmu, offset, 8, value);
}

void guest_enable(struct replay_guest *guest)
{
	uint64_t events = synth_alloc(&guest->mem, EVENTQ_LOG2 + 5);

	write64(guest, VIQ_SMMUV3_STRTAB_BASE, synth_st_base(&guest->st));
	write32(guest, VIQ_SMMUV3_STRTAB_BASE_CFG, synth_st_base_cfg(&guest->st));
	if (events != SYNTH_NONE)
		write64(guest, VIQ_SMMUV3_EVENTQ_BASE, events | EVENTQ_LOG2);
	write32(guest, VIQ_SMMUV3_CR0,
		(uint32_t)(VIQ_SMMUV3_CR0_SMMUEN | VIQ_SMMUV3_CR0_ATSCHK |
			   (events == SYNTH_NONE ? 0 : VIQ_SMMUV3_CR0_EVENTQEN)));
}

bool guest_start_queue(struct replay_guest *guest, uint32_t entries, uint32_t first)
{
	uint32_t cr0 = guest_read(guest, VIQ_SMMUV3_CR0);
	unsigned int log2size = (unsigned int)__builtin_ctz(entries);

	write32(guest, VIQ_SMMUV3_CR0, cr0 & ~(uint32_t)VIQ_SMMUV3_CR0_CMDQEN);
	if (guest->ring_on)
		synth_free(&guest->mem, guest->ring.base, guest->ring.log2size + 4u);
	guest->ring_on = false;
	if (synth_cmdq_init(&guest->ring, &guest->mem, log2size)) {
		tool_error(NULL, "no memory for a queue of %u commands", entries);
		return false;
	}
	guest->ring_on = true;
	guest->ring.prod = guest->cons = first;
	write64(guest, VIQ_SMMUV3_CMDQ_BASE, synth_cmdq_base(&guest->ring));
	write32(guest, VIQ_SMMUV3_CMDQ_PROD, first);
	write32(guest, VIQ_SMMUV3_CMDQ_CONS, first);
	write32(guest, VIQ_SMMUV3_CR0, cr0 | (uint32_t)VIQ_SMMUV3_CR0_CMDQEN);
	return true;
}

/* --- Running ----------------------------------------------------------------------------------------------------- */

static void run(struct replay_guest *guest)
{
	while (guest->kicked)
		guest->kicked = viq_smmuv3_run(guest->smmu, guest->config.budget);
}

uint64_t guest_ring(struct replay_guest *guest, uint32_t prod)
{
	uint64_t start = now_ns(), ns;

	viq_smmuv3_mmio_write(guest->smmu, VIQ_SMMUV3_CMDQ_PROD, 4, prod);
	run(guest);
	ns = now_ns() - start;
	return ns > guest->clock_cost ? ns - guest->clock_cost : 0;
}

bool guest_stopped(struct replay_guest *guest)
{
	uint32_t active = guest_read(guest, VIQ_SMMUV3_GERROR) ^ guest_read(guest, VIQ_SMMUV3_GERRORN);

	return active & VIQ_SMMUV3_GERROR_CMDQ_ERR;
}

void guest_acknowledge(struct replay_guest *guest)
{
	write32(guest, VIQ_SMMUV3_GERRORN, guest_read(guest, VIQ_SMMUV3_GERROR));
	run(guest);
}
