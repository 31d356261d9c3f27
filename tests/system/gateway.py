"""What stands between a collector and its time series database: an HTTP server that passes requests on to a real influxd, or
does to them what servers, proxies and networks do. What it does is a rule, which a test may change at any time."""

import collections
import contextlib
import gzip
import http.client
import select
import socket
import struct
import threading
import time

TICK_S = 0.05


class Gone(Exception):
    """The connection ends here."""


class Exchange:
    """One request, of which the head was read."""

    def __init__(self, gateway, connection, head, rest):
        self.gateway, self.connection, self.rest, self.rule = gateway, connection, rest, None
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = lines[0].split(" ", 2)
        self.headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        self.length = int(self.headers.get("content-length", "0"))

    def read(self, most=None):
        """The body, or its first `most` bytes."""
        wanted = self.length if most is None else min(most, self.length)
        while len(self.rest) < wanted:
            self.rest += self.gateway.receive(self.connection)
        return self.rest[:wanted]

    def lines(self):
        body = self.read()
        return gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body

    def pass_on(self, body=None, headers=None):
        """The real server's status and body."""
        upstream = http.client.HTTPConnection("127.0.0.1", self.gateway.upstream_port, timeout=60)
        with contextlib.closing(upstream):
            upstream.request(self.method, self.path, self.read() if body is None else body,
                             self.headers if headers is None else headers)
            answer = upstream.getresponse()
            return answer.status, answer.read()

    def answer(self, status, body=b"", **headers):
        self.connection.sendall(self.bytes_of(status, body, **headers))

    @staticmethod
    def bytes_of(status, body=b"", **headers):
        named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        length = "" if status == 204 else f"Content-Length: {len(body)}\r\n"
        return f"HTTP/1.1 {status} Said\r\n{named}{length}\r\n".encode() + body

    def reset(self):
        """Not a polite end: the other side is told that the connection is broken."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def pause(self):
        """Waits, unless the rule changed or the other side gave up."""
        time.sleep(TICK_S)
        if self.gateway.rule is not self.rule or self.gateway.stopping:
            raise Gone
        readable, _, _ = select.select([self.connection], [], [], 0)
        if readable and self.connection.recv(1, socket.MSG_PEEK) == b"":
            raise Gone


# Rules: what becomes of a request.

def passes(exchange):
    exchange.answer(*exchange.pass_on())


def says(status, body=b"", **headers):
    def rule(exchange):
        exchange.read()
        exchange.answer(status, body, **headers)
    return rule


def never_answers(exchange):
    exchange.read()
    while True:
        exchange.pause()


def answers_slowly(exchange):
    """A byte a second; and the points are not taken."""
    exchange.read()
    for at in b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n" + b"X-Filler: ........\r\n" * 100:
        exchange.connection.sendall(bytes([at]))
        for _ in range(round(1 / TICK_S)):
            exchange.pause()


def reads_slowly(exchange):
    """A few bytes a second."""
    for wanted in range(exchange.length):
        exchange.read(wanted)
        exchange.pause()


def resets_in_the_request(exchange):
    exchange.read(exchange.length // 2)
    exchange.reset()


def resets_in_the_answer(exchange):
    """The points are taken, and who sent them is not told."""
    status, body = exchange.pass_on()
    exchange.connection.sendall(exchange.bytes_of(status, body)[:12])
    exchange.reset()


def wants(authorization):
    """401 for who does not bring it."""
    def rule(exchange):
        exchange.read()
        if exchange.headers.get("authorization") == authorization:
            exchange.answer(*exchange.pass_on())
        else:
            exchange.answer(401, b'{"error":"authorization failed"}')
    return rule


def refuses_lines_with(*words):
    """As InfluxDB 1 where a point is at fault: the others are taken, and 400 says that one was not."""
    def rule(exchange):
        lines = exchange.lines().splitlines(keepends=True)
        good = [line for line in lines if not all(word in line for word in words)]
        headers = {name: value for name, value in exchange.headers.items()
                   if name not in ("content-encoding", "content-length")}
        status, body = exchange.pass_on(b"".join(good), headers)
        if len(good) < len(lines):
            exchange.gateway.counts["refused"] += 1
            body = b'{"error":"partial write: field type conflict dropped=%d"}' % (len(lines) - len(good))
            status = 400
        exchange.answer(status, body)
    return rule


class Gateway:
    """Listens on a loopback port of its own; with `deaf` nobody accepts connections until a rule is set, as if the address
    were one that swallows packets."""

    def __init__(self, upstream_port, deaf=False):
        self.upstream_port, self.counts = upstream_port, collections.Counter()
        self.rule, self.stopping = passes, False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0 if deaf else 64)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.fillers, self.thread, self.lock = [], None, threading.Lock()
        if deaf:
            self._fill_the_backlog()
        else:
            self._serve()

    def _fill_the_backlog(self):
        """One connection more than the kernel keeps for who does not accept: the next one's SYN is left unanswered."""
        for _ in range(2):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(("127.0.0.1", self.port))
            self.fillers.append(filler)

    def _serve(self):
        self.listener.settimeout(TICK_S)
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()

    def set(self, rule):
        """From now on; requests in hand under the rule before are cut off if they wait."""
        for filler in self.fillers:
            filler.close()
        self.fillers = []
        with self.lock:
            self.rule = rule
        if self.thread is None:
            self._serve()

    def receive(self, connection):
        """The next bytes; notices in time when the gateway closes."""
        while not self.stopping:
            with contextlib.suppress(TimeoutError):
                received = connection.recv(65536)
                if received == b"":
                    raise Gone
                return received
        raise Gone

    def _accept(self):
        while not self.stopping:
            with contextlib.suppress(TimeoutError):
                connection, _ = self.listener.accept()
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection):
        with connection, contextlib.suppress(Gone, OSError):
            connection.settimeout(TICK_S)
            rest = b""
            while True:
                while b"\r\n\r\n" not in rest:
                    rest += self.receive(connection)
                head, rest = rest.split(b"\r\n\r\n", 1)
                exchange = Exchange(self, connection, head, rest)
                with self.lock:
                    exchange.rule = self.rule
                    self.counts[self.rule] += 1
                exchange.rule(exchange)
                rest = exchange.rest[exchange.length:]

    def met(self, rule):
        """How many requests met this rule."""
        with self.lock:
            return self.counts[rule]

    def close(self):
        self.stopping = True
        if self.thread is not None:
            self.thread.join()
        self.listener.close()
        for filler in self.fillers:
            filler.close()
