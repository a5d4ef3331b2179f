/* SPDX-License-Identifier: MIT */
/*
 * Which viq this is: at compile time, and at run time.
 *
 * Before 1.0 the minor number is the interface's: 0.1.1 can stand in for 0.1.0, 0.2.0 cannot, and its shared libraries
 * have another soname. The build takes its own version from here.
 *
 * Structs whose first member is size can get more members at their end, so caller and library may be of different
 * versions. The caller sets size to its own sizeof(), or has an _init() function do so. For what it passes in:
 *
 *   - a shorter struct than the library's has the defaults in the members that it lacks (hooks: NULL);
 *   - a longer one must be 0 where the library knows no member, else it asks for what is not there: -E2BIG;
 *   - -EINVAL: a size that lacks what the struct cannot do without, or that no version of it can have: one that is
 *     no multiple of its alignment (half a pointer).
 *
 * What the library fills in is cut at the caller's size, and 0 behind what the library knows.
 */
#ifndef VIQ_VERSION_H
#define VIQ_VERSION_H

#include <stdint.h>

#include <viq/export.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VIQ_VERSION_MAJOR 0
#define VIQ_VERSION_MINOR 2
#define VIQ_VERSION_PATCH 0
/* The same. Constants of these headers are plain literals, since bindgen, cffi and their like keep no others. */
#define VIQ_VERSION        0x000200
#define VIQ_VERSION_STRING "0.2.0"

/* Versions as numbers that compare as versions do: "#if VIQ_VERSION >= VIQ_VERSION_NUMBER(0, 2, 0)". */
#define VIQ_VERSION_NUMBER(major, minor, patch) ((major) << 16 | (minor) << 8 | (patch))

/*
 * The version of the library that is running, which may be newer than the headers that the caller was built with.
 * Returns: a VIQ_VERSION_NUMBER(). Context: any thread.
 */
VIQ_EXPORT uint32_t viq_version(void);

#ifdef __cplusplus
}
#endif
#endif
