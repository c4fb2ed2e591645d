"""Writes docs/contracts/ from the code: OpenAPI, AsyncAPI, and the JSON Schema of the event."""
