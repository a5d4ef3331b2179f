/* SPDX-License-Identifier: MIT */
/* The guest's driver: queues commands, waits for CMD_SYNCs, and answers errors as Linux does (IHI 0070 7.1). */
#include <string.h>

#include "p1.h"

#define RING_MAX (1u << 8)

static struct p1_entry *entry_at(struct p1_world *w, uint64_t absolute)
{
	return &w->ring[absolute % RING_MAX];
}

static uint32_t index_of(const struct p1_world *w, uint64_t absolute)
{
	return absolute & ((2u << w->cmdq.log2size) - 1);
}

static void log_command(struct p1_world *w, const char *what, uint64_t absolute, struct synth_cmd cmd)
{
	char text[112];

	viq_smmuv3_command_text(cmd.w, &w->config, text, sizeof(text));
	p1_log(w, "%s %llu: %s", what, (unsigned long long)absolute, text);
}

/* --- Completion -------------------------------------------------------------------------------------------------- */

static void consumed(struct p1_world *w, uint64_t absolute)
{
	struct p1_entry *e = entry_at(w, absolute);

	w->result.commands++;
	if (!e->sync) {
		if (w->pending_count == P1_PENDING) /* an oldest one that is forgotten only allows more */
			memmove(w->pending, w->pending + 1, --w->pending_count * sizeof(w->pending[0]));
		w->pending[w->pending_count++] =
			(struct p1_pending){e->cmd, e->issued > w->synced ? e->issued : w->synced};
		return;
	}
	w->result.syncs++;
	if (e->msi && (uint32_t)synth_load(&w->guest, synth_cmdq_entry(&w->cmdq, index_of(w, absolute))))
		p1_found(w, "CMD_SYNC at %llu: CONS has passed it, its MSI was not written",
			 (unsigned long long)absolute);
	/* It begins nothing before this moment, and everything before it has taken effect. */
	model_refresh(w);
	for (uint32_t i = 0; i < w->pending_count; i++)
		model_complete(w, &w->pending[i].cmd, w->pending[i].begun);
	w->pending_count = 0;
	w->synced = ++w->now;
	p1_log(w, "CMD_SYNC %llu has completed", (unsigned long long)absolute);
}

/* --- Errors ------------------------------------------------------------------------------------------------------ */

/* Linux overwrites the command with a CMD_SYNC, whoever was to blame for it: what it destroys is queued again. */
static void overwrite(struct p1_world *w)
{
	struct p1_entry *e = entry_at(w, w->cons);
	struct synth_cmd sync = synth_cmd_sync(VIQ_SMMUV3_SYNC_CS_SEV, 0, 0);

	if (e->sync)
		p1_found(w, "CERROR_ILL at the CMD_SYNC %llu, which is legal", (unsigned long long)w->cons);
	if (!e->junk && !w->options.failures)
		p1_found(w, "CERROR_ILL at the legal command %llu", (unsigned long long)w->cons);
	if (!e->junk && w->lost_count < sizeof(w->lost) / sizeof(w->lost[0]))
		w->lost[w->lost_count++] = e->cmd;
	log_command(w, "overwritten", w->cons, e->cmd);
	synth_cmdq_rewrite(&w->cmdq, index_of(w, w->cons), sync);
	*e = (struct p1_entry){.cmd = sync, .sync = true, .issued = ++w->now};
}

static bool handle_error(struct p1_world *w)
{
	uint32_t gerror = machine_r32(w, VIQ_SMMUV3_GERROR);
	uint32_t code = VIQ_GET(VIQ_SMMUV3_CMDQ_CONS_ERR, machine_r32(w, VIQ_SMMUV3_CMDQ_CONS));

	if (!((gerror ^ machine_r32(w, VIQ_SMMUV3_GERRORN)) & VIQ_SMMUV3_GERROR_CMDQ_ERR))
		return false;
	p1_log(w, "stopped at %llu: %s", (unsigned long long)w->cons,
	       viq_smmuv3_cerror_name(code) ? viq_smmuv3_cerror_name(code) : "no such code");
	if (code < 4)
		w->result.errors[code]++;
	if (w->stuck++ > 12)
		machine_heal(w);
	if (code == VIQ_SMMUV3_CERROR_ILL)
		overwrite(w);
	else if (code == VIQ_SMMUV3_CERROR_ABT)
		p1_found(w, "CERROR_ABT at %llu for a failure of the host", (unsigned long long)w->cons);
	else if (code == VIQ_SMMUV3_CERROR_ATC_INV_SYNC && !entry_at(w, w->cons)->sync)
		p1_found(w, "CERROR_ATC_INV_SYNC at %llu, which is no CMD_SYNC", (unsigned long long)w->cons);
	machine_w32(w, VIQ_SMMUV3_GERRORN, gerror);
	return true;
}

