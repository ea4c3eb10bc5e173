"""The store: the only place that knows a database."""

from __future__ import annotations

from invigilation.store.store import SchemaBehind, Store, Tx

__all__ = ["SchemaBehind", "Store", "Tx"]
