/* SPDX-License-Identifier: MIT */
/*
 * A VMM with a front end of its own, and viq for the call alone: the commands of one guest doorbell go to a vIOMMU as
 * one array, and what the guest must see is in the answer.
 *
 *   just_the_call IOMMUFD VIOMMU DEVICE      an open iommufd and two ids in it, as the VMM has them
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <viq/linux_host.h>
#include <viq/smmuv3_spec.h>

/* The guest's commands between CONS and PROD, as they are in its memory; the third one has a bit that does not exist.
 */
static const uint64_t queue[][2] = {
	{VIQ_SMMUV3_OP_TLBI_NH_ASID | VIQ_PUT(VIQ_SMMUV3_TLBI_ASID, 5), 0},
	{VIQ_SMMUV3_OP_TLBI_NH_VA | VIQ_PUT(VIQ_SMMUV3_TLBI_ASID, 5), 0x4000},
	{VIQ_SMMUV3_OP_TLBI_NH_ALL | VIQ_BIT(8), 0},
};
#define COUNT (sizeof(queue) / sizeof(queue[0]))

int main(int argc, char **argv)
{
	struct viq_linux_config config = {.size = sizeof(config), .fd = argc > 1 ? atoi(argv[1]) : -1};
	struct viq_linux_hw_info hw = {.size = sizeof(hw)};
	struct viq_call_result res = {.size = sizeof(res)};
	struct viq_linux_smmuv3_host *host;
	struct viq_why why = {""};
	uint64_t entries[COUNT][2];
	struct viq_call_host call;
	struct viq_linux *ctx;

	if (argc != 4 || viq_linux_open(&config, &ctx, &why) || viq_linux_hw_info(ctx, (uint32_t)atoi(argv[3]), &hw) ||
	    viq_linux_smmuv3_host_create(ctx, (uint32_t)atoi(argv[2]), &hw, VIQ_LINUX_CALLS_BULK, &host, &why)) {
		fprintf(stderr, "just_the_call IOMMUFD VIOMMU DEVICE: %s\n", why.text);
		return 1;
	}
	call = viq_linux_smmuv3_host_get(host);
	for (size_t i = 0; i < COUNT; i++) { /* a private copy: the guest may write its queue meanwhile */
		entries[i][0] = htole64(queue[i][0]);
		entries[i][1] = htole64(queue[i][1]);
	}
	/* The two halves of a ring that wraps would be two pieces. */
	if (viq_call_invalidate(&call,
				&(struct viq_call_request){
					.size = sizeof(struct viq_call_request),
					.object = call.object,
					.type = VIQ_CALL_SMMUV3,
					.entry_size = sizeof(entries[0]),
					.pieces = &(struct viq_call_piece){entries, COUNT},
					.piece_count = 1,
				},
				&res))
		return 1; /* the request is malformed: nothing was done */
	/* CONS moves by handled, and no further. Illegal: CERROR_ILL there. Anything else is the host's failure. */
	printf("CONS += %u, %s\n", (unsigned)res.handled, viq_call_error_text(res.error));
	viq_linux_smmuv3_host_destroy(host);
	viq_linux_close(ctx);
	return 0;
}
