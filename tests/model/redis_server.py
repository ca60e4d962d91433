"""A private redis-server on a unix socket in a temporary folder, ended by its process id."""
import pathlib
import shutil
import subprocess
import tempfile
import time

import redis


class RedisServer:
    def __init__(self, *options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='sluice-model-'))
        self.socket = str(self.folder / 'redis.sock')
        self.options = options or ('--save', '', '--appendonly', 'no')
        self.process = None
        self.start()

    def start(self):
        command = ['redis-server', '--port', '0', '--unixsocket', self.socket, '--dir', str(self.folder),
                   '--logfile', str(self.folder / 'redis.log'), *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                redis.Redis(unix_socket_path=self.socket).ping()
                return
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def client(self):
        return redis.Redis(unix_socket_path=self.socket)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
