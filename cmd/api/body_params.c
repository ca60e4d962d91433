/* params: the table of names and what each may hold. The object goes on as the text that was sent,
 * so that no number changes. */
#include "api/body_checks.h"
#include "wire/limits.h"

#include <stdio.h>

struct param {
    const char *name;
    const char *wanted; /* completes "<name> must be ..." */
    bool (*fits)(const struct json *value);
};

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
    if (json_type(value) != JSON_ARRAY || json_count(value) > max) {
        return false;
    }
    for (size_t i = 0; i < json_count(value); i++) {
        if (!fits(json_at(value, i))) {
            return false;
        }
    }
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

static const struct param PARAMS[] = {
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

static const struct param *find_param(const char *name)
{
    for (size_t i = 0; i < sizeof PARAMS / sizeof PARAMS[0]; i++) {
        if (strcmp(PARAMS[i].name, name) == 0) {
            return &PARAMS[i];
        }
    }
    return NULL;
}

static int check_param(struct body_parse *p, const struct json *member)
{
    char path[sizeof p->err->param];
    const char *name = json_name(member);
    (void)snprintf(path, sizeof path, "params.%s", name);
    const struct param *param = find_param(name);
    if (param == NULL) {
        return err_set(p->err, ERR_BAD_REQUEST, path,
                       "there is no param %s; params.extra is for "
                       "what only the provider knows",
                       name);
    }
    return param->fits(member)
               ? 0
               : err_set(p->err, ERR_BAD_REQUEST, path, "%s must be %s", path, param->wanted);
}

/* A chat's history has no place for the results of tools that the caller runs. */
static int check_tools_place(struct body_parse *p, const struct json *params)
{
    if (p->route == BODY_GENERATIONS || json_count(json_get(params, "tools")) == 0) {
        return 0;
    }
    return err_set(p->err, ERR_BAD_REQUEST, "params.tools",
                   "tools that the caller runs work in POST /v1/generations only");
}

/* The body's own check looks for names that stand twice in its two uppermost levels; those of
 * `extra` become members of the provider's request, so they are looked at as well. */
static int check_extra_names(struct body_parse *p)
{
    struct span params = json_raw(json_text(p->body->doc), "params");
    struct span extra = json_raw(params, "extra");
    if (extra.ptr == NULL || json_check(extra, NULL) == 0)
        return 0;
    return err_set(p->err, ERR_BAD_REQUEST, "params.extra",
                   "params.extra holds a name that stands twice in one object");
}

int body_check_params(struct body_parse *p, const struct json *value)
{
    if (json_type(value) != JSON_OBJECT) {
        return body_wants(p->err, "params", "an object", value);
    }
    for (size_t i = 0; i < json_count(value); i++) {
        int rc = check_param(p, json_at(value, i));
        if (rc != 0) {
            return rc;
        }
    }
    int rc = check_extra_names(p);
    return rc != 0 ? rc : check_tools_place(p, value);
}
