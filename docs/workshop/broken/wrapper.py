"""The base of the broken variants: a wrapper that overrides single methods."""

from typing import Any


class Wrapper:
    """Forwards to `inner` every method that a subclass does not override."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __enter__(self) -> Any:
        self.inner.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.inner.__exit__(*error)
