"""`python -m tools.contracts`: write docs/contracts/ anew; with --check, only say what differs."""

import sys

from tools.contracts.event_schema import event_schema
from tools.contracts.files import broken_promises, generated, stale
from tools.contracts.published import publish, refusals

_HOW_TO_BREAK_ONE = """\
HTTP interfaces must not change like this while clients use them: add something beside it.
When no client is left, delete the document, run make contracts, and say so in the change."""


def main(*, check: bool) -> str | None:
    """What is wrong, None when nothing is."""
    if reasons := refusals(event_schema()):
        return "\n".join(["The schema of order.placed must not change like this:", *reasons])
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
