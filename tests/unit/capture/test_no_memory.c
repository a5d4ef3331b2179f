/* SPDX-License-Identifier: MIT */
/* Memory runs out while a capture is written and read: told, no file is left, and it works when tried again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/test.h"
#include "capture/capture.h"
#include "support/nomem.h"

static void life(const char *path)
{
	const struct viq_capture_setup setup = {.base = 0x48000000, .entries = 4096, .entry_size = 16};
	struct viq_capture_error err = {0};
	struct viq_capture_reader *r;
	struct viq_capture_writer *w;
	struct viq_capture_event event;

	nomem_must(viq_capture_writer_create(path, VIQ_CAPTURE_SMMUV3, &w, &err));
	assert_int_equal(err.text[0] != 0, nomem_struck());
	assert_int_equal(viq_capture_append_setup(w, 0, &setup), 0);
	assert_int_equal(viq_capture_writer_commit(w, NULL), 0);
	nomem_must(viq_capture_reader_open(path, &r, &err));
	assert_int_equal(err.text[0] != 0, nomem_struck());
	assert_int_equal(viq_capture_reader_next(r, &event, NULL), 1);
	assert_int_equal(viq_capture_reader_next(r, &event, NULL), 0);
	viq_capture_reader_close(r);
	assert_int_equal(unlink(path), 0);
}

static void each_allocation_fails(void **state)
{
	for (unsigned int lasting = 0; lasting < 2; lasting++) {
		char dir[] = "/tmp/viq-capture-XXXXXX", path[64];
		uint32_t n = 0;

		assert_non_null(mkdtemp(dir));
		snprintf(path, sizeof(path), "%s/capture", dir);
		do {
			nomem_fail(++n, lasting);
			life(path);
			nomem_off();
			assert_int_equal(nomem_live(), 0);
		} while (nomem_struck());
		assert_true(n > 4);
		/* Nothing is left in it. */
		assert_int_equal(rmdir(dir), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
