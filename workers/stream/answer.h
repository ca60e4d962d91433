/* The work of the stream worker: one model call, its pieces put into the log as they come. */
#ifndef SLUICE_WORKERS_STREAM_ANSWER_H
#define SLUICE_WORKERS_STREAM_ANSWER_H

#include "common/work.h"

extern const struct work answer_work;

#endif
