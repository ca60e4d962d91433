/* Turns that an earlier claim, or an earlier try, kept. Of a visible agent everything that they
 * showed is put again: readers were told by a `reset` to forget it. */
#include "base/mem.h"
#include "graph/agent.h"

enum { PIECE_BYTES = 32 * 1024 };

/* In pieces that end with a character. */
static int put_text(struct agent *a, enum event_kind kind, int64_t part, struct span text)
{
    int rc = 0;
    while (text.len > 0 && rc == 0) {
        size_t len = text.len < PIECE_BYTES ? text.len : PIECE_BYTES;
        while (len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
            len--;
        rc = step_put_piece(
            a->step, &(struct piece){.kind = kind, .part = part, .text = span_make(text.ptr, len)});
        text = span_make(text.ptr + len, text.len - len);
    }
    return rc;
}

static int put_thought(struct agent *a, int64_t part, const struct json *thought)
{
    struct span signature = json_string(json_get(thought, "signature"));
    int rc = put_text(a, EVENT_REASONING, part, json_string(json_get(thought, "text")));
    if (rc != 0 || signature.ptr == NULL)
        return rc;
    return step_put_piece(a->step, &(struct piece){.kind = EVENT_REASONING,
                                                   .part = part,
                                                   .text = SPAN_LIT(""),
                                                   .signature = signature});
}

static int put_thoughts(struct agent *a, int64_t *part, const char *reasoning)
{
    struct json_doc *doc = NULL;
    int rc = 0;
    if (reasoning == NULL || json_parse(span_of(reasoning), &doc, NULL) != 0)
        return 0; /* it was looked at when it was read */
    const struct json *list = json_root(doc);
    for (size_t i = 0; i < json_count(list) && rc == 0; i++)
        rc = put_thought(a, (*part)++, json_at(list, i));
    json_free(doc);
    return rc;
}

static int show_again(struct agent *a, const struct round *r, int64_t part)
{
    int rc = put_thoughts(a, &part, r->reasoning);
    if (rc == 0 && *r->text != '\0')
        rc = put_text(a, EVENT_DELTA, part++, span_of(r->text));
    for (size_t i = 0; i < r->call_count && rc == 0; i++)
        rc = step_put_call(a->step,
                           &(struct call_piece){.kind = EVENT_TOOL_CALL,
                                                .part = part + (int64_t)i,
                                                .call_id = span_of(r->calls[i].id),
                                                .name = span_of(r->calls[i].name),
                                                .arguments = span_of(r->calls[i].arguments)});
    for (size_t i = 0; i < r->call_count && rc == 0; i++)
        if (r->calls[i].result != NULL)
            agent_tell_result(a, &r->calls[i], NULL, SPAN_NONE);
    return rc;
}

static int read_round(struct agent *a, struct span kept, struct round *round)
{
    size_t turn = a->round_count + 1;
    int rc = round_read(kept, round);
    for (size_t i = 0; rc == 0 && i < round->call_count; i++) {
        struct span result = step_kept(a->step, agent_call_name(turn, i).text);
        if (result.ptr == NULL)
            continue;
        rc = round_read_result(result, &round->calls[i]);
        if (rc != 0)
            round_release(round);
    }
    return rc;
}

static int take_round(struct agent *a, struct span kept)
{
    struct round round;
    int64_t part = a->round_count == 0 ? 0 : a->rounds[a->round_count - 1].next_part;
    if (read_round(a, kept, &round) != 0) {
        step_fail(a->step, STEP_MODEL, 0, -1, "What an earlier worker kept of it is damaged.");
        return -1;
    }
    a->rounds = mem_grow(a->rounds, a->round_count + 1, sizeof *a->rounds);
    a->rounds[a->round_count++] = round;
    used_add(&a->used, round.usage);
    if (step_tries(a->step) == 0)
        used_add(&a->told, round.usage);
    step_spoke(a->step, round.model, round.finish_reason);
    return step_is_visible(a->step) ? show_again(a, &round, part) : 0;
}

int agent_take_kept(struct agent *a)
{
    int rc = 0;
    struct span kept;
    while (rc == 0 &&
           (kept = step_kept(a->step, agent_turn_name(a->round_count + 1).text)).ptr != NULL)
        rc = take_round(a, kept);
    step_used(a->step, used_sum(&a->told));
    return rc;
}
