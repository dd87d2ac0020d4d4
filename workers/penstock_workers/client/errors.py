"""The client's errors as the platform's: the one place that decides what a Kafka error means for a task."""

from __future__ import annotations

from aiokafka import errors as kafka

from penstock import ConnectionLost, Failed, PenstockError, RetryLater
from penstock_workers.client.membership import MemberFenced

MEMBER_FENCED = "member-fenced"

UNREACHABLE = (kafka.KafkaConnectionError, kafka.NodeNotReadyError, kafka.NoBrokersAvailable, kafka.KafkaTimeoutError)

NOT_ALLOWED = (
    kafka.TopicAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.ClusterAuthorizationFailedError,
    kafka.TransactionalIdAuthorizationFailed,
)

NEVER = {
    kafka.MessageSizeTooLargeError: (
        "record-too-large",
        "raise max.message.bytes of the topic, or make the records smaller",
    ),
    kafka.RecordListTooLargeError: ("record-too-large", "raise segment.bytes of the topic"),
    kafka.InvalidTopicError: ("invalid-topic", "use letters, digits, dots, underscores and hyphens, at most 249"),
    kafka.UnknownTopicOrPartitionError: ("unknown-topic", "create the topic, or allow the log to create it"),
    kafka.InvalidTimestampError: ("invalid-timestamp", "see message.timestamp.before.max.ms of the topic"),
    kafka.PolicyViolationError: ("policy-violation", "the log's administrator set a policy that forbids this"),
    kafka.IncompatibleBrokerVersion: ("unsupported-log", "use Apache Kafka 2.1 or newer, or the bundled log"),
    kafka.UnsupportedVersionError: ("unsupported-log", "use Apache Kafka 2.1 or newer, or the bundled log"),
}
"""Errors that the same records, sent again, meet again."""


def explained(error: Exception, *, where: str) -> PenstockError:
    """The same error in the platform's terms, chained to its cause. `where`: a topic, a group, an address."""
    if isinstance(error, PenstockError):
        return error
    explanation = _explanation(error, where)
    explanation.__cause__ = error
    return explanation


def _explanation(error: Exception, where: str) -> PenstockError:
    message = _message(error)
    if isinstance(error, UNREACHABLE):
        return ConnectionLost(f"cannot reach the log: {message}", where=where, hint="check bootstrap.servers")
    if isinstance(error, MemberFenced):
        return RetryLater(message, code=MEMBER_FENCED, where=where, hint="the task starts again, if it is still wanted")
    if isinstance(error, kafka.ProducerFenced):
        text = "another task writes under this transactional id, or the transaction took longer than its timeout"
        return RetryLater(
            text, code="producer-fenced", where=where, hint="the task starts again, if it is still wanted"
        )
    if isinstance(error, NOT_ALLOWED):
        return Failed(f"not allowed: {message}", code="not-authorized", where=where, hint="grant this by an ACL")
    for kind, (code, hint) in NEVER.items():
        if isinstance(error, kind):
            return Failed(message, code=code, where=where, hint=hint)
    if isinstance(error, kafka.KafkaError):
        return RetryLater(message, where=where, hint="the task starts again from the last acknowledged position")
    return Failed(f"{type(error).__name__}: {message}", where=where, hint="this is a defect: please report it")


def _message(error: BaseException) -> str:
    """aiokafka wraps what ended its sender in a bare KafkaError, which says that it was unexpected and no more."""
    if type(error) is kafka.KafkaError and error.__cause__ is not None:
        return _message(error.__cause__)
    return str(error) or type(error).__name__
