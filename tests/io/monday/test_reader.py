"""Readers: which columns a contract gets, what is noted, and what stops them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import pytest
from pydantic import SecretStr

from etl.config import BoardSettings, MondaySettings
from etl.contracts.board_planning import BoardPlanning
from etl.contracts.text import Text
from etl.errors import ConfigError, SourceError
from etl.io.monday.boards import Board, BoardColumn
from etl.io.monday.mapping import all_columns, contract_columns
from etl.io.monday.reader import MondayGroups, MondayItems, board_columns, check_board
from etl.io.source import ReadContext, Reader
from tests.monday_server import MondayServer, PeerBoard

if TYPE_CHECKING:
    from collections.abc import Mapping

BOARD = "9200517329"


@dataclass
class Settings:
    """As much of a configuration as a reader asks for."""

    url: str = "https://api.monday.example/v2"
    token: str | None = None
    sample: bool = False
    rows: int = 30
    columns: Mapping[str, str] = field(default_factory=dict)

    def monday(self) -> MondaySettings:
        return MondaySettings(
            url=self.url,
            token=None if self.token is None else SecretStr(self.token),
            sample=self.sample,
            sample_rows=self.rows,
            api_version="2026-10",
            timeout=5.0,
            boards={"planning": BoardSettings(id=BOARD, columns=self.columns)},
        )


def context(settings: Settings, **options: Any) -> ReadContext:
    return ReadContext(config=settings, **options)  # type: ignore[arg-type]


def to(server: MondayServer, **options: Any) -> Settings:
    return Settings(url=server.url, token=server.token, **options)


class Small(dy.Schema):
    item_id = dy.Int64(primary_key=True)
    quantity = dy.Int64(nullable=True, metadata={"board_column": "order_qty"})
    cost = dy.Decimal(12, 2, nullable=True, metadata={"board_column": "unit_cost"})
    cost_text = Text(nullable=True, metadata={"board_column": "unit_cost"})
    customer = Text(nullable=True, metadata={"board_column": "customer"})
    tags = Text(nullable=True, metadata={"board_column": "category", "list": "json"})
    start = dy.Date(nullable=True, metadata={"board_column": "production", "part": "from"})
    latitude = dy.Float64(nullable=True, metadata={"board_column": "factory_site", "part": "lat"})
    changed = dy.Date(
        nullable=True, metadata={"board_column": "fabric_changed", "changed_at": True}
    )


def test_the_readers_are_readers() -> None:
    assert isinstance(MondayItems(board="planning"), Reader)
    assert isinstance(MondayGroups(board="planning"), Reader)


def test_columns_are_named_by_the_contract_and_typed_by_the_board() -> None:
    with MondayServer([PeerBoard.sample(40)]) as server:
        found = MondayItems(board="planning", contract=Small).read(context(to(server)))
    assert found.frame.schema == pl.Schema(
        {
            "item_id": pl.Int64,
            "item_name": pl.String,
            "group_title": pl.String,
            "created_at": pl.Datetime("us", "UTC"),
            "updated_at": pl.Datetime("us", "UTC"),
            "quantity": pl.Float64,
            "cost": pl.String,  # from the text: a float is another number
            "cost_text": pl.String,
            "customer": pl.String,
            "tags": pl.String,
            "start": pl.Date,
            "latitude": pl.Float64,
            "changed": pl.Datetime("us", "UTC"),
        }
    )
    assert found.frame.height == 40
    assert '["woven, heavy", "🧥"]' in found.frame["tags"].to_list()
    assert found.frame["changed"].null_count() < 40
    asked = server.asked[1].variables["columns"]
    assert asked == [
        "order_qty", "unit_cost", "customer", "category", "production", "factory_site",
        "fabric_changed",
    ]  # fmt: skip


def test_columns_that_no_contract_maps_are_noted_and_archived_ones_are_not() -> None:
    found = MondayItems(board="planning", contract=Small).read(context(Settings(sample=True)))
    (note,) = [note for note in found.notes if "not mapped" in note]
    assert "style_status (Status)" in note
    assert "old_notes" not in note
    assert "order_qty" not in note


def test_the_sample_board_is_read_through_the_same_client_and_says_so() -> None:
    with MondayServer([PeerBoard.sample(30)]) as server:
        live = MondayItems(board="planning", contract=BoardPlanning).read(context(to(server)))
    sample = MondayItems(board="planning", contract=BoardPlanning).read(
        context(Settings(sample=True))
    )
    assert sample.frame.equals(live.frame)
    assert set(sample.notes) - set(live.notes) == {
        "no token is set: this is the generated sample board of 30 items"
    }


def test_without_a_contract_all_columns_come() -> None:
    frame = MondayItems(board="planning").read(context(Settings(sample=True))).frame
    assert {"customer", "production_from", "production_to", "factory_site_lng"} <= set(
        frame.columns
    )
    assert not {"name", "old_notes"} & set(frame.columns)
    assert frame.schema["customer"] == pl.List(pl.String)


def test_a_board_with_other_ids_is_mapped_by_the_configuration() -> None:
    board = PeerBoard.sample(30)
    other = {"order_qty": "numbers_mkr7", "customer": "dropdown_mkr8"}
    board.columns = [
        {**column, "id": other.get(column["id"], column["id"])} for column in board.columns
    ]
    board.items = [
        {
            **item,
            "column_values": [
                {**cell, "id": other.get(cell["id"], cell["id"])} for cell in item["column_values"]
            ],
        }
        for item in board.items
    ]
    reader = MondayItems(board="planning", contract=Small)
    same = reader.read(context(Settings(sample=True))).frame
    with MondayServer([board]) as server:
        # by the contract's column id, or by the name of its column
        columns = {"numbers_mkr7": "order_qty", "dropdown_mkr8": "customer"}
        assert reader.read(context(to(server, columns=columns))).frame.equals(same)
        columns["numbers_mkr7"] = "quantity"
        assert reader.read(context(to(server, columns=columns))).frame.equals(same)
        with pytest.raises(SourceError) as caught:
            reader.read(context(to(server)))
    said = str(caught.value)
    assert "quantity: board column 'order_qty' is not there" in said
    assert "customer: board column 'customer' is not there" in said
    assert "numbers_mkr7 (Ordered, numbers)" in said


def live(*columns: tuple[str, str, bool]) -> Board:
    return Board(
        id="1",
        name="Plan",
        items_count=0,
        columns=tuple(
            BoardColumn(id=column_id, title=column_id, type=type_name, archived=archived)
            for column_id, type_name, archived in columns
        ),
    )


class One(dy.Schema):
    value = Text(nullable=True, metadata={"board_column": "c"})


class From(dy.Schema):
    value = dy.Date(nullable=True, metadata={"board_column": "c", "part": "from"})


@pytest.mark.parametrize(
    ("contract", "column", "said"),
    [
        (One, ("c", "text", True), "value: board column 'c' is archived"),
        (One, ("c", "timeline", False), r"several values.*`part` \(from, to\)"),
        (From, ("c", "text", False), "type text, which has no part 'from'"),
        (One, ("c", "name", False), "item's name"),
    ],
)
def test_what_does_not_fit_is_said(
    contract: type[dy.Schema], column: tuple[str, str, bool], said: str
) -> None:
    with pytest.raises(SourceError, match=said):
        contract_columns(contract, live(column))


def test_a_mapping_to_nothing_or_twice_is_a_mistake_of_the_configuration() -> None:
    board = live(("c", "text", False), ("d", "text", False))
    with pytest.raises(ConfigError, match=r"'d' to 'valeu'.*has no such column.*value"):
        contract_columns(One, board, {"d": "valeu"})
    with pytest.raises(ConfigError, match="two board columns, 'c' and 'd'"):
        contract_columns(One, board, {"c": "value", "d": "c"})


def test_of_more_than_five_formulas_the_first_five_are_read() -> None:
    wanted, notes = all_columns(live(*((f"f{n}", "formula", False) for n in range(7))))
    assert [column.name for column in wanted] == ["f0", "f1", "f2", "f3", "f4"]
    assert "f5, f6" in notes[0]


def test_a_board_column_never_takes_a_name_that_is_taken() -> None:
    board = live(("item_id", "item_id", False), ("a", "timeline", False), ("a_from", "text", False))
    names = [column.name for column in all_columns(board)[0]]
    assert names == ["item_id_", "a_from", "a_to", "a_from_"]


@pytest.mark.parametrize("reader", [MondayItems(board="planning"), MondayGroups(board="planning")])
def test_an_empty_board_is_an_error_unless_it_is_allowed(reader: Any) -> None:
    empty = PeerBoard.sample(0)
    empty.groups = []
    with MondayServer([empty]) as server:
        with pytest.raises(SourceError, match="--allow-empty"):
            reader.read(context(to(server)))
        assert reader.read(context(to(server), allow_empty=True)).frame.is_empty()


def test_a_limit_is_a_limit_on_both_readers() -> None:
    settings = Settings(sample=True, rows=5000)
    assert (
        MondayItems(board="planning", contract=Small).read(context(settings, limit=7)).frame.height
        == 7
    )
    assert MondayGroups(board="planning").read(context(settings, limit=2)).frame.height == 2
    assert MondayItems(board="planning").read(context(settings, limit=0)).frame.is_empty()


def test_progress_reaches_the_reader() -> None:
    told: list[int] = []
    MondayItems(board="planning", contract=Small).read(
        context(Settings(sample=True, rows=1100), progress=lambda _, done, __: told.append(done))
    )
    assert told == [500, 1000, 1100]


def test_without_a_token_or_a_board_the_configuration_is_at_fault() -> None:
    with pytest.raises(ConfigError, match="MONDAY_API_TOKEN"):
        MondayItems(board="planning").read(context(Settings()))
    with pytest.raises(ConfigError, match="MONDAY_API_TOKEN"):
        MondayItems(board="planning").read(context(Settings(token=" \n")))
    with pytest.raises(ConfigError, match=r"'planing'.*did you mean 'planning'"):
        MondayGroups(board="planing").read(context(Settings(sample=True)))


def test_a_check_tells_problems_instead_of_raising() -> None:
    settings: Any = Settings(sample=True)
    assert {column.id for column in board_columns(settings, "planning").columns} >= {
        "name",
        "sizes",
    }
    fits = check_board(settings, "planning", BoardPlanning)
    assert fits.problems == ()
    assert "row_number" in fits.notes[0]

    class More(Small):
        extra = Text(nullable=True, metadata={"board_column": "not_there"})

    (problem,) = check_board(settings, "planning", More).problems
    assert "extra: board column 'not_there' is not there" in problem


def test_the_readers_import_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys, etl.io.monday.reader as r; r.MondayItems(board='x').describe();"
        "print({'polars', 'pandas', 'httpx', 'dataframely', 'sqlalchemy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
