"""A provider that says what a test wants said: OpenAI's streamed form, in pieces. The simulated one cannot, since its words are its own."""
import http.server
import json
import threading
import time

HELD_S = 120  # so that one that was forgotten ends


def words_of(content):
    """The last text, which is the message itself; what is attached comes before it."""
    return content if isinstance(content, str) else [part["text"] for part in content if part["type"] == "text"][-1]


class Provider:
    """`replies`: {message: text}; another message is answered with the message itself. While `go` is not set, it comes to half of the text and waits there: a
    test that clears it decides itself how long an answer is in mid-stream. Use as a context manager."""

    def __init__(self, replies=None, piece=7, delay_s=0.002):
        self.replies, self.piece, self.delay_s, self.asked = dict(replies or {}), piece, delay_s, []
        self.go = threading.Event()
        self.go.set()
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                provider.asked.append(body)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                try:
                    for frame in provider.frames(words_of(body["messages"][-1]["content"])):
                        self.wfile.write(b"data: " + (frame if isinstance(frame, bytes) else json.dumps(frame).encode()) + b"\n\n")
                        self.wfile.flush()
                        time.sleep(provider.delay_s)
                except OSError:
                    pass  # it was stopped
                self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def frames(self, message):
        text = self.replies.get(message, message)
        chunk = lambda delta, end=None: {"id": "1", "object": "chat.completion.chunk", "model": "spoken", "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
        for at in range(0, len(text), self.piece):
            if at >= len(text) // 2:
                self.go.wait(HELD_S)
            yield chunk({"content": text[at : at + self.piece]})
        yield chunk({}, "stop")
        yield {"id": "1", "object": "chat.completion.chunk", "model": "spoken", "choices": [], "usage": {"prompt_tokens": 1204, "completion_tokens": 312}}
        yield b"[DONE]"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.go.set()
        self.server.shutdown()
        self.server.server_close()
