"""Every error code that the source names, with what its message and hint say.

Read from the syntax trees of the packages: class attributes `code = "..."` with their class's docstring, arguments
`code="..."`, problems `Problem("...", ...)`, and the client's table of Kafka's errors.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from penstock_workers.client.errors import NEVER
from writers.markdown import table

ROOT = Path(__file__).parents[2]
PACKAGES = ("platform/penstock", "platform/penstock_platform", "workers/penstock_workers", "plugins")


class Code(NamedTuple):
    code: str
    meaning: str
    hint: str


def error_codes() -> str:
    codes = sorted(set(_all_codes()))
    merged: dict[str, list[Code]] = {}
    for each in codes:
        merged.setdefault(each.code, []).append(each)
    rows = [
        [f"`{code}`", _joined(found, "meaning") or "in the words of its cause", _joined(found, "hint")]
        for code, found in merged.items()
    ]
    return (
        "# Error codes\n\n"
        "An error is one object in REST, on the command line, in logs and in traces: `code`, `message`, `where`, "
        "`hint`, and `cause`. The code is stable; the words are not. `…` stands for what the error is about. What HTTP "
        "itself refuses has its phrase as code: `not-found`, `method-not-allowed`.\n\n"
        + table(["code", "what it says", "what to do"], rows)
    )


def _joined(found: list[Code], field: str) -> str:
    return "<br>".join(dict.fromkeys(text for each in found if (text := getattr(each, field))))


def _all_codes() -> Iterator[Code]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "tests" not in path.parts:
                yield from _codes_of(ast.parse(path.read_text(encoding="utf-8")))
    for kind, (code, hint) in NEVER.items():
        yield Code(code, f"Kafka: {kind.__name__.removesuffix('Error')}.", hint)


def _codes_of(tree: ast.Module) -> Iterator[Code]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from _class_code(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _chosen_codes(node)
        elif isinstance(node, ast.Call):
            yield from _call_codes(node)


def _class_code(node: ast.ClassDef) -> Iterator[Code]:
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name("code")], value=ast.Constant(str(code))):
                yield Code(code, (ast.get_docstring(node) or "").split("\n\n")[0], "")


def _chosen_codes(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Code]:
    """`code = "one" if ... else "other"`, for what is raised further down."""
    for statement in ast.walk(node):
        match statement:
            case ast.Assign(targets=[ast.Name("code")], value=ast.IfExp(ast.expr(), body, orelse)):
                yield from (Code(_text(each), "", "") for each in (body, orelse))


def _call_codes(call: ast.Call) -> Iterator[Code]:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    hint = _text(keywords.get("hint"))
    message = _text(call.args[0]) if call.args else ""
    code = _text(keywords.get("code"))
    if isinstance(call.func, ast.Name) and call.func.id == "Problem" and call.args:
        code, message, _, positional_hint, *_ = [*(_text(argument) for argument in call.args), "", "", ""]
        hint = hint or positional_hint
    if code and code != "…" and "_" not in code:
        yield Code(code, message, hint)


def _text(node: ast.expr | None) -> str:
    """What a string, a string with values in it, or either of two will say; nothing for what is made elsewhere."""
    match node:
        case ast.Constant(str(text)):
            return text
        case ast.JoinedStr(values):
            return "".join(_text(value) or "…" for value in values)
        case _:
            return ""
