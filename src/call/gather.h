/* SPDX-License-Identifier: MIT */
/* Gather lists: an array of entries in pieces, as a request carries it. */
#ifndef VIQ_CALL_GATHER_H
#define VIQ_CALL_GATHER_H

#include <stddef.h>
#include <stdint.h>

#include <viq/call.h>

/* Entries of a checked request: mostly of one piece. */
static inline uint32_t gather_count(const struct viq_call_request *req)
{
	uint32_t count = req->piece_count ? req->pieces[0].count : 0;

	for (uint32_t i = 1; i < req->piece_count; i++)
		count += req->pieces[i].count;
	return count;
}

/* The entries [from, to) as pieces, at most VIQ_CALL_MAX_PIECES, none of them empty. Returns how many. */
uint32_t gather_cut(const struct viq_call_request *req, uint32_t from, uint32_t to, struct viq_call_piece *pieces);

/* A position in a request. */
struct gather_cursor {
	const struct viq_call_request *req;
	uint32_t piece;  /* the piece's number */
	uint32_t offset; /* entries into it */
	uint32_t index;  /* the entry's number over all pieces */
};

/* The entry at the cursor, which is not at the end. */
static inline const void *gather_entry(struct gather_cursor *c)
{
	while (c->offset == c->req->pieces[c->piece].count) {
		c->piece++;
		c->offset = 0;
	}
	return (const char *)c->req->pieces[c->piece].entries + (size_t)c->offset * c->req->entry_size;
}

/* Skip n entries; at least n remain. */
static inline void gather_skip(struct gather_cursor *c, uint32_t n)
{
	c->index += n;
	while (n > c->req->pieces[c->piece].count - c->offset) {
		n -= c->req->pieces[c->piece++].count - c->offset;
		c->offset = 0;
	}
	c->offset += n;
}

#endif
