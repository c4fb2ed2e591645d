"""The tables that record a consumer's work: its inbox and its history."""

from dataclasses import dataclass

from sqlalchemy import Table


@dataclass(frozen=True, slots=True)
class Tables:
    inbox: Table
    history: Table
