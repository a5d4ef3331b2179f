/* SPDX-License-Identifier: MIT */
/*
 * Events of the physical SMMU (vEVENTQ). What read() gives is a row of records: a header, and behind it the event
 * itself, unless the header says that events were lost. The kernel gives whole records only, and never waits.
 */
#include <errno.h>
#include <string.h>

#include "linux.h"

#define HEADER sizeof(struct uapi_iommufd_vevent_header)
#define RECORD (HEADER + sizeof(struct uapi_iommu_vevent_arm_smmuv3))
/* Records read at once, at most: a bound on the stack. */
#define BATCH 16

int viq_linux_veventq_alloc(struct viq_linux *ctx, uint32_t viommu, uint32_t depth, uint32_t *id, int *fd)
{
	struct uapi_iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.type = UAPI_IOMMU_VEVENTQ_TYPE_ARM_SMMUV3,
		.veventq_depth = depth,
	};
	int ret;

	if (!ctx || !viommu || !depth || !id || !fd)
		return -EINVAL;
	ret = linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_VEVENTQ_ALLOC, &cmd);
	if (ret)
		return ret;
	/* A queue that cannot be read. */
	if ((int)cmd.out_veventq_fd < 0) {
		(void)viq_linux_destroy(ctx, cmd.out_veventq_id);
		return -EIO;
	}
	*id = cmd.out_veventq_id;
	*fd = (int)cmd.out_veventq_fd;
	return 0;
}

/* One record of the len bytes, at least a header. What is cut short counts as lost. Returns its length. */
static size_t take_record(const uint8_t *bytes, size_t len, struct viq_linux_vevent *event)
{
	struct uapi_iommufd_vevent_header header;
	struct uapi_iommu_vevent_arm_smmuv3 data;
	int i;

	memcpy(&header, bytes, HEADER);
	*event = (struct viq_linux_vevent){.sequence = header.sequence & INT32_MAX};
	if (header.flags & UAPI_IOMMU_VEVENTQ_FLAG_LOST_EVENTS) {
		event->lost = 1;
		return HEADER;
	}
	if (len < RECORD) {
		event->lost = 1;
		return len;
	}
	memcpy(&data, bytes + HEADER, sizeof(data));
	for (i = 0; i < 4; i++)
		event->record[i] = le64_get(data.evt[i]);
	return RECORD;
}

/* Returns how many events there are now. Losses in a row are one: the last sequence number covers them. */
static uint32_t take_records(const uint8_t *bytes, size_t len, struct viq_linux_vevent *events, uint32_t count)
{
	struct viq_linux_vevent event;
	size_t done = 0;

	while (len - done >= HEADER) {
		done += take_record(bytes + done, len - done, &event);
		if (event.lost && count && events[count - 1].lost)
			events[count - 1] = event;
		else
			events[count++] = event;
	}
	return count;
}

/*
 * How many bytes to ask for, if there is room for so many events. A header alone is short, so more events than whole
 * records can come: between two losses, which would be one event, is a whole record. So at most 2k + 1 events come, k
 * of them whole, where 40k + 8(k + 1) bytes are not more than 40 * (room + 1) / 2; thus 2k + 1 <= room.
 */
static size_t bytes_for(uint32_t room)
{
	uint32_t records = room / 2 + room % 2;

	return RECORD * (records < BATCH ? records : BATCH);
}

int viq_linux_veventq_read(struct viq_linux *ctx, int fd, struct viq_linux_vevent *events, uint32_t *count)
{
	uint8_t bytes[BATCH * RECORD];
	uint32_t before, have = 0;
	int64_t ret;
	size_t len;

	if (!ctx || fd < 0 || !events || !count || !*count)
		return -EINVAL;
	do {
		before = have;
		len = bytes_for(*count - have);
		ret = linux_read(ctx, fd, bytes, len);
		if (ret > (int64_t)len)
			ret = -EIO;
		if (ret > 0)
			have = take_records(bytes, (size_t)ret, events, have);
	} while (have > before && have < *count);
	if (have) { /* an error, if it lasts, comes again */
		*count = have;
		return 0;
	}
	if (ret > 0)
		return -EIO; /* not even a header */
	return ret < 0 ? (int)ret : -EAGAIN;
}
