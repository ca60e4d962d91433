/* One property after the other. Invariant: what is written is JSON, whatever the schema says. */
#include "schema.h"

#include "words.h"

enum { STRING_MAX = 200, LOOKED_THROUGH = 256 };

struct fill {
    struct json_writer w;
    const struct schema_hints *hints;
    size_t numbers, codes; /* of the text, taken so far */
};

static bool is_required(const struct json *schema, const char *name)
{
    const struct json *required = json_get(schema, "required");
    for (size_t i = 0; i < json_count(required); i++)
        if (span_is(json_string(json_at(required, i)), name))
            return true;
    return json_count(required) == 0;
}

/* The value of the first member of that name, however deep, breadth first. */
static const struct json *find_member(const struct json *root, const char *name)
{
    const struct json *line[LOOKED_THROUGH] = {root};
    size_t count = 1;
    for (size_t at = 0; at < count; at++) {
        for (size_t i = 0; i < json_count(line[at]); i++) {
            const struct json *value = json_at(line[at], i);
            enum json_type type = json_type(value);
            bool is_plain = type == JSON_STRING || type == JSON_NUMBER;
            if (is_plain && json_name(value) != NULL && strcmp(json_name(value), name) == 0)
                return value;
            if ((type == JSON_OBJECT || type == JSON_ARRAY) && count < LOOKED_THROUGH)
                line[count++] = value;
        }
    }
    return NULL;
}

static const struct json *known(const struct schema_hints *hints, const char *name)
{
    const struct json *found = NULL;
    for (size_t i = hints->result_count; i > 0 && found == NULL; i--)
        found = find_member(hints->results[i - 1], name);
    return found;
}

/* A type may be a list of them; the first counts. */
static struct span type_of(const struct json *schema)
{
    const struct json *type = json_get(schema, "type");
    return json_string(json_type(type) == JSON_ARRAY ? json_at(type, 0) : type);
}

static bool wants_code(const char *name, const struct json *schema)
{
    static const char *const words[] = {"id", "number", "code"};
    struct span texts[] = {span_of(name), json_string(json_get(schema, "description"))}, word;
    for (size_t i = 0; i < 2; i++)
        while (words_next(&texts[i], &word))
            for (size_t k = 0; k < sizeof words / sizeof *words; k++)
                if (span_is_nocase(word, words[k]))
                    return true;
    return false;
}

static bool is_number(struct span type)
{
    return span_is(type, "integer") || span_is(type, "number");
}

/* A value as it is, of the kinds that a property may have at once. */
static bool put_value(struct json_writer *w, const char *name, const struct json *value)
{
    int64_t number;
    if (json_type(value) == JSON_STRING)
        json_member_str(w, name, json_string(value));
    else if (json_type(value) == JSON_BOOL)
        json_member_bool(w, name, json_bool(value, false));
    else if (json_int(value, &number))
        json_member_int(w, name, number);
    else
        return false;
    return true;
}

static const struct json *best_of(const struct json *choices, struct span text)
{
    const struct json *best = json_at(choices, 0);
    int most = 0;
    for (size_t i = 0; i < json_count(choices); i++) {
        int score = words_score(text, json_string(json_at(choices, i)));
        if (score > most) {
            best = json_at(choices, i);
            most = score;
        }
    }
    return best;
}

static void put_number(struct fill *f, const char *name, const struct json *schema)
{
    int64_t number = 1, bound;
    bool is_said = words_number(f->hints->text, f->hints->nth + f->numbers, &number);
    f->numbers += is_said;
    if (!is_said && json_int(json_get(schema, "default"), &bound))
        number = bound;
    if (json_int(json_get(schema, "minimum"), &bound) && number < bound)
        number = bound;
    if (json_int(json_get(schema, "maximum"), &bound) && number > bound)
        number = bound;
    json_member_int(&f->w, name, number);
}

