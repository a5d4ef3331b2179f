/* SPDX-License-Identifier: MIT */
/*
 * The machine against what RC11 says of the classic examples: which outcomes there are, and which there are not.
 * Without this, that a model finds nothing would say nothing.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

/* A thread is a list of steps of four letters: "Wx1 " stores ("w": relaxed in any case), "R0y " loads into a register,
 * "F   " fences, "Ax1 " adds. */
static const struct example {
	const char *name;
	const char *threads[MODEL_THREADS];
	const char *outcome; /* registers 0 to 3, x and y at the end; "." is any */
	bool relaxed, ordered, fenced;
} examples[] = {
	{"store buffering", {"Wx1 F   R0y ", "Wy1 F   R1x "}, "00....", true, true, false},
	{"message passing", {"Wx1 F   Wy1 ", "R0y F   R1x "}, "10....", true, false, false},
	{"2+2W", {"Wx1 F   Wy2 ", "Wy1 F   Wx2 "}, "....11", true, true, false},
	{"IRIW", {"R0x F   R1y ", "R2y F   R3x ", "Wx1 ", "Wy1 "}, "1010..", true, true, false},
	{"R", {"Wx1 F   Wy1 ", "Wy2 F   R0x "}, "0....2", true, true, false},
	{"S", {"Wx2 F   Wy1 ", "R0y F   Wx1 "}, "1...2.", true, false, false},
	{"WRC", {"Wx1 ", "R0x F   Wy1 ", "R1y F   R2x "}, "110...", true, false, false},
	{"release sequence", {"Wx1 Wy1 ", "Ay1 ", "R0y R1x "}, "20....", true, false, true},
	{"its own store after it", {"Wx1 Wy1 wy2 ", "R0y R1x "}, "20....", true, true, true}, /* as in C++20 */
	{"coherence, read after read", {"Wx1 Wx2 ", "R0x R1x "}, "21....", false, false, false},
	{"coherence, read after write", {"Wx1 R0x ", "Wx2 "}, "0.....", false, false, false},
	{"two additions", {"Ax1 ", "Ax1 "}, "....1.", false, false, false},
	{"a store between two additions", {"Ax1 ", "Ax1 ", "Wx7 "}, "....8.", true, true, true},
	{"load buffering", {"R0x Wy1 ", "R1y Wx1 "}, "11....", false, false, false}, /* RC11 has none */
};

static enum {
	RELAXED,
	ORDERED,
	FENCED,
	VARIANTS
} variant;
static const struct example *example;
static bool happens;
static struct {
	uint64_t cells[2]; /* x, y */
	uint64_t registers[4];
} now;

static void step(const char *s)
{
	static struct model_site load[] = {{"", "load", "", 1, MODEL_RELAXED, 0},
					   {"", "load", "", 1, MODEL_ACQUIRE, 0}};
	static struct model_site store[] = {{"", "store", "", 1, MODEL_RELAXED, 0},
					    {"", "store", "", 1, MODEL_RELEASE, 0}};
	bool ordered = variant == ORDERED;

	switch (s[0]) {
	case 'W':
		model_store(&now.cells[s[1] - 'x'], 8, (uint64_t)(s[2] - '0'), &store[ordered]);
		break;
	case 'w':
		model_store(&now.cells[s[1] - 'x'], 8, (uint64_t)(s[2] - '0'), &store[0]);
		break;
	case 'A':
		atomic_fetch_add_explicit(&now.cells[s[1] - 'x'], s[2] - '0', memory_order_relaxed);
		break;
	case 'R':
		now.registers[s[1] - '0'] = model_load(&now.cells[s[2] - 'x'], 8, &load[ordered]);
		break;
	default:
		if (variant == FENCED)
			atomic_thread_fence(memory_order_seq_cst);
	}
}

static void run(void)
{
	for (const char *s = example->threads[model_self()]; *s; s += 4)
		step(s);
}

static void end(void)
{
	for (unsigned int i = 0; i < 6; i++) {
		uint64_t value = i < 4 ? now.registers[i] : model_last(&now.cells[i - 4]);

		if (example->outcome[i] != '.' && value != (uint64_t)(example->outcome[i] - '0'))
			return;
	}
	happens = true;
}

static void setup(void)
{
	model_keep(now.registers, sizeof(now.registers));
}

int main(void)
{
	unsigned int failed = 0, tried = 0;

	for (unsigned int i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		for (variant = 0; variant < VARIANTS; variant++) {
			struct model m = {.name = examples[i].name, .setup = setup, .end = end};
			bool expected = variant == RELAXED   ? examples[i].relaxed
					: variant == ORDERED ? examples[i].ordered
							     : examples[i].fenced;

			example = &examples[i];
			for (unsigned int t = 0; t < MODEL_THREADS && example->threads[t]; t++)
				m.threads[t] = run;
			happens = false;
			if (model_search(&m) || happens != expected) {
				printf("%s, %s: the outcome %s\n", m.name,
				       variant == RELAXED   ? "relaxed"
				       : variant == ORDERED ? "release and acquire"
							    : "fences",
				       happens ? "happens" : "does not happen");
				failed++;
			}
			tried++;
		}
	}
	printf("%u outcomes, %u of them wrong\n", tried, failed);
	return failed != 0;
}
