"""Services and partitions declared by the tests with several partitions."""

SERVICES = ("email", "sms")
PARTITIONS = 6
