/* SPDX-License-Identifier: MIT */
/*
 * The command queue (IHI 0070 3.5, 4.1, 7.1): check each command against its rule, give it to whoever handles it.
 */
#include "smmuv3.h"
#include "spec/smmuv3/scope.h"

/* A contiguous piece of the ring that can be read in place, from head on. */
struct window {
	const le64 *words; /* the guest's, two a command */
	uint32_t count;    /* commands */
	le64 copy[2];      /* backs words where the ring is not mapped */
};

/* Are there commands from head on, and may they be consumed? */
static bool may_consume(const struct viq_smmuv3 *s, uint32_t head)
{
	uint32_t fill = smmuv3_queue_fill(s->cmdq.log2size, smmuv3_prod(s), head);

	/* Indices more than a queue apart are inconsistent: unpredictable, and here not consumed (3.5.1). */
	return smmuv3_queue_on(s) && fill && fill <= 1u << s->cmdq.log2size;
}

/* At least one command at head, or false if its memory is not there. */
static bool open_window(const struct viq_smmuv3 *s, uint32_t limit, struct window *w)
{
	uint32_t slots = 1u << s->cmdq.log2size, slot = s->head & (slots - 1);
	uint32_t fill = smmuv3_queue_fill(s->cmdq.log2size, smmuv3_prod(s), s->head);

	if (limit > fill)
		limit = fill;
	if (limit > slots - slot)
		limit = slots - slot;
	if (slot < s->ring_slots) {
		w->words = &s->ring[2 * (size_t)slot];
		w->count = limit < s->ring_slots - slot ? limit : s->ring_slots - slot;
		return true;
	}
	/* Behind callbacks, or beyond the region that holds the base: one at a time. */
	w->words = w->copy;
	w->count = 1;
	return viq_mem_read(s->config.mem, s->cmdq.base + (uint64_t)slot * VIQ_SMMUV3_CMD_SIZE, w->copy,
			    sizeof(w->copy)) == 0;
}

static void advance(struct viq_smmuv3 *s, uint32_t count)
{
	s->head = (s->head + count) & smmuv3_index_mask(s->cmdq.log2size);
}

/* The batch's first command is the one at head. */
static void open_batch(struct viq_smmuv3 *s)
{
	if (!s->batch.count && !s->batch.hole_count)
		s->batch.first = s->head;
}

static void add_entry(struct viq_smmuv3 *s, const struct smmuv3_rule *rule, const uint64_t cmd[2])
{
	le64 *entry = s->batch.entries[s->batch.count];

	open_batch(s);
	s->batch.count++;
	entry[0] = le64_put(cmd[0] & rule->keep[0]);
	entry[1] = le64_put(cmd[1] & rule->keep[1]);
}

static void add_hole(struct viq_smmuv3 *s, const uint64_t cmd[2], uint8_t fate)
{
	open_batch(s);
	s->batch.holes[s->batch.hole_count++] = (struct smmuv3_hole){
		.cmd = {cmd[0], cmd[1]},
		.before = s->batch.count,
		.fate = fate,
	};
}

/*
 * A StreamID or SubstreamID that the ID registers do not have matches no stream: no effect, or one on an arbitrary
 * stream (4.3). Hosts may know more streams than this guest can have, so they are not asked.
 */
bool smmuv3_names_nothing(const struct viq_smmuv3 *s, const struct smmuv3_rule *rule, const uint64_t cmd[2])
{
	uint64_t ssid = VIQ_GET(VIQ_SMMUV3_CMD_SSID, cmd[0] & rule->keep[0]);
	bool ssid_valid = rule->kind != SMMUV3_ATC_INV || smmuv3_cmd_ssv(cmd);

	return smmuv3_cmd_sid(cmd) > smmuv3_last_sid(s) || (ssid_valid && ssid >> s->features.ssid_bits);
}

static void route_to_stream(struct viq_smmuv3 *s, const struct smmuv3_rule *rule, const uint64_t cmd[2])
{
	/* With SMMUEN = 0 it is ignored (4.5). */
	if (rule->kind == SMMUV3_ATC_INV && !smmuv3_translates(s))
		add_hole(s, cmd, VIQ_SMMUV3_FATE_LOCAL);
	else if (smmuv3_names_nothing(s, rule, cmd) || !smmuv3_stream_serves(s, rule->kind, smmuv3_cmd_sid(cmd)))
		add_hole(s, cmd, VIQ_SMMUV3_FATE_NO_STREAM);
	else if (rule->kind == SMMUV3_ATC_INV && smmuv3_retained_has(s, smmuv3_cmd_sid(cmd)) &&
		 smmuv3_retain(s, cmd[0] & rule->keep[0]))
		add_hole(s, cmd, VIQ_SMMUV3_FATE_RETAINED);
	else {
		add_entry(s, rule, cmd);
		s->batch.asks |= rule->kind == SMMUV3_ATC_INV;
	}
}

