/* SPDX-License-Identifier: MIT */
/* Life, binding, and which devices a change of the guest's concerns. */
#include <errno.h>
#include <stdlib.h>

#include "base/sized.h"
#include "base/why.h"

#include "nest.h"

void viq_nest_vtd_config_init(struct viq_nest_vtd_config *config, size_t size)
{
	const struct viq_nest_vtd_config defaults = {.haw = 52};

	if (config)
		sized_give(config, size, &defaults, sizeof(defaults));
}

static bool backend_ok(const struct viq_vtd_backend_ops *ops)
{
	return ops->listen && (ops->reconfig || (ops->next && ops->next_pasid && ops->set && ops->settle));
}

int viq_nest_vtd_create(const struct viq_nest_vtd_config *config, struct viq_nest_vtd **out, struct viq_why *why)
{
	struct viq_vtd_backend_ops ops = {0};
	struct viq_nest_vtd_config own;
	struct viq_nest_vtd *n;
	int ret;

	if (!out)
		return why_say(why, -EINVAL, "out: NULL");
	viq_nest_vtd_config_init(&own, sizeof(own));
	ret = sized_take(&own, sizeof(own), config, SIZED_TO(struct viq_nest_vtd_config, backend), "config", why);
	if (ret)
		return ret;
	if (own.haw < 32 || own.haw > 52)
		return why_say(why, -EINVAL, "config.haw: must be 32 to 52");
	ret = sized_take(&ops, sizeof(ops), own.backend.ops, SIZED_TO(struct viq_vtd_backend_ops, listen),
			 "config.backend.ops", why);
	if (ret)
		return ret;
	if (!backend_ok(&ops))
		return why_say(why, -EINVAL, "config.backend.ops: without its functions");
	n = calloc(1, sizeof(*n));
	if (!n)
		return why_say(why, -ENOMEM, "no memory");
	n->config = own;
	n->ops = ops;
	n->config.backend.ops = &n->ops;
	*out = n;
	return 0;
}

void viq_nest_vtd_destroy(struct viq_nest_vtd *n)
{
	if (!n)
		return;
	(void)viq_nest_vtd_bind(n, NULL, NULL);
	free(n);
}

static int attach(void *opaque, const struct viq_vtd_table *table, uint32_t *handle)
{
	struct viq_nest_vtd *n = opaque;
	struct viq_vtd_table t = {0};
	int err = sized_take(&t, sizeof(t), table, SIZED_TO(struct viq_vtd_table, host), "table", NULL);

	if (!err && n->config.host)
		err = n->config.host(n->config.opaque, &t.host);

	return err ? err : viq_vtd_attach(n->vtd, &t, handle);
}

static void detach(void *opaque, uint32_t handle)
{
	struct viq_nest_vtd *n = opaque;

	(void)viq_vtd_detach(n->vtd, handle);
}

static void fault(void *opaque, const uint64_t record[2], bool parent)
{
	struct viq_nest_vtd *n = opaque;

	if (n->config.fault)
		n->config.fault(n->config.opaque, record, parent);
	else if (!parent)
		(void)viq_vtd_fault(n->vtd, record);
}

int viq_nest_vtd_bind(struct viq_nest_vtd *n, struct viq_vtd *vtd, const struct viq_mem *mem)
{
	const struct viq_vtd_listener listener = {
		.size = sizeof(listener), .attach = attach, .detach = detach, .fault = fault, .opaque = n};
	const struct viq_vtd_backend *b;
	int err = 0;

	if (!n || (vtd && !mem))
		return -EINVAL;
	b = &n->config.backend;
	if (n->vtd)
		(void)b->ops->listen(b->opaque, NULL);
	n->begun = false;
	n->vtd = vtd;
	n->mem = mem;
	if (vtd)
		err = b->ops->listen(b->opaque, &listener);
	if (err || !vtd) {
		n->vtd = NULL;
		n->mem = NULL;
	}
	return err;
}

/* --- One change --------------------------------------------------------------------------------------------------- */

int viq_nest_vtd_begin(struct viq_nest_vtd *n, const struct viq_vtd_reconfig *what)
{
	struct viq_vtd_reconfig own = {0};
	bool restored;
	int err;

	if (!n)
		return -EINVAL;
	err = sized_take(&own, sizeof(own), what, SIZED_TO(struct viq_vtd_reconfig, pasid), "what", NULL);
	if (err)
		return err;
	if (own.cause > VIQ_VTD_RESTORED || own.scope > VIQ_VTD_SCOPE_PASID)
		return -EINVAL;
	if (!n->vtd)
		return -ENODEV;
	restored = n->begun && n->what.cause == VIQ_VTD_RESTORED;
	n->what = own;
	if (n->begun)
		n->what.scope = VIQ_VTD_SCOPE_ALL;
	if (restored)
		n->what.cause = VIQ_VTD_RESTORED;
	n->begun = true;
	n->inside = false;
	n->source_id = 0;
	n->err = 0;
	return 0;
}

