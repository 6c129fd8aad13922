#!/bin/sh
# Lambda starts this in place of its Python runtime, which can't send a response in parts: see client.py.
exec "$1" "$LAMBDA_TASK_ROOT/sst/runtime/client.py"
