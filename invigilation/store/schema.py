"""What all tables share: the metadata, the names of constraints, ids and references."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, MetaData, String

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)
ID = String(40)


def ref(name: str, target: str, **more: bool) -> Column[str]:
    """Return a column that names a row of another table; `nullable` and `primary_key` as usual."""
    key = more.get("primary_key", False)
    nullable = more.get("nullable", False)
    return Column(name, ID, ForeignKey(f"{target}.id"), nullable=nullable, primary_key=key)
