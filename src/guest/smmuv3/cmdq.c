/* SPDX-License-Identifier: MIT */
/*
 * The command queue (IHI 0070 3.5, 4.1, 7.1): check each command against its rule, give it to whoever handles it.
 */
#include "base/minmax.h"

#include "smmuv3.h"
#include "spec/smmuv3/scope.h"

/* Commands that are read and looked at together. */
#define BLOCK 64

/* Commands from head on that lie one after the other. */
struct window {
	const le64 (*words)[2];
	uint32_t count;
};

/* Commands from head on that may be consumed. */
static uint32_t waiting(const struct viq_smmuv3 *s, uint32_t head)
{
	uint32_t fill = smmuv3_queue_fill(&s->cmdq, smmuv3_prod(s), head);

	/* Indices more than a queue apart are inconsistent: unpredictable, and here not consumed (3.5.1). */
	return smmuv3_queue_on(s) && fill <= smmuv3_queue_slots(&s->cmdq) ? fill : 0;
}

/*
 * Some of the next limit commands, which exist: in place, where their memory is mapped and holds the queue's base.
 * Else, behind callbacks or in another region, they are read into the free end of the batch, which must have room: as
 * many at once as can be, since some that come later may have no memory. false: so has the first.
 */
static bool open_window(struct viq_smmuv3 *s, uint32_t limit, struct window *w)
{
	uint32_t slots = smmuv3_queue_slots(&s->cmdq), slot = s->head & (slots - 1);
	le64(*room)[2] = &s->batch.entries[s->batch.count];

	limit = min_u32(limit, slots - slot);
	if (slot < s->ring_slots) {
		*w = (struct window){&s->ring[slot], min_u32(limit, s->ring_slots - slot)};
		return true;
	}
	for (limit = min_u32(limit, BATCH_ENTRIES - s->batch.count); limit; limit /= 2) {
		if (!viq_mem_read(s->config.mem, s->cmdq.base + (uint64_t)slot * VIQ_SMMUV3_CMD_SIZE, room,
				  (size_t)limit * VIQ_SMMUV3_CMD_SIZE)) {
			*w = (struct window){(const le64(*)[2])room, limit};
			return true;
		}
	}
	return false;
}

static void advance(struct viq_smmuv3 *s, uint32_t count)
{
	s->head = (s->head + count) & s->cmdq.mask;
}

/* The batch's first command is the one at head. */
static void open_batch(struct viq_smmuv3 *s)
{
	if (!s->batch.count && !s->batch.hole_count)
		s->batch.first = s->head;
}

/* Of an address TLBI. A host may have DS all the same: it is given what the guest's SMMU reads. */
static uint64_t read_word1(const struct viq_smmuv3 *s, const uint64_t cmd[2])
{
	return smmuv3_tlbi_word1(cmd, s->features.idr5 & VIQ_SMMUV3_IDR5_DS);
}

