"""The suites of independent clients: which of their tests need a broker, and what makes them use one that runs already.

Only tests that a plain-text broker of one node can pass are listed: those for SASL, TLS, a schema registry and share
groups start clusters of their own, with docker or Java, on every broker alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

AIOKAFKA_FIXTURES = """

@pytest.fixture(scope="session")
def docker():
    return None


@pytest.fixture(scope="session")
def kafka_image(request):
    return request.config.getoption("--docker-image")


@pytest.fixture(scope="session")
def ssl_folder():
    return None


@pytest.fixture(scope="class")
def kerberos_utils():
    return None


@pytest.fixture(scope="session")
def kafka_server():
    host, _, port = os.environ["KAFKA_BOOTSTRAP"].rpartition(":")
    return KafkaServer(host, int(port), 0, 0, 0, None)
"""

QUIXSTREAMS_FIXTURES = """

@pytest.fixture(scope="session")
def kafka_container():
    import os

    return KafkaContainer(os.environ["KAFKA_BOOTSTRAP"], os.environ["KAFKA_BOOTSTRAP"])
"""


@dataclass(frozen=True, slots=True)
class Suite:
    """One client's suite. It is run from a copy of `copied`, against the client as its registry ships it."""

    name: str
    """Also the name of the command line's option for the checkout."""
    distribution: str
    requirements: tuple[str, ...]
    """What the tests import beside the client."""
    copied: tuple[str, ...]
    arguments: tuple[str, ...]
    """pytest's."""
    environment: Mapping[str, str]
    """`{bootstrap}` stands for the broker's address, `{empty}` for an empty folder."""
    appended: Mapping[str, str]
    """Text by file of the copy: fixtures that take the place of those that start a broker."""
    variant: str = ""
    """Tells apart the runs of one suite in several environments."""

    @property
    def label(self) -> str:
        return f"{self.name} {self.variant}".rstrip()


PYTEST = ("pytest", "pytest-asyncio", "pytest-mock", "pytest-timeout")

KAFKA_PYTHON = Suite(
    name="kafka-python",
    distribution="kafka-python",
    requirements=(*PYTEST, "py", "lz4", "python-snappy", "zstandard", "crc32c"),
    copied=("test", "servers"),
    arguments=(
        "test/integration",
        "--ignore=test/integration/test_sasl_integration.py",
        "--ignore=test/integration/test_ssl_integration.py",
    ),
    environment={"KAFKA_URI": "kafka://{bootstrap}", "KAFKA_VERSION": "4.0.0", "KAFKA_ROOT": "{empty}"},
    appended={},
)

AIOKAFKA = Suite(
    name="aiokafka",
    distribution="aiokafka",
    # Its settings turn every warning into an error, so it needs the tools that it was written for.
    requirements=("pytest==9.0.2", "pytest-asyncio==1.3.0", *PYTEST[2:], "docker", "cramjam", "async-timeout"),
    copied=("tests", "pyproject.toml"),
    arguments=(
        "tests",
        "--ignore=tests/test_sasl.py",
        # Never pulled: the tag tells the tests which features to expect.
        "--docker-image=external:2.13_2.8.1",
    ),
    environment={"KAFKA_BOOTSTRAP": "{bootstrap}"},
    appended={"tests/conftest.py": AIOKAFKA_FIXTURES},
)

CONFLUENT = Suite(
    name="confluent",
    distribution="confluent-kafka[schemaregistry,avro,json,protobuf]",
    requirements=(*PYTEST, "pluggy<1.6", "requests-mock", "respx", "async-timeout", "trivup"),
    copied=("tests",),
    arguments=tuple(f"tests/integration/{part}" for part in ("admin", "consumer", "producer")),
    environment={"BROKERS": "{bootstrap}"},
    appended={},
)

CONFLUENT_KIP_848 = replace(
    CONFLUENT,
    arguments=("tests/integration/consumer",),
    environment={**CONFLUENT.environment, "TEST_CONSUMER_GROUP_PROTOCOL": "consumer"},
    variant="KIP-848",
)

QUIXSTREAMS = Suite(
    name="quixstreams",
    distribution="quixstreams",
    requirements=(*PYTEST, "testcontainers", "docker", "fastavro", "protobuf<7", "jsonschema", "requests"),
    copied=("tests",),
    arguments=tuple(
        f"tests/test_quixstreams/{part}"
        for part in ("test_app.py", "test_internal_consumer", "test_internal_producer.py", "test_kafka")
    ),
    environment={"KAFKA_BOOTSTRAP": "{bootstrap}"},
    appended={"tests/conftest.py": QUIXSTREAMS_FIXTURES},
)

SUITES = (KAFKA_PYTHON, AIOKAFKA, CONFLUENT, CONFLUENT_KIP_848, QUIXSTREAMS)
