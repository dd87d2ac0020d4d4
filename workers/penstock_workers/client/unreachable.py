"""Why the log cannot be reached: aiokafka's clients say only that, and log the reason.

Asked after a client failed to connect: a connection is tried once more, to each server in turn.
"""

from __future__ import annotations

import ssl

from aiokafka import errors as kafka
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.protocol.metadata import MetadataRequest

from penstock import ConnectionLost, PenstockError
from penstock_workers.errors import LogRefusesConnection
from penstock_workers.log_connection import LogConnection

TIMEOUT_MS = 5_000


async def why_unreachable(log: LogConnection) -> PenstockError:
    """LogRefusesConnection where one of the servers is there and does not let us in, else ConnectionLost."""
    options = log.aiokafka_options()
    reasons = []
    for host, port, _ in collect_hosts(options.pop("bootstrap_servers"), randomize=False):
        try:
            connection = await create_conn(host, port, request_timeout_ms=TIMEOUT_MS, **options)
            await connection.send(MetadataRequest([]))  # what comes before is answered without a login
            await connection.close()
        except (kafka.KafkaError, OSError, TimeoutError) as error:
            reason = _explained(error, log, f"{host}:{port}")
            reason.__cause__ = error
            reasons.append(reason)
    refusals = [reason for reason in reasons if isinstance(reason, LogRefusesConnection)]
    unknown = ConnectionLost("cannot reach the log", where=log.bootstrap_servers, hint="check bootstrap.servers")
    return next(iter(refusals + reasons), unknown)


def _explained(error: Exception, log: LogConnection, where: str) -> PenstockError:
    match error:
        case kafka.SaslAuthenticationFailed() | kafka.UnsupportedSaslMechanismError():
            hint = "check sasl.mechanism, sasl.username and sasl.password"
            return LogRefusesConnection(str(error), code="authentication-failed", where=where, hint=hint)
        case ssl.SSLError():
            hint = "check security.protocol, ssl.truststore.location, and that the log's certificate names this host"
            return LogRefusesConnection(str(error), code="tls-failed", where=where, hint=hint)
        case kafka.KafkaError() | ConnectionResetError():
            hint = f"the port may be one for another security.protocol than {log.security_protocol}"
            return ConnectionLost(f"the log closed the connection: {error}", where=where, hint=hint)
    return ConnectionLost(f"cannot connect: {error}", where=where, hint="start the log, or check bootstrap.servers")
