"""The view that many articles show: open a connection, publish, close it, answer.

It publishes to the same exchange, persistent, with the same queues bound. As in the articles,
nothing tells whether the broker took the message.
"""

import os

import pika
from flask import Flask, Response, jsonify, request

from bench.orders import bare_properties
from services.order.settings import OrderSettings
from shared.events import ORDER_PLACED
from shared.serving.server import Process, serve
from shared.settings import main
from shared.transport.names import EVENTS_EXCHANGE


def create_app(broker_url: str) -> Flask:
    app = Flask(__name__)
    parameters = pika.URLParameters(broker_url)

    @app.post("/orders")
    def orders() -> tuple[Response, int]:
        order = request.get_json()
        total = sum(item["quantity"] * item["price"] for item in order["items"])
        connection = pika.BlockingConnection(parameters)
        connection.channel().basic_publish(
            EVENTS_EXCHANGE, ORDER_PLACED, request.get_data(), bare_properties()
        )
        connection.close()
        return jsonify(orderId="ord-1", status="accepted", totalAmount=total), 202

    return app


def run(settings: OrderSettings) -> None:
    serve(
        settings,
        lambda: Process(create_app(os.environ["BROKER_URL"])),
        workers=settings.workers,
        threads=settings.threads,
    )


if __name__ == "__main__":
    main(OrderSettings, run)
