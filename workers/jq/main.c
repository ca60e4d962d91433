/* sluice-jq: a child of sluice's programs that evaluates their expressions. Reads requests from its
 * channel and answers each (graphs/jq_wire.h), until the channel closes. Trusts nothing that it
 * reads; what it evaluates can reach nothing, since it has no environment, no way to a file, and
 * limits of time and memory. */
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "graphs/jq_wire.h"
#include "jq/programs.h"
#include "loop/child.h"
#include "wire/mp.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EVALUATOR_MAGIC = 0x6a716d6e, READ_BYTES = 64 * 1024, CPU_SECONDS = 10 };

static const char HELP[] =
    "usage: sluice-jq [--eval-ms N] [--memory-bytes N] [--version] [--help]\n\n"
    "Evaluates the expressions of graphs for other programs of sluice, which start it: it is\n"
    "not for people. Requests come by descriptor 3, a socket.\n\n"
    "  --eval-ms N        processor time that an expression may take (50)\n"
    "  --memory-bytes N   memory that the process may have (268435456; 0: no limit)\n";

struct evaluator {
    uint32_t magic;
    struct programs *programs;
    int64_t eval_ms;
    uint64_t memory_bytes;
    struct buf answer;
    struct buf late, memory; /* the last words, should they be needed */
};

