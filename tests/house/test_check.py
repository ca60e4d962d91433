"""Each check of the house notices its fault in a small tree made for it, and passes a clean one."""
import pathlib
import subprocess
import sys

import pytest

CHECK = pathlib.Path(__file__).resolve().parent / "check"

CLEAN = {"lib/base/a.c": '#include "base/a.h"\nint a(void)\n{\n    return 1; /* sprintf( in a comment is fine */\n}\n', "lib/base/a.h": "int a(void);\n", "lib/wire/b.c": '#include "base/a.h"\n', "cmd/api/main.c": "int main(void)\n{\n    exit(0);\n}\n", "workers/stream/w.c": "\n"}
FAULTS = {
    "layers": ("lib/base/a.c", '#include "wire/json.h"\n'),
    "foreign": ("lib/wire/b.c", "#include <curl/curl.h>\n"),
    "banned": ("lib/wire/b.c", "int f(char *s)\n{\n    return sprintf(s, \"x\");\n}\n"),
    "words": ("lib/wire/b.c", "/* TO" + "DO: later */\n"),
    "files": ("lib/wire/b.c", "\n" * 601),
    "functions": ("lib/wire/b.c", "int f(void)\n{\n" + "    ;\n" * 60 + "    return 0;\n}\n"),
}


def run(root, name):
    return subprocess.run([sys.executable, str(CHECK), name, "--root", str(root)], capture_output=True, text=True, check=False)


def tree(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize("name", FAULTS)
def test_notices(tmp_path, name):
    path, text = FAULTS[name]
    tree(tmp_path, {**CLEAN, path: text})
    result = run(tmp_path, name)
    assert result.returncode == 1 and path in result.stdout, result


@pytest.mark.parametrize("name", FAULTS)
def test_passes_what_is_clean(tmp_path, name):
    tree(tmp_path, CLEAN)
    assert run(tmp_path, name).returncode == 0


def test_banned_lists_allocators_and_exit(tmp_path):
    for text in ("void *f(void)\n{\n    return malloc(1);\n}\n", "void f(void)\n{\n    exit(1);\n}\n"):
        tree(tmp_path, {**CLEAN, "lib/wire/b.c": text})
        assert run(tmp_path, "banned").returncode == 1


def test_the_list_is_complete():
    listed = subprocess.run([sys.executable, str(CHECK), "--list"], capture_output=True, text=True, check=True).stdout.split()
    assert sorted(listed) == sorted(FAULTS)
