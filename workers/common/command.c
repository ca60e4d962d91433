/* The command line of every worker, its configuration and its log. */
#include "base/log.h"
#include "common/worker_run.h"
#include "wire/limits.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

struct arguments {
    const char *config;
    bool want_check;
};

static void print_help(FILE *out, const struct work *work)
{
    (void)fprintf(out,
                  "usage: %s [--config FILE] [--check-config] [--version] [--help]\n"
                  "\n"
                  "%s\n"
                  "  --config FILE   configuration (else SLUICE_CONFIG, else defaults and SLUICE_* "
                  "variables)\n"
                  "  --check-config  print the effective configuration and end\n"
                  "  --version       print the version and end\n"
                  "  --help          print this and end\n",
                  work->program, work->summary);
}

/* Returns -1 to go on, else the status to end with. */
static int read_arguments(int argc, char **argv, const struct work *work, struct arguments *out)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check-config", no_argument, NULL, 'k'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            out->config = optarg;
            break;
        case 'k':
            out->want_check = true;
            break;
        case 'v':
            (void)printf("%s %s\n", work->program, SLUICE_VERSION);
            return 0;
        case 'h':
            print_help(stdout, work);
            return 0;
        default:
            print_help(stderr, work);
            return 2;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "%s: what is %s?\n", work->program, argv[optind]);
        print_help(stderr, work);
        return 2;
    }
    return -1;
}

static void print_config(const struct conf *conf)
{
    struct buf text;
    buf_init(&text, LIMIT_MP_BYTES);
    conf_print(conf, &text);
    (void)printf("%.*s", SPAN_ARG(buf_as_span(&text)));
    buf_release(&text);
}

static void setup_log(const struct conf *conf, const struct work *work)
{
    static const char *const names[] = {
        [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
    enum log_level level = LOG_INFO;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(conf->log_level, names[i]) == 0)
            level = (enum log_level)i;
    log_setup(work->program, level, strcmp(conf->log_format, "json") == 0);
}

int worker_main(int argc, char **argv, const struct work *work)
{
    struct arguments arguments = {.config = NULL};
    struct conf *conf = NULL;
    struct err err;
    int status = read_arguments(argc, argv, work, &arguments);
    if (status >= 0)
        return status;
    int rc = conf_load(arguments.config, &conf, &err);
    if (rc == 0 && arguments.want_check) {
        print_config(conf);
    } else if (rc == 0) {
        setup_log(conf, work);
        rc = worker_run(conf, work, &err);
    }
    if (rc != 0)
        (void)fprintf(stderr, "%s: %s\n", work->program, err.message);
    conf_free(conf);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
