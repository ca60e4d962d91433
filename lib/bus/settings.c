/* Owns: the table of what Redis must be set to. One INFO and one CONFIG GET, three PINGs for the
 * round trip. Invariant: `done` comes once, after the last finding. */
#include "bus/settings.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "bus/keys.h"

#include <stdio.h>
#include <string.h>

enum {
    SETTINGS_MAGIC = 0x73657474,
    PINGS = 3,
    FLAG_TTL_MS = 60 * 1000,
    REAP_MS = 1000,
    SLOW_US = 10 * 1000,
    SMALL_PUBSUB_BUFFER = 8 * 1024 * 1024
};

#define SHARDS "1" /* the only number that redis.shards can have yet */

struct settings {
    uint32_t magic;
    struct settings_hooks hooks;
    int64_t lease_ms;
    int pending; /* replies still to come */
    int status;
    struct link *link;
    int pings; /* still to send, one after the other: what stood before them does not count */
    int64_t sent_us, fastest_us;
    char version[32], shards[16], eviction[32], append_only[8], append_sync[16], save[64],
        pubsub[96];
    bool config_refused; /* or there is nothing to see */
};

static void say(struct settings *s, enum finding_level level, const char *check, const char *found,
                const char *advice)
{
    s->hooks.on_finding(&(struct finding){level, check, found, advice}, s->hooks.arg);
}

static void check_version(struct settings *s)
{
    uint64_t major = 0;
    struct span rest = span_of(s->version), first = span_cut(&rest, '.');
    bool is_new = num_parse_u64(first, &major) == 0 && major >= 7;
    if (s->version[0] == '\0') {
        say(s, FINDING_WARNING, "version", "INFO is refused",
            "The server hides its version: see to it that it is Redis 7.0 or newer, or Valkey.");
        return;
    }
    say(s, is_new ? FINDING_GOOD : FINDING_FAILURE, "version", s->version,
        is_new ? "" : "Sluice needs Redis 7.0 or newer, or Valkey: upgrade the server.");
}

static void check_eviction(struct settings *s)
{
    bool is_good = span_is(span_of(s->eviction), "noeviction");
    say(s, is_good ? FINDING_GOOD : FINDING_WARNING, "eviction", s->eviction,
        is_good ? ""
                : "A full Redis would throw away leases and logs: CONFIG SET maxmemory-policy "
                  "noeviction.");
}

static void check_persistence(struct settings *s)
{
    char found[160];
    (void)snprintf(found, sizeof found, "appendonly %s, appendfsync %s, save \"%s\"",
                   s->append_only, s->append_sync, s->save);
    if (!span_is(span_of(s->append_only), "yes"))
        say(s, FINDING_WARNING, "persistence", found,
            "A restart of Redis loses chats and running generations: CONFIG SET appendonly yes "
            "(and in redis.conf).");
    else if (span_is(span_of(s->append_sync), "always"))
        say(s, FINDING_GOOD, "persistence", found, "");
    else if (span_is(span_of(s->append_sync), "everysec"))
        say(s, FINDING_NOTE, "persistence", found,
            "A killed Redis can undo the last second or two, answered stops among it; appendfsync "
            "always loses nothing that was answered.");
    else
        say(s, FINDING_WARNING, "persistence", found,
            "The kernel decides when to write: set appendfsync everysec or always.");
}

/* "normal 0 0 0 slave ... pubsub 33554432 8388608 60": the hard limit of pubsub. */
static void check_pubsub(struct settings *s)
{
    static const char word[] = "pubsub ";
    const char *found = strstr(s->pubsub, word);
    struct span rest = span_of(found == NULL ? "" : found + sizeof word - 1);
    uint64_t hard = 0;
    bool is_known = num_parse_u64(span_cut(&rest, ' '), &hard) == 0;
    bool is_small = is_known && hard != 0 && hard < SMALL_PUBSUB_BUFFER;
    say(s, is_small ? FINDING_WARNING : FINDING_GOOD, "pubsub buffer",
        found == NULL ? s->pubsub : found + sizeof word - 1,
        is_small ? "Busy API processes would be disconnected again and again: CONFIG SET "
                   "client-output-buffer-limit \"pubsub 32mb 8mb 60\"."
                 : "");
}

static void check_round_trip(struct settings *s)
{
    char found[48];
    (void)snprintf(found, sizeof found, "%.2f ms", (double)s->fastest_us / 1000.0);
    bool is_slow = s->fastest_us > SLOW_US;
    say(s, is_slow ? FINDING_WARNING : FINDING_GOOD, "round trip", found,
        is_slow ? "Every token waits for it: bring Redis nearer, or use a unix socket." : "");
}

static void check_lease(struct settings *s)
{
    char found[64];
    (void)snprintf(found, sizeof found, "%lld ms", (long long)s->lease_ms);
    bool is_long = s->lease_ms + REAP_MS > FLAG_TTL_MS / 2;
    say(s, is_long ? FINDING_WARNING : FINDING_GOOD, "lease", found,
        is_long ? "With the reaper's interval it is over half the stop flag's 60 s: a dead "
                  "worker's stop could be missed; set worker.lease to 29s or less."
                : "");
}

/* Stored at the first start: with another number tenants would move away from their keys. */
static void check_shards(struct settings *s)
{
    bool is_good = s->shards[0] == '\0' || span_is(span_of(s->shards), SHARDS);
    say(s, is_good ? FINDING_GOOD : FINDING_FAILURE, "shards",
        s->shards[0] == '\0' ? "none stored yet" : s->shards,
        is_good ? ""
                : "This Redis was begun with another number of shards: set redis.shards to it.");
}

