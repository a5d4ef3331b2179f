/* SPDX-License-Identifier: MIT */
/*
 * Anything as what `viq record` reads: the dump of a ring with PROD values, QEMU's trace of a VT-d, the log of a
 * running QEMU with an SMMUv3, whose monitor is played here. What must hold besides what tool_run.h says: what it
 * writes is a capture that can be read to its end; a recording that fails writes nothing.
 *
 * Of an input the first byte chooses the source and its options; a ring has a length and bytes; the rest is text, and
 * the mutator knows its lines.
 */
#include <stdio.h>
#include <unistd.h>
#include <sys/mman.h>

#include "capture/capture.h"
#include "record/qmp.h"
#include "support/test.h"
#include "input.h"
#include "lines_mutate.h"
#include "tool_run.h"

#define RING_MAX 1024 /* bytes */

/* --- QEMU's monitor, in the place of record/qmp.c ------------------------------------------------------------------
 */

static struct {
	uint8_t how;
	struct input log; /* all of it: the first half is there at the beginning */
} qemu;

bool qmp_connect(struct qmp *qmp, const char *path)
{
	return true;
}

void qmp_close(struct qmp *qmp)
{
}

/* The queue's memory: zeros with a pattern at the beginning; it may be too short. */
static void save_memory(json_t *arguments)
{
	static const uint64_t pattern[] = {0x11 | UINT64_C(5) << 48, 0, 0x46, 0};
	const char *name = json_string_value(json_object_get(arguments, "filename"));
	json_int_t size = json_integer_value(json_object_get(arguments, "size"));
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(pattern, sizeof(pattern), 1, file), 1);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(ftruncate(fileno(file), size - (qemu.how & 64 ? 1 : 0)), 0);
	fclose(file);
}

bool qmp_execute(struct qmp *qmp, const char *command, json_t *arguments, json_t **result)
{
	if (!strcmp(command, "query-status"))
		*result = json_pack("{s:b}", "running", qemu.how & 32);
	else if (!strcmp(command, "stop"))
		tool_file(0, qemu.log.data, qemu.log.left);
	else if (!strcmp(command, "pmemsave"))
		save_memory(arguments);
	json_decref(arguments);
	return true;
}

/* What is written here outlives nothing, and a disk takes milliseconds. */
int fsync(int fd)
{
	return 0;
}

/* --- The sources -------------------------------------------------------------------------------------------------- */

static void check_capture(int status)
{
	struct viq_capture_reader *reader;
	struct viq_capture_event event;
	struct viq_capture_error err;
	int ret;

	if (status) {
		assert_int_equal(lseek(STDOUT_FILENO, 0, SEEK_END), 0);
		return;
	}
	lseek(STDOUT_FILENO, 0, SEEK_SET);
	assert_int_equal(viq_capture_reader_open_fd(STDOUT_FILENO, &reader, &err), 0);
	while ((ret = viq_capture_reader_next(reader, &event, &err)) == 1)
		;
	assert_int_equal(ret, 0);
	viq_capture_reader_close(reader);
}

/* -o -: what is standard output gets the capture. */
static void take_output(void)
{
	static bool taken;

	if (!taken)
		assert_int_equal(dup2(memfd_create("output", MFD_CLOEXEC), STDOUT_FILENO), STDOUT_FILENO);
	taken = true;
	assert_int_equal(ftruncate(STDOUT_FILENO, 0), 0);
	lseek(STDOUT_FILENO, 0, SEEK_SET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const sizes[] = {"--entry-size=16", "--entry-size=32", NULL, NULL};
	const char *words[8] = {"-o", "-", "--note=fuzz"};
	struct input in = {data, size};
	struct tool_said said;
	const char **word = words + 3;
	size_t len;

	qemu.how = input_u8(&in);
	switch (qemu.how % 4) {
	case 0:
		len = input_bytes(&in, 2) % (RING_MAX + 1);
		len = len < in.left ? len : in.left;
		*word++ = "smmuv3-ring";
		*word++ = tool_file(0, in.data, len);
		*word++ = tool_file(1, in.data + len, in.left - len);
		if (qemu.how & 16)
			*word++ = qemu.how & 32 ? "--log2size=4" : "--log2size=19";
		break;
	case 1:
		*word++ = "vtd-trace";
		*word++ = tool_file(0, in.data, in.left);
		*word++ = sizes[qemu.how / 16 % 4];
		break;
	default:
		qemu.log = in;
		*word++ = "live";
		*word++ = "--qmp=socket";
		*word++ = "--trace";
		*word++ = tool_file(0, in.data, qemu.how & 32 ? in.left / 2 : in.left);
		break;
	}
	if (qemu.how % 4 == 0) {
		tool_run(&command_decode, (const char *const[]){"--color=never", "--ring", words[4], NULL}, false,
			 &said);
		tool_forget(&said);
	}
	take_output();
	check_capture(tool_run(&command_record, words, false, &said));
	tool_forget(&said);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	struct input in = {data, size};
	size_t front = 1;

	if (size && input_u8(&in) % 4 == 0)
		front += 2 + input_bytes(&in, 2) % (RING_MAX + 1);
	if (size <= front || seed % 4 == 0)
		return LLVMFuzzerMutate(data, size, max);
	return front + mutate_lines((char *)data + front, size - front, max - front, seed / 4);
}
