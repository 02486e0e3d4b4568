"""What can go wrong while suites run, apart from their checks and their text."""

from agent.cases.errors import SuiteError


class CannotRun(SuiteError):  # noqa: N818
    """The server refused, or it is gone."""
