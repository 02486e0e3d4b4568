"""Cuts a byte stream into server-sent events, however the network cut it into chunks.

Works on bytes, because a chunk may end inside a character; ends of line may be LF, CRLF or CR.
"""


class Events:
    """Takes chunks, gives the ``data`` of the events that they complete."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[bytes] = []
        self._after_cr = False
        self._size = 0
        self.held = 0
        """Bytes of the event that is not complete yet."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take ``chunk``; return the data of every event it completes."""
        if not self.held and chunk.startswith(b"data: ") and chunk.endswith(b"\n\n"):
            inner = chunk[6:-2]
            if b"\n" not in inner and b"\r" not in inner:
                # One event in one chunk: what our own transport and most servers send.
                self._after_cr = False
                return [inner]
        if self._after_cr and chunk[:1] == b"\n":
            chunk = chunk[1:]
            self._after_cr = False
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        elif chunk:
            self._after_cr = False
        if b"\n" not in chunk:
            self._line += chunk
            self.held += len(chunk)
            return []
        lines = (bytes(self._line) + chunk).split(b"\n")
        self._line = bytearray(lines.pop())
        return self._take(lines)

    def end(self) -> list[bytes]:
        """Return the event that the stream ended in, without the blank line it should have."""
        last, self._line = bytes(self._line), bytearray()
        return self._take([last, b""])

    def _take(self, lines: list[bytes]) -> list[bytes]:
        done: list[bytes] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
                self._size += len(line)
            elif not line and self._data:
                done.append(b"\n".join(self._data))
                self._data.clear()
                self._size = 0
        self.held = len(self._line) + self._size
        return done
