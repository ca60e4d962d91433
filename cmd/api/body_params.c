/* params: each by the table of wire/params.h. The object goes on as the text that was sent, so that
 * no number changes. */
#include "api/body_checks.h"
#include "wire/params.h"

#include <stdio.h>

static int check_param(struct body_parse *p, const struct json *member)
{
    char path[sizeof p->err->param];
    const char *name = json_name(member);
    (void)snprintf(path, sizeof path, "params.%s", name);
    const struct param *param = param_find(name);
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