static void conclude(struct settings *s)
{
    if (s->status == 0) {
        check_version(s);
        check_shards(s);
        if (s->config_refused) {
            say(s, FINDING_WARNING, "settings", "CONFIG GET is refused",
                "The server hides its settings: look at eviction, persistence and buffers "
                "yourself.");
        } else {
            check_eviction(s);
            check_persistence(s);
            check_pubsub(s);
        }
        check_round_trip(s);
        check_lease(s);
    }
    s->hooks.done(s->status, s->hooks.arg);
}

static void one_less(struct settings *s, int status)
{
    if (status != 0)
        s->status = status;
    if (--s->pending == 0)
        conclude(s);
}

static void copy(char *to, size_t size, struct span from)
{
    (void)snprintf(to, size, "%.*s", SPAN_ARG(from));
}

static void on_info(int status, const struct reply *reply, void *arg)
{
    struct settings *s = arg;
    CHECK_MAGIC(s, SETTINGS_MAGIC);
    struct span rest = reply_str(reply);
    while (rest.ptr != NULL) {
        struct span line = span_cut(&rest, '\n'), name = span_cut(&line, ':');
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (span_is(name, "redis_version") || span_is(name, "valkey_version"))
            copy(s->version, sizeof s->version, line);
    }
    one_less(s, status);
}

static void on_config(int status, const struct reply *reply, void *arg)
{
    struct settings *s = arg;
    CHECK_MAGIC(s, SETTINGS_MAGIC);
    const struct {
        const char *name;
        char *to;
        size_t size;
    } wanted[] = {
        {"maxmemory-policy", s->eviction, sizeof s->eviction},
        {"appendonly", s->append_only, sizeof s->append_only},
        {"appendfsync", s->append_sync, sizeof s->append_sync},
        {"save", s->save, sizeof s->save},
        {"client-output-buffer-limit", s->pubsub, sizeof s->pubsub},
    };
    s->config_refused = reply_type(reply) == REPLY_ERROR || reply_count(reply) == 0;
    for (size_t i = 0; i + 1 < reply_count(reply); i += 2)
        for (size_t w = 0; w < sizeof wanted / sizeof *wanted; w++)
            if (span_is(reply_str(reply_at(reply, i)), wanted[w].name))
                copy(wanted[w].to, wanted[w].size, reply_str(reply_at(reply, i + 1)));
    one_less(s, status);
}

static void ping(struct settings *s);

static void on_pong(int status, const struct reply *reply, void *arg)
{
    struct settings *s = arg;
    (void)reply;
    CHECK_MAGIC(s, SETTINGS_MAGIC);
    int64_t took_us = clock_mono_us() - s->sent_us;
    if (took_us < s->fastest_us)
        s->fastest_us = took_us;
    if (status == 0 && --s->pings > 0)
        ping(s);
    else
        one_less(s, status);
}

static void ping(struct settings *s)
{
    const struct span command[] = {SPAN_LIT("PING")};
    s->sent_us = clock_mono_us();
    link_command(s->link, 1, command, 0, on_pong, s);
}

static void on_shards(int status, const struct reply *reply, void *arg)
{
    struct settings *s = arg;
    CHECK_MAGIC(s, SETTINGS_MAGIC);
    copy(s->shards, sizeof s->shards, reply_str(reply));
    one_less(s, status);
}

struct settings *settings_check(struct link *link, int64_t lease_ms,
                                const struct settings_hooks *hooks)
{
    const struct span info[] = {SPAN_LIT("INFO"), SPAN_LIT("server")};
    const struct span config[] = {SPAN_LIT("CONFIG"),
                                  SPAN_LIT("GET"),
                                  SPAN_LIT("maxmemory-policy"),
                                  SPAN_LIT("appendonly"),
                                  SPAN_LIT("appendfsync"),
                                  SPAN_LIT("save"),
                                  SPAN_LIT("client-output-buffer-limit")};
    struct key shards = key_plain("shards");
    const struct span stored[] = {SPAN_LIT("GET"), span_of(shards.text)};
    struct settings *s = MEM_NEW(struct settings);
    s->magic = SETTINGS_MAGIC;
    s->hooks = *hooks;
    s->lease_ms = lease_ms;
    s->link = link;
    s->pings = PINGS;
    s->fastest_us = INT64_MAX;
    s->pending = 4;
    link_command(link, 2, info, 0, on_info, s);
    link_command(link, 7, config, 0, on_config, s);
    link_command(link, 2, stored, 0, on_shards, s);
    ping(s);
    return s;
}

void settings_free(struct settings *s)
{
    if (s == NULL)
        return;
    CHECK_MAGIC(s, SETTINGS_MAGIC);
    s->magic = 0;
    mem_free(s);
}

static void log_finding(const struct finding *f, void *arg)
{
    static const enum log_level levels[] = {[FINDING_GOOD] = LOG_DEBUG,
                                            [FINDING_NOTE] = LOG_INFO,
                                            [FINDING_WARNING] = LOG_WARN,
                                            [FINDING_FAILURE] = LOG_ERROR};
    (void)arg;
    log_event(levels[f->level], "redis.setting", "check=%s found=%s advice=%s", f->check, f->found,
              f->advice);
}

static void log_done(int status, void *arg)
{
    (void)status, (void)arg; /* a link that broke in between says so itself */
}

struct settings *settings_warn(struct link *link, int64_t lease_ms)
{
    struct key shards = key_plain("shards");
    const struct span store[] = {SPAN_LIT("SET"), span_of(shards.text), SPAN_LIT(SHARDS),
                                 SPAN_LIT("NX")};
    link_command(link, 4, store, 0, NULL, NULL);
    return settings_check(link, lease_ms, &(struct settings_hooks){log_finding, log_done, NULL});
}
