/* SPDX-License-Identifier: MIT */
/*
 * `viq replay`: a recorded SMMUv3 command queue goes through the front end to a host, doorbell by doorbell.
 *
 * A capture has commands but no guest memory, so replay builds a guest around it:
 *
 *   replay_scan     reads the capture once for what must exist: streams, ASIDs, the queue's size
 *   replay_guest    memory, ring, stream table, registers; rings, and answers errors as Linux's driver does
 *   replay_run      turns the capture's events into doorbells
 *   replay_witness  devices that use what the capture is about to invalidate, and look afterwards whether it is gone
 *   replay_inject   failures on demand
 *   replay_report, replay_brief    the result as text and as JSON
 */
#ifndef VIQ_TOOL_REPLAY_H
#define VIQ_TOOL_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/smmuv3.h>
#include <viq/soft.h>

/* Commands are counted by kind: their opcode, and CFGI_ALL apart from CFGI_STE_RANGE. */
#define REPLAY_CFGI_ALL 256
#define REPLAY_KINDS    257

unsigned int replay_kind(const uint64_t cmd[2]);
const char *replay_kind_name(unsigned int kind); /* never NULL */

/* A command on its way: where it stands in the ring, and its number in the capture from 0. */
struct replay_command {
	uint64_t cmd[2]; /* as recorded */
	uint64_t number;
	uint32_t index; /* with the wrap flag */
};

/* What to do to command number `number`. */
enum replay_injection {
	REPLAY_INJECT_NOTHING,
	REPLAY_INJECT_ILLEGAL,      /* the guest queues an illegal opcode in its place */
	REPLAY_INJECT_RESERVED_BIT, /* the guest sets a reserved bit in it */
	REPLAY_INJECT_HOST,         /* the software host fails at it */
};

struct replay_inject {
	enum replay_injection kind;
	const char *name; /* as given */
	int32_t failure;  /* INJECT_HOST: enum viq_soft_failure */
	uint32_t times;   /* INJECT_HOST: 0 for ever */
	uint64_t number;
};

struct replay_options {
	const char *path;
	bool json, brief;
	bool soft;
	uint32_t contract; /* enum viq_soft_contract */
	const char *contract_name;
	uint32_t budget; /* 0: none */
	uint32_t batch;  /* recorded doorbells per doorbell */
	struct replay_inject inject;
};

/* An error that the guest saw, and what its driver did. */
struct replay_error {
	uint64_t number; /* of the command at CMDQ_CONS */
	uint64_t cmd[2]; /* as it stood there */
	uint32_t index;  /* CMDQ_CONS.RD */
	uint32_t code;   /* CMDQ_CONS.ERR */
	uint32_t gerror, gerrorn;
	bool replaced; /* the driver overwrote the command with a CMD_SYNC; else it only acknowledged */
	/* Witnesses of this doorbell's commands: before this one, of itself, after it (the latter without repetitions).
	 */
	uint64_t before, before_gone;
	uint64_t own, own_cached;
	uint64_t after, after_cached;
};

#define REPLAY_MAX_ERRORS 64 /* kept in detail */

struct replay_witness_counts {
	uint64_t checked; /* translations looked at after a CMD_SYNC that followed their invalidation */
	uint64_t cached;  /* of these: a device had them cached before */
	uint64_t gone;    /* of those: not cached any more */
	uint64_t stale;   /* a device could still use them: must be 0 */
	uint64_t lost;    /* of commands that the guest's driver overwrote after an error: never invalidated */
	uint64_t waiting; /* no CMD_SYNC followed */
	uint64_t skipped; /* invalidated by the capture, but not witnessed: too many, or of no address that can be
			     mapped */
};

struct replay_result {
	uint64_t recorded[REPLAY_KINDS], consumed[REPLAY_KINDS];
	uint64_t commands, missing; /* in the capture */
	uint64_t recorded_doorbells;
	uint64_t doorbells; /* rung */
	uint64_t error_count;
	struct replay_error errors[REPLAY_MAX_ERRORS];
	struct replay_witness_counts witness;
	bool stopped; /* the guest's driver gave up: the rest of the capture was not replayed */
	uint64_t doorbell_ns, command_ns_x10, slowest_ns; /* median, median in tenths, maximum */
	uint64_t total_ns;
	struct viq_smmuv3_counters counters;
	struct viq_soft_counters soft;
	char note[1100];
	uint32_t queue_entries;
};

/* "KIND" of --inject N:KIND; prints the error. */
bool replay_parse_inject(const char *text, struct replay_inject *inject);
/* Does a host execute commands of this kind? */
bool replay_goes_to_host(const uint64_t cmd[2]);
/* Can it be done to this command? Prints the error. */
bool replay_check_inject(const struct replay_options *options, const uint64_t cmd[2]);
/* What the guest queues in place of cmd. */
void replay_inject_command(const struct replay_inject *inject, const struct viq_smmuv3_config *config, uint64_t cmd[2]);

void replay_report_text(const struct replay_options *options, const struct replay_result *result);
/* A few sentences, for somebody who sees it for the first time. */
void replay_report_brief(const struct replay_options *options, const struct replay_result *result);
void replay_report_json(const struct replay_options *options, const struct replay_result *result);

#endif
