/* POST /v1/admin/tenants/{tenant}/generations/{id}/requeue: a generation from the dead list is
 * asked once more, as a new one; the dead one stays failed. Its new id follows from the old one, so
 * that of several operators, and of a request sent again, one generation comes. */
#include "api/admin.h"
#include "api/again.h"
#include "api/handlers.h"
#include "api/request.h"
#include "base/log.h"
#include "bus/operator.h"

#include <stdio.h>

struct requeue {
    struct start start; /* first; its body's spans point into `again` */
    struct id old;
    struct again again;
};

static struct requeue *requeue_of(void *arg)
{
    return pending_of(arg);
}

static void free_requeue(struct pending *pending)
{
    start_release(pending);
    again_release(&((struct requeue *)pending)->again);
}

/* Sends and forgets: a row that stays leads to the same new generation. */
static void on_forgotten(int status, void *arg)
{
    (void)arg;
    log_event(LOG_DEBUG, "admin.forget", "status=%d", status);
}

static void on_accepted(struct start *start)
{
    struct requeue *r = (struct requeue *)start;
    log_event(LOG_INFO, "admin.requeue", "gen=%s as=%s", r->old.text, start->generation.text);
    operator_forget(start->pending.api->bus, start->pending.who.tenant, r->old.text, on_forgotten,
                    NULL);
}

static struct id new_id(const struct requeue *r)
{
    const struct span parts[] = {SPAN_LIT("requeue"), span_of(r->old.text)};
    struct digest digest = digest_of(parts, 2);
    struct id id;
    (void)snprintf(id.text, sizeof id.text, "gen_%.26s", digest.hex); /* fits */
    return id;
}

static void on_record_read(int status, const struct field *fields, size_t count, void *arg)
{
    struct requeue *r = requeue_of(arg);
    struct start *s = &r->start;
    if (status == 0 && count == 0) {
        status = -ERR_NOT_FOUND;
    }
    if (status == 0) {
        status = again_take(&r->again, s, fields, count);
    }
    if (pending_failed(&s->pending, status)) {
        return;
    }
    struct id id = new_id(r);
    const struct span parts[] = {SPAN_LIT("requeue"), span_of(r->old.text)};
    s->body.generation_id = span_of(id.text);
    s->hash = digest_of(parts, 2);
    s->on_accepted = on_accepted;
    if (start_compose(s, r->again.prefill)) {
        start_begin(s);
    } else {
        (void)pending_failed(&s->pending, -ERR_TOO_LARGE); /* it is one */
    }
}

static void on_looked(int status, void *arg)
{
    struct requeue *r = requeue_of(arg);
    struct pending *p = &r->start.pending;
    if (!pending_failed(p, status)) {
        turn_read_record(p->api->bus, p->who.tenant, r->old.text, on_record_read, r);
    }
}

void post_admin_requeue(struct http_request *request, void *arg)
{
    struct api *api = api_of(arg);
    char tenant[ID_TENANT_MAX + 1];
    struct id old;
    if (!request_path_tenant(request, tenant) || !request_path_id(request, "generation_id", &old) ||
        !request_has_no_query(request) || !admin_has_no_fields(request)) {
        return;
    }
    struct requeue *r = start_new(api, request, sizeof *r, free_requeue);
    r->old = old;
    r->start.form = ANSWER_ASYNC;
    (void)snprintf(r->start.pending.who.tenant, sizeof r->start.pending.who.tenant, "%s", tenant);
    operator_is_dead(api->bus, tenant, old.text, on_looked, r);
}
