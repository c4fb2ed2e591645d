"""A Flask view that parses the order and answers. Nothing is checked, and nothing is kept.

It runs under gunicorn with the order service's own settings.
"""

from flask import Flask, Response, jsonify, request

from services.order.settings import OrderSettings
from shared.serving.server import Process, serve
from shared.settings import main


def create_app() -> Flask:
    app = Flask(__name__)

    @app.post("/orders")
    def orders() -> tuple[Response, int]:
        order = request.get_json()
        total = sum(item["quantity"] * item["price"] for item in order["items"])
        return jsonify(orderId="ord-1", status="accepted", totalAmount=total), 202

    return app


def run(settings: OrderSettings) -> None:
    serve(
        settings, lambda: Process(create_app()), workers=settings.workers, threads=settings.threads
    )


if __name__ == "__main__":
    main(OrderSettings, run)
