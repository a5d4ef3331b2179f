/* SPDX-License-Identifier: MIT */
/*
 * The generic UART of Arm's Server Base System Architecture (DEN 0029, appendix B): those registers of a PL011 that an
 * operating system needs when somebody else has set up the line. What is written is gone at once, so the transmitter is
 * always empty.
 */
#include <stdlib.h>
#include <unistd.h>

#include "vmm.h"

enum {
	UARTDR = 0x00,
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

/* UARTIMSC, UARTRIS, UARTMIS, UARTICR: receive, transmit, receive timeout; with those of errors, which do not occur */
#define INT_RX  0x010U
#define INT_TX  0x020U
#define INT_RT  0x040U
#define INT_ALL 0x7f0U

#define FIFO 1024 /* more than hardware has: whoever types here is not told to wait */

struct uart {
	struct vm *vm;
	int out;
	pthread_mutex_t lock; /* for what follows, and the order in which the interrupt line changes */
	uint8_t fifo[FIFO];
	unsigned int first, count; /* first: free-running */
	uint32_t mask;
	bool sent; /* the transmitter has become empty since its interrupt was cleared */
	bool line;
};

/* UARTRIS. Receiving stays an interrupt as long as there is something to read, whatever is cleared. */
static uint32_t raw(const struct uart *uart)
{
	return (uart->count ? INT_RX | INT_RT : 0) | (uart->sent ? INT_TX : 0);
}

static void unlock(struct uart *uart)
{
	bool line = raw(uart) & uart->mask;

	if (line != uart->line)
		vm_set_irq(uart->vm, SPI_UART, line);
	uart->line = line;
	pthread_mutex_unlock(&uart->lock);
}

static uint32_t value(struct uart *uart, uint64_t offset)
{
	switch (offset) {
	case UARTDR:
		if (!uart->count)
			return 0;
		uart->count--;
		return uart->fifo[uart->first++ % FIFO];
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
	uint32_t result;

	pthread_mutex_lock(&uart->lock);
	result = value(uart, offset);
	unlock(uart);
	return result;
}

static void uart_write(void *opaque, uint64_t offset, unsigned int size, uint64_t written)
{
	struct uart *uart = opaque;
	uint8_t character = (uint8_t)written;

	/* Whoever reads the console may keep the guest waiting, but not those who want the lock. */
	if (offset == UARTDR && write(uart->out, &character, 1) != 1) {
		/* Lost: nobody reads, or the vCPUs are being stopped. */
	}
	pthread_mutex_lock(&uart->lock);
	if (offset == UARTDR)
		uart->sent = true;
	else if (offset == UARTIMSC)
		uart->mask = (uint32_t)written & INT_ALL;
	else if (offset == UARTICR && written & INT_TX)
		uart->sent = false;
	unlock(uart);
}

void uart_input(struct uart *uart, uint8_t character)
{
	pthread_mutex_lock(&uart->lock);
	if (uart->count < FIFO)
		uart->fifo[(uart->first + uart->count++) % FIFO] = character;
	unlock(uart);
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
