/* Every limit that input is compared with, in one place, but for those that an operator may change:
 * those are rows of conf.def. */
#ifndef SLUICE_WIRE_LIMITS_H
#define SLUICE_WIRE_LIMITS_H

enum {
    /* HTTP edge (reference: RFC 9112; the numbers are the protocol document's) */
    LIMIT_REQUEST_LINE = 8 * 1024,
    LIMIT_HEADER_BLOCK = 16 * 1024,
    LIMIT_HEADER_FIELDS = 100,
    LIMIT_BODY = 1024 * 1024,
    LIMIT_BODIES = 64 * 1024 * 1024, /* of all requests under way together */
    LIMIT_HEADER_MS = 10 * 1000,     /* whole header, from its first byte */
    LIMIT_BODY_MS = 30 * 1000,       /* whole body, from its first byte */
    LIMIT_PACE_MS = 5 * 1000,        /* how often the pace of what comes is looked at */
    LIMIT_PACE_BYTES = 100,          /* a second, at least */
    LIMIT_DRAIN_MS = 1000,           /* for the rest of a request, when the server ends */
    LIMIT_KEEPALIVE_MS = 75 * 1000,
    LIMIT_KEEPALIVE_REQUESTS = 1000,
    LIMIT_CHUNK_EXTENSION = 256,
    /* bytes waiting for a reader before it is served from the log only */
    LIMIT_SSE_BUFFER = 256 * 1024,
    LIMIT_OUTPUTS =
        64 * 1024 * 1024, /* of all readers; beyond it each may have a 16th of the above */
    LIMIT_SOCKET_BUFFER =
        128 * 1024, /* the kernel takes twice that of a client that does not read */
    LIMIT_SSE_STALL_MS = 60 * 1000,
    LIMIT_SSE_COMMENT_MS = 15 * 1000,
    LIMIT_CONNECTIONS_PER_ADDRESS = 200,
    LIMIT_CONNECTIONS_PER_KEY = 100,
    LIMIT_ADDRESS_SHARE = 4, /* one address may hold so small a part of LIMIT_BODIES */
    /* JSON */
    LIMIT_JSON_DEPTH = 32,
    LIMIT_JSON_NODES = 100 * 1000,
    /* msgpack */
    LIMIT_MP_DEPTH = 16,
    LIMIT_MP_NODES = 100 * 1000,
    LIMIT_MP_BYTES = 16 * 1024 * 1024,
    /* the request */
    LIMIT_METADATA = 16 * 1024,
    LIMIT_TITLE = 1024,
    LIMIT_SYSTEM = 256 * 1024,
    LIMIT_MESSAGES = 2000,
    LIMIT_STOP_WORDS = 16,
    LIMIT_TOOLS = 128, /* of params, and calls of one message */
    LIMIT_PARTS = 256, /* of one message's content */
    LIMIT_IDEMPOTENCY_KEY = 128,
    LIMIT_ATTACHMENTS = 32,
    LIMIT_MEDIA_TYPE = 127,
    LIMIT_ATTACHMENT_NAME = 255,
    LIMIT_ATTACHMENT_URL = 8 * 1024,
    /* a generation */
    LIMIT_OUTPUT = 1024 * 1024,       /* text of one event */
    LIMIT_EVENT = 1024 * 1024 + 4096, /* one encoded event */
    LIMIT_TOMBSTONES = 1000,
    /* graphs */
    LIMIT_GRAPHS = 500,             /* of a folder */
    LIMIT_GRAPH_TEXT = 256 * 1024,  /* a file */
    LIMIT_GRAPH_ABOUT = 64 * 1024,  /* what is published of one beside its text */
    LIMIT_CHECKPOINTS = 50 * 1000,  /* of a generation */
    LIMIT_CHECKPOINT = 4352 * 1024, /* one value: a state of 4 MiB and what is about it */
    LIMIT_CHECKPOINT_FIELD = 256,   /* a step's path */
    LIMIT_CHECKPOINTS_BYTES = 32 * 1024 * 1024, /* of all that one claim puts */
    LIMIT_PARKED = 4352 * 1024,                 /* what a chat keeps to go on from an ask */
    LIMIT_PARKED_DAYS = 30,                     /* how long */
    /* a provider's stream */
    LIMIT_SSE_LINE = 1024 * 1024 + 4096,
    LIMIT_PROVIDER_ERROR_BODY = 16 * 1024,
    /* pages */
    LIMIT_CHATS_PAGE = 200,
    LIMIT_MESSAGES_PAGE = 1000,
    LIMIT_MESSAGES_BYTES = 4 * 1024 * 1024, /* of a page of them, but always one */
    LIMIT_READ_PAGE = 256                   /* events per read of a log */
};

#endif
