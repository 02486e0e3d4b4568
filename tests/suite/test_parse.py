"""Reading suites: every kind of line, and every way to get one wrong."""

import pytest

from agent.cases.errors import BadSuite
from agent.cases.parse import load, parse
from agent.cases.suite import (
    ActionsCheck,
    ActionsCount,
    Before,
    Click,
    Contains,
    Fact,
    FramesCheck,
    Has,
    HasNo,
    Lacks,
    Length,
    Matches,
    PathCheck,
    ResponseCheck,
    Send,
    SpentCheck,
    SqlBefore,
    SqlCheck,
    StateCheck,
)

HEAD = "# Title\n\n## Steps\n\n### 1. Hello\n"
STEP = HEAD + "- send: hello\n"
CHECK = "- expect_response: length > 1\n"
_PLAYED = "# A\n## Setup\n- cassette: x.json\n"


def expects(line):
    [step] = parse(f"{STEP}- {line}\n", "x.md").steps
    [check] = step.checks
    assert (check.line, check.text) == (7, line)
    return check.expects


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ('expect_response: contains "a"', ResponseCheck(Contains(("a",)))),
        ('expect_response: contains "a b" or "c"', ResponseCheck(Contains(("a b", "c")))),
        ('expect_response: contains "say \\"x\\""', ResponseCheck(Contains(('say "x"',)))),
        ('expect_response: not contains "a" or "b"', ResponseCheck(Lacks(("a", "b")))),
        ("expect_response: length > 10", ResponseCheck(Length(">", 10))),
        ("expect_response: length<=10", ResponseCheck(Length("<=", 10))),
        ("expect_response: matches /a b|c/", ResponseCheck(Matches("a b|c"))),
        ("expect_response: matches /a/b/", ResponseCheck(Matches("a/b"))),
        ("expect_actions: length >= 2", ActionsCount(Length(">=", 2))),
        ('expect_actions: any action contains "x" or "y"', ActionsCheck(Contains(("x", "y")))),
        ('expect_actions: no action contains "x"', ActionsCheck(Lacks(("x",)))),
        ('expect_state: user_name contains "x"', StateCheck("user_name", Contains(("x",)))),
        ("expect_state: facts length >= 1", StateCheck("facts", Length(">=", 1))),
        ("expect_state: state.count matches /^1$/", StateCheck("state.count", Matches("^1$"))),
        ("expect_trace: has tool_call create_machine", Has((Fact("tool_call", ("create_machine",)),))),
        ('expect_trace: has machine_created id="nav"', Has((Fact("machine_created", (), (("id", "nav"),)),))),
        ("expect_trace: no thinker", HasNo((Fact("thinker"),))),
        ("expect_trace: has pa or director", Has((Fact("pa"), Fact("director")))),
        ('expect_trace: has a x="1 or 2" or b', Has((Fact("a", (), (("x", "1 or 2"),)), Fact("b")))),
        ("expect_trace: streaming before tool_call", Before(Fact("streaming"), Fact("tool_call"))),
        ("expect_frames: 4", FramesCheck(4)),
        ("expect_path: expert+interpreter", PathCheck(("expert+interpreter",))),
        ("expect_path: pa or reflex", PathCheck(("pa", "reflex"))),
        ('expect_sql: contains "a"', SqlCheck(Contains(("a",)))),
        ("expect_sql: length == 1", SqlCheck(Length("==", 1))),
        ("expect_tokens: <= 900", SpentCheck("tokens", "<=", 900)),
        ("expect_ms: < 2000", SpentCheck("ms", "<", 2000)),
        ('expect_sql: "describe x" before "select"', SqlBefore("describe x", "select")),
    ],
)  # fmt: skip
def test_every_kind_of_check_is_read(line, read):
    assert expects(line) == read


def test_a_whole_file_is_read():
    text = (
        "\n# Title: of it\n\nSome prose, *as* one likes.\n\n## Setup\n- clear history\n"
        f"- graph: v3-framed\n\n## Steps\n\n### 1. One\n- send: hello: you\n{CHECK}\n"
        '### 2. Two\n- clear history\n- action: first matching "inc" or "+"\n'
        f"{CHECK}\n### 3. Three\n- action: Go home\n{CHECK}"
    )
    suite = parse(text.replace("\n", "\r\n"), "x.md")
    assert (suite.title, suite.graph, suite.clear) == ("Title: of it", "v3-framed", True)
    assert [(s.line, s.name, s.clear) for s in suite.steps] == [
        (12, "1. One", False), (16, "2. Two", True), (21, "3. Three", False),
    ]  # fmt: skip
    assert [step.does for step in suite.steps] == [
        Send(line=13, wordings=("hello: you",)),
        Click(line=18, patterns=("inc", "+"), exact=False),
        Click(line=22, patterns=("Go home",), exact=True),
    ]


