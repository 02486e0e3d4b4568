"""What a runtime is made of, and what a run is given of it."""

from collections.abc import Mapping

import msgspec

from agent.core import controls
from agent.core.databases import NOTHING_HELD, Schemas
from agent.core.events import RunChanged
from agent.core.frames import MESSAGE_CHARS, Envelope
from agent.core.graph import GraphSpec
from agent.core.json import Json
from agent.core.messages import Turn
from agent.core.redact import Redactor
from agent.core.runs import Run
from agent.engine.context import Scene, World
from agent.engine.ports import Clock, Databases, Model, Tool
from agent.runtime.folder import Folder
from agent.runtime.hub import Hub
from agent.runtime.library import Edition, Library
from agent.runtime.ports import Store
from agent.runtime.sensor import Sensor
from agent.runtime.suites import SuiteBoard

UI = "ui"
RUNTIME = "runtime"
"""The ``node`` of events that no node caused."""


class NoDatabases(msgspec.Struct, frozen=True):
    """There is nothing to ask."""

    known: Schemas = NOTHING_HELD

    async def schemas(self) -> Schemas:
        """Return that nothing is held."""
        return self.known

    def degraded(self) -> list[str]:
        """Return that nothing is missed."""
        return []


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The pieces, put together once by the composition root."""

    hub: Hub
    store: Store
    clock: Clock
    library: Library
    model: Model
    tools: Mapping[str, Tool]
    sensor: Sensor
    folder: Folder | None = None
    """The workspace; ``None`` where none is watched."""
    board: SuiteBoard
    redactor: Redactor = msgspec.field(default_factory=Redactor)
    """Masks the secrets of this installation in everything that comes in."""
    databases: Databases = msgspec.field(default_factory=NoDatabases)
    data_file: str = ""
    version: str = ""

    def edition(self, graph: str) -> Edition:
        """Return what the next run of ``graph`` is pinned to, as far as that is known by now.

        Raises:
            UnknownGraph: there is none of that name.
        """
        known = self.databases.known
        return self.library.edition(graph) if known is None else self.library.knowing(graph, known)

    def world(self, edition: Edition) -> World:
        """Return what nodes of ``edition`` can reach."""
        return World(
            model=self.model,
            tools=edition.tools if edition.alone else {**self.tools, **edition.tools},
            control_tools=edition.control_tools,
            schemas=edition.schemas,
            clock=self.clock,
            render=edition.render,
            graph=edition.program.spec,
            redactor=self.redactor,
        )


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """How a run begins."""

    pending: dict[str, Envelope]
    local: bool
    """A click that is resolved without a model: one frame, no post-frames."""


def opening(run: Run, graph: GraphSpec, ui: Json) -> Opening:
    """Return where ``run`` enters ``graph`` when the page shows ``ui``."""
    if not run.action:
        message = Envelope(kind="message", text=run.text)
        return Opening(pending={graph.start: message}, local=False)
    click = Envelope(kind="action", text=run.text, data={"action": run.text, "data": run.data})
    has_ui = any(node.role == UI for node in graph.nodes)
    local = has_ui and controls.resolve(ui, run.text, run.data) is not None
    return Opening(pending={UI if local else graph.action_start: click}, local=local)


def scene_of(run: Run, history: tuple[Turn, ...]) -> Scene:
    """Return what the nodes of ``run`` are given."""
    return Scene(
        run_id=run.run_id,
        channel=run.channel,
        message=run.text,
        history=history,
        dashboard=run.dashboard,
        sensor=run.sensor,
        identity=run.identity,
        known_as=run.origin,
    )


def turns_of_run(run: Run, *, local: bool) -> tuple[Turn, ...]:
    """Return what ``run`` adds to the conversation."""
    if local:
        return ()
    asked = f"(clicked {run.text})" if run.action else run.text
    name, answer = run.run_id, run.response
    said = (Turn(role="assistant", content=answer, run_id=name),) if answer else ()
    return (Turn(role="user", content=asked, run_id=name), *said)


def status_event(run: Run, title: str = "") -> RunChanged:
    """Return the event that tells the status of ``run``; ``title`` begins its text."""
    return RunChanged(
        node=RUNTIME,
        run_id=run.run_id,
        channel=run.channel,
        kind=run.kind,
        message=title or run.text[:MESSAGE_CHARS],
        status=run.status,
        graph=run.graph,
        error=run.error,
    )
