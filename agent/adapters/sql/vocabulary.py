"""The words a model's SQL may use, per dialect. Everything here is an allow-list.

What is not named is refused: a construct or function that a new parser or server version brings
stays out until somebody adds it here. Syntax is named by the parser's own class names, so that
this module costs nothing to import.
"""

from typing import Literal

import msgspec

Dialect = Literal["sqlite", "mysql", "postgres"]


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """What one dialect may say."""

    functions: frozenset[str]
    """Function names, lower case."""
    qualifiers: frozenset[str]
    """Schemas that may be named beside the database's own."""
    system_prefixes: tuple[str, ...]
    """Tables that begin like this belong to the server."""
    system_tables: frozenset[str]
    """System tables that may be read all the same."""
    niladic: frozenset[str] = frozenset()
    """Functions that are called without parentheses, so that they look like columns."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SYNTAX = _words(
    """
    Select Subquery Union Except Intersect With CTE Values Tuple Paren
    From Join Where Group Having Order Ordered Limit Offset Fetch LimitOptions Distinct
    Star Column TableAlias Alias Literal Boolean Null Var HexString RawString
    Add Sub Mul Div IntDiv Mod Neg DPipe Concat
    EQ NEQ GT GTE LT LTE NullSafeEQ NullSafeNEQ Is And Or Xor Not Between In Exists Any All
    Like ILike Glob Escape Collate SimilarTo RegexpLike RegexpILike
    BitwiseAnd BitwiseOr BitwiseXor BitwiseNot BitwiseLeftShift BitwiseRightShift
    Case If Cast TryCast DataTypeParam
    Window WindowSpec Filter WithinGroup IgnoreNulls RespectNulls
    Interval IntervalSpan Extract AtTimeZone
    JSONExtract JSONExtractScalar JSONPath JSONPathRoot JSONPathKey JSONPathSubscript
    JSONKeyValue Rollup Cube GroupingSets
    """
)
"""Nodes of the syntax tree that only read; ``Lock``, ``Into``, ``Command`` are not among them."""

REWRITTEN = _words(
    """
    TimeToStr StrToTime StrToDate TimeStrToTime TsOrDsToTimestamp TsOrDsToDate TsOrDsAdd TsOrDsDiff
    TsOrDsToDateStr DateStrToDate DayOfMonth DayOfWeek DayOfYear WeekOfYear TimestampTrunc
    DateTrunc DateAdd DateSub DateDiff UnixToTime ToChar ToNumber StrPosition VariancePop Pad
    Greatest Least NumberToStr
    JSONObject JSONArray JSONArrayAgg JSONObjectAgg JSONFormat ApproxDistinct
    """
)
"""Functions that the parser knows under a name of its own and writes back under the dialect's."""

TYPES = _words(
    """
    BIGINT BIT BLOB BOOLEAN CHAR DATE DATETIME DECIMAL DOUBLE FLOAT INT INTERVAL JSON JSONB
    LONGTEXT MEDIUMTEXT MEDIUMINT NCHAR NVARCHAR SMALLINT TEXT TIME TIMESTAMP TIMESTAMPTZ TIMETZ
    TINYINT TINYTEXT UBIGINT UINT UUID VARBINARY VARCHAR YEAR
    """
)

BEFORE_PARENTHESIS = _words(
    """
    all and any as between bigint by case cast char cube decimal distinct double else escape except
    exists extract filter float from glob group having ilike in int integer intersect interval is
    join like limit materialized not numeric offset on or over real regexp rlike rollup select sets
    similar some text then time timestamp to try_cast union using values varchar when where window
    """
)
"""Words other than functions that may stand before an opening parenthesis."""

_COMMON = _words(
    """
    abs avg ceil ceiling char_length coalesce concat concat_ws cos count cume_dist current_date
    current_time current_timestamp degrees dense_rank exp first_value floor group_concat
    lag last_value lead left length ln log log10 log2 lower ltrim max min mod nth_value ntile
    nullif octet_length percent_rank pi pow power radians rank replace right round row_number
    rtrim sign sin sqrt string_agg substr substring sum tan trim upper
    """
)

_SQLITE = _words(
    """
    acos asin atan atan2 char date datetime format glob hex ifnull iif instr
    json json_array json_array_length json_extract json_group_array json_group_object json_object
    json_quote json_type json_valid julianday like likelihood likely printf quote random
    soundex strftime time total trunc typeof unicode unixepoch unlikely
    """
)

_MYSQL = _words(
    """
    adddate ascii bit_and bit_or bit_xor character_length convert_tz curdate curtime date date_add
    date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear elt extract field
    greatest least
    find_in_set format from_days from_unixtime hex hour if ifnull instr isnull json_arrayagg
    json_array json_contains json_extract json_length json_object json_objectagg json_unquote
    json_valid last_day lcase locate lpad makedate microsecond mid minute month monthname now
    position quarter rand regexp_like regexp_replace regexp_substr reverse rpad second sec_to_time
    space std stddev stddev_pop stddev_samp str_to_date strcmp subdate substring_index time
    time_to_sec timediff timestamp timestampadd timestampdiff to_days truncate ucase unhex
    unix_timestamp utc_date utc_timestamp var_pop var_samp variance week weekday weekofyear year
    yearweek
    """
)

_POSTGRES = _words(
    """
    greatest least
    age array_agg ascii bool_and bool_or btrim chr corr covar_pop covar_samp date date_part
    date_trunc div every extract format initcap json_agg json_array_length json_build_object
    json_extract_path json_extract_path_text json_object_agg jsonb_agg jsonb_array_length
    jsonb_build_object jsonb_extract_path jsonb_extract_path_text jsonb_object_agg localtime
    localtimestamp lpad make_date make_interval make_timestamp mode now percentile_cont
    percentile_disc position random regexp_match regexp_replace regr_r2 regr_slope reverse rpad
    split_part starts_with stddev stddev_pop stddev_samp strpos to_char to_date to_json to_jsonb
    to_number to_timestamp translate trunc var_pop var_samp variance width_bucket
    """
)

_DESCRIBING = _words(
    """
    tables columns key_column_usage table_constraints referential_constraints statistics views
    """
)

VOCABULARIES: dict[Dialect, Vocabulary] = {
    "sqlite": Vocabulary(
        functions=_COMMON | _SQLITE,
        qualifiers=frozenset({"main"}),
        system_prefixes=("sqlite_", "pragma_", "dbstat", "json_", "fts", "rtree", "bytecode"),
        system_tables=frozenset({"sqlite_master", "sqlite_schema"}),
    ),
    "mysql": Vocabulary(
        functions=_COMMON | _MYSQL,
        qualifiers=frozenset({"information_schema"}),
        system_prefixes=("mysql", "performance_schema", "innodb_"),
        system_tables=_DESCRIBING,
    ),
    "postgres": Vocabulary(
        functions=_COMMON | _POSTGRES,
        qualifiers=frozenset({"public", "information_schema"}),
        system_prefixes=("pg_",),
        system_tables=_DESCRIBING,
        niladic=_words("user session_user system_user current_role current_catalog current_schema"),
    ),
}
