// SPDX-License-Identifier: MIT
/*
 * The qtest line protocol of `viq device`: every verb answers in QEMU 7.2's format; what a client may send wrongly gets
 * one answer and changes nothing. The machine behind it is 64 KiB of memory from address 0.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "device/qtest.h"

#define MEM_SIZE 65536

struct machine {
	struct qtest *qtest;
	uint8_t mem[MEM_SIZE];
	char *answer; /* all that was sent since the last ask() */
	size_t len;
	int send_error;
	unsigned int writes; /* calls of write, fill and out */
	uint16_t port;
	uint32_t out;
};

static void copy(struct machine *m, uint64_t addr, uint64_t len, const uint8_t *in, uint8_t *out)
{
	for (uint64_t i = 0; i < len; i++) {
		if (in && addr + i < MEM_SIZE)
			m->mem[addr + i] = in[i];
		if (out)
			out[i] = addr + i < MEM_SIZE ? m->mem[addr + i] : 0;
	}
}

static void mem_read(void *opaque, uint64_t addr, void *buf, uint64_t len)
{
	copy(opaque, addr, len, NULL, buf);
}

static void mem_write(void *opaque, uint64_t addr, const void *buf, uint64_t len)
{
	struct machine *m = opaque;

	m->writes++;
	copy(m, addr, len, buf, NULL);
}

static void mem_fill(void *opaque, uint64_t addr, uint8_t byte, uint64_t len)
{
	struct machine *m = opaque;

	m->writes++;
	assert_true(addr + len <= MEM_SIZE);
	memset(m->mem + addr, byte, len);
}

static uint32_t port_in(void *opaque, uint16_t port, unsigned int size)
{
	struct machine *m = opaque;

	m->port = port;
	return size == 4 ? 0x1234abcd : size;
}

static void port_out(void *opaque, uint16_t port, unsigned int size, uint32_t value)
{
	struct machine *m = opaque;

	m->writes++;
	m->port = port;
	m->out = value << 4 | size;
}

static int take(void *opaque, const void *buf, size_t len)
{
	struct machine *m = opaque;

	if (m->send_error)
		return m->send_error;
	m->answer = realloc(m->answer, m->len + len + 1);
	assert_non_null(m->answer);
	memcpy(m->answer + m->len, buf, len);
	m->len += len;
	m->answer[m->len] = '\0';
	return 0;
}

static void say_words(void *opaque, struct qtest *qtest, char *const *words, size_t count)
{
	qtest_reply(qtest, "OK %zu %s", count, count > 1 ? words[1] : "");
}

static const struct qtest_ops ops = {
	.read = mem_read,
	.write = mem_write,
	.fill = mem_fill,
	.in = port_in,
	.out = port_out,
	.send = take,
	.extra = say_words,
};

static int setup(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	*state = m;
	return qtest_create(&ops, m, &m->qtest);
}

static int teardown(void **state)
{
	struct machine *m = *state;

	qtest_destroy(m->qtest);
	free(m->answer);
	free(m);
	return 0;
}

/* Bytes come in, in pieces as the buffer takes them. Lines are carried out as they complete. */
static void feed(struct machine *m, const char *text, size_t len)
{
	while (len) {
		void *buf;
		int64_t room = qtest_space(m->qtest, &buf);
		size_t n;

		assert_true(room > 0);
		n = len < (size_t)room ? len : (size_t)room;
		memcpy(buf, text, n);
		qtest_filled(m->qtest, n);
		text += n;
		len -= n;
		while (qtest_step(m->qtest) > 0)
			;
	}
}

static const char *ask_bytes(struct machine *m, const char *text, size_t len)
{
	m->len = 0;
	if (m->answer)
		m->answer[0] = '\0';
	feed(m, text, len);
	return m->len ? m->answer : "";
}

static const char *ask(struct machine *m, const char *text)
{
	return ask_bytes(m, text, strlen(text));
}

/* --- Verbs, answers as recorded from QEMU 7.2 -------------------------------------------------------------------- */

static void values_are_little_endian_and_cut_to_the_access(void **state)
{
	struct machine *m = *state;

	assert_string_equal(ask(m, "writeq 0x10 0x1122334455667788\n"), "OK\n");
	assert_string_equal(ask(m, "readb 0x10\n"), "OK 0x0000000000000088\n");
	assert_string_equal(ask(m, "readw 0x10\n"), "OK 0x0000000000007788\n");
	assert_string_equal(ask(m, "readl 0x10\n"), "OK 0x0000000055667788\n");
	assert_string_equal(ask(m, "readq 0x10\n"), "OK 0x1122334455667788\n");
	assert_string_equal(ask(m, "writeb 0x10 0x1ff\n"), "OK\n");
	assert_string_equal(ask(m, "writew 0x12 -1\n"), "OK\n");
	assert_string_equal(ask(m, "writel 0x14 0x1aabbccdd\n"), "OK\n");
	assert_string_equal(ask(m, "read 0x10 8\n"), "OK 0xff77ffffddccbbaa\n");
}

