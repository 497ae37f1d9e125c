"""From orders as customers send them to staged orders: found, mapped, staged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from etl.transforms.batches import settled
from etl.transforms.map_orders import map_orders
from etl.transforms.new_orders import new_orders
from etl.transforms.order_staging import stage_orders
from etl.transforms.portable import on_any_engine

if TYPE_CHECKING:
    import datetime as dt

    from etl.transforms.portable import Lazy

__all__ = ["load_orders"]


def load_orders(
    orders: Any,
    schedule: Any,
    *,
    customers: Any,
    mapping: object,
    staging: Any,
    sizes: Any,
    batches: Any,
    now: dt.datetime,
    run_id: str,
    batch_size: int,
) -> dict[str, Any]:
    """Stage the orders that the schedule does not have.

    Parameters
    ----------
    orders
        Rows of ``dbo.orders_unified``, of any engine; see
        :func:`~etl.transforms.new_orders.new_orders`.
    schedule
        Rows of :class:`~etl.contracts.master_schedule.MasterSchedule`, of the same engine as all
        that follow but ``mapping``.
    customers
        The customers' names.
    mapping
        The rules, or their frame, of any engine; see
        :func:`~etl.transforms.map_orders.map_orders`.
    staging, sizes, batches
        The tables' rows; see :func:`~etl.transforms.order_staging.stage_orders`.
    now, run_id, batch_size
        As there.

    Returns
    -------
    dict
        ``staging``, ``sizes``, ``batches``: the rows to upsert. ``rejected``: orders, as they came
        in, that nobody can tell apart or that the mapping refuses; ``no_room``: mapped orders with
        a size that is too long. Both with the ``reason``. Of a relation and a Spark frame each step
        is computed when this is called, so that none is planned and computed again for the next.
    """
    found = {name: settled(frame) for name, frame in new_orders(orders, schedule).items()}
    mapped = {
        name: settled(frame) for name, frame in map_orders(found["new"], mapping, customers).items()
    }
    staged = stage_orders(
        mapped["schedule"],
        mapped["sizes"],
        staging,
        sizes,
        batches,
        now=now,
        run_id=run_id,
        batch_size=batch_size,
    )
    no_room = staged.pop("rejected")
    rejected = on_any_engine(_stacked, found["rejected"], mapped["rejected"])
    return {**staged, "rejected": rejected, "no_room": no_room}


def _stacked(above: Lazy, below: Lazy) -> Lazy:
    return nw.concat([above, below])
