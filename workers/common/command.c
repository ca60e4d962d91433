/* main() of every worker. */
#include "common/worker_run.h"

int worker_main(int argc, char **argv, const struct work *work)
{
    const struct daemon daemon = {
        .name = work->program,
        .summary = work->summary,
        .run = worker_run,
        .arg = work,
    };
    return daemon_main(argc, argv, &daemon);
}
