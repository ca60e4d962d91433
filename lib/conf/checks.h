/* Private to lib/conf: one check per type of types.def (checks.c). */
#ifndef SLUICE_CONF_CHECKS_H
#define SLUICE_CONF_CHECKS_H

#include "base/span.h"

bool is_text(struct span s);
bool is_name(struct span s);
bool is_redis_url(struct span s);
bool is_secret_name(struct span s);
bool is_host_rule(struct span s);
bool is_http_url(struct span s);
bool is_webhook_url(struct span s);
bool is_stop_key(struct span s);
bool is_tenant_stop_key(struct span s);
bool is_address(struct span s);
bool is_origin(struct span s);
bool is_network(struct span s);
bool is_ability(struct span s);
bool is_provider(struct span s);
bool is_role(struct span s);
bool is_sha256(struct span s);
bool is_log_level(struct span s);
bool is_log_format(struct span s);

#endif
