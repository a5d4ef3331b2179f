/* SPDX-License-Identifier: MIT */
/*
 * The machine's memory as viq sees it.
 */
#ifndef HW_VIQ_MEMORY_H
#define HW_VIQ_MEMORY_H

#include "exec/memory.h"
#include "qapi/error.h"
#include <viq/mem.h>

typedef struct ViqMemory ViqMemory;

/*
 * RAM that stays where it is as long as the machine lives is used in place.
 * Everything else that is memory (plugged modules, shadowed firmware) is
 * looked up at each access, so it may come and go; what is not memory is not
 * there: an IOMMU that reads its tables must not set a device's registers off.
 * unsteady: the end of a piece of RAM that the chipset may lay other things
 * over; size 0: there is none.
 */
ViqMemory *viq_memory_new(hwaddr unsteady_from, hwaddr unsteady_size,
                          Error **errp);
void viq_memory_free(ViqMemory *memory);
const struct viq_mem *viq_memory_get(const ViqMemory *memory);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ViqMemory, viq_memory_free)

#endif
