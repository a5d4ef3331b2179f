/* SPDX-License-Identifier: MIT */
/*
 * P1 with device threads: once the guest has seen its CMD_SYNC complete, no access is using what it invalidated before.
 *
 * Devices translate, then read and write the frame that they were given, several times inside one access section. The
 * guest moves pages to other frames, unmaps them, gives streams other address spaces and takes them away, queues the
 * invalidations in the ring, and waits for its CMD_SYNCs as Linux does, while hosts fail and the front end is saved and
 * restored. When an old frame can be in use no more it is poisoned. Nobody may ever read poison or write to it.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "p1.h"

#define RAM      UINT64_C(0x40000000)
#define RAM_SIZE (UINT64_C(4) << 20) /* what the guest writes for the IOMMU */
#define FRAMES   128u                /* behind it: what devices access */
#define THREADS  3u
#define STREAMS  4u
#define SPACES   3u
#define PAGES    8u
#define IOVA     UINT64_C(0x7f0000000)
#define POISON   UINT64_C(0xdeaddeaddeaddead)
#define NOTHING  UINT32_MAX
#define WORDS    16u /* of a frame that are used */

struct space {
	uint16_t asid;
	struct synth_pt pt;
	uint32_t frame[PAGES]; /* or NOTHING */
	bool dirty;            /* the TLB may have entries of an earlier life */
};

struct stream {
	uint32_t sid, host;
	bool ats;
	struct synth_cdt cdt;
	uint32_t space; /* or NOTHING: the STE aborts */
	struct viq_soft_dev *dev;
};

struct world {
	struct p1_options options;
	uint64_t random;
	uint32_t step; /* atomic: for reports */
	char *ram;
	struct viq_mem *mem, *slow_mem; /* the guest's, and the same as the hosts see it */
	struct synth_mem alloc;
	struct synth_st st;
	struct synth_cmdq cmdq;
	struct viq_smmuv3_config config;
	struct viq_smmuv3 *smmu;
	struct viq_soft *soft[2];
	uint32_t viommu[2], hosts;
	struct viq_call_fanout *fanout;
	bool kicked, lost;
	struct space space[SPACES];
	struct stream stream[STREAMS];
	uint32_t free_frame[FRAMES], free_count;
	uint64_t syncs, errors;
	/* Shared with the device threads. */
	bool stop, failed;
	uint64_t accesses[THREADS];
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint32_t below(uint64_t *state, uint32_t bound)
{
	return (uint32_t)((next_random(state) >> 32) * bound >> 32);
}

static uint64_t frame_pa(uint32_t frame)
{
	return RAM + RAM_SIZE + (uint64_t)frame * 4096;
}

static uint64_t *word_at(struct world *w, uint64_t pa)
{
	return (uint64_t *)(w->ram + (pa - RAM));
}

static uint64_t get(struct world *w, uint64_t pa)
{
	return __atomic_load_n(word_at(w, pa), __ATOMIC_RELAXED);
}

static void put(struct world *w, uint64_t pa, uint64_t value)
{
	__atomic_store_n(word_at(w, pa), value, __ATOMIC_RELAXED);
}

static uint32_t now(struct world *w)
{
	return __atomic_load_n(&w->step, __ATOMIC_RELAXED);
}

/* A finding: from any thread. */
static void finding(struct world *w, const char *what, uint32_t sid, uint64_t iova, uint64_t expected, uint64_t got)
{
	if (__atomic_exchange_n(&w->failed, true, __ATOMIC_RELAXED))
		return;
	fprintf(stderr,
		"VIQ_SEED=%llu, step %u: stream 0x%x, iova 0x%llx: %s: expected 0x%llx, got 0x%llx (poison is "
		"0x%llx)\n",
		(unsigned long long)w->options.seed, now(w), sid, (unsigned long long)iova, what,
		(unsigned long long)expected, (unsigned long long)got, (unsigned long long)POISON);
}

/* --- Devices ----------------------------------------------------------------------------------------------------- */

/* Word 0 of a frame in use says which page it is; the others count writes. */
static void device_access(struct world *w, const struct stream *s, uint32_t page, uint32_t flags, uint64_t *state)
{
	uint64_t iova = IOVA + page * 4096, value = page;
	bool linger = !below(state, 8);
	struct viq_soft_xlate x;
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_translate(s->dev, iova, 0, flags, &x);
	for (unsigned int i = 1; !ret && i < WORDS && value == page; i++) {
		if (linger && i == WORDS / 2)
			sched_yield();
		if (flags & VIQ_SOFT_WRITE)
			__atomic_fetch_add(word_at(w, x.pa + i * 8), 1, __ATOMIC_RELAXED);
		value = get(w, x.pa);
	}
	viq_soft_access_end();
	if (!ret && value != page)
		finding(w, "an access used a frame after the CMD_SYNC", s->sid, iova, page, value);
	else if (ret && ret != -EFAULT)
		finding(w, "neither a translation nor an abort", s->sid, iova, 0, (uint64_t)(int64_t)ret);
}

struct device {
	struct world *w;
	uint32_t number;
	pthread_t thread;
};

static void *device_main(void *arg)
{
	struct device *d = arg;
	struct world *w = d->w;
	uint64_t state = w->options.seed * 1000 + d->number;

	viq_soft_thread_register();
	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		const struct stream *s = &w->stream[below(&state, STREAMS)];

		device_access(w, s, below(&state, PAGES), below(&state, 3) ? VIQ_SOFT_READ : VIQ_SOFT_WRITE, &state);
		__atomic_store_n(&w->accesses[d->number], w->accesses[d->number] + 1, __ATOMIC_RELAXED);
	}
	viq_soft_thread_unregister();
	return NULL;
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
		uint64_t word = __atomic_load_n(word_at(w, gpa + i), __ATOMIC_ACQUIRE);

