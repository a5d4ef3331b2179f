/* SPDX-License-Identifier: MIT */
/*
 * What must hold whatever guest, host and caller do: if it does not, viq is wrong, and going on could lose an
 * invalidation. Never for input.
 */
#ifndef VIQ_BASE_ASSERT_H
#define VIQ_BASE_ASSERT_H

#include <stdio.h>
#include <stdlib.h>

#define ASSERT_QUOTE(what)  ASSERT_QUOTED(what)
#define ASSERT_QUOTED(what) #what
/* For what costs a comparison: in every build. */
#define ASSERT(what) ((what) ? (void)0 : assert_failed(__FILE__ ":" ASSERT_QUOTE(__LINE__) ": " #what))
/* For what costs a loop or a look-up: not in release builds. Compiled there too, so it does not rot. */
#ifdef NDEBUG
#define ASSERT_DEBUG(what) ((void)sizeof(!(what)))
#else
#define ASSERT_DEBUG(what) ASSERT(what)
#endif

_Noreturn __attribute__((cold)) static inline void assert_failed(const char *what)
{
	fprintf(stderr, "viq: %s does not hold\n", what);
	abort();
}

#endif
