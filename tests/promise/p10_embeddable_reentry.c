/* SPDX-License-Identifier: MIT */
/*
 * P10: no re-entry through an address that the guest chooses. Messages of the unit, and its writes to memory behind
 * callbacks, may end in its own register page: such a write is kept, and acted on when the call is done. What else a
 * callback may call is harmless.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <viq/smmuv3.h>
#include <viq/vtd.h>

#include "support/test.h"
#include "support/counters.h"

#define RAM    UINT64_C(0x100000) /* from address 0 */
#define QUEUE  UINT64_C(0x10000)
#define EVENTS UINT64_C(0x20000)
#define PAGE   UINT64_C(0xfed00000) /* the unit's registers */
#define PAGES  UINT64_C(0x20000)
#define AWAY   UINT64_C(0xfe000000) /* another device */
#define KEPT   8                    /* register writes of callbacks, per call */

/* What a write of the unit goes through. */
enum door {
	MESSAGE, /* the hook msi() */
	MEMORY,  /* viq_mem_ops.write() */
};

struct command {
	uint64_t qw[2];
};

struct world;

struct arch {
	void (*create)(struct world *w, uint32_t budget);
	void (*destroy)(struct world *w);
	void (*boot)(struct world *w);
	void (*write)(struct world *w, uint64_t offset, uint32_t value);
	uint32_t (*read)(struct world *w, uint64_t offset);
	bool (*run)(struct world *w, uint32_t budget);
	void (*reset)(struct world *w);
	int (*save)(struct world *w, void *buf, size_t *len);
	int (*restore)(struct world *w, const void *buf, size_t len);
	int (*report)(struct world *w); /* a fault of a device */
	uint64_t (*lost)(struct world *w);
	uint64_t (*errors)(struct world *w); /* times that the queue stopped at an illegal command */
	/* Write data to address when this command completes. */
	struct command (*signal)(struct world *w, uint64_t address, uint32_t data);
	void (*aim_error)(struct world *w, uint64_t address, uint32_t data);
	struct command plain, illegal;
	uint32_t unit; /* of the tail register, per slot */
	uint64_t tail, error, plain_register;
	uint64_t control; /* a register, and what to write there to make the unit take its tables */
	uint32_t take;
	uint64_t enabled; /* a register that is 0 after a reset, and not while the queue is on */
	uint32_t acknowledge;
	uint32_t stops; /* see error_message_aimed_at_its_acknowledgement() */
};

struct world {
	const struct arch *arch;
	void *unit;
	struct viq_mem *mem;
	uint8_t *ram;
	enum door door;
	unsigned int depth, deepest; /* register writes inside each other */
	unsigned int kicks, resets;
	uint32_t taken[256]; /* slots that left the queue or stopped it, in order */
	unsigned int taken_count;
	void (*inside)(struct world *w); /* in the callback that takes the unit's write, once */
	void (*on_kick)(struct world *w);
	void (*on_reset)(struct world *w);
	void (*on_change)(struct world *w); /* of the unit's tables, but for a reset */
	int answers[4];
};

static void arrive(struct world *w, uint64_t address, uint32_t data)
{
	void (*inside)(struct world * w) = w->inside;

	w->inside = NULL;
	if (inside)
		inside(w);
	if (address < PAGE || address >= PAGE + PAGES)
		return;
	/* As deep as it can get if nothing stopped it: the test must end. */
	if (++w->depth > w->deepest)
		w->deepest = w->depth;
	if (w->depth < 100)
		w->arch->write(w, address - PAGE, data);
	w->depth--;
}

static int on_memory_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	memset(buf, 0, len);
	return 0;
}

static int on_memory_write(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
	const uint8_t *bytes = buf;

	for (size_t i = 0; i + 4 <= len; i += 4) {
		uint32_t word;

		memcpy(&word, bytes + i, 4);
		arrive(opaque, gpa + i, le32toh(word));
	}
	return 0;
}

static void on_kick(void *opaque)
{
	struct world *w = opaque;

	w->kicks++;
	if (w->on_kick)
		w->on_kick(w);
}

/* The unit's tables are not what they were: after a reset the guest's devices are set up anew. */
static void changed(struct world *w, bool reset)
{
	void (*hook)(struct world * w) = reset ? w->on_reset : w->on_change;

	w->resets += reset;
	if (hook)
		hook(w);
}

