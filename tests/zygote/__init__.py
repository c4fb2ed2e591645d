"""Starts our Python processes for tests without the cost of their imports.

Each test run has one idle process that has imported everything: the zygote. To start `python -m
services.email`, it forks, and the copy becomes that process, in a new session, with the requested
streams, environment and working directory. Only the first half second differs from a normal start.
On systems other than Linux, processes are started normally.
"""
