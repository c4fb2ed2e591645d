"""`python -m services.dashboard`: the page for watching the pipeline."""

from services.dashboard.app import compose
from services.dashboard.hub import MOST_WATCHERS
from services.dashboard.settings import DashboardSettings
from shared.observability import configure_logging
from shared.serving.server import serve
from shared.settings import main

#: One thread per open page, and the rest for synchronous orders and other requests.
THREADS = MOST_WATCHERS + 24


def run(settings: DashboardSettings) -> None:
    configure_logging("dashboard", settings.log_level)
    serve(settings, lambda: compose(settings), threads=THREADS)


if __name__ == "__main__":
    main(DashboardSettings, run)
