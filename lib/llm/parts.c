/* The parts of a message. Pure. Invariant: no part is empty, but for a reasoning that has only its
 * signature. */
#include "llm/parts.h"
#include "base/mem.h"
#include "wire/base64.h"

enum { TEXT_BYTES = 64 * 1024 * 1024 /* of an attachment: a body is not larger */ };

void parts_release(struct parts *parts)
{
    for (size_t i = 0; i < parts->doc_count; i++)
        json_free(parts->docs[i]);
    for (size_t i = 0; i < parts->text_count; i++)
        mem_free(parts->texts[i]);
    mem_free(parts->docs);
    mem_free(parts->texts);
    mem_free(parts->each);
    *parts = (struct parts){.each = NULL};
}

static void add(struct parts *parts, struct part part)
{
    parts->each = mem_grow(parts->each, parts->count + 1, sizeof(*parts->each));
    parts->each[parts->count++] = part;
}

void parts_add_text(struct parts *parts, struct span text)
{
    if (text.len > 0)
        add(parts, (struct part){.kind = PART_TEXT, .text = text});
}

/* Takes the buffer's bytes as a text. */
static void add_own_text(struct parts *parts, struct buf *b)
{
    size_t len;
    char *text = buf_take(b, &len);
    parts->texts = mem_grow(parts->texts, parts->text_count + 1, sizeof(*parts->texts));
    parts->texts[parts->text_count++] = text;
    parts_add_text(parts, span_make(text, len));
}

static int refuse(struct err *err, const char *what)
{
    return err_set(err, ERR_NOT_SUPPORTED, "attachments", "%s", what);
}

static int add_image(struct parts *parts, const struct json *item, struct err *err)
{
    struct part part = {.kind = PART_IMAGE,
                        .media_type = json_string(json_get(item, "media_type")),
                        .data = json_string(json_get(item, "data")),
                        .url = json_string(json_get(item, "url"))};
    if (part.data.len == 0 && part.url.len == 0)
        return refuse(err, "an image has neither data nor url");
    if (part.data.len > 0 && part.media_type.len == 0)
        return refuse(err, "an image has data, but no media_type");
    add(parts, part);
    return 0;
}

/* A text is headed by its name. */
static int add_file(struct parts *parts, const struct json *item, struct err *err)
{
    struct span name = json_string(json_get(item, "name"));
    struct span data = json_string(json_get(item, "data"));
    struct buf text;
    if (data.ptr == NULL)
        return refuse(err, "a text given by its url can be shown to no model");
    buf_init(&text, TEXT_BYTES);
    (void)buf_printf(&text, "%.*s:\n", SPAN_ARG(name.len > 0 ? name : SPAN_LIT("attachment")));
    int result = base64_decode(&text, data);
    if (result == 0)
        add_own_text(parts, &text);
    buf_release(&text);
    return result == 0 ? 0 : refuse(err, "the data of a text is no Base64, or too large");
}

static int add_attachment(struct parts *parts, const struct json *item, struct err *err)
{
    struct span type = json_string(json_get(item, "type"));
    if (span_is(type, "image"))
        return add_image(parts, item, err);
    if (span_is(type, "text"))
        return add_file(parts, item, err);
    return refuse(err, "an attachment is neither an image nor a text");
}

/* Parsed, and kept for as long as the parts borrow from it. */
static int keep_json(struct parts *parts, struct span text, const struct json **root,
                     struct err *err)
{
    struct json_doc *doc;
    int result = json_parse(text, &doc, err);
    if (result != 0)
        return result;
    parts->docs = mem_grow(parts->docs, parts->doc_count + 1, sizeof(struct json_doc *));
    parts->docs[parts->doc_count++] = doc;
    *root = json_root(doc);
    return 0;
}

int parts_add_attachments(struct parts *parts, struct span attachments, struct err *err)
{
    const struct json *list = NULL;
    int result = attachments.len == 0 ? 0 : keep_json(parts, attachments, &list, err);
    for (size_t i = 0; i < json_count(list) && result == 0; i++)
        result = add_attachment(parts, json_at(list, i), err);
    return result;
}

/* "data:image/png;base64,...", taken apart. */
static int add_data_url(struct parts *parts, struct span url, struct err *err)
{
    struct span rest = span_make(url.ptr + 5, url.len - 5);
    struct span head = span_cut(&rest, ',');
    struct span media_type = span_cut(&head, ';');
    bool is_base64 = span_is(head, "base64") ||
                     (head.len > 7 && span_is(span_make(head.ptr + head.len - 7, 7), ";base64"));
    if (!is_base64 || media_type.len == 0 || rest.len == 0)
        return err_set(err, ERR_NOT_SUPPORTED, "messages",
                       "an image's data: URL must be data:<media type>;base64,<data>");
    add(parts, (struct part){.kind = PART_IMAGE, .media_type = media_type, .data = rest});
    return 0;
}

static int add_part(struct parts *parts, const struct json *item, struct err *err)
{
    struct span type = json_string(json_get(item, "type"));
    struct span text = json_string(json_get(item, "text"));
    struct span url = json_string(json_get(json_get(item, "image_url"), "url"));
    struct span signature = json_string(json_get(item, "signature"));
    if (span_is(type, "text")) {
        parts_add_text(parts, text);
    } else if (span_is(type, "reasoning")) {
        if (text.len > 0 || signature.len > 0)
            add(parts, (struct part){.kind = PART_REASONING, .text = text, .signature = signature});
    } else if (span_is(type, "image_url") && span_starts_with(url, "data:")) {
        return add_data_url(parts, url, err);
    } else if (span_is(type, "image_url") && url.len > 0) {
        add(parts, (struct part){.kind = PART_IMAGE, .url = url});
    } else {
        return err_set(err, ERR_NOT_SUPPORTED, "messages",
                       "a part of the type \"%.*s\" cannot be given to this provider",
                       SPAN_ARG(type));
    }
    return 0;
}

int parts_add_content(struct parts *parts, const struct json *content, struct err *err)
{
    int result = 0;
    if (json_type(content) == JSON_STRING)
        parts_add_text(parts, json_string(content));
    else if (json_type(content) == JSON_ARRAY)
        for (size_t i = 0; i < json_count(content) && result == 0; i++)
            result = add_part(parts, json_at(content, i), err);
    return result;
}

int parts_add_json(struct parts *parts, struct span text, struct err *err)
{
    const struct json *content = NULL;
    int result = text.len == 0 ? 0 : keep_json(parts, text, &content, err);
    return result == 0 ? parts_add_content(parts, content, err) : result;
}
