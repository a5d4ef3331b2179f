// SPDX-License-Identifier: MIT
/*
 * The packets go to a temporary file beside the target, which takes the target's name when everything is on disk.
 * So no reader ever meets half a capture under the name the user gave.
 */
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "format.h"

#define NS_PER_S     1000000000u
#define COUNTER_STEP 1000u /* ns a packet where the source has no clock */
#define TEMP_SUFFIX  ".XXXXXX"
#define SNAPLEN      65535

struct viq_capture_writer {
	enum viq_capture_kind kind;
	bool have_setup;
	struct viq_capture_setup setup;
	struct viq_capture_totals totals;
	uint64_t last; /* time of the last packet */
	int error;     /* the first: of an append, or of a write, which libpcap does not report */
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	int out;    /* where it goes, if it has no path */
	char *path; /* NULL: it has none */
	char *temp;
	uint8_t buf[VIQ_CAPTURE_PACKET_MAX];
};

static mode_t file_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

/* Returns a descriptor of a temporary file that has no name. */
static int open_unnamed(struct viq_capture_error *err)
{
	FILE *file = tmpfile();
	int fd = file ? fcntl(fileno(file), F_DUPFD_CLOEXEC, 0) : -1;
	int ret = -errno;

	if (file)
		fclose(file);
	if (fd < 0)
		return viq_capture_fail(err, ret, "cannot create a temporary file: %s", strerror(-ret));
	return fd;
}

/* A temporary file beside path; renaming must not replace a device or a pipe. Returns a descriptor. */
static int open_temp(struct viq_capture_writer *w, struct viq_capture_error *err)
{
	struct stat st;
	int fd, ret;

	if (!w->path)
		return open_unnamed(err);
	if (stat(w->path, &st) == 0 && !S_ISREG(st.st_mode))
		return viq_capture_fail(err, -EEXIST, "is there and is not a regular file; name another output file");
	fd = mkostemp(w->temp, O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		w->temp[0] = 0;
		return viq_capture_fail(err, ret, "cannot create a file here: %s; choose a writable directory",
					strerror(-ret));
	}
	if (fchmod(fd, file_mode()) < 0) {
		ret = -errno;
		close(fd);
		return viq_capture_fail(err, ret, "cannot set the file's mode: %s", strerror(-ret));
	}
	return fd;
}

static int open_dumper(struct viq_capture_writer *w, struct viq_capture_error *err)
{
	FILE *file;
	int fd;

	w->pcap = pcap_open_dead_with_tstamp_precision(DLT_USER0, SNAPLEN, PCAP_TSTAMP_PRECISION_NANO);
	if (!w->pcap)
		return viq_capture_fail(err, -ENOMEM, "out of memory");
	fd = open_temp(w, err);
	if (fd < 0)
		return fd;
	file = fdopen(fd, "wb");
	if (!file) {
		close(fd);
		return viq_capture_fail(err, -ENOMEM, "out of memory");
	}
	w->dumper = pcap_dump_fopen(w->pcap, file);
	if (!w->dumper) {
		fclose(file);
		return viq_capture_fail(err, -EIO, "cannot write: %s", pcap_geterr(w->pcap));
	}
	return 0;
}

/* path NULL: to the descriptor. */
static int create(const char *path, int fd, enum viq_capture_kind kind, struct viq_capture_writer **out,
		  struct viq_capture_error *err)
{
	struct viq_capture_writer *w;
	int ret;

	if (kind != VIQ_CAPTURE_SMMUV3 && kind != VIQ_CAPTURE_VTD)
		return viq_capture_fail(err, -EINVAL, "unknown IOMMU kind");
	w = calloc(1, sizeof(*w));
	if (!w)
		return viq_capture_fail(err, -ENOMEM, "out of memory");
	w->kind = kind;
	w->out = fd;
	w->path = path ? strdup(path) : NULL;
	if (path && (!w->path || asprintf(&w->temp, "%s" TEMP_SUFFIX, path) < 0)) {
		w->temp = NULL;
		ret = viq_capture_fail(err, -ENOMEM, "out of memory");
		goto abandon;
	}
	ret = open_dumper(w, err);
	if (ret)
		goto abandon;
	*out = w;
	return 0;

abandon:
	viq_capture_writer_abandon(w);
	return ret;
}

