/* bench-client: loads one server, prints one JSON object. `--pid NAME=PID` tells the processor time
 * of these processes over the window, from their own clocks. */
#include "load.h"

#include "base/num.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

enum { PIDS_MAX = 8 };

static struct {
    const char *name;
    clockid_t clock;
    int64_t us;
} pids[PIDS_MAX];
static size_t pid_count;

static struct load_options options = {.path = "/",
                                      .streams = 1,
                                      .tokens = 1,
                                      .warmup_ms = 500,
                                      .window_ms = 2000,
                                      .patience_ms = 10000};

static const struct {
    struct option option;
    const char **text;
    int64_t *number;
} OPTIONS[] = {
    {{"address", 1, NULL, 0}, &options.address, NULL},
    {{"path", 1, NULL, 0}, &options.path, NULL},
    {{"body", 1, NULL, 0}, &options.body, NULL},
    {{"stop-path", 1, NULL, 0}, &options.stop_path, NULL},
    {{"streams", 1, NULL, 0}, NULL, &options.streams},
    {{"tokens", 1, NULL, 0}, NULL, &options.tokens},
    {{"stagger-ms", 1, NULL, 0}, NULL, &options.stagger_ms},
    {{"jitter-ms", 1, NULL, 0}, NULL, &options.jitter_ms},
    {{"warmup-ms", 1, NULL, 0}, NULL, &options.warmup_ms},
    {{"window-ms", 1, NULL, 0}, NULL, &options.window_ms},
    {{"patience-ms", 1, NULL, 0}, NULL, &options.patience_ms},
    {{"stop-min-ms", 1, NULL, 0}, NULL, &options.stop_min_ms},
    {{"stop-max-ms", 1, NULL, 0}, NULL, &options.stop_max_ms},
    {{"stops", 1, NULL, 0}, NULL, &options.stops},
    {{"once", 0, NULL, 0}, NULL, NULL},
    {{"pid", 1, NULL, 0}, NULL, NULL},
};
enum { OPTION_COUNT = sizeof OPTIONS / sizeof *OPTIONS };

static int64_t spent_us(clockid_t clock)
{
    struct timespec t = {.tv_sec = 0};
    (void)clock_gettime(clock, &t); /* a process that is gone has spent nothing */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void on_window(bool begins)
{
    for (size_t i = 0; i < pid_count; i++)
        pids[i].us = spent_us(pids[i].clock) - (begins ? 0 : pids[i].us);
}

static bool add_pid(char *text)
{
    struct span pid = span_of(text), name = span_cut(&pid, '=');
    uint64_t number;
    if (pid_count == PIDS_MAX || num_parse_u64(pid, &number) != 0 ||
        clock_getcpuclockid((pid_t)number, &pids[pid_count].clock) != 0)
        return false;
    text[name.len] = '\0';
    pids[pid_count++].name = text;
    return true;
}

static bool take(int index, char *value)
{
    const char *name = OPTIONS[index].option.name;
    if (OPTIONS[index].text != NULL)
        *OPTIONS[index].text = value;
    else if (OPTIONS[index].number != NULL)
        return num_parse_i64(span_of(value), OPTIONS[index].number) == 0;
    else if (strcmp(name, "once") == 0)
        options.once = true;
    else
        return add_pid(value);
    return true;
}

static void print(struct load_result *r)
{
    (void)printf(
        "{\"window_s\":%.4f,\"tokens\":%lld,\"asked\":%lld,\"answered\":%lld,\"done\":%lld,"
        "\"wrong\":%lld,\"trouble\":\"%s\",\"stops\":%lld,\"leaked\":%lld,\"leaks\":%lld,"
        "\"unfinished\":%lld,",
        (double)(r->ended_us - r->began_us) / 1e6, (long long)r->tokens, (long long)r->asked,
        (long long)r->answered, (long long)r->done, (long long)r->wrong,
        r->trouble == NULL ? "" : r->trouble, (long long)r->stops, (long long)r->leaked,
        (long long)r->leaks, (long long)r->unfinished);
    struct {
        struct stats *stats;
        const char *name;
    } rows[] = {{&r->latency, "latency"},
                {&r->first_token, "first_token"},
                {&r->stop_answer, "stop_answer"},
                {&r->stop_end, "stop_end"},
                {&r->whole, "whole"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stats_print(rows[i].stats, rows[i].name, stdout);
        stats_release(rows[i].stats);
        (void)fputs(",", stdout);
    }
    (void)fputs("\"cpu_us\":{", stdout);
    for (size_t i = 0; i < pid_count; i++)
        (void)printf("%s\"%s\":%lld", i == 0 ? "" : ",", pids[i].name, (long long)pids[i].us);
    (void)printf("}}\n");
}

int main(int argc, char **argv)
{
    struct option known[OPTION_COUNT + 1] = {0};
    struct load_result result = {0};
    int index;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        known[i] = OPTIONS[i].option;
    for (int c; (c = getopt_long(argc, argv, "", known, &index)) != -1;)
        if (c != 0 || !take(index, optarg))
            return 2;
    if (options.address == NULL || strchr(options.address, ':') == NULL || options.streams < 1)
        return 2;
    load_run(&options, on_window, &result);
    print(&result);
    return 0;
}
