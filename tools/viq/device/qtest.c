/* SPDX-License-Identifier: MIT */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qtest.h"
#include "qtest_text.h"

#define FIRST_BUFFER 65536
#define MAX_REPLY    8192

enum intercept {
	INTERCEPT_NONE,
	INTERCEPT_IN,
	INTERCEPT_OUT,
};

/*
 * in[0, used) holds what came and is not yet carried out, beginning at start; [start, scanned) has no newline. scratch
 * holds a decoded transfer or an answer; both grow to what a client used and never beyond the limits of qtest.h.
 */
struct qtest {
	const struct qtest_ops *ops;
	void *opaque;
	char *in;
	size_t start, scanned, used, room;
	char *scratch;
	size_t scratch_room;
	uint64_t clock;
	enum intercept intercept;
	bool overlong; /* the rest of a line that was refused for its length is still coming */
	int error;     /* first failure of send */
};

typedef void verb_fn(struct qtest *q, char *const *words, size_t count, unsigned int arg);

struct verb {
	const char *name;
	size_t words; /* at least, the verb included */
	verb_fn *run;
	unsigned int arg;
};

int qtest_create(const struct qtest_ops *ops, void *opaque, struct qtest **out)
{
	struct qtest *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->ops = ops;
	q->opaque = opaque;
	*out = q;
	return 0;
}

void qtest_destroy(struct qtest *q)
{
	if (!q)
		return;
	free(q->scratch);
	free(q->in);
	free(q);
}

/* --- Sending ----------------------------------------------------------------------------------------------------- */

static void send_bytes(struct qtest *q, const void *buf, size_t len)
{
	if (!q->error)
		q->error = q->ops->send(q->opaque, buf, len);
}

void qtest_reply(struct qtest *q, const char *format, ...)
{
	char text[MAX_REPLY];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	if (len < 0)
		len = 0;
	if ((size_t)len > sizeof(text) - 2)
		len = sizeof(text) - 2;
	text[len] = '\n';
	send_bytes(q, text, (size_t)len + 1);
}

static char *scratch(struct qtest *q, size_t len)
{
	char *bigger;

	if (len <= q->scratch_room)
		return q->scratch;
	bigger = realloc(q->scratch, len);
	if (!bigger) {
		qtest_reply(q, "FAIL no memory for %zu bytes", len);
		return NULL;
	}
	q->scratch = bigger;
	q->scratch_room = len;
	return bigger;
}

void qtest_reply_hex(struct qtest *q, const void *buf, size_t len)
{
	char *text = malloc(2 * len + 6);

	if (!text) {
		qtest_reply(q, "FAIL no memory for %zu bytes", len);
		return;
	}
	memcpy(text, "OK 0x", 5);
	qtest_put_hex(text + 5, buf, len);
	text[5 + 2 * len] = '\n';
	send_bytes(q, text, 2 * len + 6);
	free(text);
}

void qtest_irq_pulse(struct qtest *q, unsigned int in, unsigned int out)
{
	unsigned int number = q->intercept == INTERCEPT_IN ? in : out;

	if (q->intercept == INTERCEPT_NONE)
		return;
	qtest_reply(q, "IRQ raise %u", number);
	qtest_reply(q, "IRQ lower %u", number);
}

/* --- Words ------------------------------------------------------------------------------------------------------- */

static bool number(struct qtest *q, const char *word, uint64_t *value)
{
	if (!qtest_parse_number(word, value))
		return true;
	qtest_reply(q, "FAIL bad number '%.32s'", word);
	return false;
}

/* ADDR and SIZE of a transfer through scratch. */
static bool transfer(struct qtest *q, char *const *words, uint64_t *addr, uint64_t *size)
{
	if (!number(q, words[1], addr) || !number(q, words[2], size))
		return false;
	if (*size <= QTEST_MAX_TRANSFER)
		return true;
	qtest_reply(q, "FAIL size %" PRIu64 " is more than %u", *size, QTEST_MAX_TRANSFER);
	return false;
}

/* --- Verbs ------------------------------------------------------------------------------------------------------- */

static void read_value(struct qtest *q, char *const *words, size_t count, unsigned int size)
{
	uint64_t addr, value = 0;

	if (!number(q, words[1], &addr))
		return;
	q->ops->read(q->opaque, addr, &value, size);
	qtest_reply(q, "OK 0x%016" PRIx64, le64toh(value));
}

static void write_value(struct qtest *q, char *const *words, size_t count, unsigned int size)
{
	uint64_t addr, value;

	if (!number(q, words[1], &addr) || !number(q, words[2], &value))
		return;
	value = htole64(value);
	q->ops->write(q->opaque, addr, &value, size);
	qtest_reply(q, "OK");
}

