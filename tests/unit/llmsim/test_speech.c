/* What is said: readable, self-describing, thought, called; cut short, and gone on with wherever it
 * was broken off. */
#include "speech.h"

#include "base/clock.h"
#include "llmsim_test.h"

static struct speech speech;
static struct play play;
static char said[4][4096]; /* by part */

/* Says everything; which parts came, in order, as one letter each. */
static const char *say_play(const char *words, const char *prefill, int64_t max_tokens)
{
    static char parts[8];
    char message[256];
    size_t count = 0;
    enum part last = PART_NONE, part;
    (void)snprintf(message, sizeof message, "!sim %s", words);
    struct script script = script_parse(span_of(message));
    memset(said, 0, sizeof said);
    speech_init(&speech, &script, &play, "r1", span_of(prefill), max_tokens);
    while (speech_part(&speech) != PART_NONE) {
        enum part next = speech_part(&speech);
        struct span token = speech_next(&speech, &part);
        assert_int_equal(part, next);
        if (part != last)
            parts[count++] = "-rtc"[part];
        last = part;
        strncat(said[part], token.ptr, token.len);
    }
    parts[count] = '\0';
    assert_int_equal(speech.said, speech.total);
    return parts;
}

/* The usual text, or a call where the script wants one. */
static const char *say(const char *words, const char *prefill, int64_t max_tokens)
{
    bool calls = strstr(words, "tool=") != NULL;
    play = (struct play){.call_count = calls, .calls = {{"find", tool_arguments(), false}}};
    return say_play(words, prefill, max_tokens);
}

static void readable_text_by_default(void **state)
{
    (void)state;
    assert_string_equal(say("", NULL, -1), "t");
    assert_true(span_starts_with(span_of(said[PART_TEXT]), "This is a simulated answer."));
    assert_string_equal(said[PART_TEXT] + strlen(said[PART_TEXT]) - 14, "as it is told.");
    assert_int_equal(speech_finish(&speech), FINISH_STOP);
    int64_t whole = speech.total;
    (void)say("tokens=1000", NULL, -1); /* it begins again */
    assert_int_equal(speech.total, 1000);
    assert_true(whole < 200);
    assert_string_equal(say("tokens=0", NULL, -1), "");
}

static void self_describing_tokens(void **state)
{
    (void)state;
    (void)say("text=self tokens=3", NULL, -1);
    assert_string_equal(said[PART_TEXT], "r1:0 r1:1 r1:2 ");
}

static void tokens_may_tell_the_time(void **state)
{
    (void)state;
    clock_fake(1234567, 0);
    (void)say("text=clock tokens=2", NULL, -1);
    clock_real();
    assert_string_equal(said[PART_TEXT], "@1234567 @1234567 ");
}

static void thoughts_come_first(void **state)
{
    (void)state;
    assert_string_equal(say("text=self tokens=2 reasoning=3", NULL, -1), "rt");
    assert_string_equal(said[PART_REASONING], "r1:0 r1:1 r1:2 ");
    assert_string_equal(said[PART_TEXT], "r1:0 r1:1 ");
    assert_int_equal(speech.total, 5);
    assert_string_equal(say("reasoning=100 tool=find", NULL, -1), "rc");
    assert_true(span_starts_with(span_of(said[PART_REASONING]), "Somebody wants an answer. "));
    assert_true(span_equal(span_of(said[PART_TOOL]), tool_arguments()));
    assert_int_equal(speech_finish(&speech), FINISH_TOOL);
}

static void max_tokens_cuts(void **state)
{
    (void)state;
    assert_string_equal(say("text=self tokens=5 reasoning=2", NULL, 3), "rt");
    assert_string_equal(said[PART_TEXT], "r1:0 ");
    assert_int_equal(speech_finish(&speech), FINISH_LENGTH);
    (void)say("text=self tokens=5", NULL, 5);
    assert_int_equal(speech_finish(&speech), FINISH_STOP);
    (void)say("tool=find", NULL, 1);
    assert_int_equal(speech_finish(&speech), FINISH_LENGTH);
    assert_true(strlen(said[PART_TOOL]) < tool_arguments().len);
}

