/* SPDX-License-Identifier: MIT */
/*
 * Between replay_witness.c (what becomes of records) and an architecture's witnesses (which records a command makes).
 */
#ifndef VIQ_TOOL_REPLAY_WITNESS_PRIVATE_H
#define VIQ_TOOL_REPLAY_WITNESS_PRIVATE_H

#include "witness.h"

/* Output addresses are never accessed: any below the limit do. */
#define WITNESS_OA_BITS 46

/* A page or block that a device has used. */
struct page {
	uint64_t va;
	unsigned int level;
};

struct recent {
	struct page pages[WITNESS_RECENT];
	unsigned int count; /* ever noted */
};

enum record_what {
	RECORD_TLB,
	RECORD_CONFIG,
	RECORD_ATC,
};

struct record {
	void *dev; /* of the architecture */
	uint64_t iova;
	uint64_t pa;          /* that the device got before */
	uint32_t ssid, flags; /* PASID, on VT-d */
	uint8_t what;         /* enum record_what */
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

	void *own;      /* the architecture's devices */
	uint64_t fresh; /* output addresses handed out */
};

/* Note a page as used lately, unless it is noted. */
void witness_note_recent(struct recent *recent, uint64_t va, unsigned int level);
/* An output address that no table entry has had for a long time. */
uint64_t witness_fresh_address(struct witness *w, unsigned int shift);
bool witness_record(struct witness *w, const struct replay_command *command, const struct record *record);

#endif
