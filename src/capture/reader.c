// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/le.h"
#include "error.h"
#include "format.h"

#define NS_PER_S 1000000000u

struct viq_capture_reader {
	pcap_t *pcap;
	FILE *file; /* owned by pcap once that is open */
	uint64_t size;
	enum viq_capture_kind kind;
	struct viq_capture_setup setup;
	struct viq_capture_totals totals;
	int failed;     /* the error that every further call repeats */
	bool have_kind; /* the first packet has been read */
	bool held;      /* packet holds an event that open() read and next() has not given out */
	bool ended;
	struct viq_capture_packet packet;
	alignas(uint64_t) uint8_t buf[VIQ_CAPTURE_PACKET_MAX];
};

static int open_file(struct viq_capture_reader *r, int fd, struct viq_capture_error *err)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct stat st;
	int ret;

	r->file = own < 0 ? NULL : fdopen(own, "rb");
	if (!r->file || fstat(own, &st) < 0) {
		ret = -errno;
		if (own >= 0 && !r->file)
			close(own);
		return viq_capture_fail(err, ret, "cannot open: %s", strerror(-ret));
	}
	if (S_ISDIR(st.st_mode))
		return viq_capture_fail(err, -EISDIR, "is a directory; name a capture file");
	r->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	return 0;
}

static int open_pcap(struct viq_capture_reader *r, struct viq_capture_error *err)
{
	char why[PCAP_ERRBUF_SIZE];

	r->pcap = pcap_fopen_offline_with_tstamp_precision(r->file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!r->pcap && ferror(r->file))
		return viq_capture_fail_at(err, -EIO, 0, "cannot read");
	if (!r->pcap && feof(r->file) && ftello(r->file) == 0)
		return viq_capture_fail_at(err, -EBADMSG, 0, "is empty; give a capture made by viq record");
	if (!r->pcap)
		return viq_capture_fail_at(err, -EBADMSG, 0,
					   "not a pcap file (%.120s); give a capture made by viq record", why);
	r->file = NULL;
	if (pcap_datalink(r->pcap) != DLT_USER0)
		return viq_capture_fail_at(err, -EBADMSG, 0,
					   "a pcap file, but not a viq capture: link type %d, not %d (USER0); "
					   "give a capture made by viq record",
					   pcap_datalink(r->pcap), DLT_USER0);
	return 0;
}

/* Read one packet into buf. 1, 0 at the end of the file, or a negative errno. */
static int read_packet(struct viq_capture_reader *r, struct viq_capture_event *event, size_t *len,
		       struct viq_capture_error *err)
{
	FILE *file = pcap_file(r->pcap);
	off_t offset = ftello(file);
	struct pcap_pkthdr *header;
	const u_char *data;
	int64_t seconds;
	int ret;

	event->offset = offset < 0 ? 0 : (uint64_t)offset;
	event->packet = r->totals.packets + 1;
	ret = pcap_next_ex(r->pcap, &header, &data);
	if (ret == PCAP_ERROR_BREAK)
		return 0;
	if (ret != 1 && ferror(file))
		return viq_capture_fail_at(err, -EIO, event->offset, "packet %" PRIu64 ": cannot read", event->packet);
	if (ret != 1 && feof(file))
		return viq_capture_fail_at(err, -EBADMSG, event->offset,
					   "packet %" PRIu64 ": the file is truncated; record or copy it again",
					   event->packet);
	if (ret != 1)
		return viq_capture_fail_at(err, -EBADMSG, event->offset,
					   "packet %" PRIu64 ": damaged (%.120s); record or copy it again",
					   event->packet, pcap_geterr(r->pcap));
	if (header->caplen != header->len || header->caplen > sizeof(r->buf))
		return viq_capture_fail_at(err, -EBADMSG, event->offset,
					   "packet %" PRIu64
					   ": %u bytes of %u: not written by viq record; record again",
					   event->packet, header->caplen, header->len);
	/*
	 * pcapng, whose major version is 1, has 64 bits of any unit; pcap has 32 bits of seconds, which libpcap takes
	 * as signed: negative from 2038 on.
	 */
	seconds = header->ts.tv_sec;
	if (seconds < 0 && seconds >= INT32_MIN && pcap_major_version(r->pcap) == PCAP_VERSION_MAJOR)
		seconds += INT64_C(1) << 32;
	if (seconds < 0 || seconds >= INT64_MAX / NS_PER_S || header->ts.tv_usec < 0 || header->ts.tv_usec >= NS_PER_S)
		return viq_capture_fail_at(err, -EBADMSG, event->offset,
					   "packet %" PRIu64 ": a time that no clock shows; record or copy it again",
					   event->packet);
	*len = header->caplen;
	memcpy(r->buf, data, *len);
	event->time = (uint64_t)seconds * NS_PER_S + (uint64_t)header->ts.tv_usec;
	return 1;
}

/* Read and decode one packet into r->packet. 1, 0 at the end of the file, or a negative errno. */
static int read_event(struct viq_capture_reader *r, struct viq_capture_error *err)
{
	struct viq_capture_event *event = &r->packet.event;
	const char *why;
	size_t len = 0;
	int ret;

	ret = read_packet(r, event, &len, err);
	if (ret <= 0)
		return ret;
	ret = viq_capture_decode(r->buf, len, r->have_kind ? &r->setup : NULL, &r->packet, &why);
	if (!ret && r->have_kind && r->packet.kind != r->kind) {
		ret = -EBADMSG;
		why = "another kind of IOMMU than the packets before";
	}
	if (ret == -ENOTSUP)
		return viq_capture_fail_at(err, ret, event->offset,
					   "packet %" PRIu64
					   ": format version %u, this viq reads version %u; use a newer viq",
					   event->packet, r->buf[3], VIQ_CAPTURE_VERSION);
	if (ret)
		return viq_capture_fail_at(err, ret, event->offset, "packet %" PRIu64 ": %s; record or copy it again",
					   event->packet, why);
	return 1;
}

