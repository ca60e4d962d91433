/* The names of keys and channels that C needs; lib/bus/scripts/common.lua spells the same. A tenant
 * has no colon and ids are checked, so that no two things share a name. */
#include "bus/keys.h"

#include "base/check.h"
#include "base/span.h"

#include <stdarg.h>
#include <stdio.h>

#define CHAT_WORD   "{chat_id}"
#define TENANT_WORD "{tenant}"

const char *lane_name(enum lane lane)
{
    static const char *const names[LANE_COUNT] = {
        [LANE_STREAM_INTERACTIVE] = "stream.interactive",
        [LANE_STREAM_BATCH] = "stream.batch",
        [LANE_GRAPH_INTERACTIVE] = "graph.interactive",
        [LANE_GRAPH_BATCH] = "graph.batch",
    };
    CHECK((unsigned)lane < LANE_COUNT);
    return names[lane];
}

/* Of the formats only %s: this is the hot path, where printf was a third of all that an append cost
 * the worker. */
__attribute__((format(printf, 1, 2))) static struct key make(const char *format, ...)
{
    struct key key;
    char *at = key.text, *end = key.text + sizeof key.text - 1;
    key.text[0] = '\0'; /* not all of it: that is dear, and cppcheck sees through no pointer */
    va_list args;
    va_start(args, format);
    for (const char *f = format; *f != '\0'; f++) {
        struct span part = span_make(f, 1);
        if (*f == '%') {
            CHECK(*++f == 's');
            part = span_of(va_arg(args, const char *));
        }
        CHECK(part.len <= (size_t)(end - at)); /* ids are checked before they come here */
        memcpy(at, part.ptr, part.len);
        at += part.len;
    }
    va_end(args);
    *at = '\0';
    return key;
}

struct key key_generation(const char *tenant, const char *generation)
{
    return make(KEY_PREFIX "gen:%s:%s", tenant, generation);
}

struct key key_chat(const char *tenant, const char *chat)
{
    return make(KEY_PREFIX "chat:%s:%s", tenant, chat);
}

struct key key_active(const char *tenant, const char *chat)
{
    return make(KEY_PREFIX "active:%s:%s", tenant, chat);
}

struct key key_chats(const char *tenant)
{
    return make(KEY_PREFIX "chats:%s", tenant);
}

struct key key_events(const char *tenant, const char *generation)
{
    return make(KEY_PREFIX "events:%s:%s", tenant, generation);
}

struct key key_live(const char *tenant, const char *generation, const char *token)
{
    return make(KEY_PREFIX "live:%s:%s:%s", tenant, generation, token);
}

struct key key_steps(const char *tenant, const char *generation)
{
    return make(KEY_PREFIX "steps:%s:%s", tenant, generation);
}

struct key key_graph(const char *version)
{
    return make(KEY_PREFIX "graph:%s", version);
}

struct key key_places(const char *model)
{
    return make(KEY_PREFIX "places:%s", model);
}

struct key key_wanted(const char *model)
{
    return make(KEY_PREFIX "wanted:%s", model);
}

struct key key_plain(const char *name)
{
    return make(KEY_PREFIX "%s", name);
}

/* Appends what fits; the CHECK of the caller tells when it did not. */
static size_t put(struct key *key, size_t len, struct span s)
{
    if (len + s.len >= KEY_MAX)
        return KEY_MAX;
    memcpy(key->text + len, s.ptr, s.len);
    key->text[len + s.len] = '\0';
    return len + s.len;
}

struct key key_flag(const char *pattern, const char *tenant_pattern, const char *tenant,
                    const char *chat)
{
    struct key key = {.text = ""};
    size_t len = 0;
    if (chat[0] == '\0')
        return key;
    struct span rest = span_of(strcmp(tenant, "default") == 0 ? pattern : tenant_pattern);
    while (rest.len > 0) {
        bool is_chat = span_starts_with(rest, CHAT_WORD),
             is_tenant = span_starts_with(rest, TENANT_WORD);
        size_t used = is_chat ? strlen(CHAT_WORD) : is_tenant ? strlen(TENANT_WORD) : 1;
        struct span part = is_chat     ? span_of(chat)
                           : is_tenant ? span_of(tenant)
                                       : span_make(rest.ptr, 1);
        len = put(&key, len, part);
        rest = span_make(rest.ptr + used, rest.len - used);
    }
    CHECK(len < KEY_MAX); /* conf takes patterns of at most 128 bytes, each word once */
    return key;
}
