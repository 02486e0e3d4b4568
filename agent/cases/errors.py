"""What can be wrong with a suite's text.

* SuiteError
  x BadSuite    a file is broken
    - Unclear   one line of it
"""


class SuiteError(Exception):
    """The suite was not run to its end; the message says what to do next."""


class BadSuite(SuiteError):  # noqa: N818
    """A suite file is broken; each line of the message starts with ``file:line``."""


class Unclear(BadSuite):
    """A line is not understood; the message says what was expected and what came."""
