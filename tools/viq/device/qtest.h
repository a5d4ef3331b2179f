/* SPDX-License-Identifier: MIT */
/*
 * The line protocol of QEMU's qtest (docs/devel/testing/qtest.rst there): what a script uses to poke at a machine.
 *
 * A request is one line of words separated by spaces, an answer is one line: "OK", "OK VALUE", "ERR ..." or
 * "FAIL ...". Formats are those of QEMU 7.2, so that one client drives both. Where QEMU aborts itself on a malformed
 * line, this answers FAIL and goes on; hexadecimal digits that are none are refused instead of read as 0.
 *
 *   read[bwlq] ADDR            OK 0x%016x
 *   write[bwlq] ADDR VALUE     OK
 *   read ADDR SIZE             OK 0x...         memory order
 *   write ADDR SIZE 0x...      OK               missing digits are 0
 *   b64read ADDR SIZE          OK ...
 *   b64write ADDR SIZE ...     OK
 *   memset ADDR SIZE BYTE      OK
 *   in[bwl] PORT               OK 0x%04x
 *   out[bwl] PORT VALUE        OK
 *   endianness                 OK little
 *   clock_step [NS], clock_set NS               OK NANOSECONDS: a clock that only these lines move
 *   irq_intercept_in|out PATH  OK: from now on interrupts appear as lines "IRQ raise N" and "IRQ lower N"
 *
 * Numbers are as in C (0x hexadecimal, 0 octal), wrap like strtoull()'s, and are cut to the access's size.
 */
#ifndef VIQ_TOOL_QTEST_H
#define VIQ_TOOL_QTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QTEST_MAX_TRANSFER (16u << 20)                     /* bytes that one line can move */
#define QTEST_MAX_LINE     (2 * QTEST_MAX_TRANSFER + 4096) /* bytes of a request, its newline included */
#define QTEST_MAX_WORDS    8

struct qtest;

/* The machine behind the protocol. All members must be set but extra, which may be NULL. */
struct qtest_ops {
	void (*read)(void *opaque, uint64_t addr, void *buf, uint64_t len);
	void (*write)(void *opaque, uint64_t addr, const void *buf, uint64_t len);
	void (*fill)(void *opaque, uint64_t addr, uint8_t byte, uint64_t len);
	/* Ports of 1, 2 or 4 bytes. */
	uint32_t (*in)(void *opaque, uint16_t port, unsigned int size);
	void (*out)(void *opaque, uint16_t port, unsigned int size, uint32_t value);
	/* Send all of it. Returns 0 or a negative errno, which ends the conversation. */
	int (*send)(void *opaque, const void *buf, size_t len);
	/* A line whose first word is "viq": must call qtest_reply() once. */
	void (*extra)(void *opaque, struct qtest *qtest, char *const *words, size_t count);
};

/* ops and opaque must outlive the object. -ENOMEM. */
int qtest_create(const struct qtest_ops *ops, void *opaque, struct qtest **out);
void qtest_destroy(struct qtest *qtest); /* NULL is allowed */

/* Room for bytes that came in: at least 1 byte at *buf. Returns how many, or -ENOMEM. qtest_filled() says how many
 * came. */
int64_t qtest_space(struct qtest *qtest, void **buf);
void qtest_filled(struct qtest *qtest, size_t len);

/* Carry out one complete line, if there is one. 1: done; 0: no complete line; negative errno: sending failed. */
int qtest_step(struct qtest *qtest);
/* Has input without its newline come? At end of file: a truncated line. */
bool qtest_partial(const struct qtest *qtest);

/* Answer with a formatted line (the newline is added); at most 8 KiB. */
void qtest_reply(struct qtest *qtest, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Answer "OK 0x..." with the bytes of buf; len at most QTEST_MAX_TRANSFER. */
void qtest_reply_hex(struct qtest *qtest, const void *buf, size_t len);

/* An interrupt pulse. in, out: its line's number at the interrupt controller, and at the device. */
void qtest_irq_pulse(struct qtest *qtest, unsigned int in, unsigned int out);

#endif
