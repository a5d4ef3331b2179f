/* SPDX-License-Identifier: MIT */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vsmmu.h"
#include "work.h"

/* --- Hooks -------------------------------------------------------------------------------------------------------- */

void vsmmu_log_add(struct vsmmu *v, struct vsmmu_log entry)
{
	if (v->quiet)
		return;
	if (v->log_count == v->log_room) {
		v->log_room *= 2;
		v->log = realloc(v->log, v->log_room * sizeof(*v->log));
		assert_non_null(v->log);
	}
	v->log[v->log_count++] = entry;
}

/* With the registers as another vCPU would see them at this moment. */
static void log_snapshot(struct vsmmu *v, struct vsmmu_log entry)
{
	if (v->quiet || !v->smmu)
		return;
	entry.cons = vsmmu_r32(v, REG(CMDQ_CONS));
	entry.gerror = vsmmu_r32(v, REG(GERROR));
	entry.eventq_prod = vsmmu_r32(v, REG(EVENTQ_PROD));
	vsmmu_log_add(v, entry);
}

static void on_irq(void *opaque, enum viq_smmuv3_irq which)
{
	log_snapshot(opaque, (struct vsmmu_log){.kind = LOG_IRQ, .a = which});
}

static int on_msi(void *opaque, uint64_t addr, uint32_t data)
{
	struct vsmmu *v = opaque;

	log_snapshot(v, (struct vsmmu_log){.kind = LOG_MSI, .a = addr, .b = data});
	return v->msi_result;
}

static void remember_reconfig(struct vsmmu *v, uint32_t first, uint32_t last)
{
	if (v->reconfig_count == v->reconfig_room) {
		v->reconfig_room *= 2;
		v->reconfigs = realloc(v->reconfigs, v->reconfig_room * sizeof(*v->reconfigs));
		assert_non_null(v->reconfigs);
	}
	v->reconfigs[v->reconfig_count++] = (struct vsmmu_reconfig){.first = first, .last = last, .time = ++v->time};
}

static int on_reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	struct vsmmu *v = opaque;

	assert_int_equal(what->size, sizeof(*what));
	if (work_in_steps(&what->work, v->steps))
		return 1;
	vsmmu_log_add(v, (struct vsmmu_log){.kind = LOG_RECONFIG, .a = what->cause, .b = what->first, .c = what->last});
	if (what->cause != VIQ_SMMUV3_CFGI_STE)
		return 0;
	if (!v->reconfig_result)
		remember_reconfig(v, what->first, what->last);
	return v->reconfig_result;
}

static void on_kick(void *opaque)
{
	vsmmu_log_add(opaque, (struct vsmmu_log){.kind = LOG_KICK});
	((struct vsmmu *)opaque)->kicked = true;
}

static void on_host_error(void *opaque, const struct viq_call_result *result)
{
	vsmmu_log_add(opaque, (struct vsmmu_log){.kind = LOG_ERROR, .a = result->error});
}

static int on_host_wait(void *opaque, const struct viq_call_result *result, uint64_t times)
{
	struct vsmmu *v = opaque;

	assert_int_equal(result->size, sizeof(*result));
	log_snapshot(v, (struct vsmmu_log){.kind = LOG_WAIT, .a = result->error, .b = times});
	return v->gives_up;
}

static void on_device_timeout(void *opaque, uint32_t sid)
{
	struct vsmmu *v = opaque;

	log_snapshot(v, (struct vsmmu_log){.kind = LOG_TIMEOUT, .a = sid});
	if (v->on_timeout)
		v->on_timeout(v, sid);
}

static int on_page_response(void *opaque, const struct viq_smmuv3_page_response *response)
{
	struct vsmmu *v = opaque;

	assert_int_equal(response->size, sizeof(*response));
	vsmmu_log_add(v, (struct vsmmu_log){.kind = LOG_RESPONSE, .response = *response});
	return v->response_result;
}

static void on_trace(void *opaque, const struct viq_smmuv3_trace *trace)
{
	struct vsmmu *v = opaque;

	assert_int_equal(trace->size, sizeof(*trace));
	if (v->on_trace)
		v->on_trace(v, trace);
	vsmmu_log_add(v, (struct vsmmu_log){.kind = LOG_TRACE,
					    .a = trace->fate,
					    .b = trace->index,
					    .c = trace->cerror,
					    .cmd = {trace->cmd[0], trace->cmd[1]}});
}

static void on_written(void *opaque, uint64_t gpa, size_t len)
{
	log_snapshot(opaque, (struct vsmmu_log){.kind = LOG_WRITE, .a = gpa, .b = len});
}

