"""What is no export, or was spoilt, is refused with a reason, and leaves nothing behind."""

import io
import pickle
import random
import stat
import struct
import zipfile
import zlib
from functools import cache

import msgspec
import pytest
from rig import ScriptedModel, runtime
from runtime.archives import (
    CODE,
    HOSTILE,
    SPEC,
    TOOL,
    covered,
    edited,
    files,
    good,
    repinned,
    zipped,
)

from agent.adapters.stores.memory import MemoryStore
from agent.core import archive
from agent.core.errors import AgentError
from agent.core.json import digest
from agent.runtime.archive import files as shapes
from agent.runtime.archive.zipped import MOST_FILES, UNPACKED

pytestmark = pytest.mark.anyio
JUNK = b"x" * 10


def plus(*entries):
    """The good files and some more."""
    return zipped([*files().items(), *entries])


def named(name):
    return plus((name, JUNK))


def info(name, mode=0, **more):
    made = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    made.external_attr = mode << 16
    made.compress_type = zipfile.ZIP_DEFLATED
    for key, value in more.items():
        setattr(made, key, value)
    return made


def mode(kind):
    found = files()
    body = found.pop("run.json")
    return zipped([*found.items(), (info("run.json", kind | 0o777), body)])


def twice(name):
    with pytest.warns(UserWarning, match="Duplicate name"):
        return plus((name, files()[name]))


def patched(change):
    raw = bytearray(good("zip"))
    change(raw)
    return bytes(raw)


def directory(raw):
    """Where the first entry of the directory stands."""
    return struct.unpack_from("<L", raw, len(raw) - 6)[0]


def sized(raw, size):
    struct.pack_into("<L", raw, directory(raw) + 24, size)


def offset(raw, at):
    struct.pack_into("<L", raw, directory(raw) + 42, at)


def flag(raw, bits):
    struct.pack_into("<H", raw, directory(raw) + 8, bits)
    struct.pack_into("<H", raw, 6, bits)


def method(raw, number):
    struct.pack_into("<H", raw, directory(raw) + 10, number)


def overlapping():
    """Every file of the directory points at the same bytes."""
    raw = bytearray(good("zip"))
    at = directory(raw)
    second = at + 46 + sum(struct.unpack_from("<3H", raw, at + 28))
    struct.pack_into("<L", raw, second + 42, struct.unpack_from("<L", raw, at + 42)[0])
    return bytes(raw)


def count(number):
    """An end record that promises ``number`` files."""
    return patched(lambda raw: struct.pack_into("<2H", raw, len(raw) - 14, number, number))


def many():
    names = (f"texts/{number:032x}.txt" for number in range(MOST_FILES + 1))
    return zipped([(name, b"") for name in names])


@cache
def bomb(size, piece=b"0"):
    return zipped([("manifest.json", piece * size)])


def large():
    """Little by little: each file could be, all of them are too much."""
    body = random.Random(1).randbytes(1 << 20)
    packed = [(f"texts/{number:032x}.txt", body) for number in range((UNPACKED >> 20) + 1)]
    return zipped(packed, method=zipfile.ZIP_STORED)


def without(name):
    found = files()
    del found[name]
    return covered(found)


def instead(name, body):
    return covered({**files(), name: body})


def lying(name):
    """The manifest tells of another content."""
    found = files()
    found[name] += b" "
    return zipped(found.items())


def run_is(**fields):
    return edited("run.json", lambda value: value["run"].update(fields))


def trace_is(**fields):
    return edited("trace.json", lambda value: value.update(fields))


def alone(run, trace):
    """Both changed alike, without a revision to contradict them."""
    found = {
        name: body
        for name, body in files().items()
        if name in ("manifest.json", "run.json", "trace.json")
    }
    start = msgspec.json.decode(found["run.json"])
    start["run"] |= run
    found["run.json"] = msgspec.json.encode(start)
    found["trace.json"] = msgspec.json.encode(msgspec.json.decode(found["trace.json"]) | trace)
    return covered(found)


def slipped_in(part, text):
    """A part more, all hashes right but that of the whole, which the run names."""
    with zipfile.ZipFile(io.BytesIO(repinned(part, text))) as other:
        found = {name: other.read(name) for name in other.namelist()}
    return covered({**found, **{name: files()[name] for name in ("run.json", "trace.json")}})


