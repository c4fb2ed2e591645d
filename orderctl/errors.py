"""Errors that end a command, each with its exit status."""

from shared.errors import PipelineError


class CommandError(PipelineError):
    """The command cannot continue; the message tells the user what to do next."""

    status = 1


class UsageError(CommandError):
    """The arguments are invalid or do not fit together."""

    status = 2


class EvidenceUnreadable(CommandError):
    """The audit cannot read some of its evidence; `reasons` has one line for each source."""

    status = 3

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


class StackError(CommandError):
    """A part of the system did not start or did not become ready."""
