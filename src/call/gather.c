/* SPDX-License-Identifier: MIT */
#include "gather.h"

uint32_t gather_cut(const struct viq_call_request *req, uint32_t from, uint32_t to, struct viq_call_piece *pieces)
{
	uint32_t n = 0, start = 0;

	for (uint32_t i = 0; i < req->piece_count && start < to; i++) {
		const struct viq_call_piece *piece = &req->pieces[i];
		uint32_t end = start + piece->count;
		uint32_t a = start > from ? start : from, b = end < to ? end : to;

		if (a < b) {
			pieces[n].entries = (const char *)piece->entries + (size_t)(a - start) * req->entry_size;
			pieces[n++].count = b - a;
		}
		start = end;
	}
	return n;
}
