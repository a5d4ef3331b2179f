/* SPDX-License-Identifier: MIT */
/* The machine of the test with device threads: memory, hosts, front end, and the driver of its queue. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "support/test.h"
#include "support/fault.h"
#include "threads.h"

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t threads_below(uint64_t *state, uint32_t bound)
{
	return (uint32_t)((next_random(state) >> 32) * bound >> 32);
}

uint64_t frame_pa(uint32_t frame)
{
	return RAM + RAM_SIZE + (uint64_t)frame * 4096;
}

uint64_t *frame_word(struct world *w, uint64_t pa)
{
	return (uint64_t *)(w->ram + (pa - RAM));
}

uint64_t frame_get(struct world *w, uint64_t pa)
{
	return __atomic_load_n(frame_word(w, pa), __ATOMIC_RELAXED);
}

void frame_put(struct world *w, uint64_t pa, uint64_t value)
{
	__atomic_store_n(frame_word(w, pa), value, __ATOMIC_RELAXED);
}

static uint32_t now(struct world *w)
{
	return __atomic_load_n(&w->step, __ATOMIC_RELAXED);
}

/* A finding: from any thread. */
void threads_found(struct world *w, const char *what, uint32_t sid, uint64_t iova, uint64_t expected, uint64_t got)
{
	if (__atomic_exchange_n(&w->failed, true, __ATOMIC_RELAXED))
		return;
	fprintf(stderr,
		"VIQ_SEED=%llu, step %u: stream 0x%x, iova 0x%llx: %s: expected 0x%llx, got 0x%llx (poison is "
		"0x%llx)\n",
		(unsigned long long)w->options.seed, now(w), sid, (unsigned long long)iova, what,
		(unsigned long long)expected, (unsigned long long)got, (unsigned long long)POISON);
}

/* Nobody can be using it any more. */
void frame_poison(struct world *w, uint32_t frame)
{
	for (unsigned int i = 0; i < WORDS; i++)
		frame_put(w, frame_pa(frame) + i * 8, POISON);
	w->free_frame[w->free_count++] = frame;
}

/*
 * Hosts read tables through this, and lose the processor in the middle of a walk now and then: after a word was read
 * and before it is used, which is when the guest's edit and invalidation do most harm.
 */
static int slow_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	static _Thread_local uint64_t state = 1;
	struct world *w = opaque;

	if (gpa < RAM || gpa - RAM > RAM_SIZE || len > RAM_SIZE - (gpa - RAM) || gpa % 8 || len % 8)
		return -EFAULT;
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = __atomic_load_n(frame_word(w, gpa + i), __ATOMIC_ACQUIRE);

		memcpy((char *)buf + i, &word, 8);
	}
	if (!threads_below(&state, 24))
		sched_yield();
	return 0;
}

/* --- The queue --------------------------------------------------------------------------------------------------- */

static uint32_t r32(struct world *w, uint64_t offset)
{
	return (uint32_t)viq_smmuv3_mmio_read(w->smmu, offset, 4);
}

static void w32(struct world *w, uint64_t offset, uint32_t value)
{
	viq_smmuv3_mmio_write(w->smmu, offset, 4, value);
}

static void heal(struct world *w)
{
	const struct viq_fault_failure none = {.size = sizeof(none), .kind = VIQ_FAULT_NONE};

	for (uint32_t i = 0; i < w->hosts; i++)
		viq_fault_arm(w->fault[i], &none);
}

/* Linux's handler. What it overwrites is queued again by threads_submit(). */
static bool handle_error(struct world *w)
{
	uint32_t gerror = r32(w, VIQ_SMMUV3_GERROR), cons = r32(w, VIQ_SMMUV3_CMDQ_CONS);

	if (!((gerror ^ r32(w, VIQ_SMMUV3_GERRORN)) & VIQ_SMMUV3_GERROR_CMDQ_ERR))
		return false;
	w->errors++;
	if (VIQ_GET(VIQ_SMMUV3_CMDQ_CONS_ERR, cons) == VIQ_SMMUV3_CERROR_ILL) {
		synth_cmdq_rewrite(&w->cmdq, cons & VIQ_SMMUV3_Q_INDEX, synth_cmd_sync(VIQ_SMMUV3_SYNC_CS_SEV, 0, 0));
		w->lost = true;
	}
	w32(w, VIQ_SMMUV3_GERRORN, gerror);
	return true;
}

static void wait_idle(struct world *w)
{
	w32(w, VIQ_SMMUV3_CMDQ_PROD, w->cmdq.prod);
	for (uint32_t round = 0; (r32(w, VIQ_SMMUV3_CMDQ_CONS) & VIQ_SMMUV3_Q_INDEX) != w->cmdq.prod; round++) {
		if (round > 40)
			heal(w);
		if (round > 10000) {
			threads_found(w, "the queue stands still", 0, 0, w->cmdq.prod, r32(w, VIQ_SMMUV3_CMDQ_CONS));
			return;
		}
		if (!handle_error(w))
			viq_smmuv3_run(w->smmu, threads_below(&w->random, 8));
	}
}

