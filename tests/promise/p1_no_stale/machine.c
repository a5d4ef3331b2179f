/* SPDX-License-Identifier: MIT */
/* The machine: memory in two address spaces, one or two software hosts, the front end and its embedder. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "p1.h"

/* The guest's memory (ring, stream table, CDs, stage-1 tables) is scattered over physical memory in chunks. */
#define GUEST_IPA   UINT64_C(0x40000000)
#define GUEST_SIZE  (UINT64_C(32) << 20)
#define TABLES_PA   UINT64_C(0x8000000000)
#define TABLES_SIZE (UINT64_C(16) << 20)
#define CHUNK       (UINT64_C(2) << 20)
#define CHUNKS      (GUEST_SIZE / CHUNK)

static uint64_t chunk_pa(const struct p1_world *w, uint64_t chunk)
{
	if (w->identity)
		return GUEST_IPA + chunk * CHUNK;
	/* 7 is prime to 16: a permutation, with holes. */
	return UINT64_C(0x4000000000) + chunk * 7 % CHUNKS * 2 * CHUNK;
}

/* --- Register access, and what the front end asks of its embedder ------------------------------------------------ */

uint32_t machine_r32(struct p1_world *w, uint64_t offset)
{
	return (uint32_t)viq_smmuv3_mmio_read(w->smmu, offset, 4);
}

void machine_w32(struct p1_world *w, uint64_t offset, uint32_t value)
{
	viq_smmuv3_mmio_write(w->smmu, offset, 4, value);
}

void machine_w64(struct p1_world *w, uint64_t offset, uint64_t value)
{
	viq_smmuv3_mmio_write(w->smmu, offset, 8, value);
}

static void on_kick(void *opaque)
{
	((struct p1_world *)opaque)->kicked = true;
}

static int on_reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	struct p1_world *w = opaque;

	for (unsigned int n = 0; n < P1_STREAMS; n++) {
		struct p1_stream *s = &w->stream[n];
		int ret;

		if (s->sid < what->first || s->sid > what->last)
			continue;
		if (what->cause == VIQ_SMMUV3_CFGI_STE && w->reconfig_fails) {
			w->reconfig_fails--;
			p1_log(w, "reconfig() fails at stream 0x%x", s->sid);
			return -ENOMEM;
		}
		ret = viq_nest_smmuv3_follow(w->nest, s->sid);
		s->blocked = false;
		if (ret)
			p1_found(w, "stream 0x%x cannot be configured: %d", s->sid, ret);
	}
	return 0;
}

/* The VMM isolates the device, or waits for it to answer. */
static void on_device_timeout(void *opaque, uint32_t sid)
{
	struct p1_world *w = opaque;

	if (!p1_one_in(w, 3))
		return;
	p1_log(w, "stream 0x%x is blocked: its device did not answer", sid);
	w->result.blocked++;
	for (unsigned int n = 0; n < P1_STREAMS; n++)
		w->stream[n].blocked |= w->stream[n].sid == sid;
	if (viq_nest_smmuv3_block(w->nest, sid))
		p1_found(w, "stream 0x%x cannot be blocked", sid);
}

static const struct viq_smmuv3_ops ops = {
	.size = sizeof(ops),
	.reconfig = on_reconfig,
	.kick = on_kick,
	.device_timeout = on_device_timeout,
};

/* --- A layer that is wrong on purpose ---------------------------------------------------------------------------- */

static int liar_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct p1_world *w = opaque;
	uint32_t count = 0;

	for (uint32_t i = 0; i < req->piece_count; i++)
		count += req->pieces[i].count;
	if (!w->options.liar || !p1_one_in(w, 8))
		return w->inner.ops->invalidate(w->inner.opaque, req, res);
	p1_log(w, "a call of %u entries is reported done and not made", count);
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = count, .suspect = count, .host_calls = 1};
	return 0;
}

static uint32_t liar_stream(void *opaque, uint32_t object, uint32_t sid)
{
	struct p1_world *w = opaque;

	return viq_call_stream(&w->inner, sid);
}

static const struct viq_call_host_ops liar_ops = {
	.size = sizeof(liar_ops),
	.report_group = 1,
	.invalidate = liar_invalidate,
	.stream = liar_stream,
};

