/* SPDX-License-Identifier: MIT */
/* The SMMUv3 of QEMU's virt machine. */
#include <errno.h>

#include "board.h"
#include "soft_guest.h"

/* Wired interrupts: shared peripheral interrupts of virt's interrupt controller, and lines of the device. */
#define SPI_EVENTQ   74
#define SPI_CMD_SYNC 76
#define SPI_GERROR   77

struct smmuv3_board {
	struct board base;
	struct viq_smmuv3 *smmu;
	bool has_soft;
	struct soft_guest soft;
};

static struct smmuv3_board *of(struct board *board)
{
	return (struct smmuv3_board *)board;
}

static const struct viq_smmuv3 *unit(const struct board *board)
{
	return ((const struct smmuv3_board *)board)->smmu;
}

/* --- The SMMU's surroundings ------------------------------------------------------------------------------------- */

static void pulse_irq(void *opaque, enum viq_smmuv3_irq which)
{
	static const struct {
		uint8_t spi, line;
	} wires[] = {
		[VIQ_SMMUV3_IRQ_EVENTQ] = {SPI_EVENTQ, 0},
		[VIQ_SMMUV3_IRQ_CMD_SYNC] = {SPI_CMD_SYNC, 2},
		[VIQ_SMMUV3_IRQ_GERROR] = {SPI_GERROR, 3},
	};
	struct board *board = opaque;

	if (board->qtest)
		qtest_irq_pulse(board->qtest, wires[which].spi, wires[which].line);
}

static int reconfigure(void *opaque, struct viq_smmuv3_reconfig *what)
{
	struct smmuv3_board *board = of(opaque);

	return board->has_soft ? viq_nest_smmuv3_reconfig(board->soft.nest, what) : 0;
}

static uint32_t bring_events(void *opaque)
{
	struct smmuv3_board *board = of(opaque);

	return board->has_soft ? viq_nest_smmuv3_sync(board->soft.nest) : 0;
}

static const struct viq_smmuv3_ops smmu_ops = {
	.size = sizeof(struct viq_smmuv3_ops),
	.irq = pulse_irq,
	.reconfig = reconfigure,
	.kick = board_kick,
	.sync = bring_events,
};

/* --- Building ---------------------------------------------------------------------------------------------------- */

static int add_soft(struct smmuv3_board *board, const struct board_config *config)
{
	bool ats = config->smmuv3.idr0 & VIQ_SMMUV3_IDR0_ATS;
	int err;

	board->has_soft = true;
	err = soft_guest_init(&board->soft, board->base.mem, &config->smmuv3, 0);
	for (size_t i = 0; i < config->stream_count && !err; i++)
		err = soft_guest_add(&board->soft, config->streams[i], ats);
	return err;
}

static int start(struct board *base, const struct board_config *config, struct viq_why *why)
{
	struct viq_smmuv3_config smmu = config->smmuv3;
	struct smmuv3_board *board = of(base);
	struct viq_call_host soft;
	int err = 0;

	*why = (struct viq_why){"cannot set the software host up"};
	if (config->soft)
		err = add_soft(board, config);
	if (err)
		return err;
	smmu.mem = base->mem;
	smmu.host = viq_call_null_host();
	if (board->has_soft) {
		soft = viq_soft_host(board->soft.soft, board->soft.viommu);
		err = viq_fault_host(base->fault, &soft, &smmu.host, why);
		if (err)
			return err;
	}
	smmu.ops = &smmu_ops;
	smmu.opaque = board;
	err = viq_smmuv3_create(&smmu, &board->smmu, why);
	if (err)
		return err;
	return board->has_soft ? soft_guest_bind(&board->soft, board->smmu, why) : 0;
}

static void stop(struct board *board)
{
	viq_smmuv3_destroy(of(board)->smmu);
	if (of(board)->has_soft)
		soft_guest_fini(&of(board)->soft);
}

/* --- Use --------------------------------------------------------------------------------------------------------- */

static uint64_t read_register(struct board *board, uint64_t offset, unsigned int size)
{
	return viq_smmuv3_mmio_read(of(board)->smmu, offset, size);
}

static void write_register(struct board *board, uint64_t offset, unsigned int size, uint64_t value)
{
	viq_smmuv3_mmio_write(of(board)->smmu, offset, size, value);
}

static bool run(struct board *board, uint32_t budget)
{
	return viq_smmuv3_run(of(board)->smmu, budget);
}

static uint64_t waits(const struct board *board)
{
	return viq_smmuv3_waits_for_host(unit(board));
}

static void counters(const struct board *board, struct board_counters *out)
{
	struct viq_smmuv3_counters c = {0};

	(void)viq_smmuv3_counters(unit(board), &c, sizeof(c));
	for (unsigned int op = 0; op < 256; op++) {
		const uint64_t cmd[2] = {op, 0};
		const char *name = viq_smmuv3_command_name(cmd);

		board_count(out, name ? name : "RESERVED", c.commands[op]);
	}
	for (unsigned int i = 1; i < 4; i++)
		board_count(out, viq_smmuv3_cerror_name(i), c.cerror[i]);
	board_count(out, "doorbells", c.doorbells);
	board_count(out, "runs", c.runs);
	board_count(out, "host_waits", c.host_waits);
	board_count(out, "calls", c.calls);
	board_count(out, "host_calls", c.host_calls);
	board_count(out, "entries", c.entries);
	board_count(out, "no_stream", c.no_stream);
	board_count(out, "events", c.events);
	board_count(out, "events_lost", c.events_lost);
	board_count(out, "budget_ends", c.budget_ends);
	board_count(out, "writes_lost", c.writes_lost);
}

static size_t save_size(const struct board *board)
{
	return viq_smmuv3_save_size(unit(board));
}

static int save(const struct board *board, void *buf, size_t *len)
{
	return viq_smmuv3_save(unit(board), buf, len);
}

static int restore(struct board *board, const void *buf, size_t len)
{
	return viq_smmuv3_restore(of(board)->smmu, buf, len);
}

static void reset(struct board *board)
{
	viq_smmuv3_reset(of(board)->smmu);
}

static int dma(struct board *board, uint32_t sid, int64_t ssid, bool write, uint64_t iova, void *buf, size_t len)
{
	struct viq_soft_dev *dev = of(board)->has_soft ? soft_guest_find(&of(board)->soft, sid) : NULL;

	return dev ? soft_guest_dma(&of(board)->soft, dev, ssid, write, iova, buf, len) : -ENODEV;
}

const struct board_arch board_smmuv3 = {
	.name = "smmuv3",
	.machine = "virt",
	.registers = UINT64_C(0x09050000),
	.registers_size = VIQ_SMMUV3_MMIO_SIZE,
	.ram = UINT64_C(0x40000000),
	.ram_limit = UINT64_C(1) << 40,
	.ecam = UINT64_C(0x4010000000),
	.stream_limit = UINT32_MAX,
	.size = sizeof(struct smmuv3_board),
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
	.dma = dma,
};
