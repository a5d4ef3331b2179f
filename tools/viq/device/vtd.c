/* SPDX-License-Identifier: MIT */
/* The VT-d of QEMU's q35 machine. */
#include <errno.h>
#include <stdio.h>

#include <viq/nest_vtd.h>
#include <viq/soft_vtd.h>

#include "board.h"

struct vtd_board {
	struct board base;
	struct viq_vtd *vtd;
	struct viq_soft_vtd *soft; /* NULL: no device does anything */
	struct viq_nest_vtd *nest; /* with soft */
	bool registered;           /* the thread, for translating */
	/* ATC_TIMEOUT: device-TLB invalidations are not confirmed, but for the next index of them. */
	struct viq_fault_failure silent;
};

static struct vtd_board *of(struct board *board)
{
	return (struct vtd_board *)board;
}

static const struct viq_vtd *unit(const struct board *board)
{
	return ((const struct vtd_board *)board)->vtd;
}

/* --- The unit's surroundings ------------------------------------------------------------------------------------- */

/* A message to a processor shows as an interrupt of its vector; to anywhere else it is a write. */
static void message(void *opaque, uint64_t addr, uint32_t data)
{
	struct board *board = opaque;

	if (addr < VIQ_VTD_MSI_FIRST || addr > VIQ_VTD_MSI_LAST)
		viq_mem_write_u32(board->mem, addr, data);
	else if (board->qtest)
		qtest_irq_pulse(board->qtest, data & 0xff, data & 0xff);
}

/* Without the software host no device has anything cached, nor needs to be configured. */
static int devtlb(void *opaque, const struct viq_vtd_devtlb *inv)
{
	struct vtd_board *board = of(opaque);
	struct viq_fault_failure *silent = &board->silent;

	if (!board->soft)
		return 0;
	if (silent->kind != VIQ_FAULT_ATC_TIMEOUT || silent->index) {
		silent->index -= silent->index != 0;
		return viq_soft_vtd_devtlb(board->soft, inv);
	}
	if (silent->times && !--silent->times)
		silent->kind = VIQ_FAULT_NONE;
	return -ETIMEDOUT;
}

/* Device-TLB descriptors are no entries of the tables' hosts. */
static void inject(struct board *base, struct viq_fault_failure *what)
{
	of(base)->silent = *what;
	if (what->kind == VIQ_FAULT_ATC_TIMEOUT)
		what->kind = VIQ_FAULT_NONE;
}

static int reconfigure(void *opaque, struct viq_vtd_reconfig *what)
{
	return of(opaque)->nest ? viq_nest_vtd_reconfig(of(opaque)->nest, what) : 0;
}

static uint32_t bring_faults(void *opaque)
{
	return of(opaque)->nest ? viq_nest_vtd_sync(of(opaque)->nest) : 0;
}

static const struct viq_vtd_ops ops = {
	.size = sizeof(struct viq_vtd_ops),
	.msi = message,
	.reconfig = reconfigure,
	.devtlb = devtlb,
	.kick = board_kick,
	.sync = bring_faults,
};

/* --- Building ---------------------------------------------------------------------------------------------------- */

/* Failures are made in front of the tables' hosts. */
static int in_front(void *opaque, struct viq_call_host *host)
{
	const struct viq_call_host behind = *host;

	return viq_fault_host(opaque, &behind, host, NULL);
}

static int add_soft(struct vtd_board *board, const struct board_config *config)
{
	struct viq_soft_vtd_config soft;
	struct viq_nest_vtd_config nest;
	int err;

	viq_soft_vtd_config_init(&soft, sizeof(soft));
	soft.cap = config->vtd.cap;
	soft.ecap = config->vtd.ecap;
	soft.mem = board->base.mem;
	/* The unit's device-TLBs are the guest's to invalidate, as on hardware. */
	soft.devtlb_implied = 0;
	err = viq_soft_vtd_create(&soft, &board->soft, NULL);
	if (err)
		return err;
	viq_nest_vtd_config_init(&nest, sizeof(nest));
	nest.backend = viq_soft_vtd_backend(board->soft);
	nest.host = board->base.fault ? in_front : NULL;
	nest.opaque = board->base.fault;
	err = viq_nest_vtd_create(&nest, &board->nest, NULL);
	if (!err)
		err = viq_nest_vtd_bind(board->nest, board->vtd, board->base.mem);
	if (!err)
		err = viq_soft_thread_register();
	board->registered = !err;
	return err;
}

static int add_device(struct vtd_board *board, uint16_t source_id, bool ats)
{
	struct viq_soft_vtd_dev *dev;
	int err = viq_soft_vtd_dev_alloc(board->soft, source_id, &dev, NULL);

	return err ? err : viq_soft_vtd_dev_set_ats(dev, ats);
}

