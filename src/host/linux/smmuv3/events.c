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

#include "vsmmu.h"

#define SSID  (VIQ_SMMUV3_EVT_0_SSV | VIQ_SMMUV3_EVT_0_SSID)
#define FAULT (VIQ_SMMUV3_EVT_1_PNU | VIQ_SMMUV3_EVT_1_IND | VIQ_SMMUV3_EVT_1_RNW | VIQ_SMMUV3_EVT_1_CLASS)
#define STALL VIQ_BIT(31) /* of word 1, in translation faults */

/* Bits of words 0 to 2, besides the event's number and the StreamID in word 0. Word 3 is for S2 = 1 and fetches. */
static const struct kind {
	uint8_t event;
	uint64_t bits[3];
} kinds[] = {
	{VIQ_SMMUV3_EVT_C_BAD_STE, {SSID}},
	{VIQ_SMMUV3_EVT_F_STREAM_DISABLED, {0}},
	{VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID, {VIQ_SMMUV3_EVT_0_SSID}},
	{VIQ_SMMUV3_EVT_C_BAD_CD, {SSID}},
	{VIQ_SMMUV3_EVT_F_TRANSLATION, {SSID, FAULT, UINT64_MAX}},
	{VIQ_SMMUV3_EVT_F_ADDR_SIZE, {SSID, FAULT, UINT64_MAX}},
	{VIQ_SMMUV3_EVT_F_ACCESS, {SSID, FAULT, UINT64_MAX}},
	{VIQ_SMMUV3_EVT_F_PERMISSION, {SSID, FAULT | VIQ_SMMUV3_EVT_1_TTRNW, UINT64_MAX}},
};

static const struct kind *find_kind(uint64_t word0)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].event == VIQ_GET(VIQ_SMMUV3_EVT_0_ID, word0))
			return &kinds[i];
	}
	return NULL;
}

/* What the guest is to see of a physical record. false: nothing. */
static bool make_record(const struct viq_linux_vsmmu *v, const uint64_t in[4], uint64_t out[4])
{
	const uint64_t always = VIQ_SMMUV3_EVT_0_ID | VIQ_SMMUV3_EVT_0_SID;
	const struct kind *kind = find_kind(in[0]);

	if (!kind || !linux_streams_find(v, VIQ_GET(VIQ_SMMUV3_EVT_0_SID, in[0])))
		return false;
	/* Only translation faults have these bits. A stall was not offered: nobody would answer it. */
	if (kind->bits[1] && (in[1] & (VIQ_SMMUV3_EVT_1_S2 | STALL)))
		return false;
	out[0] = in[0] & (always | kind->bits[0]);
	out[1] = in[1] & kind->bits[1];
	out[2] = in[2] & kind->bits[2];
	out[3] = 0;
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