static void numbers_are_written_as_in_c(void **state)
{
	struct machine *m = *state;

	m->mem[8] = 0xa5;
	assert_string_equal(ask(m, "readb 010\n"), "OK 0x00000000000000a5\n");
	assert_string_equal(ask(m, "readb 8\n"), "OK 0x00000000000000a5\n");
	assert_string_equal(ask(m, "readb 0x8\n"), "OK 0x00000000000000a5\n");
	assert_string_equal(ask(m, "readb +8\n"), "OK 0x00000000000000a5\n");
	assert_string_equal(ask(m, "readq -1\n"), "OK 0x0000000000000000\n");
}

static void blocks_are_in_memory_order_and_missing_data_is_zero(void **state)
{
	struct machine *m = *state;

	assert_string_equal(ask(m, "memset 0x20 8 0xab\n"), "OK\n");
	assert_string_equal(ask(m, "read 0x20 8\n"), "OK 0xabababababababab\n");
	assert_string_equal(ask(m, "write 0x20 4 0x0102\n"), "OK\n");
	assert_string_equal(ask(m, "read 0x20 8\n"), "OK 0x01020000abababab\n");
	assert_string_equal(ask(m, "write 0x24 1 0x0A0B0C\n"), "OK\n");
	assert_string_equal(ask(m, "read 0x20 8\n"), "OK 0x010200000aababab\n");
	assert_string_equal(ask(m, "memset 0x20 0 0xab\n"), "OK\n");
	assert_string_equal(ask(m, "write 0x20 4 0x\n"), "ERR invalid argument size\n");
}

static void base64_round_trips_every_length(void **state)
{
	struct machine *m = *state;
	char line[512], text[256];

	assert_string_equal(ask(m, "write 0 7 0x00010203fffe80\n"), "OK\n");
	assert_string_equal(ask(m, "b64read 0 1\n"), "OK AA==\n");
	assert_string_equal(ask(m, "b64read 0 2\n"), "OK AAE=\n");
	assert_string_equal(ask(m, "b64read 0 3\n"), "OK AAEC\n");
	assert_string_equal(ask(m, "b64write 16 4 AAECAw==\n"), "OK\n");
	assert_string_equal(ask(m, "read 16 4\n"), "OK 0x00010203\n");
	/* As QEMU: of data that does not fit its size, the smaller of both counts. */
	assert_string_equal(ask(m, "b64write 16 8 /w==\n"), "OK\n");
	assert_string_equal(ask(m, "read 16 4\n"), "OK 0xff010203\n");
	assert_string_equal(ask(m, "b64write 16 1 AQIDBA==\n"), "OK\n");
	assert_string_equal(ask(m, "read 16 4\n"), "OK 0x01010203\n");
	assert_string_equal(ask(m, "b64write 16 3 AA\n"), "ERR invalid argument size\n");
	for (unsigned int len = 1; len < 100; len++) {
		for (unsigned int i = 0; i < len; i++)
			m->mem[i] = (uint8_t)(len * 37 + i * 101);
		snprintf(line, sizeof(line), "b64read 0 %u\n", len);
		snprintf(text, sizeof(text), "%s", ask(m, line) + 3);
		snprintf(line, sizeof(line), "b64write 4096 %u %s", len, text);
		assert_string_equal(ask(m, line), "OK\n");
		assert_memory_equal(m->mem, m->mem + 4096, len);
	}
}

static void ports_answer_with_four_digits_at_least(void **state)
{
	struct machine *m = *state;

	assert_string_equal(ask(m, "inb 0x70\n"), "OK 0x0001\n");
	assert_string_equal(ask(m, "inw 0xffff\n"), "OK 0x0002\n");
	assert_string_equal(ask(m, "inl 0xcfc\n"), "OK 0x1234abcd\n");
	assert_int_equal(m->port, 0xcfc);
	assert_string_equal(ask(m, "outb 0x80 0x5\n"), "OK\n");
	assert_int_equal(m->port, 0x80);
	assert_int_equal(m->out, 0x51);
	assert_string_equal(ask(m, "outw 0x80 0x6\n"), "OK\n");
	assert_int_equal(m->out, 0x62);
	assert_string_equal(ask(m, "outl 0xcf8 0x7\n"), "OK\n");
	assert_int_equal(m->out, 0x74);
}

