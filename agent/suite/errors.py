"""What can go wrong with a suite, apart from its checks.

* SuiteError
  x BadSuite    a file is broken
    - Unclear   one line of it
  x CannotRun   the server refused, or it is gone
"""


class SuiteError(Exception):
    """The suite was not run to its end; the message says what to do next."""


class BadSuite(SuiteError):  # noqa: N818
    """A suite file is broken; each line of the message starts with ``file:line``."""


class Unclear(BadSuite):
    """A line is not understood; the message says what was expected and what came."""


class CannotRun(SuiteError):  # noqa: N818
    """The server refused, or it is gone."""
