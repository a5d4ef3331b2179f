/* SPDX-License-Identifier: MIT */
#ifndef HW_VIQ_VTD_H
#define HW_VIQ_VTD_H

#include "hw/i386/x86-iommu.h"

#define TYPE_VIQ_VTD "viq-vtd"
OBJECT_DECLARE_TYPE(ViqVtd, ViqVtdClass, VIQ_VTD)

/* For the DMAR table: bits of a guest-physical address. */
#define VIQ_VTD_HAW 52

#endif
