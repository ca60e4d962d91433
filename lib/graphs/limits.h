/* What a graph file may say at most, and what stands where it says nothing. docs/graphs.md tells
 * them to people. */
#ifndef SLUICE_GRAPHS_LIMITS_H
#define SLUICE_GRAPHS_LIMITS_H

enum {
    GRAPH_NODES_MAX = 200,
    GRAPH_TOOLS_MAX = 64,
    GRAPH_CASES_MAX = 64,
    GRAPH_BRANCHES_MAX = 32,
    GRAPH_HEADERS_MAX = 32,
    GRAPH_EXPECT_MAX = 32,
    GRAPH_EXPRS_MAX = 1000,
    GRAPH_EXPR_BYTES_MAX = 8 * 1024, /* of one expression */
    GRAPH_NAME_MAX = 128,            /* of models and secrets, bytes */
    GRAPH_DESCRIPTION_MAX = 4 * 1024,
    GRAPH_PROBLEMS_MAX = 100, /* told of one file */
    GRAPH_REACH_MAX = 64,     /* graphs that one generation may run: itself, and by sub-graphs */

    GRAPH_STEPS = 50,
    GRAPH_STEPS_MAX = 10 * 1000,
    GRAPH_SECONDS = 300,
    GRAPH_SECONDS_MAX = 24 * 60 * 60,
    GRAPH_STATE_BYTES = 256 * 1024,
    GRAPH_STATE_BYTES_MIN = 1024,
    GRAPH_STATE_BYTES_MAX = 4 * 1024 * 1024,

    GRAPH_TIMEOUT_MS_MIN = 10,
    GRAPH_TIMEOUT_MS_MAX = 60 * 60 * 1000,
    GRAPH_HTTP_TIMEOUT_MS = 30 * 1000,
    GRAPH_TOOL_TIMEOUT_MS = 10 * 1000,
    GRAPH_HTTP_BYTES = 64 * 1024,
    GRAPH_TOOL_BYTES = 32 * 1024,
    GRAPH_HTTP_BYTES_MAX = 1024 * 1024,

    GRAPH_RETRY_TIMES_MAX = 10,
    GRAPH_BACKOFF_MS = 500,
    GRAPH_BACKOFF_MS_MAX = 30 * 1000,

    GRAPH_CONCURRENCY = 4,
    GRAPH_CONCURRENCY_MAX = 64,
    GRAPH_TURNS = 6,
    GRAPH_TURNS_MAX = 50,
    GRAPH_ASK_MS = 24 * 60 * 60 * 1000,
    GRAPH_ASK_S_MAX = 7 * 24 * 60 * 60
};

#endif
