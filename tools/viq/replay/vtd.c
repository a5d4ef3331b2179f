// SPDX-License-Identifier: MIT
/* Replaying an invalidation queue of a VT-d: its registers, its driver's ways, its descriptors. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "log.h"
#include "vtd.h"
#include "tool.h"

#define KIND_INVALID 16 /* kinds are types, and this one for what is none */
#define INVALID_TYPE 0xf
#define GCMD_LEVELS  (VIQ_VTD_GCMD_TE | VIQ_VTD_GCMD_QIE | VIQ_VTD_GCMD_IRE | VIQ_VTD_GCMD_CFI)

static struct vtd_guest *of(struct replay_guest *guest)
{
	return (struct vtd_guest *)guest;
}

/* --- Descriptors ------------------------------------------------------------------------------------------------- */

static unsigned int kind(const uint64_t desc[4])
{
	return viq_vtd_descriptor_name(desc) ? (unsigned int)VIQ_GET(VIQ_VTD_DESC_TYPE, desc[0]) : KIND_INVALID;
}

static const char *kind_name(unsigned int kind)
{
	const uint64_t desc[4] = {kind};
	const char *name = kind < KIND_INVALID ? viq_vtd_descriptor_name(desc) : NULL;

	return name ? name : "invalid";
}

static void text(const uint64_t desc[4], char *buf, size_t len)
{
	viq_vtd_descriptor_text(desc, NULL, buf, len);
}

static bool goes_to_device(const uint64_t desc[4])
{
	return kind(desc) == VIQ_VTD_TYPE_DEVTLB || kind(desc) == VIQ_VTD_TYPE_PDEVTLB;
}

static bool goes_to_host(const uint64_t desc[4])
{
	return kind(desc) == VIQ_VTD_TYPE_IOTLB || kind(desc) == VIQ_VTD_TYPE_PIOTLB;
}

/* Before everything else the front end sends what it has. */
static bool ends_call(const uint64_t desc[4])
{
	return !goes_to_host(desc);
}

/* --- What a capture needs ---------------------------------------------------------------------------------------- */

static void note_table(struct scan_vtd *scan, uint16_t domain_id, uint32_t pasid)
{
	for (size_t i = 0; i < scan->table_count; i++)
		if (scan->tables[i].domain_id == domain_id && scan->tables[i].pasid == pasid)
			return;
	if (scan->table_count < SCAN_MAX_TABLES)
		scan->tables[scan->table_count++] = (struct scan_table){domain_id, pasid};
}

static void note_source(struct scan_vtd *scan, uint64_t sid, uint64_t pasid, bool ats)
{
	struct scan_source *s = scan->sources, *end = s + scan->source_count;

	while (s < end && s->sid != sid)
		s++;
	if (s == end && scan->source_count == SCAN_MAX_TABLES)
		return;
	if (s == end) {
		*s = (struct scan_source){.sid = (uint16_t)sid};
		scan->source_count++;
	}
	if (ats && !s->ats)
		s->pasid = (uint32_t)pasid;
	s->ats |= ats;
}

static void scan_descriptor(struct scan *scan, const uint64_t desc[4])
{
	uint16_t domain_id = (uint16_t)VIQ_GET(VIQ_VTD_DESC_DID, desc[0]);

	if (kind(desc) == VIQ_VTD_TYPE_PIOTLB)
		note_table(&scan->vtd, domain_id, (uint32_t)VIQ_GET(VIQ_VTD_DESC_PASID, desc[0]));
	else if (kind(desc) == VIQ_VTD_TYPE_PC && VIQ_GET(VIQ_VTD_DESC_G, desc[0]) == VIQ_VTD_PC_PASID)
		note_table(&scan->vtd, domain_id, (uint32_t)VIQ_GET(VIQ_VTD_DESC_PASID, desc[0]));
	else if (kind(desc) == VIQ_VTD_TYPE_CC && VIQ_GET(VIQ_VTD_DESC_G, desc[0]) == VIQ_VTD_CC_DEVICE)
		note_source(&scan->vtd, VIQ_GET(VIQ_VTD_CC_SID, desc[0]), 0, false);
	else if (kind(desc) == VIQ_VTD_TYPE_DEVTLB)
		note_source(&scan->vtd, VIQ_GET(VIQ_VTD_DEVTLB_SID, desc[0]), 0, true);
	else if (kind(desc) == VIQ_VTD_TYPE_PDEVTLB)
		note_source(&scan->vtd, VIQ_GET(VIQ_VTD_PDEVTLB_SID, desc[0]), VIQ_GET(VIQ_VTD_DESC_PASID, desc[0]),
			    true);
	else if (kind(desc) == VIQ_VTD_TYPE_IOTLB && VIQ_GET(VIQ_VTD_DESC_G, desc[0]) > VIQ_VTD_IOTLB_GLOBAL)
		note_table(&scan->vtd, domain_id, 0);
}