/* --- A device that answers no ATC_INV ------------------------------------------------------------------------- */

/* Entries before the first ATC_INV for the dead device, as one piece; UINT32_MAX: there is none. */
static uint32_t before_dead(const struct p1_world *w, const struct viq_call_request *req)
{
	const uint64_t *cmd = req->pieces[0].entries;

	for (uint32_t i = 0; w->dead && req->piece_count == 1 && i < req->pieces[0].count; i++) {
		if ((cmd[2 * i] & 0xff) == VIQ_SMMUV3_OP_ATC_INV && cmd[2 * i] >> 32 == w->dead->sid)
			return i;
	}
	return UINT32_MAX;
}

static int dead_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct p1_world *w = opaque;
	struct viq_call_request cut = *req;
	struct viq_call_piece piece = {req->pieces[0].entries, before_dead(w, req)};

	if (piece.count == UINT32_MAX)
		return w->inner.ops->invalidate(w->inner.opaque, req, res);
	cut.pieces = &piece;
	/* Nothing is promised of what comes before it: that the first few ran is the device's neighbours' luck. */
	if (piece.count && p1_one_in(w, 2))
		(void)w->inner.ops->invalidate(w->inner.opaque, &cut, res);
	p1_log(w, "stream 0x%x does not answer", w->dead->sid);
	*res = (struct viq_call_result){
		.size = sizeof(*res), .suspect = piece.count, .error = VIQ_CALL_TIMEOUT, .host_calls = 1};
	return 0;
}

/* --- Hosts ------------------------------------------------------------------------------------------------------- */

static int make_host(struct p1_world *w, unsigned int number)
{
	static const uint32_t tlb_sizes[] = {64, 256, 4096};
	struct p1_host *h = &w->host[number];
	struct viq_soft_config config;
	struct viq_soft_s2_config s2 = {.size = sizeof(s2), .identity = w->identity || w->own};
	uint32_t contract;
	int ret;

	viq_soft_config_init(&config, sizeof(config));
	config.mem = w->host_mem;
	/* Linux takes no TLBI of a stage 2. */
	contract = w->own ? VIQ_FAULT_EXACT : p1_below(w, 3);
	config.tlb_entries = tlb_sizes[p1_below(w, 3)];
	config.atc_entries = p1_one_in(w, 2) ? 16 : 256;
	if (!s2.identity) {
		s2.ttb = w->s2.root;
		s2.t0sz = 64 - w->s2.ia_bits;
		s2.sl0 = synth_s2_sl0(&w->s2);
		s2.tg = synth_s2_tg(&w->s2);
		s2.ps = 5;
	}
	p1_log(w, "host %u: contract %u, TLB %u, ATC %u", number, contract, config.tlb_entries, config.atc_entries);
	/* Few VMIDs are soon used again. */
	if (!w->own && p1_one_in(w, 2))
		config.idr0 &= ~VIQ_SMMUV3_IDR0_VMID16;
	ret = h->soft ? 0 : viq_soft_create(&config, &h->soft, NULL);
	if (ret)
		return ret;
	ret = viq_soft_s2_alloc(h->soft, &s2, &h->s2, NULL);
	if (!ret)
		ret = viq_soft_viommu_alloc(h->soft, h->s2, &h->viommu, NULL);
	for (unsigned int n = 0; n < P1_STREAMS && !ret; n++) {
		if (w->stream[n].host == number)
			ret = plug_in(w, &w->stream[n]);
	}
	if (!ret)
		ret = viq_fault_create(contract, &h->fault, NULL);
	if (!ret) {
		const struct viq_call_host soft = viq_soft_host(h->soft, h->viommu);

		ret = viq_fault_host(h->fault, &soft, &h->call, NULL);
	}
	return ret;
}