		memcpy((char *)buf + i, &word, 8);
	}
	if (!below(&state, 24))
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
	const struct viq_soft_inject none = {.size = sizeof(none), .failure = -1};

	for (uint32_t i = 0; i < w->hosts; i++)
		viq_soft_inject(w->soft[i], w->viommu[i], &none);
}

/* Linux's handler. What it overwrites is queued again by submit(). */
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
			finding(w, "the queue stands still", 0, 0, w->cmdq.prod, r32(w, VIQ_SMMUV3_CMDQ_CONS));
			return;
		}
		if (!handle_error(w))
			viq_smmuv3_run(w->smmu, below(&w->random, 8));
	}
}

static void push(struct world *w, struct synth_cmd cmd)
{
	if (!synth_cmdq_space(&w->cmdq, r32(w, VIQ_SMMUV3_CMDQ_CONS)))
		wait_idle(w);
	synth_cmdq_push(&w->cmdq, cmd);
	if (!below(&w->random, 4))
		w32(w, VIQ_SMMUV3_CMDQ_PROD, w->cmdq.prod);
}

static void migrate(struct world *w)
{
	size_t len = viq_smmuv3_save_size(w->smmu);
	void *buf = malloc(len);
	int ret = buf ? viq_smmuv3_save(w->smmu, buf, &len) : -ENOMEM;

	viq_smmuv3_destroy(w->smmu);
	w->config.budget = below(&w->random, 8);
	if (!ret)
		ret = viq_smmuv3_create(&w->config, &w->smmu, NULL);
	if (!ret)
		ret = viq_smmuv3_restore(w->smmu, buf, len);
	free(buf);
	if (ret)
		finding(w, "freeze and thaw", 0, 0, 0, (uint64_t)(int64_t)ret);
}

