/* One link against a real server that is refused, silent, frozen, killed, busy or guarded by a
 * password: each command completes exactly once, never before link_command returned, and the link
 * comes back by itself. */
#include "bus/link_inner.h"

#include "bus/redis_fixture.h"

#include <netinet/in.h>

struct bench {
    struct redis redis;
    struct loop *loop;
    struct link *link;
    bool is_up;
    int ups, downs;
};

struct answer {
    struct bench *bench;
    int calls, status;
    enum reply_type type;
    char text[64];
    bool came, free_link;
};

static void on_state(struct link *link, enum link_state state, void *arg)
{
    struct bench *b = arg;
    (void)link;
    b->is_up = state == LINK_UP;
    b->ups += state == LINK_UP;
    b->downs += state == LINK_BACKOFF;
}

static void on_answer(int status, const struct reply *reply, void *arg)
{
    struct answer *a = arg;
    a->calls++;
    a->came = true;
    a->status = status;
    a->type = reply_type(reply);
    (void)snprintf(a->text, sizeof a->text, "%.*s", SPAN_ARG(reply_str(reply)));
    assert_true((status == 0) == (reply != NULL));
    if (a->free_link) {
        link_free(a->bench->link);
        a->bench->link = NULL;
    }
}

static void say(struct bench *b, const char *text, int64_t timeout_ms, struct answer *a)
{
    struct span argv[8], rest = span_of(text);
    size_t argc = 0;
    *a = (struct answer){.bench = b, .free_link = a->free_link};
    while (rest.ptr != NULL)
        argv[argc++] = span_cut(&rest, ' ');
    link_command(b->link, argc, argv, timeout_ms, on_answer, a);
    assert_int_equal(a->calls, 0);
}

static void dial_for(struct bench *b, const char *url, int64_t connect_ms, int64_t command_ms)
{
    b->link = link_new(b->loop, &(struct link_options){.url = url,
                                                       .connect_ms = connect_ms,
                                                       .command_ms = command_ms,
                                                       .on_state = on_state,
                                                       .arg = b});
}

/* With more time than a busy machine takes. */
static void dial(struct bench *b, const char *url)
{
    dial_for(b, url, PATIENCE_MS / 4, PATIENCE_MS / 2);
}

static int setup(void **state)
{
    struct bench *b = MEM_NEW(struct bench);
    redis_setup(&b->redis);
    b->loop = loop_new();
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    link_free(b->link);
    loop_free(b->loop);
    redis_teardown(&b->redis);
    mem_free(b);
    return 0;
}

static void need_redis(struct bench *b)
{
    if (!redis_is_installed())
        skip();
    redis_start(&b->redis, "--loglevel", "warning");
}

static bool was_down_twice(void *arg)
{
    return ((struct bench *)arg)->downs >= 1;
}

static void a_refused_link_tries_on(void **state)
{
    struct bench *b = *state;
    struct answer a = {.calls = 0};
    dial(b, b->redis.url); /* no socket is there */
    say(b, "PING", 0, &a);
    assert_true(run_until(b->loop, is_set, &a.came));
    assert_int_equal(a.status, -ERR_UNAVAILABLE);
    assert_true(run_until(b->loop, was_down_twice, b));
    assert_false(link_is_up(b->link));
    need_redis(b);
    assert_true(run_until(b->loop, is_set, &b->is_up));
    say(b, "ECHO hello", 0, &a);
    assert_true(run_until(b->loop, is_set, &a.came));
    assert_int_equal(a.status, 0);
    assert_string_equal(a.text, "hello");
    assert_int_equal(a.calls, 1);
}

/* A listener that takes connections and never says a word: on a socket of each kind. */
static void a_black_hole_times_out(void **state)
{
    struct bench *b = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    char url[64];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(url, sizeof url, "redis://127.0.0.1:%d", ntohs(address.sin_port));
    int64_t start = clock_mono_ms();
    dial_for(b, url, 200, 300);
    assert_true(run_until(b->loop, was_down_twice, b));
    assert_in_range(clock_mono_ms() - start, 190, PATIENCE_MS);
    assert_int_equal(b->ups, 0);
    (void)close(fd);
}

