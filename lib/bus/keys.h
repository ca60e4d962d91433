/* Every key and channel name, spelled here once (the scripts' half is in scripts/common.lua). Ids
 * come in checked. */
#ifndef SLUICE_BUS_KEYS_H
#define SLUICE_BUS_KEYS_H

#include "base/span.h"
#include <stdbool.h>

enum { KEY_MAX = 512 };
struct key {
    char text[KEY_MAX];
};

#define KEY_PREFIX "sluice:{s00}:" /* one shard */

enum lane {
    LANE_STREAM_INTERACTIVE,
    LANE_STREAM_BATCH,
    LANE_GRAPH_INTERACTIVE,
    LANE_GRAPH_BATCH,
    LANE_COUNT
};
const char *lane_name(enum lane lane); /* "stream.interactive" */

struct key key_generation(const char *tenant, const char *generation); /* gen:  */
struct key key_chat(const char *tenant, const char *chat);             /* chat: */
struct key key_active(const char *tenant, const char *chat);           /* active: */
struct key key_chats(const char *tenant);                              /* chats: */
struct key key_events(const char *tenant, const char *generation);     /* channel events: */
struct key key_live(const char *tenant, const char *generation, const char *token);
struct key key_steps(const char *tenant, const char *generation); /* steps: */
struct key key_graph(const char *version);                        /* graph: */
struct key key_places(const char *model);                         /* places: */
struct key key_wanted(const char *model);                         /* wanted: */
struct key key_plain(const char *name); /* leases, open, dead, workers, control, bell:<lane> ... */
/* The flag's name by the configured pattern (at most 128 bytes, {chat_id} once in it, {tenant} once
 * in the other tenants': the configuration checks that); "" when chat is "". */
struct key key_flag(const char *pattern, const char *tenant_pattern, const char *tenant,
                    const char *chat);

#endif
