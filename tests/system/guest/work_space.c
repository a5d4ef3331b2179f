/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "work.h"

/* A device that is open. */
static void bind(struct space *space)
{
	struct viq_why why;
	uint32_t device;

	if (viq_linux_open(NULL, &space->ctx, &why))
		fail("%s", why.text);
	if (viq_linux_vfio_bind(space->ctx, space->edu.cdev, &device, &why))
		fail("binding %s to the iommufd: %s", space->edu.name, why.text);
	edu_start(&space->edu);
}

void space_bind(struct space *space)
{
	edu_open(&space->edu);
	bind(space);
}

void space_attach(struct space *space)
{
	int err = viq_linux_ioas_alloc(space->ctx, &space->ioas);

	if (!err)
		err = viq_linux_vfio_attach(space->ctx, space->edu.cdev, space->ioas);
	if (err)
		fail("attaching %s to an I/O address space: %s", space->edu.name, strerror(-err));
}

void space_open(struct space *space)
{
	space_bind(space);
	space_attach(space);
}

void space_open_of(struct space *space, const char *name)
{
	snprintf(space->edu.name, sizeof(space->edu.name), "%s", name);
	edu_open_found(&space->edu);
	bind(space);
	space_attach(space);
}

void space_close(struct space *space)
{
	edu_close(&space->edu);
	viq_linux_close(space->ctx);
}

static void map(struct space *space, uint64_t iova, void *page, uint32_t pages, uint32_t access)
{
	int err = viq_linux_ioas_map(space->ctx, space->ioas, iova, page, (uint64_t)pages * PAGE, access);

	if (err)
		fail("mapping %u pages at %#llx: %s", pages, (unsigned long long)iova, strerror(-err));
}

void space_map(struct space *space, uint64_t iova, void *page, uint32_t pages)
{
	map(space, iova, page, pages, VIQ_LINUX_READ | VIQ_LINUX_WRITE);
}

void space_map_readonly(struct space *space, uint64_t iova, void *page, uint32_t pages)
{
	map(space, iova, page, pages, VIQ_LINUX_READ);
}

void space_map_singly(struct space *space, uint64_t iova, void *page, uint32_t pages)
{
	for (uint32_t i = 0; i < pages; i++)
		space_map(space, iova + (uint64_t)i * PAGE, (uint8_t *)page + (size_t)i * PAGE, 1);
}

void space_unmap(struct space *space, uint64_t iova, uint32_t pages)
{
	int err = viq_linux_ioas_unmap(space->ctx, space->ioas, iova, (uint64_t)pages * PAGE);

	if (err)
		fail("unmapping %u pages at %#llx: %s", pages, (unsigned long long)iova, strerror(-err));
}
