"""What a task's status says of the client's errors."""

import pytest
from aiokafka import errors as kafka

from penstock import RetryLater
from penstock_workers.client.errors import explained


def test_what_ended_the_sender_is_named() -> None:
    """As aiokafka's sender raises it: twice wrapped, by a text that tells nothing."""
    with pytest.raises(kafka.KafkaError) as raised:
        try:
            try:
                raise kafka.InvalidTxnState
            except kafka.KafkaError as reason:
                raise kafka.KafkaError(repr(reason)) from reason
        except kafka.KafkaError as wrapped:
            raise kafka.KafkaError("Unexpected error during batch delivery") from wrapped
    told = explained(raised.value, where="lines-in-0")
    assert isinstance(told, RetryLater)
    assert "InvalidTxnState" in str(told)
    assert "Unexpected error" not in str(told)