/* Queue the commands and a CMD_SYNC, and wait for it; again if one of them was overwritten. */
static void submit(struct world *w, const struct synth_cmd *cmds, uint32_t count)
{
	do {
		w->lost = false;
		for (uint32_t i = 0; i < count; i++)
			push(w, cmds[i]);
		push(w, synth_cmd_sync(below(&w->random, 3), 0, 0));
		if (w->options.failures && !below(&w->random, 24))
			migrate(w);
		wait_idle(w);
		w->syncs++;
	} while (w->lost && !__atomic_load_n(&w->failed, __ATOMIC_RELAXED));
}

static void inject(struct world *w)
{
	struct viq_soft_inject inject = {
		.size = sizeof(inject),
		.failure = (int32_t)below(&w->random, VIQ_SOFT_FAIL_DROP),
		.index = below(&w->random, 6),
		.before = below(&w->random, 3),
		.after = below(&w->random, 3),
		.times = 1 + below(&w->random, 3),
	};
	uint32_t h = below(&w->random, w->hosts);

	if (w->options.drop)
		inject.failure = VIQ_SOFT_FAIL_DROP;
	viq_soft_inject(w->soft[h], w->viommu[h], &inject);
}

/* --- What the guest does ----------------------------------------------------------------------------------------- */

static uint32_t take_frame(struct world *w, uint32_t page)
{
	uint32_t frame = w->free_frame[--w->free_count];

	for (unsigned int i = 0; i < WORDS; i++) {
		uint64_t value = get(w, frame_pa(frame) + i * 8);

		if (value != POISON)
			finding(w, "a frame was written to after the CMD_SYNC", 0, frame_pa(frame) + i * 8, POISON,
				value);
		put(w, frame_pa(frame) + i * 8, i ? 0 : page);
	}
	return frame;
}

/* Nobody can be using it any more. */
static void poison(struct world *w, uint32_t frame)
{
	for (unsigned int i = 0; i < WORDS; i++)
		put(w, frame_pa(frame) + i * 8, POISON);
	w->free_frame[w->free_count++] = frame;
}

static void write_page(struct world *w, struct space *s, uint32_t page, uint32_t frame)
{
	uint64_t slot = synth_pt_slot(&s->pt, IOVA + page * 4096, 3, true);

	synth_store(&w->alloc, slot, frame == NOTHING ? 0 : synth_pt_leaf_desc(&s->pt, frame_pa(frame), 3, SYNTH_NG));
}

static bool in_use(const struct world *w, uint32_t space)
{
	for (uint32_t i = 0; i < STREAMS; i++) {
		if (w->stream[i].space == space)
			return true;
	}
	return false;
}

static void flush_atcs(struct world *w, uint64_t iova, unsigned int size)
{
	struct synth_cmd cmds[STREAMS];
	uint32_t n = 0;

	for (uint32_t i = 0; i < STREAMS; i++) {
		if (w->stream[i].ats)
			cmds[n++] = synth_cmd_atc_inv(w->stream[i].sid, false, 0, false, iova, size);
	}
	submit(w, cmds, n);
}

static void flush_page(struct world *w, const struct space *s, uint32_t page)
{
	uint64_t va = IOVA + page * 4096;
	struct synth_cmd cmd;

	switch (below(&w->random, 6)) {
	case 0:
		cmd = synth_cmd_tlbi_nh_va_range(s->asid, va, true, (struct synth_range){.ttl = 3, .tg = 1});
		break;
	case 1:
		cmd = synth_cmd_tlbi_nh_vaa(va, true);
		break;
	case 2:
		cmd = synth_cmd_tlbi_nh_asid(s->asid);
		break;
	case 3:
		cmd = synth_cmd_tlbi_nh_all();
		break;
	default:
		cmd = synth_cmd_tlbi_nh_va(s->asid, va, true);
	}
	submit(w, &cmd, 1);
	flush_atcs(w, va, below(&w->random, 2) ? 0 : VIQ_SMMUV3_ATC_SIZE_ALL);
}

