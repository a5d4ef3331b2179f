/* SPDX-License-Identifier: MIT */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "device_board.h"
#include "soft_guest.h"

/* What to do with a stretch of the address space. buf NULL: fill with the byte. */
struct access {
	bool write;
	uint8_t byte;
	void *in;        /* read */
	const void *out; /* write */
};

struct board {
	struct viq_smmuv3 *smmu;
	struct viq_mem *mem;
	bool has_soft;
	struct soft_guest soft;
	struct qtest *qtest;
	uint8_t *ram;
	uint64_t ram_size;
	bool busy;
};

/* --- The SMMU's surroundings ------------------------------------------------------------------------------------- */

static void pulse_irq(void *opaque, enum viq_smmuv3_irq which)
{
	static const struct {
		uint8_t spi, line;
	} wires[] = {
		[VIQ_SMMUV3_IRQ_EVENTQ] = {BOARD_SPI_EVENTQ, 0},
		[VIQ_SMMUV3_IRQ_CMD_SYNC] = {BOARD_SPI_CMD_SYNC, 2},
		[VIQ_SMMUV3_IRQ_GERROR] = {BOARD_SPI_GERROR, 3},
	};
	struct board *board = opaque;

	if (board->qtest)
		qtest_irq_pulse(board->qtest, wires[which].spi, wires[which].line);
}

static void kick(void *opaque)
{
	board_wake(opaque);
}

static int reconfigure(void *opaque, enum viq_smmuv3_reconfig_cause cause, uint32_t first, uint32_t last)
{
	struct board *board = opaque;

	return soft_guest_reconfig(&board->soft, first, last);
}

static const struct viq_smmuv3_ops smmu_ops = {
	.size = sizeof(struct viq_smmuv3_ops),
	.irq = pulse_irq,
	.reconfig = reconfigure,
	.kick = kick,
};

/* --- Building ---------------------------------------------------------------------------------------------------- */

static int add_ram(struct board *board, uint64_t size)
{
	struct viq_mem_region region = {.gpa = BOARD_RAM_BASE, .size = size};
	void *ram;

	if (!size || size % 4096 || size > BOARD_RAM_LIMIT)
		return -EINVAL;
	/* Most of it is never touched: reserve addresses, not memory. */
	ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ram == MAP_FAILED)
		return -errno;
	board->ram = ram;
	board->ram_size = size;
	region.host = ram;
	return viq_mem_create(&region, 1, NULL, NULL, &board->mem);
}

static int add_soft(struct board *board, const struct board_config *config)
{
	bool ats = config->smmu.idr0 & VIQ_SMMUV3_IDR0_ATS;
	int err;

	board->has_soft = true;
	err = soft_guest_init(&board->soft, board->mem, config->smmu.idr5, config->contract, 0);
	for (size_t i = 0; i < config->stream_count && !err; i++)
		err = soft_guest_add(&board->soft, config->streams[i], ats);
	return err;
}

static int start_smmu(struct board *board, const struct board_config *config, const char **why)
{
	struct viq_smmuv3_config smmu = config->smmu;
	int err;

	smmu.mem = board->mem;
	smmu.host = board->has_soft ? viq_soft_host(board->soft.soft, board->soft.viommu) : viq_call_null_host();
	smmu.ops = &smmu_ops;
	smmu.opaque = board;
	err = viq_smmuv3_create(&smmu, &board->smmu, why);
	if (err)
		return err;
	board->soft.smmu = board->smmu;
	return soft_guest_reconfig(&board->soft, 0, UINT32_MAX);
}

int board_create(const struct board_config *config, struct board **out, const char **why)
{
	struct board *board;
	int err;

	*why = "no memory";
	board = calloc(1, sizeof(*board));
	if (!board)
		return -ENOMEM;
	*why = "cannot map that much guest memory; give a multiple of 4096 bytes that fits this machine";
	err = add_ram(board, config->ram_size);
	if (err)
		goto destroy;
	*why = "cannot set the software host up";
	if (config->soft)
		err = add_soft(board, config);
	if (!err)
		err = start_smmu(board, config, why);
	if (err)
		goto destroy;
	*out = board;
	return 0;
destroy:
	board_destroy(board);
	return err;
}

void board_destroy(struct board *board)
{
	if (!board)
		return;
	viq_smmuv3_destroy(board->smmu);
	if (board->has_soft)
		soft_guest_fini(&board->soft);
	viq_mem_destroy(board->mem);
	if (board->ram)
		munmap(board->ram, board->ram_size);
	free(board);
}

void board_connect(struct board *board, struct qtest *qtest)
{
	board->qtest = qtest;
}

/* --- The bus ----------------------------------------------------------------------------------------------------- */