static int check_end(struct viq_capture_reader *r, struct viq_capture_error *err)
{
	const struct viq_capture_totals *end = &r->packet.totals;
	const struct viq_capture_totals *seen = &r->totals;
	struct viq_capture_event event;
	size_t len;
	int ret;

	if (end->packets != seen->packets || end->doorbells != seen->doorbells || end->entries != seen->entries ||
	    end->missing != seen->missing)
		return viq_capture_fail_at(err, -EBADMSG, r->packet.event.offset,
					   "packets are missing: %" PRIu64 " were recorded, %" PRIu64
					   " are here; record or copy it again",
					   end->packets, seen->packets);
	ret = read_packet(r, &event, &len, err);
	if (ret < 0)
		return ret;
	if (ret)
		return viq_capture_fail_at(err, -EBADMSG, event.offset, "data after the end; record or copy it again");
	r->ended = true;
	return 0;
}

static void count(struct viq_capture_reader *r, const struct viq_capture_event *event)
{
	r->totals.packets++;
	switch (event->type) {
	case VIQ_CAPTURE_GAP:
		r->totals.missing += event->entries.count;
		break;
	case VIQ_CAPTURE_DOORBELL:
		r->totals.doorbells++;
		r->totals.entries += event->entries.count;
		break;
	case VIQ_CAPTURE_ENTRIES:
		r->totals.entries += event->entries.count;
		break;
	}
}

static int next(struct viq_capture_reader *r, struct viq_capture_error *err)
{
	int ret;

	if (r->ended)
		return 0;
	if (r->held) {
		r->held = false;
		return 1;
	}
	ret = read_event(r, err);
	if (ret < 0)
		return ret;
	if (ret == 0)
		return viq_capture_fail_at(err, -EBADMSG, r->packet.event.offset,
					   "packet %" PRIu64
					   ": the file is truncated: no end packet; record or copy it again",
					   r->packet.event.packet);
	if (r->packet.event.type == VIQ_CAPTURE_END)
		return check_end(r, err);
	if (r->packet.event.type == VIQ_CAPTURE_SETUP)
		r->setup = r->packet.event.setup;
	return 1;
}

int viq_capture_reader_next(struct viq_capture_reader *r, struct viq_capture_event *event,
			    struct viq_capture_error *err)
{
	int ret;

	if (r->failed)
		return viq_capture_fail(err, r->failed, "reading failed before");
	ret = next(r, err);
	if (ret < 0)
		r->failed = ret;
	if (ret != 1)
		return ret;
	count(r, &r->packet.event);
	*event = r->packet.event;
	return 1;
}

int viq_capture_reader_open(const char *path, struct viq_capture_reader **out, struct viq_capture_error *err)
{
	int ret, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		ret = -errno;
		return viq_capture_fail(err, ret, "cannot open: %s", strerror(-ret));
	}
	ret = viq_capture_reader_open_fd(fd, out, err);
	close(fd);
	return ret;
}

int viq_capture_reader_open_fd(int fd, struct viq_capture_reader **out, struct viq_capture_error *err)
{
	struct viq_capture_reader *r;
	int ret;

	r = calloc(1, sizeof(*r));
	if (!r)
		return viq_capture_fail(err, -ENOMEM, "out of memory");
	ret = open_file(r, fd, err);
	if (ret)
		goto close;
	ret = open_pcap(r, err);
	if (ret)
		goto close;
	ret = next(r, err);
	if (ret < 0)
		goto close;
	r->kind = r->packet.kind;
	r->have_kind = true;
	r->held = true;
	*out = r;
	return 0;

close:
	viq_capture_reader_close(r);
	return ret;
}

void viq_capture_reader_close(struct viq_capture_reader *r)
{
	if (!r)
		return;
	if (r->pcap)
		pcap_close(r->pcap);
	if (r->file)
		fclose(r->file);
	free(r);
}

enum viq_capture_kind viq_capture_reader_kind(const struct viq_capture_reader *r)
{
	return r->kind;
}

const struct viq_capture_setup *viq_capture_reader_setup(const struct viq_capture_reader *r)
{
	return &r->setup;
}

const struct viq_capture_totals *viq_capture_reader_totals(const struct viq_capture_reader *r)
{
	return &r->totals;
}

void viq_capture_reader_position(const struct viq_capture_reader *r, uint64_t *done, uint64_t *total)
{
	off_t at = ftello(pcap_file(r->pcap));

	*done = at < 0 ? 0 : (uint64_t)at;
	*total = r->size;
}

void viq_capture_entry_words(const struct viq_capture_reader *r, const struct viq_capture_event *event, uint32_t i,
			     uint64_t *words)
{
	const uint8_t *entry = (const uint8_t *)event->entries.bytes + (size_t)i * r->setup.entry_size;
	uint32_t word;

	for (word = 0; word < r->setup.entry_size / 8; word++)
		words[word] = le_load(entry + 8 * word, 8);
}
