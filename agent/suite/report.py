"""How a person follows a suite: a line per check and a bar on stderr, a summary at the end.

Everything that came from a suite or a server is shown as text, never as markup.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from agent.suite.results import Result, Tally, tallies


class Live:
    """The lines and the bar, while a suite runs.

    Args:
        total: checks to expect.
    """

    def __init__(self, total: int) -> None:
        self._failed = 0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True, highlight=False),
        )
        self._task = self._progress.add_task("checks", total=total, failed="")

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._progress.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()

    async def show(self, result: Result) -> None:
        """Show one result."""
        self._failed += not result.passed
        failed = f"{self._failed} failed" if self._failed else ""
        self._progress.print(_line(result), soft_wrap=True)
        self._progress.update(self._task, advance=1, failed=failed)


def _line(result: Result) -> Text:
    line = Text()
    line.append(result.status, style="green" if result.passed else "bold red")
    line.append(f"  {result.step}  ")
    line.append(result.check, style="dim" if result.passed else "")
    if not result.passed:
        run = f" ({result.run_id})" if result.run_id else ""
        line.append(f"\n      {result.file}:{result.line}{run}: {result.detail}")
        line.append(f"\n      after {result.said!r:.200}", style="dim")
    return line


def summary(results: Sequence[Result], took_ms: float) -> str:
    """Tell in a few lines how it went."""
    lines = [_of_file(file, results) for file in dict.fromkeys(r.file for r in results)]
    if any(result.round > 1 for result in results):
        lines += [_unsteady(tally) for tally in tallies(results) if tally.verdict != "stable"]
    passed = sum(result.passed for result in results)
    lines.append(f"{passed}/{len(results)} checks passed in {took_ms / 1000:.1f} s")
    return "\n".join(lines)


def _of_file(file: str, results: Sequence[Result]) -> str:
    own = [result for result in results if result.file == file]
    passed = sum(result.passed for result in own)
    return f"{passed}/{len(own)} ({passed / len(own):.1%})  {file}"


def _unsteady(tally: Tally) -> str:
    return (
        f"{tally.verdict} {tally.passed}/{tally.runs}  {tally.file}:{tally.line}  "
        f"{tally.step}  {tally.check}"
    )
