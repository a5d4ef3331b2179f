/* SPDX-License-Identifier: MIT */
/* See urcu-memb.h. Included once: section.c has a macro of its own after it. */
#ifndef VIQ_MODEL_TLS_COMPAT_H
#define VIQ_MODEL_TLS_COMPAT_H

#define URCU_TLS(name) (name)

#endif
