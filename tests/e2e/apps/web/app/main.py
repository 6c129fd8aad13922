"""A web app without a framework: ASGI as it is."""
import asyncio
import json

started = 0


async def app(scope, receive, send):
    global started
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            started += message["type"] == "lifespan.startup"
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"].endswith("/slow"):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        for part in (b"first ", b"second"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.sleep(1)
        await send({"type": "http.response.body", "body": b""})
        return
    cookies = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    body = json.dumps({"path": scope["path"], "query": scope["query_string"].decode(), "started": started,
                       "cookie": dict(scope["headers"]).get(b"cookie", b"").decode()}).encode()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"application/json"), *cookies]})
    await send({"type": "http.response.body", "body": body})
