/* Which path goes where. */
#include "api/routes.h"

#include "api/access.h"
#include "api/handlers.h"

enum { ADMIN_CONNECTIONS = 256 }; /* of the files that the public listener leaves */

#define ROUTE_COUNT(table) (sizeof(table) / sizeof(table)[0])

static const struct http_route PUBLIC_ROUTES[] = {
    {HTTP_POST, "/v1/chats", post_chat},
    {HTTP_GET, "/v1/chats", get_chats},
    {HTTP_GET, "/v1/chats/{chat_id}", get_chat},
    {HTTP_PATCH, "/v1/chats/{chat_id}", patch_chat},
    {HTTP_DELETE, "/v1/chats/{chat_id}", delete_chat},
    {HTTP_POST, "/v1/chats/{chat_id}/messages", post_message},
    {HTTP_POST, "/v1/chats/{chat_id}/stop", post_chat_stop},
    {HTTP_GET, "/v1/chats/{chat_id}/stream", get_chat_stream},
    {HTTP_POST, "/v1/generations", post_generation},
    {HTTP_GET, "/v1/generations/{generation_id}", get_generation},
    {HTTP_POST, "/v1/generations/{generation_id}/continue", post_continue},
    {HTTP_POST, "/v1/generations/{generation_id}/stop", post_generation_stop},
    {HTTP_GET, "/v1/generations/{generation_id}/stream", get_generation_stream},
    {HTTP_GET, "/v1/models", get_models},
    {HTTP_GET, "/v1/graphs", get_graphs},
    {HTTP_POST, "/v1/tokens", post_token},
    {HTTP_GET, "/livez", get_livez},
    {HTTP_GET, "/readyz", get_readyz},
    {HTTP_GET, "/", get_page},
    {HTTP_GET, "/c/{chat_id}", get_page},
    {HTTP_GET, "/web/{file}", get_web_file},
    {HTTP_GET, "/web/{folder}/{file}", get_web_file},
};

static const struct http_route ADMIN_ROUTES[] = {
    {HTTP_GET, "/v1/admin/overview", get_admin_overview},
    {HTTP_GET, "/v1/admin/stream", get_admin_stream},
    {HTTP_GET, "/v1/admin/dead", get_admin_dead},
    {HTTP_POST, "/v1/admin/lanes/{lane}/pause", post_admin_pause},
    {HTTP_POST, "/v1/admin/lanes/{lane}/resume", post_admin_resume},
    {HTTP_POST, "/v1/admin/tenants/{tenant}/generations/{generation_id}/stop", post_admin_stop},
    {HTTP_POST, "/v1/admin/tenants/{tenant}/generations/{generation_id}/requeue",
     post_admin_requeue},
    {HTTP_GET, "/admin", get_admin_page},
    {HTTP_GET, "/web/{file}", get_web_file},
    {HTTP_GET, "/web/{folder}/{file}", get_admin_web_file},
    {HTTP_GET, "/metrics", get_metrics},
    {HTTP_GET, "/livez", get_livez},
    {HTTP_GET, "/readyz", get_readyz},
};

struct http_server *routes_public(struct api *api)
{
    const struct http_options options = {
        .routes = PUBLIC_ROUTES,
        .route_count = ROUTE_COUNT(PUBLIC_ROUTES),
        .arg = api,
        .before = access_public,
        .max_body_bytes = (size_t)api->conf->limits_body,
        .stall_ms = api->conf->limits_sse_stall,
        .trusted_proxies = (const char *const *)api->conf->api_trusted_proxies.items,
        .trusted_proxy_count = api->conf->api_trusted_proxies.count,
    };
    return http_server_new(api->loop, &options);
}

struct http_server *routes_admin(struct api *api)
{
    const struct http_options options = {
        .routes = ADMIN_ROUTES,
        .route_count = ROUTE_COUNT(ADMIN_ROUTES),
        .arg = api,
        .before = access_admin,
        .max_connections = ADMIN_CONNECTIONS,
    };
    return http_server_new(api->loop, &options);
}
