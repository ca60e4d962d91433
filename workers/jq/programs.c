/* Owns: the compiled programs, in a map by their text and a list by their last use. Invariant: the
 * states of libjq that are kept have no run under way. */
#include "jq/programs.h"

#include "base/map.h"
#include "base/mem.h"
#include "graphs/expr.h"
#include "graphs/jq_wire.h"
#include "wire/mp.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

struct program {
    TAILQ_ENTRY(program) link;
    char *text;
    size_t len;
    jq_state *jq;
};

struct programs {
    struct map *by_text;
    TAILQ_HEAD(uses, program) by_use; /* the latest first */
    size_t count, max_count, text_bytes, compiled;
};

/* Faults. */

/* Messages are one line of UTF-8. */
static void make_line(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && !span_is_utf8(span_make(text, len)))
        text[--len] = '\0';
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

void fault_set(struct fault *fault, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fault->message, sizeof fault->message, format, args); /* cut when too long */
    va_end(args);
    make_line(fault->message);
}

/* A message of jq's while it compiles: "jq: error: <what> at <top-level>, line 1:\n<the line>". */
static void read_complaint(struct fault *fault, const char *text)
{
    static const char *const heads[] = {"jq: ", "error: "};
    static const char PLACE[] = " at <top-level>, line ", SHELL[] = " (Unix shell quoting issues?)";
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (strncmp(text, heads[i], strlen(heads[i])) == 0)
            text += strlen(heads[i]);
    const char *place = strstr(text, PLACE), *shell = strstr(text, SHELL);
    size_t len = strcspn(text, "\n");
    if (place != NULL) {
        fault->line = (int)strtol(place + strlen(PLACE), NULL, 10); /* ends at the colon */
        len = (size_t)(place - text);
    }
    if (shell != NULL && (size_t)(shell - text) < len)
        len = (size_t)(shell - text);
    fault_set(fault, "%.*s", (int)len, text);
}

/* Takes the first of its messages; what follows counts them. */
static void on_complaint(void *arg, jv message)
{
    struct fault *fault = arg;
    if (fault != NULL && fault->message[0] == '\0' && jv_get_kind(message) == JV_KIND_STRING)
        read_complaint(fault, jv_string_value(message));
    jv_free(message);
}

/* The end of a run that gave no value: takes `end`. True: it was an error. */
static bool read_error(struct fault *fault, jv end)
{
    jv message = jv_invalid_get_msg(end);
    bool is_error = jv_get_kind(message) != JV_KIND_NULL;
    if (is_error && jv_get_kind(message) != JV_KIND_STRING)
        message = jv_dump_string(message, 0);
    if (is_error)
        fault_set(fault, "%s", jv_string_value(message));
    jv_free(message);
    return is_error;
}

/* Compiling. */

static jq_state *compile(const char *text, const struct last_words *words, struct fault *fault)
{
    watch_begin(COMPILE_MS, NULL, words);
    jq_state *jq = jq_init();
    CHECK(jq != NULL);
    jq_set_nomem_handler(jq, watch_no_memory, NULL);
    /* without these, libjq 1.6 aborts at an `import` and crashes at an `input` */
    jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
    jq_set_input_cb(jq, NULL, NULL);
    jq_set_debug_cb(jq, NULL, NULL);
    jq_set_error_cb(jq, on_complaint, fault);
    int is_good = jq_compile(jq, text);
    jq_set_error_cb(jq, on_complaint, NULL);
    if (!is_good)
        jq_teardown(&jq);
    (void)watch_end(); /* there is nothing to halt */
    return jq;
}

static void drop(struct programs *p, struct program *program)
{
    TAILQ_REMOVE(&p->by_use, program, link);
    (void)map_remove(p->by_text, program->text);
    p->count--;
    p->text_bytes -= program->len;
    jq_teardown(&program->jq);
    mem_free(program->text);
    mem_free(program);
}

static struct program *keep(struct programs *p, char *text, size_t len, jq_state *jq)
{
    struct program *program = MEM_NEW(struct program);
    *program = (struct program){.text = text, .len = len, .jq = jq};
    while (p->count > 0 && (p->count == p->max_count || len > PROGRAMS_TEXT_MAX - p->text_bytes))
        drop(p, TAILQ_LAST(&p->by_use, uses));
    TAILQ_INSERT_HEAD(&p->by_use, program, link);
    (void)map_put(p->by_text, text, program); /* there was none */
    p->count++;
    p->text_bytes += len;
    return program;
}

