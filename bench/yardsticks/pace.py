"""`python -m bench.yardsticks.pace URL RATE SECONDS`: publishes at a fixed rate."""

import sys
import time

import pika

from bench.orders import body
from shared.events import ORDER_PLACED
from shared.transport.names import EVENTS_EXCHANGE


def main(url: str, rate: float, seconds: float) -> None:
    content = body("ord-0123456789abcdef0123456789abcdef")
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        began = time.time()
        for number in range(round(rate * seconds)):
            time.sleep(max(0.0, began + number / rate - time.time()))
            properties = pika.BasicProperties(
                delivery_mode=pika.DeliveryMode.Persistent.value,
                headers={"sent": str(time.time())},
            )
            channel.basic_publish(EVENTS_EXCHANGE, ORDER_PLACED, content, properties)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
