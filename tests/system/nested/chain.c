/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>

#include "chain.h"
#include "host/linux/iommufd/sys.h"
#include "host/linux/iommufd/uapi.h"
#include "kernel/machine.h"
#include "live/job.h"

/* syslog(2): SYSLOG_ACTION_READ_CLEAR, SYSLOG_ACTION_CLEAR */
#define READ_CLEAR 4
#define CLEAR      5
#define WARNING    '4'

struct chain_said chain_said;

static void hear(const struct linux_hwpt_invalidate *call, uint32_t entries, int err)
{
	struct chain_said *said = &chain_said;

	said->calls++;
	if (!err && !said->failed)
		said->before += entries;
	if (!err || said->failed++)
		return;
	said->err = err;
	said->entries = entries;
	said->handled = call->cmd.entry_num;
	said->report = call->cmd.size >= sizeof(*call);
	if (said->report) {
		said->last = call->out_last_index;
		said->error = call->out_error;
	}
}

static int listening(void *opaque, int fd, unsigned long request, void *arg)
{
	const struct linux_hwpt_invalidate *call = arg;
	uint32_t entries = request == UAPI_IOMMU_HWPT_INVALIDATE ? call->cmd.entry_num : 0;
	int ret = linux_sys.ioctl(opaque, fd, request, arg);

	if (request == UAPI_IOMMU_HWPT_INVALIDATE)
		hear(call, entries, ret);
	return ret;
}

/* Here, and not when the kernel likes: it would be amid what is asked and answered. */
static void print_log(void)
{
	static char log[1 << 16];
	int size = klogctl(READ_CLEAR, log, sizeof(log) - 1);

	check(size >= 0);
	log[size] = 0;
	for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
		if (line[0] == '<' && line[1] <= WARNING)
			puts(line);
	}
	fflush(stdout);
}

struct viq_linux *chain_open(void)
{
	struct viq_linux_sys sys = linux_sys;
	struct viq_linux_config config;
	struct viq_why why = {""};
	struct viq_linux *ctx;

	machine_use_processor(1); /* the driver polls with interrupts off */
	check(!klogctl(CLEAR, NULL, 0));
	sys.ioctl = listening;
	viq_linux_config_init(&config, sizeof(config));
	config.sys = &sys;
	if (viq_linux_open(&config, &ctx, &why))
		fail("%s", why.text);
	return ctx;
}

void chain_close(struct viq_linux *ctx)
{
	viq_linux_close(ctx);
	print_log();
}

void chain_said_text(const char *error, char *text, size_t size)
{
	const struct chain_said *said = &chain_said;
	char range[40];

	if (!said->failed) {
		snprintf(text, size, "success");
		return;
	}
	snprintf(range, sizeof(range), "%u", said->handled);
	if (said->report && said->last != said->handled)
		snprintf(range, sizeof(range), "%u to %u", said->handled, said->last);
	snprintf(text, size, "%s at %s of %u%s%s", strerrorname_np(-said->err), range, said->entries,
		 error[0] ? ", " : "", error);
}

void chain_arm(const char *failure)
{
	char text[64];

	snprintf(text, sizeof(text), "fail %s", failure);
	devices_ask(text);
	chain_said = (struct chain_said){0};
}

unsigned int chain_strikes(unsigned int *distance)
{
	unsigned int strikes;
	char answer[64];

	print_log();
	devices_ask_for("strikes", answer, sizeof(answer));
	if (sscanf(answer, "%u %u", &strikes, distance) != 2)
		fail("strikes: %s", answer);
	return strikes;
}

void chain_print(const struct chain_row *row)
{
	printf("chain: %s | %s | %s | %s | %s | %s\n", row->failure, row->where, row->said, row->told, row->recovers,
	       row->dma);
	fflush(stdout);
}
