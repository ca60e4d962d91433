/* Every handler of the API, by file; routes.c has the table. All answer their request exactly once,
 * now or later. */
#ifndef SLUICE_API_HANDLERS_H
#define SLUICE_API_HANDLERS_H

#include "http/http.h"

/* generations.c */
void post_chat(struct http_request *request, void *arg);
void post_message(struct http_request *request, void *arg);
void post_generation(struct http_request *request, void *arg);
/* continue.c */
void post_continue(struct http_request *request, void *arg);
/* stops.c */
void post_chat_stop(struct http_request *request, void *arg);
void post_generation_stop(struct http_request *request, void *arg);
/* streams.c */
void get_chat_stream(struct http_request *request, void *arg);
void get_generation_stream(struct http_request *request, void *arg);
/* records.c */
void get_generation(struct http_request *request, void *arg);
/* chats.c */
void get_chats(struct http_request *request, void *arg);
void get_chat(struct http_request *request, void *arg);
/* chat_changes.c */
void patch_chat(struct http_request *request, void *arg);
void delete_chat(struct http_request *request, void *arg);
/* models.c */
void get_models(struct http_request *request, void *arg);
/* graphs.c */
void get_graphs(struct http_request *request, void *arg);
/* tokens.c */
void post_token(struct http_request *request, void *arg);
/* health.c */
void get_livez(struct http_request *request, void *arg);
void get_readyz(struct http_request *request, void *arg);
void get_metrics(struct http_request *request, void *arg);
/* web.c */
void get_page(struct http_request *request, void *arg);
void get_web_file(struct http_request *request, void *arg);
void get_admin_page(struct http_request *request, void *arg);
void get_admin_web_file(struct http_request *request, void *arg);
/* admin.c, on the admin listener */
void get_admin_overview(struct http_request *request, void *arg);
void get_admin_dead(struct http_request *request, void *arg);
void post_admin_pause(struct http_request *request, void *arg);
void post_admin_resume(struct http_request *request, void *arg);
/* requeue.c */
void post_admin_requeue(struct http_request *request, void *arg);
/* board.c */
void get_admin_stream(struct http_request *request, void *arg);
/* stops.c */
void post_admin_stop(struct http_request *request, void *arg);

#endif
