"""The page on models: every block is run as it stands, against a stand-in where a server is needed."""

import asyncio
import re
import shlex
import sys
from pathlib import Path

import pytest
from acceptance.processes import ROOT, surroundings
from standin import Habit, StandIn
from test_docs import Block, blocks
from upstream import Act, Upstream, problem, serving, whole

from agent.adapters.models.discovery import KNOWN

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
PAGE = ROOT / "docs" / "models.md"
STALL_S = 600
URL = re.compile(r"https?://[\w.:]+/v1")


def of(role: str) -> list[Block]:
    return [block for block in blocks(PAGE) if block.role.startswith(role)]


async def told(script: str, folder: Path, *, code: int = 0) -> tuple[str, str]:
    """Run ``script`` in a shell as a reader would; what it printed, out and err."""
    (folder / "data").mkdir(exist_ok=True)  # as after a first start; commands then work on it
    python = f'python3() {{ shift; {shlex.quote(sys.executable)} -m agent "$@"; }}\n'
    process = await asyncio.create_subprocess_exec(
        "bash", "-euc", python + script,
        cwd=folder, env=surroundings(AGENT_PORT="0", AGENT_BROWSER="false", AGENT_LLM_API_KEY=""),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(STALL_S):
        out, err = await process.communicate()
    assert process.returncode == code, err.decode()
    return out.decode(), err.decode()


def at(upstream: Upstream, script: str) -> str:
    return URL.sub(upstream.url, script)


@pytest.mark.parametrize("block", of("connect"), ids=lambda block: f"line {block.line}")
async def test_what_connects_a_server_is_what_is_asked(block: Block, tmp_path: Path) -> None:
    shown, _ = await told(block.text + "python3 run.py config", tmp_path)
    for name, value in re.findall(r"AGENT_LLM_(\w+)=(\S+)", block.text):
        given = "(secret" if name == "API_KEY" else value[:7]
        assert re.search(rf"llm_{name.lower()} +{re.escape(given)}", shown), shown
    async with serving() as upstream:
        upstream.plays(StandIn(Habit()))
        (first,) = of("first")
        said, _ = await told(at(upstream, block.text) + first.text, tmp_path)
    assert "There are 29 customers in Leipzig" in said.replace("*", "")
    model = re.findall(r"AGENT_LLM_MODEL=(\S+)", block.text)
    assert {seen.body["model"] for seen in upstream.seen} == set(model)


def test_local_servers_are_shown_at_the_ports_where_they_are_noticed() -> None:
    shown = re.findall(r"127\.0\.0\.1:(\d+)", PAGE.read_text("utf-8"))
    ours = {port for name, port in KNOWN if name != "vLLM"}  # 8000 is ours, as the page says
    assert set(map(int, shown)) == {*ours, 8001}


async def test_a_node_asks_the_model_it_names(tmp_path: Path) -> None:
    (graph,) = of("graphs/")
    folder = tmp_path / "desk" / "graphs"
    folder.mkdir(parents=True)
    (folder / "two-models.toml").write_text(graph.text, "utf-8")
    connect = of("connect")[0].text
    async with serving() as upstream:
        upstream.plays(StandIn(Habit()))
        script = "export AGENT_WORKSPACE=desk AGENT_GRAPH=two-models\npython3 run.py send hello\n"
        await told(at(upstream, connect) + script, tmp_path)
    asked = [(seen.body["model"], seen.body.get("temperature")) for seen in upstream.seen]
    assert asked == [("small-1", 0), ("large-2", None)]


async def test_a_run_costs_what_the_prices_say(tmp_path: Path) -> None:
    (block,) = of("prices")
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    async with serving() as upstream:
        upstream.plays(StandIn(Habit(usage=usage)))
        script = (
            at(upstream, of("connect")[0].text) + block.text + "python3 run.py send hello --json\n"
        )
        said, _ = await told(script + "python3 run.py frames --json\n", tmp_path)
    costs = [float(cost) for cost in re.findall(r'"cost": ?([\d.]+)', said)]
    assert costs[0] == pytest.approx(len(upstream.seen) * (1000 * 2.5 + 100 * 10) / 1e6)


async def test_the_suites_of_the_page_hold(tmp_path: Path) -> None:
    (block,) = of("suites")
    async with serving() as upstream:
        upstream.plays(StandIn(Habit()))
        script = at(upstream, of("connect")[0].text) + block.text.replace(
            "testcases/", f"{ROOT}/testcases/"
        ).replace("\n", " --parallel 4\n")
        said, _ = await told(script, tmp_path)
    assert re.findall(r"(\d+/\d+) checks passed", said) == ["40/40", "153/153"]


async def test_an_endpoint_that_refuses_the_key_is_told_as_the_page_says(tmp_path: Path) -> None:
    (block,) = of("refused")
    command, expected = block.text.removeprefix("$ ").split("\n", 1)
    act: Act = whole(401, problem("no such key"))
    async with serving() as upstream:
        upstream.plays(act)
        script = command.replace("testcases/", f"{ROOT}/testcases/")
        _, err = await told(at(upstream, of("connect")[0].text) + script, tmp_path, code=2)
        assert expected.replace("models.example", upstream.url[7:-3]) in err