int viq_capture_writer_create(const char *path, enum viq_capture_kind kind, struct viq_capture_writer **out,
			      struct viq_capture_error *err)
{
	return create(path, -1, kind, out, err);
}

int viq_capture_writer_create_fd(int fd, enum viq_capture_kind kind, struct viq_capture_writer **out,
				 struct viq_capture_error *err)
{
	return create(NULL, fd, kind, out, err);
}

void viq_capture_writer_abandon(struct viq_capture_writer *w)
{
	if (!w)
		return;
	if (w->dumper)
		pcap_dump_close(w->dumper);
	if (w->pcap)
		pcap_close(w->pcap);
	if (w->temp && w->temp[0])
		unlink(w->temp);
	free(w->temp);
	free(w->path);
	free(w);
}

const struct viq_capture_totals *viq_capture_writer_totals(const struct viq_capture_writer *w)
{
	return &w->totals;
}

static void dump(struct viq_capture_writer *w, uint64_t time, size_t len)
{
	struct pcap_pkthdr header = {.caplen = (bpf_u_int32)len, .len = (bpf_u_int32)len};

	if (w->setup.clock == VIQ_CAPTURE_COUNTER)
		time = (w->totals.packets + 1) * COUNTER_STEP;
	/* With nanosecond precision tv_usec holds nanoseconds. */
	header.ts.tv_sec = (time_t)(time / NS_PER_S);
	header.ts.tv_usec = (suseconds_t)(time % NS_PER_S);
	pcap_dump((u_char *)w->dumper, &header, w->buf);
	if (ferror(pcap_dump_file(w->dumper)) && !w->error)
		w->error = errno ? -errno : -EIO;
	w->last = time;
	w->totals.packets++;
}

/* 0, or the error of this append, which commit will have too. pcap has 32 bits of seconds. */
static int judge(struct viq_capture_writer *w, bool good, uint32_t clock, uint64_t time)
{
	int error = 0;

	if (!good)
		error = -EINVAL;
	else if (clock != VIQ_CAPTURE_COUNTER && time / NS_PER_S > UINT32_MAX)
		error = -EOVERFLOW;
	if (!w->error)
		w->error = error;
	return error;
}

int viq_capture_append_setup(struct viq_capture_writer *w, uint64_t time, const struct viq_capture_setup *setup)
{
	int error = judge(w, !viq_capture_check_setup(w->kind, setup), setup->clock, time);

	if (error)
		return error;
	w->setup = *setup;
	w->have_setup = true;
	dump(w, time, viq_capture_encode_setup(w->kind, setup, w->buf));
	return 0;
}

static void dump_entries(struct viq_capture_writer *w, uint64_t time, uint32_t type,
			 const struct viq_capture_entries *entries)
{
	dump(w, time, viq_capture_encode_entries(w->kind, w->setup.entry_size, type, entries, w->buf));
	if (type == VIQ_CAPTURE_GAP)
		w->totals.missing += entries->count;
	else
		w->totals.entries += entries->count;
	w->totals.doorbells += type == VIQ_CAPTURE_DOORBELL;
}

/* Full packets of entries while more than keep of them are left; *e is moved on to what is left. */
static void dump_full_packets(struct viq_capture_writer *w, uint64_t time, struct viq_capture_entries *e, uint32_t keep)
{
	uint32_t wraps = w->kind == VIQ_CAPTURE_SMMUV3 ? 2 : 1;

	while (e->count > keep) {
		struct viq_capture_entries part = *e;

		if (part.count > VIQ_CAPTURE_MAX_ENTRIES)
			part.count = VIQ_CAPTURE_MAX_ENTRIES;
		dump_entries(w, time, VIQ_CAPTURE_ENTRIES, &part);
		e->first = (e->first + part.count) & (w->setup.entries * wraps - 1);
		e->count -= part.count;
		e->bytes = (const uint8_t *)e->bytes + (size_t)part.count * w->setup.entry_size;
	}
}

