// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qtest_text.h"

int qtest_parse_number(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (errno)
		return -errno;
	return end == text || *end ? -EINVAL : 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int qtest_parse_hex(const char *text, uint8_t *buf, size_t len)
{
	size_t digits = strlen(text);

	if (digits < 3 || text[0] != '0' || text[1] != 'x')
		return -EINVAL;
	digits -= 2;
	text += 2;
	memset(buf, 0, len);
	for (size_t i = 0; i < len && 2 * i + 1 < digits; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if ((high | low) < 0)
			return -EINVAL;
		buf[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

void qtest_put_hex(char *out, const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		uint8_t byte = data[i];

		out[2 * i] = digits[byte >> 4];
		out[2 * i + 1] = digits[byte & 15];
	}
}

/* --- Base 64 (RFC 4648) ------------------------------------------------------------------------------------------ */

size_t qtest_put_base64(char *out, const uint8_t *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = 0;

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t group = (uint32_t)data[i] << 16;

		if (left > 1)
			group |= (uint32_t)data[i + 1] << 8;
		if (left > 2)
			group |= data[i + 2];
		out[n++] = digits[group >> 18];
		out[n++] = digits[group >> 12 & 63];
		out[n++] = left > 1 ? digits[group >> 6 & 63] : '=';
		out[n++] = left > 2 ? digits[group & 63] : '=';
	}
	return n;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

int64_t qtest_parse_base64(const char *text, uint8_t *out, size_t room)
{
	uint32_t bits = 0;
	unsigned int have = 0;
	size_t n = 0;

	for (; *text && *text != '='; text++) {
		int digit = base64_digit(*text);

		if (digit < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (n < room)
			out[n++] = (uint8_t)(bits >> have);
	}
	return text[strspn(text, "=")] ? -EINVAL : (int64_t)n;
}
