/* SPDX-License-Identifier: MIT */
/* What viq's C uses of <stdatomic.h>, on the machine. */
#ifndef VIQ_MODEL_STDATOMIC_H
#define VIQ_MODEL_STDATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

typedef enum {
	memory_order_relaxed = MODEL_RELAXED,
	memory_order_acquire = MODEL_ACQUIRE,
	memory_order_release = MODEL_RELEASE,
	memory_order_acq_rel = MODEL_ACQ_REL,
	memory_order_seq_cst = MODEL_SEQ_CST,
} memory_order;

/* A comma makes an rvalue, whose type has no qualifier. */
#define MODEL_TYPE(at) __typeof__((void)0, *(at))

#define atomic_init(at, value)          ((void)(*(at) = (value)))
#define atomic_load_explicit(at, order) ((MODEL_TYPE(at))model_load((at), sizeof(*(at)), MODEL_SITE(#at, order)))
#define atomic_store_explicit(at, value, order)                                                                        \
	model_store((at), sizeof(*(at)), (uint64_t)(MODEL_TYPE(at))(value), MODEL_SITE(#at, order))
#define atomic_fetch_add_explicit(at, value, order)                                                                    \
	__extension__({                                                                                                \
		(MODEL_TYPE(at)) model_rmw((at), sizeof(*(at)), MODEL_ADD, (uint64_t)(value), MODEL_SITE(#at, order)); \
	})
#define atomic_fetch_sub_explicit(at, value, order)                                                                    \
	__extension__({                                                                                                \
		(MODEL_TYPE(at))                                                                                       \
			model_rmw((at), sizeof(*(at)), MODEL_ADD, -(uint64_t)(value), MODEL_SITE(#at, order));         \
	})
#define atomic_fetch_or_explicit(at, value, order)                                                                     \
	__extension__({                                                                                                \
		(MODEL_TYPE(at)) model_rmw((at), sizeof(*(at)), MODEL_OR, (uint64_t)(value), MODEL_SITE(#at, order));  \
	})
#define atomic_compare_exchange_strong_explicit(at, expected, desired, order, failing)                                 \
	model_exchange((at), sizeof(*(at)), (uint64_t *)(expected), (uint64_t)(desired), MODEL_SITE(#at, order),       \
		       MODEL_SITE(#at, failing))
#define atomic_thread_fence(order) model_fence(MODEL_SITE("fence", order))

#endif
