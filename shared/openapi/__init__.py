"""Building blocks of OpenAPI documents: schemas, responses, and schemas derived from structs."""