static void push(struct world *w, struct synth_cmd cmd)
{
	if (!synth_cmdq_space(&w->cmdq, r32(w, VIQ_SMMUV3_CMDQ_CONS)))
		wait_idle(w);
	synth_cmdq_push(&w->cmdq, cmd);
	if (!threads_below(&w->random, 4))
		w32(w, VIQ_SMMUV3_CMDQ_PROD, w->cmdq.prod);
}

static void migrate(struct world *w)
{
	size_t len = viq_smmuv3_save_size(w->smmu);
	void *buf = malloc(len);
	int ret = buf ? viq_smmuv3_save(w->smmu, buf, &len) : -ENOMEM;

	viq_nest_smmuv3_bind(w->nest, NULL, NULL);
	viq_smmuv3_destroy(w->smmu);
	w->config.budget = threads_below(&w->random, 8);
	if (!ret)
		ret = viq_smmuv3_create(&w->config, &w->smmu, NULL);
	if (!ret)
		ret = viq_nest_smmuv3_bind(w->nest, w->smmu, NULL);
	if (!ret)
		ret = viq_smmuv3_restore(w->smmu, buf, len);
	free(buf);
	if (ret)
		threads_found(w, "freeze and thaw", 0, 0, 0, (uint64_t)(int64_t)ret);
}

/* Queue the commands and a CMD_SYNC, and wait for it; again if one of them was overwritten. */
void threads_submit(struct world *w, const struct synth_cmd *cmds, uint32_t count)
{
	do {
		w->lost = false;
		for (uint32_t i = 0; i < count; i++)
			push(w, cmds[i]);
		push(w, synth_cmd_sync(threads_below(&w->random, 3), 0, 0));
		if (w->options.failures && !threads_below(&w->random, 24))
			migrate(w);
		wait_idle(w);
		w->syncs++;
	} while (w->lost && !__atomic_load_n(&w->failed, __ATOMIC_RELAXED));
}

void threads_inject(struct world *w)
{
	struct viq_fault_failure inject = {
		.size = sizeof(inject),
		.kind = VIQ_FAULT_ILLEGAL + threads_below(&w->random, VIQ_FAULT_DROP - VIQ_FAULT_ILLEGAL),
		.index = threads_below(&w->random, 6),
		.before = threads_below(&w->random, 3),
		.after = threads_below(&w->random, 3),
		.times = 1 + threads_below(&w->random, 3),
	};
	uint32_t h = threads_below(&w->random, w->hosts);

	if (w->options.drop)
		inject.kind = VIQ_FAULT_DROP;
	viq_fault_arm(w->fault[h], &inject);
}

/* --- Life -------------------------------------------------------------------------------------------------------- */

static int on_reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	struct world *w = opaque;

	return viq_nest_smmuv3_reconfig(w->nest, what);
}

/* wait_idle() runs what is left. */
static void on_kick(void *opaque)
{
}

static const struct viq_smmuv3_ops ops = {.size = sizeof(ops), .reconfig = on_reconfig, .kick = on_kick};

static struct viq_call_host make_host(struct world *w, uint32_t number)
{
	const struct viq_soft_s2_config s2 = {.size = sizeof(s2), .identity = 1};
	struct viq_soft_config config;
	uint32_t id, contract;

	viq_soft_config_init(&config, sizeof(config));
	config.mem = w->slow_mem;
	contract = threads_below(&w->random, 3);
	config.tlb_entries = 256;
	config.atc_entries = 64;
	assert_int_equal(viq_soft_create(&config, &w->soft[number], NULL), 0);
	assert_int_equal(viq_soft_s2_alloc(w->soft[number], &s2, &id, NULL), 0);
	assert_int_equal(viq_soft_viommu_alloc(w->soft[number], id, &w->viommu[number], NULL), 0);
	for (uint32_t i = 0; i < STREAMS; i++) {
		struct stream *s = &w->stream[i];

		if (s->host != number)
			continue;
		assert_int_equal(viq_soft_dev_alloc(w->soft[number], &s->dev, NULL), 0);
		assert_int_equal(viq_soft_vdevice_alloc(w->soft[number], w->viommu[number], s->dev, s->sid, &id, NULL),
				 0);
		assert_int_equal(viq_soft_dev_set_ats(s->dev, s->ats), 0);
	}
	w->fault[number] = fault_new(contract);
	return fault_before(w->fault[number], viq_soft_host(w->soft[number], w->viommu[number]));
}

