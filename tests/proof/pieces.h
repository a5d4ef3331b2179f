/* SPDX-License-Identifier: MIT */
/* Any gather list: pieces of up to SMALL entries. */
#ifndef VIQ_PROOF_PIECES_H
#define VIQ_PROOF_PIECES_H

#include "proof.h"

#include "call/gather.h"

#define PIECES     3
#define ENTRY_SIZE 16
#define SMALL      7

/* Where the pieces are: only addresses count, no entry is read. */
static char memory[PIECES][SMALL * ENTRY_SIZE];

/* How many entries there are in all. */
static uint32_t any_pieces(struct viq_call_piece pieces[PIECES])
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < PIECES; i++) {
		pieces[i].count = nondet_u32();
		GIVEN(pieces[i].count <= SMALL);
		pieces[i].entries = memory[i];
		count += pieces[i].count;
	}
	return count;
}

static const char *entry_of(const struct viq_call_request *req, uint32_t entry)
{
	for (uint32_t i = 0; i < PIECES; i++) {
		if (entry < req->pieces[i].count)
			return &memory[i][entry * ENTRY_SIZE];
		entry -= req->pieces[i].count;
	}
	return NULL;
}

#endif
