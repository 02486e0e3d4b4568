"""What the parser lets through, what it refuses, and that it says why."""

import pytest
from hypothesis import given, settings, strategies as st
from sql_statements import SCHEMAS, statements

from agent.adapters.sql.guard import MAX_CHARS, Guarded, guard
from agent.adapters.sql.token_rules import MAX_NESTING
from agent.adapters.sql.vocabulary import BEFORE_PARENTHESIS, REWRITTEN, SYNTAX, TYPES, VOCABULARIES
from agent.core.errors import ToolFailed

DIALECTS = ("sqlite", "mysql", "postgres")


def refusal(sql, dialect="sqlite", **options):
    with pytest.raises(ToolFailed) as caught:
        guard(sql, dialect, **options)
    assert caught.value.code == "sql_refused"
    assert "Allowed: one SELECT" in str(caught.value)
    return str(caught.value)


def attempt(sql, dialect):
    """Return what passed, or None when it was refused; any other outcome is a failure."""
    try:
        return guard(sql, dialect)
    except ToolFailed as error:
        if error.code != "sql_refused":
            raise
        return None


def test_the_files_hold_enough_distinct_statements():
    for dialect, hostile, honest in (
        ("sqlite", 300, 200),
        ("mysql", 100, 60),
        ("postgres", 100, 60),
    ):
        assert len(set(statements(dialect, "hostile"))) >= hostile
        assert len(set(statements(dialect, "honest"))) >= honest


def dressed(sql):
    """Return ``sql`` as it is and in disguises that must not matter."""
    return (sql, f"  {sql}  ;", f"-- a remark\n{sql}", f"{sql}\n", sql.swapcase())


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_hostile_statement_is_refused_in_any_dress(dialect):
    given_way = [
        text
        for sql in statements(dialect, "hostile")
        for text in dressed(sql)
        if attempt(text, dialect) is not None
    ]
    assert given_way == []


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_honest_statement_passes_and_its_regenerated_form_is_final(dialect):
    for sql in statements(dialect, "honest"):
        passed = guard(sql, dialect, schemas=SCHEMAS)
        assert guard(passed.sql, dialect, schemas=SCHEMAS) == passed, sql


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("describe kunden;", Guarded(sql="DESCRIBE kunden", kind="describe", tables=("kunden",))),
        ("SHOW COLUMNS FROM `t`", Guarded(sql="DESCRIBE t", kind="describe", tables=("t",))),
        ("show full tables", Guarded(sql="SHOW TABLES", kind="tables")),
        ("select 1 -- a", Guarded(sql="SELECT 1", kind="query")),
        (
            "with a as (select * from kunden) select * from a, objekte",
            Guarded(
                sql="WITH a AS (SELECT * FROM kunden) SELECT * FROM a, objekte",
                kind="query",
                tables=("objekte", "kunden"),
            ),
        ),
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_comes_out(sql, expected, dialect):
    assert guard(sql, dialect) == expected


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_databases_own_name_may_stand_before_a_table_and_goes(dialect):
    sql = "SELECT eras.kunden.name FROM eras.kunden"
    assert guard(sql, dialect, schemas=("Eras",)).sql == "SELECT kunden.name FROM kunden"
    assert "'eras' is another schema" in refusal(sql)


def test_a_text_that_does_not_survive_its_own_regeneration_is_refused():
    assert "it can be read in two ways" in refusal("SELECT JOIN public.kunden", "postgres")


def test_a_defect_of_the_parser_or_the_generator_is_a_refusal(monkeypatch):
    from sqlglot.generator import Generator
    from sqlglot.parser import Parser

    def stumble(*_, **__):
        raise TypeError

    with monkeypatch.context() as patch:
        patch.setattr(Generator, "generate", stumble)
        assert "sqlite cannot express it (TypeError)" in refusal("SELECT 1")
    with monkeypatch.context() as patch:
        patch.setattr(Parser, "parse", stumble)
        assert "the parser cannot read it (TypeError)" in refusal("SELECT 1")


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("DROP TABLE kunden", "it begins with 'DROP'"),
        ("SELECT load_extension('x')", "the function load_extension() is not allowed"),
        ("SELECT 1; SELECT 2", "';' is not allowed outside of quotes"),
        ("SELECT * FROM kunden FOR UPDATE", "LOCK construct"),
        ("SELECT * FROM pragma_database_list", "belongs to the server; use DESCRIBE"),
        ("SELECT " + "1" * MAX_CHARS, f"10,007 characters, the limit is {MAX_CHARS:,}"),
        ("   ", "it is empty"),
        ("SELECT \x00 1", r"invisible character '\x00'"),
        ("SELECT\u200b 1", r"invisible character '\u200b'"),
        ("SELECT 1 +", "it is not valid sqlite SQL"),
        ("SELECT " + "(" * (MAX_NESTING + 1), "nested too deeply"),
        ("SELECT date(date(date(date(date('now')))))", "nested too deeply"),
        ("SELECT " + "NOT " * 2000 + "1", "nested too deeply"),
        ("SELECT 1 /*! 2 */", "hides SQL in a comment"),
        ("SELECT date(end, date(end, date(end, date(end, date(end, 1)))))", "nested too deeply"),
        ("SELECT printf('%.*c', 900000000, 'x')", "printf() takes a short plain text there"),
        ("SELECT printf('%900000000d', 1)", "without * and widths"),
        ("SELECT printf(name, 1) FROM kunden", "takes a short plain text"),
        ("SELECT format('%1$*2$d', 1, 900000000)", "takes a short plain text"),
        ("SELECT trim(name, name) FROM kunden", "takes a short plain text"),
        ("SELECT rtrim(name, '" + "a" * 33 + "')", "takes a short plain text"),
    ],
)
def test_a_refusal_says_why(sql, why):
    assert why in refusal(sql)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_word_makes_the_parser_slow_when_it_is_nested(dialect):
    """Ends by itself only when no word costs time that doubles with every level."""
    from sqlglot.dialects.dialect import Dialect

    grammar = Dialect.get_or_raise(dialect)
    known = {*grammar.tokenizer_class.KEYWORDS, *grammar.parser_class.FUNCTIONS}
    words = {word.lower() for word in known if word.replace("_", "").isalnum()}
    for word in sorted(words | VOCABULARIES[dialect].functions | BEFORE_PARENTHESIS):
        for inner in ("", "1, "):
            sql = "select " + f"{word}({inner}" * (MAX_NESTING - 1) + "1" + ")" * (MAX_NESTING - 1)
            attempt(sql, dialect)


