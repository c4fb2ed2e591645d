"""`python -m tools.contracts`: regenerates docs/contracts/; --check only lists differences."""

import sys

from tools.contracts.event_schema import event_schema
from tools.contracts.files import broken_promises, generated, stale
from tools.contracts.published import publish, refusals

_HOW_TO_BREAK_ONE = """\
This change would break clients of an HTTP interface: add a new element instead.
Once there are no clients left, delete the document, run make contracts, and document the change."""


def main(*, check: bool) -> str | None:
    """The problems found, or None."""
    if reasons := refusals(event_schema()):
        return "\n".join(["This change of order.placed would break consumers:", *reasons])
    if reasons := broken_promises():
        return "\n".join([*reasons, _HOW_TO_BREAK_ONE])
    if check:
        return "\n".join(f"{path} differs: run make contracts" for path in stale()) or None
    for path, content in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    publish(event_schema())
    return None


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
