/* SPDX-License-Identifier: MIT */
/*
 * Any conversation with `viq device`: lines of words that fit, damaged ones, bytes that are none, and QMP; cut into
 * pieces anywhere. What must hold: each line gets exactly one answer, which is a line that begins as the protocol says,
 * with interrupts around it at most; and the monitor answers in whole lines.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "device/board.h"
#include "device/monitor.h"
#include "input.h"

#define RAM   (UINT64_C(256) << 10)
#define SLICE 64 /* commands behind a line */

struct talk {
	struct board *board;
	struct qtest *qtest;
	struct monitor *monitor;
	unsigned int answers; /* to the line under way */
	char last;            /* what the monitor sent at the end */
};

static void talk_read(void *opaque, uint64_t addr, void *buf, uint64_t len)
{
	struct talk *t = opaque;

	board_read(t->board, addr, buf, len);
}

static void talk_write(void *opaque, uint64_t addr, const void *buf, uint64_t len)
{
	struct talk *t = opaque;

	board_write(t->board, addr, buf, len);
}

/* A fill of the whole address space reaches all of PCI's, which takes a second: not more than this. */
static void talk_fill(void *opaque, uint64_t addr, uint8_t byte, uint64_t len)
{
	struct talk *t = opaque;

	board_fill(t->board, addr, byte, len > RAM ? RAM : len);
}

static uint32_t talk_in(void *opaque, uint16_t port, unsigned int size)
{
	struct talk *t = opaque;

	return pci_in(t->board, port, size);
}

static void talk_out(void *opaque, uint16_t port, unsigned int size, uint32_t value)
{
	struct talk *t = opaque;

	pci_out(t->board, port, size, value);
}

static int talk_send(void *opaque, const void *buf, size_t len)
{
	struct talk *t = opaque;
	const char *text = buf;

	/* Whole lines, one at a time. */
	assert_true(len >= 3 && memchr(text, '\n', len) == text + len - 1);
	if (!strncmp(text, "IRQ ", 4))
		return 0;
	assert_true(!strncmp(text, "OK", 2) || !strncmp(text, "ERR ", 4) || !strncmp(text, "FAIL ", 5));
	t->answers++;
	return 0;
}

static void talk_extra(void *opaque, struct qtest *qtest, char *const *words, size_t count)
{
	struct talk *t = opaque;

	board_extra(t->board, qtest, words, count);
}

static const struct qtest_ops talk_ops = {
	.read = talk_read,
	.write = talk_write,
	.fill = talk_fill,
	.in = talk_in,
	.out = talk_out,
	.send = talk_send,
	.extra = talk_extra,
};

static int monitor_sends(void *opaque, const void *buf, size_t len)
{
	struct talk *t = opaque;

	assert_true(len > 0);
	t->last = ((const char *)buf)[len - 1];
	return 0;
}

static void monitor_resets(void *opaque)
{
	struct talk *t = opaque;

	board_reset(t->board);
}

static const struct monitor_ops monitor_ops = {.send = monitor_sends, .reset = monitor_resets};

/* --- What is said ------------------------------------------------------------------------------------------------- */

