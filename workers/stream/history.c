/* The newest whole turns. */
#include "stream/history.h"

#include "base/mem.h"
#include "wire/json.h"

static const char *role_of(const struct mp_value *message)
{
    static const char *const roles[] = {"user", "assistant", "system"};
    struct span role = mp_str(mp_get(message, "role"), SPAN_NONE);
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (span_is(role, roles[i]))
            return roles[i];
    return NULL;
}

/* False for what is no message of ours. */
static bool read_message(struct history *h, struct span bytes, struct llm_message *out)
{
    struct mp_doc *doc = NULL;
    if (mp_open(bytes, &doc) != 0)
        return false;
    h->docs[h->doc_count++] = doc;
    struct span content = mp_str(mp_get(mp_root(doc), "content"), SPAN_NONE);
    *out =
        (struct llm_message){.role = role_of(mp_root(doc)),
                             .content = content,
                             .attachments = mp_str(mp_get(mp_root(doc), "attachments"), SPAN_NONE)};
    return out->role != NULL && content.ptr != NULL;
}

void history_init(struct history *h, const struct span *messages, size_t count, size_t max_bytes)
{
    *h = (struct history){.messages = mem_new_array(count + 1, sizeof *h->messages),
                          .docs = mem_new_array(count + 1, sizeof(struct mp_doc *))};
    size_t from = count, bytes = 0, turn_bytes = 0;
    for (size_t i = count; i > 0 && read_message(h, messages[i - 1], &h->messages[i - 1]); i--) {
        turn_bytes += h->messages[i - 1].content.len + h->messages[i - 1].attachments.len;
        if (bytes + turn_bytes > max_bytes)
            break;
        if (strcmp(h->messages[i - 1].role, "user") != 0)
            continue;
        from = i - 1;
        bytes += turn_bytes;
        turn_bytes = 0;
    }
    h->count = count - from;
    memmove(h->messages, h->messages + from, h->count * sizeof *h->messages);
}

static void put_without_images(struct buf *out, struct span attachments)
{
    struct json_walk walk = json_walk_array(attachments);
    struct span name, item;
    struct json_writer w = json_writer(out);
    json_open(&w, NULL, '[');
    while (json_walk_next(&walk, &name, &item))
        if (!span_is(json_raw(item, "type"), "\"image\""))
            json_member_raw(&w, NULL, item);
    json_close(&w);
}

void history_hide_images(struct history *h)
{
    h->kept = mem_new_array(h->count + 1, sizeof *h->kept);
    for (size_t i = 0; i < h->count; i++) {
        struct span *attachments = &h->messages[i].attachments;
        struct buf *kept = &h->kept[h->kept_count];
        if (attachments->len == 0)
            continue;
        h->kept_count++;
        buf_init(kept, attachments->len + 2);
        put_without_images(kept, *attachments);
        *attachments = buf_as_span(kept);
    }
}

void history_add(struct history *h, struct span message, struct span attachments)
{
    h->messages[h->count++] =
        (struct llm_message){.role = "user", .content = message, .attachments = attachments};
}

void history_release(struct history *h)
{
    for (size_t i = 0; i < h->doc_count; i++)
        mp_close(h->docs[i]);
    for (size_t i = 0; i < h->kept_count; i++)
        buf_release(&h->kept[i]);
    mem_free(h->kept);
    mem_free(h->docs);
    mem_free(h->messages);
    *h = (struct history){.messages = NULL};
}
