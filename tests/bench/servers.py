"""What is measured: each system started on free loopback ports with a Redis of its own, all on the same provider."""
import os
import pathlib
import shutil
import subprocess
import time

from support.processes import BIN, Process, ROOT, free_port, wait_until

PEERS = ROOT / "tests/bench/peers"
PYTHON = "/usr/bin/python3"
PROMPT = "!sim text=clock tokens={tokens} delay_ms={delay_ms} first_ms={first_ms}"

SLUICE_CONFIG = """
api: {{listen: ["127.0.0.1:0"], admin_listen: "127.0.0.1:0"}}
redis: {{url: "unix://{redis}"}}
worker: {{slots: 10000, drain: 1s}}
limits: {{output: 64MiB, events: 1000000}}
tenants: [{{name: default, running: 0, queued: 0}}]
models: [{{name: default, base_url: "{provider}", model: sim, concurrency: 100000, timeouts: {{first_token: 10m, idle: 10m}}}}]
"""

NGINX_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err warn;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    upstream provider {{ server {provider}; keepalive 256; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://provider;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 600s;
        }}
    }}
}}
"""


class System:
    """One system: its processes by name, where to send a stream to, how to stop one."""

    name = ""
    path, body, stop_path = "/v1/chat/completions", '{"model":"sim","stream":true,"messages":[{"role":"user","content":"PROMPT"}]}', None

    def __init__(self, folder, provider):
        self.folder = pathlib.Path(folder) / self.name
        self.folder.mkdir(exist_ok=True)
        self.provider = provider  # host:port
        self.processes = {}
        self.address = ""
        self.start()

    def start(self):
        raise NotImplementedError

    def run(self, name, argv, env=None):
        self.processes[name] = Process(name, argv, self.folder, env)
        return self.processes[name]

    def run_redis(self):
        self.redis = self.folder / "redis.sock"
        self.redis.unlink(missing_ok=True)
        self.run("redis", ["redis-server", "--port", "0", "--unixsocket", self.redis, "--dir", self.folder, "--save", "", "--appendonly", "no", "--maxclients", "15000"])
        wait_until(lambda: subprocess.run(["redis-cli", "-s", self.redis, "ping"], capture_output=True).returncode == 0, "redis")

    def wait_line_address(self, process):
        self.address = process.wait_line(r"listening http://(\S+)").group(1)

    def pids(self):
        return {name: process.pid for name, process in self.processes.items()}

    def memory_kb(self, name):
        return self.processes[name].memory_kb()

    def cpu_s(self):
        """Processor time of all its processes so far."""
        ticks = 0
        for pid in self.pids().values():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def settle(self, patience_s=5):
        """Waits until it does next to nothing; starts it anew when that takes too long (generations of clients that left)."""
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            before = self.cpu_s()
            time.sleep(0.15)
            if self.cpu_s() - before <= 0.02:
                return
        self.stop()
        self.start()

    def stop(self):
        for process in reversed(list(self.processes.values())):
            try:
                process.stop(5)
            except AssertionError:
                pass  # it was killed
        self.processes = {}


class Direct(System):
    name = "direct"

    def start(self):
        self.address = self.provider


class Nginx(System):
    name = "nginx"

    def start(self):
        port = free_port()
        config = self.folder / "nginx.conf"
        config.write_text(NGINX_CONFIG.format(folder=self.folder, provider=self.provider, port=port))
        process = self.run("nginx", [shutil.which("nginx") or "/usr/sbin/nginx", "-c", config, "-p", self.folder, "-e", self.folder / "nginx.err"])
        self.address = f"127.0.0.1:{port}"
        wait_listening(process, port)


class Sluice(System):
    name = "sluice"
    path, body, stop_path = "/v1/chats", '{"message":"PROMPT","generation_id":"%ID%"}', "/v1/generations/%ID%/stop"
    env = {}

    def start(self):
        self.run_redis()
        config = self.folder / "sluice.yaml"
        config.write_text(SLUICE_CONFIG.format(redis=self.redis, provider=f"http://{self.provider}/v1"))
        env = {"SLUICE_CONFIG": str(config), **self.env}
        self.wait_line_address(self.run("api", [BIN / "sluice-api"], env))
        self.run("worker", [BIN / "sluice-stream-worker"], env).wait_log(r"worker\.ready")


class Peer(System):
    path, body, stop_path = "/chat/%ID%", '{"message":"PROMPT"}', "/chat/%ID%/stop"

    def env(self, port=0):
        return {"PEER_REDIS": str(self.redis), "PEER_PROVIDER": f"http://{self.provider}/v1", "PEER_PORT": str(port)}


class Python(Peer):
    name = "python"

    def start(self):
        self.run_redis()
        port = free_port()
        env = self.env(port)
        api = self.run("api", [PYTHON, PEERS / "python/api.py"], env)
        self.run("worker", [PYTHON, PEERS / "python/worker.py"], env).wait_line("ready")
        self.address = f"127.0.0.1:{port}"
        wait_listening(api, port)


class Node(Peer):
    name = "node"
    flag = "on"

    def start(self):
        self.run_redis()
        folder = node_folder()
        self.wait_line_address(self.run("server", ["node", folder / "server.mjs"], {**self.env(), "PEER_FLAG": self.flag}))


class NodeWithoutStop(Node):
    name = "node-nostop"
    flag = "off"


def node_folder():
    return BIN.parent / "bench/node"


def prepare_node():
    """The peer and its packages in the build folder, as the committed lock file says."""
    folder, lock = node_folder(), "package-lock.json"
    done = folder / "installed.json"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("server.mjs", "package.json", lock, ".npmrc"):
        shutil.copy(PEERS / "node" / name, folder / name)
    if not done.exists() or done.read_bytes() != (folder / lock).read_bytes():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        shutil.copy(folder / lock, done)


def wait_listening(process, port):
    import socket

    def is_up():
        assert process.is_alive(), process.read_log()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    wait_until(is_up, f"{process.name} to listen")


class Provider:
    def __init__(self, folder):
        self.process = Process("llmsim", [BIN / "sluice-llmsim", "--listen", "127.0.0.1:0"], folder)
        self.address = self.process.wait_line(r"listening http://(\S+)").group(1)

    def stop(self):
        self.process.stop(5)
