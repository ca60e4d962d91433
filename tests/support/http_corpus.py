"""Requests as raw bytes: MALFORMED, each with the status that it must get before the connection is closed, and LEGAL, each with the statuses of its answers and whether the
connection stays. Rows by reliability's tables: request line, line ends, fields, Host, body length, transfer coding, chunks, trailers, limits (RFC 9110, 9112)."""

HOST = b"Host: 127.0.0.1\r\n"
GET = b"GET /livez HTTP/1.1\r\n" + HOST
POST = b"POST /v1/chats/no-such/stop HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"  # with the body {}: 404
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
LINE, BLOCK, FIELDS, BODY = 8 * 1024, 16 * 1024, 100, 1024 * 1024  # the limits


def line(text, host=HOST):
    return text + b"\r\n" + host + b"\r\n"


def with_line_of(length):
    """A request line of so many bytes, CRLF included."""
    fixed = len(b"GET /livez? HTTP/1.1\r\n")
    return line(b"GET /livez?" + b"a" * (length - fixed) + b" HTTP/1.1")


def with_fields(count):
    """So many fields, Host among them."""
    return GET + b"".join(b"X-%d: y\r\n" % n for n in range(count - 1)) + b"\r\n"


def with_body_of(length):
    return POST + b"Content-Length: %d\r\n\r\n{" % length + b" " * (length - 2) + b"}"


CONTROLS = [c for c in range(32) if c not in b"\t\r\n"] + [0x7F]

