"""The function's end of ``sst dev`` on AWS. Standard library only, Python 3.9; loaded only while a lease runs."""
