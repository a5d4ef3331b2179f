/* SPDX-License-Identifier: MIT */
/* Devices come and go, and get each other's StreamIDs; so do guests. What had the name before leaves nothing behind. */
#include <errno.h>

#include "p1.h"

int plug_in(struct p1_world *w, struct p1_stream *s)
{
	struct p1_host *h = &w->host[s->host];
	int ret = s->dev ? 0 : viq_soft_dev_alloc(h->soft, &s->dev, NULL);

	if (!ret)
		ret = viq_soft_vdevice_alloc(h->soft, h->viommu, s->dev, s->sid, &s->vdevice, NULL);
	return ret ? ret : viq_soft_dev_set_ats(s->dev, s->ats);
}

/* Device removed means device blocked (P9), whatever it has cached. */
static void check_blocked(struct p1_world *w, const struct p1_stream *s)
{
	for (unsigned int n = 0; n < 20; n++) {
		unsigned int slot = p1_below(w, P1_SLOTS), p = p1_below(w, P1_POINTS);
		struct viq_soft_xlate x;
		int ret;

		viq_soft_access_begin();
		ret = viq_soft_translate(s->dev, w->point[p], slot ? p1_ssids[slot - 1] : 0,
					 VIQ_SOFT_READ | (slot ? VIQ_SOFT_SSV : 0), &x);
		viq_soft_access_end();
		if (ret != -EFAULT)
			p1_found(w, "the device that was stream 0x%x reaches 0x%llx: %d", s->sid,
				 (unsigned long long)w->point[p], ret);
	}
}

void plug_out(struct p1_world *w, struct p1_stream *s)
{
	if (viq_soft_object_free(w->host[s->host].soft, s->vdevice))
		p1_found(w, "stream 0x%x cannot be unplugged", s->sid);
	check_blocked(w, s);
}

/* Its configuration is read anew, and its ATC is empty. What the TLB has of the guest's ASIDs stays. */
static void arrive(struct p1_world *w, struct p1_stream *s)
{
	s->blocked = false;
	model_fresh_stream(s);
	if (plug_in(w, s) || viq_nest_smmuv3_follow(w->nest, s->sid))
		p1_found(w, "stream 0x%x cannot be plugged in", s->sid);
}

/* The same device again, another one, or two that change their places: all under StreamIDs that were used before. */
void plug_again(struct p1_world *w)
{
	struct p1_stream *a = &w->stream[p1_below(w, P1_STREAMS)], *b = &w->stream[p1_below(w, P1_STREAMS)];
	struct viq_soft_dev *dev = a->dev;
	bool ats = a->ats;

	model_refresh(w);
	w->now++;
	w->result.plugs++;
	p1_log(w, "stream 0x%x is unplugged, and another device plugged in", a->sid);
	plug_out(w, a);
	if (a != b && a->host == b->host) {
		plug_out(w, b);
		a->dev = b->dev;
		a->ats = b->ats;
		b->dev = dev;
		b->ats = ats;
		arrive(w, b);
	} else if (p1_one_in(w, 2)) {
		if (viq_soft_dev_free(a->dev))
			p1_found(w, "the device that was stream 0x%x cannot go", a->sid);
		a->dev = NULL;
		a->ats = p1_one_in(w, 2);
	}
	arrive(w, a);
}

/* The guest's objects go, others come and go, so that no VMID is left that was not used; then the guest's come again.
 */
void plug_free_guest(struct p1_world *w, unsigned int number)
{
	struct p1_host *h = &w->host[number];
	unsigned int others = p1_one_in(w, 4) ? 255 : p1_below(w, 3);
	int ret;

	for (unsigned int n = 0; n < P1_STREAMS; n++) {
		if (w->stream[n].host == number)
			plug_out(w, &w->stream[n]);
	}
	ret = viq_soft_object_free(h->soft, h->viommu);
	for (unsigned int i = 0; i < others && !ret; i++) {
		uint32_t id;

		ret = viq_soft_viommu_alloc(h->soft, h->s2, &id, NULL);
		if (!ret)
			ret = viq_soft_object_free(h->soft, id);
	}
	if (!ret)
		ret = viq_soft_object_free(h->soft, h->s2);
	if (ret)
		p1_found(w, "the guest of host %u cannot go: %d", number, ret);
}