/* --- Building ---------------------------------------------------------------------------------------------------- */

/* Without the software host there is no device that could hold a translation, or needs to be configured. */
/* There is no device that would wait for it. */
static int page_response(void *opaque, const struct viq_vtd_page_response *response)
{
	return 0;
}

static int devtlb(void *opaque, const struct viq_vtd_devtlb *inv)
{
	struct vtd_guest *guest = opaque;

	return guest->soft ? viq_soft_vtd_devtlb(guest->soft, inv) : 0;
}

static int reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
	struct vtd_guest *guest = opaque;

	return guest->nest ? viq_nest_vtd_reconfig(guest->nest, what) : 0;
}

/* The replay runs the queue again: see handle_errors(). */
static int wait_for_host(void *opaque, const struct viq_call_result *result, uint64_t times)
{
	return 0;
}

static uint32_t bring_faults(void *opaque)
{
	struct vtd_guest *guest = opaque;

	return guest->nest ? viq_nest_vtd_sync(guest->nest) : 0;
}

static const struct viq_vtd_ops ops = {
	.size = sizeof(struct viq_vtd_ops),
	.reconfig = reconfig,
	.devtlb = devtlb,
	.page_response = page_response,
	.kick = guest_kick,
	.host_wait = wait_for_host,
	.sync = bring_faults,
};

/* Every feature that recorded descriptors can use. */
static void offer_features(struct viq_vtd_config *config)
{
	viq_vtd_config_init(config, sizeof(*config));
	config->cap &= ~VIQ_VTD_CAP_MAMV;
	config->cap |= VIQ_PUT(VIQ_VTD_CAP_MAMV, 51);
	config->ecap |= VIQ_VTD_ECAP_DT | VIQ_VTD_ECAP_DIT | VIQ_VTD_ECAP_IR | VIQ_VTD_ECAP_EIM |
			VIQ_PUT(VIQ_VTD_ECAP_MHMV, 15) | VIQ_VTD_ECAP_SSTS | VIQ_VTD_ECAP_PRS | VIQ_VTD_ECAP_PDS;
}

/* A table behind every domain and PASID that the capture names, each of a device of its own. */
static int attach_null(struct vtd_guest *guest, const struct scan_vtd *scan)
{
	const struct viq_call_host null = viq_call_null_host();
	uint32_t handle;
	int err = 0;

	for (size_t i = 0; i < scan->table_count && !err; i++) {
		struct viq_vtd_table table = {
			.size = sizeof(table),
			.flags = scan->tables[i].pasid ? 0 : VIQ_VTD_TABLE_RID,
			.pasid = scan->tables[i].pasid,
			.domain_id = scan->tables[i].domain_id,
			.source_id = (uint16_t)(8 * (i + 1)),
			.host = log_host(guest->log, &null),
		};

		err = viq_vtd_attach(guest->vtd, &table, &handle);
	}
	return err;
}

/* Failures are made, and calls counted, in front of the tables' hosts. */
static int in_front(void *opaque, struct viq_call_host *host)
{
	struct vtd_guest *guest = opaque;
	struct viq_call_host behind = *host;
	int err = viq_fault_host(guest->base.fault, &behind, &behind, NULL);

	*host = log_host(guest->log, &behind);
	return err;
}

/* Devices come with the witnesses. */
static int add_soft(struct vtd_guest *guest)
{
	struct viq_soft_vtd_config soft;
	struct viq_nest_vtd_config nest;
	int err;

	viq_soft_vtd_config_init(&soft, sizeof(soft));
	soft.cap = guest->config.cap;
	soft.ecap = guest->config.ecap;
	soft.mem = guest->base.vmem;
	soft.tlb_entries = 1u << GUEST_TLB_LOG2;
	soft.devtlb_implied = 0;
	err = viq_soft_vtd_create(&soft, &guest->soft, NULL);
	if (err)
		return err;
	viq_nest_vtd_config_init(&nest, sizeof(nest));
	nest.backend = viq_soft_vtd_backend(guest->soft);
	nest.host = guest->base.fault ? in_front : NULL;
	nest.opaque = guest;
	err = viq_nest_vtd_create(&nest, &guest->nest, NULL);
	if (!err)
		err = viq_nest_vtd_bind(guest->nest, guest->vtd, guest->base.vmem);
	if (!err)
		err = viq_soft_thread_register();
	guest->registered = !err;
	return err;
}

