"""Authentication of operator endpoints."""

import pytest
from flask import Blueprint, Response
from flask.testing import FlaskClient
from pydantic import SecretStr

from shared.http.app import create_app, json_response
from shared.http.operator_auth import operators_only

TOKEN = "a-token-for-operators"


def guarded(token: str | None) -> FlaskClient:
    views = Blueprint("secrets", __name__)
    views.before_request(operators_only(SecretStr(token) if token else None))

    @views.get("/secrets")
    def secrets() -> Response:
        return json_response({"secret": True})

    app = create_app()
    app.register_blueprint(views)
    return app.test_client()


def status(client: FlaskClient, authorization: str | bytes | None) -> int:
    headers = {} if authorization is None else {"Authorization": authorization}
    return client.get("/secrets", headers=headers).status_code


@pytest.mark.parametrize("sent", [None, "Bearer ", "Bearer None", f"Bearer {TOKEN}"])
def test_without_a_token_the_endpoints_are_off(sent: str | None) -> None:
    assert status(guarded(None), sent) == 404


def test_disabled_endpoints_explain_how_to_enable_them() -> None:
    assert "OPERATOR_TOKEN" in guarded(None).get("/secrets").text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_right_token_is_accepted(scheme: str) -> None:
    """The name of an authentication scheme is case-insensitive: RFC 9110, section 11.1."""
    assert status(guarded(TOKEN), f"{scheme} {TOKEN}") == 200


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer another-token-altogether",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Bearer {TOKEN} {TOKEN}",
        f"Bearer token={TOKEN}",
        f"Basic {TOKEN}",
        TOKEN,
    ],
)
def test_anything_but_the_token_is_refused(sent: str | None) -> None:
    assert status(guarded(TOKEN), sent) == 401


def test_a_refusal_states_what_to_send() -> None:
    answer = guarded(TOKEN).get("/secrets")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "secret" not in (answer.json or {})


@pytest.mark.parametrize("guess", ["tökén-of-somebody", "\xff\xfe" * 9])
def test_a_non_ascii_token_is_refused_like_any_other(guess: str) -> None:
    assert status(guarded(TOKEN), f"Bearer {guess}") == 401


@pytest.mark.parametrize(
    "token", ["user=pipeline-1234", "c29tZSBzZWNyZXQ5OQ==", "a,b;c\"d'e%f&g/h"]
)
def test_every_valid_token_setting_can_be_used(token: str) -> None:
    assert status(guarded(token), f"Bearer {token}") == 200
