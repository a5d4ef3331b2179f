/* SPDX-License-Identifier: MIT */
/*
 * What saved states have in common (guest/freeze.h): of a buffer of any bytes the header is read within it, and is
 * accepted only if it is whole, of the right kind, and of a version that is known; a field that was written comes back,
 * in its place; one that an older version lacks comes back as 0, or is said to be lost.
 *
 * Bounds: 3 bytes behind the header. The hash takes one byte after the other, and nothing else depends on the length.
 */
#include <stdlib.h>

#include "proof.h"

#include "guest/freeze.c"

#define LONGEST (FREEZE_HEADER + 3)

static void prove_header(void)
{
	const uint32_t known = nondet_u32();
	uint32_t version = known;
	size_t len = nondet_size();
	uint8_t *buf;
	int ret;

	GIVEN(len <= LONGEST);
	buf = malloc(len);
	GIVEN(buf);
	ret = freeze_check_header(buf, len, "ABCDEFGH", &version);
	PROVE(ret == 0 || ret == -EINVAL || ret == -ENOTSUP);
	if (ret)
		return;
	PROVE(len >= FREEZE_HEADER && version >= 1 && version <= known);
	PROVE(buf[0] == 'A' && buf[7] == 'H' && buf[8] == (version & 0xff) && buf[11] == version >> 24);
	PROVE(buf[12] == len && !buf[13] && !buf[14] && !buf[15]);
}

static void prove_fields(void)
{
	const uint64_t wide = nondet_u64();
	const uint32_t narrow = nondet_u32(), newer = nondet_u32(), version = nondet_bool() ? 1 : 2;
	uint8_t buf[16];
	struct freeze_cursor out = {.out = buf, .version = version}, in = {.in = buf, .version = version};
	uint64_t w = wide, w_back;
	uint32_t n = narrow, n_back, m = newer, m_back = nondet_u32();

	freeze_visit(&out, &n, 4), freeze_visit(&out, &w, 8), freeze_visit_since(&out, &m, 4, 2);
	PROVE(out.pos == (version == 1 ? 12 : 16) && out.lost == (version == 1 && newer));
	PROVE(buf[0] == (narrow & 0xff) && buf[4] == (wide & 0xff) && buf[11] == wide >> 56);
	freeze_visit(&in, &n_back, 4), freeze_visit(&in, &w_back, 8), freeze_visit_since(&in, &m_back, 4, 2);
	PROVE(in.pos == out.pos && n_back == narrow && w_back == wide && m_back == (version == 1 ? 0 : newer));
}

int main(void)
{
	prove_header();
	prove_fields();
	return 0;
}
