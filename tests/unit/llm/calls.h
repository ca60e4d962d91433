/* One call against a scripted provider, and what its hooks saw: for the tests of lib/llm. */
#ifndef SLUICE_TESTS_LLM_CALLS_H
#define SLUICE_TESTS_LLM_CALLS_H

#include "llm/llm.h"
#include "support/script_server.h"

enum moment { AT_NEVER, AT_PIECE, AT_CALL, AT_DONE, AT_FAILED };
enum act { ACT_CANCEL, ACT_PAUSE };

extern struct loop *loop;
extern struct fetcher *fetcher;
extern struct script_server *server;

struct seen {
    struct llm_call *call;
    struct llm_model model;
    enum moment act_at;
    int skip; /* moments of that kind that pass by before */
    enum act act;
    int64_t acted_ms;
    struct timer resume;
    struct buf heard; /* D0:text| R1:reasoning| R1^signature| F2:refusal| t3:id:name:fragment|
                         T3:id:name:whole| */
    int pieces, dones, fails;
    char finish_reason[32];
    struct usage usage;
    struct llm_failure failure;
};
extern struct seen seen;

int calls_set_up(void **state); /* for setup and teardown of each test */
int calls_tear_down(void **state);

void calls_reset(void); /* for a further call in the same test; the model is openai again */
int calls_start(const struct llm_request *request, struct err *err); /* no hook was called yet */
void calls_hello(void);                                              /* starts one that says hi */
void calls_run(void); /* until it ended, or the act was done */
/* Says hi and plays the script; model and act stay as they are in `seen`. */
void calls_play(const struct step *script);
/* The same; the answer is `head` and `body`, cleanly ended. */
void calls_play_body(const char *head, const char *body);
/* The body of the newest request. */
struct span calls_sent(void);
/* Sends `request`, which is answered by `answer`, and compares the body that went out. In `wanted`
 * stands ' for ". */
void calls_assert_sent(const struct llm_request *request, const char *answer, const char *wanted);
/* Is refused before anything goes out, with `says` in the message. */
void calls_assert_refused(const struct llm_request *request, const char *says);
/* ' becomes ". Valid until the sixteenth call after it. */
const char *quoted(const char *text);
#define Q(text) span_of(quoted(text))

struct reading_case {
    const char *name;
    const char *body;
    const char *heard;
    const char *finish_reason;
};
/* In body and heard stands ' for ". */
void calls_assert_readings(const char *head, const struct reading_case *cases, size_t count);

struct failing_case {
    const char *name;
    const char *answer;
    int code;
    int status;
    const char *says;
    const char *heard; /* what came before; exact */
    int64_t retry_after_ms;
};
/* In answers stands ' for ". Retryable is what err.def says of the code. */
void calls_assert_failings(const struct failing_case *cases, size_t count);

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define ERROR_HEAD(status)                                                                         \
    "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n"
#define SEND(bytes)                                                                                \
    {                                                                                              \
        STEP_SEND, bytes, 0, 0                                                                     \
    }
#define WAIT(ms)                                                                                   \
    {                                                                                              \
        STEP_WAIT, NULL, 0, ms                                                                     \
    }
#define CLOSE                                                                                      \
    {                                                                                              \
        STEP_CLOSE, NULL, 0, 0                                                                     \
    }
#define HOLD                                                                                       \
    {                                                                                              \
        STEP_HOLD, NULL, 0, 0                                                                      \
    }

#endif