static void make_hosts(struct world *w)
{
	struct viq_call_host hosts[2];

	assert_int_equal(viq_nest_smmuv3_create(NULL, NULL, &w->nest, NULL), 0);
	for (uint32_t i = 0; i < w->hosts; i++) {
		struct viq_smmuv3_backend backend;

		hosts[i] = make_host(w, i);
		backend = viq_soft_backend(w->soft[i], w->viommu[i]);
		assert_int_equal(viq_nest_smmuv3_join(w->nest, &backend, NULL), 0);
	}
	assert_int_equal(viq_call_fanout_create(hosts, w->hosts, &w->fanout, NULL), 0);
	w->config.host = w->hosts > 1 ? viq_call_fanout_host(w->fanout) : hosts[0];
}

static void make_guest(struct world *w)
{
	static const uint16_t asids[SPACES] = {5, 11, 40}; /* the first two share what the cache counts by */

	synth_mem_init(&w->alloc, w->ram, RAM, RAM_SIZE);
	assert_int_equal(synth_st_init(&w->st, &w->alloc, 4, 0), 0);
	assert_int_equal(synth_cmdq_init(&w->cmdq, &w->alloc, 3 + threads_below(&w->random, 4)), 0);
	for (uint32_t i = 0; i < SPACES; i++) {
		w->space[i].asid = asids[i];
		assert_int_equal(synth_pt_init(&w->space[i].pt, &w->alloc, 1, 12, 48, 0), 0);
		for (uint32_t page = 0; page < PAGES; page++)
			w->space[i].frame[page] = NOTHING;
	}
	for (uint32_t i = 0; i < STREAMS; i++) {
		struct stream *s = &w->stream[i];
		uint64_t ste[VIQ_SMMUV3_STE_WORDS];

		*s = (struct stream){.sid = 3 + i * 4 - (i == 3), .host = i % w->hosts, .ats = i & 2, .space = NOTHING};
		assert_int_equal(synth_cdt_init(&s->cdt, &w->alloc, 0, 0), 0);
		synth_ste_abort(ste);
		assert_int_equal(synth_st_set(&w->st, s->sid, ste), 0);
	}
	for (uint32_t i = 0; i < FRAMES; i++)
		frame_poison(w, i);
}

static void boot(struct world *w)
{
	const uint32_t on = VIQ_SMMUV3_CR0_CMDQEN | VIQ_SMMUV3_CR0_ATSCHK;

	viq_smmuv3_config_init(&w->config, sizeof(w->config));
	w->config.idr0 |= VIQ_SMMUV3_IDR0_ATS;
	w->config.idr3 |= VIQ_SMMUV3_IDR3_RIL;
	w->config.mem = w->mem;
	w->config.ops = &ops;
	w->config.opaque = w;
	make_hosts(w);
	assert_int_equal(viq_smmuv3_create(&w->config, &w->smmu, NULL), 0);
	assert_int_equal(viq_nest_smmuv3_bind(w->nest, w->smmu, NULL), 0);
	viq_smmuv3_mmio_write(w->smmu, VIQ_SMMUV3_STRTAB_BASE, 8, synth_st_base(&w->st));
	w32(w, VIQ_SMMUV3_STRTAB_BASE_CFG, synth_st_base_cfg(&w->st));
	viq_smmuv3_mmio_write(w->smmu, VIQ_SMMUV3_CMDQ_BASE, 8, synth_cmdq_base(&w->cmdq));
	w32(w, VIQ_SMMUV3_CR0, on);
	w32(w, VIQ_SMMUV3_CR0, on | VIQ_SMMUV3_CR0_SMMUEN);
}

void threads_init(struct world *w, const struct p1_options *options)
{
	static const struct viq_mem_ops slow = {.size = sizeof(slow), .read = slow_read};
	struct viq_mem_region region = {.gpa = RAM, .size = RAM_SIZE + FRAMES * 4096};

	*w = (struct world){.options = *options, .random = options->seed, .hosts = options->hosts};
	w->ram = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(w->ram != MAP_FAILED);
	region.host = w->ram;
	assert_int_equal(viq_mem_create(&region, 1, NULL, NULL, &w->mem, NULL), 0);
	assert_int_equal(viq_mem_create(NULL, 0, &slow, w, &w->slow_mem, NULL), 0);
	make_guest(w);
	boot(w);
}

void threads_fini(struct world *w)
{
	viq_nest_smmuv3_destroy(w->nest);
	viq_smmuv3_destroy(w->smmu);
	viq_call_fanout_destroy(w->fanout);
	for (uint32_t i = 0; i < w->hosts; i++) {
		viq_fault_destroy(w->fault[i]);
		viq_soft_destroy(w->soft[i]);
	}
	viq_mem_destroy(w->mem);
	viq_mem_destroy(w->slow_mem);
	munmap(w->ram, RAM_SIZE + FRAMES * 4096);
}
