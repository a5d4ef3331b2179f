/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "nest.h"
#include "tap.h"

#define STREAMS_LOG2 8
#define REG(name)    VIQ_SMMUV3_##name

/* A call of viq's that must succeed; why is set by it. */
#define must(call, why)                                                                                                \
	do {                                                                                                           \
		int err_ = (call);                                                                                     \
		if (err_)                                                                                              \
			fail("%s: %s (%s)", #call, strerror(-err_), (why));                                            \
	} while (0)

static uint32_t read32(struct nest *nest, uint64_t offset)
{
	return (uint32_t)viq_smmuv3_mmio_read(nest->smmu, offset, 4);
}

static void write32(struct nest *nest, uint64_t offset, uint64_t value)
{
	viq_smmuv3_mmio_write(nest->smmu, offset, 4, value);
}

/* --- Hooks -------------------------------------------------------------------------------------------------------- */

static int on_reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	struct nest *nest = opaque;

	return viq_nest_smmuv3_reconfig(nest->nest, what);
}

static void on_host_error(void *opaque, const struct viq_call_result *result)
{
	struct nest *nest = opaque;

	nest->host_errors++;
	nest->last_host_error = result->error;
}

/* At once, so that the guest is told: these tests look at that. */
static int give_up(void *opaque, const struct viq_call_result *result, uint64_t times)
{
	return 1;
}

static void on_kick(void *opaque)
{
	struct nest *nest = opaque;

	nest->kicks++;
}

static int pass_on(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct nest *nest = opaque;

	return nest->host.ops->invalidate(nest->host.opaque, req, res);
}

static uint32_t every_stream(void *opaque, uint32_t object, uint32_t sid)
{
	return VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
}

/* --- The VMM ------------------------------------------------------------------------------------------------------ */

static void make_stage2(struct nest *nest)
{
	struct viq_why why = {""};

	nest->linux_host = nest->config.linux_host;
	if (!nest->linux_host)
		must(viq_linux_open(NULL, &nest->linux_host, &why), why.text);
	edu_open(&nest->edu);
	must(viq_linux_vfio_bind(nest->linux_host, nest->edu.cdev, &nest->device, NULL), "");
	edu_start(&nest->edu);
	must(viq_linux_ioas_alloc(nest->linux_host, &nest->ioas), "");
	must(viq_linux_ioas_map(nest->linux_host, nest->ioas, GUEST_BASE, nest->guest.ram, GUEST_BYTES,
				VIQ_LINUX_READ | VIQ_LINUX_WRITE),
	     "");
	must(viq_linux_hwpt_alloc(nest->linux_host, nest->device, nest->ioas, VIQ_LINUX_NEST_PARENT, &nest->stage2),
	     "");
}

static void make_smmu(struct nest *nest)
{
	struct viq_mem_region region = {.gpa = GUEST_BASE, .size = GUEST_BYTES, .host = nest->guest.ram};
	struct viq_linux_vsmmu_config vsmmu;
	struct viq_why why = {""};
	struct viq_smmuv3_backend backend;
	struct viq_smmuv3_config config;
	struct viq_why complaint = {""};

	viq_linux_vsmmu_config_init(&vsmmu, sizeof(vsmmu));
	vsmmu.hwpt = nest->stage2;
	vsmmu.device = nest->device;
	vsmmu.calls = nest->config.calls;
	must(viq_linux_vsmmu_create(nest->linux_host, &vsmmu, &nest->vsmmu, &why), why.text);
	backend = viq_linux_vsmmu_backend(nest->vsmmu);
	must(viq_nest_smmuv3_create(NULL, NULL, &nest->nest, NULL), "");
	must(viq_nest_smmuv3_join(nest->nest, &backend, &why), why.text);
	must(viq_mem_create(&region, 1, NULL, NULL, &nest->mem, NULL), "");
	nest->ops = (struct viq_smmuv3_ops){
		.size = sizeof(nest->ops),
		.reconfig = on_reconfig,
		.host_error = on_host_error,
		.kick = on_kick,
		.host_wait = give_up,
	};
	nest->host = viq_linux_vsmmu_host(nest->vsmmu);

	viq_smmuv3_config_init(&config, sizeof(config));
	viq_nest_smmuv3_offer(nest->nest, nest->config.ats, &config);
	config.mem = nest->mem;
	config.ops = &nest->ops;
	config.opaque = nest;
	config.host = nest->host;
	if (nest->config.any_stream) {
		nest->liar = (struct viq_call_host_ops){.size = sizeof(nest->liar),
							.report_group = nest->host.ops->report_group,
							.call_entries = nest->host.ops->call_entries,
							.invalidate = pass_on,
							.stream = every_stream};
		config.host.ops = &nest->liar;
		config.host.opaque = nest;
	}
	must(viq_smmuv3_create(&config, &nest->smmu, &complaint), complaint.text);
	must(viq_nest_smmuv3_bind(nest->nest, nest->smmu, &why), why.text);
}

