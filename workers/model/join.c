/* Numbers and white space at a join. */
#include "model/join.h"

#include "base/mem.h"

void join_init(struct join *j)
{
    *j = (struct join){.text_part = -1, .first_text = -1};
}

void join_release(struct join *j)
{
    mem_free(j->tail);
    join_init(j);
}

struct span join_prefill(struct span text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL)
        text.len--;
    return text;
}

void join_set(struct join *j, struct span text, int64_t text_part, int64_t parts)
{
    size_t len = join_prefill(text).len;
    join_release(j);
    j->text_part = text_part;
    j->parts = parts;
    if (text.len > len)
        j->tail = span_dup(span_make(text.ptr + len, text.len - len));
}

void join_begin(struct join *j)
{
    j->first_text = -1;
    j->tail_at = 0;
}

int64_t join_part(const struct join *j, int64_t part)
{
    return j->parts + part;
}

/* As much of the tail as comes again at the very beginning. */
static void skip_tail(struct join *j, struct span *text)
{
    while (text->len > 0 && j->tail[j->tail_at] != '\0' && text->ptr[0] == j->tail[j->tail_at]) {
        text->ptr++;
        text->len--;
        j->tail_at++;
    }
    if (text->len > 0)
        j->tail_at = strlen(j->tail);
}

bool join_piece(struct join *j, struct piece *piece)
{
    bool is_text = piece->kind == EVENT_DELTA;
    if (is_text && j->first_text < 0)
        j->first_text = piece->part;
    if (is_text && j->text_part >= 0 && piece->part == j->first_text) {
        piece->part = j->text_part;
        if (j->tail != NULL && piece->text.len > 0)
            skip_tail(j, &piece->text);
        return piece->text.len > 0 || piece->signature.ptr != NULL;
    }
    piece->part = join_part(j, piece->part);
    return true;
}
