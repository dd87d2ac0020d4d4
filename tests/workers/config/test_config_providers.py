"""References to secrets, as Kafka Connect's configurations write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock import BadConfiguration, ConfigProvider, ConfigProviderConfig, option
from penstock_workers.config_providers import (
    ConfiguredProvider,
    UnresolvedReference,
    has_reference,
    is_reference,
    located,
    providers_of,
    resolved,
)
from penstock_workers.own_config_providers import OWN, describe
from penstock_workers.worker_options import read_worker_options

JAVA = "org.apache.kafka.common.config.provider."


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    (tmp_path / "db.properties").write_text("password=s3cret\nuser=alice\n")
    (tmp_path / "token").write_text("t0ken")
    return tmp_path


@pytest.fixture
def config(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("STORE_URL", "http://store")
    monkeypatch.setenv("OTHER", "x")
    return {
        "config.providers": "file, dir, env",
        "config.providers.file.class": f"{JAVA}FileConfigProvider",
        "config.providers.dir.class": "DirectoryConfigProvider",
        "config.providers.dir.param.allowed.paths": str(secrets),
        "config.providers.env.param.allowlist.pattern": "STORE_.*",
    }


def test_each_kind_resolves_its_references(config: dict[str, str], secrets: Path) -> None:
    given = {
        "password": f"${{file:{secrets}/db.properties:password}}",
        "login": f"${{file:{secrets}/db.properties:user}}@${{dir:{secrets}:token}}",
        "url": "${env:STORE_URL}/v1",
        "template": "${topic}-${env}-${nobody:a:b}",
        "half": "${env:STORE_URL",
    }
    assert resolved(given, providers_of(config)) == {
        "password": "s3cret", "login": "alice@t0ken", "url": "http://store/v1",
        "template": "${topic}-${env}-${nobody:a:b}", "half": "${env:STORE_URL",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("${file:/no/such:key}", "No such file"),
        ("${file:DIR/db.properties:pass}", "has no pass"),
        ("${dir:/etc:hostname}", "outside of allowed.paths"),
        ("${dir:DIR/../..:token}", "outside of allowed.paths"),
        ("${env:OTHER}", "allowlist.pattern"),
        ("${env:STORE_NONE}", "no environment variable STORE_NONE"),
    ],
)
def test_what_cannot_be_resolved_names_the_option_and_the_reference(
    config: dict[str, str], secrets: Path, reference: str, reason: str
) -> None:
    reference = reference.replace("DIR", str(secrets))
    with pytest.raises(BadConfiguration, match=reason) as caught:
        resolved({"password": reference}, providers_of(config))
    (problem,) = caught.value.problems
    assert problem.where == "password"
    assert problem.message.startswith(reference)
    assert "s3cret" not in str(caught.value)


def test_only_known_providers_make_a_reference(config: dict[str, str]) -> None:
    providers = providers_of(config)
    assert has_reference("x${env:A}", providers)
    assert not has_reference("${vault:a:b} ${topic}", providers)
    assert not has_reference("${env} ${env:A", providers)
    assert resolved({"a": "${env:STORE_URL}"}, {}) == {"a": "${env:STORE_URL}"}


def test_a_worker_resolves_its_own(config: dict[str, str]) -> None:
    options = read_worker_options(config | {"group.id": "of ${env:STORE_URL}"})
    assert options.config.group_id == "of http://store"


def test_no_value_keeps_the_process_busy_that_looks_for_references(config: dict[str, str]) -> None:
    """They come by REST."""
    providers = providers_of(config)
    assert not any(has_reference(text, providers) for text in ("${" * 100_000, "${:" + ":" * 100_000, "${a" * 100_000))
    assert not has_reference("${" * 100_000 + "}", providers)


def test_a_pattern_that_is_none_is_told_when_the_worker_starts(config: dict[str, str]) -> None:
    with pytest.raises(BadConfiguration, match="no regular expression") as caught:
        providers_of(config | {"config.providers.env.param.allowlist.pattern": "DB_("})
    assert caught.value.problem.where == "config.providers.env.param.allowlist.pattern"


@pytest.mark.parametrize("value", ["s3cret", "${vault:a:b}", "x${env:A}", "${env:A}x", "${env:A}${env:B}", "${a}", ""])
def test_only_one_reference_and_nothing_else_is_a_reference(value: str) -> None:
    assert is_reference("${env:A}", ["env"])
    assert is_reference("${env:some/path:A}", ["env"])
    assert not is_reference(value, ["env"])


class ShelfConfig(ConfigProviderConfig):
    token: str = option("How to get in.", secret=True)


class ShelfConfigProvider(ConfigProvider[ShelfConfig]):
    aliases = ("shelf",)

    def value(self, path: str, key: str) -> str:
        match key:
            case "down":
                raise ConnectionError("try again")
            case "number":
                return 7  # type: ignore[return-value]
            case "token":
                return self.config.token
        raise LookupError(f"{path} has no {key}")


SHELF = describe(ShelfConfigProvider, "penstock_shelf.ShelfConfigProvider", "1.0")
SHELVED = {"config.providers": "s", "config.providers.s.class": "shelf", "config.providers.s.param.token": "t0k"}


def shelved() -> dict[str, ConfiguredProvider]:
    return located(providers_of(SHELVED), [*OWN, SHELF])


def test_a_plugin_brings_a_provider_whose_options_may_themselves_be_secrets(secrets: Path) -> None:
    of_file = {
        "config.providers": "s,file",
        "config.providers.s.param.token": f"${{file:{secrets}/db.properties:user}}",
    }
    options = read_worker_options(SHELVED | of_file)
    providers = located(options.providers, [*OWN, SHELF])
    assert resolved({"key": "${s:db:token}"}, providers) == {"key": "alice"}
    assert "alice" not in repr(providers)


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        ({"config.providers.s.class": "shelv"}, "config.providers.s.class", "is no config provider"),
        ({"config.providers.s.param.tokn": "x"}, "config.providers.s.param.tokn", "is not an option"),
        ({"config.providers.s.class": "file"}, "config.providers.s.param.token", "is not an option"),
    ],
)
def test_a_provider_that_cannot_be_made_is_told_when_the_worker_starts(
    changes: dict[str, str], where: str, message: str
) -> None:
    with pytest.raises(BadConfiguration, match=message) as caught:
        located(providers_of(SHELVED | changes), [*OWN, SHELF])
    assert caught.value.problem.where == where


@pytest.mark.parametrize(("key", "message"), [("pass", "db has no pass"), ("number", "int, which is no text")])
def test_what_a_provider_does_not_have_is_for_a_person_to_see_to(key: str, message: str) -> None:
    with pytest.raises(BadConfiguration, match=message):
        resolved({"password": f"${{s:db:{key}}}"}, shelved())


def test_what_may_pass_is_worth_another_try() -> None:
    with pytest.raises(UnresolvedReference, match=r"\$\{s:db:down\} cannot be resolved now: ConnectionError"):
        resolved({"password": "${s:db:down}"}, shelved())
