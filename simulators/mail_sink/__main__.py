"""`python -m simulators.mail_sink`: accepts every mail, delivers none, shows all of them."""

from shared.database.engine import open_database
from shared.database.schema import create_schema, database_problem
from shared.observability import configure_logging
from shared.serving.server import Process, serve
from shared.settings import main
from simulators.mail_sink.mailbox import Mailbox
from simulators.mail_sink.schema import metadata
from simulators.mail_sink.settings import MailSinkSettings
from simulators.mail_sink.smtp import SmtpListener
from simulators.mail_sink.views import create_sink


def compose(settings: MailSinkSettings) -> Process:
    engine = open_database(settings.database_url)
    create_schema(engine, metadata)
    mailbox = Mailbox(engine)
    listener = SmtpListener(mailbox, settings.host, settings.smtp_port)
    app = create_sink(
        mailbox, lambda: listener.why_not_ready() or database_problem(engine, metadata)
    )
    return Process(app, listener)


def run(settings: MailSinkSettings) -> None:
    configure_logging("mail-sink", settings.log_level)
    serve(settings, lambda: compose(settings))


if __name__ == "__main__":
    main(MailSinkSettings, run)
