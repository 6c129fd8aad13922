"""Node functions in a session: bundled anew at each save, errors in the user's own TypeScript."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from .live import Dev, get

pytestmark = pytest.mark.slow

CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="live")

def run():
    secret = sst.Secret("Word", placeholder="hidden")
    one = aws.Function("One", handler="src/one.handler", url=True, link=[secret])
    two = aws.Function("Two", handler="src/two.handler", url=True)
    return {"one": one.url, "two": two.url}
'''
FILES = {"sst_config.py": CONFIG, "src/one.ts": 'import { text } from "./shared";\nexport const handler = async () => '
                                                'text as string;\n',
         "src/shared.ts": 'export const text: string = "first";\n',
         "src/two.ts": "export const handler = async () => process.pid;\n"}


@pytest.mark.long
def test_saves_errors_and_what_is_left_alone(start: Callable[..., Dev]) -> None:
    dev = start(FILES).ready()
    one, two = dev.url("one"), dev.url("two")
    assert get(one) == (200, "first")
    pid = get(two)[1]
    for n in range(5):
        dev.save("src/shared.ts", f'export const text: string = "n{n}";\n')
        assert get(one) == (200, f"n{n}")
    since = dev.here
    dev.save("src/shared.ts", "export const text: string = ;\n")
    dev.until("One can't start", since=since)
    dev.until('src/shared.ts:1:29: Unexpected ";"', since=since)
    assert get(one)[0] == 502
    dev.save("src/shared.ts", 'export const text: string = "healed";\n')
    dev.until("One recovered", since=since)
    assert get(one) == (200, "healed") and get(two)[1] == pid
    dev.save("src/one.ts", "type T = {\n  a: number;\n};\n\nexport const handler = async (): Promise<T> => {\n"
                           "  throw new RangeError('too far');\n};\n")
    assert get(one)[0] == 502
    dev.until("RangeError: too far", since=since)
    dev.until("src/one.ts:6", since=since)
    dev.save("src/one.ts", 'import fs from "node:fs";\nexport const handler = async () => '
                           'fs.existsSync(process.env.SST_KEY_FILE ?? "") '
                           '? "sealed links are there" : JSON.stringify(process.env);\n')
    assert get(one) == (200, "sealed links are there")
    dev.save("src/three.ts", 'export const handler = async () => "another file";\n')
    since = dev.here
    dev.save("sst_config.py", CONFIG.replace("src/two.handler", "src/three.handler"))
    dev.until("live/local: ", since=since)
    dev.until(lambda: get(two) == (200, "another file"))
