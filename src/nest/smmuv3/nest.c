/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/why.h"

#include "nest.h"

int viq_nest_smmuv3_create(const struct viq_nest_smmuv3_ops *ops, void *opaque, struct viq_nest_smmuv3 **out,
			   struct viq_why *why)
{
	struct viq_nest_smmuv3 *nest;
	int ret;

	if (!out)
		return why_say(why, -EINVAL, "out: NULL");
	nest = calloc(1, sizeof(*nest));
	if (!nest)
		return why_say(why, -ENOMEM, "no memory");
	ret = ops ? sized_take(&nest->ops, sizeof(nest->ops), ops, sizeof(ops->size), "ops", why) : 0;
	if (!ret)
		ret = viq_call_fanout_create(NULL, 0, &nest->fanout, why);
	if (ret) {
		free(nest);
		return ret;
	}
	nest->opaque = opaque;
	*out = nest;
	return 0;
}

void viq_nest_smmuv3_destroy(struct viq_nest_smmuv3 *nest)
{
	if (!nest)
		return;
	viq_call_fanout_destroy(nest->fanout);
	free(nest->backends);
	free(nest);
}

struct viq_call_host viq_nest_smmuv3_host(struct viq_nest_smmuv3 *nest)
{
	return nest ? viq_call_fanout_host(nest->fanout) : (struct viq_call_host){0};
}

/* --- ID registers ------------------------------------------------------------------------------------------------- */

void viq_nest_smmuv3_offer(const struct viq_nest_smmuv3 *nest, bool ats, struct viq_smmuv3_config *config)
{
	struct viq_smmuv3_ids ids = {.size = sizeof(ids)};
	bool raise = true;

	if (!nest || !config || config->size < SIZED_TO(struct viq_smmuv3_config, aidr))
		return;
	ids.idr0 = config->idr0;
	ids.idr1 = config->idr1;
	ids.idr3 = config->idr3;
	ids.idr5 = config->idr5;
	ids.aidr = config->aidr;
	/* The first sets what it has; the others only take away. */
	for (size_t i = 0; i < nest->count; i++) {
		const struct viq_smmuv3_backend *b = &nest->backends[i];

		if (!b->ops->offer)
			continue;
		b->ops->offer(b->opaque, b->object, raise, ats, &ids);
		raise = false;
	}
	config->idr0 = ids.idr0;
	config->idr1 = ids.idr1;
	config->idr3 = ids.idr3;
	config->idr5 = ids.idr5;
	config->aidr = ids.aidr;
}

/* The guest sees its ID registers: can the backend keep them? */
static int promise(const struct viq_smmuv3_backend *b, const struct viq_smmuv3 *smmu, struct viq_why *why)
{
	struct viq_smmuv3_ids ids = {.size = sizeof(ids)};
	int err = viq_smmuv3_get_ids(smmu, &ids);

	if (err || !b->ops->promise)
		return err;
	return b->ops->promise(b->opaque, b->object, &ids, why);
}

int viq_nest_smmuv3_bind(struct viq_nest_smmuv3 *nest, struct viq_smmuv3 *smmu, struct viq_why *why)
{
	if (!nest)
		return -EINVAL;
	nest->smmu = NULL;
	for (size_t i = 0; smmu && i < nest->count; i++) {
		int err = promise(&nest->backends[i], smmu, why);

		if (err)
			return err;
	}
	nest->smmu = smmu;
	return 0;
}

/* --- Backends ----------------------------------------------------------------------------------------------------- */

static struct viq_smmuv3_backend *find(const struct viq_nest_smmuv3 *nest, const struct viq_smmuv3_backend *b)
{
	for (size_t i = 0; i < nest->count; i++) {
		struct viq_smmuv3_backend *here = &nest->backends[i];

		if (here->ops == b->ops && here->opaque == b->opaque && here->object == b->object)
			return here;
	}
	return NULL;
}

static int check_backend(const struct viq_smmuv3_backend *b, struct viq_why *why)
{
	struct viq_smmuv3_backend_ops ops = {0};
	int err;

	if (!b)
		return why_say(why, -EINVAL, "backend: NULL");
	err = sized_take(&ops, sizeof(ops), b->ops, SIZED_TO(struct viq_smmuv3_backend_ops, set), "backend.ops", why);
	if (!err && (!ops.next || !ops.set))
		err = why_say(why, -EINVAL, "backend.ops: without next or set");
	return err;
}

int viq_nest_smmuv3_join(struct viq_nest_smmuv3 *nest, const struct viq_smmuv3_backend *backend, struct viq_why *why)
{
	struct viq_smmuv3_backend *bigger;
	int err;

	if (!nest)
		return why_say(why, -EINVAL, "nest: NULL");
	err = check_backend(backend, why);
	if (err)
		return err;
	if (find(nest, backend))
		return why_say(why, -EEXIST, "backend: has joined already");
	bigger = realloc(nest->backends, (nest->count + 1) * sizeof(*bigger));
	if (!bigger)
		return why_say(why, -ENOMEM, "no memory");
	nest->backends = bigger;
	err = nest->smmu ? promise(backend, nest->smmu, why) : 0;
	/* Its streams follow the guest only after invalidations reach it. */
	if (!err && backend->host.ops)
		err = viq_call_fanout_add(nest->fanout, &backend->host, why);
	if (!err)
		nest->backends[nest->count++] = *backend;
	return err;
}

int viq_nest_smmuv3_leave(struct viq_nest_smmuv3 *nest, const struct viq_smmuv3_backend *backend)
{
	struct viq_smmuv3_backend *b;
	int err;

	if (!nest || !backend)
		return -EINVAL;
	b = find(nest, backend);
	if (!b)
		return -ENOENT;
	err = nest_smmuv3_block_all(nest, b);
	if (b->host.ops)
		nest_first(&err, viq_call_fanout_remove(nest->fanout, &b->host));
	nest->count--;
	memmove(b, b + 1, (size_t)(&nest->backends[nest->count] - b) * sizeof(*b));
	return err;
}
