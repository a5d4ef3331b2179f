/* SPDX-License-Identifier: MIT */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vvtd.h"
#include "oracle/vvtd_model.h"
#include "work.h"

/* --- The log and the hooks that write it -------------------------------------------------------------------------- */

static void *checked(void *p)
{
	assert_non_null(p);
	return p;
}

void vvtd_log_add(struct vvtd *v, struct vvtd_log entry)
{
	if (v->quiet)
		return;
	if (v->log_count == v->log_room) {
		v->log_room *= 2;
		v->log = checked(realloc(v->log, v->log_room * sizeof(*v->log)));
	}
	entry.time = ++v->time;
	if (v->vtd) {
		entry.iqh = vvtd_r32(v, VREG(IQH));
		entry.fsts = vvtd_r32(v, VREG(FSTS));
		entry.ics = vvtd_r32(v, VREG(ICS));
		entry.fectl = vvtd_r32(v, VREG(FECTL));
		entry.iectl = vvtd_r32(v, VREG(IECTL));
	}
	v->log[v->log_count++] = entry;
}

static void on_msi(void *opaque, uint64_t addr, uint32_t data)
{
	vvtd_log_add(opaque, (struct vvtd_log){.kind = VLOG_MSI, .a = addr, .b = data});
}

static int on_reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
	struct vvtd *v = opaque;

	assert_int_equal(what->size, sizeof(*what));
	if (work_in_steps(&what->work, v->steps))
		return 1;
	if (v->on_reconfig)
		v->on_reconfig(v, what);
	vvtd_log_add(v, (struct vvtd_log){.kind = VLOG_RECONFIG, .reconfig = *what, .result = v->reconfig_result});
	return v->reconfig_result;
}

static int on_remap(void *opaque, struct viq_vtd_remap *what)
{
	struct vvtd *v = opaque;

	assert_int_equal(what->size, sizeof(*what));
	if (work_in_steps(&what->work, v->steps))
		return 1;
	vvtd_log_add(v, (struct vvtd_log){.kind = VLOG_REMAP,
					  .a = what->cause,
					  .b = what->first,
					  .c = what->count,
					  .result = v->remap_result});
	return v->remap_result;
}

static int on_devtlb(void *opaque, const struct viq_vtd_devtlb *inv)
{
	struct vvtd *v = opaque;
	int result = v->devtlb_times ? v->devtlb_result : 0;

	assert_int_equal(inv->size, sizeof(*inv));
	if (v->devtlb_times > 0)
		v->devtlb_times--;
	vvtd_log_add(v, (struct vvtd_log){.kind = VLOG_DEVTLB, .devtlb = *inv, .result = result});
	return result;
}

static int on_page_response(void *opaque, const struct viq_vtd_page_response *response)
{
	struct vvtd *v = opaque;

	assert_int_equal(response->size, sizeof(*response));
	vvtd_log_add(v, (struct vvtd_log){.kind = VLOG_RESPONSE, .response = *response, .result = v->response_result});
	return v->response_result;
}

static void on_kick(void *opaque)
{
	vvtd_log_add(opaque, (struct vvtd_log){.kind = VLOG_KICK});
	((struct vvtd *)opaque)->kicked = true;
}

static void on_host_error(void *opaque, const struct viq_vtd_table *table, const struct viq_call_result *result)
{
	assert_non_null(table);
	vvtd_log_add(opaque, (struct vvtd_log){
				     .kind = VLOG_ERROR, .a = result->error, .b = table->domain_id, .c = table->pasid});
}

static int on_host_wait(void *opaque, const struct viq_call_result *result, uint64_t times)
{
	struct vvtd *v = opaque;

	assert_int_equal(result->size, sizeof(*result));
	vvtd_log_add(v, (struct vvtd_log){.kind = VLOG_WAIT, .a = result->error, .b = times});
	return v->gives_up;
}

