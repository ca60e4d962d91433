/* bench-redis: what a token costs Redis, by way of saying it. A number of streams, each with one
 * token under way at a time (closed loop), one subscriber to all of them.
 *
 *   append   log_append, as the workers say it: one atomic function, all streams on one connection
 *   native   RPUSHX and PUBLISH, pipelined on one connection: not atomic
 *   naive    GET of the flag, its answer awaited, then PUBLISH; a connection for each stream
 *
 * usage: bench-redis SOCKET PID MODE STREAMS TOKENS: prints `{"us":..., "rate":...}`. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "bus/log.h"
#include "bus/queue.h"
#include "bus/turn.h"
#include "wire/event.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD = 200, CHANNEL_MAX = 96 };

struct bench;

struct stream {
    struct bench *bench;
    char generation[32], token[96], channel[CHANNEL_MAX], key[CHANNEL_MAX], flag[CHANNEL_MAX];
    struct link *link; /* naive: its own */
    int64_t seq;
    bool is_ready;
};

struct bench {
    struct loop *loop;
    struct bus *bus;
    const char *mode;
    struct stream *streams;
    size_t count, ready;
    int64_t left, under_way; /* tokens to be sent; sent and not answered */
    char payload[PAYLOAD + 1];
    struct buf event;
};

static struct bench bench;

static void step(struct stream *s);

static void answered(struct stream *s)
{
    bench.under_way--;
    if (bench.left > 0)
        step(s);
    else if (bench.under_way == 0)
        loop_stop(bench.loop);
}

/* The three ways. */

static void on_appended(int status, enum append_outcome outcome, int64_t length, void *arg)
{
    struct stream *s = arg;
    CHECK(status == 0 && outcome == APPEND_OK && length == s->seq);
    answered(s);
}

static void append(struct stream *s)
{
    struct span event;
    buf_reset(&bench.event);
    s->seq++;
    event_put_piece(&bench.event, s->seq,
                    &(struct piece){.kind = EVENT_DELTA,
                                    .text = span_of(bench.payload),
                                    .node = SPAN_NONE,
                                    .signature = SPAN_NONE});
    event = buf_as_span(&bench.event);
    log_append(bench.bus,
               &(struct append){.tenant = "default",
                                .generation = s->generation,
                                .token = s->token,
                                .flag = s->flag,
                                .first = s->seq,
                                .is_first_visible = s->seq == 2,
                                .events = &event,
                                .count = 1},
               on_appended, s);
}

static void say(struct link *link, const char *verb, const char *key, const char *value,
                link_on_reply on_reply, void *arg)
{
    const struct span argv[] = {span_of(verb), span_of(key),
                                value == NULL ? SPAN_NONE : span_of(value)};
    link_command(link, value == NULL ? 2 : 3, argv, 60000, on_reply, arg);
}

static void on_published(int status, const struct reply *reply, void *arg)
{
    CHECK(status == 0 && reply_type(reply) == REPLY_INT);
    answered(arg);
}

static void native(struct stream *s)
{
    say(bus_link(bench.bus), "RPUSHX", s->key, bench.payload, NULL, NULL);
    say(bus_link(bench.bus), "PUBLISH", s->channel, bench.payload, on_published, s);
}

static void on_flag(int status, const struct reply *reply, void *arg)
{
    struct stream *s = arg;
    CHECK(status == 0 && reply_type(reply) == REPLY_NIL);
    say(s->link, "PUBLISH", s->channel, bench.payload, on_published, s);
}

static void naive(struct stream *s)
{
    say(s->link, "GET", s->flag, NULL, on_flag, s);
}

static const struct {
    const char *name;
    void (*step)(struct stream *s);
} MODES[] = {{"append", append}, {"native", native}, {"naive", naive}};

static void step(struct stream *s)
{
    bench.left--;
    bench.under_way++;
    for (size_t i = 0; i < sizeof MODES / sizeof *MODES; i++)
        if (strcmp(bench.mode, MODES[i].name) == 0)
            MODES[i].step(s);
}

/* Making ready: all streams exist, and a generation of each runs, before the first token. */

static void ready(struct stream *s)
{
    CHECK(!s->is_ready);
    s->is_ready = true;
    if (++bench.ready == bench.count)
        loop_stop(bench.loop);
}

static void on_pushed(int status, const struct reply *reply, void *arg)
{
    CHECK(status == 0 && reply_type(reply) == REPLY_INT);
    ready(arg);
}

static void on_claimed(int status, const struct claim *claim, void *arg)
{
    struct stream *s = arg;
    uint64_t index;
    CHECK(status == 0 && claim != NULL);
    CHECK(num_parse_u64(span_make(claim->generation.ptr + 1, claim->generation.len - 1), &index) ==
          0);
    s = &bench.streams[index];
    CHECK(snprintf(s->token, sizeof s->token, "%.*s", SPAN_ARG(claim->token)) <
          (int)sizeof s->token);
    s->seq = claim->length;
    ready(s);
}

static void on_begun(int status, const struct begin_answer *answer, void *arg)
{
    struct stream *s = arg;
    CHECK(status == 0 && answer->outcome == BEGIN_QUEUED);
    queue_claim(bench.bus, "stream", "bench", s->generation, 0, on_claimed, s);
}

