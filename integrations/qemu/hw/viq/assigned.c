/* SPDX-License-Identifier: MIT */
/*
 * Assigned devices behind an IOMMU of viq's.
 *
 * QEMU's vfio maps guest memory into an IOAS, attaches the device to that, and
 * then hands the device over (PCIIOMMUOps.set_iommu_device). From there on the
 * library attaches it: to nested page tables on a stage 2 of the same IOAS.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "exec/address-spaces.h"
#include "hw/vfio/vfio-common.h"
#include "qapi/error.h"
#include "system/iommufd.h"
#include "assigned.h"
#include "trace.h"

#include <viq/linux.h>

#define NOWHERE (-1)

struct ViqDevice {
    char *name;
    uint32_t id;
    int cdev;
    int sid;  /* where the host has it, or NOWHERE */
    int wanted;
};

void viq_assigned_init(ViqAssigned *assigned, const char *name, Object *owner,
                       const ViqAssignedOps *ops, void *unit)
{
    MemoryRegion *memory = get_system_memory();

    assigned->ops = ops;
    assigned->unit = unit;
    assigned->name = name;
    assigned->devices = g_ptr_array_new();
    /* Not the system's own: that would be a device without an IOMMU. */
    memory_region_init_alias(&assigned->root, owner, "viq-assigned", memory, 0,
                             memory_region_size(memory));
    address_space_init(&assigned->as, &assigned->root, "viq-assigned");
}

static bool viq_assigned_is_mediated(Object *dev)
{
    g_autofree char *path = object_property_get_str(dev, "sysfsdev", NULL);
    g_autofree char *link = path ? g_strdup_printf("%s/subsystem", path) : NULL;
    g_autofree char *subsystem = link ? realpath(link, NULL) : NULL;

    return subsystem && g_str_has_suffix(subsystem, "/mdev");
}

bool viq_assigned_expects(PCIDevice *dev)
{
    return dev && object_property_find(OBJECT(dev), "iommufd") &&
           object_property_get_link(OBJECT(dev), "iommufd", NULL) &&
           !viq_assigned_is_mediated(OBJECT(dev));
}

/* --- The first one and the last one ------------------------------------------ */

static void viq_assigned_end(ViqAssigned *assigned)
{
    assigned->ops->end(assigned->unit);
    g_clear_pointer(&assigned->host, viq_linux_close);
}

static bool viq_assigned_begin(ViqAssigned *assigned, const VFIODevice *vdev,
                               Error **errp)
{
    const VFIOIOMMUFDContainer *container =
        container_of(vdev->bcontainer, VFIOIOMMUFDContainer, bcontainer);
    struct viq_linux_config config;
    struct viq_why why = { "" };
    int ret;

    if (assigned->host) {
        if (assigned->iommufd == OBJECT(vdev->iommufd) &&
            assigned->ioas == container->ioas_id) {
            return true;
        }
        error_setg(errp, "all devices behind %s must have the same iommufd=",
                   assigned->name);
        return false;
    }
    viq_linux_config_init(&config, sizeof(config));
    config.fd = vdev->iommufd->fd;
    ret = viq_linux_open(&config, &assigned->host, &why);
    if (!ret) {
        assigned->iommufd = OBJECT(vdev->iommufd);
        assigned->ioas = container->ioas_id;
        ret = assigned->ops->begin(assigned->unit, assigned->host,
                                   assigned->ioas, vdev->devid, &why);
        if (ret) {
            g_clear_pointer(&assigned->host, viq_linux_close);
        }
    }
    if (ret) {
        error_setg(errp, "the host's IOMMU cannot serve %s: %s", assigned->name,
                   why.text[0] ? why.text : strerror(-ret));
    }
    return !ret;
}

/* --- Devices ----------------------------------------------------------------- */

ViqDevice *viq_assigned_add(ViqAssigned *assigned, HostIOMMUDevice *hiod,
                            Error **errp)
{
    const VFIODevice *vdev = hiod->agent;
    ViqDevice *device;

    if (!object_dynamic_cast(OBJECT(hiod), TYPE_HOST_IOMMU_DEVICE_IOMMUFD)) {
        error_setg(errp, "%s nests assigned devices by iommufd only",
                   assigned->name);
        error_append_hint(errp, "Use -object iommufd,id=iommufd0 and "
                          "iommufd=iommufd0.\n");
        return NULL;
    }
    if (!viq_assigned_begin(assigned, vdev, errp)) {
        return NULL;
    }
    /* Until it is known as whom the guest's tables have it. */
    if (viq_linux_vfio_detach(assigned->host, vdev->fd)) {
        error_setg(errp, "%s cannot be blocked", vdev->name);
        if (!assigned->devices->len) {
            viq_assigned_end(assigned);
        }
        return NULL;
    }
    device = g_new0(ViqDevice, 1);
    device->name = g_strdup(vdev->name);
    device->id = vdev->devid;
    device->cdev = vdev->fd;
    device->sid = device->wanted = NOWHERE;
    g_ptr_array_add(assigned->devices, device);
    return device;
}

