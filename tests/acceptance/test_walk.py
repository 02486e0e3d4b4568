"""One command, one message, every frame: the walk of the first five minutes."""

import json
import sqlite3

import httpx
import pytest
from websockets.sync.client import connect

LEIPZIG = "how many customers are in Leipzig?"
LISTED = "list all properties in Leipzig"
DIRECTED = [
    ("hello", "reflex", 2, "input output"),
    ("make a counter", "director", 4, "input director thinker output ui"),
    (LEIPZIG, "director+interpreter", 5, "input director thinker interpreter output ui"),
]
WALKS = {
    "v1-current": [
        ("hello", "reflex", 2, "input output"),
        (LEIPZIG, "thinker", 3, "input thinker output ui"),
    ],
    "v2-director-drives": DIRECTED,
    "v3-framed": DIRECTED,
    "v4-eras": [
        ("hello", "reflex", 2, "input output"),
        ("what can you do?", "pa", 3, "input pa output ui"),
        (LEIPZIG, "expert", 4, "input pa expert_eras output ui"),
        ("make a counter", "expert", 4, "input pa expert_general output ui"),
        (LISTED, "expert+interpreter", 5, "input pa expert_eras interpreter output ui"),
    ],
}
POST = {
    "v1-current": ["memorizer", "director"],
    "v2-director-drives": ["memorizer", "steering"],
    "v3-framed": ["memorizer"],
    "v4-eras": ["memorizer"],
}
MEMORY = {
    "user_name", "user_mood", "topic", "topic_history", "situation", "language", "style_hint", "facts",
}  # fmt: skip


def counted(server, city: str) -> int:
    with sqlite3.connect(f"file:{server.data / 'eras.db'}?mode=ro", uri=True) as database:
        [[number]] = database.execute("SELECT count(*) FROM kunden WHERE ort = ?", (city,))
    database.close()
    return number


@pytest.mark.parametrize(
    ("graph", "text", "path", "frames", "nodes"),
    [(graph, *walk) for graph, walks in WALKS.items() for walk in walks],
)
def test_a_message_takes_its_path_in_exactly_its_frames(server, graph, text, path, frames, nodes):
    trace = server.ask(text, channel=server.on(graph))
    assert (trace["path"], trace["total_frames"], trace["message"]) == (path, frames, text)
    assert " ".join(row["node"] for row in trace["frames"]) == nodes
    assert trace["frames"][-1]["frame"] == frames
    assert [row["node"] for row in trace["post_frames"]] == POST[graph]
    assert {row["error"] for row in trace["frames"]} == {""}
    if path != "reflex":
        *_, output, ui = trace["frames"]
        assert output["frame"] == ui["frame"]
        assert trace["frames"][-3]["route"] == "output+ui"
    else:
        assert trace["frames"][0]["condition"] == "reflex=True"


@pytest.mark.parametrize("city", ["Leipzig", "Dresden", "Berlin", "Köln"])
def test_the_answer_is_the_number_that_the_database_has(server, city):
    run = server.ask(f"how many customers are in {city}?")["run_id"]
    answer = server.get(f"/api/runs/{run}")["response"]
    number = counted(server, city)
    assert number > 0
    assert str(number) in answer.replace(",", "").split()
    assert city in answer
    trace = server.get(f"/api/traces/{run}")
    asked = [effect for effect in trace["effects"] if effect["name"] == "query_db"]
    assert asked[-1]["response"]["rows"] == [[number]]


def test_the_whole_trace_is_there(server):
    run = server.ask(LEIPZIG)["run_id"]
    trace = server.get(f"/api/traces/{run}")
    assert (trace["outcome"], trace["path"]) == ("done", "expert")
    known = {effect["effect_id"]: effect for effect in trace["effects"]}
    used = [
        name for row in (*trace["frames"], *trace["post_frames"]) for name in row.get("effects", [])
    ]
    assert sorted(used) == sorted(known)
    kinds = {effect["kind"] for effect in known.values()}
    assert kinds == {"model", "tool"}
    for effect in known.values():
        assert effect["request_hash"]
        assert effect["ended"] >= effect["started"]
    assert run in [row["run_id"] for row in server.get("/api/traces")["traces"]]
    assert run in [row["run_id"] for row in server.get("/api/runs")["runs"]]
    assert server.get("/api/frames", last=1)["last_trace"]["run_id"] == run


def test_the_history_is_what_was_said(server):
    run = server.ask("hello", channel="history")["run_id"]
    said = server.get("/api/history", channel="history")
    answer = server.get(f"/api/runs/{run}")["response"]
    assert said["messages"] == [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": answer},
    ]
    assert server.get("/api/state", channel="history")["history_len"] == 2


def test_the_poll_changes_with_the_conversation_only(server):
    lane = {"channel": "poll"}
    first = server.get("/api/poll", **lane)
    mark = first["hash"]
    assert (len(mark), first["changed"], first["history_len"]) == (12, True, 0)
    assert set(first["state"]) == MEMORY
    same = server.get("/api/poll", since=mark, **lane)
    server.ask("hello", channel="another")
    assert server.get("/api/poll", since=mark, **lane) == same == {"changed": False, "hash": mark}
    server.ask("hello", channel="poll")
    new = server.get("/api/poll", since=mark, **lane)
    assert (new["changed"], new["history_len"], len(new["last_messages"])) == (True, 2, 2)
    assert new["hash"] != mark
    server.post("/api/clear", **lane)
    assert server.get("/api/result", **lane) == {"status": "idle", "id": "", "stage": "cleared"}
    cleared = server.get("/api/poll", since=new["hash"], **lane)
    assert (cleared["history_len"], cleared["state"]["facts"]) == (0, [])


