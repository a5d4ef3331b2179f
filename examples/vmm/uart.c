/* SPDX-License-Identifier: MIT */
/*
 * The generic UART of Arm's Server Base System Architecture (DEN 0029, appendix B): the registers of a PL011 that an
 * operating system needs when somebody else has set the line up. What is written is gone at once, so its transmitter is
 * never full or busy.
 */
#include <stdlib.h>
#include <unistd.h>

#include "vmm.h"

enum {
	UARTDR = 0x00,
	UARTRSR = 0x04, /* written: UARTECR. No errors here */
	UARTFR = 0x18,
	UARTIMSC = 0x38,
	UARTRIS = 0x3c,
	UARTMIS = 0x40,
	UARTICR = 0x44,
};

/* UARTFR */
#define FR_RXFE 0x10U
#define FR_RXFF 0x40U
#define FR_TXFE 0x80U

/* UARTIMSC, UARTRIS, UARTMIS, UARTICR: receive, transmit, receive timeout, and four errors */
#define INT_RX  0x010U
#define INT_TX  0x020U
#define INT_RT  0x040U
#define INT_ALL 0x7f0U

#define FIFO 64

struct uart {
	struct vm *vm;
	int out;
	pthread_mutex_t lock; /* all that follows, and the order of changes of the interrupt line */
	uint8_t fifo[FIFO];
	unsigned int first, count;
	uint32_t mask;
	bool sent; /* the transmitter has become empty since this interrupt was cleared */
	bool line;
};

/* The receive interrupts are levels: there as long as there is something to read, whatever is cleared. */
static uint32_t raw(const struct uart *uart)
{
	return (uart->count ? INT_RX | INT_RT : 0) | (uart->sent ? INT_TX : 0);
}

static void update_line(struct uart *uart)
{
	bool line = raw(uart) & uart->mask;

	if (line != uart->line)
		vm_set_irq(uart->vm, SPI_UART, line);
	uart->line = line;
}

static uint32_t take(struct uart *uart)
{
	uint32_t character;

	if (!uart->count)
		return 0;
	character = uart->fifo[uart->first];
	uart->first = (uart->first + 1) % FIFO;
	uart->count--;
	return character;
}

static uint32_t read_register(struct uart *uart, uint64_t offset)
{
	switch (offset) {
	case UARTDR:
		return take(uart);
	case UARTFR:
		return FR_TXFE | (uart->count ? 0 : FR_RXFE) | (uart->count == FIFO ? FR_RXFF : 0);
	case UARTIMSC:
		return uart->mask;
	case UARTRIS:
		return raw(uart);
	case UARTMIS:
		return raw(uart) & uart->mask;
	default:
		return 0;
	}
}

static uint64_t uart_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct uart *uart = opaque;
	uint32_t value;

	pthread_mutex_lock(&uart->lock);
	value = read_register(uart, offset);
	update_line(uart);
	pthread_mutex_unlock(&uart->lock);
	return value;
}

static void write_register(struct uart *uart, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case UARTDR:
		uart->sent = true;
		break;
	case UARTIMSC:
		uart->mask = value & INT_ALL;
		break;
	case UARTICR:
		if (value & INT_TX)
			uart->sent = false;
		break;
	}
}

/* Whoever reads the console may let the guest wait, but nothing else that needs the lock. */
static void uart_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct uart *uart = opaque;
	uint8_t character = (uint8_t)value;

	if (offset == UARTDR && write(uart->out, &character, 1) != 1) {
		/* Lost: nobody listens, or the vCPUs are being stopped. */
	}
	pthread_mutex_lock(&uart->lock);
	write_register(uart, offset, (uint32_t)value);
	update_line(uart);
	pthread_mutex_unlock(&uart->lock);
}

void uart_input(struct uart *uart, uint8_t character)
{
	pthread_mutex_lock(&uart->lock);
	if (uart->count < FIFO)
		uart->fifo[(uart->first + uart->count++) % FIFO] = character;
	update_line(uart);
	pthread_mutex_unlock(&uart->lock);
}

struct uart *uart_create(struct vm *vm, int out)
{
	struct uart *uart = calloc(1, sizeof(*uart));

	if (!uart)
		die("no memory");
	uart->vm = vm;
	uart->out = out;
	pthread_mutex_init(&uart->lock, NULL);
	vm_add_mmio(vm, &(struct mmio){UART_BASE, UART_SIZE, uart_read, uart_write, uart});
	return uart;
}

void uart_destroy(struct uart *uart)
{
	pthread_mutex_destroy(&uart->lock);
	free(uart);
}
