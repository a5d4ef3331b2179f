// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "colour.h"
#include "doctor.h"
#include "tool.h"

static const char *const level_names[] = {"ok", "warning", "missing"};
static const enum colour colours[] = {COLOUR_GOOD, COLOUR_WARNING, COLOUR_BAD};

static void *need(void *memory)
{
	if (!memory)
		exit(tool_error(NULL, "out of memory"));
	return memory;
}

void doctor_plain(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
			*text = '?';
	}
}

static char *plain_text(const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		need(NULL);
	doctor_plain(text);
	return text;
}

void doctor_find(struct doctor *d, enum doctor_level level, const char *subject, const char *format, ...)
{
	va_list args;

	d->findings = need(realloc(d->findings, (d->finding_count + 1) * sizeof(*d->findings)));
	va_start(args, format);
	d->findings[d->finding_count++] =
		(struct doctor_finding){.level = level, .subject = subject, .text = plain_text(format, args)};
	va_end(args);
}

void doctor_remedy(struct doctor *d, const char *format, ...)
{
	struct doctor_finding *last = &d->findings[d->finding_count - 1];
	va_list args;

	va_start(args, format);
	free(last->remedy);
	last->remedy = plain_text(format, args);
	va_end(args);
}

static const struct doctor_device *proven(const struct doctor *d)
{
	size_t i;

	for (i = 0; i < d->device_count; i++) {
		if (d->devices[i].use == DOCTOR_USE_PROVEN)
			return &d->devices[i];
	}
	return NULL;
}

const char *doctor_proof(const struct viq_linux_hw_info *hw)
{
	return hw->type == VIQ_LINUX_HW_VTD ? "a nested page table" : "a vIOMMU";
}

static size_t missing(const struct doctor *d)
{
	size_t i, n = 0;

	for (i = 0; i < d->finding_count; i++)
		n += d->findings[i].level == DOCTOR_MISSING;
	return n;
}

void doctor_settle(struct doctor *d)
{
	size_t i;

	for (i = 0; i < d->finding_count && proven(d); i++) {
		if (d->findings[i].level == DOCTOR_MISSING)
			d->findings[i].level = DOCTOR_WARNING;
	}
}

bool doctor_nesting(const struct doctor *d)
{
	return !missing(d);
}

static void verdict(const struct doctor *d, char *out, size_t size)
{
	size_t n = missing(d);

	if (n)
		snprintf(out, size, "Nesting cannot work here: %zu %s missing.", n, n == 1 ? "thing is" : "things are");
	else if (proven(d))
		snprintf(out, size, "Nesting can work here: %s was made on %s.", doctor_proof(&proven(d)->hw),
			 proven(d)->name);
	else
		snprintf(out, size, "Nesting can work here, as far as can be seen: no device was tried%s.",
			 d->live && !d->tries ? "; --try does" : "");
	doctor_plain(out);
}

static json_t *plain_json(const char *name)
{
	char copy[DOCTOR_NAME];

	snprintf(copy, sizeof(copy), "%s", name);
	doctor_plain(copy);
	return json_string(copy);
}

static json_t *idr_json(const struct viq_linux_hw_info *hw)
{
	json_t *idr = json_array();
	int i;

	for (i = 0; i < 6; i++)
		json_array_append_new(idr, tool_json_hex(hw->idr[i]));
	return idr;
}

/* Registers as the kernel told them; of VT-d or of an SMMUv3. */
static json_t *hw_info_json(const struct viq_linux_hw_info *hw)
{
	if (hw->type == VIQ_LINUX_HW_VTD)
		return json_pack("{s:I, s:o, s:o, s:o, s:I}", "type", (json_int_t)hw->type, "capabilities",
				 tool_json_hex(hw->capabilities), "cap", tool_json_hex(hw->cap), "ecap",
				 tool_json_hex(hw->ecap), "pasid_bits", (json_int_t)hw->max_pasid_log2);
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "type", (json_int_t)hw->type, "capabilities",
			 tool_json_hex(hw->capabilities), "flags", tool_json_hex(hw->flags), "idr", idr_json(hw),
			 "iidr", tool_json_hex(hw->iidr), "aidr", tool_json_hex(hw->aidr));
}

static json_t *device_json(const struct doctor_device *device)
{
	static const char *const uses[] = {"no", "unknown", "yes"};
	const struct viq_linux_hw_info *hw = &device->hw;
	json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:s}", "name", plain_json(device->name), "cdev",
				   plain_json(device->cdev), "driver", plain_json(device->driver), "iommu",
				   plain_json(device->iommu), "nesting", uses[device->use]);

	if (hw->size)
		json_object_set_new(object, "hw_info", hw_info_json(hw));
	return object;
}

static void print_json(const struct doctor *d, const char *text)
{
	json_t *findings = json_array();
	json_t *devices = json_array();
	size_t i;

	for (i = 0; i < d->finding_count; i++) {
		const struct doctor_finding *f = &d->findings[i];

		json_array_append_new(findings, json_pack("{s:s, s:s, s:s, s:s?}", "level", level_names[f->level],
							  "subject", f->subject, "text", f->text, "remedy", f->remedy));
	}
	for (i = 0; i < d->device_count; i++)
		json_array_append_new(devices, device_json(&d->devices[i]));
	tool_json(json_pack("{s:b, s:b, s:s, s:s, s:s, s:s?, s:o, s:o}", "nesting", doctor_nesting(d), "tried",
			    proven(d) != NULL, "verdict", text, "kernel", d->release, "arch", d->arch, "kernels_row",
			    d->row, "findings", findings, "devices", devices));
}

void doctor_print(const struct doctor *d, bool json)
{
	char text[128];
	size_t i;

	verdict(d, text, sizeof(text));
	if (json) {
		print_json(d, text);
		return;
	}
	for (i = 0; i < d->finding_count; i++) {
		const struct doctor_finding *f = &d->findings[i];

		printf("%s%-7s%s  %-8s  %s\n", colour_on(colours[f->level]), level_names[f->level], colour_off(),
		       f->subject, f->text);
		if (f->remedy)
			printf("%-7s  %-8s  -> %s\n", "", "", f->remedy);
	}
	printf("\n%s\n", text);
}

void doctor_free(struct doctor *d)
{
	size_t i;

	for (i = 0; i < d->finding_count; i++) {
		free(d->findings[i].text);
		free(d->findings[i].remedy);
	}
	free(d->findings);
	free(d->devices);
	viq_linux_close(d->ctx);
	close(d->root);
}
