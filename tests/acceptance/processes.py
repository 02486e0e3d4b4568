"""The real server as a process, the real command line as processes, on a folder of their own."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
STALL_S = 30
TOKEN = re.compile(r"Bearer (\S+?)\"")
ENDED = ("done", "error", "cancelled", "interrupted")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "agent", *map(str, arguments)]


def surroundings(**more: str) -> dict[str, str]:
    """The environment of every process: the program is found wherever it is started."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def agent(*arguments: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        command(*arguments), cwd=cwd, env=surroundings(**env),
        capture_output=True, text=True, timeout=STALL_S,
    )  # fmt: skip


class Served:
    """One server process; ``http`` speaks to it with its token."""

    def __init__(
        self,
        data: Path,
        *options: object,
        cwd: Path | None = None,
        log: Path | None = None,
        **env: str,
    ) -> None:
        self.data = data
        self.cwd = cwd or data.parent
        self.log = log or data.parent / f"{data.name}.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command("serve", "--no-browser", "--port", 0, "--data-dir", data, *options),
                cwd=self.cwd, env=surroundings(**env), stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        told = self._told()
        self.token = TOKEN.search(told)[1]
        self.launch = re.search(r"http\S+/auth/launch\?code=\S+", told)[0]
        self.url = self.launch.split("/auth/")[0]
        self.http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.token}"},
            transport=httpx.HTTPTransport(retries=8),  # it is told a moment before it listens
            timeout=STALL_S,
        )
        self.health = self.get("/health")

    def _told(self) -> str:
        told = ""
        stalled = threading.Timer(STALL_S, self.process.kill)
        stalled.start()
        for line in self.process.stdout:
            told += line
            if TOKEN.search(told):
                break
        stalled.cancel()
        if not TOKEN.search(told):
            pytest.fail(f"the server did not start: {told}{self.log.read_text()}", pytrace=False)
        return told

    def get(self, path: str, **query: object):
        return self.http.get(path, params=query).raise_for_status().json()

    def post(self, path: str, **body: object):
        return self.http.post(path, json=body).raise_for_status().json()

    def send(self, text: str, **more: object) -> str:
        """Send without waiting; the run's id."""
        return self.post("/api/send", text=text, queue=True, **more)["run_id"]

    def ended(self, run: str) -> dict:
        """Read the events until one says that ``run`` has ended; its record."""
        with self.http.stream("GET", "/api/events", params={"since": 0}) as response:
            for event in events(response):
                mine = event.get("run_id") == run and event["event"] == "run"
                if mine and event["status"] in ENDED:
                    return self.get(f"/api/runs/{run}")
        raise AssertionError(f"the events ended before {run} did")

    def on(self, graph: str) -> str:
        """Return a channel that runs ``graph``."""
        name = f"on-{graph}"
        self.post("/api/graph/switch", name=graph, channel=name, when="after")
        return name

    def ask(self, text: str, **more: object) -> dict:
        """Send, wait, and give the run's wire trace."""
        run = self.send(text, **more)
        self.ended(run)
        return self.frames(run)

    def frames(self, run: str) -> dict:
        [trace] = self.get("/api/frames", run=run)["traces"]
        return trace

    def cli(self, *arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
        return agent(*arguments, "--data-dir", self.data, cwd=self.cwd, **env)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.close()

    def close(self) -> int:
        """End it as ``systemctl stop`` would; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(STALL_S)
        self.process.stdout.close()
        self.http.close()
        return code


def events(response: httpx.Response) -> Iterator[dict]:
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))
