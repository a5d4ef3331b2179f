/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lines_mutate.h"

/* Numbers that mean something to those who read them: registers, sizes, tails, opcodes. */
static const uint64_t numbers[] = {
	0,
	1,
	2,
	3,
	4,
	8,
	15,
	16,
	31,
	32,
	64,
	0x90,
	0x94,
	0x98,
	0x9c,
	0x20,
	255,
	256,
	257,
	512,
	32768,
	65536,
	0x25,
	0x136,
	0x227,
	0x1001,
	0x46,
	1u << 19,
	0x40000013,
	UINT32_MAX,
	UINT64_C(1) << 32,
	UINT64_MAX,
};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static uint64_t number(unsigned int seed)
{
	return numbers[seed % NUMBERS];
}

static size_t new_line(char *out, size_t room, unsigned int seed)
{
	static const unsigned int registers[] = {0, 0x20, 0x90, 0x94, 0x98, 0x98, 0x98, 0x9c}; /* of an SMMUv3 */
	uint64_t a = number(seed / 64), b = number(seed / 2048), c = seed / 65536;
	int len = 0;

	if (seed & 1)
		len = snprintf(out, room, "7@1700000000.%06" PRIu64 ":", a % 1000000);
	out += len;
	room -= (size_t)len;
	switch (seed / 2 % 8) {
	case 0:
		return (size_t)(len +
				snprintf(out, room, "vtd_inv_qi_setup addr 0x%" PRIx64 " size %" PRIu64 "\n", a, b));
	case 1:
	case 2:
		return (size_t)(len + snprintf(out, room, "vtd_inv_qi_tail write tail %" PRIu64 "\n", a));
	case 3:
	case 4:
		return (size_t)(len + snprintf(out, room,
					       "vtd_inv_desc invalidate desc type x high 0x%" PRIx64 " low 0x%" PRIx64
					       "\n",
					       a, b));
	case 5:
		return (size_t)(len + snprintf(out, room, "0x%" PRIx64 "\n", a));
	default:
		return (size_t)(len + snprintf(out, room, "smmuv3_%s_mmio addr: 0x%x val:0x%" PRIx64 " size: 0x%d\n",
					       c & 14 ? "write" : "read", registers[seed / 16 % 8], a, c & 1 ? 8 : 4));
	}
}

/* In the place of `old` bytes at `at` come these; nothing changes if there is no room. */
static size_t replace(char *text, size_t size, size_t max, size_t at, size_t old, const char *bytes, size_t len)
{
	if (size - old + len > max)
		return size;
	memmove(text + at + len, text + at + old, size - at - old);
	memcpy(text + at, bytes, len);
	return size - old + len;
}

/* The first number from `at` on. */
static size_t change_number(char *text, size_t size, size_t max, size_t at, unsigned int seed)
{
	char digits[32];
	size_t end;
	int len;

	while (at < size && !isdigit((unsigned char)text[at]))
		at++;
	for (end = at; end < size && isalnum((unsigned char)text[end]);)
		end++;
	len = snprintf(digits, sizeof(digits), end - at > 2 && text[at + 1] == 'x' ? "0x%" PRIx64 : "%" PRIu64,
		       number(seed));
	return replace(text, size, max, at, end - at, digits, (size_t)len);
}

size_t mutate_lines(char *text, size_t size, size_t max, unsigned int seed)
{
	size_t at = seed / 8 % size, start = at, end = at;
	char line[256];

	while (start && text[start - 1] != '\n')
		start--;
	while (end < size && text[end++] != '\n')
		;
	switch (seed % 8) {
	case 0:
		return replace(text, size, max, start, end - start, line, 0);
	case 1:
		if (end - start > sizeof(line))
			return size;
		memcpy(line, text + start, end - start);
		return replace(text, size, max, end, 0, line, end - start);
	case 2:
	case 3:
	case 4:
		return replace(text, size, max, start, 0, line,
			       new_line(line, sizeof(line), seed / 8 * 2654435761u >> 3));
	default:
		return change_number(text, size, max, at, seed / 64);
	}
}
