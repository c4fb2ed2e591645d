"""The settings of the SMS gateway."""

from shared.settings import DatabaseUrl, Port, ServiceSettings


class SmsGatewaySettings(ServiceSettings):
    port: Port = 8026
    database_url: DatabaseUrl