static int check(struct span text, struct fault *fault)
{
    struct err err = {.code = ERR_OK};
    size_t offset = 0;
    if (text.len > GRAPH_EXPR_BYTES_MAX) {
        fault_set(fault, "it has more than %d bytes", GRAPH_EXPR_BYTES_MAX);
        return -ERR_BAD_REQUEST;
    }
    if (expr_is_allowed(text, &offset, &err) == 0)
        return 0;
    fault->line = 1;
    for (size_t i = 0; i < offset; i++)
        fault->line += text.ptr[i] == '\n';
    fault_set(fault, "%s", err.message);
    return -ERR_BAD_REQUEST;
}

int programs_get(struct programs *p, struct span text, const struct last_words *words,
                 struct program **out, struct fault *fault)
{
    *fault = (struct fault){.line = 0};
    int rc = check(text, fault);
    if (rc != 0)
        return rc;
    char *copy = span_dup(text); /* holds no NUL, as was checked */
    struct program *program = map_get(p->by_text, copy);
    if (program != NULL) {
        mem_free(copy);
        TAILQ_REMOVE(&p->by_use, program, link);
        TAILQ_INSERT_HEAD(&p->by_use, program, link);
        *out = program;
        return 0;
    }
    jq_state *jq = compile(copy, words, fault);
    p->compiled++;
    if (jq == NULL) {
        mem_free(copy);
        return -ERR_BAD_REQUEST;
    }
    *out = keep(p, copy, text.len, jq);
    return 0;
}

size_t programs_compiled(const struct programs *p)
{
    return p->compiled;
}

struct programs *programs_new(size_t max_count)
{
    struct programs *p = MEM_NEW(struct programs);
    p->by_text = map_new();
    p->max_count = max_count;
    TAILQ_INIT(&p->by_use);
    jq_state *jq =
        jq_init(); /* the handler is the thread's: input is read before the first compile */
    CHECK(jq != NULL);
    jq_set_nomem_handler(jq, watch_no_memory, NULL);
    jq_teardown(&jq);
    return p;
}

void programs_free(struct programs *p)
{
    while (!TAILQ_EMPTY(&p->by_use))
        drop(p, TAILQ_FIRST(&p->by_use));
    map_free(p->by_text);
    mem_free(p);
}

/* Running. */

/* Takes `value`. */
static int put_value(struct buf *out, jv value, struct fault *fault)
{
    jv text = jv_dump_string(value, 0);
    size_t len = (size_t)jv_string_length_bytes(jv_copy(text));
    int rc = len > JQ_RESULT_MAX ? -ERR_BAD_REQUEST : 0;
    if (rc == 0)
        mp_put_str(out, span_make(jv_string_value(text), len));
    else
        fault_set(fault, "gave more than %d bytes", JQ_RESULT_MAX);
    jv_free(text);
    return rc;
}

/* Exactly one value, and no error behind it. Takes nothing; `value` is the caller's on success. */
static int run(jq_state *jq, jv *value, struct fault *fault)
{
    jv first = jq_next(jq);
    if (!jv_is_valid(first)) {
        if (!read_error(fault, first))
            fault_set(fault, "gave no value; `first(...) // null` gives null instead");
        return -ERR_BAD_REQUEST;
    }
    jv second = jq_next(jq);
    if (!jv_is_valid(second) && !read_error(fault, second)) {
        *value = first;
        return 0;
    }
    if (fault->message[0] == '\0')
        fault_set(fault, "gave more than one value; [...] makes a list of them, first(...) takes "
                         "the first");
    if (jv_is_valid(second))
        jv_free(second);
    jv_free(first);
    return -ERR_BAD_REQUEST;
}

int program_run(struct program *p, jv input, int64_t eval_ms, const struct last_words *words,
                struct buf *out, struct fault *fault)
{
    jv value = jv_invalid();
    *fault = (struct fault){.line = 0};
    watch_begin(eval_ms, p->jq, words);
    jq_start(p->jq, jv_copy(input), 0);
    int rc = run(p->jq, &value, fault);
    bool has_halted = jq_halted(p->jq) != 0;
    if (rc == 0)
        rc = put_value(out, value, fault);
    if (rc != 0)
        jq_start(p->jq, jv_null(), 0); /* lets go of what an unfinished run holds */
    if (watch_end()) {
        fault_set(fault, "took longer than %lld ms", (long long)eval_ms);
        return -ERR_BAD_REQUEST;
    }
    if (rc != 0 && has_halted)
        fault_set(fault, "halted");
    return rc;
}