static void begin(struct stream *s)
{
    turn_begin(bench.bus,
               &(struct begin){.tenant = "default",
                               .chat = s->generation,
                               .generation = s->generation,
                               .lane = LANE_STREAM_INTERACTIVE,
                               .mode = BEGIN_ANY,
                               .hash = SPAN_LIT("hash"),
                               .message_id = "msg_reply",
                               .user_message_id = "msg_user",
                               .request = SPAN_LIT("job"),
                               .restore = SPAN_LIT("{}"),
                               .user_message = SPAN_LIT("message"),
                               .title = SPAN_LIT("title"),
                               .on_stop = "discard",
                               .on_interrupt = "interrupted"},
               on_begun, s);
}

static void on_own_link(struct link *link, enum link_state state, void *arg)
{
    struct stream *s = arg;
    if (state == LINK_UP && !s->is_ready) {
        s->link = link;
        ready(s);
    }
}

static void make_ready(struct stream *s, const char *url)
{
    if (strcmp(bench.mode, "append") == 0)
        begin(s);
    else if (strcmp(bench.mode, "native") == 0)
        say(bus_link(bench.bus), "RPUSH", s->key, "head", on_pushed, s);
    else
        s->link = link_new(bench.loop,
                           &(struct link_options){
                               .url = url, .command_ms = 60000, .on_state = on_own_link, .arg = s});
}

/* The subscriber: a process of its own that reads and forgets. */
static pid_t subscribe(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    static char bytes[1 << 20];
    pid_t pid = fork();
    CHECK(pid >= 0 && strlen(path) < sizeof to.sun_path);
    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    memcpy(to.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
    for (size_t i = 0; i < bench.count; i++)
        CHECK(dprintf(fd, "SUBSCRIBE %s\r\n", bench.streams[i].channel) > 0);
    while (read(fd, bytes, sizeof bytes) > 0)
        continue;
    _exit(0);
}

static void on_up(void *arg)
{
    loop_stop(arg);
}

static void name_streams(void)
{
    for (size_t i = 0; i < bench.count; i++) {
        struct stream *s = &bench.streams[i];
        s->bench = &bench;
        (void)snprintf(s->generation, sizeof s->generation, "g%zu", i);
        (void)snprintf(s->channel, sizeof s->channel, "sluice:{s00}:events:default:g%zu", i);
        (void)snprintf(s->key, sizeof s->key, "sluice:{s00}:native:default:g%zu", i);
        (void)snprintf(s->flag, sizeof s->flag, "chat_stop:g%zu", i);
    }
}

static void measure(clockid_t clock, int64_t tokens)
{
    struct timespec before, after;
    bench.left = tokens;
    (void)clock_gettime(clock, &before);
    int64_t began_us = clock_mono_us();
    log_gather(bench.bus); /* as the workers do */
    for (size_t i = 0; i < bench.count; i++)
        step(&bench.streams[i]);
    log_send(bench.bus);
    loop_run(bench.loop);
    int64_t took_us = clock_mono_us() - began_us;
    (void)clock_gettime(clock, &after);
    double spent_us = (double)(after.tv_sec - before.tv_sec) * 1e6 +
                      (double)(after.tv_nsec - before.tv_nsec) / 1e3;
    (void)printf("{\"us\":%.4f,\"rate\":%.0f}\n", spent_us / (double)tokens,
                 (double)tokens * 1e6 / (double)took_us);
}

int main(int argc, char **argv)
{
    uint64_t pid, streams, tokens;
    clockid_t clock;
    if (argc != 6 || num_parse_u64(span_of(argv[2]), &pid) != 0 ||
        num_parse_u64(span_of(argv[4]), &streams) != 0 || streams == 0 || streams > 10000 ||
        num_parse_u64(span_of(argv[5]), &tokens) != 0 || tokens < streams ||
        clock_getcpuclockid((pid_t)pid, &clock) != 0)
        return 2;
    char *url = mem_printf("unix://%s", argv[1]);
    log_setup("bench-redis", LOG_WARN, false);
    bench = (struct bench){.mode = argv[3], .count = streams, .loop = loop_new()};
    bench.streams = mem_new_array(streams, sizeof *bench.streams);
    memset(bench.payload, 'x', PAYLOAD);
    buf_init(&bench.event, 4096);
    name_streams();
    pid_t subscriber = subscribe(argv[1]);
    bench.bus =
        bus_new(bench.loop, &(struct bus_options){.redis_url = url,
                                                  .stop_key = "chat_stop:{chat_id}",
                                                  .tenant_stop_key = "chat_stop@{tenant}:{chat_id}",
                                                  .retry_ms = 5000,
                                                  .lease_ms = 25000,
                                                  .keep_log_ms = 600000,
                                                  .keep_record_ms = 600000,
                                                  .on_up = on_up,
                                                  .arg = bench.loop});
    loop_run(bench.loop);
    for (size_t i = 0; i < streams; i++)
        make_ready(&bench.streams[i], url);
    loop_run(bench.loop);
    measure(clock, (int64_t)tokens);
    for (size_t i = 0; i < streams; i++)
        link_free(bench.streams[i].link);
    bus_free(bench.bus);
    loop_free(bench.loop);
    buf_release(&bench.event);
    mem_free(bench.streams);
    mem_free(url);
    (void)kill(subscriber, SIGKILL);
    (void)waitpid(subscriber, NULL, 0);
    return 0;
}
