/* SPDX-License-Identifier: MIT */
#ifndef VIQ_WHY_H
#define VIQ_WHY_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Why a call was refused or failed: one line that names the member, as it is spelled in the header, and the rule that
 * it breaks, or the cause and the remedy. Written only by a call that fails; NULL wherever nobody wants to know.
 */
struct viq_why {
	char text[256];
};

#ifdef __cplusplus
}
#endif
#endif
