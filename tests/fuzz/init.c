/* SPDX-License-Identifier: MIT */
#include "input.h"

/* Failed assertions of the test support must crash, so that the fuzzer keeps the input. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	return 0;
}
