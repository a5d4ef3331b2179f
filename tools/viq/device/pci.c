/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "pci.h"

/* Where PCI keeps them in a function's configuration space. */
#define CONFIG_COMMAND  0x04
#define COMMAND_IO      1
#define COMMAND_MEMORY  2
#define COMMAND_MASTER  4
#define CONFIG_BAR      0x10
#define CONFIG_BAR_END  0x14
#define CONFIG_SHIFT    12 /* bytes of it in ECAM */
#define ECAM_SIZE       (UINT64_C(65536) << CONFIG_SHIFT)
#define BAR_SIZE        4096
#define PORT_ADDRESS    0xcf8
#define ADDRESS_ENABLED 0x80000000
#define PORT_DATA       0xcfc

/* iommu-testdev's registers. */
enum {
	REG_TRIGGER = 0x00, /* a read does the DMA that is armed */
	REG_IOVA_LO = 0x04,
	REG_IOVA_HI = 0x08,
	REG_LEN = 0x0c,
	REG_RESULT = 0x10,
	REG_DOORBELL = 0x14, /* bit 0: arm, or disarm */
	REG_ATTRS = 0x18,
	REG_GPA_LO = 0x1c, /* where the bytes should have gone */
	REG_GPA_HI = 0x20,
};

#define ATTRS_SECURE(x)      ((x)&1)
#define ATTRS_SPACE(x)       ((x) >> 1 & 3)
#define ATTRS_SPACE_VALID(x) ((x) >> 3 & 1)
#define SPACE_SECURE         0
#define SPACE_NONSECURE      1

#define RESULT_OK           0
#define RESULT_IDLE         0xffffffff
#define RESULT_BUSY         0xfffffffe
#define RESULT_BAD_LEN      0xdead0001
#define RESULT_WRITE_FAILED 0xdead0002
#define RESULT_READ_FAILED  0xdead0003
#define RESULT_MISMATCH     0xdead0004
#define RESULT_NOT_ARMED    0xdead0005
#define RESULT_BAD_ATTRS    0xdead0006

static const uint8_t pattern[4] = {0x78, 0x56, 0x34, 0x12};

void pci_function_init(struct pci_function *f, uint16_t number)
{
	*f = (struct pci_function){.number = number, .result = RESULT_IDLE, .attrs = SPACE_NONSECURE << 1};
}

void pci_reset(struct board *board)
{
	board->config_address = 0;
	for (size_t i = 0; i < board->function_count; i++)
		pci_function_init(&board->functions[i], board->functions[i].number);
}

/* --- Configuration space ----------------------------------------------------------------------------------------- */

static struct pci_function *find(struct board *board, uint64_t number)
{
	for (size_t i = 0; i < board->function_count; i++)
		if (board->functions[i].number == number)
			return &board->functions[i];
	return NULL;
}

static uint8_t config_byte(const struct pci_function *f, unsigned int at)
{
	static const uint8_t header[64] = {
		[0x00] = 0x36, 0x1b, 0x05, 0x00, /* vendor and device: a test device of Red Hat's */
		[0x0a] = 0xff,                   /* class: of none that is known */
		[0x2c] = 0xf4, 0x1a, 0x00, 0x11, /* subsystem: QEMU */
	};

	if (at == CONFIG_COMMAND)
		return f->command;
	if (at >= CONFIG_BAR && at < CONFIG_BAR_END)
		return (uint8_t)(f->bar >> 8 * (at - CONFIG_BAR));
	return at < sizeof(header) ? header[at] : 0;
}

static uint64_t config_read(struct board *board, uint64_t number, unsigned int at, unsigned int size)
{
	const struct pci_function *f = find(board, number);
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)(f ? config_byte(f, at + i) : 0xff) << 8 * i;
	return value;
}

