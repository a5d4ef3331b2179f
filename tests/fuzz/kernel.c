/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "support/test.h"
#include "kernel_inside.h"

const int kernel_errors[16] = {-EIO,    -ENOMEM, -EINTR,  -EINVAL, -EOPNOTSUPP, -ETIMEDOUT, -ENOENT, -EBUSY,
			       -ENOTTY, -EFAULT, -EAGAIN, -E2BIG,  -EEXIST,     -ENODEV,    -EPERM,  -4095};

static void *grow(void *items, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return items;
	*room = *room ? 2 * *room : 64;
	items = realloc(items, *room * size);
	assert_non_null(items);
	return items;
}

/* --- Lies --------------------------------------------------------------------------------------------------------- */

void kernel_lie(struct kernel *k, struct input *in)
{
	uint8_t how = input_u8(in);

	k->lie_at = 0;
	k->lie_count = how % KERNEL_LIES;
	k->lies_last = how & 0x80;
	for (uint32_t i = 0; i < k->lie_count; i++) {
		k->lies[i].how = input_u8(in);
		k->lies[i].value = k->lies[i].how & GARBAGE ? input_u32(in) : 0;
	}
}

void kernel_heal(struct kernel *k)
{
	k->lie_at = k->lie_count = 0;
}

struct kernel_lie kernel_next_lie(struct kernel *k)
{
	struct kernel_lie lie = {0};

	if (k->lie_at < k->lie_count)
		lie = k->lies[k->lie_at++];
	if (k->lie_at && k->lie_at == k->lie_count && k->lies_last)
		k->lie_at--;
	k->calls += !(lie.how & FAILS && kernel_errors[lie.how >> 4] == -EINTR);
	return lie;
}

int kernel_result(const struct kernel_lie *lie)
{
	return lie->how & FAILS ? kernel_errors[lie->how >> 4] : lie->how & POSITIVE ? 1 + (lie->how >> 4) : 0;
}

uint32_t kernel_number(const struct kernel_lie *lie)
{
	return lie->how & SMALL ? lie->value % 32 : lie->value;
}

void kernel_garbage(void *to, size_t len, uint64_t seed)
{
	uint8_t *bytes = to;

	for (size_t i = 0; i < len; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		bytes[i] = (uint8_t)(seed >> 56);
	}
}

/* --- Ids and files ------------------------------------------------------------------------------------------------ */

static struct kernel_object *find_object(const struct kernel *k, uint32_t id)
{
	for (size_t i = 0; i < k->object_count; i++) {
		if (k->objects[i].id == id && k->objects[i].live)
			return &k->objects[i];
	}
	return NULL;
}

static struct kernel_object *give_id(struct kernel *k, uint32_t id)
{
	struct kernel_object *o = find_object(k, id);

	/* Given before, or the embedder's: its devices, the first of which has the number of its page table, too. */
	if (o || (id && id <= KERNEL_DEVICES))
		k->confused = true;
	if (!o) {
		k->objects = grow(k->objects, k->object_count, &k->object_room, sizeof(*o));
		o = &k->objects[k->object_count++];
		*o = (struct kernel_object){.id = id};
	}
	o->live++;
	return o;
}

struct kernel_file *kernel_find_file(const struct kernel *k, int fd)
{
	for (size_t i = 0; i < k->file_count; i++) {
		if (k->files[i].fd == fd && k->files[i].open)
			return &k->files[i];
	}
	return NULL;
}

void kernel_give_file(struct kernel *k, int fd, uint32_t device)
{
	struct kernel_file *f = kernel_find_file(k, fd);

	if (f) {
		k->confused = true;
		f->open++;
		return;
	}
	k->files = grow(k->files, k->file_count, &k->file_room, sizeof(*f));
	k->files[k->file_count++] = (struct kernel_file){.fd = fd, .open = 1, .device = device};
}