static void the_clock_moves_when_told(void **state)
{
	struct machine *m = *state;

	assert_string_equal(ask(m, "clock_step\n"), "OK 0\n");
	assert_string_equal(ask(m, "clock_step 1000\n"), "OK 1000\n");
	assert_string_equal(ask(m, "clock_set 500\n"), "OK 1000\n");
	assert_string_equal(ask(m, "clock_set 50000\n"), "OK 50000\n");
	assert_string_equal(ask(m, "endianness\n"), "OK little\n");
}

static void interrupts_appear_once_intercepted(void **state)
{
	struct machine *m = *state;

	m->len = 0;
	qtest_irq_pulse(m->qtest, 74, 0);
	assert_int_equal(m->len, 0);
	assert_string_equal(ask(m, "irq_intercept_in /machine/unattached/device[0]\n"), "OK\n");
	m->len = 0;
	qtest_irq_pulse(m->qtest, 77, 3);
	assert_string_equal(m->answer, "IRQ raise 77\nIRQ lower 77\n");
	assert_string_equal(ask(m, "irq_intercept_out x\n"), "FAIL IRQ intercept already enabled\n");
	assert_string_equal(ask(m, "irq_intercept_in x\n"), "OK\n");
}

static void intercepting_at_the_device_counts_its_own_lines(void **state)
{
	struct machine *m = *state;

	assert_string_equal(ask(m, "irq_intercept_out x\n"), "OK\n");
	m->len = 0;
	qtest_irq_pulse(m->qtest, 77, 3);
	assert_string_equal(m->answer, "IRQ raise 3\nIRQ lower 3\n");
}

static void lines_of_viq_go_to_the_machine(void **state)
{
	assert_string_equal(ask(*state, "viq hello\n"), "OK 2 hello\n");
	assert_string_equal(ask(*state, "viq\n"), "OK 1 \n");
	/* More words than any line needs: the rest is dropped, as QEMU drops it. */
	assert_string_equal(ask(*state, "viq a b c d e f g h i j k\n"), "OK 8 a\n");
}

/* --- What a client may do wrong ---------------------------------------------------------------------------------- */

static void malformed_lines_get_one_answer_and_change_nothing(void **state)
{
	static const char *const lines[] = {
		"\n",
		" \n",
		"foo\n",
		"READL 0\n",
		"readl\n",
		"readl zz\n",
		"readl 0x\n",
		"readl 8zz\n",
		"writel 8\n",
		"writel 8 8h\n",
		"writel 0x10000000000000000 1\n",
		"read 0\n",
		"read 0 0\n",
		"read 0 zz\n",
		"write 0 4\n",
		"write 0 4 zz010203\n",
		"write 0 4 0x010g\n",
		"write 0 99999999999999999999 0x00\n",
		"b64read 0\n",
		"b64write 0 4 A*ECAw==\n",
		"b64write 0 4 AA==AA==\n",
		"memset 0 4\n",
		"memset 0 4 x\n",
		"clock_step x\n",
		"clock_set\n",
		"irq_intercept_in\n",
		"endiannes\n",
		"inb\n",
		"inb 0x10000\n",
		"inl zz\n",
		"outl 0xcf8\n",
		"outl 0xcf8 zz\n",
		"outl 0x100000000 1\n",
	};
	struct machine *m = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *answer = ask(m, lines[i]);

		assert_memory_equal(answer, "FAIL ", 5);
		assert_ptr_equal(strchr(answer, '\n'), answer + strlen(answer) - 1);
	}
	assert_int_equal(m->writes, 0);
}

static void unknown_commands_are_named_as_qemu_does(void **state)
{
	assert_string_equal(ask(*state, "foo bar baz\n"), "FAIL Unknown command 'foo'\n");
}