def test_every_allowed_word_is_known_to_the_parser():
    from sqlglot import exp

    assert all(issubclass(getattr(exp, name), exp.Expr) for name in SYNTAX | REWRITTEN)
    assert all(issubclass(getattr(exp, name), exp.Func) for name in REWRITTEN)
    assert set(exp.DataType.Type.__members__) >= TYPES


def test_nothing_that_writes_or_locks_is_allowed():
    from sqlglot import exp

    writers = (exp.DML, exp.DDL, exp.Command, exp.Lock, exp.Into, exp.Pragma, exp.Set, exp.Use)
    allowed = [getattr(exp, name) for name in SYNTAX | REWRITTEN]
    queries = (exp.Query, exp.Values)  # the parser counts these among statements, too
    assert [
        kind for kind in allowed if issubclass(kind, writers) and not issubclass(kind, queries)
    ] == []


names = st.sampled_from(["id", "name", "k.ort", '"wert"', "count(*)", "rowid"])
values = st.one_of(
    st.integers(-5, 2**63).map(str),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8).map(
        lambda text: "'" + text.replace("'", "''") + "'"
    ),
    st.just("NULL"),
    names,
)
operators = st.sampled_from(
    ["=", "<>", "<", "||", "+", "LIKE", "IS", "IS NOT", "AND", "OR", "%", "<<"]
)


def grown(inner):
    return st.one_of(
        st.tuples(inner, operators, inner).map(" ".join),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"NOT {one}"),
        inner.map(lambda one: f"- {one}"),
        inner.map(lambda one: f"coalesce({one}, 1)"),
        inner.map(lambda one: f"CAST({one} AS TEXT)"),
        inner.map(lambda one: f"(SELECT {one})"),
        inner.map(lambda one: f"CASE WHEN {one} THEN 1 ELSE {one} END"),
        st.tuples(inner, inner).map(lambda two: f"{two[0]} IN ({two[1]}, 2)"),
        st.tuples(inner, inner).map(lambda two: f"{two[0]} BETWEEN {two[1]} AND 9"),
    )


expressions = st.recursive(values, grown, max_leaves=6)
queries = st.builds(
    lambda what, where, tail: f"SELECT {what} FROM kunden k WHERE {where}{tail}",
    expressions,
    expressions,
    st.sampled_from(
        ["", " LIMIT 3", " ORDER BY 1 DESC", " GROUP BY ort", " UNION SELECT 1", " -- x"]
    ),
)


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(queries, st.sampled_from(DIALECTS))
def test_what_is_regenerated_parses_again_to_the_same(sql, dialect):
    passed = attempt(sql, dialect)
    if passed:
        assert passed.kind == "query"
        assert guard(passed.sql, dialect) == passed


seeds = st.sampled_from(statements("sqlite", "honest") + statements("sqlite", "hostile"))
noise = st.text("();'\"`[]{}*/-\\,. @:$?!\n=<>|xSELECTunion01", max_size=6)


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(seeds, st.integers(0, 200), st.integers(0, 5), noise, st.sampled_from(DIALECTS))
def test_a_damaged_statement_is_refused_or_passes_whole(sql, at, cut, added, dialect):
    damaged = sql[:at] + added + sql[at + cut :]
    passed = attempt(damaged, dialect)
    if passed:
        assert guard(passed.sql, dialect) == passed


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=60), st.sampled_from(DIALECTS))
def test_any_text_gets_an_answer(text, dialect):
    passed = attempt(text, dialect)
    assert passed is None or passed.sql