static int make_hosts(struct p1_world *w)
{
	struct viq_call_host calls[P1_HOSTS] = {0};
	int ret = viq_nest_smmuv3_create(NULL, NULL, &w->nest, NULL);

	for (unsigned int i = 0; i < w->options.hosts && !ret; i++) {
		struct viq_smmuv3_backend backend;

		ret = make_host(w, i);
		calls[i] = w->host[i].call;
		backend = viq_soft_backend(w->host[i].soft, w->host[i].viommu);
		if (!ret)
			ret = viq_nest_smmuv3_join(w->nest, &backend, NULL);
	}
	if (ret)
		return ret;
	w->inner = calls[0];
	if (w->options.hosts > 1) {
		ret = viq_call_fanout_create(calls, w->options.hosts, &w->fanout, NULL);
		w->inner = viq_call_fanout_host(w->fanout);
	}
	/* The layer in between would hide how far the host's answers can be trusted. */
	w->config.host = w->options.liar ? (struct viq_call_host){.ops = &liar_ops, .opaque = w} : w->inner;
	if (w->options.failures && w->options.hosts == 1) {
		w->mortal = *w->inner.ops;
		w->mortal.invalidate = dead_invalidate;
		w->mortal.stream = liar_stream;
		w->config.host = (struct viq_call_host){.ops = &w->mortal, .opaque = w};
	}
	w->config.host.object = w->inner.object;
	return ret;
}

static int make_smmu(struct p1_world *w)
{
	int ret = viq_smmuv3_create(&w->config, &w->smmu, NULL);

	return ret ? ret : viq_nest_smmuv3_bind(w->nest, w->smmu, NULL);
}

static void free_hosts(struct p1_world *w, bool again)
{
	viq_nest_smmuv3_destroy(w->nest);
	w->nest = NULL;
	viq_call_fanout_destroy(w->fanout);
	w->fanout = NULL;
	for (unsigned int i = 0; i < P1_HOSTS; i++) {
		viq_fault_destroy(w->host[i].fault);
		w->host[i].fault = NULL;
		if (again && w->host[i].soft) {
			plug_free_guest(w, i);
			continue;
		}
		viq_soft_destroy(w->host[i].soft);
		w->host[i].soft = NULL;
	}
	for (unsigned int n = 0; n < P1_STREAMS && !again; n++)
		w->stream[n].dev = NULL;
}

void machine_inject(struct p1_world *w)
{
	static const uint32_t kinds[] = {VIQ_FAULT_ILLEGAL,     VIQ_FAULT_ILLEGAL,     VIQ_FAULT_HARDWARE,
					 VIQ_FAULT_ATC_TIMEOUT, VIQ_FAULT_ATC_TIMEOUT, VIQ_FAULT_NO_MEMORY,
					 VIQ_FAULT_GONE};
	static const char *const names[] = {"nothing",   "illegal", "hardware",        "ATC time-out",
					    "no memory", "gone",    "an entry dropped"};
	struct viq_fault_failure inject = {
		.size = sizeof(inject),
		.kind = kinds[p1_below(w, 7)],
		.index = p1_one_in(w, 2) ? p1_below(w, 4) : p1_below(w, 80),
		.before = p1_below(w, 4),
		.after = p1_below(w, 4),
		.times = p1_one_in(w, 6) ? 0 : 1 + p1_below(w, 4),
	};
	unsigned int h = p1_below(w, w->options.hosts);

	if (w->options.drop) {
		inject.kind = VIQ_FAULT_DROP;
		inject.index = p1_below(w, 3);
		inject.times = 1;
	}
	if (viq_fault_arm(w->host[h].fault, &inject)) {
		p1_found(w, "viq_fault_arm() failed");
		return;
	}
	w->armed = true;
	w->result.injected++;
	p1_log(w, "host %u will fail: %s, entry %u, window -%u +%u, %u times", h, names[inject.kind], inject.index,
	       inject.before, inject.after, inject.times);
}

void machine_heal(struct p1_world *w)
{
	const struct viq_fault_failure none = {.size = sizeof(none), .kind = VIQ_FAULT_NONE};

	for (unsigned int i = 0; i < w->options.hosts; i++)
		viq_fault_arm(w->host[i].fault, &none);
	w->reconfig_fails = 0;
	w->dead = NULL;
	if (w->armed)
		p1_log(w, "hosts are well again");
	w->armed = false;
}

