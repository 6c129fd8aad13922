import asyncio
import os
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, Cookie, FastAPI, File, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware

LOG = []


@asynccontextmanager
async def lifespan(app):
    if os.environ.get("BROKEN"):
        raise RuntimeError("no database at db:5432")
    LOG.append("up")
    yield {"pool": "open"}
    print('"down"')


app = FastAPI(lifespan=lifespan)
app.add_middleware(GZipMiddleware, minimum_size=2000)


async def mark(request, call_next):
    response = await call_next(request)
    response.headers["x-middleware"] = "seen"
    return response


app.add_middleware(BaseHTTPMiddleware, dispatch=mark)


@app.get("/items/{name:path}")
def item(name: str, request: Request, q: list[str] | None = None, session: str = Cookie("")):
    return {"name": name, "query": str(request.query_params), "session": session, "pool": request.state.pool,
            "url": str(request.url),
            "link": str(request.url_for("item", name="n")), "client": request.client.host,
            "event": request.scope["aws.event"].get("version")}


@app.post("/upload")
async def upload(file: UploadFile = File()):
    return {"name": file.filename, "size": len(await file.read())}


@app.get("/picture")
def picture():
    return Response(b"\x89PNG\r\n", media_type="image/png")


@app.get("/cookies")
def cookies(response: Response):
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", httponly=True)
    return {}


@app.get("/later")
def later(tasks: BackgroundTasks):
    tasks.add_task(LOG.append, "mail sent")
    return LOG[:]


@app.get("/fail")
def fail():
    raise ValueError("boom")


@app.get("/big")
def big():
    return "x" * 5000


@app.get("/events")
async def events():
    async def parts():
        for n in range(4):
            yield f"data: {n}\n\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(parts(), media_type="text/event-stream")
