"""Python processes of ours without the cost of their imports, for the tests.

Each run of the tests keeps one process that has imported everything and does nothing: the zygote.
Asked for `python -m services.email`, it forks, and the copy becomes that process: in a session of
its own, with the streams, the environment and the folder that it is given. It is what people run
in all but its first half a second. Where there is no Linux, processes are started as ever.
"""
