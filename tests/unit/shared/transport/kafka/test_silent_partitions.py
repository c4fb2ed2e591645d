"""A partition of which nothing comes although more is there is noticed, and no other is."""

from shared.transport.kafka.assigned_partitions import Partition
from shared.transport.kafka.silent_partitions import Ends, Silence

MAIN, OTHER = ("events", 0), ("events", 1)
NOT_DELIVERED = (
    "partition 0 of events has delivered nothing for 20 s, although 3 offsets are waiting: "
    "the broker does not deliver them"
)


class Looking:
    """Looks every second, as the thread that polls does more often."""

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


def test_a_partition_of_which_nothing_comes_although_more_is_there_is_told_once() -> None:
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


def test_of_a_partition_that_was_just_assigned_something_comes_even_if_only_its_end() -> None:
    assert Looking(MAIN).look_for(30).told != []
    looking = Looking(MAIN)
    looking.silence.heard(MAIN, 7, looking.now)
    assert looking.look_for(500).told == []


def test_what_was_written_a_moment_before_a_look_is_not_overdue() -> None:
    looking = Looking(MAIN, end=4)
    looking.silence.heard(MAIN, 4, looking.now)
    looking.look_for(500)
    looking.ends[MAIN] = Ends(5, 5)
    looking.look_for(19)
    looking.silence.heard(MAIN, 5, looking.now)
    assert looking.look_for(500).told == []


def test_what_comes_ends_the_trouble_of_its_partition_and_of_no_other() -> None:
    looking = Looking(MAIN, OTHER).look_for(30)
    assert len(looking.told) == 2
    looking.silence.heard(MAIN, 7, looking.now)
    assert "partition 1 of events" in looking.silence.problem()
    looking.silence.end([OTHER])
    assert (looking.silence.problem(), looking.silence.stuck()) == ("", "")


def test_what_is_no_longer_there_is_no_longer_waited_for() -> None:
    looking = Looking(MAIN).look_for(30)
    looking.ends[MAIN] = Ends(0, 0)
    assert looking.look_for(10).silence.problem() == ""


def test_of_a_paused_partition_nothing_is_expected_and_later_it_has_its_time() -> None:
    looking = Looking(MAIN)
    looking.paused = [MAIN]
    assert looking.look_for(500).told == []
    looking.paused = []
    assert looking.look_for(29).told == []
    assert len(looking.look_for(1).told) == 1


def test_a_broker_that_does_not_say_where_a_partition_ends_makes_nobody_suspicious() -> None:
    looking = Looking(MAIN)
    looking.ends[MAIN] = None
    assert looking.look_for(500).told == []


def test_for_what_an_open_transaction_hides_nobody_leaves_the_group() -> None:
    looking = Looking(MAIN, hidden=3)
    looking.silence.heard(MAIN, 4, looking.now)
    assert looking.look_for(500).silence.problem().endswith("a transaction is open")
    assert looking.silence.stuck() == ""


def test_what_comes_of_a_partition_that_is_gone_makes_nobody_wait_for_more_of_it() -> None:
    looking = Looking(MAIN)
    looking.silence.heard(MAIN, 7, looking.now)
    looking.silence.heard(OTHER, 4, looking.now)
    looking.ends[OTHER] = Ends(9, 9)
    assert looking.look_for(500).told == []


def test_a_partition_that_comes_back_begins_anew() -> None:
    looking = Looking(MAIN).look_for(30)
    looking.silence.end([MAIN])
    looking.silence.begin([MAIN], looking.now)
    assert looking.silence.problem() == ""
    assert len(looking.look_for(29).told) == 1
