/* hiredis's replies under our names. */
#include "bus/link.h"

#include "base/num.h"

#include <hiredis/hiredis.h>

/* `struct reply` is never defined: a pointer to it is a pointer to hiredis's. */
static const redisReply *of(const struct reply *r)
{
    return (const redisReply *)(const void *)r;
}

enum reply_type reply_type(const struct reply *r)
{
    static const enum reply_type types[] = {
        [REDIS_REPLY_NIL] = REPLY_NIL,     [REDIS_REPLY_INTEGER] = REPLY_INT,
        [REDIS_REPLY_STRING] = REPLY_STR,  [REDIS_REPLY_STATUS] = REPLY_STATUS,
        [REDIS_REPLY_ERROR] = REPLY_ERROR, [REDIS_REPLY_ARRAY] = REPLY_ARRAY,
    };
    if (r == NULL || of(r)->type < 0 || (size_t)of(r)->type >= sizeof types / sizeof *types)
        return REPLY_NIL;
    return types[of(r)->type];
}

struct span reply_str(const struct reply *r)
{
    enum reply_type type = reply_type(r);
    if (type != REPLY_STR && type != REPLY_STATUS && type != REPLY_ERROR)
        return SPAN_NONE;
    return span_make(of(r)->str, (size_t)of(r)->len);
}

int64_t reply_int(const struct reply *r, int64_t otherwise)
{
    int64_t number = otherwise;
    if (reply_type(r) == REPLY_INT)
        return of(r)->integer;
    if (reply_type(r) == REPLY_STR && num_parse_i64(reply_str(r), &number) != 0)
        return otherwise;
    return number;
}

size_t reply_count(const struct reply *r)
{
    return reply_type(r) == REPLY_ARRAY ? of(r)->elements : 0;
}

const struct reply *reply_at(const struct reply *r, size_t index)
{
    return index < reply_count(r) ? (const struct reply *)(const void *)of(r)->element[index]
                                  : NULL;
}
