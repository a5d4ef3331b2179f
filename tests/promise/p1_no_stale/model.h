/* SPDX-License-Identifier: MIT */
/* The model, inside: sets and walks (model.c), commands (scope.c), judgement (judge.c). */
#ifndef TESTS_P1_MODEL_H
#define TESTS_P1_MODEL_H

#include "p1.h"

/* How an access is configured: an index of p1_ssids, or one of these. */
enum {
	MODEL_FAULT = -1,
	MODEL_BYPASS = -2, /* of stage 1 */
};

/* The index of the CD that an access uses (5.2, S1CDMax and S1DSS), or MODEL_*. */
int model_resolve(const struct p1_world *w, const struct p1_ste *ste, unsigned int slot);
bool model_uses_atc(const struct p1_stream *s, const struct p1_ste *ste);
/* The tables that a CD has for a point, or NULL. */
const struct p1_tables *model_tables_of(const struct p1_world *w, const struct p1_cd *cd, unsigned int p);
void model_refresh_points(struct p1_world *w, unsigned int first, unsigned int last);
void model_set_remove(struct p1_set *set, uint32_t i);

#endif
