"""The worker's options, and the ones that every connector has."""

from __future__ import annotations

import pytest

from penstock import BadConfiguration
from penstock_workers.config import WorkerConfig
from penstock_workers.connector_config import CommonConnectorConfig
from penstock_workers.desired import find_plugin
from penstock_workers.plugins import PluginInfo


def test_a_worker_needs_no_options_and_is_named_by_its_rest_address() -> None:
    assert WorkerConfig.parse({}).id == "127.0.0.1:8083"
    advertised = {"rest.host.name": "0.0.0.0", "rest.port": "80", "rest.advertised.host.name": "worker-1"}
    assert WorkerConfig.parse(advertised).id == "worker-1:80"


def test_a_misspelt_option_is_named_with_its_neighbour() -> None:
    with pytest.raises(BadConfiguration, match=r"bootstrap\.server.*did you mean bootstrap\.servers"):
        WorkerConfig.parse({"bootstrap.server": "x:1"})


def test_the_common_options_of_a_connector() -> None:
    config = CommonConnectorConfig.parse({"name": "lines", "connector.class": "FileSource", "tasks.max": "3"})
    assert (config.name, config.connector_class, config.tasks_max) == ("lines", "FileSource", 3)


@pytest.mark.parametrize(
    ("option", "value"),
    [("name", "a/b"), ("tasks.max", "0"), ("errors.tolerance", "some")],
)
def test_a_common_option_out_of_range_is_refused_by_its_name(option: str, value: str) -> None:
    with pytest.raises(BadConfiguration) as error:
        CommonConnectorConfig.parse({"name": "lines", "connector.class": "FileSource", option: value})
    assert [problem.where for problem in error.value.problems] == [option]


def test_a_class_is_found_by_its_full_name_or_by_a_short_one_that_is_clear() -> None:
    ours, theirs = (PluginInfo(f"{package}.FileSource", "source", "1", "", {}) for package in ("a", "b"))
    assert find_plugin({"connector.class": "b.FileSource"}, [ours, theirs]) is theirs
    assert find_plugin({"connector.class": "FileSourceConnector"}, [ours]) is ours
    assert find_plugin({"connector.class": "FileSource"}, [ours, theirs]) is None
    assert find_plugin({}, [ours]) is None
