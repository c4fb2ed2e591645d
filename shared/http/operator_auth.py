"""The guard of endpoints for operators: they require a token, and are off unless one is set."""

import hmac
from collections.abc import Callable

from flask import Response, request
from pydantic import SecretStr

from shared.http.app import problem

#: A check before a view: None passes the request on, a response replaces the view's.
Guard = Callable[[], Response | None]


def operators_only(token: SecretStr | None) -> Guard:
    """A guard for `before_request`: accepts requests with `Authorization: Bearer TOKEN`."""

    def guard() -> Response | None:
        if token is None:
            return problem(
                404,
                "This endpoint is off",
                "It is for operators, and no OPERATOR_TOKEN is set: start the service with one.",
            )
        return None if _sent(token) else _unauthorized()

    return guard


def _sent(token: SecretStr) -> bool:
    # Not `request.authorization`: it parses a token that contains "=" as a list of parameters.
    scheme, _, guess = request.headers.get("Authorization", "").partition(" ")
    # In constant time: the response time must not reveal how much of a guess is right.
    is_right = hmac.compare_digest(guess.strip().encode(), token.get_secret_value().encode())
    return scheme.lower() == "bearer" and is_right


def _unauthorized() -> Response:
    response = problem(
        401, "Operators only", "Send the header Authorization: Bearer TOKEN, with OPERATOR_TOKEN."
    )
    response.headers["WWW-Authenticate"] = 'Bearer realm="operators"'
    return response
