/* SPDX-License-Identifier: MIT */
/*
 * Witnesses: devices that show whether an invalidation took effect.
 *
 * Before commands are rung, a device uses each translation (or context descriptor, or ATC entry) that they name, so
 * that the software host caches it; then the table entry behind it is changed. Each such use is a record. When a
 * wait (CMD_SYNC, wait descriptor) that follows the command has completed, the device tries again: what it gets must
 * not be what it got before.
 *
 * SMMUv3: every ASID of the capture has a device with tables of its own. Every stream that the capture configures is a
 * device as well, whose context descriptors point now to one, now to another set of tables; a stream that ATC_INV names
 * has its ATC watched instead, since an ATC may keep what CFGI forgets.
 */
#ifndef VIQ_TOOL_REPLAY_WITNESS_H
#define VIQ_TOOL_REPLAY_WITNESS_H

#include "guest.h"
#include "scan.h"

#define WITNESS_MAX_ASIDS   1024
#define WITNESS_PAGES       64    /* of one command */
#define WITNESS_MAX_RECORDS 65536 /* waiting at a time */
#define WITNESS_RECENT      64    /* addresses per ASID or stream that commands without an address look at */

struct witness;

/* Make the devices and their tables. *out is the caller's. False after an error, which was printed. */
bool witness_create(struct replay_guest *guest, const struct scan *scan, struct witness **out);
void witness_destroy(struct witness *witness); /* NULL is allowed, and does nothing in all functions */

/* The queue begins anew: what waits is given up. */
void witness_new_queue(struct witness *witness);
/* This command will be rung next: use what it invalidates, then change it. */
void witness_before(struct witness *witness, const struct replay_command *command);
/* The command in this slot was consumed; it told the guest that all before it took effect. */
void witness_consumed(struct witness *witness, uint32_t index, bool completed);
/* The guest's driver overwrites the command in this slot. */
void witness_lost(struct witness *witness, uint32_t index);
/* The guest's driver queues the command of one slot again, in another. */
void witness_moved(struct witness *witness, uint32_t from, uint32_t to);
/* Look at everything whose command and a later wait have been consumed. */
void witness_settle(struct witness *witness);
/* A doorbell follows: what witness_survey() counts as before an error begins here. */
void witness_doorbell(struct witness *witness);
/* For an error report, of which number is set: what is gone and what is still cached. */
void witness_survey(struct witness *witness, struct replay_error *error);
/* waiting is counted as of now. */
void witness_counts(const struct witness *witness, struct replay_witness_counts *counts);

#endif
