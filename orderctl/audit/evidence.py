"""Everything that one audit has collected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orderctl.audit.evidence_store import EvidenceStore
from orderctl.audit.facts import Stock


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was collected. Mappings are by service, those of stock by product.

    `dead_letters` are bounded by what is read of them; whatever grows with the orders is in the
    store. `stock` is None when it changed while it was read, so that movements and balances do
    not belong to the same moment. `joined`: when a latecomer began to receive; all others were
    there from the start.
    """

    store: EvidenceStore
    services: Sequence[str]
    dead_letters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    has_ledger: bool = False
    stock: Mapping[str, Stock] | None = field(default_factory=dict)
    moved: Mapping[str, int] = field(default_factory=dict)
    joined: Mapping[str, datetime | None] = field(default_factory=dict)
