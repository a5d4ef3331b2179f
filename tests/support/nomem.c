/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nomem.h"

static uint32_t left; /* allocations before the one that fails; 0: it has, or none is to */
static bool lasting, off = true, paused, struck;
static atomic_size_t live, bytes;

void nomem_fail(uint32_t nth, bool for_good)
{
	left = nth;
	lasting = for_good;
	off = !nth;
	struck = false;
}

void nomem_off(void)
{
	off = true;
}

void nomem_pause(bool on)
{
	paused = on;
}

bool nomem_struck(void)
{
	return struck;
}

size_t nomem_live(void)
{
	return live;
}

size_t nomem_bytes(void)
{
	return bytes;
}

static bool fails(void)
{
	if (off || paused || (left && --left) || (struck && !lasting))
		return false;
	struck = true;
	return true;
}

static void *count(void *made)
{
	live += made != NULL;
	bytes += malloc_usable_size(made);
	return made;
}

/* What the linker calls by another name in the library's objects. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *s);
int __wrap_asprintf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void __wrap_free(void *p);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *mutex);
int __wrap_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr);
int __wrap_pthread_cond_destroy(pthread_cond_t *cond);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : count(malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : count(calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	const size_t before = malloc_usable_size(old);
	void *made;

	if (fails())
		return NULL;
	made = realloc(old, size);
	live += made && !old;
	bytes += made ? malloc_usable_size(made) - before : 0;
	return made;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : count(aligned_alloc(alignment, size));
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : count(strdup(s));
}

int __wrap_asprintf(char **out, const char *format, ...)
{
	va_list args;
	int len;

	if (fails())
		return -1;
	va_start(args, format);
	len = vasprintf(out, format, args);
	va_end(args);
	if (len >= 0)
		count(*out);
	return len;
}

void __wrap_free(void *p)
{
	live -= p != NULL;
	bytes -= malloc_usable_size(p);
	free(p);
}

int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
	int ret = fails() ? ENOMEM : pthread_mutex_init(mutex, attr);

	live += !ret;
	return ret;
}

int __wrap_pthread_mutex_destroy(pthread_mutex_t *mutex)
{
	live--;
	return pthread_mutex_destroy(mutex);
}

int __wrap_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr)
{
	int ret = fails() ? ENOMEM : pthread_cond_init(cond, attr);

	live += !ret;
	return ret;
}

int __wrap_pthread_cond_destroy(pthread_cond_t *cond)
{
	live--;
	return pthread_cond_destroy(cond);
}
