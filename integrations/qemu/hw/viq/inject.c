/* SPDX-License-Identifier: MIT */
/*
 * Failures on demand.
 */
#include "qemu/osdep.h"
#include "qemu/ctype.h"
#include "qemu/cutils.h"
#include "inject.h"
#include "unit.h"

static const struct {
    const char *name;
    ViqInjectKind kind;
    enum { OF_BOTH, OF_VTD, OF_SMMUV3 } unit;
    bool endless; /* without TIMES */
} kinds[] = {
    /* Of VT-d these are in front of what the fault host calls so. */
    { "atc-timeout", VIQ_INJECT_ATC_TIMEOUT, OF_VTD },
    { "atc-wrong", VIQ_INJECT_ATC_WRONG, OF_VTD },
    { "atc-drop", VIQ_INJECT_ATC_DROP, OF_VTD },
    { "atc-lost", VIQ_INJECT_ATC_LOST, OF_SMMUV3 },
    { "config-drop", VIQ_INJECT_CONFIG_DROP },
    { "abort", VIQ_INJECT_ABORT },
    { "slow", VIQ_INJECT_SLOW, OF_BOTH, true },
    { "hang", VIQ_INJECT_HANG, OF_BOTH, true },
};

/* Is kinds[i] this unit's? */
static bool viq_inject_has(const ViqInject *inject, size_t i)
{
    return kinds[i].unit == OF_BOTH ||
           kinds[i].unit == (inject->vtd ? OF_VTD : OF_SMMUV3);
}

static bool viq_inject_holds(ViqInjectKind kind)
{
    return kind == VIQ_INJECT_SLOW || kind == VIQ_INJECT_HANG;
}

static uint32_t viq_inject_host_kind(const char *name)
{
    uint32_t kind = VIQ_FAULT_NONE + 1;

    while (viq_fault_kind_name(kind) && strcmp(viq_fault_kind_name(kind), name)) {
        kind++;
    }
    return viq_fault_kind_name(kind) ? kind : VIQ_FAULT_NONE;
}

static char *viq_inject_kinds(const ViqInject *inject)
{
    GString *names = g_string_new("none");

    for (uint32_t k = VIQ_FAULT_NONE + 1; viq_fault_kind_name(k); k++) {
        g_string_append_printf(names, ", %s", viq_fault_kind_name(k));
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (viq_inject_has(inject, i) && !viq_inject_host_kind(kinds[i].name)) {
            g_string_append_printf(names, ", %s", kinds[i].name);
        }
    }
    return g_string_free(names, false);
}

/* The kind by name; *host: that of viq_fault_arm(), or NONE. */
static bool viq_inject_find(const ViqInject *inject, const char *name,
                            ViqInjectKind *kind, uint32_t *host, bool *endless)
{
    *host = VIQ_FAULT_NONE;
    *endless = false;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strcmp(name, kinds[i].name) || !viq_inject_has(inject, i)) {
            continue;
        }
        *kind = kinds[i].kind;
        *endless = kinds[i].endless;
        if (*kind == VIQ_INJECT_ABORT) {
            *host = VIQ_FAULT_HARDWARE;
        } else if (*kind == VIQ_INJECT_ATC_LOST) {
            *host = VIQ_FAULT_ATC_TIMEOUT;
        }
        return true;
    }
    *host = viq_inject_host_kind(name);
    *kind = VIQ_INJECT_HOST;
    *endless = *host == VIQ_FAULT_GONE;
    if (!strcmp(name, "none")) {
        *kind = VIQ_INJECT_NONE;
        return true;
    }
    return *host != VIQ_FAULT_NONE;
}

bool viq_inject_arm(ViqInject *inject, const char *text, Error **errp)
{
    g_auto(GStrv) words = g_strsplit(text, ":", 4);
    const guint count = g_strv_length(words);
    const bool indexed = count > 1 && qemu_isdigit(words[0][0]);
    struct viq_fault_failure failure = {
        .size = sizeof(failure),
        .counted = 1,
    };
    ViqInjectKind kind;
    uint32_t times;
    char *old;
    bool endless;

    if (count < 1 || count > 2 + indexed ||
        !viq_inject_find(inject, words[indexed], &kind, &failure.kind,
                         &endless)) {
        g_autofree char *names = viq_inject_kinds(inject);

        error_setg(errp, "failure '%s' is not [INDEX:]KIND[:TIMES], where KIND "
                   "is one of %s", text, names);
        return false;
    }
    failure.times = !endless;
    if ((indexed && qemu_strtoui(words[0], NULL, 10, &failure.index)) ||
        (count > 1 + indexed &&
         (!qemu_isdigit(words[1 + indexed][0]) ||
          qemu_strtoui(words[1 + indexed], NULL, 10, &failure.times)))) {
        error_setg(errp, "failure '%s': INDEX and TIMES are numbers", text);
        return false;
    }
    times = failure.times;
    if (kind == VIQ_INJECT_ATC_LOST) {
        failure.times = 1; /* the rest is viq_inject_told()'s */
    }
    if (viq_fault_arm(inject->fault, &failure)) {
        error_setg(errp, "failure '%s' cannot be armed", text);
        return false;
    }
    inject->kind = kind;
    inject->armed = kind != VIQ_INJECT_NONE;
    inject->index = failure.index;
    inject->strikes = inject->placed = 0;
    inject->slot = -1;
    inject->left = times ? times : UINT32_MAX;
    old = inject->text; /* may be text */
    inject->text = g_strdup(text);
    g_free(old);
    inject->changed(inject->opaque, viq_inject_holds(kind));
    return true;
}