def test_each_wording_is_checked_once_and_a_click_every_time():
    text = (
        f"{HEAD}- send: a\n- or send: b\n- or send: c\n{CHECK}{CHECK}"
        f"### 2. Click\n- action: x\n{CHECK}### 3. Two\n- send: d\n- or send: e\n{CHECK}"
    )
    suite = parse(text, "x.md")
    assert (suite.wordings, suite.checks) == (3, 3 * 2 + 3 + 2)
    assert [[counts for _, counts in suite.steps_of(n)] for n in range(3)] == [
        [True, True, True], [True, True, True], [True, True, False],
    ]  # fmt: skip


WRONG = [
    ("hello\n" + STEP + CHECK, 1, "`# Title` first"),
    ("- send: x\n" + STEP + CHECK, 1, "`# Title` first"),
    ("#\n" + STEP + CHECK, 1, "title behind `#`"),
    ("## Steps\n" + STEP + CHECK, 1, "`# Title` before"),
    ("# A\n" + STEP + CHECK, 2, "second one; the first is 'A'"),
    ("# A\n- send: x\n", 2, "before the first bullet"),
    ("# A\n### 1. One\n", 2, "`## Steps` before the first step"),
    ("# A\n## Setup\n### 1. One\n", 3, "`## Steps` before the first step"),
    ("# A\n## Stpes\n", 2, "got `## Stpes`"),
    ("# A\n## Steps\n## Steps\n", 3, "once, got it again"),
    ("# A\n## Steps\n## Setup\n", 3, "before `## Steps`"),
    ("# A\n#### 1. One\n", 2, "got '#### 1. One'"),
    ("# A\n##Steps\n", 2, "got '##Steps'"),
    ("# A\n## Setup\n- clear\n", 3, "`- clear history`"),
    ("# A\n## Setup\n- clear history\n- clear history\n", 4, "once"),
    ("# A\n## Setup\n- graph:\n", 3, "a graph such as"),
    ("# A\n## Setup\n- graph: two words\n", 3, "'two words'"),
    ("# A\n## Setup\n- graph: a\n- graph: b\n", 4, "once"),
    ("# A\n## Setup\n- send: x\n", 3, "got 'send'"),
    ("# A\n## Setup\nprose\n", 3, "got 'prose'"),
    ("# A\n## Steps\n- send: x\n", 3, "`### 1. Name` before"),
    ("# A\n## Steps\n### One\n- send: x\n" + CHECK, 3, "got 'One'"),
    ("# A\n## Steps\n### 2. Two\n- send: x\n" + CHECK, 3, "expected step number 1, got 2"),
    (STEP + CHECK + "### 1. Again\n- send: x\n" + CHECK, 8, "expected step number 2, got 1"),
    (HEAD + CHECK, 6, "before `- expect_response`"),
    (STEP, 5, "at least one"),
    (HEAD, 5, "expected `- send:` or `- action:` in the step"),
    (STEP + "- send: again\n" + CHECK, 7, "a second: `send`"),
    (STEP + "- action: again\n" + CHECK, 7, "a second: `action`"),
    (HEAD + "- send:\n" + CHECK, 6, "a text behind `- send:`"),
    (HEAD + "- or send: x\n" + CHECK, 6, "right below"),
    (STEP + CHECK + "- or send: x\n", 8, "right below"),
    (STEP + "- or send: Hello\n" + CHECK, 7, "another wording"),
    (STEP + "- clear history\n" + CHECK, 7, "before what the step sends"),
    (STEP + CHECK + "then this\n", 8, "got 'then this'"),
    (STEP + CHECK + "  - expect_frames: 2\n", 8, "got '  - expect_frames: 2'"),
    (STEP + CHECK + "-expect_frames: 2\n", 8, "got '-expect_frames: 2'"),
    (STEP + CHECK + "* expect_frames: 2\n", 8, "got '* expect_frames: 2'"),
    (STEP + "- expect_respons: length > 1\n", 7, "got 'expect_respons'"),
    (HEAD + '- action: first matching inc or "+"\n' + CHECK, 6, "first matching"),
    (HEAD + '- action: first matching ""\n' + CHECK, 6, "between the quotes"),
    (HEAD + '- action: "inc"\n' + CHECK, 6, "`- action: name`"),
    (_PLAYED + STEP[9:] + CHECK + "### 2. B\n- send: x\n" + CHECK, 9, "one step"),
    (_PLAYED + STEP[9:] + "- or send: y\n" + CHECK, 7, "one wording"),
    (_PLAYED + HEAD[9:] + '- action: first matching "a"\n' + CHECK, 7, "`- action: name`"),
    ("# A\n## Setup\n- cassette: ../x.json\n", 3, "got '../x.json'"),
    ("# A\n## Setup\n- cassette: x\n", 3, "a file beside this one"),
    ("# A\n## Setup\n- cassette: x.json\n- cassette: y.json\n", 4, "once"),
    ("", 1, "`## Steps` with a step"),
    ("# A\n\n## Steps\n", 3, "`## Steps` with a step"),
]
LINES = [
    ("expect_tokens: 900", "`<= 900`"),
    ("expect_tokens: >= 0", "missed and met"),
    ("expect_ms: fast", "got 'fast'"),
    ("expect_response:", "contains"),
    ("expect_response: contains", "got ''"),
    ("expect_response: contains hello", "got 'hello'"),
    ('expect_response: contains "a", "b"', 'texts such as "a" or "b"'),
    ('expect_response: contains "a" or', 'texts such as "a" or "b"'),
    ('expect_response: contains "a', "got '\"a'"),
    ('expect_response: contains ""', 'got ""'),
    ('expect_response: includes "a"', "got 'includes"),
    ("expect_response: length", "`length >= 2`"),
    ("expect_response: length => 3", "`length >= 2`"),
    ("expect_response: length > x", "`length >= 2`"),
    ("expect_response: length >= 0", "missed and met"),
    ("expect_actions: length < 0", "missed and met"),
    ("expect_response: matches [0-9]", "matches /"),
    ("expect_response: matches /(/", "a regular expression"),
    ("expect_response: matches /x*/", "an empty text does not match"),
    ('expect_actions: contains "x"', "any action contains"),
    ('expect_actions: any contains "x"', "any action contains"),
    ('expect_state: contains "x"', "expected a key"),
    ("expect_state: topic", "expected a key"),
    ("expect_state: topic is x", "got 'is x'"),
    ("expect_trace: thinker", "got 'thinker'"),
    ("expect_trace: has", "a node or an event"),
    ("expect_trace: has a or", "a node or an event"),
    ("expect_trace: has id=nav", "a node or an event"),
    ('expect_trace: has id="nav"', "a node or an event"),
    ("expect_trace: has no thinker", "first"),
    ("expect_trace: a before", "got 'a before'"),
    ("expect_frames: many", "got 'many'"),
    ("expect_frames: 0", "got '0'"),
    ("expect_frames: >= 4", "got '>= 4'"),
    ("expect_path: Reflex!", "got 'Reflex!'"),
    ("expect_path: a or", "got 'a or'"),
    ("expect_sql: SELECT", "got 'SELECT'"),
    ('expect_sql: "a" before b', "got"),
]