static int send_all(const struct buf *frame)
{
    size_t sent = 0;
    while (sent < frame->len) {
        ssize_t n = send(CHILD_CHANNEL, frame->ptr + sent, frame->len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return -ERR_SYSTEM;
        sent += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int send_failure(struct evaluator *e, int64_t number, size_t which,
                        const struct fault *fault)
{
    const struct jq_reply reply = {.number = number,
                                   .outcome = JQ_FAILED,
                                   .failed = which,
                                   .line = fault->line,
                                   .message = span_of(fault->message)};
    buf_reset(&e->answer);
    CHECK(jq_failure_put(&e->answer, &reply) == 0);
    return send_all(&e->answer);
}

static void put_last_words(struct buf *out, int64_t number, size_t which, const char *message)
{
    const struct jq_reply reply = {
        .number = number, .outcome = JQ_ENDING, .failed = which, .message = span_of(message)};
    buf_reset(out);
    CHECK(jq_failure_put(out, &reply) == 0);
}

static struct last_words last_words(struct evaluator *e, int64_t number, size_t which, int64_t ms)
{
    char late[64];
    (void)snprintf(late, sizeof late, "took longer than %lld ms", (long long)ms);
    put_last_words(&e->late, number, which, late);
    put_last_words(&e->memory, number, which, "needs more memory than an expression may have");
    return (struct last_words){&e->late, &e->memory};
}

/* A backstop for the timer: so much processor time from now on, no more. */
static void allow_cpu_time(void)
{
    struct timespec used;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0);
    const struct rlimit limit = {(rlim_t)used.tv_sec + CPU_SECONDS, RLIM_INFINITY};
    CHECK(setrlimit(RLIMIT_CPU, &limit) == 0);
}

static int evaluate(struct evaluator *e, const struct jq_request *r, size_t which, jv input,
                    struct fault *fault)
{
    struct last_words words = last_words(e, r->number, which, COMPILE_MS);
    struct program *program = NULL;
    int rc = programs_get(e->programs, jq_request_program(r, which), &words, &program, fault);
    if (rc != 0 || !r->is_eval)
        return rc;
    words = last_words(e, r->number, which, e->eval_ms);
    return program_run(program, input, e->eval_ms, &words, &e->answer, fault);
}

/* The input, invalid when it is not JSON. */
static jv parse_input(struct evaluator *e, const struct jq_request *r)
{
    if (!r->is_eval)
        return jv_null();
    struct last_words words = last_words(e, r->number, 0, COMPILE_MS);
    watch_begin(COMPILE_MS, NULL, &words);
    jv input = jv_parse_sized(r->input.ptr, (int)r->input.len); /* at most a frame */
    (void)watch_end();                                          /* there is nothing to halt */
    return input;
}

static int answer(struct evaluator *e, const struct jq_request *r)
{
    struct fault fault = {.line = 0};
    size_t which = 0;
    int rc = 0;
    allow_cpu_time();
    buf_reset(&e->answer);
    frame_begin(&e->answer);
    jq_done_head(&e->answer, r->number, r->is_eval ? r->count : 0);
    jv input = parse_input(e, r);
    if (!jv_is_valid(input)) {
        fault_set(&fault, "its input is no JSON");
        rc = -ERR_BAD_REQUEST;
    }
    for (; rc == 0 && which < r->count; which++)
        rc = evaluate(e, r, which, input, &fault);
    jv_free(input);
    if (rc == 0 && frame_end(&e->answer) != 0) {
        fault_set(&fault, "gave more than 8 MiB together");
        rc = -ERR_BAD_REQUEST;
    }
    if (rc != 0)
        return send_failure(e, r->number, which == 0 ? 0 : which - 1, &fault);
    return send_all(&e->answer);
}

static int on_frame(struct span frame, void *arg)
{
    struct evaluator *e = arg;
    struct jq_request request;
    CHECK_MAGIC(e, EVALUATOR_MAGIC);
    int rc = jq_request_read(frame, &request);
    if (rc != 0)
        return rc;
    rc = answer(e, &request);
    jq_request_close(&request);
    if (e->answer.cap > READ_BYTES)
        buf_release(&e->answer);
    return rc;
}

/* Until the channel closes: 0; what is no request: an error. */
static int serve(struct evaluator *e)
{
    char bytes[READ_BYTES];
    struct frames frames;
    ssize_t n;
    int rc = 0;
    frames_init(&frames);
    frame_begin(&e->answer);
    jq_done_head(&e->answer, 0, 0); /* ready */
    if (frame_end(&e->answer) == 0)
        rc = send_all(&e->answer);
    while (rc == 0 && (n = read(CHILD_CHANNEL, bytes, sizeof bytes)) > 0)
        rc = frames_feed(&frames, span_make(bytes, (size_t)n), on_frame, e);
    frames_release(&frames);
    return rc;
}

/* A sanitizer reserves more address space than any limit. */
static bool can_limit_memory(void)
{
#if defined __has_feature
#if __has_feature(address_sanitizer)
    return false;
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
    return false;
#else
    return true;
#endif
}

/* Nothing of the parent's is left, and nothing can be had beyond the limits. */
static void lock_in(const struct evaluator *e)
{
    const struct rlimit memory = {e->memory_bytes, e->memory_bytes}, none = {0, 0};
    CHECK(clearenv() == 0);
    CHECK(close_range(CHILD_CHANNEL + 1, ~0U, 0) == 0);
    CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
    if (e->memory_bytes > 0 && can_limit_memory())
        CHECK(setrlimit(RLIMIT_AS, &memory) == 0);
    watch_init(CHILD_CHANNEL);
}

static int run(struct evaluator *e)
{
    struct stat channel;
    if (fstat(CHILD_CHANNEL, &channel) != 0 || !S_ISSOCK(channel.st_mode)) {
        (void)fputs(HELP, stderr);
        return 2;
    }
    buf_init(&e->answer, JQ_FRAME_ROOM);
    buf_init(&e->late, JQ_FRAME_ROOM);
    buf_init(&e->memory, JQ_FRAME_ROOM);
    e->programs = programs_new(PROGRAMS_MAX);
    lock_in(e);
    int rc = serve(e);
    programs_free(e->programs);
    buf_release(&e->answer);
    buf_release(&e->late);
    buf_release(&e->memory);
    return rc == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"eval-ms", required_argument, NULL, 'e'},
                                            {"memory-bytes", required_argument, NULL, 'm'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    enum { EVAL_MS_MAX = 60 * 1000 };
    struct evaluator e = {
        .magic = EVALUATOR_MAGIC, .eval_ms = 50, .memory_bytes = (uint64_t)256 * 1024 * 1024};
    log_setup("sluice-jq", LOG_INFO, false);
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int rc = 0;
        if (c == 'h')
            return fputs(HELP, stdout) < 0;
        if (c == 'v')
            return printf("sluice-jq %s\n", SLUICE_VERSION) < 0;
        if (c == 'e')
            rc = num_parse_i64(span_of(optarg), &e.eval_ms);
        if (c == 'm')
            rc = num_parse_u64(span_of(optarg), &e.memory_bytes);
        if (c == '?' || rc != 0 || e.eval_ms < 1 || e.eval_ms > EVAL_MS_MAX)
            return 2;
    }
    if (optind == argc)
        return run(&e);
    (void)fputs(HELP, stderr);
    return 2;
}
