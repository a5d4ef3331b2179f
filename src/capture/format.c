// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include <viq/smmuv3_spec.h>

#include "base/le.h"
#include "format.h"

static const uint8_t magic[3] = {'V', 'I', 'Q'};

#define SMMUV3_ENTRIES_MAX (1u << 19) /* CMDQ_BASE.LOG2SIZE (6.3.26) */
#define VTD_QUEUE_MIN      4096u      /* bytes, IQA_REG.QS = 0 */
#define VTD_QUEUE_MAX      (4096u << 7)

/* --- Rules -------------------------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at p, 0 if it is none. */
static unsigned int utf8_length(const uint8_t *p)
{
	unsigned int len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	unsigned int i;

	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Overlong, surrogate, beyond U+10FFFF. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return len;
}

/* Notes are shown on terminals: no control characters (C0, DEL, C1). */
static bool note_ok(const char *note)
{
	const uint8_t *p = (const uint8_t *)note;
	unsigned int len;

	for (; *p; p += len) {
		len = utf8_length(p);
		if (!len || *p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0))
			return false;
	}
	return true;
}

static const char *check_geometry(enum viq_capture_kind kind, const struct viq_capture_setup *setup)
{
	uint64_t bytes = (uint64_t)setup->entries * setup->entry_size;

	if (setup->entries == 0 || (setup->entries & (setup->entries - 1)))
		return "the queue's number of entries is not a power of two";
	switch (kind) {
	case VIQ_CAPTURE_SMMUV3:
		if (setup->entry_size != VIQ_SMMUV3_CMD_SIZE)
			return "SMMUv3 commands are 16 bytes long, the queue says otherwise";
		if (setup->entries > SMMUV3_ENTRIES_MAX)
			return "an SMMUv3 command queue has at most 2^19 entries";
		return NULL;
	case VIQ_CAPTURE_VTD:
		if (setup->entry_size != 16 && setup->entry_size != 32)
			return "VT-d descriptors are 16 or 32 bytes long, the queue says otherwise";
		if (bytes < VTD_QUEUE_MIN || bytes > VTD_QUEUE_MAX)
			return "a VT-d invalidation queue is 4 KiB to 512 KiB long";
		return NULL;
	}
	return "unknown IOMMU kind";
}

const char *viq_capture_check_setup(enum viq_capture_kind kind, const struct viq_capture_setup *setup)
{
	const char *why = check_geometry(kind, setup);

	if (why)
		return why;
	if (setup->clock > VIQ_CAPTURE_REALTIME)
		return "unknown clock";
	if (memchr(setup->note, 0, sizeof(setup->note)) == NULL)
		return "the note is too long";
	if (!note_ok(setup->note))
		return "the note is not printable UTF-8";
	return NULL;
}

const char *viq_capture_check_entries(enum viq_capture_kind kind, const struct viq_capture_setup *setup, uint32_t type,
				      const struct viq_capture_entries *entries)
{
	uint32_t wraps = kind == VIQ_CAPTURE_SMMUV3 ? 2 : 1;
	uint32_t most = type == VIQ_CAPTURE_GAP ? setup->entries : VIQ_CAPTURE_MAX_ENTRIES;

	if (entries->first >= setup->entries * wraps)
		return "the first entry's index is outside the queue";
	if (entries->count > setup->entries || entries->count > most)
		return "more entries than a packet or the queue holds";
	if (entries->count == 0 && type != VIQ_CAPTURE_DOORBELL)
		return "a packet of entries without entries";
	return NULL;
}

const char *viq_capture_check_register(const struct viq_capture_register *reg)
{
	if (reg->size != 4 && reg->size != 8)
		return "a register access is 4 or 8 bytes wide";
	if (reg->offset % 4)
		return "a register offset is a multiple of 4";
	if (reg->size == 4 && reg->value > UINT32_MAX)
		return "the value does not fit the register";
	return NULL;
}

/* --- Encoding ----------------------------------------------------------------------------------------------------- */

