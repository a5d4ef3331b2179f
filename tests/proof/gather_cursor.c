/* SPDX-License-Identifier: MIT */
/*
 * A cursor that was moved by any two steps, looked at in between or not, is at the entry that counting finds.
 *
 * Bounds: as in gather.c; of two steps the second begins anywhere, so that further ones are like it.
 */
#include "pieces.h"

int main(void)
{
	struct viq_call_piece pieces[PIECES];
	struct viq_call_request req = {.entry_size = ENTRY_SIZE, .pieces = pieces, .piece_count = PIECES};
	struct gather_cursor c = {.req = &req};
	uint32_t first = nondet_u32(), second = nondet_u32(), count = any_pieces(pieces);

	GIVEN(first < count && second < count - first);
	gather_skip(&c, first);
	PROVE(c.index == first);
	if (nondet_bool())
		PROVE(gather_entry(&c) == entry_of(&req, first));
	gather_skip(&c, second);
	PROVE(c.index == first + second);
	PROVE(gather_entry(&c) == entry_of(&req, first + second));
	return 0;
}
