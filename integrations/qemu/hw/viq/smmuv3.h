/* SPDX-License-Identifier: MIT */
#ifndef HW_VIQ_SMMUV3_H
#define HW_VIQ_SMMUV3_H

#include "hw/sysbus.h"

#define TYPE_VIQ_SMMUV3 "viq-smmuv3"
OBJECT_DECLARE_SIMPLE_TYPE(ViqSmmuv3, VIQ_SMMUV3)

/*
 * The machine's SMMU is viq's and has ats=on. A guest uses ATS only where its
 * firmware's tables say that the bus has it.
 */
static inline bool viq_smmuv3_has_ats(void)
{
    Object *smmu = object_resolve_path_type("", TYPE_VIQ_SMMUV3, NULL);

    return smmu && object_property_get_bool(smmu, "ats", NULL);
}

#endif