@pytest.mark.parametrize(("text", "line", "says"), WRONG, ids=range(len(WRONG)))
def test_what_is_not_understood_is_told_with_its_line(text, line, says):
    with pytest.raises(BadSuite) as error:
        parse(text, "x.md")
    told = [t for t in str(error.value).splitlines() if t.startswith(f"x.md:{line}: ")]
    assert any(says in t for t in told), str(error.value)


@pytest.mark.parametrize(("line", "says"), LINES, ids=[line for line, _ in LINES])
def test_a_check_that_is_not_understood_is_told_with_its_line(line, says):
    with pytest.raises(BadSuite) as error:
        parse(f"{STEP}{CHECK}- {line}\n", "x.md")
    [told] = str(error.value).splitlines()
    assert told.startswith("x.md:8: expected")
    assert says in told


def test_all_errors_are_told_at_once_in_order():
    with pytest.raises(BadSuite) as error:
        parse("# A\n## Steps\n### 1. One\n- sned: x\n- expect_frames: z\n### 3. Two\n", "x.md")
    lines = [int(told.split(":")[1]) for told in str(error.value).splitlines()]
    assert lines == [4, 5, 6]


def test_files_that_cannot_be_read_are_named(tmp_path):
    latin = tmp_path / "latin.md"
    latin.write_bytes("# Title\n\nGebäude\n".encode("latin-1"))
    with pytest.raises(BadSuite, match=r"latin\.md:3: expected UTF-8"):
        load(latin)
    with pytest.raises(BadSuite, match=r"none\.md: cannot be read: No such file"):
        load(tmp_path / "none.md")
    with pytest.raises(BadSuite, match="cannot be read: Is a directory"):
        load(tmp_path)
