"""The listeners of a node, bound: each with what it asks of a client before it answers requests."""

from collections.abc import Callable
from time import monotonic_ns

import structlog

from penstock_log.config import NodeConfig
from penstock_log.controller.broker_configs import broker_config
from penstock_log.controller.events import Endpoint
from penstock_log.security.authentication import Authentication
from penstock_log.security.credentials import Credentials, Users
from penstock_log.security.listeners import Listener
from penstock_log.security.tls import server_context
from penstock_log.server.dispatch import Dispatcher
from penstock_log.server.login import Login
from penstock_log.server.server import Server

log = structlog.get_logger()


async def bind_listeners(server: Server, config: NodeConfig, dispatcher: Dispatcher, users: Users) -> list[Endpoint]:
    """Take their addresses; where clients reach them. LogError where their configuration is wrong."""
    endpoints = []
    new_login = _login_maker(config, dispatcher, users)
    for listener in config.listeners:
        handler = new_login if listener.protocol.asks_for_login else lambda: dispatcher
        tls = server_context(config.settings) if listener.protocol.encrypts else None
        bound: Listener = await server.bind(listener, handler, tls)
        endpoints.append(Endpoint(listener.protocol, config.client_host(listener.host), bound.port))
    if not users and any(listener.protocol.asks_for_login for listener in config.listeners):
        log.warning("nobody can log in: there are no users; see --users")
    return endpoints


def _login_maker(config: NodeConfig, dispatcher: Dispatcher, users: Users) -> Callable[[], Login]:
    enabled = broker_config(config.settings, "sasl.enabled.mechanisms").split(",")
    exchanges = Credentials(users).exchanges(name.strip() for name in enabled)
    lifetime_ms = int(broker_config(config.settings, "connections.max.reauth.ms"))
    return lambda: Login(dispatcher, Authentication(exchanges, lifetime_ms), tuple(exchanges), _monotonic_ms)


def _monotonic_ms() -> int:
    return monotonic_ns() // 1_000_000