/* CFGI_STE, CFGI_STE_RANGE, CFGI_ALL (4.3). */
static bool reconfig(struct viq_smmuv3 *s, const uint64_t cmd[2])
{
	struct smmuv3_streams streams = smmuv3_cfgi_streams(cmd);
	uint32_t max = smmuv3_last_sid(s);
	int ret;

	if (streams.last > max)
		streams.last = max;
	/* A time-out of a command before this one would uncover it. */
	if (streams.first <= max && s->batch.asks && !smmuv3_batch_flush(s))
		return false;
	if (streams.first > max || smmuv3_reconfig_covered(s, streams.first, streams.last)) {
		add_hole(s, cmd, VIQ_SMMUV3_FATE_LOCAL);
		return true;
	}
	if (!smmuv3_batch_flush(s) || !s->budget.left)
		return false;
	ret = smmuv3_reconfig_command(s, streams.first, streams.last);
	/* CONS stays at it, and the next run goes on. */
	if (ret > 0)
		return false;
	if (ret) {
		const struct viq_call_result res = host_wait_hook_failed(ret);

		smmuv3_host_failed(s, s->head, cmd, &res);
		return false;
	}
	add_hole(s, cmd, VIQ_SMMUV3_FATE_LOCAL);
	return true;
}

static bool stop_illegal(struct viq_smmuv3 *s, const uint64_t cmd[2])
{
	if (smmuv3_batch_flush(s))
		smmuv3_stop(s, s->head, VIQ_SMMUV3_CERROR_ILL, cmd);
	return false;
}

/*
 * One command of any kind: the caller then advances head past it. false, here and in what follows: the run ends, with
 * nothing in the batch, because the queue stopped or the command at head has to be gone on with later.
 */
static bool take_one(struct viq_smmuv3 *s, const uint64_t cmd[2])
{
	uint8_t op = smmuv3_cmd_op(cmd);
	const struct smmuv3_rule *rule = &s->rules[op];

	if (!smmuv3_command_legal(rule, cmd, s->features.bits))
		return stop_illegal(s, cmd);
	switch ((enum smmuv3_kind)rule->kind) {
	case SMMUV3_TLBI:
		add_entry(s, rule, cmd);
		return true;
	case SMMUV3_TLBI_ADDRESS:
		/* A host may have DS all the same: it is given what the guest's SMMU reads. */
		add_entry(s, rule, (uint64_t[]){cmd[0], smmuv3_tlbi_word1(cmd, s->features.idr5 & VIQ_SMMUV3_IDR5_DS)});
		return true;
	case SMMUV3_CFGI_CD:
	case SMMUV3_ATC_INV:
		route_to_stream(s, rule, cmd);
		return true;
	case SMMUV3_PREFETCH: /* a hint */
		add_hole(s, cmd, VIQ_SMMUV3_FATE_LOCAL);
		return true;
	case SMMUV3_CFGI_STE:
		return reconfig(s, cmd);
	case SMMUV3_SYNC:
		return smmuv3_sync(s, cmd);
	case SMMUV3_CFGI_VM:
	case SMMUV3_PRI_RESP:
	case SMMUV3_STALL:
	case SMMUV3_DPTI:
		break; /* viq_smmuv3_config_check() offers none of their features, nor those of EL2 and stage 2 */
	}
	return stop_illegal(s, cmd);
}

/*
 * Look at the commands that smmuv3_fetch() left at entries[pos, end), one by one, as far as the budget goes. Entries
 * stay in place or move down, because the batch never has more of them than were read. *taken: how many were consumed;
 * those behind will be read again.
 */
static bool take_each(struct viq_smmuv3 *s, uint32_t pos, uint32_t end, uint32_t *taken)
{
	for (; pos < end && s->budget.left; pos++) {
		uint64_t cmd[2] = {le64_get(s->batch.entries[pos][0]), le64_get(s->batch.entries[pos][1])};

		if (s->batch.hole_count == BATCH_HOLES && !smmuv3_batch_flush(s))
			return false;
		if (!take_one(s, cmd))
			return false;
		s->counters.commands[smmuv3_cmd_op(cmd)]++;
		budget_spend(&s->budget, 1);
		advance(s, 1);
		++*taken;
	}
	return true;
}

/* The next commands may be like the last one of the batch, if it is for every host. */
static void choose_model(const struct viq_smmuv3 *s, struct smmuv3_model *model)
{
	const le64 *entry;
	const struct smmuv3_rule *rule;

	if (!s->batch.count)
		return;
	entry = s->batch.entries[s->batch.count - 1];
	rule = &s->rules[le64_get(entry[0]) & VIQ_SMMUV3_CMD_OP];
	if (rule->kind == SMMUV3_TLBI || rule->kind == SMMUV3_TLBI_ADDRESS)
		*model = (struct smmuv3_model){{entry[0], entry[1]}, rule};
}

