/* Every malformed row of the parser's table against the server: the exact status, one answer, the
 * connection closed, and the request behind it never served. */
#include "http/corpus.h"
#include "http/server_fixture.h"

#include <sys/resource.h>
#include <time.h>

/* Would be served if anything of the row were left over. */
static const char BEHIND[] = "GET /echo/behind HTTP/1.1\r\nHost: a\r\n\r\n";

static int answers(const char *text)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, "\r\nDate: ")) != NULL; at++)
        n++;
    return n;
}

static void refuse(struct fixture *f, const struct corpus_row *row)
{
    bool closed;
    char wanted[16];
    int fd = dial(f, 0);
    assert_int_equal(send(fd, row->bytes.ptr, row->bytes.len, MSG_NOSIGNAL),
                     (ssize_t)row->bytes.len);
    say(fd, BEHIND);
    const char *answer = hear(f, fd, NULL, 3000, &closed);
    (void)snprintf(wanted, sizeof wanted, "HTTP/1.1 %d ", row->statuses[0]);
    if (!closed || strncmp(answer, wanted, strlen(wanted)) != 0)
        print_error("%s: %.200s ->\n%s\n", row->name, row->bytes.ptr, answer);
    assert_int_equal(strncmp(answer, wanted, strlen(wanted)), 0);
    assert_int_equal(answers(answer), 1);
    assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
    assert_true(closed);
    (void)close(fd);
}

static void refuses_the_row_and_what_is_behind_it(void **state)
{
    struct fixture *f = set_up((struct http_options){0});
    struct corpus corpus = corpus_read();
    (void)state;
    for (const struct corpus_row *row = corpus.rows; row < corpus.rows + corpus.count; row++)
        if (!row->is_legal)
            refuse(f, row);
    corpus_release(&corpus);
    tear_down(f);
}

/* No file for a new connection: the listener pauses instead of reporting it again and again, and
 * takes the waiting client as soon as there is one. */
static void waits_for_files_without_spinning(void **state)
{
    struct rlimit old, tight;
    bool closed;
    const char *preloaded = getenv("LD_PRELOAD");
    if (preloaded != NULL && strstr(preloaded, "vgpreload") != NULL)
        skip(); /* valgrind feigns the limit: it closes what the kernel has accepted */
    struct fixture *f = set_up((struct http_options){.max_connections = 100});
    int fd = dial(f, 0), spare = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    (void)state;
    turn(f, 20);
    assert_int_equal(http_server_connections(f->server), 1);
    int late = dial(f, 0);                    /* waits in the kernel: the loop has not turned */
    int next = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* the lowest number that is free */
    (void)close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    tight = (struct rlimit){(rlim_t)next, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    clock_t before = clock();
    turn(f, 500);
    clock_t spent = clock() - before;
    size_t taken = http_server_connections(f->server);
    (void)close(spare);
    say(late, "GET /echo/late HTTP/1.1\r\nHost: a\r\n\r\n");
    const char *answer = hear(f, late, "late|", 2000, &closed);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(taken, 1);
    assert_true(spent < CLOCKS_PER_SEC / 30);
    assert_non_null(strstr(answer, "late|"));
    (void)close(fd);
    (void)close(late);
    tear_down(f);
}

static void refuses_unknown_methods_in_any_letters(void **state)
{
    static const char *const methods[] = {"BREW", "get", "Get", "TRACE", "GETX"};
    struct fixture *f = set_up((struct http_options){0});
    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        bool closed;
        char text[256];
        (void)snprintf(text, sizeof text, "%s /echo/x HTTP/1.1\r\nHost: a\r\n\r\n%s", methods[i],
                       BEHIND);
        const char *answer = ask(f, text, &closed);
        assert_non_null(strstr(answer, "HTTP/1.1 501 Not Implemented\r\n"));
        assert_int_equal(answers(answer), 1);
        assert_true(closed);
    }
    tear_down(f);
}

static void put_error(struct buf *out, int status, const struct err *err)
{
    (void)buf_printf(out, "own %d %s", status, err->message);
}

static void lets_the_program_put_its_own_errors(void **state)
{
    static const char *const rows[][2] = {{"GET /nowhere HTTP/1.1", "own 404 "},
                                          {"PUT /echo/x HTTP/1.1", "own 405 "},
                                          {"BREW /echo/x HTTP/1.1", "own 501 "},
                                          {"GET /fail HTTP/1.1", "own 503 not now"},
                                          {"GET  / HTTP/1.1", "own 400 malformed request line"}};
    struct fixture *f = set_up((struct http_options){.put_error = put_error});
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool closed;
        char request[128];
        (void)snprintf(request, sizeof request, "%s\r\nHost: a\r\nConnection: close\r\n\r\n",
                       rows[i][0]);
        assert_non_null(strstr(ask(f, request, &closed), rows[i][1]));
    }
    tear_down(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_the_row_and_what_is_behind_it),
        cmocka_unit_test(waits_for_files_without_spinning),
        cmocka_unit_test(refuses_unknown_methods_in_any_letters),
        cmocka_unit_test(lets_the_program_put_its_own_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
