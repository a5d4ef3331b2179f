/* SPDX-License-Identifier: MIT */
/*
 * `viq replay`: a recorded queue goes through the front end to a host, doorbell by doorbell.
 *
 * A capture has entries but no guest memory, so replay builds a guest around it:
 *
 *   replay_arch     what it has to know of a guest's IOMMU: a table each for SMMUv3 and VT-d
 *   replay_scan     reads the capture once for what must exist: streams, ASIDs, domains, the queue's size
 *   replay_guest    memory and ring; rings, and follows the queue
 *   replay_run      turns the capture's events into doorbells, and lets the guest's driver answer errors
 *   replay_witness  devices that use what the capture is about to invalidate, and look afterwards whether it is gone
 *   replay_inject   failures on demand
 *   replay_report, replay_json, replay_brief    the result
 *   replay_log, replay_html, html/              the result as a page
 *   replay_smmuv3*, replay_vtd*                 the functions of these tables
 *
 * An entry of any queue is called a command here.
 */
#ifndef VIQ_TOOL_REPLAY_H
#define VIQ_TOOL_REPLAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/call.h>
#include <viq/fault.h>

struct replay_arch;
struct replay_guest;
struct log;
struct scan;
struct witness;

#define REPLAY_KINDS 257 /* of commands, at most: see replay_arch.kind */

/* A command on its way: where it stands in the ring, and its number in the capture from 0. */
struct replay_command {
	uint64_t cmd[4]; /* as recorded */
	uint64_t number;
	uint32_t index;
	bool missing; /* in the capture: cmd is what was put in its place */
};

/* What to do to command number `number`. */
enum replay_injection {
	REPLAY_INJECT_NOTHING,
	REPLAY_INJECT_ILLEGAL,      /* the guest queues one that does not exist in its place */
	REPLAY_INJECT_RESERVED_BIT, /* the guest sets a reserved bit in it */
	REPLAY_INJECT_HOST,         /* the software host fails at it */
};

struct replay_inject {
	enum replay_injection kind;
	const char *name; /* as given */
	uint32_t failure; /* INJECT_HOST: enum viq_fault_kind */
	uint32_t times;   /* INJECT_HOST: 0 for ever */
	uint64_t number;
};

struct replay_options {
	const char *path;
	bool json, brief;
	const char *html; /* the page to write, or NULL */
	struct log *log;  /* for the page, or NULL */
	bool soft;
	uint32_t contract; /* enum viq_fault_contract */
	const char *contract_name;
	uint32_t budget; /* 0: none */
	uint32_t batch;  /* recorded doorbells per doorbell */
	struct replay_inject inject;
};

/* An error that the guest saw, and what its driver did. */
struct replay_error {
	uint64_t number; /* of the command where the queue stopped */
	uint64_t cmd[4]; /* as it stood there */
	uint32_t index;
	uint32_t code; /* of the architecture */
	const char *name;
	uint32_t status[2]; /* SMMUv3: GERROR, GERRORN. VT-d: FSTS */
	uint32_t answer;    /* enum replay_answer */
	bool waited;        /* no error: the queue waited there for its host */
	/* Witnesses of this doorbell's commands: before this one, of itself, after it (the latter without repetitions).
	 */
	uint64_t before, before_gone;
	uint64_t own, own_cached;
	uint64_t after, after_cached;
};

#define REPLAY_MAX_ERRORS 64 /* kept in detail */

struct replay_witness_counts {
	uint64_t checked; /* translations looked at after a completed wait that followed their invalidation */
	uint64_t cached;  /* of these: a device had them cached before */
	uint64_t gone;    /* of those: not cached any more */
	uint64_t stale;   /* a device could still use them: must be 0 */
	uint64_t lost;    /* of commands that the guest's driver overwrote after an error: never invalidated */
	uint64_t waiting; /* no completed wait followed */
	uint64_t skipped; /* invalidated by the capture, but not witnessed: too many, or of no address that can be
			     mapped */
};

/* The front end's counters, as far as all have them. */
struct replay_counters {
	uint64_t calls, host_calls, entries;
	uint64_t call_errors[VIQ_CALL_ERROR_COUNT];
	struct {
		const char *name; /* NULL ends the list */
		uint64_t count;
	} errors[20];
};

struct replay_result {
	const struct replay_arch *arch;
	uint64_t recorded[REPLAY_KINDS], consumed[REPLAY_KINDS];
	uint64_t commands, missing; /* in the capture */
	uint64_t recorded_doorbells;
	uint64_t doorbells;                            /* rung */
	uint64_t completed;                            /* waits */
	uint64_t error_count;                          /* that the guest saw */
	uint64_t wait_count;                           /* that it did not see: the queue waited for its host */
	struct replay_error errors[REPLAY_MAX_ERRORS]; /* both */
	struct replay_witness_counts witness;
	bool stopped; /* the guest's driver gave up: the rest of the capture was not replayed */
	uint64_t doorbell_ns, command_ns_x10, slowest_ns; /* median, median in tenths, maximum */
	uint64_t doorbell_p90_ns, doorbell_p99_ns;
	uint64_t total_ns;
	struct replay_counters counters;
	char note[1100];
	uint32_t queue_entries;
};

/* Errors and waits, in order: the first REPLAY_MAX_ERRORS are kept. */
static inline uint64_t replay_failures(const struct replay_result *result)
{
	return result->error_count + result->wait_count;
}

/* "KIND" of --inject N:KIND; prints the error. */
bool replay_parse_inject(const char *text, struct replay_inject *inject);
/* Can it be done to this command? Prints the error. */
bool replay_check_inject(const struct replay_arch *arch, const struct replay_options *options, const uint64_t cmd[4]);

void replay_report_text(const struct replay_options *options, const struct replay_result *result);
/* A few sentences, for somebody who sees it for the first time. */
void replay_report_brief(const struct replay_options *options, const struct replay_result *result);
/* The same for programs; takes no reference. */
json_t *replay_json(const struct replay_options *options, const struct replay_result *result);

/*
 * Write a page of these captures: pairs of replay_json() and log_json(), taken over. Only over a file that is such a
 * page already. False after an error, which was printed.
 */
bool replay_write_html(const char *path, json_t *captures);
/* Is there no other file of this name? Prints the error. */
bool replay_check_html(const char *path);

#endif