/* Consume a window, as far as the budget goes. */
static bool consume_window(struct viq_smmuv3 *s, const struct window *w, struct smmuv3_model *model)
{
	uint32_t taken = 0;

	while (taken < w->count && s->budget.left) {
		uint32_t start = s->batch.count, n = w->count - taken;

		if (start == BATCH_ENTRIES) {
			if (!smmuv3_batch_flush(s))
				return false;
			continue;
		}
		if (n > s->budget.left)
			n = s->budget.left;
		if (n > FETCH_BLOCK)
			n = FETCH_BLOCK;
		if (n > BATCH_ENTRIES - start)
			n = BATCH_ENTRIES - start;
		if (smmuv3_fetch(s, &w->words[2 * taken], n, model)) {
			open_batch(s);
			s->batch.count += n;
			s->counters.commands[le64_get(model->entry[0]) & VIQ_SMMUV3_CMD_OP] += n;
			budget_spend(&s->budget, n);
			advance(s, n);
			taken += n;
		} else {
			if (!take_each(s, start, start + n, &taken))
				return false;
			choose_model(s, model);
		}
	}
	return true;
}

static void consume(struct viq_smmuv3 *s)
{
	/* To begin with, one that exists under every configuration. */
	struct smmuv3_model model = {{le64_put(VIQ_SMMUV3_OP_TLBI_NSNH_ALL)}, &s->rules[VIQ_SMMUV3_OP_TLBI_NSNH_ALL]};

	do {
		struct window w;

		if (!open_window(s, s->budget.left, &w)) {
			if (smmuv3_batch_flush(s))
				smmuv3_stop(s, s->head, VIQ_SMMUV3_CERROR_ABT, NULL);
			return;
		}
		if (!consume_window(s, &w, &model))
			return;
	} while (may_consume(s, s->head) && s->budget.left);
	/* What was read is confirmed before this returns: CONS never stands still for lack of a CMD_SYNC. */
	(void)smmuv3_batch_flush(s);
}

bool smmuv3_cmdq_waits(const struct viq_smmuv3 *s)
{
	return s->reconfig.owed || may_consume(s, smmuv3_cons(s));
}

/* Go on with the queue as far as the budget goes. true: work is left that could be done. */
static bool run(struct viq_smmuv3 *s)
{
	bool left = may_consume(s, smmuv3_cons(s));

	/* The guest has taken the command back. */
	if (!left)
		smmuv3_reconfig_forget(s);
	if (!left || !s->budget.left)
		return left;
	s->head = smmuv3_cons(s);
	s->counters.runs++;
	do {
		s->again = false;
		consume(s);
	} while (s->again && s->budget.left);
	if (s->reconfig.at != smmuv3_cons(s))
		smmuv3_reconfig_forget(s);
	left = !s->wait.waits && may_consume(s, smmuv3_cons(s));
	s->counters.budget_ends += left;
	return left;
}

bool viq_smmuv3_run(struct viq_smmuv3 *s, uint32_t budget)
{
	if (!s || !smmuv3_cmdq_waits(s))
		return false;
	if (!gate_enter(&s->gate)) {
		gate_owe_kick(&s->gate);
		return false;
	}
	s->wait.waits = false;
	s->budget.left = budget_of_run(budget);
	if (smmuv3_reconfig_pay(s))
		run(s);
	/* Who runs the queue sees what is left, but need not know that it waits. */
	if (smmuv3_settle(s) && s->wait.waits)
		smmuv3_kick(s);
	return s->reconfig.owed || (smmuv3_cmdq_waits(s) && !s->wait.waits);
}

uint64_t viq_smmuv3_waits_for_host(const struct viq_smmuv3 *s)
{
	return s && s->wait.waits && smmuv3_cmdq_waits(s) ? s->wait.times : 0;
}

void smmuv3_cmdq_moved(struct viq_smmuv3 *s, struct smmuv3_queue to)
{
	uint64_t avail = 0;

	s->cmdq = to;
	s->ring = viq_mem_span(s->config.mem, s->cmdq.base, &avail);
	if (avail > (uint64_t)VIQ_SMMUV3_CMD_SIZE << s->cmdq.log2size)
		avail = (uint64_t)VIQ_SMMUV3_CMD_SIZE << s->cmdq.log2size;
	s->ring_slots = (uint32_t)(avail / VIQ_SMMUV3_CMD_SIZE);
}

/* What a register's write owes comes first, and a queue that waits for the host may wait on. *left: work is left. */
static __attribute__((noinline)) bool may_go_on(struct viq_smmuv3 *s, bool *left)
{
	*left = !smmuv3_reconfig_pay(s);
	if (*left || (s->wait.waits && s->wait.asked && may_consume(s, smmuv3_cons(s))))
		return false;
	s->wait.waits = false;
	return true;
}

void smmuv3_cmdq_doorbell(struct viq_smmuv3 *s)
{
	bool left = false;

	if (!(s->reconfig.owed || s->wait.waits) || may_go_on(s, &left))
		left = run(s);
	if (left)
		gate_owe_kick(&s->gate);
}
