/* SPDX-License-Identifier: MIT */
/*
 * Saved states of guest IOMMUs: what their formats have in common.
 *
 *   0  8 bytes   magic
 *   8  u32       version
 *  12  u32       length of the whole, in bytes
 *  16  u64       FNV-1a of everything from byte 24 on
 *  24            fields, little endian, without gaps
 */
#ifndef VIQ_GUEST_FREEZE_H
#define VIQ_GUEST_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FREEZE_MAGIC  8
#define FREEZE_HEADER 24

/* A position in the buffer, and the direction: one of the buffers is NULL. With both it only counts. */
struct freeze_cursor {
	uint8_t *out;
	const uint8_t *in;
	size_t pos;
	uint32_t version; /* that is written or read */
	bool lost;        /* a field that this version lacks was not 0: the state cannot be written so */
};

/* A field of 4 or 8 bytes: written, or read. */
void freeze_visit(struct freeze_cursor *c, void *field, size_t size);
/* One that only versions from since on have. It is 0 after a reset, and so after a restore from an older version. */
void freeze_visit_since(struct freeze_cursor *c, void *field, size_t size, uint32_t since);

/* After the fields are written: len counts the header too. */
void freeze_put_header(uint8_t *buf, uint32_t len, const char magic[FREEZE_MAGIC], uint32_t version);

/*
 * 0 if buf is a whole saved state of *version, or of an older one: *version says which. -ENOTSUP: of a newer one.
 * -EINVAL: of none, or damaged.
 */
int freeze_check_header(const uint8_t *buf, size_t len, const char magic[FREEZE_MAGIC], uint32_t *version);

#endif
