/* SPDX-License-Identifier: MIT */
#ifndef VIQ_TOOL_REPLAY_SCAN_H
#define VIQ_TOOL_REPLAY_SCAN_H

#include "replay.h"

#define SCAN_MAX_STREAMS 1024
#define SCAN_SID_BITS    20 /* streams above are replayed, but have no device */
#define SCAN_MAX_TABLES  256

struct scan_stream {
	uint32_t sid;
	uint32_t max_ssid; /* that a command names */
	bool ats;          /* ATC_INV names it */
};

struct scan_smmuv3 {
	uint8_t granule[65536]; /* by ASID: log2 of the pages of its tables; 0: the capture does not name it */
	struct scan_stream streams[SCAN_MAX_STREAMS];
	size_t stream_count;
};

/* Page tables that a guest must have had: it invalidates in this domain and PASID. */
struct scan_table {
	uint16_t domain_id;
	uint32_t pasid;
};

/* A device that descriptors name. */
struct scan_source {
	uint16_t sid;
	uint32_t pasid; /* the first that a device-TLB descriptor names with it */
	bool ats;       /* device-TLB descriptors name it */
};

struct scan_vtd {
	struct scan_table tables[SCAN_MAX_TABLES];
	size_t table_count;
	struct scan_source sources[SCAN_MAX_TABLES];
	size_t source_count;
	bool narrow; /* a queue of 128-bit descriptors: legacy mode, which takes both widths */
};

/* What a capture needs of the guest around it. */
struct scan {
	const struct replay_arch *arch;
	int fd; /* of the capture, to be read again; 0: none */
	uint64_t recorded[REPLAY_KINDS];
	uint64_t commands, missing, doorbells;
	uint32_t max_entries; /* of its queues */
	bool clocked;         /* it has times: these, in nanoseconds, of the first event and of the latest */
	uint64_t first_time, last_time;
	char note[1100];
	struct scan_smmuv3 smmuv3;
	struct scan_vtd vtd;
	bool found; /* command number wanted is there */
	uint64_t wanted[4];
};

struct viq_capture_reader;

const struct replay_arch *scan_arch(const struct viq_capture_reader *reader);
/* Read the whole capture. False after an error, which was printed. */
bool scan_capture(const char *path, uint64_t wanted, struct scan *scan);

/* Replay it (replay_run.c). False after an error, which was printed. */
bool replay_capture(const struct replay_options *options, const struct scan *scan, struct replay_result *result);

#endif