/* To another frame in one step, or by way of no mapping; or to no mapping. */
static void move_page(struct world *w)
{
	struct space *s = &w->space[below(&w->random, SPACES)];
	uint32_t page = below(&w->random, PAGES), old = s->frame[page];

	s->frame[page] = below(&w->random, 4) ? take_frame(w, page) : NOTHING;
	write_page(w, s, page, s->frame[page]);
	if (old == NOTHING)
		return;
	flush_page(w, s, page);
	poison(w, old);
}

/* A space without streams dies: its frames are free at once, without any TLBI. */
static void leave_space(struct world *w, uint32_t space)
{
	struct space *s = &w->space[space];

	if (space == NOTHING || in_use(w, space))
		return;
	for (uint32_t page = 0; page < PAGES; page++) {
		if (s->frame[page] == NOTHING)
			continue;
		write_page(w, s, page, NOTHING);
		poison(w, s->frame[page]);
		s->frame[page] = NOTHING;
	}
	s->dirty = true;
}

static void enter_space(struct world *w, uint32_t space)
{
	struct space *s = &w->space[space];
	struct synth_cmd cmd = synth_cmd_tlbi_nh_asid(s->asid);

	for (uint32_t page = 0; page < PAGES && !in_use(w, space); page++) {
		if (s->frame[page] == NOTHING && below(&w->random, 4)) {
			s->frame[page] = take_frame(w, page);
			write_page(w, s, page, s->frame[page]);
		}
	}
	if (s->dirty)
		submit(w, &cmd, 1);
	s->dirty = false;
}

/* As Linux writes a CD: without V, then the rest, then V, and CFGI_CD at each step. */
static void write_cd(struct world *w, struct stream *s, uint32_t space)
{
	struct synth_cmd cmd = synth_cmd_cfgi_cd(s->sid, 0, true);
	uint64_t cd[VIQ_SMMUV3_CD_WORDS];

	synth_cdt_set(&s->cdt, 0, NULL);
	submit(w, &cmd, 1);
	synth_cd(cd, &w->space[space].pt, NULL, w->space[space].asid, 48);
	synth_cdt_set(&s->cdt, 0, cd);
	submit(w, &cmd, 1);
}

static void write_ste(struct world *w, struct stream *s, bool stage1)
{
	struct synth_cmd cmd = below(&w->random, 3) ? synth_cmd_cfgi_ste(s->sid, true) : synth_cmd_cfgi_all();
	uint64_t ste[VIQ_SMMUV3_STE_WORDS];

	synth_ste_abort(ste);
	if (stage1)
		synth_ste_s1(ste, &s->cdt, 0, s->ats);
	/* Words other than 0 first; a torn STE is one of the two, or aborts. */
	synth_st_set(&w->st, s->sid, NULL);
	synth_st_set(&w->st, s->sid, ste);
	submit(w, &cmd, 1);
}

/* Another address space for a stream, or none. */
static void switch_stream(struct world *w)
{
	struct stream *s = &w->stream[below(&w->random, STREAMS)];
	uint32_t old = s->space, to = below(&w->random, 4) ? below(&w->random, SPACES) : NOTHING;

	if (to == old)
		return;
	if (to == NOTHING) {
		write_ste(w, s, false);
	} else {
		enter_space(w, to);
		write_cd(w, s, to);
		if (old == NOTHING)
			write_ste(w, s, true);
	}
	flush_atcs(w, 0, VIQ_SMMUV3_ATC_SIZE_ALL);
	s->space = to;
	leave_space(w, old);
}

/* However the threads are scheduled: nobody gets far ahead. */
static void keep_pace(struct world *w, uint32_t steps)
{
	for (uint32_t i = 0; i < THREADS; i++) {
		while (__atomic_load_n(&w->accesses[i], __ATOMIC_RELAXED) < steps * UINT64_C(16) &&
		       !__atomic_load_n(&w->failed, __ATOMIC_RELAXED))
			sched_yield();
	}
}