static void on_device_timeout(void *opaque, uint32_t sid)
{
	vvtd_log_add(opaque, (struct vvtd_log){.kind = VLOG_TIMEOUT, .a = sid});
}

static void on_trace(void *opaque, const struct viq_vtd_trace *trace)
{
	struct vvtd *v = opaque;
	struct vvtd_log entry = {.kind = VLOG_TRACE, .a = trace->fate, .b = trace->head, .c = trace->iqei};

	assert_int_equal(trace->size, sizeof(*trace));
	if (v->on_trace)
		v->on_trace(v, trace);
	memcpy(entry.desc, trace->desc, sizeof(entry.desc));
	vvtd_log_add(v, entry);
}

static void on_written(void *opaque, uint64_t gpa, size_t len)
{
	vvtd_log_add(opaque, (struct vvtd_log){.kind = VLOG_WRITE, .a = gpa, .b = len});
}

size_t vvtd_log_find(const struct vvtd *v, size_t from, enum vvtd_log_kind kind)
{
	while (from < v->log_count && v->log[from].kind != kind)
		from++;
	return from;
}

size_t vvtd_log_number(const struct vvtd *v, enum vvtd_log_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < v->log_count; i++)
		n += v->log[i].kind == kind;
	return n;
}

void vvtd_forget(struct vvtd *v)
{
	v->log_count = 0;
	v->seen = v->prod;
	for (unsigned int i = 0; i < v->host_count; i++)
		v->hosts[i]->effect_count = 0;
}

/* --- Life --------------------------------------------------------------------------------------------------------- */

void vvtd_config(struct viq_vtd_config *config)
{
	viq_vtd_config_init(config, sizeof(*config));
	config->cap |= VIQ_PUT(VREG(CAP_NFR), 7);
	config->ecap |= VREG(ECAP_DT) | VREG(ECAP_IR) | VREG(ECAP_EIM) | VIQ_PUT(VREG(ECAP_MHMV), 15);
	config->budget = VIQ_WORK_UNLIMITED;
}

static void create(struct vvtd *v)
{
	struct viq_why why = {"no reason given"};
	int ret = viq_vtd_create(&v->config, &v->vtd, &why);

	if (ret)
		print_error("create: %s\n", why.text);
	assert_int_equal(ret, 0);
}

