/* SPDX-License-Identifier: MIT */
/*
 * With CAP.CM = 0 entries that are not present, or faulty, are not cached (6.2.2, 6.2.3): a guest makes them good and
 * tells nobody. So an access that finds none looks in memory, each time, and nothing of what it finds is cached, since
 * tables are for the front end's thread to attach. That one is asked to fetch the entry, and from then on it is cached
 * like others.
 *
 * The guest may take back what such an access has read, by invalidations that concern no table. Who carries them out
 * finds that somebody has looked, and waits. (Of the fences of looking and drain one is first: if the access's, drain
 * sees that it looks; if drain's, the access sees what the guest had written before. Who is seen and then overwritten
 * by drain's 0 has begun before the wait.)
 */
#include <stdlib.h>

#include "host/soft/thread.h"
#include "unit.h"

void soft_vtd_look(struct viq_soft_vtd *soft)
{
	atomic_store_explicit(&soft->looking, 1, memory_order_relaxed);
	soft_fence();
}

bool soft_vtd_looking(const struct viq_soft_vtd *soft)
{
	if (!soft->looks)
		return false;
	soft_fence();
	return atomic_load_explicit(&soft->looking, memory_order_relaxed);
}

void soft_vtd_drain(struct viq_soft_vtd *soft)
{
	if (!soft_vtd_looking(soft))
		return;
	atomic_store_explicit(&soft->looking, 0, memory_order_relaxed);
	soft_grace_period();
}

/* One at a time: another one is asked for by the access that uses it next. */
void soft_vtd_want(struct viq_soft_vtd_dev *dev, uint32_t pasid)
{
	struct viq_soft_vtd *soft = dev->soft;
	uint32_t none = 0;

	if (atomic_compare_exchange_strong(&dev->wanted, &none, pasid + 1) && !atomic_exchange(&soft->wanting, 1) &&
	    soft->config.notify)
		soft->config.notify(soft->config.opaque);
}

static void fetch(struct viq_soft_vtd_dev *dev, uint32_t pasid, struct soft_vtd_change *change)
{
	const struct soft_vtd_view *view = soft_vtd_view(dev);
	struct soft_vtd_draft d;

	if (!view || view->state == SOFT_VTD_OFF)
		return;
	soft_vtd_draft_fetch(dev, pasid, &d);
	/* Without memory accesses go on to look. */
	(void)soft_vtd_draft_commit(dev, &d, change);
}

int soft_vtd_fetch(struct viq_soft_vtd *soft)
{
	struct soft_vtd_change change = {0};
	int ret;

	if (!atomic_load(&soft->wanting))
		return 0;
	ret = soft_vtd_enter(soft);
	if (ret)
		return ret;
	atomic_store(&soft->wanting, 0);
	for (size_t i = 0; i < soft->devs.count; i++) {
		struct viq_soft_vtd_dev *dev = soft->devs.items[i];
		const uint32_t wanted = atomic_exchange(&dev->wanted, 0);

		/* A reconfiguration that is under way reads them, or the next access asks again: it is not held up. */
		if (wanted && !soft->work.begun)
			fetch(dev, wanted - 1, &change);
	}
	soft_vtd_finish(soft, &change);
	soft_vtd_leave(soft);
	return 0;
}
