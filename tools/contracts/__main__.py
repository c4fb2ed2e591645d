"""`python -m tools.contracts`: write docs/contracts/ anew; with --check, only say what differs."""

import sys

from tools.contracts.event_schema import event_schema
from tools.contracts.files import generated, stale
from tools.contracts.published import publish, refusals


def main(*, check: bool) -> str | None:
    """What is wrong, None when nothing is."""
    if reasons := refusals(event_schema()):
        return "\n".join(["The schema of order.placed must not change like this:", *reasons])
    if check:
        return "\n".join(f"{path} differs: run make contracts" for path in stale()) or None
    for path, content in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    publish(event_schema())
    return None


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
