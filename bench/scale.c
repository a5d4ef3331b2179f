// SPDX-License-Identifier: MIT
/* How costs grow: with the queue, the guest's memory regions, what the software host has cached, its devices, PASIDs
 * and guests. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "scale.h"
#include "subjects.h"

#define REPEAT 64 /* operations in one measurement */

struct measured {
	const struct scale_op *op;
	void *point;
};

static double run(void *opaque)
{
	const struct measured *m = opaque;
	uint64_t start, end;
	int err = 0;

	for (uint32_t i = 0; i < m->op->warm; i++)
		err |= m->op->run(m->point, i);
	start = bench_now();
	for (uint32_t i = 0; i < REPEAT; i++)
		err |= m->op->run(m->point, i);
	end = bench_now();
	return err ? -1 : (double)(end - start) / REPEAT;
}

static void report(const struct bench *b, const struct scale_axis *axis, const struct scale_op *op,
		   const struct bench_case *cases, uint32_t points)
{
	for (uint32_t i = 0; i < points; i++) {
		char name[48], title[80];
		struct bench_row row = {.name = name, .title = title, .unit = "ns"};

		snprintf(name, sizeof(name), "%s_%s_%u", axis->name, op->name, axis->n[i]);
		snprintf(title, sizeof(title), "%s, %u %s", op->title, axis->n[i], axis->what);
		row.value = bench_stat(&cases[i].samples);
		if (i) {
			row.figure_name = "x the first";
			row.figure = bench_ratio(&cases[i].samples, &cases[0].samples);
		}
		b->emit(b->opaque, &row);
	}
}

/* cases: room for each operation at each point. */
static int measure_points(const struct bench *b, const struct scale_axis *axis, void *const *points, uint32_t count,
			  struct bench_case *cases)
{
	struct measured measured[SCALE_OPS * SCALE_POINTS];
	uint32_t ops = 0, n = 0;
	int ret;

	for (; ops < SCALE_OPS && axis->ops[ops].run; ops++) {
		for (uint32_t i = 0; i < count; i++, n++) {
			measured[n] = (struct measured){&axis->ops[ops], points[i]};
			cases[n] = (struct bench_case){.run = run, .opaque = &measured[n]};
		}
	}
	ret = bench_rounds(cases, n, bench_round_count(b, 60));
	for (uint32_t op = 0; !ret && op < ops; op++)
		report(b, axis, &axis->ops[op], &cases[op * count], count);
	return ret;
}

static int measure_axis(const struct bench *b, const struct scale_axis *axis)
{
	struct bench_case *cases = calloc((size_t)SCALE_OPS * SCALE_POINTS, sizeof(*cases));
	void *points[SCALE_POINTS] = {NULL};
	uint32_t count = 0;
	int ret = cases ? 0 : -ENOMEM;

	while (!ret && count < SCALE_POINTS && axis->n[count] && !(b->quick && count == axis->quick)) {
		points[count] = calloc(1, axis->size);
		ret = points[count] ? axis->open(points[count], axis->n[count]) : -ENOMEM;
		count++;
	}
	if (!ret)
		ret = measure_points(b, axis, points, count, cases);
	for (uint32_t i = 0; i < count && points[i]; i++) {
		axis->close(points[i]);
		free(points[i]);
	}
	free(cases);
	return ret;
}

int bench_scale(const struct bench *b)
{
	int ret = 0;

	for (const struct scale_axis *axis = scale_smmuv3; !ret && axis->name; axis++)
		ret = measure_axis(b, axis);
	for (const struct scale_axis *axis = scale_vtd; !ret && axis->name; axis++)
		ret = measure_axis(b, axis);
	return ret;
}
