/* params: the table of names and what each may hold. */
#include "wire/params.h"
#include "wire/limits.h"

#include <string.h>

static bool is_within(const struct json *value, double max)
{
    double number = -1;
    return json_number(value, &number) && number >= 0 && number <= max;
}

static bool is_temperature(const struct json *value)
{
    return is_within(value, 2);
}

static bool is_share(const struct json *value)
{
    return is_within(value, 1);
}

static bool is_count(const struct json *value)
{
    int64_t count = 0;
    return json_int(value, &count) && count >= 1;
}

static bool is_whole(const struct json *value)
{
    int64_t number = 0;
    return json_int(value, &number);
}

static bool is_string(const struct json *value)
{
    return json_type(value) == JSON_STRING;
}

static bool is_object(const struct json *value)
{
    return json_type(value) == JSON_OBJECT;
}

static bool is_array_of(const struct json *value, size_t max, bool (*fits)(const struct json *))
{
    if (json_type(value) != JSON_ARRAY || json_count(value) > max)
        return false;
    for (size_t i = 0; i < json_count(value); i++)
        if (!fits(json_at(value, i)))
            return false;
    return true;
}

static bool is_stop(const struct json *value)
{
    return is_string(value) || is_array_of(value, LIMIT_STOP_WORDS, is_string);
}

static bool is_tools(const struct json *value)
{
    return is_array_of(value, LIMIT_TOOLS, is_object);
}

static bool is_tool_choice(const struct json *value)
{
    return is_string(value) || is_object(value);
}

static const struct param params[] = {
    {"temperature", "a number from 0 to 2", is_temperature},
    {"top_p", "a number from 0 to 1", is_share},
    {"max_tokens", "a whole number from 1", is_count},
    {"stop", "a string or at most 16 strings", is_stop},
    {"seed", "a whole number", is_whole},
    {"response_format", "an object", is_object},
    {"tools", "at most 128 objects", is_tools},
    {"tool_choice", "a string or an object", is_tool_choice},
    {"reasoning_effort", "a string", is_string},
    {"extra", "an object", is_object},
};

const struct param *param_at(size_t index)
{
    return index < sizeof(params) / sizeof(*params) ? &params[index] : NULL;
}

const struct param *param_find(const char *name)
{
    for (size_t i = 0; i < sizeof(params) / sizeof(*params); i++)
        if (strcmp(params[i].name, name) == 0)
            return &params[i];
    return NULL;
}
