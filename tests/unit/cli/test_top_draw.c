/* The operator's picture: what is in it, what of it where there is little room, and that no line is
 * longer than the terminal. */
#include "cli_test.h"
#include "sluice/top_rows.h"

#include <stdio.h>

static const char OVERVIEW[] =
    "{\"at\":100000,\"lanes\":["
    "{\"lane\":\"stream.interactive\",\"paused\":false,\"waiting\":3,\"oldest_wait_ms\":1234},"
    "{\"lane\":\"stream.batch\",\"paused\":true,\"waiting\":0,\"oldest_wait_ms\":null}],"
    "\"queues\":[{\"lane\":\"stream.interactive\",\"tenant\":\"acme\",\"waiting\":2,"
    "\"oldest_wait_ms\":1234},{\"lane\":\"stream.interactive\",\"tenant\":\"default\","
    "\"waiting\":1,\"oldest_wait_ms\":20}],"
    "\"tenants\":[{\"tenant\":\"acme\",\"queued\":2,\"running\":1,\"input_tokens\":31,"
    "\"output_tokens\":12}],"
    "\"workers\":[{\"worker\":\"w_4f2k\",\"kind\":\"stream\",\"slots\":256,\"running\":2}],"
    "\"running\":[{\"tenant\":\"acme\",\"generation_id\":\"g1\",\"chat_id\":\"c1\","
    "\"lane\":\"stream.interactive\",\"user\":\"J\\u00f6rg\",\"model\":null,\"worker\":\"w_4f2k\","
    "\"started_at\":98766,\"first_token_at\":98800},"
    "{\"tenant\":\"default\",\"generation_id\":\"g2\",\"lane\":\"stream.interactive\","
    "\"started_at\":null,\"first_token_at\":null}],"
    "\"running_total\":2,\"delayed\":4,\"dead\":1,"
    "\"failures\":[{\"tenant\":\"acme\",\"generation_id\":\"g0\",\"state\":\"failed\","
    "\"error\":{\"code\":\"provider_error\",\"message\":\"no\\u001b[2J way\"},"
    "\"ended_at\":40000}],"
    "\"tokens_per_second\":11.8,"
    "\"recent\":{\"first_token\":{\"count\":2,\"p50_us\":59392,\"p95_us\":63488},"
    "\"stop\":{\"count\":0,\"p50_us\":null,\"p95_us\":null},"
    "\"ended\":{\"done\":1,\"stopped\":2,\"failed\":3,\"interrupted\":0}},"
    "\"slot_ms\":5000,\"slots\":[{\"at\":85000,\"tokens\":80},{\"at\":95000,\"tokens\":20},"
    "{\"at\":100000,\"tokens\":0}]}";

static const char DEAD_LIST[] =
    "{\"data\":[{\"tenant\":\"default\",\"generation_id\":\"g7\",\"crashes\":5,"
    "\"error\":{\"code\":\"crashes\",\"message\":\"lost too often\"}}],\"next\":null}";

static struct json_doc *parse(const char *text)
{
    struct json_doc *doc = NULL;
    assert_int_equal(json_parse(span_of(text), &doc, NULL), 0);
    return doc;
}

static void draw(struct top_picture picture, const char *overview, struct buf *out)
{
    struct json_doc *doc = parse(overview), *dead = parse(DEAD_LIST);
    picture.overview = json_root(doc);
    picture.dead = json_root(dead);
    picture.server = "http://h:1";
    picture.note = "keys";
    buf_init(out, 1024 * 1024);
    top_draw(&picture, out);
    assert_int_equal(buf_error(out), 0);
    json_free(doc);
    json_free(dead);
}

static void all_of_it(void **state)
{
    struct buf out;
    (void)state;
    draw((struct top_picture){.columns = 78, .selected = 0}, OVERVIEW, &out);
    assert_put(&out,
               "sluice top  http://h:1\n"
               "11.8 tokens/s   first token p50 59 ms, p95 63 ms   stop p50 -\n"
               "2 running, 4 delayed, 1 dead; the last minute: 1 done, 2 stopped, 3 failed, 0\n"
               "                                                                █ ▂\n"
               "\n"
               "  LANE                   WAITING       OLDEST STATE\n"
               "  stream.interactive           3        1.2 s open\n"
               "    acme                       2        1.2 s\n"
               "    default                    1        20 ms\n"
               "  stream.batch                 0            - paused\n"
               "\n"
               "  WORKER                             KIND     RUNNING  SLOTS\n"
               "  w_4f2k                             stream         2    256\n"
               "\n"
               "  TENANT                  QUEUED   RUNNING     TOKENS IN    TOKENS OUT\n"
               "  acme                         2         1            31            12\n"
               "\n"
               "  GENERATION                              AGE  1ST TOKEN TENANT       LANE\n"
               "> g1                                    1.2 s      34 ms acme         stream.i\n"
               "  g2                                        -          - default      stream.i\n"
               "\n"
               "  DEAD                            CRASHES TENANT       WHY\n"
               "  g7                                    5 default      lost too often\n"
               "\n"
               "  FAILURE                                 AGO TENANT       CODE\n"
               "  g0                                1 min 0 s acme         provider_error\n"
               "keys");
}

