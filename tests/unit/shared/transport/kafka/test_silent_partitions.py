"""Partitions that deliver nothing although they have more records are detected, and no others."""

from shared.transport.kafka.assigned_partitions import Partition
from shared.transport.kafka.silent_partitions import Ends, Silence

MAIN, OTHER = ("events", 0), ("events", 1)
NOT_DELIVERED = (
    "partition 0 of events has delivered nothing for 20 s, although 3 offsets are waiting: "
    "the broker does not deliver them"
)


class Looking:
    """Checks every second; the polling thread does so more often."""

    def __init__(self, *partitions: Partition, end: int = 7, hidden: int = 0) -> None:
        self.silence = Silence(20.0)
        self.now = 100.0
        self.told: list[str] = []
        self.paused: list[Partition] = []
        self.ends: dict[Partition, Ends | None] = {
            each: Ends(readable=end - hidden, written=end) for each in partitions
        }
        self.silence.begin(partitions, self.now)

    def look_for(self, seconds: int) -> "Looking":
        for _ in range(seconds):
            self.now += 1.0
            while partition := self.silence.to_look(self.paused, self.now):
                news = self.silence.looked(partition, self.ends[partition], self.now)
                self.told += [news] if news else []
        return self


def test_a_partition_that_delivers_nothing_despite_records_is_reported_once() -> None:
    looking = Looking(MAIN)
    looking.silence.heard(MAIN, 4, looking.now)
    assert looking.look_for(29).told == []
    assert looking.look_for(1).told == [NOT_DELIVERED]
    assert looking.silence.problem() == NOT_DELIVERED
    assert looking.look_for(25).told == [NOT_DELIVERED]
    assert looking.silence.stuck() == ""
    assert (
        looking.look_for(15)
        .silence.stuck()
        .startswith("partition 0 of events has delivered nothing")
    )


def test_a_newly_assigned_partition_must_deliver_at_least_its_end() -> None:
    assert Looking(MAIN).look_for(30).told != []
    looking = Looking(MAIN)
    looking.silence.heard(MAIN, 7, looking.now)
    assert looking.look_for(500).told == []


def test_a_record_written_just_before_a_check_is_not_overdue() -> None:
    looking = Looking(MAIN, end=4)
    looking.silence.heard(MAIN, 4, looking.now)
    looking.look_for(500)
    looking.ends[MAIN] = Ends(5, 5)
    looking.look_for(19)
    looking.silence.heard(MAIN, 5, looking.now)
    assert looking.look_for(500).told == []


def test_a_record_clears_only_its_own_partition() -> None:
    looking = Looking(MAIN, OTHER).look_for(30)
    assert len(looking.told) == 2
    looking.silence.heard(MAIN, 7, looking.now)
    assert "partition 1 of events" in looking.silence.problem()
    looking.silence.end([OTHER])
    assert (looking.silence.problem(), looking.silence.stuck()) == ("", "")


def test_deleted_records_are_no_longer_expected() -> None:
    looking = Looking(MAIN).look_for(30)
    looking.ends[MAIN] = Ends(0, 0)
    assert looking.look_for(10).silence.problem() == ""


def test_a_paused_partition_is_not_checked_until_it_is_resumed() -> None:
    looking = Looking(MAIN)
    looking.paused = [MAIN]
    assert looking.look_for(500).told == []
    looking.paused = []
    assert looking.look_for(29).told == []
    assert len(looking.look_for(1).told) == 1


def test_an_unknown_partition_end_raises_no_suspicion() -> None:
    looking = Looking(MAIN)
    looking.ends[MAIN] = None
    assert looking.look_for(500).told == []


def test_records_behind_an_open_transaction_do_not_end_the_membership() -> None:
    looking = Looking(MAIN, hidden=3)
    looking.silence.heard(MAIN, 4, looking.now)
    assert looking.look_for(500).silence.problem().endswith("a transaction is open")
    assert looking.silence.stuck() == ""


def test_a_late_record_of_a_revoked_partition_sets_no_expectation() -> None:
    looking = Looking(MAIN)
    looking.silence.heard(MAIN, 7, looking.now)
    looking.silence.heard(OTHER, 4, looking.now)
    looking.ends[OTHER] = Ends(9, 9)
    assert looking.look_for(500).told == []


def test_a_partition_assigned_again_starts_afresh() -> None:
    looking = Looking(MAIN).look_for(30)
    looking.silence.end([MAIN])
    looking.silence.begin([MAIN], looking.now)
    assert looking.silence.problem() == ""
    assert len(looking.look_for(29).told) == 1