size_t vsmmu_log_find(const struct vsmmu *v, size_t from, enum vsmmu_log_kind kind)
{
	for (; from < v->log_count; from++) {
		if (v->log[from].kind == kind)
			break;
	}
	return from;
}

size_t vsmmu_log_number(const struct vsmmu *v, enum vsmmu_log_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < v->log_count; i++)
		n += v->log[i].kind == kind;
	return n;
}

void vsmmu_log_clear(struct vsmmu *v)
{
	v->log_count = 0;
}

/* --- Life --------------------------------------------------------------------------------------------------------- */

void vsmmu_config_stage2(struct viq_smmuv3_config *config)
{
	config->idr0 |= REG(IDR0_S2P) | REG(IDR0_VMID16) | REG(IDR0_NS1ATS);
	config->idr3 |= REG(IDR3_XNX) | REG(IDR3_FWB);
}

void vsmmu_config(struct viq_smmuv3_config *config)
{
	viq_smmuv3_config_init(config, sizeof(*config));
	config->idr0 |= REG(IDR0_ATS) | REG(IDR0_MSI) | REG(IDR0_CD2L);
	config->idr1 &= ~(uint32_t)(REG(IDR1_SIDSIZE) | REG(IDR1_SSIDSIZE));
	config->idr1 |= VIQ_PUT(REG(IDR1_SIDSIZE), 32) | VIQ_PUT(REG(IDR1_SSIDSIZE), 20);
	config->idr3 |= REG(IDR3_RIL);
	config->host.ops = NULL;
	config->budget = VIQ_WORK_UNLIMITED;
}

static void create(struct vsmmu *v)
{
	struct viq_why why = {"no reason given"};
	int ret = viq_smmuv3_create(&v->config, &v->smmu, &why);

	if (ret)
		print_error("create: %s\n", why.text);
	assert_int_equal(ret, 0);
}

