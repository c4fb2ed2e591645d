"""What a command says when it cannot do what was asked, and the status it then ends with."""

from shared.errors import PipelineError


class CommandError(PipelineError):
    """The command cannot go on; the message says what to do next."""

    status = 1


class UsageError(CommandError):
    """The arguments do not fit together."""

    status = 2


class EvidenceUnreadable(CommandError):
    """Something that the audit has to see does not show itself; `reasons` has a line for each."""

    status = 3

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


class StackError(CommandError):
    """A part of the system did not start, or did not get ready."""