void machine_forget_stage2(struct p1_world *w)
{
	if (w->s2_dirty_first > w->s2_dirty_last)
		return;
	p1_log(w, "stage 2: forget 0x%llx to 0x%llx", (unsigned long long)w->s2_dirty_first,
	       (unsigned long long)w->s2_dirty_last);
	for (unsigned int i = 0; i < w->options.hosts && !w->own; i++) {
		if (viq_soft_s2_invalidate(w->host[i].soft, w->host[i].s2, w->s2_dirty_first,
					   w->s2_dirty_last - w->s2_dirty_first + 1))
			p1_found(w, "viq_soft_s2_invalidate() failed");
	}
	if (w->own)
		guest_push_stage2(w, w->s2_dirty_first, w->s2_dirty_last);
	else
		model_stage2_forgotten(w);
	w->s2_dirty_first = UINT64_MAX;
	w->s2_dirty_last = 0;
}

/* --- Freeze and thaw (P7) ---------------------------------------------------------------------------------------- */

void machine_migrate(struct p1_world *w, enum machine_move move)
{
	static const char *const names[] = {"same hosts", "all hosts replaced", "another guest of the same hosts"};
	size_t len = viq_smmuv3_save_size(w->smmu);
	void *buf = malloc(len);
	int ret;

	p1_log(w, "save, %s, restore", names[move]);
	w->result.migrations++;
	w->result.guests += move == MACHINE_AGAIN;
	ret = buf ? viq_smmuv3_save(w->smmu, buf, &len) : -ENOMEM;
	viq_nest_smmuv3_bind(w->nest, NULL, NULL);
	viq_smmuv3_destroy(w->smmu);
	w->smmu = NULL;
	if (move != MACHINE_STAYS) {
		free_hosts(w, move == MACHINE_AGAIN);
		if (!ret)
			ret = make_hosts(w);
		w->armed = false;
		model_fresh_hosts(w);
		w->s2_dirty_first = UINT64_MAX;
		w->s2_dirty_last = 0;
	}
	w->config.budget = p1_one_in(w, 2) ? 0 : 1 + p1_below(w, 20);
	if (!ret)
		ret = make_smmu(w);
	if (!ret)
		ret = viq_smmuv3_restore(w->smmu, buf, len);
	free(buf);
	if (ret)
		p1_found(w, "freeze and thaw failed: %d", ret);
	/* What is queued waits in the guest's memory. */
	w->kicked = true;
}

/* --- Creation ---------------------------------------------------------------------------------------------------- */

