/* SPDX-License-Identifier: MIT */
/* Life, binding, and which devices a change of the guest's concerns. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sized.h"
#include "base/why.h"
#include "base/work.h"

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

int viq_nest_vtd_bind(struct viq_nest_vtd *n, struct viq_vtd *vtd, const struct viq_mem *mem)
{
	const struct viq_vtd_listener listener = {
		.size = sizeof(listener), .attach = attach, .detach = detach, .opaque = n};
	const struct viq_vtd_backend *b;
	uint64_t cap = VIQ_VTD_CAP_CM;
	int err = 0;

	if (!n || (vtd && !mem))
		return -EINVAL;
	b = &n->config.backend;
	if (vtd)
		viq_vtd_caps(vtd, &cap, NULL);
	/* Nothing would say that an entry was made present. */
	if (!(cap & VIQ_VTD_CAP_CM) && !b->ops->fetch)
		return -EINVAL;
	if (n->vtd)
		(void)b->ops->listen(b->opaque, NULL);
	n->vtd = vtd;
	n->mem = mem;
	if (vtd)
		err = b->ops->listen(b->opaque, &listener);
	if (err)
		n->vtd = NULL;
	return err;
}

/* --- One change --------------------------------------------------------------------------------------------------- */

/* struct viq_work.cursor */
enum {
	DEVICE, /* source-ids below are done */
	PASID,  /* of that device, half done: the next one, + 1; 0: it is to be begun */
	ERROR,  /* the first, or 0 */
};

/* A device that is not known to do what it was set to is set again whenever there is a chance. */
static bool concerns(const struct viq_vtd_reconfig *what, const struct nest_vtd_device *d)
{
	return what->scope != VIQ_VTD_SCOPE_DEVICE || !((d->source_id ^ what->source_id) & what->source_mask) ||
	       d->state.unsure;
}

/* The next device of the host, whose error, also that it goes backwards, is *err. */
static bool find_device(const struct viq_nest_vtd *n, uint64_t from, struct nest_vtd_device *d, int *err)
{
	const struct viq_vtd_backend *b = &n->config.backend;
	uint32_t source_id = (uint32_t)from;
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

/* Of a host that reads the tables itself: it knows where it is, and whether something else was begun meanwhile. */
static int pass_on(struct viq_nest_vtd *n, struct viq_vtd_reconfig *what)
{
	const struct viq_vtd_backend *b = &n->config.backend;
	struct viq_vtd_tables tables = {.size = sizeof(tables)};
	int ret;

	if (!what->work.cursor[DEVICE]) {
		(void)viq_vtd_tables(n->vtd, &tables);
		work_spend(&what->work, VIQ_WORK_CALL);
		ret = b->ops->reconfig(b->opaque, &tables, what);
		if (ret || !b->ops->step)
			return ret;
		what->work.cursor[DEVICE] = 1;
	}
	do {
		uint64_t reads = 0, entries = 0;

		ret = b->ops->step(b->opaque, &reads, &entries);
		/* What reads nothing changes what devices use. */
		work_spend(&what->work, entries ? 1 + entries : VIQ_WORK_CALL);
	} while (ret > 0 && work_goes_on(&what->work));
	if (ret <= 0)
		what->work.cursor[DEVICE] = 0;
	/* It has no room for all of a device's tables, which is blocked. */
	return ret == -ENOSPC ? 0 : ret;
}

/* One device, as far as its work goes. false: there is none left. */
static bool follow(struct viq_nest_vtd *n, struct viq_vtd_reconfig *what, int *err)
{
	uint64_t *cursor = what->work.cursor;
	struct nest_vtd_device d;
	bool more = false;

	if (!find_device(n, cursor[DEVICE], &d, err))
		return false;
	d.work = what->work;
	if (concerns(what, &d)) {
		nest_vtd_device_read(n, &d, what);
		/* Else another one was half done, and is gone. */
		if (cursor[PASID] && d.source_id == cursor[DEVICE]) {
			d.pasid = (uint32_t)(cursor[PASID] - 1);
			more = nest_vtd_device_step(n, &d);
		} else {
			more = nest_vtd_device_begin(n, &d, what);
		}
		while (more && work_goes_on(&d.work))
			more = nest_vtd_device_step(n, &d);
	}
	/* Looking at it. */
	work_spend(&d.work, 1);
	what->work.cost = d.work.cost;
	nest_vtd_first(err, d.err);
	cursor[DEVICE] = d.source_id + !more;
	cursor[PASID] = more ? d.pasid + UINT64_C(1) : 0;
	return true;
}

static int follow_all(struct viq_nest_vtd *n, struct viq_vtd_reconfig *what)
{
	int err = (int)(int64_t)what->work.cursor[ERROR];
	bool more;

	do
		more = follow(n, what, &err);
	while (more && work_goes_on(&what->work));
	if (more) {
		what->work.cursor[ERROR] = (uint64_t)(int64_t)err;
		return 1;
	}
	memset(what->work.cursor, 0, sizeof(what->work.cursor));
	n->config.backend.ops->settle(n->config.backend.opaque);
	return err;
}

int viq_nest_vtd_reconfig(struct viq_nest_vtd *n, struct viq_vtd_reconfig *asked)
{
	struct viq_vtd_reconfig what = {0};
	int ret;

	if (!n)
		return -EINVAL;
	ret = sized_take(&what, sizeof(what), asked, sizeof(what), "what", NULL);
	if (ret)
		return ret;
	if (what.cause > VIQ_VTD_RESTORED || what.scope > VIQ_VTD_SCOPE_PASID)
		return -EINVAL;
	if (!n->vtd)
		return -ENODEV;
	what.work.cost = 0;
	ret = n->config.backend.ops->reconfig ? pass_on(n, &what) : follow_all(n, &what);
	asked->work = what.work;
	return ret;
}

int viq_nest_vtd_follow(struct viq_nest_vtd *n, uint16_t source_id)
{
	const struct viq_vtd_reconfig everything = {
		.size = sizeof(everything), .cause = VIQ_VTD_RESTORED, .scope = VIQ_VTD_SCOPE_ALL};
	struct viq_vtd_reconfig its = {.size = sizeof(its),
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
	nest_vtd_device_read(n, &d, &everything);
	for (more = nest_vtd_device_begin(n, &d, &everything); more; more = nest_vtd_device_step(n, &d))
		;
	return d.err ? d.err : d.blocked;
}

int viq_nest_vtd_block(struct viq_nest_vtd *n, uint16_t source_id)
{
	const struct viq_vtd_backend *b;
	struct nest_vtd_device d;
	int err = 0;

	if (!n)
		return -EINVAL;
	b = &n->config.backend;
	if (b->ops->reconfig)
		return b->ops->block ? b->ops->block(b->opaque, source_id) : -EOPNOTSUPP;
	if (!find_device(n, source_id, &d, &err) || d.source_id != source_id)
		return err ? err : -ENOENT;
	nest_vtd_device_block(n, &d);
	b->ops->settle(b->opaque);
	return d.err ? d.err : d.blocked;
}
