/* Owns: one answer each, until its time has come or its client has left. Invariant: its row ends
 * exactly once. */
#include "tools.h"

#include "base/mem.h"
#include "base/num.h"
#include "corpus.h"

enum { TOOL_MAGIC = 0x746f6f6c, TOOL_JSON_MAX = 64 * 1024, HANG_DEFAULT_S = 60, HANG_MAX_S = 3600 };

struct tool_answer {
    uint32_t magic;
    struct simulator *sim;
    struct http_request *request;
    struct row *row;
    struct timer timer;
    int status;
    struct buf json;
};

static void free_answer(void *arg)
{
    struct tool_answer *a = arg;
    CHECK_MAGIC(a, TOOL_MAGIC);
    timer_release(&a->timer);
    buf_release(&a->json);
    a->magic = 0;
    mem_free(a);
}

static void answer_over(struct tool_answer *a, const char *end)
{
    row_end(a->sim->journal, a->row, end, a->status);
    timer_stop(&a->timer);
    loop_defer(a->sim->loop, free_answer, a);
}

static void on_request_gone(void *user)
{
    struct tool_answer *a = user;
    CHECK_MAGIC(a, TOOL_MAGIC);
    answer_over(a, "client_closed");
}

static void on_due(void *arg)
{
    struct tool_answer *a = arg;
    CHECK_MAGIC(a, TOOL_MAGIC);
    http_set_user(a->request, NULL, NULL);
    http_reply_json(a->request, a->status, buf_as_span(&a->json));
    answer_over(a, "complete");
}

/* `Idempotency-Key: [<tenant>/]<generation>:<step>`. */
static struct span generation_of(struct span key)
{
    size_t len = key.len;
    while (len > 0 && key.ptr[len - 1] != ':')
        len--;
    if (len == 0)
        return SPAN_NONE;
    struct span generation = span_make(key.ptr, len - 1), tenant = span_cut(&generation, '/');
    return generation.ptr == NULL ? tenant : generation; /* no tenant: nothing was cut */
}

static struct row *begin_row(struct simulator *sim, struct http_request *r, const char *tool,
                             struct span asked)
{
    struct span key = http_header(r, "Idempotency-Key"), body = http_body(r);
    struct buf params;
    buf_init(&params, 2048 + 6 * (asked.len + key.len + body.len)); /* as escapes at most */
    struct json_writer w = json_writer(&params);
    json_open(&w, NULL, '{');
    json_member_str(&w, "tool", span_of(tool));
    json_member_str(&w, "asked", asked);
    json_member_str(&w, "idempotency_key", key);
    json_member_str(&w, "body", body.len > 0 ? body : SPAN_NONE);
    json_close(&w);
    struct row *row =
        journal_begin(sim->journal, &(struct row_asked){.format = "tool",
                                                        .model = SPAN_LIT(""),
                                                        .generation = generation_of(key),
                                                        .messages = SPAN_LIT("null"),
                                                        .params = buf_as_span(&params)});
    buf_release(&params);
    return row;
}

/* The object of the answer is open; answer_begin's caller fills it, answer_end closes it. */
static struct tool_answer *answer_begin(struct simulator *sim, struct http_request *r,
                                        const char *tool, struct span asked, struct json_writer *w)
{
    struct tool_answer *a = MEM_NEW(struct tool_answer);
    a->magic = TOOL_MAGIC;
    a->sim = sim;
    a->request = r;
    a->status = 200;
    a->row = begin_row(sim, r, tool, asked);
    buf_init(&a->json, TOOL_JSON_MAX);
    timer_init(&a->timer, sim->loop, on_due, a);
    http_set_user(r, a, on_request_gone);
    *w = json_writer(&a->json);
    json_open(w, NULL, '{');
    return a;
}

static void answer_end(struct tool_answer *a, struct json_writer *w, int64_t after_ms)
{
    json_close(w);
    CHECK(buf_error(&a->json) == 0); /* it is made of a few of our own texts */
    timer_start(&a->timer, after_ms + a->sim->tool_ms);
}

static void fail(struct tool_answer *a, struct json_writer *w, int status, const char *message)
{
    a->status = status;
    json_member_str(w, "error", span_of(message));
    answer_end(a, w, 0);
}

/* The tools. */

void tools_search(struct simulator *sim, struct http_request *r)
{
    const struct page *hits[CORPUS_HITS];
    struct json_writer w;
    struct span question = http_query(r, "q");
    struct tool_answer *a = answer_begin(sim, r, "search", question, &w);
    size_t count = corpus_search(question, hits);
    json_open(&w, "results", '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&w, NULL, '{');
        json_member_str(&w, "id", span_of(hits[i]->id));
        json_member_str(&w, "title", span_of(hits[i]->title));
        json_close(&w);
    }
    json_close(&w);
    answer_end(a, &w, 0);
}

void tools_page(struct simulator *sim, struct http_request *r)
{
    struct json_writer w;
    struct span id = http_query(r, "id");
    struct tool_answer *a = answer_begin(sim, r, "page", id, &w);
    const struct page *page = corpus_page(id);
    if (page == NULL) {
        fail(a, &w, 404, "there is no page of that id");
        return;
    }
    json_member_str(&w, "id", span_of(page->id));
    json_member_str(&w, "title", span_of(page->title));
    json_member_str(&w, "text", span_of(page->text));
    answer_end(a, &w, 0);
}

static void put_parcel(struct json_writer *w, const struct parcel *parcel)
{
    json_member_int(w, "number", parcel->number);
    json_member_str(w, "item", span_of(parcel->item));
    json_member_str(w, "state", span_of(parcel->state));
    json_member_int(w, "days", parcel->days);
}

void tools_order(struct simulator *sim, struct http_request *r)
{
    struct json_writer w;
    struct parcel parcel;
    struct span number = http_param(r, "number");
    struct tool_answer *a = answer_begin(sim, r, "order", number, &w);
    if (!corpus_order(number, &parcel)) {
        fail(a, &w, 404, "there is no order of that number");
        return;
    }
    put_parcel(&w, &parcel);
    answer_end(a, &w, 0);
}

void tools_cancel(struct simulator *sim, struct http_request *r)
{
    struct json_writer w;
    struct parcel parcel;
    struct span number = http_param(r, "number");
    struct tool_answer *a = answer_begin(sim, r, "cancel", number, &w);
    if (!corpus_order(number, &parcel)) {
        fail(a, &w, 404, "there is no order of that number");
    } else if (parcel.days == 0) {
        fail(a, &w, 409, "it is delivered already");
    } else {
        parcel.state = "cancelled";
        put_parcel(&w, &parcel);
        answer_end(a, &w, 0);
    }
}

void tools_hang(struct simulator *sim, struct http_request *r)
{
    struct json_writer w;
    uint64_t seconds = HANG_DEFAULT_S;
    struct span asked = http_query(r, "seconds");
    struct tool_answer *a = answer_begin(sim, r, "hang", asked, &w);
    if (asked.ptr != NULL && (num_parse_u64(asked, &seconds) != 0 || seconds > HANG_MAX_S)) {
        fail(a, &w, 400, "seconds must be a whole number, 3600 at most");
        return;
    }
    json_member_int(&w, "waited_s", (int64_t)seconds);
    answer_end(a, &w, (int64_t)seconds * 1000);
}
