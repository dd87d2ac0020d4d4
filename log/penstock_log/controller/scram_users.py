"""Decisions about the credentials of users (KIP-554), in the words of Kafka's controller. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from penstock_log.controller.events import ScramCredentialChanged, ScramCredentialRemoved
from penstock_log.controller.state import ClusterState
from penstock_log.errors import ErrorCode, LogError
from penstock_log.security.scram import MAX_ITERATIONS, MIN_ITERATIONS, ScramCredential, ScramMechanism

Event = ScramCredentialChanged | ScramCredentialRemoved


class NewCredential(NamedTuple):
    """`salted_password` is computed by the client: the node never hears the password."""

    user: str
    mechanism: int
    iterations: int
    salt: bytes
    salted_password: bytes


class Deletion(NamedTuple):
    user: str
    mechanism: int


Change = NewCredential | Deletion


def alter_credentials(state: ClusterState, changes: Sequence[Change]) -> dict[str, Event | LogError]:
    """What becomes of each user that is named: one event, or why not. At most one change of a user is taken."""
    outcomes: dict[str, Any] = {}
    for change in changes:
        if change.user in outcomes:
            outcomes[change.user] = LogError(
                ErrorCode.duplicate_resource, "A user credential cannot be altered twice in the same request"
            )
            continue
        try:
            outcomes[change.user] = _event(state, change)
        except LogError as refusal:
            outcomes[change.user] = refusal
    return outcomes


def _event(state: ClusterState, change: Change) -> Event:
    if not change.user:
        raise LogError(ErrorCode.unacceptable_credential, "Username must not be empty")
    try:
        mechanism = ScramMechanism(change.mechanism)
    except ValueError:
        raise LogError(ErrorCode.unsupported_sasl_mechanism, "Unknown SCRAM mechanism") from None
    if isinstance(change, Deletion):
        if mechanism.sasl_name not in state.scram_credentials.get(change.user, {}):
            raise LogError(ErrorCode.resource_not_found, "Attempt to delete a user credential that does not exist")
        return ScramCredentialRemoved(change.user, mechanism.sasl_name)
    if change.iterations < MIN_ITERATIONS:
        raise LogError(ErrorCode.unacceptable_credential, "Too few iterations")
    if change.iterations > MAX_ITERATIONS:
        raise LogError(ErrorCode.unacceptable_credential, "Too many iterations")
    credential = ScramCredential.of(mechanism, change.salted_password, change.salt, change.iterations)
    return ScramCredentialChanged(change.user, mechanism.sasl_name, credential)
