/* SPDX-License-Identifier: MIT */
/*
 * Fault reasons (7.1.3, Table 30): what a host reports, a guest is told and the tool prints follow from one row.
 */
#ifndef VIQ_SPEC_VTD_FAULT_H
#define VIQ_SPEC_VTD_FAULT_H

#include <stdbool.h>

/* The completion of a translation request that meets the fault. */
enum vtd_ats_answer {
	VTD_ATS_NONE,     /* translation requests do not meet it */
	VTD_ATS_UR,       /* Unsupported Request: ATS is off for the device from then on */
	VTD_ATS_CA,       /* Completer Abort */
	VTD_ATS_SUCCESS,  /* success without the rights that lack: not recorded (7.1.2) */
	VTD_ATS_RECORDED, /* the same, and recorded */
};

struct vtd_fault {
	const char *name;
	/*
	 * Not recorded if a Fault Processing Disable among the entries that were read says so (7.1.1). Tables that
	 * could not be read, and all faults above the context entry, are recorded always.
	 */
	bool qualified;
	unsigned char answer; /* enum vtd_ats_answer */
};

/* NULL: the architecture has no such reason. */
const struct vtd_fault *vtd_fault_find(unsigned int reason);

#endif
