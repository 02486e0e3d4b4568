"""A run leaves one installation and is exact in another: through servers, through folders, as page and zip."""

import json

import pytest
from acceptance.processes import Served, agent

TEXT = "how many customers are in Leipzig?"


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """A folder with a run that asked the database, and the run's id; its server has ended."""
    served = Served(tmp_path_factory.mktemp("left") / "data")
    served.ended(served.send("hello"))
    run = served.send(TEXT)
    served.ended(run)
    assert served.close() == 0
    return served.data, run


@pytest.mark.parametrize("form", ["html", "zip"])
@pytest.mark.parametrize("seed", ["1", "2"])
def test_it_is_exact_elsewhere_under_any_hash_seed(left, tmp_path, form, seed):
    data, run = left
    (tmp_path / "there").mkdir()
    out = agent("export", run, "--data-dir", data, "--out", f"x.{form}", "--json", cwd=tmp_path)
    told = json.loads(out.stdout)
    assert (out.returncode, told["format"], told["run_id"]) == (0, form, run), out.stderr
    assert (tmp_path / "x.html").exists() == (form == "html")
    here = ("--data-dir", "there")
    came = json.loads(agent("import", f"x.{form}", *here, "--json", cwd=tmp_path).stdout)
    assert (came["imported_from"], came["missing"]) == (run, [])
    done = agent(
        "replay", came["run_id"], "--pinned", *here, "--json", cwd=tmp_path, PYTHONHASHSEED=seed
    )
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["verdict"], verdict["changed_revisions"]) == (0, "exact", [])
    assert verdict["matched"] == verdict["total"] == came["effects"]


def test_servers_exchange_files_and_the_conversation_does_not_see_it(left, server, tmp_path):
    data, run = left
    agent("export", run, "--data-dir", data, "--out", "x.zip", cwd=tmp_path)
    own = server.send("hello")
    server.ended(own)
    before = [server.get(path) for path in ("/api/result", "/api/history", "/api/frames")]
    raw = (tmp_path / "x.zip").read_bytes()
    sent = server.http.post("/api/import", content=raw, headers={"content-type": "application/zip"})
    came = sent.raise_for_status().json()
    assert [server.get(path) for path in ("/api/result", "/api/history", "/api/frames")] == before
    assert server.get("/api/frames", run=came["run_id"])["last_trace"]["kind"] == "import"
    page = server.http.get(f"/api/traces/{came['run_id']}/export").raise_for_status()
    again = server.http.post(
        "/api/import", content=page.content, headers={"content-type": "text/html"}
    )
    assert again.json()["imported_from"] == run
    through = agent("import", "x.zip", "--data-dir", server.data, cwd=tmp_path)
    assert (through.returncode, f"imported from {run}" in through.stdout) == (0, True)
    refused = server.http.post(
        "/api/import", content=raw[:-9], headers={"content-type": "application/zip"}
    )
    assert (refused.status_code, refused.json()["error"]) == (400, "bad_input")
    assert agent("export", came["run_id"], "--data-dir", server.data, cwd=tmp_path).returncode == 0
    assert (tmp_path / f"framescope-{came['run_id']}.html").read_bytes() == page.content


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("export", "msg_99"), "no run 'msg_99'"),
        (("import", "nothing.zip"), "cannot read nothing.zip"),
        (("import", "notes.txt"), "neither a .zip nor an .html"),
        (("import", "broken.zip"), "cut off"),
        (("export", "{run}", "--out", "no/such/folder/x.zip"), "cannot write"),
    ],
)
def test_what_cannot_be_done_is_2_with_its_reason(left, tmp_path, arguments, why):
    data, run = left
    (tmp_path / "notes.txt").write_text("notes", "utf-8")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04")
    given = [argument.format(run=run) for argument in arguments]
    done = agent(*given, "--data-dir", data, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
