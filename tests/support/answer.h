/* SPDX-License-Identifier: MIT */
/* How the hosts of the tests, of either entry type, report a failure: by a contract, and by lying about it. */
#ifndef VIQ_TEST_ANSWER_H
#define VIQ_TEST_ANSWER_H

#include <stdint.h>

#include <viq/call.h>

enum test_contract {
	TEST_EXACT,      /* one by one, exact report */
	TEST_LINUX_7_3,  /* groups of 63 are issued late; reports the bad index */
	TEST_LINUX_NEXT, /* groups of 63 are refused whole; reports the group */
	TEST_COUNTLESS,  /* one by one; a failed call reports the number passed in */
	TEST_WINDOW,     /* issues windows of 8 entries, any of which can be the culprit */
	TEST_ATOMIC,     /* a failed call did nothing and reports the number passed in (out of memory) */
	TEST_ATC_LATE,   /* SMMUv3: everything else runs; failures are seen at the end, window = the ATC_INVs */
	TEST_CONTRACTS,
};

/* What a host may wrongly say when it fails. */
enum test_lie {
	TEST_LIE_NONE,
	TEST_LIE_ALL_HANDLED, /* an error, and handled = number passed in */
	TEST_LIE_HUGE,        /* an error, and counts beyond the array */
	TEST_LIE_SHORT,       /* no error, but handled too small (which is the truth) */
	TEST_LIE_ERRNO,       /* a negative errno and an untouched result */
	TEST_LIE_BAD_ERROR,   /* an error number that does not exist */
	TEST_LIE_SUSPECT_LOW, /* suspect below handled */
	TEST_LIE_COUNT,
};

/* viq_call_host_ops.report_group */
uint32_t test_contract_group(enum test_contract contract);
/* Entry i of count fails: how many before it really run, and what is said of it. Not for TEST_ATC_LATE. */
uint32_t test_contract_report(enum test_contract contract, uint32_t i, uint32_t count, struct viq_call_result *res);
/* Of count entries, ran took effect. What invalidate() returns. */
int test_lie(enum test_lie lie, uint32_t ran, uint32_t count, struct viq_call_result *res);

/* The entries of a request in one array, for free(). */
void *test_flatten(const struct viq_call_request *req, uint32_t *count);

#endif
