// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "arch.h"
#include "input.h"
#include "tool.h"

static void note_setup(struct scan *scan, const struct viq_capture_setup *setup)
{
	if (setup->entries > scan->max_entries)
		scan->max_entries = setup->entries;
	scan->vtd.narrow |= setup->entry_size == 16;
	scan->clocked &= setup->clock == VIQ_CAPTURE_REALTIME;
}

static void note_event(struct scan *scan, const struct viq_capture_reader *reader,
		       const struct viq_capture_event *event, uint64_t wanted)
{
	uint64_t number = scan->commands + scan->missing;

	if (!scan->first_time)
		scan->first_time = scan->last_time = event->time;
	if (event->time > scan->last_time)
		scan->last_time = event->time;
	switch (event->type) {
	case VIQ_CAPTURE_SETUP:
		note_setup(scan, &event->setup);
		break;
	case VIQ_CAPTURE_GAP:
		scan->missing += event->entries.count;
		break;
	case VIQ_CAPTURE_DOORBELL:
		scan->doorbells++;
		__attribute__((fallthrough));
	case VIQ_CAPTURE_ENTRIES:
		for (uint32_t i = 0; i < event->entries.count; i++) {
			uint64_t cmd[4] = {0};

			viq_capture_entry_words(reader, event, i, cmd);
			scan->recorded[scan->arch->kind(cmd)]++;
			scan->arch->scan(scan, cmd);
			if (number + i == wanted) {
				scan->found = true;
				memcpy(scan->wanted, cmd, sizeof(scan->wanted));
			}
		}
		scan->commands += event->entries.count;
		break;
	}
}

const struct replay_arch *scan_arch(const struct viq_capture_reader *reader)
{
	return viq_capture_reader_kind(reader) == VIQ_CAPTURE_SMMUV3 ? &replay_smmuv3 : &replay_vtd;
}

bool scan_capture(const char *path, uint64_t wanted, struct scan *scan)
{
	struct viq_capture_reader *reader;
	struct viq_capture_event event;
	struct viq_capture_error err;
	int ret;

	memset(scan, 0, sizeof(*scan));
	scan->fd = input_open(path, true);
	if (scan->fd < 0)
		return false;
	if (viq_capture_reader_open_fd(scan->fd, &reader, &err)) {
		tool_capture_error(path, &err);
		return false;
	}
	scan->clocked = true;
	scan->arch = scan_arch(reader);
	snprintf(scan->note, sizeof(scan->note), "%s", viq_capture_reader_setup(reader)->note);
	note_setup(scan, viq_capture_reader_setup(reader));
	while ((ret = viq_capture_reader_next(reader, &event, &err)) > 0)
		note_event(scan, reader, &event, wanted);
	viq_capture_reader_close(reader);
	if (ret < 0)
		tool_capture_error(path, &err);
	return ret == 0;
}
