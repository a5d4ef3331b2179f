/* SPDX-License-Identifier: MIT */
/*
 * Events of the physical SMMU (struct iommu_vevent_arm_smmuv3) as a guest may see them (IHI 0070 7.2, 7.3).
 *
 * The kernel passes on the eight kinds below, with the vSID that the device had when it was attached. A record carries
 * more than the guest may see: fields that mean nothing in its kind are UNKNOWN in hardware and 0 to the guest, and
 * what stage 2 has to say (S2 = 1: an IPA that the VMM has not mapped) concerns the VMM's tables, not the guest's.
 *
 * read() of the kernel's event queue never waits: an empty one reads as nothing. So the fd may be blocking, as the
 * kernel makes it.
 */
#include <errno.h>
#include <string.h>

#include "spec/smmuv3/event.h"
#include "vsmmu.h"

/* The kinds that the kernel promises. Others are not let through, whatever it sends. */
static bool passed_on(unsigned int event)
{
	switch (event) {
	case VIQ_SMMUV3_EVT_C_BAD_STE:
	case VIQ_SMMUV3_EVT_F_STREAM_DISABLED:
	case VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID:
	case VIQ_SMMUV3_EVT_C_BAD_CD:
	case VIQ_SMMUV3_EVT_F_TRANSLATION:
	case VIQ_SMMUV3_EVT_F_ADDR_SIZE:
	case VIQ_SMMUV3_EVT_F_ACCESS:
	case VIQ_SMMUV3_EVT_F_PERMISSION:
		return true;
	default:
		return false;
	}
}

/* What the guest is to see of a physical record. false: nothing. */
static bool make_record(const struct viq_linux_vsmmu *v, const uint64_t in[4], uint64_t out[4])
{
	/* A stall was not offered: nobody would answer it. */
	const uint64_t not_the_guests = VIQ_SMMUV3_EVT_1_S2 | VIQ_SMMUV3_EVT_1_STALL;
	unsigned int event = (unsigned int)VIQ_GET(VIQ_SMMUV3_EVT_0_ID, in[0]);
	const struct linux_stream *s = linux_streams_find(v, (uint32_t)VIQ_GET(VIQ_SMMUV3_EVT_0_SID, in[0]));
	const uint64_t *fields;

	/* With SMMUEN = 0 nothing is recorded (6.3.9.6), also not that the physical SMMU bypasses no substreams. */
	if (!passed_on(event) || !s || s->disabled)
		return false;
	fields = smmuv3_event_find(event)->fields;
	if (in[1] & fields[1] & not_the_guests)
		return false;
	out[0] = in[0] & (VIQ_SMMUV3_EVT_0_ID | VIQ_SMMUV3_EVT_0_SID | fields[0]);
	out[1] = in[1] & fields[1] & ~VIQ_SMMUV3_EVT_1_STAG;
	out[2] = in[2] & fields[2];
	out[3] = 0; /* an IPA means something with S2 = 1 only */
	return true;
}

/*
 * What to hand out of one event of the kernel; false: nothing. Every event takes a number, those that the kernel
 * dropped too; after 2^31 - 1 comes 0, so bit 31 is nothing.
 */
static bool take_event(struct viq_linux_vsmmu *v, const struct viq_linux_vevent *event,
		       struct viq_smmuv3_host_event *out)
{
	*out = (struct viq_smmuv3_host_event){.lost = (event->sequence - v->event_next) & INT32_MAX};
	v->event_next = event->sequence + 1;
	if (event->lost)
		out->lost++;
	else if (!make_record(v, event->record, out->record))
		linux_add(&v->events_kept, 1);
	linux_add(&v->events_lost, out->lost);
	return out->lost || out->record[0];
}

/* What the kernel has now, room of them at most: *taken, of which *made are to be handed out. */
static int read_some(struct viq_linux_vsmmu *v, struct viq_smmuv3_host_event *events, uint32_t room, uint32_t *made,
		     uint32_t *taken)
{
	struct viq_linux_vevent raw[32];
	uint32_t n = sizeof(raw) / sizeof(raw[0]);
	int err;

	*made = *taken = 0;
	if (v->event_fd < 0)
		return 0;
	if (n > room)
		n = room;
	err = viq_linux_veventq_read(v->ctx, v->event_fd, raw, &n);
	if (err)
		return err == -EAGAIN ? 0 : err;
	for (uint32_t i = 0; i < n; i++)
		*made += take_event(v, &raw[i], &events[*made]);
	*taken = n;
	return 0;
}

void linux_events_settle(struct viq_linux_vsmmu *v)
{
	/* Fewer than were asked for are all of them; what comes meanwhile is of devices that are here. */
	for (uint32_t left = v->event_depth, asked = 0, taken = 0; left && taken == asked; left -= taken) {
		struct viq_smmuv3_host_event events[32];
		uint32_t made;

		asked = left < 32 ? left : 32;
		/* An error comes again for who asks for events. */
		if (read_some(v, events, asked, &made, &taken))
			return;
		for (uint32_t i = 0; i < made; i++) {
			const bool record = events[i].record[0];

			if (v->waiting_count < v->event_depth) {
				/* Those that found no room were before it. */
				events[i].lost += v->waiting_lost;
				v->waiting_lost = 0;
				v->waiting[v->waiting_count++] = events[i];
			} else {
				v->waiting_lost += events[i].lost + record;
				linux_add(&v->events_lost, record); /* the others are counted */
			}
		}
	}
}

/* As many of those that wait as there is room for; behind them what found none. */
static uint32_t take_waiting(struct viq_linux_vsmmu *v, struct viq_smmuv3_host_event *events, uint32_t room)
{
	uint32_t n = v->waiting_count < room ? v->waiting_count : room;

	memcpy(events, v->waiting, n * sizeof(*events));
	v->waiting_count -= n;
	memmove(v->waiting, v->waiting + n, v->waiting_count * sizeof(*events));
	if (n < room && v->waiting_lost) {
		events[n++] = (struct viq_smmuv3_host_event){.lost = v->waiting_lost};
		v->waiting_lost = 0;
	}
	return n;
}

int viq_linux_vsmmu_event_fd(const struct viq_linux_vsmmu *v)
{
	return v ? v->event_fd : -1;
}

int viq_linux_vsmmu_events(struct viq_linux_vsmmu *v, struct viq_smmuv3_host_event *events, uint32_t *count)
{
	uint32_t room, taken;
	int ret = 0;

	if (!v || !events || !count || !*count)
		return -EINVAL;
	room = *count;
	if (v->waiting_count || v->waiting_lost)
		*count = take_waiting(v, events, room);
	else
		ret = read_some(v, events, room, count, &taken);
	for (uint32_t i = 0; i < *count; i++)
		linux_add(&v->events, events[i].record[0] != 0);
	return ret;
}