static int start(struct board *base, const struct board_config *config, struct viq_why *why)
{
	struct viq_vtd_config vtd = config->vtd;
	struct vtd_board *board = of(base);
	int err = 0;

	vtd.mem = base->mem;
	vtd.ops = &ops;
	vtd.opaque = base;
	err = viq_vtd_create(&vtd, &board->vtd, why);
	if (err)
		return err;
	*why = (struct viq_why){"cannot set the software host up; it needs CAP.CM = 1"};
	if (config->soft)
		err = add_soft(board, config);
	for (size_t i = 0; i < config->stream_count && config->soft && !err; i++)
		err = add_device(board, (uint16_t)config->streams[i], vtd.ecap & VIQ_VTD_ECAP_DT);
	/* Power on: only now do the devices learn that nothing is translated. */
	if (!err)
		viq_vtd_reset(board->vtd);
	return err;
}

static void stop(struct board *board)
{
	viq_nest_vtd_destroy(of(board)->nest);
	viq_vtd_destroy(of(board)->vtd);
	if (of(board)->registered)
		viq_soft_thread_unregister();
	viq_soft_vtd_destroy(of(board)->soft);
}

/* --- Use --------------------------------------------------------------------------------------------------------- */

static uint64_t read_register(struct board *board, uint64_t offset, unsigned int size)
{
	return viq_vtd_mmio_read(of(board)->vtd, offset, size);
}

static void write_register(struct board *board, uint64_t offset, unsigned int size, uint64_t value)
{
	viq_vtd_mmio_write(of(board)->vtd, offset, size, value);
}

static bool run(struct board *board, uint32_t budget)
{
	return viq_vtd_run(of(board)->vtd, budget);
}

static uint64_t waits(const struct board *board)
{
	return viq_vtd_waits_for_host(unit(board));
}

static void counters(const struct board *board, struct board_counters *out)
{
	struct viq_vtd_counters c = {0};
	char name[16];

	(void)viq_vtd_counters(unit(board), &c, sizeof(c));
	for (unsigned int type = 0; type < 16; type++) {
		const uint64_t desc[4] = {type};

		if (viq_vtd_descriptor_name(desc))
			board_count(out, viq_vtd_descriptor_name(desc), c.descriptors[type]);
	}
	for (unsigned int iqei = 0; iqei < 8; iqei++) {
		snprintf(name, sizeof(name), "iqe%u", iqei);
		board_count(out, name, c.iqe[iqei]);
	}
	board_count(out, "retries", c.retries);
	board_count(out, "timeouts", c.timeouts);
	board_count(out, "aborted", c.aborted);
	board_count(out, "ice", c.ice);
	board_count(out, "doorbells", c.doorbells);
	board_count(out, "runs", c.runs);
	board_count(out, "host_waits", c.host_waits);
	board_count(out, "calls", c.calls);
	board_count(out, "host_calls", c.host_calls);
	board_count(out, "entries", c.entries);
	board_count(out, "no_table", c.no_table);
	board_count(out, "status_lost", c.status_lost);
	board_count(out, "faults", c.faults);
	board_count(out, "faults_lost", c.faults_lost);
	board_count(out, "budget_ends", c.budget_ends);
	board_count(out, "writes_lost", c.writes_lost);
}

static size_t save_size(const struct board *board)
{
	return viq_vtd_save_size(unit(board));
}

static int save(const struct board *board, void *buf, size_t *len)
{
	return viq_vtd_save(unit(board), buf, len);
}

static int restore(struct board *board, const void *buf, size_t len)
{
	return viq_vtd_restore(of(board)->vtd, buf, len);
}

static void reset(struct board *board)
{
	viq_vtd_reset(of(board)->vtd);
}

static int dma(struct board *base, uint32_t sid, int64_t pasid, bool write, uint64_t iova, void *buf, size_t len)
{
	struct vtd_board *board = of(base);
	uint32_t flags = pasid < 0 ? 0 : VIQ_SOFT_SSV, number = pasid < 0 ? 0 : (uint32_t)pasid;
	struct viq_soft_vtd_dev *dev = NULL;
	int err, lost;
	bool message = write && pasid < 0 && iova >= VIQ_VTD_MSI_FIRST && iova <= VIQ_VTD_MSI_LAST;

	if (board->soft && sid <= UINT16_MAX)
		dev = viq_soft_vtd_dev_find(board->soft, (uint16_t)sid);
	if (!dev)
		return -ENODEV;
	if (message)
		return -ENOTSUP;
	err = write ? viq_soft_vtd_dma_write(dev, iova, number, flags | VIQ_SOFT_WRITE, buf, len)
		    : viq_soft_vtd_dma_read(dev, iova, number, flags | VIQ_SOFT_READ, buf, len);
	lost = viq_nest_vtd_faults(board->nest, 0);
	return err ? err : lost;
}

const struct board_arch board_vtd = {
	.name = "vtd",
	.machine = "q35",
	.registers = UINT64_C(0xfed90000),
	.registers_size = VIQ_VTD_MMIO_SIZE,
	.ram = 0,
	.ram_limit = UINT64_C(0x80000000), /* below the registers; q35 puts the rest above 4 GiB */
	.stream_limit = UINT16_MAX,
	.size = sizeof(struct vtd_board),
	.start = start,
	.stop = stop,
	.read = read_register,
	.write = write_register,
	.run = run,
	.waits = waits,
	.counters = counters,
	.save_size = save_size,
	.save = save,
	.restore = restore,
	.reset = reset,
	.inject = inject,
	.dma = dma,
};
