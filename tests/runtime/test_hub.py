"""The log: numbered, kept for a while, encoded once, and slow to nobody."""

import asyncio

import msgspec
import pytest
from hypothesis import given, strategies as st

from agent.core import wire
from agent.core.events import Answered, Streaming, TestsChanged as SuiteChanged, Thinking, Topic
from agent.runtime.hub import BLOCK, Hub

pytestmark = pytest.mark.anyio


def hub(keep: int = 8, **more) -> Hub:
    return Hub(lambda: 7_000_000, keep=keep, **more)


def thought(text: str = "x", channel: str = "main") -> Thinking:
    return Thinking(node="a", run_id="r", channel=channel, text=text)


def said(text: str = "x", channel: str = "main") -> Streaming:
    return Streaming(node="a", run_id="r", channel=channel, text=text)


def fill(log: Hub, count: int) -> None:
    for n in range(count):
        log.publish(thought(str(n)))


def seqs(lines: list[bytes]) -> list[int]:
    return [msgspec.json.decode(line)["seq"] for line in lines]


def gap(line: bytes) -> tuple[int, int]:
    plain = msgspec.json.decode(line)
    assert (plain["event"], plain["type"], plain["node"]) == ("gap", "gap", "runtime")
    return plain["from"], plain["to"]


def test_numbers_go_up_by_one():
    log = hub()
    assert [log.publish(thought()) for _ in range(3)] == [1, 2, 3]
    assert (log.last, log.oldest) == (3, 1)


def test_a_reader_sees_what_comes_after_it_opened():
    log = hub()
    fill(log, 2)
    reader = log.reader(Topic.TRACE)
    assert reader.ready() == []
    fill(log, 2)
    assert seqs(reader.ready()) == [3, 4]
    assert reader.ready() == []


def test_since_resumes_without_loss_or_repetition():
    log = hub()
    fill(log, 6)
    reader = log.reader(Topic.TRACE, since=2)
    assert seqs(reader.ready(limit=3)) == [3, 4, 5]
    assert seqs(reader.ready()) == [6]


def test_a_line_is_the_flat_event():
    log = hub()
    reader = log.reader(Topic.TRACE)
    log.publish(thought("busy"))
    (line,) = reader.ready()
    assert msgspec.json.decode(line) == {
        "seq": 1, "ts": 7, "event": "thinking", "node": "a", "run_id": "r", "channel": "main", "text": "busy",
    }  # fmt: skip


def test_who_falls_behind_the_ring_is_told_what_was_missed():
    log = hub(keep=4)
    reader = log.reader(Topic.TRACE, since=0)
    fill(log, 10)
    lines = reader.ready()
    assert gap(lines[0]) == (1, 6)
    assert seqs(lines) == [6, 7, 8, 9, 10]
    assert reader.ready() == []


def test_a_number_from_the_future_is_a_gap_and_then_the_present():
    log = hub()
    fill(log, 3)
    reader = log.reader(Topic.TRACE, since=50)
    (line,) = reader.ready()
    assert gap(line) == (4, 50)
    fill(log, 1)
    assert seqs(reader.ready()) == [4]


def test_a_number_from_before_this_process_is_a_gap():
    log = hub(first=20_000)
    assert log.oldest == 20_001
    log.publish(thought())
    lines = log.reader(Topic.TRACE, since=17).ready()
    assert gap(lines[0]) == (18, 20_000)
    assert seqs(lines)[1:] == [20_001]


def test_exactly_the_last_number_of_the_process_before_is_no_gap():
    log = hub(first=20_000)
    log.publish(thought())
    assert seqs(log.reader(Topic.TRACE, since=20_000).ready()) == [20_001]


@given(st.lists(st.integers(0, 12), max_size=30), st.integers(1, 5), st.integers(0, 20))
def test_whatever_is_published_when_nothing_is_lost_silently_or_seen_twice(bursts, limit, since):
    log = hub(keep=8)
    fill(log, 5)
    reader = log.reader(Topic.TRACE, since=since)
    seen: list[int] = []
    place = since if since <= 5 else None
    for burst in bursts:
        fill(log, burst)
        for line in reader.ready(limit):
            plain = msgspec.json.decode(line)
            if plain["event"] == "gap":
                assert place is None or plain["from"] == place + 1
                place = plain["seq"]
                continue
            assert place is None or plain["seq"] == place + 1
            place = plain["seq"]
            seen.append(place)
    assert seen == sorted(set(seen))