void nest_add(struct nest *nest, uint32_t vsid)
{
	struct viq_linux_device device = {
		.size = sizeof(device), .device = nest->device, .fd = nest->edu.cdev, .ats = nest->config.ats};
	struct viq_why why = {""};

	must(viq_linux_vsmmu_add(nest->vsmmu, &device, vsid, &why), why.text);
	must(viq_nest_smmuv3_follow(nest->nest, vsid), "");
}

/* --- The guest ---------------------------------------------------------------------------------------------------- */

static void boot(struct nest *nest)
{
	uint64_t ste[VIQ_SMMUV3_STE_WORDS];

	check_equal(synth_st_init(&nest->streams, &nest->guest.mem, STREAMS_LOG2, 0), 0);
	check_equal(synth_cmdq_init(&nest->queue, &nest->guest.mem, nest->config.log2size), 0);
	nest->events = synth_alloc(&nest->guest.mem, NEST_EVENTS_LOG2 + 5);
	check(nest->events != SYNTH_NONE);
	synth_ste_s1(ste, &nest->guest.cdt, 0, nest->config.ats);
	nest_set_ste(nest, nest->config.vsid, ste);

	viq_smmuv3_mmio_write(nest->smmu, REG(STRTAB_BASE), 8, synth_st_base(&nest->streams));
	write32(nest, REG(STRTAB_BASE_CFG), synth_st_base_cfg(&nest->streams));
	viq_smmuv3_mmio_write(nest->smmu, REG(CMDQ_BASE), 8, synth_cmdq_base(&nest->queue));
	write32(nest, REG(CMDQ_PROD), nest->queue.prod);
	write32(nest, REG(CMDQ_CONS), nest->queue.prod);
	viq_smmuv3_mmio_write(nest->smmu, REG(EVENTQ_BASE), 8, nest->events | NEST_EVENTS_LOG2);
	write32(nest, REG(EVENTQ_PROD), 0);
	write32(nest, REG(EVENTQ_CONS), 0);
	write32(nest, REG(CR0), REG(CR0_CMDQEN));
	nest_command(nest, synth_cmd_cfgi_all());
	nest_command(nest, synth_cmd_tlbi_nsnh_all());
	nest_switch(nest, true);
}

void nest_create(struct nest *nest, const struct nest_config *config)
{
	memset(nest, 0, sizeof(*nest));
	nest->config = *config;
	guest_create(&nest->guest);
	make_stage2(nest);
	make_smmu(nest);
	nest_add(nest, config->vsid);
	boot(nest);
	guest_ready();
}

void nest_destroy(struct nest *nest)
{
	viq_nest_smmuv3_destroy(nest->nest);
	viq_smmuv3_destroy(nest->smmu);
	must(viq_linux_vsmmu_destroy(nest->vsmmu), "");
	viq_mem_destroy(nest->mem);
	/* The kernel says EBUSY if anything is left that was built on them. */
	must(viq_linux_destroy(nest->linux_host, nest->stage2), "");
	must(viq_linux_destroy(nest->linux_host, nest->ioas), "");
	edu_close(&nest->edu);
	if (!nest->config.linux_host)
		viq_linux_close(nest->linux_host);
	guest_destroy(&nest->guest);
}

