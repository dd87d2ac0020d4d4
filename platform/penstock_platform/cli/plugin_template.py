"""`penstock plugin new`: the project of a plugin that works, with its tests, to go on from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from penstock import BadConfiguration

NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
KINDS = ["source", "sink", "converter", "config-provider"]
SHARED = "shared"
INSTALLED = "plugin_template"
"""In the wheel; in a clone the template lies at the root."""


@click.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default="source", show_default=True, help="What it starts with.")
@click.option(
    "--directory", type=click.Path(path_type=Path), help="Where it goes; must not exist yet. [default: penstock-NAME]"
)
def new_plugin(name: str, kind: str, directory: Path | None) -> None:
    """Make the project of a new plugin called NAME, with its tests.

    NAME is lower case, as in `weather` or `snow_depth`.
    """
    if not NAME.fullmatch(name):
        hint = "lower case letters, digits and underscores, beginning with a letter: weather, snow_depth"
        raise BadConfiguration(f"{name!r} cannot name a plugin", where="NAME", hint=hint)
    target = directory or Path(_distribution(name))
    if target.exists():
        raise BadConfiguration("exists", where=str(target), hint="name another --directory")
    for path, text in rendered(name, kind):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text, encoding="utf-8")
    click.echo(f"{target}: made. Next: cd {target} && pip install -e '.[test]' && pytest", err=True)


def rendered(name: str, kind: str) -> Iterator[tuple[Path, str]]:
    """Each file of the project, by its path in it: those of every plugin, and those of its kind."""
    class_name = "".join(part.capitalize() for part in name.split("_"))
    names = {"name": name, "class_name": class_name, "distribution": _distribution(name)}
    for template in (_templates() / SHARED, _templates() / kind):
        for source in sorted(template.rglob("*")):
            if source.is_file() and "__pycache__" not in source.parts:
                path = Template(str(source.relative_to(template))).substitute(names)
                yield Path(path), Template(source.read_text(encoding="utf-8")).substitute(names)


def _distribution(name: str) -> str:
    return f"penstock-{name.replace('_', '-')}"


def _templates() -> Path:
    installed = Path(str(files("penstock_platform"))) / INSTALLED
    return installed if installed.is_dir() else Path(__file__).parents[3] / "plugin-template"
