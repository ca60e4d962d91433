"""Keys, tenants and tokens of the tests: a Stack whose configuration file has them."""
import hashlib
import json
import signal

from support.client import Api, Stream, request
from support.processes import wait_until
from support.stack import Stack

SECRET = "a secret of the tests, long enough"
CONFIG = """
models: [{{name: sim, base_url: "{url}", model: sim}}]
tenants: [{tenants}]
keys: [{keys}]
api: {{origins: ["https://chat.example"]{secret}}}
"""


def bearer(credential):
    return {"Authorization": f"Bearer {credential}"}


def row(key, id_, tenant="default", role="user", **more):
    fields = {"id": id_, "tenant": tenant, "role": role, "sha256": hashlib.sha256(key.encode()).hexdigest(), **more}
    return json.dumps(fields)


class Caller(Api):
    """One who calls with a key or token: Api with the header in every request."""

    def __init__(self, url, credential):
        super().__init__(url)
        self.credential = credential

    def headers(self, more=None):
        return {**bearer(self.credential), **(more or {})}

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, parsed answer)."""
        status, got, answer = request(method, self.url + path, body, self.headers(headers))
        return status, got, json.loads(answer) if answer else None

    def new_chat(self, message, headers=None, **fields):
        return super().new_chat(message, self.headers(headers), **fields)

    def message(self, chat, message, headers=None, **fields):
        return super().message(chat, message, self.headers(headers), **fields)

    def generate(self, messages, headers=None, **fields):
        return super().generate(messages, self.headers(headers), **fields)

    def stop(self, generation=None, chat=None, body=None, headers=None):
        return super().stop(generation, chat, body, self.headers(headers))

    def stream(self, generation=None, chat=None, last_id=None, query=""):
        path = f"/v1/chats/{chat}/stream" if chat is not None else f"/v1/generations/{generation}/stream"
        more = {"Last-Event-ID": str(last_id)} if last_id is not None else {}
        return Stream("GET", self.url + path + query, headers=self.headers(more))

    def get(self, path):
        status, _, answer = self.ask("GET", path)
        return status, answer

    def token(self, **body):
        status, _, answer = self.ask("POST", "/v1/tokens", body)
        assert status == 200, answer
        return Caller(self.url, answer["token"])


class GuardedStack(Stack):
    """A stack with keys. `keys`: rows as made by row()."""

    def __init__(self, keys, tenants=("acme",), secret=SECRET, **options):
        super().__init__(apis=0, workers=0, **options)
        self.keys, self.tenants, self.secret = list(keys), list(tenants), secret
        self.env = {"SLUICE_CONFIG": str(self.folder / "sluice.yaml"), "TEST_TOKEN_SECRET": secret or "", **self.env}

    def __enter__(self):
        super().__enter__()
        self.configure()
        self.start_api()
        self.start_worker()
        return self

    def configure(self, keys=None):
        self.keys = self.keys if keys is None else list(keys)
        tenants = ", ".join(t if t.startswith("{") else "{name: %s}" % t for t in self.tenants)
        secret = ', token_secret: "env:TEST_TOKEN_SECRET"' if self.secret else ""
        text = CONFIG.format(url=self.provider_url, tenants=tenants, keys=", ".join(self.keys), secret=secret)
        (self.folder / "sluice.yaml").write_text(text)

    def reload(self, event="config.reloaded"):
        for process in self.api_processes:
            before = process.read_log().count(event)
            process.signal(signal.SIGHUP)
            wait_until(lambda p=process, n=before: p.read_log().count(event) > n, f"{process.name} to say {event}")

    def caller(self, credential, index=0):
        return Caller(self.api_processes[index].url, credential)