static void read_hex(struct qtest *q, char *const *words, size_t count, unsigned int arg)
{
	uint64_t addr, size;
	char *data;

	if (!transfer(q, words, &addr, &size))
		return;
	if (!size) {
		qtest_reply(q, "FAIL size is 0");
		return;
	}
	data = scratch(q, size);
	if (!data)
		return;
	q->ops->read(q->opaque, addr, data, size);
	qtest_reply_hex(q, data, size);
}

static void write_hex(struct qtest *q, char *const *words, size_t count, unsigned int arg)
{
	uint64_t addr, size;
	char *data;

	if (!transfer(q, words, &addr, &size))
		return;
	if (strlen(words[3]) < 3) {
		qtest_reply(q, "ERR invalid argument size");
		return;
	}
	data = scratch(q, size + 1);
	if (!data)
		return;
	if (qtest_parse_hex(words[3], (uint8_t *)data, size)) {
		qtest_reply(q, "FAIL data is not 0x and hexadecimal digits");
		return;
	}
	q->ops->write(q->opaque, addr, data, size);
	qtest_reply(q, "OK");
}

static void read_base64(struct qtest *q, char *const *words, size_t count, unsigned int arg)
{
	uint64_t addr, size;
	size_t len, digits;
	char *data;

	if (!transfer(q, words, &addr, &size))
		return;
	digits = (size + 2) / 3 * 4;
	data = scratch(q, size + 3 + digits + 1);
	if (!data)
		return;
	q->ops->read(q->opaque, addr, data, size);
	memcpy(data + size, "OK ", 3);
	len = qtest_put_base64(data + size + 3, (const uint8_t *)data, size);
	data[size + 3 + len] = '\n';
	send_bytes(q, data + size, 3 + len + 1);
}

static void write_base64(struct qtest *q, char *const *words, size_t count, unsigned int arg)
{
	uint64_t addr, size;
	int64_t len;
	char *data;

	if (!transfer(q, words, &addr, &size))
		return;
	if (strlen(words[3]) < 3) {
		qtest_reply(q, "ERR invalid argument size");
		return;
	}
	data = scratch(q, size + 1);
	if (!data)
		return;
	len = qtest_parse_base64(words[3], (uint8_t *)data, size);
	if (len < 0) {
		qtest_reply(q, "FAIL data is not base 64");
		return;
	}
	q->ops->write(q->opaque, addr, data, (uint64_t)len);
	qtest_reply(q, "OK");
}

static void fill(struct qtest *q, char *const *words, size_t count, unsigned int arg)
{
	uint64_t addr, size, byte;

	if (!number(q, words[1], &addr) || !number(q, words[2], &size) || !number(q, words[3], &byte))
		return;
	q->ops->fill(q->opaque, addr, (uint8_t)byte, size);
	qtest_reply(q, "OK");
}

static bool port(struct qtest *q, const char *word, uint16_t *value)
{
	uint64_t wide;

	if (!number(q, word, &wide))
		return false;
	*value = (uint16_t)wide;
	if (*value == wide)
		return true;
	qtest_reply(q, "FAIL port '%.32s' is above 0xffff", word);
	return false;
}

static void port_in(struct qtest *q, char *const *words, size_t count, unsigned int size)
{
	uint16_t at;

	if (port(q, words[1], &at))
		qtest_reply(q, "OK 0x%04" PRIx32, q->ops->in(q->opaque, at, size));
}

static void port_out(struct qtest *q, char *const *words, size_t count, unsigned int size)
{
	uint64_t value;
	uint16_t at;

	if (!port(q, words[1], &at) || !number(q, words[2], &value))
		return;
	q->ops->out(q->opaque, at, size, (uint32_t)value);
	qtest_reply(q, "OK");
}

static void endianness(struct qtest *q, char *const *words, size_t count, unsigned int arg)
{
	qtest_reply(q, "OK little");
}

/* Nothing here has a timer, so a step without a length has nothing to step to. */
static void clock_step(struct qtest *q, char *const *words, size_t count, unsigned int arg)
{
	uint64_t ns = 0;

	if (count > 1 && !number(q, words[1], &ns))
		return;
	q->clock += ns;
	qtest_reply(q, "OK %" PRIu64, q->clock);
}

static void clock_set(struct qtest *q, char *const *words, size_t count, unsigned int arg)
{
	uint64_t ns;

	if (!number(q, words[1], &ns))
		return;
	if (ns > q->clock)
		q->clock = ns;
	qtest_reply(q, "OK %" PRIu64, q->clock);
}

/* There is one device, so any path names it or the interrupt controller it is wired to. */
static void intercept(struct qtest *q, char *const *words, size_t count, unsigned int arg)
{
	if (q->intercept != INTERCEPT_NONE && q->intercept != (enum intercept)arg) {
		qtest_reply(q, "FAIL IRQ intercept already enabled");
		return;
	}
	q->intercept = (enum intercept)arg;
	qtest_reply(q, "OK");
}

