/* SPDX-License-Identifier: MIT */
/* What tests of calls to fake hosts share. */
#ifndef TESTS_CALL_FIXTURE_H
#define TESTS_CALL_FIXTURE_H

#include <stdint.h>

#include "oracle/fake_host.h"

/* One viq_call_invalidate() that must be made. */
struct viq_call_result call_host(const struct viq_call_host *host, const struct viq_call_piece *pieces,
				 uint32_t piece_count);
/* The same to a fake host, whose count of calls begins anew. */
struct viq_call_result fake_invalidate(struct fake_host *fake, const uint64_t *cmds, uint32_t count);
struct viq_call_result fake_invalidate_pieces(struct fake_host *fake, const struct viq_call_piece *pieces,
					      uint32_t piece_count);

/* What must hold of every answer about entries with ids 0, 1, ...: nothing is reported that did not run. */
void assert_holds(const struct fake_host *fake, const struct viq_call_result *res, uint32_t count);
/* And this one is about one illegal entry, which never ran. */
void assert_exact(const struct fake_host *fake, const struct viq_call_result *res, uint32_t count, uint32_t culprit);

/* As fake_host_init(), of any kind that reports errors as such. */
void fake_host_init_random(struct fake_host *fake, uint32_t *random, uint32_t entry_count);

#endif
