/* Bodies of requests: whatever the bytes, the answer is a body or an error that says which code; a
 * taken body composes into a restore that gives the message back byte for byte. The first byte
 * picks the route. */
#include "api/body.h"
#include "api/compose.h"
#include "fuzz.h"
#include "wire/limits.h"

static void check_body(struct span text, enum body_route route)
{
    const struct body_limits limits = {
        .message_bytes = 4096, .system_bytes = 4096, .metadata_bytes = 1024};
    struct body body;
    struct err err = {.code = ERR_OK};
    struct buf bytes;
    struct json_doc *doc = NULL;
    int rc = body_parse(text, route, &limits, &body, &err);
    CHECK(rc == 0 || rc == -(int)err.code);
    CHECK(rc == 0 || rc == -ERR_BAD_REQUEST || rc == -ERR_NOT_SUPPORTED);
    if (rc != 0) {
        return;
    }
    buf_init(&bytes, LIMIT_MP_BYTES);
    compose_restore(&bytes, &body);
    CHECK(json_parse(buf_as_span(&bytes), &doc, NULL) == 0);
    CHECK(span_equal(json_string(json_get(json_root(doc), "message")), body.message));
    json_free(doc);
    compose_user_message(&bytes, &body, "msg_1", "gen_1", 1);
    compose_job(&bytes, &body, route == BODY_GENERATIONS, SPAN_NONE);
    CHECK(buf_error(&bytes) == 0);
    CHECK(compose_title(body.message).len <= body.message.len);
    buf_release(&bytes);
    body_release(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct span text = span_make((const char *)data + 1, size - 1);
    struct stop_body stop;
    struct continue_body again;
    struct chat_body change;
    check_body(text, (enum body_route)(data[0] % 3));
    if (continue_body_parse(text, &again, NULL) == 0) {
        continue_body_release(&again);
    }
    if (chat_body_parse(text, &change, NULL) == 0) {
        chat_body_release(&change);
    }
    if (stop_body_parse(text, &stop, NULL) == 0) {
        stop_body_release(&stop);
    }
    return 0;
}
