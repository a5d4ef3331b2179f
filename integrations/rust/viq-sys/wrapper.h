/* SPDX-License-Identifier: MIT */
/* All that the bindings are made from. */
#include <viq/fault.h>
#include <viq/linux_host.h>
#include <viq/linux_smmuv3.h>
#include <viq/linux_vtd.h>
#include <viq/nest_smmuv3.h>
#include <viq/nest_vtd.h>
#include <viq/soft_smmuv3.h>
#include <viq/soft_vtd.h>
#include <viq/version.h>
