/* Frames of OpenAI's stream, for scripts. */
#ifndef SLUICE_TESTS_LLM_OPENAI_FRAMES_H
#define SLUICE_TESTS_LLM_OPENAI_FRAMES_H

#include "llm/calls.h"

#define HEAD_CHUNKED                                                                               \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: "     \
    "chunked\r\n\r\n"
#define CHUNK(delta) "data: {\"choices\":[{\"index\":0,\"delta\":" delta "}]}\n\n"
#define TEXT(text)   CHUNK("{\"content\":\"" text "\"}")
#define FINISH(reason)                                                                             \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n\n"
#define DONE "data: [DONE]\n\n"

#endif
