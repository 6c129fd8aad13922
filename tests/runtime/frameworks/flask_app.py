import time

from flask import Flask, Response, jsonify, request, url_for

app = Flask(__name__)


@app.get("/items/<path:name>")
def item(name):
    return jsonify(name=name, query=request.query_string.decode(), session=request.cookies.get("session"),
                   url=request.url,
                   link=url_for("item", name="n", _external=True), client=request.remote_addr,
                   event=request.environ["aws.event"].get("version"))


@app.post("/upload")
def upload():
    file = request.files["file"]
    return jsonify(name=file.filename, size=len(file.read()))


@app.get("/picture")
def picture():
    return Response(b"\x89PNG\r\n", mimetype="image/png")


@app.get("/cookies")
def cookies():
    response = jsonify()
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", httponly=True)
    return response


@app.get("/fail")
def fail():
    raise ValueError("boom")


@app.get("/events")
def events():
    def parts():
        for n in range(4):
            yield f"data: {n}\n\n"
            time.sleep(0.1)

    return Response(parts(), mimetype="text/event-stream")
