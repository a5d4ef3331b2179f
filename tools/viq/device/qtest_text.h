/* SPDX-License-Identifier: MIT */
/* Numbers and bytes as the qtest protocol writes them. */
#ifndef VIQ_TOOL_QTEST_TEXT_H
#define VIQ_TOOL_QTEST_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* A number as in C, with a sign if there is one. -EINVAL if there is none or something follows it; -ERANGE. */
int qtest_parse_number(const char *text, uint64_t *value);

/* Take "0x..." apart into buf. Missing digits are 0; returns -EINVAL if a digit is none or there are none. */
int qtest_parse_hex(const char *text, uint8_t *buf, size_t len);
/* Writes 2 * len digits. */
void qtest_put_hex(char *out, const uint8_t *data, size_t len);

/* RFC 4648. Decodes at most room bytes; returns how many, or -EINVAL. */
int64_t qtest_parse_base64(const char *text, uint8_t *out, size_t room);
/* Writes (len + 2) / 3 * 4 digits; returns how many. */
size_t qtest_put_base64(char *out, const uint8_t *data, size_t len);

#endif
