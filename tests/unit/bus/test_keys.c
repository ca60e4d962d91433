/* Key names as common.lua spells them; flags by pattern; which patterns are taken. */
#include "bus/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void names_are_those_of_the_scripts(void **state)
{
    (void)state;
    assert_string_equal(key_generation("default", "g:1").text, "sluice:{s00}:gen:default:g:1");
    assert_string_equal(key_chat("default", "c").text, "sluice:{s00}:chat:default:c");
    assert_string_equal(key_active("acme", "c").text, "sluice:{s00}:active:acme:c");
    assert_string_equal(key_chats("acme").text, "sluice:{s00}:chats:acme");
    assert_string_equal(key_events("acme", "g").text, "sluice:{s00}:events:acme:g");
    assert_string_equal(key_live("acme", "g", "3.n").text, "sluice:{s00}:live:acme:g:3.n");
    assert_string_equal(key_places("gpt/1").text, "sluice:{s00}:places:gpt/1");
    assert_string_equal(key_wanted("gpt/1").text, "sluice:{s00}:wanted:gpt/1");
    assert_string_equal(key_steps("acme", "g").text, "sluice:{s00}:steps:acme:g");
    assert_string_equal(key_graph("0a").text, "sluice:{s00}:graph:0a");
    assert_string_equal(key_plain("leases").text, "sluice:{s00}:leases");
    assert_string_equal(lane_name(LANE_STREAM_INTERACTIVE), "stream.interactive");
    assert_string_equal(lane_name(LANE_GRAPH_BATCH), "graph.batch");
}

static void flags_follow_the_pattern(void **state)
{
    static const char own[] = "chat_stop:{chat_id}", others[] = "chat_stop@{tenant}:{chat_id}";
    (void)state;
    assert_string_equal(key_flag(own, others, "default", "c:1").text, "chat_stop:c:1");
    assert_string_equal(key_flag(own, others, "acme", "c").text, "chat_stop@acme:c");
    assert_string_equal(key_flag(own, others, "acme", "").text, "");
    /* an id that looks like a word of the pattern cannot be: braces are no part of ids; but nothing
     * is replaced twice */
    assert_string_equal(key_flag("{chat_id}!", others, "default", "{tenant}").text, "{tenant}!");
}

static void the_longest_ids_fit(void **state)
{
    char tenant[65], id[129], pattern[129];
    (void)state;
    memset(tenant, 't', 64);
    tenant[64] = '\0';
    memset(id, 'i', 128);
    id[128] = '\0';
    memset(pattern, 'p', 128);
    memcpy(pattern, "{chat_id}{tenant}", 17);
    pattern[128] = '\0';
    assert_int_equal(strlen(key_live(tenant, id, id).text),
                     strlen(KEY_PREFIX "live:::") + 64 + 256);
    assert_int_equal(strlen(key_flag("", pattern, tenant, id).text), 128 - 17 + 64 + 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_the_scripts),
        cmocka_unit_test(flags_follow_the_pattern),
        cmocka_unit_test(the_longest_ids_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