static void create_mem(struct vsmmu *v)
{
	static const struct viq_mem_ops ops = {.size = sizeof(ops), .written = on_written};
	struct viq_mem_region region = {.gpa = VSMMU_RAM, .size = VSMMU_RAM_SIZE};

	/* Touched sparsely, and by thousands of objects: pages that the kernel gives on demand. */
	v->ram = mmap(NULL, VSMMU_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(v->ram != MAP_FAILED);
	region.host = v->ram;
	assert_int_equal(viq_mem_create(&region, 1, &ops, v, &v->mem, NULL), 0);
}

struct vsmmu *vsmmu_new(const struct viq_smmuv3_config *config)
{
	struct vsmmu *v = calloc(1, sizeof(*v));

	assert_non_null(v);
	v->log_room = 1024;
	v->log = malloc(v->log_room * sizeof(*v->log));
	v->shadow_room = 1024;
	v->shadow = malloc(v->shadow_room * sizeof(*v->shadow));
	v->reconfig_room = 64;
	v->reconfigs = malloc(v->reconfig_room * sizeof(*v->reconfigs));
	assert_true(v->log && v->shadow && v->reconfigs);
	test_host_init(&v->host, v);
	v->ops = (struct viq_smmuv3_ops){
		.size = sizeof(v->ops),
		.irq = on_irq,
		.msi = on_msi,
		.reconfig = on_reconfig,
		.kick = on_kick,
		.host_error = on_host_error,
		.trace = on_trace,
		.host_wait = on_host_wait,
		.device_timeout = on_device_timeout,
		.page_response = on_page_response,
	};
	if (config)
		v->config = *config;
	else
		vsmmu_config(&v->config);
	if (!v->config.mem) {
		create_mem(v);
		v->config.mem = v->mem;
	}
	if (!v->config.host.ops)
		v->config.host = test_host_ref(&v->host);
	if (!v->config.ops)
		v->config.ops = &v->ops;
	v->config.opaque = v;
	create(v);
	return v;
}

struct vsmmu *vsmmu_budget(uint32_t budget)
{
	struct viq_smmuv3_config config;

	vsmmu_config(&config);
	config.budget = budget;
	return vsmmu_new(&config);
}

struct vsmmu *vsmmu_start(uint32_t budget, unsigned int log2size)
{
	struct vsmmu *v = vsmmu_budget(budget);

	vsmmu_boot(v, log2size);
	return v;
}

void vsmmu_free(struct vsmmu *v)
{
	viq_smmuv3_destroy(v->smmu);
	viq_mem_destroy(v->mem);
	test_host_free(&v->host);
	if (v->ram)
		munmap(v->ram, VSMMU_RAM_SIZE);
	free(v->log);
	free(v->shadow);
	free(v->reconfigs);
	free(v);
}

void vsmmu_replace(struct vsmmu *v)
{
	viq_smmuv3_destroy(v->smmu);
	v->smmu = NULL;
	create(v);
}

void vsmmu_migrate(struct vsmmu *v)
{
	size_t len = viq_smmuv3_save_size(v->smmu), written = len;
	void *state = malloc(len);

	assert_non_null(state);
	assert_int_equal(viq_smmuv3_save(v->smmu, state, &written), 0);
	assert_true(written <= len);
	vsmmu_replace(v);
	assert_int_equal(viq_smmuv3_restore(v->smmu, state, written), 0);
	free(state);
}

/* --- Registers and memory ----------------------------------------------------------------------------------------- */

uint32_t vsmmu_r32(struct vsmmu *v, uint64_t offset)
{
	uint64_t value = viq_smmuv3_mmio_read(v->smmu, offset, 4);

	assert_int_equal(value >> 32, 0);
	return (uint32_t)value;
}

uint64_t vsmmu_r64(struct vsmmu *v, uint64_t offset)
{
	return viq_smmuv3_mmio_read(v->smmu, offset, 8);
}

/* Where budgets are not the subject there is a worker, at once: a time-out ends a run under any budget. */
static void work(struct vsmmu *v)
{
	bool kicked = v->kicked;

	v->kicked = false;
	while (kicked && v->config.budget == VIQ_WORK_UNLIMITED && viq_smmuv3_run(v->smmu, VIQ_WORK_UNLIMITED))
		;
}

void vsmmu_w32(struct vsmmu *v, uint64_t offset, uint32_t value)
{
	viq_smmuv3_mmio_write(v->smmu, offset, 4, value);
	work(v);
}

void vsmmu_w64(struct vsmmu *v, uint64_t offset, uint64_t value)
{
	viq_smmuv3_mmio_write(v->smmu, offset, 8, value);
	work(v);
}

void *vsmmu_ram(struct vsmmu *v, uint64_t gpa)
{
	assert_true(gpa >= VSMMU_RAM && gpa < VSMMU_RAM + VSMMU_RAM_SIZE);
	return v->ram + (gpa - VSMMU_RAM);
}

void vsmmu_poke64(struct vsmmu *v, uint64_t gpa, uint64_t value)
{
	value = htole64(value);
	memcpy(vsmmu_ram(v, gpa), &value, sizeof(value));
}

uint64_t vsmmu_peek64(struct vsmmu *v, uint64_t gpa)
{
	uint64_t value;

	memcpy(&value, vsmmu_ram(v, gpa), sizeof(value));
	return le64toh(value);
}

uint32_t vsmmu_peek32(struct vsmmu *v, uint64_t gpa)
{
	uint32_t value;

	memcpy(&value, vsmmu_ram(v, gpa), sizeof(value));
	return le32toh(value);
}

/* --- The driver --------------------------------------------------------------------------------------------------- */

uint32_t vsmmu_index(const struct vsmmu *v, uint64_t absolute)
{
	return (uint32_t)(absolute & ((UINT64_C(2) << v->log2size) - 1));
}

uint64_t vsmmu_entry(const struct vsmmu *v, uint64_t absolute)
{
	return v->cmdq_base + (absolute & ((UINT64_C(1) << v->log2size) - 1)) * 16;
}

void vsmmu_boot(struct vsmmu *v, unsigned int log2size)
{
	vsmmu_boot_at(v, log2size, VSMMU_CMDQ, 0);
}

void vsmmu_boot_at(struct vsmmu *v, unsigned int log2size, uint64_t cmdq_base, uint32_t start)
{
	uint32_t cr0 = (v->config.idr0 & REG(IDR0_ATS)) ? (uint32_t)REG(CR0_ATSCHK) : 0;
	uint32_t sidsize = (uint32_t)VIQ_GET(REG(IDR1_SIDSIZE), v->config.idr1);

	v->log2size = log2size;
	v->cmdq_base = cmdq_base;
	v->prod = v->cons = v->synced = start;
	v->smmuen = true;
	vsmmu_w32(v, REG(CR1), 0xd75);
	vsmmu_w32(v, REG(CR2), REG(CR2_RECINVSID) | REG(CR2_PTM));
	vsmmu_w64(v, REG(STRTAB_BASE), VSMMU_STRTAB | REG(STRTAB_BASE_RA));
	vsmmu_w32(v, REG(STRTAB_BASE_CFG),
		  VIQ_PUT(REG(STRTAB_BASE_CFG_FMT), 1) | VIQ_PUT(REG(STRTAB_BASE_CFG_SPLIT), 8) |
			  VIQ_PUT(REG(STRTAB_BASE_CFG_LOG2SIZE), sidsize));
	vsmmu_w64(v, REG(CMDQ_BASE), cmdq_base | REG(Q_BASE_HINT) | log2size);
	vsmmu_w32(v, REG(CMDQ_PROD), vsmmu_index(v, start));
	vsmmu_w32(v, REG(CMDQ_CONS), vsmmu_index(v, start));
	vsmmu_w32(v, REG(CR0), REG(CR0_CMDQEN));
	vsmmu_w64(v, REG(EVENTQ_BASE), VSMMU_EVENTQ | REG(Q_BASE_HINT) | 4);
	vsmmu_w32(v, REG(EVENTQ_PROD), 0);
	vsmmu_w32(v, REG(EVENTQ_CONS), 0);
	vsmmu_w32(v, REG(IRQ_CTRL), REG(IRQ_CTRL_GERROR_IRQEN) | REG(IRQ_CTRL_EVENTQ_IRQEN));
	cr0 |= REG(CR0_CMDQEN) | REG(CR0_EVENTQEN) | REG(CR0_SMMUEN);
	vsmmu_w32(v, REG(CR0), cr0);
	/* What the write has left is the worker's. */
	while (vsmmu_r32(v, REG(CR0ACK)) != cr0 && viq_smmuv3_run(v->smmu, 0))
		;
	assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), cr0);
	vsmmu_log_clear(v);
}

