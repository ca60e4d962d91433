/* The body of a stop: {generation_id?, seen?, all?}. */
#include "api/body_checks.h"

static int check_seen(struct stop_body *body, const struct json *value, struct err *err)
{
    int64_t seen = 0;
    if (!json_int(value, &seen) || seen < 0) {
        return err_set(err, ERR_BAD_REQUEST, "seen", "seen must be a seq, a whole number from 0");
    }
    body->seen = seen;
    return 0;
}

static int check_all(struct stop_body *body, const struct json *value, struct err *err)
{
    if (json_type(value) != JSON_BOOL) {
        return body_wants(err, "all", "true or false", value);
    }
    body->all = json_bool(value, false);
    return 0;
}

static int check_generation(struct stop_body *body, const struct json *value, struct err *err)
{
    return body_id(err, "generation_id", value, &body->generation_id);
}

static const struct {
    const char *name;
    int (*check)(struct stop_body *body, const struct json *value, struct err *err);
} FIELDS[] = {{"generation_id", check_generation}, {"seen", check_seen}, {"all", check_all}};

static int check_member(struct stop_body *body, const struct json *member, struct err *err)
{
    const char *name = json_name(member);
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        if (strcmp(FIELDS[i].name, name) == 0) {
            return FIELDS[i].check(body, member, err);
        }
    }
    return err_set(err, ERR_BAD_REQUEST, name, "there is no field %s", name);
}

int stop_body_parse(struct span text, struct stop_body *out, struct err *err)
{
    struct stop_body body = {.seen = -1};
    int rc = body_object(text, &body.doc, err);
    if (rc != 0) {
        return rc;
    }
    const struct json *root = json_root(body.doc);
    for (size_t i = 0; rc == 0 && i < json_count(root); i++) {
        rc = check_member(&body, json_at(root, i), err);
    }
    if (rc != 0) {
        stop_body_release(&body);
        return rc;
    }
    *out = body;
    return 0;
}

void stop_body_release(struct stop_body *body)
{
    json_free(body->doc);
    *body = (struct stop_body){.seen = -1};
}
