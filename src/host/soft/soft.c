/* SPDX-License-Identifier: MIT */
/* The software IOMMU as a whole: creation, objects. */
#include <viq/soft.h>
