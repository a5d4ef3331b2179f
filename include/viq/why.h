/* SPDX-License-Identifier: MIT */
#ifndef VIQ_WHY_H
#define VIQ_WHY_H

/* Why something failed, in one line that names the cause and the remedy. */
struct viq_why {
	char text[256];
};

#endif
