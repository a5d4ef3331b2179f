/* SPDX-License-Identifier: MIT */
/* The bytes of a packet (docs/capture-format.md): pure functions on buffers, shared by reader and writer. */
#ifndef VIQ_CAPTURE_FORMAT_H
#define VIQ_CAPTURE_FORMAT_H

#include "capture.h"

#define VIQ_CAPTURE_VERSION     1
#define VIQ_CAPTURE_HEADER_SIZE 8
#define VIQ_CAPTURE_BODY_FIXED  16 /* of entry and register packets */
#define VIQ_CAPTURE_SETUP_FIXED 24
#define VIQ_CAPTURE_END_SIZE    32
#define VIQ_CAPTURE_PACKET_MAX                                                                                         \
	(VIQ_CAPTURE_HEADER_SIZE + VIQ_CAPTURE_BODY_FIXED + VIQ_CAPTURE_MAX_ENTRIES * VIQ_CAPTURE_ENTRY_MAX)

/* NULL if good; else what is wrong with it, as a static text that completes "packet N: ". */
const char *viq_capture_check_setup(enum viq_capture_kind kind, const struct viq_capture_setup *setup);
const char *viq_capture_check_entries(enum viq_capture_kind kind, const struct viq_capture_setup *setup, uint32_t type,
				      const struct viq_capture_entries *entries);
const char *viq_capture_check_register(const struct viq_capture_register *reg);

/* Encode what has been checked into buf (VIQ_CAPTURE_PACKET_MAX bytes); return the packet's length. */
size_t viq_capture_encode_setup(enum viq_capture_kind kind, const struct viq_capture_setup *setup, uint8_t *buf);
size_t viq_capture_encode_entries(enum viq_capture_kind kind, uint32_t entry_size, uint32_t type,
				  const struct viq_capture_entries *entries, uint8_t *buf);
size_t viq_capture_encode_register(enum viq_capture_kind kind, uint32_t type, const struct viq_capture_register *reg,
				   uint8_t *buf);
size_t viq_capture_encode_end(enum viq_capture_kind kind, const struct viq_capture_totals *totals, uint8_t *buf);

/* A packet in parts. event.entries.bytes points into the packet. */
struct viq_capture_packet {
	enum viq_capture_kind kind;
	struct viq_capture_event event;   /* type and its member */
	struct viq_capture_totals totals; /* type END */
};

/*
 * Decode and check a packet of len bytes. setup is the one in force, or NULL before the first. 0; -EBADMSG or -ENOTSUP
 * with *why as above.
 */
int viq_capture_decode(const uint8_t *buf, size_t len, const struct viq_capture_setup *setup,
		       struct viq_capture_packet *packet, const char **why);

#endif
