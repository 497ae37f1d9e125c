"""How a frame is to be written: the options of ``write_frame``, checked in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from etl.errors import ContractError
from etl.io.names import did_you_mean
from etl.io.source import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    import dataframely as dy

__all__ = [
    "EMPTYING",
    "MOST_WORKERS",
    "Mode",
    "OnDuplicate",
    "OnNewColumns",
    "OnPrecisionLoss",
    "OnWiden",
]
__all__ += ["WriteOptions"]

Mode = Literal["append", "insert", "upsert", "replace", "sync"]
OnDuplicate = Literal["error", "last"]
OnNewColumns = Literal["error", "add", "ignore"]
OnPrecisionLoss = Literal["error", "truncate"]
OnWiden = Literal["error", "widen"]

MOST_WORKERS: Final = 32
"""Each is a connection to the server, and a thread here."""

EMPTYING: Final = frozenset({"replace", "sync"})
"""The modes by which a frame without rows would empty the table."""

_CHOICES: Final = {
    "mode": Mode,
    "on_duplicate": OnDuplicate,
    "on_new_columns": OnNewColumns,
    "on_precision_loss": OnPrecisionLoss,
    "on_widen": OnWiden,
}


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """The options of ``db_helper.write_frame``, which explains them.

    Raises
    ------
    ContractError
        An option has a value that there is not.

    Examples
    --------
    >>> WriteOptions(mode="replce")
    Traceback (most recent call last):
    etl.errors.ContractError: no mode 'replce': choose append, insert, upsert, replace, sync ...
    """

    mode: Mode = "append"
    key: str | Sequence[str] | None = None
    contract: type[dy.Schema] | None = None
    create: Literal["auto"] | bool = "auto"
    allow_empty: bool = False
    on_duplicate: OnDuplicate = "error"
    order_by: str | None = None
    on_new_columns: OnNewColumns = "error"
    on_widen: OnWiden = "error"
    on_precision_loss: OnPrecisionLoss = "error"
    loader: str | None = None
    workers: int = 1
    progress: Progress = silent

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value, known = getattr(self, name), get_args(choices)
            if value not in known:
                hint = did_you_mean(str(value), known)
                raise ContractError(f"no {name} {value!r}: choose {', '.join(known)}{hint}")
        if type(self.workers) is not int or not 1 <= self.workers <= MOST_WORKERS:
            raise ContractError(
                f"workers is a whole number from 1 to {MOST_WORKERS}, and not {self.workers!r}"
            )
        if (self.on_duplicate == "last") != (self.order_by is not None):
            raise ContractError(
                "on_duplicate='last' and order_by go together: order_by names the column whose "
                "greatest value is the last"
            )
