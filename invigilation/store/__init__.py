"""The store: the only place that knows a database."""

from __future__ import annotations

from invigilation.store.store import Store, Tx

__all__ = ["Store", "Tx"]