/* As much of the text as a string may have, whole characters. */
static struct span shortened(struct span text, const struct json *schema)
{
    int64_t most = STRING_MAX;
    if (!json_int(json_get(schema, "maxLength"), &most) || most < 0 || most > STRING_MAX)
        most = STRING_MAX;
    if (text.len <= (size_t)most)
        return text;
    size_t len = (size_t)most;
    while (len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    return span_make(text.ptr, len);
}

static void put_string(struct fill *f, const char *name, const struct json *schema)
{
    static const struct {
        const char *format, *mark, *otherwise;
    } formats[] = {{"email", "@", "someone@example.com"},
                   {"uri", "://", "https://example.com/"},
                   {"date", NULL, "2026-01-01"},
                   {"date-time", NULL, "2026-01-01T00:00:00Z"}};
    struct span text = f->hints->text, found = SPAN_NONE;
    struct span format = json_string(json_get(schema, "format"));
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!span_is(format, formats[i].format))
            continue;
        found = formats[i].mark != NULL ? words_with(text, formats[i].mark) : SPAN_NONE;
        found = found.ptr != NULL ? found : span_of(formats[i].otherwise);
    }
    if (found.ptr == NULL && wants_code(name, schema)) {
        found = words_code(text, f->hints->nth + f->codes);
        f->codes += found.ptr != NULL;
    }
    if (found.ptr == NULL)
        found = words_quoted(text);
    if (found.ptr == NULL)
        found = text.len > 0 ? text : SPAN_LIT("example");
    json_member_str(&f->w, name, shortened(found, schema));
}

/* A number, a text, a truth; false for another type. */
static bool put_plain(struct fill *f, const char *name, const struct json *schema)
{
    const struct json *choices = json_get(schema, "enum");
    struct span type = type_of(schema);
    if (json_count(choices) > 0 && put_value(&f->w, name, best_of(choices, f->hints->text)))
        return true;
    if (put_value(&f->w, name, json_get(schema, "const")))
        return true;
    if (is_number(type))
        put_number(f, name, schema);
    else if (span_is(type, "boolean"))
        json_member_bool(&f->w, name, json_bool(json_get(schema, "default"), true));
    else if (type.ptr == NULL || span_is(type, "string"))
        put_string(f, name, schema);
    else
        return false;
    return true;
}

static void put_property(struct fill *f, const struct json *schema)
{
    const char *name = json_name(schema);
    const struct json *value = known(f->hints, name);
    if (value != NULL && put_value(&f->w, name, value))
        return;
    if (put_plain(f, name, schema))
        return;
    bool is_list = span_is(type_of(schema), "array");
    if (!is_list && !span_is(type_of(schema), "object")) {
        json_member_null(&f->w, name);
        return;
    }
    json_open(&f->w, name, is_list ? '[' : '{');
    if (is_list)
        (void)put_plain(f, NULL, json_get(schema, "items")); /* an empty list is one, too */
    json_close(&f->w);
}

void schema_fill(struct buf *out, const struct json *schema, const struct schema_hints *hints)
{
    struct fill f = {.w = json_writer(out), .hints = hints};
    const struct json *properties = json_get(schema, "properties");
    json_open(&f.w, NULL, '{');
    for (size_t i = 0; i < json_count(properties); i++) {
        const struct json *property = json_at(properties, i);
        if (json_name(property) != NULL && is_required(schema, json_name(property)))
            put_property(&f, property);
    }
    json_close(&f.w);
}

bool schema_is_met(const struct json *schema, const struct schema_hints *hints)
{
    const struct json *required = json_get(schema, "required");
    for (size_t i = 0; i < json_count(required); i++) {
        struct span name = json_string(json_at(required, i));
        if (name.ptr == NULL || known(hints, name.ptr) == NULL)
            return false;
    }
    return json_count(required) > 0;
}

bool schema_is_of_number(const struct json *schema)
{
    const struct json *properties = json_get(schema, "properties"), *only = NULL;
    size_t count = 0;
    for (size_t i = 0; i < json_count(properties); i++) {
        const struct json *property = json_at(properties, i);
        if (json_name(property) != NULL && is_required(schema, json_name(property))) {
            only = property;
            count++;
        }
    }
    if (count != 1)
        return false;
    return is_number(type_of(only)) || wants_code(json_name(only), only);
}
