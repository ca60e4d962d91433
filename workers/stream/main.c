/* sluice-stream-worker: generations that are one model call each. */
#include "common/worker.h"
#include "stream/answer.h"

int main(int argc, char **argv)
{
    return worker_main(argc, argv, &answer_work);
}
