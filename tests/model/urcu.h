/* SPDX-License-Identifier: MIT */
#ifndef VIQ_MODEL_URCU_H
#define VIQ_MODEL_URCU_H

/* Of a model whose threads use liburcu. */
void model_urcu_setup(void);

#endif
