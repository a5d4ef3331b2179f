/* SPDX-License-Identifier: MIT */
/*
 * Reconfigurations: one device after the other makes a draft of what it takes over and commits it; when all have, what
 * none uses any more is waited for and released. In steps, between which devices may come and go.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/sized.h"

#include "unit.h"

#define RELEASES 64 /* attachments that a step releases */

int soft_vtd_update(struct viq_soft_vtd_dev *dev, const struct viq_vtd_reconfig *what, struct soft_vtd_change *change)
{
	struct soft_vtd_cost cost = {0};
	struct soft_vtd_draft d;

	soft_vtd_work_leave(dev, false, change);
	if (!dev->soft->tables.size)
		return 0;
	soft_vtd_draft_begin(dev, what, &d, &cost);
	while (soft_vtd_draft_step(dev, &d, &cost))
		;
	return soft_vtd_draft_commit(dev, &d, change);
}

int soft_vtd_block(struct viq_soft_vtd *soft, uint16_t source_id)
{
	struct soft_vtd_change change = {0};
	struct viq_soft_vtd_dev *dev;
	int ret = soft_vtd_enter(soft);

	if (ret)
		return ret;
	dev = soft_vtd_dev_find(soft, source_id);
	if (dev) {
		soft_vtd_work_leave(dev, false, &change);
		dev->isolated = true;
		soft_vtd_publish(dev, NULL, &change);
		soft_vtd_finish(soft, &change);
		/* And what the reconfiguration under way has dropped of it. */
		soft_vtd_finish(soft, &soft->work.change);
	}
	soft_vtd_leave(soft);
	return dev ? 0 : -ENOENT;
}

/* --- The one that is under way ------------------------------------------------------------------------------------ */

/* The first device in scope of this source-id or a higher one. */
static struct viq_soft_vtd_dev *device_from(const struct viq_soft_vtd *soft, uint32_t sid,
					    const struct viq_vtd_reconfig *what)
{
	const uint16_t mask = what->scope == VIQ_VTD_SCOPE_DEVICE ? what->source_mask : 0;
	const uint16_t first = what->source_id & mask, last = first | (uint16_t)~mask;
	struct viq_soft_vtd_dev *dev = soft_vtd_dev_from(soft, sid > first ? sid : first);

	while (dev && dev->sid <= last && (dev->sid & mask) != first)
		dev = soft_vtd_dev_from(soft, dev->sid + 1);
	return dev && dev->sid <= last ? dev : NULL;
}

/* Before dev gets another view, or leaves: what of it was not committed is for nothing. */
void soft_vtd_work_leave(struct viq_soft_vtd_dev *dev, bool for_good, struct soft_vtd_change *change)
{
	struct soft_vtd_work *w = &dev->soft->work;

	if (w->dev != dev)
		return;
	if (w->inside)
		soft_vtd_draft_drop(dev, &w->draft, change);
	w->inside = false;
	if (for_good)
		w->dev = device_from(dev->soft, dev->sid + 1, &w->what);
}

static void begin(struct viq_soft_vtd *soft, const struct viq_vtd_reconfig *what)
{
	struct soft_vtd_work *w = &soft->work;
	uint32_t cause = what->cause;

	/* What was under way is done again with it: everything, as if nothing were cached. */
	if (w->begun) {
		if (w->dev)
			soft_vtd_work_leave(w->dev, false, &w->change);
		cause = cause == VIQ_VTD_RESTORED ? cause : VIQ_VTD_ROOT_TABLE;
	}
	/* A front end that was restored knows of no table, whether it is the one of before or not. */
	if (cause == VIQ_VTD_RESTORED) {
		for (size_t i = 0; i < soft->devs.count; i++)
			soft_vtd_publish(soft->devs.items[i], NULL, &w->change);
		soft_vtd_finish(soft, &w->change);
	}
	w->what = *what;
	if (w->begun) {
		w->what.cause = cause;
		w->what.scope = VIQ_VTD_SCOPE_ALL;
	}
	w->begun = true;
	w->waited = false;
	w->dev = device_from(soft, 0, &w->what);
	w->err = 0;
}

/* true: there is more to do. */
static bool step(struct viq_soft_vtd *soft, struct soft_vtd_cost *cost)
{
	struct soft_vtd_work *w = &soft->work;
	int err;

	if (w->dev && !w->inside) {
		soft_vtd_draft_begin(w->dev, &w->what, &w->draft, cost);
		w->inside = true;
		return true;
	}
	if (w->dev) {
		if (soft_vtd_draft_step(w->dev, &w->draft, cost))
			return true;
		err = soft_vtd_draft_commit(w->dev, &w->draft, &w->change);
		w->err = w->err ? w->err : err;
		w->inside = false;
		w->dev = device_from(soft, w->dev->sid + 1, &w->what);
		return true;
	}
	if (!w->waited)
		soft_vtd_wait(soft, &w->change);
	w->waited = true;
	w->begun = soft_vtd_release_some(soft, &w->change, RELEASES);
	return w->begun;
}

static bool arguments_ok(const struct viq_vtd_tables *tables, const struct viq_vtd_reconfig *what)
{
	return tables->mode <= VIQ_VTD_TTM_ABORT && what->cause <= VIQ_VTD_RESTORED &&
	       what->scope <= VIQ_VTD_SCOPE_PASID;
}

/* config_lock is held if it succeeds. */
static int enter_and_begin(struct viq_soft_vtd *soft, const struct viq_vtd_tables *told,
			   const struct viq_vtd_reconfig *asked) TAKES_IF_0(soft->config_lock)
{
	struct viq_vtd_tables tables = {0};
	struct viq_vtd_reconfig what = {0};
	int ret;

	if (!soft)
		return -EINVAL;
	ret = sized_take(&tables, sizeof(tables), told, SIZED_TO(struct viq_vtd_tables, remap_table), "tables", NULL);
	if (!ret)
		ret = sized_take(&what, sizeof(what), asked, SIZED_TO(struct viq_vtd_reconfig, pasid), "what", NULL);
	if (!ret && !arguments_ok(&tables, &what))
		ret = -EINVAL;
	if (!ret)
		ret = soft_vtd_enter(soft);
	if (ret)
		return ret;
	soft->tables = tables;
	begin(soft, &what);
	return 0;
}

int soft_vtd_begin(struct viq_soft_vtd *soft, const struct viq_vtd_tables *tables, const struct viq_vtd_reconfig *what)
{
	int ret = enter_and_begin(soft, tables, what);

	if (ret)
		return ret;
	soft_vtd_leave(soft);
	return 0;
}

int soft_vtd_step(struct viq_soft_vtd *soft, struct soft_vtd_cost *cost)
{
	int ret = soft_vtd_enter(soft);

	if (ret)
		return ret;
	ret = soft->work.begun && step(soft, cost) ? 1 : soft->work.err;
	soft_vtd_leave(soft);
	return ret;
}

int viq_soft_vtd_reconfig(struct viq_soft_vtd *soft, const struct viq_vtd_tables *tables,
			  const struct viq_vtd_reconfig *what)
{
	struct soft_vtd_cost cost = {0};
	int ret = enter_and_begin(soft, tables, what);

	if (ret)
		return ret;
	while (step(soft, &cost))
		;
	ret = soft->work.err;
	soft_vtd_leave(soft);
	return ret;
}
