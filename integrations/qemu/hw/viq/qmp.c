/* SPDX-License-Identifier: MIT */
/*
 * IOMMUs of viq's, for the rest of QEMU.
 */
#include "qemu/osdep.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-viq.h"
#include "inject.h"
#include "unit.h"

void viq_unit_count(ViqCounterList ***tail, const char *name, uint64_t value)
{
    ViqCounter *counter;

    if (value) {
        counter = g_new0(ViqCounter, 1);
        counter->name = g_strdup(name);
        counter->value = value;
        QAPI_LIST_APPEND(*tail, counter);
    }
}

static int viq_unit_query(Object *obj, void *opaque)
{
    ViqUnitList ***tail = opaque;
    ViqCounterList **counters;
    const ViqInject *inject;
    ViqUnit *unit;

    if (object_dynamic_cast(obj, TYPE_VIQ_UNIT)) {
        inject = VIQ_UNIT_GET_CLASS(obj)->inject(obj);
        unit = g_new0(ViqUnit, 1);
        unit->path = object_get_canonical_path(obj);
        unit->type = g_strdup(object_get_typename(obj));
        unit->failure = object_property_get_str(obj, "inject", NULL);
        unit->strikes = viq_inject_count(inject);
        unit->has_struck = inject->slot >= 0;
        unit->struck = inject->slot;
        counters = &unit->counters;
        VIQ_UNIT_GET_CLASS(obj)->counters(obj, &counters);
        QAPI_LIST_APPEND(*tail, unit);
    }
    return 0;
}

ViqUnitList *qmp_query_viq(Error **errp)
{
    ViqUnitList *head = NULL, **tail = &head;

    object_child_foreach_recursive(object_get_root(), viq_unit_query, &tail);
    return head;
}

void qmp_x_viq_inject(const char *path, const char *failure, Error **errp)
{
    g_autoptr(ViqUnitList) units = NULL;
    Object *obj;

    if (path) {
        obj = object_resolve_path(path, NULL);
        if (!obj || !object_dynamic_cast(obj, TYPE_VIQ_UNIT)) {
            error_setg(errp, "'%s' is no IOMMU of viq's", path);
            return;
        }
    } else {
        units = qmp_query_viq(&error_abort);
        if (!units || units->next) {
            error_setg(errp, "this machine has %s: say which by 'path'",
                       units ? "several IOMMUs of viq's" :
                       "no IOMMU of viq's");
            return;
        }
        obj = object_resolve_path(units->value->path, NULL);
    }
    object_property_set_str(obj, "inject", failure, errp);
}

void hmp_info_viq(Monitor *mon, const QDict *qdict)
{
    g_autoptr(ViqUnitList) units = qmp_query_viq(&error_abort);

    for (ViqUnitList *u = units; u; u = u->next) {
        monitor_printf(mon, "%s (%s), failure: %s, strikes: %" PRIu64,
                       u->value->path, u->value->type, u->value->failure,
                       u->value->strikes);
        if (u->value->has_struck) {
            monitor_printf(mon, ", at 0x%x", u->value->struck);
        }
        monitor_printf(mon, "\n");
        for (ViqCounterList *c = u->value->counters; c; c = c->next) {
            monitor_printf(mon, "  %-24s %" PRIu64 "\n", c->value->name,
                           c->value->value);
        }
    }
}

AddressSpace *viq_msi_address_space(PCIDevice *dev)
{
    AddressSpace *as = pci_device_iommu_address_space(dev);
    Object *unit = memory_region_owner(as->root);

    if (unit && object_dynamic_cast(unit, TYPE_VIQ_UNIT) &&
        VIQ_UNIT_GET_CLASS(unit)->msi_address_space) {
        as = VIQ_UNIT_GET_CLASS(unit)->msi_address_space(unit, dev);
    }
    return as;
}

static int viq_unit_requesters(Object *obj, void *opaque)
{
    if (object_dynamic_cast(obj, TYPE_VIQ_UNIT) &&
        VIQ_UNIT_GET_CLASS(obj)->assigned_requesters) {
        VIQ_UNIT_GET_CLASS(obj)->assigned_requesters(obj, opaque);
    }
    return 0;
}

GArray *viq_assigned_requesters(void)
{
    GArray *requesters = g_array_new(false, false, sizeof(uint16_t));

    object_child_foreach_recursive(object_get_root(), viq_unit_requesters,
                                   requesters);
    return requesters;
}

static const TypeInfo viq_unit_types[] = {
    {
        .name = TYPE_VIQ_UNIT,
        .parent = TYPE_INTERFACE,
        .class_size = sizeof(ViqUnitClass),
    },
};

DEFINE_TYPES(viq_unit_types)
