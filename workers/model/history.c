/* The newest whole turns. */
#include "model/history.h"

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

static void close_docs(struct history *h)
{
    for (size_t i = 0; i < h->doc_count; i++)
        mp_close(h->docs[i]);
    mem_free(h->docs);
    h->docs = NULL;
    h->doc_count = 0;
}

static char *own_text(char *at, struct span *text)
{
    if (text->len > 0)
        memcpy(at, text->ptr, text->len);
    if (text->ptr != NULL)
        *text = span_make(at, text->len);
    return at + text->len;
}

void history_own(struct history *h)
{
    size_t bytes = 1; /* there may be none */
    for (size_t i = 0; i < h->count; i++)
        bytes += h->messages[i].content.len + h->messages[i].attachments.len;
    char *at = h->own = mem_new(bytes);
    for (size_t i = 0; i < h->count; i++) {
        at = own_text(at, &h->messages[i].content);
        at = own_text(at, &h->messages[i].attachments);
    }
    close_docs(h);
}

void history_share(struct history *h, const struct llm_message *messages, size_t count)
{
    *h =
        (struct history){.messages = mem_new_array(count + 1, sizeof *h->messages), .count = count};
    for (size_t i = 0; i < count; i++)
        h->messages[i] = messages[i];
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

void history_add(struct history *h, const struct llm_message *message)
{
    h->messages = mem_grow(h->messages, h->count + 1, sizeof *h->messages);
    h->messages[h->count++] = *message;
}

void history_release(struct history *h)
{
    close_docs(h);
    for (size_t i = 0; i < h->kept_count; i++)
        buf_release(&h->kept[i]);
    mem_free(h->kept);
    mem_free(h->messages);
    mem_free(h->own);
    *h = (struct history){.messages = NULL};
}