static int make_memory(struct p1_world *w)
{
	struct viq_mem_region regions[CHUNKS + 1], guest = {.gpa = GUEST_IPA, .size = GUEST_SIZE};
	int ret;

	w->ram_size = GUEST_SIZE + TABLES_SIZE;
	w->ram = mmap(NULL, w->ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (w->ram == MAP_FAILED) {
		w->ram = NULL;
		return -ENOMEM;
	}
	guest.host = w->ram;
	for (uint64_t i = 0; i < CHUNKS; i++)
		regions[i] = (struct viq_mem_region){.gpa = chunk_pa(w, i), .size = CHUNK, .host = w->ram + i * CHUNK};
	regions[CHUNKS] = (struct viq_mem_region){.gpa = TABLES_PA, .size = TABLES_SIZE, .host = w->ram + GUEST_SIZE};
	synth_mem_init(&w->guest, w->ram, GUEST_IPA, GUEST_SIZE);
	synth_mem_init(&w->tables_mem, w->ram + GUEST_SIZE, TABLES_PA, TABLES_SIZE);
	ret = viq_mem_create(&guest, 1, NULL, NULL, &w->guest_mem, NULL);
	return ret ? ret : viq_mem_create(regions, CHUNKS + 1, NULL, NULL, &w->host_mem, NULL);
}

/* A stage 2 wide enough for the guest's memory and the data around it. */
static int make_stage2(struct p1_world *w)
{
	static const struct {
		uint8_t granule, bits, start;
	} shapes[] = {{12, 48, 0}, {12, 40, 1}, {12, 42, 1}, {14, 47, 1}, {14, 40, 2}, {16, 48, 1}, {16, 44, 2}};
	unsigned int n = p1_below(w, 7), level = shapes[n].granule == 12 ? 2 : 3, shift;
	int ret;

	if (w->identity)
		return 0;
	ret = synth_pt_init(&w->s2, &w->tables_mem, 2, shapes[n].granule, shapes[n].bits, shapes[n].start);
	shift = ret ? 12 : synth_pt_shift(&w->s2, level);
	for (uint64_t at = 0; at < GUEST_SIZE && !ret; at += UINT64_C(1) << shift)
		ret = synth_pt_map(&w->s2, GUEST_IPA + at, chunk_pa(w, at / CHUNK) + at % CHUNK, level, 0);
	return ret;
}

static void make_streams(struct p1_world *w)
{
	static const uint32_t sids[P1_STREAMS] = {0, 1, 8, 0x47, 0x105, 0x1ff};

	for (unsigned int n = 0; n < P1_STREAMS; n++) {
		w->stream[n].sid = sids[n];
		w->stream[n].host = n % w->options.hosts;
		w->stream[n].ats = p1_one_in(w, 2);
		w->stream[n].now = (struct p1_ste){.kind = P1_ABORT, .cdt = -1};
	}
}

static int make_front_end(struct p1_world *w)
{
	viq_smmuv3_config_init(&w->config, sizeof(w->config));
	w->config.idr0 |= VIQ_SMMUV3_IDR0_ATS | VIQ_SMMUV3_IDR0_MSI | VIQ_SMMUV3_IDR0_CD2L;
	w->config.idr1 |= VIQ_PUT(VIQ_SMMUV3_IDR1_SSIDSIZE, 20);
	w->config.idr3 |= VIQ_SMMUV3_IDR3_RIL;
	if (w->own) { /* of v3.0: XN of stage 2 has one bit, as in the embedder's */
		w->config.idr0 |= VIQ_SMMUV3_IDR0_S2P | VIQ_SMMUV3_IDR0_VMID16 | VIQ_SMMUV3_IDR0_NS1ATS;
		w->config.aidr = 0;
	}
	w->config.budget = p1_one_in(w, 2) ? 0 : 1 + p1_below(w, 20);
	w->config.mem = w->guest_mem;
	w->config.ops = &ops;
	w->config.opaque = w;
	return 0;
}

/* As Linux does it. */
static void boot(struct p1_world *w)
{
	const uint32_t on = VIQ_SMMUV3_CR0_CMDQEN | VIQ_SMMUV3_CR0_EVENTQEN | VIQ_SMMUV3_CR0_ATSCHK;

	machine_w64(w, VIQ_SMMUV3_STRTAB_BASE, synth_st_base(&w->st));
	machine_w32(w, VIQ_SMMUV3_STRTAB_BASE_CFG, synth_st_base_cfg(&w->st));
	machine_w64(w, VIQ_SMMUV3_CMDQ_BASE, synth_cmdq_base(&w->cmdq));
	machine_w32(w, VIQ_SMMUV3_CMDQ_PROD, 0);
	machine_w32(w, VIQ_SMMUV3_CMDQ_CONS, 0);
	machine_w32(w, VIQ_SMMUV3_CR0, on);
	machine_w32(w, VIQ_SMMUV3_CR0, on | VIQ_SMMUV3_CR0_SMMUEN);
}

int machine_init(struct p1_world *w)
{
	int ret;

	w->identity = p1_one_in(w, 4);
	w->own = !w->identity && p1_one_in(w, 2);
	w->vmid = (uint16_t)p1_below(w, 200);
	make_streams(w);
	ret = make_memory(w);
	if (!ret)
		ret = make_stage2(w);
	if (!ret)
		ret = synth_st_init(&w->st, &w->guest, 9, p1_one_in(w, 3) ? 0 : p1_one_in(w, 2) ? 6 : 8);
	if (!ret)
		ret = synth_cmdq_init(&w->cmdq, &w->guest, 1 + p1_below(w, 8));
	for (unsigned int n = 0; n < P1_STREAMS && !ret; n++) {
		uint64_t ste[VIQ_SMMUV3_STE_WORDS];

		synth_ste_abort(ste);
		ret = synth_st_set(&w->st, w->stream[n].sid, ste);
	}
	if (!ret)
		ret = make_front_end(w);
	if (!ret)
		ret = make_hosts(w);
	if (!ret)
		ret = make_smmu(w);
	if (!ret)
		boot(w);
	return ret;
}

void machine_fini(struct p1_world *w)
{
	viq_smmuv3_destroy(w->smmu);
	free_hosts(w, false);
	viq_mem_destroy(w->guest_mem);
	viq_mem_destroy(w->host_mem);
	if (w->ram)
		munmap(w->ram, w->ram_size);
}