bool viq_inject_strikes(ViqInject *inject, ViqInjectKind kind)
{
    if (inject->kind != kind) {
        return false;
    }
    if (inject->index) {
        inject->index--;
        return false;
    }
    /* What an abort gives up was struck by the fault. */
    inject->strikes += kind != VIQ_INJECT_ABORT;
    if (inject->left != UINT32_MAX && !--inject->left) {
        inject->kind = VIQ_INJECT_NONE;
    }
    return true;
}

uint64_t viq_inject_count(const ViqInject *inject)
{
    return inject->strikes + viq_fault_strikes(inject->fault);
}

void viq_inject_place(ViqInject *inject, uint32_t slot, const uint64_t *what,
                      bool waits,
                      bool (*is)(const uint64_t *what, const void *entry))
{
    uint64_t count, entry[4];

    /* Of each command that is traced, so without the fault's lock. */
    if (!inject->armed) {
        return;
    }
    count = viq_inject_count(inject);
    if (count == inject->placed) {
        return;
    }
    /* The unit's own failures strike what it is at. */
    if (inject->strikes == count ||
        (viq_fault_struck(inject->fault, entry, sizeof(entry)) &&
         is(what, entry))) {
        inject->slot = slot;
        inject->placed = count;
    } else if (waits) {
        inject->placed = count;
    }
}

void viq_inject_told(ViqInject *inject)
{
    const struct viq_fault_failure lost = {
        .size = sizeof(lost),
        .kind = VIQ_FAULT_ATC_DROP,
        .times = inject->left == UINT32_MAX ? 0 : inject->left,
        .counted = 1,
    };

    if (inject->kind != VIQ_INJECT_ATC_LOST) {
        return;
    }
    inject->kind = VIQ_INJECT_HOST;
    inject->strikes += viq_fault_strikes(inject->fault);
    if (viq_fault_arm(inject->fault, &lost)) {
        g_assert_not_reached(); /* it takes no memory */
    }
}

bool viq_inject_gives_up(ViqInject *inject)
{
    if (inject->kind == VIQ_INJECT_ABORT) {
        inject->index = 0; /* the fault has counted */
    }
    return viq_inject_strikes(inject, VIQ_INJECT_ABORT);
}

int64_t viq_inject_delay_ms(const ViqInject *inject)
{
    return inject->kind == VIQ_INJECT_HANG ? -1 :
           inject->kind == VIQ_INJECT_SLOW ? inject->index : 0;
}

/* --- Life ------------------------------------------------------------------ */

bool viq_inject_init(ViqInject *inject, const char *contract, bool vtd,
                     void (*changed)(void *opaque, bool hold), void *opaque,
                     Error **errp)
{
    struct viq_why why;
    uint32_t c = 0;
    int ret;

    inject->changed = changed;
    inject->opaque = opaque;
    inject->vtd = vtd;
    while (contract && viq_fault_contract_name(c) &&
           strcmp(contract, viq_fault_contract_name(c))) {
        c++;
    }
    ret = viq_fault_create(c, &inject->fault, &why);
    if (ret) {
        error_setg(errp, "host-contract=%s: must be exact, linux-7.3 or "
                   "linux-next", contract);
        return false;
    }
    return true;
}

bool viq_inject_start(ViqInject *inject, Error **errp)
{
    return !inject->text || viq_inject_arm(inject, inject->text, errp);
}

void viq_inject_destroy(ViqInject *inject)
{
    g_clear_pointer(&inject->fault, viq_fault_destroy);
}

/* --- Property -------------------------------------------------------------- */

static ViqInject *viq_inject_of(Object *obj)
{
    return VIQ_UNIT_GET_CLASS(obj)->inject(obj);
}

static char *viq_inject_get(Object *obj, Error **errp)
{
    const char *text = viq_inject_of(obj)->text;

    return g_strdup(text ? text : "none");
}

static void viq_inject_set(Object *obj, const char *value, Error **errp)
{
    ViqInject *inject = viq_inject_of(obj);

    if (inject->fault) {
        viq_inject_arm(inject, value, errp);
    } else { /* realize() arms it */
        g_free(inject->text);
        inject->text = g_strdup(value);
    }
}

void viq_unit_class_add_inject(ObjectClass *klass)
{
    object_class_property_add_str(klass, "inject", viq_inject_get,
                                  viq_inject_set);
    object_class_property_set_description(klass, "inject",
                                          "failure to arm: "
                                          "[INDEX:]KIND[:TIMES], or none");
}