static void config_write(struct board *board, uint64_t number, unsigned int at, unsigned int size, uint64_t value)
{
	struct pci_function *f = find(board, number);
	unsigned int shift;

	for (unsigned int end = at + size; f && at < end; at++, value >>= 8) {
		if (at == CONFIG_COMMAND)
			f->command = value & (COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER);
		if (at < CONFIG_BAR || at >= CONFIG_BAR_END)
			continue;
		shift = 8 * (at - CONFIG_BAR);
		f->bar = (f->bar & ~(UINT32_C(0xff) << shift)) | (uint32_t)(value & 0xff) << shift;
		f->bar &= ~(uint32_t)(BAR_SIZE - 1);
	}
}

/* --- DMA --------------------------------------------------------------------------------------------------------- */

/* Write buf (its second half is for what is read back). */
static uint32_t write_and_look(struct board *board, const struct pci_function *f, uint8_t *buf)
{
	for (size_t i = 0; i < f->len; i++)
		buf[i] = pattern[i % sizeof(pattern)];
	if (board->arch->dma(board, f->number, -1, true, f->iova, buf, f->len))
		return RESULT_WRITE_FAILED;
	if (viq_mem_read(board->mem, f->gpa, buf + f->len, f->len))
		return RESULT_READ_FAILED;
	return memcmp(buf, buf + f->len, f->len) ? RESULT_MISMATCH : RESULT_OK;
}

static uint32_t run_dma(struct board *board, const struct pci_function *f)
{
	bool secure = ATTRS_SECURE(f->attrs);
	uint32_t result;
	uint8_t *buf;

	if (!f->len || f->len > QTEST_MAX_TRANSFER)
		return RESULT_BAD_LEN;
	if (ATTRS_SPACE_VALID(f->attrs) && ATTRS_SPACE(f->attrs) <= SPACE_NONSECURE &&
	    secure != (ATTRS_SPACE(f->attrs) == SPACE_SECURE))
		return RESULT_BAD_ATTRS;
	/* There is only one world; and a function that is no bus master does no DMA. */
	if (secure || (ATTRS_SPACE_VALID(f->attrs) && ATTRS_SPACE(f->attrs) != SPACE_NONSECURE) ||
	    !(f->command & COMMAND_MASTER))
		return RESULT_WRITE_FAILED;
	buf = malloc(2 * (size_t)f->len);
	if (!buf)
		return RESULT_WRITE_FAILED;
	result = write_and_look(board, f, buf);
	free(buf);
	return result;
}

static void trigger(struct board *board, struct pci_function *f)
{
	f->result = f->armed ? run_dma(board, f) : RESULT_NOT_ARMED;
	f->armed = false;
}

static uint32_t register_read(struct board *board, struct pci_function *f, uint64_t offset)
{
	switch (offset) {
	case REG_TRIGGER:
		trigger(board, f);
		return 0;
	case REG_IOVA_LO:
		return (uint32_t)f->iova;
	case REG_IOVA_HI:
		return (uint32_t)(f->iova >> 32);
	case REG_LEN:
		return f->len;
	case REG_RESULT:
		return f->result;
	case REG_ATTRS:
		return f->attrs;
	case REG_GPA_LO:
		return (uint32_t)f->gpa;
	case REG_GPA_HI:
		return (uint32_t)(f->gpa >> 32);
	default:
		return 0;
	}
}

static void put_half(uint64_t *word, bool high, uint32_t value)
{
	const unsigned int shift = high ? 32 : 0;

	*word = (*word & ~(UINT64_C(0xffffffff) << shift)) | (uint64_t)value << shift;
}

static void register_write(struct pci_function *f, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case REG_IOVA_LO:
	case REG_IOVA_HI:
		put_half(&f->iova, offset == REG_IOVA_HI, value);
		break;
	case REG_GPA_LO:
	case REG_GPA_HI:
		put_half(&f->gpa, offset == REG_GPA_HI, value);
		break;
	case REG_LEN:
		f->len = value;
		break;
	case REG_RESULT:
		f->result = value;
		break;
	case REG_ATTRS:
		f->attrs = value;
		break;
	case REG_DOORBELL:
		f->armed = value & 1;
		f->result = f->armed ? RESULT_BUSY : RESULT_IDLE;
		break;
	default:
		break;
	}
}

