/* SPDX-License-Identifier: MIT */
/*
 * Gather lists: gather_cut() gives just the entries [from, to), in order, none twice, none from outside the pieces, and
 * no more pieces than a request may have.
 *
 * Bounds: 3 pieces of up to 7 entries. Pieces: the loop handles one by its own length and by the sum of those before
 * it; with three there is one before, one behind, and empty ones in between. Length: the code adds lengths and compares
 * the sums, and a violated order of sums of so few numbers shows in small numbers as well; that nothing overflows with
 * large ones is what the first part proves.
 */
#include "pieces.h"

#include "call/gather.c"

int main(void)
{
	struct viq_call_piece pieces[PIECES], cut[VIQ_CALL_MAX_PIECES];
	struct viq_call_request req = {.entry_size = ENTRY_SIZE, .pieces = pieces, .piece_count = PIECES};
	uint32_t from = nondet_u32(), to = nondet_u32(), wanted = nondet_u32(), n, at, count = any_pieces(pieces);

	PROVE(gather_count(&req) == count);
	GIVEN(from <= to && to <= count);
	n = gather_cut(&req, from, to, cut);
	PROVE(n <= PIECES);
	at = from;
	for (uint32_t i = 0; i < PIECES; i++) {
		if (i < n) {
			PROVE(cut[i].count > 0);
			if (at <= wanted && wanted - at < cut[i].count)
				PROVE((const char *)cut[i].entries + (size_t)(wanted - at) * ENTRY_SIZE ==
				      entry_of(&req, wanted));
			at += cut[i].count;
		}
	}
	PROVE(IMPLIES(from < to, at == to));
	return 0;
}
