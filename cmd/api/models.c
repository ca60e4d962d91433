/* GET /v1/models: what a request may name. */
#include "api/handlers.h"
#include "api/request.h"
#include "wire/json.h"

enum { MODELS_JSON_MAX = 1024 * 1024 };

static void put_model(struct json_writer *w, const struct conf_model *model, bool is_default)
{
    json_open(w, NULL, '{');
    json_member_str(w, "id", span_of(model->name));
    json_member_str(w, "provider", span_of(model->provider));
    json_open(w, "supports", '[');
    for (size_t i = 0; i < model->supports.count; i++) {
        json_member_str(w, NULL, span_of(model->supports.items[i]));
    }
    json_close(w);
    json_member_bool(w, "default", is_default);
    json_close(w);
}

void get_models(struct http_request *request, void *arg)
{
    const struct conf *conf = api_of(arg)->conf;
    if (!request_has_no_query(request)) {
        return;
    }
    const struct conf_model *first = conf_find_model(conf, SPAN_LIT(""));
    struct buf json;
    buf_init(&json, MODELS_JSON_MAX);
    struct json_writer w = json_writer(&json);
    json_open(&w, NULL, '{');
    json_open(&w, "data", '[');
    for (size_t i = 0; i < conf->model_count; i++) {
        put_model(&w, &conf->models[i], &conf->models[i] == first);
    }
    json_close(&w);
    json_close(&w);
    http_reply_json(request, 200, buf_as_span(&json));
    buf_release(&json);
}