/* A device that is not known to do what it was set to is set again whenever there is a chance. */
static bool concerns(const struct viq_vtd_reconfig *what, const struct nest_vtd_device *d)
{
	return what->scope != VIQ_VTD_SCOPE_DEVICE || !((d->source_id ^ what->source_id) & what->source_mask) ||
	       d->state.unsure;
}

/* The next device of the host, whose error, also that it goes backwards, is *err. */
static bool find_device(const struct viq_nest_vtd *n, uint32_t from, struct nest_vtd_device *d, int *err)
{
	const struct viq_vtd_backend *b = &n->config.backend;
	uint32_t source_id = from;
	int found;

	*d = (struct nest_vtd_device){.state.size = sizeof(d->state)};
	if (from > UINT16_MAX)
		return false;
	found = b->ops->next(b->opaque, &source_id, &d->state);
	if (found > 0 && (source_id < from || source_id > UINT16_MAX))
		found = -EIO;
	if (found <= 0) {
		nest_vtd_first(err, found);
		return false;
	}
	d->source_id = (uint16_t)source_id;
	return true;
}

/* Of a host that reads the tables itself. true: there is more to do. */
static bool pass_on(struct viq_nest_vtd *n)
{
	const struct viq_vtd_backend *b = &n->config.backend;
	struct viq_vtd_tables tables = {.size = sizeof(tables)};
	int ret = 0;

	n->cost.sets++;
	if (!n->inside) {
		(void)viq_vtd_tables(n->vtd, &tables);
		ret = b->ops->reconfig(b->opaque, &tables, &n->what);
		n->inside = !ret;
	}
	if (!ret && b->ops->step)
		ret = b->ops->step(b->opaque, &n->cost.reads, &n->cost.entries);
	n->err = ret > 0 ? 0 : ret;
	return ret > 0;
}

/* true: there is more to do. */
static bool step(struct viq_nest_vtd *n)
{
	struct nest_vtd_device *d = &n->device;

	if (n->config.backend.ops->reconfig)
		return pass_on(n);
	if (n->inside) {
		n->inside = nest_vtd_device_step(n, d);
	} else {
		do {
			if (!find_device(n, n->source_id, d, &n->err))
				return false;
			n->source_id = d->source_id + 1u;
		} while (!concerns(&n->what, d));
		n->inside = nest_vtd_device_begin(n, d, &n->what);
	}
	if (!n->inside)
		nest_vtd_first(&n->err, d->err);
	return true;
}

int viq_nest_vtd_step(struct viq_nest_vtd *n, uint32_t steps, struct viq_nest_vtd_cost *cost)
{
	bool more = true;

	if (!n)
		return -EINVAL;
	if (!n->begun)
		return -ENODEV;
	n->cost = (struct viq_nest_vtd_cost){0};
	for (uint32_t i = 0; more && (!steps || i < steps); i++)
		more = step(n);
	if (cost) {
		cost->reads += n->cost.reads;
		cost->entries += n->cost.entries;
		cost->sets += n->cost.sets;
	}
	if (more)
		return -EAGAIN;
	n->begun = false;
	if (n->config.backend.ops->settle)
		n->config.backend.ops->settle(n->config.backend.opaque);
	return n->err;
}

int viq_nest_vtd_reconfig(struct viq_nest_vtd *n, const struct viq_vtd_reconfig *what)
{
	int err = viq_nest_vtd_begin(n, what);

	return err ? err : viq_nest_vtd_step(n, 0, NULL);
}

int viq_nest_vtd_follow(struct viq_nest_vtd *n, uint16_t source_id)
{
	const struct viq_vtd_reconfig everything = {
		.size = sizeof(everything), .cause = VIQ_VTD_RESTORED, .scope = VIQ_VTD_SCOPE_ALL};
	const struct viq_vtd_reconfig its = {.size = sizeof(its),
					     .cause = VIQ_VTD_CONTEXT_CACHE,
					     .scope = VIQ_VTD_SCOPE_DEVICE,
					     .source_id = source_id,
					     .source_mask = UINT16_MAX};
	struct nest_vtd_device d;
	int err = 0;
	bool more;

	if (!n)
		return -EINVAL;
	if (!n->vtd)
		return -ENODEV;
	if (n->config.backend.ops->reconfig)
		return viq_nest_vtd_reconfig(n, &its);
	if (!find_device(n, source_id, &d, &err) || d.source_id != source_id)
		return err ? err : -ENOENT;
	for (more = nest_vtd_device_begin(n, &d, &everything); more; more = nest_vtd_device_step(n, &d))
		;
	return d.err;
}
