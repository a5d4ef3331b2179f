/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include <viq/version.h>

#include "monitor.h"

#define MAX_COMMAND 65536 /* bytes */

struct monitor {
	const struct monitor_ops *ops;
	void *opaque;
	const char *machine;
	bool negotiated, quit;
	size_t used;
	char in[MAX_COMMAND + 1]; /* ends with a zero byte */
};

/* --- Sending ----------------------------------------------------------------------------------------------------- */

/* Consumes the message; NULL: there was no memory for it. */
static int say(struct monitor *m, json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	int err = text ? m->ops->send(m->opaque, text, strlen(text)) : -ENOMEM;

	if (!err)
		err = m->ops->send(m->opaque, "\r\n", 2);
	free(text);
	json_decref(message);
	return err;
}

/* Consumes desc. */
static int refuse(struct monitor *m, json_t *id, const char *class, json_t *desc)
{
	return say(m, json_pack("{s:{s:s, s:o}, s:O*}", "error", "class", class, "desc", desc, "id", id));
}

static int tell_event(struct monitor *m, const char *event, const char *reason)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return say(m, json_pack("{s:s, s:{s:b, s:s}, s:{s:I, s:I}}", "event", event, "data", "guest", 0, "reason",
				reason, "timestamp", "seconds", (json_int_t)now.tv_sec, "microseconds",
				(json_int_t)now.tv_nsec / 1000));
}

/* --- Commands ---------------------------------------------------------------------------------------------------- */

static json_t *qmp_capabilities(struct monitor *m)
{
	m->negotiated = true;
	return json_object();
}

/* The one that there is. */
static json_t *query_machines(struct monitor *m)
{
	return json_pack("[{s:s, s:i, s:b, s:b, s:b, s:b}]", "name", m->machine, "cpu-max", 1, "hotpluggable-cpus", 0,
			 "numa-mem-supported", 0, "deprecated", 0, "acpi", 0);
}

static json_t *quit(struct monitor *m)
{
	m->quit = true;
	return json_object();
}

static json_t *system_reset(struct monitor *m)
{
	m->ops->reset(m->opaque);
	return json_object();
}

static const struct command {
	const char *name;
	json_t *(*run)(struct monitor *m);
	const char *event, *reason; /* that it was done; NULL: none */
} commands[] = {
	{"qmp_capabilities", qmp_capabilities, NULL, NULL},
	{"query-machines", query_machines, NULL, NULL},
	{"quit", quit, "SHUTDOWN", "host-qmp-quit"},
	{"system_reset", system_reset, "RESET", "host-qmp-system-reset"},
};

static int run(struct monitor *m, const json_t *message)
{
	const char *name = json_string_value(json_object_get(message, "execute"));
	json_t *id = json_object_get(message, "id");
	int err;

	if (!name)
		return refuse(m, id, "GenericError", json_string("QMP input lacks member 'execute'"));
	/* As QEMU says it to those who begin with anything else, or begin again. */
	if (m->negotiated == !strcmp(name, "qmp_capabilities"))
		return refuse(m, id, "CommandNotFound",
			      json_string(m->negotiated
						  ? "Capabilities negotiation is already complete, command ignored"
						  : "Expecting capabilities negotiation with 'qmp_capabilities'"));
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *c = &commands[i];

		if (strcmp(c->name, name))
			continue;
		err = say(m, json_pack("{s:o, s:O*}", "return", c->run(m), "id", id));
		return err || !c->event ? err : tell_event(m, c->event, c->reason);
	}
	return refuse(m, id, "CommandNotFound",
		      json_sprintf("The command %s has not been found; viq device knows qmp_capabilities, "
				   "query-machines, quit and system_reset",
				   name));
}

/* --- Input ------------------------------------------------------------------------------------------------------- */

int monitor_create(const struct monitor_ops *ops, void *opaque, const char *machine, struct monitor **out)
{
	struct monitor *m = malloc(sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->ops = ops;
	m->opaque = opaque;
	m->machine = machine;
	m->negotiated = m->quit = false;
	m->used = 0;
	/* The QEMU whose machine this is: clients ask for it. */
	err = say(m, json_pack("{s:{s:{s:{s:i, s:i, s:i}, s:s}, s:[]}}", "QMP", "version", "qemu", "major", 10, "minor",
			       0, "micro", 0, "package", "viq " VIQ_VERSION_STRING, "capabilities"));
	if (err)
		monitor_destroy(m);
	else
		*out = m;
	return err;
}

void monitor_destroy(struct monitor *m)
{
	free(m);
}

size_t monitor_space(struct monitor *m, void **buf)
{
	*buf = m->in + m->used;
	return MAX_COMMAND - m->used;
}

static void drop(struct monitor *m, size_t len)
{
	m->used -= len;
	memmove(m->in, m->in + len, m->used + 1);
}

/* One command, or one piece that is none. 1: go on; 0: more must come; else a negative errno. */
static int step(struct monitor *m)
{
	json_error_t error;
	json_t *message;
	int err;

	drop(m, strspn(m->in, " \t\r\n"));
	if (!m->used)
		return 0;
	message = json_loadb(m->in, m->used, JSON_DISABLE_EOF_CHECK, &error);
	if (message) {
		drop(m, (size_t)error.position);
		err = json_is_object(message)
			      ? run(m, message)
			      : refuse(m, NULL, "GenericError", json_string("QMP input must be a JSON object"));
		json_decref(message);
		return err ? err : 1;
	}
	if (json_error_code(&error) == json_error_premature_end_of_input && m->used < MAX_COMMAND)
		return 0;
	m->used = 0; /* where the next command begins is anyone's guess */
	return refuse(m, NULL, "GenericError", json_sprintf("JSON parse error, %s", error.text));
}

int monitor_filled(struct monitor *m, size_t len)
{
	int ret = 1;

	m->used += len;
	m->in[m->used] = '\0';
	while (ret > 0 && !m->quit)
		ret = step(m);
	return ret > 0 ? 0 : ret;
}

bool monitor_quits(const struct monitor *m)
{
	return m->quit;
}
