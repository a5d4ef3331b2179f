// SPDX-License-Identifier: MIT
/* Replaying a command queue of an SMMUv3: its registers, its driver's ways, its commands. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <viq/smmuv3.h>

#include "spec/smmuv3/scope.h"

#include "arch.h"
#include "log.h"
#include "smmuv3.h"
#include "tool.h"

#define OP_NAMES_ASID(op) ((op) == VIQ_SMMUV3_OP_TLBI_NH_ASID || (op) == VIQ_SMMUV3_OP_TLBI_NH_VA)

#define EVENTQ_LOG2 8
/* Kinds are opcodes, and CFGI_ALL apart from CFGI_STE_RANGE. */
#define KIND_CFGI_ALL 256
/* What Linux puts in a refused command's place: CMD_SYNC, CS = SEV. */
#define LINUX_SYNC UINT64_C(0x0fc02046)

static struct smmuv3_guest *of(struct replay_guest *guest)
{
	return (struct smmuv3_guest *)guest;
}

/* --- Commands ---------------------------------------------------------------------------------------------------- */

static unsigned int kind(const uint64_t cmd[4])
{
	return smmuv3_is_cfgi_all(cmd) ? KIND_CFGI_ALL : smmuv3_cmd_op(cmd);
}

static const char *kind_name(unsigned int kind)
{
	const uint64_t all[2] = {VIQ_SMMUV3_OP_CFGI_STE_RANGE, VIQ_SMMUV3_CFGI_RANGE_ALL};
	const uint64_t cmd[2] = {kind, 0};
	const char *name = viq_smmuv3_command_name(kind == KIND_CFGI_ALL ? all : cmd);

	return name ? name : "reserved";
}

static void text(const uint64_t cmd[4], char *buf, size_t len)
{
	viq_smmuv3_command_text(cmd, NULL, buf, len);
}

static bool goes_to_host(const uint64_t cmd[4])
{
	switch (smmuv3_cmd_op(cmd)) {
	case VIQ_SMMUV3_OP_CFGI_CD:
	case VIQ_SMMUV3_OP_CFGI_CD_ALL:
	case VIQ_SMMUV3_OP_TLBI_NH_ALL:
	case VIQ_SMMUV3_OP_TLBI_NH_ASID:
	case VIQ_SMMUV3_OP_TLBI_NH_VA:
	case VIQ_SMMUV3_OP_TLBI_NH_VAA:
	case VIQ_SMMUV3_OP_TLBI_NSNH_ALL:
	case VIQ_SMMUV3_OP_ATC_INV:
		return true;
	default:
		return false;
	}
}

static bool goes_to_device(const uint64_t cmd[4])
{
	return smmuv3_cmd_op(cmd) == VIQ_SMMUV3_OP_ATC_INV;
}

static bool ends_call(const uint64_t cmd[4])
{
	unsigned int op = smmuv3_cmd_op(cmd);

	return op == VIQ_SMMUV3_OP_SYNC || op == VIQ_SMMUV3_OP_CFGI_STE || op == VIQ_SMMUV3_OP_CFGI_STE_RANGE;
}

/* --- What a capture needs ---------------------------------------------------------------------------------------- */

/* Tables have one granule: the first that a range command of their ASID tells; 1 stands for "not told yet". */
static void note_asid(struct scan_smmuv3 *scan, const uint64_t cmd[4], unsigned int op)
{
	uint8_t *granule = &scan->granule[smmuv3_tlbi_asid(cmd)];
	uint8_t told = op == VIQ_SMMUV3_OP_TLBI_NH_VA ? smmuv3_tlbi_decode(cmd, false).granule : 0;

	if (*granule <= 1)
		*granule = told ? told : 1;
}

static void note_stream(struct scan_smmuv3 *scan, uint32_t sid, uint32_t ssid, bool ats)
{
	struct scan_stream *s = scan->streams;
	struct scan_stream *end = s + scan->stream_count;

	if (sid >> SCAN_SID_BITS)
		return;
	while (s < end && s->sid != sid)
		s++;
	if (s == end) {
		if (scan->stream_count == SCAN_MAX_STREAMS)
			return;
		scan->stream_count++;
		*s = (struct scan_stream){.sid = sid};
	}
	s->ats |= ats;
	if (ssid > s->max_ssid)
		s->max_ssid = ssid;
}

