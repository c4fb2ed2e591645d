"""What the mail sink takes from the environment."""

from shared.settings import DatabaseUrl, Port, ServiceSettings


class MailSinkSettings(ServiceSettings):
    port: Port = 8025
    smtp_port: Port = 1025
    database_url: DatabaseUrl
