"""Quotes functions, classes and constants in documents, by file and name.

`make quotes` refreshes all quotations with cog (https://cog.readthedocs.io), and a test fails if
one differs from the code.
"""

import ast
import textwrap
from collections.abc import Sequence
from pathlib import Path


class NotFound(Exception):
    """The file contains no such name."""


def quote(file: str, name: str) -> str:
    """Markdown with a link, valid two folders below the root, and the unchanged lines.

    `name`: a function, a class, a constant, or a method as `Class.method`.
    """
    code = textwrap.dedent(_lines(Path(file).read_text(encoding="utf-8"), name))
    return f"[`{name}`](../../{file}) in `{file}`:\n\n```python\n{code}\n```"


def _lines(source: str, name: str) -> str:
    outer, _, inner = name.partition(".")
    found = _find(ast.parse(source).body, outer)
    if inner:
        found = _find(getattr(found, "body", []), inner)
    return "\n".join(source.splitlines()[_first(found) - 1 : found.end_lineno])


def _first(found: ast.stmt) -> int:
    """The first line of the definition, including its decorators."""
    decorators: list[ast.expr] = getattr(found, "decorator_list", [])
    return min([found.lineno, *(decorator.lineno for decorator in decorators)])


def _find(statements: Sequence[ast.stmt], name: str) -> ast.stmt:
    for statement in statements:
        if name in _names(statement):
            return statement
    raise NotFound(name)


def _names(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []
