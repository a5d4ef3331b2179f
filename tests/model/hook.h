/* SPDX-License-Identifier: MIT */
/* Included before each file of viq that is compiled for the machine: see machine.h. */
#ifndef VIQ_MODEL_HOOK_H
#define VIQ_MODEL_HOOK_H

#include <stdint.h>

#include "machine.h"

/* Bounds of section.c and thread.c: so that the search ends. How often a section is looked at changes nothing. */
extern unsigned int model_show;
#define SHOW  model_show
#define LOOKS 1u

/* The built-ins, on numbers. */
#define __atomic_load_n(at, order)         ((__typeof__((void)0, *(at)))model_load((at), sizeof(*(at)), MODEL_SITE(#at, order)))
#define __atomic_store_n(at, value, order) model_store((at), sizeof(*(at)), (value), MODEL_SITE(#at, order))

#endif
