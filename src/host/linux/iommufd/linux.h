/* SPDX-License-Identifier: MIT */
/* The Linux host: what its files share. */
#ifndef VIQ_HOST_LINUX_LINUX_H
#define VIQ_HOST_LINUX_LINUX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <viq/linux.h>

#include "base/sorted.h"
#include "base/why.h"

#include "uapi.h"

struct viq_linux {
	struct viq_linux_sys sys;
	void *opaque; /* for sys */
	int fd;       /* for linux_let_go() if it was the caller's */
	bool own_fd;
	bool report;                /* the kernel tells what has failed a call: struct linux_hwpt_invalidate */
	pthread_mutex_t lock;       /* of what follows */
	struct linux_group *groups; /* devices behind guest IOMMUs */
	uint64_t owners;            /* guest IOMMUs so far */
	struct sorted parents;      /* struct linux_parent: HWPTs that vSMMUs are on */
};

/* Every system call of the library is made here. An interrupted one is made again; -EAGAIN after 256 times. */
int linux_ioctl(const struct viq_linux *ctx, int fd, unsigned long request, void *arg);
/* One attempt: -EINTR, and who can make the argument anew goes on with linux_ioctl(), without a copy to begin with. */
static inline int linux_ioctl_once(const struct viq_linux *ctx, int fd, unsigned long request, void *arg)
{
	int ret = ctx->sys.ioctl(ctx->opaque, fd, request, arg);

	return ret < 0 ? ret : 0;
}
int64_t linux_read(const struct viq_linux *ctx, int fd, void *buf, size_t len);
int64_t linux_write(const struct viq_linux *ctx, int fd, const void *buf, size_t len); /* sys.write is there */
int linux_open(const struct viq_linux *ctx, const char *path, int flags);
void linux_close(const struct viq_linux *ctx, int fd);
/*
 * A file of the caller's that is used later: another descriptor of it, so that nothing that the caller closes, or opens
 * in its place, is met instead. Or a negative errno. Likewise let go of once.
 */
int linux_keep(const struct viq_linux *ctx, int fd);
void linux_let_go(const struct viq_linux *ctx, int fd);

/* viq_linux_vtd_nested_alloc(); fault, if it is not 0: a fault queue, for the page requests of what is attached. */
int linux_vtd_nested_alloc(struct viq_linux *ctx, uint32_t device, uint32_t parent, uint32_t flags, uint32_t fault,
			   const struct viq_linux_vtd_s1 *s1, uint32_t *nested);

/* viq_linux_hw_info() of a device that was given by its id; says why it failed. */
int linux_ask_hw(struct viq_linux *ctx, uint32_t device, struct viq_linux_hw_info *info, struct viq_why *why);

/*
 * The embedder's stage 2 is one vSMMU's from now on. 0; -EBUSY: it is another's of ctx; -ENOMEM; with *why. It is put
 * when the kernel has no vIOMMU on it any more; nothing happens if it was not taken.
 */
int linux_parent_take(struct viq_linux *ctx, uint32_t hwpt, struct viq_why *why);
void linux_parent_put(struct viq_linux *ctx, uint32_t hwpt);

/* The id is a device's that was just bound: what is known of another one that had it holds no more. */
void linux_group_new(struct viq_linux *ctx, uint32_t device);

/* All of them: the guest IOMMUs are gone. */
void linux_groups_free(struct viq_linux *ctx);
void linux_parents_free(struct viq_linux *ctx);

/* A number for a guest IOMMU, never used again. */
static inline uint64_t linux_owner(struct viq_linux *ctx)
{
	return __atomic_add_fetch(&ctx->owners, 1, __ATOMIC_RELAXED);
}

/* Does the kernel tell what has failed a call? Asked once, when ctx is opened. */
bool linux_ask_report(const struct viq_linux *ctx);

/* Keep the first error. */
static inline void linux_first(int *first, int err)
{
	if (!*first)
		*first = err;
}

#endif
