"""What the operating system gives: locks, private files, processes, memory, clocks.

Calls that differ between Linux and macOS stand here, one subject a module, with what replaces them on macOS beside
them. Standard library only. ``docs/platforms.md`` says what the differences mean to users.
"""
