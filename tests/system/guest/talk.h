/* SPDX-License-Identifier: MIT */
/*
 * One life of a guest: boots it in a VMM, does what its program asks for, and judges everything that was said.
 *
 * What the guest's program writes on its console, a line each:
 *
 *   W| ok NAME[: DETAIL]            a job is done, and found nothing wrong
 *   W| fail NAME: REASON            it did
 *   W| note TEXT
 *   W| figure NAME VALUE UNIT
 *   W| ask WHAT [ARGUMENT]          it waits for a line: "yes [DETAIL]" or "no REASON"
 *   W| end                          all jobs are done; it waits for a line, and switches off
 *
 * What it can ask for:
 *
 *   inject              the VMM replaces the next CMD_SYNC by an illegal command
 *   injected-at INDEX   was it there?
 *   freeze              the VMM saves viq's object, makes a new one and restores it
 *   count               do viq's counters agree with the guest's ring?
 *   stats               viq's counters, NAME=VALUE ...
 */
#ifndef VIQ_GUEST_TALK_H
#define VIQ_GUEST_TALK_H

#include <stdbool.h>

struct talk_plan {
	const char *options;  /* of viq-vmm, behind kernel and initrd */
	const char *work;     /* the guest's jobs, as in its viq.work= */
	const char *settings; /* more words for its kernel's command line, which its jobs read; "" or NULL: none */
	bool busy;            /* commands must have waited at least once when the SMMU was saved and restored */
	bool no_reads;        /* the guest must have read registers without an exit */
	bool disk;         /* the device is the NVMe disk, which the guest's own driver has; else edu, for a program */
	const char *finds; /* the guest must find this wrong; NULL: nothing */
	bool loses;        /* because the host loses an invalidation */
};

/* Called with each figure of the guest's: "NAME VALUE UNIT". */
typedef void talk_figure(const char *figure);

/* Fails the test that it is called in if anything is not as it should be. figure may be NULL. */
void talk(const struct talk_plan *plan, talk_figure *figure);

#endif
