/* SPDX-License-Identifier: MIT */
/* Descriptors and error codes as text, in the architecture's words. */
#ifndef VIQ_SPEC_VTD_TEXT_H
#define VIQ_SPEC_VTD_TEXT_H

#include <stddef.h>

#include "descriptor.h"

/* As viq_vtd_descriptor_text(): always terminated; the length that the whole line has. */
int vtd_descriptor_text(const uint64_t desc[4], const struct vtd_offer *offer, char *buf, size_t len);

/* Of IQERCD.IQEI; NULL: there is no such code. */
const char *vtd_iqei_name(unsigned int iqei);

#endif
