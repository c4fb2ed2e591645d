"""The queues declared for the service email in these tests."""

from collections.abc import Mapping

from shared.transport import Depth

LADDER = (0.2, 0.5, 2.0)
NOTHING = Depth(ready=0, retrying=0, dead=0)
DEAD_LETTERING = {
    "x-queue-type": "quorum",
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}
QUEUES: Mapping[str, Mapping[str, str | int]] = {
    "email_service_queue": {
        **DEAD_LETTERING,
        "x-dead-letter-exchange": "dlx",
        "x-dead-letter-routing-key": "email_service_queue.dlq",
        "x-delivery-limit": 1_000_000,
    },
    "email_service_queue.retry.200ms": {
        **DEAD_LETTERING,
        "x-dead-letter-exchange": "retry",
        "x-dead-letter-routing-key": "email_service_queue",
        "x-message-ttl": 200,
    },
    "email_service_queue.retry.2s": {
        **DEAD_LETTERING,
        "x-dead-letter-exchange": "retry",
        "x-dead-letter-routing-key": "email_service_queue",
        "x-message-ttl": 2000,
    },
    "email_service_queue.dlq": {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000},
}