def test_the_result_can_be_polled_through_its_stages(serve):
    slow = serve(AGENT_BUILTIN_TOKEN_MS="3")
    assert slow.get("/api/result") == {"status": "idle"}
    name = slow.post("/api/send", text=LISTED)["id"]
    refused = slow.http.post("/api/send", json={"text": "hello"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "Pipeline already running")
    assert slow.post("/api/send/check")["reason"] == "busy"
    stages: list[str] = []
    while (now := slow.get("/api/result"))["status"] == "running":
        assert now["id"] == name
        stages += [now["stage"]] if now["stage"] not in stages[-1:] else []
    order = ["queued", "input", "perceived", "decided", "tool_call", "interpreted", "updated"]
    seen = list(dict.fromkeys(stage for stage in stages if stage in order))
    assert seen == [stage for stage in order if stage in seen]
    assert {"perceived", "interpreted", "streaming"} <= {*stages}
    assert (now["status"], now["stage"], now["id"]) == ("done", "done", name)
    assert "Leipzig" in now["response"]
    assert set(now["memorizer"]) == MEMORY
    assert slow.get("/api/result", id=name) == now
    assert slow.http.get("/api/result", params={"id": "msg_99"}).status_code == 404


def test_a_click_is_resolved_without_a_model(server):
    server.ask("make a counter", channel="clicks")
    address = f"{server.url.replace('http', 'ws')}/ws?channel=clicks"
    header = {"Authorization": f"Bearer {server.token}"}
    with connect(address, additional_headers=header, proxy=None) as chat:
        first = json.loads(chat.recv(20))
        [plus] = [c for c in first["controls"] if c.get("label") == "+"]
        for count in (1, 2):
            data = plus.get("payload")
            chat.send(json.dumps({"type": "action", "action": plus["action"], "data": data}))
            heard = [json.loads(chat.recv(20))]
            while heard[-1]["type"] != "done":
                heard.append(json.loads(chat.recv(20)))
            assert not [h for h in heard if h["type"] == "delta"]
            run = heard[-1]["run_id"]
            server.ended(run)  # `done` comes with the answer, a moment before the state is kept
            state = server.get("/api/state", channel="clicks")
            assert state["ui"]["state"]["count"] == count
    trace = server.frames(run)
    assert (trace["path"], trace["total_frames"]) == ("local", 1)
    assert [row["node"] for row in trace["frames"]] == ["ui"]
    assert trace["post_frames"] == []
    whole = server.get(f"/api/traces/{run}")
    assert [effect for effect in whole.get("effects", []) if effect["kind"] == "model"] == []
    lines = [line for line in server.get("/api/trace", last=1000)["lines"] if line["run_id"] == run]
    assert "machine_transition" in {line["event"] for line in lines}
    assert "thinker" not in {line["node"] for line in lines}


def test_the_events_of_a_run_end_with_its_trace_exactly_once(server):
    run = server.ask("make a counter")["run_id"]
    server.ask("hello")
    lines = [line for line in server.get("/api/trace", last=1000)["lines"] if line["run_id"] == run]
    assert [line["event"] for line in lines].count("frame_trace") == 1
    assert lines[-1]["event"] == "frame_trace"
    assert lines[-1]["trace"] == server.frames(run)
    assert [line["seq"] for line in lines] == sorted({line["seq"] for line in lines})


# The same over the command line


def test_the_command_line_tells_the_same(server):
    told = server.cli("send", LEIPZIG, "--channel", "cli")
    assert (told.returncode, told.stderr) == (0, "")
    assert str(counted(server, "Leipzig")) in told.stdout
    run = server.get("/api/result", channel="cli")["run_id"]
    listed = server.cli("runs", "--json")
    assert json.loads(listed.stdout)["runs"][0]["run_id"] == run
    shown = server.cli("frames", run, "--json")
    assert json.loads(shown.stdout)["traces"] == [server.frames(run)]
    people = server.cli("frames", run).stdout
    for name in ("input", "pa", "expert_eras", "output", "ui", "memorizer"):
        assert name in people
    again = server.cli("replay", run)
    effects = len(server.get(f"/api/traces/{run}")["effects"])
    assert (again.returncode, again.stdout) == (0, f"exact {effects}/{effects}\n")


@pytest.mark.parametrize(
    "arguments",
    [("send", "hello"), ("runs",), ("frames",), ("switch", "v3-framed"), ("replay", "msg_1")],
)
def test_json_stands_alone_on_stdout(server, arguments):
    server.ask("hello")
    done = server.cli(*arguments, "--json", AGENT_LOG_LEVEL="debug", AGENT_NONSENSE="1")
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)
    assert "AGENT_NONSENSE is not a setting" in done.stderr


def test_open_prints_a_link_that_works_once(server):
    told = server.cli("open")
    assert (told.returncode, told.stderr) == (0, "")
    link = told.stdout.strip()
    assert link.startswith(f"{server.url}/auth/launch?code=")
    with httpx.Client() as browser:
        assert browser.get(f"{server.url}/api/state").status_code == 401
        entered = browser.get(link)
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        assert browser.get(f"{server.url}/api/state").status_code == 200
        assert browser.get(f"{server.url}/").status_code == 200
    with httpx.Client() as other:
        again = other.get(link)
        assert again.status_code == 401
        assert other.get(f"{server.url}/api/state").status_code == 401


def test_two_servers_on_one_folder_is_one_too_many(server):
    second = server.cli("serve", "--no-browser", "--port", "0")
    assert (second.returncode, second.stdout) == (2, "")
    assert f"pid {server.process.pid}, {server.url}" in second.stderr
    assert "Traceback" not in second.stderr
    assert server.token not in second.stderr
    assert server.get("/health") == {"status": "ok"}
