/* What of jq's text is refused: the names wherever they are called, and nowhere else. */
#include "graphs/expr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_allowed(const char *program)
{
    size_t offset = 0;
    struct err err = {.code = ERR_OK};
    int rc = expr_is_allowed(span_of(program), &offset, &err);
    if (rc != 0)
        (void)printf("refused: %s (at %zu: %s)\n", program, offset, err.message);
    assert_int_equal(rc, 0);
}

/* `at` is where the refused thing stands in the program. */
static void assert_refused(const char *program, const char *at, const char *message)
{
    size_t offset = 0;
    struct err err = {.code = ERR_OK};
    int rc = expr_is_allowed(span_of(program), &offset, &err);
    if (rc == 0)
        (void)printf("allowed: %s\n", program);
    assert_int_equal(rc, -ERR_CONFIG);
    assert_string_equal(program + offset, at);
    assert_string_equal(err.message, message);
}

static void refuses_each_name(void **state)
{
    static const char *const names[] = {"import",
                                        "include",
                                        "input",
                                        "inputs",
                                        "env",
                                        "debug",
                                        "halt",
                                        "halt_error",
                                        "stderr",
                                        "input_filename",
                                        "input_line_number",
                                        "get_search_list",
                                        "get_prog_origin",
                                        "get_jq_origin",
                                        "modulemeta"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char program[64], at[64], message[96];
        (void)snprintf(program, sizeof program, ".a | %s | .b", names[i]);
        (void)snprintf(at, sizeof at, "%s | .b", names[i]);
        (void)snprintf(message, sizeof message, "`%s` is not allowed in expressions", names[i]);
        assert_refused(program, at, message);
    }
    assert_refused("$ENV.PATH", "ENV.PATH", "`$ENV` is not allowed in expressions");
    assert_refused("$__loc__", "__loc__", "`$__loc__` is not allowed in expressions");
    assert_refused("$__prog_args", "__prog_args", "`$__prog_args` is not allowed in expressions");
    assert_refused(".a + $secret.crm", "secret.crm",
                   "`$secret` may stand only alone, as {{ $secret.name }}, and only in url, "
                   "headers and body");
}

static void takes_names_that_call_nothing(void **state)
{
    static const char *const programs[] = {
        "",
        ".",
        ".env",
        ".a.env.input",
        ".a?.env",
        ".[0].env | .debug",
        "..|.env?",
        "\"env\"",
        "\"$ENV \\\" env\"",
        ".[\"env\"]",
        "{env: 1}",
        "{env: 1, input: 2, \"debug\": 3}",
        "{ env }",
        "{a: 1, env}",
        "{if: 1, end: 2, env: 3}",
        "{a: if .b then 1 else 2 end, env: 3}",
        "{a: if .b then {env: 1} else [1, 2] end, env: 3}",
        "{a: (1, 2), env: 3}",
        ". as {env: $x, input: [$y]} | $x + $y",
        ". as $env | $env",
        "environment | inputsx | debugger | env2 | _env",
        "# env and $ENV\n.a",
        ".a # env",
        "\"a \\(.b + \"c \\(.env) d\") env\" + .e",
        "{\"a \\(.env)\": 1, env: 2}",
        "@base64 \"x\\(.env)\"",
        "@env",
        "1.5e3 + .5 + 2.e1 - 1E-2",
        "def f(x): x; f(.env)",
        ".[1:.env]",
        "if . then .end else .if end | .env",
        "reduce .[] as $x (0; . + $x.env)",
        "$secrets | $ENVx",
    };
    (void)state;
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        assert_allowed(programs[i]);
}

static void finds_a_call_wherever_it_hides(void **state)
{
    static const struct {
        const char *program, *at;
    } hidden[] = {
        {"env", "env"},
        {"env.PATH", "env.PATH"},
        {"..env", "env"},
        {". env", "env"},
        {"1.env", "env"},
        {"[env]", "env]"},
        {"{a: env}", "env}"},
        {"{(env): 1}", "env): 1}"},
        {"{a: 1 | env}", "env}"},
        {"{a: [1, env]}", "env]}"},
        {"{a: (1, env)}", "env)}"},
        {"{a: if . then 1, env else 2 end}", "env else 2 end}"},
        {"{a: if . then {b: 1}, env else 2 end}", "env else 2 end}"},
        {"{a: 1, env | . }", "env | . }"},
        {"[{a: 1}, env]", "env]"},
        {"\"\\(env)\"", "env)\""},
        {"\"a\\(1 + \"b\\(env)\")\"", "env)\")\""},
        {"\"\\\\\" + env", "env"},
        {"\"\\\"\" + env", "env"},
        {"\"a\\(1)\" | env", "env"},
        {"{\"a\\(1)\": env}", "env}"},
        {"@base64 \"\\(env)\"", "env)\""},
        {"# \"\nenv", "env"},
        {"\"#\" | env", "env"},
        {"foo::env", "env"},
        {"def env: 1; env", "env: 1; env"},
        {"import \"a\" as a; .", "import \"a\" as a; ."},
        {"$ ENV", "ENV"},
        {"$ # why\n ENV", "ENV"},
        {"{$ENV}", "ENV}"},
        {"{$__loc__}", "__loc__}"},
        {"\"\\($secret.a)\"", "secret.a)\""},
        {". as {env: $x} | env", "env"},
        {"try error(\"x\") catch env", "env"},
        {".[env]", "env]"},
        {".a[env:]", "env:]"},
        {"-env", "env"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        size_t offset = 0;
        int rc = expr_is_allowed(span_of(hidden[i].program), &offset, NULL);
        if (rc != -ERR_CONFIG)
            (void)printf("allowed: %s\n", hidden[i].program);
        assert_int_equal(rc, -ERR_CONFIG);
        assert_string_equal(hidden[i].program + offset, hidden[i].at);
    }
}

/* jq since 1.7.1 goes on with such a comment in the next line: what is code to one release is text
 * to the other. */
static void refuses_a_comment_that_may_go_on(void **state)
{
    (void)state;
    assert_refused("# \\\n\"\nenv # \"", "\\\n\"\nenv # \"",
                   "a comment may not end in a backslash");
    assert_refused(". # \\\r\n.a", "\\\r\n.a", "a comment may not end in a backslash");
    assert_refused(". # \\", "\\", "a comment may not end in a backslash");
    assert_allowed("# a \\ b\n.");
}

static void refuses_a_nul(void **state)
{
    (void)state;
    assert_int_equal(expr_is_allowed(SPAN_LIT(".a\0env"), NULL, NULL), -ERR_CONFIG);
}

static void keeps_its_depth(void **state)
{
    char deep[2 * EXPR_DEPTH_MAX + 3] = "";
    (void)state;
    memset(deep, '[', EXPR_DEPTH_MAX);
    assert_allowed(deep);
    deep[EXPR_DEPTH_MAX] = '[';
    assert_int_equal(expr_is_allowed(span_of(deep), NULL, NULL), -ERR_CONFIG);
    /* what closes nothing is jq's to tell */
    assert_allowed(")]} end \"abc");
    assert_allowed("\"abc\\");
    assert_allowed("( ] \"\\( [ ) \"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_each_name),
        cmocka_unit_test(takes_names_that_call_nothing),
        cmocka_unit_test(finds_a_call_wherever_it_hides),
        cmocka_unit_test(refuses_a_comment_that_may_go_on),
        cmocka_unit_test(refuses_a_nul),
        cmocka_unit_test(keeps_its_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