static void extra(struct qtest *q, char *const *words, size_t count, unsigned int arg)
{
	if (q->ops->extra)
		q->ops->extra(q->opaque, q, words, count);
	else
		qtest_reply(q, "FAIL Unknown command '%s'", words[0]);
}

static const struct verb verbs[] = {
	{"b64read", 3, read_base64, 0},
	{"b64write", 4, write_base64, 0},
	{"clock_set", 2, clock_set, 0},
	{"clock_step", 1, clock_step, 0},
	{"endianness", 1, endianness, 0},
	{"inb", 2, port_in, 1},
	{"inl", 2, port_in, 4},
	{"inw", 2, port_in, 2},
	{"irq_intercept_in", 2, intercept, INTERCEPT_IN},
	{"irq_intercept_out", 2, intercept, INTERCEPT_OUT},
	{"memset", 4, fill, 0},
	{"outb", 3, port_out, 1},
	{"outl", 3, port_out, 4},
	{"outw", 3, port_out, 2},
	{"read", 3, read_hex, 0},
	{"readb", 2, read_value, 1},
	{"readl", 2, read_value, 4},
	{"readq", 2, read_value, 8},
	{"readw", 2, read_value, 2},
	{"viq", 1, extra, 0},
	{"write", 4, write_hex, 0},
	{"writeb", 3, write_value, 1},
	{"writel", 3, write_value, 4},
	{"writeq", 3, write_value, 8},
	{"writew", 3, write_value, 2},
};

static void run_line(struct qtest *q, char *line)
{
	char *words[QTEST_MAX_WORDS + 1] = {0};
	size_t count = 0;
	char *save;

	for (char *word = strtok_r(line, " ", &save); word && count < QTEST_MAX_WORDS;
	     word = strtok_r(NULL, " ", &save))
		words[count++] = word;
	if (!count)
		words[0] = line + strlen(line);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(words[0], verbs[i].name))
			continue;
		if (count < verbs[i].words)
			qtest_reply(q, "FAIL %s needs %zu arguments", words[0], verbs[i].words - 1);
		else
			verbs[i].run(q, words, count, verbs[i].arg);
		return;
	}
	qtest_reply(q, "FAIL Unknown command '%.80s'", words[0]);
}

/* --- Input ------------------------------------------------------------------------------------------------------- */

/* Make room behind used: move the unread part to the front, then grow. */
static int make_room(struct qtest *q)
{
	size_t room;
	char *bigger;

	if (q->start) {
		memmove(q->in, q->in + q->start, q->used - q->start);
		q->used -= q->start;
		q->scanned -= q->start;
		q->start = 0;
	}
	if (q->used < q->room / 2 || q->room >= QTEST_MAX_LINE)
		return 0;
	room = q->room ? 2 * q->room : FIRST_BUFFER;
	if (room > QTEST_MAX_LINE)
		room = QTEST_MAX_LINE;
	bigger = realloc(q->in, room);
	if (!bigger)
		return q->room > q->used ? 0 : -ENOMEM;
	q->in = bigger;
	q->room = room;
	return 0;
}

int64_t qtest_space(struct qtest *q, void **buf)
{
	int err;

	if (q->start == q->used)
		q->start = q->scanned = q->used = 0;
	if (q->room - q->used < q->room / 4 || !q->room) {
		err = make_room(q);
		if (err)
			return err;
	}
	/* A line as long as the limit: forget it, answer once, and wait for its end. */
	if (q->used == q->room) {
		if (!q->overlong)
			qtest_reply(q, "FAIL line longer than %u bytes", QTEST_MAX_LINE - 1);
		q->overlong = true;
		q->start = q->scanned = q->used = 0;
	}
	*buf = q->in + q->used;
	return (int64_t)(q->room - q->used);
}

void qtest_filled(struct qtest *q, size_t len)
{
	q->used += len;
}

int qtest_step(struct qtest *q)
{
	char *line, *end;

	if (q->error)
		return q->error;
	if (q->start == q->used)
		return 0;
	line = q->in + q->start;
	end = q->scanned < q->used ? memchr(q->in + q->scanned, '\n', q->used - q->scanned) : NULL;
	if (!end) {
		q->scanned = q->used;
		return 0;
	}
	q->start = q->scanned = (size_t)(end - q->in) + 1;
	if (q->overlong) {
		q->overlong = false;
		return 1;
	}
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	if (memchr(line, '\0', (size_t)(end - line)))
		qtest_reply(q, "FAIL a line with a zero byte");
	else
		run_line(q, line);
	return q->error ? q->error : 1;
}

bool qtest_partial(const struct qtest *q)
{
	return q->overlong || q->start < q->used;
}
