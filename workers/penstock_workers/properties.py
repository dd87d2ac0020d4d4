"""Properties files, as Java reads them."""

from __future__ import annotations

import re

_PAIR = re.compile(r"((?:\\.|[^\\=:\s])+)\s*[=:\s]?\s*(.*)", re.DOTALL)
_CONTINUED = re.compile(r"(?<!\\)(\\\\)*\\\Z")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_CONTROL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def properties(text: str) -> dict[str, str]:
    """What `java.util.Properties` makes of it: comments, lines that go on after a backslash, escapes."""
    found = {}
    lines = iter(text.splitlines())
    for line in map(str.strip, lines):
        if not line or line[0] in "#!":
            continue
        while _CONTINUED.search(line):
            line = line[:-1] + next(lines, "").strip()
        if pair := _PAIR.fullmatch(line):
            key, value = pair.groups()
            found[_unescaped(key)] = _unescaped(value)
    return found


def _unescaped(text: str) -> str:
    def character(escape: re.Match[str]) -> str:
        code = escape[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else _CONTROL.get(code, code)

    return _ESCAPE.sub(character, text)
