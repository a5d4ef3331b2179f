/* SPDX-License-Identifier: MIT */
/*
 * What the architecture says of one command, written down a second time, for tests to hold the library against.
 *
 * One row per command lists the bits that software may set; IHI 0070 section 4 leaves "ILLEGAL or ignored" open for
 * reserved bits, and a front end that forwards commands to a host has to take ILLEGAL everywhere (a host refuses what
 * it does not know, and masking a bit changes what is invalidated).
 */
#ifndef TESTS_SUPPORT_REFCMD_H
#define TESTS_SUPPORT_REFCMD_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/smmuv3.h>

/* CERROR_NONE or CERROR_ILL for the command on a Non-secure queue with these ID registers. */
unsigned int refcmd_check(const uint64_t cmd[2], const struct viq_smmuv3_config *config);

/*
 * Does this legal command concern a host that knows stream streams[sid] as the bits say? Then *out is the form in which
 * it goes there: fields that the ID registers make meaningless are cleared. smmuen: CR0.SMMUEN.
 */
bool refcmd_to_host(const uint64_t cmd[2], const struct viq_smmuv3_config *config, bool smmuen, uint32_t stream,
		    uint64_t out[2]);

/* Does executing b also do everything that executing a would? */
bool refcmd_covers(const uint64_t b[2], const uint64_t a[2]);

/* A StreamID command; its SID. */
bool refcmd_has_sid(const uint64_t cmd[2]);
static inline uint32_t refcmd_sid(const uint64_t cmd[2])
{
	return (uint32_t)(cmd[0] >> 32);
}
static inline unsigned int refcmd_op(const uint64_t cmd[2])
{
	return (unsigned int)(cmd[0] & 0xff);
}

#endif