int kernel_make(struct kernel *k, const struct kernel_lie *lie, uint32_t *id, const uint64_t *words)
{
	int ret = kernel_result(lie);
	struct kernel_object *o;

	if (lie->how & GARBAGE)
		*id = kernel_number(lie);
	else if (ret >= 0)
		*id = 1000 + (uint32_t)k->object_count;
	if (ret < 0)
		return ret;
	o = give_id(k, *id);
	if (words) {
		o->words[0] = words[0];
		o->words[1] = words[1];
	}
	return ret;
}

int kernel_make_queue(struct kernel *k, const struct kernel_lie *lie, uint32_t *id, uint32_t *fd)
{
	int ret = kernel_make(k, lie, id, NULL);

	*fd = lie->how & GARBAGE && !(lie->how & SMALL) ? lie->value >> 1 ^ (lie->value & 1 ? UINT32_MAX : 0)
							: 200 + (uint32_t)k->file_count;
	if (ret >= 0 && (int)*fd >= 0)
		kernel_give_file(k, (int)*fd, KERNEL_DEVICES);
	return ret;
}

int kernel_destroy(struct kernel *k, const struct kernel_lie *lie, uint32_t id)
{
	struct kernel_object *o = find_object(k, id);
	int ret = kernel_result(lie);

	/* It was given, and not given back. */
	assert_non_null(o);
	if (ret >= 0 || ret == -ENOENT) {
		o->live--;
		o->asked = false;
	} else if (ret != -EINTR) {
		o->asked = true;
	}
	return ret;
}

/* --- What is attached --------------------------------------------------------------------------------------------- */

static void forget_attached(struct kernel *k, uint32_t device, uint32_t pasid)
{
	size_t kept = 0;

	for (size_t i = 0; i < k->attached_count; i++) {
		if (k->attached[i].device != device || k->attached[i].pasid != pasid)
			k->attached[kept++] = k->attached[i];
	}
	k->attached_count = kept;
}

int kernel_attach(struct kernel *k, const struct kernel_lie *lie, int fd, uint32_t pasid, uint32_t pt)
{
	const struct kernel_file *f = kernel_find_file(k, fd);
	const struct kernel_object *o = find_object(k, pt);
	struct kernel_attached *a;
	int ret = kernel_result(lie);

	if (f->device == KERNEL_DEVICES)
		return k->confused ? -ENOTTY : ret;
	if (ret >= 0)
		forget_attached(k, f->device, pasid);
	if (!pt)
		return ret;
	k->attached = grow(k->attached, k->attached_count, &k->attached_room, sizeof(*a));
	a = &k->attached[k->attached_count++];
	*a = (struct kernel_attached){.device = f->device, .pasid = pasid, .pt = pt};
	a->nested = o && (o->words[0] || o->words[1]);
	if (a->nested) {
		a->words[0] = o->words[0];
		a->words[1] = o->words[1];
	}
	return ret;
}

/* --- Life --------------------------------------------------------------------------------------------------------- */

void kernel_init(struct kernel *k, bool is_vtd)
{
	*k = (struct kernel){.vtd = is_vtd};
	for (uint32_t d = 0; d < KERNEL_DEVICES; d++)
		kernel_give_file(k, KERNEL_CDEV + (int)d, d);
}

void kernel_end(struct kernel *k)
{
	for (size_t i = 0; i < k->object_count; i++) {
		const struct kernel_object *o = &k->objects[i];

		/* 0 is none, and a kernel that gives it, or one id twice, is not to be helped. */
		assert_true(!o->live || o->asked || !o->id || k->confused);
	}
	for (size_t i = 0; i < k->file_count; i++) {
		const struct kernel_file *f = &k->files[i];

		assert_true(f->fd >= KERNEL_CDEV && f->fd < KERNEL_CDEV + KERNEL_DEVICES ? f->open > 0 : !f->open);
	}
	free(k->objects);
	free(k->files);
	free(k->attached);
}
