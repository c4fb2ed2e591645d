"""Who processes the orders of this shop."""

#: Who receives every order, unless the setting CONSUMERS says otherwise.
CONSUMERS = ("email", "sms", "inventory", "analytics")
#: Who may join them later, when somebody turns it on.
LATECOMERS = ("shipping",)