static int build(struct replay_guest *base, const struct replay_options *options, const struct scan *scan,
		 struct viq_why *why)
{
	struct vtd_guest *guest = of(base);
	int err;

	guest->root = synth_alloc(&guest->base.mem, 12);
	guest->status = synth_alloc(&guest->base.mem, 2 + (unsigned int)__builtin_ctz(scan->max_entries));
	if (guest->root == SYNTH_NONE || guest->status == SYNTH_NONE)
		return -ENOMEM;
	guest->scalable = !scan->vtd.narrow;
	guest->status_end = guest->status + UINT64_C(4) * scan->max_entries;
	guest->log = options->log;
	offer_features(&guest->config);
	guest->config.budget = options->budget ? options->budget : VIQ_WORK_UNLIMITED;
	guest->config.mem = guest->base.vmem;
	guest->config.ops = &ops;
	guest->config.opaque = guest;
	err = viq_vtd_create(&guest->config, &guest->vtd, why);
	if (err)
		return err;
	*why = options->soft ? (struct viq_why){"cannot make the software host"}
			     : (struct viq_why){"cannot make the page tables' hosts"};
	return options->soft ? add_soft(guest) : attach_null(guest, &scan->vtd);
}

static void destroy(struct replay_guest *base)
{
	viq_nest_vtd_destroy(of(base)->nest);
	viq_vtd_destroy(of(base)->vtd);
	if (of(base)->registered)
		viq_soft_thread_unregister();
	viq_soft_vtd_destroy(of(base)->soft);
}

/* --- Registers --------------------------------------------------------------------------------------------------- */

static uint64_t read_register(struct replay_guest *base, uint64_t offset, unsigned int size)
{
	return viq_vtd_mmio_read(of(base)->vtd, offset, size);
}

static void write_register(struct replay_guest *base, uint64_t offset, unsigned int size, uint64_t value)
{
	viq_vtd_mmio_write(of(base)->vtd, offset, size, value);
}

/* And wait, as drivers do, until GSTS shows it: a command may be left for later runs. */
static void command(struct replay_guest *base, uint32_t value)
{
	guest_write32(base, VIQ_VTD_GCMD, value);
	guest_run(base);
}

static void set_root(struct replay_guest *base, bool scalable)
{
	uint64_t levels = guest_read32(base, VIQ_VTD_GSTS) & GCMD_LEVELS;
	uint64_t mode = VIQ_PUT(VIQ_VTD_RTADDR_TTM, scalable ? VIQ_VTD_TTM_SCALABLE : VIQ_VTD_TTM_LEGACY);

	guest_write64(base, VIQ_VTD_RTADDR, of(base)->root | mode);
	command(base, levels | VIQ_VTD_GCMD_SRTP);
}

static void enable(struct replay_guest *base)
{
	set_root(base, of(base)->scalable);
	command(base, VIQ_VTD_GCMD_TE);
}

/* Enabling puts IQH to 0; a queue that was recorded from its middle on gets there over wait descriptors. */
static void start_queue(struct replay_guest *base, uint32_t first)
{
	uint64_t levels = guest_read32(base, VIQ_VTD_GSTS) & GCMD_LEVELS & ~VIQ_VTD_GCMD_QIE;
	uint32_t bytes = base->ring.entries * base->ring.entry_size;

	for (uint32_t i = 0; i < first; i++)
		guest_store(base, i, replay_vtd.filler);
	guest_write32(base, VIQ_VTD_GCMD, levels);
	/* The guest may have been another one then, of the other mode. The software host's tables are of one mode. */
	if (!of(base)->soft)
		set_root(base, base->ring.entry_size == VIQ_VTD_DESC_SIZE_256);
	guest_write32(base, VIQ_VTD_IQT, 0);
	guest_write64(base, VIQ_VTD_IQA,
		      base->ring.base | VIQ_PUT(VIQ_VTD_IQA_QS, __builtin_ctz(bytes / 4096)) |
			      (base->ring.entry_size == VIQ_VTD_DESC_SIZE_256 ? VIQ_VTD_IQA_DW : 0));
	guest_write32(base, VIQ_VTD_GCMD, levels | VIQ_VTD_GCMD_QIE);
	guest_write32(base, VIQ_VTD_IQT, first * base->ring.entry_size);
	guest_run(base);
}