static void replies_of_every_type(void **state)
{
    struct bench *b = *state;
    need_redis(b);
    dial(b, b->redis.url);
    assert_true(run_until(b->loop, is_set, &b->is_up));
    static const struct {
        const char *command;
        enum reply_type type;
        const char *text;
    } rows[] = {
        {"GET nothing", REPLY_NIL, ""},
        {"INCR n", REPLY_INT, ""},
        {"SET k v", REPLY_STATUS, "OK"},
        {"GET k", REPLY_STR, "v"},
        {"HGET", REPLY_ERROR, "ERR wrong number of arguments for 'hget' command"},
        {"KEYS zz*", REPLY_ARRAY, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct answer a = {.calls = 0};
        say(b, rows[i].command, 0, &a);
        assert_true(run_until(b->loop, is_set, &a.came));
        assert_int_equal(a.type, rows[i].type);
        assert_string_equal(a.text, rows[i].text);
    }
}

static void on_nested(int status, const struct reply *r, void *arg)
{
    assert_int_equal(status, 0);
    assert_int_equal(reply_count(r), 4);
    assert_int_equal(reply_int(reply_at(r, 0), -1), 7);
    assert_int_equal(reply_int(reply_at(r, 1), -1), 12); /* a string that is a number */
    assert_int_equal(reply_int(reply_at(r, 2), -1), -1); /* one that is none */
    assert_int_equal(reply_count(reply_at(r, 3)), 1);
    assert_int_equal(reply_type(reply_at(reply_at(r, 3), 0)), REPLY_STR);
    assert_null(reply_at(r, 4));
    assert_int_equal(reply_count(reply_at(r, 0)), 0);
    assert_null(reply_at(NULL, 0));
    assert_null(reply_str(reply_at(r, 0)).ptr);
    assert_int_equal(reply_type(NULL), REPLY_NIL);
    *(bool *)arg = true;
}

static void nested_replies(void **state)
{
    struct bench *b = *state;
    bool came = false;
    const struct span argv[] = {SPAN_LIT("EVAL"), SPAN_LIT("return {7, '12', 'x1', {'in'}}"),
                                SPAN_LIT("0")};
    need_redis(b);
    dial(b, b->redis.url);
    assert_true(run_until(b->loop, is_set, &b->is_up));
    link_command(b->link, 3, argv, 0, on_nested, &came);
    assert_true(run_until(b->loop, is_set, &came));
}

static void a_frozen_server_breaks_the_link(void **state)
{
    struct bench *b = *state;
    struct answer quick = {.calls = 0}, slow = {.calls = 0}, after = {.calls = 0};
    need_redis(b);
    dial(b, b->redis.url);
    assert_true(run_until(b->loop, is_set, &b->is_up));
    (void)kill(b->redis.pid, SIGSTOP);
    say(b, "PING", 2 * PATIENCE_MS, &slow);
    say(b, "PING", 100, &quick); /* the one behind it has less patience */
    int64_t start = clock_mono_ms();
    assert_true(run_until(b->loop, is_set, &quick.came));
    assert_true(run_until(b->loop, is_set, &slow.came));
    assert_in_range(clock_mono_ms() - start, 90, PATIENCE_MS);
    assert_int_equal(quick.status, -ERR_TIMEOUT);
    assert_int_equal(slow.status, -ERR_UNAVAILABLE);
    (void)kill(b->redis.pid, SIGCONT);
    assert_true(run_until(b->loop, is_set, &b->is_up));
    say(b, "ECHO again", 0, &after);
    assert_true(run_until(b->loop, is_set, &after.came));
    assert_string_equal(after.text, "again");
    run_for(b->loop, 20);
    assert_int_equal(quick.calls + slow.calls + after.calls, 3);
}

static void a_killed_server_comes_back(void **state)
{
    struct bench *b = *state;
    struct answer a = {.calls = 0};
    need_redis(b);
    dial(b, b->redis.url);
    assert_true(run_until(b->loop, is_set, &b->is_up));
    (void)kill(b->redis.pid, SIGSTOP); /* so that it is in flight when it dies */
    say(b, "PING", 0, &a);
    run_for(b->loop, 20);
    redis_kill(&b->redis);
    assert_true(run_until(b->loop, is_set, &a.came));
    assert_int_equal(a.status, -ERR_UNAVAILABLE);
    redis_start(&b->redis, "--loglevel", "warning");
    assert_true(run_until(b->loop, is_set, &b->is_up));
    say(b, "ECHO back", 0, &a);
    assert_true(run_until(b->loop, is_set, &a.came));
    assert_string_equal(a.text, "back");
    assert_int_equal(b->ups, 2);
}

/* BUSY says that the server is the trouble: the command counts as not run, the link waits until it
 * greets again. */
static void a_busy_server_is_away(void **state)
{
    struct bench *b = *state;
    struct answer a = {.calls = 0};
    need_redis(b);
    dial(b, b->redis.url);
    assert_true(run_until(b->loop, is_set, &b->is_up));
    int fd = redis_dial(&b->redis);
    static const char forever[] = "EVAL \"while true do end\" 0\r\n";
    assert_int_equal(write(fd, forever, sizeof forever - 1), sizeof forever - 1);
    while (strncmp(redis_say(&b->redis, "GET k"), "-BUSY", 5) != 0)
        run_for(b->loop, 20);
    say(b, "GET k", PATIENCE_MS, &a);
    assert_true(run_until(b->loop, is_set, &a.came));
    assert_int_equal(a.status, -ERR_UNAVAILABLE);
    run_for(b->loop, 200);
    assert_false(b->is_up);
    assert_string_equal(redis_say(&b->redis, "SCRIPT KILL"), "+OK\r\n");
    assert_true(run_until(b->loop, is_set, &b->is_up));
    (void)close(fd);
}

static void passwords_and_databases(void **state)
{
    struct bench *b = *state;
    struct answer a = {.calls = 0};
    char url[256];
    if (!redis_is_installed())
        skip();
    redis_start(&b->redis, "--requirepass", "p@ss");
    (void)snprintf(url, sizeof url, "unix://:wrong@%s", b->redis.socket);
    dial(b, url);
    assert_true(run_until(b->loop, was_down_twice, b));
    assert_int_equal(b->ups, 0);
    link_free(b->link);
    (void)snprintf(url, sizeof url, "unix://default:p%%40ss@%s?db=3", b->redis.socket);
    dial(b, url);
    assert_true(run_until(b->loop, is_set, &b->is_up));
    say(b, "CLIENT INFO", 0, &a);
    assert_true(run_until(b->loop, is_set, &a.came));
    assert_int_equal(a.type, REPLY_STR);
    say(b, "MOVE nothing 3", 0, &a); /* to where it is already: an error in database 3 alone */
    assert_true(run_until(b->loop, is_set, &a.came));
    assert_string_equal(a.text, "ERR source and destination objects are the same");
}

static void callbacks_may_free_the_link(void **state)
{
    struct bench *b = *state;
    struct answer first = {.free_link = true}, second = {.calls = 0}, dead = {.free_link = true};
    need_redis(b);
    dial(b, b->redis.url);
    assert_true(run_until(b->loop, is_set, &b->is_up));
    say(b, "PING", 0, &first);
    say(b, "PING", 0, &second);
    assert_true(run_until(b->loop, is_set, &first.came));
    run_for(b->loop, 20);
    assert_int_equal(second.calls, 0); /* silence */
    b->is_up = false;
    dial(b, b->redis.url);
    say(b, "PING", 0, &dead); /* not up yet: it fails, and frees */
    say(b, "PING", 0, &second);
    assert_true(run_until(b->loop, is_set, &dead.came));
    assert_int_equal(dead.status, -ERR_UNAVAILABLE);
    run_for(b->loop, 20);
    assert_int_equal(second.calls, 0);
}

enum { MANY = 5000 };

static void on_count(int status, const struct reply *reply, void *arg)
{
    int64_t *next = arg;
    assert_int_equal(status, 0);
    assert_int_equal(reply_int(reply, -1), *next);
    ++*next;
}

static bool all_came(void *arg)
{
    return *(int64_t *)arg == MANY + 1;
}

static void many_commands_are_answered_in_order(void **state)
{
    struct bench *b = *state;
    int64_t next = 1;
    const struct span argv[] = {SPAN_LIT("INCR"), SPAN_LIT("n")};
    need_redis(b);
    dial(b, b->redis.url);
    assert_true(run_until(b->loop, is_set, &b->is_up));
    for (int i = 0; i < MANY; i++)
        link_command(b->link, 2, argv, 5000, on_count, &next);
    assert_true(run_until(b->loop, all_came, &next));
}

/* Far more than a socket holds, and a process that is held up for longer than the time that a
 * command has: as long as the server takes and answers, nothing is given up. */
static void a_process_that_was_held_up_gives_nothing_up(void **state)
{
    enum { COUNT = 8, BYTES = 500 * 1000, COMMAND_MS = 1000 };
    struct bench *b = *state;
    struct answer answers[COUNT], last = {.calls = 0};
    char *value = mem_new(BYTES), name[16];
    need_redis(b);
    dial_for(b, b->redis.url, PATIENCE_MS / 4, COMMAND_MS);
    assert_true(run_until(b->loop, is_set, &b->is_up));
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(name, sizeof name, "k%d", i);
        memset(value, 'a' + i, BYTES);
        answers[i] = (struct answer){.bench = b};
        const struct span argv[] = {span_of("SET"), span_of(name), {value, BYTES}};
        link_command(b->link, 3, argv, 0, on_answer, &answers[i]);
    }
    mem_free(value);
    say(b, "GETRANGE k7 499998 -1", 0, &last);
    pause_ms(COMMAND_MS + 500);
    assert_true(run_until(b->loop, is_set, &last.came));
    assert_string_equal(last.text, "hh");
    for (int i = 0; i < COUNT; i++)
        assert_true(answers[i].calls == 1 && answers[i].status == 0);
    assert_int_equal(redis_number(&b->redis, "STRLEN k0"), BYTES);
    assert_int_equal(b->downs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_refused_link_tries_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_black_hole_times_out, setup, teardown),
        cmocka_unit_test_setup_teardown(replies_of_every_type, setup, teardown),
        cmocka_unit_test_setup_teardown(nested_replies, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frozen_server_breaks_the_link, setup, teardown),
        cmocka_unit_test_setup_teardown(a_process_that_was_held_up_gives_nothing_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_killed_server_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_busy_server_is_away, setup, teardown),
        cmocka_unit_test_setup_teardown(passwords_and_databases, setup, teardown),
        cmocka_unit_test_setup_teardown(callbacks_may_free_the_link, setup, teardown),
        cmocka_unit_test_setup_teardown(many_commands_are_answered_in_order, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
