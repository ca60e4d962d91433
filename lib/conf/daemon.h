/* What every daemon does with its configuration: the command line (--config, --check-config,
 * --version, --help), the log as it is set up there, and SIGHUP. Speaks for the program, on
 * standard error and in the log. */
#ifndef SLUICE_CONF_DAEMON_H
#define SLUICE_CONF_DAEMON_H

#include "conf/conf.h"

struct daemon {
    const char *name;    /* "sluice-api" */
    const char *summary; /* for --help, one line */
    /* What this program insists on beyond the tables; 0, or negative with `err`. May be NULL. */
    int (*check)(const struct conf *conf, struct err *err);
    /* The process from start to end; 0, or negative with `err` when it could not start. `conf` is
     * borrowed, and not const for daemon_reload alone. */
    int (*run)(const struct daemon *daemon, struct conf *conf, struct err *err);
    const void *arg; /* for `run` */
};

/* The whole of main(). Returns the exit status: 0, 1 it failed, 2 it was called wrongly. */
int daemon_main(int argc, char **argv, const struct daemon *daemon);
/* SIGHUP: conf_reload, and a line in the log about what became of it. Whether the new values are in
 * force; when not, nothing has changed. */
bool daemon_reload(const struct daemon *daemon, struct conf *conf);

#endif
