// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "replay_scan.h"
#include "tool.h"

#define OP_NAMES_ASID(op) ((op) == VIQ_SMMUV3_OP_TLBI_NH_ASID || (op) == VIQ_SMMUV3_OP_TLBI_NH_VA)

unsigned int replay_kind(const uint64_t cmd[2])
{
	unsigned int op = (unsigned int)VIQ_GET(VIQ_SMMUV3_CMD_OP, cmd[0]);

	if (op == VIQ_SMMUV3_OP_CFGI_STE_RANGE && VIQ_GET(VIQ_SMMUV3_CFGI_1_RANGE, cmd[1]) == VIQ_SMMUV3_CFGI_RANGE_ALL)
		return REPLAY_CFGI_ALL;
	return op;
}

const char *replay_kind_name(unsigned int kind)
{
	const uint64_t all[2] = {VIQ_SMMUV3_OP_CFGI_STE_RANGE, VIQ_SMMUV3_CFGI_RANGE_ALL};
	const uint64_t cmd[2] = {kind, 0};
	const char *name = viq_smmuv3_command_name(kind == REPLAY_CFGI_ALL ? all : cmd);

	return name ? name : "reserved";
}

/* log2 of the granule that a range command speaks of (4.4.1); 0: none. */
static uint8_t command_granule(const uint64_t cmd[2])
{
	static const uint8_t log2[] = {0, 12, 14, 16};

	return log2[VIQ_GET(VIQ_SMMUV3_TLBI_1_TG, cmd[1])];
}

/* Tables have one granule: the first that a range command of their ASID tells; 1 stands for "not told yet". */
static void note_asid(struct scan *scan, const uint64_t cmd[2], unsigned int op)
{
	uint8_t *granule = &scan->granule[VIQ_GET(VIQ_SMMUV3_TLBI_ASID, cmd[0])];
	uint8_t told = op == VIQ_SMMUV3_OP_TLBI_NH_VA ? command_granule(cmd) : 0;

	if (*granule <= 1)
		*granule = told ? told : 1;
}

static void note_stream(struct scan *scan, uint32_t sid, uint32_t ssid, bool ats)
{
	struct scan_stream *s = scan->streams;
	struct scan_stream *end = s + scan->stream_count;

	if (sid >> SCAN_SID_BITS)
		return;
	while (s < end && s->sid != sid)
		s++;
	if (s == end) {
		if (scan->stream_count == SCAN_MAX_STREAMS)
			return;
		scan->stream_count++;
		*s = (struct scan_stream){.sid = sid};
	}
	s->ats |= ats;
	if (ssid > s->max_ssid)
		s->max_ssid = ssid;
	if (sid > scan->max_sid)
		scan->max_sid = sid;
}

static void note_command(struct scan *scan, const uint64_t cmd[2])
{
	unsigned int op = (unsigned int)VIQ_GET(VIQ_SMMUV3_CMD_OP, cmd[0]);
	uint32_t sid = (uint32_t)VIQ_GET(VIQ_SMMUV3_CMD_SID, cmd[0]);
	uint32_t ssid = (uint32_t)VIQ_GET(VIQ_SMMUV3_CMD_SSID, cmd[0]);

	scan->recorded[replay_kind(cmd)]++;
	if (OP_NAMES_ASID(op))
		note_asid(scan, cmd, op);
	else if (op == VIQ_SMMUV3_OP_CFGI_STE || op == VIQ_SMMUV3_OP_CFGI_CD_ALL)
		note_stream(scan, sid, 0, false);
	else if (op == VIQ_SMMUV3_OP_CFGI_CD)
		note_stream(scan, sid, ssid, false);
	else if (op == VIQ_SMMUV3_OP_ATC_INV)
		note_stream(scan, sid, cmd[0] & VIQ_SMMUV3_CMD_SSV ? ssid : 0, true);
}

static void note_event(struct scan *scan, const struct viq_capture_reader *reader,
		       const struct viq_capture_event *event, uint64_t wanted)
{
	uint64_t number = scan->commands + scan->missing;
	uint64_t cmd[4];

	switch (event->type) {
	case VIQ_CAPTURE_SETUP:
		if (event->setup.entries > scan->max_entries)
			scan->max_entries = event->setup.entries;
		break;
	case VIQ_CAPTURE_GAP:
		scan->missing += event->entries.count;
		break;
	case VIQ_CAPTURE_DOORBELL:
		scan->doorbells++;
		__attribute__((fallthrough));
	case VIQ_CAPTURE_ENTRIES:
		for (uint32_t i = 0; i < event->entries.count; i++) {
			viq_capture_entry_words(reader, event, i, cmd);
			note_command(scan, cmd);
			if (number + i == wanted) {
				scan->found = true;
				memcpy(scan->wanted, cmd, sizeof(scan->wanted));
			}
		}
		scan->commands += event->entries.count;
		break;
	}
}

bool scan_capture(const char *path, uint64_t wanted, struct scan *scan)
{
	struct viq_capture_reader *reader;
	struct viq_capture_event event;
	struct viq_capture_error err;
	int ret;

	memset(scan, 0, sizeof(*scan));
	if (viq_capture_reader_open(path, &reader, &err)) {
		tool_capture_error(path, &err);
		return false;
	}
	if (viq_capture_reader_kind(reader) != VIQ_CAPTURE_SMMUV3) {
		tool_error(
			path,
			"a VT-d queue, for which this version has no front end yet; replay an SMMUv3 capture, or read "
			"this one with 'viq decode'");
		viq_capture_reader_close(reader);
		return false;
	}
	snprintf(scan->note, sizeof(scan->note), "%s", viq_capture_reader_setup(reader)->note);
	scan->max_entries = viq_capture_reader_setup(reader)->entries;
	while ((ret = viq_capture_reader_next(reader, &event, &err)) > 0)
		note_event(scan, reader, &event, wanted);
	viq_capture_reader_close(reader);
	for (size_t asid = 0; asid < 65536; asid++)
		if (scan->granule[asid] == 1)
			scan->granule[asid] = 12;
	if (ret < 0)
		tool_capture_error(path, &err);
	return ret == 0;
}
