/* SPDX-License-Identifier: MIT */
#include <viq/version.h>

uint32_t viq_version(void)
{
	return VIQ_VERSION;
}
