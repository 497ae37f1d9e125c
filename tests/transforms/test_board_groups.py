"""Properties of the groups transform, against a model in plain Python."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from etl.contracts.board_groups import BoardGroups
from etl.contracts.check import split
from etl.errors import ContractError
from etl.testing import ENGINES, Engine, assert_engine_parity, hand_over, texts
from etl.transforms.board_groups import group_rows
from tests.parity import parity

UTC = dt.UTC
NOW = dt.datetime(2026, 3, 10, 23, 30, 0, 1, tzinfo=UTC)
LATER = dt.datetime(2026, 3, 11, 4, tzinfo=UTC)
BEFORE = [dt.datetime(2025, 1, 1, tzinfo=UTC), dt.datetime(2026, 3, 8, 7, 1, tzinfo=UTC)]
TYPES = {
    "board_id": pl.Int64,
    "group_id": pl.String,
    "title": pl.String,
    "position": pl.Float64,
    "color": pl.String,
    "archived": pl.Boolean,
}

# Few boards and ids, so that groups meet; the same id on two boards is two groups.
KEYS = st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from(["topics", "grp_1", "Grp_1", "组"]))
TITLES = st.one_of(st.sampled_from(["Spring", "spring", "None"]), texts())
POSITIONS = st.one_of(st.none(), st.sampled_from([0.0, 65536.0, 65536.5]))
COLORS = st.one_of(st.none(), st.sampled_from(["#037f4c", "#fff"]))


@st.composite
def groups(draw: st.DrawFn) -> pl.DataFrame:
    keys = draw(st.lists(KEYS, unique=True, max_size=6))
    archived = st.sampled_from([False, False, True, None])
    rows = [(*key, *draw(st.tuples(TITLES, POSITIONS, COLORS, archived))) for key in keys]
    return pl.DataFrame(rows, schema=TYPES, orient="row")


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    rows = []
    for key in draw(st.lists(KEYS, unique=True, max_size=6)):
        title, position, color = draw(st.tuples(TITLES, POSITIONS, COLORS))
        since = draw(st.one_of(st.none(), st.sampled_from(BEFORE)))
        seen, updated = draw(st.tuples(*[st.sampled_from(BEFORE)] * 2))
        rows.append((*key, title, position, color, since is None, seen, since, updated))
    return pl.DataFrame(rows, schema=pl.Schema(BoardGroups), orient="row")


def model(groups: pl.DataFrame, table: pl.DataFrame, now: dt.datetime) -> list[tuple[Any, ...]]:
    """Say what the new table is, one group at a time."""
    rows = {row[:2]: row for row in table.rows()}
    boards = set(groups["board_id"])
    for row in groups.rows():
        *told, archived = row
        active = not archived
        old = rows.get(row[:2])
        if old is None:
            rows[row[:2]] = (*told, active, now, None if active else now, now)
            continue
        seen, since, updated = old[6:]
        since = None if active else since or now
        changed = (*told, active) != old[:6]
        rows[row[:2]] = (*told, active, seen, since, now if changed else updated)
    for key in rows.keys() - {row[:2] for row in groups.rows()}:
        *told, active, seen, since, updated = rows[key]
        if key[0] in boards and active:
            rows[key] = (*told, False, seen, now, now)
    return sorted(rows.values(), key=lambda row: row[:2])


@given(groups=groups(), table=tables())
def test_the_new_table_is_what_the_model_says(groups: pl.DataFrame, table: pl.DataFrame) -> None:
    assert group_rows(groups, table, now=NOW).rows() == model(groups, table, NOW)


@parity(group_rows)
@settings(max_examples=12)
@given(groups=groups(), table=tables())
def test_every_engine_gives_the_same_values_and_types(
    engine: Engine, groups: pl.DataFrame, table: pl.DataFrame
) -> None:
    assert_engine_parity(
        group_rows, groups, table, engines=[engine], contract=BoardGroups, in_order=True, now=NOW
    )


@given(groups=groups(), table=tables())
def test_the_new_table_keeps_its_contract(groups: pl.DataFrame, table: pl.DataFrame) -> None:
    new = group_rows(groups, table, now=NOW)
    assert new.columns == list(pl.Schema(BoardGroups))
    checked = split(new, BoardGroups)
    assert checked.rejected.height == 0
    keys = pl.concat([groups.select("board_id", "group_id"), table.select("board_id", "group_id")])
    assert new.height == keys.unique().height


@given(groups=groups(), table=tables())
def test_reading_the_same_groups_again_changes_nothing(
    groups: pl.DataFrame, table: pl.DataFrame
) -> None:
    once = group_rows(groups, table, now=NOW)
    assert_frame_equal(group_rows(groups, once, now=LATER), once, check_exact=True)


@given(groups=groups(), table=tables(), seed=st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(
    groups: pl.DataFrame, table: pl.DataFrame, seed: int
) -> None:
    shuffled = group_rows(
        groups.sample(fraction=1, shuffle=True, seed=seed), table.reverse(), now=NOW
    )
    assert_frame_equal(shuffled, group_rows(groups, table, now=NOW), check_exact=True)


@given(groups=groups(), table=tables())
def test_boards_can_be_read_one_by_one(groups: pl.DataFrame, table: pl.DataFrame) -> None:
    step = table
    for board in sorted(set(groups["board_id"])):
        step = group_rows(groups.filter(pl.col("board_id") == board), step, now=NOW)
    assert_frame_equal(step.sort("board_id", "group_id"), group_rows(groups, table, now=NOW))


@given(table=tables())
def test_a_board_that_was_not_read_is_not_touched(table: pl.DataFrame) -> None:
    nothing = pl.DataFrame(schema=TYPES)
    expected = table.sort("board_id", "group_id")
    assert_frame_equal(group_rows(nothing, table, now=NOW), expected, check_exact=True)


def test_a_first_run_starts_from_an_empty_table(engine: Engine) -> None:
    group = pl.DataFrame([(1, "topics", "Spring", 1.0, None, False)], schema=TYPES, orient="row")
    natives = hand_over(engine, group, BoardGroups.create_empty())
    rows = engine.read(group_rows(*natives, now=NOW))
    assert split(rows, BoardGroups).good.rows() == [
        (1, "topics", "Spring", 1.0, None, True, NOW, None, NOW)
    ]


def test_gone_back_and_archived() -> None:
    group = pl.DataFrame([(1, "a", "A", 1.0, None, False)], schema=TYPES, orient="row")
    other = pl.DataFrame([(1, "b", "B", 2.0, None, False)], schema=TYPES, orient="row")
    table = group_rows(group, BoardGroups.create_empty(), now=BEFORE[0])
    gone = group_rows(other, table, now=BEFORE[1])
    assert gone.filter(group_id="a").select("active", "inactive_since").row(0) == (False, BEFORE[1])
    archived = group.with_columns(archived=pl.lit(value=True))
    still = group_rows(pl.concat([other, archived]), gone, now=NOW)
    assert_frame_equal(still, gone, check_exact=True)
    back = group_rows(pl.concat([other, group]), still, now=NOW)
    assert back.filter(group_id="a").select("active", "inactive_since", "updated_at").row(0) == (
        True,
        None,
        NOW,
    )
    assert back.filter(group_id="a")["first_seen_at"].item() == BEFORE[0]


def test_a_position_may_be_text_as_monday_gives_it(engine: Engine) -> None:
    group = pl.DataFrame([(1, "a", "A", 65536.5, None, False)], schema=TYPES, orient="row")
    table = group_rows(group, BoardGroups.create_empty(), now=BEFORE[0])
    as_text = group.with_columns(position=pl.lit("65536.500"))
    rows = engine.read(group_rows(*hand_over(engine, as_text, table), now=NOW))
    assert_frame_equal(split(rows, BoardGroups).good, table, check_exact=True)


def test_a_position_that_is_no_number_is_not_silently_null(engine: Engine) -> None:
    group = pl.DataFrame([(1, "a", "A", 1.0, None, False)], schema=TYPES, orient="row")
    odd = group.with_columns(position=pl.lit("first"))
    natives = hand_over(engine, odd, BoardGroups.create_empty())
    with pytest.raises(Exception, match="first"):  # each engine has an exception of its own
        engine.read(group_rows(*natives, now=NOW))


def test_now_in_another_zone_is_the_same_moment() -> None:
    group = pl.DataFrame([(1, "a", "A", 1.0, None, False)], schema=TYPES, orient="row")
    elsewhere = NOW.astimezone(dt.timezone(dt.timedelta(hours=-5)))
    here = group_rows(group, BoardGroups.create_empty(), now=NOW)
    assert_frame_equal(group_rows(group, BoardGroups.create_empty(), now=elsewhere), here)


def test_what_is_wrong_with_the_input_is_said() -> None:
    nothing = pl.DataFrame(schema=TYPES)
    table = BoardGroups.create_empty()
    with pytest.raises(ContractError, match="no time zone"):
        group_rows(nothing, table, now=NOW.replace(tzinfo=None))
    with pytest.raises(ContractError, match="groups: the frame has no column archived"):
        group_rows(nothing.drop("archived"), table, now=NOW)
    with pytest.raises(ContractError, match="position must be a number, the groups have Boolean"):
        group_rows(nothing.cast({"position": pl.Boolean}), table, now=NOW)
    with pytest.raises(ContractError, match="different engines"):
        group_rows(nothing, ENGINES["pyarrow"].make(table), now=NOW)
