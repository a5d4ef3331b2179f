/* SPDX-License-Identifier: MIT */
/* What harnesses are written in; README.md says how they are run. */
#ifndef VIQ_PROOF_H
#define VIQ_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A constant that CBMC does not know. */
#define __atomic_always_lock_free(size, place) 1

/* Any value at all, another one each time. */
bool nondet_bool(void);
uint8_t nondet_u8(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);
int nondet_int(void);
size_t nondet_size(void);
/* Fill an object with any bytes. */
#define ANY(object) __CPROVER_havoc_object(&(object))

/* Only worlds in which this holds are looked at. */
#define GIVEN(what) __CPROVER_assume(what)
/* It holds in each of them. */
#define PROVE(what)   __CPROVER_assert(what, #what)
#define IMPLIES(a, b) (!(a) || (b))

#endif
