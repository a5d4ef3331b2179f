/* SPDX-License-Identifier: MIT */
/* Commands, codes and events in words, under a front end's ID registers. */
#include "smmuv3.h"
#include "spec/smmuv3/event.h"
#include "spec/smmuv3/text.h"

void smmuv3_config_features(struct smmuv3_features *f, const struct viq_smmuv3_config *config)
{
	smmuv3_features_init(f, config->idr0, config->idr1, config->idr3, config->idr5, config->aidr);
}

static uint32_t feature_bits(const struct viq_smmuv3_config *config)
{
	struct smmuv3_features f;

	if (!config)
		return FEATURES_ALL;
	smmuv3_config_features(&f, config);
	return f.bits;
}

const char *viq_smmuv3_command_name(const uint64_t cmd[2])
{
	return cmd ? smmuv3_command_name(cmd) : NULL;
}

int viq_smmuv3_command_text(const uint64_t cmd[2], const struct viq_smmuv3_config *config, char *buf, size_t len)
{
	return cmd ? smmuv3_command_text(cmd, feature_bits(config), buf, len) : 0;
}

unsigned int viq_smmuv3_command_check(const uint64_t cmd[2], const struct viq_smmuv3_config *config)
{
	const uint32_t features = feature_bits(config);
	struct smmuv3_rule rule;

	if (!cmd)
		return VIQ_SMMUV3_CERROR_ILL;
	smmuv3_rule_init(&rule, cmd[0] & VIQ_SMMUV3_CMD_OP, features);
	return smmuv3_command_legal(&rule, cmd, features) ? VIQ_SMMUV3_CERROR_NONE : VIQ_SMMUV3_CERROR_ILL;
}

const char *viq_smmuv3_cerror_name(unsigned int cerror)
{
	return smmuv3_cerror_name(cerror);
}

const char *viq_smmuv3_event_name(unsigned int event)
{
	const struct smmuv3_event *e = smmuv3_event_find(event);

	return e ? e->name : NULL;
}
