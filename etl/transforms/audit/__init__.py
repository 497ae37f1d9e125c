"""Do packed and shipped quantities agree with what was ordered?

Each step is a function of frames, and works alone on any engine:

====================  ==============================================================
standardise           texts as they are compared, customers by one name
unpivot               orders as lines of one size
uncounted             orders with a quantity that no line has
combine               packed and shipped summed by key
match_exact           order lines that say the same
match_cross_field     the same with POs in each other's fields
match_fuzzy           the order line that is most alike
audit_rows            shipments beside order lines: variance, quality
summarise             a row a customer
sampled               a part of the results
match_quality         precision and recall, where the truth is known
====================  ==============================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.contracts.audit import AuditResults
from etl.transforms.audit.combine import combine
from etl.transforms.audit.exact import match_cross_field, match_exact
from etl.transforms.audit.fuzzy import match_fuzzy
from etl.transforms.audit.quality import audit_rows
from etl.transforms.audit.sample import sampled
from etl.transforms.audit.standardise import standardise
from etl.transforms.audit.summary import summarise
from etl.transforms.audit.truth import match_notes, match_quality
from etl.transforms.audit.unpivot import uncounted, unpivot
from etl.transforms.batches import at_once, settled

if TYPE_CHECKING:
    from etl.transforms.portable import FrameT

__all__ = [
    "audit",
    "audit_results",
    "audit_rows",
    "combine",
    "match_cross_field",
    "match_exact",
    "match_fuzzy",
    "match_notes",
    "match_quality",
    "sample_audit",
    "sampled",
    "standardise",
    "summarise",
    "uncounted",
    "unpivot",
]


def audit_results(packed: FrameT, shipped: FrameT, orders: FrameT, customers: FrameT) -> FrameT:
    """Match what was packed and shipped with what was ordered.

    Parameters
    ----------
    packed, shipped
        Scans, with the columns of :class:`~etl.contracts.shipments.Packed` and ``Shipped``: pandas
        or polars frames, LazyFrames, pyarrow Tables or DuckDB relations.
    orders
        Rows of ``dbo.orders_unified``, size columns and all.
    customers
        The names of :class:`~etl.contracts.customers.CustomerNames`. All are of one engine.

    Returns
    -------
    the type of ``packed``
        The columns of :class:`~etl.contracts.audit.AuditResults`, ordered by key. A relation and a
        Spark frame are computed when this is called.

    Raises
    ------
    ContractError
        A column is missing, or the frames are of different engines.

    Examples
    --------
    >>> import polars as pl
    >>> from etl.contracts.customers import CustomerNames
    >>> scan = {"customer": "Northwind", "po_number": "A-7001", "alt_po": None, "style": "LS1"}
    >>> scan |= {"pattern": None, "color": "navy", "size": "M", "quantity": 7}
    >>> order = {"ORDER NUMBER": "SO-1", "CUSTOMER NAME": "northwind", "PO NUMBER": "A-7010"}
    >>> order |= {"ALT PO": None, "STYLE": "LS1", "PATTERN": None, "COLOR": "Navy"}
    >>> order |= {"UNIT OF MEASURE": "EA", "S": 4, "M": 7, "TOTAL QTY": 11}
    >>> scans, orders = pl.DataFrame([scan]), pl.DataFrame([order])
    >>> results = audit_results(scans, scans, orders, CustomerNames.create_empty())
    >>> told = ("match_type", "match_score", "order_size", "ordered_qty", "shipped_qty", "quality")
    >>> results.select(told).rows()
    [('UNFULFILLED', None, 'S', 4, 0, 'POOR'), ('FUZZY', 95.0, 'M', 7, 7, 'POOR')]
    """
    return at_once(_audit_results, packed, shipped, orders, customers, contract=AuditResults)


def _audit_results(packed: FrameT, shipped: FrameT, orders: FrameT, customers: FrameT) -> FrameT:
    scans = [standardise(rows, customers) for rows in (packed, shipped)]
    shipments = settled(combine(*scans))
    lines = settled(unpivot(orders, customers))
    exact = settled(match_exact(shipments, lines))
    crossed = settled(match_cross_field(shipments, lines, exact))
    fuzzy = settled(match_fuzzy(shipments, lines, exact, crossed))
    return settled(audit_rows(shipments, lines, exact, crossed, fuzzy))


def audit(
    packed: FrameT,
    shipped: FrameT,
    orders: FrameT,
    customers: FrameT,
    truth: FrameT | None = None,
) -> dict[str, FrameT]:
    """Audit packed and shipped against the orders: results, summary, and how good the matching is.

    Parameters
    ----------
    packed, shipped, orders, customers
        As for :func:`audit_results`.
    truth
        Rows of :class:`~etl.contracts.samples.SampleAuditTruth`, for generated samples; of the same
        engine.

    Returns
    -------
    dict of the type of ``packed``
        ``results`` and ``summary``; ``rejected``, the orders of which a quantity can't be counted
        (:func:`uncounted`); with ``truth`` also ``notes``, a frame with one column, ``note``, which
        tells precision and recall.

    Raises
    ------
    ContractError
        A column is missing, or the frames are of different engines.

    Examples
    --------
    >>> import polars as pl
    >>> from etl.contracts.customers import CustomerNames
    >>> from etl.contracts.orders_unified import with_sizes
    >>> from etl.contracts.shipments import Packed, Shipped
    >>> scans = [contract.create_empty() for contract in (Packed, Shipped)]
    >>> orders = with_sizes(["M"]).create_empty()
    >>> found = audit(*scans, orders, CustomerNames.create_empty())
    >>> {name: frame.height for name, frame in found.items()}
    {'results': 0, 'summary': 0, 'rejected': 0}
    """
    return _told(audit_results(packed, shipped, orders, customers), orders, truth)


def sample_audit(
    packed: FrameT,
    shipped: FrameT,
    orders: FrameT,
    customers: FrameT,
    truth: FrameT | None = None,
    *,
    sample: int,
) -> dict[str, FrameT]:
    """Audit as :func:`audit` does, and keep ``sample`` of the results (:func:`sampled`).

    All is matched first, so that a row's variance is that of the whole order; the summary and the
    notes tell of the sample alone, ``rejected`` of all orders.
    """
    found = audit_results(packed, shipped, orders, customers)
    return _told(sampled(found, sample), orders, truth)


def _told(results: FrameT, orders: FrameT, truth: FrameT | None) -> dict[str, FrameT]:
    made = {"results": results, "summary": summarise(results), "rejected": uncounted(orders)}
    return made if truth is None else {**made, "notes": match_notes(results, truth)}