/* Calls `look` for each line, and returns how many there are. */
static size_t each_line(const struct buf *out, void (*look)(struct span line, void *arg), void *arg)
{
    struct span rest = buf_as_span(out);
    size_t lines = 0;
    for (; rest.ptr != NULL; lines++)
        look(span_cut(&rest, '\n'), arg);
    return lines;
}

static void no_longer_than(struct span line, void *arg)
{
    size_t columns = 0;
    assert_true(span_is_utf8(line));
    for (size_t i = 0; i < line.len; i++) {
        unsigned char byte = (unsigned char)line.ptr[i];
        assert_true(byte >= ' ' && byte != 0x7f);
        columns += (byte & 0xc0) != 0x80;
    }
    assert_true(columns <= *(const size_t *)arg);
}

/* Whatever its size, the picture fills it and no more. */
static void every_size(void **state)
{
    (void)state;
    for (size_t columns = 1; columns < 200; columns += 7)
        for (size_t rows = 6; rows < 60; rows++) {
            struct buf out;
            draw((struct top_picture){.columns = columns, .rows = rows}, OVERVIEW, &out);
            assert_int_equal(each_line(&out, no_longer_than, &columns), rows);
            buf_release(&out);
        }
}

/* An overview of so many that run, g0, g1, ... */
static char *many(size_t count)
{
    struct buf text;
    size_t len = 0;
    buf_init(&text, 1024 * 1024);
    (void)buf_text(&text, "{\"lanes\":[{\"lane\":\"l\"}],\"running\":[");
    for (size_t i = 0; i < count; i++)
        (void)buf_printf(&text, "%s{\"generation_id\":\"g%zu\"}", i == 0 ? "" : ",", i);
    (void)buf_text(&text, "]}");
    assert_int_equal(buf_error(&text), 0);
    return buf_take(&text, &len);
}

static void marked(struct span line, void *arg)
{
    if (span_starts_with(line, "> "))
        *(struct span *)arg = line;
}

/* The selected one is on the screen wherever it is, and how many are not is said. */
static void the_selected_one_is_seen(void **state)
{
    char *text = many(100);
    (void)state;
    for (size_t selected = 0; selected < 100; selected++) {
        struct buf out;
        struct span line = SPAN_NONE;
        char name[32];
        draw((struct top_picture){.columns = 80, .rows = 20, .selected = selected}, text, &out);
        (void)each_line(&out, marked, &line);
        (void)snprintf(name, sizeof name, "> g%zu ", selected);
        assert_true(span_starts_with(line, name));
        assert_int_equal(strstr(out.ptr, " more\n") != NULL, selected < 98);
        buf_release(&out);
    }
    mem_free(text);
}

/* Nothing is known yet, or next to nothing. */
static void little_to_say(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 1024);
    top_draw(&(struct top_picture){.server = "s", .note = "n", .columns = 20, .rows = 3}, &out);
    assert_put(&out, "\n\nn");
    top_draw(&(struct top_picture){.server = "s", .note = "n\033[2J\a", .columns = 20, .rows = 3},
             &out);
    assert_put(&out, "\n\nn [2J"); /* a server's words drive no terminal */
    draw((struct top_picture){.columns = 80, .rows = 6}, "{}", &out);
    assert_non_null(strstr(out.ptr, "0.0 tokens/s"));
    buf_release(&out);
}

static void colours_are_put_around_lines(void **state)
{
    struct buf out;
    (void)state;
    draw((struct top_picture){.columns = 30, .rows = 30, .has_colour = true}, OVERVIEW, &out);
    assert_non_null(strstr(out.ptr, "\n\033[7m> g1\033[0m\n"));
    buf_release(&out);
}

static void durations(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {{-1, "-"},
                {0, "0.0 ms"},
                {832, "0.8 ms"},
                {9949, "9.9 ms"},
                {9950, "9 ms"},
                {59392, "59 ms"},
                {999999, "999 ms"},
                {1234000, "1.2 s"},
                {59999999, "59.9 s"},
                {60000000, "1 min 0 s"},
                {3599000000, "59 min 59 s"},
                {90061000000, "25 h 1 min"}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out;
        buf_init(&out, 64);
        row_put_duration(rows[i].us, &out);
        assert_put(&out, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it),
        cmocka_unit_test(every_size),
        cmocka_unit_test(the_selected_one_is_seen),
        cmocka_unit_test(little_to_say),
        cmocka_unit_test(colours_are_put_around_lines),
        cmocka_unit_test(durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