def test_topics_are_kept_apart():
    log = hub()
    log.publish(thought())
    log.publish(said("hi"))
    log.publish(Answered(node="a", run_id="r", channel="main"))
    log.publish(SuiteChanged(node="runtime", run_id="", channel="", record={"running": True}))
    read = {
        topic: log.reader(topic, since=0).ready() for topic in (Topic.CHAT, Topic.TRACE, Topic.TEST)
    }
    assert [msgspec.json.decode(line)["type"] for line in read[Topic.CHAT]] == ["delta", "done"]
    assert [msgspec.json.decode(line)["event"] for line in read[Topic.TRACE]] == [
        "thinking",
        "streaming",
    ]
    assert [msgspec.json.decode(line) for line in read[Topic.TEST]] == [
        {"type": "test_status", "seq": 4, "running": True}
    ]


def test_a_stream_of_two_topics_is_in_the_trace_form_in_order():
    log = hub()
    log.publish(SuiteChanged(node="runtime", run_id="", channel="", record={"running": True}))
    log.publish(thought())
    first, second = map(msgspec.json.decode, log.reader(Topic.TRACE | Topic.TEST, since=0).ready())
    assert (first["type"], first["seq"]) == ("test_status", 1)
    assert (second["event"], second["seq"]) == ("thinking", 2)


def test_a_channel_is_all_a_reader_of_it_sees():
    log = hub()
    for channel in ("main", "side", "main", ""):
        log.publish(said(channel, channel))
    lines = log.reader(Topic.CHAT, since=0, channel="side").ready()
    assert [msgspec.json.decode(line)["content"] for line in lines] == ["side"]
    assert len(log.reader(Topic.CHAT, since=0).ready()) == 4


def test_bytes_are_made_once_for_all_readers(monkeypatch):
    made = []

    def counting(make):
        def line(*given):
            made.append(make.__name__)
            return make(*given)

        return line

    monkeypatch.setattr(wire, "trace_line", counting(wire.trace_line))
    monkeypatch.setattr(wire, "chat_line", counting(wire.chat_line))
    log = hub(keep=64)
    readers = [log.reader(topic) for topic in (Topic.TRACE, Topic.CHAT) for _ in range(20)]
    for n in range(10):
        log.publish(said(str(n)))
    read = [reader.ready() for reader in readers]
    assert all(len(lines) == 10 for lines in read)
    assert read[0][0] is read[1][0]
    assert (made.count("trace_line"), made.count("chat_line")) == (10, 10)


def test_what_nobody_reads_is_never_encoded(monkeypatch):
    monkeypatch.setattr(wire, "trace_line", lambda *_: pytest.fail("nobody asked"))
    log = hub()
    log.reader(Topic.TRACE)
    fill(log, 100)


def test_a_reader_that_never_reads_costs_the_others_nothing():
    log = hub(keep=16)
    deaf = log.reader(Topic.TRACE)
    readers = [log.reader(Topic.TRACE) for _ in range(50)]
    for n in range(1, 101):
        log.publish(thought(str(n)))
        assert all(seqs(reader.ready()) == [n] for reader in readers)
    lines = deaf.ready()
    assert gap(lines[0]) == (1, 84)
    assert len(lines) == 17


def test_the_newest_lines_are_of_one_topic_oldest_first():
    log = hub(keep=8)
    for n in range(20):
        log.publish(said(str(n)) if n % 2 else Answered(node="a", run_id="r", channel="main"))
    assert seqs(log.newest(Topic.TRACE, 2)) == [18, 20]
    assert seqs(log.newest(Topic.TRACE, 100)) == [14, 16, 18, 20]
    assert log.newest(Topic.TRACE, 0) == []


async def test_a_reader_sleeps_until_there_is_news():
    log = hub()
    reader = log.reader(Topic.TRACE)
    task = asyncio.ensure_future(reader.next())
    await asyncio.sleep(0)
    assert not task.done()
    log.publish(thought())
    log.publish(thought())
    async with asyncio.timeout(20):
        assert seqs(await task) == [1, 2]


async def test_news_for_others_do_not_end_the_wait():
    log = hub()
    task = asyncio.ensure_future(log.reader(Topic.CHAT, channel="side").next())
    for event in (thought(), said(channel="main"), said("mine", channel="side")):
        assert not task.done()
        log.publish(event)
        for _ in range(5):
            await asyncio.sleep(0)
    assert len(await task) == 1


async def test_a_waiter_that_leaves_is_forgotten():
    log = hub()
    task = asyncio.ensure_future(log.grown(0))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert log._sleeping == set()
    log.publish(thought())


def test_numbers_are_reserved_well_before_they_are_used():
    reserved: list[int] = []
    log = hub(reserve=reserved.append)
    assert reserved == [2 * BLOCK]
    for _ in range(3 * BLOCK):
        assert log.publish(thought()) <= reserved[-1] - BLOCK // 2 + 1
    assert reserved == sorted(set(reserved))
    assert all(end % BLOCK == 0 for end in reserved)
    assert log.last < reserved[-1]
