"""What a task's status says of the client's errors."""

from aiokafka import errors as kafka

from penstock import RetryLater
from penstock_workers.client.errors import explained


def test_what_ended_the_sender_is_named() -> None:
    """As aiokafka's sender raises it: twice wrapped, by a text that tells nothing."""
    wrapped = kafka.KafkaError("InvalidTxnState()")
    wrapped.__cause__ = kafka.InvalidTxnState()
    error = kafka.KafkaError("Unexpected error during batch delivery")
    error.__cause__ = wrapped
    told = explained(error, where="lines-in-0")
    assert isinstance(told, RetryLater)
    assert "InvalidTxnState" in str(told)
    assert "Unexpected error" not in str(told)
