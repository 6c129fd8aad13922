"""Serves events with an app: ``run.py MODULE:APP [stream]``; one event a line in, one answer a line out."""
import importlib
import json
import sys
import time

from sst.errors import UserError
from sst.runtime.stream import Streamed
from sst.runtime.web import handler

module, _, attribute = sys.argv[1].partition(":")
try:
    serve = handler(getattr(importlib.import_module(module), attribute), streaming="stream" in sys.argv)
except UserError as e:
    sys.exit(f"init: {e.message}")
for line in sys.stdin:
    answer = serve(json.loads(line), None)
    if isinstance(answer, Streamed):
        began = time.monotonic()
        parts = [(part.decode(), round(time.monotonic() - began, 3)) for part in answer]
        answer = {**answer.prelude, "parts": parts}
    print(json.dumps(answer), flush=True)
serve.close()
