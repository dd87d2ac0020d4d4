"""The stream application that quix_kill.py kills: sums of one number a record, by key and tumbling window.

    python quix_sums.py BOOTSTRAP_SERVERS INPUT_TOPIC OUTPUT_TOPIC STATE_DIR WINDOW_MS

It needs quixstreams and nothing of ours. Exactly once: the input's offsets, the state's changelog and the sums are
committed in one transaction. Its transactional.id is a new one at each start, as quixstreams makes it, so nothing
fences what a killed one left open: the broker has to time it out, and hide it until then.
"""

import sys

from quixstreams import Application  # type: ignore[import-not-found,unused-ignore]

TIMEOUT_MS = 10_000


def main() -> None:
    bootstrap_servers, input_topic, output_topic, state_dir, window_ms = sys.argv[1:]
    application = Application(
        broker_address=bootstrap_servers,
        consumer_group=f"{input_topic}-sums",
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=0.3,
        state_dir=state_dir,
        auto_create_topics=True,
        consumer_extra_config={"session.timeout.ms": TIMEOUT_MS, "heartbeat.interval.ms": 1000},
        producer_extra_config={"transaction.timeout.ms": TIMEOUT_MS},
    )
    numbers = application.topic(input_topic, value_deserializer="json", key_deserializer="str")
    sums = application.topic(output_topic, value_serializer="json", key_serializer="str")
    windows = application.dataframe(numbers).tumbling_window(int(window_ms)).sum().final()
    windows.to_topic(sums)
    application.run()


if __name__ == "__main__":
    main()
