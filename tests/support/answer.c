/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "answer.h"

uint32_t test_contract_group(enum test_contract contract)
{
	static const uint32_t groups[TEST_CONTRACTS] = {
		[TEST_EXACT] = 1,  [TEST_LINUX_7_3] = 63, [TEST_LINUX_NEXT] = 63, [TEST_COUNTLESS] = 0,
		[TEST_WINDOW] = 1, [TEST_ATOMIC] = 0,     [TEST_ATC_LATE] = 1,
	};

	return groups[contract];
}

uint32_t test_contract_report(enum test_contract contract, uint32_t i, uint32_t count, struct viq_call_result *res)
{
	uint32_t ran = i;

	res->handled = res->suspect = i;
	switch (contract) {
	case TEST_LINUX_7_3:
		ran = i / 63 * 63;
		break;
	case TEST_LINUX_NEXT:
		ran = res->handled = i / 63 * 63;
		res->suspect = ran + 62 < count ? ran + 62 : count - 1;
		break;
	case TEST_ATOMIC:
		ran = 0;
		res->handled = res->suspect = count;
		break;
	case TEST_COUNTLESS:
		res->handled = res->suspect = count;
		break;
	case TEST_WINDOW:
		ran = res->handled = i / 8 * 8;
		res->suspect = ran + 7 < count ? ran + 7 : count - 1;
		break;
	default:
		break;
	}
	return ran;
}

int test_lie(enum test_lie lie, uint32_t ran, uint32_t count, struct viq_call_result *res)
{
	switch (lie) {
	case TEST_LIE_ALL_HANDLED:
		res->handled = res->suspect = count;
		break;
	case TEST_LIE_HUGE:
		res->handled = res->suspect = UINT32_MAX;
		break;
	case TEST_LIE_SUSPECT_LOW:
		res->suspect = res->handled ? res->handled - 1 : 0;
		break;
	case TEST_LIE_SHORT:
		res->error = VIQ_CALL_NONE;
		res->handled = res->suspect = ran;
		break;
	case TEST_LIE_ERRNO:
		memset(res, 0xa5, sizeof(*res));
		return -EIO;
	case TEST_LIE_BAD_ERROR:
		res->error = 999;
		break;
	default:
		break;
	}
	return 0;
}

void *test_flatten(const struct viq_call_request *req, uint32_t *count)
{
	char *entries;

	*count = 0;
	for (uint32_t i = 0; i < req->piece_count; i++)
		*count += req->pieces[i].count;
	entries = malloc((size_t)(*count + 1) * req->entry_size);
	assert_non_null(entries);
	*count = 0;
	for (uint32_t i = 0; i < req->piece_count; i++) {
		/* The check for alignment is the host's right: the request promises it. */
		assert_int_equal((uintptr_t)req->pieces[i].entries % 8, 0);
		memcpy(entries + (size_t)*count * req->entry_size, req->pieces[i].entries,
		       (size_t)req->pieces[i].count * req->entry_size);
		*count += req->pieces[i].count;
	}
	return entries;
}
