/* SPDX-License-Identifier: MIT */
#ifndef VIQ_NEST_BLAME_H
#define VIQ_NEST_BLAME_H

#include <errno.h>
#include <stdbool.h>

/*
 * An error of a host that has one stream, or one PASID's requests, blocked: is the guest's command to wait until it can
 * be done? Only if that is to be expected soon, and is nobody's in particular. Else the command completes: what it was
 * to take away is gone, and one device that is being reset, is broken or has no place left holds no other.
 */
static inline bool nest_may_pass(int err)
{
	return err == -ENOMEM || err == -EAGAIN || err == -EINTR;
}

#endif
