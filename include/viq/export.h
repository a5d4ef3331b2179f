/* SPDX-License-Identifier: MIT */
#ifndef VIQ_EXPORT_H
#define VIQ_EXPORT_H

/* Guest addresses and counts of bytes share types, and registers of 64 bits are read whole. */
#if __SIZEOF_POINTER__ < 8
#error "viq: only 64-bit hosts are supported"
#endif

/* Marks the public symbols; everything else is hidden (src/viq.map lists them per release). */
#define VIQ_EXPORT __attribute__((visibility("default")))

/* Of a function whose failure or answer must not be passed over: something was not done, or something was lost. */
#define VIQ_MUST_CHECK __attribute__((warn_unused_result))

#endif
