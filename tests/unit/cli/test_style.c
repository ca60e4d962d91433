/* Replies lit for the terminal: however they are cut, the same comes out; without colours the text
 * is what it was; nothing in it is a command. */
#include "cli_test.h"
#include "sluice/style.h"

#define N "\033[0m"
#define B "\033[0m\033[1m"
#define C "\033[0m\033[36m"

static const struct {
    const char *text, *lit;
} SAMPLES[] = {
    {"plain text", "plain text" N},
    {"# Title\nbody", B "# Title" N "\nbody" N},
    {"no # title", "no # title" N},
    {"#hash #x\n", "#hash #x\n" N},
    {"####### seven", "####### seven" N},
    {"a **bold** b", "a " B "**bold**" N " b" N},
    {"* item *x*\n- y", "* item *x*\n- y" N},
    {"a `code **x**` b", "a " C "`code **x**`" N " b" N},
    {"open `code\nnext", "open " C "`code" N "\nnext" N},
    {"**open\nnext", B "**open" N "\nnext" N},
    {"```c\n# x **y**\n```\nz", C "```c" C "\n# x **y**\n" C "```" N "\nz" N},
    {"  ```\ncode\n  ```\nz", "  " C "```" C "\ncode\n  " C "```" N "\nz" N},
    {"a ``` b", "a " C "``` b" N},
    {"end *", "end *" N},
    {"2 ** 3 ** 4", "2 " B "** 3 **" N " 4" N},
    {"\xc3\xa4\xf0\x9f\xa6\xa6 **\xc3\xb6**", "\xc3\xa4\xf0\x9f\xa6\xa6 " B "**\xc3\xb6**" N N},
};

static size_t char_len(const char *at)
{
    size_t len = 1;
    while (((unsigned char)at[len] & 0xc0) == 0x80)
        len++;
    return len;
}

static void light(const char *text, bool is_plain, size_t chars, struct buf *out)
{
    struct style style = style_new(is_plain);
    buf_init(out, 4096);
    while (*text != '\0') {
        size_t len = 0;
        for (size_t i = 0; i < chars && text[len] != '\0'; i++)
            len += char_len(text + len);
        style_put(&style, span_make(text, len), out);
        text += len;
    }
    style_end(&style, out);
}

static void however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(SAMPLES); i++)
        for (size_t chars = 1; chars < 12; chars++) {
            struct buf out;
            light(SAMPLES[i].text, false, chars, &out);
            assert_put(&out, SAMPLES[i].lit);
        }
}

static void without_colours(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(SAMPLES); i++) {
        struct buf out;
        light(SAMPLES[i].text, true, 3, &out);
        assert_put(&out, SAMPLES[i].text);
    }
}

static void no_commands(void **state)
{
    struct buf out;
    (void)state;
    light("a\033]0;t\007b\rc\x7f\xc2\x9b"
          "1md\te\xc2\xa0"
          "f\n",
          true, 1, &out);
    assert_put(&out, "a\xef\xbf\xbd]0;t\xef\xbf\xbd"
                     "b\xef\xbf\xbd"
                     "c\xef\xbf\xbd\xef\xbf\xbd"
                     "1md\te\xc2\xa0"
                     "f\n");
}

static void dim_is_dim(void **state)
{
    struct style style = style_new(false);
    struct buf out;
    (void)state;
    buf_init(&out, 1024);
    style.is_dim = true;
    style_put(&style, SPAN_LIT("# think **hard** `now`"), &out);
    style_end(&style, &out);
    assert_put(&out, "\033[0m\033[2m# think **hard** `now`\033[0m");
    assert_false(style.is_dim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(however_it_is_cut),
        cmocka_unit_test(without_colours),
        cmocka_unit_test(no_commands),
        cmocka_unit_test(dim_is_dim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