/* The count may be larger than one packet's here, so it is checked as that of a gap, whose limit is the queue's. */
static bool entries_ok(const struct viq_capture_writer *w, const struct viq_capture_entries *entries)
{
	return w->have_setup && !viq_capture_check_entries(w->kind, &w->setup, VIQ_CAPTURE_GAP, entries);
}

int viq_capture_append_entries(struct viq_capture_writer *w, uint64_t time, uint32_t first, uint32_t count,
			       const void *bytes)
{
	struct viq_capture_entries entries = {.first = first, .count = count, .bytes = bytes};
	int error = judge(w, entries_ok(w, &entries), w->setup.clock, time);

	if (error)
		return error;
	if (bytes)
		dump_full_packets(w, time, &entries, 0);
	else
		dump_entries(w, time, VIQ_CAPTURE_GAP, &entries);
	return 0;
}

int viq_capture_append_doorbell(struct viq_capture_writer *w, uint64_t time, uint32_t value, uint32_t first,
				uint32_t count, const void *bytes)
{
	struct viq_capture_entries entries = {.doorbell = value, .first = first, .count = count, .bytes = bytes};
	bool good = w->have_setup && (!count || (bytes && entries_ok(w, &entries))) &&
		    !viq_capture_check_entries(w->kind, &w->setup, VIQ_CAPTURE_DOORBELL,
					       &(struct viq_capture_entries){.first = first});
	int error = judge(w, good, w->setup.clock, time);

	if (error)
		return error;
	dump_full_packets(w, time, &entries, VIQ_CAPTURE_MAX_ENTRIES);
	dump_entries(w, time, VIQ_CAPTURE_DOORBELL, &entries);
	return 0;
}

int viq_capture_append_register(struct viq_capture_writer *w, uint64_t time, enum viq_capture_type type,
				const struct viq_capture_register *reg)
{
	bool good = w->have_setup && (type == VIQ_CAPTURE_READ || type == VIQ_CAPTURE_WRITE) &&
		    !viq_capture_check_register(reg);
	int error = judge(w, good, w->setup.clock, time);

	if (error)
		return error;
	dump(w, time, viq_capture_encode_register(w->kind, type, reg, w->buf));
	return 0;
}

/* Everything on disk, or a negative errno. */
static int settle(struct viq_capture_writer *w)
{
	if (w->error)
		return w->error;
	if (pcap_dump_flush(w->dumper) < 0 || fsync(fileno(pcap_dump_file(w->dumper))) < 0)
		return -errno;
	return 0;
}

/* The file without a name goes where its descriptor leads. */
static int copy_out(struct viq_capture_writer *w)
{
	int fd = fileno(pcap_dump_file(w->dumper));
	ssize_t n, done;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	while ((n = read(fd, w->buf, sizeof(w->buf))) > 0) {
		for (ssize_t at = 0; at < n; at += done) {
			done = write(w->out, w->buf + at, (size_t)(n - at));
			if (done < 0 && errno == EINTR)
				done = 0;
			else if (done < 0)
				return -errno;
		}
	}
	return n < 0 ? -errno : 0;
}

int viq_capture_writer_commit(struct viq_capture_writer *w, struct viq_capture_error *err)
{
	struct viq_capture_totals totals = w->totals;
	int ret;

	if (w->error == -EOVERFLOW) {
		ret = viq_capture_fail(err, w->error,
				       "cannot write: a time is after February 2106, the last that a pcap file can "
				       "hold; correct the clock of the source");
		goto out;
	}
	if (!w->have_setup) {
		ret = viq_capture_fail(err, -EINVAL, "nothing was recorded");
		goto out;
	}
	dump(w, w->last, viq_capture_encode_end(w->kind, &totals, w->buf));
	ret = settle(w);
	if (!ret && !w->path)
		ret = copy_out(w);
	if (ret) {
		viq_capture_fail(err, ret, "cannot write: %s", strerror(-ret));
		goto out;
	}
	if (w->path && rename(w->temp, w->path) < 0)
		ret = viq_capture_fail(err, -errno, "cannot give the file its name: %s", strerror(errno));
	else if (w->path)
		w->temp[0] = 0;
out:
	viq_capture_writer_abandon(w);
	return ret;
}
