/* SPDX-License-Identifier: MIT */
#ifndef HW_VIQ_SMMUV3_H
#define HW_VIQ_SMMUV3_H

#include "hw/sysbus.h"

#define TYPE_VIQ_SMMUV3 "viq-smmuv3"
OBJECT_DECLARE_SIMPLE_TYPE(ViqSmmuv3, VIQ_SMMUV3)

#endif
