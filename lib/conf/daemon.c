/* The same main() for every daemon. Must not know what a daemon does. */
#include "conf/daemon.h"
#include "base/log.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { PRINT_MAX = 16 * 1024 * 1024, CALLED_WRONGLY = 2 };

struct arguments {
    const char *config;
    bool want_check;
};

static void print_help(FILE *out, const struct daemon *daemon)
{
    (void)fprintf(out,
                  "usage: %s [--config FILE] [--check-config] [--version] [--help]\n"
                  "\n"
                  "%s\n"
                  "  --config FILE   configuration (else SLUICE_CONFIG, else defaults and SLUICE_* "
                  "variables)\n"
                  "  --check-config  print the effective configuration and end\n"
                  "  --version       print the version and end\n"
                  "  --help          print this and end\n"
                  "\n"
                  "SIGHUP reads the configuration again.\n",
                  daemon->name, daemon->summary);
}

/* Returns -1 to go on, else the status to end with. */
static int read_arguments(int argc, char **argv, const struct daemon *daemon, struct arguments *out)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check-config", no_argument, NULL, 'k'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'c') {
            out->config = optarg;
        } else if (option == 'k') {
            out->want_check = true;
        } else if (option == 'v') {
            (void)printf("%s %s\n", daemon->name, SLUICE_VERSION);
            return EXIT_SUCCESS;
        } else if (option == 'h') {
            print_help(stdout, daemon);
            return EXIT_SUCCESS;
        } else {
            print_help(stderr, daemon);
            return CALLED_WRONGLY;
        }
    }
    if (optind == argc)
        return -1;
    (void)fprintf(stderr, "%s: what is %s?\n", daemon->name, argv[optind]);
    print_help(stderr, daemon);
    return CALLED_WRONGLY;
}

static void print_config(const struct conf *conf)
{
    struct buf text;
    buf_init(&text, PRINT_MAX);
    conf_print(conf, &text);
    (void)printf("%.*s", SPAN_ARG(buf_as_span(&text)));
    buf_release(&text);
}

static void setup_log(const struct daemon *daemon, const struct conf *conf)
{
    static const char *const names[] = {
        [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
    enum log_level level = LOG_INFO;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(conf->log_level, names[i]) == 0)
            level = (enum log_level)i;
    log_setup(daemon->name, level, strcmp(conf->log_format, "json") == 0);
}

int daemon_main(int argc, char **argv, const struct daemon *daemon)
{
    struct arguments arguments = {.config = NULL};
    struct conf *conf = NULL;
    struct err err;
    int status = read_arguments(argc, argv, daemon, &arguments);
    if (status >= 0)
        return status;
    int rc = conf_load(arguments.config, &conf, &err);
    if (rc == 0 && daemon->check != NULL)
        rc = daemon->check(conf, &err);
    if (rc == 0 && arguments.want_check) {
        print_config(conf);
    } else if (rc == 0) {
        setup_log(daemon, conf);
        rc = daemon->run(daemon, conf, &err);
    }
    if (rc != 0)
        (void)fprintf(stderr, "%s: %s\n", daemon->name, err.message);
    conf_free(conf);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void on_kept(const char *key, void *arg)
{
    (void)arg; /* the log is the process's */
    log_event(LOG_WARN, "config.restart_needed", "key=%s", key);
}

bool daemon_reload(const struct daemon *daemon, struct conf *conf)
{
    const struct conf_reload_hooks hooks = {.check = daemon->check, .on_kept = on_kept};
    struct err err;
    if (conf_reload(conf, &hooks, &err) != 0) {
        log_event(LOG_ERROR, "config.reload_failed", "error=%s", err.message);
        return false;
    }
    setup_log(daemon, conf);
    log_event(LOG_INFO, "config.reloaded", "file=%s models=%zu",
              conf->path == NULL ? "none" : conf->path, conf->model_count);
    return true;
}