static struct vsmmu_shadow *shadow_of(struct vsmmu *v, uint64_t absolute)
{
	return &v->shadow[absolute % v->shadow_room];
}

static void shadow_grow(struct vsmmu *v)
{
	size_t room = v->shadow_room * 2;
	struct vsmmu_shadow *shadow = malloc(room * sizeof(*shadow));

	assert_non_null(shadow);
	for (uint64_t i = v->synced; i < v->prod; i++)
		shadow[i % room] = *shadow_of(v, i);
	free(v->shadow);
	v->shadow = shadow;
	v->shadow_room = room;
}

static void put_command(struct vsmmu *v, uint64_t absolute, uint64_t dw0, uint64_t dw1)
{
	vsmmu_poke64(v, vsmmu_entry(v, absolute), dw0);
	vsmmu_poke64(v, vsmmu_entry(v, absolute) + 8, dw1);
	*shadow_of(v, absolute) = (struct vsmmu_shadow){.cmd = {dw0, dw1}, .time = ++v->time};
}

void vsmmu_push(struct vsmmu *v, uint64_t dw0, uint64_t dw1)
{
	assert_true(v->prod - v->cons < UINT64_C(1) << v->log2size);
	if (v->prod - v->synced >= v->shadow_room)
		shadow_grow(v);
	put_command(v, v->prod, dw0, dw1);
	v->prod++;
}

void vsmmu_push_cmd(struct vsmmu *v, const uint64_t cmd[2])
{
	vsmmu_push(v, cmd[0], cmd[1]);
}

void vsmmu_push_test(struct vsmmu *v, struct test_cmd cmd)
{
	vsmmu_push(v, cmd.dw[0], cmd.dw[1]);
}

void vsmmu_push_sync(struct vsmmu *v)
{
	vsmmu_push(v, UINT64_C(0x0fc02046), 0);
}

void vsmmu_ring(struct vsmmu *v)
{
	vsmmu_w32(v, REG(CMDQ_PROD), vsmmu_index(v, v->prod));
	vsmmu_observe(v);
}

void vsmmu_submit(struct vsmmu *v, struct test_cmd cmd)
{
	vsmmu_push_test(v, cmd);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
}

static bool reconfigured(const struct vsmmu *v, const struct vsmmu_shadow *s)
{
	uint64_t first = refcmd_sid(s->cmd), last = first;

	if (refcmd_op(s->cmd) == VIQ_SMMUV3_OP_CFGI_STE_RANGE) {
		uint64_t count = UINT64_C(2) << (s->cmd[1] & 0x1f);

		first &= ~(count - 1) & UINT32_MAX;
		last = first + count - 1;
	}
	if (last > (UINT64_C(1) << (v->config.idr1 & 0x3f)) - 1)
		last = (UINT64_C(1) << (v->config.idr1 & 0x3f)) - 1;
	if (first > last)
		return true;
	for (size_t i = v->reconfig_count; i-- > 0 && v->reconfigs[i].time > s->time;) {
		if (v->reconfigs[i].first <= first && v->reconfigs[i].last >= last)
			return true;
	}
	return false;
}

