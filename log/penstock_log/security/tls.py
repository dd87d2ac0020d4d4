"""A node's side of TLS, from the broker configurations that begin with `ssl.`: files in PEM."""

import ssl
from collections.abc import Mapping

from penstock_log.controller.broker_configs import broker_config
from penstock_log.errors import ErrorCode, LogError

__all__ = ["server_context"]

_CLIENT_AUTH = {"none": ssl.CERT_NONE, "requested": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


def server_context(settings: Mapping[str, str]) -> ssl.SSLContext:
    """LogError INVALID_CONFIG where a file is missing or holds something else."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    keystore = broker_config(settings, "ssl.keystore.location")
    truststore = broker_config(settings, "ssl.truststore.location")
    try:
        # Without any password, OpenSSL would ask for it on the terminal.
        context.load_cert_chain(keystore, password=broker_config(settings, "ssl.key.password"))
        if truststore:
            context.load_verify_locations(truststore)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise LogError(
            ErrorCode.invalid_config,
            "a listener that encrypts needs PEM files that can be read, of the node's private key and certificates in"
            f" ssl.keystore.location ({keystore or 'not set'}), of those that it trusts in ssl.truststore.location"
            f" ({truststore or 'not set'}): {error}",
        ) from error
    context.verify_mode = _CLIENT_AUTH[broker_config(settings, "ssl.client.auth")]
    return context
