/* What is printed: no secret, what can be read again, and the page of the tables. */
#include "conf/conf_fixture.h"

static void secrets_come_from_files_without_their_line_end(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *secret; /* NULL: refused */
        const char *says;
    } rows[] = {
        {"s3cret\n", 7, "s3cret", NULL},
        {"s3cret\r\n", 8, "s3cret", NULL},
        {"s3cret", 6, "s3cret", NULL},
        {"\n", 1, NULL, "is empty"},
        {"", 0, NULL, "is empty"},
        {"a\nb\n", 4, NULL, "control characters"},
        {"a\0b", 3, NULL, "control characters"},
    };
    char secret[96];
    char text[256];
    struct conf *conf;
    struct err err;
    (void)snprintf(secret, sizeof(secret), "%s/secret", folder);
    (void)snprintf(text, sizeof(text), "api: {token_secret: \"file:%s\"}\n", secret);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        write_bytes(secret, rows[i].bytes, rows[i].len);
        int result = load(text, &conf, &err);
        assert_int_equal(result, rows[i].secret == NULL ? -ERR_CONFIG : 0);
        if (result == 0)
            assert_string_equal(conf->api_token_secret, rows[i].secret);
        else
            assert_non_null(strstr(err.message, rows[i].says));
        conf_free(conf);
    }
    char *large = mem_new(20 * 1024);
    memset(large, 'x', 20 * 1024);
    write_bytes(secret, large, 20 * 1024);
    mem_free(large);
    assert_int_equal(load(text, &conf, &err), -ERR_CONFIG);
    assert_non_null(strstr(err.message, "File too large"));
    assert_int_equal(unlink(secret), 0);
}

static void what_is_printed_holds_no_secret(void **state)
{
    (void)state;
    set("SLUICE_REDIS_URL", "redis://u:canary@pw@10.0.0.1:6379/2");
    struct conf *conf = loaded(DESIGN);
    set("SLUICE_REDIS_URL", NULL);
    char *text = printed(conf);
    assert_null(strstr(text, "canary"));
    assert_non_null(strstr(text, "url: \"redis://***@10.0.0.1:6379/2\"\n"));
    assert_non_null(strstr(text, "token_secret: \"***\"\n"));
    assert_non_null(strstr(text, "key: \"***\", model: \"m\""));
    mem_free(text);
    conf_free(conf);
}

static void what_is_printed_can_be_read_again(void **state)
{
    (void)state;
    struct conf *conf =
        loaded("models: [{name: 'a\"b\\c', model: m, supports: [tools, prefill], timeouts: {idle: "
               "1500ms}}]\n"
               "api: {listen: ['127.0.0.1:1', '127.0.0.1:2']}\nworker: {drain: 0s}\n"
               "keep: {chat: 36h, log: 61s}\nlimits: {body: 1537KiB, output: 1025}\n");
    char *once = printed(conf);
    conf_free(conf);
    conf = loaded(once);
    char *twice = printed(conf);
    assert_string_equal(once, twice);
    assert_non_null(strstr(
        once,
        "timeouts: {connect: 10s, first_byte: 1m, first_token: 2m, idle: 1500ms, total: 15m}}\n"));
    assert_non_null(strstr(once, "  chat: 36h\n"));
    assert_non_null(strstr(once, "  log: 61s\n"));
    assert_non_null(strstr(once, "  drain: 0s\n"));
    assert_non_null(strstr(once, "  body: 1537KiB\n  output: 1025B\n"));
    assert_non_null(strstr(once, "stop_key: \"chat_stop:{chat_id}\"\ntenant_stop_key: "));
    assert_non_null(strstr(once, "keys: []\n"));
    assert_string_equal(conf->models[0].name, "a\"b\\c");
    mem_free(once);
    mem_free(twice);
    conf_free(conf);
}

/* SLUICE_WRITE_DOCS=1 writes the page anew. */
static void the_page_is_what_the_tables_say(void **state)
{
    (void)state;
    enum { ROOM = 256 * 1024 };
    static const char path[] = SLUICE_SOURCE_DIR "/docs/configuration.md";
    struct buf made;
    buf_init(&made, ROOM);
    conf_document(&made);
    assert_int_equal(buf_error(&made), 0);
    if (getenv("SLUICE_WRITE_DOCS") != NULL)
        write_bytes(path, made.ptr, made.len);
    char *page = mem_new(ROOM);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t len = fread(page, 1, ROOM - 1, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(len, made.len);
    assert_memory_equal(page, made.ptr, made.len);
    mem_free(page);
    buf_release(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_come_from_files_without_their_line_end),
        cmocka_unit_test(what_is_printed_holds_no_secret),
        cmocka_unit_test(what_is_printed_can_be_read_again),
        cmocka_unit_test(the_page_is_what_the_tables_say),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
