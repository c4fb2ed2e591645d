"""Compares synchronous and asynchronous orders, under normal conditions and under faults."""
