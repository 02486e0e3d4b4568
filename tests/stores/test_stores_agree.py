"""The memory store and the durable one give the same answers to the same questions."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from agent.adapters.stores.memory import MemoryStore
from agent.adapters.stores.sqlite import SqliteStore
from agent.core.effects import Effect
from agent.core.frames import Envelope, FrameRecord
from agent.core.journal import Closed, Intent, Settled, settled, summary_of
from agent.core.messages import Turn
from agent.core.runs import Run, RunStatus
from agent.core.state import put
from agent.runtime.ports import End, Key, RunFilter

pytestmark = pytest.mark.slow
TEXTS = st.sampled_from(["hello", "Hello Wörld", "ÄRGER", "%", "x" * 600, '{"$blob": "y"}'])
CHANNELS = st.sampled_from(["main", "side"])
KINDS = st.sampled_from(["message", "action", "replay", "fork"])
ENDED = st.sampled_from(["done", "error", "cancelled", "interrupted"])
FILTERS = st.builds(
    RunFilter,
    channel=st.none() | CHANNELS,
    status=st.none() | ENDED | st.just("queued"),
    kind=st.none() | KINDS,
    text=st.sampled_from(["", "hello", "wÖRLD", "ärger", "%", "zzz"]),
    before=st.none() | st.integers(0, 12),
    only=st.none() | st.integers(0, 12),
    limit=st.integers(1, 12),
    own=st.booleans(),
)


class Both(RuleBasedStateMachine):
    """Does everything to both."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.stores = (MemoryStore(), SqliteStore(self.folder / "s.db"))
        self.n = 0
        self.rows: dict[int, int] = {}
        self.ended: list[int] = []
        for store in self.stores:
            store.load()

    def teardown(self) -> None:
        for store in self.stores:
            self.runner.run(store.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    def same(self, question):
        """Ask both; the answers are equal as JSON."""
        one, two = (msgspec.to_builtins(self.runner.run(question(store))) for store in self.stores)
        assert one == two

    def both(self, act):
        for store in self.stores:
            self.runner.run(act(store))

    @rule(
        target=runs,
        text=TEXTS,
        channel=CHANNELS,
        kind=KINDS,
        key=st.none() | st.sampled_from("abc"),
    )
    def accept(self, text, channel, kind, key):
        self.n += 1
        run = Run(
            n=self.n, run_id=f"r-{self.n:012d}-0000", status=RunStatus.QUEUED, kind=kind,
            channel=channel, text=text, created=float(self.n),
        )  # fmt: skip
        mark = Key(key=f"{key}{self.n}", body_hash="h", n=self.n) if key else None
        self.both(lambda store: store.accept(run, mark))
        self.same(lambda store: store.key(f"{key}{self.n}"))
        return run

    @rule(run=runs, text=TEXTS, what=st.sampled_from(["intent", "settled", "closed"]))
    def row(self, run, text, what):
        index = self.rows[run.n] = self.rows.get(run.n, 0) + 1
        effect = Effect(
            effect_id="1.a.1.0", frame=1, node="a", visit=1, kind="tool", request={"t": text},
            request_hash="h", started=1.0,
        )  # fmt: skip
        record = FrameRecord(
            frame=index, node="a", visit=1, started=1.0, duration_ms=1.0,
            input=Envelope(kind="x", text=text), changes=(put("k", value=text),),
        )  # fmt: skip
        row = {
            "intent": Intent(effect=effect),
            "settled": Settled(effect_id="1.a.1.0", ended=2.0, response={"$blob": text}),
            "closed": Closed(records=(record,)),
        }[what]
        self.both(lambda store: store.secure(run.n, index, row))
        self.same(lambda store: store.rows(run.n))

    @rule(run=consumes(runs), status=ENDED, text=TEXTS, snapshot=st.booleans())
    def finish(self, run, status, text, snapshot):
        parent = self.ended[-1] if self.ended else 0
        done = msgspec.structs.replace(run, status=RunStatus(status), response=text)
        end = End(
            parent=parent, history_len=len(self.ended), since_snapshot=0, turns=(Turn(role="user", content=text),),
            changes=(put("k", value=text),), snapshot={"k": text} if snapshot else None,
        )  # fmt: skip
        self.ended.append(run.n)
        self.both(lambda store: store.finish(done, end, summary_of(done, (), (), ()), None))

    @rule(text=TEXTS, visits=st.sampled_from([1, 201]))
    def adopt(self, text, visits):
        self.n += 2
        run = Run(
            n=self.n, run_id=f"r-{self.n:012d}-0000", status=RunStatus.DONE, kind="import", channel="",
            text=text, created=float(self.n),
        )  # fmt: skip
        effect = Effect(
            effect_id="1.a.1.0", frame=1, node="a", visit=1, kind="tool", request=[text], request_hash="h",
            started=1.0, ended=2.0, response={"$blob": text},
        )  # fmt: skip
        records = tuple(
            FrameRecord(
                frame=n,
                node="a",
                visit=n,
                started=1.0,
                duration_ms=1.0,
                input=Envelope(kind="x", text=text),
            )
            for n in range(1, visits + 1)
        )
        rows = [
            Intent(effect=effect),
            settled(effect),
            *(Closed(records=(record,)) for record in records),
        ]
        left = {
            n: End(parent=n - 1, history_len=0, since_snapshot=0, snapshot=text)
            for n in (self.n - 1, self.n)
        }
        self.both(
            lambda store: store.adopt(
                run, rows, left, summary_of(run, records, (), (effect,)), {f"kept {text}": text}
            )
        )
        for n in (self.n - 1, self.n):
            self.same(lambda store, n=n: store.end(n))
            self.same(lambda store, n=n: store.rows(n))
            self.same(lambda store, n=n: store.skeleton(n))
            self.same(lambda store, n=n: store.frame_rows(n, visits))
        self.same(lambda store: store.blob(f"kept {text}"))

    @rule(wanted=FILTERS)
    def page(self, wanted):
        self.same(lambda store: store.runs(wanted))
        self.same(lambda store: store.summaries(wanted))

    @rule(place=st.integers(0, 12), turns=st.integers(0, 5), snapshot=st.booleans())
    def lineage(self, place, turns, snapshot):
        head = self.ended[place % len(self.ended)] if self.ended else place
        self.same(lambda store: store.lineage(head, turns=turns, snapshot=snapshot))
        self.same(lambda store: store.end(head))

    @rule(name=st.sampled_from("xyz"), value=TEXTS | st.lists(st.integers(), max_size=2))
    def record(self, name, value):
        self.both(lambda store: store.save_record(name, value))
        self.same(lambda store: store.record(name))
        self.same(lambda store: store.record("nothing"))

    @rule(name=st.sampled_from("pqr"), text=TEXTS)
    def blob(self, name, text):
        self.both(
            lambda store: store.put_blobs({f"blob {name} {text}": text, f"other {text}": text})
        )
        self.same(lambda store: store.blob(f"blob {name} {text}"))

    @invariant()
    def the_newest_run_is_the_same(self):
        self.same(lambda store: store.run(self.n))


TestBoth = Both.TestCase
# Explaining a failure traces every line, also those of the store's threads, which cannot bear it.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
TestBoth.settings = settings(max_examples=40, stateful_step_count=30, phases=PHASES)
