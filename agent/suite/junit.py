"""Results as JUnit XML: a test suite per file and repetition, a test case per check."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from agent.suite.results import Result

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(results: Sequence[Result]) -> bytes:
    """Return the XML document."""
    root = Xml.Element("testsuites", _counts(results))
    groups: dict[tuple[str, int], list[Result]] = {}
    for result in results:
        groups.setdefault((result.file, result.round), []).append(result)
    for (file, turn), found in groups.items():
        name = file if turn == 1 else f"{file} ({turn})"
        suite = Xml.SubElement(root, "testsuite", {"name": _clean(name), **_counts(found)})
        for result in found:
            _case(suite, result)
    Xml.indent(root)
    return Xml.tostring(root, encoding="utf-8", xml_declaration=True)


def _counts(results: Sequence[Result]) -> dict[str, str]:
    failed = sum(not result.passed for result in results)
    return {"tests": str(len(results)), "failures": str(failed), "errors": "0"}


def _case(suite: Xml.Element, result: Result) -> None:
    case = Xml.SubElement(
        suite,
        "testcase",
        {
            "classname": _clean(result.step),
            "name": _clean(f"{result.check} (line {result.line})"),
            "file": _clean(result.file),
            "line": str(result.line),
            "time": f"{result.took_ms / 1000:.3f}",
        },
    )
    if not result.passed:
        failure = Xml.SubElement(case, "failure", {"message": _clean(result.detail)})
        failure.text = _clean(f"{result.file}:{result.line} after {result.said!r}: {result.detail}")


def _clean(text: str) -> str:
    """Take out what XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
