/* SPDX-License-Identifier: MIT */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "board.h"

/* What to do with a stretch of the address space. buf NULL: fill with the byte. */
struct access {
	bool write;
	uint8_t byte;
	void *in;        /* read */
	const void *out; /* write */
};

/* --- Building ---------------------------------------------------------------------------------------------------- */

static int add_ram(struct board *board, uint64_t size)
{
	struct viq_mem_region region = {.gpa = board->arch->ram, .size = size};
	void *ram;

	if (!size || size % 4096 || size > board->arch->ram_limit)
		return -EINVAL;
	/* Most of it is never touched: reserve addresses, not memory. */
	ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ram == MAP_FAILED)
		return -errno;
	board->ram = ram;
	board->ram_size = size;
	region.host = ram;
	return viq_mem_create(&region, 1, NULL, NULL, &board->mem, NULL);
}

int board_create(const struct board_config *config, struct board **out, struct viq_why *why)
{
	struct board *board;
	int err;

	*why = (struct viq_why){"no memory"};
	board = calloc(1, config->arch->size);
	if (!board)
		return -ENOMEM;
	board->arch = config->arch;
	*why = (struct viq_why){
		"cannot map that much guest memory; give a multiple of 4096 bytes that fits this machine"};
	err = add_ram(board, config->ram_size);
	if (!err && config->soft)
		err = viq_fault_create(config->contract, &board->fault, why);
	if (!err)
		err = board->arch->start(board, config, why);
	for (size_t i = 0; !err && config->soft && i < config->stream_count; i++)
		if (config->streams[i] <= UINT16_MAX)
			pci_function_init(&board->functions[board->function_count++], (uint16_t)config->streams[i]);
	if (err)
		board_destroy(board);
	else
		*out = board;
	return err;
}

void board_destroy(struct board *board)
{
	if (!board)
		return;
	board->arch->stop(board);
	viq_fault_destroy(board->fault);
	viq_mem_destroy(board->mem);
	if (board->ram)
		munmap(board->ram, board->ram_size);
	free(board);
}

/* --- Running ----------------------------------------------------------------------------------------------------- */

void board_reset(struct board *board)
{
	board->busy = false;
	board->arch->reset(board);
	pci_reset(board);
}

void board_run(struct board *board, uint32_t budget)
{
	board->busy = false;
	if (board->arch->run(board, budget))
		board->busy = true;
}

bool board_ready(const struct board *board)
{
	return board->busy && !board->arch->waits(board);
}

void board_kick(void *opaque)
{
	struct board *board = opaque;

	board->busy = true;
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

typedef uint64_t read_fn(struct board *board, uint64_t offset, unsigned int size);
typedef void write_fn(struct board *board, uint64_t offset, unsigned int size, uint64_t value);

/* Longer accesses reach registers as aligned pieces of at most 8 bytes, in order of address. */
static void access_registers(struct board *board, uint64_t offset, uint64_t len, struct access *acc, read_fn *read,
			     write_fn *write)
{
	uint64_t value;

	for (unsigned int size; len; offset += size, len -= size) {
		size = access_size(offset, len);
		value = 0;
		if (!acc->write) {
			value = htole64(read(board, offset, size));
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
		write(board, offset, size, le64toh(value));
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

static void access_nothing(struct board *board, uint64_t len, struct access *acc)
{
	if (!acc->write) {
		memset(acc->in, 0, len);
		acc->in = (char *)acc->in + len;
	} else if (acc->out) {
		acc->out = (const char *)acc->out + len;
	}
}

bool board_within(uint64_t addr, uint64_t start, uint64_t size, uint64_t *len)
{
	uint64_t ahead = start - addr;

	if (addr - start < size) {
		ahead = size - (addr - start);
		*len = *len < ahead ? *len : ahead;
		return true;
	}
	/* Beyond it, the way leads around the end of the address space. */
	if (*len > ahead)
		*len = ahead;
	return false;
}

/* An access that passes 2^64 goes on at 0. */
static void access_bus(struct board *board, uint64_t addr, uint64_t len, struct access *acc)
{
	const struct board_arch *arch = board->arch;

	while (len) {
		uint64_t part = len;

		if (board_within(addr, arch->ram, board->ram_size, &part))
			access_ram(board, addr - arch->ram, part, acc);
		else if (board_within(addr, arch->registers, arch->registers_size, &part))
			access_registers(board, addr - arch->registers, part, acc, arch->read, arch->write);
		else if (pci_claims(board, addr, &part))
			access_registers(board, addr, part, acc, pci_read, pci_write);
		else
			access_nothing(board, part, acc);
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