/* --- The bus ----------------------------------------------------------------------------------------------------- */

static bool ecam_claims(const struct board *board, uint64_t addr, uint64_t *len)
{
	return board->arch->ecam && board_within(addr, board->arch->ecam, ECAM_SIZE, len);
}

static bool bar_claims(const struct pci_function *f, uint64_t addr, uint64_t *len)
{
	return f->bar && (f->command & COMMAND_MEMORY) && board_within(addr, f->bar, BAR_SIZE, len);
}

bool pci_claims(const struct board *board, uint64_t addr, uint64_t *len)
{
	if (ecam_claims(board, addr, len))
		return true;
	for (size_t i = 0; i < board->function_count; i++)
		if (bar_claims(&board->functions[i], addr, len))
			return true;
	return false;
}

static struct pci_function *of_bar(struct board *board, uint64_t addr)
{
	uint64_t len = 1;

	for (size_t i = 0; i < board->function_count; i++)
		if (bar_claims(&board->functions[i], addr, &len))
			return &board->functions[i];
	return NULL;
}

uint64_t pci_read(struct board *board, uint64_t addr, unsigned int size)
{
	struct pci_function *f = of_bar(board, addr);
	uint64_t len = size, at = addr - board->arch->ecam, low;

	if (ecam_claims(board, addr, &len))
		return config_read(board, at >> CONFIG_SHIFT, at & ((1u << CONFIG_SHIFT) - 1), size);
	if (!f || size < 4)
		return 0;
	low = register_read(board, f, addr - f->bar);
	return size == 4 ? low : low | (uint64_t)register_read(board, f, addr + 4 - f->bar) << 32;
}

void pci_write(struct board *board, uint64_t addr, unsigned int size, uint64_t value)
{
	struct pci_function *f = of_bar(board, addr);
	uint64_t len = size, at = addr - board->arch->ecam;

	if (ecam_claims(board, addr, &len)) {
		config_write(board, at >> CONFIG_SHIFT, at & ((1u << CONFIG_SHIFT) - 1), size, value);
	} else if (f && size >= 4) {
		register_write(f, addr - f->bar, (uint32_t)value);
		if (size == 8)
			register_write(f, addr + 4 - f->bar, (uint32_t)(value >> 32));
	}
}

/* --- Ports ------------------------------------------------------------------------------------------------------- */

/* Bits 1:0 of the address are reserved, but QEMU takes them, and its tests give them. */
static unsigned int config_at(const struct board *board, uint16_t port)
{
	return (board->config_address & 0xff) | (port & 3);
}

/* Does the access reach configuration space? */
static bool is_data(const struct board *board, uint16_t port, unsigned int size)
{
	return !board->arch->ecam && (board->config_address & ADDRESS_ENABLED) && port >= PORT_DATA &&
	       port + size <= PORT_DATA + 4;
}

uint32_t pci_in(struct board *board, uint16_t port, unsigned int size)
{
	const uint32_t address = board->config_address;

	if (is_data(board, port, size))
		return (uint32_t)config_read(board, address >> 8 & 0xffff, config_at(board, port), size);
	if (!board->arch->ecam && port == PORT_ADDRESS && size == 4)
		return address;
	return UINT32_MAX >> (32 - 8 * size);
}

void pci_out(struct board *board, uint16_t port, unsigned int size, uint32_t value)
{
	const uint32_t address = board->config_address;

	if (is_data(board, port, size))
		config_write(board, address >> 8 & 0xffff, config_at(board, port), size, value);
	else if (!board->arch->ecam && port == PORT_ADDRESS && size == 4)
		board->config_address = value;
}
