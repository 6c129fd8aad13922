"""The cloud on this machine: an AWS emulator in a process of its own, patched until it tells the truth.

    cloud.py        start, find, stop and reset it (what the CLI uses; standard library only)
    environment.py  the private environment the emulator runs in
    boot.py         the first lines of that process
    launcher.py     the process: settings, patches, server, shutdown
    gate.py         who may talk to the AWS port
    checkpoint.py   an answered call is on disk
    functions.py    the emulator's functions run in our own executor
    front_door.py   one plain loopback URL for each public thing
    patches/        one file a topic, each checks first that what it patches is there
"""
