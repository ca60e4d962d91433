"""The rows of http_corpus.txt, whose head tells its form: MALFORMED, groups of (status, what it probes, bytes), and LEGAL, rows of (statuses, does the connection stay,
what it shows, bytes). Run by itself it writes each row to a file of its own, as seeds for a fuzzer: http_corpus.py FOLDER."""
import pathlib
import re
import sys

HOST = b"Host: 127.0.0.1\r\n"
GET = b"GET /livez HTTP/1.1\r\n" + HOST
POST = b"POST /v1/chats/no-such/stop HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
CLOSE = b"Connection: close\r\n\r\n"


def expand(text, words):
    def one(match):
        escape, braces = match.groups()
        if escape:
            return {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}.get(escape) or chr(int(escape[1:], 16))
        count, _, byte = braces.partition("x")
        return byte * int(count) if count.isdigit() else words[braces]

    return re.sub(r"\\(x..|.)|\{(.*?)\}", one, text)


def read():
    malformed, legal, words, group = {}, [], {}, None
    for line in pathlib.Path(__file__).with_suffix(".txt").read_text("ascii").split("\n"):
        first, _, rest = line.partition(" ")
        if first == "let":
            name, _, text = rest.partition(" ")
            words[name] = expand(text, words)
        elif first == "group":
            group = rest
        elif line and first != "#" and group == "legal":
            wanted, name, text, _ = line.split(" | ")
            statuses, stays = wanted.split(" ")
            legal.append(([int(status) for status in statuses.split(",")], stays == "stays", name, expand(text, words).encode("latin-1")))
        elif line and first != "#":
            status, name, text = line.split(" | ")
            malformed.setdefault(group, []).append((int(status), name, expand(text, words).encode("latin-1")))
    return malformed, legal


MALFORMED, LEGAL = read()


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, row in enumerate([*sum(MALFORMED.values(), []), *LEGAL]):
        folder.joinpath(f"row-{number}").write_bytes(row[-1])