static void scan_command(struct scan *scan, const uint64_t cmd[4])
{
	uint32_t sid = smmuv3_cmd_sid(cmd), ssid = smmuv3_cmd_ssid(cmd);
	unsigned int op = smmuv3_cmd_op(cmd);

	if (OP_NAMES_ASID(op))
		note_asid(&scan->smmuv3, cmd, op);
	else if (op == VIQ_SMMUV3_OP_CFGI_STE || op == VIQ_SMMUV3_OP_CFGI_CD_ALL)
		note_stream(&scan->smmuv3, sid, 0, false);
	else if (op == VIQ_SMMUV3_OP_CFGI_CD)
		note_stream(&scan->smmuv3, sid, ssid, false);
	else if (op == VIQ_SMMUV3_OP_ATC_INV)
		note_stream(&scan->smmuv3, sid, smmuv3_cmd_ssv(cmd) ? ssid : 0, true);
}

/* --- Building ---------------------------------------------------------------------------------------------------- */

static int reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	struct smmuv3_guest *guest = opaque;

	return guest->soft ? viq_nest_smmuv3_reconfig(guest->host.nest, what) : 0;
}

/* The replay runs the queue again: see handle_errors(). */
static int wait_for_host(void *opaque, const struct viq_call_result *result, uint64_t times)
{
	return 0;
}

static uint32_t bring_events(void *opaque)
{
	struct smmuv3_guest *guest = opaque;

	return guest->soft ? viq_nest_smmuv3_sync(guest->host.nest) : 0;
}

static const struct viq_smmuv3_ops ops = {
	.size = sizeof(struct viq_smmuv3_ops),
	.reconfig = reconfig,
	.kick = guest_kick,
	.host_wait = wait_for_host,
	.sync = bring_events,
};

/* Every feature that recorded commands can use. No MSIs: their addresses are those of another guest. */
static void offer_features(struct viq_smmuv3_config *config, unsigned int sid_bits)
{
	viq_smmuv3_config_init(config, sizeof(*config));
	config->idr0 &= ~(uint32_t)VIQ_SMMUV3_IDR0_MSI;
	config->idr0 |= VIQ_SMMUV3_IDR0_ATS | VIQ_SMMUV3_IDR0_CD2L;
	config->idr1 &= ~(uint32_t)(VIQ_SMMUV3_IDR1_SIDSIZE | VIQ_SMMUV3_IDR1_SSIDSIZE);
	config->idr1 |= (uint32_t)(VIQ_PUT(VIQ_SMMUV3_IDR1_SIDSIZE, sid_bits) | VIQ_PUT(VIQ_SMMUV3_IDR1_SSIDSIZE, 20));
	config->idr3 |= VIQ_SMMUV3_IDR3_RIL;
}

static int build(struct replay_guest *base, const struct replay_options *options, const struct scan *scan,
		 struct viq_why *why)
{
	struct smmuv3_guest *guest = of(base);
	unsigned int sid_bits = SCAN_SID_BITS;
	struct viq_call_host behind = viq_call_null_host();
	int err = 0;

	err = synth_st_init(&guest->st, &base->mem, sid_bits, 8);
	if (err)
		return err;
	offer_features(&guest->config, sid_bits);
	guest->config.budget = options->budget ? options->budget : VIQ_WORK_UNLIMITED;
	guest->config.mem = base->vmem;
	guest->config.ops = &ops;
	guest->config.opaque = guest;
	if (options->soft) {
		*why = (struct viq_why){"cannot make the software host"};
		guest->soft = true;
		err = soft_guest_init(&guest->host, base->vmem, &guest->config, 1u << GUEST_TLB_LOG2);
		if (err)
			return err;
		behind = viq_soft_host(guest->host.soft, guest->host.viommu);
		err = viq_fault_host(base->fault, &behind, &behind, why);
		if (err)
			return err;
	}
	guest->config.host = log_host(options->log, &behind);
	err = viq_smmuv3_create(&guest->config, &guest->smmu, why);
	return err || !guest->soft ? err : soft_guest_bind(&guest->host, guest->smmu, why);
}

static void destroy(struct replay_guest *base)
{
	struct smmuv3_guest *guest = of(base);

	viq_smmuv3_destroy(guest->smmu);
	if (guest->soft)
		soft_guest_fini(&guest->host);
}

