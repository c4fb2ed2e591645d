"""A group member's commits, with a fake Kafka."""

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from shared.errors import BrokerUnavailable
from shared.transport import LADDER
from shared.transport.kafka.address import address
from shared.transport.kafka.assigned_partitions import FETCHED, AssignedPartitions, Claim, Partition
from shared.transport.kafka.group_member import Member
from tests.unit.shared.transport.kafka.test_offset_tracker import a_record
from tests.waiting import eventually, stays

MAIN, OTHER = ("events", 0), ("events", 1)


class FakeKafka:
    """Records `calls` with partitions or offsets; `do` runs a callback in the member's thread."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, object]] = []
        self.settings: dict[str, Any] = {}
        self.end = 0
        self.failure: Exception | None = None
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def __call__(self, settings: dict[str, Any]) -> Consumer:
        self.settings = settings
        return cast(Consumer, self)

    def do(self, job: Callable[[], object], *, wait: bool = True) -> None:
        done = threading.Event()

        def do_and_say() -> None:
            job()
            done.set()

        self._jobs.put(do_and_say)
        assert not wait or done.wait(10)

    def assign(self, *partitions: Partition) -> None:
        self.do(lambda: self._on_assign(self, _listed(partitions)))

    def revoke(self, *partitions: Partition, wait: bool = True) -> None:
        self.do(lambda: self._on_revoke(self, _listed(partitions)), wait=wait)

    def lose(self, *partitions: Partition) -> None:
        self.do(lambda: self._on_lost(self, _listed(partitions)))

    def answer_commit(self, error: KafkaError | None) -> None:
        self.do(lambda: self.settings["on_commit"](error, []))

    def tell(self, error: KafkaError) -> None:
        self.do(lambda: self.settings["error_cb"](error))

    def of(self, *names: str) -> list[tuple[str, object]]:
        return [call for call in self.calls if call[0] in names]

    # The interface of librdkafka's consumer.

    def subscribe(self, _topics: Any, *, on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self._on_assign, self._on_revoke, self._on_lost = on_assign, on_revoke, on_lost

    def consume(self, _count: int, _timeout: float) -> list[Any]:
        if self.failure:
            raise self.failure
        return []

    def poll(self, timeout: float) -> None:
        try:
            self._jobs.get(timeout=timeout)()
        except Empty:
            return

    def commit(self, *, offsets: Sequence[TopicPartition], asynchronous: bool) -> None:
        at = {(each.topic, each.partition): each.offset for each in offsets}
        self.calls.append(("commit" if asynchronous else "commit and wait", at))

    def committed(self, _partitions: Any, _timeout: float) -> list[TopicPartition]:
        return []

    def get_watermark_offsets(self, *_: object, **__: object) -> tuple[int, int]:
        return 0, self.end

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append(("pause", _named(partitions)))

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append(("resume", _named(partitions)))

    def incremental_assign(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append(("assign", _named(partitions)))

    def incremental_unassign(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append(("unassign", _named(partitions)))

    def close(self) -> None:
        self.calls.append(("close", None))


def _listed(partitions: Sequence[Partition]) -> list[TopicPartition]:
    return [TopicPartition(*partition) for partition in partitions]


def _named(partitions: Sequence[TopicPartition]) -> list[Partition]:
    return [(each.topic, each.partition) for each in partitions]


class Joined:
    """A member with its partitions, used as by a subscription."""

    def __init__(self, kafka: FakeKafka, **options: float) -> None:
        self.assigned = AssignedPartitions({"events": 0.0})
        self.changed = threading.Condition()
        self.member = Member(
            address("kafka://127.0.0.1:9092", LADDER),
            "email",
            ["events"],
            self.assigned,
            self.changed,
            make_consumer=kafka,
            **options,
        )

    def take(self, partition: Partition, *offsets: int) -> list[Claim]:
        """Let records arrive and be taken by handlers."""
        self.arrive(partition, *offsets)
        with self.changed:
            return self.assigned.take(len(offsets), now=0.0)

    def arrive(self, partition: Partition, *offsets: int) -> None:
        with self.changed:
            for offset in offsets:
                self.assigned.offer(a_record(partition, offset), now=0.0)

    def finish(self, claims: Sequence[Claim]) -> None:
        with self.changed:
            for claim in claims:
                claim.tracker.finish(claim.record.offset)
            self.changed.notify_all()


Join = Callable[..., Joined]


@pytest.fixture
def kafka() -> FakeKafka:
    return FakeKafka()


@pytest.fixture
def join(kafka: FakeKafka) -> Iterator[Join]:
    """Creates members, and closes them at the end of the test."""
    made: list[Joined] = []

    def join(**options: float) -> Joined:
        made.append(Joined(kafka, **options))
        return made[-1]

    yield join
    for joined in made:
        joined.member.close()


def test_finished_offsets_are_committed_once(kafka: FakeKafka, join: Join) -> None:
    joined = join()
    kafka.assign(MAIN)
    claims = joined.take(MAIN, 0, 1)
    joined.finish(claims[1:])
    stays(lambda: kafka.of("commit") == [])
    joined.finish(claims[:1])
    eventually(lambda: kafka.of("commit"))
    kafka.answer_commit(None)
    stays(lambda: kafka.of("commit") == [("commit", {MAIN: 2})], for_seconds=0.6)


def test_a_failed_commit_is_repeated(kafka: FakeKafka, join: Join) -> None:
    joined = join()
    kafka.assign(MAIN)
    joined.finish(joined.take(MAIN, 0))
    eventually(lambda: kafka.of("commit"))
    kafka.answer_commit(KafkaError(KafkaError.REQUEST_TIMED_OUT))
    eventually(lambda: len(kafka.of("commit")) > 1)
    assert kafka.of("commit")[1] == ("commit", {MAIN: 1})


def test_a_partition_assigned_again_is_committed_again(kafka: FakeKafka, join: Join) -> None:
    """Its owner in the meantime may have committed an older offset."""
    joined = join()
    kafka.assign(MAIN)
    joined.finish(joined.take(MAIN, 0))
    eventually(lambda: kafka.of("commit"))
    kafka.revoke(MAIN)
    kafka.assign(MAIN)
    joined.finish(joined.take(MAIN, 0))
    eventually(lambda: len(kafka.of("commit")) > 1)
    assert kafka.of("commit") == [("commit", {MAIN: 1})] * 2


def test_a_revoked_partition_waits_for_work_in_progress_and_commits_it(
    kafka: FakeKafka, join: Join
) -> None:
    joined = join()
    kafka.assign(MAIN)
    claims = joined.take(MAIN, 0)
    joined.arrive(MAIN, 1)
    kafka.revoke(MAIN, wait=False)
    # Records that have not been started are no longer started.
    eventually(lambda: joined.assigned.next_due() is None)
    stays(lambda: kafka.of("unassign") == [])
    joined.finish(claims)
    eventually(lambda: kafka.of("unassign"))
    assert kafka.of("commit", "commit and wait", "unassign") == [
        ("commit and wait", {MAIN: 1}),
        ("unassign", [MAIN]),
    ]
    assert not joined.assigned.holds(claims[0])


def test_work_that_never_ends_does_not_keep_a_partition_for_ever(
    kafka: FakeKafka, join: Join
) -> None:
    joined = join(revoke_patience=0.1)
    kafka.assign(MAIN)
    joined.take(MAIN, 0)
    kafka.revoke(MAIN)
    assert kafka.of("commit", "commit and wait", "unassign") == [("unassign", [MAIN])]


def test_nothing_is_committed_for_a_lost_partition(kafka: FakeKafka, join: Join) -> None:
    joined = join()
    kafka.assign(MAIN)
    claims = joined.take(MAIN, 0, 1)

    def finish_and_lose() -> None:
        joined.finish(claims[:1])
        kafka._on_lost(kafka, _listed([MAIN]))

    kafka.do(finish_and_lose)
    joined.finish(claims[1:])
    stays(lambda: kafka.of("commit", "commit and wait") == [], for_seconds=0.6)
    assert kafka.of("unassign") == [("unassign", [MAIN])]


def test_a_partition_assigned_again_is_resumed_and_others_stay_paused(
    kafka: FakeKafka, join: Join
) -> None:
    joined = join()
    kafka.assign(OTHER)
    joined.arrive(OTHER, *range(FETCHED + 1))
    eventually(lambda: kafka.of("pause"))
    kafka.assign(MAIN)
    assert kafka.of("assign", "pause", "resume") == [
        ("assign", [OTHER]),
        ("resume", [OTHER]),
        ("pause", [OTHER]),
        ("assign", [MAIN]),
        ("resume", [MAIN]),
        ("pause", [OTHER]),
    ]


def test_a_member_with_a_silent_partition_leaves_the_group(kafka: FakeKafka, join: Join) -> None:
    kafka.end = 5
    joined = join(silence=0.1)
    kafka.assign(MAIN)
    eventually(lambda: kafka.of("close"))
    with pytest.raises(BrokerUnavailable, match="the broker does not deliver them"):
        joined.member.check()


def test_without_any_broker_a_member_ends_without_committing(kafka: FakeKafka, join: Join) -> None:
    joined = join()
    kafka.assign(MAIN)
    claims = joined.take(MAIN, 0)

    def lose_all_brokers() -> None:
        joined.finish(claims)
        kafka.settings["error_cb"](KafkaError(KafkaError._ALL_BROKERS_DOWN))
        kafka._on_revoke(kafka, _listed([MAIN]))

    kafka.do(lose_all_brokers)
    eventually(lambda: kafka.of("close"))
    assert kafka.of("commit and wait") == []
    with pytest.raises(BrokerUnavailable, match="All broker connections are down"):
        joined.member.check()


def test_a_fatal_error_ends_a_member(kafka: FakeKafka, join: Join) -> None:
    joined = join()
    kafka.tell(KafkaError(KafkaError._FATAL, "fenced", True))
    eventually(lambda: kafka.of("close"))
    with pytest.raises(BrokerUnavailable, match="fenced"):
        joined.member.check()


def test_one_unavailable_broker_of_several_ends_nothing(kafka: FakeKafka, join: Join) -> None:
    joined = join()
    kafka.tell(KafkaError(KafkaError._TRANSPORT, "refused"))
    kafka.assign(MAIN)
    joined.member.check()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_member_whose_thread_crashes_has_ended(kafka: FakeKafka, join: Join) -> None:
    joined = join()
    kafka.failure = RuntimeError("a bug")
    eventually(lambda: why_gone(joined.member) == "the consumer's thread ended")
    assert kafka.of("close") == [("close", None)]


def why_gone(member: Member) -> str:
    try:
        member.check()
    except BrokerUnavailable as gone:
        return str(gone)
    return ""
