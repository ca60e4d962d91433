/* Between the files of `sluice run`: run.c (its life, Redis, the provider) and run_services.c (the
 * API, the workers, the tools of example graphs). */
#ifndef SLUICE_CMD_RUN_INNER_H
#define SLUICE_CMD_RUN_INNER_H

#include "provider.h"
#include "stack.h"

#include "bus/link.h"
#include "loop/process.h"

/* Stopped from the last to the first: readers still hear how their generations end. */
enum run_rank { RANK_REDIS, RANK_PROVIDER, RANK_API, RANK_WORKER };

struct run {
    uint32_t magic;
    struct loop *loop;
    struct process *process;
    struct fetcher *fetcher;
    struct stack *stack;
    struct provider_search *search;
    struct link *link; /* only to see a given Redis */
    struct conf *conf;
    char *home, *bin; /* state folder; folder of the programs */
    char *redis_url;  /* for people: without user and password */
    char *provider_url;
    char *api_url;
    char *tools;               /* address of the example tools; NULL: they are not up yet */
    const char *graphs;        /* the folder of graphs; NULL: there are none */
    char *const *model_server; /* argv or NULL */
    int claim_fd;              /* of the state folder; -1: Redis is somewhere else */
    int ready_services, wanted_services;
    int exit_status;
    bool is_seen; /* Redis */
    bool is_stopping;
};

/* run.c */
void run_say(const char *name, const char *value);  /* a line of standard output */
char *run_program(struct run *r, const char *name); /* its path; owned */
/* "listening http://ADDRESS": the address, or NULL for another line. */
const char *run_listening(const char *line);

/* run_services.c */
/* The folder's graphs, when it has any: the configured folder, else the one that was given. */
const char *run_graph_folder(const struct conf *conf, const char *given);
void run_start_services(struct run *r, const struct provider *p);
void run_start_tools(struct run *r);
/* What members say. True when the tools have just told where they are: then the provider is next.
 */
bool run_service_line(struct run *r, const char *name, const char *line);
void run_service_ready(struct run *r, const char *name);

#endif
