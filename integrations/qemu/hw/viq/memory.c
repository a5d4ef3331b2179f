/* SPDX-License-Identifier: MIT */
/*
 * The machine's memory as viq sees it.
 */
#include "qemu/osdep.h"
#include "qemu/range.h"
#include "qemu/units.h"
#include "exec/address-spaces.h"
#include "hw/boards.h"
#include "hw/mem/memory-device.h"
#include "memory.h"

/* Below it PC firmware moves RAM, ROM and the VGA window about. */
#define STEADY_FROM (1 * MiB)

struct ViqMemory {
    struct viq_mem *mem;
    hwaddr unsteady_from, unsteady_size;
    GArray *regions; /* struct viq_mem_region, while they are collected */
    GPtrArray *mrs;  /* MemoryRegion *, a reference each */
};

/* Not for devices: viq may be asked for memory without the big lock. */
static const MemTxAttrs memory_only = { .memory = 1 };

static int viq_memory_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
    return address_space_read(&address_space_memory, gpa, memory_only, buf,
                              len) == MEMTX_OK ? 0 : -EFAULT;
}

static int viq_memory_write(void *opaque, uint64_t gpa, const void *buf,
                            size_t len)
{
    return address_space_write(&address_space_memory, gpa, memory_only, buf,
                               len) == MEMTX_OK ? 0 : -EFAULT;
}

static void viq_memory_written(void *opaque, uint64_t gpa, size_t len)
{
    RCU_READ_LOCK_GUARD();
    while (len) {
        hwaddr offset, part = len;
        MemoryRegion *mr = address_space_translate(&address_space_memory, gpa,
                                                   &offset, &part, true,
                                                   memory_only);

        if (memory_region_is_ram(mr)) {
            memory_region_set_dirty(mr, offset, part);
        }
        gpa += part;
        len -= part;
    }
}

static bool viq_memory_is_plugged(hwaddr gpa)
{
    DeviceMemoryState *plugged = current_machine->device_memory;

    return plugged && gpa >= plugged->base &&
           gpa - plugged->base < memory_region_size(&plugged->mr);
}

static bool viq_memory_collect(Int128 start, Int128 len,
                               const MemoryRegion *mr,
                               hwaddr offset_in_region, void *opaque)
{
    MemoryRegion *region = (MemoryRegion *)mr;
    ViqMemory *memory = opaque;
    struct viq_mem_region new;
    hwaddr skip = 0;

    if (!memory_region_is_ram(region) || memory_region_is_rom(region) ||
        memory_region_is_ram_device(region) ||
        viq_memory_is_plugged(int128_get64(start))) {
        return false;
    }
    new = (struct viq_mem_region) {
        .gpa = int128_get64(start),
        .size = int128_get64(len),
    };
    if (new.gpa < STEADY_FROM) {
        skip = MIN(STEADY_FROM - new.gpa, new.size);
    }
    new.gpa += skip;
    new.size -= skip;
    new.host = memory_region_get_ram_ptr(region) + offset_in_region + skip;
    if (new.size && memory->unsteady_size &&
        ranges_overlap(new.gpa, new.size, memory->unsteady_from,
                       memory->unsteady_size)) {
        new.size = MAX(memory->unsteady_from, new.gpa) - new.gpa;
    }
    if (!new.size || (new.gpa | new.size) % 8) {
        return false;
    }
    memory_region_ref(region);
    g_ptr_array_add(memory->mrs, region);
    g_array_append_val(memory->regions, new);
    return false;
}

ViqMemory *viq_memory_new(hwaddr unsteady_from, hwaddr unsteady_size,
                          Error **errp)
{
    static const struct viq_mem_ops ops = {
        .size = sizeof(ops),
        .read = viq_memory_read,
        .write = viq_memory_write,
        .written = viq_memory_written,
    };
    g_autoptr(ViqMemory) memory = g_new0(ViqMemory, 1);
    struct viq_why why;
    int ret;

    memory->unsteady_from = unsteady_from;
    memory->unsteady_size = unsteady_size;
    memory->regions = g_array_new(false, false, sizeof(struct viq_mem_region));
    memory->mrs = g_ptr_array_new_with_free_func(
        (GDestroyNotify)memory_region_unref);
    WITH_RCU_READ_LOCK_GUARD() {
        flatview_for_each_range(address_space_to_flatview(&address_space_memory),
                                viq_memory_collect, memory);
    }
    ret = viq_mem_create((void *)memory->regions->data, memory->regions->len,
                         &ops, memory, &memory->mem, &why);
    if (ret) {
        error_setg_errno(errp, -ret, "viq: guest memory: %s", why.text);
        return NULL;
    }
    return g_steal_pointer(&memory);
}

void viq_memory_free(ViqMemory *memory)
{
    if (memory) {
        viq_mem_destroy(memory->mem);
        g_array_free(memory->regions, true);
        g_ptr_array_free(memory->mrs, true);
        g_free(memory);
    }
}

const struct viq_mem *viq_memory_get(const ViqMemory *memory)
{
    return memory->mem;
}