/* --- Registers --------------------------------------------------------------------------------------------------- */

static uint64_t read_register(struct replay_guest *base, uint64_t offset, unsigned int size)
{
	return viq_smmuv3_mmio_read(of(base)->smmu, offset, size);
}

static void write_register(struct replay_guest *base, uint64_t offset, unsigned int size, uint64_t value)
{
	viq_smmuv3_mmio_write(of(base)->smmu, offset, size, value);
}

/* With the event queue. */
static void enable(struct replay_guest *base)
{
	struct smmuv3_guest *guest = of(base);
	uint64_t events = synth_alloc(&base->mem, EVENTQ_LOG2 + 5);

	guest_write64(base, VIQ_SMMUV3_STRTAB_BASE, synth_st_base(&guest->st));
	guest_write32(base, VIQ_SMMUV3_STRTAB_BASE_CFG, synth_st_base_cfg(&guest->st));
	if (events != SYNTH_NONE)
		guest_write64(base, VIQ_SMMUV3_EVENTQ_BASE, events | EVENTQ_LOG2);
	guest_write32(base, VIQ_SMMUV3_CR0,
		      (uint32_t)(VIQ_SMMUV3_CR0_SMMUEN | VIQ_SMMUV3_CR0_ATSCHK |
				 (events == SYNTH_NONE ? 0 : VIQ_SMMUV3_CR0_EVENTQEN)));
}

static void start_queue(struct replay_guest *base, uint32_t first)
{
	uint32_t cr0 = guest_read32(base, VIQ_SMMUV3_CR0);

	guest_write32(base, VIQ_SMMUV3_CR0, cr0 & ~(uint32_t)VIQ_SMMUV3_CR0_CMDQEN);
	guest_write64(base, VIQ_SMMUV3_CMDQ_BASE,
		      base->ring.base | VIQ_PUT(VIQ_SMMUV3_Q_BASE_LOG2SIZE, __builtin_ctz(base->ring.entries)) |
			      VIQ_SMMUV3_Q_BASE_HINT);
	guest_write32(base, VIQ_SMMUV3_CMDQ_PROD, first);
	guest_write32(base, VIQ_SMMUV3_CMDQ_CONS, first);
	guest_write32(base, VIQ_SMMUV3_CR0, cr0 | (uint32_t)VIQ_SMMUV3_CR0_CMDQEN);
}

/* No MSIs are offered, so that nothing in a command leads elsewhere. */
static void adapt(struct replay_guest *base, uint32_t index, uint64_t cmd[4])
{
}

static uint32_t head(struct replay_guest *base)
{
	return guest_read32(base, VIQ_SMMUV3_CMDQ_CONS) & guest_index_mask(base);
}

static bool completed(struct replay_guest *base, uint32_t index, const uint64_t cmd[4])
{
	return smmuv3_cmd_op(cmd) == VIQ_SMMUV3_OP_SYNC;
}

static bool run(struct replay_guest *base)
{
	return viq_smmuv3_run(of(base)->smmu, of(base)->config.budget);
}

static void counters(const struct replay_guest *base, struct replay_result *result)
{
	struct viq_smmuv3_counters c = {0};
	struct replay_counters *out = &result->counters;

	(void)viq_smmuv3_counters(((const struct smmuv3_guest *)base)->smmu, &c, sizeof(c));
	out->calls = c.calls;
	out->host_calls = c.host_calls;
	out->entries = c.entries;
	memcpy(out->call_errors, c.call_errors, sizeof(out->call_errors));
	for (unsigned int code = 1; code < 4; code++) {
		out->errors[code - 1].name = viq_smmuv3_cerror_name(code);
		out->errors[code - 1].count = c.cerror[code];
	}
}

/* --- Errors ------------------------------------------------------------------------------------------------------ */

static bool stopped(struct replay_guest *base)
{
	uint32_t active = guest_read32(base, VIQ_SMMUV3_GERROR) ^ guest_read32(base, VIQ_SMMUV3_GERRORN);

	return active & VIQ_SMMUV3_GERROR_CMDQ_ERR;
}

static uint64_t waits(const struct replay_guest *base)
{
	return viq_smmuv3_waits_for_host(((const struct smmuv3_guest *)base)->smmu);
}

