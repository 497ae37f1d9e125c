"""The rules that people write: customers' names, and how orders become rows of the schedule.

They stand in ``config/`` beside config.yaml: ``customers.yaml``, and ``mappings/*.yaml``. Where a
file is not there, as in an orchestrator's task that has config.yaml and the package alone, the one
that the package was built with counts; the two are never mixed.
"""

from __future__ import annotations

from dataclasses import dataclass

from etl.io.rules._customers import customers_frame
from etl.io.rules._files import find_rules, read_rules
from etl.io.rules._mappings import column_rules
from etl.io.source import Read, ReadContext

__all__ = ["Customers", "OrderMapping"]


@dataclass(frozen=True, kw_only=True)
class Customers:
    """Reads ``config/customers.yaml``: a row for every name that a customer goes by."""

    def read(self, context: ReadContext) -> Read:
        """Give a frame of :class:`~etl.contracts.customers.CustomerNames`.

        Raises
        ------
        ConfigError
            Everything that is wrong with the file, a line each; a name of two customers too.
        """
        file = find_rules(context.config, "customers.yaml")
        return Read(frame=read_rules(file, customers_frame), counts=False)

    def describe(self) -> str:
        """Name the file."""
        return "config/customers.yaml"


@dataclass(frozen=True)
class OrderMapping:
    """Reads ``config/mappings/NAME.yaml``: a row for each rule.

    :func:`etl.contracts.order_mapping.mapping_rules` gives the rules themselves.
    """

    name: str

    def read(self, context: ReadContext) -> Read:
        """Give a frame of :class:`~etl.contracts.order_mapping.MappingRows`.

        Raises
        ------
        ConfigError
            Everything that is wrong with the file, a line each.
        """
        from etl.contracts.order_mapping import mapping_frame

        file = find_rules(context.config, f"mappings/{self.name}.yaml")
        return Read(frame=mapping_frame(read_rules(file, column_rules)), counts=False)

    def describe(self) -> str:
        """Name the file."""
        return f"config/mappings/{self.name}.yaml"
