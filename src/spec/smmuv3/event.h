/* SPDX-License-Identifier: MIT */
/* Event records as data (IHI 0070 7.3). */
#ifndef VIQ_SPEC_SMMUV3_EVENT_H
#define VIQ_SPEC_SMMUV3_EVENT_H

#include <stdint.h>

#include <viq/smmuv3_spec.h>

struct smmuv3_event {
	const char *name;
	/*
	 * The bits that mean something in each word of a record, besides the event's number and the StreamID. Word 3 is
	 * either a structure's address or, with S2 = 1, an IPA.
	 */
	uint64_t fields[4];
};

/* NULL if the architecture has no such event. */
const struct smmuv3_event *smmuv3_event_find(unsigned int number);

#endif
