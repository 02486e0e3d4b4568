"""The body of an answer, read as what it is: an event stream, one JSON value, or a web page.

Servers answer in one piece although a stream was asked for, and call streams ``text/plain``;
the first byte that is not white space tells more than the content type.
"""

from agent.adapters.models import faults
from agent.adapters.models.chunks import whole
from agent.adapters.models.draft import Draft, too_long
from agent.adapters.models.faults import Fault
from agent.adapters.models.sse import Events

CUT_SHORT = "closed the stream in the middle of its answer"
_BLANK = b"\xef\xbb\xbf \t\r\n"


_FIELDS = (b"data", b"event", b"id", b"retry", b":")
_HEAD = 4096


class Body:
    """Feeds a draft with what arrives."""

    def __init__(self, draft: Draft, most: int) -> None:
        self._draft = draft
        self._most = most
        self._events: Events | None = None
        self._held = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            Fault: they cannot be an answer.
        """
        if self._events is not None:
            if len(self._held) < _HEAD:
                self._held += chunk[:_HEAD]
            self._feed_events(self._events, chunk)
            return
        self._held += chunk
        start = bytes(self._held[:_HEAD]).lstrip(_BLANK)[:1]
        if start == b"<":
            raise Fault(faults.GARBAGE, "sent an HTML page where a model's answer was expected")
        if start and start not in b"{[":
            self._events = Events()
            self._held = self._held.lstrip(_BLANK)
            self._feed_events(self._events, bytes(self._held))
        elif len(self._held) > self._most:
            raise too_long(self._most)

    def end(self, *, clean: bool) -> None:
        """Close the draft; ``clean`` tells whether the server ended the body itself.

        Raises:
            Fault: the answer is empty, cut or garbage.
        """
        draft = self._draft
        if self._events is not None:
            self._end_events(self._events)
        elif clean and self._held.strip(_BLANK):
            draft.take(whole(bytes(self._held)))
            draft.ended = True
        if draft.complete:
            return
        if clean and (draft.ended or not self._held.strip(_BLANK)):
            raise Fault(faults.EMPTY, "sent an empty answer")
        if clean and self._events is not None and not self._held.startswith(_FIELDS):
            came = bytes(self._held[:_HEAD]).decode("utf-8", "replace")
            raise Fault(faults.GARBAGE, "sent something else than an event stream:", quote=came)
        raise Fault(faults.CUT, CUT_SHORT)

    def _feed_events(self, events: Events, chunk: bytes) -> None:
        for data in events.feed(chunk):
            self._draft.add(data)
        if events.held > self._most:
            raise too_long(self._most)

    def _end_events(self, events: Events) -> None:
        for data in events.end():
            try:
                self._draft.add(data)
            except Fault as fault:
                if fault.kind is not faults.GARBAGE:
                    raise
                # Half an event at the end: the stream was cut inside it.
                raise Fault(faults.CUT, CUT_SHORT) from None
