/* SPDX-License-Identifier: MIT */
/*
 * Events of the physical SMMU (struct iommu_vevent_arm_smmuv3) for the guest's event queue (IHI 0070 7.2, 7.3).
 *
 * The kernel passes on the eight kinds below, with the vSID that the device had when it was attached. A record carries
 * more than the guest may see: fields that mean nothing in its kind are UNKNOWN in hardware and 0 to the guest, and
 * what stage 2 has to say (S2 = 1: an IPA that the VMM has not mapped) concerns the VMM's tables, not the guest's.
 *
 * read() of the kernel's event queue never waits: an empty one reads as nothing. So the fd may be blocking, as the
 * kernel makes it.
 */
#include <errno.h>

#include <viq/smmuv3.h>

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
	const uint64_t *fields;

	if (!passed_on(event) || !linux_streams_find(v, VIQ_GET(VIQ_SMMUV3_EVT_0_SID, in[0])))
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

/* Without a guest viq_smmuv3_event() says so. */
static void deliver(struct viq_linux_vsmmu *v, const uint64_t in[4])
{
	uint64_t record[4];

	if (make_record(v, in, record) && !viq_smmuv3_event(v->smmu, record))
		linux_add(&v->events, 1);
	else
		linux_add(&v->events_lost, 1);
}

/* Every event takes a number, those that the kernel dropped too; after 2^31 - 1 comes 0, so bit 31 is nothing. */
static void take_event(struct viq_linux_vsmmu *v, const struct viq_linux_vevent *event)
{
	linux_add(&v->events_lost, (event->sequence - v->event_next) & INT32_MAX);
	v->event_next = event->sequence + 1;
	if (event->lost)
		linux_add(&v->events_lost, 1);
	else
		deliver(v, event->record);
}

int viq_linux_vsmmu_event_fd(const struct viq_linux_vsmmu *v)
{
	return v ? v->event_fd : -1;
}

int viq_linux_vsmmu_events(struct viq_linux_vsmmu *v)
{
	uint32_t left;

	if (!v)
		return -EINVAL;
	if (v->event_fd < 0)
		return 0;
	for (left = v->event_depth; left;) {
		struct viq_linux_vevent events[32];
		uint32_t n = sizeof(events) / sizeof(events[0]);
		int err;

		if (n > left)
			n = left;
		left -= n;
		err = viq_linux_veventq_read(v->ctx, v->event_fd, events, &n);
		if (err)
			return err == -EAGAIN ? 0 : err;
		for (uint32_t i = 0; i < n; i++)
			take_event(v, &events[i]);
	}
	return 0;
}