static void transfers_are_bounded(void **state)
{
	struct machine *m = *state;
	char line[64];

	snprintf(line, sizeof(line), "read 0 %u\n", QTEST_MAX_TRANSFER + 1);
	assert_memory_equal(ask(m, line), "FAIL size", 9);
	assert_memory_equal(ask(m, "read 0 0xffffffffffffffff\n"), "FAIL size", 9);
	assert_memory_equal(ask(m, "b64read 0 0xffffffffffffffff\n"), "FAIL size", 9);
	assert_memory_equal(ask(m, "write 0 0xffffffffffffffff 0x00\n"), "FAIL size", 9);
	assert_memory_equal(ask(m, "b64write 0 0xffffffffffffffff AAAA\n"), "FAIL size", 9);
	assert_int_equal(m->writes, 0);
	snprintf(line, sizeof(line), "read 0 %u\n", QTEST_MAX_TRANSFER);
	assert_int_equal(strlen(ask(m, line)), 5 + 2 * (size_t)QTEST_MAX_TRANSFER + 1);
}

static void the_longest_write_fits_a_line(void **state)
{
	struct machine *m = *state;
	size_t digits = 2 * (size_t)QTEST_MAX_TRANSFER;
	char *line = malloc(digits + 64);
	int head = sprintf(line, "write 0x8 %u 0x", QTEST_MAX_TRANSFER);

	memset(line + head, 'e', digits);
	strcpy(line + head + digits, "\n");
	assert_string_equal(ask(m, line), "OK\n");
	assert_int_equal(m->mem[7], 0);
	assert_int_equal(m->mem[8], 0xee);
	free(line);
}

static void an_endless_line_is_answered_once_and_the_next_one_works(void **state)
{
	struct machine *m = *state;
	char *flood = malloc(1 << 20);

	memset(flood, 'x', 1 << 20);
	m->len = 0;
	for (unsigned int i = 0; i < 3 * (QTEST_MAX_LINE >> 20); i++)
		feed(m, flood, 1 << 20);
	assert_non_null(m->answer);
	assert_memory_equal(m->answer, "FAIL line longer than", 21);
	assert_ptr_equal(strchr(m->answer, '\n'), m->answer + m->len - 1);
	assert_true(qtest_partial(m->qtest));
	assert_string_equal(ask(m, "\nendianness\n"), "OK little\n");
	assert_false(qtest_partial(m->qtest));
	free(flood);
}

static void any_cut_of_the_input_gives_the_same_answers(void **state)
{
	static const char text[] = "writel 0 0x01020304\nread 0 4\nfoo\nreadb 3\n";
	static const char expected[] = "OK\nOK 0x04030201\nFAIL Unknown command 'foo'\nOK 0x0000000000000001\n";
	struct machine *m = *state;

	assert_string_equal(ask(m, text), expected);
	for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
		m->len = 0;
		feed(m, text, cut);
		assert_int_equal(qtest_partial(m->qtest), text[cut - 1] != '\n');
		feed(m, text + cut, sizeof(text) - 1 - cut);
		assert_string_equal(m->answer, expected);
	}
}

static void zero_bytes_and_carriage_returns(void **state)
{
	static const char zero[] = "read\0l 0\n";

	assert_string_equal(ask_bytes(*state, zero, sizeof(zero) - 1), "FAIL a line with a zero byte\n");
	assert_string_equal(ask(*state, "endianness\r\n"), "OK little\n");
	assert_string_equal(ask(*state, "  endianness   \n"), "OK little\n");
}

static void a_failed_send_ends_the_conversation(void **state)
{
	struct machine *m = *state;
	void *buf;

	m->send_error = -EPIPE;
	assert_true(qtest_space(m->qtest, &buf) >= 20);
	memcpy(buf, "writeb 0 1\nwriteb 0 2\n", 22);
	qtest_filled(m->qtest, 22);
	assert_int_equal(qtest_step(m->qtest), -EPIPE);
	assert_int_equal(qtest_step(m->qtest), -EPIPE);
	assert_int_equal(m->mem[0], 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(values_are_little_endian_and_cut_to_the_access),
		CASE(numbers_are_written_as_in_c),
		CASE(blocks_are_in_memory_order_and_missing_data_is_zero),
		CASE(base64_round_trips_every_length),
		CASE(ports_answer_with_four_digits_at_least),
		CASE(the_clock_moves_when_told),
		CASE(interrupts_appear_once_intercepted),
		CASE(intercepting_at_the_device_counts_its_own_lines),
		CASE(lines_of_viq_go_to_the_machine),
		CASE(malformed_lines_get_one_answer_and_change_nothing),
		CASE(unknown_commands_are_named_as_qemu_does),
		CASE(transfers_are_bounded),
		CASE(the_longest_write_fits_a_line),
		CASE(an_endless_line_is_answered_once_and_the_next_one_works),
		CASE(any_cut_of_the_input_gives_the_same_answers),
		CASE(zero_bytes_and_carriage_returns),
		CASE(a_failed_send_ends_the_conversation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
