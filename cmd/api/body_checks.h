/* Between the files of the body: the parse under way and the checks that both tables use. A check
 * returns 0 or a negative code with the error set. */
#ifndef SLUICE_API_BODY_CHECKS_H
#define SLUICE_API_BODY_CHECKS_H

#include "api/body.h"

struct body_parse {
    struct body *body;
    enum body_route route;
    const struct body_limits *limits;
    struct err *err;
};

/* Parses a text whose root must be an object; an empty text counts as {}. */
MUST_USE int body_object(struct span text, struct json_doc **out, struct err *err);
/* Refuses `param`: "must be <wanted>, not <what it is>". */
MUST_USE int body_wants(struct err *err, const char *param, const char *wanted,
                        const struct json *value);
MUST_USE int body_unsupported(struct err *err, const char *param);
/* A chat's or generation's id. */
MUST_USE int body_id(struct err *err, const char *param, const struct json *value,
                     struct span *out);
/* A user's name. */
MUST_USE int body_user(struct err *err, const char *param, const struct json *value,
                       struct span *out);

MUST_USE int body_check_params(struct body_parse *p, const struct json *value);
MUST_USE int body_check_attachments(struct body_parse *p, const struct json *value);
MUST_USE int body_check_messages(struct body_parse *p, const struct json *value);
/* What is wrong with a part of a message's content ("has ..."); NULL: nothing, and `is_image` says
 * whether it is one. */
const char *body_part_wrong(const struct json *part, const char *role, bool *is_image);

bool body_is_image_media(struct span media_type);
/* http or https with a host, in the characters that a URL may have. */
bool body_is_web_url(struct span url);

#endif
