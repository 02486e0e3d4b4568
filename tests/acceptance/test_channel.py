"""A conversation from the command line: shown, forgotten, and gone back to; with a server and without."""

import json

import pytest
from acceptance.processes import agent


def told(command, *arguments) -> dict:
    done = command(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("running", [True, False])
def test_a_conversation_is_shown_forgotten_and_gone_back_to(serve, tmp_path, running):
    server = serve()
    runs = [server.ended(server.send(text))["run_id"] for text in ("my name is Ada", "hello")]
    if running:
        command = server.cli
    else:
        assert server.close() == 0

        def command(*arguments):
            return agent(*arguments, "--data-dir", server.data, cwd=tmp_path)

    messages = told(command, "history")["messages"]
    assert [m["content"] for m in messages if m["role"] == "user"] == ["my name is Ada", "hello"]
    assert command("history", "--last", "2").stdout.startswith("user: hello\nassistant: ")
    assert told(command, "state")["memorizer"]["user_name"] == "Ada"
    assert json.loads(command("state").stdout)["memory"]["user_name"] == "Ada"

    assert told(command, "clear") == {"status": "cleared"}
    assert told(command, "history")["messages"] == []
    assert told(command, "state")["memorizer"]["user_name"] != "Ada"

    moved = command("head", runs[0])
    assert (moved.returncode, moved.stdout.split()[0]) == (0, runs[0])
    assert told(command, "state")["memorizer"]["user_name"] == "Ada"
    assert len(told(command, "history")["messages"]) == 2

    fork = told(command, "fork", runs[1], "--set", "memory/user_name=Grace", "--post")["run_id"]
    assert told(command, "head", fork)["head"] == fork
    assert told(command, "state")["memorizer"]["user_name"] == "Grace"

    told(command, "send", "create a counter")
    payload = json.dumps({"op": "inc", "var": "count"})
    assert told(command, "click", "inc", "--data", payload)["status"] == "done"
    assert told(command, "state")["ui"]["state"] == {"count": 1}
    wrong = command("click", "inc", "--data", "{")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--data: expected JSON" in wrong.stderr

    refused = command("head", "r-000000000099-0000")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "r-000000000099-0000" in refused.stderr
    assert command("head", fork, "--channel", "other").returncode == 2
    assert command("history", "--channel", "two words").returncode == 2
