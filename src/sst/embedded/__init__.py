"""The cloud on this machine: an AWS emulator in a process of its own, corrected where it differs from AWS.

    cloud.py        start, find, stop and reset it (what the commands use; standard library only)
    environment.py  the private environment the emulator runs in
    boot.py         the first lines of that process
    launcher.py     the process: settings, patches, server, shutdown
    control.py      what the commands ask it
    emulator.py     the facade: the only file, beside patches/, that knows the emulator's names
    patches/        corrections, one file a topic; each says when it can go, and what of the emulator it needs
    gate.py         who may talk to the AWS port
    checkpoint.py   an answered call is on disk
    functions.py    the emulator's functions run in our own executor
    front_door.py   one plain loopback URL for each public thing
    doors/          the kinds of public things
    services/       processes beside the emulator (databases, caches, containers)
"""
