"""Part 9: figures that can be built again. Change `Analytics`."""


class Analytics:
    def __init__(self) -> None:
        self.total = 0

    def apply(self, event_id: str, amount: int) -> None:
        """Count an order of so many cents."""
        self.total += amount

    def revenue(self) -> int:
        return self.total


# What it has to do. Leave this as it is.

EVENTS = {"event-1": 4999, "event-2": 1000}


def read(analytics: Analytics, events: dict[str, int]) -> None:
    for event_id, amount in events.items():
        analytics.apply(event_id, amount)


def test_orders_add_up() -> None:
    analytics = Analytics()

    read(analytics, EVENTS)

    assert analytics.revenue() == 5999


def test_a_replay_does_not_change_the_figures() -> None:
    analytics = Analytics()

    read(analytics, EVENTS)
    read(analytics, EVENTS)

    assert analytics.revenue() == 5999


def test_a_replay_corrects_what_was_wrong() -> None:
    analytics = Analytics()

    # By code that took pounds for pence.
    read(analytics, {"event-1": 49, "event-2": 10})
    read(analytics, EVENTS)

    assert analytics.revenue() == 5999