void nest_set_ste(struct nest *nest, uint32_t sid, const uint64_t ste[VIQ_SMMUV3_STE_WORDS])
{
	check_equal(synth_st_set(&nest->streams, sid, ste), 0);
}

void nest_push(struct nest *nest, struct synth_cmd command)
{
	check(synth_cmdq_space(&nest->queue, read32(nest, REG(CMDQ_CONS))));
	synth_cmdq_push(&nest->queue, command);
}

void nest_push_sync(struct nest *nest)
{
	nest_push(nest, synth_cmd_sync(VIQ_SMMUV3_SYNC_CS_SEV, 0, 0));
}

void nest_ring(struct nest *nest)
{
	write32(nest, REG(CMDQ_PROD), nest->queue.prod);
	while (viq_smmuv3_run(nest->smmu, 0))
		;
}

void nest_command(struct nest *nest, struct synth_cmd command)
{
	nest_push(nest, command);
	nest_push_sync(nest);
	nest_ring(nest);
	check_equal(nest_error(nest), VIQ_SMMUV3_CERROR_NONE);
	check_equal(nest_cons(nest), nest->queue.prod);
}

uint32_t nest_cons(struct nest *nest)
{
	return read32(nest, REG(CMDQ_CONS)) & ((2u << nest->config.log2size) - 1);
}

unsigned int nest_error(struct nest *nest)
{
	if (!((read32(nest, REG(GERROR)) ^ read32(nest, REG(GERRORN))) & VIQ_SMMUV3_GERROR_CMDQ_ERR))
		return VIQ_SMMUV3_CERROR_NONE;
	return VIQ_GET(VIQ_SMMUV3_CMDQ_CONS_ERR, read32(nest, REG(CMDQ_CONS)));
}

void nest_acknowledge(struct nest *nest)
{
	write32(nest, REG(GERRORN), read32(nest, REG(GERROR)));
	while (viq_smmuv3_run(nest->smmu, 0))
		;
}

void nest_repair(struct nest *nest)
{
	check(nest_error(nest) != VIQ_SMMUV3_CERROR_NONE);
	synth_cmdq_rewrite(&nest->queue, nest_cons(nest), synth_cmd_sync(VIQ_SMMUV3_SYNC_CS_SEV, 0, 0));
	nest_acknowledge(nest);
}

void nest_switch(struct nest *nest, bool on)
{
	const uint32_t cr0 = REG(CR0_CMDQEN) | REG(CR0_EVENTQEN) | (on ? REG(CR0_SMMUEN) : 0);

	write32(nest, REG(CR0), cr0);
	check_equal(read32(nest, REG(CR0ACK)), cr0);
}

void nest_gbpa(struct nest *nest, uint32_t value)
{
	write32(nest, REG(GBPA), REG(GBPA_UPDATE) | value);
	check_equal(read32(nest, REG(GBPA)) & REG(GBPA_UPDATE), 0);
}

bool nest_event(struct nest *nest, uint64_t record[4])
{
	const uint32_t slot = nest->events_cons & ((1u << NEST_EVENTS_LOG2) - 1);

	if ((read32(nest, REG(EVENTQ_PROD)) & ((2u << NEST_EVENTS_LOG2) - 1)) == nest->events_cons)
		return false;
	for (unsigned int i = 0; i < 4; i++)
		record[i] = synth_load(&nest->guest.mem, nest->events + slot * VIQ_SMMUV3_EVENT_SIZE + 8 * i);
	nest->events_cons = (nest->events_cons + 1) & ((2u << NEST_EVENTS_LOG2) - 1);
	write32(nest, REG(EVENTQ_CONS), nest->events_cons);
	return true;
}