static void took(struct world *w, uint32_t slot)
{
	assert_true(w->taken_count < 256);
	w->taken[w->taken_count++] = slot;
}

/* --- SMMUv3 ------------------------------------------------------------------------------------------------------- */

#define SREG(name) VIQ_SMMUV3_##name

static int smmuv3_msi(void *opaque, uint64_t address, uint32_t data)
{
	struct world *w = opaque;

	if (w->door == MEMORY)
		return -EFAULT;
	arrive(w, address, data);
	return 0;
}

static void smmuv3_trace(void *opaque, const struct viq_smmuv3_trace *trace)
{
	took(opaque, trace->index);
}

static int smmuv3_reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	changed(opaque, what->cause == VIQ_SMMUV3_RESTORED);
	return 0;
}

static void smmuv3_create(struct world *w, uint32_t budget)
{
	static const struct viq_smmuv3_ops ops = {
		.size = sizeof(ops),
		.msi = smmuv3_msi,
		.trace = smmuv3_trace,
		.kick = on_kick,
		.reconfig = smmuv3_reconfig,
	};
	struct viq_smmuv3_config config;
	struct viq_smmuv3 *smmu;

	viq_smmuv3_config_init(&config, sizeof(config));
	config.idr0 |= VIQ_SMMUV3_IDR0_MSI;
	config.mem = w->mem;
	config.ops = &ops;
	config.opaque = w;
	config.budget = budget;
	assert_int_equal(viq_smmuv3_create(&config, &smmu, NULL), 0);
	w->unit = smmu;
}

static void smmuv3_destroy(struct world *w)
{
	viq_smmuv3_destroy(w->unit);
}

static void smmuv3_write(struct world *w, uint64_t offset, uint32_t value)
{
	viq_smmuv3_mmio_write(w->unit, offset, 4, value);
}

static uint32_t smmuv3_read(struct world *w, uint64_t offset)
{
	return (uint32_t)viq_smmuv3_mmio_read(w->unit, offset, 4);
}

static void smmuv3_boot(struct world *w)
{
	viq_smmuv3_mmio_write(w->unit, SREG(CMDQ_BASE), 8, QUEUE | 7);
	viq_smmuv3_mmio_write(w->unit, SREG(EVENTQ_BASE), 8, EVENTS | 4);
	viq_smmuv3_mmio_write(w->unit, SREG(EVENTQ_IRQ_CFG0), 8, AWAY);
	smmuv3_write(w, SREG(IRQ_CTRL), SREG(IRQ_CTRL_EVENTQ_IRQEN));
	smmuv3_write(w, SREG(CR0), SREG(CR0_CMDQEN) | SREG(CR0_EVENTQEN));
}

static bool smmuv3_run(struct world *w, uint32_t budget)
{
	return viq_smmuv3_run(w->unit, budget);
}

static void smmuv3_reset(struct world *w)
{
	viq_smmuv3_reset(w->unit);
}

static int smmuv3_save(struct world *w, void *buf, size_t *len)
{
	return viq_smmuv3_save(w->unit, buf, len);
}

static int smmuv3_restore(struct world *w, const void *buf, size_t len)
{
	return viq_smmuv3_restore(w->unit, buf, len);
}

static int smmuv3_report(struct world *w)
{
	const uint64_t record[4] = {0x10};

	return viq_smmuv3_event(w->unit, record);
}

static uint64_t smmuv3_lost(struct world *w)
{
	return smmuv3_counters(w->unit).writes_lost;
}

static uint64_t smmuv3_errors(struct world *w)
{
	return smmuv3_counters(w->unit).cerror[VIQ_SMMUV3_CERROR_ILL];
}

static struct command smmuv3_signal(struct world *w, uint64_t address, uint32_t data)
{
	return (struct command){
		{VIQ_SMMUV3_OP_SYNC | VIQ_PUT(SREG(SYNC_CS), SREG(SYNC_CS_IRQ)) | VIQ_PUT(SREG(SYNC_MSIDATA), data),
		 address}};
}

static void smmuv3_aim_error(struct world *w, uint64_t address, uint32_t data)
{
	viq_smmuv3_mmio_write(w->unit, SREG(GERROR_IRQ_CFG0), 8, address);
	smmuv3_write(w, SREG(GERROR_IRQ_CFG1), data);
	smmuv3_write(w, SREG(IRQ_CTRL), SREG(IRQ_CTRL_GERROR_IRQEN));
}

