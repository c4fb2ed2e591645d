"""What the SMS gateway takes from the environment."""

from shared.settings import DatabaseUrl, Port, ServiceSettings


class SmsGatewaySettings(ServiceSettings):
    port: Port = 8026
    database_url: DatabaseUrl
