/* SPDX-License-Identifier: MIT */
#ifndef VIQ_EXPORT_H
#define VIQ_EXPORT_H

/* Marks the public symbols; everything else is hidden (src/viq.map lists them per release). */
#define VIQ_EXPORT __attribute__((visibility("default")))

#endif