static const char *const verbs[] = {
	"writeq",
	"writel",
	"readq",
	"readl",
	"write",
	"read",
	"b64write",
	"b64read",
	"memset",
	"outl",
	"inl",
	"outb",
	"inw",
	"clock_step",
	"clock_set",
	"endianness",
	"writeb",
	"readw",
	"viq run",
	"viq counters",
	"viq dma_read",
	"viq inject",
	"viq save",
	"viq dma_write",
	"viq restore",
	"viq",
	"irq_intercept_in x",
	"irq_intercept_out x",
	"",
};
static const char *const words[] = {
	"none",
	"host-illegal",
	"hardware",
	"atc-timeout",
	"no-memory",
	"gone",
	"drop",
	"8:1",
	"0x10",
	"0x",
	"0xg0",
	"-1",
	"99999999999999999999",
	"+0x",
	"=",
	"AAA=",
	"\t",
	"\r",
	"0x10:",
	":",
};
static const char *const messages[] = {
	"{\"execute\":\"qmp_capabilities\"}",
	"{\"execute\":\"system_reset\",\"id\":1}",
	"{\"execute\":\"query-machines\",\"id\":{\"a\":[null]}}",
	"{\"execute\":\"quit\"}",
	"{\"execute\":\"\\u00e9\\ud83d\\ude00\"}",
	"{\"execute\":\"no",
	"[[[[",
	"]",
	"\xff\xc3",
	"\"",
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* One word, most of them with a meaning. */
static void add_word(const struct talk *t, struct input *in, char *line, size_t room)
{
	const struct board_arch *arch = t->board->arch;
	/* Where things lie; a function's BAR is put there by who sets it up. */
	const uint64_t places[] = {0,          arch->registers, arch->ram, arch->ecam + 0x8000,
				   0xe0000000, 0xcf8,           0xcfc,     UINT64_MAX - 7};
	const size_t len = strlen(line);
	const uint8_t how = input_u8(in);
	char *end = line + len;

	room -= len;
	switch (how % 8) {
	case 0:
		snprintf(end, room, " %s", words[input_u8(in) % COUNT(words)]);
		break;
	case 1:
	case 2:
		snprintf(end, room, " 0x%" PRIx64, places[how / 8 % COUNT(places)] + input_bytes(in, 2));
		break;
	case 3:
		snprintf(end, room, " 0x%" PRIx64, input_u64(in));
		break;
	case 4: /* bytes in memory order */
		snprintf(end, room, " 0x%016" PRIx64 "%016" PRIx64, input_u64(in), input_u64(in));
		break;
	case 5:
		snprintf(end, room, " %u", how / 8);
		break;
	default:
		snprintf(end, room, " 0x%" PRIx64, input_bytes(in, 1 + how / 8 % 2));
		break;
	}
}

static void hear(struct talk *t, const char *text, size_t len)
{
	while (len) {
		void *buf;
		int64_t room = qtest_space(t->qtest, &buf);
		size_t part = room < (int64_t)len ? (size_t)room : len;
		int ret;

		assert_true(room > 0);
		memcpy(buf, text, part);
		qtest_filled(t->qtest, part);
		text += part;
		len -= part;
		t->answers = 0;
		while ((ret = qtest_step(t->qtest)) > 0) {
			assert_int_equal(t->answers, 1);
			t->answers = 0;
			if (board_ready(t->board))
				board_run(t->board, SLICE);
		}
		assert_int_equal(ret, 0);
	}
}

static void hear_qmp(struct talk *t, const char *text, size_t len)
{
	while (len && !monitor_quits(t->monitor)) {
		void *buf;
		size_t room = monitor_space(t->monitor, &buf), part = room < len ? room : len;

		assert_true(room > 0);
		memcpy(buf, text, part);
		text += part;
		len -= part;
		assert_int_equal(monitor_filled(t->monitor, part), 0);
		assert_int_equal(t->last, '\n');
	}
}

static void say(struct talk *t, struct input *in)
{
	const uint8_t what = input_u8(in);
	size_t len = what / 8;
	char line[512];

	switch (what % 8) {
	case 0: /* anything, a piece of a line */
		len = len < in->left ? len : in->left;
		hear(t, (const char *)in->data, len);
		in->data += len;
		in->left -= len;
		break;
	case 1:
		len = len < in->left ? len : in->left;
		hear_qmp(t, (const char *)in->data, len);
		in->data += len;
		in->left -= len;
		break;
	case 2:
		hear_qmp(t, messages[len % COUNT(messages)], strlen(messages[len % COUNT(messages)]));
		break;
	default:
		snprintf(line, sizeof(line), "%s", verbs[input_u8(in) % COUNT(verbs)]);
		for (size_t i = len % 5; i; i--)
			add_word(t, in, line, sizeof(line) - 1);
		strcat(line, "\n");
		hear(t, line, strlen(line));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	const uint8_t how = input_u8(&in);
	struct board_config config = {
		.arch = how & 1 ? &board_vtd : &board_smmuv3,
		.ram_size = RAM,
		.soft = how & 2,
		.contract = how / 4 % 3,
		.streams = {8, 16},
		.stream_count = 2,
	};
	struct talk t = {0};
	struct viq_why why;

	viq_smmuv3_config_init(&config.smmuv3, sizeof(config.smmuv3));
	viq_vtd_config_init(&config.vtd, sizeof(config.vtd));
	config.smmuv3.budget = config.vtd.budget = SLICE;
	assert_int_equal(board_create(&config, &t.board, &why), 0);
	assert_int_equal(qtest_create(&talk_ops, &t, &t.qtest), 0);
	t.board->qtest = t.qtest;
	assert_int_equal(monitor_create(&monitor_ops, &t, config.arch->machine, &t.monitor), 0);
	for (unsigned int steps = 0; in.left && steps < 256; steps++)
		say(&t, &in);
	monitor_destroy(t.monitor);
	t.board->qtest = NULL;
	qtest_destroy(t.qtest);
	board_destroy(t.board);
	return 0;
}