static void look(struct p1_world *w)
{
	uint32_t rd = machine_r32(w, VIQ_SMMUV3_CMDQ_CONS) & VIQ_SMMUV3_Q_INDEX;
	uint64_t count = index_of(w, rd - w->cons), synced;

	if (count > w->prod - w->cons) {
		p1_found(w, "CONS 0x%x is not between CONS before and PROD (%llu, %llu)", rd,
			 (unsigned long long)w->cons, (unsigned long long)w->prod);
		return;
	}
	if (count)
		w->stuck = 0;
	synced = w->synced;
	for (; count && !w->result.stale; count--)
		consumed(w, w->cons++);
	for (unsigned int n = w->synced != synced ? 8 : 0; n && !w->result.stale; n--)
		model_access_random(w);
}

void guest_observe(struct p1_world *w, bool handle_errors)
{
	look(w);
	while (handle_errors && !w->result.stale && handle_error(w))
		look(w);
}

/* --- Queueing ---------------------------------------------------------------------------------------------------- */

static void run_if_kicked(struct p1_world *w)
{
	if (!w->kicked)
		return;
	w->kicked = false;
	if (viq_smmuv3_run(w->smmu, p1_one_in(w, 2) ? 0 : 1 + p1_below(w, 12)))
		w->kicked = true;
	w->result.waits += viq_smmuv3_waits_for_host(w->smmu) != 0;
	if (viq_smmuv3_waits_for_host(w->smmu) > 12)
		machine_heal(w);
}

/* Off and on again: what was consumed stays consumed, an error stays active (6.3.9). */
void guest_restart_queue(struct p1_world *w)
{
	uint32_t cr0 = machine_r32(w, VIQ_SMMUV3_CR0);

	p1_log(w, "CMDQEN off and on");
	machine_w32(w, VIQ_SMMUV3_CR0, cr0 & ~(uint32_t)VIQ_SMMUV3_CR0_CMDQEN);
	guest_observe(w, false);
	machine_w32(w, VIQ_SMMUV3_CR0, cr0);
	guest_observe(w, false);
}

/* The embedder's event loop. The model looks at once: when a CMD_SYNC completed matters to it. */
void guest_run(struct p1_world *w)
{
	run_if_kicked(w);
	guest_observe(w, false);
}

void guest_doorbell(struct p1_world *w)
{
	machine_w32(w, VIQ_SMMUV3_CMDQ_PROD, w->cmdq.prod);
	guest_observe(w, !p1_one_in(w, 4));
}

/* One round of what goes on while the guest waits. */
static void wait_round(struct p1_world *w)
{
	machine_w32(w, VIQ_SMMUV3_CMDQ_PROD, w->cmdq.prod);
	run_if_kicked(w);
	guest_observe(w, true);
	/* Devices do not wait. */
	for (unsigned int i = 0; i < 4 && !w->result.stale; i++)
		model_access_random(w);
}

static void wait_until(struct p1_world *w, uint64_t cons)
{
	for (unsigned int round = 0; w->cons < cons && !w->result.stale; round++) {
		wait_round(w);
		if (round == 3000)
			machine_heal(w);
		if (round > 4000)
			p1_found(w, "the queue does not get beyond %llu", (unsigned long long)w->cons);
	}
}

static void push_entry(struct p1_world *w, struct p1_entry e)
{
	uint64_t size = UINT64_C(1) << w->cmdq.log2size;

	if (w->prod - w->cons == size)
		wait_until(w, w->prod - size + 1);
	if (w->result.stale)
		return;
	e.issued = ++w->now;
	*entry_at(w, w->prod) = e;
	synth_cmdq_push(&w->cmdq, e.cmd);
	w->prod++;
}

void guest_push(struct p1_world *w, struct synth_cmd cmd)
{
	unsigned int op = VIQ_GET(VIQ_SMMUV3_CMD_OP, cmd.w[0]);

	if (w->own && op >= VIQ_SMMUV3_OP_TLBI_NH_ALL && op <= VIQ_SMMUV3_OP_TLBI_S2_IPA)
		cmd.w[0] |= VIQ_PUT(VIQ_SMMUV3_TLBI_VMID, w->vmid);
	log_command(w, "queue", w->prod, cmd);
	push_entry(w, (struct p1_entry){.cmd = cmd});
}