static void step(struct world *w)
{
	if ((w->options.failures || w->options.drop) && !below(&w->random, 6))
		inject(w);
	if (below(&w->random, 3))
		move_page(w);
	else
		switch_stream(w);
}

/* --- Life -------------------------------------------------------------------------------------------------------- */

static int on_reconfig(void *opaque, enum viq_smmuv3_reconfig_cause cause, uint32_t first, uint32_t last)
{
	struct world *w = opaque;
	int ret = 0;

	for (uint32_t i = 0; i < STREAMS && !ret; i++) {
		const struct stream *s = &w->stream[i];
		struct viq_smmuv3_stream config = {.size = sizeof(config)};

		if (s->sid < first || s->sid > last)
			continue;
		viq_smmuv3_stream_config(w->smmu, s->sid, &config);
		ret = viq_soft_vdevice_configure(w->soft[s->host], w->viommu[s->host], s->sid, config.ste);
	}
	return ret;
}

static const struct viq_smmuv3_ops ops = {.size = sizeof(ops), .reconfig = on_reconfig};

static struct viq_call_host make_host(struct world *w, uint32_t number)
{
	const struct viq_soft_s2_config s2 = {.size = sizeof(s2), .identity = 1};
	struct viq_soft_config config;
	uint32_t id;

	viq_soft_config_init(&config);
	config.mem = w->slow_mem;
	config.contract = below(&w->random, 3);
	config.tlb_entries = 256;
	config.atc_entries = 64;
	assert_int_equal(viq_soft_create(&config, &w->soft[number]), 0);
	assert_int_equal(viq_soft_s2_alloc(w->soft[number], &s2, &id), 0);
	assert_int_equal(viq_soft_viommu_alloc(w->soft[number], id, &w->viommu[number]), 0);
	for (uint32_t i = 0; i < STREAMS; i++) {
		struct stream *s = &w->stream[i];

		if (s->host != number)
			continue;
		assert_int_equal(viq_soft_dev_alloc(w->soft[number], &s->dev), 0);
		assert_int_equal(viq_soft_vdevice_alloc(w->soft[number], w->viommu[number], s->dev, s->sid, &id), 0);
		assert_int_equal(viq_soft_dev_set_ats(s->dev, s->ats), 0);
	}
	return viq_soft_host(w->soft[number], w->viommu[number]);
}

static void make_hosts(struct world *w)
{
	struct viq_call_host hosts[2];

	for (uint32_t i = 0; i < w->hosts; i++)
		hosts[i] = make_host(w, i);
	assert_int_equal(viq_call_fanout_create(hosts, w->hosts, &w->fanout), 0);
	w->config.host = w->hosts > 1 ? viq_call_fanout_host(w->fanout) : hosts[0];
}

static void make_guest(struct world *w)
{
	static const uint16_t asids[SPACES] = {5, 11, 40}; /* the first two share what the cache counts by */

	synth_mem_init(&w->alloc, w->ram, RAM, RAM_SIZE);
	assert_int_equal(synth_st_init(&w->st, &w->alloc, 4, 0), 0);
	assert_int_equal(synth_cmdq_init(&w->cmdq, &w->alloc, 3 + below(&w->random, 4)), 0);
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
		poison(w, i);
}

static void boot(struct world *w)
{
	const uint32_t on = VIQ_SMMUV3_CR0_CMDQEN | VIQ_SMMUV3_CR0_ATSCHK;

	viq_smmuv3_config_init(&w->config);
	w->config.idr0 |= VIQ_SMMUV3_IDR0_ATS;
	w->config.idr3 |= VIQ_SMMUV3_IDR3_RIL;
	w->config.mem = w->mem;
	w->config.ops = &ops;
	w->config.opaque = w;
	make_hosts(w);
	assert_int_equal(viq_smmuv3_create(&w->config, &w->smmu, NULL), 0);
	viq_smmuv3_mmio_write(w->smmu, VIQ_SMMUV3_STRTAB_BASE, 8, synth_st_base(&w->st));
	w32(w, VIQ_SMMUV3_STRTAB_BASE_CFG, synth_st_base_cfg(&w->st));
	viq_smmuv3_mmio_write(w->smmu, VIQ_SMMUV3_CMDQ_BASE, 8, synth_cmdq_base(&w->cmdq));
	w32(w, VIQ_SMMUV3_CR0, on);
	w32(w, VIQ_SMMUV3_CR0, on | VIQ_SMMUV3_CR0_SMMUEN);
}