static uint32_t head(struct replay_guest *base)
{
	return guest_read32(base, VIQ_VTD_IQH) / base->ring.entry_size;
}

static bool run(struct replay_guest *base)
{
	return viq_vtd_run(of(base)->vtd, of(base)->config.budget);
}

/* --- Waits ------------------------------------------------------------------------------------------------------- */

static bool is_wait(const uint64_t desc[4])
{
	return kind(desc) == VIQ_VTD_TYPE_WAIT;
}

static uint32_t *status_word(struct vtd_guest *guest, uint64_t addr)
{
	return (uint32_t *)((char *)guest->base.ram + (addr - GUEST_RAM_BASE));
}

/* A status word of its own for each slot: the recorded address is one of another guest's memory. */
static void adapt(struct replay_guest *base, uint32_t index, uint64_t desc[4])
{
	struct vtd_guest *guest = of(base);
	uint64_t addr = guest->status + UINT64_C(4) * index;

	if (!is_wait(desc) || !(desc[0] & VIQ_VTD_WAIT_SW))
		return;
	desc[1] = (desc[1] & ~VIQ_VTD_WAIT_1_ADDR) | addr;
	*status_word(guest, addr) = ~(uint32_t)VIQ_GET(VIQ_VTD_WAIT_DATA, desc[0]);
}

/*
 * What the guest polls decides, not that the queue has passed the descriptor. Without a status word: the one that a
 * device time-out aborted is the last that the queue has passed when it stops.
 */
static bool completed(struct replay_guest *base, uint32_t index, const uint64_t desc[4])
{
	struct vtd_guest *guest = of(base);
	uint64_t addr = desc[1] & VIQ_VTD_WAIT_1_ADDR;

	if (!is_wait(desc))
		return false;
	if (!(desc[0] & VIQ_VTD_WAIT_SW))
		return !(guest_read32(base, VIQ_VTD_FSTS) & VIQ_VTD_FSTS_ITE) ||
		       index != ((head(base) - 1) & guest_index_mask(base));
	return addr >= guest->status && addr < guest->status_end &&
	       *status_word(guest, addr) == (uint32_t)VIQ_GET(VIQ_VTD_WAIT_DATA, desc[0]);
}

/* --- Errors ------------------------------------------------------------------------------------------------------ */

static bool stopped(struct replay_guest *base)
{
	return guest_read32(base, VIQ_VTD_FSTS) & (VIQ_VTD_FSTS_IQE | VIQ_VTD_FSTS_ITE);
}

static uint64_t waits(const struct replay_guest *base)
{
	return viq_vtd_waits_for_host(((const struct vtd_guest *)base)->vtd);
}

static void note_error(struct replay_guest *base, struct replay_error *error)
{
	uint32_t before = (error->index - 1) & guest_index_mask(base);
	uint64_t desc[4];

	error->status[0] = guest_read32(base, VIQ_VTD_FSTS);
	error->status[1] = guest_read32(base, VIQ_VTD_IQH);
	error->name = error->waited ? "waits for its host" : "device-TLB time-out";
	if (error->waited)
		return;
	if (error->status[0] & VIQ_VTD_FSTS_IQE) {
		error->code = (uint32_t)VIQ_GET(VIQ_VTD_IQERCD_IQEI, guest_read32(base, VIQ_VTD_IQERCD));
		error->name = viq_vtd_iqei_name(error->code);
		return;
	}
	guest_load(base, before, desc);
	if (is_wait(desc) && !completed(base, before, desc))
		error->index = before;
}

/*
 * What Linux's driver does. IQE: whoever submitted from IQH on overwrites that descriptor with its wait descriptor;
 * if nobody did, nobody does anything. ITE: cleared, and the queue goes on; who waits for an aborted wait descriptor
 * submits again.
 */
