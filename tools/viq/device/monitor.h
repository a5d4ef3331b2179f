/* SPDX-License-Identifier: MIT */
/*
 * The QMP side of `viq device`: what QEMU's test programs say to a QEMU beside the qtest protocol
 * (docs/interop/qmp-spec there). A greeting; after qmp_capabilities system_reset, quit and query-machines; all else is
 * answered by an error.
 */
#ifndef VIQ_TOOL_DEVICE_MONITOR_H
#define VIQ_TOOL_DEVICE_MONITOR_H

#include <stdbool.h>
#include <stddef.h>

struct monitor;

struct monitor_ops {
	/* Send all of it. Returns 0 or a negative errno. */
	int (*send)(void *opaque, const void *buf, size_t len);
	void (*reset)(void *opaque);
};

/* Greet. machine: the name that query-machines tells; it must outlive the object, as ops and opaque. -ENOMEM, or
 * send's. */
int monitor_create(const struct monitor_ops *ops, void *opaque, const char *machine, struct monitor **out);
void monitor_destroy(struct monitor *monitor); /* NULL is allowed */

/* Room for bytes that came in: returns how many, 1 at least. */
size_t monitor_space(struct monitor *monitor, void **buf);
/* So many came: carry out the commands that are complete. 0, -ENOMEM or what send returned. */
int monitor_filled(struct monitor *monitor, size_t len);

/* Was "quit" said? */
bool monitor_quits(const struct monitor *monitor);

#endif
