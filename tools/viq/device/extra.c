/* SPDX-License-Identifier: MIT */
/*
 * What `viq device` adds to the protocol; every line begins with "viq".
 *
 *   viq run [BUDGET]                      OK 1 if consumable commands are left, else OK 0
 *   viq counters                          OK NAME=VALUE ... : those that are not 0
 *   viq dma_read SID[:PASID] ADDR SIZE     OK 0x...; the device reads through the IOMMU
 *   viq dma_write SID[:PASID] ADDR SIZE 0x...    OK
 *   viq inject KIND INDEX [TIMES]         OK; arms a failure of the software host (viq/fault.h, viq_fault_arm()):
 *                                         KIND is one of failures.h, or none to disarm
 *   viq save                              OK 0x...: the unit's state, without memory
 *   viq restore 0x...                     OK
 *
 * A DMA access that the IOMMU aborts answers "FAIL aborted", one that it ends silently "FAIL terminated".
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "failures.h"
#include "qtest_text.h"

static void run(struct board *board, struct qtest *qtest, char *const *words, size_t count)
{
	uint64_t budget = 0;

	if (count > 2 && (qtest_parse_number(words[2], &budget) || budget > UINT32_MAX)) {
		qtest_reply(qtest, "FAIL bad budget '%.32s'", words[2]);
		return;
	}
	board_run(board, (uint32_t)budget);
	qtest_reply(qtest, "OK %d", board->busy);
}

/* --- Counters ---------------------------------------------------------------------------------------------------- */

void board_count(struct board_counters *c, const char *name, uint64_t value)
{
	size_t room = sizeof(c->text) - c->len;
	int len;

	if (!value)
		return;
	len = snprintf(c->text + c->len, room, " %s=%" PRIu64, name, value);
	if (len > 0 && (size_t)len < room)
		c->len += (size_t)len;
}

static void counters(struct board *board, struct qtest *qtest, char *const *words, size_t count)
{
	struct board_counters c = {.len = 0};

	board->arch->counters(board, &c);
	c.text[c.len] = '\0';
	qtest_reply(qtest, "OK%s", c.text);
}

/* --- DMA --------------------------------------------------------------------------------------------------------- */

/* "SID" or "SID:PASID": StreamID and SubstreamID, or source-id and PASID; pasid -1 without. */
static int parse_stream(const char *word, uint32_t *sid, int64_t *pasid)
{
	char copy[48];
	uint64_t value;
	char *colon;

	if (strlen(word) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, word);
	colon = strchr(copy, ':');
	*pasid = -1;
	if (colon) {
		*colon = '\0';
		if (qtest_parse_number(colon + 1, &value) || value >= 1u << 20)
			return -EINVAL;
		*pasid = (int64_t)value;
	}
	if (qtest_parse_number(copy, &value) || value > UINT32_MAX)
		return -EINVAL;
	*sid = (uint32_t)value;
	return 0;
}

static void reply_dma(struct qtest *qtest, int err, const char *sid, const void *data, size_t len)
{
	if (err == -ENODEV)
		qtest_reply(qtest, "FAIL no device has the number %.48s", sid);
	else if (err == -EFAULT)
		qtest_reply(qtest, "FAIL aborted");
	else if (err == -ENODATA)
		qtest_reply(qtest, "FAIL terminated");
	else if (err)
		qtest_reply(qtest, "FAIL %s", strerror(-err));
	else if (data)
		qtest_reply_hex(qtest, data, len);
	else
		qtest_reply(qtest, "OK");
}

static void dma(struct board *board, struct qtest *qtest, char *const *words, size_t count)
{
	bool write = !strcmp(words[1], "dma_write");
	uint64_t iova, size;
	int64_t pasid;
	uint32_t sid;
	uint8_t *data;

	if (parse_stream(words[2], &sid, &pasid) || qtest_parse_number(words[3], &iova) ||
	    qtest_parse_number(words[4], &size) || !size || size > QTEST_MAX_TRANSFER) {
		qtest_reply(qtest, "FAIL bad device, address or size");
		return;
	}
	data = malloc(size);
	if (!data) {
		qtest_reply(qtest, "FAIL no memory for %" PRIu64 " bytes", size);
		return;
	}
	if (write && qtest_parse_hex(words[5], data, size))
		qtest_reply(qtest, "FAIL data is not 0x and hexadecimal digits");
	else
		reply_dma(qtest, board->arch->dma(board, sid, pasid, write, iova, data, size), words[2],
			  write ? NULL : data, size);
	free(data);
}

/* --- Failures ---------------------------------------------------------------------------------------------------- */

static void inject(struct board *board, struct qtest *qtest, char *const *words, size_t count)
{
	struct viq_fault_failure what = {.size = sizeof(what), .kind = VIQ_FAULT_NONE};
	uint64_t index, times = 1;

	if (qtest_parse_number(words[3], &index) || index >= VIQ_CALL_MAX_ENTRIES ||
	    (count > 4 && (qtest_parse_number(words[4], &times) || times > UINT32_MAX)) ||
	    (strcmp(words[2], "none") && failure_parse(words[2], &what.kind))) {
		qtest_reply(qtest, "FAIL bad kind, index or count");
		return;
	}
	what.index = (uint32_t)index;
	what.times = (uint32_t)times;
	if (board->fault && board->arch->inject)
		board->arch->inject(board, &what);
	if (!board->fault || viq_fault_arm(board->fault, &what))
		qtest_reply(qtest, "FAIL this host has no failures to arm");
	else
		qtest_reply(qtest, "OK");
}

/* --- Freeze and thaw --------------------------------------------------------------------------------------------- */

static void save(struct board *board, struct qtest *qtest, char *const *words, size_t count)
{
	size_t len = board->arch->save_size(board);
	void *state = malloc(len);
	int err = state ? board->arch->save(board, state, &len) : -ENOMEM;

	if (err)
		qtest_reply(qtest, "FAIL %s", strerror(-err));
	else
		qtest_reply_hex(qtest, state, len);
	free(state);
}

static void restore(struct board *board, struct qtest *qtest, char *const *words, size_t count)
{
	size_t len = strlen(words[2]) / 2;
	uint8_t *state = malloc(len + 1);
	int err = -ENOMEM;

	if (state)
		err = qtest_parse_hex(words[2], state, len);
	/* The prefix is no data. */
	if (!err)
		err = board->arch->restore(board, state, len - 1);
	free(state);
	if (err) {
		qtest_reply(qtest, "FAIL not a state that this unit can take over: %s", strerror(-err));
		return;
	}
	board->busy = true;
	qtest_reply(qtest, "OK");
}

static const struct {
	const char *name;
	size_t words;
	void (*run)(struct board *board, struct qtest *qtest, char *const *words, size_t count);
} commands[] = {
	{"counters", 2, counters}, {"dma_read", 5, dma}, {"dma_write", 6, dma}, {"inject", 4, inject},
	{"restore", 3, restore},   {"run", 2, run},      {"save", 2, save},
};

void board_extra(void *opaque, struct qtest *qtest, char *const *words, size_t count)
{
	for (size_t i = 0; count > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(words[1], commands[i].name))
			continue;
		if (count < commands[i].words)
			qtest_reply(qtest, "FAIL viq %s needs %zu arguments", words[1], commands[i].words - 2);
		else
			commands[i].run(opaque, qtest, words, count);
		return;
	}
	qtest_reply(qtest, "FAIL Unknown command 'viq %.80s'", count > 1 ? words[1] : "");
}
