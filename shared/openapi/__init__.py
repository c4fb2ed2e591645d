"""The words in which OpenAPI documents are written: shapes, responses, and what structs say."""
