/* SPDX-License-Identifier: MIT */
/* What an access wants and what a table entry allows, in the walks of either architecture. */
#ifndef VIQ_SOFT_ACCESS_H
#define VIQ_SOFT_ACCESS_H

#define SOFT_R (1u << 0)
#define SOFT_W (1u << 1)
#define SOFT_X (1u << 2)
#define SOFT_P (1u << 3) /* privileged, as a qualifier of an access */

#endif
