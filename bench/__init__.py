"""Measures sst beside floors and peers in the same run, and prints ratios: ``make bench``.

    measure.py      runs a contender in a process of its own: wall, CPU, peak memory; the best of several
    null_server.py  a cloud that answers at once, or after a fixed latency, and does nothing
    contender.py    what is measured: the engine, plain boto3, raw signed HTTP
    wide.py         (a) many things at once      chain.py  (b) one after the other
    demo.py         (c) examples/uploads through the ``sst`` program
    scale.py        (d) 2,000 and 10,000 resources without a cloud
    start.py        (e) the command line
    terraform.py    finds Terraform and its AWS provider, and runs (a) with them
"""
