/* JSON from clients and providers: whatever the check accepts, cJSON parses into the tree that a
 * walk over the text sees, and what we write of it is accepted and reads back the same. Text that
 * the check refuses is walked too, to stay inside it. */
#include "base/err.h"
#include "base/mem.h"
#include "fuzz.h"
#include "wire/json.h"

enum { ROOM = 64 * 1024 * 1024 };

/* Walks and looks up without a care for what the bytes are. */
static void walk_anything(struct span text)
{
    struct json_walk walks[] = {json_walk_object(text), json_walk_array(text)};
    for (size_t i = 0; i < 2; i++) {
        struct span name, value;
        size_t steps = 0;
        while (json_walk_next(&walks[i], &name, &value)) {
            CHECK(value.ptr >= text.ptr && value.ptr + value.len <= text.ptr + text.len);
            CHECK(++steps <= text.len);
        }
    }
    (void)json_raw(text, "a"); /* whatever it finds */
}

static bool is_of_type(char first, enum json_type type)
{
    static const char *const firsts[] = {
        [JSON_NULL] = "n",    [JSON_BOOL] = "tf", [JSON_NUMBER] = "-0123456789",
        [JSON_STRING] = "\"", [JSON_ARRAY] = "[", [JSON_OBJECT] = "{"};
    return strchr(firsts[type], first) != NULL;
}

/* The value that stands in the text is the value of the tree, all the way down (at most
 * LIMIT_JSON_DEPTH). */
static void compare(struct span text, const struct json *v)
{
    bool is_object = json_type(v) == JSON_OBJECT;
    CHECK(text.len > 0 && is_of_type(text.ptr[0], json_type(v)));
    struct json_walk walk = is_object ? json_walk_object(text) : json_walk_array(text);
    struct span name, value;
    size_t i = 0;
    for (; json_walk_next(&walk, &name, &value); i++) {
        const struct json *item = json_at(v, i);
        CHECK(item != NULL);
        if (is_object) {
            CHECK(json_name_is(name, json_name(item)));
            const struct json *first = json_get(v, json_name(item));
            struct span raw = json_raw(text, json_name(item));
            CHECK(first != NULL && raw.ptr <= value.ptr &&
                  (first == item) == (raw.ptr == value.ptr));
        }
        compare(value, item);
    }
    CHECK(i == json_count(v));
}

static void write_again(struct json_writer *w, const struct json *v)
{
    const char *name = json_name(v);
    int64_t whole;
    double number;
    if (json_type(v) == JSON_OBJECT || json_type(v) == JSON_ARRAY) {
        json_open(w, name, json_type(v) == JSON_OBJECT ? '{' : '[');
        for (size_t i = 0; i < json_count(v); i++)
            write_again(w, json_at(v, i));
        json_close(w);
    } else if (json_type(v) == JSON_STRING) {
        json_member_str(w, name, json_string(v));
    } else if (json_type(v) == JSON_BOOL) {
        json_member_bool(w, name, json_bool(v, false));
    } else if (json_int(v, &whole)) {
        json_member_int(w, name, whole);
    } else {
        json_member_raw(w, name, json_number(v, &number) ? SPAN_LIT("0.5") : SPAN_NONE);
    }
}

static void write_document(struct buf *b, const struct json_doc *doc)
{
    struct json_writer w = json_writer(b);
    buf_init(b, ROOM);
    write_again(&w, json_root(doc));
    CHECK(buf_error(b) == 0);
    CHECK(memchr(b->ptr, '\n', b->len) == NULL && memchr(b->ptr, '\r', b->len) == NULL);
}

static void try_sound(struct span text)
{
    struct json_doc *doc, *back;
    struct buf first, second;
    CHECK(json_parse(text, &doc, NULL) == 0);
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[0]) != NULL)
        text = span_make(text.ptr + 1, text.len - 1);
    compare(text, json_root(doc));
    write_document(&first, doc);
    CHECK(json_parse(buf_as_span(&first), &back, NULL) == 0);
    write_document(&second, back);
    CHECK(span_equal(buf_as_span(&first), buf_as_span(&second)));
    json_free(doc);
    json_free(back);
    buf_release(&first);
    buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size);
    struct err err = {0};
    walk_anything(text);
    if (json_check(text, &err) == 0)
        try_sound(text);
    else
        CHECK(err.code == ERR_BAD_REQUEST && err.message[0] != '\0');
    return 0;
}
