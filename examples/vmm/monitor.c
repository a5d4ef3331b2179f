/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "vmm.h"

#define CTRL_A 1

static void print_counters(struct monitor *m)
{
	struct smmu_status now;

	smmu_status(m->smmu, &now);
	say("counters: doorbells=%" PRIu64 " runs=%" PRIu64 " commands=%" PRIu64 " syncs=%" PRIu64 " calls=%" PRIu64
	    " entries=%" PRIu64 " ioctls=%" PRIu64 " failed=%" PRIu64 " errors=%" PRIu64 " events=%" PRIu64
	    " attaches=%" PRIu64,
	    now.guest.doorbells, now.guest.runs, now.commands, now.guest.commands[VIQ_SMMUV3_OP_SYNC], now.guest.calls,
	    now.guest.entries, now.host.ioctls, now.host.failed, now.errors, now.guest.events, now.host.attaches);
}

static void command(struct monitor *m, uint8_t key)
{
	switch (key) {
	case CTRL_A:
		uart_input(m->uart, CTRL_A);
		break;
	case 's':
		print_counters(m);
		break;
	case 'i':
		smmu_inject(m->smmu);
		say("inject: armed");
		break;
	case 'f':
		smmu_freeze(m->smmu);
		break;
	case 'c':
		smmu_compare(m->smmu);
		break;
	case 'q':
		vm_end(m->vm, "ended from the monitor", false);
		break;
	default:
		say("after Ctrl-A: s counters, c compare them with the guest's ring, f save and restore the guest's "
		    "SMMU, i make one of its commands illegal, q quit, Ctrl-A send Ctrl-A");
	}
}

void monitor_input(struct monitor *m, const uint8_t *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (m->escape)
			command(m, text[i]);
		else if (text[i] != CTRL_A)
			uart_input(m->uart, text[i]);
		m->escape = !m->escape && text[i] == CTRL_A;
	}
}

void monitor_status(struct monitor *m, unsigned int seconds)
{
	struct smmu_status now, *last = &m->last;
	uint64_t calls;

	smmu_status(m->smmu, &now);
	calls = now.host.ioctls - last->host.ioctls;
	say("status: %" PRIu64 " doorbells, %" PRIu64 " commands, %" PRIu64 " calls (%" PRIu64
	    " a second, %.1f entries each), "
	    "%" PRIu64 " errors, %" PRIu64 " events",
	    now.guest.doorbells, now.commands, now.host.ioctls, calls / seconds,
	    calls ? (double)(now.host.entries - last->host.entries) / (double)calls : 0.0, now.errors,
	    now.guest.events);
	m->last = now;
}