static const struct arch smmuv3 = {
	.create = smmuv3_create,
	.destroy = smmuv3_destroy,
	.boot = smmuv3_boot,
	.write = smmuv3_write,
	.read = smmuv3_read,
	.run = smmuv3_run,
	.reset = smmuv3_reset,
	.save = smmuv3_save,
	.restore = smmuv3_restore,
	.report = smmuv3_report,
	.lost = smmuv3_lost,
	.errors = smmuv3_errors,
	.signal = smmuv3_signal,
	.aim_error = smmuv3_aim_error,
	.plain = {{VIQ_SMMUV3_OP_TLBI_NSNH_ALL}},
	.illegal = {{0xff}},
	.unit = 1,
	.tail = SREG(CMDQ_PROD),
	.error = SREG(GERRORN),
	.plain_register = SREG(GERROR_IRQ_CFG1),
	.control = SREG(CR0),
	.take = VIQ_SMMUV3_CR0_SMMUEN,
	.enabled = SREG(CR0),
	.acknowledge = SREG(GERROR_CMDQ_ERR),
	/* The second error makes GERROR 0: the same message does not acknowledge it. */
	.stops = 2,
};

/* --- VT-d --------------------------------------------------------------------------------------------------------- */

#define VREG(name) VIQ_VTD_##name

static void vtd_msi(void *opaque, uint64_t address, uint32_t data)
{
	arrive(opaque, address, data);
}

static void vtd_trace(void *opaque, const struct viq_vtd_trace *trace)
{
	took(opaque, trace->head / VIQ_VTD_DESC_SIZE_128);
}

static int vtd_reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
	changed(opaque, what->cause == VIQ_VTD_RESTORED);
	return 0;
}

static void vtd_create(struct world *w, uint32_t budget)
{
	static const struct viq_vtd_ops ops = {
		.size = sizeof(ops),
		.msi = vtd_msi,
		.trace = vtd_trace,
		.kick = on_kick,
		.reconfig = vtd_reconfig,
	};
	struct viq_vtd_config config;
	struct viq_vtd *vtd;

	viq_vtd_config_init(&config, sizeof(config));
	config.mem = w->mem;
	config.ops = &ops;
	config.opaque = w;
	config.budget = budget;
	assert_int_equal(viq_vtd_create(&config, &vtd, NULL), 0);
	w->unit = vtd;
}

static void vtd_destroy(struct world *w)
{
	viq_vtd_destroy(w->unit);
}

static void vtd_write(struct world *w, uint64_t offset, uint32_t value)
{
	viq_vtd_mmio_write(w->unit, offset, 4, value);
}

static uint32_t vtd_read(struct world *w, uint64_t offset)
{
	return (uint32_t)viq_vtd_mmio_read(w->unit, offset, 4);
}

/* A queue of 256 descriptors of 128 bits, in legacy mode. */
static void vtd_boot(struct world *w)
{
	viq_vtd_mmio_write(w->unit, VREG(IQA), 8, QUEUE);
	vtd_write(w, VREG(FEADDR), (uint32_t)AWAY);
	vtd_write(w, VREG(FECTL), 0);
	vtd_write(w, VREG(IECTL), 0);
	vtd_write(w, VREG(GCMD), VREG(GCMD_QIE));
}

static bool vtd_run(struct world *w, uint32_t budget)
{
	return viq_vtd_run(w->unit, budget);
}

static void vtd_reset(struct world *w)
{
	viq_vtd_reset(w->unit);
}

static int vtd_save(struct world *w, void *buf, size_t *len)
{
	return viq_vtd_save(w->unit, buf, len);
}

static int vtd_restore(struct world *w, const void *buf, size_t len)
{
	return viq_vtd_restore(w->unit, buf, len);
}

static int vtd_report(struct world *w)
{
	const uint64_t record[2] = {0x1000, 5};

	return viq_vtd_fault(w->unit, record);
}

static uint64_t vtd_lost(struct world *w)
{
	return vtd_counters(w->unit).writes_lost;
}

static uint64_t vtd_errors(struct world *w)
{
	return vtd_counters(w->unit).iqe[VIQ_VTD_IQEI_TYPE];
}

static struct command vtd_signal(struct world *w, uint64_t address, uint32_t data)
{
	if (w->door == MEMORY)
		return (struct command){{5 | VREG(WAIT_SW) | (uint64_t)data << 32, address}};
	vtd_write(w, VREG(IEADDR), (uint32_t)address);
	vtd_write(w, VREG(IEDATA), data);
	return (struct command){{5 | VREG(WAIT_IF)}};
}

