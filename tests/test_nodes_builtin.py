"""Whole messages on the shipped graph with the built-in model and the demo database."""

import pytest
from rig import CountingClock, stage
from sql_rig import source

from agent.adapters.models.builtin.transport import BuiltinTransport
from agent.adapters.models.openai_http import OpenAIModel
from agent.adapters.sql.databases import open_databases
from agent.adapters.sql.tool import QueryDb
from agent.core.events import MachineCreated, Thinking
from agent.core.frames import Envelope
from agent.core.state import at, fresh
from agent.engine.context import World
from agent.nodes.catalog import NODES
from agent.runtime.library import Library
from agent.runtime.workspace import shipped

pytestmark = pytest.mark.anyio

LIBRARY = Library(shipped(NODES))
EDITION = LIBRARY.edition("v3-framed")


class Talk:
    """A conversation's state from message to message."""

    def __init__(self, databases, schemas, edition=EDITION):
        self.edition = edition
        self.model = OpenAIModel("http://builtin/v1", None, "builtin", transport=BuiltinTransport())
        self.world = World(
            model=self.model,
            tools={"query_db": QueryDb(databases)},
            schemas=schemas,
            clock=CountingClock(),
            render=edition.render,
            graph=edition.program.spec,
        )
        self.state = fresh("anonymous")

    async def say(self, text):
        played = stage(
            self.edition.program.spec, NODES, within=self.world, message=text, state=self.state
        )
        await played.going.run({"input": Envelope(kind="message", text=text)})
        await played.going.run_post()
        assert played.going.error == ""
        self.state = played.going.state
        self.events = played.emitted + played.published
        return played.going

    async def click(self, action, data=None):
        played = stage(EDITION.program.spec, NODES, within=self.world, state=self.state)
        envelope = Envelope(kind="action", text=action, data={"action": action, "data": data})
        await played.going.run({"ui": envelope})
        self.state = played.going.state
        return played.going


@pytest.fixture(scope="module")
async def databases(demo):
    async with open_databases([source(demo)]) as opened:
        yield opened


@pytest.fixture
async def talk(databases):
    talk = Talk(databases, await databases.schemas())
    yield talk
    await talk.model.aclose()


@pytest.mark.parametrize(
    ("text", "frames", "path", "says"),
    [
        ("hello", 2, "reflex", "Hello"),
        ("Danke!", 2, "reflex", "Gern geschehen"),
        ("make a counter", 4, "director", "Count: 0"),
        ("my name is Ada", 4, "director", "Ada"),
        ("qwertz uiop", 4, "director", "I cannot do that"),
        ("How many customers are there?", 5, "director+interpreter", "There are 240 customers"),
        ("wie viele kunden gibt es in dresden?", 5, "director+interpreter", "Kunden in Dresden."),
        ("list the 5 oldest buildings", 5, "director+interpreter", "5 results"),
        ("List all customers in Atlantis", 4, "director", "Nothing was found"),
        ("which tables are there?", 5, "director+interpreter", "ablesungen"),
    ],
)
async def test_each_message_takes_its_path(talk, text, frames, path, says):
    going = await talk.say(text)
    assert (going.ticks, going.path) == (frames, path)
    assert says in going.response


async def test_an_expert_that_has_seen_no_table_yet_does_not_despair(databases):
    talk = Talk(databases, await databases.schemas(), LIBRARY.edition("v4-eras"))
    going = await talk.say("How many customers are there?")
    assert "There are 240 customers" in going.response
    thoughts = [event.text for event in talk.events if isinstance(event, Thinking)]
    assert "The user knows the answer from the database" in " ".join(thoughts)
    assert "cannot" not in " ".join(thoughts)
    await talk.model.aclose()


async def test_a_counter_counts_without_a_model(talk):
    await talk.say("make a counter")
    for action, value in (("inc", 1), ("inc", 2), ("dec", 1)):
        going = await talk.click(action)
        assert (going.ticks, going.path) == (1, "local")
        assert at(talk.state, "ui", "state", "count") == value
    await talk.say("add a reset button")
    await talk.click("reset")
    assert at(talk.state, "ui", "state", "count") == 0


async def test_a_machine_is_made_walked_extended_and_removed(talk):
    await talk.say("create a traffic light with red, yellow and green")
    assert [e.id for e in talk.events if isinstance(e, MachineCreated)] == ["traffic_light"]
    await talk.click("yellow")
    assert at(talk.state, "ui", "machines", "traffic_light", "current") == "yellow"
    await talk.say("add a state blinking to the traffic light")
    await talk.click("blinking")
    assert at(talk.state, "ui", "machines", "traffic_light", "current") == "blinking"
    await talk.say("reset the traffic light")
    assert at(talk.state, "ui", "machines", "traffic_light", "current") == "red"
    await talk.say("delete the traffic light")
    assert at(talk.state, "ui", "machines") == {}


async def test_what_is_told_is_remembered(talk):
    await talk.say("my name is Ada")
    await talk.say("I live in Bonn")
    assert (await talk.say("what is my name?")).response == "Your name is Ada."
    assert "Bonn" in (await talk.say("where do I live?")).response
    await talk.say("I live in Trier")
    assert at(talk.state, "memory", "facts") == ["Name is Ada", "Lives in Trier"]
    assert "Ada" in (await talk.say("hello again")).response


async def test_what_was_not_understood_is_said(talk):
    going = await talk.say("how many purple customers are there?")
    assert "There are 240 customers." in going.response
    assert "“purple”" in going.response


async def test_two_wishes_in_one_message(talk):
    going = await talk.say("How many customers are in Leipzig and make a counter")
    assert going.ticks == 5
    assert "customers in Leipzig." in going.response
    assert at(talk.state, "ui", "state", "count") == 0