/* Largest power of two, at most 8, that the address is aligned to and that still fits. */
static unsigned int access_size(uint64_t offset, uint64_t len)
{
	unsigned int size = 8;

	while (offset % size || size > len)
		size /= 2;
	return size;
}

/* Longer accesses reach the registers as aligned pieces of at most 8 bytes, in order of address. */
static void access_smmu(struct board *board, uint64_t offset, uint64_t len, struct access *acc)
{
	uint64_t value;

	for (unsigned int size; len; offset += size, len -= size) {
		size = access_size(offset, len);
		value = 0;
		if (!acc->write) {
			value = htole64(viq_smmuv3_mmio_read(board->smmu, offset, size));
			memcpy(acc->in, &value, size);
			acc->in = (char *)acc->in + size;
			continue;
		}
		if (acc->out) {
			memcpy(&value, acc->out, size);
			acc->out = (const char *)acc->out + size;
		} else {
			memset(&value, acc->byte, size);
		}
		viq_smmuv3_mmio_write(board->smmu, offset, size, le64toh(value));
	}
}

static void access_ram(struct board *board, uint64_t offset, uint64_t len, struct access *acc)
{
	if (!acc->write) {
		memcpy(acc->in, board->ram + offset, len);
		acc->in = (char *)acc->in + len;
	} else if (acc->out) {
		memcpy(board->ram + offset, acc->out, len);
		acc->out = (const char *)acc->out + len;
	} else {
		memset(board->ram + offset, acc->byte, len);
	}
}

static void access_nothing(struct board *board, uint64_t offset, uint64_t len, struct access *acc)
{
	if (!acc->write) {
		memset(acc->in, 0, len);
		acc->in = (char *)acc->in + len;
	} else if (acc->out) {
		acc->out = (const char *)acc->out + len;
	}
}

/* The bus as stretches [.., end), the last one up to 2^64. An access that passes 2^64 goes on at 0. */
static void access_bus(struct board *board, uint64_t addr, uint64_t len, struct access *acc)
{
	const struct {
		uint64_t start, last;
		void (*run)(struct board *board, uint64_t offset, uint64_t len, struct access *acc);
	} map[] = {
		{0, BOARD_SMMU_BASE - 1, access_nothing},
		{BOARD_SMMU_BASE, BOARD_SMMU_BASE + VIQ_SMMUV3_MMIO_SIZE - 1, access_smmu},
		{BOARD_SMMU_BASE + VIQ_SMMUV3_MMIO_SIZE, BOARD_RAM_BASE - 1, access_nothing},
		{BOARD_RAM_BASE, BOARD_RAM_BASE + board->ram_size - 1, access_ram},
		{BOARD_RAM_BASE + board->ram_size, UINT64_MAX, access_nothing},
	};

	for (size_t i = 0; len; i = (i + 1) % (sizeof(map) / sizeof(map[0]))) {
		uint64_t part;

		if (addr < map[i].start || addr > map[i].last)
			continue;
		part = map[i].last - addr;
		part = len - 1 < part ? len : part + 1;
		map[i].run(board, addr - map[i].start, part, acc);
		addr += part;
		len -= part;
	}
}

void board_read(void *opaque, uint64_t addr, void *buf, uint64_t len)
{
	access_bus(opaque, addr, len, &(struct access){.in = buf});
}

void board_write(void *opaque, uint64_t addr, const void *buf, uint64_t len)
{
	access_bus(opaque, addr, len, &(struct access){.write = true, .out = buf});
}

void board_fill(void *opaque, uint64_t addr, uint8_t byte, uint64_t len)
{
	access_bus(opaque, addr, len, &(struct access){.write = true, .byte = byte});
}

/* --- Running ----------------------------------------------------------------------------------------------------- */

bool board_busy(const struct board *board)
{
	return board->busy;
}

void board_wake(struct board *board)
{
	board->busy = true;
}

void board_run(struct board *board, uint32_t budget)
{
	board->busy = viq_smmuv3_run(board->smmu, budget);
}

struct viq_smmuv3 *board_smmu(struct board *board)
{
	return board->smmu;
}

int board_inject(struct board *board, const struct viq_soft_inject *inject)
{
	return board->has_soft ? viq_soft_inject(board->soft.soft, board->soft.viommu, inject) : -ENOTSUP;
}

int board_dma(struct board *board, uint32_t sid, int64_t ssid, bool write, uint64_t iova, void *buf, size_t len)
{
	struct soft_stream *stream = soft_guest_find(&board->soft, sid);

	return stream ? soft_guest_dma(&board->soft, stream, ssid, write, iova, buf, len) : -ENODEV;
}
