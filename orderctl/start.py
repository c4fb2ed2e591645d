"""The entry point of `orderctl` and `python -m orderctl`."""

import signal


def main() -> None:
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        # The imports take a second; until then, Ctrl-C should not print a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from orderctl.app import create_app
    from orderctl.program import run_program

    run_program(create_app(), "orderctl")