static enum replay_answer answer(struct replay_guest *base, const struct replay_error *error,
				 const struct replay_submission *submission)
{
	uint64_t wait[4];

	if (!(error->status[0] & VIQ_VTD_FSTS_IQE)) {
		guest_write32(base, VIQ_VTD_FSTS, VIQ_VTD_FSTS_ITE);
		guest_run(base);
		return error->index == error->status[1] / base->ring.entry_size ? REPLAY_RETRIED : REPLAY_AGAIN;
	}
	if (!submission->first)
		return REPLAY_STUCK;
	guest_load(base, submission->last, wait);
	guest_store(base, error->index, wait);
	guest_write32(base, VIQ_VTD_FSTS, VIQ_VTD_FSTS_IQE);
	guest_run(base);
	return REPLAY_REPLACED;
}

static void print_error(const struct replay_error *e)
{
	printf("IQH %#" PRIx32 ", FSTS %#" PRIx32, e->status[1], e->status[0]);
	if (e->waited)
		printf(", and no error");
	else if (e->status[0] & VIQ_VTD_FSTS_IQE)
		printf(" (IQE), IQERCD.IQEI %" PRIu32 " (%s)", e->code, e->name);
	else
		printf(" (ITE)");
}

static void error_json(const struct replay_error *e, json_t *object)
{
	json_object_set_new(object, "iqh", json_integer(e->status[1]));
	json_object_set_new(object, "fsts", json_integer(e->status[0]));
	json_object_set_new(object, "iqei", json_integer(e->code));
}

static void counters(const struct replay_guest *base, struct replay_result *result)
{
	struct viq_vtd_counters c = {0};
	struct replay_counters *out = &result->counters;
	size_t n = 0;

	(void)viq_vtd_counters(((const struct vtd_guest *)base)->vtd, &c, sizeof(c));
	out->calls = c.calls;
	out->host_calls = c.host_calls;
	out->entries = c.entries;
	memcpy(out->call_errors, c.call_errors, sizeof(out->call_errors));
	for (unsigned int iqei = 0; viq_vtd_iqei_name(iqei); iqei++, n++) {
		out->errors[n].name = viq_vtd_iqei_name(iqei);
		out->errors[n].count = c.iqe[iqei];
	}
	out->errors[n].name = "device-TLB time-out";
	out->errors[n].count = c.timeouts;
}

/* --- Failures ---------------------------------------------------------------------------------------------------- */

static bool is_reserved(const struct replay_guest *base, const uint64_t desc[4])
{
	const struct viq_vtd_config *config = &((const struct vtd_guest *)base)->config;

	return viq_vtd_descriptor_check(desc, 8 * base->ring.entry_size, config) == VIQ_VTD_IQEI_RESERVED;
}

/* A device that does not answer strikes at its descriptor, not at an entry. */
static void arm(struct replay_guest *base, const struct viq_fault_failure *what, const uint64_t desc[4])
{
	bool pasid = kind(desc) == VIQ_VTD_TYPE_PDEVTLB;
	uint64_t sid = VIQ_GET(pasid ? VIQ_VTD_PDEVTLB_SID : VIQ_VTD_DEVTLB_SID, desc[0]);
	struct viq_soft_vtd_dev *dev;

	if (!goes_to_device(desc)) {
		viq_fault_arm(base->fault, what);
		return;
	}
	dev = viq_soft_vtd_dev_find(of(base)->soft, (uint16_t)sid);
	if (dev)
		viq_soft_vtd_inject_devtlb(dev, what->kind == VIQ_FAULT_NONE ? 0 : -ETIMEDOUT, what->times);
}

const struct replay_arch replay_vtd = {
	.iommu = "VT-d",
	.json = "vtd",
	.entry = "descriptor",
	.sync = "wait descriptor",
	.replaced = "put its wait descriptor in its place and cleared IQE",
	.retried = "cleared ITE: the unit tries again",
	.again = "cleared ITE and queued the same again",
	.host_kind = "an iotlb or a pasid-iotlb",
	.atc_kind = "a device-tlb or pasid-device-tlb",
	.opcode = INVALID_TYPE,
	.doorbell = VIQ_VTD_IQT,
	.filler = {VIQ_VTD_TYPE_WAIT | VIQ_VTD_WAIT_FN},
	.kind = kind,
	.kind_name = kind_name,
	.text = text,
	.goes_to_host = goes_to_host,
	.goes_to_device = goes_to_device,
	.subject = vtd_subject,
	.ends_call = ends_call,
	.scan = scan_descriptor,
	.size = sizeof(struct vtd_guest),
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
	.populate = vtd_witness_populate,
	.unpopulate = vtd_witness_unpopulate,
	.use = vtd_witness_use,
	.cached = vtd_witness_cached,
	.stale = vtd_witness_stale,
};
