"""Sync against async: the same orders placed both ways, in good times and in bad ones."""
