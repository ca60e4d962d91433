/* A chat's head, and where its messages go on. */
#include "api/chat_view.h"

#include "api/render.h"
#include "wire/mp.h"

void chat_view_put_head(struct json_writer *w, const struct id *chat, const struct chat_view *view)
{
    json_member_str(w, "chat_id", span_of(chat->text));
    json_member_str(w, "title", field_find(view->record, view->record_count, "title"));
    render_raw(w, "metadata", field_find(view->record, view->record_count, "metadata"));
    render_int(w, "created_at", field_find(view->record, view->record_count, "created_at"));
}

struct id chat_view_next(const struct chat_view *view)
{
    struct mp_doc *doc = NULL;
    struct id id = {.text = ""};
    if (view->has_more && view->message_count > 0 && mp_open(view->messages[0], &doc) == 0) {
        struct span text = mp_str(mp_get(mp_root(doc), "id"), SPAN_NONE);
        if (id_is_valid(text))
            id = id_from(text);
    }
    mp_close(doc);
    return id;
}