static void world_init(struct world *w, const struct p1_options *options)
{
	static const struct viq_mem_ops slow = {.size = sizeof(slow), .read = slow_read};
	struct viq_mem_region region = {.gpa = RAM, .size = RAM_SIZE + FRAMES * 4096};

	*w = (struct world){.options = *options, .random = options->seed, .hosts = options->hosts};
	w->ram = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(w->ram != MAP_FAILED);
	region.host = w->ram;
	assert_int_equal(viq_mem_create(&region, 1, NULL, NULL, &w->mem), 0);
	assert_int_equal(viq_mem_create(NULL, 0, &slow, w, &w->slow_mem), 0);
	make_guest(w);
	boot(w);
}

static void world_fini(struct world *w)
{
	viq_smmuv3_destroy(w->smmu);
	viq_call_fanout_destroy(w->fanout);
	for (uint32_t i = 0; i < w->hosts; i++)
		viq_soft_destroy(w->soft[i]);
	viq_mem_destroy(w->mem);
	viq_mem_destroy(w->slow_mem);
	munmap(w->ram, RAM_SIZE + FRAMES * 4096);
}

/* True: a finding. */
static bool run(struct p1_options options)
{
	struct world *w = calloc(1, sizeof(*w));
	struct device devices[THREADS];
	uint64_t accesses = 0;
	bool failed;

	assert_non_null(w);
	options.seed = p1_seed();
	options.steps = p1_steps(options.steps);
	world_init(w, &options);
	for (uint32_t i = 0; i < THREADS; i++) {
		devices[i] = (struct device){.w = w, .number = i};
		assert_int_equal(pthread_create(&devices[i].thread, NULL, device_main, &devices[i]), 0);
	}
	for (uint32_t n = 0; n < options.steps && !__atomic_load_n(&w->failed, __ATOMIC_RELAXED); n++) {
		__atomic_store_n(&w->step, n, __ATOMIC_RELAXED);
		step(w);
		keep_pace(w, n);
	}
	__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(devices[i].thread, NULL);
		accesses += w->accesses[i];
		assert_true(w->accesses[i]);
	}
	failed = w->failed;
	print_message("seed %llu: %llu CMD_SYNCs, %llu errors, %llu accesses\n", (unsigned long long)options.seed,
		      (unsigned long long)w->syncs, (unsigned long long)w->errors, (unsigned long long)accesses);
	world_fini(w);
	free(w);
	return failed;
}

static void no_access_outlives_the_sync(void **state)
{
	assert_false(run((struct p1_options){.hosts = 1, .steps = 400}));
}

static void nor_when_hosts_fail_and_the_queue_migrates(void **state)
{
	assert_false(run((struct p1_options){.hosts = 1, .steps = 400, .failures = true}));
}

static void nor_in_either_of_two_hosts(void **state)
{
	assert_false(run((struct p1_options){.hosts = 2, .steps = 400, .failures = true}));
}

static void a_dropped_invalidation_is_found(void **state)
{
	print_message("(the finding that follows is expected)\n");
	assert_true(run((struct p1_options){.hosts = 1, .steps = 20000, .drop = true}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_access_outlives_the_sync),
		cmocka_unit_test(nor_when_hosts_fail_and_the_queue_migrates),
		cmocka_unit_test(nor_in_either_of_two_hosts),
		cmocka_unit_test(a_dropped_invalidation_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
