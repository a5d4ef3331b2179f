/* SPDX-License-Identifier: MIT */
/*
 * A scripted host for tests of the call layer. It really records what it executed, and reports as its kind does.
 *
 * Entries are SMMUv3 commands or entries of VT-d first-stage tables, whose page number is the entry's id; the script
 * and the record are kept by id.
 */
#ifndef TESTS_FAKE_HOST_H
#define TESTS_FAKE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/call.h>

enum fake_kind {
	FAKE_EXACT,      /* runs up to the culprit and names it */
	FAKE_WINDOW,     /* runs up to the culprit, reports [i - before, i + after] */
	FAKE_LINUX_7_3,  /* group 63: names the culprit, but the rest of its group never ran */
	FAKE_LINUX_NEXT, /* group 63: checks a group first, reports its start */
	FAKE_GARBAGE,    /* group 0: the culprit's group never ran, counts are random, also above the length */
	FAKE_SHORT,      /* runs up to the culprit and reports success with that count */
	FAKE_ERRNO,      /* runs up to the culprit and returns -os_error */
	FAKE_KINDS,
};

struct fake_entry {
	uint8_t error;  /* enum viq_call_error, or any number: what this entry ends in; 0: success */
	uint16_t spare; /* how often it succeeds before that */
	uint16_t times; /* how often it fails before it succeeds again; 0: for ever */
	uint32_t runs;  /* record: how often it took effect */
};

struct fake_host {
	enum fake_kind kind;
	uint32_t before, after;     /* FAKE_WINDOW */
	uint32_t memory;            /* longer arrays are NO_MEMORY with the count unchanged; 0: no limit */
	bool unsupported;           /* the type is not known */
	int32_t os_error;           /* reported with failures; FAKE_ERRNO returns it */
	uint32_t hw_code;           /* reported with failures */
	uint32_t charge;            /* host_calls reported per call; 0 reports none */
	uint32_t hint;              /* reported with failures */
	const uint32_t *streams;    /* streams[sid] = VIQ_CALL_STREAM_* ... */
	uint32_t stream_count;      /* ... for sid below this; NULL: knows every stream */
	uint32_t random;            /* FAKE_GARBAGE: state, not 0 */
	struct fake_entry *entries; /* by id */
	uint32_t entry_count;
	uint32_t calls;       /* record: arrays received ... */
	uint32_t empty_calls; /* ... those without an entry ... */
	uint32_t longest;     /* ... and the length of the longest */
	uint32_t object;      /* record: target of the last call */
};

/* entry_count entries that succeed. To be released with fake_host_fini(). */
void fake_host_init(struct fake_host *fake, enum fake_kind kind, uint32_t entry_count);
void fake_host_fini(struct fake_host *fake);
/* Forget script and record of the entries. */
void fake_host_reset(struct fake_host *fake);
struct viq_call_host fake_host(struct fake_host *fake);

/* Fill two words with a command that names no stream. */
void fake_tlbi(uint64_t cmd[2], uint32_t id);
/* Fill two words with a command (VIQ_SMMUV3_OP_*) for a stream. */
void fake_stream_command(uint64_t cmd[2], unsigned int op, uint32_t sid, uint32_t id);
/* An array of count TLBI with ids 0, 1, ...; for free(). */
uint64_t *fake_array(uint32_t count);

/* Cut an array into at most VIQ_CALL_MAX_PIECES pieces at random places, some of them empty. Returns how many. */
uint32_t fake_cut(const uint64_t *cmds, uint32_t count, uint32_t *random, struct viq_call_piece *pieces);

/* xorshift32: *state must not be 0. */
uint32_t fake_random(uint32_t *state);
/* The seed of property tests: VIQ_SEED, or 1; printed. Never 0. */
uint32_t fake_seed(void);

#endif
