// SPDX-License-Identifier: MIT
/* `viq bench`: run the benchmarks of bench/ and print what they measured. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <viq/version.h>

#include "bench/bench.h"
#include "colour.h"
#include "command.h"
#include "tool.h"

/* tests/tool/test_bench.py holds these words to what there is. */
#define SUBJECTS "bulk|doorbell|soft|linux|memory|vtd_bulk|vtd_doorbell|vtd_soft|qemu|vtd_qemu|scale"

#define INTERRUPTED 130 /* exit status: 128 + SIGINT, as shells have it */

struct output {
	const char *subject;
	json_t *rows; /* NULL: print the table */
};

/* --- Table ------------------------------------------------------------------------------------------------------- */

/* Three digits that count, whatever the size; whole numbers from a hundred on. */
static const char *number(char buf[32], double value)
{
	double size = value < 0 ? -value : value;

	snprintf(buf, 32, "%.*f", size < 10 && size > 0 ? 2 : size < 100 && size > 0 ? 1 : 0, value);
	return buf;
}

static void print_stat(const struct bench_stat *stat, const char *unit)
{
	char a[32], b[32], c[32];

	printf(" %9s %9s %9s  %-18s", number(a, stat->median), number(b, stat->p10), number(c, stat->p90), unit);
}

static void print_row(const struct bench_row *row)
{
	char limit[32];

	printf("  %-48s", row->title);
	if (row->skipped) {
		printf(" not measured: %s\n", row->skipped);
		return;
	}
	print_stat(&row->value, row->unit);
	if (row->figure_name) {
		printf("\n  %-48s", "");
		print_stat(&row->figure, row->figure_name);
	}
	if (row->bound != BENCH_NO_TARGET)
		printf("  %s %-6s %s%s%s", row->bound == BENCH_AT_MOST ? "<=" : ">=", number(limit, row->limit),
		       bench_reached(row) ? "" : colour_on(COLOUR_BAD), bench_reached(row) ? "reached" : "MISSED",
		       bench_reached(row) ? "" : colour_off());
	putchar('\n');
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static json_t *json_stat(const struct bench_stat *stat)
{
	return json_pack("{s:f, s:f, s:f, s:i}", "median", stat->median, "p10", stat->p10, "p90", stat->p90, "samples",
			 (int)stat->samples);
}

/* Every row has every key; what does not apply is null. */
static json_t *json_row(const char *subject, const struct bench_row *row)
{
	bool measured = !row->skipped, figure = measured && row->figure_name, target = row->bound != BENCH_NO_TARGET;

	return json_pack("{s:s, s:s, s:s, s:s?, s:o, s:s?, s:o, s:o, s:o, s:s?}", "subject", subject, "name", row->name,
			 "title", row->title, "unit", row->unit, "value",
			 measured ? json_stat(&row->value) : json_null(), "figure_name", row->figure_name, "figure",
			 figure ? json_stat(&row->figure) : json_null(), "target",
			 target ? json_pack("{s:f}", row->bound == BENCH_AT_MOST ? "at_most" : "at_least", row->limit)
				: json_null(),
			 "reached", target && measured ? json_boolean(bench_reached(row)) : json_null(), "skipped",
			 row->skipped);
}

static void emit(void *opaque, const struct bench_row *row)
{
	struct output *out = opaque;

	if (!out->rows) {
		print_row(row);
		fflush(stdout); /* a whole run takes a while */
	} else if (json_array_append_new(out->rows, json_row(out->subject, row))) {
		exit(tool_error(NULL, "out of memory"));
	}
}

/* --- The command ------------------------------------------------------------------------------------------------- */

static int find_subject(const char *name, uint32_t *only)
{
	for (uint32_t i = 0; bench_subjects[i].name; i++) {
		if (!strcmp(bench_subjects[i].name, name)) {
			*only |= 1u << i;
			return TOOL_OK;
		}
	}
	return tool_usage("--only: no subject '%s', only %s", name, SUBJECTS);
}

static void stop(int number)
{
	bench_stop = 1;
}

/* The processor's model as Linux names it, or "unknown processor". */
static void cpu_model(char *buf, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256], *name;

	snprintf(buf, size, "unknown processor");
	while (file && fgets(line, sizeof(line), file)) {
		name = strstr(line, ": ");
		if (name && !strncmp(line, "model name", 10)) {
			snprintf(buf, size, "%.*s", (int)strcspn(name + 2, "\n"), name + 2);
			break;
		}
	}
	if (file)
		fclose(file);
}