static uint8_t *put_header(uint8_t *buf, enum viq_capture_kind kind, uint32_t type)
{
	memcpy(buf, magic, sizeof(magic));
	buf[3] = VIQ_CAPTURE_VERSION;
	buf[4] = (uint8_t)kind;
	buf[5] = (uint8_t)type;
	le_store(buf + 6, 2, 0);
	return buf + VIQ_CAPTURE_HEADER_SIZE;
}

size_t viq_capture_encode_setup(enum viq_capture_kind kind, const struct viq_capture_setup *setup, uint8_t *buf)
{
	uint8_t *body = put_header(buf, kind, VIQ_CAPTURE_SETUP);
	size_t note = strlen(setup->note);

	le_store(body, 8, setup->base);
	le_store(body + 8, 4, setup->entries);
	le_store(body + 12, 2, setup->entry_size);
	le_store(body + 14, 2, setup->clock);
	le_store(body + 16, 8, 0);
	memcpy(body + VIQ_CAPTURE_SETUP_FIXED, setup->note, note);
	return VIQ_CAPTURE_HEADER_SIZE + VIQ_CAPTURE_SETUP_FIXED + note;
}

size_t viq_capture_encode_entries(enum viq_capture_kind kind, uint32_t entry_size, uint32_t type,
				  const struct viq_capture_entries *entries, uint8_t *buf)
{
	uint8_t *body = put_header(buf, kind, type);
	size_t bytes = type == VIQ_CAPTURE_GAP ? 0 : (size_t)entries->count * entry_size;

	le_store(body, 4, type == VIQ_CAPTURE_DOORBELL ? entries->doorbell : 0);
	le_store(body + 4, 4, entries->first);
	le_store(body + 8, 4, entries->count);
	le_store(body + 12, 4, 0);
	if (bytes)
		memcpy(body + VIQ_CAPTURE_BODY_FIXED, entries->bytes, bytes);
	return VIQ_CAPTURE_HEADER_SIZE + VIQ_CAPTURE_BODY_FIXED + bytes;
}

size_t viq_capture_encode_register(enum viq_capture_kind kind, uint32_t type, const struct viq_capture_register *reg,
				   uint8_t *buf)
{
	uint8_t *body = put_header(buf, kind, type);

	le_store(body, 4, reg->offset);
	le_store(body + 4, 4, reg->size);
	le_store(body + 8, 8, reg->value);
	return VIQ_CAPTURE_HEADER_SIZE + VIQ_CAPTURE_BODY_FIXED;
}

size_t viq_capture_encode_end(enum viq_capture_kind kind, const struct viq_capture_totals *totals, uint8_t *buf)
{
	uint8_t *body = put_header(buf, kind, VIQ_CAPTURE_END);

	le_store(body, 8, totals->packets);
	le_store(body + 8, 8, totals->doorbells);
	le_store(body + 16, 8, totals->entries);
	le_store(body + 24, 8, totals->missing);
	return VIQ_CAPTURE_HEADER_SIZE + VIQ_CAPTURE_END_SIZE;
}

/* --- Decoding ----------------------------------------------------------------------------------------------------- */

static const char *decode_setup(const uint8_t *body, size_t len, struct viq_capture_packet *packet)
{
	struct viq_capture_setup *setup = &packet->event.setup;
	size_t note;

	if (len < VIQ_CAPTURE_SETUP_FIXED || len - VIQ_CAPTURE_SETUP_FIXED > VIQ_CAPTURE_NOTE_MAX)
		return "a setup of the wrong length";
	note = len - VIQ_CAPTURE_SETUP_FIXED;
	setup->base = le_load(body, 8);
	setup->entries = (uint32_t)le_load(body + 8, 4);
	setup->entry_size = (uint16_t)le_load(body + 12, 2);
	setup->clock = (uint16_t)le_load(body + 14, 2);
	if (le_load(body + 16, 8))
		return "reserved bytes are not zero";
	memcpy(setup->note, body + VIQ_CAPTURE_SETUP_FIXED, note);
	setup->note[note] = 0;
	if (strlen(setup->note) != note)
		return "the note is not printable UTF-8";
	return viq_capture_check_setup(packet->kind, setup);
}