static void vtd_aim_error(struct world *w, uint64_t address, uint32_t data)
{
	vtd_write(w, VREG(FEADDR), (uint32_t)address);
	vtd_write(w, VREG(FEDATA), data);
}

static const struct arch vtd = {
	.create = vtd_create,
	.destroy = vtd_destroy,
	.boot = vtd_boot,
	.write = vtd_write,
	.read = vtd_read,
	.run = vtd_run,
	.reset = vtd_reset,
	.save = vtd_save,
	.restore = vtd_restore,
	.report = vtd_report,
	.lost = vtd_lost,
	.errors = vtd_errors,
	.signal = vtd_signal,
	.aim_error = vtd_aim_error,
	.plain = {{2 | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_IOTLB_GLOBAL)}},
	.illegal = {{0xf}},
	.unit = VIQ_VTD_DESC_SIZE_128,
	.tail = VREG(IQT),
	.error = VREG(FSTS),
	.plain_register = VREG(FEDATA),
	.control = VREG(GCMD),
	.take = VIQ_VTD_GCMD_SRTP,
	.enabled = VREG(GSTS),
	.acknowledge = VREG(FSTS_IQE),
	/* Each message clears the error, and the queue stops again, until no more are kept. */
	.stops = 1 + KEPT,
};

/* --- The tests ---------------------------------------------------------------------------------------------------- */

static struct world *open_world(const struct arch *arch, enum door door, uint32_t budget)
{
	static const struct viq_mem_ops ops = {.size = sizeof(ops), .read = on_memory_read, .write = on_memory_write};
	struct world *w = calloc(1, sizeof(*w));
	struct viq_mem_region region = {.size = RAM};

	assert_non_null(w);
	w->arch = arch;
	w->door = door;
	w->ram = calloc(1, RAM);
	assert_non_null(w->ram);
	region.host = w->ram;
	assert_int_equal(viq_mem_create(&region, 1, &ops, w, &w->mem, NULL), 0);
	arch->create(w, budget);
	arch->boot(w);
	return w;
}

static void close_world(struct world *w)
{
	w->arch->destroy(w);
	viq_mem_destroy(w->mem);
	free(w->ram);
	free(w);
}

static void put(struct world *w, uint32_t slot, struct command command)
{
	const uint64_t raw[2] = {htole64(command.qw[0]), htole64(command.qw[1])};

	memcpy(w->ram + QUEUE + 16 * (size_t)slot, raw, sizeof(raw));
}

static void put_plain(struct world *w, uint32_t first, uint32_t end)
{
	while (first < end)
		put(w, first++, w->arch->plain);
}

static void ring(struct world *w, uint32_t tail)
{
	w->arch->write(w, w->arch->tail, tail * w->arch->unit);
}