REQUEST_LINE = [
    (400, line(text))
    for text in [
        b"GET  /livez HTTP/1.1", b"GET /livez  HTTP/1.1", b" GET /livez HTTP/1.1", b"GET\t/livez\tHTTP/1.1", b"GET /livez HTTP/1.1 ", b"GET /livez", b"GET", b"GET ",
        b"/livez HTTP/1.1", b"GET /livez http/1.1", b"GET /livez HTTP/1", b"GET /livez HTTP/1.1x", b"GET /livez HTTP/11", b"GET /livez HTTP/1.10", b"GET /livez HTTP 1.1",
        b"GET /livez HTTPS/1.1", b"GET /livez HTTP/1.1 HTTP/1.1", b"G(T /livez HTTP/1.1", b"G\xc3\x89T /livez HTTP/1.1", b"GET livez HTTP/1.1", b"GET ?a HTTP/1.1",
        b'GET /a"b HTTP/1.1', b"GET /a<b HTTP/1.1", b"GET /a\\b HTTP/1.1", b"GET /a^b HTTP/1.1", b"GET /a`b HTTP/1.1", b"GET /a{b HTTP/1.1", b"GET /a|b HTTP/1.1",
        b"GET /\xc3\xa9 HTTP/1.1", b"GET /%zz HTTP/1.1", b"GET /% HTTP/1.1", b"GET /%4 HTTP/1.1", b"GET /a#b HTTP/1.1", b"GET * HTTP/1.1", b"POST * HTTP/1.1",
        b"GET https://127.0.0.1/ HTTP/1.1", b"GET ftp://127.0.0.1/ HTTP/1.1", b"GET http://127.0.0.2/livez HTTP/1.1", b"GET http://127.0.0.1:81/livez HTTP/1.1",
        b"GET http://user@127.0.0.1/livez HTTP/1.1", b"GET http:///livez HTTP/1.1", b"CONNECT 127.0.0.1:80 HTTP/1.1", b"\r\n\r\nGET /livez HTTP/1.1",
    ]
] + [(505, line(b"GET /livez HTTP/" + version)) for version in (b"0.9", b"1.2", b"2.0", b"3.0", b"9.9")]
REQUEST_LINE += [(501, line(method + b" /livez HTTP/1.1")) for method in (b"get", b"Get", b"TRACE", b"CONNECT", b"BREW", b"GETX", b"!#$%&'*+-.^_`|~")]
REQUEST_LINE += [(400, line(b"GET /a%cb HTTP/1.1" % c)) for c in CONTROLS] + [(400, line(b"G%cT /livez HTTP/1.1" % c)) for c in CONTROLS]
REQUEST_LINE += [(400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]

LINE_ENDS = [
    (400, text)
    for text in [
        b"GET /livez HTTP/1.1\n" + HOST + b"\r\n", b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\n\r\n", GET + b"\n", b"GET /livez HTTP/1.1\r" + HOST + b"\r\n",
        GET + b"X: a\rb\r\n\r\n", GET + b"X: a\r\r\n\r\n", GET + b"\r\r\n", GET + b"X: a\n\r\n", b"\nGET /livez HTTP/1.1\r\n" + HOST + b"\r\n",
    ]
]

FIELDS_ROWS = [
    (400, GET + field + b"\r\n\r\n")
    for field in [
        b"X : a", b"X\t: a", b" X: a", b"\tX: a", b"X: a\r\n b", b"X: a\r\n\tb", b": a", b":", b"X", b"X(Y): a", b"X Y: a", b"X@Y: a", b'"X": a', b"X\xe9: a", b"X/Y: a", b"{X}: a",
    ]
]
FIELDS_ROWS += [(400, GET + b"X: a%cb\r\n\r\n" % c) for c in CONTROLS] + [(400, GET + b"X%cY: a\r\n\r\n" % c) for c in CONTROLS]

HOSTS = [
    (400, b"GET /livez HTTP/1.1\r\n" + host + b"\r\n")
    for host in [
        b"", HOST + HOST, HOST + b"host: 127.0.0.1\r\n", HOST + b"HOST: evil\r\n", b"Host:\r\n", b"Host: a b\r\n", b"Host: a/b\r\n", b"Host: a@b\r\n", b"Host: a,b\r\n",
        b"Host: a?b\r\n", b"Host: a#b\r\n", b"Host: a:99999\r\n", b"Host: a:\r\n", b"Host: a:8x\r\n", b"Host: a:-1\r\n", b"Host: a:80:80\r\n", b"Host: ::1\r\n",
        b"Host: [::1\r\n", b"Host: ::1]\r\n", b"Host: [::1]x\r\n", b"Host: [xyz]\r\n", b"Host: []\r\n", b"Host: http://127.0.0.1\r\n", b"Host: 127.0.0.1%00\r\n",
    ]
]

LENGTHS = [
    (400, POST + length + b"\r\n{}")
    for length in [
        b"Content-Length: 0\r\nContent-Length: 2\r\n", b"Content-Length: 2\r\nContent-Length: 0\r\n", b"Content-Length: 2\r\nContent-Length: 2\r\n", b"Content-Length: 2, 2\r\n",
        b"Content-Length: 2,\r\n", b"Content-Length: ,2\r\n", b"Content-Length : 2\r\n", b"Content-Length\t: 2\r\n", b" Content-Length: 2\r\n", b"Content-Length: +2\r\n",
        b"Content-Length: -2\r\n", b"Content-Length: 0x2\r\n", b"Content-Length: 2 2\r\n", b"Content-Length: 2a\r\n", b"Content-Length: 2.0\r\n", b"Content-Length: 2e0\r\n",
        b"Content-Length: \"2\"\r\n", b"Content-Length: 2;a\r\n", b"Content-Length:\r\n", b"Content-Length: \r\n", b"Content-Length: 18446744073709551618\r\n",
        b"Content-Length: 99999999999999999999\r\n", b"Content-Length: 1\r\n 2\r\n", b"Content-Length: \xc2\xb2\r\n",
    ]
]

CODINGS = [
    (400, POST + coding + b"\r\n" + END)
    for coding in [
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding: chunked, gzip\r\n", b"Transfer-Encoding: chunked, chunked\r\n", b"Transfer-Encoding: chunked,\r\n",
        b"Transfer-Encoding: ,chunked\r\n", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n", b"Transfer-Encoding: chunkedx\r\n", b"Transfer-Encoding: chunked;q=1\r\n", b"Transfer-Encoding: \"chunked\"\r\n",
        b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding: gzip\r\n", b"Transfer-Encoding:\r\n", b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding: ch\x00unked\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n", b"Transfer-Encoding: chunked\r\n\x20gzip\r\n", b"Transfer-Encoding: \xc2\xa0chunked\r\n",
    ]
] + [(400, POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + END), (417, POST + b"Expect: a-miracle\r\nContent-Length: 2\r\n\r\n{}")]

CHUNKS = [
    (400, CHUNKED + chunk)
    for chunk in [
        b"0x2\r\n{}\r\n" + END, b"+2\r\n{}\r\n" + END, b"-2\r\n{}\r\n" + END, b" 2\r\n{}\r\n" + END, b"2 \r\n{}\r\n" + END, b"2\t\r\n{}\r\n" + END, b"2 zzz\r\n{}\r\n" + END,
        b"2 ;a\r\n{}\r\n" + END, b"2;\r\n{}\r\n" + END, b"2;a b\r\n{}\r\n" + END, b"2;a=\r\n{}\r\n" + END, b"2;=b\r\n{}\r\n" + END, b'2;a="b\r\n{}\r\n' + END,
        b'2;a="b"c\r\n{}\r\n' + END, b"2;a\x00\r\n{}\r\n" + END, b"2;a=b\n{}\r\n" + END, b"\r\n{}\r\n" + END, b";a\r\n{}\r\n" + END, b"g\r\n{}\r\n" + END, b"2\n{}\r\n" + END,
        b"2\r{}\r\n" + END, b"2\r\n{}X\r\n" + END, b"2\r\n{}0\r\n\r\n", b"2\r\n{}\n" + END, b"2\r\n{}\r" + END, b"1\r\n{}\r\n" + END, b"2\r\n{}\r\n0\n\r\n", b"2\r\n{}\r\n0\r\n\n",
        b"FFFFFFFFFFFFFFFFF\r\n{}", b"10000000000000002\r\n{}\r\n" + END, b"2;" + b"a" * 300 + b"\r\n{}\r\n" + END, b"0000000000000002\r\n{}\r\n" + END,
    ]
]

TRAILERS = [
    (400, CHUNKED + b"2\r\n{}\r\n0\r\n" + trailer + b"\r\n\r\n")
    for trailer in [
        b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Host: evil", b"Connection: close", b"TE: x", b"Trailer: x", b"Expect: 100-continue", b"bad trailer", b"X : y", b" X: y",
        b"X: a\r\n b", b": y", b"X: \x01", b"X: a\nY: b",
    ]
]

LIMITS = [
    (414, with_line_of(LINE + 3)), (414, with_line_of(4 * LINE)), (414, b"A" * (2 * LINE)), (431, with_fields(FIELDS + 1)), (431, GET + b"X: " + b"a" * BLOCK + b"\r\n\r\n"),
    (431, GET + b"X" * BLOCK + b": a\r\n\r\n"), (431, CHUNKED + b"0\r\nX: " + b"a" * 8192 + b"\r\n\r\n"), (413, with_body_of(BODY + 1)),
    (413, POST + b"Content-Length: 9999999999\r\n\r\n"), (413, POST + b"Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n"), (413, CHUNKED + b"100001\r\n"),
    (413, CHUNKED + b"FFFFFFFFFF\r\n"), (413, CHUNKED + b"1\r\n{\r\n100000\r\n"),
]

MALFORMED = {
    "request line": REQUEST_LINE, "line ends": LINE_ENDS, "fields": FIELDS_ROWS, "Host": HOSTS, "length": LENGTHS, "coding": CODINGS, "chunks": CHUNKS, "trailers": TRAILERS,
    "limits": LIMITS,
}

CLOSE = b"Connection: close\r\n\r\n"
LEGAL = [  # (statuses, does the connection stay, bytes)
    ([200], True, GET + b"\r\n"),
    ([200], True, b"\r\n" + GET + b"\r\n"),
    ([200], True, b"GET /livez?a=%20&b=c HTTP/1.1\r\n" + HOST + b"\r\n"),
    ([200], True, b"GET http://127.0.0.1/livez HTTP/1.1\r\n" + HOST + b"\r\n"),
    ([200], True, b"GET /livez HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"),
    ([200], True, b"GET /livez HTTP/1.1\r\nhOsT:\t [::1]:80 \t\r\n\r\n"),
    ([200], True, GET + b"X-Empty:\r\nX-Obs: \xe9\xff\r\nX-Tab: a\tb\r\n\r\n"),
    ([200], True, GET + b"X: 1\r\nX: 2\r\n!#$%&'*+-.^_`|~: y\r\n\r\n"),
    ([200], True, GET + b"Connection: keep-alive\r\nTE: trailers\r\nUpgrade: h2c\r\n\r\n"),
    ([200], True, GET + b"Content-Length: 0\r\n\r\n"),
    ([200], True, GET + b"Content-Length: 2\r\n\r\n{}"),
    ([200], False, GET + CLOSE),
    ([200], False, GET + b"Connection: x, CLOSE ,y\r\n\r\n"),
    ([200], False, b"GET /livez HTTP/1.0\r\n" + HOST + b"\r\n"),
    ([200], True, b"GET /livez HTTP/1.0\r\n" + HOST + b"Connection: keep-alive\r\n\r\n"),
    ([200], True, b"HEAD /livez HTTP/1.1\r\n" + HOST + b"\r\n"),
    ([204], True, b"OPTIONS /livez HTTP/1.1\r\n" + HOST + b"\r\n"),
    ([405], True, b"PATCH /livez HTTP/1.1\r\n" + HOST + b"\r\n"),
    ([405], True, b"PUT /livez HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\n{}"),
    ([405], True, b"DELETE /livez HTTP/1.1\r\n" + HOST + b"\r\n"),
    ([404], True, POST + b"Content-Length: 2\r\n\r\n{}"),
    ([404], True, POST + b"Content-Length: 00002\r\n\r\n{}"),
    ([404], True, POST + b"\r\n"),
    ([404], True, CHUNKED + b"2\r\n{}\r\n" + END),
    ([404], True, CHUNKED + b"1\r\n{\r\n001\r\n}\r\n000\r\n\r\n"),
    ([404], True, CHUNKED + END),
    ([404], True, CHUNKED + b"2;a;b=c;d=\"e;\\\"f\"\r\n{}\r\n0;last\r\n\r\n"),
    ([404], True, CHUNKED + b"2\r\n{}\r\n0\r\nX-Trailer: yes\r\nY: z\r\n\r\n"),
    ([404], True, POST + b"Transfer-Encoding: \t ChUnKeD \r\n\r\n2\r\n{}\r\n" + END),
    ([100, 404], True, POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"),
    ([404], True, POST.replace(b"1.1", b"1.0", 1) + b"Connection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"),
    ([200, 404, 405, 200], True, GET + b"\r\n" + CHUNKED + b"2\r\n{}\r\n" + END + b"PUT /livez HTTP/1.1\r\n" + HOST + b"\r\n\r\n" + GET + b"\r\n"),
    ([200, 200], False, GET + b"\r\n" + GET + CLOSE + GET + b"\r\n"),
    ([200] * 500, True, (GET + b"\r\n") * 500),
    ([200], True, with_line_of(LINE)),
    ([200], True, with_fields(FIELDS)),
    ([404], True, with_body_of(BODY)),
]