static void counting_goes_on(void **state)
{
    static const struct {
        const char *prefill, *said;
    } rows[] = {
        {"r7:0 r7:1 ", "r1:2 r1:3 "},
        {"r7:0 r7:1", " r1:2 r1:3 "}, /* its last space was cut off */
        {"r7:0 r7:1 r7:2 r7:3 ", ""},
        {"r7:9 ", ""},
        {"r7:", " r1:0 r1:1 r1:2 r1:3 "},
        {"Hello ", "r1:0 r1:1 r1:2 r1:3 "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)say("text=self tokens=4 reasoning=5", rows[i].prefill, -1);
        assert_string_equal(said[PART_TEXT], rows[i].said);
        assert_string_equal(said[PART_REASONING], "");
    }
}

/* Broken off at any byte, both halves are the whole, also where the text begins again. */
static void readable_text_goes_on_at_any_byte(void **state)
{
    char whole[4096], prefill[4096], both[8192];
    (void)state;
    (void)say("tokens=160", NULL, -1);
    memcpy(whole, said[PART_TEXT], sizeof whole);
    for (size_t at = 1; at < strlen(whole); at++) {
        (void)snprintf(prefill, sizeof prefill, "%.*s", (int)at, whole);
        (void)say("tokens=160", prefill, -1);
        (void)snprintf(both, sizeof both, "%s%s", prefill, said[PART_TEXT]);
        assert_string_equal(both, whole);
    }
    (void)say("tokens=3", "Hello", -1); /* not ours: from the beginning */
    assert_string_equal(said[PART_TEXT], "This is a ");
}

static void calls_are_told_one_after_the_other(void **state)
{
    (void)state;
    play = (struct play){.call_count = 3,
                         .calls = {{"a", SPAN_LIT("{\"q\":\"\xc3\xa4\xc3\xb6\xc3\xbc\"}"), false},
                                   {"b", SPAN_LIT("{}"), false},
                                   {"c", SPAN_LIT("{\"n\":1}"), false}}};
    assert_string_equal(say_play("", NULL, -1), "c");
    assert_string_equal(said[PART_TOOL], "{\"q\":\"\xc3\xa4\xc3\xb6\xc3\xbc\"}{}{\"n\":1}");
    assert_int_equal(speech.call, 2);
    assert_int_equal(speech_finish(&speech), FINISH_TOOL);
    (void)say_play("", NULL, 3);
    assert_int_equal(speech.call, 1);
}

static void fragments_are_whole_characters(void **state)
{
    enum part part;
    (void)state;
    play = (struct play){.call_count = 1,
                         .calls = {{"a", SPAN_LIT("{\"q\":\"\xc3\xa4\xc3\xb6\xc3\xbc\"}"), false}}};
    struct script script = script_parse(SPAN_LIT(""));
    speech_init(&speech, &script, &play, "r1", SPAN_NONE, -1);
    while (speech_part(&speech) != PART_NONE)
        assert_true(span_is_utf8(speech_next(&speech, &part)));
}

static void another_text_is_told_and_gone_on_with(void **state)
{
    char text[] = "one two three";
    (void)state;
    play = (struct play){.text = text};
    assert_string_equal(say_play("", NULL, -1), "t");
    assert_string_equal(said[PART_TEXT], "one two three");
    assert_int_equal(speech.total, 3);
    (void)say_play("", "one tw", -1);
    assert_string_equal(said[PART_TEXT], "o three");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readable_text_by_default),
        cmocka_unit_test(self_describing_tokens),
        cmocka_unit_test(tokens_may_tell_the_time),
        cmocka_unit_test(thoughts_come_first),
        cmocka_unit_test(max_tokens_cuts),
        cmocka_unit_test(counting_goes_on),
        cmocka_unit_test(readable_text_goes_on_at_any_byte),
        cmocka_unit_test(calls_are_told_one_after_the_other),
        cmocka_unit_test(fragments_are_whole_characters),
        cmocka_unit_test(another_text_is_told_and_gone_on_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
