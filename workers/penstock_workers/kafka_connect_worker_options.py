"""Options of Kafka Connect's workers that have no effect on Penstock's, and what is so instead."""

from __future__ import annotations

CLIENTS = ("producer.", "consumer.", "admin.")
"""How options begin that are for one kind of client."""
CONNECTION = ("bootstrap.servers", "security.protocol", "sasl.", "ssl.")

_SOCKETS = "Penstock's clients choose timeouts, pauses and buffers of their connections by themselves."
_LOGINS = "Logins are by PLAIN or SCRAM, with sasl.mechanism and sasl.jaas.config."
_TLS = "TLS is Python's: certificates come as PEM files, versions and ciphers are the system's."
_KEYS = "Workers sign nothing for each other: they agree by the log alone."
_METRICS = "Metrics are Prometheus' and at GET /metrics."
_TOPICS = "A new internal topic is compacted and has three replicas, fewer where the log has fewer nodes."
_OFFSETS = "Positions and offsets are stored all the time, as soon as the log has the records."
_REBALANCE = "Only tasks that move stop; a worker that is gone is replaced after session.timeout.ms."
_HTTP = "REST is for programs and command lines: it lets in no other origin; headers and TLS are a proxy's."
_VERSIONS = "One version of a plugin is installed in a worker's environment, and that one is used."

REASONS = {
    "plugin.path": "Plugins are Python packages: install them with pip into the worker's environment.",
    "plugin.discovery": "Plugins are Python packages: install them with pip into the worker's environment.",
    "offset.flush.interval.ms": _OFFSETS,
    "offset.flush.timeout.ms": _OFFSETS,
    "config.storage.replication.factor": _TOPICS,
    "offset.storage.replication.factor": _TOPICS,
    "offset.storage.partitions": _TOPICS,
    "status.storage.replication.factor": _TOPICS,
    "status.storage.partitions": _TOPICS,
    "exactly.once.source.support": "Sources deliver exactly once unless their delivery says at-least-once.",
    "topic.tracking.enable": "The topics that a connector uses are always tracked.",
    "topic.tracking.allow.reset": "The topics that a connector uses may always be reset.",
    "connector.client.config.override.policy": "Connectors may set few options of their clients, and none of where and"
    " as whom they connect.",
    "rest.advertised.listener": _HTTP,
    "rest.extension.classes": "REST has no extensions.",
    "admin.listeners": "/admin is where the rest of REST is.",
    "access.control.": _HTTP,
    "response.http.headers.config": _HTTP,
    "rebalance.timeout.ms": _REBALANCE,
    "scheduled.rebalance.max.delay.ms": _REBALANCE,
    "connect.protocol": _REBALANCE,
    "worker.sync.timeout.ms": _REBALANCE,
    "worker.unsync.backoff.ms": _REBALANCE,
    "inter.worker.": _KEYS,
    "metric.": _METRICS,
    "metrics.": _METRICS,
    "key.converter.plugin.version": _VERSIONS,
    "value.converter.plugin.version": _VERSIONS,
    "header.converter.plugin.version": _VERSIONS,
    "client.id": "Clients are named for what they do: connector-producer-NAME-0, say.",
    "client.dns.lookup": _SOCKETS,
    "connections.max.idle.ms": _SOCKETS,
    "metadata.": _SOCKETS,
    "receive.buffer.bytes": _SOCKETS,
    "send.buffer.bytes": _SOCKETS,
    "reconnect.": _SOCKETS,
    "request.timeout.ms": _SOCKETS,
    "retry.": _SOCKETS,
    "socket.": _SOCKETS,
    "sasl.client.callback.handler.class": _LOGINS,
    "sasl.kerberos.": _LOGINS,
    "sasl.login.": _LOGINS,
    "sasl.oauthbearer.": _LOGINS,
    "ssl.protocol": _TLS,
    "ssl.provider": _TLS,
    "ssl.cipher.suites": _TLS,
    "ssl.client.auth": _TLS,
    "ssl.enabled.protocols": _TLS,
    "ssl.engine.factory.class": _TLS,
    "ssl.keymanager.algorithm": _TLS,
    "ssl.trustmanager.algorithm": _TLS,
    "ssl.secure.random.implementation": _TLS,
    "ssl.keystore.password": _TLS,
    "ssl.keystore.key": _TLS,
    "ssl.keystore.certificate.chain": _TLS,
    "ssl.truststore.password": _TLS,
    "ssl.truststore.certificates": _TLS,
    "listeners.https.": _TLS,
}
"""By the key, or by how keys begin."""
OF_CLIENTS = "Penstock's clients size batches and fetches by themselves; what they may be told is set for a connector."


def without_effect(key: str) -> str:
    """Why this option changes nothing; empty where it is no such option."""
    if key in REASONS:
        return REASONS[key]
    reasons = (reason for known, reason in REASONS.items() if known.endswith(".") and key.startswith(known))
    return next(reasons, OF_CLIENTS if key.startswith(CLIENTS) else "")
