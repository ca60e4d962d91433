"""A whole Sluice on free ports: private Redis, simulated provider, API processes and workers."""

import json
import pathlib
import shutil
import tempfile

import redis

from support.processes import BIN, PATIENCE_S, Process, wait_until
from support.client import Api, get_json


class Stack:
    """Use as a context manager. `env` goes to API and workers, over the defaults below; `config` is their sluice.yaml, in which
    %(url)s is the provider. `graphs`: {name: text} of graph files; with them come graph workers, `graph_workers` of them, and
    no stream worker unless it is asked for.
    """

    def __init__(
        self, apis=1, workers=None, env=None, redis_args=(), provider_url=None, config=None, graphs=None, graph_workers=1
    ):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-test-"))
        self.env = env or {}
        self.redis_args = list(redis_args)
        self.graphs = graphs
        self.graph_folder = self.folder / "graphs"
        default = 1 if graphs is None else 0
        self.wanted = (apis, default if workers is None else workers, 0 if graphs is None else graph_workers)
        self.provider_url = provider_url
        self.config = config
        self.processes, self.api_processes, self.worker_processes, self.graph_processes = [], [], [], []
        self.failed = False

    # -- life ----------------------------------------------------------------------------------------------------------------

    def __enter__(self):
        try:
            self.start_redis()
            if self.provider_url is None:
                self.start_llmsim()
            if self.config is not None:
                path = self.folder / "sluice.yaml"
                path.write_text(self.config % {"url": self.provider_url})
                self.env = {"SLUICE_CONFIG": str(path), **self.env}
            for _ in range(self.wanted[0]):
                self.start_api()
            for _ in range(self.wanted[1]):
                self.start_worker()
            self.graph_folder.mkdir()
            for name, text in (self.graphs or {}).items():
                self.write_graph(name, text)
            for _ in range(self.wanted[2]):
                self.start_graph_worker()
        except BaseException:
            self.__exit__(AssertionError, None, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        statuses = {}
        for process in reversed(self.processes):
            try:
                statuses[process.name] = process.stop(15)
            except AssertionError as error:
                statuses[process.name] = str(error)
        if kind is not None:
            self.print_logs()
        broken = {
            p.name: p.read_log()[-3000:]
            for p in self.processes
            if "Sanitizer" in p.read_log() or "CHECK" in p.read_log() and statuses.get(p.name) not in (0, -9)
        }
        shutil.rmtree(self.folder, ignore_errors=True)
        if kind is None:
            assert not broken, f"sanitizers or checks complained: {broken}"

    def print_logs(self):
        for process in self.processes:
            print(f"--- {process.name} ({' '.join(process.argv)}) ---")
            print("\n".join(process.lines[-20:]))
            print(process.read_log()[-6000:])

    def _start(self, name, argv, env=None):
        process = Process(name, argv, self.folder, env)
        self.processes.append(process)
        return process

    def _forget(self, process):
        self.processes.remove(process)

    # -- members -------------------------------------------------------------------------------------------------------------

    def start_redis(self):
        self.redis_socket = self.folder / "redis.sock"
        argv = [
            "env",
            "--ignore-signal=XFSZ",
            "redis-server",
            "--port",
            "0",
            "--unixsocket",
            self.redis_socket,
            "--dir",
            self.folder,
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "everysec",
            *self.redis_args,
        ]
        self.redis_process = self._start(f"redis-{len(self.processes)}", argv)
        self.redis_url = f"unix://{self.redis_socket}"
        self.redis = redis.Redis(unix_socket_path=str(self.redis_socket))

        def is_up():
            try:
                return self.redis.ping()
            except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError):
                return False

        wait_until(is_up, "redis-server")
        return self.redis_process

    def start_llmsim(self):
        self.llmsim = self._start(f"llmsim-{len(self.processes)}", [BIN / "sluice-llmsim", "--listen", "127.0.0.1:0"])
        self.llmsim_url = self.llmsim.wait_line(r"listening (http://\S+)").group(1)
        self.provider_url = self.llmsim_url + "/v1"

    def settings(self):
        return {
            "SLUICE_REDIS_URL": self.redis_url,
            "SLUICE_LLM_URL": self.provider_url,
            "SLUICE_LLM_MODEL": "sim",
            "SLUICE_API_LISTEN": "127.0.0.1:0",
            "SLUICE_API_ADMIN_LISTEN": "127.0.0.1:0",
            "SLUICE_WORKER_METRICS_LISTEN": "127.0.0.1:0",
            "SLUICE_WORKER_DRAIN": "3s",
            "SLUICE_LOG_LEVEL": "debug",
            **self.env,
        }

    def start_api(self, env=None):
        process = self._start(f"api-{len(self.processes)}", [BIN / "sluice-api"], {**self.settings(), **(env or {})})
        process.url = process.wait_line(r"listening (http://\S+)").group(1)
        process.admin_url = process.wait_line(r"admin (http://\S+)").group(1)
        self.api_processes.append(process)
        wait_until(lambda: self.is_ready(process.url), "the API to be ready")
        return process

    @staticmethod
    def is_ready(url):
        try:
            return get_json(url + "/readyz")[0] == 200
        except OSError:
            return False

    def start_worker(self, env=None):
        process = self._start(f"worker-{len(self.processes)}", [BIN / "sluice-stream-worker"], {**self.settings(), **(env or {})})
        self.worker_processes.append(process)
        process.wait_log(r"worker\.ready")
        return process

    def write_graph(self, name, text):
        (self.graph_folder / f"{name}.yaml").write_text(text)

    def start_graph_worker(self, env=None):
        settings = {**self.settings(), "SLUICE_GRAPH_FOLDER": str(self.graph_folder), **(env or {})}
        process = self._start(f"graph-{len(self.processes)}", [BIN / "sluice-graph-worker"], settings)
        self.graph_processes.append(process)
        process.wait_log(r"worker\.ready")
        process.wait_log(r"graph\.read")
        return process

    def api(self, index=0):
        return Api(self.api_processes[index].url)

    # -- looking -------------------------------------------------------------------------------------------------------------

    def journal(self, generation=None):
        rows = get_json(self.llmsim_url + "/journal")[1]
        return [r for r in rows if r["generation_id"] == generation] if generation else rows

    def journal_row(self, generation):
        """The generation's only provider request, once it is there."""
        wait_until(lambda: self.journal(generation), f"a provider request of {generation}")
        rows = self.journal(generation)
        assert len(rows) == 1, rows
        return rows[0]

    def wait_provider_closed(self, generation, timeout=PATIENCE_S):
        """The journal's row once the provider request is over."""
        wait_until(
            lambda: all(r["end"] for r in self.journal(generation)),
            f"the provider connection of {generation} to be closed",
            timeout,
        )
        return self.journal(generation)

    def provider_stats(self):
        return get_json(self.llmsim_url + "/stats")[1]

    def metrics(self, process_or_url):
        """{name: value} of a process's /metrics (labels kept in the name)."""
        url = process_or_url if isinstance(process_or_url, str) else process_or_url.admin_url
        status, text = get_json(url + "/metrics", parse=False)
        assert status == 200
        rows = (line.rsplit(" ", 1) for line in text.decode().splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    def graph_metrics(self, index=-1):
        """Those of a graph worker, by its own listener."""
        return self.metrics("http://" + self.graph_processes[index].wait_log(r"worker\.ready.* metrics=(\S+)").group(1))

    def flag(self, chat):
        return self.redis.get(f"chat_stop:{chat}")


def dumps(value):
    return json.dumps(value, ensure_ascii=False)
