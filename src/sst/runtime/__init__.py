"""What ships into a function's bundle. Standard library only, Python 3.9 or newer."""
