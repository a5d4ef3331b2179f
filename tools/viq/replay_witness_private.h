/* SPDX-License-Identifier: MIT */
/* Between replay_witness.c (what becomes of records) and replay_use.c (which records a command makes). */
#ifndef VIQ_TOOL_REPLAY_WITNESS_PRIVATE_H
#define VIQ_TOOL_REPLAY_WITNESS_PRIVATE_H

#include "replay_witness.h"

#define WITNESS_MAX_SSIDS 16

/* A page or block that a device has used. */
struct page {
	uint64_t va;
	unsigned int level;
};

struct recent {
	struct page pages[WITNESS_RECENT];
	unsigned int count; /* ever noted */
};

/* The device of an ASID. */
struct asid_witness {
	uint16_t asid;
	struct viq_soft_dev *dev;
	struct synth_pt pt;
	struct recent recent;
};

/* A context descriptor of a configured stream: which of the two sets of tables it names. */
struct config_state {
	uint32_t ssid;
	uint8_t tables;
	uint32_t waiting; /* records */
};

struct stream_witness {
	uint32_t sid;
	bool ats;
	struct viq_soft_dev *dev;
	struct synth_cdt cdt[2]; /* the STE points to one */
	uint8_t current;
	struct config_state ssids[WITNESS_MAX_SSIDS];
	size_t ssid_count;
	struct recent recent;
	uint32_t atc_waiting; /* records */
	uint64_t atc_used;    /* before which doorbell */
};

enum record_what {
	RECORD_TLB,
	RECORD_CONFIG,
	RECORD_ATC,
};

struct record {
	struct viq_soft_dev *dev;
	uint64_t iova;
	uint64_t pa; /* that the device got before */
	uint32_t ssid, flags;
	uint8_t what; /* enum record_what */
	bool cached_before;
	bool again;        /* an earlier command that is not settled concerns the same thing */
	uint32_t *waiting; /* counts the records of one thing that are not settled; may be NULL */
	/* Kept by replay_witness.c. */
	bool lost;
	uint32_t index;
	uint64_t number;
	uint64_t consumed; /* sequence number, 0: not yet */
};

struct slot {
	uint64_t number; /* of the command that stands there */
	uint64_t consumed;
	bool lost;
};

struct witness {
	struct replay_guest *guest;
	struct slot *slots;
	uint32_t slot_count;
	struct record *records;
	size_t record_count;
	uint64_t sequence, last_sync;
	uint64_t doorbells;
	struct replay_witness_counts counts, at_doorbell;

	struct asid_witness *asids;
	size_t asid_count;
	uint16_t by_asid[65536]; /* place in asids + 1; 0: none */
	struct stream_witness *streams;
	size_t stream_count;
	/* What context descriptors of configured streams name: two sets of tables, each under an ASID of its own. */
	struct synth_pt tables[2];
	uint16_t tables_asid[2];
	uint64_t fresh; /* output addresses handed out */
};

int witness_populate(struct witness *w, const struct scan *scan);
void witness_use(struct witness *w, const struct replay_command *command);
bool witness_record(struct witness *w, const struct replay_command *command, const struct record *record);
int witness_translate(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags, uint64_t *pa);

#endif