static const char *decode_entries(const uint8_t *body, size_t len, const struct viq_capture_setup *setup,
				  struct viq_capture_packet *packet)
{
	struct viq_capture_entries *entries = &packet->event.entries;
	uint32_t type = packet->event.type;
	const char *why;
	size_t bytes;

	if (len < VIQ_CAPTURE_BODY_FIXED)
		return "a packet of entries that is too short";
	entries->doorbell = (uint32_t)le_load(body, 4);
	entries->first = (uint32_t)le_load(body + 4, 4);
	entries->count = (uint32_t)le_load(body + 8, 4);
	entries->bytes = NULL;
	if (le_load(body + 12, 4) || (type != VIQ_CAPTURE_DOORBELL && entries->doorbell))
		return "reserved bytes are not zero";
	why = viq_capture_check_entries(packet->kind, setup, type, entries);
	if (why)
		return why;
	bytes = type == VIQ_CAPTURE_GAP ? 0 : (size_t)entries->count * setup->entry_size;
	if (len - VIQ_CAPTURE_BODY_FIXED != bytes)
		return "length and number of entries do not agree";
	if (bytes)
		entries->bytes = body + VIQ_CAPTURE_BODY_FIXED;
	return NULL;
}

static const char *decode_register(const uint8_t *body, size_t len, struct viq_capture_packet *packet)
{
	struct viq_capture_register *reg = &packet->event.reg;

	if (len != VIQ_CAPTURE_BODY_FIXED)
		return "a register access of the wrong length";
	reg->offset = (uint32_t)le_load(body, 4);
	reg->size = (uint32_t)le_load(body + 4, 4);
	reg->value = le_load(body + 8, 8);
	return viq_capture_check_register(reg);
}

static const char *decode_end(const uint8_t *body, size_t len, struct viq_capture_packet *packet)
{
	if (len != VIQ_CAPTURE_END_SIZE)
		return "an end of the wrong length";
	packet->totals.packets = le_load(body, 8);
	packet->totals.doorbells = le_load(body + 8, 8);
	packet->totals.entries = le_load(body + 16, 8);
	packet->totals.missing = le_load(body + 24, 8);
	return NULL;
}

static const char *decode_body(const uint8_t *body, size_t len, const struct viq_capture_setup *setup,
			       struct viq_capture_packet *packet)
{
	if (packet->event.type == VIQ_CAPTURE_SETUP)
		return decode_setup(body, len, packet);
	if (!setup)
		return "the first packet is not the queue's setup";
	switch (packet->event.type) {
	case VIQ_CAPTURE_ENTRIES:
	case VIQ_CAPTURE_GAP:
	case VIQ_CAPTURE_DOORBELL:
		return decode_entries(body, len, setup, packet);
	case VIQ_CAPTURE_READ:
	case VIQ_CAPTURE_WRITE:
		return decode_register(body, len, packet);
	case VIQ_CAPTURE_END:
		return decode_end(body, len, packet);
	}
	return "unknown packet type";
}

int viq_capture_decode(const uint8_t *buf, size_t len, const struct viq_capture_setup *setup,
		       struct viq_capture_packet *packet, const char **why)
{
	if (len < VIQ_CAPTURE_HEADER_SIZE || memcmp(buf, magic, sizeof(magic))) {
		*why = "does not begin with \"VIQ\": not a viq capture";
		return -EBADMSG;
	}
	if (buf[3] != VIQ_CAPTURE_VERSION) {
		*why = "written in another version of the capture format";
		return -ENOTSUP;
	}
	packet->kind = (enum viq_capture_kind)buf[4];
	packet->event.type = buf[5];
	*why = "unknown IOMMU kind";
	if (packet->kind != VIQ_CAPTURE_SMMUV3 && packet->kind != VIQ_CAPTURE_VTD)
		return -EBADMSG;
	*why = "reserved bytes are not zero";
	if (le_load(buf + 6, 2))
		return -EBADMSG;
	*why = decode_body(buf + VIQ_CAPTURE_HEADER_SIZE, len - VIQ_CAPTURE_HEADER_SIZE, setup, packet);
	return *why ? -EBADMSG : 0;
}
