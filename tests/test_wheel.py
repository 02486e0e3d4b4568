"""A wheel holds the page; without a page there is no wheel."""

import shutil
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = "static/dist/.vite/manifest.json"
FALLBACK = ("static/fallback.js", "static/fallback.css")


@pytest.fixture
def tree(tmp_path):
    """The project as far as a wheel sees it, with a page that only looks built."""
    for name in ("pyproject.toml", "hatch_build.py", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(
        ROOT / "agent", tmp_path / "agent", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "README.md").write_text("# Framescope\n")
    for name in (
        MANIFEST,
        "static/dist/assets/main-1a2b.js",
        "static/templates/page.html",
        *FALLBACK,
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return tmp_path


def build(tree, version="standard"):
    (path,) = WheelBuilder(str(tree)).build(directory=str(tree / "wheels"), versions=[version])
    with zipfile.ZipFile(path) as wheel:
        return set(wheel.namelist())


@pytest.mark.slow
def test_a_wheel_holds_the_page_and_the_package(tree):
    names = build(tree)
    assert {
        "agent/_static/dist/.vite/manifest.json",
        "agent/_static/dist/assets/main-1a2b.js",
        "agent/_static/templates/page.html",
        "agent/_static/fallback.js",
        "agent/_static/fallback.css",
    } <= names
    sources = (path for path in (tree / "agent").rglob("*") if path.is_file())
    assert {path.relative_to(tree).as_posix() for path in sources} <= names
    assert not {name for name in names if name.split("/")[0] in {"tests", "static", "bench"}}


@pytest.mark.slow
def test_an_editable_install_is_left_alone(tree):
    shutil.rmtree(tree / "static")
    with (tree / "pyproject.toml").open("a") as metadata:  # else hatchling wants one more package
        metadata.write('\n[tool.hatch.build]\ndev-mode-dirs = ["."]\n')
    assert not {name for name in build(tree, "editable") if "_static" in name}


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["missing", "failed"])
def test_without_a_page_the_message_says_what_to_run(tree, broken):
    if broken == "missing":
        (tree / MANIFEST).unlink()
    else:
        (tree / "static/dist/.error").write_text("why")
    with pytest.raises(SystemExit, match=r"run\.py --build-only"):
        build(tree)
