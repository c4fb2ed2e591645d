"""What the broken variants are made of: the real thing, with one verb that does otherwise."""

from typing import Any


class PassingOn:
    """Passes everything on to `inner`, but for what a subclass does itself."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __enter__(self) -> Any:
        self.inner.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.inner.__exit__(*error)
