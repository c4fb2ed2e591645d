"""The names of the services that process orders."""

#: The consumers of every order, unless the setting CONSUMERS names others.
CONSUMERS = ("email", "sms", "inventory", "analytics")
#: Optional consumers that may join later.
LATECOMERS = ("shipping",)
