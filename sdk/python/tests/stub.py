"""A server that answers what a test tells it, byte for byte, and remembers what it was asked."""

import socket
import threading


class Request:
    def __init__(self, method, path, headers, body):
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body


def reply(status, body, kind="application/json", headers=(), length=None):
    """The bytes of an HTTP answer; a `length` larger than the body makes one that is cut."""
    body = body.encode() if isinstance(body, str) else body
    head = [
        f"HTTP/1.1 {status} Said",
        f"content-type: {kind}",
        f"content-length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Stub:
    """`answers` are taken in turn, the last for ever. Each is bytes to send, `None` to hang up, or a function of the
    request that gives one of these. A connection is closed after an answer that was cut."""

    def __init__(self, port=0, answers=(None,)):
        self.answers = [*answers]
        self.requests = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self._open = set()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        for connection in list(self._open):
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, connection.makefile("rb") as reader:
                while (request := self._read(reader)) is not None:
                    self.requests.append(request)
                    answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
                    answer = answer(request) if callable(answer) else answer
                    if answer is None:
                        return
                    connection.sendall(answer)
                    head, _, body = answer.partition(b"\r\n\r\n")
                    promised = [
                        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length")
                    ]
                    if not promised or promised[0] != len(body):
                        return
        except OSError:
            pass
        finally:
            self._open.discard(connection)

    @staticmethod
    def _read(reader):
        line = reader.readline().decode("latin-1")
        if line == "":
            return None
        method, path, _ = line.split(" ", 2)
        headers = {}
        while (line := reader.readline().strip()) != b"":
            key, _, value = line.partition(b":")
            headers[key.decode().lower()] = value.strip()
        return Request(method, path, headers, reader.read(int(headers.get("content-length", 0))))
