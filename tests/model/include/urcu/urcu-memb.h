/* SPDX-License-Identifier: MIT */
/* What viq's C uses of liburcu, flavour memb, on the machine: see urcu.c. */
#ifndef VIQ_MODEL_URCU_MEMB_H
#define VIQ_MODEL_URCU_MEMB_H

#include "tls-compat.h"

struct urcu_reader {
	unsigned long ctr;
};
extern struct urcu_reader urcu_memb_reader;

#define URCU_GP_CTR_NEST_MASK 0xffffffffUL
#define URCU_GP_COUNT         1UL

void urcu_memb_read_lock(void);
void urcu_memb_synchronize_rcu(void);
void model_urcu_leave(void);

/* Compilers' barriers of the reader; and how it says that it has left. */
#define urcu_memb_smp_mb_slave()      ((void)0)
#define CMM_STORE_SHARED(ctr, value)  ((void)(ctr), model_urcu_leave())
#define urcu_common_wake_up_gp(gp)    ((void)0)
#define urcu_memb_register_thread()   ((void)0)
#define urcu_memb_unregister_thread() ((void)0)
#define caa_cpu_relax()               ((void)0)

#endif
