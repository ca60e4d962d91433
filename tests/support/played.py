"""An API of the test's own that says what it is told to, event by event: so every order of events can be had."""
import http.server
import json
import threading


class Played:
    """Each generation takes the next list of events; None in it breaks the connection, ... waits until `go` is set. `asked` has the POSTs: path, body, Prefer, Authorization; `resumed` the
    Last-Event-ID of each reading. `stop_answer` is that of stops, `answers` has those of GETs by path; `refusal` is told
    where there is no generation left."""

    def __init__(self, *generations):
        self.generations, self.asked, self.resumed = list(generations), [], []
        self.stop_answer, self.answers = {"outcome": "stopped", "restore": {"message": "hi"}}, {}
        self.refusal = "no worker has a graph of that name"
        self.events, self.hold, self.hold_stop = {}, threading.Event(), threading.Event()
        self.go = threading.Event()
        self.hold.set()
        self.hold_stop.set()
        played = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                played.asked.append((self.path, body, self.headers.get("Prefer"), self.headers.get("Authorization")))
                if self.path.endswith("/stop"):
                    played.hold_stop.wait(30)
                    return self.answer(200, played.stop_answer)
                if not played.generations:
                    return self.answer(400, {"error": {"code": "bad_request", "message": played.refusal}})
                played.events[body["generation_id"]] = played.generations.pop(0)
                return self.answer(202, {"generation_id": body["generation_id"]})

            def answer(self, status, body):
                raw = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def do_GET(self):
                if not self.path.endswith("/stream"):
                    found = [answer for path, answer in played.answers.items() if self.path.startswith(path)]
                    return self.answer(200, found[0]) if found else self.answer(404, {"error": {"code": "not_found", "message": "there is no such thing"}})
                generation, after = self.path.split("/")[3], int(self.headers.get("Last-Event-ID", 0))
                if generation not in played.events:  # a chat that does nothing
                    return self.answer(204, None)
                played.resumed.append(after)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                try:
                    self.play(generation, after)
                except OSError:
                    pass  # it has left

            def play(self, generation, after):
                for seq, event in enumerate(played.events[generation], 1):
                    if seq <= after:
                        continue
                    if event is None:
                        played.events[generation][seq - 1] = {"type": "comment"}
                        return
                    if event is ...:
                        played.go.wait(30)
                        continue
                    played.hold.wait(30)
                    data = json.dumps({"generation_id": generation, "seq": seq, **event}, ensure_ascii=False)
                    self.wfile.write(f"id: {seq}\nevent: {event['type']}\ndata: {data}\n\n".encode())
                    self.wfile.flush()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def delta(part, text, node):
    return {"type": "delta", "part": part, "text": text, "node": node}


DONE = {"type": "done", "done": True, "finish_reason": "stop"}