static bool took_effect(struct vsmmu *v, const struct vsmmu_shadow *s)
{
	uint32_t bits = v->host.stream ? v->host.stream(&v->host, refcmd_sid(s->cmd))
				       : VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
	uint64_t out[2];

	return !refcmd_to_host(s->cmd, &v->config, v->smmuen, bits, out) || test_host_did(&v->host, out, s->time);
}

/* The guest sees that this CMD_SYNC completed. */
static void check_sync(struct vsmmu *v, uint64_t sync)
{
	for (uint64_t i = v->synced; i < sync; i++) {
		struct vsmmu_shadow *s = shadow_of(v, i);

		if (took_effect(v, s))
			continue;
		v->stale++;
		if (!v->collect)
			fail_msg("P1: CMD_SYNC at %llu completed before command %llu (%#llx %#llx) took effect",
				 (unsigned long long)sync, (unsigned long long)i, (unsigned long long)s->cmd[0],
				 (unsigned long long)s->cmd[1]);
	}
	v->synced = sync + 1;
}

static void check_consumed(struct vsmmu *v, uint64_t absolute)
{
	struct vsmmu_shadow *s = shadow_of(v, absolute);
	unsigned int op = refcmd_op(s->cmd);

	v->consumed[op]++;
	if (refcmd_check(s->cmd, &v->config) != VIQ_SMMUV3_CERROR_NONE)
		fail_msg("illegal command %#llx %#llx at %llu was consumed", (unsigned long long)s->cmd[0],
			 (unsigned long long)s->cmd[1], (unsigned long long)absolute);
	if ((op == VIQ_SMMUV3_OP_CFGI_STE || op == VIQ_SMMUV3_OP_CFGI_STE_RANGE) && !reconfigured(v, s))
		fail_msg("CFGI at %llu was consumed without reconfig()", (unsigned long long)absolute);
	if (op == VIQ_SMMUV3_OP_SYNC)
		check_sync(v, absolute);
}

uint64_t vsmmu_observe(struct vsmmu *v)
{
	uint32_t reg = vsmmu_r32(v, REG(CMDQ_CONS)) & 0xfffff;
	uint64_t mask = (UINT64_C(2) << v->log2size) - 1;
	uint64_t now = v->cons + ((reg - v->cons) & mask);

	if (v->lax)
		return now;
	assert_int_equal(reg & ~mask, 0);
	if (now > v->prod)
		fail_msg("CONS %#x is not between the last CONS and PROD %#x", reg, vsmmu_index(v, v->prod));
	for (uint64_t i = v->cons; i < now; i++)
		check_consumed(v, i);
	v->cons = now;
	return now;
}

unsigned int vsmmu_cerror(struct vsmmu *v)
{
	if (!((vsmmu_r32(v, REG(GERROR)) ^ vsmmu_r32(v, REG(GERRORN))) & REG(GERROR_CMDQ_ERR)))
		return VIQ_SMMUV3_CERROR_NONE;
	return (unsigned int)VIQ_GET(REG(CMDQ_CONS_ERR), vsmmu_r32(v, REG(CMDQ_CONS)));
}

bool vsmmu_idle(struct vsmmu *v)
{
	return vsmmu_observe(v) == v->prod && vsmmu_cerror(v) == VIQ_SMMUV3_CERROR_NONE;
}

unsigned int vsmmu_linux_gerror(struct vsmmu *v)
{
	unsigned int code;

	vsmmu_observe(v);
	code = vsmmu_cerror(v);
	if (code == VIQ_SMMUV3_CERROR_NONE)
		return code;
	if (code == VIQ_SMMUV3_CERROR_ILL)
		put_command(v, v->cons, UINT64_C(0x2046), 0);
	vsmmu_w32(v, REG(GERRORN), vsmmu_r32(v, REG(GERROR)));
	vsmmu_observe(v);
	return code;
}

void vsmmu_forget(struct vsmmu *v)
{
	struct test_host *host = &v->host;

	v->synced = vsmmu_observe(v);
	vsmmu_log_clear(v);
	host->effect_count = 0;
	memset(host->hash, 0, host->hash_size * sizeof(*host->hash));
}

void vsmmu_retry(struct vsmmu *v)
{
	while (viq_smmuv3_run(v->smmu, 0))
		;
	vsmmu_observe(v);
}

bool vsmmu_drain(struct vsmmu *v, unsigned int rounds)
{
	while (rounds--) {
		if (vsmmu_idle(v))
			return true;
		vsmmu_linux_gerror(v);
		viq_smmuv3_run(v->smmu, 0);
	}
	return vsmmu_idle(v);
}