def effect_is(**fields):
    return edited("trace.json", lambda value: value["effects"][0].update(fields))


def frame_is(**fields):
    return edited("trace.json", lambda value: value["frames"][0].update(fields))


def deep(levels):
    value = None
    for _ in range(levels):
        value = [value]
    return value


def page(change):
    return change(good("html"))


def wide(parts):
    graph = {"name": "g", "node": [{"role": "a", "impl": "a"}], **parts}
    return repinned("graph", msgspec.json.encode(graph).decode())


MANY = dict.fromkeys
ZIPS = {
    "no bytes but a mark": lambda: b"PK\x03\x04",
    "a mark and rubbish": lambda: b"PK\x03\x04" + JUNK * 100,
    "an empty zip": lambda: b"PK\x05\x06" + bytes(18),
    "cut in the middle": lambda: good("zip")[: len(good("zip")) // 2],
    "cut by a byte": lambda: good("zip")[:-1],
    "cut before its directory": lambda: good("zip")[: directory(bytearray(good("zip")))],
    "something before it": lambda: b"PK\x03\x04" + good("zip"),
    "something after it": lambda: good("zip") + b"\0",
    "two in a row": lambda: good("zip") + good("zip"),
    "a comment": lambda: patched(lambda raw: struct.pack_into("<H", raw, len(raw) - 2, 9)) + JUNK[:9],
    "more files promised": lambda: count(MOST_FILES + 1),
    "fewer files promised": lambda: count(1),
    "too many files": many,
    "a bomb of zeros": lambda: bomb(40 << 20),
    "a bomb in UTF-16": lambda: bomb(4 << 20, b"\0\0\0\0\0\0\0\0"),
    "too much in all": large,
    "a size that lies, too small": lambda: patched(lambda raw: sized(raw, 3)),
    "a size that lies, too large": lambda: patched(lambda raw: sized(raw, 1 << 15)),
    "a size past the end of time": lambda: patched(lambda raw: sized(raw, 0xFFFFFFFF)),
    "a place outside": lambda: patched(lambda raw: offset(raw, 1 << 30)),
    "a place inside another file": lambda: patched(lambda raw: offset(raw, 7)),
    "two files in one place": overlapping,
    "encrypted": lambda: patched(lambda raw: flag(raw, 1)),
    "strongly encrypted": lambda: patched(lambda raw: flag(raw, 0x41)),
    "a patch": lambda: patched(lambda raw: flag(raw, 0x20)),
    "packed by bzip2": lambda: zipped(files().items(), method=zipfile.ZIP_BZIP2),
    "packed by LZMA": lambda: zipped(files().items(), method=zipfile.ZIP_LZMA),
    "for a reader that nobody has": lambda: patched(lambda raw: struct.pack_into("<H", raw, directory(raw) + 6, 99)),
    "packed by what nobody knows": lambda: patched(lambda raw: method(raw, 77)),
    "a wrong checksum": lambda: patched(lambda raw: struct.pack_into("<L", raw, directory(raw) + 16, 7)),
    "content that was changed": lambda: patched(lambda raw: raw.__setitem__(60, raw[60] ^ 0xFF)),
    "a zip in the zip": lambda: named("texts/inner.zip"),
    "a zip as a text": lambda: plus((f"texts/{'0' * 32}.txt", good("zip"))),
    "a way out": lambda: named("../../etc/passwd"),
    "a way out further in": lambda: named("texts/../../run.json"),
    "an absolute name": lambda: named("/etc/passwd"),
    "a name of another system": lambda: named("C:\\run.json"),
    "back slashes": lambda: named("texts\\x.txt"),
    "a network name": lambda: named("//host/share"),
    "a folder": lambda: named("texts/"),
    "a name with a null": lambda: patched(lambda raw: [raw.__setitem__(slice(at, at + 13), b"manifest.jso\0") for at in (30, directory(raw) + 46)]),
    "a script's name": lambda: named("<script>alert(1)</script>.json"),
    "a name that is Python": lambda: named("__init__.py"),
    "a pickle's name": lambda: named("run.pickle"),
    "a hash in capitals": lambda: named(f"texts/{'A' * 32}.txt"),
    "a very long name": lambda: named("texts/" + "a" * 60_000),
    "a symbolic link": lambda: mode(stat.S_IFLNK),
    "a device": lambda: mode(stat.S_IFBLK),
    "a socket": lambda: mode(stat.S_IFSOCK),
    "a directory's kind": lambda: mode(stat.S_IFDIR),
    "the manifest twice": lambda: twice("manifest.json"),
    "the run twice": lambda: twice("run.json"),
    **{f"without {name}": (lambda name=name: without(name)) for name in ("run.json", "trace.json", "revision.json")},
    "without its manifest": lambda: zipped([(n, b) for n, b in files().items() if n != "manifest.json"]),
    "without a text": lambda: without(next(name for name in files() if name.startswith("texts/"))),
    "a text too many": lambda: covered({**files(), f"texts/{digest('x')}.txt": b"x"}),
    "a text under a wrong hash": lambda: instead(next(n for n in files() if n.startswith("texts/")), b"forged"),
    "a manifest that lies": lambda: lying("run.json"),
    "a file that is not listed": lambda: plus((f"texts/{digest('x')}.txt", b"x")),
    "another format": lambda: covered(files(), format="zip-of-mine"),
    "a newer version": lambda: covered(files(), version=2),
    "a version of words": lambda: covered(files(), version="1"),
    "a manifest of nothing": lambda: zipped([("manifest.json", b"")]),
    "a manifest that is a list": lambda: zipped([("manifest.json", b"[]")]),
}  # fmt: skip
JSONS = {
    "a pickle": lambda: instead("run.json", pickle.dumps({"a": 1})),
    "YAML": lambda: instead("run.json", b"!!python/object/apply:os.system ['true']"),
    "NaN": lambda: instead("run.json", files()["run.json"].replace(b'"total_ms": ', b'"total_ms": NaN, "x":', 1)),
    "Infinity": lambda: instead("trace.json", files()["trace.json"].replace(b'"total_ms":', b'"total_ms": Infinity,"x":', 1)),
    "a number past all numbers": lambda: instead("trace.json", files()["trace.json"].replace(b'"total_ms":', b'"total_ms": 1e999,"x":', 1)),
    "broken UTF-8": lambda: instead("run.json", b'{"run":"\xff"}'),
    "UTF-16": lambda: instead("run.json", files()["run.json"].decode().encode("utf-16")),
    "half a surrogate pair": lambda: instead("run.json", files()["run.json"].replace(b'"identity"', b'"x": "\\ud800", "identity"', 1).replace(b'"text": "', b'"text": "\\ud800', 1)),
    "JSON as deep as it goes": lambda: instead("run.json", b"[" * 60_000),
    "a deep state": lambda: edited("run.json", lambda value: value.update(state={"memory": deep(70)})),
    "a deep request": lambda: effect_is(request=deep(70), request_hash=digest(deep(70))),
    "a very deep answer": lambda: effect_is(response=deep(900)),
    "a state that is a list": lambda: edited("run.json", lambda value: value.update(state=[])),
    "a run id with a script": lambda: run_is(run_id="<script>alert(1)</script>"),
    "a run id that leads out": lambda: run_is(run_id="../../etc/passwd"),
    "an alias as a run id": lambda: run_is(run_id="msg_1"),
    "an origin that is none": lambda: run_is(origin="javascript:alert(1)"),
    "a source that is none": lambda: run_is(imported_from=HOSTILE),
    "a run of another trace": lambda: run_is(run_id="r-000000000077-0000"),
    "another message": lambda: trace_is(message="something else"),
    "a run that is not over": lambda: alone(run={"status": "running"}, trace={"outcome": "running"}),
    "a status that is none": lambda: run_is(status="root"),
    "a kind that is none": lambda: run_is(kind="admin"),
    "a graph that leads out": lambda: alone(run={"graph": "../x"}, trace={"graph": "../x"}),
    "a revision of another graph": lambda: run_is(revision="0" * 12),
    "a time before all times": lambda: run_is(created=-1),
    "a time after all times": lambda: run_is(created=1e300),
    "a text that is a number": lambda: run_is(text=7),
    "an effect twice": lambda: edited("trace.json", lambda value: value["effects"].append(value["effects"][0])),
    "an effect of another place": lambda: effect_is(frame=9),
    "a forged request": lambda: effect_is(request={"forged": True}),
    "a forged hash": lambda: effect_is(request_hash="0" * 32),
    "an effect of no kind": lambda: effect_is(kind="shell"),
    "a model with a script in its name": lambda: effect_is(name="<img src=x onerror=alert(1)>"),
    "a frame with an effect that is not there": lambda: frame_is(effects=["9.z.1.0"]),
    "a frame with the effect of another": lambda: edited("trace.json", lambda value: value["frames"][1].update(effects=value["frames"][0]["effects"])),
    "a node with a script in its name": lambda: frame_is(node="<b>a</b>"),
    "a frame before the first": lambda: frame_is(frame=0),
    "a frame past all frames": lambda: frame_is(frame=10**9),
    "frames that fall": lambda: edited("trace.json", lambda value: value["frames"].reverse()),
    "a frame that takes less than no time": lambda: frame_is(duration_ms=-5),
    "a change that leads nowhere": lambda: frame_is(changes=[{"path": [], "value": 1}]),
    "a change that leads for ever": lambda: frame_is(changes=[{"path": ["x"] * 99, "value": 1}]),
    "a hundred thousand turns": lambda: edited("run.json", lambda value: value.update(turns=[{"role": "user", "content": "x"}] * 100_000)),
    "a prompt that the run did not have": lambda: slipped_in("prompt:x", "{{ 7 }}"),
    "a part that leads out": lambda: repinned("node:../../x", "x"),
    "a part of no kind": lambda: repinned("shell:x", "x"),
    "a revision without a graph": lambda: edited("revision.json", lambda value: value["parts"].pop("graph")),
    "a graph that is no JSON": lambda: repinned("graph", "name = 'g'"),
    "a graph of nothing": lambda: repinned("graph", "{}"),
    "a graph with a node that is not there": lambda: wide({"edge": [{"from": "a", "to": ["z"]}]}),
    "a graph with code that is not there": lambda: wide({"node": [{"role": "a", "impl": "os"}]}),
    "a graph that runs for ever": lambda: wide({"edge": [{"from": "a", "to": ["a"]}], "frame_budget": 10**9}),
    "controls that are none": lambda: repinned("tools", '[{"function":{}}]'),
    "databases that are none": lambda: repinned("schemas", '{"texts":[]}'),
    "tools that are none": lambda: repinned("tools", '[[{"a":1},1,1,1,1]]'),
}  # fmt: skip
MARK = shapes._OPENING
PAGES = {
    "another page": lambda: b"<!doctype html><p>hello",
    "no page": lambda: b"<html><body>",
    "a picture": lambda: b"\x89PNG\r\n\x1a\n" + JUNK,
    "a pickle": lambda: pickle.dumps(HOSTILE),
    "JSON": lambda: files()["trace.json"],
    "packed by gzip": lambda: zlib.compress(good("html"), wbits=31),
    "two traces": lambda: page(lambda html: html.replace(MARK, MARK + b"{}</script>" + MARK, 1)),
    "a trace that is cut off": lambda: page(lambda html: html[: html.index(MARK) + 5000]),
    "a trace that is cut short": lambda: page(lambda html: html[: html.index(MARK) + 5000] + b"</script>"),
    "a trace that is code": lambda: page(lambda html: html.replace(MARK, MARK + b"alert(1);//", 1)),
    "a newer version": lambda: page(lambda html: html.replace(b'"version":1', b'"version":9', 1)),
    "another format": lambda: page(lambda html: html.replace(b"framescope-trace\",", b"x\",", 1)),
    "a forged request": lambda: page(lambda html: html.replace(b'"request_hash":"', b'"request_hash":"0', 1)),
    "a forged text": lambda: page(lambda html: html.replace(b'"texts":{"', b'"texts":{"0', 1)),
    "NaN": lambda: page(lambda html: html.replace(b'"total_ms":', b'"total_ms":NaN,"x":', 1)),
    "values that are small until they are read": lambda: b"<!doctype html>" + MARK + b"[" + b"[]," * 2_100_000 + b"1]</script>",
    "a page that is too large": lambda: good("html") + b" " * UNPACKED,
}  # fmt: skip
CASES = {f"zip: {name}": make for name, make in ZIPS.items()}
CASES |= {f"json: {name}": make for name, make in JSONS.items()}
CASES |= {f"page: {name}": make for name, make in PAGES.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
async def test_it_is_refused_and_nothing_is_kept(name):
    raw = CASES[name]()
    assert raw not in (good("zip"), good("html")), "the case spoils something"
    store = MemoryStore()
    async with runtime(SPEC, CODE, store=store, tools=(TOOL,)) as live:
        before = (live.hub.last, {**vars(store)}, live._next_n)
        with pytest.raises(AgentError) as refused:
            await live.take_in(raw)
        assert 400 <= refused.value.status < 500, refused.value
        assert len(str(refused.value)) < 600
        assert str(refused.value)
        assert (live.hub.last, vars(store), live._next_n) == before


REASONS = {
    "zip: two files in one place": "lie over one another",
    "zip: a place inside another file": "not where the directory says",
    "zip: encrypted": "is encrypted",
    "zip: for a reader that nobody has": "the zip is broken: zip file version 9.9",
    "zip: a patch": "packed in a way that is not taken",
    "zip: a bomb in UTF-16": "would unpack from",
    "zip: a way out": "which no export of a trace has",
    "zip: an absolute name": "which no export of a trace has",
    "zip: a zip in the zip": "which no export of a trace has",
    "zip: a name with a null": "which no export of a trace has",
    "zip: cut in the middle": "is cut off",
    "page: a trace that is cut off": "cut off inside its trace",
    "json: NaN": "is not JSON",
}


@pytest.mark.parametrize("name", REASONS)
def test_it_is_refused_for_what_it_is(name):
    """Where a later check would refuse it too."""
    with pytest.raises(AgentError, match=REASONS[name]):
        shapes.read(CASES[name]())


def test_there_are_many_cases():
    assert len(CASES) >= 120


@pytest.mark.parametrize("form", ["zip", "html"])
async def test_what_the_cases_are_made_of_is_taken(form):
    """Else they would be refused for being bad themselves."""
    for raw in (
        good(form),
        covered(files()),
        run_is(identity="x"),
        repinned("prompt:x", "{{ 7 }}"),
    ):
        async with runtime(SPEC, CODE, tools=(TOOL,)) as live:
            assert (await live.take_in(raw))["effects"]


ODD = [None, 0, -1, 1e9, "", HOSTILE, [], {}, [[]], [None], {"a": None}, {"": [{}]}, True, ["x", 1]]


def somewhere(value, odd):
    """Put something odd in some place of a JSON value."""
    if not value or odd.random() < 0.2 or not isinstance(value, dict | list):
        return odd.choice(ODD)
    key = odd.choice([*value] if isinstance(value, dict) else range(len(value)))
    copy = value.copy()
    copy[key] = somewhere(value[key], odd)
    return copy


def spoil(value, odd):
    """Change one field of the file, somewhere inside it."""
    key = odd.choice([*value])
    value[key] = somewhere(value[key], odd)


def spoilt(odd):
    file = odd.choice(["run.json", "trace.json"])
    return edited(file, lambda value: spoil(value, odd))


async def tried(work):
    """What it answers; nothing when it refuses, which it may."""
    try:
        return await work
    except AgentError as error:
        if error.status >= 500:
            raise
        return None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
async def test_what_is_taken_can_be_looked_at_and_replayed_whatever_stands_in_it(seed):
    """Values may be anything: a refusal or an answer, never a crash, and the server goes on."""
    odd = random.Random(seed)
    async with runtime(SPEC, CODE, tools=(TOOL,), model=ScriptedModel()) as live:
        taken = [told for _ in range(60) if (told := await tried(live.take_in(spoilt(odd))))]
        for told in taken:
            await live.trace(told["run_id"])
            await live.export(told["run_id"], "html")
            verdict = await tried(live.replay(told["run_id"]))
            if verdict:
                again = await live.run(verdict["replay_run_id"])
                assert again["status"] in ("done", "error")
        assert len(taken) > 5


@pytest.mark.parametrize("limit", ["MOST_EFFECTS", "MOST_RECORDS"])
def test_there_is_a_most_of_everything(monkeypatch, limit):
    monkeypatch.setattr(archive, limit, 2)
    with pytest.raises(AgentError, match="at most 2 are taken"):
        shapes.read(good("zip"))


def test_a_bomb_is_seen_before_it_goes_off(monkeypatch):
    """It is told by the directory: nothing of it is ever unpacked."""

    def never(*_args, **_kwargs):
        pytest.fail("it was opened")

    raw = bomb(8 << 20)
    monkeypatch.setattr(zipfile.ZipFile, "open", never)
    with pytest.raises(AgentError, match="would unpack"):
        shapes.read(raw)
    assert io.BytesIO(raw).read(2) == b"PK"
