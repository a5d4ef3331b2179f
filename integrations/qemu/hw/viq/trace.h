/* SPDX-License-Identifier: MIT */
#include "trace/trace-hw_viq.h"