void viq_assigned_remove(ViqAssigned *assigned, ViqDevice *device)
{
    if (device->sid != NOWHERE &&
        assigned->ops->remove(assigned->unit, device->sid)) {
        warn_report("%s: %s was not taken away whole", assigned->name,
                    device->name);
    }
    g_ptr_array_remove(assigned->devices, device);
    g_free(device->name);
    g_free(device);
    if (!assigned->devices->len) {
        viq_assigned_end(assigned);
    }
}

void viq_assigned_number(ViqDevice *device, uint16_t sid)
{
    device->wanted = sid;
}

/* Those that have a number already. What could not be moved is not there now. */
static void viq_assigned_move(ViqAssigned *assigned)
{
    g_autofree struct viq_linux_move *moves =
        g_new(struct viq_linux_move, assigned->devices->len);
    uint32_t count = 0;
    int ret;

    for (guint i = 0; i < assigned->devices->len; i++) {
        ViqDevice *device = g_ptr_array_index(assigned->devices, i);

        if (device->sid != NOWHERE && device->sid != device->wanted) {
            moves[count++] = (struct viq_linux_move) {
                .from = device->sid, .to = device->wanted
            };
        }
    }
    if (!count) {
        return;
    }
    ret = assigned->ops->move(assigned->unit, moves, count);
    if (ret) {
        warn_report("%s: devices cannot be renumbered: %s", assigned->name,
                    strerror(-ret));
    }
    for (guint i = 0; i < assigned->devices->len; i++) {
        ViqDevice *device = g_ptr_array_index(assigned->devices, i);

        if (device->sid != NOWHERE && device->sid != device->wanted) {
            device->sid = ret ? NOWHERE : device->wanted;
            ret = ret ? ret : assigned->ops->follow(assigned->unit, device->sid);
            trace_viq_assigned(device->name, device->wanted, ret);
        }
    }
}

bool viq_assigned_place(ViqAssigned *assigned, ViqDevice *device, Error **errp)
{
    struct viq_why why = { "" };
    int ret;

    if (device->sid != NOWHERE || device->wanted == NOWHERE) {
        return true;
    }
    ret = assigned->ops->add(assigned->unit, device->id, device->cdev,
                             device->wanted, &why);
    if (ret && ret != -EEXIST) {
        error_setg(errp, "%s: %s stays blocked: %s", assigned->name,
                   device->name, why.text[0] ? why.text : strerror(-ret));
    } else {
        device->sid = device->wanted;
        /* A failure makes it abort until the guest's next command. */
        ret = assigned->ops->follow(assigned->unit, device->sid);
    }
    trace_viq_assigned(device->name, device->wanted, ret);
    return device->sid != NOWHERE;
}

void viq_assigned_renumber(ViqAssigned *assigned)
{
    viq_assigned_move(assigned);
    for (guint i = 0; i < assigned->devices->len; i++) {
        Error *err = NULL;

        if (!viq_assigned_place(assigned,
                                g_ptr_array_index(assigned->devices, i),
                                &err)) {
            warn_report_once("%s", error_get_pretty(err));
            error_free(err);
        }
    }
}

bool viq_assigned_is_at(const ViqAssigned *assigned, uint32_t sid)
{
    for (guint i = 0; i < assigned->devices->len; i++) {
        const ViqDevice *device = g_ptr_array_index(assigned->devices, i);

        if (device->sid == (int)sid) {
            return true;
        }
    }
    return false;
}

void viq_assigned_requesters_of(const ViqAssigned *assigned,
                                GArray *requesters)
{
    for (guint i = 0; i < assigned->devices->len; i++) {
        const ViqDevice *device = g_ptr_array_index(assigned->devices, i);
        const uint16_t sid = device->sid;

        if (device->sid != NOWHERE) {
            g_array_append_val(requesters, sid);
        }
    }
}