/* A command that is illegal by the ID registers. */
void guest_push_junk(struct p1_world *w)
{
	static const struct synth_cmd junk[] = {
		{{0, 0}},
		{{VIQ_SMMUV3_OP_TLBI_EL2_ALL, 0}},
		{{VIQ_SMMUV3_OP_TLBI_NH_ASID | 0x100, 0}},
		{{VIQ_SMMUV3_OP_CFGI_CD | VIQ_SMMUV3_CMD_SSV, 0}},
		{{VIQ_SMMUV3_OP_TLBI_NH_VA, 1 << 10}}, /* TG without NUM, SCALE, TTL */
		{{VIQ_SMMUV3_OP_ATC_INV, 53}},
	};
	struct p1_entry e = {.cmd = junk[p1_below(w, 6)], .junk = true};

	log_command(w, "queue junk", w->prod, e.cmd);
	push_entry(w, e);
}

uint64_t guest_push_sync(struct p1_world *w)
{
	struct p1_entry e = {.sync = true};

	/* The MSI goes to the command itself, which must be in the ring by then. */
	if (w->prod - w->cons == UINT64_C(1) << w->cmdq.log2size)
		wait_until(w, w->cons + 1);
	e.msi = p1_one_in(w, 3);
	e.cmd = e.msi ? synth_cmd_sync(VIQ_SMMUV3_SYNC_CS_IRQ, synth_cmdq_entry(&w->cmdq, w->cmdq.prod), 0)
		      : synth_cmd_sync(p1_one_in(w, 2) ? VIQ_SMMUV3_SYNC_CS_SEV : VIQ_SMMUV3_SYNC_CS_NONE, 0, 0);
	p1_log(w, "queue %llu: CMD_SYNC%s", (unsigned long long)w->prod, e.msi ? ", MSI" : "");
	push_entry(w, e);
	return w->prod - 1;
}

void guest_drain(struct p1_world *w)
{
	wait_until(w, w->prod);
}

/* --- Everything, now --------------------------------------------------------------------------------------------- */

static void sync_and_wait(struct p1_world *w)
{
	guest_push_sync(w);
	guest_drain(w);
}

/* NH_ALL alone may leave what stage 2 alone translates (4.4.2.1). */
static struct synth_cmd all_of_vmid(const struct p1_world *w)
{
	return w->own ? (struct synth_cmd){{VIQ_SMMUV3_OP_TLBI_S12_VMALL, 0}} : synth_cmd_tlbi_nh_all();
}

/* By IPA, then what is combined, by VMID (4.4.3.1); or all at once. Then what devices have. */
void guest_push_stage2(struct p1_world *w, uint64_t first, uint64_t last)
{
	uint64_t ipa = first, pages = ((last - first) >> w->s2.granule) + 1;

	while (pages && !p1_one_in(w, 4)) {
		struct synth_cmd cmd = synth_cmd_tlbi_next_range(0, &ipa, &pages, p1_one_in(w, 2), w->s2.granule, 0);

		cmd.w[0] ^= VIQ_SMMUV3_OP_TLBI_NH_VA ^ VIQ_SMMUV3_OP_TLBI_S2_IPA;
		guest_push(w, cmd);
	}
	guest_push_sync(w);
	/* Before a host can take more than it was asked to. */
	if (!pages && p1_one_in(w, 2)) {
		guest_drain(w);
		model_check_all(w, false);
	}
	guest_push(w, pages ? all_of_vmid(w) : synth_cmd_tlbi_nh_all());
	guest_push_sync(w);
	for (unsigned int n = 0; n < P1_STREAMS; n++) {
		if (w->stream[n].ats)
			guest_push(w, synth_cmd_atc_inv(w->stream[n].sid, false, 0, false, 0, VIQ_SMMUV3_ATC_SIZE_ALL));
	}
	guest_push_sync(w);
}

void guest_settle(struct p1_world *w)
{
	p1_log(w, "settle");
	w->options.drop ? (void)0 : machine_heal(w);
	machine_forget_stage2(w);
	sync_and_wait(w);
	w->lost_count = 0;
	guest_push(w, synth_cmd_cfgi_all());
	sync_and_wait(w);
	guest_push(w, p1_one_in(w, 2) ? all_of_vmid(w) : synth_cmd_tlbi_nsnh_all());
	sync_and_wait(w);
	for (unsigned int n = 0; n < P1_STREAMS; n++)
		guest_push(w, synth_cmd_atc_inv(w->stream[n].sid, false, 0, false, 0, VIQ_SMMUV3_ATC_SIZE_ALL));
	sync_and_wait(w);
}