static void add_entry(struct viq_smmuv3 *s, const struct smmuv3_rule *rule, const uint64_t cmd[2])
{
	open_batch(s);
	smmuv3_entry_put(s->batch.entries[s->batch.count++], cmd[0] & rule->keep[0], cmd[1] & rule->keep[1]);
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
	bool ssid_valid = rule->kind == SMMUV3_CFGI_CD || smmuv3_cmd_ssv(cmd);

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

static bool page_response(struct viq_smmuv3 *s, const struct smmuv3_rule *rule, const uint64_t cmd[2])
{
	uint8_t fate = VIQ_SMMUV3_FATE_LOCAL;

	/* With SMMUEN = 0 it is ignored (4.5.2). */
	if (smmuv3_names_nothing(s, rule, cmd))
		fate = VIQ_SMMUV3_FATE_NO_STREAM;
	else if (smmuv3_translates(s) && !smmuv3_page_response(s, cmd))
		return false;
	add_hole(s, cmd, fate);
	return true;
}

static __attribute__((noinline)) bool stop_illegal(struct viq_smmuv3 *s, const uint64_t cmd[2])
{
	if (smmuv3_batch_flush(s))
		smmuv3_stop(s, s->head, VIQ_SMMUV3_CERROR_ILL, cmd);
	return false;
}

/*
 * A command that is no CMD_SYNC, to begin with. Apart from it, which would pay for the registers of the rest. The
 * caller then advances head past it. false, here and in what follows: the run ends, with nothing in the batch, because
 * the queue stopped or the command at head has to be gone on with later.
 */
static __attribute__((noinline)) bool take_other(struct viq_smmuv3 *s, const struct smmuv3_rule *rule, uint64_t word0,
						 uint64_t word1)
{
	const uint64_t cmd[2] = {word0, word1};

	if (!smmuv3_command_legal(rule, cmd, s->features.bits))
		return stop_illegal(s, cmd);
	switch ((enum smmuv3_kind)rule->kind) {
	case SMMUV3_TLBI:
		add_entry(s, rule, cmd);
		return true;
	case SMMUV3_TLBI_ADDRESS:
		add_entry(s, rule, (uint64_t[]){cmd[0], read_word1(s, cmd)});
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
	case SMMUV3_PRI_RESP:
		return page_response(s, rule, cmd);
	case SMMUV3_SYNC: /* not a legal one */
	case SMMUV3_CFGI_VM:
	case SMMUV3_STALL:
	case SMMUV3_DPTI:
		break; /* viq_smmuv3_config_check() offers none of their features, nor those of EL2 and stage 2 */
	}
	return stop_illegal(s, cmd);
}

/* Retained ATC_INVs are a call of their own. */
static __attribute__((noinline)) bool settle_retained(struct viq_smmuv3 *s, uint64_t word0, uint64_t word1)
{
	const uint64_t cmd[2] = {word0, word1};

	return (!s->retained.count || s->budget.left) && smmuv3_retained_settle(s, cmd);
}

/* CMD_SYNC (4.7.3): the promise that everything before it has taken effect. */
static inline bool sync(struct viq_smmuv3 *s, const uint64_t cmd[2])
{
	uint32_t index = s->head;

	if (!smmuv3_batch_flush(s))
		return false;
	if ((s->retained.count || s->retained.unreported) && !settle_retained(s, cmd[0], cmd[1]))
		return false;
	/* Accesses that used what was invalidated have ended, and left their events. */
	if (s->ops.sync)
		budget_spend(&s->budget, s->ops.sync(s->config.opaque));
	/* CONS passes the command, and only then the signal is sent: a polling guest looks at CONS when it comes. */
	smmuv3_cons_move(s, (index + 1) & s->cmdq.mask);
	s->reconfig.done = false;
	smmuv3_trace(s, index, cmd, VIQ_SMMUV3_FATE_SYNC, 0);
	/* CS = SEV is an event for waiting processors: IDR0.SEV is 0, so it acts as NONE. */
	if (VIQ_GET(VIQ_SMMUV3_SYNC_CS, cmd[0]) == VIQ_SMMUV3_SYNC_CS_IRQ)
		smmuv3_sync_signal(s, cmd[0], cmd[1]);
	return true;
}

/* One command of any kind. */
static inline bool take_one(struct viq_smmuv3 *s, const uint64_t cmd[2])
{
	const struct smmuv3_rule *rule = &s->rules[smmuv3_cmd_op(cmd)];

	if (rule->kind == SMMUV3_SYNC && smmuv3_bits_legal(rule, cmd) && !smmuv3_sync_reserved(cmd))
		return sync(s, cmd);
	return take_other(s, rule, cmd[0], cmd[1]);
}

/* Whatever comes next has a place in the batch. */
static inline bool keep_room(struct viq_smmuv3 *s)
{
	return (s->batch.count < BATCH_ENTRIES && s->batch.hole_count < BATCH_HOLES) || smmuv3_batch_flush(s);
}

/* The next count entries of the batch are for the host, and like the guest's commands: no more than the budget. */
static void take_entries(struct viq_smmuv3 *s, uint32_t count)
{
	open_batch(s);
	s->batch.count += count;
	s->budget.left -= count;
	advance(s, count);
}

/* Does it go to every host as it is? So may others, which take_one() looks at. */
static inline bool is_plain(const struct viq_smmuv3 *s, const uint64_t cmd[2])
{
	const struct smmuv3_rule *rule = &s->rules[smmuv3_cmd_op(cmd)];

	if (!smmuv3_for_every_host(rule))
		return false;
	if (!((cmd[0] & rule->look[0]) | (cmd[1] & rule->look[1])))
		return true;
	return rule->kind == SMMUV3_TLBI_ADDRESS && !((cmd[0] & ~rule->keep[0]) | (cmd[1] & ~rule->keep[1])) &&
	       smmuv3_tlbi_form(cmd) == SMMUV3_RANGE && read_word1(s, cmd) == cmd[1];
}

/*
 * The plain ones of the next count commands, up to the first other one: that is in cmd. Where they are read may be
 * their place in the batch, or above it. How many.
 */
static uint32_t take_plain(struct viq_smmuv3 *s, const le64 (*from)[2], uint32_t count, uint64_t cmd[2])
{
	le64(*to)[2] = &s->batch.entries[s->batch.count];
	uint32_t n;

	for (n = 0; n < count; n++) {
		cmd[0] = le64_load(&from[n][0]);
		cmd[1] = le64_load(&from[n][1]);
		if (!is_plain(s, cmd))
			break;
		smmuv3_entry_put(to[n], cmd[0], cmd[1]);
		s->counters.commands[smmuv3_cmd_op(cmd)]++;
	}
	if (n)
		take_entries(s, n);
	return n;
}

/* The next count commands, as far as the budget goes; those behind will be read again. */
static bool take_each(struct viq_smmuv3 *s, const le64 (*from)[2], uint32_t count)
{
	for (uint32_t at = 0; at < count && s->budget.left;) {
		uint32_t limit = min_u32(min_u32(count - at, s->budget.left), BATCH_ENTRIES - s->batch.count), n;
		uint64_t cmd[2];

		n = take_plain(s, &from[at], limit, cmd);
		at += n;
		if (n < limit) {
			if (!take_one(s, cmd))
				return false;
			s->counters.commands[smmuv3_cmd_op(cmd)]++;
			budget_spend(&s->budget, 1);
			advance(s, 1);
			at++;
		}
		if (!keep_room(s))
			return false;
	}
	return true;
}

/* A block, of which there is budget and room: at once if all are like the model, else one by one, of the copy. */
static bool take_block(struct viq_smmuv3 *s, const le64 (*from)[2])
{
	const le64(*copy)[2] = (const le64(*)[2]) & s->batch.entries[s->batch.count];

	if (smmuv3_fetch(s, from, BLOCK)) {
		s->counters.commands[le64_get(s->model.entry[0]) & VIQ_SMMUV3_CMD_OP] += BLOCK;
		take_entries(s, BLOCK);
		return keep_room(s);
	}
	if (!take_each(s, copy, BLOCK))
		return false;
	/* The next ones may be like the last of these. */
	if (s->batch.count)
		smmuv3_model_set(s, s->batch.entries[s->batch.count - 1]);
	return true;
}

/* As far as the budget goes. */
static bool take_window(struct viq_smmuv3 *s, const struct window *w)
{
	uint32_t at = 0, n;

	do {
		n = min_u32(w->count - at, BLOCK);
		if (n < BLOCK || n > s->budget.left || n > BATCH_ENTRIES - s->batch.count) {
			if (!take_each(s, &w->words[at], n))
				return false;
		} else if (!take_block(s, &w->words[at])) {
			return false;
		}
		at += n;
	} while (at < w->count && s->budget.left);
	return true;
}

/* Commands from head on, as far as the budget goes. */
static __attribute__((noinline)) bool take_windows(struct viq_smmuv3 *s, uint32_t fill)
{
	do {
		struct window w;

		if (!open_window(s, min_u32(fill, s->budget.left), &w)) {
			if (smmuv3_batch_flush(s))
				smmuv3_stop(s, s->head, VIQ_SMMUV3_CERROR_ABT, NULL);
			return false;
		}
		if (!take_window(s, &w))
			return false;
		fill -= w.count;
	} while (fill && s->budget.left);
	return true;
}

/* fill > 0 commands from head on. true: all of them are consumed. */
static inline bool consume(struct viq_smmuv3 *s, uint32_t fill)
{
	uint32_t slot = s->head & (smmuv3_queue_slots(&s->cmdq) - 1);

	/* Mostly a few that lie side by side. */
	if (fill < BLOCK && fill <= s->budget.left && slot + fill <= s->ring_slots ? !take_each(s, &s->ring[slot], fill)
										   : !take_windows(s, fill))
		return false;
	/* What was read is confirmed before this returns: CONS never stands still for lack of a CMD_SYNC. */
	return smmuv3_batch_flush(s) && s->head == (smmuv3_prod(s) & s->cmdq.mask);
}

bool smmuv3_cmdq_waits(const struct viq_smmuv3 *s)
{
	return s->reconfig.owed || waiting(s, smmuv3_cons(s));
}

/* Go on with the queue as far as the budget goes. true: work is left that could be done. */
static bool run(struct viq_smmuv3 *s)
{
	uint32_t fill = waiting(s, smmuv3_cons(s));

	/* The guest has taken the command back. */
	if (!fill)
		smmuv3_reconfig_forget(s);
	if (!fill || !s->budget.left)
		return fill;
	s->head = smmuv3_cons(s);
	s->counters.runs++;
	do {
		s->again = false;
		if (consume(s, fill) || s->wait.waits)
			fill = 0;
		else
			fill = waiting(s, smmuv3_cons(s));
	} while (s->again && fill && s->budget.left);
	if (s->reconfig.what.size && s->reconfig.at != smmuv3_cons(s))
		smmuv3_reconfig_forget(s);
	s->counters.budget_ends += fill != 0;
	return fill;
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
	uint32_t slots = smmuv3_queue_slots(&to);
	uint64_t avail = 0;

	s->cmdq = to;
	s->ring = viq_mem_span(s->config.mem, to.base, &avail);
	avail /= VIQ_SMMUV3_CMD_SIZE;
	s->ring_slots = avail < slots ? (uint32_t)avail : slots;
}

/* What a register's write owes comes first, and a queue that waits for the host may wait on. *left: work is left. */
static __attribute__((noinline)) bool may_go_on(struct viq_smmuv3 *s, bool *left)
{
	*left = !smmuv3_reconfig_pay(s);
	if (*left || (s->wait.waits && s->wait.asked && waiting(s, smmuv3_cons(s))))
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
