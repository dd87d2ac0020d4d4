"""Commands, REST requests, options and metrics that the guides name are there, by what the code itself says."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from penstock_platform.cli.root import root
from penstock_platform.rest.application import ROUTES
from penstock_platform.rest.metric_families import families
from penstock_workers.cluster.info import ClusterInfo

from .pages import GUIDES, REFERENCE, ROOT, blocks, name_of, quoted

NAMES_OF_OTHERS = {"isolation.level"}
"""Options of Kafka's clients."""
CONVERTER_OPTION = re.compile(r"(?:key|value|header)\.converter\.")
"""How an option begins that the reference lists without this."""
NO_OPTIONS = re.compile(r"(penstock|tests|org)\.|.*\.(log|md|properties|py|toml)$")


def commands(script: str) -> Iterator[list[str]]:
    """The calls of `penstock` in a shell script, as words."""
    lexer = shlex.shlex(re.sub(r"\\\n|(^|\s)#.*", " ", script), posix=True, punctuation_chars="|&;<>()\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;<>()\n"):
            if words[:1] == ["penstock"]:
                yield words[1:]
            words = []
        elif words or not re.match(r"\w+=", word):
            words.append(word)


def parse(words: list[str], *, is_complete: bool = True) -> None:
    """Have click parse a command as far as it can without the world: names, options and how many arguments."""
    command: click.Command = root
    context = click.Context(root, info_name="penstock")
    while isinstance(command, click.Group) and words:
        child = command.get_command(context, words[0])
        if child is None and command.invoke_without_command:
            break
        if child is None:
            raise click.UsageError(f"no command {words[0]!r}")
        command, context, words = child, click.Context(child, parent=context), words[1:]
    if isinstance(command, click.Group) and not command.invoke_without_command:
        if words or is_complete:
            raise click.UsageError("a command is missing")
        return
    context.resilient_parsing = not is_complete
    values, surplus, _ = command.make_parser(context).parse_args(list(words))
    if surplus:
        raise click.UsageError(f"too many arguments: {surplus}")
    for parameter in command.params:
        value = values.get(parameter.name or "")
        is_given = isinstance(value, (str, list, tuple)) and value
        if is_complete and parameter.required and not is_given and not parameter.envvar:
            raise click.UsageError(f"{parameter.name} is missing")
        if isinstance(parameter.type, click.Choice) and isinstance(value, str):
            parameter.type.convert(value, parameter, context)


def is_served(method: str | None, path: str) -> bool:
    """Whether a request as people write it, with names or placeholders, has a route."""
    segments = path.partition("?")[0].rstrip("/").split("/")
    for served_method, pattern, _ in ROUTES:
        expected = pattern.rstrip("/").split("/")
        if method in (None, served_method) and len(expected) == len(segments):
            pairs = zip(expected, segments, strict=True)
            if all(one == other or (one.startswith("{") and other) for one, other in pairs):
                return True
    return False


def requests(page: Path) -> Iterator[tuple[str | None, str]]:
    """Methods and paths: `PUT /connectors/NAME/pause` in the text, and the arguments of curl."""
    first_segments = "|".join({pattern.split("/")[1] for _, pattern, _ in ROUTES} - {""})
    for text in quoted(page):
        if found := re.fullmatch(r"([A-Z]+) (?:…|/\S*?)(/\S*)?", text):
            yield found[1], text.partition(" ")[2].replace("…", "/connectors/NAME")
        elif re.match(rf"/({first_segments})(/|\?|$)", text):
            yield None, text
    for block in blocks(page, "sh"):
        for call in re.findall(r"\bcurl\b.*?https?://[^/\s]+:8083[^\s'\"]*", block, re.S):
            method = re.search(r"-X (\w+)", call)
            yield method[1] if method else "GET", re.sub(r".*:8083", "", call, flags=re.S) or "/"


def option_names(page: Path) -> Iterator[str]:
    """`errors.tolerance`, `errors.tolerance=all`, `restart.`, and what commands set."""
    for text in quoted(page):
        name, _, _ = text.partition("=")
        if re.fullmatch(r"[a-z][a-z0-9]*(\.[a-z0-9]+)+", name) and not NO_OPTIONS.match(name):
            yield name
    for block in blocks(page, "sh"):
        yield from re.findall(r"(?:-s|--set) ([a-z0-9.]+)=", block)


def known_options() -> set[str]:
    """All that the generated reference pages list."""
    tables = "".join(page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md"))
    return set(re.findall(r"\| `([a-z0-9.]+)` \|", tables)) | NAMES_OF_OTHERS


@pytest.mark.parametrize("page", [*GUIDES, ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_commands_parse(page: Path) -> None:
    for block in blocks(page, "sh"):
        for words in commands(block):
            try:
                parse(words)
            except click.ClickException as error:
                pytest.fail(f"penstock {shlex.join(words)}: {error.format_message()}")
    for text in (text for text in quoted(page) if re.match(r"penstock [a-z]", text)):
        try:
            parse(shlex.split(text)[1:], is_complete=False)
        except click.ClickException as error:
            pytest.fail(f"{text}: {error.format_message()}")


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_requests_have_a_route(page: Path) -> None:
    for method, path in requests(page):
        assert is_served(method, path), f"{method or ''} {path}"


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_options_exist(page: Path) -> None:
    known = known_options() | {name for block in blocks(page, "python") for name in declared_options(block)}
    assert not {CONVERTER_OPTION.sub("", name) for name in option_names(page)} - known


def declared_options(source: str) -> Iterator[str]:
    """Those of an example's configuration class."""
    for attribute in re.findall(r"^    (\w+): .* = option\(", source, re.M):
        yield attribute.replace("_", ".")


def test_each_metric_is_in_the_guide_and_no_other() -> None:
    table = (ROOT / "docs" / "guides" / "operating.md").read_text(encoding="utf-8")
    served = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in families([], {}, ClusterInfo("", 0, [], []))
    }
    assert set(re.findall(r"`(penstock_[a-z_]+)`", table)) == served


@pytest.mark.parametrize(
    "command",
    [
        "penstock conector list",
        "penstock connector list --verbos",
        "penstock topic create",
        "penstock consume a b -n 1",
    ],
)
def test_what_is_wrong_is_found(command: str) -> None:
    ((words),) = commands(f"FOO=1 {command} | cat")
    with pytest.raises(click.ClickException):
        parse(words)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/conectors"), ("POST", "/connectors/a"), (None, "/connectors/a/b")]
)
def test_a_request_without_a_route_is_found(method: str | None, path: str) -> None:
    assert not is_served(method, path)