static void note_error(struct replay_guest *base, struct replay_error *error)
{
	const char *name;

	error->code = (uint32_t)VIQ_GET(VIQ_SMMUV3_CMDQ_CONS_ERR, guest_read32(base, VIQ_SMMUV3_CMDQ_CONS));
	error->status[0] = guest_read32(base, VIQ_SMMUV3_GERROR);
	error->status[1] = guest_read32(base, VIQ_SMMUV3_GERRORN);
	name = viq_smmuv3_cerror_name(error->code);
	error->name = error->waited ? "waits for its host" : name ? name : "unknown";
}

/* What Linux's driver does: refused commands become a CMD_SYNC, everything else is tried again. */
static enum replay_answer answer(struct replay_guest *base, const struct replay_error *error,
				 const struct replay_submission *submission)
{
	static const uint64_t sync[4] = {LINUX_SYNC};
	bool refused = error->code != VIQ_SMMUV3_CERROR_ABT && error->code != VIQ_SMMUV3_CERROR_ATC_INV_SYNC;

	if (refused)
		guest_store(base, error->index, sync);
	guest_write32(base, VIQ_SMMUV3_GERRORN, guest_read32(base, VIQ_SMMUV3_GERROR));
	guest_run(base);
	return refused ? REPLAY_REPLACED : REPLAY_RETRIED;
}

static void print_error(const struct replay_error *e)
{
	if (e->waited) {
		printf("CMDQ_CONS.RD %#x, and no error", e->index);
		return;
	}
	printf("CMDQ_CONS.RD %#x, CMDQ_CONS.ERR %u (%s), GERROR %#x, GERRORN %#x", e->index, e->code, e->name,
	       e->status[0], e->status[1]);
}

static void error_json(const struct replay_error *e, json_t *object)
{
	json_object_set_new(object, "cons_rd", json_integer(e->index));
	json_object_set_new(object, "cons_err", json_integer(e->code));
	json_object_set_new(object, "gerror", json_integer(e->status[0]));
	json_object_set_new(object, "gerrorn", json_integer(e->status[1]));
}

/* --- Failures ---------------------------------------------------------------------------------------------------- */

static bool is_reserved(const struct replay_guest *base, const uint64_t cmd[4])
{
	const struct viq_smmuv3_config *config = &((const struct smmuv3_guest *)base)->config;

	return viq_smmuv3_command_check(cmd, config) == VIQ_SMMUV3_CERROR_ILL;
}

static void arm(struct replay_guest *base, const struct viq_fault_failure *what, const uint64_t cmd[4])
{
	viq_fault_arm(base->fault, what);
}

const struct replay_arch replay_smmuv3 = {
	.iommu = "SMMUv3",
	.json = "smmuv3",
	.entry = "command",
	.sync = "CMD_SYNC",
	.replaced = "put a CMD_SYNC in its place and acknowledged",
	.retried = "acknowledged: the SMMU tries again",
	.host_kind = "a TLBI_*, CFGI_CD* or ATC_INV",
	.atc_kind = "an ATC_INV",
	.wraps = true,
	.opcode = VIQ_SMMUV3_CMD_OP,
	.contracts = true,
	.doorbell = VIQ_SMMUV3_CMDQ_PROD,
	.filler = {VIQ_SMMUV3_OP_SYNC},
	.kind = kind,
	.kind_name = kind_name,
	.text = text,
	.goes_to_host = goes_to_host,
	.goes_to_device = goes_to_device,
	.subject = smmuv3_subject,
	.ends_call = ends_call,
	.scan = scan_command,
	.size = sizeof(struct smmuv3_guest),
	.build = build,
	.destroy = destroy,
	.enable = enable,
	.start_queue = start_queue,
	.adapt = adapt,
	.is_reserved = is_reserved,
	.head = head,
	.completed = completed,
	.read = read_register,
	.write = write_register,
	.run = run,
	.stopped = stopped,
	.waits = waits,
	.note_error = note_error,
	.answer = answer,
	.counters = counters,
	.print_error = print_error,
	.error_json = error_json,
	.arm = arm,
	.populate = smmuv3_witness_populate,
	.unpopulate = smmuv3_witness_unpopulate,
	.use = smmuv3_witness_use,
	.cached = smmuv3_witness_cached,
	.stale = smmuv3_witness_stale,
};
