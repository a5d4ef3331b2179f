/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "work.h"

#define PAGE_WORDS (PAGE / 8)
#define TEXT_WORDS (TEXT_BYTES / 8)

struct text text_of(const char *format, ...)
{
	struct text text = {0};
	va_list args;

	va_start(args, format);
	vsnprintf(text.bytes, sizeof(text.bytes), format, args);
	va_end(args);
	return text;
}

bool text_equal(const struct text *a, const struct text *b)
{
	return !memcmp(a, b, sizeof(*a));
}

struct text text_printable(const struct text *text)
{
	struct text out = *text;
	size_t length = 0;

	for (; length < TEXT_BYTES - 1 && out.bytes[length]; length++) {
		if (!isprint((unsigned char)out.bytes[length]))
			out.bytes[length] = '?';
	}
	out.bytes[length] = 0;
	return length ? out : text_of("(zeros)");
}

/* Each word counts by its place, with an odd factor: any one change changes the sum, and exchanged words do. */
static uint64_t weigh(uint64_t word, size_t place)
{
	return word * (UINT64_C(0x9e3779b97f4a7c15) * (2 * place + 1) | 1);
}

static uint64_t sum_of(const void *memory, size_t first_place, size_t words)
{
	const uint8_t *bytes = memory;
	uint64_t sum = 0, word;

	for (size_t i = 0; i < words; i++) {
		memcpy(&word, bytes + 8 * i, sizeof(word));
		sum += weigh(word, first_place + i);
	}
	return sum;
}

void pool_create(struct pool *pool, uint32_t pages)
{
	*pool = (struct pool){.pages = pages};
	pool->memory = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pool->about = calloc(pages, sizeof(*pool->about));
	if (pool->memory == MAP_FAILED || !pool->about)
		fail("%u pages of memory: %s", pages, strerror(errno));
	/* Neighbours are not to be neighbours in the machine's memory: one large page could map them. */
	for (uint32_t odd = 0; odd < 2; odd++) {
		for (uint32_t page = odd; page < pages; page += 2)
			*(volatile uint8_t *)pool_page(pool, page) = 0;
	}
}

void pool_destroy(struct pool *pool)
{
	munmap(pool->memory, (size_t)pool->pages * PAGE);
	free(pool->about);
}

uint8_t *pool_page(const struct pool *pool, uint32_t page)
{
	return pool->memory + (size_t)page * PAGE;
}

/* The first thing in a page that could be someone's text, for the one who must find out whose it is. */
static struct text find_text(const uint8_t *page)
{
	struct text text;

	for (size_t at = 0; at + TEXT_BYTES <= PAGE; at += 8) {
		memcpy(&text, page + at, sizeof(text));
		if (text.bytes[0])
			return text_printable(&text);
	}
	return text_of("(zeros)");
}

void pool_check(const struct pool *pool, uint32_t first, uint32_t pages)
{
	for (uint32_t page = first; page < first + pages; page++) {
		const struct pool_page *about = &pool->about[page];
		const uint8_t *memory = pool_page(pool, page);

		if (sum_of(memory, 0, PAGE_WORDS) != about->sum)
			fail("a page last mapped at %#llx, in round %u, was changed by someone; it has the text \"%s\"",
			     (unsigned long long)about->iova, about->round, find_text(memory).bytes);
	}
}

static bool is_free(const struct pool *pool, uint32_t first, uint32_t pages)
{
	for (uint32_t page = first; page < first + pages; page++) {
		if (pool->about[page].taken)
			return false;
	}
	return true;
}

uint32_t pool_take(struct pool *pool, uint32_t pages, uint64_t iova, uint32_t round)
{
	uint32_t first = pool->next, tried = 0;

	while (first + pages > pool->pages || !is_free(pool, first, pages)) {
		if (tried++ > pool->pages)
			fail("no %u pages in a row are free", pages);
		first = first + pages >= pool->pages ? 0 : first + 1;
	}
	pool_check(pool, first, pages);
	for (uint32_t i = 0; i < pages; i++) {
		struct pool_page *about = &pool->about[first + i];

		about->iova = iova + (uint64_t)i * PAGE;
		about->round = round;
		about->taken = true;
	}
	pool->next = first + pages;
	return first;
}

void pool_give(struct pool *pool, uint32_t first, uint32_t pages)
{
	pool_check(pool, first, pages);
	for (uint32_t page = first; page < first + pages; page++)
		pool->about[page].taken = false;
}

struct text pool_read(const struct pool *pool, uint32_t page, uint32_t offset)
{
	struct text text;

	memcpy(&text, pool_page(pool, page) + offset, sizeof(text));
	return text;
}

void pool_written(struct pool *pool, uint32_t page, uint32_t offset, const struct text *was, const struct text *text)
{
	pool->about[page].sum += sum_of(text, offset / 8, TEXT_WORDS) - sum_of(was, offset / 8, TEXT_WORDS);
}

void pool_write(struct pool *pool, uint32_t page, uint32_t offset, const struct text *text)
{
	struct text was = pool_read(pool, page, offset);

	memcpy(pool_page(pool, page) + offset, text, sizeof(*text));
	pool_written(pool, page, offset, &was, text);
}