static int run_subjects(const struct bench *bench, struct output *out, uint32_t only)
{
	for (uint32_t i = 0; bench_subjects[i].name; i++) {
		const struct bench_subject *s = &bench_subjects[i];
		int ret;

		if (only && !(only & 1u << i))
			continue;
		out->subject = s->name;
		if (!out->rows)
			printf("%s: %s\n", s->name, s->title);
		ret = s->run(bench);
		if (bench_stop) /* whatever it failed of: QEMU is interrupted, too */
			return INTERRUPTED;
		if (ret)
			return tool_error(NULL, "%s: %s", s->name, strerror(-ret));
	}
	return TOOL_OK;
}

static int run(struct bench *bench, bool json, uint32_t only)
{
	/* Once: another Ctrl-C ends the program. */
	const struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
	struct output out = {.rows = json ? json_array() : NULL};
	char self[4096], cpu[256];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int status;

	if (json && !out.rows)
		return tool_error(NULL, "out of memory");
	self[len > 0 ? len : 0] = '\0';
	cpu_model(cpu, sizeof(cpu));
	bench->self = self;
	bench->emit = emit;
	bench->opaque = &out;
	if (!json)
		printf("viq %s on %s, %ld processors%s\n%50s %9s %9s %9s\n", VIQ_VERSION_STRING, cpu,
		       sysconf(_SC_NPROCESSORS_ONLN), bench->quick ? ", quick: the figures mean little" : "", "",
		       "median", "p10", "p90");
	sigaction(SIGINT, &action, NULL);
	status = run_subjects(bench, &out, only);
	if (status == INTERRUPTED)
		tool_error(NULL, "interrupted; what was measured until then is whole");
	if (json && status != TOOL_ERROR)
		tool_json(json_pack("{s:s, s:s, s:i, s:b, s:b, s:O}", "viq", VIQ_VERSION_STRING, "cpu", cpu,
				    "processors", (int)sysconf(_SC_NPROCESSORS_ONLN), "quick", bench->quick,
				    "interrupted", (int)bench_stop, "rows", out.rows));
	json_decref(out.rows);
	return status;
}

enum {
	OPT_ONLY = 256,
	OPT_QUICK,
	OPT_JSON,
};

static const struct tool_option bench_options[] = {
	{"only", OPT_ONLY, SUBJECTS, "one subject; repeat for more"},
	{"quick", OPT_QUICK, NULL, "few repetitions, small sizes: shows that it works, not how fast"},
	{"json", OPT_JSON, NULL, "one JSON object on a line, instead of the table"},
	{0},
};

static int cmd_bench(int argc, char **argv)
{
	struct bench bench = {.quick = false};
	uint32_t only = 0;
	bool json = false;
	int c, status;

	while ((c = tool_getopt(argc, argv, &command_bench, &status)) != -1) {
		switch (c) {
		case OPT_ONLY:
			if (find_subject(optarg, &only))
				return status;
			break;
		case OPT_QUICK:
			bench.quick = true;
			break;
		case OPT_JSON:
			json = true;
			break;
		default:
			return status;
		}
	}
	if (optind < argc)
		return tool_usage("unexpected '%s'; a subject is named with --only", argv[optind]);
	return run(&bench, json, only);
}

const struct tool_command command_bench = {
	.name = "bench",
	.run = cmd_bench,
	.summary = "measure viq on this machine, and print medians and ratios",
	.usage = "[OPTION]...",
	.about = "Measure viq on this machine: medians over many short repetitions, with the values that one in ten "
		 "lies "
		 "below (p10) and above (p90), beside the targets.",
	.options = bench_options,
	.colour = true,
	.status = "0 whether targets are reached or not, 1 a subject failed, 2 bad command line, 130 interrupted "
		  "(Ctrl-C): what was measured until then is printed.",
	.examples = "viq bench --only bulk",
};
