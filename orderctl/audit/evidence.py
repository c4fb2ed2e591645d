"""The evidence of one audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orderctl.audit.evidence_store import EvidenceStore
from orderctl.audit.facts import Stock


@dataclass(frozen=True, slots=True)
class Evidence:
    """Mappings are by service, those of stock by product.

    Data that grows with the number of orders is in the store; `dead_letters` are bounded by the
    collector. `stock` is None if it changed while it was read, so that movements and balances
    belong to different moments. `joined`: when each latecomer started to receive events; all
    other services did from the start.
    """

    store: EvidenceStore
    services: Sequence[str]
    dead_letters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    has_ledger: bool = False
    stock: Mapping[str, Stock] | None = field(default_factory=dict)
    moved: Mapping[str, int] = field(default_factory=dict)
    joined: Mapping[str, datetime | None] = field(default_factory=dict)
