"""The settings of the mail sink."""

from shared.settings import DatabaseUrl, Port, ServiceSettings


class MailSinkSettings(ServiceSettings):
    port: Port = 8025
    smtp_port: Port = 1025
    database_url: DatabaseUrl