static void create_mem(struct vvtd *v)
{
	static const struct viq_mem_ops ops = {.size = sizeof(ops), .written = on_written};
	struct viq_mem_region region = {.gpa = 0, .size = VVTD_RAM_SIZE};

	v->ram = mmap(NULL, VVTD_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(v->ram != MAP_FAILED);
	region.host = v->ram;
	assert_int_equal(viq_mem_create(&region, 1, &ops, v, &v->mem, NULL), 0);
}

struct vvtd *vvtd_new(const struct viq_vtd_config *config)
{
	struct vvtd *v = checked(calloc(1, sizeof(*v)));

	v->log_room = 1024;
	v->log = checked(malloc(v->log_room * sizeof(*v->log)));
	v->ops = (struct viq_vtd_ops){
		.size = sizeof(v->ops),
		.msi = on_msi,
		.reconfig = on_reconfig,
		.remap = on_remap,
		.devtlb = on_devtlb,
		.kick = on_kick,
		.host_error = on_host_error,
		.trace = on_trace,
		.host_wait = on_host_wait,
		.device_timeout = on_device_timeout,
		.page_response = on_page_response,
	};
	v->devtlb_times = -1;
	if (config)
		v->config = *config;
	else
		vvtd_config(&v->config);
	if (!v->config.mem) {
		create_mem(v);
		v->config.mem = v->mem;
	}
	if (!v->config.ops)
		v->config.ops = &v->ops;
	v->config.opaque = v;
	create(v);
	return v;
}

struct vvtd *vvtd_budget(uint32_t budget)
{
	struct viq_vtd_config config;

	vvtd_config(&config);
	config.budget = budget;
	return vvtd_new(&config);
}

void vvtd_free(struct vvtd *v)
{
	viq_vtd_destroy(v->vtd);
	viq_mem_destroy(v->mem);
	for (unsigned int i = 0; i < v->host_count; i++) {
		free(v->hosts[i]->effects);
		free(v->hosts[i]);
	}
	if (v->ram)
		munmap(v->ram, VVTD_RAM_SIZE);
	free(v->log);
	free(v->shadow);
	free(v);
}

static void attach_again(struct vvtd *v)
{
	for (unsigned int i = 0; i < v->table_count; i++) {
		struct vvtd_table *t = &v->tables[i];

		if (!t->attached)
			continue;
		assert_int_equal(viq_vtd_attach(v->vtd, &t->table, &t->handle), 0);
	}
}

void vvtd_migrate(struct vvtd *v)
{
	size_t len = viq_vtd_save_size(v->vtd), written = len;
	void *state = checked(malloc(len));

	assert_int_equal(viq_vtd_save(v->vtd, state, &written), 0);
	assert_true(written <= len);
	viq_vtd_destroy(v->vtd);
	v->vtd = NULL;
	create(v);
	attach_again(v);
	assert_int_equal(viq_vtd_restore(v->vtd, state, written), 0);
	free(state);
}

/* --- Tables ------------------------------------------------------------------------------------------------------- */

unsigned int vvtd_attach_ref(struct vvtd *v, struct viq_call_host host, uint16_t did, uint32_t pasid, uint16_t sid,
			     uint32_t flags)
{
	struct vvtd_table *t = &v->tables[v->table_count];

	assert_true(v->table_count < VVTD_TABLES);
	*t = (struct vvtd_table){
		.table = {.size = sizeof(t->table),
			  .flags = flags,
			  .pasid = pasid,
			  .domain_id = did,
			  .source_id = sid,
			  .host = host},
		.attached = true,
		.time = ++v->time,
	};
	assert_int_equal(viq_vtd_attach(v->vtd, &t->table, &t->handle), 0);
	assert_int_not_equal(t->handle, 0);
	return v->table_count++;
}

unsigned int vvtd_attach(struct vvtd *v, struct vvtd_host *host, uint16_t did, uint32_t pasid, uint16_t sid,
			 uint32_t flags)
{
	unsigned int n = vvtd_attach_ref(v, vvtd_host_ref(host), did, pasid, sid, flags);

	v->tables[n].host = host;
	return n;
}

void vvtd_detach(struct vvtd *v, unsigned int table)
{
	assert_int_equal(viq_vtd_detach(v->vtd, v->tables[table].handle), 0);
	v->tables[table].attached = false;
}

/* --- Registers and memory ----------------------------------------------------------------------------------------- */

uint32_t vvtd_r32(struct vvtd *v, uint64_t offset)
{
	uint64_t value = viq_vtd_mmio_read(v->vtd, offset, 4);

	assert_int_equal(value >> 32, 0);
	return (uint32_t)value;
}

uint64_t vvtd_r64(struct vvtd *v, uint64_t offset)
{
	return viq_vtd_mmio_read(v->vtd, offset, 8);
}

/* Where budgets are not the subject there is a worker, at once: a time-out ends a run under any budget. */
static void work(struct vvtd *v)
{
	bool kicked = v->kicked;

	v->kicked = false;
	while (kicked && v->config.budget == VIQ_WORK_UNLIMITED && viq_vtd_run(v->vtd, VIQ_WORK_UNLIMITED))
		;
}

void vvtd_w32(struct vvtd *v, uint64_t offset, uint32_t value)
{
	viq_vtd_mmio_write(v->vtd, offset, 4, value);
	work(v);
}

void vvtd_w64(struct vvtd *v, uint64_t offset, uint64_t value)
{
	viq_vtd_mmio_write(v->vtd, offset, 8, value);
	work(v);
}

uint64_t vvtd_peek64(struct vvtd *v, uint64_t gpa)
{
	uint64_t value;

	assert_true(gpa <= VVTD_RAM_SIZE - 8);
	memcpy(&value, v->ram + gpa, sizeof(value));
	return le64toh(value);
}

uint32_t vvtd_peek32(struct vvtd *v, uint64_t gpa)
{
	uint32_t value;

	assert_true(gpa <= VVTD_RAM_SIZE - 4);
	memcpy(&value, v->ram + gpa, sizeof(value));
	return le32toh(value);
}

void vvtd_poke64(struct vvtd *v, uint64_t gpa, uint64_t value)
{
	assert_true(gpa <= VVTD_RAM_SIZE - 8);
	value = htole64(value);
	memcpy(v->ram + gpa, &value, sizeof(value));
}

/* --- The driver --------------------------------------------------------------------------------------------------- */

void vvtd_gcmd(struct vvtd *v, uint32_t bit, bool on)
{
	uint32_t value = vvtd_r32(v, VREG(GSTS)) & 0x96ffffff;

	value = on ? value | bit : value & ~bit;
	vvtd_w32(v, VREG(GCMD), value);
	/* What the write has left is the worker's. */
	while (!!(vvtd_r32(v, VREG(GSTS)) & bit) != on && viq_vtd_run(v->vtd, 0))
		;
	assert_int_equal(!!(vvtd_r32(v, VREG(GSTS)) & bit), bit != VREG(GCMD_WBF) && on);
}

/* Types 6 and above are of scalable mode alone (Table 26): unless the test has chosen a mode, it is that one. */
static void choose_mode(struct vvtd *v)
{
	bool quiet = v->quiet;

	if (vvtd_r32(v, VREG(GSTS)) & VREG(GSTS_RTPS) || !(v->config.ecap & VREG(ECAP_SMTS)))
		return;
	v->quiet = true;
	vvtd_w64(v, VREG(RTADDR), VIQ_PUT(VREG(RTADDR_TTM), VIQ_VTD_TTM_SCALABLE));
	vvtd_gcmd(v, VREG(GCMD_SRTP), true);
	v->quiet = quiet;
}

void vvtd_boot_at(struct vvtd *v, unsigned int width, unsigned int qs, uint64_t base)
{
	v->base = base;
	v->shift = width == 256 ? 5 : 4;
	v->slots = (4096u << qs) >> v->shift;
	v->prod = v->seen = 0;
	free(v->shadow);
	v->shadow = checked(calloc(v->slots, sizeof(*v->shadow)));
	if (base == VVTD_QUEUE)
		memset(v->ram + VVTD_STATUS, 0, 4 * v->slots);
	if (width == 256)
		choose_mode(v);
	vvtd_w32(v, VREG(IQT), 0);
	vvtd_w64(v, VREG(IQA), base | (width == 256 ? VREG(IQA_DW) : 0) | qs);
	vvtd_gcmd(v, VREG(GCMD_QIE), true);
}

void vvtd_boot(struct vvtd *v, unsigned int width, unsigned int qs)
{
	vvtd_boot_at(v, width, qs, VVTD_QUEUE);
}

uint32_t vvtd_slot(const struct vvtd *v, uint64_t absolute)
{
	return (uint32_t)(absolute % v->slots);
}

uint32_t vvtd_offset(const struct vvtd *v, uint64_t absolute)
{
	return vvtd_slot(v, absolute) << v->shift;
}

uint64_t vvtd_gpa(const struct vvtd *v, uint64_t absolute)
{
	return v->base + vvtd_offset(v, absolute);
}

uint64_t vvtd_status(const struct vvtd *v, uint64_t absolute)
{
	return VVTD_STATUS + 4 * vvtd_slot(v, absolute);
}

void vvtd_replace_desc(struct vvtd *v, uint64_t absolute, struct test_desc desc)
{
	for (unsigned int i = 0; i < (v->shift == 5 ? 4 : 2); i++)
		vvtd_poke64(v, vvtd_gpa(v, absolute) + 8 * i, desc.qw[i]);
	memcpy(v->shadow[vvtd_slot(v, absolute)].desc, desc.qw, sizeof(desc.qw));
}

void vvtd_push(struct vvtd *v, struct test_desc desc)
{
	assert_true(v->lax || v->prod - v->seen < v->slots - 1);
	vvtd_replace_desc(v, v->prod, desc);
	v->shadow[vvtd_slot(v, v->prod)].time = ++v->time;
	v->prod++;
}

void vvtd_push_wait(struct vvtd *v)
{
	uint32_t zero = 0;

	memcpy(v->ram + vvtd_status(v, v->prod), &zero, sizeof(zero));
	vvtd_push(v, desc_wait(true, false, false, VVTD_DONE, vvtd_status(v, v->prod)));
}

void vvtd_ring(struct vvtd *v)
{
	vvtd_w32(v, VREG(IQT), vvtd_offset(v, v->prod));
	vvtd_observe(v);
}

void vvtd_submit(struct vvtd *v, struct test_desc desc)
{
	vvtd_push(v, desc);
	vvtd_push_wait(v);
	vvtd_ring(v);
}

bool vvtd_completed(struct vvtd *v, uint64_t absolute)
{
	return vvtd_peek32(v, vvtd_status(v, absolute)) == VVTD_DONE;
}

void vvtd_observe(struct vvtd *v)
{
	uint64_t last = 0;

	if (v->lax || v->quiet || !v->shadow)
		return;
	/* A completed wait speaks for everything before it. */
	for (uint64_t i = v->seen; i < v->prod; i++) {
		const struct vvtd_shadow *shadow = &v->shadow[vvtd_slot(v, i)];

		if ((shadow->desc[0] & 0x2f) == (VREG(TYPE_WAIT) | VREG(WAIT_SW)) &&
		    (shadow->desc[1] & ~UINT64_C(3)) == vvtd_status(v, i) && vvtd_completed(v, i))
			last = i + 1;
	}
	for (; v->seen < last; v->seen++) {
		const struct vvtd_shadow *shadow = &v->shadow[vvtd_slot(v, v->seen)];

		if (!vvtd_took_effect(v, shadow->desc, shadow->time))
			fail_msg("P1: descriptor %llu (qw0 0x%llx qw1 0x%llx) completed without effect",
				 (unsigned long long)v->seen, (unsigned long long)shadow->desc[0],
				 (unsigned long long)shadow->desc[1]);
	}
}

bool vvtd_idle(struct vvtd *v)
{
	vvtd_observe(v);
	return vvtd_r64(v, VREG(IQH)) == vvtd_r64(v, VREG(IQT)) &&
	       !(vvtd_r32(v, VREG(FSTS)) & (VREG(FSTS_IQE) | VREG(FSTS_ITE)));
}

void vvtd_retry(struct vvtd *v)
{
	while (viq_vtd_run(v->vtd, 0))
		;
	vvtd_observe(v);
}

bool vvtd_drain(struct vvtd *v, unsigned int rounds)
{
	while (rounds-- && (viq_vtd_run(v->vtd, 0) || viq_vtd_waits_for_host(v->vtd)))
		vvtd_observe(v);
	return vvtd_idle(v);
}

/* --- Random numbers ----------------------------------------------------------------------------------------------- */

uint64_t vvtd_seed(void)
{
	const char *text = getenv("VIQ_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 0x5eed;

	printf("# VIQ_SEED=%llu\n", (unsigned long long)seed);
	return seed ? seed : 1;
}

uint64_t vvtd_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

uint32_t vvtd_below(uint64_t *state, uint32_t bound)
{
	return (uint32_t)((vvtd_random(state) >> 20) % bound);
}