/* Slots [0, count) left the queue, each once and in order. */
static void assert_taken(const struct world *w, uint32_t count)
{
	assert_int_equal(w->taken_count, count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(w->taken[i], i);
}

static void message_aimed_at_the_tail(const struct arch *arch, enum door door)
{
	struct world *w = open_world(arch, door, 0);

	/* The same tail again: nothing is consumed twice, and nothing beyond it. */
	put(w, 0, arch->signal(w, PAGE + arch->tail, 3 * arch->unit));
	put_plain(w, 1, 5);
	ring(w, 3);
	assert_taken(w, 3);
	/* At most the guest's own write and one that is kept. */
	assert_true(w->deepest == 1);
	close_world(w);
}

static void message_that_moves_the_tail(const struct arch *arch, enum door door)
{
	struct world *w = open_world(arch, door, 0);

	/* It arrives, after what was going on. */
	put(w, 0, arch->signal(w, PAGE + arch->tail, 5 * arch->unit));
	put_plain(w, 1, 6);
	ring(w, 1);
	assert_taken(w, 5);
	assert_int_equal(arch->lost(w), 0);
	close_world(w);
}

static void error_message_aimed_at_its_acknowledgement(const struct arch *arch, enum door door)
{
	struct world *w = open_world(arch, door, 0);

	arch->aim_error(w, PAGE + arch->error, arch->acknowledge);
	put(w, 0, arch->illegal);
	ring(w, 1);
	assert_int_equal(w->deepest, 1);
	assert_int_equal(arch->errors(w), arch->stops);
	/* The last message of those that no kept write is left for. */
	assert_int_equal(arch->lost(w), arch->stops > KEPT);
	close_world(w);
}

static void writes_are_kept_in_order_and_bounded(const struct arch *arch, enum door door)
{
	struct world *w = open_world(arch, MEMORY, 0);

	for (uint32_t i = 0; i < KEPT + 4; i++)
		put(w, i, arch->signal(w, PAGE + arch->plain_register, 100 + i));
	ring(w, KEPT + 4);
	assert_taken(w, KEPT + 4);
	assert_int_equal(arch->read(w, arch->plain_register), 100 + KEPT - 1);
	assert_int_equal(arch->lost(w), 4);
	/* Not for ever. */
	put(w, KEPT + 4, arch->signal(w, PAGE + arch->plain_register, 7));
	ring(w, KEPT + 5);
	assert_int_equal(arch->read(w, arch->plain_register), 7);
	assert_int_equal(arch->lost(w), 4);
	close_world(w);
}

static void kept_writes_share_the_budget(const struct arch *arch, enum door door)
{
	struct world *w = open_world(arch, door, 4);

	put(w, 0, arch->signal(w, PAGE + arch->tail, 20 * arch->unit));
	put_plain(w, 1, 21);
	ring(w, 1);
	assert_taken(w, 4);
	assert_int_equal(w->kicks, 1);
	while (arch->run(w, 4)) {
	}
	assert_taken(w, 20);
	/* What run() returns says it. */
	assert_int_equal(w->kicks, 1);
	close_world(w);
}

static void kept_writes_of_a_run(const struct arch *arch, enum door door)
{
	struct world *w = open_world(arch, door, arch == &vtd ? VIQ_VTD_DEFER : VIQ_SMMUV3_DEFER);

	put(w, 0, arch->signal(w, PAGE + arch->tail, 3 * arch->unit));
	put_plain(w, 1, 4);
	ring(w, 1);
	assert_taken(w, 0);
	/* Its budget is used up by what was there: the rest is left, and run() says so. */
	assert_true(arch->run(w, 1));
	assert_taken(w, 1);
	assert_false(arch->run(w, 8));
	assert_taken(w, 3);
	close_world(w);
}

static void call_everything(struct world *w)
{
	static uint8_t state[65536];
	size_t len = sizeof(state);

	w->answers[0] = w->arch->run(w, 0);
	w->answers[1] = w->arch->save(w, state, &len);
	w->answers[2] = w->arch->restore(w, state, 64);
	w->answers[3] = w->arch->report(w);
}

static void calls_inside_are_refused_or_done(const struct arch *arch, enum door door)
{
	struct world *w = open_world(arch, door, 0);

	put(w, 0, arch->signal(w, AWAY, 1));
	put_plain(w, 1, 4);
	w->inside = call_everything;
	ring(w, 4);
	assert_taken(w, 4);
	assert_null(w->inside);
	assert_false(w->answers[0]);
	assert_int_equal(w->answers[1], -EBUSY);
	assert_int_equal(w->answers[2], -EBUSY);
	assert_int_equal(w->answers[3], 0);
	assert_int_equal(w->kicks, 0);
	/* Only inside. */
	call_everything(w);
	assert_int_equal(w->answers[1], 0);
	assert_int_equal(w->answers[2], -EINVAL);
	close_world(w);
}

static void only_run(struct world *w)
{
	w->answers[0] = w->arch->run(w, 0);
}

static void run_inside_is_made_up_for(const struct arch *arch, enum door door)
{
	struct world *w = open_world(arch, MESSAGE, arch == &vtd ? VIQ_VTD_DEFER : VIQ_SMMUV3_DEFER);

	put_plain(w, 0, 2);
	ring(w, 2);
	assert_int_equal(w->kicks, 1);
	/* A report of a device sends a message: a run there does nothing, but is not forgotten. */
	w->inside = only_run;
	assert_int_equal(arch->report(w), 0);
	assert_null(w->inside);
	assert_false(w->answers[0]);
	assert_taken(w, 0);
	assert_int_equal(w->kicks, 2);
	close_world(w);
}

static void run_from_kick(const struct arch *arch, enum door door)
{
	struct world *w = open_world(arch, door, 1);

	w->on_kick = only_run;
	put_plain(w, 0, 9);
	ring(w, 9);
	assert_taken(w, 9);
	assert_int_equal(w->kicks, 1);
	close_world(w);
}

static void only_reset(struct world *w)
{
	w->arch->reset(w);
	w->answers[0] = w->arch->read(w, w->arch->enabled) != 0;
	w->answers[1] = (int)w->resets;
}

static void reset_inside_comes_last(const struct arch *arch, enum door door)
{
	struct world *w = open_world(arch, door, 0);

	put(w, 0, arch->signal(w, PAGE + arch->tail, 3 * arch->unit));
	put_plain(w, 1, 4);
	w->inside = only_reset;
	ring(w, 2);
	assert_true(w->answers[0]);
	assert_int_equal(w->answers[1], 0);
	/* The call has ended as it would have, and then the reset. */
	assert_taken(w, 3);
	assert_int_equal(w->resets, 1);
	assert_int_equal(arch->read(w, arch->enabled), 0);
	assert_int_equal(arch->read(w, arch->tail), 0);
	/* As if new. */
	w->taken_count = 0;
	put_plain(w, 0, 2);
	arch->boot(w);
	ring(w, 2);
	assert_taken(w, 2);
	close_world(w);
}

static void write_and_reset(struct world *w)
{
	w->arch->write(w, w->arch->plain_register, 0x11);
	w->arch->reset(w);
}

static void write_again(struct world *w)
{
	w->arch->write(w, w->arch->plain_register, 0x22);
}

/* What a call writes is gone with its reset; what comes in the reset is of the time after it. */
static void writes_in_a_reset_come_after_it(const struct arch *arch, enum door door)
{
	struct world *w = open_world(arch, door, 0);

	put(w, 0, arch->signal(w, AWAY, 0));
	w->inside = write_and_reset;
	ring(w, 1);
	assert_int_equal(w->resets, 1);
	assert_int_equal(arch->read(w, arch->plain_register), 0);
	arch->boot(w);
	put(w, 0, arch->signal(w, AWAY, 0));
	w->inside = write_and_reset;
	w->on_reset = write_again;
	ring(w, 1);
	assert_int_equal(w->resets, 2);
	assert_int_equal(arch->read(w, arch->plain_register), 0x22);
	assert_int_equal(arch->lost(w), 0);
	close_world(w);
}

static void take_tables(struct world *w)
{
	w->on_reset = NULL;
	w->arch->write(w, w->arch->control, w->arch->take);
}

static void reset_and_write(struct world *w)
{
	w->on_change = NULL;
	w->arch->write(w, w->arch->plain_register, 0x22);
	w->arch->reset(w);
	w->arch->reset(w);
}

/* A reset that is asked for by what was kept in a reset is done, too; what was written before it is gone. */
static void reset_asked_for_behind_a_reset(const struct arch *arch, enum door door)
{
	struct world *w = open_world(arch, door, 0);

	put(w, 0, arch->signal(w, AWAY, 0));
	w->inside = only_reset;
	w->on_reset = take_tables;
	w->on_change = reset_and_write;
	ring(w, 1);
	assert_null(w->on_reset);
	assert_null(w->on_change);
	assert_int_equal(w->resets, 2);
	assert_int_equal(arch->read(w, arch->plain_register), 0);
	assert_int_equal(arch->lost(w), 0);
	close_world(w);
}

static void write_and_reset_once(struct world *w)
{
	w->on_reset = NULL;
	write_and_reset(w);
}

static void reset_always(struct world *w)
{
	w->arch->reset(w);
}

/* One that is asked for in a reset comes after what was written there, too; without such it is the same one. */
static void reset_asked_for_in_a_reset(const struct arch *arch, enum door door)
{
	struct world *w = open_world(arch, door, 0);

	put(w, 0, arch->signal(w, AWAY, 0));
	w->inside = only_reset;
	w->on_reset = write_and_reset_once;
	ring(w, 1);
	assert_int_equal(w->resets, 2);
	assert_int_equal(arch->read(w, arch->plain_register), 0);
	arch->boot(w);
	put(w, 0, arch->signal(w, AWAY, 0));
	w->inside = only_reset;
	w->on_reset = reset_always;
	ring(w, 1);
	assert_int_equal(w->resets, 3);
	/* They end, as writes do. */
	w->on_reset = NULL;
	arch->boot(w);
	put(w, 0, arch->signal(w, AWAY, 0));
	w->inside = only_reset;
	w->on_reset = write_and_reset;
	ring(w, 1);
	assert_int_equal(w->resets, 3 + 1 + KEPT);
	assert_int_equal(arch->read(w, arch->plain_register), 0);
	close_world(w);
}

typedef void (*scene)(const struct arch *arch, enum door door);

static const struct {
	const char *name;
	scene scene;
} scenes[] = {
	{"message_aimed_at_the_tail", message_aimed_at_the_tail},
	{"message_that_moves_the_tail", message_that_moves_the_tail},
	{"error_message_aimed_at_its_acknowledgement", error_message_aimed_at_its_acknowledgement},
	{"writes_are_kept_in_order_and_bounded", writes_are_kept_in_order_and_bounded},
	{"kept_writes_share_the_budget", kept_writes_share_the_budget},
	{"kept_writes_of_a_run", kept_writes_of_a_run},
	{"calls_inside_are_refused_or_done", calls_inside_are_refused_or_done},
	{"run_inside_is_made_up_for", run_inside_is_made_up_for},
	{"run_from_kick", run_from_kick},
	{"reset_inside_comes_last", reset_inside_comes_last},
	{"writes_in_a_reset_come_after_it", writes_in_a_reset_come_after_it},
	{"reset_asked_for_behind_a_reset", reset_asked_for_behind_a_reset},
	{"reset_asked_for_in_a_reset", reset_asked_for_in_a_reset},
};

/* Every scene for both architectures through both doors. */
static void play(void **state)
{
	const scene play_one = scenes[(uintptr_t)*state].scene;

	play_one(&smmuv3, MESSAGE);
	play_one(&smmuv3, MEMORY);
	play_one(&vtd, MESSAGE);
	play_one(&vtd, MEMORY);
}

static void only_report(struct world *w)
{
	w->answers[0] = w->arch->report(w);
}

/* The memory of the event queue is another device, whose access faults while the record is written. */
static void event_of_an_events_record(void **state)
{
	struct world *w = open_world(&smmuv3, MESSAGE, 0);

	smmuv3_write(w, SREG(CR0), SREG(CR0_CMDQEN));
	viq_smmuv3_mmio_write(w->unit, SREG(EVENTQ_BASE), 8, AWAY | 4);
	smmuv3_write(w, SREG(CR0), SREG(CR0_CMDQEN) | SREG(CR0_EVENTQEN));
	w->inside = only_report;
	assert_int_equal(smmuv3_report(w), 0);
	assert_null(w->inside);
	/* It has no place: the one at PROD is being written. */
	assert_int_equal(w->answers[0], -ENOSPC);
	assert_int_equal(smmuv3_read(w, SREG(EVENTQ_PROD)), SREG(EVENTQ_OVFLG) | 1);
	assert_int_equal(smmuv3_report(w), 0);
	close_world(w);
}

/* Records that are written over the registers: eight words, all kept. */
static void event_queue_in_the_register_page(void **state)
{
	struct world *w = open_world(&smmuv3, MESSAGE, 0);

	smmuv3_write(w, SREG(CR0), SREG(CR0_CMDQEN));
	/* Slot 0 of 16 is IDR0 to IDR6; slot 1 CR0 to GBPA. */
	viq_smmuv3_mmio_write(w->unit, SREG(EVENTQ_BASE), 8, PAGE | 4);
	smmuv3_write(w, SREG(EVENTQ_PROD), 1);
	smmuv3_write(w, SREG(EVENTQ_CONS), 1);
	smmuv3_write(w, SREG(CR0), SREG(CR0_CMDQEN) | SREG(CR0_EVENTQEN));
	assert_int_equal(smmuv3_report(w), 0);
	assert_int_equal(w->deepest, 1);
	/* Recorded first; then CR0 is what the record's first word makes it. */
	assert_int_equal(smmuv3_read(w, SREG(EVENTQ_PROD)), 2);
	assert_int_equal(smmuv3_read(w, SREG(CR0)), 0);
	assert_int_equal(smmuv3_lost(w), 0);
	close_world(w);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(scenes) / sizeof(scenes[0]) + 2] = {
		cmocka_unit_test(event_of_an_events_record),
		cmocka_unit_test(event_queue_in_the_register_page),
	};

	for (uintptr_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		tests[i + 2] =
			(struct CMUnitTest){.name = scenes[i].name, .test_func = play, .initial_state = (void *)i};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
