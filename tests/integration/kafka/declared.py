"""What the tests of several partitions declare."""

SERVICES = ("email", "sms")
PARTITIONS = 6
