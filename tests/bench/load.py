"""Runs bench-client against a system and gives back what it measured."""
import json
import subprocess

from bench.servers import PROMPT
from support.processes import BIN

CLIENT = BIN.parent / "bench/bench-client"


def load(system, *, streams, tokens=1, delay_ms=0, first_ms=0, **options):
    """One load. Options are bench-client's, with _ for -; a true value is a flag."""
    prompt = PROMPT.format(tokens=tokens, delay_ms=delay_ms, first_ms=first_ms)
    stops = system.stop_path is not None and ("stop_max_ms" in options)
    argv = [CLIENT, "--address", system.address, "--path", system.path, "--body", system.body.replace("PROMPT", prompt)]
    argv += ["--streams", streams, "--tokens", tokens]
    if stops:
        argv += ["--stop-path", system.stop_path]
    return run(argv, options, system.pids())


def get(address, path, *, streams, pids=None, **options):
    """A closed loop of GET on kept connections."""
    return run([CLIENT, "--address", address, "--path", path, "--streams", streams], options, pids or {})


def run(argv, options, pids):
    for name, value in options.items():
        argv += [f"--{name.replace('_', '-')}"] + ([] if value is True else [value])
    for name, pid in pids.items():
        argv += ["--pid", f"{name}={pid}"]
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    result = json.loads(done.stdout)
    result["rate"] = result["tokens"] / result["window_s"]
    result["jobs"] = result["done"] / result["window_s"]
    result["cpu_us_per_token"] = {name: us / result["tokens"] if result["tokens"] else None for name, us in result["cpu_us"].items()}
    return result
